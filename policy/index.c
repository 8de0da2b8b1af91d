/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/index-build.h"
#include "policy/match.h"
#include "policy/rule.h"

struct search {
	const struct rule_index *index;
	const struct caller_identity *caller;
	uint64_t caller_branches; /* bits that the caller's children have in a node's */
	const struct command_keys *keys;
	const struct command *command;
	const union field_value *values; /* of the command's fields */
	bool (*fits)(const struct rule *rule, const void *what);
	const void *what;
	/* Numbers of the first rules that fit, of either kind, or where to end. */
	uint32_t enforced, observed;
};

static void try_rule(struct search *search, uint32_t number)
{
	const struct rule *rule = &search->index->rules[number];
	uint32_t *first = rule->observe ? &search->observed : &search->enforced;

	if (number < *first && search->fits(rule, search->what))
		*first = number;
}

static void search_leaf(struct search *search, uint32_t leaf)
{
	const struct leaf *leaves = search->index->leaves;

	for (; leaf != 0 && leaves[leaf].rule < search->enforced; leaf = leaves[leaf].next)
		try_rule(search, leaves[leaf].rule);
}

/* Is it there, and has it a rule before the one that decides as far as is known? */
static bool worthwhile(const struct search *search, uint32_t node)
{
	return node != 0 && search->index->nodes[node].lowest < search->enforced;
}

static inline uint32_t find_child(const struct search *search, enum level level, uint32_t node,
				  uint64_t key)
{
	const struct rule_index *index = search->index;

	if (!(index->nodes[node].branches & branch_bit(key)))
		return 0;
	return key_table_get(&index->children[level], key_hash(node, key));
}

static void search_commands(struct search *search, uint32_t node)
{
	const uint64_t *keys = search->index->command_keys;
	const struct command_keys *own = search->keys;

	if (!worthwhile(search, node))
		return;
	search_leaf(search, search->index->nodes[node].any);
	for (uint32_t i = own->first; i < own->first + own->n; i++)
		search_leaf(search, find_child(search, LEVEL_COMMAND, node, keys[i]));
	for (uint32_t fields = own->fields; fields != 0; fields &= fields - 1) {
		unsigned field = (unsigned)__builtin_ctz(fields);
		uint64_t key = value_key(search->command, field, &search->values[field]);

		search_leaf(search, find_child(search, LEVEL_COMMAND, node, key));
	}
}

/* Callers are in many groups, and rules name few. */
static bool group_named(const struct rule_index *index, gid_t gid)
{
	return index->groups[gid % GROUP_BITS / 64] & UINT64_C(1) << gid % 64;
}

static void search_callers(struct search *search, uint32_t node)
{
	const struct caller_identity *caller = search->caller;

	if (!worthwhile(search, node))
		return;
	search_commands(search, search->index->nodes[node].any);
	if (!(search->index->nodes[node].branches & search->caller_branches))
		return;
	search_commands(search,
			find_child(search, LEVEL_CALLER, node, caller_key(false, caller->uid)));
	for (size_t i = 0; i < caller->n_gids; i++)
		if (group_named(search->index, caller->gids[i]))
			search_commands(search, find_child(search, LEVEL_CALLER, node,
							   caller_key(true, caller->gids[i])));
}

static void search_set(uint32_t set, void *userdata)
{
	search_callers(userdata, SETS + set);
}

/* The device's texts, one a key. */
static void search_rules(struct search *search, const char *const texts[_DEVICE_KEY_MAX])
{
	const struct caller_identity *caller = search->caller;

	search->caller_branches = branch_bit(caller_key(false, caller->uid));
	for (size_t i = 0; i < caller->n_gids; i++)
		if (group_named(search->index, caller->gids[i]))
			search->caller_branches |= branch_bit(caller_key(true, caller->gids[i]));
	search_callers(search, ROOT);
	device_index_find(&search->index->devices, texts, search_set, search);
}

static bool fits_query(const struct rule *rule, const void *what)
{
	return rule_matches(rule, what, NULL);
}

int rule_index_match(const struct rule_index *index, const struct query *query,
		     struct rule_matches *ret)
{
	const char *texts[_DEVICE_KEY_MAX];
	struct search search = {
		.index = index,
		.caller = query->caller,
		.command = query->request->command,
		.keys = rule_index_command(index, query->request->command),
		.values = query->request->values,
		.fits = fits_query,
		.what = query,
		.enforced = index->n_rules,
		.observed = index->n_rules,
	};

	if (!search.keys)
		return -ESTALE;
	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		texts[key] = device_identity_get(query->device, key);
	search_rules(&search, texts);
	*ret = (struct rule_matches){};
	if (search.enforced < index->n_rules)
		ret->enforced = &index->rules[search.enforced];
	if (search.observed < search.enforced)
		ret->observed = &index->rules[search.observed];
	return 0;
}

/* A text that the first pattern of a list matches. */
static const char *sample_text(const struct pattern_list *list)
{
	return list->n > 0 ? list->items[0].text : "";
}

/* A command that the first pattern of the rule's list matches; NULL: the catalogue has none. */
static const struct command *sample_command(const struct rule_index *index, const struct rule *rule)
{
	const struct catalogue *catalogue = index->catalogue;

	for (size_t i = 0; i < catalogue->n_dialects; i++) {
		const struct dialect *dialect = &catalogue->dialects[i];

		for (size_t j = 0; j < dialect->n_commands; j++)
			if (!rule->command || pattern_matches(&rule->command->names.items[0],
							      dialect->commands[j].full_name))
				return &dialect->commands[j];
	}
	return NULL;
}

/* Values that the rule's condition for its first command asks for. */
static void sample_values(const struct rule *rule, union field_value values[FIELDS_MAX])
{
	const struct condition *where = rule->command ? rule->command->where : NULL;

	for (size_t i = 0; where && i < where->n_terms; i++) {
		const struct condition_term *term = &where->terms[i];

		if (term->n_uuids > 0)
			memcpy(values[term->field].bytes, term->uuids[0], sizeof(term->uuids[0]));
		else if (term->n_ranges > 0)
			values[term->field].number = term->ranges[0].first;
	}
}

static bool fits_later(const struct rule *rule, const void *what)
{
	return rule_shadows(rule, what);
}

/*
 * Whatever shadows the rule matches the first thing on each of its lists, and everything where the
 * rule has no list. So a search for a request of the first things comes upon it.
 */
const struct rule *rule_index_shadow(const struct rule_index *index, const struct rule *rule)
{
	const struct caller_set *callers = rule->caller;
	const uint32_t number = (uint32_t)(rule - index->rules);
	struct caller_identity caller = {.uid = (uid_t)-1};
	union field_value values[FIELDS_MAX] = {};
	const char *texts[_DEVICE_KEY_MAX];
	struct search search = {
		.index = index,
		.caller = &caller,
		.command = sample_command(index, rule),
		.values = values,
		.fits = fits_later,
		.what = rule,
		.enforced = number,
		.observed = number,
	};

	if (!search.command)
		return NULL;
	search.keys = rule_index_command(index, search.command);
	if (callers && callers->n_uids > 0) {
		caller.uid = callers->uids[0];
	} else if (callers) {
		caller.gids = callers->gids;
		caller.n_gids = callers->n_gids > 0;
	}
	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		texts[key] = rule->device ? sample_text(&rule->device->keys[key]) : "";
	sample_values(rule, values);
	search_rules(&search, texts);
	if (search.observed < search.enforced)
		return &index->rules[search.observed];
	return search.enforced < number ? &index->rules[search.enforced] : NULL;
}
