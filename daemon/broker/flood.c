/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "daemon/broker/flood.h"

struct flooder {
	uid_t uid;
	unsigned n_passed;
	uint64_t n_suppressed;
};

struct flood {
	sd_event_source *window;
	void *by_uid; /* tsearch tree of struct flooder, of this window */
	struct flood_limits limits;
	unsigned n_passed;
	flood_report_t report;
	void *userdata;
};

static int compare(const void *a, const void *b)
{
	const struct flooder *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static void flood_end_window(struct flood *flood)
{
	while (flood->by_uid) {
		struct flooder *flooder = *(struct flooder **)flood->by_uid;

		if (flooder->n_suppressed > 0 && flood->report)
			flood->report(flood->userdata, flooder->uid, flooder->n_suppressed);
		tdelete(flooder, &flood->by_uid, compare);
		free(flooder);
	}
	flood->n_passed = 0;
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	flood_end_window(userdata);
	return 0;
}

bool flood_passes(struct flood *flood, uid_t uid)
{
	struct flooder key = {.uid = uid}, *flooder, **found;

	if (!flood->by_uid) {
		sd_event_source_set_time_relative(flood->window, flood->limits.window_usec);
		sd_event_source_set_enabled(flood->window, SD_EVENT_ONESHOT);
	}
	found = tfind(&key, &flood->by_uid, compare);
	if (found) {
		flooder = *found;
	} else {
		/* Without the memory to count it, it passes. */
		flooder = calloc(1, sizeof(*flooder));
		if (!flooder)
			return true;
		flooder->uid = uid;
		if (!tsearch(flooder, &flood->by_uid, compare)) {
			free(flooder);
			return true;
		}
	}
	if (flooder->n_passed >= flood->limits.per_uid || flood->n_passed >= flood->limits.in_all) {
		flooder->n_suppressed++;
		return false;
	}
	flooder->n_passed++;
	flood->n_passed++;
	return true;
}

int flood_new(sd_event *event, const struct flood_limits *limits, flood_report_t report,
	      void *userdata, struct flood **ret)
{
	struct flood *flood;
	int r;

	flood = calloc(1, sizeof(*flood));
	if (!flood)
		return -ENOMEM;
	*flood = (struct flood){.limits = *limits, .report = report, .userdata = userdata};
	r = sd_event_add_time_relative(event, &flood->window, CLOCK_MONOTONIC, 0, 0, on_window_end,
				       flood);
	if (r >= 0)
		r = sd_event_source_set_enabled(flood->window, SD_EVENT_OFF);
	if (r < 0) {
		flood_free(flood);
		return r;
	}
	*ret = flood;
	return 0;
}

struct flood *flood_free(struct flood *flood)
{
	if (!flood)
		return NULL;
	flood_end_window(flood);
	sd_event_source_disable_unref(flood->window);
	free(flood);
	return NULL;
}
