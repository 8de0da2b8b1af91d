/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A character device that a process of the test serves, by way of /dev/cuse: whoever has it open
 * makes real system calls, and the kernel follows the caller's pointers. FWCTL_RPC's number has no
 * size in it, so that the kernel can't know what belongs to a call. The server asks for the
 * caller's memory range by range, and the kernel sends the call anew with each
 * (CUSE_UNRESTRICTED_IOCTL and FUSE_IOCTL_RETRY; fs/fuse/ioctl.c of Linux 7.3).
 *
 * One call at a time, of at most CUSE_DATA_MAX bytes each way: a request of FUSE has 32 pages
 * (FUSE_DEFAULT_MAX_PAGES_PER_REQ), and /dev/cuse no way to ask for more. FWCTL_RPC itself carries
 * 2 MiB; of all that bnxt and pds do with pointers, 64 KiB each way, everything fits.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CUSE_DATA_MAX (128u * 1024u)

struct cuse_call;

struct cuse_driver {
	/*
	 * One ioctl: 0 or more, or a negative errno. It runs from the start again whenever
	 * cuse_copy_in() gave it -EAGAIN, which it must return without having changed anything.
	 */
	int (*ioctl)(void *context, struct cuse_call *call, uint32_t request, uint64_t argument);
	void *context;
};

/* Makes the node /dev/NAME, and starts the process that serves it until it is killed, or the caller
 * ends. 0 or a negative errno. */
int cuse_start(const char *name, const struct cuse_driver *driver, pid_t *ret_server);

/* Who makes the call, as the kernel says. */
pid_t cuse_caller_pid(const struct cuse_call *call);
uid_t cuse_caller_uid(const struct cuse_call *call);

/*
 * As copy_from_user() and copy_to_user(), but that an address which is not the caller's ends the
 * call with EFAULT in the kernel, and the driver does not hear of it.
 */
int cuse_copy_in(struct cuse_call *call, uint64_t address, void *to, size_t length);
int cuse_copy_out(struct cuse_call *call, uint64_t address, const void *from, size_t length);
