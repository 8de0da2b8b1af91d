/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/catalogue-entry.h"

#include <inttypes.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/envelope.h"
#include "policy/field.h"

/* A device that reports of every value that setting it has no effect; and one that says nothing. */
static const struct live_effects harmless = {.values.others.reason = "no effect is reported"};
static const struct live_effects silent;

size_t entry_count(const struct command *command)
{
	return row_count(command, &harmless) + (command->live_absent ? 1 : 0);
}

void entry_get(const struct command *command, size_t n, struct entry *ret)
{
	size_t n_rows = row_count(command, &harmless);
	bool reported = n < n_rows;
	const struct value_case *scope;
	const char *when;
	struct row row;

	row_get(command, &harmless, reported ? n : 0, &row);
	*ret = (struct entry){.command = command};
	row_classify(command, &row, reported ? &harmless : &silent, &ret->is);
	scope = command_scope(command, ret->is.values, ret->is.effects);
	ret->scope = scope ? (int)scope->value : -1;
	when = row.text;
	if (!reported)
		when = "what the device does not report";
	else if (!*when)
		when = n == 0 ? "always" : "otherwise";
	strcpy(ret->when, when);
}

void write_opcode(FILE *file, const struct command *command)
{
	/* As in specifications; a word that is wider than their numbers is not filled with zeroes.
	 */
	int digits = command->dialect->opcode.high < 8 ? 2 : 4;
	char text[FIELD_TEXT_MAX];

	fprintf(file, "0x%0*" PRIx32, digits, command->opcode);
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (!field->select)
			continue;
		field_format(field, &(union field_value){.number = field->fixed_value}, text,
			     sizeof(text));
		fprintf(file, " %s=%s", field->name, text);
	}
}

static void write_length(FILE *file, const struct command *command, const struct length *length)
{
	if (length->any) {
		fprintf(file, "%" PRIu64 " to %" PRIu64, length->min, length->max);
		return;
	}
	if (length->field < 0) {
		fprintf(file, "%" PRIu64, length->add);
		return;
	}
	if (length->add > 0)
		fprintf(file, "(%s + %" PRIu64 ")", command->fields[length->field].name,
			length->add);
	else
		fputs(command->fields[length->field].name, file);
	if (length->scale > 1)
		fprintf(file, " * %" PRIu64, length->scale);
}

static void write_cases(FILE *file, const char **separator, const char *direction,
			const struct command *command, const struct length_case *cases, size_t n)
{
	if (n == 0)
		return;
	fprintf(file, "%s%s the device ", *separator, direction);
	if (n == 1)
		write_length(file, command, &cases[0].length);
	else
		fputs("by its fields", file);
	*separator = "; ";
}

void write_data(FILE *file, const struct command *command)
{
	const char *separator = "";

	if (command->refused)
		return;
	if (envelopes[command->envelope].tail) {
		fprintf(file, "message %" PRIu32, command->message_size);
		separator = "; ";
	}
	write_cases(file, &separator, "to", command, command->request, command->n_request);
	write_cases(file, &separator, "from", command, command->response, command->n_response);
	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct segment *segment = &command->segments[i];

		fprintf(file, "%spointer at %u, %s the device ", separator, segment->pointer,
			segment->to_device ? "to" : "from");
		write_length(file, command, &segment->length);
		separator = "; ";
	}
	for (size_t i = 0; i < command->dialect->n_kernel_capabilities; i++) {
		const struct value_name *capability = &command->dialect->kernel_capabilities[i];

		if (command->needs & 1u << capability->value) {
			fprintf(file, "%skernel with %s", separator, capability->name);
			separator = "; ";
		}
	}
}
