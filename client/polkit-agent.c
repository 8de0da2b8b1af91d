/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/polkit-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "include/cleanup.h"

/*
 * Where the caller belongs to a session of logind, an agent of its desktop goes before. Without a
 * session there is no such agent, and polkit 122 would not ask one that is only a fallback.
 */
static const char *fallback_option(void)
{
	_cleanup_free_ char *session = NULL;

	return sd_pid_get_session(0, &session) >= 0 || sd_uid_get_display(getuid(), &session) >= 0
		       ? "--fallback"
		       : NULL;
}

static _Noreturn void run_agent(pid_t parent, int notify_fd)
{
	char fd[16];

	/* It must not outlive us; and should we have ended already, nobody would tell it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	if (fcntl(notify_fd, F_SETFD, 0) < 0)
		_exit(EXIT_FAILURE);
	snprintf(fd, sizeof(fd), "%d", notify_fd);
	execlp("pkttyagent", "pkttyagent", "--notify-fd", fd, fallback_option(), NULL);
	_exit(EXIT_FAILURE);
}

bool polkit_agent_possible(void)
{
	return geteuid() != 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

void polkit_agent_start(struct polkit_agent *agent)
{
	_cleanup_close_ int read_end = -EBADF, write_end = -EBADF;
	pid_t parent = getpid();
	struct pollfd closed;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	read_end = fds[0];
	write_end = fds[1];
	agent->pid = fork();
	if (agent->pid == 0)
		run_agent(parent, write_end);
	if (agent->pid < 0) {
		agent->pid = 0;
		return;
	}
	/* It closes its end when it is ready, and when it ends. */
	write_end = safe_close(write_end);
	closed = (struct pollfd){.fd = read_end};
	while (poll(&closed, 1, -1) < 0 && errno == EINTR)
		;
}

void polkit_agent_stop(struct polkit_agent *agent)
{
	if (agent->pid <= 0)
		return;
	(void)kill(agent->pid, SIGTERM);
	(void)kill(agent->pid, SIGCONT);
	while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
		;
	agent->pid = 0;
}
