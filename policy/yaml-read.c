/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values out of a tree that yaml.c built, each with a message that a person can act on. */

#include "policy/yaml.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/suggest.h"

void yaml_problem(const struct yaml_file *file, const struct yaml_node *node, bool warning,
		  struct problems *problems, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problems_addv(problems, warning, file->path, node->line, node->column, format, arguments);
	va_end(arguments);
}

struct yaml_node *yaml_get(struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n_items; i++)
		if (strcmp(map->items[i].key->scalar, key) == 0) {
			map->items[i].used = true;
			return map->items[i].value;
		}
	return NULL;
}

static void refuse_key(const struct yaml_file *file, const struct yaml_node *key,
		       const char *const *known, struct problems *problems)
{
	struct suggestion suggestion = {.wrong = key->scalar};
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (; *known && problems_keep(problems, false); known++) {
		suggestion_try(&suggestion, *known);
		name_list_add(&list, *known);
	}
	if (suggestion.best)
		yaml_problem(file, key, false, problems, "Unknown key \"%s\".%s", key->scalar,
			     suggestion_text(&suggestion));
	else
		yaml_problem(file, key, false, problems, "Unknown key \"%s\"; expected one of %s.",
			     key->scalar, names);
}

int yaml_refuse_unused(const struct yaml_file *file, struct yaml_node *map,
		       const char *const *known, struct problems *problems)
{
	int r = 0;

	for (size_t i = 0; map->kind == YAML_MAP && i < map->n_items; i++)
		if (!map->items[i].used) {
			refuse_key(file, map->items[i].key, known, problems);
			r = -EINVAL;
		}
	return r;
}

int yaml_read_string(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		     struct problems *problems, const char **ret)
{
	if (node->kind != YAML_SCALAR) {
		yaml_problem(file, node, false, problems, "Expected %s here, not a %s.", what,
			     node->kind == YAML_LIST ? "list" : "map");
		return -EINVAL;
	}
	if (node->scalar[0] == '\0') {
		yaml_problem(file, node, false, problems, "Expected %s here, found nothing.", what);
		return -EINVAL;
	}
	*ret = node->scalar;
	return 0;
}

int yaml_read_uint(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		   uint64_t max, struct problems *problems, uint64_t *ret)
{
	const char *string;
	uint64_t value;
	int r;

	r = yaml_read_string(file, node, what, problems, &string);
	if (r < 0)
		return r;
	if (node->quoted || !parse_uint(string, &value)) {
		yaml_problem(file, node, false, problems,
			     "Expected %s here: a number, decimal or hexadecimal with 0x, without "
			     "quotes. Found \"%s\".%s",
			     what, string, node->quoted ? "" : parse_uint_hint(string));
		return -EINVAL;
	}
	if (value > max) {
		yaml_problem(file, node, false, problems,
			     "%s is too large: expected %s of at most %" PRIu64 " (0x%" PRIx64 ").",
			     string, what, max, max);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

int yaml_read_bool(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		   struct problems *problems, bool *ret)
{
	const char *string;
	int r;

	r = yaml_read_string(file, node, what, problems, &string);
	if (r < 0)
		return r;
	if (node->quoted || (strcmp(string, "true") != 0 && strcmp(string, "false") != 0)) {
		yaml_problem(
			file, node, false, problems,
			"Expected %s here: true or false, in small letters and without quotes. "
			"Found \"%s\".",
			what, string);
		return -EINVAL;
	}
	*ret = string[0] == 't';
	return 0;
}

bool parse_uint(const char *string, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t value = 0;

	if (string[0] == '0' && string[1] == 'x') {
		base = 16;
		string += 2;
	} else if (string[0] == '0' && string[1] != '\0') {
		return false; /* octal to some readers, decimal to others */
	}
	if (string[0] == '\0')
		return false;
	for (; *string; string++) {
		unsigned digit;

		if (*string >= '0' && *string <= '9')
			digit = (unsigned)(*string - '0');
		else if (base == 16 && *string >= 'a' && *string <= 'f')
			digit = (unsigned)(*string - 'a') + 10;
		else if (base == 16 && *string >= 'A' && *string <= 'F')
			digit = (unsigned)(*string - 'A') + 10;
		else
			return false;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret = value;
	return true;
}

const char *parse_uint_hint(const char *string)
{
	if (string[0] == '0' && string[1] != '\0' && string[strspn(string, "0123456789")] == '\0')
		return " A leading 0 means octal to some programs and nothing to others: leave it "
		       "out, or write 0x.";
	return "";
}

bool parse_uuid(const char *string, uint8_t ret[static 16])
{
	uint8_t bytes[16] = {};
	size_t digits = 0;

	if (strlen(string) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		uint64_t digit;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (string[i] != '-')
				return false;
			continue;
		}
		if (!parse_uint((const char[]){'0', 'x', string[i], '\0'}, &digit))
			return false;
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit);
		digits++;
	}
	memcpy(ret, bytes, sizeof(bytes));
	return true;
}
