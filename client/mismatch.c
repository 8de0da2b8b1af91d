/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/mismatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/field.h"

/* Of long lists as many as a person reads. */
#define SHOWN_MAX 4u

/* Before the n'th of `n_all`. False: those that follow are not shown. */
static bool next_of_list(FILE *file, size_t n, size_t n_all)
{
	if (n > 0)
		fputs(n >= SHOWN_MAX ? ", ..." : n + 1 == n_all ? " or " : ", ", file);
	return n < SHOWN_MAX;
}

static void write_patterns(FILE *file, const struct pattern_list *list)
{
	for (size_t i = 0; i < list->n && next_of_list(file, i, list->n); i++)
		fprintf(file, "%s%s", list->items[i].text, list->items[i].prefix ? "*" : "");
}

static void write_classes(FILE *file, const struct rule *rule, const struct query *query)
{
	size_t n = 0, n_all = (size_t)__builtin_popcount(rule->classes);

	fprintf(file, "class is %s, the rule wants ",
		effect_class_to_string(query->request->class));
	for (unsigned class = 0; class < _CLASS_MAX; class ++)
		if (rule->classes & 1u << class && next_of_list(file, n++, n_all))
			fputs(effect_class_to_string(class), file);
}

static void write_hazards(FILE *file, const struct rule *rule, const struct query *query)
{
	effect_set missing = query->request->effects & EFFECT_HAZARDS & ~rule->hazards;
	size_t n = 0, n_all = (size_t)__builtin_popcount(missing);

	fprintf(file, n_all == 1 ? "hazard " : "hazards ");
	for (unsigned effect = 0; effect < _EFFECT_MAX; effect++)
		if (missing & EFFECT_BIT(effect)) {
			fputs(n == 0 ? "" : n + 1 == n_all ? " and " : ", ", file);
			fputs(effect_to_string(effect), file);
			n++;
		}
	fputs(n_all == 1 ? " is not accepted" : " are not accepted", file);
}

static void write_caller(FILE *file, const struct rule *rule, struct accounts *accounts)
{
	const struct caller_set *set = rule->caller;
	size_t n_all = set->n_uids + set->n_gids;

	fputs("caller is not ", file);
	for (size_t i = 0; i < n_all && next_of_list(file, i, n_all); i++) {
		bool group = i >= set->n_uids;
		uint32_t id = group ? set->gids[i - set->n_uids] : set->uids[i];

		fprintf(file, "%s%s", group ? "in group " : "",
			accounts_name(accounts, group, id) ?: "?");
	}
}

static void write_device(FILE *file, const struct rule *rule, const struct query *query,
			 enum device_key key)
{
	const struct pattern_list *list = &rule->device->keys[key];
	const char *name = device_key_to_string(key),
		   *value = device_identity_get(query->device, key);

	if (*value)
		fprintf(file, "device: %s %s ", name, value);
	else
		fprintf(file, "device: its %s is not known, ", name);
	if (*value && list->n == 1 && list->items[0].prefix) {
		fprintf(file, "does not begin with %s", list->items[0].text);
		return;
	}
	fputs(*value ? "is not " : "the rule wants ", file);
	write_patterns(file, list);
}

/* Names have dashes too, so the ends of a range are numbers. */
static void write_range(FILE *file, const struct field *field, const struct value_range *range)
{
	char text[FIELD_TEXT_MAX];

	if (range->first != range->last)
		fprintf(file, "0x%" PRIx64 "-0x%" PRIx64, range->first, range->last);
	else
		fputs(field_format(field, &(union field_value){.number = range->first}, text,
				   sizeof(text)),
		      file);
}

/* The condition of the request's command on one of its fields. */
static const struct condition_term *find_term(const struct rule *rule, const struct query *query,
					      unsigned field)
{
	const struct command_set *set = rule->command;

	for (size_t i = 0; i < set->names.n; i++)
		for (size_t j = 0; set->where && set->commands[i] == query->request->command &&
				   j < set->where[i].n_terms;
		     j++)
			if (set->where[i].terms[j].field == field)
				return &set->where[i].terms[j];
	return NULL;
}

