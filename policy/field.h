/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One field's value: in a message (bytes), and as a person writes it (text).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"

/* False when a part does not lie within the message; for _put also when the value needs more bits.
 */
bool field_get(const struct field *field, const void *message, size_t length,
	       union field_value *ret);
bool field_put(const struct field *field, void *message, size_t length,
	       const union field_value *value);

/* The greatest number that the field's bits can hold. */
uint64_t field_max(const struct field *field);

/*
 * Text to value: one of the field's names, a decimal or 0x number, a UUID, or hexadecimal bytes for
 * FIELD_BYTES. -EINVAL: none of these; -ERANGE: more bits than the field has.
 */
int field_parse(const struct field *field, const char *text, union field_value *ret);

/*
 * Value to text: the name where there is one, else hexadecimal; "(secret)" for a secret field.
 * `size` should be FIELD_TEXT_MAX. Returns the buffer.
 */
#define FIELD_TEXT_MAX 64
char *field_format(const struct field *field, const union field_value *value, char *buffer,
		   size_t size);

/*
 * What field_parse() takes, for messages: "one of error, smart, ... or a number from 0 to 255", "a
 * UUID such as ...". `size` should be FIELD_EXPLAIN_MAX. Returns the buffer.
 */
#define FIELD_EXPLAIN_MAX 256
char *field_explain(const struct field *field, char *buffer, size_t size);
