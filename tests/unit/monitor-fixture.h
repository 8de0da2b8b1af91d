/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The monitor as it is installed, started as systemd would start it, in a mount namespace of the
 * test's own: users and /usr/libexec are the test's. It needs root. Include after cmocka.h.
 */

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/monitor/protocol.h"
#include "include/cleanup.h"
#include "tests/unit/executor-fixture.h"

static char folder[] = "/tmp/fwctld-test-XXXXXX";
static uid_t broker;
static struct passwd executor_user;
static pid_t monitor = -1;
static int errors = -EBADF; /* what the monitor says */

static void copy_program(const char *variable, const char *name)
{
	char command[1024];

	assert_non_null(getenv(variable));
	snprintf(command, sizeof(command), "cp '%s' '" FWCTLD_LIBEXEC_DIR "/%s'", getenv(variable),
		 name);
	assert_int_equal(system(command), 0);
}

static void users_setup(void)
{
	char command[1024];

	if (!getpwnam("fwctld") || !getpwnam("fwctl-exec")) {
		snprintf(command, sizeof(command),
			 "cp /etc/passwd %s/passwd && "
			 "echo 'fwctld:x:64901:64901::/:/bin/false' >>%s/passwd && "
			 "echo 'fwctl-exec:x:64902:64902::/:/bin/false' >>%s/passwd && "
			 "mount --bind %s/passwd /etc/passwd",
			 folder, folder, folder, folder);
		assert_int_equal(system(command), 0);
	}
	assert_non_null(getpwnam("fwctld"));
	broker = getpwnam("fwctld")->pw_uid;
	assert_non_null(getpwnam("fwctl-exec"));
	executor_user = *getpwnam("fwctl-exec");
}

static int setup(void **state)
{
	char path[64];

	assert_return_code(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), errno);
	assert_return_code(unshare(CLONE_NEWNS), errno);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	assert_non_null(mkdtemp(folder));
	assert_return_code(mount("test", folder, "tmpfs", 0, "mode=0755"), errno);
	users_setup();

	assert_return_code(mount("test", "/usr/libexec", "tmpfs", 0, "mode=0755"), errno);
	assert_int_equal(system("mkdir -p " FWCTLD_LIBEXEC_DIR), 0);
	copy_program("FWCTL_EXEC", "fwctl-exec");
	copy_program("FWCTL_EXEC_SIM", "fwctl-exec-sim");

	snprintf(path, sizeof(path), "%s/sim", folder);
	assert_return_code(mkdir(path, 0755), errno);
	return 0;
}

static int teardown(void **state)
{
	umount2(folder, MNT_DETACH);
	return rmdir(folder);
}

static void make_device(unsigned number, const char *dialect)
{
	char command[512];

	snprintf(command, sizeof(command),
		 FWCTLD_LIBEXEC_DIR "/fwctl-exec-sim --create %s %s/sim/%u LAB-%u", dialect, folder,
		 number, number);
	assert_int_equal(system(command), 0);
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/monitor.sock", folder);
	return a;
}

static void monitor_start(bool simulate)
{
	struct sockaddr_un a = address();
	char option[64], pid[16];
	int listener, pipe[2];

	unlink(a.sun_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, (struct sockaddr *)&a, sizeof(a)), errno);
	assert_return_code(chmod(a.sun_path, 0666), errno);
	assert_return_code(listen(listener, 16), errno);
	assert_return_code(pipe2(pipe, O_CLOEXEC | O_NONBLOCK), errno);

	monitor = fork();
	assert_return_code(monitor, errno);
	if (monitor == 0) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_PID", pid, 1);
		snprintf(option, sizeof(option), "--simulate=%s/sim", folder);
		dup2(pipe[1], STDERR_FILENO);
		if (setgroups(1, (gid_t[]){4}) < 0) /* executors must not have it */
			_exit(127);
		if (dup2(fcntl(listener, F_DUPFD_CLOEXEC, 10), 3) == 3)
			execl(getenv("FWCTLD_MONITOR"), "fwctld-monitor", simulate ? option : NULL,
			      (char *)NULL);
		_exit(127);
	}
	close(listener);
	close(pipe[1]);
	safe_close(errors);
	errors = pipe[0];
}

static void monitor_stop(void)
{
	int status;

	assert_return_code(kill(monitor, SIGTERM), errno);
	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	assert_true(WIFSIGNALED(status)); /* it ran until now */
	monitor = -1;
}

/* It ended by itself, with a sentence that has these words. */
static void assert_monitor_died(const char *words)
{
	char text[1024];
	ssize_t n;
	int status;

	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
	n = read(errors, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, words));
	assert_true(strchr(text, '\n') == text + n - 1); /* one line */
}

static int setup_simulated(void **state)
{
	make_device(0, "nvme");
	make_device(1, "cxl");
	make_device(2, "cxl-mem");
	monitor_start(true);
	return 0;
}

static int setup_real(void **state)
{
	monitor_start(false);
	return 0;
}

static int teardown_monitor(void **state)
{
	char command[128];

	if (monitor > 0) {
		kill(monitor, SIGKILL);
		waitpid(monitor, NULL, 0);
		monitor = -1;
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(command, sizeof(command), "rm -rf %s/sim/*", folder);
	return system(command);
}

static int connect_as(uid_t uid)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	assert_return_code(seteuid(uid), errno);
	assert_return_code(connect(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	assert_return_code(seteuid(0), errno);
	return fd;
}

static void send_request(int fd, uint32_t subsystem, uint32_t number)
{
	struct monitor_request request = {.subsystem = subsystem, .number = number};

	(void)!send(fd, &request, sizeof(request), MSG_NOSIGNAL);
}

/* The answer; its executor's socket or -EBADF. False when the monitor closed the connection. */
static bool receive_answer(int fd, struct monitor_answer *ret, int *ret_socket)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	*ret_socket = -EBADF;
	assert_int_equal(poll(&p, 1, 10000), 1);
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	assert_int_equal(n, sizeof(*ret));
	if (message.msg_controllen > 0)
		memcpy(ret_socket, CMSG_DATA(&control.header), sizeof(int));
	assert_int_equal(*ret_socket >= 0, ret->error == 0);
	return true;
}

static struct monitor_answer ask(int fd, uint32_t subsystem, uint32_t number, int *ret_socket)
{
	struct monitor_answer answer;

	send_request(fd, subsystem, number);
	assert_true(receive_answer(fd, &answer, ret_socket));
	return answer;
}

static void assert_error(int fd, uint32_t subsystem, uint32_t number, int error)
{
	static const struct monitor_identity nobody;
	int socket;
	struct monitor_answer answer = ask(fd, subsystem, number, &socket);

	assert_int_equal(answer.error, error);
	assert_memory_equal(&answer.identity, &nobody, sizeof(nobody));
}
