/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layouts: what stands where in a response. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/suggest.h"

#define NUMBER_BYTES_MAX 16u

static int items_read(const struct loader *loader, struct yaml_node *map, uint32_t end,
		      struct layout_item **ret, size_t *ret_n);

static void item_type(const struct loader *loader, const struct yaml_node *node,
		      struct layout_item *item)
{
	static const char *const types[] = {
		[LAYOUT_NUMBER] = "number", [LAYOUT_TEXT] = "text",   [LAYOUT_UUID] = "uuid",
		[LAYOUT_BYTES] = "bytes",   [LAYOUT_GROUP] = "group",
	};

	if (!loader_kind(loader, node, YAML_SCALAR, "a type"))
		return;
	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (strcmp(types[i], node->scalar) == 0) {
			item->type = (enum layout_type)i;
			return;
		}
	loader_error(loader, node,
		     "An item's type is number, text, uuid, bytes or group, not \"%s\".",
		     node->scalar);
}

/* A number of at most 8 bytes can be a few bits of its word, in any order. */
static void item_number(const struct loader *loader, struct yaml_node *map,
			struct layout_item *item)
{
	struct yaml_node *bits = yaml_get(map, "bits"), *order = yaml_get(map, "order");
	struct yaml_node *is_signed = yaml_get(map, "signed");

	item->order = loader->source->order;
	item->high = item->size <= 8 ? (uint8_t)(item->size * 8 - 1) : 0;
	if (order)
		(void)loader_order(loader, order, &item->order);
	if (is_signed && item->size > 8)
		loader_error(loader, is_signed, "Only a number of at most 8 bytes can be signed.");
	else if (is_signed)
		(void)yaml_read_bool(loader->file, is_signed, "\"signed\"", loader->problems,
				     &item->is_signed);
	if (!bits)
		return;
	if (item->size > 8)
		loader_error(loader, bits, "Only a number of at most 8 bytes can have \"bits\".");
	else
		(void)bits_read(loader, bits, item->size * 8, &item->low, &item->high);
}

static int item_names(const struct loader *loader, struct yaml_node *map, struct layout_item *item)
{
	struct yaml_node *names = yaml_get(map, "names");
	unsigned width = item->high - item->low + 1u;

	if (!names)
		return 0;
	if (item->type != LAYOUT_NUMBER || item->size > 8) {
		loader_error(loader, names, "Only a number of at most 8 bytes can have names.");
		return 0;
	}
	return names_read(loader, names, width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1,
			  &item->names, &item->n_names);
}

static int group_read(const struct loader *loader, struct yaml_node *map, uint32_t end,
		      struct layout_item *item)
{
	struct yaml_node *stride = loader_require(loader, map, "stride");
	struct yaml_node *count = loader_require(loader, map, "count");
	struct yaml_node *items = loader_require(loader, map, "items");
	uint64_t stride_value, count_value;

	if (!stride || !count || !items)
		return 0;
	if (yaml_read_uint(loader->file, stride, "a number of bytes", RESPONSE_DATA_MAX,
			   loader->problems, &stride_value) < 0 ||
	    yaml_read_uint(loader->file, count, "a number of members", RESPONSE_DATA_MAX,
			   loader->problems, &count_value) < 0)
		return 0;
	if (stride_value == 0 || count_value == 0) {
		loader_error(loader, stride_value == 0 ? stride : count, "This can't be 0.");
		return 0;
	}
	/* `count` is only an upper bound: the response may be cut off, but never begin beyond the
	 * end. */
	if (stride_value > end - item->offset) {
		loader_error(loader, stride, "Not even one member fits: only %u bytes are left.",
			     end - item->offset);
		return 0;
	}
	item->stride = (uint32_t)stride_value;
	item->count = (uint32_t)count_value;
	return items_read(loader, items, item->stride, &item->items, &item->n_items);
}

static bool item_place(const struct loader *loader, struct yaml_node *map, uint32_t end,
		       struct layout_item *item)
{
	struct yaml_node *at = loader_require(loader, map, "at"), *size;
	uint64_t value;

	if (!at ||
	    yaml_read_uint(loader->file, at, "an offset", end - 1, loader->problems, &value) < 0)
		return false;
	item->offset = (uint32_t)value;
	if (item->type == LAYOUT_GROUP)
		return true;

	size = yaml_get(map, "size");
	value = 16;
	if (!size && item->type != LAYOUT_UUID) {
		loader_error(loader, map, "Expected \"size\", in bytes.");
		return false;
	}
	if (size && item->type == LAYOUT_BYTES && size->kind == YAML_SCALAR &&
	    strcmp(size->scalar, "rest") == 0) {
		item->size = 0;
		return true;
	}
	if (size && yaml_read_uint(loader->file, size, "a size in bytes", end - item->offset,
				   loader->problems, &value) < 0)
		return false;
	if (value == 0 || value > end - item->offset ||
	    (item->type == LAYOUT_UUID && value != 16) ||
	    (item->type == LAYOUT_NUMBER && value > NUMBER_BYTES_MAX)) {
		loader_error(loader, size ?: map,
			     "The size does not fit: a number has 1 to %u bytes, a UUID 16, and "
			     "everything ends within the %u bytes there are.",
			     NUMBER_BYTES_MAX, end);
		return false;
	}
	item->size = (uint32_t)value;
	return true;
}

static int item_read(const struct loader *loader, const struct yaml_node *key,
		     struct yaml_node *map, uint32_t end, struct layout_item *item)
{
	static const char *const keys[] = {"at",    "size",  "type",   "unit", "bits",
					   "order", "names", "signed", NULL};
	static const char *const group_keys[] = {"at",	  "type",     "stride", "count",
						 "items", "count-by", NULL};
	struct yaml_node *node;
	int r;

