/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/field.h"
#include "policy/row.h"

static const char cut[] = "...";

/* A value has a row of its own where its report makes a difference. */
static bool has_row(const struct command *command, const struct live_report *report)
{
	return command->live_absent || report->effects != 0;
}

static size_t count_live(const struct command *command, const struct live_effects *live)
{
	size_t n = 0;

	if (!live || command->live_key < 0)
		return 0;
	for (size_t i = 0; i < live->values.n_entries; i++)
		n += has_row(command, &live->values.entries[i].report);
	return n;
}

static const struct live_entry *get_live(const struct command *command,
					 const struct live_effects *live, size_t n)
{
	const struct live_entry *entry = live->values.entries;

	for (;; entry++)
		if (has_row(command, &entry->report) && n-- == 0)
			return entry;
}

/* Additions that always hold are in every row already. */
static size_t count_additions(const struct command *command)
{
	size_t n = 0;

	for (size_t i = 0; i < command->n_also; i++)
		n += command->also[i].when.n_terms > 0;
	return n;
}

size_t row_count(const struct command *command, const struct live_effects *live)
{
	return command->n_refine + count_live(command, live) + 1 + count_additions(command);
}

/* Values that nobody gave: the field's fixed one, else its first default that holds, else zero. */
static void fill_unset(const struct command *command, union field_value *values)
{
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		values[i] = (union field_value){};
		if (field->fixed == FIXED_VALUE)
			values[i].number = field->fixed_value;
		for (size_t n = 0; n < field->n_defaults; n++)
			if (condition_holds(&field->defaults[n].when, command, values, 0)) {
				values[i].number = field->defaults[n].value;
				break;
			}
	}
}

static void add_value(struct bytes_writer *w, const struct field *field,
		      const union field_value *value)
{
	char text[FIELD_TEXT_MAX];

	field_format(field, value, text, sizeof(text));
	bytes_append(w, text, strlen(text));
}

/* Both ends as numbers, as the catalogue writes them: a name can have a dash in it. */
static void add_range(struct bytes_writer *w, const struct value_range *range)
{
	char text[64];

	snprintf(text, sizeof(text), "0x%" PRIx64 "-0x%" PRIx64, range->first, range->last);
	bytes_append(w, text, strlen(text));
}

static void add_term(struct bytes_writer *w, const struct command *command,
		     const struct condition_term *term)
{
	const struct field *field = &command->fields[term->field];
	const char *separator = "=";

	if (w->length > 0)
		bytes_append(w, " ", 1);
	bytes_append(w, field->name, strlen(field->name));
	for (size_t i = 0; i < term->n_ranges; i++) {
		const struct value_range *range = &term->ranges[i];

		bytes_append(w, separator, 1);
		if (range->last == range->first)
			add_value(w, field, &(union field_value){.number = range->first});
		else
			add_range(w, range);
		separator = ",";
	}
	for (size_t i = 0; i < term->n_uuids; i++) {
		union field_value value;

		memcpy(value.bytes, term->uuids[i], sizeof(term->uuids[i]));
		bytes_append(w, separator, 1);
		add_value(w, field, &value);
		separator = ",";
	}
}

/* One that the term fits; if there is one, of which the device reports nothing: the others have
 * rows of their own. */
static uint64_t example_number(const struct command *command, const struct condition_term *term,
			       const struct live_effects *live)
{
	const struct live_report *report;

	for (size_t i = 0; live && command->live_key == (int)term->field && i < term->n_ranges; i++)
		for (uint64_t n = 0;
		     n <= LIVE_ENTRIES_MAX && n <= term->ranges[i].last - term->ranges[i].first;
		     n++) {
			report = live_find(&live->values,
					   live_key_number(term->ranges[i].first + n));
			if (!report || report->effects == 0)
				return term->ranges[i].first + n;
		}
	return term->ranges[0].first;
}

static void add_condition(struct bytes_writer *w, const struct command *command,
			  const struct condition *condition, const struct live_effects *live,
			  struct row *row)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		union field_value *value = &row->values[term->field];

		if (term->n_ranges > 0)
			value->number = example_number(command, term, live);
		else if (term->n_uuids > 0)
			memcpy(value->bytes, term->uuids[0], sizeof(term->uuids[0]));
		add_term(w, command, term);
	}
}

/* The most harmless refinement: what an addition adds is seen best on it. */
static const struct refinement *mildest(const struct command *command)
{
	const struct refinement *found = NULL;

	for (size_t i = 0; i < command->n_refine; i++)
		if (command->refine[i].class < (found ? found->class : command->class))
			found = &command->refine[i];
	return found;
}

static void get_addition(const struct command *command, const struct live_effects *live, size_t n,
			 struct bytes_writer *w, struct row *ret)
{
	static const char with[] = "with ";
	struct bytes_writer unused = {};

	ret->refinement = mildest(command);
	if (ret->refinement)
		add_condition(&unused, command, &ret->refinement->when, live, ret);
	for (size_t i = 0; i < command->n_also; i++)
		if (command->also[i].when.n_terms > 0 && n-- == 0) {
			struct bytes_writer condition = {
				.buffer = w->buffer + strlen(with),
				.capacity = w->capacity - strlen(with),
			};

			ret->addition = &command->also[i];
			bytes_append(w, with, strlen(with));
			add_condition(&condition, command, &command->also[i].when, live, ret);
			w->length += condition.length;
			w->overflow = condition.overflow;
			return;
		}
}

static const struct refinement *find_refinement(const struct command *command,
						const union field_value *values)
{
	for (size_t i = 0; i < command->n_refine; i++)
		if (condition_holds(&command->refine[i].when, command, values, 0))
			return &command->refine[i];
	return NULL;
}

static void get_reported(const struct command *command, const struct live_key *key,
			 struct bytes_writer *w, struct row *ret)
{
	const struct field *field = &command->fields[command->live_key];
	union field_value *value = &ret->values[command->live_key];

	if (field->type == FIELD_UUID)
		memcpy(value->bytes, key->bytes, sizeof(value->bytes));
	else
		memcpy(&value->number, key->bytes, sizeof(value->number));
	ret->refinement = find_refinement(command, ret->values);
	bytes_append(w, field->name, strlen(field->name));
	bytes_append(w, "=", 1);
	add_value(w, field, value);
}

void row_get(const struct command *command, const struct live_effects *live, size_t n,
	     struct row *ret)
{
	size_t n_live = count_live(command, live);
	struct bytes_writer w = {
		.buffer = (uint8_t *)ret->text,
		.capacity = sizeof(ret->text) - sizeof(cut),
	};

	ret->refinement = ret->addition = NULL;
	fill_unset(command, ret->values);
	if (n < n_live) {
		get_reported(command, &get_live(command, live, n)->key, &w, ret);
	} else if (n - n_live < command->n_refine) {
		ret->refinement = &command->refine[n - n_live];
		add_condition(&w, command, &ret->refinement->when, live, ret);
	} else if (n - n_live - command->n_refine > 0) {
		get_addition(command, live, n - n_live - command->n_refine - 1, &w, ret);
	}
	strcpy(ret->text + w.length, w.overflow ? cut : "");
}

void row_classify(const struct command *command, const struct row *row,
		  const struct live_effects *live, struct classified *ret)
{
	classify_as(command, row->refinement, row->values, live, ret);
	if (row->addition && ret->class == ret->static_class)
		ret->reason = row->addition->reason;
}
