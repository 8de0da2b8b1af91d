/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A rule as a whole: its keys, and everything but whom, which device and which commands it matches.
 */

#include "policy/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/condition.h"
#include "policy/suggest.h"

int rule_part_find(const struct rule_reader *reader, enum intern_kind kind, size_t size,
		   struct rule_part *ret)
{
	struct interned *entry = intern_find(reader->intern, kind);

	if (!entry)
		return -ENOMEM;
	*ret = (struct rule_part){
		.value = (void *)entry->value,
		.known = entry->value,
		.entry = entry,
		.n_problems = problems_count(reader->problems),
	};
	if (!ret->known)
		ret->value = pool_alloc(&reader->policy->pool, 1, size);
	return ret->value ? 0 : -ENOMEM;
}

int rule_part_keep(const struct rule_reader *reader, struct rule_part *part, int r)
{
	if (r >= 0 && problems_count(reader->problems) == part->n_problems)
		part->entry->value = part->value;
	return r;
}

size_t value_list_length(const struct rule_reader *reader, const struct yaml_node *node,
			 const char *what)
{
	switch (node->kind) {
	case YAML_SCALAR:
		return 1;
	case YAML_LIST:
		if (node->n_items == 0)
			yaml_problem(
				reader->file, node, false, reader->problems,
				"This list is empty: expected at least %s. Without this key it "
				"could be any; if none is meant, take the rule out.",
				what);
		if (node->n_items <= RULE_LIST_MAX)
			return node->n_items;
		yaml_problem(
			reader->file, node, false, reader->problems,
			"This list has %zu entries; %u are the most. Make several rules of it.",
			node->n_items, RULE_LIST_MAX);
		return 0;
	case YAML_MAP:
		yaml_problem(reader->file, node, false, reader->problems,
			     "Expected %s, or a list of such, not a map.", what);
		return 0;
	}
	return 0;
}

const struct yaml_node *value_list_item(const struct yaml_node *node, size_t index)
{
	return node->kind == YAML_LIST ? node->items[index].value : node;
}

int verdict_read(const struct rule_reader *reader, const struct yaml_node *node, enum verdict *ret)
{
	struct suggestion suggestion = {};
	const char *text;
	int r;

	r = yaml_read_string(reader->file, node, "a verdict", reader->problems, &text);
	if (r < 0)
		return r;
	r = verdict_from_string(text);
	if (r >= 0) {
		*ret = (enum verdict)r;
		return 0;
	}
	if (strcmp(text, "approve") == 0) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "The verdict \"approve\" is not in this version of fwctld; use deny, "
			     "allow or authenticate.");
		return -EINVAL;
	}
	suggestion.wrong = text;
	for (unsigned i = 0; i < _VERDICT_MAX; i++)
		suggestion_try(&suggestion, verdict_to_string(i));
	yaml_problem(reader->file, node, false, reader->problems,
		     "\"%s\" is no verdict; expected deny, allow or authenticate.%s", text,
		     suggestion_text(&suggestion));
	return -EINVAL;
}

/* The id goes to the bus, the journal and into sentences. `:` is kept for the ids of defaults. */
static int read_id(const struct rule_reader *reader, const struct yaml_node *map,
		   const struct yaml_node *node, struct rule *rule)
{
	const char *id;

	if (!node) {
		yaml_problem(
			reader->file, map, false, reader->problems,
			"This rule has no `id`: add one, such as \"id: storage-tunes\". Denials "
			"and audit records name the rule by it.");
		return 0;
	}
	if (yaml_read_string(reader->file, node, "the id of the rule", reader->problems, &id) < 0)
		return 0;
	if (strlen(id) > RULE_ID_MAX ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")])
		yaml_problem(
			reader->file, node, false, reader->problems,
			"\"%s\" can't be the id of a rule: expected at most %u letters, digits, "
			"\"-\", \"_\" and \".\", and nothing else.",
			id, RULE_ID_MAX);
	rule->id = pool_strdup(&reader->policy->pool, id);
	return rule->id ? 0 : -ENOMEM;
}

static bool is_hazard(int effect)
{
	return effect >= 0 && EFFECT_BIT(effect) & EFFECT_HAZARDS;
}

static void read_classes(const struct rule_reader *reader, const struct yaml_node *node,
			 struct rule *rule)
{
	size_t n = value_list_length(reader, node, "an effect class");

	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = value_list_item(node, i);
		struct suggestion suggestion = {};
		const char *text;
		int class;

		if (yaml_read_string(reader->file, item, "an effect class", reader->problems,
				     &text) < 0)
			continue;
		class = effect_class_from_string(text);
		if (class >= 0) {
			rule->classes |= 1u << class;
			continue;
		}
		suggestion.wrong = text;
		for (int c = CLASS_READ_ONLY; c < _CLASS_MAX; c++)
			suggestion_try(&suggestion, effect_class_to_string(c));
		yaml_problem(reader->file, item, false, reader->problems,
			     "\"%s\" is no effect class; expected read-only, config-change or "
			     "destructive.%s%s",
			     text, suggestion_text(&suggestion),
			     is_hazard(effect_from_string(text))
				     ? " It is a hazard: see `hazards` in fwctld.policy(5)."
				     : "");
	}
}

