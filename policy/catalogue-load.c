/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders of files to one catalogue: the dialects, what later files add to them, the digest. */

#include "policy/catalogue-load.h"

#include <dirent.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/suggest.h"

#define CAPABILITY_BIT_MAX 31u /* of a word of 32 bits */

DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

/* `opcode:` and `status:`: a word of at most 4 bytes, whole. `more`: another key that is known, or
 * NULL. */
static bool word_read(const struct loader *loader, struct yaml_node *map, struct field_part *ret,
		      const char *more)
{
	struct field_part part;

	if (!loader_kind(loader, map, YAML_MAP, "a word, like {at: 0, size: 1},"))
		return false;
	(void)yaml_get(map, "at");
	(void)yaml_get(map, "size");
	(void)yaml_get(map, "order");
	if (more)
		(void)yaml_get(map, more);
	loader_known(loader, map, (const char *const[]){"at", "size", "order", more, NULL});
	if (!part_read(loader, map, 8, &part))
		return false;
	if (part.size > 4) {
		loader_error(loader, map, "An opcode or a status has at most 4 bytes.");
		return false;
	}
	*ret = part;
	return true;
}

/* The device's status, and which of them are the driver's. */
static void status_read(const struct loader *loader, struct yaml_node *map)
{
	struct dialect *dialect = loader->dialect;
	struct yaml_node *unknown;

	if (!loader_kind(loader, map, YAML_MAP, "a word, like {at: 0, size: 1},"))
		return;
	unknown = yaml_get(map, "unknown");
	if (!word_read(loader, map, &dialect->status, "unknown") || !unknown)
		return;
	if (!loader_kind(loader, unknown, YAML_SCALAR, "a range of statuses, like 0xff01-0xfffd,"))
		return;
	if (!parse_range(unknown->scalar, &dialect->status_unknown) ||
	    dialect->status_unknown.first == 0 ||
	    dialect->status_unknown.first > dialect->status_unknown.last)
		loader_error(loader, unknown,
			     "\"%s\" is no range of statuses: expected two numbers with a dash, "
			     "the lower one first, like 0xff01-0xfffd. Status 0 always means done.",
			     unknown->scalar);
}

static const char *const dialect_keys[] = {
	"dialect", "summary",  "envelope", "byte-order", "opcode", "size",
	"places",  "header",   "status",   "statuses",	 "limits", "kernel-capabilities",
	"layouts", "segments", "echoes",   "commands",	 NULL,
};

/* A file of the first folder. */
static int dialect_read(struct loader *loader, struct yaml_node *root, struct source *source)
{
	struct dialect *dialect = loader->dialect;
	struct yaml_node *node, *opcode, *envelope;
	uint64_t value;
	int r;

	node = loader_require(loader, root, "summary");
	if (node) {
		r = loader_string(loader, node, "a summary", &dialect->summary);
		if (r < 0)
			return r;
	}
	node = loader_require(loader, root, "byte-order");
	if (node)
		(void)loader_order(loader, node, &source->order);
	node = yaml_get(root, "size");
	if (node && yaml_read_uint(loader->file, node, "a size in bytes", MESSAGE_HEAD_MAX,
				   loader->problems, &value) == 0)
		source->message_size = (uint32_t)value;
	node = yaml_get(root, "places");
	if (node) {
		r = places_read(loader, node, source);
		if (r < 0)
			return r;
	}
	node = yaml_get(root, "status");
	if (node)
		status_read(loader, node);
	node = yaml_get(root, "statuses");
	if (node) {
		r = names_read(loader, node, UINT32_MAX, &dialect->statuses, &dialect->n_statuses);
		if (r < 0)
			return r;
	}
	node = yaml_get(root, "layouts");
	if (node) {
		r = layouts_read(loader, node);
		if (r < 0)
			return r;
	}
	node = yaml_get(root, "limits");
	if (node)
		limits_read(loader, node);
	node = yaml_get(root, "kernel-capabilities");
	if (node) {
		r = names_read(loader, node, CAPABILITY_BIT_MAX, &dialect->kernel_capabilities,
			       &dialect->n_kernel_capabilities);
		if (r < 0)
			return r;
	}
	node = yaml_get(root, "echoes");
	if (node)
		(void)yaml_read_bool(loader->file, node, "\"echoes\"", loader->problems,
				     &dialect->echoes);
	source->segments = yaml_get(root, "segments");
	envelope = loader_require(loader, root, "envelope");
	opcode = loader_require(loader, root, "opcode");
	source->header = yaml_get(root, "header");
	node = loader_require(loader, root, "commands");
	loader_known(loader, root, dialect_keys);
	/* Nothing can be said about commands without these two. */
	if (!node || !envelope || !envelope_read(loader, envelope, &source->envelope) || !opcode ||
	    !word_read(loader, opcode, &dialect->opcode, "bits"))
		return 0;
	if (source->header) {
		r = header_check(loader, source);
		if (r < 0)
			return r;
	}
	return commands_read(loader, node);
}

