/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Points in time as a person at this machine gives and reads them: microseconds since 1970. */

#include <stdint.h>

/* What local_time_parse() takes, for messages. */
#define LOCAL_TIME_EXPECTED                                                                        \
	"a time such as \"2026-11-22 03:00\", 2026-11-22T03:00:00Z, or so much before now: -30s, " \
	"-15min, -2h, -7d"

/* -EINVAL for anything else. */
int local_time_parse(const char *text, uint64_t now_usec, uint64_t *ret);
/* "2026-11-22 03:00:00" of the local time. Returns the buffer. */
#define LOCAL_TIME_MAX 64u
char *local_time_format(uint64_t usec, char buffer[static LOCAL_TIME_MAX]);