static void read_hazards(const struct rule_reader *reader, const struct yaml_node *node,
			 struct rule *rule)
{
	size_t n;

	if (rule->verdict == VERDICT_DENY) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "A rule that denies has no `hazards`: it denies whatever the hazards "
			     "are. To deny what has a hazard, write a default, such as "
			     "{confidential: deny}.");
		return;
	}
	if (node->kind == YAML_LIST && node->n_items == 0) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "This list is empty. A rule that accepts no hazard has no such key: "
			     "leave it out.");
		return;
	}
	n = value_list_length(reader, node, "a hazard");
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = value_list_item(node, i);
		struct suggestion suggestion = {};
		const char *text;
		int effect;

		if (yaml_read_string(reader->file, item, "a hazard", reader->problems, &text) < 0)
			continue;
		effect = effect_from_string(text);
		if (is_hazard(effect)) {
			rule->hazards |= EFFECT_BIT(effect);
			continue;
		}
		suggestion.wrong = text;
		for (int e = 0; e < _EFFECT_MAX; e++)
			if (EFFECT_BIT(e) & EFFECT_HAZARDS)
				suggestion_try(&suggestion, effect_to_string(e));
		yaml_problem(
			reader->file, item, false, reader->problems,
			"\"%s\" is no hazard; expected confidential, persistent, taints-kernel "
			"or broadcast.%s%s",
			text, suggestion_text(&suggestion),
			effect_class_from_string(text) >= 0
				? " It is an effect class, which belongs under `class:`."
				: "");
	}
}

/* The note is shown on terminals: no control character, of ASCII or of C1 (U+0080 to U+009F). */
static bool note_printable(const char *note)
{
	for (const unsigned char *p = (const unsigned char *)note; *p; p++)
		if (*p < ' ' || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			return false;
	return true;
}

static int read_note(const struct rule_reader *reader, const struct yaml_node *node,
		     struct rule *rule)
{
	const char *note;

	if (yaml_read_string(reader->file, node, "a sentence for who is denied", reader->problems,
			     &note) < 0)
		return 0;
	if (strlen(note) > RULE_NOTE_MAX) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "This note has %zu bytes; a note is one line of at most %u.",
			     strlen(note), RULE_NOTE_MAX);
		return 0;
	}
	if (!note_printable(note)) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "This note holds a line break or another control character; a note is "
			     "one line of text.");
		return 0;
	}
	rule->note = pool_strdup(&reader->policy->pool, note);
	return rule->note ? 0 : -ENOMEM;
}

/* By the kernel's names: enum fwctl_rpc_scope of include/uapi/fwctl/fwctl.h. */
static void read_max_scope(const struct rule_reader *reader, const struct yaml_node *node,
			   struct rule *rule)
{
	static const char *const names[] = {"configuration", "debug-read-only", "debug-write",
					    "debug-write-full"};
	struct suggestion suggestion = {};
	const char *text;

	if (rule->verdict == VERDICT_DENY) {
		yaml_problem(
			reader->file, node, false, reader->problems,
			"A rule that denies has no `max-scope`: it denies at whatever scope. To "
			"open requests up to a scope, and no others, let the rule that opens "
			"them have it.");
		return;
	}
	if (yaml_read_string(reader->file, node, "a scope", reader->problems, &text) < 0)
		return;
	suggestion.wrong = text;
	for (unsigned scope = 0; scope < ELEMENTSOF(names); scope++) {
		if (strcmp(text, names[scope]) == 0) {
			rule->max_scope = scope;
			return;
		}
		suggestion_try(&suggestion, names[scope]);
	}
	yaml_problem(reader->file, node, false, reader->problems,
		     "\"%s\" is no scope; expected configuration, debug-read-only, debug-write or "
		     "debug-write-full.%s",
		     text, suggestion_text(&suggestion));
}

/* Is it a field of the first command that the rule names in full? */
static bool is_field(const struct rule *rule, const char *name)
{
	const struct command *command = NULL;

	for (size_t i = 0; !command && rule->command && i < rule->command->names.n; i++)
		command = rule->command->commands[i];
	return command && command_field(command, name) >= 0;
}

/* A key of one of the maps in a rule that stands in the rule itself. */
static void refuse_misplaced_keys(const struct rule_reader *reader, struct yaml_node *map,
				  const struct rule *rule)
{
	static const char *const keys[][2] = {
		{"user", "caller"},   {"group", "caller"},    {"type", "device"},
		{"driver", "device"}, {"pci", "device"},      {"serial", "device"},
		{"model", "device"},  {"firmware", "device"}, {"nqn", "device"},
		{"count", "limit"},   {"per", "limit"},	      {"by", "limit"},
		{"days", "when"},     {"from", "when"},	      {"to", "when"},
		{"zone", "when"},
	};

	for (size_t i = 0; i < map->n_items; i++) {
		const struct yaml_node *key = map->items[i].key;
		const char *belongs;

		if (map->items[i].used)
			continue;
		belongs = is_field(rule, key->scalar) ? "where" : NULL;
		for (size_t j = 0; j < ELEMENTSOF(keys); j++)
			if (strcmp(key->scalar, keys[j][0]) == 0)
				belongs = keys[j][1];
		if (!belongs)
			continue;
		map->items[i].used = true;
		yaml_problem(reader->file, key, false, reader->problems,
			     "\"%s\" belongs under `%s:`, as in {%s: {%s: ...}}.", key->scalar,
			     belongs, belongs, key->scalar);
	}
}

