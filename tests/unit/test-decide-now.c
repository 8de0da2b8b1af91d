/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What decides beside the request itself: the time, what was used, the scope; and rules that only
 * observe. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "tests/unit/question.h"
#include "tests/unit/test-accounts.h"

#define SECOND UINT64_C(1000000)
#define SUNDAY (UINT64_C(1795305600) * SECOND) /* 2026-11-22, 00:00 UTC */

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct limit_book *, limit_book_free)

static struct policy *load(const char *rules)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *text = NULL;
	struct policy *policy = NULL;

	assert_true(asprintf(&text, "version: 1\ndefaults: {read-only: authenticate}\nrules:\n%s",
			     rules) >= 0);
	if (policy_load_text("t.yaml", text, strlen(text), &small_catalogue, test_accounts(),
			     &problems, &policy) < 0)
		fail_msg("%s", problems.items[0].text);
	return policy;
}

/* Who decides `q`: a rule's id, or the default's. */
static void decides(const struct policy *policy, const struct question *q, enum verdict verdict,
		    const char *who)
{
	struct decision_text text;
	struct decision decision;

	decide(policy, &q->query, &decision);
	decision_describe(policy, &decision, &text);
	assert_string_equal(text.rule_id, who);
	assert_int_equal(decision.verdict, verdict);
	assert_true(text.reason[0] != '\0');
}

/* Who would have: NULL for nobody. */
static void observes(const struct policy *policy, const struct question *q, enum verdict verdict,
		     const char *who)
{
	struct decision decision;

	decide(policy, &q->query, &decision);
	if (!who) {
		assert_null(decision.observed);
		return;
	}
	assert_non_null(decision.observed);
	assert_string_equal(decision.observed->id, who);
	assert_int_equal(decision.observed_verdict, verdict);
}

static void exhausted_limit_denies_and_does_not_fall_through(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("- {id: twice, caller: {user: [1000, 1001]}, verdict: allow, limit: {count: "
		     "2, per: 10s, by: caller}}\n"
		     "- {id: anybody, class: read-only, verdict: allow}\n");
	_cleanup_(limit_book_freep) struct limit_book *book = NULL;
	struct decision decision;
	struct question q;

	assert_int_equal(limit_book_new(&book), 0);
	question_init(&q);
	/* To decide counts nothing, however often it is done. */
	q.query.uses = book;
	for (unsigned i = 0; i < 5; i++)
		decides(policy, &q, VERDICT_ALLOW, "twice");
	for (unsigned i = 0; i < 2; i++) {
		decides(policy, &q, VERDICT_ALLOW, "twice");
		assert_int_equal(limit_charge(book, &policy->rules[0], &q.query), 0);
		q.query.now.boottime_usec += 3 * SECOND;
	}
	decides(policy, &q, VERDICT_DENY, "twice");
	decide(policy, &q.query, &decision);
	assert_int_equal(decision.by, DECIDED_BY_LIMIT);
	assert_ptr_equal(decision.rule, &policy->rules[0]);
	assert_int_equal(decision.wait_usec, 4 * SECOND);
	/* Of another caller, and without what was used, nothing is used. */
	q.caller.uid = 1001;
	decides(policy, &q, VERDICT_ALLOW, "twice");
	q.caller.uid = 1000;
	q.query.uses = NULL;
	decides(policy, &q, VERDICT_ALLOW, "twice");
	q.query.uses = book;
	q.query.now.boottime_usec += 4 * SECOND - 1;
	decides(policy, &q, VERDICT_DENY, "twice");
	q.query.now.boottime_usec += 1;
	decides(policy, &q, VERDICT_ALLOW, "twice");
	/* What the wall clock says does not matter to a limit. */
	q.query.now.boottime_usec -= 1;
	q.query.now.realtime_usec = UINT64_MAX;
	decides(policy, &q, VERDICT_DENY, "twice");
}

static void outside_its_time_the_next_rule_is_tried(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("- {id: at-night, class: read-only, verdict: allow, when: {days: sun, from: "
		     "\"01:00\", to: \"05:00\", zone: UTC}}\n"
		     "- {id: never-on-monday, class: read-only, verdict: deny, when: {days: mon, "
		     "zone: UTC}}\n");
	struct question q;

	question_init(&q);
	q.query.now.realtime_usec = SUNDAY;
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
	q.query.now.realtime_usec = SUNDAY + 3600 * SECOND;
	decides(policy, &q, VERDICT_ALLOW, "at-night");
	q.query.now.realtime_usec = SUNDAY + 24 * 3600 * SECOND;
	decides(policy, &q, VERDICT_DENY, "never-on-monday");
	q.query.now.realtime_usec = SUNDAY + 48 * 3600 * SECOND;
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
	/* The clock of limits is another one. */
	q.query.now.boottime_usec = SUNDAY + 24 * 3600 * SECOND;
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
}

