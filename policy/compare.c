/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/compare-text.h"
#include "policy/decide.h"
#include "policy/describe.h"
#include "policy/pairing.h"

/* Steps of policy/region.h: some seconds in all. */
#define STEPS_ONE (UINT64_C(20) * 1000 * 1000)
#define STEPS_ALL (UINT64_C(500) * 1000 * 1000)

DEFINE_CLEANUP(struct space *, space_free)

/* A change that is kept until all are known, with strings of its own. */
struct kept_change {
	struct change change;
	size_t sequence;
	/* Whose boxes meet in `box`; NULL: a default's. */
	const struct entry *before, *after;
	const struct box *box;
	char *where, *example, *text;
};

struct comparison {
	struct space *space;
	struct accounts *accounts;
	struct pairing pairing;
	const struct ranges *defaults[2][_VERDICT_MAX]; /* judgements whose default it is */
	uint64_t steps;					/* left for everything */
	enum domain domain;

	const struct entry *decides; /* whose requests are looked at; NULL: a default's */

	struct kept_change *kept;
	size_t n_kept, capacity;
};

static void comparison_done(struct comparison *c)
{
	for (size_t i = 0; i < c->n_kept; i++) {
		free(c->kept[i].where);
		free(c->kept[i].example);
		free(c->kept[i].text);
	}
	free(c->kept);
	pairing_done(&c->pairing);
}

static const char *const kinds[_CHANGE_KIND_MAX] = {
	[CHANGE_VERDICT] = "verdict",
	[CHANGE_LIMIT] = "limit",
	[CHANGE_OBSERVE] = "observe",
	[CHANGE_NOTE] = "note",
	[CHANGE_NOT_WORKED_OUT] = "not-worked-out",
};

const char *change_kind_to_string(enum change_kind kind)
{
	return (unsigned)kind < _CHANGE_KIND_MAX ? kinds[kind] : NULL;
}

/* Takes over the strings of `kept`, also when it fails. */
static int keep(struct comparison *c, const struct kept_change *kept)
{
	if (c->n_kept == c->capacity) {
		size_t grown = c->capacity ? c->capacity * 2 : 16;
		struct kept_change *items = reallocarray(c->kept, grown, sizeof(*items));

		if (!items) {
			free(kept->where);
			free(kept->example);
			free(kept->text);
			return -ENOMEM;
		}
		c->kept = items;
		c->capacity = grown;
	}
	c->kept[c->n_kept] = *kept;
	c->kept[c->n_kept].sequence = c->n_kept;
	c->n_kept++;
	return 0;
}

static struct kept_change *find_kept(struct comparison *c, const struct kept_change *like)
{
	for (size_t i = c->n_kept; i-- > 0;) {
		struct kept_change *kept = &c->kept[i];

		if (kept->box && kept->before == like->before && kept->after == like->after &&
		    kept->change.kind == like->change.kind &&
		    kept->change.verdict_before == like->change.verdict_before &&
		    kept->change.verdict_after == like->change.verdict_after)
			return kept;
	}
	return NULL;
}

static const struct box *box_of(struct comparison *c, unsigned policy, const struct entry *entry,
				enum verdict verdict)
{
	const struct constraint judgements = {DIM_JUDGEMENT, c->defaults[policy][verdict]};

	return entry ? entry->box : box_new(&c->space->kept, &judgements, 1);
}

/* What is found piece by piece is said once: with all that the two ask for, and one example. */
static int keep_piece(struct comparison *c, const struct box *piece, const struct kept_change *new)
{
	struct pool *work = &c->space->work;
	struct pool_mark mark = pool_mark(work);
	struct kept_change *kept = find_kept(c, new);
	struct example example;
	int r;

	if (!kept) {
		const struct box *a = box_of(c, 0, new->before, new->change.verdict_before);
		const struct box *b = box_of(c, 1, new->after, new->change.verdict_after);
		struct kept_change added = *new;

		added.change.reported_only = true;
		added.box = a && b ? box_intersect(&c->space->kept, a, b) : NULL;
		r = added.box ? keep(c, &added) : -ENOMEM;
		if (r < 0)
			return r;
		kept = &c->kept[c->n_kept - 1];
	}
	kept->change.cut |= !boxes_equal(kept->box, piece);
	if (kept->example && !kept->change.reported_only)
		return 0;
	r = region_example(c->space, work, piece, &example);
	if (r > 0 && (!kept->example || !example.reported)) {
		free(kept->example);
		kept->example = NULL;
		kept->change.reported_only = example.reported;
		r = example_describe(c->space, c->accounts, &example, &kept->example);
	}
	pool_release(work, mark);
	return r < 0 ? r : 0;
}

