/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/exec/arena.h"
#include "daemon/exec/executor.h"
#include "daemon/exec/sandbox.h"
#include "daemon/exec/transport.h"
#include "daemon/exec/wire.h"
#include "include/cleanup.h"
#include "include/kernel-abi.h"

static const struct envelope {
	const char *name;
	uint32_t requests[3]; /* its ioctls' numbers; ends with 0 */
} envelopes[] = {
	{WIRE_ENVELOPE_NVME, {NVME_IOCTL_ADMIN64_CMD}},
	{WIRE_ENVELOPE_FWCTL, {FWCTL_RPC}},
	{WIRE_ENVELOPE_CXL, {CXL_MEM_QUERY_COMMANDS, CXL_MEM_SEND_COMMAND}},
};

/* All memory that the executor ever uses: nothing can be allocated once the filter stands. */
static union {
	struct wire_request request;
	uint8_t bytes[WIRE_REQUEST_MAX];
} received;

static union {
	struct wire_reply reply;
	uint8_t bytes[WIRE_REPLY_MAX];
} sent;

static const struct envelope *envelope_find(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(envelopes); i++)
		if (strcmp(envelopes[i].name, name) == 0)
			return &envelopes[i];
	return NULL;
}

static bool socket_valid(int fd)
{
	int domain, type;
	socklen_t length = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_UNIX)
		return false;
	length = sizeof(int);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) >= 0 && type == SOCK_SEQPACKET;
}

/* ARENA_MAX bytes between pages that nothing may touch: a wrong index ends the executor, not its
 * neighbour. */
static uint8_t *memory_map(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *memory;

	memory = mmap(NULL, ARENA_MAX + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (mprotect(memory + page, ARENA_MAX, PROT_READ | PROT_WRITE) < 0)
		return NULL;
	return memory + page;
}

static void request_serve(uint8_t *memory, size_t length)
{
	const struct arena *arena = &received.request.arena;
	size_t reply_length;
	int value;

	if (!wire_request_valid(&received.request, length))
		_exit(EXECUTOR_EXIT_VIOLATION);

	arena_load(memory, arena, received.bytes + sizeof(received.request));
	value = transport_call(WIRE_FD_DEVICE, arena->ioctl, memory);
	sent.reply = (struct wire_reply){
		.id = received.request.id,
		.value = value,
		.error = value < 0 ? errno : 0,
	};
	reply_length = arena_gather(memory, arena, sent.bytes + sizeof(sent.reply));
	sent.reply.length = (uint32_t)reply_length;
	reply_length += sizeof(sent.reply);

	if (sendto(WIRE_FD_SOCKET, sent.bytes, reply_length, MSG_NOSIGNAL, NULL, 0) < 0)
		_exit(errno == EPIPE || errno == ECONNRESET ? EXIT_SUCCESS
							    : EXECUTOR_EXIT_VIOLATION);

	/* Passphrases and other people's data stay no longer than their command. */
	explicit_bzero(memory, arena->size);
	explicit_bzero(sent.bytes, reply_length);
	explicit_bzero(received.bytes, length);
}

_Noreturn void executor_run(int argc, char **argv)
{
	const struct envelope *envelope;
	uint8_t *memory;
	int r;

	envelope = argc == 3 ? envelope_find(argv[2]) : NULL;
	if (!envelope) {
		fprintf(stderr,
			"fwctl-exec takes a device's name and its envelope (%s, %s or %s); it is "
			"started by fwctld-monitor, not by hand.\n",
			WIRE_ENVELOPE_NVME, WIRE_ENVELOPE_FWCTL, WIRE_ENVELOPE_CXL);
		_exit(EXECUTOR_EXIT_SETUP);
	}
	if (!socket_valid(WIRE_FD_SOCKET)) {
		fprintf(stderr, "%s: File descriptor %d is not a SOCK_SEQPACKET socket.\n", argv[1],
			WIRE_FD_SOCKET);
		_exit(EXECUTOR_EXIT_SETUP);
	}
	r = transport_open(WIRE_FD_DEVICE);
	if (r < 0) {
		fprintf(stderr,
			"%s: File descriptor %d is not a device that this executor can serve: "
			"%s.\n",
			argv[1], WIRE_FD_DEVICE, strerror(-r));
		_exit(EXECUTOR_EXIT_SETUP);
	}
	memory = memory_map();
	if (!memory) {
		fprintf(stderr, "%s: There is no memory for the arena: %m.\n", argv[1]);
		_exit(EXECUTOR_EXIT_SETUP);
	}
	if (sandbox_enter(envelope->requests, transport_syscalls) < 0)
		_exit(EXECUTOR_EXIT_SETUP);

	for (;;) {
		/* MSG_TRUNC: the length that was sent, also where it did not fit. Such a one is not
		 * valid. */
		ssize_t length = recvfrom(WIRE_FD_SOCKET, received.bytes, sizeof(received.bytes),
					  MSG_TRUNC, NULL, NULL);

		if (length == 0 || (length < 0 && errno == ECONNRESET))
			_exit(EXIT_SUCCESS);
		if (length < 0)
			_exit(EXECUTOR_EXIT_VIOLATION);
		request_serve(memory, (size_t)length);
	}
}
