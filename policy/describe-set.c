/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets of strings, and of classes and hazards, in the words of those who write policies. */

#include <errno.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/suggest.h"

struct naming {
	struct space *space;
	enum device_key key;
	const struct ranges *set;
	bool excepted; /* those are listed that are not in the set, and what is around them is */
	struct listing *listing;
};

static bool parts_of(struct naming *naming, const struct pattern *pattern, struct value_range *ret)
{
	const struct ranges *parts =
		space_pattern(naming->space, &naming->space->work, naming->key, pattern);

	if (!parts || parts->n == 0)
		return false;
	*ret = parts->items[0];
	return true;
}

/* The first pattern after those that lie within the one at `at`. */
static size_t patterns_within(const struct space_strings *strings, size_t at)
{
	const struct pattern *pattern = strings->patterns[at];
	size_t next = at + 1, length = strlen(pattern->text);

	while (pattern->prefix && next < strings->n_patterns &&
	       strncmp(strings->patterns[next]->text, pattern->text, length) == 0)
		next++;
	return next;
}

/*
 * Is what the pattern matches, and no narrower pattern does, in the set? All of it is, or nothing
 * of it. Where nothing is left of it, it goes with what is around it.
 */
static bool own_part_in(struct naming *naming, struct value_range parts, size_t from, size_t to,
			bool around)
{
	const struct space_strings *strings = &naming->space->strings[naming->key];
	uint64_t part = parts.first;

	for (size_t i = from; i < to; i = patterns_within(strings, i)) {
		struct value_range inner;

		if (!parts_of(naming, strings->patterns[i], &inner))
			continue;
		if (inner.first > part)
			break;
		if (inner.last >= part)
			part = inner.last + 1;
	}
	return part > parts.last ? around : ranges_have(naming->set, part);
}

/* around: what is around these patterns is in the set. */
static void name_patterns(struct naming *naming, size_t from, size_t to, bool around)
{
	const struct space_strings *strings = &naming->space->strings[naming->key];

	for (size_t i = from, next; i < to; i = next) {
		const struct pattern *pattern = strings->patterns[i];
		struct value_range parts;
		bool in;

		next = patterns_within(strings, i);
		if (!parts_of(naming, pattern, &parts))
			continue;
		in = own_part_in(naming, parts, i + 1, next, around);
		if (in != around && in != naming->excepted)
			listing_add(naming->listing, "%s%s", pattern->text,
				    pattern->prefix ? "*" : "");
		name_patterns(naming, i + 1, next, in);
	}
}

void describe_strings(struct space *space, enum device_key key, const struct ranges *set,
		      struct listing *listing)
{
	const struct space_strings *strings = &space->strings[key];
	struct naming naming = {.space = space, .key = key, .set = set, .listing = listing};
	struct listing except = {.file = listing->file, .before = " except "};
	/* Part 0 of a serial is none at all, which no pattern matches. */
	bool serial = key == DEVICE_SERIAL, none = serial && ranges_have(set, 0);
	bool any = own_part_in(&naming, (struct value_range){serial, strings->n - 1}, 0,
			       strings->n_patterns, false);

	if (any)
		listing_add(listing, serial && !none ? "known" : "any");
	else if (none)
		listing_add(listing, "unknown");
	name_patterns(&naming, 0, strings->n_patterns, any);
	listing_end(listing);
	naming.excepted = true;
	naming.listing = &except;
	name_patterns(&naming, 0, strings->n_patterns, any);
	listing_end(&except);
}

/* Up to which hazards and which scope? Beyond: what is not within them. */
struct bound {
	effect_set hazards;
	unsigned scope; /* 3: any */
	bool beyond;
};

static bool bound_holds(const struct bound *bound, const struct judgement *judgement)
{
	bool within = !(judgement->hazards & ~bound->hazards) &&
		      (judgement->scope == SCOPE_NONE || judgement->scope <= bound->scope);

	return within != bound->beyond;
}

/* Of the class, is exactly what the bound says in `some`, out of what is in `all`? */
static bool bound_fits(const struct bound *bound, enum effect_class class,
		       const struct ranges *some, const struct ranges *all)
{
	for (unsigned number = 0; number < JUDGEMENTS; number++) {
		struct judgement judgement = judgement_of(number);

		if (judgement.class == class && ranges_have(all, number) &&
		    bound_holds(bound, &judgement) != ranges_have(some, number))
			return false;
	}
	return true;
}

static bool find_bound(enum effect_class class, const struct ranges *some, const struct ranges *all,
		       struct bound *ret)
{
	for (unsigned beyond = 0; beyond < 2; beyond++)
		for (unsigned scope = 4; scope-- > 0;)
			for (unsigned hazards = 16; hazards-- > 0;) {
				*ret = (struct bound){(effect_set)hazards << EFFECT_CONFIDENTIAL,
						      scope, beyond};
				if (bound_fits(ret, class, some, all))
					return true;
			}
	return false;
}

