/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules whose commands they can never match, for their class or their hazards. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/policy.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)

static struct catalogue *shipped_catalogue(void)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *commands = NULL;
	const char *source = getenv("FWCTLD_SOURCE");
	struct catalogue *catalogue;

	assert_non_null(source);
	assert_true(asprintf(&commands, "%s/policy/commands", source) >= 0);
	assert_int_equal(catalogue_load((const char *[]){commands, NULL}, false, &problems,
					&catalogue),
			 0);
	return catalogue;
}

/* By the shipped catalogue: only what is certain is said. */
static void rules_that_never_match_are_warned_of(void **state)
{
	static const struct {
		const char *rule;
		const char *says; /* NULL: nothing */
	} table[] = {
		{"command: cxl.set-feature, verdict: allow",
		 "never matches cxl.set-feature, whose requests have the hazards persistent, "
		 "taints-kernel: a rule that opens something must accept each hazard by name. If "
		 "it shall, add `hazards: [persistent, taints-kernel]`"},
		{"command: cxl.set-feature, hazards: persistent, verdict: authenticate",
		 "add `hazards: [persistent, taints-kernel]`"},
		{"command: cxl.set-feature, hazards: [persistent, taints-kernel], verdict: allow",
		 NULL},
		{"command: cxl.set-feature, verdict: deny", NULL},
		{"command: cxl.set-feature, class: read-only, verdict: deny",
		 "its class is config-change, destructive (by the catalogue, or made worse by what "
		 "a "
		 "device reports), and `class` does not name that"},
		/* What the device reports can make it worse. */
		{"command: cxl.set-feature, class: destructive, verdict: deny", NULL},
		{"command: nvme.identify, class: destructive, verdict: deny", NULL},
		{"command: \"cxl.set*\", class: read-only, verdict: deny", NULL},
		{"command: nvme.sanitize, class: read-only, verdict: deny",
		 "its class is destructive"},
		{"command: nvme.firmware-commit, where: {action: store}, verdict: allow",
		 "add `hazards: [persistent]`"},
		{"command: nvme.get-log-page, where: {lid: smart, rae: 1}, class: read-only, "
		 "verdict: allow",
		 NULL},
		{"command: nvme.get-log-page, where: {lid: 0xc0}, class: read-only, verdict: "
		 "allow",
		 "its class with these fields is destructive"},
		{"command: nvme.get-features, where: {fid: host-identifier}, verdict: allow",
		 "add `hazards: [confidential]`"},
		{"command: mlx5.read-mcdd, hazards: confidential, verdict: allow",
		 "opens nothing of mlx5.read-mcdd, which is never sent, whoever asks: its data"},
		{"command: mlx5.read-mcdd, verdict: deny", NULL},
	};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = shipped_catalogue();

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text, "version: 1\nrules: [{id: a, %s}]\n", table[i].rule) >=
			    0);
		assert_int_equal(policy_load_text("test.yaml", text, strlen(text), catalogue,
						  test_accounts(), &problems, &policy),
				 0);
		if (problems.n != (table[i].says != NULL) ||
		    (table[i].says && !strstr(problems.items[0].text, table[i].says)))
			fail_msg("{%s}: %zu problems, %s", table[i].rule, problems.n,
				 problems.n > 0 ? problems.items[0].text : "no text");
	}
}

/* Rules that share their commands are looked at each, for what else they say differs. */
static void each_rule_is_looked_at(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules:\n"
		"- {id: a, command: cxl.set-feature, device: {serial: A}, verdict: allow,"
		" hazards: [persistent, taints-kernel]}\n"
		"- {id: b, command: cxl.set-feature, device: {serial: B}, verdict: allow,"
		" hazards: persistent}\n"
		"- {id: c, command: cxl.set-feature, device: {serial: C}, verdict: deny}\n"
		"- {id: d, command: cxl.set-feature, device: {serial: D}, verdict: allow}\n"
		"- {id: e, command: cxl.set-feature, device: {serial: E}, verdict: allow,"
		" hazards: [persistent, taints-kernel], class: read-only}\n"
		"- {id: f, command: cxl.set-feature, device: {serial: F}, verdict: allow,"
		" hazards: [persistent, taints-kernel]}\n"
		"- {id: g, command: cxl.set-feature, device: {serial: G}, verdict: authenticate}\n";
	static const unsigned lines[] = {4, 6, 7, 9};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = shipped_catalogue();
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;

	assert_int_equal(policy_load_text("test.yaml", text, strlen(text), catalogue,
					  test_accounts(), &problems, &policy),
			 0);
	assert_int_equal(problems.n, ELEMENTSOF(lines));
	for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
		assert_int_equal(problems.items[i].line, lines[i]);
		assert_non_null(strstr(problems.items[i].text, "never matches cxl.set-feature"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_never_match_are_warned_of),
		cmocka_unit_test(each_rule_is_looked_at),
	};

	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
