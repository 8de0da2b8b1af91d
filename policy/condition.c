/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/condition.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/field.h"
#include "policy/suggest.h"

static bool term_holds(const struct condition_term *term, const struct field *field,
		       const union field_value *value)
{
	if (field->type == FIELD_UUID) {
		for (size_t i = 0; i < term->n_uuids; i++)
			if (memcmp(term->uuids[i], value->bytes, sizeof(term->uuids[i])) == 0)
				return true;
		return false;
	}
	for (size_t i = 0; i < term->n_ranges; i++)
		if (value->number >= term->ranges[i].first && value->number <= term->ranges[i].last)
			return true;
	return false;
}

bool condition_holds(const struct condition *condition, const struct command *command,
		     const union field_value *values, effect_set effects)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];

		if (!term_holds(term, &command->fields[term->field], &values[term->field]))
			return false;
	}
	return condition->any_effect == 0 || (condition->any_effect & effects) != 0;
}

void condition_done(struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		free(condition->terms[i].ranges);
		free(condition->terms[i].uuids);
	}
	free(condition->terms);
	*condition = (struct condition){};
}

int condition_copy(const struct condition *condition, struct pool *pool, struct condition *ret)
{
	struct condition copy = *condition;

	copy.terms = pool_copy(pool, condition->terms, copy.n_terms, sizeof(*copy.terms));
	if (!copy.terms)
		return -ENOMEM;
	for (size_t i = 0; i < copy.n_terms; i++) {
		struct condition_term *term = &copy.terms[i];

		term->ranges = pool_copy(pool, term->ranges, term->n_ranges, sizeof(*term->ranges));
		term->uuids = pool_copy(pool, term->uuids, term->n_uuids, sizeof(*term->uuids));
		if (!term->ranges || !term->uuids)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

bool condition_read_value(const struct yaml_file *file, const struct yaml_node *node,
			  const struct field *field, struct problems *problems,
			  union field_value *ret)
{
	char takes[FIELD_EXPLAIN_MAX];
	struct suggestion suggestion;
	int r;

	if (node->kind != YAML_SCALAR) {
		yaml_problem(file, node, false, problems,
			     "A value of the field \"%s\" was expected here, not a list or a map.",
			     field->name);
		return false;
	}
	r = field_parse(field, node->scalar, ret);
	if (r == 0)
		return true;
	if (r == -ERANGE) {
		yaml_problem(file, node, false, problems,
			     "The value \"%s\" does not fit the field \"%s\"; expected %s.",
			     node->scalar, field->name, field_explain(field, takes, sizeof(takes)));
		return false;
	}

	suggestion = (struct suggestion){.wrong = node->scalar};
	for (size_t i = 0; i < field->n_names; i++)
		suggestion_try(&suggestion, field->names[i].name);
	yaml_problem(file, node, false, problems,
		     "The field \"%s\" has no value \"%s\"; expected %s.%s%s", field->name,
		     node->scalar, field_explain(field, takes, sizeof(takes)),
		     suggestion_text(&suggestion),
		     strchr(node->scalar, '*') ? " Values have no patterns; to match any, leave "
						 "the field out."
		     : field->type == FIELD_NUMBER ? parse_uint_hint(node->scalar)
						   : "");
	return false;
}

/* "0xc0-0xff". A name can hold a dash too, so a range is what is left when it is no single value.
 */
bool parse_range(const char *text, struct value_range *ret)
{
	struct value_range range;
	char first[32];
	size_t length = strcspn(text, "-");

	if (text[length] == '\0' || length >= sizeof(first))
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	if (!parse_uint(first, &range.first) || !parse_uint(text + length + 1, &range.last))
		return false;
	*ret = range;
	return true;
}

static void read_alternative(const struct yaml_file *file, const struct yaml_node *node,
			     const struct field *field, struct problems *problems,
			     struct condition_term *term)
{
	union field_value value;
	struct value_range range;

	if (field->type == FIELD_NUMBER && node->kind == YAML_SCALAR &&
	    field_parse(field, node->scalar, &value) == -EINVAL &&
	    parse_range(node->scalar, &range)) {
		if (range.first > range.last)
			yaml_problem(
				file, node, false, problems,
				"The range \"%s\" is empty: its first number is the greater one.",
				node->scalar);
		else if (range.last > field_max(field))
			yaml_problem(file, node, false, problems,
				     "The range \"%s\" does not fit the field \"%s\", whose "
				     "greatest value is 0x%" PRIx64 ".",
				     node->scalar, field->name, field_max(field));
		else
			term->ranges[term->n_ranges++] = range;
		return;
	}

	if (!condition_read_value(file, node, field, problems, &value))
		return;
	if (field->type == FIELD_UUID)
		memcpy(term->uuids[term->n_uuids++], value.bytes, 16);
	else
		term->ranges[term->n_ranges++] =
			(struct value_range){.first = value.number, .last = value.number};
}

static int read_term(const struct yaml_file *file, const struct yaml_node *node,
		     const struct field *field, struct problems *problems,
		     struct condition_term *term)
{
	size_t n = node->kind == YAML_LIST ? node->n_items : 1;

	if (n == 0) {
		yaml_problem(
			file, node, false, problems,
			"This list is empty, so the condition could never hold: expected values "
			"of the field \"%s\". To match any, leave the field out.",
			field->name);
		return 0;
	}
	if (field->type == FIELD_UUID) {
		term->uuids = calloc(n, sizeof(*term->uuids));
		if (!term->uuids)
			return -ENOMEM;
	} else {
		term->ranges = calloc(n, sizeof(*term->ranges));
		if (!term->ranges)
			return -ENOMEM;
	}
	if (node->kind == YAML_LIST)
		for (size_t i = 0; i < n; i++)
			read_alternative(file, node->items[i].value, field, problems, term);
	else
		read_alternative(file, node, field, problems, term);
	return 0;
}

static bool can_be_tested(const struct field *field)
{
	return !field->secret && field->type != FIELD_BYTES;
}

static void no_such_field(const struct yaml_file *file, const struct yaml_node *key,
			  const struct command *command, struct problems *problems)
{
	struct suggestion suggestion = {.wrong = key->scalar};
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		suggestion_try(&suggestion, field->name);
		if (can_be_tested(field) && field->fixed == FIXED_NOT)
			name_list_add(&list, field->name);
	}
	yaml_problem(file, key, false, problems, "%s has no field \"%s\".%s %s%s.",
		     command->full_name ?: "The command", key->scalar, suggestion_text(&suggestion),
		     list.length > 0 ? "A condition can test: " : "It has none to test", names);
}

/* The field that a key names, if a condition can test it; else -1 and a problem. */
static int tested_field(const struct yaml_file *file, const struct yaml_node *key,
			const struct command *command, struct problems *problems)
{
	int index = command_field(command, key->scalar);

	if (index < 0) {
		no_such_field(file, key, command, problems);
		return -1;
	}
	/* A verdict that depends on a secret would tell whoever may ask what the secret is. */
	if (command->fields[index].secret) {
		yaml_problem(file, key, false, problems,
			     "The field \"%s\" is secret; no condition can test it.", key->scalar);
		return -1;
	}
	if (command->fields[index].type == FIELD_BYTES) {
		yaml_problem(
			file, key, false, problems,
			"The field \"%s\" holds bytes; a condition can test numbers and UUIDs.",
			key->scalar);
		return -1;
	}
	return index;
}

int condition_read(const struct yaml_file *file, struct yaml_node *map,
		   const struct command *command, struct problems *problems, struct condition *ret)
{
	_cleanup_(condition_done) struct condition condition = {};
	int r;

	if (map->kind != YAML_MAP) {
		yaml_problem(file, map, false, problems,
			     "A condition is a map of fields to values, like {lid: 2}.");
		return 0;
	}
	if (map->n_items > 0) {
		condition.terms = calloc(map->n_items, sizeof(*condition.terms));
		if (!condition.terms)
			return -ENOMEM;
	}
	for (size_t i = 0; i < map->n_items; i++) {
		struct yaml_item *item = &map->items[i];
		struct condition_term *term;
		int field;

		item->used = true;
		field = tested_field(file, item->key, command, problems);
		if (field < 0)
			continue;
		term = &condition.terms[condition.n_terms++];
		term->field = (unsigned)field;
		r = read_term(file, item->value, &command->fields[field], problems, term);
		if (r < 0)
			return r;
	}
	*ret = condition;
	condition = (struct condition){};
	return 0;
}

/* Do the ranges together hold every number of the one? Walks up from its first number. */
static bool ranges_cover(const struct condition_term *wide, struct value_range narrow)
{
	for (;;) {
		bool found = false;
		uint64_t last = 0;

		for (size_t i = 0; i < wide->n_ranges; i++) {
			const struct value_range *range = &wide->ranges[i];

			if (range->first <= narrow.first && range->last >= narrow.first) {
				last = found && last > range->last ? last : range->last;
				found = true;
			}
		}
		if (!found)
			return false;
		if (last >= narrow.last)
			return true;
		narrow.first = last + 1;
	}
}

/* narrow NULL: this field is not tested there. */
static bool term_covers(const struct condition_term *wide, const struct condition_term *narrow,
			const struct field *field)
{
	if (field->type == FIELD_NUMBER) {
		if (!narrow)
			return ranges_cover(wide, (struct value_range){0, field_max(field)});
		for (size_t i = 0; i < narrow->n_ranges; i++)
			if (!ranges_cover(wide, narrow->ranges[i]))
				return false;
		return true;
	}
	for (size_t i = 0; narrow && i < narrow->n_uuids; i++) {
		bool found = false;

		for (size_t j = 0; j < wide->n_uuids && !found; j++)
			found = memcmp(wide->uuids[j], narrow->uuids[i], 16) == 0;
		if (!found)
			return false;
	}
	return narrow != NULL;
}

bool condition_covers(const struct condition *wide, const struct condition *narrow,
		      const struct command *command)
{
	for (size_t i = 0; i < wide->n_terms; i++) {
		const struct condition_term *term = &wide->terms[i], *other = NULL;

		for (size_t j = 0; narrow && j < narrow->n_terms; j++)
			if (narrow->terms[j].field == term->field)
				other = &narrow->terms[j];
		if (!term_covers(term, other, &command->fields[term->field]))
			return false;
	}
	return true;
}

static bool terms_meet(const struct condition_term *a, const struct condition_term *b)
{
	for (size_t i = 0; i < a->n_ranges; i++)
		for (size_t j = 0; j < b->n_ranges; j++)
			if (a->ranges[i].first <= b->ranges[j].last &&
			    b->ranges[j].first <= a->ranges[i].last)
				return true;
	for (size_t i = 0; i < a->n_uuids; i++)
		for (size_t j = 0; j < b->n_uuids; j++)
			if (memcmp(a->uuids[i], b->uuids[j], sizeof(a->uuids[i])) == 0)
				return true;
	return false;
}

bool conditions_meet(const struct condition *a, const struct condition *b)
{
	for (size_t i = 0; i < a->n_terms; i++)
		for (size_t j = 0; j < b->n_terms; j++)
			if (a->terms[i].field == b->terms[j].field &&
			    !terms_meet(&a->terms[i], &b->terms[j]))
				return false;
	return true;
}