/* A file of a later folder: more commands, and what makes existing ones worse. */
static int extension_read(const struct loader *loader, struct yaml_node *root)
{
	struct yaml_node *commands = yaml_get(root, "commands"), *worsen = yaml_get(root, "worsen");
	int r;

	loader_known(loader, root, (const char *const[]){"dialect", "commands", "worsen", NULL});
	if (commands) {
		r = commands_read(loader, commands);
		if (r < 0)
			return r;
	}
	return worsen ? worsen_read(loader, worsen) : 0;
}

static int compare_commands(const void *a, const void *b)
{
	const struct command *x = a, *y = b;

	return (x->opcode > y->opcode) - (x->opcode < y->opcode) ?: strcmp(x->name, y->name);
}

/* What is being made of the files: dialects of the catalogue, and beside each its source. */
struct loading {
	struct catalogue *catalogue;
	struct source *sources;
	size_t n_sources;
	const char *first_folder; /* which defines the dialects */
	struct problems *problems;
	struct sha256_ctx digest;
};

static void loading_done(struct loading *loading)
{
	for (size_t i = 0; i < loading->n_sources; i++) {
		yaml_file_free(loading->sources[i].file);
		free(loading->sources[i].places);
	}
	free(loading->sources);
	catalogue_free(loading->catalogue);
}

/* Room for the dialects of the first folder: commands point to theirs, so none may move later. */
static int loading_start(struct loading *loading, size_t n_files)
{
	sha256_init(&loading->digest);
	loading->catalogue = calloc(1, sizeof(*loading->catalogue));
	if (!loading->catalogue)
		return -ENOMEM;
	loading->catalogue->dialects = calloc(n_files + 1, sizeof(struct dialect));
	loading->sources = calloc(n_files + 1, sizeof(struct source));
	return loading->catalogue->dialects && loading->sources ? 0 : -ENOMEM;
}

static int dialect_add(struct loading *loading, struct loader *loader, struct yaml_file *file,
		       const char *name)
{
	struct dialect *dialect = &loading->catalogue->dialects[loading->catalogue->n_dialects++];
	struct source *source = &loading->sources[loading->n_sources++];

	source->file = file;
	dialect->name = strdup(name);
	if (!dialect->name)
		return -ENOMEM;
	loader->dialect = dialect;
	loader->source = source;
	return dialect_read(loader, file->root, source);
}

static void no_such_dialect(const struct loader *loader, const struct loading *loading,
			    const char *name)
{
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (size_t i = 0; i < loading->catalogue->n_dialects; i++)
		name_list_add(&list, loading->catalogue->dialects[i].name);
	loader_error(loader, loader->file->root,
		     "There is no dialect \"%s\" in %s, and a file here can only add to one: "
		     "expected a file named after %s.",
		     name, loading->first_folder, list.length > 0 ? names : "one");
}

/* `name`: of the file, and of its dialect. Takes the file over, whatever it returns. */
static int file_add(struct loading *loading, struct yaml_file *taken, const char *name, bool first)
{
	_cleanup_(yaml_file_freep) struct yaml_file *file = taken;
	struct catalogue *catalogue = loading->catalogue;
	struct loader loader = {.problems = loading->problems, .file = file};
	_cleanup_free_ char *dialect_name = NULL;
	struct yaml_node *node;
	int r;

	/* Names count too, and the NULs (no file holds one) keep the files apart. */
	sha256_update(&loading->digest, strlen(name) + 1, (const uint8_t *)name);
	sha256_update(&loading->digest, file->length + 1, (const uint8_t *)file->text);

	if (!file->root) {
		problems_add(loading->problems, false, file->path, 0, 0,
			     "The file is empty; expected at least \"dialect\".");
		return 0;
	}
	if (!loader_kind(&loader, file->root, YAML_MAP, "a map that starts with \"dialect\""))
		return 0;
	node = loader_require(&loader, file->root, "dialect");
	if (!node)
		return 0;
	r = loader_name(&loader, node, &dialect_name);
	if (r < 0 || !dialect_name)
		return r;
	if (strcmp(dialect_name, name) != 0) {
		loader_error(&loader, node,
			     "Expected \"%s\": the dialect and the file have one name.", name);
		return 0;
	}
	if (first)
		return dialect_add(loading, &loader, TAKE_PTR(file), name);

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		if (strcmp(catalogue->dialects[i].name, name) == 0) {
			loader.dialect = &catalogue->dialects[i];
			loader.source = &loading->sources[i];
		}
	if (!loader.source) {
		no_such_dialect(&loader, loading, name);
		return 0;
	}
	/* A dialect whose own file is wrong has no opcode to read commands by. */
	return loader.dialect->opcode.size > 0 ? extension_read(&loader, file->root) : 0;
}

