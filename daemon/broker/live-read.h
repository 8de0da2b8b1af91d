/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks the device, through fwctld's own path and audited like any other command, what it reports
 * about its commands' effects: one question after the other. device->live_known is set when the
 * last one has been answered, or the device has refused it: then it has no such report. Whatever
 * else comes instead of an answer, all of it is asked again later (device->live_failed meanwhile).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/live.h"

struct device;

enum live_question {
	LIVE_CONTROLLER,   /* NVMe: Identify Controller, for what there is to ask */
	LIVE_COMMANDS,	   /* NVMe: log 0x05 */
	LIVE_FEATURES,	   /* NVMe: log 0x12 */
	LIVE_CXL_FEATURES, /* fwctl node: Get Supported Features, in parts */
	LIVE_CXL_LOGS,	   /* mailbox node: how long is the Command Effects Log? */
	LIVE_CXL_COMMANDS, /* mailbox node: that log, in parts */
	LIVE_NOTHING,
};

struct live_reading {
	uint64_t number; /* an answer to a question of an earlier reading is dropped */
	enum live_question question;
	struct live_controller controller;
	size_t at;	   /* what has been read, in entries or bytes */
	size_t size;	   /* of the log, in bytes */
	unsigned n_failed; /* in a row */
};

/* Its executor is there: everything anew. */
void live_read(struct device *device);
/* Its executor is lost: nothing that was read counts, or will be read. */
void live_forget(struct device *device);
