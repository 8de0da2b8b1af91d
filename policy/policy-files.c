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

bool policy_file_has_cases(const char *name)
{
	return has_suffix(name, ".test.yaml");
}

/* As systemd masks units. */
static bool links_to_dev_null(int folder_fd, const char *name)
{
	struct stat st;

	return fstatat(folder_fd, name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

int policy_files_add(struct policy_files *files, const char *name, const char *path, bool masked)
{
	_cleanup_free_ char *own_name = strdup(name), *own_path = strdup(path);
	struct policy_file *items;

	if (!own_name || !own_path)
		return -ENOMEM;
	items = reallocarray(files->items, files->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	files->items = items;
	items[files->n] = (struct policy_file){
		.name = TAKE_PTR(own_name),
		.path = TAKE_PTR(own_path),
		.masked = masked,
		.order = files->n,
	};
	files->n++;
	return 0;
}

static int read_folder(const char *folder, bool cases, bool trusted, struct problems *problems,
		       struct policy_files *files)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	int r;

	r = open_folder(folder, trusted, problems, &dir);
	if (r < 0)
		return r;
	for (;;) {
		_cleanup_free_ char *path = NULL;
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
		if (has_suffix(entry->d_name, ".yml") &&
		    has_suffix(entry->d_name, ".test.yml") == cases)
			problems_add(problems, true, folder, 0, 0,
				     "\"%s\" is not read: the name of a %s ends in %s.",
				     entry->d_name, cases ? "file with cases" : "policy file",
				     cases ? ".test.yaml" : ".yaml");
		if (!has_suffix(entry->d_name, ".yaml") ||
		    policy_file_has_cases(entry->d_name) != cases)
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			path = NULL; /* asprintf() leaves it undefined */
			return -ENOMEM;
		}
		r = policy_files_add(files, entry->d_name, path,
				     links_to_dev_null(dirfd(dir), entry->d_name));
		if (r < 0)
			return r;
	}
}

static int compare_files(const void *a, const void *b)
{
	const struct policy_file *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

void policy_files_settle(struct policy_files *files)
{
	size_t kept = 0;

	if (files->n > 0)
		qsort(files->items, files->n, sizeof(*files->items), compare_files);
	for (size_t i = 0; i < files->n; i++) {
		struct policy_file *file = &files->items[i];

		if (file->masked ||
		    (i + 1 < files->n && strcmp(file->name, files->items[i + 1].name) == 0)) {
			policy_file_done(file);
			continue;
		}
		/* What is added from now on is later. */
		file->order = kept;
		files->items[kept++] = *file;
	}
	files->n = kept;
}

static int find_files(const char *const *folders, bool cases, bool trusted,
		      struct problems *problems, struct policy_files *ret)
{
	_cleanup_(policy_files_done) struct policy_files files = {};

	for (; *folders; folders++) {
		int r = read_folder(*folders, cases, trusted, problems, &files);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	policy_files_settle(&files);
	*ret = files;
	files = (struct policy_files){};
	return 0;
}

int policy_files_find(const char *const *folders, bool trusted, struct problems *problems,
		      struct policy_files *ret)
{
	return find_files(folders, false, trusted, problems, ret);
}

int policy_cases_find(const char *const *folders, struct problems *problems,
		      struct policy_files *ret)
{
	return find_files(folders, true, false, problems, ret);
}
