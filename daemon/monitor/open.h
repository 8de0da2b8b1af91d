/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a subsystem and a number to an open device. Nothing of a path comes from the request but the
 * number. */

#include <limits.h>
#include <sys/types.h>

#include "daemon/monitor/protocol.h"

struct node {
	int fd;	       /* open for commands, and locked: no other executor holds this device */
	dev_t devnum;  /* 0: simulated */
	char name[32]; /* "nvme0" */
	char sysfs[PATH_MAX]; /* the device's own folder; "": simulated */
};

#define NODE_EMPTY                                                                                 \
	{                                                                                          \
		.fd = -EBADF                                                                       \
	}

void node_done(struct node *node);

/*
 * Is the device number that of a device of this name, in this subsystem (of sysfs)? Its folder in
 * sysfs, or -ENODEV.
 */
int sysfs_find(dev_t devnum, const char *subsystem, const char *name,
	       char ret_path[static PATH_MAX]);

/*
 * simulated: the folder that --simulate names, or -EBADF. The request is one that the monitor
 * accepted. -ENODEV: there is none, or what is there is no device of the subsystem. -EBUSY: an
 * executor, perhaps one that is stuck in the kernel, still holds it. -EAGAIN: the driver does not
 * take commands at the moment.
 */
int node_open(const struct monitor_request *request, int simulated, struct node *ret);
