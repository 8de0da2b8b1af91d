/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalogue-load.h"
#include "policy/condition.h"
#include "policy/field.h"

static void names_free(struct value_name *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		free(names[i].name);
	free(names);
}

static void value_cases_free(struct value_case *cases, size_t n_cases)
{
	for (size_t i = 0; i < n_cases; i++)
		condition_done(&cases[i].when);
	free(cases);
}

static void length_cases_free(struct length_case *cases, size_t n_cases)
{
	for (size_t i = 0; i < n_cases; i++)
		condition_done(&cases[i].when);
	free(cases);
}

static void refinements_free(struct refinement *refinements, size_t n_refinements)
{
	for (size_t i = 0; i < n_refinements; i++) {
		condition_done(&refinements[i].when);
		free(refinements[i].reason);
	}
	free(refinements);
}

void command_done(struct command *command)
{
	for (unsigned i = 0; i < command->n_fields; i++) {
		struct field *field = &command->fields[i];

		free(field->name);
		free(field->summary);
		names_free(field->names, field->n_names);
		value_cases_free(field->defaults, field->n_defaults);
	}
	free(command->fields);
	free(command->name);
	free(command->full_name);
	free(command->summary);
	free(command->file);
	free(command->template);
	free(command->mask);
	free(command->reason);
	free(command->refused);
	refinements_free(command->refine, command->n_refine);
	refinements_free(command->also, command->n_also);
	length_cases_free(command->request, command->n_request);
	length_cases_free(command->response, command->n_response);
	value_cases_free(command->scopes, command->n_scopes);
	free(command->success);
	condition_done(&command->pieces.when);
	for (size_t i = 0; i < command->n_layouts; i++)
		condition_done(&command->layouts[i].when);
	free(command->layouts);
	*command = (struct command){};
}

static void layout_items_free(struct layout_item *items, size_t n_items)
{
	for (size_t i = 0; i < n_items; i++) {
		free(items[i].name);
		free(items[i].unit);
		names_free(items[i].names, items[i].n_names);
		layout_items_free(items[i].items, items[i].n_items);
	}
	free(items);
}

static void dialect_done(struct dialect *dialect)
{
	for (size_t i = 0; i < dialect->n_commands; i++)
		command_done(&dialect->commands[i]);
	free(dialect->commands);
	for (size_t i = 0; i < dialect->n_layouts; i++) {
		layout_items_free(dialect->layouts[i].items, dialect->layouts[i].n_items);
		free(dialect->layouts[i].name);
	}
	free(dialect->layouts);
	names_free(dialect->statuses, dialect->n_statuses);
	names_free(dialect->kernel_capabilities, dialect->n_kernel_capabilities);
	free(dialect->name);
	free(dialect->summary);
}

struct catalogue *catalogue_free(struct catalogue *catalogue)
{
	if (!catalogue)
		return NULL;
	for (size_t i = 0; i < catalogue->n_dialects; i++)
		dialect_done(&catalogue->dialects[i]);
	free(catalogue->dialects);
	free(catalogue);
	return NULL;
}

const struct dialect *catalogue_dialect(const struct catalogue *catalogue, const char *name)
{
	for (size_t i = 0; i < catalogue->n_dialects; i++)
		if (strcmp(catalogue->dialects[i].name, name) == 0)
			return &catalogue->dialects[i];
	return NULL;
}

const struct command *dialect_command(const struct dialect *dialect, const char *name)
{
	for (size_t i = 0; i < dialect->n_commands; i++)
		if (strcmp(dialect->commands[i].name, name) == 0 ||
		    strcmp(dialect->commands[i].full_name, name) == 0)
			return &dialect->commands[i];
	return NULL;
}

static int compare_opcode(const void *key, const void *element)
{
	uint32_t opcode = *(const uint32_t *)key;
	const struct command *command = element;

	return (opcode > command->opcode) - (opcode < command->opcode);
}

const struct command *dialect_opcode(const struct dialect *dialect, uint32_t opcode)
{
	const struct command *command;

	if (dialect->n_commands == 0)
		return NULL;
	command = bsearch(&opcode, dialect->commands, dialect->n_commands, sizeof(struct command),
			  compare_opcode);
	while (command && command > dialect->commands && command[-1].opcode == opcode)
		command--;
	return command;
}

static bool selects(const struct command *command, const void *message, size_t length)
{
	union field_value value;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->select && (!field_get(field, message, length, &value) ||
				      value.number != field->fixed_value))
			return false;
	}
	return true;
}

const struct command *dialect_find(const struct dialect *dialect, uint32_t opcode,
				   const void *message, size_t length)
{
	const struct command *command = dialect_opcode(dialect, opcode);
	const struct command *end = dialect->commands + dialect->n_commands;

	for (; command && command < end && command->opcode == opcode; command++)
		if (selects(command, message, length))
			return command;
	return NULL;
}

int command_field(const struct command *command, const char *name)
{
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].name && strcmp(command->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *dialect_status(const struct dialect *dialect, uint32_t status)
{
	for (size_t i = 0; i < dialect->n_statuses; i++)
		if (dialect->statuses[i].value == status)
			return dialect->statuses[i].name;
	return NULL;
}
