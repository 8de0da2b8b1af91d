/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PARENT "/etc/fwctld"
#define TARGET "policy.d"
/* Hidden, and no folder that the daemon reads. */
#define COPY ".policy.d.new"
/* Everybody can open the folder, and so keep a lock on it: this is root's alone. */
#define LOCK "/run/fwctl-policy-install.lock"

const char staging_target[] = PARENT "/" TARGET;
const char staging_path[] = PARENT "/" COPY;

DEFINE_CLEANUP(DIR *, closedir)

/* The names in a folder, but "." and ".."; NULL at the end, or on an error (then errno is set). */
static const char *next_name(DIR *dir)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry ? entry->d_name : NULL;
}

static DIR *open_folder(int fd, const char *name)
{
	int folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = folder < 0 ? NULL : fdopendir(folder);

	if (!dir)
		safe_close(folder);
	return dir;
}

/* It holds files alone: staging_open() takes nothing else. 0, or -errno. */
static int remove_copy(int parent)
{
	_cleanup_(closedirp) DIR *dir = open_folder(parent, COPY);
	const char *name;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((name = next_name(dir)))
		if (unlinkat(dirfd(dir), name, 0) < 0)
			return -errno;
	if (errno != 0 || unlinkat(parent, COPY, AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

void staging_done(struct staging *staging)
{
	if (staging->made)
		(void)remove_copy(staging->parent); /* else the next install does */
	safe_close(staging->folder);
	safe_close(staging->parent);
	safe_close(staging->lock);
	*staging = (struct staging)STAGING_NONE;
}

static int fail_at(const struct staging *staging, const char *what, const char *name)
{
	return fail(staging->arguments, EXIT_FAILED, "%s %s/%s: %m. Nothing was changed.", what,
		    PARENT, name);
}

/* A folder like that of the policy, empty. */
static int make_copy(struct staging *staging, const struct stat *like)
{
	if (mkdirat(staging->parent, COPY, 0700) < 0)
		return fail_at(staging, "Cannot create", COPY);
	staging->made = true;
	staging->folder =
		openat(staging->parent, COPY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (staging->folder < 0 || fchown(staging->folder, like->st_uid, like->st_gid) < 0 ||
	    fchmod(staging->folder, like->st_mode & 07777) < 0)
		return fail_at(staging, "Cannot prepare", COPY);
	return EXIT_OK;
}

static int link_files(struct staging *staging, DIR *target)
{
	const char *name;

	while ((name = next_name(target))) {
		struct stat st;

		if (fstatat(dirfd(target), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail_at(staging, "Cannot read", TARGET);
		if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
			return fail(staging->arguments, EXIT_FAILED,
				    "%s holds \"%s\", which is neither a file nor a link, and "
				    "nothing that fwctld reads. Move it elsewhere. Nothing was "
				    "changed.",
				    staging_target, name);
		if (linkat(dirfd(target), name, staging->folder, name, 0) < 0)
			return fail_at(staging, "Cannot copy files to", COPY);
	}
	return errno != 0 ? fail_at(staging, "Cannot read", TARGET) : EXIT_OK;
}

static int fill(struct staging *staging)
{
	_cleanup_(closedirp) DIR *target = NULL;
	struct stat st;
	bool made;
	int r;

	made = mkdirat(staging->parent, TARGET, 0755) == 0;
	if (!made && errno != EEXIST)
		return fail_at(staging, "Cannot create", TARGET);
	target = open_folder(staging->parent, TARGET);
	/* The daemon is to read it, whatever this process's umask. */
	if (!target || (made && fchmod(dirfd(target), 0755) < 0) || fstat(dirfd(target), &st) < 0)
		return fail_at(staging, "Cannot open", TARGET);
	r = make_copy(staging, &st);
	return r != EXIT_OK ? r : link_files(staging, target);
}

int staging_open(const struct arguments *arguments, struct staging *ret)
{
	_cleanup_(staging_done) struct staging staging = STAGING_NONE;
	int r;

	staging.arguments = arguments;
	staging.parent = open(PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (staging.parent < 0)
		return fail(arguments, EXIT_FAILED, "Cannot open %s: %m.", PARENT);
	staging.lock = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (staging.lock < 0 || flock(staging.lock, LOCK_EX | LOCK_NB) < 0)
		return fail(arguments, EXIT_FAILED,
			    errno == EWOULDBLOCK ? "Another fwctl policy install is at work. "
						   "Nothing was changed."
						 : "Cannot lock " LOCK ": %m.");
	r = remove_copy(staging.parent);
	if (r < 0) {
		errno = -r;
		return fail_at(&staging, "Cannot remove what an earlier install left at", COPY);
	}
	r = fill(&staging);
	if (r != EXIT_OK)
		return r;
	*ret = staging;
	staging = (struct staging)STAGING_NONE;
	return EXIT_OK;
}

/* 0, or -errno. */
static int copy_bytes(int from, int to)
{
	char buffer[16 * 1024];

	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(to, buffer + done, (size_t)(n - done));
			if (m < 0 && errno != EINTR)
				return -errno;
			if (m < 0)
				m = 0;
		}
	}
}

int staging_put(struct staging *staging, const char *path, const char *name)
{
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	struct stat st;
	int r;

	/* Whoever reads the policy reads regular files alone; a FIFO must not hang us. */
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (from < 0 || fstat(from, &st) < 0)
		return fail(staging->arguments, EXIT_FAILED, "Cannot open %s: %m.", path);
	if (unlinkat(staging->folder, name, 0) < 0 && errno != ENOENT)
		return fail_at(staging, "Cannot write to", COPY);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return symlinkat("/dev/null", staging->folder, name) < 0
			       ? fail_at(staging, "Cannot write to", COPY)
			       : EXIT_OK;
	if (!S_ISREG(st.st_mode))
		return fail(staging->arguments, EXIT_FAILED, "%s is no regular file.", path);
	to = openat(staging->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail_at(staging, "Cannot write to", COPY);
	r = copy_bytes(from, to);
	if (r < 0) {
		errno = -r;
		return fail(staging->arguments, EXIT_FAILED,
			    "Cannot copy %s: %m. Nothing was changed.", path);
	}
	if (fchown(to, 0, 0) < 0 || fchmod(to, 0644) < 0 || fsync(to) < 0)
		return fail_at(staging, "Cannot write to", COPY);
	return EXIT_OK;
}

/* 0, or -errno. */
static int exchange(const struct staging *staging)
{
	if (renameat2(staging->parent, COPY, staging->parent, TARGET, RENAME_EXCHANGE) < 0)
		return -errno;
	/* It is done, and stays so but for a power cut: nothing to undo. */
	(void)fsync(staging->parent);
	return 0;
}

int staging_swap(struct staging *staging)
{
	if (fsync(staging->folder) < 0)
		return fail_at(staging, "Cannot write to the disk", COPY);
	if (exchange(staging) < 0)
		return fail_at(staging, "Cannot exchange for a copy", TARGET);
	return EXIT_OK;
}

int staging_swap_back(struct staging *staging)
{
	int r = exchange(staging);

	if (r == 0)
		return EXIT_OK;
	staging->made = false; /* what is there now must stay */
	return fail(staging->arguments, EXIT_FAILED,
		    "fwctld did not take the new policy, and it cannot be taken back: %s. It is in "
		    "%s, and what was there before is in %s until the next install.",
		    strerror(-r), staging_target, staging_path);
}
