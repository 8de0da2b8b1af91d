/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A point in time as people write it. */

#include <stdint.h>

/*
 * "2026-11-22 03:00 UTC", or RFC 3339: "2026-11-22T03:00:00Z", "2026-11-22 03:00:00+01:00". Always
 * with where it is that time, and seconds can be left out. Microseconds since 1970, as
 * CLOCK_REALTIME counts; -EINVAL for anything else.
 */
int instant_parse(const char *text, uint64_t *ret_usec);
