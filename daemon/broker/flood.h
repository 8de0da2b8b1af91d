/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bounds how often, in a window of time, a user and all users together can have something that
 * costs nothing to ask for. What passes a bound is counted, and the count is reported when the
 * window ends. By uid, and longer than any connection: whoever connects anew is who he was.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct flood_limits {
	uint64_t window_usec;
	unsigned per_uid;
	unsigned in_all;
};

struct flood;

/* `count` of this user's did not pass. */
typedef void (*flood_report_t)(void *userdata, uid_t uid, uint64_t count);

/* report may be NULL. */
int flood_new(sd_event *event, const struct flood_limits *limits, flood_report_t report,
	      void *userdata, struct flood **ret);
/* Reports what is still to be reported. */
struct flood *flood_free(struct flood *flood);

/* May this user have another one now? Counted either way. */
bool flood_passes(struct flood *flood, uid_t uid);
