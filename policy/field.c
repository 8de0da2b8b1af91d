/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/suggest.h"
#include "policy/yaml.h"

static unsigned part_width(const struct field_part *part)
{
	return part->high - part->low + 1u;
}

static uint64_t low_bits(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

uint64_t field_max(const struct field *field)
{
	unsigned width = 0;

	for (unsigned i = 0; i < field->n_parts; i++)
		width += part_width(&field->parts[i]);
	return low_bits(width);
}

bool field_get(const struct field *field, const void *message, size_t length,
	       union field_value *ret)
{
	union field_value value = {};
	unsigned shift = 0;

	if (field->type != FIELD_NUMBER) {
		if (field->size > FIELD_BYTES_MAX ||
		    !bytes_within(length, field->parts[0].offset, field->size))
			return false;
		memcpy(value.bytes, (const uint8_t *)message + field->parts[0].offset, field->size);
		*ret = value;
		return true;
	}

	for (unsigned i = 0; i < field->n_parts; i++) {
		const struct field_part *part = &field->parts[i];
		uint64_t word;

		if (!bytes_get(message, length, part->offset, part->size, part->order, &word))
			return false;
		value.number |= (word >> part->low & low_bits(part_width(part))) << shift;
		shift += part_width(part);
	}
	*ret = value;
	return true;
}

bool field_put(const struct field *field, void *message, size_t length,
	       const union field_value *value)
{
	uint64_t rest;

	for (unsigned i = 0; i < field->n_parts; i++)
		if (!bytes_within(length, field->parts[i].offset, field->parts[i].size))
			return false;

	if (field->type != FIELD_NUMBER) {
		if (field->size > FIELD_BYTES_MAX)
			return false;
		memcpy((uint8_t *)message + field->parts[0].offset, value->bytes, field->size);
		return true;
	}

	rest = value->number;
	if (rest > field_max(field))
		return false;
	for (unsigned i = 0; i < field->n_parts; i++) {
		const struct field_part *part = &field->parts[i];
		uint64_t bits = low_bits(part_width(part)), word;

		/* Only the part's own bits change: its word may hold other fields too. */
		if (!bytes_get(message, length, part->offset, part->size, part->order, &word))
			return false;
		word &= ~(bits << part->low);
		word |= (rest & bits) << part->low;
		(void)bytes_put(message, length, part->offset, part->size, part->order, word);
		rest = part_width(part) >= 64 ? 0 : rest >> part_width(part);
	}
	return true;
}

/* Of a digit in either case, and nothing else. */
static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static int parse_bytes(const struct field *field, const char *text, union field_value *ret)
{
	union field_value value = {};
	size_t digits = strspn(text, "0123456789abcdefABCDEF");

	if (digits == 0 || text[digits] != '\0')
		return -EINVAL;
	if (digits > 2u * field->size)
		return -ERANGE;
	if (digits < 2u * field->size)
		return -EINVAL;
	for (size_t i = 0; i < field->size; i++)
		value.bytes[i] =
			(uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	*ret = value;
	return 0;
}

int field_parse(const struct field *field, const char *text, union field_value *ret)
{
	union field_value value = {};

	switch (field->type) {
	case FIELD_UUID:
		if (!parse_uuid(text, value.bytes))
			return -EINVAL;
		break;
	case FIELD_BYTES:
		return parse_bytes(field, text, ret);
	case FIELD_NUMBER:
		for (size_t i = 0; i < field->n_names; i++)
			if (strcmp(field->names[i].name, text) == 0) {
				value.number = field->names[i].value;
				*ret = value;
				return 0;
			}
		if (!parse_uint(text, &value.number))
			return -EINVAL;
		if (value.number > field_max(field))
			return -ERANGE;
		break;
	}
	*ret = value;
	return 0;
}

char *field_format(const struct field *field, const union field_value *value, char *buffer,
		   size_t size)
{
	const uint8_t *b = value->bytes;
	size_t used = 0;

	if (field->secret) {
		snprintf(buffer, size, "(secret)");
		return buffer;
	}

	switch (field->type) {
	case FIELD_UUID:
		snprintf(buffer, size,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
			 b[12], b[13], b[14], b[15]);
		break;
	case FIELD_BYTES:
		if (size > 0)
			buffer[0] = '\0';
		for (size_t i = 0; i < field->size && used + 3 <= size; i++, used += 2)
			snprintf(buffer + used, size - used, "%02x", b[i]);
		break;
	case FIELD_NUMBER:
		for (size_t i = 0; i < field->n_names; i++)
			if (field->names[i].value == value->number) {
				snprintf(buffer, size, "%s", field->names[i].name);
				return buffer;
			}
		snprintf(buffer, size, "0x%" PRIx64, value->number);
		break;
	}
	return buffer;
}

static void explain_number(const struct field *field, char *buffer, size_t size)
{
	char names[NAME_LIST_MAX], number[64];
	struct name_list list = NAME_LIST(names);
	uint64_t max = field_max(field);

	if (max == 1)
		snprintf(number, sizeof(number), "0 or 1");
	else
		snprintf(number, sizeof(number), "a number from 0 to %" PRIu64, max);
	if (field->n_names == 0) {
		snprintf(buffer, size, "%s", number);
		return;
	}
	for (size_t i = 0; i < field->n_names; i++)
		name_list_add(&list, field->names[i].name);
	snprintf(buffer, size, "%s%s or %s", field->n_names > 1 ? "one of " : "", names, number);
}

char *field_explain(const struct field *field, char *buffer, size_t size)
{
	switch (field->type) {
	case FIELD_UUID:
		snprintf(buffer, size, "a UUID, 8-4-4-4-12 hexadecimal digits");
		break;
	case FIELD_BYTES:
		snprintf(buffer, size, "%u byte%s as %u hexadecimal digits", field->size,
			 field->size == 1 ? "" : "s", 2u * field->size);
		break;
	case FIELD_NUMBER:
		explain_number(field, buffer, size);
		break;
	}
	return buffer;
}
