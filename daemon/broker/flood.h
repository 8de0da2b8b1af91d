/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bounds how many records of denied requests a user, and all users together, can cause: being
 * denied costs nothing, and the disk that the journal is on is everybody's. What passes the bound
 * is counted, and the count is reported when the window ends: none is lost uncounted.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define FLOOD_WINDOW_USEC (10 * 1000 * 1000ull)
#define FLOOD_PER_UID_MAX 200u
#define FLOOD_MAX	  2000u

struct flood;

/* `count` records of this user were not written. */
typedef void (*flood_report_t)(void *userdata, uid_t uid, uint64_t count);

int flood_new(sd_event *event, flood_report_t report, void *userdata, struct flood **ret);
/* Reports what is still to be reported. */
struct flood *flood_free(struct flood *flood);

/* May another record of this user be written? Counted either way. */
bool flood_passes(struct flood *flood, uid_t uid);
