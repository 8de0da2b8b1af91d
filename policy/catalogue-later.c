/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a file of a later folder does to commands that are there: worsens them, or describes them.
 */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/condition.h"
#include "policy/suggest.h"

struct command *undescribed_find(const struct loader *loader, const struct command *command)
{
	struct dialect *dialect = loader->dialect;

	if (loader->file == loader->source->file || !command->name)
		return NULL;
	for (size_t i = 0; i < dialect->n_commands; i++) {
		struct command *other = &dialect->commands[i];

		/*
		 * One without a name is a problem that was reported. What worsens it is about the
		 * fields that it had.
		 */
		if (other != command && other->layout_unknown && other->name &&
		    other->n_also == 0 && strcmp(other->name, command->name) == 0 &&
		    commands_clash(other, command))
			return other;
	}
	return NULL;
}

/* It is not as harmless as its description says, wherever that says so. */
static void warn_of_better(const struct loader *loader, const struct yaml_node *at,
			   const struct command *undescribed, const struct command *command)
{
	enum effect_class best = command->class;

	for (size_t i = 0; i < command->n_refine; i++)
		if (command->refine[i].class < best)
			best = command->refine[i].class;
	if (best < undescribed->class)
		yaml_problem(loader->file, at, true, loader->problems,
			     "%s stays %s, not %s as is said here: who describes a command can "
			     "only make it worse. A rule of the policy can allow it as it is.",
			     command->full_name, effect_class_to_string(undescribed->class),
			     effect_class_to_string(best));
}

int command_describe(const struct loader *loader, const struct yaml_node *at,
		     struct command *undescribed, struct command *command)
{
	struct refinement *also = reallocarray(command->also, command->n_also + 1, sizeof(*also));

	if (!also)
		return -ENOMEM;
	warn_of_better(loader, at, undescribed, command);
	command->also = also;
	/* Who describes a command can know it to be worse, and never better. */
	also[command->n_also++] = (struct refinement){
		.class = undescribed->class,
		.effects = undescribed->effects,
		.reason = TAKE_PTR(undescribed->reason),
	};
	command_done(undescribed);
	*undescribed = *command;
	*command = (struct command){};
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
