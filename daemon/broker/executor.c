/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
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
};

/* One for all executors: a reply is dealt with before the next is read. */
static union {
	struct wire_reply header;
	uint8_t bytes[WIRE_REPLY_MAX];
} reply_buffer;

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct executor *executor = userdata;
	const struct wire_reply *header = &reply_buffer.header;
	ssize_t n;

	/* MSG_TRUNC: the real length, so that an overlong answer is seen and not cut. */
	n = recv(fd, reply_buffer.bytes, sizeof(reply_buffer), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		executor->handlers->lost(executor->userdata, "it ended");
		return 0;
	}
	if ((size_t)n < sizeof(*header) || (size_t)n > sizeof(reply_buffer) ||
	    header->length != (size_t)n - sizeof(*header) || header->reserved != 0 ||
	    header->value < -1 || header->error < 0 ||
	    (header->value == -1) != (header->error != 0)) {
		executor->handlers->lost(executor->userdata,
					 "it answered with a malformed message");
		return 0;
	}
	executor->handlers->replied(executor->userdata, header->id, header->value, header->error,
				    reply_buffer.bytes + sizeof(*header), header->length);
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
	*executor = (struct executor){.fd = fd, .handlers = handlers, .userdata = userdata};
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
		    const uint8_t *bytes)
{
	struct wire_request request = {.id = id, .arena = *arena};
	struct iovec parts[] = {
		{&request, sizeof(request)},
		{(void *)bytes, arena->given},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ELEMENTSOF(parts)};

	/* One datagram or nothing. With one request at a time the socket is never full. */
	if (sendmsg(executor->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}
