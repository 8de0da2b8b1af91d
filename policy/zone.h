/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What time it is in a zone of the IANA database, without asking the process's environment: the
 * zone's offsets from UTC, worked out when it is loaded, for the years 2020 to 2100.
 */

#include <stdint.h>

struct zone;

#define MINUTES_A_DAY  (24u * 60u)
#define MINUTES_A_WEEK (7u * MINUTES_A_DAY)

/*
 * "UTC", "Europe/Berlin", or "local": the machine's own, as it is now. -ENOENT: there is no such
 * zone.
 */
int zone_load(const char *name, struct zone **ret);
struct zone *zone_free(struct zone *zone);

const char *zone_name(const struct zone *zone);
/* Minutes since Monday, 00:00. realtime_usec: since 1970, UTC, as CLOCK_REALTIME counts. */
unsigned zone_minute(const struct zone *zone, uint64_t realtime_usec);
