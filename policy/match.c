/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/match.h"

#include <string.h>

bool pattern_matches(const struct pattern *pattern, const char *string)
{
	if (pattern->prefix)
		return strncmp(string, pattern->text, strlen(pattern->text)) == 0;
	return strcmp(string, pattern->text) == 0;
}

bool pattern_list_matches(const struct pattern_list *list, const char *string)
{
	for (size_t i = 0; i < list->n; i++)
		if (pattern_matches(&list->items[i], string))
			return true;
	return list->n == 0;
}

static bool caller_matches(const struct caller_set *set, const struct caller_identity *caller)
{
	for (size_t i = 0; i < set->n_uids; i++)
		if (set->uids[i] == caller->uid)
			return true;
	for (size_t i = 0; i < set->n_gids; i++)
		for (size_t j = 0; j < caller->n_gids; j++)
			if (set->gids[i] == caller->gids[j])
				return true;
	return false;
}

static enum mismatch match_device(const struct rule *rule, const struct device_identity *device,
				  unsigned *ret_key)
{
	const struct device_set *set = rule->device;

	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++) {
		const struct pattern_list *list = &set->keys[key];

		if (list->n == 0 || (pattern_list_matches(list, device_identity_get(device, key)) &&
				     (key != DEVICE_SERIAL || *device->serial)))
			continue;
		*ret_key = key;
		return MISMATCH_DEVICE;
	}
	/*
	 * A serial that two devices claim says not which of them this is: no rule opens anything by
	 * it. But a rule that denies by it denies both: a device must not be able to switch off
	 * another's protection by claiming to be it.
	 */
	if (set->keys[DEVICE_SERIAL].n > 0 && device->serial_disputed &&
	    rule->verdict != VERDICT_DENY)
		return MISMATCH_DISPUTED;
	return MISMATCH_NONE;
}

static enum mismatch match_command(const struct command_set *set, const struct classified *request,
				   unsigned *ret_field)
{
	for (size_t i = 0; i < set->names.n; i++) {
		const struct condition *where = set->where ? &set->where[i] : NULL;

		if (set->names.items[i].prefix
			    ? !pattern_matches(&set->names.items[i], request->command->full_name)
			    : set->commands[i] != request->command)
			continue;
		for (size_t n = 0; where && n < where->n_terms; n++) {
			const struct condition one = {.terms = &where->terms[n], .n_terms = 1};

			if (condition_holds(&one, request->command, request->values,
					    request->effects))
				continue;
			*ret_field = where->terms[n].field;
			return MISMATCH_WHERE;
		}
		return MISMATCH_NONE;
	}
	return MISMATCH_COMMAND;
}

static enum mismatch match(const struct rule *rule, const struct query *query, unsigned *detail)
{
	const struct classified *request = query->request;
	enum mismatch mismatch;

	if (rule->disabled)
		return MISMATCH_DISABLED;
	if (rule->caller && !caller_matches(rule->caller, query->caller))
		return MISMATCH_CALLER;
	mismatch = rule->command ? match_command(rule->command, request, detail) : MISMATCH_NONE;
	if (mismatch != MISMATCH_NONE)
		return mismatch;
	mismatch = rule->device ? match_device(rule, query->device, detail) : MISMATCH_NONE;
	if (mismatch != MISMATCH_NONE)
		return mismatch;
	if (rule->classes != 0 && !(rule->classes & (1u << request->class)))
		return MISMATCH_CLASS;
	if (rule->verdict != VERDICT_DENY && (request->effects & EFFECT_HAZARDS & ~rule->hazards))
		return MISMATCH_HAZARDS;
	if (request->command->envelope == ENVELOPE_FWCTL_RPC && request->scope > rule->max_scope)
		return MISMATCH_SCOPE;
	if (rule->when && !when_holds(rule->when, query->now.realtime_usec))
		return MISMATCH_WHEN;
	return MISMATCH_NONE;
}

bool rule_matches(const struct rule *rule, const struct query *query, struct match *ret)
{
	unsigned detail = 0;
	enum mismatch mismatch = match(rule, query, &detail);

	if (ret)
		*ret = (struct match){mismatch, detail};
	return mismatch == MISMATCH_NONE;
}

bool when_holds(const struct when *when, uint64_t realtime_usec)
{
	return when_has_minute(when, zone_minute(when->zone, realtime_usec));
}

/* `from` and later on one of the days, or before `to` on the day after one. */
bool when_has_minute(const struct when *when, unsigned minute)
{
	unsigned day = minute / MINUTES_A_DAY, yesterday = (day + 6) % 7;

	minute %= MINUTES_A_DAY;
	if (when->from < when->to)
		return when->days & 1u << day && minute >= when->from && minute < when->to;
	return (when->days & 1u << day && minute >= when->from) ||
	       (when->days & 1u << yesterday && minute < when->to);
}
