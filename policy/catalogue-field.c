/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fields: what they are, what they are when nobody says, and the message that they make. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/field.h"

/* Of a field whose place is wrong nothing is known: its values are no second problem. */
static uint64_t value_max(const struct field *field)
{
	return field->n_parts == 0 ? UINT64_MAX : field_max(field);
}

static void parts_read(const struct loader *loader, struct yaml_node *map, struct field *field)
{
	struct yaml_node *parts = yaml_get(map, "parts");
	unsigned size_max = field->type == FIELD_NUMBER ? 8 : FIELD_BYTES_MAX;

	if (!parts) {
		if (!part_read(loader, map, size_max, &field->parts[0]))
			return;
		field->n_parts = 1;
		field->size = field->parts[0].size;
		if (field->type == FIELD_NUMBER)
			return;
		if (yaml_get(map, "bits") || yaml_get(map, "order") || yaml_get(map, "in"))
			loader_error(loader, map,
				     "A UUID or bytes stand \"at\" an offset, without \"in\", "
				     "\"bits\" or \"order\".");
		if (field->type == FIELD_UUID && field->size != 16)
			loader_error(loader, map, "A UUID has 16 bytes: expected \"size: 16\".");
		return;
	}

	if (yaml_get(map, "in") || yaml_get(map, "at") || yaml_get(map, "size") ||
	    yaml_get(map, "bits") || field->type != FIELD_NUMBER) {
		loader_error(loader, parts,
			     "\"parts\" make a number and say all of its place; \"in\", \"at\", "
			     "\"size\" and \"bits\" belong into each part.");
		return;
	}
	if (!loader_kind(loader, parts, YAML_LIST, "a list of parts"))
		return;
	if (parts->n_items < 1 || parts->n_items > FIELD_PARTS_MAX) {
		loader_error(loader, parts, "A field has at most %u parts.", FIELD_PARTS_MAX);
		return;
	}
	for (size_t i = 0; i < parts->n_items; i++) {
		struct yaml_node *part = parts->items[i].value;

		if (!loader_kind(loader, part, YAML_MAP, "a part, like {in: dw10, bits: 16-31},") ||
		    !part_read(loader, part, 8, &field->parts[i])) {
			field->n_parts = 0;
			return;
		}
		loader_known(loader, part,
			     (const char *const[]){"in", "at", "size", "bits", "order", NULL});
		field->n_parts++;
	}
	field->size = 8;
	if (field->n_parts == 2 && field->parts[0].high - field->parts[0].low + 1 +
						   field->parts[1].high - field->parts[1].low + 1 >
					   64) {
		loader_error(loader, parts, "The parts have more than 64 bits together.");
		field->n_parts = 1;
	}
}

static void fixed_read(const struct loader *loader, struct yaml_node *node, struct field *field)
{
	union field_value value;
	struct yaml_node *less;

	if (field->type != FIELD_NUMBER) {
		loader_error(loader, node, "Only a number can be fixed.");
		return;
	}
	if (node->kind == YAML_SCALAR) {
		if (condition_read_value(loader->file, node, field, loader->problems, &value)) {
			field->fixed = FIXED_VALUE;
			field->fixed_value = value.number;
		}
		return;
	}
	if (!loader_kind(loader, node, YAML_MAP, "a number, or {message-size-less: N},"))
		return;
	less = loader_require(loader, node, "message-size-less");
	loader_known(loader, node, (const char *const[]){"message-size-less", NULL});
	if (less && yaml_read_uint(loader->file, less, "a number of bytes", MESSAGE_HEAD_MAX,
				   loader->problems, &field->fixed_value) == 0)
		field->fixed = FIXED_MESSAGE_SIZE;
}

static void type_read(const struct loader *loader, const struct yaml_node *node,
		      struct field *field)
{
	static const char *const types[] = {
		[FIELD_NUMBER] = "number",
		[FIELD_UUID] = "uuid",
		[FIELD_BYTES] = "bytes",
	};

	if (!loader_kind(loader, node, YAML_SCALAR, "a type"))
		return;
	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (strcmp(types[i], node->scalar) == 0) {
			field->type = (enum field_type)i;
			return;
		}
	loader_error(loader, node, "A field's type is number, uuid or bytes, not \"%s\".",
		     node->scalar);
}

/* A number that is always there, and that tells the command from others of its opcode. */
static void select_read(const struct loader *loader, struct yaml_node *node, struct field *field)
{
	union field_value value;

	if (field->type != FIELD_NUMBER || field->fixed != FIXED_NOT || field->secret) {
		loader_error(loader, node,
			     "Only a number that is neither \"fixed\" nor secret can select.");
		return;
	}
	if (!condition_read_value(loader->file, node, field, loader->problems, &value))
		return;
	field->fixed = FIXED_VALUE;
	field->fixed_value = value.number;
	field->select = true;
}

