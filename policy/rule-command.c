/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which commands a rule matches, and with which values of their fields. */

#include "policy/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/suggest.h"

static int compare_full_name(const void *key, const void *element)
{
	return strcmp(key, (*(const struct command *const *)element)->full_name);
}

const struct command *rule_reader_command(const struct rule_reader *reader, const char *full_name)
{
	const struct command **found;

	if (reader->n_commands == 0)
		return NULL;
	found = bsearch(full_name, reader->commands, reader->n_commands, sizeof(*reader->commands),
			compare_full_name);
	return found ? *found : NULL;
}

static bool any_command(const struct rule_reader *reader, const struct pattern *pattern)
{
	if (!pattern->prefix)
		return rule_reader_command(reader, pattern->text) != NULL;
	for (size_t i = 0; i < reader->n_commands; i++)
		if (pattern_matches(pattern, reader->commands[i]->full_name))
			return true;
	return false;
}

static bool check_command(const struct rule_reader *reader, const struct yaml_node *node,
			  const struct pattern *pattern)
{
	struct suggestion suggestion = {.wrong = pattern->text};
	const char *short_for = NULL;

	if (any_command(reader, pattern))
		return true;
	for (size_t i = 0; i < reader->n_commands && problems_keep(reader->problems, false); i++) {
		const struct command *command = reader->commands[i];

		if (strcmp(command->name, pattern->text) == 0)
			short_for = command->full_name;
		suggestion_try(&suggestion, command->full_name);
	}
	if (short_for)
		yaml_problem(reader->file, node, false, reader->problems,
			     "A command is named with its dialect: write \"%s\".", short_for);
	else
		yaml_problem(reader->file, node, false, reader->problems,
			     "The catalogue has no command \"%s\".%s", node->scalar,
			     suggestion.best ? suggestion_text(&suggestion)
					     : " `fwctl commands` lists those that it has.");
	return false;
}

/* Can the conditions be made? If not, it was said why. */
static bool check_where(const struct rule_reader *reader, const struct yaml_node *node,
			const struct command_set *set)
{
	size_t values = 0;

	if (node->kind == YAML_MAP && node->n_items == 0) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "`where` is empty: expected fields and their values. To match any "
			     "value, leave the key out.");
		return false;
	}
	for (size_t i = 0; i < set->names.n; i++)
		if (set->names.items[i].prefix) {
			yaml_problem(
				reader->file, node, false, reader->problems,
				"`where` needs exact names under `command`: \"%s*\" stands for "
				"commands with other fields.",
				set->names.items[i].text);
			return false;
		}
	for (size_t i = 0; node->kind == YAML_MAP && i < node->n_items; i++) {
		const struct yaml_node *value = node->items[i].value;

		values += value->kind == YAML_LIST ? value->n_items : 1;
	}
	if (values * set->names.n > RULE_CONDITIONS_MAX) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "This rule has %zu command%s and %zu values under `where`: more than "
			     "%u pairs of the two are too many. Make several rules of it.",
			     set->names.n, set->names.n == 1 ? "" : "s", values,
			     RULE_CONDITIONS_MAX);
		return false;
	}
	return true;
}

static int read_where(const struct rule_reader *reader, struct yaml_node *node,
		      struct command_set *set)
{
	/* Without names, what is wrong with them was said. */
	if (!check_where(reader, node, set) || set->names.n == 0)
		return 0;
	set->where = pool_alloc(&reader->policy->pool, set->names.n, sizeof(*set->where));
	if (!set->where)
		return -ENOMEM;
	for (size_t i = 0; i < set->names.n; i++) {
		_cleanup_(condition_done) struct condition condition = {};
		int r;

		r = condition_read(reader->file, node, set->commands[i], reader->problems,
				   &condition);
		if (r < 0)
			return r;
		r = condition_copy(&condition, &reader->policy->pool, &set->where[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_commands(const struct rule_reader *reader, struct yaml_node *node,
			 struct yaml_node *where, struct command_set *set)
{
	int r;

	r = rule_read_patterns(reader, node, "a command", check_command, &set->names);
	if (r < 0)
		return r;
	set->commands = pool_alloc(&reader->policy->pool, set->names.n, sizeof(*set->commands));
	if (!set->commands)
		return -ENOMEM;
	for (size_t i = 0; i < set->names.n; i++)
		if (!set->names.items[i].prefix)
			set->commands[i] = rule_reader_command(reader, set->names.items[i].text);
	return where ? read_where(reader, where, set) : 0;
}

int rule_read_commands(const struct rule_reader *reader, struct yaml_node *node,
		       struct yaml_node *where, struct rule *rule)
{
	struct rule_part part;
	int r;

	intern_key_node(reader->intern, node);
	if (where)
		intern_key_node(reader->intern, where);
	r = rule_part_find(reader, INTERN_COMMAND, sizeof(*rule->command), &part);
	if (r < 0)
		return r;
	rule->command = part.value;
	if (part.known)
		return 0;
	return rule_part_keep(reader, &part, read_commands(reader, node, where, part.value));
}
