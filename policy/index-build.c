/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the rules to their index. */

#include "policy/index-build.h"

#include <errno.h>
#include <stdlib.h>

#include "include/cleanup.h"
#include "policy/field.h"

/*
 * A rule is filed under each combination of what it names. Where these are more than so many, lists
 * are left out, the shortest first, as if the rule did not have them.
 */
#define PATHS_MAX 64u

/* Where a rule is filed: the node of its device set, and what it names on each level below. */
struct path {
	uint32_t start;
	struct part {
		bool named;
		uint64_t key;
	} parts[_LEVEL_MAX];
};

struct builder {
	struct rule_index *index;
	uint32_t nodes_capacity, leaves_capacity, command_keys_capacity;
	struct key_table patterns;	/* of commands, that rules are filed under */
	const struct device_set **sets; /* each once, by address */
	uint32_t n_sets;
};

static void builder_done(struct builder *builder)
{
	key_table_done(&builder->patterns);
	free(builder->sets);
	rule_index_free(builder->index);
}

struct rule_index *rule_index_free(struct rule_index *index)
{
	if (!index)
		return NULL;
	free(index->nodes);
	free(index->leaves);
	for (enum level level = 0; level < _LEVEL_MAX; level++)
		key_table_done(&index->children[level]);
	device_index_done(&index->devices);
	free(index->commands);
	free(index->command_keys);
	free(index);
	return NULL;
}

struct command_keys *rule_index_command(const struct rule_index *index,
					const struct command *command)
{
	const struct catalogue *catalogue = index->catalogue;
	struct command_keys *keys = index->commands;

	for (size_t i = 0; i < catalogue->n_dialects; i++) {
		const struct dialect *dialect = &catalogue->dialects[i];

		if (command >= dialect->commands &&
		    command < dialect->commands + dialect->n_commands)
			return &keys[command - dialect->commands];
		keys += dialect->n_commands;
	}
	return NULL;
}

/* Room for one more. */
static int reserve(void **items, size_t size, uint32_t n, uint32_t *capacity)
{
	uint32_t grown = *capacity != 0 ? *capacity * 2 : 64;
	void *more;

	if (n < *capacity)
		return 0;
	more = grown > *capacity ? reallocarray(*items, grown, size) : NULL;
	if (!more)
		return -ENOMEM;
	*items = more;
	*capacity = grown;
	return 0;
}

static int reserve_node(struct builder *builder)
{
	struct rule_index *index = builder->index;

	return reserve((void **)&index->nodes, sizeof(*index->nodes), index->n_nodes,
		       &builder->nodes_capacity);
}

static int reserve_leaf(struct builder *builder)
{
	struct rule_index *index = builder->index;

	return reserve((void **)&index->leaves, sizeof(*index->leaves), index->n_leaves,
		       &builder->leaves_capacity);
}

/* There is room for it. */
static uint32_t add_node(struct rule_index *index)
{
	index->nodes[index->n_nodes] = (struct node){};
	return index->n_nodes++;
}

static uint32_t add_leaf(struct rule_index *index, uint32_t rule, uint32_t next)
{
	/* A list of the rule's names something twice. */
	if (next != 0 && index->leaves[next].rule == rule)
		return next;
	index->leaves[index->n_leaves] = (struct leaf){.rule = rule, .next = next};
	return index->n_leaves++;
}

/* Rules come from the last to the first: each is the lowest of all so far. */
static int file_path(struct builder *builder, uint32_t rule, const struct path *path)
{
	struct rule_index *index = builder->index;
	uint32_t node = path->start;

	for (enum level level = 0; level < _LEVEL_MAX; level++) {
		const struct part *part = &path->parts[level];
		uint32_t *branch;

		if (reserve_node(builder) < 0 || reserve_leaf(builder) < 0)
			return -ENOMEM;
		index->nodes[node].lowest = rule;
		branch = &index->nodes[node].any;
		if (part->named) {
			index->nodes[node].branches |= branch_bit(part->key);
			branch = key_table_put(&index->children[level], key_hash(node, part->key));
			if (!branch)
				return -ENOMEM;
		}
		if (level == _LEVEL_MAX - 1)
			*branch = add_leaf(index, rule, *branch);
		else if (*branch == 0)
			*branch = add_node(index);
		node = *branch;
	}
	return 0;
}