static const char *const field_keys[] = {
	"in",	   "at",      "size",  "bits",	 "order",  "parts",   "type", "names",
	"summary", "default", "fixed", "select", "secret", "at-most", NULL,
};

/* All but `default` and `at-most`, which may ask for other fields. */
static int field_read(const struct loader *loader, const struct yaml_node *key,
		      struct yaml_node *map, struct field *field)
{
	struct yaml_node *node;
	int r;

	field->at_most = -1;
	r = loader_name(loader, key, &field->name);
	if (r < 0)
		return r;
	if (!loader_kind(loader, map, YAML_MAP, "a field, like {in: dw10, bits: 0-7},"))
		return 0;

	node = yaml_get(map, "type");
	if (node)
		type_read(loader, node, field);
	parts_read(loader, map, field);
	node = yaml_get(map, "summary");
	if (node) {
		r = loader_string(loader, node, "a summary", &field->summary);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "secret");
	if (node)
		(void)yaml_read_bool(loader->file, node, "\"secret\"", loader->problems,
				     &field->secret);
	node = yaml_get(map, "names");
	if (node && (field->type != FIELD_NUMBER || field->secret)) {
		loader_error(loader, node, "Only a number that is no secret can have names.");
	} else if (node) {
		r = names_read(loader, node, value_max(field), &field->names, &field->n_names);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "fixed");
	if (node)
		fixed_read(loader, node, field);
	node = yaml_get(map, "select");
	if (node)
		select_read(loader, node, field);
	(void)yaml_get(map, "default");
	(void)yaml_get(map, "at-most");
	loader_known(loader, map, field_keys);
	return 0;
}

static int default_read(const struct loader *loader, struct yaml_node *map,
			const struct command *command, unsigned index)
{
	struct field *field = &command->fields[index];
	struct yaml_node *node = yaml_get(map, "default");
	int r;

	if (!node)
		return 0;
	if (field->type != FIELD_NUMBER || field->fixed != FIXED_NOT || field->secret) {
		loader_error(loader, node,
			     "Only a number that is neither fixed nor secret can have a default.");
		return 0;
	}
	r = value_cases_read(loader, node, command, field, value_max(field), false,
			     &field->defaults, &field->n_defaults);
	if (r < 0)
		return r;
	/* In the order of the fields, one walk can fill all defaults in. */
	for (size_t i = 0; i < field->n_defaults; i++)
		for (size_t j = 0; j < field->defaults[i].when.n_terms; j++)
			if (field->defaults[i].when.terms[j].field >= index) {
				loader_error(
					loader, node,
					"A default can depend only on fields that stand before "
					"its own.");
				return 0;
			}
	return 0;
}

static void at_most_read(const struct loader *loader, struct yaml_node *map,
			 const struct command *command, unsigned index)
{
	struct field *field = &command->fields[index];
	struct yaml_node *node = yaml_get(map, "at-most");

	if (!node)
		return;
	field->at_most = field_find(loader, node, command);
	/* What is refused tells both values. */
	if (field->at_most >= 0 &&
	    (field->type != FIELD_NUMBER || field->secret || field->at_most == (int)index ||
	     command->fields[field->at_most].type != FIELD_NUMBER ||
	     command->fields[field->at_most].secret))
		loader_error(loader, node,
			     "One number is at most another one, and none is secret.");
}

/* Which bits of the message are the field's; false when it does not lie within the message. */
static bool field_mask(const struct field *field, uint8_t *mask, size_t size)
{
	union field_value all = {};

	memset(mask, 0, size);
	if (field->type == FIELD_NUMBER)
		all.number = field_max(field);
	else
		memset(all.bytes, 0xff, sizeof(all.bytes));
	return field_put(field, mask, size, &all);
}

static unsigned bits_set(const uint8_t *bytes, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += (unsigned)__builtin_popcount(bytes[i]);
	return n;
}

