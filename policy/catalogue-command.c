/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One command: its class and what refines it, its lengths, pointers, times. */

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

/*
 * A class must own up to its effects. `refine` and the command itself have to say a class; what
 * comes on top of it (`also`, `worsen`) may leave it alone, and then may add hazards only.
 */
static void class_check(const struct loader *loader, const struct yaml_node *at,
			enum effect_class class, effect_set effects)
{
	for (int i = 0; i < _EFFECT_MAX; i++)
		if (effects & EFFECT_BIT(i) &&
		    effect_class_of((enum effect)i) > (class ?: CLASS_READ_ONLY)) {
			loader_error(loader, at,
				     "The effect \"%s\" is %s, but the class here is %s: say the "
				     "worse class.",
				     effect_to_string((enum effect)i),
				     effect_class_to_string(effect_class_of((enum effect)i)),
				     class ? effect_class_to_string(class) : "not given");
			return;
		}
}

static int refinement_read(const struct loader *loader, struct yaml_node *map,
			   const struct command *command, bool also, struct refinement *refinement)
{
	struct yaml_node *class, *effects, *reason;

	class = also ? yaml_get(map, "class") : loader_require(loader, map, "class");
	effects = yaml_get(map, "effects");
	reason = loader_require(loader, map, "reason");
	if ((!class || loader_class(loader, class, &refinement->class)) &&
	    (!effects || loader_effects(loader, effects, &refinement->effects)))
		class_check(loader, effects ?: map, refinement->class, refinement->effects);
	if (also && !class && !effects)
		loader_error(loader, map,
			     "This adds nothing: expected a \"class\" or \"effects\".");
	return reason ? loader_string(loader, reason, "a reason", &refinement->reason) : 0;
}

static int refinements_read(const struct loader *loader, struct yaml_node *node,
			    const struct command *command, bool also, struct refinement **ret,
			    size_t *ret_n)
{
	static const char *const keys[] = {"when", "class", "effects", "reason", NULL};
	int r;

	if (!loader_kind(loader, node, YAML_LIST, "a list of cases"))
		return 0;
	*ret = calloc(node->n_items + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_items; i++) {
		struct yaml_node *map = node->items[i].value;
		struct refinement *refinement = &(*ret)[(*ret_n)++];

		if (!loader_kind(loader, map, YAML_MAP, "a case"))
			continue;
		r = case_when(loader, map, command, &refinement->when);
		if (r < 0)
			return r;
		if (!also)
			case_reachable(loader, map, &refinement->when, i, node->n_items);
		r = refinement_read(loader, map, command, also, refinement);
		if (r < 0)
			return r;
		loader_known(loader, map, keys);
	}
	return 0;
}

static void live_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	struct yaml_node *key, *absent;

	if (!loader_kind(loader, map, YAML_MAP, "{key: FIELD, absent: CLASS}"))
		return;
	key = loader_require(loader, map, "key");
	absent = yaml_get(map, "absent");
	loader_known(loader, map, (const char *const[]){"key", "absent", NULL});
	if (key)
		command->live_key = field_find(loader, key, command);
	if (command->live_key >= 0 && command->fields[command->live_key].type == FIELD_BYTES)
		loader_error(loader, key,
			     "What a device reports is looked up by a number or a UUID.");
	if (absent)
		(void)loader_class(loader, absent, &command->live_absent);
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

static const char *const command_keys[] = {
	"name",	   "opcode", "summary", "size",	   "envelope", "id",	   "class",
	"effects", "reason", "fields",	"request", "response", "segments", "refine",
	"also",	   "scope",  "live",	"timeout", "deadline", "success",  "layout",
	"answer",  "pieces", "renews",	NULL,
};

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
				   UINT32_MAX >> (32 - loader->dialect->opcode.size * 8),
				   loader->problems, &value) == 0)
		command->opcode = (uint32_t)value;

	command->message_size = loader->source->message_size;
	node = yaml_get(map, "size");
	if (node && yaml_read_uint(loader->file, node, "a size in bytes", MESSAGE_HEAD_MAX,
				   loader->problems, &value) == 0)
		command->message_size = (uint32_t)value;
	if (command->message_size == 0) {
		if (!node)
			loader_error(loader, map, "Expected \"size\", the bytes of the message.");
		else
			loader_error(loader, node, "A message has at least one byte.");
		command->message_size = MESSAGE_HEAD_MAX; /* so that reading can go on */
	}
	return 0;
}