/* How many values are the term's alternatives; 0: too many to file a rule under each. */
static uint64_t count_values(const struct condition_term *term)
{
	uint64_t n = term->n_uuids;

	for (size_t i = 0; i < term->n_ranges; i++) {
		uint64_t more = term->ranges[i].last - term->ranges[i].first;

		if (more >= PATHS_MAX)
			return 0;
		n += more + 1;
	}
	/* What somebody wrote down one by one is never too long. */
	return n <= PATHS_MAX || n == term->n_uuids + term->n_ranges ? n : 0;
}

/* Of the terms the one whose field has the most values, as it leaves the fewest requests; or NULL.
 */
static const struct condition_term *best_term(const struct command_set *set, size_t i)
{
	const struct condition_term *best = NULL;
	uint64_t most = 0;

	for (size_t j = 0; set->where && j < set->where[i].n_terms; j++) {
		const struct condition_term *term = &set->where[i].terms[j];
		const struct field *field = &set->commands[i]->fields[term->field];
		uint64_t max = field->type == FIELD_UUID ? UINT64_MAX : field_max(field);

		if (max > most && count_values(term) > 0) {
			best = term;
			most = max;
		}
	}
	return best;
}

static int file_value(struct builder *builder, uint32_t rule, struct path *path,
		      const struct command *command, unsigned field, const union field_value *value)
{
	path->parts[LEVEL_COMMAND] = (struct part){true, value_key(command, field, value)};
	return file_path(builder, rule, path);
}

static int file_values(struct builder *builder, uint32_t rule, struct path *path,
		       const struct command *command, const struct condition_term *term)
{
	struct command_keys *keys = rule_index_command(builder->index, command);
	union field_value value = {};
	int r = 0;

	keys->fields |= UINT32_C(1) << term->field;
	for (size_t i = 0; r >= 0 && i < term->n_uuids; i++) {
		memcpy(value.bytes, term->uuids[i], sizeof(term->uuids[i]));
		r = file_value(builder, rule, path, command, term->field, &value);
	}
	for (size_t i = 0; i < term->n_ranges; i++)
		for (uint64_t n = 0; r >= 0 && n <= term->ranges[i].last - term->ranges[i].first;
		     n++) {
			value.number = term->ranges[i].first + n;
			r = file_value(builder, rule, path, command, term->field, &value);
		}
	return r;
}

static int file_pattern(struct builder *builder, uint32_t rule, struct path *path,
			const struct pattern *pattern)
{
	uint64_t key, hash = TEXT_HASH_START;
	uint32_t *known;

	for (const char *p = pattern->text; *p; p++)
		hash = text_hash_step(hash, *p);
	key = pattern_key(pattern->prefix, hash);
	known = key_table_put(&builder->patterns, key_hash(0, key));
	if (!known)
		return -ENOMEM;
	*known = 1;
	path->parts[LEVEL_COMMAND] = (struct part){true, key};
	return file_path(builder, rule, path);
}

static int file_commands(struct builder *builder, uint32_t number, const struct command_set *set,
			 bool by_value, struct path *path)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < set->names.n; i++) {
		const struct condition_term *term = by_value ? best_term(set, i) : NULL;

		r = term ? file_values(builder, number, path, set->commands[i], term)
			 : file_pattern(builder, number, path, &set->names.items[i]);
	}
	return r;
}

/* The longest list of values that one of the commands would be filed under. */
static uint64_t longest_values(const struct command_set *set)
{
	uint64_t longest = 1;

	for (size_t i = 0; i < set->names.n; i++) {
		const struct condition_term *term = best_term(set, i);

		if (term && count_values(term) > longest)
			longest = count_values(term);
	}
	return longest;
}

static int compare_pointers(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return (x > y) - (x < y);
}

static int index_devices(struct builder *builder)
{
	struct rule_index *index = builder->index;
	size_t n = 0;

	builder->sets = calloc((size_t)index->n_rules + 1, sizeof(*builder->sets));
	if (!builder->sets)
		return -ENOMEM;
	for (size_t i = 0; i < index->n_rules; i++)
		if (index->rules[i].device)
			builder->sets[n++] = index->rules[i].device;
	qsort(builder->sets, n, sizeof(*builder->sets), compare_pointers);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || builder->sets[i] != builder->sets[i - 1])
			builder->sets[builder->n_sets++] = builder->sets[i];
	return device_index_init(&index->devices, builder->sets, builder->n_sets);
}

static uint32_t set_node(const struct builder *builder, const struct device_set *set)
{
	const struct device_set **found = bsearch(&set, builder->sets, builder->n_sets,
						  sizeof(*builder->sets), compare_pointers);

	return SETS + (uint32_t)(found - builder->sets);
}

