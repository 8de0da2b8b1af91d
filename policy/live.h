/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the device itself reports about its commands' effects: read from the answers to commands
 * that fwctld sends it, looked up by classify(), where it only ever worsens.
 *
 *   NVMe     Commands Supported and Effects (log 0x05), by opcode
 *            Feature Identifiers Supported and Effects (log 0x12), by FID
 *   CXL      Command Effects Log, by opcode
 *            entries of Get Supported Features, by UUID
 *
 * The parsers return 0, or -EBADMSG for an answer that is shorter than it must be; `live` is then
 * as it was. What is reported twice counts at its worst.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/effect.h"

#define LIVE_ENTRIES_MAX 256u

struct live_report {
	effect_set effects; /* doubtful reports have `unknown` among them, which is destructive */
	const char *reason; /* the worst of them, in words, for ever; NULL: it reports nothing */
};

struct live_key {
	uint8_t bytes[16]; /* a UUID; or a number, host order, and zeroes */
};

struct live_table {
	struct live_entry {
		struct live_key key;
		struct live_report report;
	} entries[LIVE_ENTRIES_MAX]; /* sorted by key */
	size_t n_entries;
	struct live_report others; /* of what is not among them */
};

struct live_effects {
	struct live_table commands; /* by opcode */
	struct live_table values;   /* by the value of the field that a command's `live:` names */
	uint32_t
		kernel_capabilities; /* a bit each: the first word of FWCTL_INFO's data, for bnxt */
};

/* Nothing is reported. */
void live_clear(struct live_effects *live);

struct live_key live_key_number(uint64_t number);
struct live_key live_key_uuid(const uint8_t uuid[static 16]);
/* NULL: the device says nothing about it. */
const struct live_report *live_find(const struct live_table *table, struct live_key key);
/* The worse of two becomes the first. */
void live_worsen(struct live_report *report, const struct live_report *other);

/* What Identify Controller says of the reports that there are: 4096 bytes. */
struct live_controller {
	bool commands;	     /* log 0x05 */
	bool features;	     /* log 0x12 */
	size_t transfer_max; /* bytes of one command when a log page is read in parts; 0: can't be
			      */
};
int live_read_nvme_controller(const void *page, size_t length, struct live_controller *ret);
/* Log 0x05: 4096 bytes. An opcode that it does not support is doubtful. */
int live_read_nvme_commands(const void *page, size_t length, struct live_effects *live);
/* Log 0x12: 1024 bytes. It says nothing of a feature that it does not support. */
int live_read_nvme_features(const void *page, size_t length, struct live_effects *live);

/*
 * The payload of a Get Supported Features from entry `start`, of at most LIVE_FEATURES_PART: le16
 * entries, le16 total, 4 reserved, 48-byte entries. ret_next: where the next part starts; 0: that
 * was the last one.
 */
#define LIVE_FEATURES_PART 64u
int live_read_cxl_features(const void *payload, size_t length, size_t start,
			   struct live_effects *live, size_t *ret_next);
/*
 * The payload of Get Supported Logs: le16 entries, 6 reserved, entries of UUID and le32 size.
 * ret_size: bytes of the Command Effects Log to read, at most 4 * LIVE_ENTRIES_MAX; 0: there is
 * none.
 */
extern const uint8_t live_cxl_effects_log[16]; /* its UUID */
int live_read_cxl_logs(const void *payload, size_t length, struct live_effects *live,
		       size_t *ret_size);
/* Whole entries of the Command Effects Log: le16 opcode, le16 effects. */
int live_read_cxl_commands(const void *entries, size_t length, struct live_effects *live);
