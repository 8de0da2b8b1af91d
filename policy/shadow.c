/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules that can never match, because one before them matches all that they do. */

#include "policy/rule.h"

#include <string.h>

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

static bool commands_cover(const struct rule *wide, const struct rule *narrow)
{
	if (!wide->where)
		return list_covers(&wide->commands, &narrow->commands);
	for (size_t i = 0; i < narrow->commands.n; i++) {
		const struct pattern *command = &narrow->commands.items[i];
		size_t j = 0;

		while (j < wide->commands.n && !pattern_covers(&wide->commands.items[j], command))
			j++;
		if (j == wide->commands.n ||
		    !condition_covers(&wide->where[j], narrow->where ? &narrow->where[i] : NULL,
				      wide->where_commands[j]))
			return false;
	}
	return narrow->commands.n > 0;
}

static bool callers_cover(const struct rule *wide, const struct rule *narrow)
{
	if (wide->any_caller || narrow->any_caller)
		return wide->any_caller;
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
	/* Any pattern of a serial, even `*`, leaves out devices without one; and one that opens
	 * also devices whose serial is disputed. */
	if (wide->serial.n > 0 && (narrow->serial.n == 0 || (wide->verdict != VERDICT_DENY &&
							     narrow->verdict == VERDICT_DENY)))
		return false;
	return list_covers(&wide->type, &narrow->type) &&
	       list_covers(&wide->driver, &narrow->driver) &&
	       list_covers(&wide->pci, &narrow->pci) &&
	       list_covers(&wide->serial, &narrow->serial) &&
	       list_covers(&wide->model, &narrow->model) &&
	       list_covers(&wide->firmware, &narrow->firmware) &&
	       list_covers(&wide->nqn, &narrow->nqn);
}

/* A rule that denies matches whatever the hazards are. */
static effect_set matched_hazards(const struct rule *rule)
{
	return rule->verdict == VERDICT_DENY ? EFFECT_HAZARDS : rule->hazards;
}

bool rule_shadows(const struct rule *earlier, const struct rule *later)
{
	unsigned classes = later->classes != 0 ? later->classes : CLASSES_ALL;

	return !earlier->disabled && !later->disabled &&
	       (earlier->classes == 0 || !(classes & ~earlier->classes)) &&
	       !(matched_hazards(later) & ~matched_hazards(earlier)) &&
	       callers_cover(earlier, later) && devices_cover(earlier, later) &&
	       commands_cover(earlier, later);
}