static bool masks_overlap(const uint8_t *a, const uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

/* Puts the field into template and mask. */
static void field_place(const struct loader *loader, const struct yaml_node *at,
			struct command *command, unsigned index)
{
	const struct field *field = &command->fields[index];
	size_t size = command->message_size;
	uint8_t mask[MESSAGE_HEAD_MAX], other[MESSAGE_HEAD_MAX];
	unsigned width = 0;

	if (field->n_parts == 0)
		return; /* a problem already */
	if (!field_mask(field, mask, size)) {
		loader_error(loader, at,
			     "The field \"%s\" lies beyond the message, which has %zu bytes.",
			     field->name ?: "?", size);
		return;
	}
	for (unsigned i = 0; i < field->n_parts; i++)
		width += field->parts[i].high - field->parts[i].low + 1u;
	if (bits_set(mask, size) != width)
		loader_error(loader, at, "The parts of the field \"%s\" overlap.",
			     field->name ?: "?");
	if (masks_overlap(mask, command->mask, size)) {
		const char *name = "opcode";

		for (unsigned i = 0; i < index; i++)
			if (command->fields[i].n_parts > 0 &&
			    field_mask(&command->fields[i], other, size) &&
			    masks_overlap(mask, other, size))
				name = command->fields[i].name ?: "?";
		loader_error(loader, at, "The field \"%s\" overlaps \"%s\".", field->name ?: "?",
			     name);
		return;
	}
	for (size_t i = 0; i < size; i++)
		command->mask[i] |= mask[i];
	if (field->fixed == FIXED_VALUE)
		(void)field_put(field, command->template, size,
				&(union field_value){.number = field->fixed_value});
}

static void opcode_place(const struct loader *loader, const struct yaml_node *at,
			 struct command *command)
{
	const struct field opcode = {
		.type = FIELD_NUMBER,
		.parts = {loader->dialect->opcode},
		.n_parts = 1,
	};

	if (!field_put(&opcode, command->template, command->message_size,
		       &(union field_value){.number = command->opcode}) ||
	    !field_mask(&opcode, command->mask, command->message_size))
		loader_error(loader, at, "The opcode does not fit the message, which has %u bytes.",
			     command->message_size);
}

static int fields_read_map(const struct loader *loader, struct yaml_node *map,
			   struct command *command)
{
	unsigned first = command->n_fields;
	int r;

	for (size_t i = 0; i < map->n_items; i++) {
		const struct yaml_node *key = map->items[i].key;
		int known = command_field(command, key->scalar);

		map->items[i].used = true;
		if (known >= 0)
			loader_error(loader, key,
				     "The dialect's header has a field \"%s\" already.",
				     key->scalar);
		r = field_read(loader, key, map->items[i].value,
			       &command->fields[command->n_fields++]);
		if (r < 0)
			return r;
		field_place(loader, key, command, command->n_fields - 1);
	}
	for (size_t i = 0; i < map->n_items; i++) {
		r = default_read(loader, map->items[i].value, command, first + (unsigned)i);
		if (r < 0)
			return r;
		at_most_read(loader, map->items[i].value, command, first + (unsigned)i);
	}
	return 0;
}

/*
 * The header was checked with the dialect, and its problems were reported there. All that can be
 * wrong here is this command's message, which can be too short for it.
 */
static int header_read(const struct loader *loader, const struct yaml_node *at,
		       struct command *command)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct loader header_loader = *loader;
	int r;

	header_loader.file = loader->source->file;
	header_loader.problems = &problems;
	r = fields_read_map(&header_loader, loader->source->header, command);
	if (r < 0)
		return r;
	if (problems.n > 0 && !loader->source->header_broken)
		loader_error(loader, at, "The dialect's header does not fit this command: %s",
			     problems.items[0].text);
	return 0;
}

int fields_read(const struct loader *loader, const struct yaml_node *at, struct yaml_node *fields,
		struct command *command)
{
	struct yaml_node *header = loader->source->header;
	size_t n;
	int r;

	if (fields && !loader_kind(loader, fields, YAML_MAP, "a map of fields"))
		fields = NULL;
	n = (header ? header->n_items : 0) + (fields ? fields->n_items : 0);
	if (n > FIELDS_MAX) {
		loader_error(loader, at, "The command has %zu fields; at most %u are supported.", n,
			     FIELDS_MAX);
		return 0;
	}
	command->fields = calloc(n + 1, sizeof(*command->fields));
	command->template = calloc(1, command->message_size);
	command->mask = calloc(1, command->message_size);
	if (!command->fields || !command->template || !command->mask)
		return -ENOMEM;

	opcode_place(loader, at, command);
	if (header) {
		r = header_read(loader, at, command);
		if (r < 0)
			return r;
	}
	if (fields)
		return fields_read_map(loader, fields, command);
	return 0;
}

int header_check(const struct loader *loader, struct source *source)
{
	_cleanup_(command_done) struct command command = {
		.message_size = source->message_size ?: MESSAGE_HEAD_MAX,
	};
	size_t errors_before = loader->problems->n_errors;
	int r;

	if (!loader_kind(loader, source->header, YAML_MAP, "a map of fields") ||
	    source->header->n_items > FIELDS_MAX) {
		source->header = NULL;
		return 0;
	}
	command.fields = calloc(source->header->n_items + 1, sizeof(*command.fields));
	command.template = calloc(1, command.message_size);
	command.mask = calloc(1, command.message_size);
	if (!command.fields || !command.template || !command.mask)
		return -ENOMEM;
	opcode_place(loader, source->header, &command);
	r = fields_read_map(loader, source->header, &command);
	source->header_broken = loader->problems->n_errors > errors_before;
	return r;
}
