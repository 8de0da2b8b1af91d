/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/exec/wire.h"
#include "daemon/monitor/spawn.h"
#include "include/cleanup.h"

#define FIRST_FREE_FD (WIRE_FD_DEVICE + 1)

int executor_capability(const struct monitor_identity *identity, bool rawio)
{
	if (identity->simulated)
		return -1;
	if (strcmp(identity->envelope, WIRE_ENVELOPE_NVME) == 0)
		return CAP_SYS_ADMIN;
	return rawio && strcmp(identity->envelope, WIRE_ENVELOPE_FWCTL) == 0 ? CAP_SYS_RAWIO : -1;
}

/* Either may stand where the other belongs: first both out of the way. */
static int child_place_fds(int socket, int device)
{
	socket = fcntl(socket, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	device = fcntl(device, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (socket < 0 || device < 0)
		return -errno;
	if (dup2(socket, WIRE_FD_SOCKET) < 0 || dup2(device, WIRE_FD_DEVICE) < 0)
		return -errno;
	return close_range(FIRST_FREE_FD, ~0u, 0) < 0 ? -errno : 0;
}

static void cap_free_pointer(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

/*
 * Permitted and effective sets are lost at execve by everyone but root; ambient capabilities are
 * not, and they have to be permitted and inheritable first.
 */
static int child_set_capabilities(int capability)
{
	_cleanup_(cap_free_pointer) cap_t caps = cap_init();
	cap_value_t kept = capability;

	if (!caps)
		return -ENOMEM;
	if (capability >= 0 && (cap_set_flag(caps, CAP_PERMITTED, 1, &kept, CAP_SET) < 0 ||
				cap_set_flag(caps, CAP_INHERITABLE, 1, &kept, CAP_SET) < 0 ||
				cap_set_flag(caps, CAP_EFFECTIVE, 1, &kept, CAP_SET) < 0))
		return -errno;
	if (cap_set_proc(caps) < 0)
		return -errno;
	if (cap_reset_ambient() < 0)
		return -errno;
	return capability >= 0 && cap_set_ambient(kept, CAP_SET) < 0 ? -errno : 0;
}

static int child_drop_privilege(const struct executor_user *user, int capability)
{
	for (cap_value_t c = 0; c < cap_max_bits(); c++)
		if (c != capability && cap_drop_bound(c) < 0)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0)
		return -errno;
	/* Leaving uid 0 takes all capabilities; with this it leaves the permitted ones, until
	 * execve. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	if (child_set_capabilities(capability) < 0)
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void child_reset_signals(void)
{
	static const struct sigaction default_action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &default_action,
				NULL); /* KILL and STOP have nothing to reset */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_run(const struct monitor_identity *identity, int socket, int device,
				const struct executor_user *user, int capability)
{
	const char *program = identity->simulated ? FWCTLD_LIBEXEC_DIR "/fwctl-exec-sim"
						  : FWCTLD_LIBEXEC_DIR "/fwctl-exec";
	char *argv[] = {(char *)"fwctl-exec", (char *)identity->name, (char *)identity->envelope,
			NULL};
	char *environment[] = {NULL};
	const char *step = "get its file descriptors";
	int r;

	child_reset_signals();
	r = child_place_fds(socket, device);
	if (r >= 0) {
		step = "give up privilege";
		r = child_drop_privilege(user, capability);
	}
	if (r >= 0) {
		step = "run " FWCTLD_LIBEXEC_DIR "/fwctl-exec";
		execve(program, argv, environment);
		r = -errno;
	}
	dprintf(STDERR_FILENO, "The executor of %s can't %s: %s.\n", identity->name, step,
		strerror(-r));
	_exit(EXIT_FAILURE);
}

int executor_spawn(const struct monitor_identity *identity, int device,
		   const struct executor_user *user, int capability, int *ret_socket,
		   pid_t *ret_pid)
{
	static const int buffer = 2 * WIRE_REPLY_MAX;
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	/* The largest datagram must go through, wherever net.core.wmem_default stands. */
	if (setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
	    setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0)
		return -errno;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_run(identity, theirs, device, user, capability);
	*ret_socket = TAKE_FD(ours);
	*ret_pid = pid;
	return 0;
}
