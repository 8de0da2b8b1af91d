/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The catalogue loader. The input is a dialect's file, and, after a NUL byte (which no file can
 * hold), one of a later folder. Whatever it is: a catalogue that is coherent, or at least one error
 * and no catalogue.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "include/arena.h"
#include "policy/catalogue-load.h"
#include "policy/classify.h"
#include "policy/field.h"
#include "policy/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its shortest message, with data of 64 bytes or none: refused, or packed. */
static void check_message(const struct command *command)
{
	static const uint8_t data[64];
	static uint8_t given[ARENA_GIVEN_MAX];

	for (size_t length = 0; length <= sizeof(data); length += sizeof(data)) {
		struct classified classified;
		struct refusal refusal;
		struct arena arena;

		if (classify(command->dialect, command->template, command->message_size, data,
			     length, NULL, &classified, &refusal) < 0)
			continue;
		assert(!command->refused && classified.command == command);
		assert(classified.class >= command->class || command->n_refine > 0);
		assert(effect_set_class(classified.effects) <= classified.class);
		assert(pack(&classified, given, &arena) == 0);
	}
}

/* What the classifier relies on without looking. */
static void check_command(const struct dialect *dialect, const struct command *command)
{
	assert(command->dialect == dialect);
	assert(command->name && command->full_name && command->summary && command->reason);
	assert(command->class > 0 && command->class < _CLASS_MAX);
	assert(effect_set_class(command->effects) <= command->class);
	assert(command->n_fields <= FIELDS_MAX);
	assert(command->message_size > 0 && command->message_size <= MESSAGE_HEAD_MAX);
	assert(dialect_command(dialect, command->name) == command);
	/* Its own message is no other's, however many have its opcode. */
	assert(dialect_opcode(dialect, command->opcode)->opcode == command->opcode);
	assert(dialect_find(dialect, command->opcode, command->template, command->message_size) ==
	       command);
	for (unsigned i = 0; i < command->n_fields; i++) {
		union field_value value;

		assert(command_field(command, command->fields[i].name) == (int)i);
		assert(field_get(&command->fields[i], command->template, command->message_size,
				 &value));
		assert(command->fields[i].at_most < (int)command->n_fields);
		for (size_t j = 0; j < command->fields[i].n_defaults; j++)
			assert(command->fields[i].defaults[j].value <=
			       field_max(&command->fields[i]));
	}
	for (uint32_t i = 0; i < command->message_size; i++)
		assert((command->template[i] & ~command->mask[i]) == 0);
	for (size_t i = 0; i < command->n_refine; i++)
		assert(effect_set_class(command->refine[i].effects) <= command->refine[i].class);
	for (size_t i = 0; i < command->n_layouts; i++)
		assert(command->layouts[i].layout);
	assert(command->live_key < (int)command->n_fields);
	for (size_t i = 0; i < command->n_also; i++)
		for (size_t j = 0; j < command->also[i].when.n_terms; j++)
			assert(command->also[i].when.terms[j].field < command->n_fields);
	for (unsigned i = 0; i < command->n_segments; i++)
		assert(bytes_within(command->message_size, command->segments[i].pointer, 8) &&
		       bytes_zero(command->mask + command->segments[i].pointer, 8));
	check_message(command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = {};
	struct catalogue *catalogue = NULL;
	const char *text = (const char *)data;
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t length = nul ? (size_t)(nul - data) : size;
	int r;

	r = catalogue_load_text("test", text, length, nul ? text + length + 1 : NULL,
				nul ? size - length - 1 : 0, &problems, &catalogue);
	assert((r == 0) == (catalogue != NULL));
	assert((r == 0) == (problems.n_errors == 0));
	for (size_t i = 0; i < problems.n; i++) {
		char *string = problem_to_string(&problems.items[i]);

		assert(string);
		free(string);
	}
	for (size_t i = 0; catalogue && i < catalogue->n_dialects; i++)
		for (size_t j = 0; j < catalogue->dialects[i].n_commands; j++)
			check_command(&catalogue->dialects[i], &catalogue->dialects[i].commands[j]);
	catalogue_free(catalogue);
	problems_done(&problems);
	return 0;
}
