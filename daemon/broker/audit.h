/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The way of an audit record into the journal, without ever blocking.
 *
 * sd_journal_sendv() blocks for as long as journald is stalled, and with it would the event loop.
 * So the records go out on a socket of our own, non-blocking, in journald's native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram is one record, and a value that is not plain
 * text travels with its length, so that no byte in it can end the record or start another field.
 *
 * "Accepted" means that the kernel took the datagram into journald's queue. What does not fit waits
 * here, in order, until journald reads again, for at most the time its sender gives it.
 */

#include <stdarg.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "include/bytes.h"

#define AUDIT_SOCKET "/run/systemd/journal/socket"
#define AUDIT_RECORD_MAX                                                                           \
	16384u /* bytes of one record; a field that does not fit is left out, and said */

struct audit_record {
	uint8_t buffer[AUDIT_RECORD_MAX];
	struct bytes_writer writer;
};

void audit_record_start(struct audit_record *record, const char *message_id, int priority,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A field FWCTLD_<name>; NULL and "" are left out. Any byte may stand in the value. */
void audit_record_text(struct audit_record *record, const char *name, const char *value);
void audit_record_format(struct audit_record *record, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct audit;

int audit_new(sd_event *event, struct audit **ret);
struct audit *audit_free(struct audit *audit);

/* error: 0 when the record was accepted, else a negative errno: it never will be. */
typedef void (*audit_done_t)(void *userdata, int error);

/*
 * 1: accepted at once (`done` is not called). 0: it waits, `done` will be called. Negative errno:
 * refused. timeout_usec: how long it may wait; UINT64_MAX: until it is accepted. `done` may be
 * NULL.
 */
int audit_send(struct audit *audit, const struct audit_record *record, uint64_t timeout_usec,
	       audit_done_t done, void *userdata);
/* Forgets the callback of a waiting record, not the record. */
void audit_forget(struct audit *audit, void *userdata);

/* A record that may be lost in a flood, but not uncounted: a later record says how many were. */
void audit_send_lossy(struct audit *audit, const struct audit_record *record);
