/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/zone.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

/* 2020-01-01 and 2100-01-01, 00:00 UTC. */
#define FIRST_SECOND INT64_C(1577836800)
#define LAST_SECOND  INT64_C(4102444800)
/* Of the changes that a zone made between them; the most that the database has today is about 160,
 * two a year. */
#define OFFSETS_MAX 1024u

DEFINE_CLEANUP(GTimeZone *, g_time_zone_unref)

struct zone {
	char *name;
	struct zone_offset {
		int64_t since;	 /* seconds since 1970; ascending */
		int32_t seconds; /* east of UTC */
	} * offsets;
	size_t n_offsets;
};

static int32_t offset_at(GTimeZone *source, int64_t second)
{
	return g_time_zone_get_offset(source,
				      g_time_zone_find_interval(source, G_TIME_TYPE_UNIVERSAL,
								second));
}

static int add_offset(struct zone *zone, int64_t since, int32_t seconds)
{
	struct zone_offset *grown;

	if (zone->n_offsets >= OFFSETS_MAX)
		return -E2BIG;
	grown = reallocarray(zone->offsets, zone->n_offsets + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	zone->offsets = grown;
	zone->offsets[zone->n_offsets++] = (struct zone_offset){since, seconds};
	return 0;
}

/* The second at which the offset of `first` ends; it has another one in `last`. */
static int64_t find_change(GTimeZone *source, int64_t first, int64_t last)
{
	int32_t before = offset_at(source, first);

	while (last - first > 1) {
		int64_t middle = first + (last - first) / 2;

		if (offset_at(source, middle) == before)
			first = middle;
		else
			last = middle;
	}
	return last;
}

/* No zone changes its offset and takes that back within a week. */
static int read_offsets(GTimeZone *source, struct zone *zone)
{
	static const int64_t week = INT64_C(7) * 24 * 60 * 60;
	int r;

	r = add_offset(zone, INT64_MIN, offset_at(source, FIRST_SECOND));
	for (int64_t second = FIRST_SECOND; r >= 0 && second < LAST_SECOND; second += week) {
		int32_t after = offset_at(source, second + week);

		if (after != zone->offsets[zone->n_offsets - 1].seconds)
			r = add_offset(zone, find_change(source, second, second + week), after);
	}
	return r;
}

/* GLib takes rules of POSIX and paths as well. Only names of the database are meant here. */
static GTimeZone *open_zone(const char *name)
{
	if (strcmp(name, "local") == 0)
		return g_time_zone_new_local();
	if (strcmp(name, "UTC") == 0)
		return g_time_zone_new_utc();
	if (name[strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/")] ||
	    !strchr(name, '/') || name[0] == '/' || strstr(name, "//"))
		return NULL;
	return g_time_zone_new_identifier(name);
}

int zone_load(const char *name, struct zone **ret)
{
	_cleanup_(g_time_zone_unrefp) GTimeZone *source = open_zone(name);
	struct zone *zone;
	int r;

	if (!source)
		return -ENOENT;
	zone = calloc(1, sizeof(*zone));
	if (!zone)
		return -ENOMEM;
	zone->name = strdup(name);
	r = zone->name ? read_offsets(source, zone) : -ENOMEM;
	if (r < 0) {
		zone_free(zone);
		return r;
	}
	*ret = zone;
	return 0;
}

struct zone *zone_free(struct zone *zone)
{
	if (!zone)
		return NULL;
	free(zone->name);
	free(zone->offsets);
	free(zone);
	return NULL;
}

const char *zone_name(const struct zone *zone)
{
	return zone->name;
}

unsigned zone_minute(const struct zone *zone, uint64_t realtime_usec)
{
	int64_t second = (int64_t)(realtime_usec / 1000000), minute;
	size_t first = 0, n = zone->n_offsets;

	/* The last one that has begun. */
	while (n > 1) {
		size_t half = n / 2;

		if (zone->offsets[first + half].since <= second) {
			first += half;
			n -= half;
		} else {
			n = half;
		}
	}
	minute = (second + zone->offsets[first].seconds) / 60;
	/* 1970-01-01 was a Thursday. */
	return (unsigned)((minute + 3 * (int64_t)MINUTES_A_DAY + MINUTES_A_WEEK) % MINUTES_A_WEEK);
}
