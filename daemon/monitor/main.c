/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The privileged part of fwctld: opens device nodes for the broker and starts their executors. It
 * sees no client, no policy and no command. One request at a time: the only calls that take time
 * are a driver's open and FWCTL_INFO, and neither waits for the firmware.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "daemon/monitor/identity.h"
#include "daemon/monitor/open.h"
#include "daemon/monitor/protocol.h"
#include "daemon/monitor/spawn.h"
#include "include/cleanup.h"

#define BROKER_USER	"fwctld"
#define EXECUTOR_USER	"fwctl-exec"
#define CONNECTIONS_MAX 8u /* there is one broker */

struct monitor {
	int listener;
	int children;  /* signalfd */
	int simulated; /* the folder; -EBADF: none */
	bool rawio;
	uid_t broker;
	struct executor_user executor;
	int connections[CONNECTIONS_MAX]; /* -EBADF: free */
};

static int device_serve(const struct monitor *monitor, const struct monitor_request *request,
			struct monitor_answer *answer, int *ret_socket)
{
	_cleanup_(node_done) struct node node = NODE_EMPTY;
	struct monitor_identity identity;
	pid_t pid;
	int r;

	r = node_open(request, monitor->simulated, &node);
	if (r < 0)
		return r;
	r = identity_read(request, &node, &identity);
	if (r < 0)
		return r;
	r = executor_spawn(&identity, node.fd, &monitor->executor,
			   executor_capability(&identity, monitor->rawio), ret_socket, &pid);
	if (r < 0)
		return r;
	identity.executor_pid = (uint32_t)pid;
	answer->identity = identity;
	return 0;
}

/* Nobody waits for a broker that does not read: false ends the connection, and with it the
 * executor. */
static bool answer_send(int connection, const struct monitor_answer *answer, int socket)
{
	struct iovec iov = {.iov_base = (void *)answer, .iov_len = sizeof(*answer)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (socket >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &socket, sizeof(int));
	}
	return sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*answer);
}

static bool request_valid(const struct monitor_request *request)
{
	return request->subsystem > 0 && request->subsystem < _MONITOR_SUBSYSTEM_MAX &&
	       request->number <= MONITOR_NUMBER_MAX;
}

/* One request of a connection. False: the connection is over. */
static bool connection_serve(const struct monitor *monitor, int connection)
{
	_cleanup_close_ int socket = -EBADF;
	struct monitor_answer answer = {};
	struct monitor_request request;
	struct iovec iov = {.iov_base = &request, .iov_len = sizeof(request)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;
	int r;

	n = recvmsg(connection, &message, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (n != sizeof(request) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    !request_valid(&request)) {
		fprintf(stderr, SD_CRIT "User " BROKER_USER
					" sent a message that is no request for a device. "
					"It can't be the broker any more; exiting.\n");
		exit(EXIT_FAILURE);
	}

	r = device_serve(monitor, &request, &answer, &socket);
	answer.error = -r;
	return answer_send(connection, &answer, socket);
}

static void connection_accept(struct monitor *monitor)
{
	_cleanup_close_ int fd = -EBADF;
	struct ucred peer;
	socklen_t length = sizeof(peer);

	fd = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ||
	    peer.uid != monitor->broker) {
		fprintf(stderr,
			SD_WARNING "A connection of uid %u was refused: only user " BROKER_USER
				   " may ask for devices.\n",
			length == sizeof(peer) ? peer.uid : (uid_t)-1);
		return;
	}
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (monitor->connections[i] < 0) {
			monitor->connections[i] = TAKE_FD(fd);
			return;
		}
	fprintf(stderr, SD_WARNING "A connection was refused: %u are open already.\n",
		CONNECTIONS_MAX);
}

/* An executor that ends with its broker says nothing; any other end is worth a line. */
static void children_reap(int children)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	(void)!read(children, &ignored, sizeof(ignored));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status))
			fprintf(stderr, SD_ERR "Executor %d was killed by signal %d (%s).\n",
				(int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status) != 0)
			fprintf(stderr, SD_ERR "Executor %d exited with status %d.\n", (int)pid,
				WEXITSTATUS(status));
}

static int monitor_run(struct monitor *monitor)
{
	struct pollfd fds[2 + CONNECTIONS_MAX];

	for (;;) {
		fds[0] = (struct pollfd){.fd = monitor->listener, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = monitor->children, .events = POLLIN};
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			fds[2 + i] =
				(struct pollfd){.fd = monitor->connections[i], .events = POLLIN};
		if (poll(fds, ELEMENTSOF(fds), -1) < 0)
			return -errno;

		if (fds[1].revents)
			children_reap(monitor->children);
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			if (fds[2 + i].revents &&
			    !connection_serve(monitor, monitor->connections[i]))
				monitor->connections[i] = safe_close(monitor->connections[i]);
		if (fds[0].revents)
			connection_accept(monitor);
	}
}

static int users_find(struct monitor *monitor)
{
	const struct passwd *user;

	user = getpwnam(BROKER_USER);
	if (!user) {
		fprintf(stderr,
			SD_ERR "There is no user " BROKER_USER "; systemd-sysusers makes it.\n");
		return -ESRCH;
	}
	monitor->broker = user->pw_uid;
	user = getpwnam(EXECUTOR_USER);
	if (!user) {
		fprintf(stderr,
			SD_ERR "There is no user " EXECUTOR_USER "; systemd-sysusers makes it.\n");
		return -ESRCH;
	}
	monitor->executor = (struct executor_user){.uid = user->pw_uid, .gid = user->pw_gid};
	return 0;
}

static int sockets_find(struct monitor *monitor)
{
	sigset_t child;

	if (sd_listen_fds(1) != 1 ||
	    sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0) {
		fprintf(stderr, SD_ERR
			"fwctld-monitor is started by fwctld-monitor.socket, with one listening "
			"SOCK_SEQPACKET socket.\n");
		return -EINVAL;
	}
	monitor->listener = SD_LISTEN_FDS_START;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, NULL) < 0)
		return -errno;
	monitor->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return monitor->children < 0 ? -errno : 0;
}

static int arguments_parse(struct monitor *monitor, int argc, char **argv)
{
	static const struct option options[] = {
		{"simulate", required_argument, NULL, 's'},
		{"rawio", no_argument, NULL, 'r'},
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 's':
			safe_close(monitor->simulated);
			monitor->simulated = open(optarg, O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (monitor->simulated < 0) {
				fprintf(stderr,
					SD_ERR
					"The folder of simulated devices, %s, can't be opened: "
					"%m.\n",
					optarg);
				return -EINVAL;
			}
			break;
		case 'r':
			monitor->rawio = true;
			break;
		default:
			return -EINVAL;
		}
	if (optind < argc) {
		fprintf(stderr, "Usage: fwctld-monitor [--simulate=DIR] [--rawio]\n");
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct monitor monitor = {.children = -EBADF, .simulated = -EBADF};

	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		monitor.connections[i] = -EBADF;
	if (arguments_parse(&monitor, argc, argv) < 0 || users_find(&monitor) < 0 ||
	    sockets_find(&monitor) < 0)
		return EXIT_FAILURE;

	(void)sd_notify(0, "READY=1");
	errno = -monitor_run(&monitor);
	fprintf(stderr, SD_ERR "Waiting for requests failed: %m.\n");
	return EXIT_FAILURE;
}
