/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an executor's calls go to, chosen when it is linked: fwctl-exec has ioctl()
 * (transport-ioctl.c), fwctl-exec-sim has models of a kernel and a firmware (daemon/sim/). Nothing
 * at run time decides it.
 */

#include <stdint.h>

/*
 * Called once, before the sandbox. Is `fd` a device of this transport's kind? Whatever else the
 * transport needs of the world, it gets here. 0 or a negative errno.
 */
int transport_open(int fd);

/* As ioctl(): 0 or more, or -1 and errno. */
int transport_call(int fd, uint32_t request, void *argument);

/*
 * System calls that the transport needs beside the executor's own; ends with -1. Empty for the
 * ioctl transport, whose one call the filter knows by its arguments.
 */
extern const int transport_syscalls[];
