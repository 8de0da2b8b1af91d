/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/exec/sandbox.h"
#include "daemon/exec/wire.h"
#include "include/cleanup.h"

static void filter_free(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int filter_build(scmp_filter_ctx filter, const uint32_t *requests, const int *more)
{
	int r;

	/* Another architecture's system-call numbers (x32, i386) mean other calls: the same end. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		return r;
	r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(recvfrom), 2,
				   SCMP_A0_32(SCMP_CMP_EQ, WIRE_FD_SOCKET),
				   SCMP_A4_64(SCMP_CMP_EQ, 0));
	if (r < 0)
		return r;
	r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 2,
				   SCMP_A0_32(SCMP_CMP_EQ, WIRE_FD_SOCKET),
				   SCMP_A4_64(SCMP_CMP_EQ, 0));
	if (r < 0)
		return r;
	/*
	 * The kernel takes fd and number as 32 bits and drops the upper half of the registers. The
	 * _32 macros take the operand as unsigned 32 bits (an int would be sign-extended:
	 * 0xc0504e47 would never match) and compare all 64 bits, so that an upper half that is not
	 * zero kills.
	 */
	for (; r >= 0 && *requests != 0; requests++)
		r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2,
					   SCMP_A0_32(SCMP_CMP_EQ, WIRE_FD_DEVICE),
					   SCMP_A1_32(SCMP_CMP_EQ, *requests));
	if (r < 0)
		return r;
	r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1,
				   SCMP_A2_32(SCMP_CMP_EQ, MADV_DONTNEED));
	if (r < 0)
		return r;
	r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0);
	/* AddressSanitizer asks for the signal stack ahead of every call that does not return. */
	if (EXECUTOR_SANITIZED && r >= 0)
		r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0);
	for (const int *call = more; r >= 0 && *call >= 0; call++)
		r = seccomp_rule_add_exact(filter, SCMP_ACT_ALLOW, *call, 0);
	return r;
}

static int limits_set(void)
{
	static const int resources[] = {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_CORE, RLIMIT_FSIZE};
	static const struct rlimit none = {0, 0};

	for (size_t i = 0; i < ELEMENTSOF(resources); i++)
		if (setrlimit(resources[i], &none) < 0)
			return -errno;
	return 0;
}

int sandbox_enter(const uint32_t *requests, const int *more)
{
	_cleanup_(filter_free) scmp_filter_ctx filter = NULL;
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = limits_set();
	if (r < 0)
		return r;

	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	r = filter_build(filter, requests, more);
	if (r < 0)
		return r;

	if (close_range(0, WIRE_FD_SOCKET - 1, 0) < 0 ||
	    close_range(WIRE_FD_DEVICE + 1, ~0u, 0) < 0)
		return -errno;
	return seccomp_load(filter);
}