static void write_hazards(effect_set hazards, const char *separator, FILE *file)
{
	const char *before = "";

	for (int effect = 0; effect < _EFFECT_MAX; effect++)
		if (hazards & EFFECT_BIT(effect)) {
			fprintf(file, "%s%s", before, effect_to_string(effect));
			before = separator;
		}
}

static void write_bound(const struct bound *bound, FILE *file)
{
	static const char *const scopes[] = {"configuration", "debug-read-only", "debug-write",
					     "debug-write-full"};
	effect_set others = EFFECT_HAZARDS & ~bound->hazards;

	if (bound->beyond) {
		if (others) {
			fputs(" with the hazard ", file);
			write_hazards(others, " or ", file);
		}
		if (bound->scope < 3)
			fprintf(file, "%s with a scope above %s", others ? " or" : "",
				scopes[bound->scope]);
		return;
	}
	if (bound->hazards == 0)
		fputs(" without hazards", file);
	else if (others) {
		fputs(" without ", file);
		write_hazards(others, " and ", file);
	}
	if (bound->scope < 3)
		fprintf(file, " with a scope up to %s", scopes[bound->scope]);
}

/* Of this class with exactly these hazards, is all of `all` in `some`, whatever the scope? */
static bool every_scope(const struct judgement *judgement, const struct ranges *some,
			const struct ranges *all)
{
	for (unsigned number = 0; number < JUDGEMENTS; number++) {
		struct judgement other = judgement_of(number);

		if (other.class == judgement->class && other.hazards == judgement->hazards &&
		    ranges_have(all, number) && !ranges_have(some, number))
			return false;
	}
	return true;
}

/* Where nothing shorter says it: one after the other. */
static void write_judgements(enum effect_class class, const struct ranges *some,
			     const struct ranges *all, FILE *file)
{
	bool said[16] = {};
	const char *before = " with ";

	for (unsigned number = 0; number < JUDGEMENTS; number++) {
		struct judgement judgement = judgement_of(number);
		bool *done = &said[judgement.hazards >> EFFECT_CONFIDENTIAL];

		if (judgement.class != class || !ranges_have(some, number) || *done)
			continue;
		fputs(before, file);
		if (judgement.hazards)
			write_hazards(judgement.hazards, "+", file);
		else
			fputs("no hazard", file);
		*done = every_scope(&judgement, some, all);
		if (!*done && judgement.scope != SCOPE_NONE)
			fprintf(file, " (scope %u)", judgement.scope);
		before = " or ";
	}
}

/* All that the commands of the box can be with its fields, whatever else it says. */
static const struct ranges *all_judgements(struct space *space, const struct box *box)
{
	const struct ranges *commands = box_get(box, DIM_COMMAND);
	bool found[JUDGEMENTS] = {};
	struct value_range items[JUDGEMENTS];
	size_t n = 0;

	for (unsigned command = 0; command < space->n_commands; command++) {
		const struct command_cells *cells;

		if (commands && !ranges_have(commands, command))
			continue;
		cells = space_cells(space, command);
		if (!cells)
			return NULL;
		for (size_t i = 0; i < cells->n; i++) {
			const struct ranges *set = cells->items[i].judgements[DOMAIN_REPORTED];

			if (!boxes_meet(cells->items[i].fields, box))
				continue;
			for (size_t k = 0; k < set->n; k++)
				for (uint64_t number = set->items[k].first;
				     number <= set->items[k].last; number++)
					found[number] = true;
		}
	}
	for (unsigned number = 0; number < JUDGEMENTS; number++)
		if (found[number])
			ranges_count(items, &n, number);
	return ranges_new(&space->work, items, n);
}

int describe_judgement(struct space *space, const struct box *box, FILE *file)
{
	const struct ranges *asked = box_get(box, DIM_JUDGEMENT), *all, *some;
	const char *before = " (";

	if (!asked)
		return 0;
	all = all_judgements(space, box);
	some = all ? ranges_intersect(&space->work, all, asked) : NULL;
	if (!some)
		return -ENOMEM;
	if (ranges_equal(some, all))
		return 0;
	for (enum effect_class class = CLASS_READ_ONLY; class < _CLASS_MAX; class ++) {
		struct bound bound;

		for (unsigned number = 0; number < JUDGEMENTS; number++)
			if (judgement_of(number).class == class && ranges_have(some, number)) {
				fprintf(file, "%s%s", before, effect_class_to_string(class));
				before = "; ";
				if (find_bound(class, some, all, &bound))
					write_bound(&bound, file);
				else
					write_judgements(class, some, all, file);
				break;
			}
	}
	fputs(")", file);
	return 0;
}
