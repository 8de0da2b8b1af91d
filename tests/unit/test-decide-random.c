/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * decide() against an evaluator that is written down anew: random policies, random questions.
 *
 *     test-decide-random [PAIRS [SEED]]
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/decide.h"
#include "policy/limit.h"
#include "tests/unit/rule-sketch.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct limit_book *, limit_book_free)

#define RULES_A_POLICY	   40u
#define QUESTIONS_A_POLICY 400u

static uint64_t pairs_wanted = 200000;
static uint64_t seed = 1;

/* What limits have let pass, as a list. */
struct use {
	unsigned rule;
	uid_t uid;
	const char *device;
	uint64_t minute;
};

struct site {
	struct sketch rules[RULES_A_POLICY];
	unsigned n;
	enum verdict of_class[_CLASS_MAX], of_hazard[_EFFECT_MAX];
	struct use uses[2 * QUESTIONS_A_POLICY];
	unsigned n_uses;
};

/* What decide() must say. Rules are indices, -1: none. */
struct answer {
	int rule, observed;
	enum verdict verdict, observed_verdict;
	uint64_t wait, observed_wait; /* minutes */
};

static uint64_t minute_of(const struct question *q)
{
	return q->query.now.boottime_usec / 60000000;
}

/* For how many minutes is the limit used up? */
static uint64_t reference_wait(const struct site *site, unsigned rule, const struct question *q)
{
	const struct sketch *s = &site->rules[rule];
	unsigned later = 0;

	/* From the last use back: the count'th blocks until it is `per` old. */
	for (unsigned i = site->n_uses; s->count > 0 && i-- > 0;) {
		const struct use *use = &site->uses[i];

		if (use->rule != rule || (s->by == 0 && use->uid != q->caller.uid) ||
		    (s->by == 1 && strcmp(use->device, q->device.id) != 0))
			continue;
		if (++later == s->count)
			return use->minute + s->per > minute_of(q)
				       ? use->minute + s->per - minute_of(q)
				       : 0;
	}
	return 0;
}

static enum verdict reference_default(const struct site *site, const struct question *q)
{
	bool deny = site->of_class[q->request.class] == VERDICT_DENY;
	bool ask = site->of_class[q->request.class] == VERDICT_AUTHENTICATE;

	for (int e = 0; e < _EFFECT_MAX; e++)
		if (EFFECT_BIT(e) & q->request.effects & EFFECT_HAZARDS) {
			deny |= site->of_hazard[e] == VERDICT_DENY;
			ask |= site->of_hazard[e] == VERDICT_AUTHENTICATE;
		}
	return deny ? VERDICT_DENY : ask ? VERDICT_AUTHENTICATE : VERDICT_ALLOW;
}

static struct answer reference(const struct site *site, const struct question *q)
{
	struct answer answer = {.rule = -1, .observed = -1};

	for (unsigned i = 0; i < site->n; i++) {
		const struct sketch *s = &site->rules[i];
		uint64_t wait = reference_wait(site, i, q);

		if ((s->observe && answer.observed >= 0) || !sketch_matches(s, q))
			continue;
		if (s->observe) {
			answer.observed = (int)i;
			answer.observed_verdict = wait > 0 ? VERDICT_DENY : s->verdict;
			answer.observed_wait = wait;
			continue;
		}
		answer.rule = (int)i;
		answer.verdict = wait > 0 ? VERDICT_DENY : s->verdict;
		answer.wait = wait;
		return answer;
	}
	answer.verdict = reference_default(site, q);
	return answer;
}

/* Adds defaults to the text, and to what the reference is asked with. */
static void defaults_random(FILE *file, struct site *site)
{
	fputs("version: 1\ndefaults:\n  read-only: allow\n", file);
	site->of_class[CLASS_READ_ONLY] = VERDICT_ALLOW;
	for (int c = CLASS_CONFIG_CHANGE; c < _CLASS_MAX; c++)
		if (random_below(3)) {
			site->of_class[c] = random_below(_VERDICT_MAX);
			fprintf(file, "  %s: %s\n", effect_class_to_string(c),
				verdict_to_string(site->of_class[c]));
		}
	for (int e = 0; e < _EFFECT_MAX; e++)
		if (EFFECT_BIT(e) & EFFECT_HAZARDS && random_below(3)) {
			site->of_hazard[e] = random_below(_VERDICT_MAX);
			fprintf(file, "  %s: %s\n", effect_to_string(e),
				verdict_to_string(site->of_hazard[e]));
		}
}

/* A rule that is said to be shadowed never decides, and never is the one that observes. */
static void check_shadowed(const struct site *site, unsigned shadowed)
{
	for (unsigned i = 0; i < 100; i++) {
		struct question q;
		struct answer answer;

		question_random(&q);
		answer = reference(site, &q);
		assert_int_not_equal(answer.rule, (int)shadowed);
		assert_int_not_equal(answer.observed, (int)shadowed);
	}
}

