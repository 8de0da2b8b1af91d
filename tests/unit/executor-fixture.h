/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starts executors as the monitor does, and speaks the wire with them. Include after cmocka.h. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/exec/wire.h"
#include "include/kernel-abi.h"

struct executor {
	pid_t pid;
	int socket;
};

union wire_request_buffer {
	struct wire_request request;
	uint8_t bytes[WIRE_REQUEST_MAX + 1];
};

union wire_reply_buffer {
	struct wire_reply reply;
	uint8_t bytes[WIRE_REPLY_MAX + 1];
};

static union wire_request_buffer sending;
static union wire_reply_buffer received;

/* `variable` of the environment names the program. */
static inline struct executor executor_start(const char *variable, const char *envelope, int device)
{
	static const int buffer = 2 * WIRE_REPLY_MAX;
	struct executor executor;
	int pair[2];

	assert_non_null(getenv(variable));
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
	for (int i = 0; i < 2; i++)
		assert_return_code(setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &buffer,
					      sizeof(buffer)),
				   errno);
	executor.socket = pair[0];
	executor.pid = fork();
	assert_return_code(executor.pid, errno);
	if (executor.pid == 0) {
		int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
		int node = fcntl(device, F_DUPFD_CLOEXEC, 10);

		if (dup2(theirs, WIRE_FD_SOCKET) >= 0 && dup2(node, WIRE_FD_DEVICE) >= 0)
			execl(getenv(variable), "fwctl-exec", "test0", envelope, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	return executor;
}

/* The wait status of an executor that ends by itself, or because its socket is closed now. */
static inline int executor_end(struct executor *executor)
{
	int status;

	close(executor->socket);
	assert_int_equal(waitpid(executor->pid, &status, 0), executor->pid);
	return status;
}

static inline void assert_exited(struct executor *executor, int status)
{
	int s = executor_end(executor);

	assert_true(WIFEXITED(s));
	assert_int_equal(WEXITSTATUS(s), status);
}

static inline void assert_signalled(struct executor *executor, int signal)
{
	int s = executor_end(executor);

	assert_true(WIFSIGNALED(s));
	if (signal != 0)
		assert_int_equal(WTERMSIG(s), signal);
}

static inline void send_bytes(int socket, size_t length)
{
	assert_int_equal(send(socket, sending.bytes, length, MSG_NOSIGNAL), length);
}

/* False when nothing came within the time; -1 as a timeout waits. At the executor's end: length 0.
 */
static inline bool receive(int socket, int timeout_ms, size_t *ret_length)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, timeout_ms) <= 0)
		return false;
	n = recv(socket, received.bytes, sizeof(received.bytes), 0);
	*ret_length = n < 0 ? 0 : (size_t)n;
	return true;
}

static inline void receive_reply(int socket)
{
	size_t length;

	assert_true(receive(socket, 10000, &length));
	assert_true(length >= sizeof(received.reply));
	assert_int_equal(received.reply.length, length - sizeof(received.reply));
	assert_int_equal(received.reply.more, 0);
}

/* The executor ended without another word. */
static inline void receive_end(int socket)
{
	size_t length;

	assert_true(receive(socket, 10000, &length));
	assert_int_equal(length, 0);
}

/* An NVMe command with data from the device as policy/pack.c makes it; returns the request's bytes.
 */
static inline size_t nvme_request(uint64_t id, const struct nvme_passthru_cmd64 *command)
{
	uint32_t length = command->data_len;

	sending.request = (struct wire_request){
		.id = id,
		.arena =
			{
				.ioctl = NVME_IOCTL_ADMIN64_CMD,
				.size = ARENA_PAGE +
					(length + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE,
				.given = sizeof(*command),
				.n_relocs = length > 0 ? 1 : 0,
				.n_replies = length > 0 ? 2 : 1,
				.relocs = {{.where = offsetof(struct nvme_passthru_cmd64, addr),
					    .target = ARENA_PAGE,
					    .length = length}},
				.replies = {{.offset = offsetof(struct nvme_passthru_cmd64, result),
					     .length = 8},
					    {.offset = ARENA_PAGE, .length = length}},
			},
	};
	memcpy(sending.bytes + sizeof(sending.request), command, sizeof(*command));
	return sizeof(sending.request) + sizeof(*command);
}

static inline size_t identify_request(uint64_t id)
{
	const struct nvme_passthru_cmd64 command = {
		.opcode = 0x06,
		.cdw10 = 1,
		.data_len = 4096,
		.timeout_ms = 1000,
	};

	return nvme_request(id, &command);
}
