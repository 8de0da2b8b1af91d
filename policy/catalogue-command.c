/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One command: who it is, its class, its lengths, pointers, times. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/suggest.h"

#define TIMEOUT_DEFAULT_MS  60000u
#define DEADLINE_DEFAULT_MS 20000u
#define DURATION_MAX_MS	    (24u * 3600u * 1000u)
#define SCOPE_MAX	    3u /* enum fwctl_rpc_scope of include/kernel-abi.h */
#define REFUSED_SIZE	    64u /* of the message of a command that has none: room for what selects it */

int field_find(const struct loader *loader, const struct yaml_node *node,
	       const struct command *command)
{
	struct suggestion suggestion;
	int index;

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of a field"))
		return -1;
	index = command_field(command, node->scalar);
	if (index >= 0)
		return index;
	suggestion = (struct suggestion){.wrong = node->scalar};
	for (unsigned i = 0; i < command->n_fields; i++)
		suggestion_try(&suggestion, command->fields[i].name);
	loader_error(loader, node, "The command has no field \"%s\".%s", node->scalar,
		     suggestion_text(&suggestion));
	return -1;
}

static void duration_read(const struct loader *loader, const struct yaml_node *node, uint32_t *ret)
{
	static const struct {
		const char *suffix;
		uint32_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}};
	char number[16];
	size_t digits;
	uint64_t value;

	if (!loader_kind(loader, node, YAML_SCALAR, "a duration"))
		return;
	digits = strspn(node->scalar, "0123456789");
	if (digits > 0 && digits < sizeof(number)) {
		memcpy(number, node->scalar, digits);
		number[digits] = '\0';
		for (size_t i = 0; i < ELEMENTSOF(units); i++) {
			if (strcmp(node->scalar + digits, units[i].suffix) != 0 ||
			    !parse_uint(number, &value))
				continue;
			if (value == 0 || value > DURATION_MAX_MS / units[i].ms)
				break;
			*ret = (uint32_t)value * units[i].ms;
			return;
		}
	}
	loader_error(loader, node,
		     "\"%s\" is no duration: expected a number with ms, s or min, more than 0 and "
		     "at most a day.",
		     node->scalar);
}

static int success_read(const struct loader *loader, struct yaml_node *node,
			struct command *command)
{
	const struct dialect *dialect = loader->dialect;

	if (!loader_kind(loader, node, YAML_LIST, "a list of statuses"))
		return 0;
	command->success = calloc(node->n_items + 1, sizeof(*command->success));
	if (!command->success)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_items; i++) {
		const struct yaml_node *item = node->items[i].value;
		bool named = false;
		uint64_t value;

		for (size_t j = 0; j < dialect->n_statuses && item->kind == YAML_SCALAR; j++)
			if (strcmp(dialect->statuses[j].name, item->scalar) == 0) {
				value = dialect->statuses[j].value;
				named = true;
			}
		if (named || yaml_read_uint(loader->file, item, "a status, or its name", UINT32_MAX,
					    loader->problems, &value) == 0)
			command->success[command->n_success++] = (uint32_t)value;
	}
	return 0;
}

/* Bits of the kernel's capabilities, by the names that the dialect gives them. */
static void needs_read(const struct loader *loader, const struct yaml_node *node,
		       struct command *command)
{
	const struct dialect *dialect = loader->dialect;
	struct suggestion suggestion;

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of a capability of the kernel"))
		return;
	suggestion = (struct suggestion){.wrong = node->scalar};
	for (size_t i = 0; i < dialect->n_kernel_capabilities; i++) {
		const struct value_name *capability = &dialect->kernel_capabilities[i];

		if (strcmp(capability->name, node->scalar) == 0) {
			command->needs = UINT32_C(1) << capability->value;
			return;
		}
		suggestion_try(&suggestion, capability->name);
	}
	loader_error(loader, node, "The dialect has no kernel capability \"%s\".%s", node->scalar,
		     suggestion_text(&suggestion));
}

static const char *const command_keys[] = {
	"name",	   "opcode", "summary", "size",	   "envelope", "id",	   "class",
	"effects", "reason", "fields",	"request", "response", "segments", "refine",
	"also",	   "scope",  "live",	"timeout", "deadline", "success",  "layout",
	"answer",  "pieces", "renews",	"needs",   NULL,
};

static const char *const refused_keys[] = {
	"name",	 "opcode",  "summary", "size",	 "refused", "envelope",
	"class", "effects", "reason",  "fields", "scope",   NULL,
};

static bool is_word(const struct yaml_node *node, const char *word)
{
	return node && node->kind == YAML_SCALAR && strcmp(node->scalar, word) == 0;
}

