/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "policy/field.h"
#include "policy/row.h"

static const char cut[] = "...";

static size_t count_live(const struct command *command, const struct live_effects *live)
{
	return live && command->live_key >= 0 ? live->n_entries : 0;
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
		add_value(w, field, &(union field_value){.number = range->first});
		if (range->last != range->first) {
			bytes_append(w, "-", 1);
			add_value(w, field, &(union field_value){.number = range->last});
		}
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

static void add_condition(struct bytes_writer *w, const struct command *command,
			  const struct condition *condition, struct row *row)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		union field_value *value = &row->values[term->field];

		if (term->n_ranges > 0)
			value->number = term->ranges[0].first;
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

static void get_addition(const struct command *command, size_t n, struct bytes_writer *w,
			 struct row *ret)
{
	static const char with[] = "with ";
	struct bytes_writer unused = {};

	ret->refinement = mildest(command);
	if (ret->refinement)
		add_condition(&unused, command, &ret->refinement->when, ret);
	for (size_t i = 0; i < command->n_also; i++)
		if (command->also[i].when.n_terms > 0 && n-- == 0) {
			struct bytes_writer condition = {
				.buffer = w->buffer + strlen(with),
				.capacity = w->capacity - strlen(with),
			};

			bytes_append(w, with, strlen(with));
			add_condition(&condition, command, &command->also[i].when, ret);
			w->length += condition.length;
			w->overflow = condition.overflow;
			return;
		}
}

void row_get(const struct command *command, const struct live_effects *live, size_t n,
	     struct row *ret)
{
	size_t n_live = count_live(command, live);
	struct bytes_writer w = {
		.buffer = (uint8_t *)ret->text,
		.capacity = sizeof(ret->text) - sizeof(cut),
	};

	ret->refinement = NULL;
	fill_unset(command, ret->values);
	if (n < command->n_refine) {
		ret->refinement = &command->refine[n];
		add_condition(&w, command, &ret->refinement->when, ret);
	} else if (n - command->n_refine < n_live) {
		const struct field *key = &command->fields[command->live_key];
		union field_value *value = &ret->values[command->live_key];

		memcpy(value->bytes, live->entries[n - command->n_refine].key,
		       sizeof(value->bytes));
		bytes_append(&w, key->name, strlen(key->name));
		bytes_append(&w, "=", 1);
		add_value(&w, key, value);
	} else if (n - command->n_refine - n_live > 0) {
		get_addition(command, n - command->n_refine - n_live - 1, &w, ret);
	}
	strcpy(ret->text + w.length, w.overflow ? cut : "");
}

void row_classify(const struct command *command, const struct row *row,
		  const struct live_effects *live, struct classified *ret)
{
	classify_as(command, row->refinement, row->values, live, ret);
}
