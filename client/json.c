/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/json.h"

#include <inttypes.h>

#include "client/utf8.h"

#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

static void write_unit(struct json *json, uint32_t unit)
{
	fprintf(json->file, "\\u%04" PRIx32, unit);
}

static void write_string(struct json *json, const char *string)
{
	putc('"', json->file);
	while (*string) {
		uint32_t c;
		unsigned n = utf8_read(string, &c);

		if (n == 0) {
			n = 1;
			c = 0xfffd;
		}
		string += n;
		if (c == '"' || c == '\\') {
			putc('\\', json->file);
			putc((int)c, json->file);
		} else if (c >= 0x20 && c < 0x7f) {
			putc((int)c, json->file);
		} else if (c < 0x10000) {
			write_unit(json, c);
		} else { /* a surrogate pair; RFC 8259, section 7 */
			write_unit(json, 0xd800 + ((c - 0x10000) >> 10));
			write_unit(json, 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	putc('"', json->file);
}

static void write_key(struct json *json, const char *key)
{
	if (json->comma)
		putc(',', json->file);
	json->comma = true;
	if (key) {
		write_string(json, key);
		putc(':', json->file);
	}
}

void json_begin(struct json *json, const char *key, char bracket)
{
	write_key(json, key);
	putc(bracket, json->file);
	json->comma = false;
}

void json_end(struct json *json, char bracket)
{
	putc(bracket, json->file);
	json->comma = true;
}

void json_string(struct json *json, const char *key, const char *value)
{
	if (key && !value)
		return;
	write_key(json, key);
	if (value)
		write_string(json, value);
	else
		fputs("null", json->file);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	const char *quote = value > NUMBER_MAX ? "\"" : "";

	write_key(json, key);
	fprintf(json->file, "%s%" PRIu64 "%s", quote, value, quote);
}

void json_signed_number(struct json *json, const char *key, int64_t value)
{
	bool exact = value >= -(int64_t)NUMBER_MAX && value <= (int64_t)NUMBER_MAX;
	const char *quote = exact ? "" : "\"";

	write_key(json, key);
	fprintf(json->file, "%s%" PRId64 "%s", quote, value, quote);
}

void json_bool(struct json *json, const char *key, bool value)
{
	write_key(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_bytes(struct json *json, const char *key, const uint8_t *bytes, size_t length)
{
	write_key(json, key);
	putc('"', json->file);
	for (size_t i = 0; i < length; i++)
		fprintf(json->file, "%02x", bytes[i]);
	putc('"', json->file);
}

void json_strings(struct json *json, const char *key, const char *const *strings)
{
	json_begin(json, key, '[');
	for (; *strings; strings++)
		json_string(json, NULL, *strings);
	json_end(json, ']');
}

void json_settings(struct json *json, const char *key, const struct fwctld_settings *settings)
{
	json_begin(json, key, '{');
	for (size_t i = 0; i < settings->n; i++)
		json_string(json, settings->items[i].name, settings->items[i].value);
	json_end(json, '}');
}

void json_items(struct json *json, const char *key, const struct fwctld_items *items)
{
	json_begin(json, key, '{');
	for (size_t i = 0; i < items->n; i++) {
		const struct fwctld_item *item = &items->items[i];

		switch (item->type) {
		case FWCTLD_ITEM_NUMBER:
			json_number(json, item->name, item->number);
			break;
		case FWCTLD_ITEM_SIGNED_NUMBER:
			json_signed_number(json, item->name, (int64_t)item->number);
			break;
		case FWCTLD_ITEM_TEXT:
			json_string(json, item->name, item->text);
			break;
		case FWCTLD_ITEM_BYTES:
			json_bytes(json, item->name, item->bytes, item->length);
			break;
		case FWCTLD_ITEM_GROUP:
			json_begin(json, item->name, '[');
			for (size_t j = 0; j < item->n_members; j++)
				json_items(json, NULL, &item->members[j]);
			json_end(json, ']');
			break;
		case FWCTLD_ITEM_OTHER:
			json_begin(json, item->name, '{');
			json_string(json, "unknown-type", item->text);
			json_end(json, '}');
			break;
		}
	}
	json_end(json, '}');
}
