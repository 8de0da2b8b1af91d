/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "include/cleanup.h"

DEFINE_CLEANUP(DIR *, closedir)

static void policy_file_done(struct policy_file *file)
{
	free(file->name);
	free(file->path);
}

void policy_files_done(struct policy_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		policy_file_done(&files->items[i]);
	free(files->items);
	*files = (struct policy_files){};
}

static int open_folder(const char *folder, bool trusted, struct problems *problems, DIR **ret)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	DIR *dir;
	int r;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		if (r != -ENOENT)
			problems_add(problems, false, folder, 0, 0,
				     "The folder can't be opened: %s.", strerror(-r));
		return r;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (trusted && st.st_uid != 0 && st.st_uid != geteuid()) {
		problems_add(problems, false, folder, 0, 0,
			     "The folder belongs to user %u, but must belong to root: chown it.",
			     st.st_uid);
		return -EPERM;
	}
	if (trusted && st.st_mode & (S_IWGRP | S_IWOTH)) {
		problems_add(
			problems, false, folder, 0, 0,
			"Others than the owner can write the folder (mode %04o): chmod go-w it.",
			st.st_mode & 07777u);
		return -EPERM;
	}
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)TAKE_FD(fd);
	*ret = dir;
	return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* As systemd masks units. */
static bool links_to_dev_null(int folder_fd, const char *name)
{
	struct stat st;

	return fstatat(folder_fd, name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

/* Adds the file, or replaces the one that an earlier folder has under this name. */
static int add_file(struct policy_files *files, const char *folder, const char *name, bool masked)
{
	_cleanup_free_ char *own_name = strdup(name), *path = NULL;
	struct policy_file *items;

	if (!own_name)
		return -ENOMEM;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL; /* asprintf() leaves it undefined */
		return -ENOMEM;
	}
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->items[i].name, name) == 0) {
			free(files->items[i].path);
			files->items[i].path = TAKE_PTR(path);
			files->items[i].masked = masked;
			return 0;
		}
	items = reallocarray(files->items, files->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	files->items = items;
	files->items[files->n++] = (struct policy_file){
		.name = TAKE_PTR(own_name),
		.path = TAKE_PTR(path),
		.masked = masked,
	};
	return 0;
}

static int read_folder(const char *folder, bool trusted, struct problems *problems,
		       struct policy_files *files)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	int r;

	r = open_folder(folder, trusted, problems, &dir);
	if (r < 0)
		return r;
	for (;;) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (!entry && errno != 0) {
			r = -errno;
			problems_add(problems, false, folder, 0, 0, "The folder can't be read: %s.",
				     strerror(-r));
			return r;
		}
		if (!entry)
			return 0;
		if (entry->d_name[0] == '.')
			continue;
		if (has_suffix(entry->d_name, ".yml"))
			problems_add(problems, true, folder, 0, 0,
				     "\"%s\" is not read: the name of a policy file ends in .yaml.",
				     entry->d_name);
		if (!has_suffix(entry->d_name, ".yaml"))
			continue;
		r = add_file(files, folder, entry->d_name,
			     links_to_dev_null(dirfd(dir), entry->d_name));
		if (r < 0)
			return r;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct policy_file *)a)->name, ((const struct policy_file *)b)->name);
}

int policy_files_find(const char *const *folders, bool trusted, struct problems *problems,
		      struct policy_files *ret)
{
	_cleanup_(policy_files_done) struct policy_files files = {};
	size_t kept = 0;

	for (; *folders; folders++) {
		int r = read_folder(*folders, trusted, problems, &files);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	for (size_t i = 0; i < files.n; i++)
		if (files.items[i].masked)
			policy_file_done(&files.items[i]);
		else
			files.items[kept++] = files.items[i];
	files.n = kept;
	if (files.n > 0)
		qsort(files.items, files.n, sizeof(*files.items), compare_names);
	*ret = files;
	files = (struct policy_files){};
	return 0;
}
