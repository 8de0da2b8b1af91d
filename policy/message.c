/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/message.h"

#include <string.h>

#include "policy/field.h"

bool message_write(const struct command *command, const union field_value *values,
		   uint8_t head[static MESSAGE_HEAD_MAX])
{
	if (command->message_size > MESSAGE_HEAD_MAX)
		return false;
	memcpy(head, command->template, command->message_size);
	for (unsigned i = 0; i < command->n_fields; i++)
		if (!field_put(&command->fields[i], head, command->message_size, &values[i]))
			return false;
	return true;
}

bool part_get(const struct field_part *part, const void *buffer, size_t length, uint64_t *ret)
{
	const struct field field = {.type = FIELD_NUMBER, .parts = {*part}, .n_parts = 1};
	union field_value value;

	if (!field_get(&field, buffer, length, &value))
		return false;
	*ret = value.number;
	return true;
}

bool part_put(const struct field_part *part, void *buffer, size_t length, uint64_t value)
{
	const struct field field = {.type = FIELD_NUMBER, .parts = {*part}, .n_parts = 1};

	return field_put(&field, buffer, length, &(union field_value){.number = value});
}
