/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/message.h"
#include "policy/suggest.h"

/* A command's values while they come together. */
struct draft {
	const struct command *command;
	size_t data_length;
	size_t message_length; /* with the tail */
	union field_value values[FIELDS_MAX];
	bool known[FIELDS_MAX];
};

int encode_unknown_field(const struct command *command, const char *name,
			 struct refusal *ret_refusal)
{
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_NOT)
			name_list_add(&list, command->fields[i].name);
	if (list.length == 0)
		return refuse(ret_refusal, -EINVAL, "%s has no field \"%.40s\", and no other one.",
			      command->full_name, name);
	return refuse(ret_refusal, -EINVAL, "%s has no field \"%.40s\". It has: %s.",
		      command->full_name, name, names);
}

static int take_setting(struct draft *draft, const struct field_setting *setting,
			struct refusal *ret_refusal)
{
	const struct command *command = draft->command;
	int index = command_field(command, setting->name);
	const struct field *field;

	if (index < 0)
		return encode_unknown_field(command, setting->name, ret_refusal);
	field = &command->fields[index];

	if (field->fixed != FIXED_NOT) {
		if (setting->value.number == draft->values[index].number)
			return 0;
		return refuse(ret_refusal, -EINVAL,
			      "The field %s of %s is fwctld's own and always 0x%" PRIx64
			      " here; leave it out.",
			      field->name, command->full_name, draft->values[index].number);
	}
	if (draft->known[index])
		return refuse(ret_refusal, -EINVAL, "The field %s was given twice.", field->name);
	if (field->type == FIELD_NUMBER && setting->value.number > field_max(field)) {
		if (field->secret)
			return refuse(
				ret_refusal, -EINVAL,
				"The value of %s is too large: the field holds at most 0x%" PRIx64
				".",
				field->name, field_max(field));
		return refuse(ret_refusal, -EINVAL,
			      "%s=0x%" PRIx64 " is too large: the field holds at most 0x%" PRIx64
			      ".",
			      field->name, setting->value.number, field_max(field));
	}
	draft->values[index] = setting->value;
	draft->known[index] = true;
	return 0;
}

/* What is fixed does not depend on anything that was given but the length. */
static void put_fixed(struct draft *draft)
{
	const struct command *command = draft->command;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed == FIXED_NOT)
			continue;
		draft->values[i].number = field->fixed == FIXED_MESSAGE_SIZE
						  ? draft->message_length - field->fixed_value
						  : field->fixed_value;
		draft->known[i] = true;
	}
}

static bool condition_known(const struct draft *draft, const struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++)
		if (!draft->known[condition->terms[i].field])
			return false;
	return true;
}

static bool holds(const struct draft *draft, const struct condition *condition)
{
	return condition_holds(condition, draft->command, draft->values, 0);
}

enum resolution {
	RESOLVED,
	WAITING, /* on a field that its condition names */
	NOTHING, /* nothing gives this field a value */
};

/* The length that says how much data there is; NULL: none does, or not yet (*ret_waiting). */
static const struct length *data_length(const struct draft *draft, bool *ret_waiting)
{
	const struct command *command = draft->command;

	*ret_waiting = false;
	for (size_t i = 0; i < command->n_request; i++) {
		if (!condition_known(draft, &command->request[i].when)) {
			*ret_waiting = true;
			return NULL;
		}
		if (holds(draft, &command->request[i].when))
			return &command->request[i].length;
	}
	if (command->n_request > 0)
		return NULL;
	/* All data is the one segment's. */
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			return &command->segments[i].length;
	return NULL;
}

/* The field counts the data, so the data gives it: value = length / scale - add. */
static enum resolution count_data(struct draft *draft, unsigned index)
{
	bool waiting;
	const struct length *length = data_length(draft, &waiting);
	uint64_t value;

	if (waiting)
		return WAITING;
	if (!length || length->any || length->field != (int)index || length->scale == 0 ||
	    draft->data_length % length->scale != 0)
		return NOTHING;
	value = draft->data_length / length->scale;
	if (value < length->add || value - length->add > field_max(&draft->command->fields[index]))
		return NOTHING;
	draft->values[index].number = value - length->add;
	return RESOLVED;
}

static enum resolution apply_default(struct draft *draft, unsigned index)
{
	const struct field *field = &draft->command->fields[index];

	for (size_t i = 0; i < field->n_defaults; i++) {
		/* Cases are tried in order, so a later one can't be taken before this one is known.
		 */
		if (!condition_known(draft, &field->defaults[i].when))
			return WAITING;
		if (holds(draft, &field->defaults[i].when)) {
			draft->values[index].number = field->defaults[i].value;
			return RESOLVED;
		}
	}
	return NOTHING;
}

