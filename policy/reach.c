/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What requests of a command can be at all, and so whether a rule that names it can ever match one.
 * Only what is certain counts: a device's own report can raise a class, and further hazards can
 * come.
 */

#include "policy/rule.h"

#include <errno.h>
#include <string.h>

#include "policy/condition.h"
#include "policy/suggest.h"

/* Requests that one row of a command fits: its base, or a refinement. */
struct reach {
	enum effect_class lowest, highest;
	effect_set hazards; /* that all of them have */
};

static enum effect_class worst(enum effect_class a, enum effect_class b)
{
	return a > b ? a : b;
}

/* Does it hold for whatever fits both? NULL stands for a condition that asks for nothing. */
static bool always_holds(const struct condition *condition, const struct condition *a,
			 const struct condition *b, const struct command *command)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition one = {.terms = &condition->terms[i], .n_terms = 1};

		if (!condition_covers(&one, a, command) && !condition_covers(&one, b, command))
			return false;
	}
	return true;
}

/* row NULL: no refinement fits. where: what the rule asks for, or NULL. */
static struct reach reach_of_row(const struct command *command, const struct refinement *row,
				 const struct condition *where)
{
	effect_set effects = row ? row->effects : command->effects;
	enum effect_class class =
		worst(row ? row->class : command->class, effect_set_class(effects));
	/* The device can report anything of any command; it only never betters one. */
	struct reach reach = {.lowest = class, .highest = CLASS_DESTRUCTIVE};

	for (size_t i = 0; i < command->n_also; i++) {
		const struct refinement *also = &command->also[i];
		enum effect_class with = worst(also->class, effect_set_class(also->effects));

		if ((where && !conditions_meet(&also->when, where)) ||
		    (row && !conditions_meet(&also->when, &row->when)))
			continue;
		if (!always_holds(&also->when, where, row ? &row->when : NULL, command))
			continue;
		reach.lowest = worst(reach.lowest, with);
		effects |= also->effects;
	}
	reach.hazards = effects & EFFECT_HAZARDS;
	return reach;
}

/* Is there a request of this row that `where` fits too? */
static bool row_possible(const struct command *command, size_t n, const struct condition *where)
{
	const struct condition *when = n < command->n_refine ? &command->refine[n].when : NULL;

	if (when && where && !conditions_meet(when, where))
		return false;
	/* A refinement before it takes all of them. */
	for (size_t i = 0; i < n; i++)
		if (always_holds(&command->refine[i].when, where, when, command))
			return false;
	return true;
}

static bool class_possible(const struct rule *rule, const struct reach *reach)
{
	for (int class = reach->lowest; class <= (int)reach->highest; class ++)
		if (rule->classes == 0 || rule->classes & 1u << class)
			return true;
	return false;
}

static void warn_of_class(const struct rule_reader *reader, const struct yaml_node *map,
			  const struct command *command, unsigned classes, bool where)
{
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (int class = CLASS_READ_ONLY; class < _CLASS_MAX; class ++)
		if (classes & 1u << class)
			name_list_add(&list, effect_class_to_string((enum effect_class) class));
	yaml_problem(
		reader->file, map, true, reader->problems,
		"This rule never matches %s: its class%s is %s (by the catalogue, or made worse "
		"by what a device reports), and `class` does not name that.",
		command->full_name, where ? " with these fields" : "", names);
}

static void list_hazards(effect_set hazards, char names[static NAME_LIST_MAX])
{
	struct name_list list = {.text = names, .size = NAME_LIST_MAX};

	names[0] = '\0';
	for (int effect = 0; effect < _EFFECT_MAX; effect++)
		if (hazards & EFFECT_BIT(effect))
			name_list_add(&list, effect_to_string((enum effect)effect));
}

