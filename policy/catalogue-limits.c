/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sizes that the kernel's driver of a dialect insists on. */

#include "policy/catalogue-load.h"

#include "include/cleanup.h"

void limits_read(const struct loader *loader, struct yaml_node *map)
{
	struct limits *limits = &loader->dialect->limits;
	const struct {
		const char *key;
		uint32_t *value;
	} keys[] = {
		{"message-min", &limits->message_min},	 {"message-max", &limits->message_max},
		{"message-unit", &limits->message_unit}, {"response-min", &limits->response_min},
		{"response-max", &limits->response_max}, {"segment-min", &limits->segment_min},
		{"segment-max", &limits->segment_max},
	};
	const char *known[ELEMENTSOF(keys) + 1] = {};

	if (!loader_kind(loader, map, YAML_MAP, "a map like {message-min: 16, message-max: 128},"))
		return;
	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		struct yaml_node *node = yaml_get(map, keys[i].key);
		uint64_t value;

		known[i] = keys[i].key;
		if (!node || yaml_read_uint(loader->file, node, "a number of bytes",
					    RESPONSE_DATA_MAX, loader->problems, &value) < 0)
			continue;
		if (value == 0)
			loader_error(loader, node, "A limit of 0 limits nothing: leave it out.");
		*keys[i].value = (uint32_t)value;
	}
	loader_known(loader, map, known);
}

static void check(const struct loader *loader, const struct yaml_node *at, const char *what,
		  uint64_t size, uint32_t min, uint32_t max)
{
	if (size < min)
		loader_error(loader, at, "%s has %ju bytes; the kernel wants at least %u.", what,
			     (uintmax_t)size, min);
	else if (max > 0 && size > max)
		loader_error(loader, at, "%s has %ju bytes; the kernel takes at most %u.", what,
			     (uintmax_t)size, max);
}

void limits_check(const struct loader *loader, const struct yaml_node *at,
		  const struct command *command)
{
	const struct limits *limits = &loader->dialect->limits;

	check(loader, at, "The message", command->message_size,
	      command->n_request > 0 ? 0 : limits->message_min, limits->message_max);
	if (command->n_request == 0 && limits->message_unit > 0 &&
	    command->message_size % limits->message_unit != 0)
		loader_error(loader, at,
			     "The message has %u bytes; the kernel wants a multiple of %u, and "
			     "cuts what is over.",
			     command->message_size, limits->message_unit);
	if (limits->response_min > 0 && command->n_response == 0)
		check(loader, at, "The response", 0, limits->response_min, 0);
	for (size_t i = 0; i < command->n_response; i++)
		if (command->response[i].length.field < 0)
			check(loader, at, "The response", command->response[i].length.add,
			      limits->response_min, limits->response_max);
		else if (limits->response_max > 0)
			loader_error(loader, at,
				     "The response has as many bytes as a field says; the kernel "
				     "gives at most %u: expected a number.",
				     limits->response_max);
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].length.field < 0)
			check(loader, at, "A segment", command->segments[i].length.add,
			      limits->segment_min, limits->segment_max);
}
