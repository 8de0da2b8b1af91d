/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules that can never match, because one before them matches all that they do. */

#include "policy/rule.h"

#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"

#define CLASSES_ALL (1u << CLASS_READ_ONLY | 1u << CLASS_CONFIG_CHANGE | 1u << CLASS_DESTRUCTIVE)

static const struct pattern everything = {.text = (char *)"", .prefix = true};

static bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
	if (!wide->prefix && narrow->prefix)
		return false;
	return pattern_matches(wide, narrow->text);
}

static bool list_covers_pattern(const struct pattern_list *wide, const struct pattern *narrow)
{
	for (size_t i = 0; i < wide->n; i++)
		if (pattern_covers(&wide->items[i], narrow))
			return true;
	return wide->n == 0;
}

static bool list_covers(const struct pattern_list *wide, const struct pattern_list *narrow)
{
	if (narrow->n == 0)
		return list_covers_pattern(wide, &everything);
	for (size_t i = 0; i < narrow->n; i++)
		if (!list_covers_pattern(wide, &narrow->items[i]))
			return false;
	return true;
}

/* NULL stands for everything, here and below. */
static bool commands_cover(const struct command_set *wide, const struct command_set *narrow)
{
	if (!wide)
		return true;
	if (!wide->where)
		return narrow ? list_covers(&wide->names, &narrow->names)
			      : list_covers_pattern(&wide->names, &everything);
	for (size_t i = 0; narrow && i < narrow->names.n; i++) {
		const struct pattern *command = &narrow->names.items[i];
		size_t j = 0;

		while (j < wide->names.n && !pattern_covers(&wide->names.items[j], command))
			j++;
		if (j == wide->names.n ||
		    !condition_covers(&wide->where[j], narrow->where ? &narrow->where[i] : NULL,
				      wide->commands[j]))
			return false;
	}
	return narrow != NULL;
}

static bool callers_cover(const struct caller_set *wide, const struct caller_set *narrow)
{
	if (!wide || !narrow)
		return !wide;
	for (size_t i = 0; i < narrow->n_uids; i++) {
		bool found = false;

		for (size_t j = 0; j < wide->n_uids && !found; j++)
			found = wide->uids[j] == narrow->uids[i];
		if (!found)
			return false;
	}
	for (size_t i = 0; i < narrow->n_gids; i++) {
		bool found = false;

		for (size_t j = 0; j < wide->n_gids && !found; j++)
			found = wide->gids[j] == narrow->gids[i];
		if (!found)
			return false;
	}
	return true;
}

static bool devices_cover(const struct rule *wide, const struct rule *narrow)
{
	static const struct device_set every_device;
	const struct device_set *outer = wide->device, *inner = narrow->device ?: &every_device;

	if (!outer)
		return true;
	/* Any pattern of a serial, even `*`, leaves out devices without one; and one that opens
	 * also devices whose serial is disputed. */
	if (outer->keys[DEVICE_SERIAL].n > 0 &&
	    (inner->keys[DEVICE_SERIAL].n == 0 ||
	     (wide->verdict != VERDICT_DENY && narrow->verdict == VERDICT_DENY)))
		return false;
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++)
		if (!list_covers(&outer->keys[key], &inner->keys[key]))
			return false;
	return true;
}

/* A rule that denies matches whatever the hazards are. */
static effect_set matched_hazards(const struct rule *rule)
{
	return rule->verdict == VERDICT_DENY ? EFFECT_HAZARDS : rule->hazards;
}

/*
 * At every minute of the week; of two zones nobody knows. When there is a minute that only the
 * narrow one has, there is one at which it begins or the wide one ends.
 */
static bool whens_cover(const struct when *wide, const struct when *narrow)
{
	if (!wide || wide == narrow)
		return true;
	if (narrow && strcmp(zone_name(wide->zone), zone_name(narrow->zone)) != 0)
		narrow = NULL;
	for (unsigned day = 0; day < MINUTES_A_WEEK; day += MINUTES_A_DAY) {
		unsigned edges[] = {day + (narrow ? narrow->from : 0), day + wide->to};

		for (size_t i = 0; i < ELEMENTSOF(edges); i++) {
			unsigned minute = edges[i] % MINUTES_A_WEEK;

			if ((!narrow || when_has_minute(narrow, minute)) &&
			    !when_has_minute(wide, minute))
				return false;
		}
	}
	return true;
}

bool rule_shadows(const struct rule *earlier, const struct rule *later)
{
	unsigned classes = later->classes != 0 ? later->classes : CLASSES_ALL;

	return !earlier->disabled && !later->disabled && (!earlier->observe || later->observe) &&
	       (earlier->classes == 0 || !(classes & ~earlier->classes)) &&
	       !(matched_hazards(later) & ~matched_hazards(earlier)) &&
	       earlier->max_scope >= later->max_scope &&
	       callers_cover(earlier->caller, later->caller) && devices_cover(earlier, later) &&
	       commands_cover(earlier->command, later->command) &&
	       whens_cover(earlier->when, later->when);
}
