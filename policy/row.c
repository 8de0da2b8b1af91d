/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "policy/field.h"
#include "policy/row.h"

size_t row_count(const struct command *command)
{
	return command->n_refine + 1;
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

void row_get(const struct command *command, size_t n, struct row *ret)
{
	static const char cut[] = "...";
	const struct refinement *refinement = n < command->n_refine ? &command->refine[n] : NULL;
	struct bytes_writer w = {
		.buffer = (uint8_t *)ret->text,
		.capacity = sizeof(ret->text) - sizeof(cut),
	};

	ret->refinement = refinement;
	fill_unset(command, ret->values);
	for (size_t i = 0; refinement && i < refinement->when.n_terms; i++) {
		const struct condition_term *term = &refinement->when.terms[i];
		union field_value *value = &ret->values[term->field];

		if (term->n_ranges > 0)
			value->number = term->ranges[0].first;
		else if (term->n_uuids > 0)
			memcpy(value->bytes, term->uuids[0], sizeof(term->uuids[0]));
		add_term(&w, command, term);
	}
	strcpy(ret->text + w.length, w.overflow ? cut : "");
}

void row_classify(const struct command *command, const struct row *row,
		  const struct live_effects *live, struct classified *ret)
{
	classify_as(command, row->refinement, row->values, live, ret);
}
