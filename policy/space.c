/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/space.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/field.h"
#include "policy/space-rule.h"

DEFINE_CLEANUP(struct space *, space_free)

struct space *space_free(struct space *space)
{
	if (!space)
		return NULL;
	pool_done(&space->kept);
	pool_done(&space->work);
	free(space);
	return NULL;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int compare_gids(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/* Sorts, and leaves one of each. */
static size_t make_set(void *items, size_t n, size_t size,
		       int (*compare)(const void *, const void *))
{
	uint8_t *p = items;
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(items, n, size, compare);
	for (size_t i = 1; i < n; i++)
		if (compare(p + i * size, p + kept * size) != 0)
			memmove(p + ++kept * size, p + i * size, size);
	return kept + 1;
}

/*
 * The first string after all that a pattern matches: after "LAB-7" alone comes "LAB-7 ", as a blank
 * is the least letter; after "LAB-*" comes "LAB.". NULL: nothing comes after it (*ret_none), or no
 * memory.
 */
static const char *pattern_end(struct pool *pool, const struct pattern *pattern, bool *ret_none)
{
	size_t length = strlen(pattern->text);
	char *end = pool_alloc(pool, 1, length + 2);

	*ret_none = false;
	if (!end)
		return NULL;
	memcpy(end, pattern->text, length + 1);
	if (!pattern->prefix) {
		strcpy(end + length, " ");
		return end;
	}
	while (length > 0 && end[length - 1] >= '~')
		length--;
	end[length] = '\0';
	*ret_none = length == 0;
	if (length == 0)
		return NULL;
	end[length - 1]++;
	return end;
}

struct gathering {
	struct space *space;
	size_t capacity[_DEVICE_KEY_MAX];
};

/* Calls `visit` for each pattern of each rule's device. */
static int each_pattern(struct space *space, struct gathering *gathering,
			int (*visit)(struct gathering *gathering, enum device_key key,
				     const struct pattern *pattern))
{
	for (size_t p = 0; p < space->n_policies; p++) {
		const struct policy *policy = space->policies[p].policy;

		for (size_t i = 0; i < policy->n_rules; i++)
			for (unsigned key = DEVICE_TYPE + 1;
			     key < _DEVICE_KEY_MAX && policy->rules[i].device; key++) {
				const struct pattern_list *list =
					&policy->rules[i].device->keys[key];

				for (size_t n = 0; n < list->n; n++) {
					int r = visit(gathering, key, &list->items[n]);

					if (r < 0)
						return r;
				}
			}
	}
	return 0;
}

static int count_pattern(struct gathering *gathering, enum device_key key,
			 const struct pattern *pattern)
{
	gathering->capacity[key]++;
	return 0;
}

static int add_pattern(struct gathering *gathering, enum device_key key,
		       const struct pattern *pattern)
{
	struct space_strings *strings = &gathering->space->strings[key];
	const char *end;
	bool none;

	strings->patterns[strings->n_patterns++] = pattern;
	strings->begins[strings->n++] = pattern->text;
	end = pattern_end(&gathering->space->kept, pattern, &none);
	if (!end)
		return none ? 0 : -ENOMEM;
	strings->begins[strings->n++] = end;
	return 0;
}

static int compare_patterns(const void *a, const void *b)
{
	const struct pattern *x = *(const struct pattern *const *)a;
	const struct pattern *y = *(const struct pattern *const *)b;
	int r = strcmp(x->text, y->text);

	/* The wider one first. */
	return r != 0 ? r : y->prefix - x->prefix;
}

static int gather_strings(struct space *space)
{
	struct gathering gathering = {.space = space};
	int r;

	(void)each_pattern(space, &gathering, count_pattern);
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++) {
		struct space_strings *strings = &space->strings[key];
		size_t n = gathering.capacity[key];

		strings->patterns = pool_alloc(&space->kept, n + 1, sizeof(*strings->patterns));
		strings->begins = pool_alloc(&space->kept, 2 * n + 2, sizeof(*strings->begins));
		if (!strings->patterns || !strings->begins)
			return -ENOMEM;
		strings->begins[strings->n++] = "";
		/* No rule matches an empty serial number by serial. */
		if (key == DEVICE_SERIAL)
			strings->begins[strings->n++] = " ";
	}
	r = each_pattern(space, &gathering, add_pattern);
	if (r < 0)
		return r;
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++) {
		struct space_strings *strings = &space->strings[key];

		strings->n = make_set(strings->begins, strings->n, sizeof(*strings->begins),
				      compare_strings);
		strings->n_patterns = make_set(strings->patterns, strings->n_patterns,
					       sizeof(*strings->patterns), compare_patterns);
	}
	return 0;
}

