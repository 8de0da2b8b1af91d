/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a number's bits stand, and what its values are called. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/suggest.h"

/* "15" or "0-7". */
bool bits_read(const struct loader *loader, const struct yaml_node *node, unsigned width,
	       uint8_t *ret_low, uint8_t *ret_high)
{
	unsigned low, high;
	char end;
	int n;

	if (!loader_kind(loader, node, YAML_SCALAR, "a bit number, or bits LOW-HIGH,"))
		return false;
	n = sscanf(node->scalar, "%9u-%9u%c", &low, &high, &end);
	if (n == 1 && strspn(node->scalar, "0123456789") == strlen(node->scalar))
		high = low;
	else if (n != 2 || strspn(node->scalar, "0123456789-") != strlen(node->scalar)) {
		loader_error(loader, node,
			     "\"%s\" is no bit: expected a number, or two with a dash like 0-7.",
			     node->scalar);
		return false;
	}
	if (low > high) {
		loader_error(loader, node, "The lower bit comes first: %u-%u.", high, low);
		return false;
	}
	if (high >= width) {
		loader_error(loader, node, "Bit %u lies beyond the word, which has %u bits.", high,
			     width);
		return false;
	}
	*ret_low = (uint8_t)low;
	*ret_high = (uint8_t)high;
	return true;
}

static const struct place *place_find(const struct loader *loader, const struct yaml_node *node)
{
	const struct source *source = loader->source;
	struct suggestion suggestion;
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of a place"))
		return NULL;
	suggestion = (struct suggestion){.wrong = node->scalar};
	for (size_t i = 0; i < source->n_places; i++) {
		if (strcmp(source->places[i].name, node->scalar) == 0)
			return &source->places[i];
		suggestion_try(&suggestion, source->places[i].name);
		name_list_add(&list, source->places[i].name);
	}
	loader_error(loader, node, "There is no place \"%s\".%s The dialect has %s%s.",
		     node->scalar, suggestion_text(&suggestion),
		     list.length > 0 ? "these: " : "none", names);
	return NULL;
}

/* size_max 8: a number's word, of 1, 2, 4 or 8 bytes; more: any size up to that. */
bool part_read(const struct loader *loader, struct yaml_node *map, unsigned size_max,
	       struct field_part *ret)
{
	struct yaml_node *in = yaml_get(map, "in"), *at = yaml_get(map, "at");
	struct yaml_node *size = yaml_get(map, "size"), *bits = yaml_get(map, "bits");
	struct yaml_node *order = yaml_get(map, "order");
	struct field_part part = {.order = loader->source->order};
	uint64_t value;

	if (in && (at || size)) {
		loader_error(loader, in, "Either \"in\", or \"at\" and \"size\", not both.");
		return false;
	}
	if (in) {
		const struct place *place = place_find(loader, in);

		if (!place)
			return false;
		part = place->part;
	} else {
		if (!at || !size) {
			loader_error(
				loader, map,
				"Where does it stand? Expected \"in: PLACE\", or \"at: OFFSET\" "
				"and \"size: BYTES\".");
			return false;
		}
		if (yaml_read_uint(loader->file, at, "an offset", UINT16_MAX, loader->problems,
				   &value) < 0)
			return false;
		part.offset = (uint16_t)value;
		if (yaml_read_uint(loader->file, size, "a size in bytes", size_max,
				   loader->problems, &value) < 0)
			return false;
		if (value == 0 || (size_max == 8 && (value & (value - 1)) != 0)) {
			loader_error(loader, size, "A number's size is 1, 2, 4 or 8 bytes.");
			return false;
		}
		part.size = (uint8_t)value;
		part.high = (uint8_t)(value * 8 - 1);
	}
	if (order && !loader_order(loader, order, &part.order))
		return false;
	if (bits && !bits_read(loader, bits, part.size * 8u, &part.low, &part.high))
		return false;
	*ret = part;
	return true;
}

int places_read(const struct loader *loader, struct yaml_node *node, struct source *source)
{
	if (!loader_kind(loader, node, YAML_MAP, "a map of places"))
		return 0;
	source->places = calloc(node->n_items + 1, sizeof(*source->places));
	if (!source->places)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_items; i++) {
		struct yaml_node *value = node->items[i].value, *selects;
		struct field_part part;
		struct place *place;

		if (!loader_kind(loader, value, YAML_MAP, "a place, like {at: 40, size: 4},"))
			continue;
		(void)yaml_get(value, "at");
		(void)yaml_get(value, "size");
		(void)yaml_get(value, "order");
		selects = yaml_get(value, "selects");
		loader_known(loader, value,
			     (const char *const[]){"at", "size", "order", "selects", NULL});
		if (!part_read(loader, value, 8, &part))
			continue;
		place = &source->places[source->n_places++];
		*place = (struct place){.name = node->items[i].key->scalar, .part = part};
		if (selects)
			(void)yaml_read_bool(loader->file, selects, "\"selects\"", loader->problems,
					     &place->selects);
	}
	return 0;
}

int names_read(const struct loader *loader, struct yaml_node *map, uint64_t max,
	       struct value_name **ret, size_t *ret_n)
{
	if (!loader_kind(loader, map, YAML_MAP, "a map of names to numbers"))
		return 0;
	*ret = calloc(map->n_items + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < map->n_items; i++) {
		struct value_name *name = &(*ret)[*ret_n];
		int r;

		r = loader_name(loader, map->items[i].key, &name->name);
		if (r < 0)
			return r;
		if (!name->name)
			continue;
		(*ret_n)++;
		if (yaml_read_uint(loader->file, map->items[i].value, "the value of a name", max,
				   loader->problems, &name->value) < 0)
			continue;
		for (size_t j = 0; j + 1 < *ret_n; j++)
			if ((*ret)[j].value == name->value)
				loader_error(loader, map->items[i].key,
					     "The value %" PRIu64 " is called \"%s\" already.",
					     name->value, (*ret)[j].name);
	}
	return 0;
}