static void command_unique(const struct loader *loader, struct yaml_node *map,
			   const struct command *command)
{
	const struct dialect *dialect = loader->dialect;

	for (size_t i = 0; i < dialect->n_commands; i++) {
		const struct command *other = &dialect->commands[i];

		if (other == command)
			continue;
		if (yaml_get(map, "opcode") && other->opcode == command->opcode)
			loader_error(
				loader, yaml_get(map, "opcode"),
				"The opcode 0x%x is %s already, at %s:%u. A later file can only "
				"worsen it.",
				command->opcode, other->full_name, other->file, other->line);
		if (command->name && other->name && strcmp(other->name, command->name) == 0)
			loader_error(
				loader, yaml_get(map, "name"),
				"There is a command \"%s\" already, at %s:%u. A later file can "
				"only worsen it.",
				command->name, other->file, other->line);
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
	command_unique(loader, map, command);

	class = loader_require(loader, map, "class");
	effects = yaml_get(map, "effects");
	if (class && loader_class(loader, class, &command->class) &&
	    (!effects || loader_effects(loader, effects, &command->effects)))
		class_check(loader, effects ?: class, command->class, command->effects);

	r = fields_read(loader, map, yaml_get(map, "fields"), command);
	if (r < 0)
		return r;
	node = yaml_get(map, "segments");
	if (node)
		segments_read(loader, node, command);
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
	node = yaml_get(map, "scope");
	if (node) {
		r = value_cases_read(loader, node, command, NULL, SCOPE_MAX, true, &command->scopes,
				     &command->n_scopes);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "live");
	if (node)
		live_read(loader, node, command);
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
		struct command *command = &commands[dialect->n_commands];

		if (!loader_kind(loader, node->items[i].value, YAML_MAP, "a command"))
			continue;
		*command = (struct command){};
		dialect->n_commands++;
		r = command_read(loader, node->items[i].value, command);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct command *command_named(const struct loader *loader, const struct yaml_node *node)
{
	struct dialect *dialect = loader->dialect;
	struct suggestion suggestion;

	if (!loader_kind(loader, node, YAML_SCALAR, "the name of a command"))
		return NULL;
	if (strchr(node->scalar, '.')) {
		loader_error(loader, node,
			     "Here a command is written without its dialect: expected \"%s\".",
			     strrchr(node->scalar, '.') + 1);
		return NULL;
	}
	suggestion = (struct suggestion){.wrong = node->scalar};
	for (size_t i = 0; i < dialect->n_commands; i++) {
		if (!dialect->commands[i].name)
			continue;
		if (strcmp(dialect->commands[i].name, node->scalar) == 0)
			return &dialect->commands[i];
		suggestion_try(&suggestion, dialect->commands[i].name);
	}
	loader_error(loader, node, "There is no command \"%s\" to worsen.%s", node->scalar,
		     suggestion_text(&suggestion));
	return NULL;
}

/* Is all that matches as bad already, whatever its fields are? Then the entry does nothing. */
static void warn_of_no_effect(const struct loader *loader, const struct yaml_node *map,
			      const struct command *command, const struct refinement *also)
{
	enum effect_class class = also->class;

	if (effect_set_class(also->effects) > class)
		class = effect_set_class(also->effects);
	for (size_t n = 0; n <= command->n_refine; n++) {
		const struct refinement *row = n < command->n_refine ? &command->refine[n] : NULL;

		if (row && !conditions_meet(&row->when, &also->when))
			continue;
		if ((row ? row->class : command->class) < class ||
		    also->effects & ~(row ? row->effects : command->effects))
			return;
		/* Nothing that matches goes on to a later row. */
		if (row && condition_covers(&row->when, &also->when, command))
			break;
	}
	yaml_problem(loader->file, map, true, loader->problems,
		     "This changes nothing: what matches of %s is of that class, with these "
		     "effects, already.",
		     command->full_name);
}

int worsen_read(const struct loader *loader, struct yaml_node *node)
{
	static const char *const keys[] = {"command", "when", "class", "effects", "reason", NULL};
	int r;

	if (!loader_kind(loader, node, YAML_LIST, "a list of cases"))
		return 0;
	for (size_t i = 0; i < node->n_items; i++) {
		struct yaml_node *map = node->items[i].value, *name;
		struct refinement *also;
		struct command *command;
		size_t errors_before;

		if (!loader_kind(loader, map, YAML_MAP, "a case"))
			continue;
		name = loader_require(loader, map, "command");
		command = name ? command_named(loader, name) : NULL;
		if (!command)
			continue;
		also = reallocarray(command->also, command->n_also + 1, sizeof(*also));
		if (!also)
			return -ENOMEM;
		command->also = also;
		also = &also[command->n_also++];
		*also = (struct refinement){};
		errors_before = loader->problems->n_errors;
		r = case_when(loader, map, command, &also->when);
		if (r < 0)
			return r;
		r = refinement_read(loader, map, command, true, also);
		if (r < 0)
			return r;
		loader_known(loader, map, keys);
		if (loader->problems->n_errors == errors_before)
			warn_of_no_effect(loader, map, command, also);
	}
	return 0;
}
