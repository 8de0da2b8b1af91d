/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "policy/decide.h"

/*
 * One shot, `usec` from now on CLOCK_MONOTONIC; a timer that is not there yet is made. An armed one
 * is armed anew. 0, or a negative errno: it will not fire.
 */
int timer_arm(sd_event *event, sd_event_source **timer, uint64_t usec,
	      sd_event_time_handler_t handler, void *userdata);

/* What the clocks say. */
struct moment moment_now(void);
