/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does one rule leave nothing for another? Where that can be counted out, it is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/rule.h"
#include "tests/unit/rule-sketch.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct zone *, zone_free)
DEFINE_CLEANUP(struct policy *, policy_free)

static struct when random_when(struct zone *zone)
{
	struct when when = {.days = 1 + random_below(127), .zone = zone};

	if (random_below(3) == 0)
		when.days = 0x7f;
	when.from = random_below(6) * 240;
	when.to = (1 + random_below(6)) * 240;
	if (when.from == when.to || random_below(3) == 0) {
		when.from = 0;
		when.to = MINUTES_A_DAY;
	}
	return when;
}

static bool covers_each_minute(const struct when *wide, const struct when *narrow)
{
	for (unsigned minute = 0; minute < MINUTES_A_WEEK; minute++)
		if ((!narrow || when_has_minute(narrow, minute)) && !when_has_minute(wide, minute))
			return false;
	return true;
}

static void times_are_compared_minute_by_minute(void **state)
{
	_cleanup_(zone_freep) struct zone *utc = NULL, *other = NULL, *again = NULL;
	unsigned shadows = 0, always = 0, rounds = 3000;

	assert_int_equal(zone_load("UTC", &utc), 0);
	assert_int_equal(zone_load("UTC", &again), 0);
	assert_int_equal(zone_load("Asia/Kolkata", &other), 0);
	random_state = 1;
	for (unsigned i = 0; i < rounds; i++) {
		struct when wide = random_when(utc), narrow = random_when(again);
		struct rule earlier = {.max_scope = SCOPE_ANY, .when = &wide};
		struct rule later = {.max_scope = SCOPE_ANY, .when = &narrow};
		bool shadow = covers_each_minute(&wide, &narrow);

		assert_int_equal(rule_shadows(&earlier, &later), shadow);
		shadows += shadow;
		/* Of another zone, and of no time at all, only always is certain. */
		shadow = covers_each_minute(&wide, NULL);
		narrow.zone = other;
		assert_int_equal(rule_shadows(&earlier, &later), shadow);
		later.when = NULL;
		assert_int_equal(rule_shadows(&earlier, &later), shadow);
		earlier.when = NULL;
		later.when = &narrow;
		assert_true(rule_shadows(&earlier, &later));
		always += shadow;
	}
	assert_true(shadows > rounds / 20 && shadows < rounds / 2 && always > rounds / 50);
}

#define ALL_HAZARDS "confidential, persistent, taints-kernel, broadcast"

/* The two rules of a text, of which the first shadows the second or not. */
static void check(const char *first, const char *second, bool shadow)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char text[1024];
	int r;

	snprintf(text, sizeof(text),
		 "version: 1\nrules:\n  - {id: first, %s}\n  - {id: second, %s}\n", first, second);
	r = policy_load_text("p.yaml", text, strlen(text), &small_catalogue, test_accounts(),
			     &problems, &policy);
	if (shadow != (r == -EBADMSG))
		fail_msg("%s\n%s", text, problems.n > 0 ? problems.items[0].text : "loaded");
	if (shadow)
		assert_string_equal(
			problems_first_error(&problems)->text,
			"The rule \"second\" can never match: \"first\" (p.yaml:3) comes first "
			"and matches all that it matches. Put the narrower one first, or take one "
			"out.");
}