static void write_where(FILE *file, const struct rule *rule, const struct query *query,
			unsigned index)
{
	const struct condition_term *term = find_term(rule, query, index);
	const struct field *field = &query->request->command->fields[index];
	char text[FIELD_TEXT_MAX];
	size_t n_all = term ? term->n_ranges + term->n_uuids : 0;

	fprintf(file, "fields: %s is %s, the rule wants ", field->name,
		field_format(field, &query->request->values[index], text, sizeof(text)));
	for (size_t i = 0; i < n_all && next_of_list(file, i, n_all); i++)
		if (i < term->n_ranges) {
			write_range(file, field, &term->ranges[i]);
		} else {
			union field_value value = {};

			memcpy(value.bytes, term->uuids[i - term->n_ranges], 16);
			fputs(field_format(field, &value, text, sizeof(text)), file);
		}
}

static void write_when(FILE *file, const struct rule *rule, const struct query *query)
{
	static const char *const days[] = {"Monday", "Tuesday",	 "Wednesday", "Thursday",
					   "Friday", "Saturday", "Sunday"};
	const struct when *when = rule->when;
	unsigned minute = zone_minute(when->zone, query->now.realtime_usec);

	fprintf(file, "outside its times: it is %s %02u:%02u (%s)", days[minute / MINUTES_A_DAY],
		minute % MINUTES_A_DAY / 60, minute % 60, zone_name(when->zone));
}

static void write_mismatch(FILE *file, const struct rule *rule, const struct query *query,
			   const struct match *match, struct accounts *accounts)
{
	switch (match->mismatch) {
	case MISMATCH_NONE:
		fputs("it matches", file);
		break;
	case MISMATCH_DISABLED:
		fputs("it is switched off, for it names a user or group that is not there", file);
		break;
	case MISMATCH_CLASS:
		write_classes(file, rule, query);
		break;
	case MISMATCH_HAZARDS:
		write_hazards(file, rule, query);
		break;
	case MISMATCH_SCOPE:
		fprintf(file, "scope is %u, the rule goes to %u at most", query->request->scope,
			rule->max_scope);
		break;
	case MISMATCH_CALLER:
		write_caller(file, rule, accounts);
		break;
	case MISMATCH_DEVICE:
		write_device(file, rule, query, match->detail);
		break;
	case MISMATCH_DISPUTED:
		fputs("device: another one claims the same serial", file);
		break;
	case MISMATCH_COMMAND:
		fprintf(file, "command is %s, the rule wants ", query->request->command->full_name);
		write_patterns(file, &rule->command->names);
		break;
	case MISMATCH_WHERE:
		write_where(file, rule, query, match->detail);
		break;
	case MISMATCH_WHEN:
		write_when(file, rule, query);
		break;
	}
}

char *mismatch_describe(const struct rule *rule, const struct query *query,
			const struct match *match, struct accounts *accounts)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	write_mismatch(file, rule, query, match, accounts);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

const char *mismatch_group(const struct match *match)
{
	switch (match->mismatch) {
	case MISMATCH_NONE:
		return "match";
	case MISMATCH_DISABLED:
		return "are switched off, for they name users or groups that are not there";
	case MISMATCH_CLASS:
		return "want another class";
	case MISMATCH_HAZARDS:
		return "do not accept all of its hazards";
	case MISMATCH_SCOPE:
		return "go to a lower scope at most";
	case MISMATCH_CALLER:
		return "are about other callers";
	case MISMATCH_DEVICE:
	case MISMATCH_DISPUTED:
		return "are about other devices";
	case MISMATCH_COMMAND:
		return "are about other commands";
	case MISMATCH_WHERE:
		return "want other values of its fields";
	case MISMATCH_WHEN:
		return "are outside their hours";
	}
	return NULL;
}