/* How many bytes its message has, or why it never has any. */
static int size_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	struct yaml_node *size = yaml_get(map, "size"), *refused = yaml_get(map, "refused");
	uint64_t value;
	int r;

	command->message_size = loader->source->message_size;
	if (refused || is_word(size, "unknown")) {
		command->layout_unknown = !refused;
		if (command->message_size == 0)
			command->message_size = REFUSED_SIZE;
		if (refused && size)
			loader_error(loader, size,
				     "What is never sent has no size: leave it out, or leave out "
				     "\"refused\".");
		r = refused ? loader_string(loader, refused, "a reason", &command->refused) : 0;
		if (r == 0 && !command->refused)
			command->refused =
				strdup("how its message is laid out is published nowhere");
		return command->refused ? r : -ENOMEM;
	}

	if (size && yaml_read_uint(loader->file, size, "a size in bytes, or \"unknown\"",
				   MESSAGE_HEAD_MAX, loader->problems, &value) == 0)
		command->message_size = (uint32_t)value;
	if (command->message_size == 0) {
		if (!size)
			loader_error(loader, map, "Expected \"size\", the bytes of the message.");
		else
			loader_error(loader, size, "A message has at least one byte.");
		command->message_size = MESSAGE_HEAD_MAX; /* so that reading can go on */
	}
	return 0;
}

static int command_identify(const struct loader *loader, struct yaml_node *map,
			    struct command *command)
{
	struct yaml_node *node;
	uint64_t value;
	int r;

	command->dialect = loader->dialect;
	command->line = map->line;
	command->live_key = -1;
	command->timeout_ms = TIMEOUT_DEFAULT_MS;
	command->deadline_ms = DEADLINE_DEFAULT_MS;
	command->file = strdup(loader->file->path);
	if (!command->file)
		return -ENOMEM;
	node = loader_require(loader, map, "name");
	if (node) {
		r = loader_name(loader, node, &command->name);
		if (r < 0)
			return r;
	}
	if (asprintf(&command->full_name, "%s.%s", loader->dialect->name, command->name ?: "?") <
	    0) {
		command->full_name = NULL;
		return -ENOMEM;
	}
	node = loader_require(loader, map, "summary");
	if (node) {
		r = loader_string(loader, node, "a summary", &command->summary);
		if (r < 0)
			return r;
	}
	node = loader_require(loader, map, "reason");
	if (node) {
		r = loader_string(loader, node, "a reason", &command->reason);
		if (r < 0)
			return r;
	}
	node = loader_require(loader, map, "opcode");
	if (node && yaml_read_uint(loader->file, node, "an opcode",
				   field_max(&(struct field){.parts = {loader->dialect->opcode},
							     .n_parts = 1}),
				   loader->problems, &value) == 0)
		command->opcode = (uint32_t)value;
	return size_read(loader, map, command);
}

static bool is_one_place(const struct field_part *a, const struct field_part *b)
{
	return a->offset == b->offset && a->size == b->size && a->low == b->low &&
	       a->high == b->high && a->order == b->order;
}

/* No message can be both: they have one selecting field in one place, with two values. */
static bool are_told_apart(const struct command *a, const struct command *b)
{
	for (unsigned i = 0; i < a->n_fields; i++)
		for (unsigned j = 0; j < b->n_fields; j++) {
			const struct field *x = &a->fields[i], *y = &b->fields[j];

			if (x->select && y->select && x->n_parts == 1 && y->n_parts == 1 &&
			    is_one_place(&x->parts[0], &y->parts[0]) &&
			    x->fixed_value != y->fixed_value)
				return true;
		}
	return false;
}

/* A field that was forgotten there would make one command of what are many. */
static void selects_check(const struct loader *loader, const struct yaml_node *at,
			  const struct command *command)
{
	const struct source *source = loader->source;

	for (size_t i = 0; i < source->n_places; i++) {
		const struct place *place = &source->places[i];
		bool found = !place->selects;

		for (unsigned j = 0; j < command->n_fields && !found; j++)
			found = command->fields[j].select && command->fields[j].n_parts == 1 &&
				is_one_place(&command->fields[j].parts[0], &place->part);
		if (!found)
			loader_error(loader, at,
				     "The same opcode is another command where \"%s\" is another "
				     "number: expected a field {in: %s, select: NUMBER}.",
				     place->name, place->name);
	}
}

bool commands_clash(const struct command *a, const struct command *b)
{
	return a->opcode == b->opcode && !are_told_apart(a, b);
}

static void command_unique(const struct loader *loader, struct yaml_node *map,
			   const struct command *command)
{
	const struct dialect *dialect = loader->dialect;
	const struct command *undescribed = undescribed_find(loader, command);

	for (size_t i = 0; i < dialect->n_commands; i++) {
		const struct command *other = &dialect->commands[i];

		if (other == command || other == undescribed)
			continue;
		if (yaml_get(map, "opcode") && commands_clash(other, command))
			loader_error(
				loader, yaml_get(map, "opcode"),
				"The opcode 0x%x is %s already, at %s:%u, and no field with "
				"\"select\" tells them apart. A later file can only worsen it.",
				command->opcode, other->full_name, other->file, other->line);
		if (!command->name || !other->name || strcmp(other->name, command->name) != 0)
			continue;
		if (other->layout_unknown)
			loader_error(loader, yaml_get(map, "name"),
				     "There is a command \"%s\" already, at %s:%u. To describe it, "
				     "give its opcode, 0x%x, and its fields with \"select\".",
				     command->name, other->file, other->line, other->opcode);
		else
			loader_error(
				loader, yaml_get(map, "name"),
				"There is a command \"%s\" already, at %s:%u. A later file can "
				"only worsen it.",
				command->name, other->file, other->line);
	}
}