static void warn_of_hazards(const struct rule_reader *reader, const struct yaml_node *map,
			    const struct command *command, const struct rule *rule,
			    effect_set missing)
{
	char has[NAME_LIST_MAX], add[NAME_LIST_MAX];

	list_hazards(missing, has);
	list_hazards(rule->hazards | missing, add);
	yaml_problem(reader->file, map, true, reader->problems,
		     "This rule never matches %s, whose requests have the hazard%s %s: a rule that "
		     "opens something must accept each hazard by name. If it shall, add "
		     "`hazards: [%s]`.",
		     command->full_name, (missing & (missing - 1)) == 0 ? "" : "s", has, add);
}

static void check_command(const struct rule_reader *reader, const struct yaml_node *map,
			  const struct rule *rule, const struct command *command,
			  const struct condition *where)
{
	effect_set accepted = rule->verdict == VERDICT_DENY ? EFFECT_HAZARDS : rule->hazards;
	effect_set missing = EFFECT_HAZARDS;
	unsigned classes = 0;
	bool fits = false;

	if (command->refused && rule->verdict != VERDICT_DENY) {
		yaml_problem(
			reader->file, map, true, reader->problems,
			"This rule opens nothing of %s, which is never sent, whoever asks: %s.",
			command->full_name, command->refused);
		return;
	}
	for (size_t n = 0; n <= command->n_refine; n++) {
		const struct refinement *row = n < command->n_refine ? &command->refine[n] : NULL;
		struct reach reach;
		effect_set more;

		if (!row_possible(command, n, where))
			continue;
		reach = reach_of_row(command, row, where);
		for (int class = reach.lowest; class <= (int)reach.highest; class ++)
			classes |= 1u << class;
		if (!class_possible(rule, &reach))
			continue;
		more = reach.hazards & ~accepted;
		if (more == 0)
			return;
		if (!fits || __builtin_popcount(more) < __builtin_popcount(missing))
			missing = more;
		fits = true;
	}
	if (fits)
		warn_of_hazards(reader, map, command, rule, missing);
	else if (classes != 0)
		warn_of_class(reader, map, command, classes, where != NULL);
}

static bool type_possible(const struct rule *rule, const struct dialect *dialect)
{
	return !rule->device ||
	       pattern_list_matches(&rule->device->keys[DEVICE_TYPE], dialect->name);
}

/* Has a device of the rule's types any of its commands? */
static bool any_possible(const struct rule_reader *reader, const struct rule *rule)
{
	const struct command_set *set = rule->command;

	for (size_t i = 0; set && i < set->names.n; i++)
		if (set->commands[i] && type_possible(rule, set->commands[i]->dialect))
			return true;
	for (size_t i = 0; i < reader->n_commands; i++)
		if (type_possible(rule, reader->commands[i]->dialect) &&
		    (!set || pattern_list_matches(&set->names, reader->commands[i]->full_name)))
			return true;
	return false;
}

int rule_check_commands(const struct rule_reader *reader, const struct yaml_node *map,
			const struct rule *rule)
{
	const struct command_set *set = rule->command;
	size_t before = problems_count(reader->problems);
	bool deny = rule->verdict == VERDICT_DENY;
	struct interned *checked;

	/* A rule for commands of one dialect and devices of another can't have been meant. */
	if (!any_possible(reader, rule)) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "This rule can never match: no device of its `type` has any of its "
			     "commands.");
		return 0;
	}
	/* All that check_command() looks at. */
	intern_key_bytes(reader->intern, &rule->command, sizeof(rule->command));
	intern_key_bytes(reader->intern, &rule->classes, sizeof(rule->classes));
	intern_key_bytes(reader->intern, &rule->hazards, sizeof(rule->hazards));
	intern_key_bytes(reader->intern, &deny, sizeof(deny));
	checked = intern_find(reader->intern, INTERN_CHECKED);
	if (!checked)
		return -ENOMEM;
	for (size_t i = 0; set && !checked->value && i < set->names.n; i++)
		if (set->commands[i])
			check_command(reader, map, rule, set->commands[i],
				      set->where ? &set->where[i] : NULL);
	if (problems_count(reader->problems) == before)
		checked->value = checked;
	return 0;
}
