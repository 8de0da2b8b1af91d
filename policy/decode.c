/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/decode.h"

#include <stdio.h>
#include <string.h>

#include "include/bytes.h"
#include "policy/message.h"

#define TEXT_MAX   1024u /* longer text is shown as bytes */
#define NUMBER_MAX 16u
#define DIGITS_MAX 40u /* 2^128 has 39 decimal digits */

struct walk {
	const struct decode_visitor *visitor;
	void *userdata;
};

const struct layout *classified_layout(const struct classified *classified)
{
	const struct command *command = classified->command;

	for (size_t i = 0; i < command->n_layouts; i++)
		if (condition_holds(&command->layouts[i].when, command, classified->values,
				    classified->effects))
			return command->layouts[i].layout;
	return NULL;
}

/* False: it does not lie within, or is no number of at most 8 bytes. */
static bool read_number(const struct layout_item *item, const uint8_t *bytes, size_t length,
			uint64_t *ret)
{
	const struct field_part part = {
		.size = (uint8_t)item->size,
		.low = item->low,
		.high = item->high,
		.order = item->order,
	};

	return item->type == LAYOUT_NUMBER && item->size <= 8 &&
	       bytes_within(length, item->offset, item->size) &&
	       part_get(&part, bytes + item->offset, item->size, ret);
}

/* Long division by ten; the digits come from the back of the buffer. */
static const char *big_to_decimal(const uint8_t *bytes, size_t size, enum byte_order order,
				  char buffer[static DIGITS_MAX])
{
	uint8_t rest[NUMBER_MAX];
	char *p = buffer + DIGITS_MAX - 1;

	for (size_t i = 0; i < size; i++)
		rest[i] = bytes[order == BYTES_BIG ? i : size - 1 - i];
	*p = '\0';
	do {
		unsigned remainder = 0;

		for (size_t i = 0; i < size; i++) {
			remainder = remainder << 8 | rest[i];
			rest[i] = (uint8_t)(remainder / 10);
			remainder %= 10;
		}
		*--p = (char)('0' + remainder);
	} while (!bytes_zero(rest, size));
	return p;
}

/* The highest of the item's bits is the sign. */
static int64_t sign_extend(uint64_t value, unsigned width)
{
	uint64_t sign = UINT64_C(1) << (width - 1);

	return (int64_t)((value ^ sign) - sign);
}

static int show_number(const struct walk *walk, const struct layout_item *item,
		       const uint8_t *bytes, size_t length)
{
	char digits[DIGITS_MAX];
	const char *name = NULL;
	uint64_t value;

	if (item->size > 8) {
		if (item->size > NUMBER_MAX || !walk->visitor->big_number)
			return 0;
		return walk->visitor->big_number(walk->userdata, item->name,
						 big_to_decimal(bytes + item->offset, item->size,
								item->order, digits),
						 item->unit);
	}
	if (!read_number(item, bytes, length, &value))
		return 0;
	for (size_t i = 0; i < item->n_names && !name; i++)
		if (item->names[i].value == value)
			name = item->names[i].name;
	if (item->is_signed && walk->visitor->signed_number)
		return walk->visitor->signed_number(walk->userdata, item->name,
						    sign_extend(value, item->high - item->low + 1u),
						    name, item->unit);
	if (item->is_signed || !walk->visitor->number)
		return 0;
	return walk->visitor->number(walk->userdata, item->name, value, name, item->unit);
}

/* Up to the first NUL, without the spaces that fill it up. */
static int show_text(const struct walk *walk, const struct layout_item *item, const uint8_t *bytes)
{
	char text[TEXT_MAX + 1];
	size_t length = strnlen((const char *)bytes, item->size);

	if (!walk->visitor->text)
		return 0;
	while (length > 0 && bytes[length - 1] == ' ')
		length--;
	for (size_t i = 0; i < length; i++)
		text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
	text[length] = '\0';
	return walk->visitor->text(walk->userdata, item->name, text);
}

static int show_uuid(const struct walk *walk, const struct layout_item *item, const uint8_t *b)
{
	char text[37];

	if (!walk->visitor->text)
		return 0;
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return walk->visitor->text(walk->userdata, item->name, text);
}

static int show_items(const struct walk *walk, const struct layout_item *items, size_t n_items,
		      const uint8_t *bytes, size_t length);

/* Members that are not wholly there are left out. */
static int show_group(const struct walk *walk, const struct layout_item *group,
		      const struct layout_item *beside, const uint8_t *bytes, size_t length)
{
	const struct decode_visitor *visitor = walk->visitor;
	uint64_t count = group->count, said, available;
	int r;

	if (group->stride == 0 || group->offset > length)
		return 0;
	if (group->count_item >= 0) {
		if (!read_number(&beside[group->count_item], bytes, length, &said))
			said = 0;
		if (said < count)
			count = said;
	}
	available = (length - group->offset) / group->stride;
	if (available < count)
		count = available;

	r = visitor->begin_group ? visitor->begin_group(walk->userdata, group->name) : 0;
	for (uint64_t i = 0; i < count && r == 0; i++) {
		r = visitor->begin_member ? visitor->begin_member(walk->userdata) : 0;
		if (r == 0)
			r = show_items(walk, group->items, group->n_items,
				       bytes + group->offset + i * group->stride, group->stride);
		if (r == 0 && visitor->end_member)
			r = visitor->end_member(walk->userdata);
	}
	if (r == 0 && visitor->end_group)
		r = visitor->end_group(walk->userdata);
	return r;
}

static int show_item(const struct walk *walk, const struct layout_item *item,
		     const struct layout_item *beside, const uint8_t *bytes, size_t length)
{
	size_t size = item->size;
	const uint8_t *at;

	if (item->type == LAYOUT_BYTES && size == 0 && item->offset < length)
		size = length - item->offset;
	if (item->type == LAYOUT_GROUP)
		return show_group(walk, item, beside, bytes, length);
	if (size == 0 || !bytes_within(length, item->offset, size))
		return 0;
	at = bytes + item->offset;

	switch (item->type) {
	case LAYOUT_NUMBER:
		return show_number(walk, item, bytes, length);
	case LAYOUT_UUID:
		return item->size == 16 ? show_uuid(walk, item, at) : 0;
	case LAYOUT_TEXT:
		if (item->size <= TEXT_MAX)
			return show_text(walk, item, at);
		break;
	case LAYOUT_BYTES:
	case LAYOUT_GROUP:
		break;
	}
	if (!walk->visitor->bytes)
		return 0;
	return walk->visitor->bytes(walk->userdata, item->name, at, size);
}

static int show_items(const struct walk *walk, const struct layout_item *items, size_t n_items,
		      const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < n_items; i++) {
		int r = show_item(walk, &items[i], items, bytes, length);

		if (r < 0)
			return r;
	}
	return 0;
}

int decode(const struct layout *layout, const void *response, size_t length,
	   const struct decode_visitor *visitor, void *userdata)
{
	const struct walk walk = {.visitor = visitor, .userdata = userdata};

	return show_items(&walk, layout->items, layout->n_items, response, length);
}