/* Loads the rules, leaving out those that the loader says can never match. */
static struct policy *load_unshadowed(const char *defaults, struct site *site, unsigned *n_shadowed)
{
	for (;;) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *text = NULL;
		struct policy *policy = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);
		int r;

		fprintf(file, "%srules:\n", defaults);
		for (unsigned i = 0; i < site->n; i++)
			sketch_write(&site->rules[i], i, file);
		fclose(file);
		r = policy_load_text("/etc/p.yaml", text, size, &small_catalogue, test_accounts(),
				     &problems, &policy);
		if (r == 0)
			return policy;
		/* From the last one, so that the numbers of the others hold. */
		for (size_t i = problems.n; i-- > 0;) {
			unsigned shadowed;

			if (problems.items[i].warning)
				continue;
			if (sscanf(problems.items[i].text, "The rule \"r%u\" can never match",
				   &shadowed) != 1)
				fail_msg("%s\n%s", problems.items[i].text, text);
			check_shadowed(site, shadowed);
			memmove(&site->rules[shadowed], &site->rules[shadowed + 1],
				(site->n - shadowed - 1) * sizeof(site->rules[0]));
			site->n--;
			(*n_shadowed)++;
		}
	}
}

static int rule_number(const struct policy *policy, const struct rule *rule)
{
	return rule ? (int)(rule - policy->rules) : -1;
}

/* What is let pass is counted now and then; time goes on, sometimes not at all. */
static void use_random(struct site *site, struct limit_book *book, const struct rule *rule,
		       int number, const struct question *q)
{
	if (!rule || site->rules[number].count == 0 || random_below(4) == 0)
		return;
	assert_int_equal(limit_charge(book, rule, &q->query), 0);
	site->uses[site->n_uses++] = (struct use){
		.rule = (unsigned)number,
		.uid = q->caller.uid,
		.device = q->device.id,
		.minute = minute_of(q),
	};
}

struct counts {
	unsigned long pairs, by_rule, by_limit, observed, of_verdict[_VERDICT_MAX];
	unsigned n_shadowed;
};

static void ask(const struct policy *policy, struct site *site, struct limit_book *book,
		struct counts *counts)
{
	uint64_t minute = random_below(1000);

	for (unsigned i = 0; i < QUESTIONS_A_POLICY; i++) {
		struct decision decision;
		struct answer answer;
		struct question q;

		question_random(&q);
		minute += random_below(3);
		q.query.now.boottime_usec = minute * 60000000;
		q.query.uses = book;
		answer = reference(site, &q);
		decide(policy, &q.query, &decision);
		assert_int_equal(rule_number(policy, decision.rule), answer.rule);
		assert_int_equal(decision.verdict, answer.verdict);
		assert_int_equal(decision.wait_usec, answer.wait * 60000000);
		assert_int_equal(decision.by, answer.wait > 0	? DECIDED_BY_LIMIT
					      : answer.rule < 0 ? DECIDED_BY_DEFAULT
								: DECIDED_BY_RULE);
		assert_int_equal(rule_number(policy, decision.observed), answer.observed);
		if (answer.observed >= 0)
			assert_int_equal(decision.observed_verdict, answer.observed_verdict);
		if (answer.wait == 0)
			use_random(site, book, decision.rule, answer.rule, &q);
		if (answer.observed_wait == 0)
			use_random(site, book, decision.observed, answer.observed, &q);
		counts->by_rule += answer.rule >= 0;
		counts->by_limit += answer.wait > 0;
		counts->observed += answer.observed >= 0;
		counts->of_verdict[answer.verdict]++;
		counts->pairs++;
	}
}

static void random_policies_agree_with_the_reference(void **state)
{
	struct counts counts = {};

	random_state = 0x9e3779b97f4a7c15ULL * seed;
	for (unsigned i = 0; i < ELEMENTSOF(small_cxl); i++)
		small_cxl[i].envelope = ENVELOPE_FWCTL_RPC;
	while (counts.pairs < pairs_wanted) {
		_cleanup_(limit_book_freep) struct limit_book *book = NULL;
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_free_ char *defaults = NULL;
		struct site site = {.n = 1 + random_below(RULES_A_POLICY)};
		size_t size;
		FILE *file = open_memstream(&defaults, &size);

		defaults_random(file, &site);
		fclose(file);
		for (unsigned i = 0; i < site.n; i++)
			sketch_random(&site.rules[i]);
		policy = load_unshadowed(defaults, &site, &counts.n_shadowed);
		assert_int_equal(limit_book_new(&book), 0);
		ask(policy, &site, book, &counts);
	}
	print_message(
		"# %lu pairs, %lu decided by a rule, %lu by a limit, %lu observed; %lu deny, "
		"%lu allow, %lu authenticate; %u shadowed rules\n",
		counts.pairs, counts.by_rule, counts.by_limit, counts.observed,
		counts.of_verdict[VERDICT_DENY], counts.of_verdict[VERDICT_ALLOW],
		counts.of_verdict[VERDICT_AUTHENTICATE], counts.n_shadowed);
	/* Were the questions any good? */
	assert_in_range(counts.by_rule, counts.pairs / 4, counts.pairs * 3 / 4);
	assert_true(counts.by_limit > counts.pairs / 500);
	assert_true(counts.observed > counts.pairs / 20);
	for (unsigned i = 0; i < _VERDICT_MAX; i++)
		assert_true(counts.of_verdict[i] > counts.pairs / 10);
	assert_true(counts.n_shadowed > 100);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_policies_agree_with_the_reference),
	};

	if (argc > 1)
		pairs_wanted = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("decide-random", tests, NULL, NULL);
}