static int file_rule(struct builder *builder, uint32_t number)
{
	const struct rule *rule = &builder->index->rules[number];
	const struct caller_set *callers = rule->caller;
	const struct command_set *commands = rule->command;
	uint64_t n_callers = callers ? callers->n_uids + callers->n_gids : 1;
	uint64_t n_commands = commands ? commands->names.n : 1;
	uint64_t n_values = commands ? longest_values(commands) : 1;
	struct path path = {.start = ROOT};
	bool by_value;

	/* One long list is never left out. */
	by_value = (n_callers == 1 && n_commands == 1) || n_values == 1 ||
		   n_callers * n_commands * n_values <= PATHS_MAX;
	if (n_callers > 1 && n_commands > 1 && n_callers * n_commands > PATHS_MAX) {
		if (n_callers < n_commands)
			callers = NULL;
		else
			commands = NULL;
	}
	if (rule->device)
		path.start = set_node(builder, rule->device);
	for (uint64_t i = 0; i < (callers ? n_callers : 1); i++) {
		int r;

		if (callers) {
			bool group = i >= callers->n_uids;
			uint32_t id = group ? callers->gids[i - callers->n_uids] : callers->uids[i];

			path.parts[LEVEL_CALLER] = (struct part){true, caller_key(group, id)};
			if (group)
				builder->index->groups[id % GROUP_BITS / 64] |= UINT64_C(1)
										<< id % 64;
		}
		r = commands ? file_commands(builder, number, commands, by_value, &path)
			     : file_path(builder, number, &path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of a command: by what rules can be filed that match it. */
static int add_command_key(struct builder *builder, struct command_keys *keys, uint64_t key)
{
	struct rule_index *index = builder->index;

	if (key_table_get(&builder->patterns, key_hash(0, key)) == 0)
		return 0;
	if (reserve((void **)&index->command_keys, sizeof(*index->command_keys),
		    keys->first + keys->n, &builder->command_keys_capacity) < 0)
		return -ENOMEM;
	index->command_keys[keys->first + keys->n++] = key;
	return 0;
}

static int match_command(struct builder *builder, const char *name, struct command_keys *keys)
{
	uint64_t hash = TEXT_HASH_START;
	int r;

	for (const char *p = name;; p++) {
		r = add_command_key(builder, keys, pattern_key(true, hash));
		if (r < 0)
			return r;
		if (*p == '\0')
			return add_command_key(builder, keys, pattern_key(false, hash));
		hash = text_hash_step(hash, *p);
	}
}

static int match_commands(struct builder *builder)
{
	const struct catalogue *catalogue = builder->index->catalogue;
	struct command_keys *keys = builder->index->commands;
	uint32_t first = 0;

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		for (size_t j = 0; j < catalogue->dialects[i].n_commands; j++, keys++) {
			int r;

			keys->first = first;
			r = match_command(builder, catalogue->dialects[i].commands[j].full_name,
					  keys);
			if (r < 0)
				return r;
			first += keys->n;
		}
	return 0;
}

static int builder_init(struct builder *builder)
{
	struct rule_index *index = builder->index;
	size_t n_commands = 0;
	int r;

	for (size_t i = 0; i < index->catalogue->n_dialects; i++)
		n_commands += index->catalogue->dialects[i].n_commands;
	index->commands = calloc(n_commands + 1, sizeof(*index->commands));
	index->n_leaves = 1;
	r = index_devices(builder);
	if (r < 0 || !index->commands)
		return -ENOMEM;
	index->n_nodes = builder->nodes_capacity = SETS + builder->n_sets;
	index->nodes = calloc(index->n_nodes, sizeof(*index->nodes));
	if (!index->nodes)
		return -ENOMEM;
	for (uint32_t i = ROOT; i < index->n_nodes; i++)
		index->nodes[i].lowest = UINT32_MAX;
	return 0;
}

int rule_index_new(const struct catalogue *catalogue, const struct rule *rules, size_t n,
		   struct rule_index **ret)
{
	_cleanup_(builder_done) struct builder builder = {
		.index = calloc(1, sizeof(*builder.index)),
	};
	struct rule_index *index = builder.index;
	int r;

	if (!index || n >= UINT32_MAX - SETS)
		return -ENOMEM;
	index->catalogue = catalogue;
	index->rules = rules;
	index->n_rules = (uint32_t)n;
	r = builder_init(&builder);
	for (size_t i = n; r >= 0 && i-- > 0;)
		/* What is switched off never matches. */
		if (!rules[i].disabled)
			r = file_rule(&builder, (uint32_t)i);
	if (r >= 0)
		r = match_commands(&builder);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(builder.index);
	return 0;
}
