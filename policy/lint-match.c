/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules that never match: for want of such requests, or because of the rules before them. */

#include "policy/lint-work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/suggest.h"

#define TAKERS_NAMED 5u
/* Where more rules take part, nobody looks which of them could be left out. */
#define TAKERS_MINIMAL 24u

/* A rule with some of its bounds lifted. */
struct lifted {
	const struct rule *rule;
	bool class, scope;
	effect_set hazards; /* accepted beside the rule's */
};

static bool lifted_judges(const struct judgement *judgement, const void *userdata)
{
	const struct lifted *lifted = userdata;
	const struct rule *rule = lifted->rule;

	return (lifted->class || rule->classes == 0 || rule->classes & 1u << judgement->class) &&
	       (rule->verdict == VERDICT_DENY ||
		!(judgement->hazards & ~(rule->hazards | lifted->hazards))) &&
	       (lifted->scope || judgement->scope == SCOPE_NONE ||
		judgement->scope <= rule->max_scope);
}

/* Would the rule match anything then? 1, 0, -ENOMEM. */
static int possible_if(struct linter *linter, size_t number, const struct lifted *lifted)
{
	const struct entries *entries = &linter->space->policies[0];
	struct pool *work = &linter->space->work;
	const struct ranges *judgements = judgements_that(work, lifted_judges, lifted);
	int r = judgements ? 0 : -ENOMEM;

	for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0; i++) {
		const struct box *box =
			box_with(work, entries->items[i].box, DIM_JUDGEMENT, judgements);

		r = box ? region_possible(linter->space, box, DOMAIN_REPORTED) : -ENOMEM;
	}
	return r;
}

/* Why one of its commands is never sent; NULL: some are. */
static const char *refusal(struct linter *linter, size_t number)
{
	const struct entries *entries = &linter->space->policies[0];
	const char *refused = NULL;

	for (size_t i = entries->first[number]; i < entries->first[number + 1]; i++) {
		const struct ranges *set = box_get(entries->items[i].box, DIM_COMMAND);

		for (unsigned n = 0; n < linter->space->n_commands; n++)
			if (!set || ranges_have(set, n)) {
				if (!linter->space->commands[n]->refused)
					return NULL;
				refused = linter->space->commands[n]->refused;
			}
	}
	return refused;
}

static int say_hazards(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	struct lifted lifted = {.rule = rule};
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);
	effect_set least = EFFECT_HAZARDS;

	for (unsigned bits = 0; bits < 16; bits++) {
		int r;

		lifted.hazards = (effect_set)bits << EFFECT_CONFIDENTIAL;
		if (__builtin_popcount(lifted.hazards) >= __builtin_popcount(least))
			continue;
		r = possible_if(linter, number, &lifted);
		if (r < 0)
			return r;
		if (r > 0)
			least = lifted.hazards;
	}
	for (int effect = 0; effect < _EFFECT_MAX; effect++)
		if ((rule->hazards | least) & EFFECT_BIT(effect))
			name_list_add(&list, effect_to_string(effect));
	return lint_add(linter, LINT_NEVER_MATCHES, rule, NULL,
			"The rule \"%s\" never matches: every request that it asks for has a "
			"hazard that it does not accept. If it shall match some, give it "
			"`hazards: [%s]`.",
			rule->id, names);
}

/*
 * There is no request that the rule matches: not even with these of its bounds lifted? The loader
 * has refused a rule whose devices have none of its commands.
 */
static int say_why(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	const struct {
		struct lifted lifted;
		const char *reason;
	} steps[] = {
		{{.rule = rule, .class = true, .scope = true, .hazards = EFFECT_HAZARDS},
		 "the catalogue does not know how long its commands are with these fields, so that "
		 "they are refused before the policy is asked"},
		{{.rule = rule, .scope = true, .hazards = EFFECT_HAZARDS},
		 "no request that it asks for is of its `class`, by the catalogue or by what a "
		 "device can report"},
		{{.rule = rule, .hazards = EFFECT_HAZARDS},
		 "every request that it asks for needs a higher scope than its `max-scope`"},
	};
	const char *refused = refusal(linter, number);

	if (refused)
		return lint_add(linter, LINT_NEVER_MATCHES, rule, NULL,
				"The rule \"%s\" never matches: what it asks for is never sent, "
				"whoever asks and whatever the policy says: %s.",
				rule->id, refused);
	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		int r = possible_if(linter, number, &steps[i].lifted);

		if (r < 0)
			return r;
		if (r == 0)
			return lint_add(linter, LINT_NEVER_MATCHES, rule, NULL,
					"The rule \"%s\" never matches: %s.", rule->id,
					steps[i].reason);
	}
	return say_hazards(linter, number);
}

