/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names to bytes: a command and its fields, as a person or a D-Bus client gives them, to the
 * message that classify() reads. Defaults are filled in; a length field that nobody gave is
 * computed from the data.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/classify.h"

/* The longest message, tail included. */
#define MESSAGE_MAX (MESSAGE_HEAD_MAX + REQUEST_DATA_MAX)

struct field_setting {
	const char *name;
	union field_value value; /* already parsed against the field: field_parse(), or a number */
};

/*
 * Writes the message to `buffer` (capacity bytes; MESSAGE_MAX is always enough), and to ret_data
 * the part of `data` that travels beside the message (all or nothing: for a tail it is in the
 * message).
 *
 * 0, or, with a sentence in ret_refusal:
 *   -EINVAL      no such field, a field twice, a required field missing, a fixed field set, value
 *                too large
 *   -EMSGSIZE    more data than fwctld carries
 *   -EOPNOTSUPP  the command is never sent
 */
int encode(const struct command *command, const struct field_setting *settings, size_t n_settings,
	   const void *data, size_t data_length, uint8_t *buffer, size_t capacity,
	   size_t *ret_length, const void **ret_data, size_t *ret_data_length,
	   struct refusal *ret_refusal);

/* Does this field count the data? Then encode() computes it when nobody gave it. */
bool encode_counts_data(const struct command *command, unsigned field);
/* The refusal of a field that the command does not have: -EINVAL, with the names of those it has.
 */
int encode_unknown_field(const struct command *command, const char *name,
			 struct refusal *ret_refusal);
