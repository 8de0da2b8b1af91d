/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The executor's filter, as sandbox_enter() sets it: each case runs in a child that enters it and
 * then does one thing. What is allowed ends with status 42, everything else must end with SIGSYS.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/exec/sandbox.h"
#include "daemon/exec/wire.h"
#include "include/kernel-abi.h"

#define SURVIVED 42
#define HIGH	 0x100000000ul

static void survive(void)
{
	syscall(SYS_exit_group, SURVIVED);
}

static const uint32_t nvme[] = {NVME_IOCTL_ADMIN64_CMD, 0};
static const uint32_t mailbox[] = {CXL_MEM_QUERY_COMMANDS, CXL_MEM_SEND_COMMAND, 0};
static const uint32_t fwctl[] = {FWCTL_RPC, 0};
static const uint32_t *requests = nvme;

/* Under the filter, at the device with the envelope of `requests`. The peer has sent one byte. */
static int run(long number, long a, long b, long c, long d, long e, long f)
{
	static const int nothing_more[] = {-1};
	int pair[2], status;
	pid_t pid;

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	pid = fork();
	assert_return_code(pid, 0);
	if (pid == 0) {
		int ours = fcntl(pair[1], F_DUPFD, 10);
		int device = open("/dev/null", O_RDWR);

		device = fcntl(device, F_DUPFD, 10);
		if (dup2(ours, WIRE_FD_SOCKET) < 0 || dup2(device, WIRE_FD_DEVICE) < 0)
			_exit(1);
		if (sandbox_enter(requests, nothing_more) < 0)
			syscall(SYS_exit_group, 2);
		if (number >= 0)
			syscall(number, a, b, c, d, e, f);
		survive();
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_allowed(...)                                                                        \
	do {                                                                                       \
		int _status = run(__VA_ARGS__);                                                    \
		assert_true(WIFEXITED(_status));                                                   \
		assert_int_equal(WEXITSTATUS(_status), SURVIVED);                                  \
	} while (0)

#define assert_killed(...)                                                                         \
	do {                                                                                       \
		int _status = run(__VA_ARGS__);                                                    \
		assert_true(WIFSIGNALED(_status));                                                 \
		assert_int_equal(WTERMSIG(_status), SIGSYS);                                       \
	} while (0)

static uint8_t buffer[256];

static void test_allowed(void **state)
{
	assert_allowed(-1, 0, 0, 0, 0, 0, 0);
	assert_allowed(SYS_recvfrom, 3, (long)buffer, sizeof(buffer), MSG_TRUNC, 0, 0);
	assert_allowed(SYS_sendto, 3, (long)buffer, 1, MSG_NOSIGNAL, 0, 0);
	assert_allowed(SYS_madvise, 0, 0, MADV_DONTNEED, 0, 0, 0);
	assert_allowed(SYS_ioctl, 4, NVME_IOCTL_ADMIN64_CMD, (long)buffer, 0, 0, 0);
}

static void test_other_calls(void **state)
{
	static const struct timespec now = {};

	assert_killed(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDONLY, 0, 0, 0);
	assert_killed(SYS_read, 3, (long)buffer, 1, 0, 0, 0);
	assert_killed(SYS_write, 3, (long)buffer, 1, 0, 0, 0);
	assert_killed(SYS_sendmsg, 3, 0, 0, 0, 0, 0);
	assert_killed(SYS_recvmsg, 3, 0, 0, 0, 0, 0);
	assert_killed(SYS_close, 3, 0, 0, 0, 0, 0);
	assert_killed(SYS_dup, 4, 0, 0, 0, 0, 0);
	assert_killed(SYS_fcntl, 4, F_GETFD, 0, 0, 0, 0);
	assert_killed(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_killed(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, 4, 0);
	assert_killed(SYS_mprotect, 0, 4096, PROT_EXEC, 0, 0, 0);
	assert_killed(SYS_madvise, 0, 0, MADV_NORMAL, 0, 0, 0);
	assert_killed(SYS_madvise, 0, 0, MADV_REMOVE, 0, 0, 0);
	assert_killed(SYS_madvise, 0, 0, (long)(HIGH | MADV_DONTNEED), 0, 0, 0);
	assert_killed(SYS_brk, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0);
	assert_killed(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	assert_killed(SYS_execve, (long)"/bin/true", 0, 0, 0, 0, 0);
	assert_killed(SYS_kill, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_ptrace, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_prctl, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_seccomp, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_io_uring_setup, 1, 0, 0, 0, 0, 0);
	assert_killed(SYS_getpid, 0, 0, 0, 0, 0, 0);
	assert_killed(SYS_exit, SURVIVED, 0, 0, 0, 0, 0); /* exit_group is the way out */
	/* What the simulated twin may, the product may not. */
	assert_killed(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&now, 0, 0, 0);
	assert_killed(SYS_restart_syscall, 0, 0, 0, 0, 0, 0);
	/* Nor what a sanitizer may. */
	if (!EXECUTOR_SANITIZED)
		assert_killed(SYS_sigaltstack, 0, 0, 0, 0, 0, 0);
}

static void test_other_fd(void **state)
{
	for (long fd = -1; fd < 12; fd++) {
		if (fd != WIRE_FD_DEVICE)
			assert_killed(SYS_ioctl, fd, NVME_IOCTL_ADMIN64_CMD, (long)buffer, 0, 0, 0);
		if (fd != WIRE_FD_SOCKET) {
			assert_killed(SYS_recvfrom, fd, (long)buffer, 1, 0, 0, 0);
			assert_killed(SYS_sendto, fd, (long)buffer, 1, 0, 0, 0);
		}
	}
}

static void test_other_ioctl(void **state)
{
	for (unsigned bit = 0; bit < 32; bit++)
		assert_killed(SYS_ioctl, 4, NVME_IOCTL_ADMIN64_CMD ^ 1u << bit, (long)buffer, 0, 0,
			      0);
	assert_killed(SYS_ioctl, 4, FWCTL_RPC, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, FWCTL_INFO, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, 0x4e44, 0, 0, 0, 0);     /* NVME_IOCTL_RESET */
	assert_killed(SYS_ioctl, 4, 0xc0484e43, 0, 0, 0, 0); /* NVME_IOCTL_IO_CMD */
}

/* An envelope with two numbers has these two, and not what lies between or beside them. */
static void test_two_ioctls(void **state)
{
	requests = mailbox;
	for (const uint32_t *request = mailbox; *request != 0; request++) {
		assert_allowed(SYS_ioctl, 4, *request, (long)buffer, 0, 0, 0);
		assert_killed(SYS_ioctl, 3, *request, (long)buffer, 0, 0, 0);
		assert_killed(SYS_ioctl, 4, (long)(HIGH | *request), (long)buffer, 0, 0, 0);
		for (unsigned bit = 0; bit < 32; bit++)
			assert_killed(SYS_ioctl, 4, *request ^ 1u << bit, (long)buffer, 0, 0, 0);
	}
	assert_killed(SYS_ioctl, 4, 0, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, NVME_IOCTL_ADMIN64_CMD, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, FWCTL_RPC, (long)buffer, 0, 0, 0);
	requests = nvme;
}

/* Vendors' kernels have two more than Linux: they destroy resources, and pin memory for the device.
 */
static void test_vendors_ioctls(void **state)
{
	requests = fwctl;
	assert_allowed(SYS_ioctl, 4, FWCTL_RPC, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, FWCTL_INFO, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, 0x9a02, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, 0x9a03, (long)buffer, 0, 0, 0);
	requests = nvme;
}

/* The kernel drops the upper half of both registers: it is the same call to it, and must not be one
 * to us. */
static void test_upper_half(void **state)
{
	const long number = NVME_IOCTL_ADMIN64_CMD;

	assert_killed(SYS_ioctl, 4, (long)(HIGH | NVME_IOCTL_ADMIN64_CMD), (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, 4, (long)(int)NVME_IOCTL_ADMIN64_CMD, (long)buffer, 0, 0, 0);
	assert_killed(SYS_ioctl, (long)(HIGH | 4), number, (long)buffer, 0, 0, 0);
	assert_killed(SYS_recvfrom, (long)(HIGH | 3), (long)buffer, 1, 0, 0, 0);
}

/* Nobody but the broker, and nothing but a message: no address to send to, none to learn. */
static void test_addresses(void **state)
{
	static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
	static socklen_t length = sizeof(address);

	assert_killed(SYS_sendto, 3, (long)buffer, 1, 0, (long)&address, sizeof(address));
	assert_killed(SYS_recvfrom, 3, (long)buffer, 1, 0, (long)&address, (long)&length);
	assert_killed(SYS_sendto, 3, (long)buffer, 1, 0, (long)HIGH, 8);
}

static void test_other_architecture(void **state)
{
#ifdef __x86_64__
	assert_killed(0x40000000 | SYS_exit_group, SURVIVED, 0, 0, 0, 0, 0); /* x32 */
	assert_killed(0x40000000 | 514, 4, NVME_IOCTL_ADMIN64_CMD, (long)buffer, 0, 0,
		      0); /* its ioctl */
#endif
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_other_calls),
		cmocka_unit_test(test_other_fd),
		cmocka_unit_test(test_other_ioctl),
		cmocka_unit_test(test_two_ioctls),
		cmocka_unit_test(test_vendors_ioctls),
		cmocka_unit_test(test_upper_half),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_other_architecture),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
