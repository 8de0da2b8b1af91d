/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many bytes go to the device and come back, beside the fields; and the pointers to them. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/field.h"

#define LENGTH_ADD_MAX	 (64u * 1024u) /* with a field of 32 bits, no length overflows 64 bits */
#define LENGTH_SCALE_MAX (64u * 1024u)

static void length_of(const struct loader *loader, struct yaml_node *node,
		      const struct command *command, struct length *length)
{
	struct yaml_node *of = yaml_get(node, "of"), *add = yaml_get(node, "add");
	struct yaml_node *scale = yaml_get(node, "scale");
	const struct field *field;

	length->field = field_find(loader, of, command);
	length->scale = 1;
	if (add)
		(void)yaml_read_uint(loader->file, add, "a number to add", LENGTH_ADD_MAX,
				     loader->problems, &length->add);
	if (scale &&
	    yaml_read_uint(loader->file, scale, "a factor", LENGTH_SCALE_MAX, loader->problems,
			   &length->scale) == 0 &&
	    length->scale == 0)
		loader_error(loader, scale, "A factor of 0 makes every length 0.");
	if (length->field < 0)
		return;
	field = &command->fields[length->field];
	if (field->type != FIELD_NUMBER || field->secret || field_max(field) > UINT32_MAX)
		loader_error(loader, of,
			     "A length field is a number of at most 32 bits, and no secret.");
}

/* N | {of: FIELD, add: N, scale: N} | {min: N, max: N}, which `any` permits. */
static void length_read(const struct loader *loader, struct yaml_node *node,
			const struct command *command, uint64_t max, bool any, struct length *ret)
{
	struct length length = {.field = -1};
	struct yaml_node *low, *high;

	if (node->kind == YAML_SCALAR) {
		(void)yaml_read_uint(loader->file, node, "a length in bytes", max, loader->problems,
				     &length.add);
		length.scale = 1;
	} else if (!loader_kind(loader, node, YAML_MAP, "a length")) {
		return;
	} else if (yaml_get(node, "of")) {
		length_of(loader, node, command, &length);
		loader_known(loader, node, (const char *const[]){"of", "add", "scale", NULL});
	} else {
		if (!any)
			loader_error(
				loader, node,
				"Expected a number of bytes, or {of: FIELD, add: N, scale: N}: "
				"here the length must follow from the fields.");
		low = loader_require(loader, node, "min");
		high = loader_require(loader, node, "max");
		loader_known(loader, node,
			     any ? (const char *const[]){"min", "max", "of", NULL}
				 : (const char *const[]){"of", "add", "scale", NULL});
		length.any = true;
		if (low && high &&
		    yaml_read_uint(loader->file, low, "a length in bytes", max, loader->problems,
				   &length.min) == 0 &&
		    yaml_read_uint(loader->file, high, "a length in bytes", max, loader->problems,
				   &length.max) == 0 &&
		    length.min > length.max)
			loader_error(loader, low, "\"min\" is greater than \"max\".");
	}
	*ret = length;
}

int length_cases_read(const struct loader *loader, struct yaml_node *node,
		      const struct command *command, uint64_t max, bool any,
		      struct length_case **ret, size_t *ret_n)
{
	size_t n = cases_count(node);
	int r;

	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct yaml_node *map = cases_get(node, i), *length;
		struct length_case *length_case = &(*ret)[(*ret_n)++];

		length_case->length.field = -1;
		if (!loader_kind(loader, map, YAML_MAP, "a case, like {length: 4096},"))
			continue;
		r = case_when(loader, map, command, &length_case->when);
		if (r < 0)
			return r;
		case_reachable(loader, map, &length_case->when, i, n);
		length = loader_require(loader, map, "length");
		if (length)
			length_read(loader, length, command, max, any, &length_case->length);
		loader_known(loader, map, (const char *const[]){"when", "length", NULL});
	}
	return 0;
}