/* What says which command it is, and nothing else: the rest of its message is never looked at. */
static void refused_check(const struct loader *loader, struct yaml_node *fields,
			  const struct command *command)
{
	for (size_t i = 0; fields && fields->kind == YAML_MAP && i < fields->n_items; i++) {
		int field = command_field(command, fields->items[i].key->scalar);

		if (field >= 0 && !command->fields[field].select)
			loader_error(loader, fields->items[i].key,
				     "What is never sent has no fields but those with \"select\".");
	}
}

/* The dialect's segments are written down in its own file. */
static void segments_read_all(const struct loader *loader, struct yaml_node *own,
			      struct command *command)
{
	struct loader dialect_loader = *loader;

	if (own) {
		segments_read(loader, own, command);
	} else if (loader->source->segments) {
		dialect_loader.file = loader->source->file;
		segments_read(&dialect_loader, loader->source->segments, command);
	}
}

static int command_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	struct yaml_node *node, *class, *effects;
	bool envelope_known;
	int r;

	r = command_identify(loader, map, command);
	if (r < 0)
		return r;
	envelope_known = command_envelope_read(loader, map, command);

	class = loader_require(loader, map, "class");
	effects = yaml_get(map, "effects");
	if (class && loader_class(loader, class, &command->class) &&
	    (!effects || loader_effects(loader, effects, &command->effects)))
		class_check(loader, effects ?: class, command->class, command->effects);

	r = fields_read(loader, map, yaml_get(map, "fields"), command);
	if (r < 0)
		return r;
	selects_check(loader, yaml_get(map, "fields") ?: map, command);
	command_unique(loader, map, command);
	node = yaml_get(map, "scope");
	if (node) {
		r = value_cases_read(loader, node, command, NULL, SCOPE_MAX, true, &command->scopes,
				     &command->n_scopes);
		if (r < 0)
			return r;
	}
	if (command->refused) {
		refused_check(loader, yaml_get(map, "fields"), command);
		loader_known(loader, map, refused_keys);
		return 0;
	}
	segments_read_all(loader, yaml_get(map, "segments"), command);
	node = yaml_get(map, "request");
	if (node) {
		/* NVMe passthrough has no length of its own: the device reads what the fields say.
		 */
		r = length_cases_read(loader, node, command, REQUEST_DATA_MAX,
				      envelopes[command->envelope].tail, &command->request,
				      &command->n_request);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "response");
	if (node) {
		r = length_cases_read(loader, node, command, RESPONSE_DATA_MAX, false,
				      &command->response, &command->n_response);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "refine");
	if (node) {
		r = refinements_read(loader, node, command, false, &command->refine,
				     &command->n_refine);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "also");
	if (node) {
		r = refinements_read(loader, node, command, true, &command->also, &command->n_also);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "live");
	if (node)
		reported_read(loader, node, command);
	node = yaml_get(map, "timeout");
	if (node)
		duration_read(loader, node, &command->timeout_ms);
	node = yaml_get(map, "deadline");
	if (node)
		duration_read(loader, node, &command->deadline_ms);
	node = yaml_get(map, "renews");
	if (node)
		(void)yaml_read_bool(loader->file, node, "\"renews\"", loader->problems,
				     &command->renews);
	node = yaml_get(map, "needs");
	if (node)
		needs_read(loader, node, command);
	node = yaml_get(map, "success");
	if (node) {
		r = success_read(loader, node, command);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "answer");
	if (node)
		answer_read(loader, node, command);
	node = yaml_get(map, "pieces");
	if (node) {
		r = pieces_read(loader, node, command);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "layout");
	if (node) {
		r = layout_cases_read(loader, node, command);
		if (r < 0)
			return r;
	}
	loader_known(loader, map, command_keys);
	limits_check(loader, map, command);
	if (envelope_known)
		envelope_check(loader, map, map, command);
	return 0;
}

int commands_read(const struct loader *loader, struct yaml_node *node)
{
	struct dialect *dialect = loader->dialect;
	struct command *commands;
	int r;

	if (!loader_kind(loader, node, YAML_LIST, "a list of commands"))
		return 0;
	commands = reallocarray(dialect->commands, dialect->n_commands + node->n_items + 1,
				sizeof(*commands));
	if (!commands)
		return -ENOMEM;
	dialect->commands = commands;
	for (size_t i = 0; i < node->n_items; i++) {
		struct command *command = &commands[dialect->n_commands], *undescribed;

		if (!loader_kind(loader, node->items[i].value, YAML_MAP, "a command"))
			continue;
		*command = (struct command){};
		dialect->n_commands++;
		r = command_read(loader, node->items[i].value, command);
		if (r < 0)
			return r;
		undescribed = undescribed_find(loader, command);
		if (undescribed) {
			r = command_describe(loader, node->items[i].value, undescribed, command);
			if (r < 0)
				return r;
			dialect->n_commands--;
		}
	}
	return 0;
}