static void observing_rules_never_decide(void **state)
{
	_cleanup_(policy_freep) struct policy *policy = load(
		"- {id: not-this, class: destructive, verdict: deny, observe: true}\n"
		"- {id: not-here, caller: {user: no-such-user}, verdict: allow, observe: true}\n"
		"- {id: first, class: [read-only, config-change], verdict: deny, observe: true}\n"
		"- {id: second, caller: {user: 1000}, verdict: allow, hazards: confidential, "
		"observe: true}\n"
		"- {id: enforced, class: read-only, caller: {user: 1000}, verdict: allow}\n"
		"- {id: after, verdict: deny, device: {type: nvme}, observe: true}\n");
	struct question q;

	question_init(&q);
	decides(policy, &q, VERDICT_ALLOW, "enforced");
	observes(policy, &q, VERDICT_DENY, "first");
	/* A default is decided by as well, and everything stands before it. */
	q.caller.uid = 1001;
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
	observes(policy, &q, VERDICT_DENY, "first");
	q.request.class = CLASS_CONFIG_CHANGE;
	decides(policy, &q, VERDICT_DENY, "default:config-change");
	observes(policy, &q, VERDICT_DENY, "first");
}

static void observing_rules_are_looked_at_in_their_place(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("- {id: first, class: config-change, verdict: deny, observe: true}\n"
		     "- {id: hazard, caller: {user: 1000}, verdict: allow, hazards: confidential, "
		     "observe: true}\n"
		     "- {id: enforced, class: read-only, caller: {user: 1002}, verdict: allow}\n"
		     "- {id: after, verdict: deny, device: {type: nvme}, observe: true}\n");
	struct question q;

	question_init(&q);
	/* What stands after the rule that decides would not have decided. */
	q.caller.uid = 1002;
	decides(policy, &q, VERDICT_ALLOW, "enforced");
	observes(policy, &q, VERDICT_DENY, NULL);
	q.caller.uid = 1001;
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
	observes(policy, &q, VERDICT_DENY, "after");
	/* It must accept hazards, as any other. */
	q.caller.uid = 1000;
	q.request.effects = EFFECT_BIT(EFFECT_CONFIDENTIAL);
	observes(policy, &q, VERDICT_ALLOW, "hazard");
	q.request.effects = EFFECT_BIT(EFFECT_CONFIDENTIAL) | EFFECT_BIT(EFFECT_PERSISTENT);
	observes(policy, &q, VERDICT_DENY, "after");
}

static void observing_rule_would_have_kept_its_limit(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("- {id: tried, class: read-only, verdict: allow, observe: true, limit: "
		     "{count: 1, per: 1min, by: rule}}\n");
	_cleanup_(limit_book_freep) struct limit_book *book = NULL;
	struct question q;

	assert_int_equal(limit_book_new(&book), 0);
	question_init(&q);
	q.query.uses = book;
	observes(policy, &q, VERDICT_ALLOW, "tried");
	assert_int_equal(limit_charge(book, &policy->rules[0], &q.query), 0);
	observes(policy, &q, VERDICT_DENY, "tried");
	decides(policy, &q, VERDICT_AUTHENTICATE, "default:read-only");
	q.query.now.boottime_usec = 60 * SECOND;
	observes(policy, &q, VERDICT_ALLOW, "tried");
}

static void max_scope_bounds_what_the_kernel_lets_through(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("- {id: configuration, command: cxl.get-feature, max-scope: configuration, "
		     "verdict: allow}\n"
		     "- {id: reading, command: cxl.get-feature, max-scope: debug-read-only, "
		     "verdict: allow}\n"
		     "- {id: writing, command: cxl.get-feature, max-scope: debug-write, hazards: "
		     "taints-kernel, verdict: allow}\n"
		     "- {id: full, command: cxl.get-feature, max-scope: debug-write-full, hazards: "
		     "taints-kernel, verdict: authenticate}\n");
	static const struct {
		unsigned scope;
		effect_set effects;
		const char *id;
		enum verdict verdict;
	} cases[] = {
		{FWCTL_RPC_CONFIGURATION, 0, "configuration", VERDICT_ALLOW},
		{FWCTL_RPC_DEBUG_READ_ONLY, 0, "reading", VERDICT_ALLOW},
		{FWCTL_RPC_DEBUG_WRITE, EFFECT_BIT(EFFECT_TAINTS_KERNEL), "writing", VERDICT_ALLOW},
		{FWCTL_RPC_DEBUG_WRITE_FULL, EFFECT_BIT(EFFECT_TAINTS_KERNEL), "full",
		 VERDICT_AUTHENTICATE},
	};
	struct question q;

	question_init(&q);
	q.device.dialect = "cxl";
	q.request = (struct classified){.command = &small_cxl[0],
					.class = CLASS_DESTRUCTIVE,
					.reason = "test"};
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		small_cxl[0].envelope = ENVELOPE_FWCTL_RPC;
		q.request.scope = cases[i].scope;
		q.request.effects = cases[i].effects;
		decides(policy, &q, cases[i].verdict, cases[i].id);
		/* A device of another kind has no scopes: what stands there means nothing. */
		small_cxl[0].envelope = ENVELOPE_CXL_MEM;
		q.request.effects = 0;
		decides(policy, &q, VERDICT_ALLOW, "configuration");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhausted_limit_denies_and_does_not_fall_through),
		cmocka_unit_test(outside_its_time_the_next_rule_is_tried),
		cmocka_unit_test(observing_rules_never_decide),
		cmocka_unit_test(observing_rules_are_looked_at_in_their_place),
		cmocka_unit_test(observing_rule_would_have_kept_its_limit),
		cmocka_unit_test(max_scope_bounds_what_the_kernel_lets_through),
	};

	return cmocka_run_group_tests_name("decide now", tests, NULL, NULL);
}
