/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A case against a policy. */

#include <string.h>

#include "include/cleanup.h"
#include "policy/case.h"

/* A boot long enough ago for every span of a limit. */
#define BOOTTIME_USEC (2 * LIMIT_PER_MAX_USEC)

DEFINE_CLEANUP(struct limit_book *, limit_book_free)

static const struct rule *find_rule(const struct policy *policy, const char *id)
{
	for (size_t i = 0; id && i < policy->n_rules; i++)
		if (strcmp(policy->rules[i].id, id) == 0)
			return &policy->rules[i];
	return NULL;
}

/* Ids of defaults have a colon, those of rules none. */
static bool is_missing(const struct policy *policy, const char *id)
{
	return id && !strchr(id, ':') && !find_rule(policy, id);
}

/* The first rule, up to what decides, that could match at another time, or not at another. */
static const struct rule *find_timed(const struct policy *policy, const struct query *query,
				     const struct decision *decision)
{
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		struct match match;

		if (rule->when &&
		    (rule_matches(rule, query, &match) || match.mismatch == MISMATCH_WHEN))
			return rule;
		if (rule == decision->rule)
			break;
	}
	return NULL;
}

/* What fwctld counts of a request that goes its way; what observes counts what it would have let
 * pass. */
static int charge(struct limit_book *book, const struct decision *decision,
		  const struct query *query)
{
	const struct rule *observed = decision->observed;
	int r = 0;

	if (decision->by == DECIDED_BY_RULE && decision->rule->limit.count > 0)
		r = limit_charge(book, decision->rule, query);
	if (r >= 0 && observed && observed->limit.count > 0 &&
	    decision->observed_verdict != VERDICT_DENY)
		r = limit_charge(book, observed, query);
	return r;
}

static enum case_failure compare(const struct expectation *expected, struct case_result *result)
{
	const struct decision *decision = &result->decision;

	if (decision->verdict != expected->verdict)
		return CASE_WRONG_VERDICT;
	if (expected->rule && strcmp(result->text.rule_id, expected->rule) != 0)
		return CASE_WRONG_RULE;
	if (expected->observed_rule &&
	    (!decision->observed || strcmp(decision->observed->id, expected->observed_rule) != 0))
		return CASE_WRONG_OBSERVED;
	if (expected->observed_verdict >= 0 &&
	    (!decision->observed || (int)decision->observed_verdict != expected->observed_verdict))
		return CASE_WRONG_OBSERVED;
	return CASE_PASSED;
}

int case_run(const struct policy *policy, const struct policy_case *test, bool *reached,
	     struct case_result *ret)
{
	_cleanup_(limit_book_freep) struct limit_book *book = NULL;
	const struct expectation *expected = &test->expected;
	struct case_result result = {};
	struct query query = {
		.caller = &test->sample.caller,
		.device = &test->sample.device,
		.request = &test->sample.request,
		.now = {.realtime_usec = test->realtime_usec, .boottime_usec = BOOTTIME_USEC},
	};
	int r;

	r = limit_book_new(&book);
	if (r < 0)
		return r;
	query.uses = book;
	for (unsigned n = 0; n < test->repeat; n++) {
		decide(policy, &query, &result.decision);
		r = charge(book, &result.decision, &query);
		if (r < 0)
			return r;
	}
	decision_describe(policy, &result.decision, &result.text);
	if (result.decision.rule)
		reached[result.decision.rule - policy->rules] = true;
	if (result.decision.observed)
		reached[result.decision.observed - policy->rules] = true;

	if (!test->timed)
		result.rule = find_timed(policy, &query, &result.decision);
	if (is_missing(policy, expected->rule))
		result.missing = expected->rule;
	else if (is_missing(policy, expected->observed_rule))
		result.missing = expected->observed_rule;
	if (result.rule)
		result.failure = CASE_WITHOUT_TIME;
	else if (result.missing)
		result.failure = CASE_NO_SUCH_RULE;
	else
		result.failure = compare(expected, &result);
	result.expected =
		find_rule(policy, result.failure == CASE_WRONG_OBSERVED ? expected->observed_rule
									: expected->rule);
	if (result.expected)
		(void)rule_matches(result.expected, &query, &result.mismatch);
	*ret = result;
	return 0;
}