void segments_read(const struct loader *loader, struct yaml_node *node, struct command *command)
{
	if (!loader_kind(loader, node, YAML_LIST, "a list of segments"))
		return;
	if (node->n_items > SEGMENTS_MAX) {
		loader_error(loader, node, "At most %u segments are supported.", SEGMENTS_MAX);
		return;
	}
	for (size_t i = 0; i < node->n_items; i++) {
		struct yaml_node *map = node->items[i].value, *pointer, *direction, *length;
		struct segment *segment = &command->segments[command->n_segments];
		uint64_t value;

		if (!loader_kind(loader, map, YAML_MAP, "a segment"))
			continue;
		pointer = loader_require(loader, map, "pointer");
		direction = loader_require(loader, map, "direction");
		length = loader_require(loader, map, "length");
		loader_known(loader, map,
			     (const char *const[]){"pointer", "direction", "length", NULL});
		if (!pointer || !direction || !length ||
		    yaml_read_uint(loader->file, pointer, "an offset", command->message_size,
				   loader->problems, &value) < 0)
			continue;
		if (!bytes_within(command->message_size, value, 8) || value % 4 != 0) {
			loader_error(loader, pointer,
				     "The 8 bytes of a pointer start at a multiple of 4 and end "
				     "within the message.");
			continue;
		}
		/* A pointer is nobody's field: neither one's nor, byte for byte, another pointer's.
		 */
		if (!bytes_zero(command->mask + value, 8) ||
		    (i > 0 && command->n_segments > 0 &&
		     value < command->segments[0].pointer + 8u &&
		     value + 8 > command->segments[0].pointer)) {
			loader_error(loader, pointer,
				     "The pointer overlaps a field or another pointer.");
			continue;
		}
		segment->pointer = (uint16_t)value;
		if (!loader_kind(loader, direction, YAML_SCALAR, "a direction"))
			continue;
		segment->to_device = strcmp(direction->scalar, "to-device") == 0;
		if (!segment->to_device && strcmp(direction->scalar, "from-device") != 0)
			loader_error(loader, direction,
				     "A direction is to-device or from-device, not \"%s\".",
				     direction->scalar);
		length_read(loader, length, command,
			    segment->to_device ? REQUEST_DATA_MAX : RESPONSE_DATA_MAX, false,
			    &segment->length);
		command->n_segments++;
	}
}

void answer_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	static const char *const keys[] = {"at", "size", "bits", "order", "add", "whole", NULL};
	struct answer_size answer = {};
	struct yaml_node *add, *whole;
	uint64_t value;

	if (!loader_kind(loader, map, YAML_MAP, "a word, like {at: 0, size: 4, add: 8},"))
		return;
	if (command->envelope != ENVELOPE_FWCTL_RPC) {
		loader_error(loader, map,
			     "Only the answers of fwctl commands say how long they are.");
		return;
	}
	add = yaml_get(map, "add");
	whole = yaml_get(map, "whole");
	if (!part_read(loader, map, 8, &answer.part))
		return;
	loader_known(loader, map, keys);
	if (add && yaml_read_uint(loader->file, add, "a number of bytes", RESPONSE_DATA_MAX,
				  loader->problems, &value) == 0)
		answer.add = (uint32_t)value;
	if (whole)
		(void)yaml_read_bool(loader->file, whole, "\"whole\"", loader->problems,
				     &answer.whole);
	command->answer = answer;
}

/* A number that the sender chooses, and that anybody may see. */
static bool is_open_number(const struct field *field)
{
	return field->type == FIELD_NUMBER && field->fixed == FIXED_NOT && !field->secret;
}

int pieces_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	const struct length *length =
		command->n_response == 1 ? &command->response[0].length : NULL;
	struct yaml_node *offset;
	int index, r;

	if (!loader_kind(loader, map, YAML_MAP, "{offset: FIELD, when: {...}}"))
		return 0;
	offset = loader_require(loader, map, "offset");
	r = case_when(loader, map, command, &command->pieces.when);
	if (r < 0)
		return r;
	loader_known(loader, map, (const char *const[]){"offset", "when", NULL});
	/* A request or a segment would be sent again with each piece. */
	if (!length || length->field < 0 || command->response[0].when.n_terms > 0 ||
	    command->n_request > 0 || command->n_segments > 0) {
		loader_error(loader, map,
			     "An answer is read in pieces only where the command has one "
			     "\"response\", of {of: FIELD}, and neither \"request\" nor "
			     "\"segments\".");
		return 0;
	}
	index = offset ? field_find(loader, offset, command) : -1;
	if (index < 0)
		return 0;
	if (index == length->field || !is_open_number(&command->fields[index]) ||
	    !is_open_number(&command->fields[length->field])) {
		loader_error(loader, offset,
			     "Offset and length of pieces are two numbers that the sender chooses, "
			     "and no secrets.");
		return 0;
	}
	command->pieces.possible = true;
	command->pieces.offset = (unsigned)index;
	return 0;
}