bool encode_counts_data(const struct command *command, unsigned index)
{
	for (size_t i = 0; i < command->n_request; i++)
		if (command->request[i].length.field == (int)index)
			return true;
	if (command->n_request > 0)
		return false;
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device &&
		    command->segments[i].length.field == (int)index)
			return true;
	return false;
}

static enum resolution resolve(struct draft *draft, unsigned index)
{
	if (encode_counts_data(draft->command, index)) {
		enum resolution resolution = count_data(draft, index);

		if (resolution != NOTHING)
			return resolution;
	}
	return apply_default(draft, index);
}

/* A default waits until the fields of its conditions have values, so its order in the file is free.
 */
static void resolve_all(struct draft *draft, enum resolution resolutions[static FIELDS_MAX])
{
	const struct command *command = draft->command;
	bool progress;

	do {
		progress = false;
		for (unsigned i = 0; i < command->n_fields; i++) {
			if (draft->known[i])
				continue;
			resolutions[i] = resolve(draft, i);
			if (resolutions[i] == RESOLVED)
				draft->known[i] = progress = true;
		}
	} while (progress);
}

/* "lid (one of error, smart, ... or a number from 0 to 255), nsid (...)": what must be given. */
static int refuse_missing(const struct draft *draft, const enum resolution *resolutions,
			  enum resolution why, struct refusal *ret_refusal)
{
	const struct command *command = draft->command;
	char names[sizeof(ret_refusal->text) / 4 * 3];
	struct name_list list = NAME_LIST(names);
	bool counter = false;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];
		char takes[FIELD_EXPLAIN_MAX], name[SUGGESTION_NAME_MAX + sizeof(takes) + 4];

		if (draft->known[i] || resolutions[i] != why)
			continue;
		counter |= encode_counts_data(command, i);
		snprintf(name, sizeof(name), "%s (%s)", field->name,
			 field_explain(field, takes, sizeof(takes)));
		name_list_add(&list, name_list_fits(&list, name) ? name : field->name);
	}
	if (counter)
		return refuse(
			ret_refusal, -EINVAL,
			"%s needs a value for: %s. One of them counts the data and is computed "
			"from it, but it can't count the %zu bytes that came.",
			command->full_name, names, draft->data_length);
	return refuse(ret_refusal, -EINVAL, "%s needs a value for: %s.", command->full_name, names);
}

static int check_complete(const struct draft *draft, const enum resolution *resolutions,
			  struct refusal *ret_refusal)
{
	bool waiting = false;

	for (unsigned i = 0; i < draft->command->n_fields; i++) {
		if (draft->known[i])
			continue;
		if (resolutions[i] == NOTHING)
			return refuse_missing(draft, resolutions, NOTHING, ret_refusal);
		waiting = true;
	}
	/* Only defaults that wait for each other are left: one of them must be given. */
	if (waiting)
		return refuse_missing(draft, resolutions, WAITING, ret_refusal);
	return 0;
}

int encode(const struct command *command, const struct field_setting *settings, size_t n_settings,
	   const void *data, size_t data_length, uint8_t *buffer, size_t capacity,
	   size_t *ret_length, const void **ret_data, size_t *ret_data_length,
	   struct refusal *ret_refusal)
{
	enum resolution resolutions[FIELDS_MAX] = {};
	uint8_t head[MESSAGE_HEAD_MAX];
	bool tail = envelopes[command->envelope].tail && command->n_request > 0;
	struct draft draft = {
		.command = command,
		.data_length = data_length,
	};
	int r;

	if (command->refused)
		return command_refuse(command, ret_refusal);
	if (data_length > REQUEST_DATA_MAX)
		return refuse(ret_refusal, -EMSGSIZE,
			      "%zu bytes of data are more than fwctld carries in one command, %u. "
			      "Send them in pieces.",
			      data_length, REQUEST_DATA_MAX);
	draft.message_length = command->message_size + (tail ? data_length : 0);
	if (draft.message_length > capacity)
		return refuse(ret_refusal, -EMSGSIZE,
			      "The message of %s would have %zu bytes; there is room for %zu.",
			      command->full_name, draft.message_length, capacity);

	put_fixed(&draft);
	for (size_t i = 0; i < n_settings; i++) {
		r = take_setting(&draft, &settings[i], ret_refusal);
		if (r < 0)
			return r;
	}
	resolve_all(&draft, resolutions);
	r = check_complete(&draft, resolutions, ret_refusal);
	if (r < 0)
		return r;

	if (!message_write(command, draft.values, head))
		return refuse(ret_refusal, -EINVAL,
			      "The catalogue gives a default to %s that its field can't hold.",
			      command->full_name);
	memcpy(buffer, head, command->message_size);
	if (tail && data_length > 0)
		memcpy(buffer + command->message_size, data, data_length);
	*ret_length = draft.message_length;
	*ret_data = tail ? NULL : data;
	*ret_data_length = tail ? 0 : data_length;
	return 0;
}
