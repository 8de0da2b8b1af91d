/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/*
 * Shuts the calling process in, for good: no file descriptor but WIRE_FD_SOCKET and WIRE_FD_DEVICE,
 *no new one, no new privilege, no core dump, nobody of its own uid may trace it; and of all system
 *calls
 *
 *	recvfrom and sendto on WIRE_FD_SOCKET, without an address
 *	ioctl on WIRE_FD_DEVICE with one of the numbers of `requests`, which ends with 0
 *	madvise with MADV_DONTNEED: memory may be given back, and in no other way changed
 *	exit_group
 *	those of `more`, which ends with -1
 *
 * Every other one kills it with SIGSYS. Standard error is gone afterwards, also when it fails. 0 or
 *a negative errno; whoever calls it can do nothing after a failure but exit.
 */
int sandbox_enter(const uint32_t *requests, const int *more);
