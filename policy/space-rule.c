/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/space-rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

/* Boxes whose union something is. */
struct boxes {
	const struct box **items;
	size_t n;
};

static bool rule_judges(const struct judgement *judgement, const void *userdata)
{
	const struct rule *rule = userdata;

	if (rule->classes != 0 && !(rule->classes & 1u << judgement->class))
		return false;
	if (rule->verdict != VERDICT_DENY && judgement->hazards & ~rule->hazards)
		return false;
	return judgement->scope == SCOPE_NONE || judgement->scope <= rule->max_scope;
}

static const struct ranges *patterns_to_ranges(struct space *space, enum device_key key,
					       const struct pattern_list *list)
{
	struct value_range *items = pool_alloc(&space->work, list->n, sizeof(*items));
	size_t n = 0;

	for (size_t i = 0; items && i < list->n; i++) {
		const struct ranges *parts =
			space_pattern(space, &space->work, key, &list->items[i]);

		if (!parts)
			return NULL;
		if (parts->n > 0)
			items[n++] = parts->items[0];
	}
	return items ? ranges_new(&space->kept, items, n) : NULL;
}

static const struct ranges *when_to_ranges(struct space *space, const struct when *when)
{
	struct value_range items[MINUTES_A_WEEK / 2 + 1];
	size_t n = 0;

	for (unsigned minute = 0; minute < MINUTES_A_WEEK; minute++) {
		if (when_has_minute(when, minute))
			ranges_count(items, &n, minute);
	}
	return ranges_new(&space->kept, items, n);
}

/* All that is one set for the whole rule: judgement, device, time. */
static const struct box *base_of(struct space *space, const struct rule *rule)
{
	struct constraint items[2 + _DEVICE_KEY_MAX + 1];
	size_t n = 0;

	items[n++] = (struct constraint){DIM_JUDGEMENT,
					 judgements_that(&space->kept, rule_judges, rule)};
	for (unsigned key = DEVICE_DRIVER; key < _DEVICE_KEY_MAX && rule->device; key++)
		if (rule->device->keys[key].n > 0)
			items[n++] =
				(struct constraint){DIM_STRING + key - DEVICE_DRIVER,
						    patterns_to_ranges(space, key,
								       &rule->device->keys[key])};
	if (rule->device && rule->device->keys[DEVICE_SERIAL].n > 0 &&
	    rule->verdict != VERDICT_DENY)
		items[n++] = (struct constraint){DIM_DISPUTED, ranges_one(&space->kept, 0, 0)};
	if (rule->when)
		items[n++] = (struct constraint){space_zone(space, zone_name(rule->when->zone)),
						 when_to_ranges(space, rule->when)};
	for (size_t i = 0; i < n; i++)
		if (!items[i].set)
			return NULL;
	return box_new(&space->kept, items, n);
}

/* A device's type is the dialect of its commands. */
static bool type_matches(const struct rule *rule, const struct command *command)
{
	return !rule->device ||
	       pattern_list_matches(&rule->device->keys[DEVICE_TYPE], command->dialect->name);
}

static const struct box *one_command(struct space *space, unsigned command)
{
	const struct ranges *set = ranges_one(&space->kept, command, command);

	return set ? box_new(&space->kept, &(struct constraint){DIM_COMMAND, set}, 1) : NULL;
}

/* Each command that `where` is about is a box. Of equal names the first one counts. */
static int conditions_of(struct space *space, const struct rule *rule, struct boxes *ret)
{
	const struct command_set *set = rule->command;

	ret->items = pool_alloc(&space->work, set->names.n, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < set->names.n; i++) {
		const struct box *command, *fields;
		unsigned number = 0;
		bool again = false;

		while (number < space->n_commands && space->commands[number] != set->commands[i])
			number++;
		for (size_t j = 0; j < i && !again; j++)
			again = set->commands[j] == set->commands[i];
		if (again || number == space->n_commands ||
		    !type_matches(rule, space->commands[number]))
			continue;
		command = one_command(space, number);
		fields = space_condition(space, &space->kept, &set->where[i]);
		if (!command || !fields)
			return -ENOMEM;
		ret->items[ret->n] = box_intersect(&space->kept, command, fields);
		if (!ret->items[ret->n++])
			return -ENOMEM;
	}
	return 0;
}

static int commands_of(struct space *space, const struct rule *rule, struct boxes *ret)
{
	struct value_range *items;
	const struct ranges *set;
	size_t n = 0;

	if (rule->command && rule->command->where)
		return conditions_of(space, rule, ret);
	items = pool_alloc(&space->work, space->n_commands + 1, sizeof(*items));
	ret->items = pool_alloc(&space->work, 1, sizeof(*ret->items));
	if (!items || !ret->items)
		return -ENOMEM;
	for (unsigned i = 0; i < space->n_commands; i++)
		if (type_matches(rule, space->commands[i]) &&
		    (!rule->command ||
		     pattern_list_matches(&rule->command->names, space->commands[i]->full_name)))
			ranges_count(items, &n, i);
	if (n == 0)
		return 0;
	set = ranges_new(&space->kept, items, n);
	if (!set)
		return -ENOMEM;
	ret->items[0] = box_new(&space->kept, &(struct constraint){DIM_COMMAND, set},
				n < space->n_commands);
	if (!ret->items[0])
		return -ENOMEM;
	ret->n = 1;
	return 0;
}

