/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all readers of the loader share: names, classes, effects, cases. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/suggest.h"

#define NAME_MAX_LENGTH SUGGESTION_NAME_MAX

void loader_error(const struct loader *loader, const struct yaml_node *node, const char *format,
		  ...)
{
	va_list arguments;

	va_start(arguments, format);
	problems_addv(loader->problems, false, loader->file->path, node->line, node->column, format,
		      arguments);
	va_end(arguments);
}

bool loader_kind(const struct loader *loader, const struct yaml_node *node, enum yaml_kind kind,
		 const char *what)
{
	static const char *const kinds[] = {
		[YAML_SCALAR] = "a single value",
		[YAML_LIST] = "a list",
		[YAML_MAP] = "a map",
	};

	if (node->kind == kind)
		return true;
	loader_error(loader, node, "Expected %s here, found %s.", what,
		     node->kind == YAML_SCALAR && node->scalar[0] == '\0' ? "nothing"
									  : kinds[node->kind]);
	return false;
}

void loader_known(const struct loader *loader, struct yaml_node *map, const char *const *known)
{
	(void)yaml_refuse_unused(loader->file, map, known, loader->problems);
}

struct yaml_node *loader_require(const struct loader *loader, struct yaml_node *map,
				 const char *key)
{
	struct yaml_node *node = yaml_get(map, key);

	if (!node)
		loader_error(loader, map, "Expected a key \"%s\" here; it is required.", key);
	return node;
}

/* These texts go into D-Bus strings and journal lines, some of them cut: one line of ASCII survives
 * that. */
static bool is_one_line(const char *string)
{
	for (; *string; string++)
		if (*string < ' ' || *string > '~')
			return false;
	return true;
}

