/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon/monitor/open.h"
#include "include/cleanup.h"

static const struct {
	const char *node;      /* the number follows; NULL: a file of the simulated folder */
	const char *name;      /* the number follows */
	const char *subsystem; /* in sysfs */
} subsystems[_MONITOR_SUBSYSTEM_MAX] = {
	[MONITOR_NVME] = {"/dev/nvme", "nvme", "nvme"},
	[MONITOR_FWCTL] = {"/dev/fwctl/fwctl", "fwctl", "fwctl"},
	[MONITOR_CXL] = {"/dev/cxl/mem", "mem", "cxl"},
	[MONITOR_SIMULATED] = {NULL, "sim", NULL},
};

void node_done(struct node *node)
{
	node->fd = safe_close(node->fd);
}

int sysfs_find(dev_t devnum, const char *subsystem, const char *name,
	       char ret_path[static PATH_MAX])
{
	char link[PATH_MAX + 16], path[PATH_MAX], target[PATH_MAX];
	const char *last;

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(devnum), minor(devnum));
	if (!realpath(link, path))
		return -ENODEV;
	last = strrchr(path, '/');
	if (!last || strcmp(last + 1, name) != 0)
		return -ENODEV;

	snprintf(link, sizeof(link), "%s/subsystem", path);
	if (!realpath(link, target))
		return -ENODEV;
	last = strrchr(target, '/');
	if (!last || strcmp(last + 1, subsystem) != 0)
		return -ENODEV;
	strcpy(ret_path, path);
	return 0;
}

/*
 * Opening a node can do something (rewind a tape, hang on a modem, wait for the other end of a
 * pipe), so that what is there is looked at before it is opened, and what was looked at is what is
 * opened.
 */
static int device_open(const char *path, const char *subsystem, struct node *node)
{
	_cleanup_close_ int peek = -EBADF;
	char again[32];
	struct stat st;
	int r;

	peek = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (peek < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;
	if (fstat(peek, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	r = sysfs_find(st.st_rdev, subsystem, node->name, node->sysfs);
	if (r < 0)
		return r;

	snprintf(again, sizeof(again), "/proc/self/fd/%d", peek);
	node->fd = open(again, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (node->fd < 0)
		return errno == ENXIO ? -ENODEV : -errno;
	node->devnum = st.st_rdev;
	return 0;
}

static int simulated_open(int folder, uint32_t number, struct node *node)
{
	char name[16];
	struct stat st;

	if (folder < 0)
		return -ENODEV;
	snprintf(name, sizeof(name), "%u", number);
	node->fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (node->fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == EISDIR
			       ? -ENODEV
			       : -errno;
	if (fstat(node->fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -ENODEV;
}

int node_open(const struct monitor_request *request, int simulated, struct node *ret)
{
	_cleanup_(node_done) struct node node = NODE_EMPTY;
	char path[64];
	int r;

	snprintf(node.name, sizeof(node.name), "%s%u", subsystems[request->subsystem].name,
		 request->number);
	if (request->subsystem == MONITOR_SIMULATED) {
		r = simulated_open(simulated, request->number, &node);
	} else {
		snprintf(path, sizeof(path), "%s%u", subsystems[request->subsystem].node,
			 request->number);
		r = device_open(path, subsystems[request->subsystem].subsystem, &node);
	}
	if (r < 0)
		return r;

	/*
	 * The lock belongs to this opening of the device, which the executor will hold: it lasts as
	 * long as the executor, or a call of it in the kernel, whatever becomes of the monitor
	 * meanwhile.
	 */
	if (flock(node.fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;

	/*
	 * A number can go to another device while nobody holds it open. From here on we do: what
	 * sysfs says about it now, it says about the device that was opened, or nothing.
	 */
	if (request->subsystem != MONITOR_SIMULATED) {
		r = sysfs_find(node.devnum, subsystems[request->subsystem].subsystem, node.name,
			       node.sysfs);
		if (r < 0)
			return r;
	}
	*ret = node;
	node.fd = -EBADF;
	return 0;
}
