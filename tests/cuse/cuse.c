/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/cuse/cuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "include/cleanup.h"

#define RANGES_MAX                                                                                 \
	16u /* each way; the kernel takes FUSE_IOCTL_MAX_IOV, 256, both ways together              \
	     */

struct ranges {
	struct fuse_ioctl_iovec items[RANGES_MAX];
	unsigned n;
	size_t length; /* of all of them */
};

struct cuse_call {
	pid_t pid;
	uid_t uid;
	struct ranges in; /* what the kernel was asked for; its bytes are at `received` */
	const uint8_t *received;
	size_t received_length;
	bool incomplete; /* something that is not there yet was asked for */

	bool done; /* this is what came of it, and where `sent` goes was not told the kernel yet */
	int result;
	struct ranges out;
	uint8_t sent[CUSE_DATA_MAX];
};

/* There is one node a process, and it serves one call at a time. */
static struct cuse_call call;

/* Whatever the kernel sends at once, and a read needs room for more than that. */
static union {
	struct fuse_in_header header;
	uint8_t bytes[2 * CUSE_DATA_MAX];
} incoming;

static _Noreturn void die(const char *why)
{
	fprintf(stderr, "The server of the CUSE node: %s.\n", why);
	abort();
}

static void ranges_add(struct ranges *ranges, uint64_t address, size_t length)
{
	if (ranges->n == RANGES_MAX || length > CUSE_DATA_MAX - ranges->length)
		die("a call needs more than one request of FUSE carries");
	ranges->items[ranges->n++] = (struct fuse_ioctl_iovec){.base = address, .len = length};
	ranges->length += length;
}

pid_t cuse_caller_pid(const struct cuse_call *c)
{
	return c->pid;
}

uid_t cuse_caller_uid(const struct cuse_call *c)
{
	return c->uid;
}

int cuse_copy_in(struct cuse_call *c, uint64_t address, void *to, size_t length)
{
	size_t offset = 0;

	for (unsigned i = 0; i < c->in.n; i++) {
		const struct fuse_ioctl_iovec *range = &c->in.items[i];

		if (range->base == address && range->len == length &&
		    offset + length <= c->received_length) {
			memcpy(to, c->received + offset, length);
			return 0;
		}
		offset += range->len;
	}
	ranges_add(&c->in, address, length);
	c->incomplete = true;
	return -EAGAIN;
}

int cuse_copy_out(struct cuse_call *c, uint64_t address, const void *from, size_t length)
{
	size_t offset = c->out.length;

	ranges_add(&c->out, address, length);
	memcpy(c->sent + offset, from, length);
	return 0;
}

static int reply(int fd, int error, const void *first, size_t first_length, const void *second,
		 size_t second_length)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + first_length + second_length),
		.error = error,
		.unique = incoming.header.unique,
	};
	struct iovec parts[] = {
		{&header, sizeof(header)},
		{(void *)first, first_length},
		{(void *)second, second_length},
	};

	/* ENOENT: the caller was killed meanwhile. */
	if (writev(fd, parts, ELEMENTSOF(parts)) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/*
 * Once more, with what the call's ranges say. What was read stays among them: a kernel that had
 * something to send, and then has nothing, sends its own struct from the wrong place.
 */
static int reply_again(int fd)
{
	struct fuse_ioctl_iovec iovecs[2 * RANGES_MAX];
	const struct fuse_ioctl_out answer = {
		.flags = FUSE_IOCTL_RETRY,
		.in_iovs = call.in.n,
		.out_iovs = call.out.n,
	};

	memcpy(iovecs, call.in.items, call.in.n * sizeof(iovecs[0]));
	memcpy(iovecs + call.in.n, call.out.items, call.out.n * sizeof(iovecs[0]));
	return reply(fd, 0, &answer, sizeof(answer), iovecs,
		     (call.in.n + call.out.n) * sizeof(iovecs[0]));
}

static int serve_ioctl(int fd, const struct cuse_driver *driver, const struct fuse_ioctl_in *in)
{
	const struct fuse_ioctl_out *answer;

	if (in->in_size == 0 && in->out_size == 0) /* nobody asked for anything: a new one */
		call = (struct cuse_call){.pid = (pid_t)incoming.header.pid,
					  .uid = incoming.header.uid};
	else if (in->in_size != call.in.length || in->out_size != call.out.length)
		die("the kernel sent something else than it was asked for");

	if (!call.done) {
		call.received = (const uint8_t *)(in + 1);
		call.received_length = in->in_size;
		call.incomplete = false;
		call.result = driver->ioctl(driver->context, &call, in->cmd, in->arg);
		if (call.incomplete)
			return reply_again(fd);
		call.done = true;
		if (call.out.n > 0)
			return reply_again(fd);
	}
	answer = &(struct fuse_ioctl_out){.result = call.result};
	return reply(fd, 0, answer, sizeof(*answer), call.sent, call.out.length);
}

static int serve(int fd, const struct cuse_driver *driver)
{
	static const struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
	ssize_t n = read(fd, &incoming, sizeof(incoming));

	if (n < 0)
		return errno == EINTR || errno == ENOENT ? 0 : -errno;
	switch (incoming.header.opcode) {
	case FUSE_OPEN:
		return reply(fd, 0, &opened, sizeof(opened), NULL, 0);
	case FUSE_RELEASE:
		return reply(fd, 0, NULL, 0, NULL, 0);
	case FUSE_IOCTL:
		return serve_ioctl(fd, driver, (const void *)(&incoming.header + 1));
	case FUSE_INTERRUPT: /* as a driver of fwctl: a call that runs runs to its end */
		return 0;
	default:
		return reply(fd, -ENOSYS, NULL, 0, NULL, 0);
	}
}

/* The kernel makes the node before the write of the answer returns. */
static int shake_hands(int fd, const char *name)
{
	static const struct cuse_init_out answer = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.flags = CUSE_UNRESTRICTED_IOCTL,
		.max_read = 4096,
		.max_write = 4096,
	};
	char info[64];
	int n;

	if (read(fd, &incoming, sizeof(incoming)) < 0)
		return -errno;
	if (incoming.header.opcode != CUSE_INIT)
		return -EPROTO;
	n = snprintf(info, sizeof(info), "DEVNAME=%s", name);
	return reply(fd, 0, &answer, sizeof(answer), info, (size_t)n + 1);
}

int cuse_start(const char *name, const struct cuse_driver *driver, pid_t *ret_server)
{
	_cleanup_close_ int fd = open("/dev/cuse", O_RDWR | O_CLOEXEC);
	pid_t server;
	int r;

	if (fd < 0)
		return -errno;
	r = shake_hands(fd, name);
	if (r < 0)
		return r;
	server = fork();
	if (server < 0)
		return -errno;
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		do
			r = serve(fd, driver);
		while (r >= 0);
		die(strerror(-r));
	}
	*ret_server = server;
	return 0;
}