int loader_string(const struct loader *loader, const struct yaml_node *node, const char *what,
		  char **ret)
{
	const char *string;
	char *copy;

	if (yaml_read_string(loader->file, node, what, loader->problems, &string) < 0)
		return 0;
	if (!is_one_line(string)) {
		loader_error(loader, node, "Expected %s here, as one line of printable ASCII.",
			     what);
		return 0;
	}
	copy = strdup(string);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int loader_name(const struct loader *loader, const struct yaml_node *node, char **ret)
{
	const char *name = node->scalar;

	if (!loader_kind(loader, node, YAML_SCALAR, "a name"))
		return 0;
	if (name[0] < 'a' || name[0] > 'z' || strlen(name) > NAME_MAX_LENGTH ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		loader_error(loader, node,
			     "\"%s\" is no name: expected lower-case letters, digits and dashes, a "
			     "letter first, at most %u in all.",
			     name, NAME_MAX_LENGTH);
		return 0;
	}
	return loader_string(loader, node, "a name", ret);
}

bool loader_class(const struct loader *loader, const struct yaml_node *node, enum effect_class *ret)
{
	struct suggestion suggestion;
	int class;

	if (!loader_kind(loader, node, YAML_SCALAR, "a class"))
		return false;
	class = effect_class_from_string(node->scalar);
	if (class < 0) {
		suggestion = (struct suggestion){.wrong = node->scalar};
		for (int i = CLASS_READ_ONLY; i < _CLASS_MAX; i++)
			suggestion_try(&suggestion, effect_class_to_string((enum effect_class)i));
		loader_error(loader, node,
			     "A class is read-only, config-change or destructive, not \"%s\".%s",
			     node->scalar, suggestion_text(&suggestion));
		return false;
	}
	*ret = (enum effect_class) class;
	return true;
}

bool loader_effects(const struct loader *loader, const struct yaml_node *node, effect_set *ret)
{
	effect_set effects = 0;
	bool good = true;

	if (!loader_kind(loader, node, YAML_LIST, "a list of effects"))
		return false;
	for (size_t i = 0; i < node->n_items; i++) {
		const struct yaml_node *item = node->items[i].value;
		struct suggestion suggestion;
		int effect;

		if (!loader_kind(loader, item, YAML_SCALAR, "an effect")) {
			good = false;
			continue;
		}
		effect = effect_from_string(item->scalar);
		if (effect >= 0) {
			effects |= EFFECT_BIT(effect);
			continue;
		}
		suggestion = (struct suggestion){.wrong = item->scalar};
		for (int j = 0; j < _EFFECT_MAX; j++)
			suggestion_try(&suggestion, effect_to_string((enum effect)j));
		loader_error(loader, item, "There is no effect \"%s\".%s", item->scalar,
			     suggestion_text(&suggestion));
		good = false;
	}
	if (good)
		*ret = effects;
	return good;
}

bool loader_order(const struct loader *loader, const struct yaml_node *node, enum byte_order *ret)
{
	if (!loader_kind(loader, node, YAML_SCALAR, "a byte order"))
		return false;
	if (strcmp(node->scalar, "little") == 0) {
		*ret = BYTES_LITTLE;
	} else if (strcmp(node->scalar, "big") == 0) {
		*ret = BYTES_BIG;
	} else if (strcmp(node->scalar, "host") == 0) {
		*ret = BYTES_HOST;
	} else {
		loader_error(loader, node, "A byte order is little, big or host, not \"%s\".",
			     node->scalar);
		return false;
	}
	return true;
}

size_t cases_count(const struct yaml_node *node)
{
	return node->kind == YAML_LIST ? node->n_items : 1;
}

struct yaml_node *cases_get(struct yaml_node *node, size_t i)
{
	return node->kind == YAML_LIST ? node->items[i].value : node;
}

int case_when(const struct loader *loader, struct yaml_node *map, const struct command *command,
	      struct condition *ret)
{
	struct yaml_node *when = yaml_get(map, "when");

	if (!when)
		return 0;
	return condition_read(loader->file, when, command, loader->problems, ret);
}

void case_reachable(const struct loader *loader, const struct yaml_node *node,
		    const struct condition *when, size_t i, size_t n)
{
	if (when->n_terms == 0 && when->any_effect == 0 && i + 1 < n)
		loader_error(loader, node,
			     "This case always holds, so what follows it is never reached: say "
			     "\"when\", or put it last.");
}

static void value_read(const struct loader *loader, const struct yaml_node *node,
		       const struct field *field, uint64_t max, uint64_t *ret)
{
	union field_value value;

	if (!field || field->n_parts == 0)
		(void)yaml_read_uint(loader->file, node, "a value", max, loader->problems, ret);
	else if (condition_read_value(loader->file, node, field, loader->problems, &value))
		*ret = value.number;
}

int value_cases_read(const struct loader *loader, struct yaml_node *node,
		     const struct command *command, const struct field *field, uint64_t max,
		     bool effects, struct value_case **ret, size_t *ret_n)
{
	size_t n = cases_count(node);
	int r;

	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	if (node->kind == YAML_SCALAR) {
		*ret_n = 1;
		value_read(loader, node, field, max, &(*ret)[0].value);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct yaml_node *map = cases_get(node, i), *value, *any;
		struct value_case *value_case = &(*ret)[(*ret_n)++];

		if (!loader_kind(loader, map, YAML_MAP,
				 "a case, like {when: {lid: 2}, value: 127},"))
			continue;
		r = case_when(loader, map, command, &value_case->when);
		if (r < 0)
			return r;
		any = effects ? yaml_get(map, "effects") : NULL;
		if (any && loader_effects(loader, any, &value_case->when.any_effect) &&
		    value_case->when.any_effect == 0)
			loader_error(loader, any,
				     "This list is empty, so the case always holds: leave it out.");
		case_reachable(loader, map, &value_case->when, i, n);
		value = loader_require(loader, map, "value");
		if (value)
			value_read(loader, value, field, max, &value_case->value);
		loader_known(loader, map,
			     effects ? (const char *const[]){"when", "effects", "value", NULL}
				     : (const char *const[]){"when", "value", NULL});
	}
	return 0;
}
