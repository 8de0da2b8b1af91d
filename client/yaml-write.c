/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/yaml-write.h"

#include <inttypes.h>
#include <string.h>

#include "client/utf8.h"

/* Words that YAML reads as themselves wherever they stand. */
static bool is_plain(const struct yaml_node *node)
{
	const char *text = node->scalar;

	return !node->quoted && *text && !strchr("-.", *text) &&
	       text[strspn(text,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789_-./")] == '\0';
}

/* YAML 1.1, section 5.6: escapes of a double-quoted scalar. The reader took UTF-8 alone. */
static void write_quoted(FILE *file, const char *text)
{
	putc('"', file);
	while (*text) {
		uint32_t character = 0;
		unsigned n = utf8_read(text, &character);

		text += n > 0 ? n : 1;
		if (character == '"' || character == '\\')
			fprintf(file, "\\%c", (int)character);
		else if (character >= 0x20 && character < 0x7f)
			putc((int)character, file);
		else
			fprintf(file, character < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32,
				character);
	}
	putc('"', file);
}

void yaml_write(FILE *file, const struct yaml_node *node)
{
	const char *brackets = node->kind == YAML_LIST ? "[]" : "{}";

	if (node->kind == YAML_SCALAR) {
		if (is_plain(node))
			fputs(node->scalar, file);
		else
			write_quoted(file, node->scalar);
		return;
	}
	putc(brackets[0], file);
	for (size_t i = 0; i < node->n_items; i++) {
		if (i > 0)
			fputs(", ", file);
		if (node->items[i].key) {
			yaml_write(file, node->items[i].key);
			fputs(": ", file);
		}
		yaml_write(file, node->items[i].value);
	}
	putc(brackets[1], file);
}

static void json_scalar(struct json *json, const char *key, const struct yaml_node *node)
{
	uint64_t number;

	/* Only what a person would write so: 0x10 stays what it is. */
	if (!node->quoted && node->scalar[0] != '\0' && !strchr(node->scalar, 'x') &&
	    parse_uint(node->scalar, &number))
		json_number(json, key, number);
	else if (!node->quoted && strcmp(node->scalar, "true") == 0)
		json_bool(json, key, true);
	else if (!node->quoted && strcmp(node->scalar, "false") == 0)
		json_bool(json, key, false);
	else
		json_string(json, key, node->scalar);
}

void json_yaml(struct json *json, const char *key, const struct yaml_node *node)
{
	bool map = node->kind == YAML_MAP;

	if (node->kind == YAML_SCALAR) {
		json_scalar(json, key, node);
		return;
	}
	json_begin(json, key, map ? '{' : '[');
	for (size_t i = 0; i < node->n_items; i++)
		json_yaml(json, map ? node->items[i].key->scalar : NULL, node->items[i].value);
	json_end(json, map ? '}' : ']');
}