	item->count_item = -1;
	r = loader_name(loader, key, &item->name);
	if (r < 0)
		return r;
	if (!loader_kind(loader, map, YAML_MAP, "an item, like {at: 3, size: 1},"))
		return 0;
	node = yaml_get(map, "type");
	if (node)
		item_type(loader, node, item);
	if (item_place(loader, map, end, item)) {
		if (item->type == LAYOUT_GROUP) {
			r = group_read(loader, map, end, item);
		} else {
			if (item->type == LAYOUT_NUMBER)
				item_number(loader, map, item);
			r = item_names(loader, map, item);
		}
		if (r < 0)
			return r;
		node = item->type == LAYOUT_NUMBER ? yaml_get(map, "unit") : NULL;
		if (node) {
			r = loader_string(loader, node, "a unit", &item->unit);
			if (r < 0)
				return r;
		}
		loader_known(loader, map, item->type == LAYOUT_GROUP ? group_keys : keys);
	}
	return 0;
}

static void count_by_read(const struct loader *loader, const struct yaml_node *node,
			  struct layout_item *items, size_t n_items, struct layout_item *group)
{
	struct suggestion suggestion = {.wrong = node->scalar};

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of an item"))
		return;
	suggestion.wrong = node->scalar;
	for (size_t i = 0; i < n_items; i++) {
		if (items[i].type != LAYOUT_NUMBER || items[i].size > 8 || !items[i].name)
			continue;
		if (strcmp(items[i].name, node->scalar) == 0) {
			group->count_item = (int)i;
			return;
		}
		suggestion_try(&suggestion, items[i].name);
	}
	loader_error(loader, node, "There is no number \"%s\" beside this group.%s", node->scalar,
		     suggestion_text(&suggestion));
}

static int items_read(const struct loader *loader, struct yaml_node *map, uint32_t end,
		      struct layout_item **ret, size_t *ret_n)
{
	int r;

	if (!loader_kind(loader, map, YAML_MAP, "a map of items"))
		return 0;
	*ret = calloc(map->n_items + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	/* Before the items themselves, so that they don't take it for an unknown key. */
	for (size_t i = 0; i < map->n_items; i++)
		(void)yaml_get(map->items[i].value, "count-by");
	for (size_t i = 0; i < map->n_items; i++) {
		map->items[i].used = true;
		r = item_read(loader, map->items[i].key, map->items[i].value, end,
			      &(*ret)[(*ret_n)++]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < map->n_items; i++) {
		struct yaml_node *count_by = yaml_get(map->items[i].value, "count-by");

		if (count_by && (*ret)[i].type != LAYOUT_GROUP)
			loader_error(loader, count_by, "Only a group is counted.");
		else if (count_by)
			count_by_read(loader, count_by, *ret, *ret_n, &(*ret)[i]);
	}
	return 0;
}

int layouts_read(const struct loader *loader, struct yaml_node *node)
{
	struct dialect *dialect = loader->dialect;
	int r;

	if (!loader_kind(loader, node, YAML_MAP, "a map of layouts"))
		return 0;
	dialect->layouts = calloc(node->n_items + 1, sizeof(*dialect->layouts));
	if (!dialect->layouts)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_items; i++) {
		struct layout *layout = &dialect->layouts[dialect->n_layouts++];

		r = loader_name(loader, node->items[i].key, &layout->name);
		if (r < 0)
			return r;
		r = items_read(loader, node->items[i].value, RESPONSE_DATA_MAX, &layout->items,
			       &layout->n_items);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct layout *layout_find(const struct loader *loader, const struct yaml_node *node)
{
	const struct dialect *dialect = loader->dialect;
	struct suggestion suggestion;
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of a layout"))
		return NULL;
	suggestion = (struct suggestion){.wrong = node->scalar};
	for (size_t i = 0; i < dialect->n_layouts; i++) {
		if (!dialect->layouts[i].name)
			continue;
		if (strcmp(dialect->layouts[i].name, node->scalar) == 0)
			return &dialect->layouts[i];
		suggestion_try(&suggestion, dialect->layouts[i].name);
		name_list_add(&list, dialect->layouts[i].name);
	}
	loader_error(loader, node, "There is no layout \"%s\".%s The dialect has %s%s.",
		     node->scalar, suggestion_text(&suggestion),
		     list.length > 0 ? "these: " : "none", names);
	return NULL;
}

int layout_cases_read(const struct loader *loader, struct yaml_node *node, struct command *command)
{
	size_t n = cases_count(node);
	int r;

	command->layouts = calloc(n + 1, sizeof(*command->layouts));
	if (!command->layouts)
		return -ENOMEM;
	if (node->kind == YAML_SCALAR) {
		command->layouts[0].layout = layout_find(loader, node);
		command->n_layouts = 1;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct yaml_node *map = cases_get(node, i), *use;
		struct layout_case *layout_case = &command->layouts[command->n_layouts++];

		if (!loader_kind(loader, map, YAML_MAP,
				 "a case, like {when: {lid: 2}, use: smart},"))
			continue;
		r = case_when(loader, map, command, &layout_case->when);
		if (r < 0)
			return r;
		case_reachable(loader, map, &layout_case->when, i, n);
		use = loader_require(loader, map, "use");
		if (use)
			layout_case->layout = layout_find(loader, use);
		loader_known(loader, map, (const char *const[]){"when", "use", NULL});
	}
	return 0;
}