static const struct limit *limit_of(const struct rule *rule)
{
	static const struct limit none;

	return rule ? &rule->limit : &none;
}

/* Requests that `before` and `after` (NULL: defaults) decide with these verdicts. */
static int decided(struct comparison *c, const struct box *box, struct kept_change *change)
{
	const struct rule *before = change->change.before, *after = change->change.after;

	if (change->change.verdict_before != change->change.verdict_after)
		return keep_piece(c, box, change);
	/* Of namesakes it is said once, and not here. */
	if (change->change.verdict_before == VERDICT_DENY ||
	    limits_equal(limit_of(before), limit_of(after)) ||
	    (before && after && strcmp(before->id, after->id) == 0))
		return 0;
	change->change.kind = CHANGE_LIMIT;
	return keep_piece(c, box, change);
}

/* What of the box the verdicts of the two are for: a default's hangs on the judgement. */
static int decided_by(struct comparison *c, const struct box *box, const struct entry *before,
		      const struct entry *after)
{
	struct space *space = c->space;
	const struct entry *entries[2] = {before, after};

	for (unsigned pair = 0; pair < _VERDICT_MAX * _VERDICT_MAX; pair++) {
		const enum verdict verdicts[2] = {pair / _VERDICT_MAX, pair % _VERDICT_MAX};
		struct pool_mark mark = pool_mark(&space->work);
		struct kept_change change = {
			.change = {.kind = CHANGE_VERDICT,
				   .before = before ? before->rule : NULL,
				   .after = after ? after->rule : NULL,
				   .verdict_before = verdicts[0],
				   .verdict_after = verdicts[1]},
			.before = before,
			.after = after,
		};
		const struct box *part = box;
		int r = 1;

		for (unsigned i = 0; i < 2 && part; i++) {
			if (entries[i])
				r = r > 0 && entries[i]->rule->verdict == verdicts[i];
			else
				part = box_narrow(&space->work, part, DIM_JUDGEMENT,
						  c->defaults[i][verdicts[i]]);
		}
		if (!part)
			return -ENOMEM;
		if (r > 0)
			r = region_possible(space, part, c->domain);
		if (r > 0)
			r = decided(c, part, &change);
		pool_release(&space->work, mark);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Entries of a policy, up to those of a rule (NO_RULE: all of them). */
static int search(struct comparison *c, unsigned policy, size_t until, const struct box *box,
		  int (*on_piece)(const struct box *piece, const struct entry *entry,
				  void *userdata))
{
	const struct entries *entries = &c->space->policies[policy];
	const struct region_search search = {
		.space = c->space,
		.domain = c->domain,
		.entries = entries->items,
		.n_entries = until == NO_RULE ? entries->n : entries->first[until],
		.on_piece = on_piece,
		.userdata = c,
	};

	return region_search(&search, box);
}

static int on_after(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct comparison *c = userdata;

	return decided_by(c, piece, c->decides, entry);
}

/* What a rule of the first policy that has no partner decides there. */
static int on_removed(const struct box *piece, const struct entry *entry, void *userdata)
{
	return entry ? 0 : search(userdata, 1, NO_RULE, piece, on_after);
}

static int on_before(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct comparison *c = userdata;
	const struct policy *before = c->space->policies[0].policy;

	/* What rules without a partner decide was looked at from their side. */
	if (entry && c->pairing.partners[0][entry->rule - before->rules] == NO_RULE)
		return 0;
	return decided_by(c, piece, entry, c->decides);
}

static int on_added(const struct box *piece, const struct entry *entry, void *userdata)
{
	return entry ? 0 : search(userdata, 0, NO_RULE, piece, on_before);
}

/* One is enough: all that the defaults decide is said at once. */
static int on_default_after(const struct box *piece, const struct entry *entry, void *userdata)
{
	int r = entry ? 0 : decided_by(userdata, piece, NULL, NULL);

	return r < 0 || entry ? r : 1;
}

static int on_default_before(const struct box *piece, const struct entry *entry, void *userdata)
{
	return entry ? 0 : search(userdata, 1, NO_RULE, piece, on_default_after);
}

/* Looks at one box, from the side of the policy that decides it. */
static int look(struct comparison *c, unsigned policy, size_t until, const struct box *box,
		int (*on_piece)(const struct box *piece, const struct entry *entry, void *userdata))
{
	uint64_t steps = c->steps < STEPS_ONE ? c->steps : STEPS_ONE;
	int r;

	c->space->steps = steps;
	r = search(c, policy, until, box, on_piece);
	c->steps -= steps - c->space->steps;
	return r;
}

static int not_worked_out(struct comparison *c, const struct rule *before, const struct rule *after)
{
	const struct kept_change kept = {
		.change = {.kind = CHANGE_NOT_WORKED_OUT, .before = before, .after = after},
		.text = strdup("It takes too long to work out all that this changes: too many "
			       "rules overlap in too many ways."),
	};

	return kept.text ? keep(c, &kept) : -ENOMEM;
}

static int look_at_rules(struct comparison *c, unsigned policy)
{
	const struct entries *entries = &c->space->policies[policy];

	for (size_t number = 0; number < entries->policy->n_rules; number++) {
		const struct rule *rule = &entries->policy->rules[number];
		int r = 0;

		if (rule->observe || c->pairing.partners[policy][number] != NO_RULE)
			continue;
		for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0;
		     i++) {
			c->decides = &entries->items[i];
			r = look(c, policy, number, entries->items[i].box,
				 policy == 0 ? on_removed : on_added);
		}
		if (r == -E2BIG)
			r = not_worked_out(c, policy == 0 ? rule : NULL, policy == 1 ? rule : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int look_at_default(struct comparison *c, enum verdict before, enum verdict after)
{
	const struct ranges *judgements =
		ranges_intersect(&c->space->kept, c->defaults[0][before], c->defaults[1][after]);
	const struct box *box;
	int r = 0;

	if (!judgements)
		return -ENOMEM;
	if (judgements->n == 0)
		return 0;
	box = box_new(&c->space->kept, &(struct constraint){DIM_JUDGEMENT, judgements}, 1);
	if (!box)
		return -ENOMEM;
	for (c->domain = DOMAIN_STATIC; c->domain < _DOMAIN_MAX && r == 0; c->domain++)
		r = look(c, 0, NO_RULE, box, on_default_before);
	return r;
}

static int look_at_defaults(struct comparison *c)
{
	for (unsigned pair = 0; pair < _VERDICT_MAX * _VERDICT_MAX; pair++) {
		enum verdict before = pair / _VERDICT_MAX, after = pair % _VERDICT_MAX;
		int r = before == after ? 0 : look_at_default(c, before, after);

		if (r == -E2BIG)
			r = not_worked_out(c, NULL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What no request shows: how often, who is told what, and what is only written down. */
static int look_at_texts(struct comparison *c)
{
	const struct policy *policies[2] = {c->space->policies[0].policy,
					    c->space->policies[1].policy};

	for (unsigned side = 0; side < 2; side++)
		for (size_t i = 0; i < policies[side]->n_rules; i++) {
			size_t other = c->pairing.partners[side][i];
			const struct rule *rules[2] = {};
			struct change_texts texts = {};
			int r;

			if (other == NO_RULE)
				other = c->pairing.namesakes[side][i];
			/* What has a counterpart is looked at once. */
			if (side == 0 && other != NO_RULE)
				continue;
			rules[side] = &policies[side]->rules[i];
			rules[!side] = other == NO_RULE ? NULL : &policies[!side]->rules[other];
			r = change_texts_make(c->space, rules[0], rules[1], &texts);
			for (unsigned kind = 0; kind < _CHANGE_KIND_MAX; kind++) {
				struct kept_change kept = {
					.change = {kind, rules[0], rules[1]},
					.text = texts.of_kind[kind],
				};

				if (!kept.text)
					continue;
				if (r >= 0)
					r = keep(c, &kept);
				else
					free(kept.text);
			}
			if (r < 0)
				return r;
		}
	return 0;
}

struct defaults_of {
	const struct policy *policy;
	enum verdict verdict;
};

static bool has_default(const struct judgement *judgement, const void *userdata)
{
	const struct defaults_of *of = userdata;
	int hazard;

	return policy_default(of->policy, judgement->class, judgement->hazards, &hazard) ==
	       of->verdict;
}

/* The words for what was found piece by piece. */
static int describe_all(struct comparison *c)
{
	for (size_t i = 0; i < c->n_kept; i++) {
		struct kept_change *kept = &c->kept[i];
		int r;

		if (!kept->box)
			continue;
		r = region_describe(c->space, c->accounts, kept->box, &kept->where);
		if (r >= 0 && kept->change.kind == CHANGE_LIMIT)
			r = change_limit_text(limit_of(kept->change.before),
					      limit_of(kept->change.after), &kept->text);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t order_of(const struct rule *rule)
{
	/* Rules of one policy alone are compared; defaults come last. */
	return rule ? (size_t)rule : SIZE_MAX;
}

static int compare_kept(const void *a, const void *b)
{
	const struct kept_change *x = a, *y = b;
	const size_t keys[][2] = {
		{x->change.kind, y->change.kind},
		{x->change.reported_only, y->change.reported_only},
		{order_of(x->change.before), order_of(y->change.before)},
		{order_of(x->change.after), order_of(y->change.after)},
		{x->sequence, y->sequence},
	};

	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] > keys[i][1] ? 1 : -1;
	return 0;
}

static int work_out(struct comparison *c)
{
	int r;

	for (unsigned policy = 0; policy < 2; policy++)
		for (unsigned verdict = 0; verdict < _VERDICT_MAX; verdict++) {
			const struct defaults_of of = {c->space->policies[policy].policy, verdict};

			c->defaults[policy][verdict] =
				judgements_that(&c->space->kept, has_default, &of);
			if (!c->defaults[policy][verdict])
				return -ENOMEM;
		}
	r = pairing_make(c->space, &c->pairing);
	if (r >= 0)
		r = look_at_rules(c, 0);
	if (r >= 0)
		r = look_at_rules(c, 1);
	if (r >= 0)
		r = look_at_defaults(c);
	if (r >= 0)
		r = look_at_texts(c);
	if (r >= 0)
		r = describe_all(c);
	return r;
}

int policy_compare(const struct policy *before, const struct policy *after,
		   struct accounts *accounts,
		   int (*on_change)(const struct change *change, void *userdata), void *userdata)
{
	_cleanup_(comparison_done) struct comparison c = {.accounts = accounts,
							  .steps = STEPS_ALL,
							  .domain = DOMAIN_REPORTED};
	_cleanup_(space_freep) struct space *space = NULL;
	int r;

	r = space_new((const struct policy *const[]){before, after}, 2, &space);
	if (r < 0)
		return r;
	c.space = space;
	r = work_out(&c);
	if (r < 0)
		return r;
	if (c.n_kept > 0)
		qsort(c.kept, c.n_kept, sizeof(*c.kept), compare_kept);
	for (size_t i = 0; i < c.n_kept; i++) {
		struct change change = c.kept[i].change;

		change.where = c.kept[i].where;
		change.example = c.kept[i].example;
		change.text = c.kept[i].text;
		r = on_change(&change, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}
