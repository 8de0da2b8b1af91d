/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/pairing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

struct hashed {
	uint64_t hash;
	size_t rule;
};

/* FNV-1a, of 64 bits at a time. What is equal by hash is compared. */
static uint64_t add_hash(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t hash_rule(const struct entries *entries, size_t rule)
{
	uint64_t hash =
		add_hash(UINT64_C(0xcbf29ce484222325), entries->policy->rules[rule].verdict);

	for (size_t i = entries->first[rule]; i < entries->first[rule + 1]; i++) {
		const struct box *box = entries->items[i].box;

		for (size_t n = 0; n < box->n; n++) {
			const struct ranges *set = box->items[n].set;

			hash = add_hash(hash, box->items[n].dimension);
			for (size_t j = 0; j < set->n; j++)
				hash = add_hash(add_hash(hash, set->items[j].first),
						set->items[j].last);
		}
	}
	return hash;
}

static bool rules_equal(const struct space *space, size_t before, size_t after)
{
	const struct entries *a = &space->policies[0], *b = &space->policies[1];
	size_t n = a->first[before + 1] - a->first[before];

	if (a->policy->rules[before].verdict != b->policy->rules[after].verdict ||
	    n != b->first[after + 1] - b->first[after])
		return false;
	for (size_t i = 0; i < n; i++)
		if (!boxes_equal(a->items[a->first[before] + i].box,
				 b->items[b->first[after] + i].box))
			return false;
	return true;
}

/* Does it ever decide anything? */
static bool rule_decides(const struct entries *entries, size_t rule)
{
	return !entries->policy->rules[rule].observe &&
	       entries->first[rule] < entries->first[rule + 1];
}

static int compare_hashed(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return x->hash != y->hash ? (x->hash > y->hash ? 1 : -1)
				  : (x->rule > y->rule) - (x->rule < y->rule);
}

/* A rule of the first policy with one of the second that is equal to it. */
struct match_pair {
	size_t before, after;
	size_t previous; /* of the longest ascending row that ends here */
};

static size_t find_equal(const struct space *space, const struct hashed *hashed, size_t n,
			 size_t before, const bool *used)
{
	uint64_t hash = hash_rule(&space->policies[0], before);
	size_t first = 0, last = n;

	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (hashed[middle].hash < hash)
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < n && hashed[first].hash == hash; first++)
		if (!used[first] && rules_equal(space, before, hashed[first].rule))
			return first;
	return n;
}

/*
 * The longest row of pairs whose `after` ascends, as their `before` does: the ends of the best rows
 * of each length are kept, sorted by `after`.
 */
static void keep_order(struct match_pair *pairs, size_t n, size_t *ends, struct pairing *pairing)
{
	size_t longest = 0;

	for (size_t i = 0; i < n; i++) {
		size_t first = 0, last = longest;

		while (first < last) {
			size_t middle = first + (last - first) / 2;

			if (pairs[ends[middle]].after < pairs[i].after)
				first = middle + 1;
			else
				last = middle;
		}
		pairs[i].previous = first > 0 ? ends[first - 1] : n;
		ends[first] = i;
		if (first == longest)
			longest++;
	}
	for (size_t i = longest > 0 ? ends[longest - 1] : n; i < n; i = pairs[i].previous) {
		pairing->partners[0][pairs[i].before] = pairs[i].after;
		pairing->partners[1][pairs[i].after] = pairs[i].before;
	}
}

static int pair_equals(const struct space *space, struct pairing *pairing)
{
	const struct entries *before = &space->policies[0], *after = &space->policies[1];
	size_t n_before = before->policy->n_rules, n_after = after->policy->n_rules;
	size_t n_hashed = 0, n_pairs = 0;
	_cleanup_free_ struct hashed *hashed = calloc(n_after + 1, sizeof(*hashed));
	_cleanup_free_ bool *used = calloc(n_after + 1, sizeof(*used));
	_cleanup_free_ struct match_pair *pairs = calloc(n_before + 1, sizeof(*pairs));
	_cleanup_free_ size_t *ends = calloc(n_before + 1, sizeof(*ends));

	if (!hashed || !used || !pairs || !ends)
		return -ENOMEM;
	for (size_t i = 0; i < n_after; i++)
		if (rule_decides(after, i))
			hashed[n_hashed++] = (struct hashed){hash_rule(after, i), i};
	qsort(hashed, n_hashed, sizeof(*hashed), compare_hashed);
	for (size_t i = 0; i < n_before; i++) {
		size_t found = rule_decides(before, i)
				       ? find_equal(space, hashed, n_hashed, i, used)
				       : n_hashed;

		if (found == n_hashed)
			continue;
		used[found] = true;
		pairs[n_pairs++] = (struct match_pair){.before = i, .after = hashed[found].rule};
	}
	keep_order(pairs, n_pairs, ends, pairing);
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

static int pair_names(const struct space *space, struct pairing *pairing)
{
	const struct policy *before = space->policies[0].policy, *after = space->policies[1].policy;
	_cleanup_free_ const struct rule **sorted = calloc(before->n_rules + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < before->n_rules; i++)
		sorted[i] = &before->rules[i];
	qsort(sorted, before->n_rules, sizeof(*sorted), compare_ids);
	for (size_t i = 0; i < after->n_rules; i++) {
		const struct rule *rule = &after->rules[i];
		const struct rule **found =
			bsearch(&rule, sorted, before->n_rules, sizeof(*sorted), compare_ids);

		if (!found)
			continue;
		pairing->namesakes[1][i] = (size_t)(*found - before->rules);
		pairing->namesakes[0][*found - before->rules] = i;
	}
	return 0;
}

void pairing_done(struct pairing *pairing)
{
	for (unsigned i = 0; i < 2; i++) {
		free(pairing->partners[i]);
		free(pairing->namesakes[i]);
	}
	*pairing = (struct pairing){};
}

int pairing_make(const struct space *space, struct pairing *ret)
{
	_cleanup_(pairing_done) struct pairing pairing = {};
	int r;

	for (unsigned i = 0; i < 2; i++) {
		size_t n = space->policies[i].policy->n_rules;

		pairing.partners[i] = calloc(n + 1, sizeof(*pairing.partners[i]));
		pairing.namesakes[i] = calloc(n + 1, sizeof(*pairing.namesakes[i]));
		if (!pairing.partners[i] || !pairing.namesakes[i])
			return -ENOMEM;
		for (size_t rule = 0; rule < n; rule++)
			pairing.partners[i][rule] = pairing.namesakes[i][rule] = NO_RULE;
	}
	r = pair_equals(space, &pairing);
	if (r >= 0)
		r = pair_names(space, &pairing);
	if (r < 0)
		return r;
	*ret = pairing;
	pairing = (struct pairing){};
	return 0;
}