static void what_covers_shadows(void **state)
{
	static const struct {
		const char *first, *second;
		bool shadow;
	} cases[] = {
		{"verdict: deny", "verdict: allow", true},
		{"verdict: deny, observe: true", "verdict: allow", false},
		{"verdict: deny", "verdict: allow, observe: true", true},
		{"verdict: deny, observe: true", "verdict: allow, observe: true", true},
		{"verdict: allow", "verdict: deny", false},
		{"verdict: allow, hazards: [confidential]", "verdict: allow", true},
		{"verdict: allow", "verdict: allow, hazards: [confidential]", false},
		{"verdict: allow, max-scope: configuration", "verdict: allow", false},
		{"verdict: allow", "verdict: allow, max-scope: configuration", true},
		{"verdict: allow, max-scope: debug-read-only",
		 "verdict: allow, max-scope: configuration", true},
		{"verdict: allow, max-scope: configuration",
		 "verdict: allow, max-scope: debug-read-only", false},
		/* A limit that is used up denies. */
		{"verdict: allow, limit: {count: 1, per: 1d, by: rule}", "verdict: allow", true},
		{"verdict: allow, class: [read-only, destructive]",
		 "verdict: allow, class: destructive", true},
		{"verdict: allow, class: destructive",
		 "verdict: allow, class: [read-only, destructive]", false},
		{"verdict: allow, caller: {user: [1, 2], group: 3}",
		 "verdict: allow, caller: {user: 2}", true},
		{"verdict: allow, caller: {user: [1, 2], group: 3}",
		 "verdict: allow, caller: {user: 2, group: 3}", true},
		{"verdict: allow, caller: {user: 2, group: 3}",
		 "verdict: allow, caller: {user: [2, 1]}", false},
		{"verdict: allow, caller: {user: 3}", "verdict: allow, caller: {group: 3}", false},
		{"verdict: allow, caller: {user: 3}", "verdict: allow", false},
		{"verdict: allow, device: {serial: \"*\"}", "verdict: allow", false},
		{"verdict: allow, device: {model: \"*\"}", "verdict: allow", true},
		{"verdict: allow, device: {serial: \"S*\"}",
		 "verdict: allow, device: {serial: S1, model: M}", true},
		/* A disputed serial is denied by it, but not allowed. */
		{"verdict: allow, hazards: [" ALL_HAZARDS "], device: {serial: S1}",
		 "verdict: deny, device: {serial: S1}", false},
		{"verdict: allow, hazards: [" ALL_HAZARDS "], device: {model: M}",
		 "verdict: deny, device: {model: M}", true},
		{"verdict: deny, device: {serial: S1}",
		 "verdict: allow, hazards: [" ALL_HAZARDS "], device: {serial: S1}", true},
		{"verdict: allow, device: {model: M}", "verdict: allow, device: {model: \"M*\"}",
		 false},
		{"verdict: allow, device: {model: \"MN*\"}",
		 "verdict: allow, device: {model: \"M*\"}", false},
		{"verdict: allow, device: {model: [A, \"M*\"]}",
		 "verdict: allow, device: {model: [\"MN*\", A, M]}", true},
		{"verdict: allow, command: \"*\"", "verdict: allow", true},
		{"verdict: allow, command: \"nvme.*\"", "verdict: allow, command: \"nvme.s*\"",
		 true},
		{"verdict: allow, command: \"nvme.s*\"", "verdict: allow, command: \"nvme.*\"",
		 false},
		{"verdict: allow, command: nvme.get-log-page, where: {rae: [0, 1]}",
		 "verdict: allow, command: nvme.get-log-page", true},
		{"verdict: allow, command: nvme.get-log-page, where: {lid: [0-9, 10-255]}",
		 "verdict: allow, command: nvme.get-log-page, where: {rae: 1}", true},
		{"verdict: allow, command: nvme.get-log-page, where: {lid: [1, 2, 3]}",
		 "verdict: allow, command: nvme.get-log-page, where: {lid: [2-3], rae: 1}", true},
		{"verdict: allow, command: nvme.get-log-page, where: {lid: [1, 2, 3]}",
		 "verdict: allow, command: nvme.get-log-page, where: {lid: [2-4]}", false},
		{"verdict: allow, command: nvme.get-log-page, where: {lid: 1}",
		 "verdict: allow, command: nvme.get-log-page", false},
		{"verdict: allow, command: nvme.get-log-page, where: {lid: 1}",
		 "verdict: allow, command: \"nvme.*\"", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		check(cases[i].first, cases[i].second, cases[i].shadow);
}

static void what_observes_takes_nothing_from_what_decides(void **state)
{
	struct rule earlier = {.max_scope = SCOPE_ANY}, later = earlier;

	for (unsigned i = 0; i < 4; i++) {
		earlier.observe = i & 1;
		later.observe = i & 2;
		assert_int_equal(rule_shadows(&earlier, &later), i != 1);
	}
}

/* The first of several is named. */
static void the_first_of_them_is_named(void **state)
{
	static const char text[] =
		"version: 1\nrules:\n"
		"  - {id: a, verdict: allow, caller: {user: 1}, observe: true}\n"
		"  - {id: b, verdict: allow, caller: {user: [1, 2]}}\n"
		"  - {id: c, verdict: allow, caller: {user: [1, 3]}}\n"
		"  - {id: d, verdict: allow, caller: {user: 1}, class: read-only}\n"
		"  - {id: e, verdict: allow, caller: {user: 1}, class: read-only, observe: true}\n";
	static const char *const said[] = {"\"d\" can never match: \"b\"",
					   "\"e\" can never match: \"a\""};
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(policy_load_text("p.yaml", text, strlen(text), &small_catalogue,
					  test_accounts(), &problems, &policy),
			 -EBADMSG);
	assert_int_equal(problems.n_errors, ELEMENTSOF(said));
	for (size_t i = 0; i < ELEMENTSOF(said); i++)
		assert_non_null(strstr(problems.items[i].text, said[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_compared_minute_by_minute),
		cmocka_unit_test(what_covers_shadows),
		cmocka_unit_test(what_observes_takes_nothing_from_what_decides),
		cmocka_unit_test(the_first_of_them_is_named),
	};

	return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
