/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/monitor/protocol.h"

struct executor_user {
	uid_t uid;
	gid_t gid;
};

/*
 * The one capability that an executor keeps; -1: none. The kernel demands CAP_SYS_ADMIN for NVMe
 * admin commands, and CAP_SYS_RAWIO for FWCTL_RPC's widest scope, which it has only if root asked
 * for it. Simulated devices ask for nothing.
 */
int executor_capability(const struct monitor_identity *identity, bool rawio);

/*
 * Starts an executor of this identity on the device, as `user` and with nothing but two file
 * descriptors, the capability, and no way to get more. ret_socket: the broker's end. What goes
 * wrong in the child is said on standard error, and ends its socket.
 */
int executor_spawn(const struct monitor_identity *identity, int device,
		   const struct executor_user *user, int capability, int *ret_socket,
		   pid_t *ret_pid);