/* The users; and for each group those who are in it, and are none of these, nor in one before it.
 */
static int callers_of(struct space *space, const struct rule *rule, struct boxes *ret)
{
	static const struct caller_set everybody;
	const struct caller_set *set = rule->caller ?: &everybody;
	const struct ranges *users = NULL, *others = NULL, *in, *out;
	struct value_range *items;
	struct constraint *constraints;
	unsigned *groups;
	size_t n;

	ret->items = pool_alloc(&space->work, set->n_gids + 1, sizeof(*ret->items));
	items = pool_alloc(&space->work, set->n_uids, sizeof(*items));
	constraints = pool_alloc(&space->work, set->n_gids + 1, sizeof(*constraints));
	groups = pool_alloc(&space->work, set->n_gids, sizeof(*groups));
	in = ranges_one(&space->kept, 1, 1);
	out = ranges_one(&space->kept, 0, 0);
	if (!ret->items || !items || !constraints || !groups || !in || !out)
		return -ENOMEM;
	if (!rule->caller) {
		ret->items[0] = box_new(&space->kept, NULL, 0);
		if (!ret->items[0])
			return -ENOMEM;
		ret->n = 1;
		return 0;
	}
	if (set->n_uids > 0) {
		for (size_t i = 0; i < set->n_uids; i++)
			items[i] = (struct value_range){set->uids[i], set->uids[i]};
		users = ranges_new(&space->kept, items, set->n_uids);
		others = ranges_one(&space->kept, 0, UINT32_MAX - 1);
		if (users && others)
			others = ranges_subtract(&space->kept, others, users);
		if (!users || !others)
			return -ENOMEM;
		ret->items[0] = box_new(&space->kept, &(struct constraint){DIM_UID, users}, 1);
		if (!ret->items[ret->n++])
			return -ENOMEM;
	}
	/* The loader's list may say a group twice; the dimensions must ascend. */
	n = 0;
	for (size_t g = 0; g < space->n_gids; g++)
		for (size_t i = 0; i < set->n_gids; i++)
			if (set->gids[i] == space->gids[g]) {
				groups[n++] = space_gid(space, space->gids[g]);
				break;
			}
	for (size_t i = 0; i < n; i++) {
		size_t used = 0;

		if (others)
			constraints[used++] = (struct constraint){DIM_UID, others};
		for (size_t j = 0; j <= i; j++)
			constraints[used++] = (struct constraint){groups[j], j < i ? out : in};
		ret->items[ret->n] = box_new(&space->kept, constraints, used);
		if (!ret->items[ret->n++])
			return -ENOMEM;
	}
	return 0;
}

static bool box_empty(const struct box *box)
{
	for (size_t i = 0; i < box->n; i++)
		if (box->items[i].set->n == 0)
			return true;
	return false;
}

struct entry_list {
	struct entry *items;
	size_t n, capacity;
};

static int add_rule(struct space *space, const struct rule *rule, struct entry_list *list)
{
	struct boxes commands = {}, callers = {};
	const struct box *base;
	int r;

	if (rule->disabled)
		return 0;
	base = base_of(space, rule);
	if (!base)
		return -ENOMEM;
	r = commands_of(space, rule, &commands);
	if (r >= 0)
		r = callers_of(space, rule, &callers);
	if (r < 0)
		return r;
	for (size_t i = 0; i < commands.n; i++)
		for (size_t j = 0; j < callers.n; j++) {
			const struct box *box =
				box_intersect(&space->kept, commands.items[i], callers.items[j]);

			box = box ? box_intersect(&space->kept, box, base) : NULL;
			if (!box)
				return -ENOMEM;
			if (box_empty(box))
				continue;
			if (list->n == list->capacity) {
				size_t grown = list->capacity ? list->capacity * 2 : 64;
				struct entry *items =
					reallocarray(list->items, grown, sizeof(*items));

				if (!items)
					return -ENOMEM;
				list->items = items;
				list->capacity = grown;
			}
			list->items[list->n++] = (struct entry){box, rule};
		}
	return 0;
}

int space_add_rules(struct space *space, struct entries *entries)
{
	const struct policy *policy = entries->policy;
	struct entry_list list = {};
	int r = 0;

	entries->first = pool_alloc(&space->kept, policy->n_rules + 1, sizeof(*entries->first));
	if (!entries->first)
		return -ENOMEM;
	for (size_t i = 0; i < policy->n_rules && r >= 0; i++) {
		struct pool_mark mark = pool_mark(&space->work);

		entries->first[i] = list.n;
		r = add_rule(space, &policy->rules[i], &list);
		pool_release(&space->work, mark);
	}
	entries->first[policy->n_rules] = list.n;
	entries->items = pool_alloc(&space->kept, list.n, sizeof(*entries->items));
	if (!entries->items)
		r = -ENOMEM;
	if (r >= 0 && list.n > 0)
		memcpy(entries->items, list.items, list.n * sizeof(*list.items));
	entries->n = list.n;
	free(list.items);
	return r;
}
