/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files to a policy: versions, defaults, the rules of all files in one list. All or nothing. */

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/index.h"
#include "policy/policy-files.h"
#include "policy/rule.h"
#include "policy/suggest.h"

#define LANGUAGE_VERSION 1u

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	rule_index_free(policy->index);
	for (size_t i = 0; i < policy->n_zones; i++)
		zone_free(policy->zones[i]);
	free(policy->zones);
	free(policy->rules);
	free(policy->files);
	pool_done(&policy->pool);
	free(policy);
	return NULL;
}

DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

struct loader {
	const struct catalogue *catalogue;
	const struct command **commands; /* all of it, by full name */
	size_t n_commands;
	struct accounts *accounts;
	struct problems *problems;
	struct intern intern;
	struct policy *policy;
	size_t capacity; /* of policy->rules */
	struct sha256_ctx digest;
	size_t errors_before;
	int error; /* the first file that could not be read at all: its errno, negative; or 0 */
};

static void loader_done(struct loader *loader)
{
	free(loader->commands);
	intern_done(&loader->intern);
	policy_free(loader->policy);
}

static int compare_full_names(const void *a, const void *b)
{
	return strcmp((*(const struct command *const *)a)->full_name,
		      (*(const struct command *const *)b)->full_name);
}

static int sort_commands(struct loader *loader)
{
	const struct catalogue *catalogue = loader->catalogue;
	size_t n = 0;

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		n += catalogue->dialects[i].n_commands;
	loader->commands = calloc(n + 1, sizeof(*loader->commands));
	if (!loader->commands)
		return -ENOMEM;
	for (size_t i = 0; i < catalogue->n_dialects; i++)
		for (size_t j = 0; j < catalogue->dialects[i].n_commands; j++)
			loader->commands[loader->n_commands++] =
				&catalogue->dialects[i].commands[j];
	qsort(loader->commands, n, sizeof(*loader->commands), compare_full_names);
	return 0;
}

static int loader_init(struct loader *loader, const struct catalogue *catalogue,
		       struct accounts *accounts, struct problems *problems)
{
	*loader = (struct loader){
		.catalogue = catalogue,
		.accounts = accounts,
		.problems = problems,
		.errors_before = problems->n_errors,
		.policy = calloc(1, sizeof(*loader->policy)), /* zero: every default denies */
	};
	sha256_init(&loader->digest);
	if (!loader->policy)
		return -ENOMEM;
	loader->policy->catalogue = catalogue;
	return sort_commands(loader);
}

static int read_default(struct loader *loader, const struct rule_reader *reader,
			const struct yaml_item *item)
{
	struct suggestion suggestion = {.wrong = item->key->scalar};
	int class = effect_class_from_string(item->key->scalar);
	int effect = effect_from_string(item->key->scalar);
	struct pool *pool = &loader->policy->pool;
	char at[PATH_MAX + 16];
	enum verdict *verdict;
	const char **where;

	if (class >= 0) {
		verdict = &loader->policy->class_defaults[class];
		where = &loader->policy->defaults_at[policy_default_at_class(class)];
	} else if (effect >= 0 && EFFECT_BIT(effect) & EFFECT_HAZARDS) {
		verdict = &loader->policy->hazard_defaults[effect];
		where = &loader->policy->defaults_at[policy_default_at_hazard(effect)];
	} else {
		for (int c = CLASS_READ_ONLY; c < _CLASS_MAX; c++)
			suggestion_try(&suggestion, effect_class_to_string(c));
		for (int e = 0; e < _EFFECT_MAX; e++)
			if (EFFECT_BIT(e) & EFFECT_HAZARDS)
				suggestion_try(&suggestion, effect_to_string(e));
		yaml_problem(reader->file, item->key, false, reader->problems,
			     "\"%s\" has no default; expected a class (read-only, config-change, "
			     "destructive) or a hazard (confidential, persistent, taints-kernel, "
			     "broadcast).%s",
			     item->key->scalar, suggestion_text(&suggestion));
		return 0;
	}
	/* The default of a later file replaces that of an earlier one, and so does its place. */
	if (verdict_read(reader, item->value, verdict) < 0)
		return 0;
	snprintf(at, sizeof(at), "%s:%u", reader->path, item->key->line);
	*where = pool_strdup(pool, at);
	return *where ? 0 : -ENOMEM;
}

