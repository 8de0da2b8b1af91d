/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/broker/monitor-client.h"
#include "include/cleanup.h"

/* Opening a device reads its identity from firmware (FWCTL_INFO): slow is not dead. */
#define ANSWER_TIMEOUT_USEC (30 * 1000 * 1000ull)

struct open_request {
	TAILQ_ENTRY(open_request) link;
	struct monitor_request request;
};

struct monitor_client {
	sd_event *event;
	int fd;	    /* -EBADF: not connected */
	bool asked; /* the first of the queue is out */
	sd_event_source *readable;
	sd_event_source *timer; /* ends the wait for an answer, or starts the next request */
	monitor_answered_t answered;
	void *userdata;
	TAILQ_HEAD(, open_request) queue; /* in the order asked */
};

static void client_disconnect(struct monitor_client *client)
{
	client->readable = sd_event_source_disable_unref(client->readable);
	client->fd = safe_close(client->fd);
}

/* The request at the head is over; the next one goes out from the event loop. */
static void client_finish(struct monitor_client *client, int error,
			  const struct monitor_identity *identity, int fd)
{
	struct open_request *open = TAILQ_FIRST(&client->queue);
	struct monitor_request request = open->request;

	client->asked = false;
	TAILQ_REMOVE(&client->queue, open, link);
	free(open);
	if (TAILQ_EMPTY(&client->queue)) {
		sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
	} else {
		sd_event_source_set_time(client->timer, 0);
		sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
	}
	if (error)
		client_disconnect(client);
	client->answered(client->userdata, &request, error, identity, fd);
}

static bool is_terminated(const char *string, size_t size)
{
	return memchr(string, '\0', size) != NULL;
}

/* The monitor is trusted with more than we are; but a struct from elsewhere is checked all the
 * same. */
static bool identity_valid(const struct monitor_identity *i)
{
	return is_terminated(i->name, sizeof(i->name)) && i->name[0] &&
	       is_terminated(i->dialect, sizeof(i->dialect)) &&
	       is_terminated(i->envelope, sizeof(i->envelope)) &&
	       is_terminated(i->driver, sizeof(i->driver)) &&
	       is_terminated(i->pci, sizeof(i->pci)) &&
	       is_terminated(i->serial, sizeof(i->serial)) &&
	       is_terminated(i->model, sizeof(i->model)) &&
	       is_terminated(i->firmware, sizeof(i->firmware)) &&
	       is_terminated(i->nqn, sizeof(i->nqn)) && is_terminated(i->memdev, sizeof(i->memdev));
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct monitor_client *client = userdata;
	struct monitor_answer answer;
	_cleanup_close_ int executor = -EBADF;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {&answer, sizeof(answer)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t n;

	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&executor, CMSG_DATA(c), sizeof(int));

	if (!client->asked)
		client_disconnect(client); /* it ended, or spoke, without being asked */
	else if (n <= 0)
		client_finish(client, ECONNRESET, NULL, -EBADF);
	else if (n != sizeof(answer) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		 (answer.error == 0) != (executor >= 0) ||
		 (answer.error == 0 && !identity_valid(&answer.identity)))
		client_finish(client, EBADMSG, NULL, -EBADF);
	else if (answer.error != 0)
		client_finish(client, answer.error > 0 ? answer.error : EBADMSG, NULL, -EBADF);
	else
		client_finish(client, 0, &answer.identity, TAKE_FD(executor));
	return 0;
}

static int client_connect(struct monitor_client *client)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = MONITOR_SOCKET,
	};
	int r;

	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		return -errno;
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = -ECONNREFUSED; /* whatever it was: an ENOENT of our own would say that a node is
				      gone */
	else
		r = sd_event_add_io(client->event, &client->readable, client->fd, EPOLLIN,
				    on_answer, client);
	if (r < 0)
		client_disconnect(client);
	return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct monitor_client *client = userdata;
	struct open_request *open = TAILQ_FIRST(&client->queue);
	int r = 0;

	if (client->asked) { /* the time for an answer is over */
		client_finish(client, ETIMEDOUT, NULL, -EBADF);
		return 0;
	}
	if (client->fd < 0)
		r = client_connect(client);
	if (r >= 0 && send(client->fd, &open->request, sizeof(open->request),
			   MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r < 0) {
		client_finish(client, -r, NULL, -EBADF);
		return 0;
	}
	client->asked = true;
	sd_event_source_set_time_relative(client->timer, ANSWER_TIMEOUT_USEC);
	return sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

int monitor_client_open(struct monitor_client *client, enum monitor_subsystem subsystem,
			unsigned number)
{
	struct open_request *open;
	bool first = TAILQ_EMPTY(&client->queue);

	TAILQ_FOREACH(open, &client->queue, link)
		if (open->request.subsystem == subsystem && open->request.number == number &&
		    !(client->asked && open == TAILQ_FIRST(&client->queue)))
			return 0;
	open = calloc(1, sizeof(*open));
	if (!open)
		return -ENOMEM;
	open->request = (struct monitor_request){.subsystem = subsystem, .number = number};
	TAILQ_INSERT_TAIL(&client->queue, open, link);
	if (first) {
		sd_event_source_set_time(client->timer, 0);
		sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
	}
	return 0;
}

bool monitor_client_idle(const struct monitor_client *client)
{
	return TAILQ_EMPTY(&client->queue);
}

int monitor_client_new(sd_event *event, monitor_answered_t answered, void *userdata,
		       struct monitor_client **ret)
{
	struct monitor_client *client;
	int r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	*client = (struct monitor_client){
		.event = sd_event_ref(event),
		.fd = -EBADF,
		.answered = answered,
		.userdata = userdata,
	};
	TAILQ_INIT(&client->queue);
	r = sd_event_add_time(event, &client->timer, CLOCK_MONOTONIC, 0, 0, on_timer, client);
	if (r >= 0)
		r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
	if (r < 0) {
		monitor_client_free(client);
		return r;
	}
	*ret = client;
	return 0;
}

struct monitor_client *monitor_client_free(struct monitor_client *client)
{
	struct open_request *open;

	if (!client)
		return NULL;
	while ((open = TAILQ_FIRST(&client->queue))) {
		TAILQ_REMOVE(&client->queue, open, link);
		free(open);
	}
	client_disconnect(client);
	sd_event_source_disable_unref(client->timer);
	sd_event_unref(client->event);
	free(client);
	return NULL;
}
