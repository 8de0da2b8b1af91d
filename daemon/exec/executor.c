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

/* What a command of so many bytes at most leaves resident, wiped. Everyday ones are far below. */
#define KEPT_MAX (64u * 1024u)

/*
 * All memory that requests ever use: nothing can be allocated once the filter stands. It is one
 * mapping, so that one call gives it back, and each room in it lies between pages that nothing may
 * touch: a wrong index ends the executor, not its neighbour.
 */
static struct {
	uint8_t *start;
	size_t length;
	struct wire_request *received; /* WIRE_REQUEST_MAX bytes */
	struct wire_reply *sent;       /* WIRE_REPLY_MAX bytes */
	uint8_t *arena;		       /* ARENA_MAX bytes */
} memory;

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

/* The next room of `size` bytes, behind a guard page; *end is where it ends. */
static void *room_open(uint8_t **end, size_t size, size_t page)
{
	uint8_t *room = *end + page;

	size = (size + page - 1) / page * page;
	*end = room + size;
	return mprotect(room, size, PROT_READ | PROT_WRITE) < 0 ? NULL : room;
}

static int memory_map(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *end;

	/* Four guards, and what filling up to whole pages takes. */
	memory.length = WIRE_REQUEST_MAX + WIRE_REPLY_MAX + ARENA_MAX + 7 * page;
	memory.length -= memory.length % page;
	memory.start = end =
		mmap(NULL, memory.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory.start == MAP_FAILED)
		return -errno;
	/* A huge page would make 2 MiB of the first byte. A kernel without them says EINVAL. */
	(void)madvise(memory.start, memory.length, MADV_NOHUGEPAGE);
	memory.received = room_open(&end, WIRE_REQUEST_MAX, page);
	memory.sent = room_open(&end, WIRE_REPLY_MAX, page);
	memory.arena = room_open(&end, ARENA_MAX, page);
	return memory.received && memory.sent && memory.arena ? 0 : -ENOMEM;
}

/* Passphrases and other people's data stay no longer than their command. */
static void memory_wipe(size_t received, size_t sent, size_t arena)
{
	if (arena <= KEPT_MAX) {
		explicit_bzero(memory.arena, arena);
		explicit_bzero(memory.sent, sent);
		explicit_bzero(memory.received, received);
		return;
	}
	/* Back to the kernel, which gives out zeroes instead: an idle executor is small. */
	if (madvise(memory.start, memory.length, MADV_DONTNEED) < 0)
		_exit(EXECUTOR_EXIT_VIOLATION);
}

/* Returns the length of the longest piece, which was the first. */
static size_t reply_send(const struct arena *arena, struct wire_reply *reply)
{
	size_t total = arena_reply_length(arena), done = 0;

	do {
		reply->length = (uint32_t)arena_gather(memory.arena, arena, done,
						       (uint8_t *)(reply + 1), WIRE_PIECE_MAX);
		done += reply->length;
		reply->more = (uint32_t)(total - done);
		if (sendto(WIRE_FD_SOCKET, reply, sizeof(*reply) + reply->length, MSG_NOSIGNAL,
			   NULL, 0) < 0)
			_exit(errno == EPIPE || errno == ECONNRESET ? EXIT_SUCCESS
								    : EXECUTOR_EXIT_VIOLATION);
	} while (done < total);
	return sizeof(*reply) + (total < WIRE_PIECE_MAX ? total : WIRE_PIECE_MAX);
}

static void request_serve(size_t length)
{
	const struct wire_request *request = memory.received;
	size_t sent;
	int value;

	if (!wire_request_valid(request, length))
		_exit(EXECUTOR_EXIT_VIOLATION);

	arena_load(memory.arena, &request->arena, (const uint8_t *)(request + 1));
	value = transport_call(WIRE_FD_DEVICE, request->arena.ioctl, memory.arena);
	*memory.sent = (struct wire_reply){
		.id = request->id,
		.value = value,
		.error = value < 0 ? errno : 0,
	};
	sent = reply_send(&request->arena, memory.sent);
	memory_wipe(length, sent, request->arena.size);
}

_Noreturn void executor_run(int argc, char **argv)
{
	const struct envelope *envelope;
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
	r = memory_map();
	if (r < 0) {
		fprintf(stderr, "%s: There is no memory for the arena: %s.\n", argv[1],
			strerror(-r));
		_exit(EXECUTOR_EXIT_SETUP);
	}
	if (sandbox_enter(envelope->requests, transport_syscalls) < 0)
		_exit(EXECUTOR_EXIT_SETUP);

	for (;;) {
		/* MSG_TRUNC: the length that was sent, also where it did not fit. Such a one is not
		 * valid. */
		ssize_t length = recvfrom(WIRE_FD_SOCKET, memory.received, WIRE_REQUEST_MAX,
					  MSG_TRUNC, NULL, NULL);

		if (length == 0 || (length < 0 && errno == ECONNRESET))
			_exit(EXIT_SUCCESS);
		if (length < 0)
			_exit(EXECUTOR_EXIT_VIOLATION);
		request_serve((size_t)length);
	}
}
