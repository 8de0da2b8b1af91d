/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "daemon/broker/timer.h"

int timer_arm(sd_event *event, sd_event_source **timer, uint64_t usec,
	      sd_event_time_handler_t handler, void *userdata)
{
	int r;

	/* A new time source is one shot already. */
	if (!*timer)
		return sd_event_add_time_relative(event, timer, CLOCK_MONOTONIC, usec, 0, handler,
						  userdata);
	r = sd_event_source_set_time_relative(*timer, usec);
	return r < 0 ? r : sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec now;

	/* It can't fail for these clocks. */
	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct moment moment_now(void)
{
	return (struct moment){
		.realtime_usec = clock_usec(CLOCK_REALTIME),
		.boottime_usec = clock_usec(CLOCK_BOOTTIME),
	};
}
