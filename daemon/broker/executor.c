/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "daemon/broker/executor.h"
#include "include/cleanup.h"

struct executor {
	int fd;
	sd_event_source *readable;
	const struct executor_handlers *handlers;
	void *userdata;

	/* The reply that it owes, and how much of it has come. */
	bool owes;
	struct wire_reply first; /* id is set from the start, the rest with the first piece */
	uint8_t *reply;
	size_t length;
	size_t received;
};

/* One for all executors: a reply of one piece is dealt with before the next is read. */
static alignas(8) uint8_t reply_buffer[WIRE_PIECE_MAX];

/* Exactly the next piece, of what was asked. */
static bool piece_valid(const struct executor *executor, const struct wire_reply *head, size_t n,
			size_t expected)
{
	if (n != sizeof(*head) + expected || head->id != executor->first.id ||
	    head->length != expected ||
	    head->more != executor->length - executor->received - expected)
		return false;
	if (executor->received > 0)
		return head->value == executor->first.value && head->error == executor->first.error;
	return head->value >= -1 && head->error >= 0 && (head->value == -1) == (head->error != 0);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct executor *executor = userdata;
	size_t expected = executor->length - executor->received;
	struct wire_reply head = {};
	struct iovec parts[] = {
		{&head, sizeof(head)},
		{executor->reply + executor->received, 0},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ELEMENTSOF(parts)};
	ssize_t n;

	if (expected > WIRE_PIECE_MAX)
		expected = WIRE_PIECE_MAX;
	parts[1].iov_len = expected;
	/* MSG_TRUNC: the real length, so that an overlong answer is seen and not cut. */
	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		executor->handlers->lost(executor->userdata, "it ended");
		return 0;
	}
	if (!executor->owes) {
		executor->handlers->lost(executor->userdata, "it answered without being asked");
		return 0;
	}
	if (!piece_valid(executor, &head, (size_t)n, expected)) {
		executor->handlers->lost(executor->userdata,
					 "it answered with a malformed message");
		return 0;
	}
	executor->first = head;
	executor->received += expected;
	if (executor->received < executor->length)
		return 0;
	/* Whoever hears of it may ask for the next one at once. */
	executor->owes = false;
	executor->handlers->replied(executor->userdata, head.id, head.value, head.error,
				    executor->reply, executor->length);
	return 0;
}

int executor_new(sd_event *event, int fd, const struct executor_handlers *handlers, void *userdata,
		 struct executor **ret)
{
	struct executor *executor;
	int r;

	executor = calloc(1, sizeof(*executor));
	if (!executor) {
		safe_close(fd);
		return -ENOMEM;
	}
	*executor = (struct executor){.fd = fd,
				      .handlers = handlers,
				      .userdata = userdata,
				      .reply = reply_buffer};
	r = sd_event_add_io(event, &executor->readable, fd, EPOLLIN, on_readable, executor);
	if (r < 0) {
		executor_free(executor);
		return r;
	}
	*ret = executor;
	return 0;
}

struct executor *executor_free(struct executor *executor)
{
	if (!executor)
		return NULL;
	sd_event_source_disable_unref(executor->readable);
	safe_close(executor->fd);
	free(executor);
	return NULL;
}

int executor_submit(struct executor *executor, uint64_t id, const struct arena *arena,
		    const uint8_t *bytes, uint8_t *reply)
{
	size_t reply_length = arena_reply_length(arena);
	struct wire_request request = {.id = id, .arena = *arena};
	struct iovec parts[] = {
		{&request, sizeof(request)},
		{(void *)bytes, arena->given},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ELEMENTSOF(parts)};

	if (reply_length > WIRE_PIECE_MAX && !reply)
		return -EMSGSIZE;
	/* One datagram or nothing. With one request at a time the socket is never full. */
	if (sendmsg(executor->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	executor->owes = true;
	executor->first.id = id;
	executor->reply = reply_length > WIRE_PIECE_MAX ? reply : reply_buffer;
	executor->length = reply_length;
	executor->received = 0;
	return 0;
}
