/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "daemon/broker/audit.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

/* Above this many waiting records the lossy ones are counted instead of kept: 16 MiB at the worst.
 */
#define BACKLOG_LOSSY_MAX 1024u
/*
 * While records wait, their deadlines and a socket that is gone are looked at this often. The
 * accuracy has to be said: sd-event's own is 250 ms, sd_event_add_time(3).
 */
#define RETRY_USEC	    (20 * 1000u)
#define RETRY_ACCURACY_USEC 1000u

struct waiting_record {
	TAILQ_ENTRY(waiting_record) link;
	uint64_t deadline; /* CLOCK_MONOTONIC, µs; UINT64_MAX: none */
	audit_done_t done;
	void *userdata;
	size_t length;
	uint8_t bytes[];
};

struct audit {
	sd_event *event;
	sd_event_source *retry;
	sd_event_source *writable; /* of fd; NULL: it can't be watched, and the timer has to do */
	bool full;		   /* the last record found no room in journald's queue */
	int fd;
	TAILQ_HEAD(, waiting_record) backlog;
	size_t n_backlog;
	uint64_t suppressed;
};

void audit_record_start(struct audit_record *record, const char *message_id, int priority,
			const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	record->writer = (struct bytes_writer){
		.buffer = record->buffer,
		.capacity = sizeof(record->buffer),
	};
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	/* The one value that we compose of others' words and that people read on terminals. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';

	n = snprintf((char *)record->buffer, sizeof(record->buffer),
		     "MESSAGE=%s\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=fwctld\n", text,
		     message_id, priority);
	record->writer.length = (size_t)n;
}

static bool is_plain(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ')
			return false;
	return true;
}

void audit_record_text(struct audit_record *record, const char *name, const char *value)
{
	struct bytes_writer *w = &record->writer;
	size_t before = w->length, size;

	if (!value || !*value)
		return;
	size = strlen(value);
	bytes_append(w, "FWCTLD_", strlen("FWCTLD_"));
	bytes_append(w, name, strlen(name));
	if (is_plain(value)) {
		bytes_append(w, "=", 1);
	} else {
		uint8_t length[8];

		bytes_put(length, sizeof(length), 0, 8, BYTES_LITTLE, size);
		bytes_append(w, "\n", 1);
		bytes_append(w, length, sizeof(length));
	}
	bytes_append(w, value, size);
	bytes_append(w, "\n", 1);

	if (w->overflow) {
		/* Whole fields or none: half a field would make the rest of the record unreadable.
		 */
		w->overflow = false;
		w->length = before;
		bytes_append(w, "FWCTLD_TRUNCATED=1\n", strlen("FWCTLD_TRUNCATED=1\n"));
		if (w->overflow) {
			w->overflow = false;
			w->length = before;
		}
	}
}

void audit_record_format(struct audit_record *record, const char *name, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	audit_record_text(record, name, text);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/*
 * A socket becomes writable when its peer's queue has room again: unix_dgram_poll() of Linux. That
 * it can't be watched, as after the loop's end, is no reason not to send.
 */
static void audit_watch(struct audit *audit, int fd)
{
	audit->writable = sd_event_source_disable_unref(audit->writable);
	if (sd_event_add_io(audit->event, &audit->writable, fd, EPOLLOUT, on_writable, audit) >= 0)
		(void)sd_event_source_set_enabled(audit->writable, SD_EVENT_OFF);
}

static int audit_connect(struct audit *audit)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = AUDIT_SOCKET,
	};
	_cleanup_close_ int fd = -EBADF;
	int size = 1024 * 1024;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* So that journald's queue is the limit and not our buffer; a smaller one only waits
	 * earlier. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	audit_watch(audit, fd);
	safe_close(audit->fd);
	audit->fd = TAKE_FD(fd);
	return 0;
}