struct takers {
	struct linter *linter;
	size_t *rules; /* ascending, each once */
	size_t n;
};

static int on_piece(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct takers *takers = userdata;
	size_t rule, at = takers->n, *grown;

	if (!entry)
		return 1; /* something is left for the rule */
	rule = (size_t)(entry->rule - takers->linter->policy->rules);
	while (at > 0 && takers->rules[at - 1] > rule)
		at--;
	if (at > 0 && takers->rules[at - 1] == rule)
		return 0;
	grown = reallocarray(takers->rules, takers->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	takers->rules = grown;
	memmove(grown + at + 1, grown + at, (takers->n - at) * sizeof(*grown));
	grown[at] = rule;
	takers->n++;
	return 0;
}

static int on_any_left(const struct box *piece, const struct entry *entry, void *userdata)
{
	return entry == NULL;
}

/* Do they cover it without the one at `without`? 1: no; 0: yes; -ENOMEM; -E2BIG. */
static int left_without(struct linter *linter, size_t number, const struct takers *takers,
			size_t without)
{
	const struct entries *entries = &linter->space->policies[0];
	struct entry *items = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < takers->n; i++)
		n += entries->first[takers->rules[i] + 1] - entries->first[takers->rules[i]];
	items = pool_alloc(&linter->space->work, n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < takers->n; i++)
		for (size_t e = entries->first[takers->rules[i]];
		     e < entries->first[takers->rules[i] + 1] && i != without; e++)
			items[n++] = entries->items[e];
	for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0; i++) {
		const struct region_search search = {
			.space = linter->space,
			.domain = DOMAIN_REPORTED,
			.entries = items,
			.n_entries = n,
			.observing = true,
			.on_piece = on_any_left,
		};

		r = region_search(&search, entries->items[i].box);
	}
	return r;
}

/* Leaves out those without whom the others take everything as well, the later ones first. */
static int minimise(struct linter *linter, size_t number, struct takers *takers)
{
	for (size_t i = takers->n; i-- > 0 && takers->n > 1;) {
		int r = left_without(linter, number, takers, i);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		memmove(takers->rules + i, takers->rules + i + 1,
			(takers->n - i - 1) * sizeof(*takers->rules));
		takers->n--;
	}
	return 0;
}

static int say_takers(struct linter *linter, size_t number, const struct takers *takers)
{
	const struct policy *policy = linter->policy;
	const struct rule *rule = &policy->rules[number];
	_cleanup_free_ char *names = NULL;
	size_t size;
	FILE *file = open_memstream(&names, &size);

	if (!file)
		return -ENOMEM;
	for (size_t i = 0; i < takers->n && i < TAKERS_NAMED; i++)
		fprintf(file, "%s\"%s\" (%s:%u)", i == 0 ? "" : ", ",
			policy->rules[takers->rules[i]].id, policy->rules[takers->rules[i]].file,
			policy->rules[takers->rules[i]].line);
	if (takers->n > TAKERS_NAMED)
		fprintf(file, " and %zu more", takers->n - TAKERS_NAMED);
	if (fclose(file) != 0)
		return -ENOMEM;
	return lint_add(linter, LINT_COVERED, rule, NULL,
			"The rule \"%s\" never matches: %s, which come%s first, %s all that it "
			"asks for. Put the narrower rule first, or take one out.",
			rule->id, names, takers->n == 1 ? "s" : "",
			takers->n == 1 ? "takes" : "together take");
}

int lint_matches(struct linter *linter, size_t number)
{
	const struct entries *entries = &linter->space->policies[0];
	const struct rule *rule = &linter->policy->rules[number];
	struct takers takers = {.linter = linter};
	bool possible = false;
	int r = 0;

	for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0; i++) {
		r = region_possible(linter->space, entries->items[i].box, DOMAIN_REPORTED);
		if (r <= 0)
			continue;
		possible = true;
		r = lint_search(linter, DOMAIN_REPORTED, entries->first[number], rule->observe,
				entries->items[i].box, on_piece, &takers);
	}
	if (r == 0 && !possible) {
		r = say_why(linter, number);
	} else if (r == 0) {
		if (takers.n <= TAKERS_MINIMAL)
			r = minimise(linter, number, &takers);
		if (r == 0 || r == -E2BIG)
			r = say_takers(linter, number, &takers);
	} else if (r == -E2BIG) {
		linter->too_long = true;
		r = 0;
	}
	free(takers.rules);
	return r;
}