static int read_defaults(struct loader *loader, const struct rule_reader *reader,
			 const struct yaml_node *map)
{
	if (map->kind != YAML_MAP) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "`defaults` is a map, like {read-only: allow, destructive: deny}.");
		return 0;
	}
	for (size_t i = 0; i < map->n_items; i++) {
		int r = read_default(loader, reader, &map->items[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_unique(struct loader *loader, const struct rule_reader *reader,
			struct yaml_node *id, const struct rule *rule)
{
	const struct rule *other;
	struct interned *entry;

	intern_key_bytes(&loader->intern, rule->id, strlen(rule->id));
	entry = intern_find(&loader->intern, INTERN_ID);
	if (!entry)
		return -ENOMEM;
	if (!entry->value) {
		/* The rules still move in memory: which of them, counted from 1. */
		entry->value = (void *)loader->policy->n_rules;
		return 0;
	}
	other = &loader->policy->rules[(size_t)entry->value - 1];
	yaml_problem(reader->file, id, false, reader->problems,
		     "The id \"%s\" is taken by the rule at %s:%u; ids are unique over all files. "
		     "Rename one.",
		     rule->id, other->file, other->line);
	return 0;
}

static int add_rule(struct loader *loader, const struct rule_reader *reader, struct yaml_node *map)
{
	struct policy *policy = loader->policy;
	struct rule *rule;
	int r;

	if (policy->n_rules >= loader->capacity) {
		size_t grown = loader->capacity ? loader->capacity * 2 : 16;
		struct rule *rules = reallocarray(policy->rules, grown, sizeof(*rules));

		if (!rules)
			return -ENOMEM;
		policy->rules = rules;
		loader->capacity = grown;
	}
	rule = &policy->rules[policy->n_rules];
	r = rule_read(reader, map, rule);
	if (r < 0)
		return r;
	policy->n_rules++;
	return rule->id ? check_unique(loader, reader, yaml_get(map, "id"), rule) : 0;
}

static int read_rules(struct loader *loader, const struct rule_reader *reader,
		      const struct yaml_node *list)
{
	if (list->kind != YAML_LIST) {
		yaml_problem(reader->file, list, false, reader->problems,
			     "`rules` is a list: each rule begins with \"- id: \". If there are "
			     "none, leave the key out.");
		return 0;
	}
	if (list->n_items > RULES_MAX - loader->policy->n_rules) {
		yaml_problem(reader->file, list, false, reader->problems,
			     "With these the policy has more than %u rules.", RULES_MAX);
		return 0;
	}
	for (size_t i = 0; i < list->n_items; i++) {
		int r = add_rule(loader, reader, list->items[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_root(struct loader *loader, const struct rule_reader *reader,
		     struct yaml_node *root)
{
	static const char *const known[] = {"version", "defaults", "rules", NULL};
	const struct yaml_node *node;
	uint64_t version;
	int r;

	if (root->kind != YAML_MAP) {
		yaml_problem(reader->file, root, false, reader->problems,
			     "A policy file is a map, and begins with \"version: 1\".");
		return 0;
	}
	node = yaml_get(root, "version");
	if (!node) {
		yaml_problem(reader->file, root, false, reader->problems,
			     "The file does not say which version of the policy language it is "
			     "written in: add \"version: 1\".");
	} else {
		if (yaml_read_uint(reader->file, node, "the version of the policy language",
				   UINT64_MAX, reader->problems, &version) < 0)
			return 0;
		/* In another language the same words can mean other things: nothing more to say. */
		if (version != LANGUAGE_VERSION) {
			yaml_problem(reader->file, node, false, reader->problems,
				     "This fwctld knows version %u of the policy language, and no "
				     "other: write \"version: %u\".",
				     LANGUAGE_VERSION, LANGUAGE_VERSION);
			return 0;
		}
	}
	node = yaml_get(root, "defaults");
	if (node) {
		r = read_defaults(loader, reader, node);
		if (r < 0)
			return r;
	}
	node = yaml_get(root, "rules");
	if (node) {
		r = read_rules(loader, reader, node);
		if (r < 0)
			return r;
	}
	(void)yaml_refuse_unused(reader->file, root, known, reader->problems);
	return 0;
}

/*
 * Base name, NUL, digest of the content: no two lists of files give the same bytes, and a policy
 * has one digest wherever it is tried out.
 */
static void digest_file(struct loader *loader, const struct yaml_file *file)
{
	const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;
	uint8_t content[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, file->length, (const uint8_t *)file->text);
	sha256_digest(&context, sizeof(content), content);
	sha256_update(&loader->digest, strlen(name) + 1, (const uint8_t *)name);
	sha256_update(&loader->digest, sizeof(content), content);
}

/* first_problem: where those of this file begin. */
static int add_file(struct loader *loader, const struct yaml_file *file, size_t first_problem)
{
	struct policy *policy = loader->policy;
	struct rule_reader reader = {
		.file = file,
		.catalogue = loader->catalogue,
		.commands = loader->commands,
		.n_commands = loader->n_commands,
		.accounts = loader->accounts,
		.problems = loader->problems,
		.intern = &loader->intern,
		.policy = policy,
	};
	const char **files;
	int r;

	digest_file(loader, file);
	files = reallocarray(policy->files, policy->n_files + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	policy->files = files;
	reader.path = files[policy->n_files] = pool_strdup(&policy->pool, file->path);
	if (!reader.path)
		return -ENOMEM;
	policy->n_files++;
	r = file->root ? read_root(loader, &reader, file->root) : 0;
	/* Rules are not read from top to bottom, but their writer does so. */
	problems_sort(loader->problems, first_problem);
	return r;
}

/* Every problem of every file is said, so a file that is wrong or can't be read does not end it. */
static int load_file(struct loader *loader, const char *path, bool trusted)
{
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	size_t first_problem = loader->problems->n;
	int r;

	r = yaml_file_load(path, trusted, loader->problems, &file);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		if (r != -EBADMSG && loader->error == 0)
			loader->error = r;
		return 0;
	}
	return add_file(loader, file, first_problem);
}

static void check_shadows(struct loader *loader)
{
	const struct policy *policy = loader->policy;

	for (size_t i = 1; i < policy->n_rules; i++) {
		const struct rule *later = &policy->rules[i];
		const struct rule *earlier = rule_index_shadow(policy->index, later);

		if (earlier)
			problems_add(
				loader->problems, false, later->file, later->line, later->column,
				"The rule \"%s\" can never match: \"%s\" (%s:%u) comes first and "
				"matches all that it matches. Put the narrower one first, or take "
				"one out.",
				later->id, earlier->id, earlier->file, earlier->line);
	}
}

static int loader_finish(struct loader *loader, struct policy **ret)
{
	if (loader->error < 0)
		return loader->error;
	/* With a rule missing or half read, what is said of their order would mislead. */
	if (loader->problems->n_errors == loader->errors_before) {
		struct policy *policy = loader->policy;
		int r = rule_index_new(policy->catalogue, policy->rules, policy->n_rules,
				       &policy->index);

		if (r < 0)
			return r;
		check_shadows(loader);
	}
	if (loader->problems->n_errors > loader->errors_before)
		return -EBADMSG;
	sha256_digest(&loader->digest, sizeof(loader->policy->digest), loader->policy->digest);
	*ret = TAKE_PTR(loader->policy);
	return 0;
}

int policy_load(const char *const *folders, bool trusted, const struct catalogue *catalogue,
		struct accounts *accounts, struct problems *problems, struct policy **ret)
{
	_cleanup_(loader_done) struct loader loader = {};
	_cleanup_(policy_files_done) struct policy_files files = {};
	int r;

	r = loader_init(&loader, catalogue, accounts, problems);
	if (r < 0)
		return r;
	r = policy_files_find(folders, trusted, problems, &files);
	if (r < 0)
		return r;
	if (files.n == 0)
		problems_add(problems, true, folders[0] ?: "", 0, 0,
			     "No folder holds a policy file (*.yaml), so everything is denied.");
	for (size_t i = 0; i < files.n; i++) {
		r = load_file(&loader, files.items[i].path, trusted);
		if (r < 0)
			return r;
	}
	return loader_finish(&loader, ret);
}

int policy_load_files(const char *const *paths, bool trusted, const struct catalogue *catalogue,
		      struct accounts *accounts, struct problems *problems, struct policy **ret)
{
	_cleanup_(loader_done) struct loader loader = {};
	int r;

	r = loader_init(&loader, catalogue, accounts, problems);
	if (r < 0)
		return r;
	for (; *paths; paths++) {
		r = load_file(&loader, *paths, trusted);
		if (r < 0)
			return r;
	}
	return loader_finish(&loader, ret);
}

int policy_load_text(const char *name, const char *text, size_t length,
		     const struct catalogue *catalogue, struct accounts *accounts,
		     struct problems *problems, struct policy **ret)
{
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	_cleanup_(loader_done) struct loader loader = {};
	size_t first_problem = problems->n;
	int r;

	r = loader_init(&loader, catalogue, accounts, problems);
	if (r < 0)
		return r;
	r = yaml_text_load(name, text, length, problems, &file);
	if (r < 0)
		return r;
	r = add_file(&loader, file, first_problem);
	if (r < 0)
		return r;
	return loader_finish(&loader, ret);
}