static uint64_t part_of(const struct space_strings *strings, const char *begin)
{
	const char **found = bsearch(&begin, strings->begins, strings->n, sizeof(*strings->begins),
				     compare_strings);

	assert(found);
	return (uint64_t)(found - strings->begins);
}

const struct ranges *space_pattern(struct space *space, struct pool *pool, enum device_key key,
				   const struct pattern *pattern)
{
	const struct space_strings *strings = &space->strings[key];
	uint64_t first = part_of(strings, pattern->text), last = strings->n - 1;
	bool none;
	const char *end = pattern_end(pool, pattern, &none);

	if (!end && !none)
		return NULL;
	if (end)
		last = part_of(strings, end) - 1;
	if (key == DEVICE_SERIAL && first == 0) /* "" */
		first = 1;
	return ranges_new(pool, &(struct value_range){first, last}, 1);
}

/* Calls `visit` for each condition of the commands and of the rules. */
static void each_condition(struct space *space,
			   void (*visit)(struct space *space, const struct condition *condition))
{
	for (unsigned i = 0; i < space->n_commands; i++) {
		const struct command *command = space->commands[i];

		for (size_t n = 0; n < command->n_refine; n++)
			visit(space, &command->refine[n].when);
		for (size_t n = 0; n < command->n_also; n++)
			visit(space, &command->also[n].when);
		for (size_t n = 0; n < command->n_scopes; n++)
			visit(space, &command->scopes[n].when);
		for (size_t n = 0; n < command->n_request; n++)
			visit(space, &command->request[n].when);
		for (size_t n = 0; n < command->n_response; n++)
			visit(space, &command->response[n].when);
	}
	for (size_t p = 0; p < space->n_policies; p++) {
		const struct policy *policy = space->policies[p].policy;

		for (size_t i = 0; i < policy->n_rules; i++) {
			const struct command_set *set = policy->rules[i].command;

			for (size_t n = 0; set && set->where && n < set->names.n; n++)
				visit(space, &set->where[n]);
		}
	}
}

static void count_uuids(struct space *space, const struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++)
		space->n_uuids += condition->terms[i].n_uuids;
}

static void add_uuids(struct space *space, const struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++)
		for (size_t n = 0; n < condition->terms[i].n_uuids; n++)
			memcpy(space->uuids[space->n_uuids++], condition->terms[i].uuids[n], 16);
}

static int gather_uuids(struct space *space)
{
	each_condition(space, count_uuids);
	space->uuids = pool_alloc(&space->kept, space->n_uuids + 1, sizeof(*space->uuids));
	if (!space->uuids)
		return -ENOMEM;
	space->n_uuids = 0;
	each_condition(space, add_uuids);
	space->n_uuids =
		make_set(space->uuids, space->n_uuids, sizeof(*space->uuids), compare_uuids);
	return 0;
}

uint64_t space_uuid(const struct space *space, const uint8_t uuid[static 16])
{
	const uint8_t(*found)[16] =
		bsearch(uuid, space->uuids, space->n_uuids, sizeof(*space->uuids), compare_uuids);

	return found ? (uint64_t)(found - space->uuids) + 1 : 0;
}

static int gather_others(struct space *space)
{
	size_t n_gids = 0, n_zones = 0;

	for (size_t p = 0; p < space->n_policies; p++)
		for (size_t i = 0; i < space->policies[p].policy->n_rules; i++) {
			const struct rule *rule = &space->policies[p].policy->rules[i];

			n_gids += rule->caller ? rule->caller->n_gids : 0;
			n_zones += rule->when != NULL;
		}
	space->gids = pool_alloc(&space->kept, n_gids + 1, sizeof(*space->gids));
	space->zones = pool_alloc(&space->kept, n_zones + 1, sizeof(*space->zones));
	if (!space->gids || !space->zones)
		return -ENOMEM;
	for (size_t p = 0; p < space->n_policies; p++)
		for (size_t i = 0; i < space->policies[p].policy->n_rules; i++) {
			const struct rule *rule = &space->policies[p].policy->rules[i];

			for (size_t n = 0; rule->caller && n < rule->caller->n_gids; n++)
				space->gids[space->n_gids++] = rule->caller->gids[n];
			if (rule->when)
				space->zones[space->n_zones++] = zone_name(rule->when->zone);
		}
	space->n_gids = make_set(space->gids, n_gids, sizeof(*space->gids), compare_gids);
	space->n_zones = make_set(space->zones, n_zones, sizeof(*space->zones), compare_strings);
	return 0;
}