static int is_catalogue_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort(): that goes by locale */
}

/* Whoever can write the folder can take a file away that makes commands worse. */
static int check_trusted(const char *folder, struct problems *problems)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return -errno;
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	problems_add(problems, false, folder, 0, 0,
		     "The folder must belong to root and be writable by nobody else; it belongs to "
		     "user %u and has mode %04o.",
		     st.st_uid, st.st_mode & 07777u);
	return -EPERM;
}

/* The worst of two results: no memory, then a file that can't be read, then a wrong one. */
static int worse(int a, int b)
{
	if (a == -ENOMEM || b == 0)
		return a;
	if (b == -ENOMEM || a == 0 || a == -EBADMSG)
		return b;
	return a;
}

static int entries_read(struct loading *loading, const char *folder, struct dirent **entries,
			size_t n, bool first, bool trusted)
{
	int r = 0;

	for (size_t i = 0; i < n && r != -ENOMEM; i++) {
		_cleanup_free_ char *path = NULL, *name = NULL;
		struct yaml_file *file;
		int k;

		name = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - strlen(".yaml"));
		if (!name)
			return -ENOMEM;
		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
			path = NULL; /* asprintf() leaves it undefined */
			return -ENOMEM;
		}
		k = yaml_file_load(path, trusted, loading->problems, &file);
		if (k == 0)
			k = file_add(loading, file, name, first);
		r = worse(r, k);
	}
	return r;
}

static int folder_read(struct loading *loading, const char *folder, bool first, bool trusted)
{
	struct dirent **entries = NULL;
	int n, r = 0;

	n = scandir(folder, &entries, is_catalogue_file, by_name);
	if (n < 0 && errno == ENOENT && !first)
		return 0;
	if (n < 0) {
		r = -errno;
		problems_add(loading->problems, false, folder, 0, 0,
			     "The folder can't be read: %s.", strerror(-r));
		return r;
	}
	if (first)
		r = loading_start(loading, (size_t)n);
	if (first && n == 0)
		problems_add(loading->problems, false, folder, 0, 0,
			     "The folder holds no file DIALECT.yaml; is it the right one?");
	if (r == 0 && trusted)
		r = check_trusted(folder, loading->problems);
	if (r == 0)
		r = entries_read(loading, folder, entries, (size_t)n, first, trusted);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return r;
}

static void loading_finish(struct loading *loading, struct catalogue **ret)
{
	struct catalogue *catalogue = loading->catalogue;

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		if (catalogue->dialects[i].n_commands > 0)
			qsort(catalogue->dialects[i].commands, catalogue->dialects[i].n_commands,
			      sizeof(struct command), compare_commands);
	sha256_digest(&loading->digest, sizeof(catalogue->digest), catalogue->digest);
	*ret = TAKE_PTR(loading->catalogue);
}

int catalogue_load(const char *const *folders, bool trusted, struct problems *problems,
		   struct catalogue **ret)
{
	_cleanup_(loading_done) struct loading loading = {
		.problems = problems,
		.first_folder = folders[0],
	};
	size_t errors_before = problems->n_errors;
	int r = 0;

	for (size_t i = 0; folders[i] && r != -ENOMEM; i++) {
		r = worse(r, folder_read(&loading, folders[i], i == 0, trusted));
		if (!loading.catalogue) /* the first folder: nothing to add to */
			return r;
	}
	if (r < 0 || !loading.catalogue)
		return r ?: -EINVAL;
	if (problems->n_errors > errors_before)
		return -EBADMSG;
	loading_finish(&loading, ret);
	return 0;
}

int catalogue_load_text(const char *name, const char *text, size_t length, const char *later,
			size_t later_length, struct problems *problems, struct catalogue **ret)
{
	_cleanup_(loading_done) struct loading loading = {
		.problems = problems,
		.first_folder = "first.yaml",
	};
	size_t errors_before = problems->n_errors;
	struct yaml_file *file;
	int r;

	r = loading_start(&loading, 1);
	if (r == 0)
		r = yaml_text_load("first.yaml", text, length, problems, &file);
	if (r == 0)
		r = file_add(&loading, file, name, true);
	if (r == 0 && later)
		r = yaml_text_load("later.yaml", later, later_length, problems, &file);
	if (r == 0 && later)
		r = file_add(&loading, file, name, false);
	if (r < 0)
		return r;
	if (problems->n_errors > errors_before)
		return -EBADMSG;
	loading_finish(&loading, ret);
	return 0;
}