/* 0, -EAGAIN when it can be tried again as it is, or another errno when there is no journald. */
static int audit_try(struct audit *audit, const void *bytes, size_t length)
{
	audit->full = false;
	for (unsigned attempt = 0;; attempt++) {
		int r;

		if (audit->fd >= 0) {
			if (send(audit->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
				return 0;
			r = -errno;
			/* Anything but a full queue may be a journald that was restarted by hand.
			 */
			audit->full = r == -EAGAIN;
			if (audit->full || r == -EINTR || r == -ENOBUFS)
				return -EAGAIN;
			if (attempt > 0)
				return r;
		}
		r = audit_connect(audit);
		if (r < 0)
			return r;
	}
}

static void waiting_finish(struct audit *audit, struct waiting_record *waiting, int error)
{
	TAILQ_REMOVE(&audit->backlog, waiting, link);
	audit->n_backlog--;
	if (waiting->done)
		waiting->done(waiting->userdata, error);
	free(waiting);
}

static void audit_report_suppressed(struct audit *audit)
{
	struct audit_record record;

	if (audit->suppressed == 0)
		return;
	audit_record_start(
		&record, FWCTLD_MESSAGE_SUPPRESSED, LOG_WARNING,
		"%llu audit records, of denied requests or of what rules would have decided, "
		"were not written, because journald did not take them in time",
		(unsigned long long)audit->suppressed);
	audit_record_format(&record, "COUNT", "%llu", (unsigned long long)audit->suppressed);
	if (audit_try(audit, record.buffer, record.writer.length) == 0)
		audit->suppressed = 0;
}

/*
 * Whatever is left is looked at again. The socket is asked while the queue is full, but not where a
 * peer is missing, or memory: then it is writable all the time.
 */
static void audit_wait(struct audit *audit)
{
	bool settled = TAILQ_EMPTY(&audit->backlog) && audit->suppressed == 0;

	if (audit->writable)
		sd_event_source_set_enabled(audit->writable,
					    !settled && audit->full ? SD_EVENT_ON : SD_EVENT_OFF);
	if (settled) {
		(void)sd_event_source_set_enabled(audit->retry, SD_EVENT_OFF);
	} else if (sd_event_source_get_enabled(audit->retry, NULL) == 0) {
		sd_event_source_set_time_relative(audit->retry, RETRY_USEC);
		sd_event_source_set_enabled(audit->retry, SD_EVENT_ONESHOT);
	}
}

/* What waits goes out as far as journald takes it; what has waited too long is given up. */
static void audit_flush(struct audit *audit)
{
	struct waiting_record *waiting, *next;
	uint64_t now;

	sd_event_now(audit->event, CLOCK_MONOTONIC, &now);
	while ((waiting = TAILQ_FIRST(&audit->backlog))) {
		if (audit_try(audit, waiting->bytes, waiting->length) < 0)
			break;
		waiting_finish(audit, waiting, 0);
	}
	/* A callback may send or free other records: start over after each. */
	for (waiting = TAILQ_FIRST(&audit->backlog); waiting; waiting = next) {
		next = TAILQ_NEXT(waiting, link);
		if (waiting->deadline > now)
			continue;
		waiting_finish(audit, waiting, -ETIMEDOUT);
		next = TAILQ_FIRST(&audit->backlog);
	}
	if (TAILQ_EMPTY(&audit->backlog))
		audit_report_suppressed(audit);
	audit_wait(audit);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	audit_flush(userdata);
	return 0;
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	audit_flush(userdata);
	return 0;
}

int audit_send(struct audit *audit, const struct audit_record *record, uint64_t timeout_usec,
	       audit_done_t done, void *userdata)
{
	struct waiting_record *waiting;
	uint64_t now;
	size_t length = record->writer.length;

	if (TAILQ_EMPTY(&audit->backlog) && audit_try(audit, record->buffer, length) == 0)
		return 1;

	/* Behind what waits already: the journal's order is the order of events. */
	waiting = malloc(sizeof(*waiting) + length);
	if (!waiting)
		return -ENOMEM;
	sd_event_now(audit->event, CLOCK_MONOTONIC, &now);
	*waiting = (struct waiting_record){
		.deadline = timeout_usec == UINT64_MAX ? UINT64_MAX : now + timeout_usec,
		.done = done,
		.userdata = userdata,
		.length = length,
	};
	memcpy(waiting->bytes, record->buffer, length);
	TAILQ_INSERT_TAIL(&audit->backlog, waiting, link);
	audit->n_backlog++;
	audit_wait(audit);
	return 0;
}

void audit_send_lossy(struct audit *audit, const struct audit_record *record)
{
	if (audit->n_backlog >= BACKLOG_LOSSY_MAX ||
	    audit_send(audit, record, UINT64_MAX, NULL, NULL) < 0) {
		audit->suppressed++;
		audit_wait(audit);
	}
}

void audit_forget(struct audit *audit, void *userdata)
{
	struct waiting_record *waiting;

	TAILQ_FOREACH(waiting, &audit->backlog, link)
		if (waiting->userdata == userdata)
			waiting->done = NULL;
}

int audit_new(sd_event *event, struct audit **ret)
{
	struct audit *audit;
	int r;

	audit = calloc(1, sizeof(*audit));
	if (!audit)
		return -ENOMEM;
	audit->fd = -EBADF;
	TAILQ_INIT(&audit->backlog);
	audit->event = sd_event_ref(event);
	r = sd_event_add_time_relative(event, &audit->retry, CLOCK_MONOTONIC, 0,
				       RETRY_ACCURACY_USEC, on_retry, audit);
	if (r >= 0)
		r = sd_event_source_set_enabled(audit->retry, SD_EVENT_OFF);
	if (r < 0) {
		audit_free(audit);
		return r;
	}
	*ret = audit;
	return 0;
}

struct audit *audit_free(struct audit *audit)
{
	unsigned patience = 2000 * 1000 / RETRY_USEC;
	struct waiting_record *waiting;

	if (!audit)
		return NULL;
	/* The last chance of what still waits, and a moment for it. Nobody is left to be told. */
	while ((waiting = TAILQ_FIRST(&audit->backlog))) {
		while (audit_try(audit, waiting->bytes, waiting->length) < 0 && patience > 0) {
			usleep(RETRY_USEC);
			patience--;
		}
		waiting->done = NULL;
		waiting_finish(audit, waiting, 0);
	}
	sd_event_source_disable_unref(audit->retry);
	sd_event_source_disable_unref(audit->writable);
	sd_event_unref(audit->event);
	safe_close(audit->fd);
	free(audit);
	return NULL;
}