unsigned space_zone(const struct space *space, const char *name)
{
	const char **found = bsearch(&name, space->zones, space->n_zones, sizeof(*space->zones),
				     compare_strings);

	assert(found);
	return DIM_OTHERS + (unsigned)(found - space->zones);
}

unsigned space_gid(const struct space *space, gid_t gid)
{
	const gid_t *found = bsearch(&gid, space->gids, space->n_gids, sizeof(gid), compare_gids);

	assert(found);
	return DIM_OTHERS + (unsigned)space->n_zones + (unsigned)(found - space->gids);
}

uint64_t space_top(const struct space *space, unsigned dimension, unsigned command)
{
	if (dimension == DIM_COMMAND)
		return space->n_commands - 1;
	if (dimension < DIM_JUDGEMENT) {
		const struct field *field =
			&space->commands[command]->fields[dimension - DIM_FIELD];

		return field->type == FIELD_UUID ? space->n_uuids : field_max(field);
	}
	if (dimension == DIM_JUDGEMENT)
		return JUDGEMENTS - 1;
	if (dimension < DIM_DISPUTED)
		return space->strings[dimension - DIM_STRING + DEVICE_DRIVER].n - 1;
	if (dimension == DIM_DISPUTED)
		return 1;
	if (dimension == DIM_UID)
		return UINT32_MAX - 1; /* the greatest one is no id */
	return dimension < DIM_OTHERS + space->n_zones ? MINUTES_A_WEEK - 1 : 1;
}

static int compare_constraints(const void *a, const void *b)
{
	const struct constraint *x = a, *y = b;

	return (x->dimension > y->dimension) - (x->dimension < y->dimension);
}

const struct box *space_condition(struct space *space, struct pool *pool,
				  const struct condition *condition)
{
	struct constraint fields[FIELDS_MAX];
	size_t n = 0;

	assert(condition->n_terms <= FIELDS_MAX);
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		const struct ranges *set;

		if (term->n_uuids > 0) {
			struct value_range *items = pool_alloc(pool, term->n_uuids, sizeof(*items));

			for (size_t u = 0; items && u < term->n_uuids; u++) {
				uint64_t number = space_uuid(space, term->uuids[u]);

				items[u] = (struct value_range){number, number};
			}
			set = items ? ranges_new(pool, items, term->n_uuids) : NULL;
		} else {
			set = ranges_new(pool, term->ranges, term->n_ranges);
		}
		if (!set)
			return NULL;
		fields[n++] = (struct constraint){DIM_FIELD + term->field, set};
	}
	if (n > 0)
		qsort(fields, n, sizeof(*fields), compare_constraints);
	return box_new(pool, fields, n);
}

static int gather_commands(struct space *space)
{
	const struct catalogue *catalogue = space->catalogue;

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		space->n_commands += (unsigned)catalogue->dialects[i].n_commands;
	space->commands = pool_alloc(&space->kept, space->n_commands + 1, sizeof(*space->commands));
	space->cells = pool_alloc(&space->kept, space->n_commands + 1, sizeof(*space->cells));
	if (!space->commands || !space->cells)
		return -ENOMEM;
	memset(space->cells, 0, (space->n_commands + 1) * sizeof(*space->cells));
	space->n_commands = 0;
	for (size_t i = 0; i < catalogue->n_dialects; i++)
		for (size_t n = 0; n < catalogue->dialects[i].n_commands; n++)
			space->commands[space->n_commands++] = &catalogue->dialects[i].commands[n];
	return 0;
}

int space_new(const struct policy *const *policies, size_t n_policies, struct space **ret)
{
	_cleanup_(space_freep) struct space *space = calloc(1, sizeof(*space));
	int r;

	assert(n_policies <= SPACE_POLICIES_MAX);
	if (!space)
		return -ENOMEM;
	space->catalogue = policies[0]->catalogue;
	space->n_policies = n_policies;
	for (size_t i = 0; i < n_policies; i++)
		space->policies[i].policy = policies[i];
	r = gather_commands(space);
	if (r >= 0)
		r = gather_strings(space);
	if (r >= 0)
		r = gather_uuids(space);
	if (r >= 0)
		r = gather_others(space);
	for (size_t i = 0; i < n_policies && r >= 0; i++)
		r = space_add_rules(space, &space->policies[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(space);
	return 0;
}
