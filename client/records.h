/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What fwctld decided, out of the journal: its intents, denials, and how many denials it did not
 * write. Anybody can log a record that looks like one, so only those count that journald itself
 * says are of fwctld.service; on this machine, also those of the user fwctld alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "include/cleanup.h"

enum record_kind {
	RECORD_INTENT,
	RECORD_DENIED,
	RECORD_SUPPRESSED,
	_RECORD_KIND_MAX,
};

enum record_field {
	RECORD_CALLER_UID,
	RECORD_CALLER_NAME,
	RECORD_CALLER_GIDS,
	RECORD_DEVICE_ID,
	RECORD_DIALECT,
	RECORD_DRIVER,
	RECORD_PCI,
	RECORD_SERIAL,
	RECORD_MODEL,
	RECORD_FIRMWARE,
	RECORD_NQN,
	RECORD_COMMAND,
	RECORD_FIELDS,
	RECORD_CLASS,
	RECORD_EFFECTS,
	RECORD_SCOPE,
	RECORD_VERDICT,
	RECORD_RULE,
	RECORD_COUNT,
	RECORD_TRUNCATED,
	RECORD_MESSAGE_ID,
	RECORD_SENT_USEC,
	_RECORD_FIELD_MAX,
};

struct record {
	enum record_kind kind;
	uint64_t realtime_usec; /* when it was sent */
	/* NULL: not there. Any bytes but NUL: what a device or a caller supplied is data. */
	char *values[_RECORD_FIELD_MAX];
	bool damaged; /* a field cannot be read, stands in it twice, or holds a NUL */
};

void record_done(struct record *record);

struct records;

/*
 * directory: of journal files; file: one; both NULL: this machine's journal. Microseconds of
 * CLOCK_REALTIME, both included. -ESRCH: there is no user fwctld, whose records they would be.
 */
int records_open(const char *directory, const char *file, uint64_t since_usec, uint64_t until_usec,
		 struct records **ret);
struct records *records_close(struct records *records);
/* 1 with the next record, in their order; 0 at the end. */
int records_next(struct records *records, struct record *ret);

DEFINE_CLEANUP(struct records *, records_close)
