/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/installed.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "include/cleanup.h"
#include "policy/folders.h"
#include "policy/policy-files.h"

#define DAEMON_USER "fwctld"

/* The bits of a mode that hold for the daemon; it has no supplementary groups. */
static mode_t daemon_mode(const struct stat *st)
{
	const struct passwd *daemon = getpwnam(DAEMON_USER);

	if (daemon && daemon->pw_uid == st->st_uid)
		return st->st_mode >> 6 & 7;
	if (daemon && daemon->pw_gid == st->st_gid)
		return st->st_mode >> 3 & 7;
	return st->st_mode & 7;
}

/* needed: 4 to read, 1 to pass through. What can't be looked at, the loaders have complained of. */
static void check_path(const char *path, mode_t needed, struct problems *problems)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	/* The loaders take our own for good, and have complained of anybody else's. */
	if (st.st_uid != 0 && st.st_uid == geteuid())
		problems_add(problems, false, path, 0, 0,
			     "This belongs to user %u, but must belong to root: chown it.",
			     st.st_uid);
	if ((daemon_mode(&st) & needed) != needed)
		problems_add(problems, false, path, 0, 0,
			     "The daemon, which runs as user " DAEMON_USER
			     ", cannot read this (mode %04o): chmod %s it.",
			     st.st_mode & 07777u, S_ISDIR(st.st_mode) ? "go+rx" : "go+r");
}

/* A folder, and those that lead to it: only passing through is asked of these. */
static int check_folder(const char *folder, struct problems *problems)
{
	_cleanup_free_ char *path = strdup(folder);

	if (!path)
		return -ENOMEM;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;

		*slash = '\0';
		if (stat(path, &st) == 0 && !(daemon_mode(&st) & 1))
			problems_add(problems, false, path, 0, 0,
				     "The daemon, which runs as user " DAEMON_USER
				     ", cannot pass this folder (mode %04o): chmod go+x it.",
				     st.st_mode & 07777u);
		*slash = '/';
	}
	check_path(folder, 5, problems);
	return 0;
}

/* Of files with one name only the last is read, as in a policy. */
static int check_folders(const char *const *folders, struct problems *problems)
{
	_cleanup_(problems_done) struct problems known = {};
	_cleanup_(policy_files_done) struct policy_files files = {};
	int r;

	for (size_t i = 0; folders[i]; i++) {
		r = check_folder(folders[i], problems);
		if (r < 0)
			return r;
	}
	r = policy_files_find(folders, false, &known, &files);
	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; i < files.n; i++)
		check_path(files.items[i].path, 4, problems);
	return 0;
}

static int check_catalogue(struct problems *problems)
{
	/* One by one: the catalogue's files of one name are all read. */
	for (size_t i = 0; command_folders[i]; i++) {
		int r = check_folders((const char *const[]){command_folders[i], NULL}, problems);

		if (r < 0)
			return r;
	}
	return 0;
}

int installed_catalogue_load(bool alone, struct problems *problems, struct catalogue **ret)
{
	const char *folder = getenv("FWCTLD_COMMANDS_DIR");
	const char *const folders[] = {folder, alone ? NULL : command_folders[1], NULL};
	int r;

	if (folder)
		return catalogue_load(folders, false, problems, ret);
	r = check_catalogue(problems);
	return r < 0 ? r : catalogue_load(command_folders, true, problems, ret);
}

int installed_policy_check(const char *const *folders, struct problems *problems)
{
	return check_folders(folders, problems);
}