static void warn_of_everything(const struct rule_reader *reader, struct yaml_node *map,
			       const struct rule *rule)
{
	if (rule->observe || rule->verdict != VERDICT_ALLOW || yaml_get(map, "class") ||
	    yaml_get(map, "caller") || yaml_get(map, "device") || yaml_get(map, "command"))
		return;
	yaml_problem(reader->file, map, true, reader->problems,
		     "This rule allows every command to everybody on every device%s: it has no "
		     "class, caller, device or command.",
		     rule->hazards == EFFECT_HAZARDS
			     ? ""
			     : ", except commands with a hazard that it does not name");
}

/* classify() gives the hazard to whatever needs such a scope. */
static void warn_of_taint(const struct rule_reader *reader, struct yaml_node *map,
			  const struct rule *rule)
{
	const struct yaml_node *node = yaml_get(map, "max-scope");

	if (!node || rule->max_scope < FWCTL_RPC_DEBUG_WRITE ||
	    rule->hazards & EFFECT_BIT(EFFECT_TAINTS_KERNEL))
		return;
	yaml_problem(reader->file, node, true, reader->problems,
		     "Whatever needs the scope debug-write or debug-write-full taints the kernel, "
		     "and this rule does not accept that, so it ends at debug-read-only. Add "
		     "`hazards: [taints-kernel]`, or say `max-scope: debug-read-only`.");
}

static int read_parts(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule)
{
	static const char *const known[] = {
		"id",	   "verdict",	"class", "caller", "device",  "command", "where",
		"hazards", "max-scope", "limit", "when",   "observe", "note",	 NULL,
	};
	struct yaml_node *node, *where;
	int r;

	r = read_id(reader, map, yaml_get(map, "id"), rule);
	if (r < 0)
		return r;

	/*
	 * First, as what other keys may say depends on it. Where it can't be read, the rest is held
	 * against a verdict that has every key: the rule counts for nothing any more.
	 */
	node = yaml_get(map, "verdict");
	if (!node)
		yaml_problem(reader->file, map, false, reader->problems,
			     "This rule has no `verdict`; expected deny, allow or authenticate.");
	if (!node || verdict_read(reader, node, &rule->verdict) < 0)
		rule->verdict = VERDICT_AUTHENTICATE;

	node = yaml_get(map, "class");
	if (node)
		read_classes(reader, node, rule);
	node = yaml_get(map, "hazards");
	if (node)
		read_hazards(reader, node, rule);
	node = yaml_get(map, "note");
	if (node) {
		r = read_note(reader, node, rule);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "caller");
	if (node) {
		r = rule_read_caller(reader, node, rule);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "device");
	if (node) {
		r = rule_read_device(reader, node, rule);
		if (r < 0)
			return r;
	}
	where = yaml_get(map, "where");
	node = yaml_get(map, "command");
	if (node) {
		r = rule_read_commands(reader, node, where, rule);
		if (r < 0)
			return r;
	} else if (where) {
		yaml_problem(
			reader->file, where, false, reader->problems,
			"`where` tests fields of a command, so the rule must name its commands "
			"under `command`, each in full.");
	}
	node = yaml_get(map, "when");
	if (node) {
		r = rule_read_when(reader, node, rule);
		if (r < 0)
			return r;
	}
	node = yaml_get(map, "limit");
	if (node)
		rule_read_limit(reader, node, rule);
	node = yaml_get(map, "max-scope");
	if (node)
		read_max_scope(reader, node, rule);
	node = yaml_get(map, "observe");
	if (node)
		(void)yaml_read_bool(reader->file, node, "the value of `observe`", reader->problems,
				     &rule->observe);
	refuse_misplaced_keys(reader, map, rule);
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	return 0;
}

int rule_read(const struct rule_reader *reader, struct yaml_node *map, struct rule *ret)
{
	size_t errors_before = reader->problems->n_errors;
	int r;

	*ret = (struct rule){
		.file = reader->path,
		.line = map->line,
		.column = map->column,
		.max_scope = SCOPE_ANY,
	};
	if (map->kind != YAML_MAP) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "A rule is a map, like {id: tunes, class: config-change, verdict: "
			     "authenticate}.");
		return 0;
	}
	r = read_parts(reader, map, ret);
	/* Of a rule that is half read, what follows would mislead. */
	if (r < 0 || reader->problems->n_errors > errors_before || reader->file->flawed)
		return r;
	warn_of_everything(reader, map, ret);
	warn_of_taint(reader, map, ret);
	return rule_check_commands(reader, map, ret);
}
