/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy_lint(): "never matches" against every request of a small world; and each finding, by the
 * shipped catalogue. */

#include "tests/unit/tiny-world.h"

#include "policy/lint.h"

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)

#define ROUNDS 1000u

/* Is there a request that the rule decides; or, where it observes, that it is the first to? */
static bool ever_matches(const struct policy *policy, const struct rule *rule,
			 const struct tiny_points *points)
{
	for (size_t i = 0; i < points->n; i++) {
		struct decision decision;

		tiny_decide(policy, &points->items[i], &decision);
		if (decision.rule == rule || decision.observed == rule)
			return true;
	}
	return false;
}

static void never_matches_agrees_with_all_requests(void **state)
{
	unsigned of_kind[_LINT_KIND_MAX] = {};

	tiny_seed = 0x853c49e6748fea9bULL;
	for (unsigned round = 0; round < ROUNDS; round++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_(tiny_points_done) struct tiny_points points = {};
		_cleanup_(lint_done) struct lint lint = {};
		struct tiny_focus focus;
		struct tiny_text text;

		assert_int_equal(accounts_new(true, &accounts), 0);
		tiny_focus_random(&focus);
		tiny_text_random(&focus, &text);
		policy = tiny_load(&text, accounts);
		tiny_world(&focus, (const struct policy *const[]){policy}, 1, &points);
		assert_int_equal(policy_lint(policy, accounts, &lint), 0);
		for (size_t i = 0; i < policy->n_rules; i++) {
			const struct rule *rule = &policy->rules[i];
			bool never = false;

			for (size_t n = 0; n < lint.n; n++)
				never |= lint.items[n].rule == rule &&
					 (lint.items[n].kind == LINT_NEVER_MATCHES ||
					  lint.items[n].kind == LINT_COVERED);
			if (never != ever_matches(policy, rule, &points))
				continue;
			for (unsigned n = 0; n < text.n; n++)
				print_message("# %s\n", text.rules[n]);
			fail_msg("round %u: %s %s", round, rule->id,
				 never ? "matches" : "never matches");
		}
		for (size_t n = 0; n < lint.n; n++)
			of_kind[lint.items[n].kind]++;
	}
	print_message("# never %u, covered %u, opened to everybody %u, by default %u\n",
		      of_kind[LINT_NEVER_MATCHES], of_kind[LINT_COVERED],
		      of_kind[LINT_EVERYBODY_DESTROYS], of_kind[LINT_DEFAULT_OPENS]);
	assert_true(of_kind[LINT_NEVER_MATCHES] > 50 && of_kind[LINT_COVERED] > 30);
	assert_int_equal(of_kind[LINT_NOT_WORKED_OUT], 0);
}

static struct catalogue *load_shipped(void)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *commands = NULL;
	struct catalogue *catalogue = NULL;

	assert_true(asprintf(&commands, "%s/policy/commands", getenv("FWCTLD_SOURCE") ?: ".") > 0);
	assert_int_equal(catalogue_load((const char *[]){commands, NULL}, false, &problems,
					&catalogue),
			 0);
	return catalogue;
}

/* What is found, as "kind rule: text|example\n"; each text in the table is looked for. */
static void each_finding_says_what_and_why(void **state)
{
	static const struct {
		const char *policy;
		const char *says[4]; /* all of these, and `n` findings */
		size_t n;
	} table[] = {
		{"rules: [{id: a, verdict: allow, command: nvme.identify}]", {}, 0},
		{"rules: [{id: a, verdict: deny, command: mlx5.read-mcdd}]",
		 {"never-matches a: The rule \"a\" never matches: what it asks for is never sent, "
		  "whoever asks and whatever the policy says: "},
		 1},
		{"rules: [{id: a, verdict: allow, command: cxl.set-feature}]",
		 {"never-matches a: The rule \"a\" never matches: every request that it asks for "
		  "has a hazard that it does not accept. If it shall match some, give it `hazards: "
		  "[persistent, taints-kernel]`."},
		 1},
		{"rules: [{id: a, verdict: deny, class: read-only, command: nvme.sanitize}]",
		 {"is of its `class`"},
		 1},
		{"rules: [{id: a, verdict: allow, command: cxl.set-feature, hazards: [persistent, "
		 "taints-kernel], max-scope: debug-read-only, class: config-change}]",
		 {"needs a higher scope than its `max-scope`"},
		 1},
		/* Two halves are a whole. */
		{"rules:\n- {id: a, verdict: deny, class: read-only, command: nvme.identify}\n"
		 "- {id: x, verdict: deny, command: \"cxl.*\"}\n"
		 "- {id: b, verdict: deny, class: [config-change, destructive], command: "
		 "nvme.identify}\n"
		 "- {id: c, verdict: allow, command: nvme.identify}",
		 {"covered c: The rule \"c\" never matches: \"a\" (/p.yaml:3), \"b\" (/p.yaml:5), "
		  "which come first, together take all that it asks for."},
		 1},
		{"rules:\n- {id: a, verdict: deny, class: read-only, observe: true, command: "
		 "nvme.identify}\n"
		 "- {id: b, verdict: deny, class: [config-change, destructive], command: "
		 "nvme.identify}\n"
		 "- {id: c, verdict: allow, command: nvme.identify}",
		 {},
		 0},
		{"rules: [{id: agent-reads, verdict: allow, caller: {user: agent}, command: "
		 "nvme.get-log-page, where: {lid: smart}}]",
		 {"wider-than-name agent-reads: The name of \"agent-reads\" says \"reads\", but "
		  "the rule also opens requests that are not read-only.",
		  "|agent: nvme.get-log-page", "lid=smart rae=0x0", "(config-change)\n"},
		 1},
		{"rules: [{id: agent-reads, verdict: allow, caller: {user: agent}, class: "
		 "read-only, command: nvme.get-log-page, where: {lid: smart}}]",
		 {},
		 0},
		{"rules: [{id: nvme-team, verdict: allow, caller: {user: agent}, class: "
		 "read-only}]",
		 {"says \"nvme\", but the rule also opens commands of other devices. Add `device: "
		  "{type: nvme}`"},
		 1},
		{"rules: [{id: nvme-team, verdict: allow, caller: {user: agent}, class: read-only, "
		 "device: {type: nvme}}]",
		 {},
		 0},
		{"rules:\n- {id: lab-admins.see, verdict: allow, class: read-only}\n- {id: x, "
		 "verdict: authenticate, caller: {group: lab-admins}}",
		 {"says \"lab-admins\", but the rule also opens something to others",
		  "|somebody: "},
		 1},
		{"rules:\n- {id: lab-admins.see, verdict: allow, class: read-only, caller: {group: "
		 "lab-admins}}",
		 {},
		 0},
		{"rules: [{id: not-for-bob, verdict: allow, caller: {user: bob}, class: "
		 "read-only}]",
		 {"says \"not\", but the rule allows"},
		 1},
		{"rules: [{id: allows.bob, verdict: deny, caller: {user: bob}}]",
		 {"says \"allows\", but the rule denies"},
		 1},
		{"rules: [{id: a, verdict: allow, command: nvme.format-nvm, hazards: [persistent, "
		 "broadcast]}]",
		 {"everybody-destroys a: The rule \"a\" allows destructive requests to everybody",
		  "|somebody: nvme.format-nvm"},
		 1},
		/* An earlier rule is in the way. */
		{"rules:\n- {id: b, verdict: deny, class: destructive}\n- {id: a, verdict: allow, "
		 "command: \"nvme.*\"}",
		 {},
		 0},
		{"defaults: {destructive: allow}",
		 {"default-opens default: The default for destructive commands is allow"},
		 1},
		{"defaults: {destructive: allow}\nrules: [{id: a, verdict: deny, class: "
		 "destructive}]",
		 {},
		 0},
		{"defaults: {read-only: allow, confidential: allow}",
		 {"The default for the hazard confidential is allow"},
		 1},
		{"defaults: {confidential: allow}", {}, 0},
		{"defaults: {read-only: allow}\nrules: [{id: a, verdict: deny, device: {serial: "
		 "\"LAB-*\"}}]",
		 {"denies-by-claim a: The rule \"a\" denies by what the device says of itself "
		  "(`serial`)"},
		 1},
		/* It would be denied as well. */
		{"rules: [{id: a, verdict: deny, device: {serial: \"LAB-*\"}}]", {}, 0},
		{"rules: [{id: a, verdict: allow, caller: {user: bob}, command: [cxl.set-feature, "
		 "cxl.get-feature], hazards: [persistent, confidential], max-scope: "
		 "debug-write-full}]",
		 {"scope-without-taint a: The `max-scope` of \"a\" opens nothing more than "
		  "debug-read-only would"},
		 1},
	};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = load_shipped();

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(lint_done) struct lint lint = {};
		_cleanup_free_ char *yaml = NULL, *said = NULL;
		size_t size;
		FILE *file;

		assert_int_equal(accounts_new(true, &accounts), 0);
		assert_true(asprintf(&yaml, "version: 1\n%s\n", table[i].policy) > 0);
		if (policy_load_text("/p.yaml", yaml, strlen(yaml), catalogue, accounts, &problems,
				     &policy) < 0)
			fail_msg("%s\n%s", problems.items[0].text, yaml);
		assert_int_equal(policy_lint(policy, accounts, &lint), 0);
		file = open_memstream(&said, &size);
		for (size_t n = 0; n < lint.n; n++) {
			const struct lint_finding *finding = &lint.items[n];

			fprintf(file, "%s %s: %s|%s\n", lint_kind_to_string(finding->kind),
				finding->rule ? finding->rule->id : "default", finding->text,
				finding->example ?: "");
			assert_string_equal(finding->file, "/p.yaml");
			assert_true(finding->line >= 2);
		}
		fclose(file);
		if (lint.n != table[i].n)
			fail_msg("%s:\n%zu findings:\n%s", yaml, lint.n, said);
		for (size_t n = 0; n < ELEMENTSOF(table[i].says) && table[i].says[n]; n++)
			if (!strstr(said, table[i].says[n]))
				fail_msg("%s:\n%s does not say\n%s", yaml, said, table[i].says[n]);
	}
}

/* What people start from is no bad example. */
static void shipped_policies_have_no_findings(void **state)
{
	static const char *const names[] = {"examples/locked-down", "examples/storage-operators",
					    "examples/telemetry-reader"};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = load_shipped();
	const char *source = getenv("FWCTLD_SOURCE") ?: ".";

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(lint_done) struct lint lint = {};
		_cleanup_free_ char *base = NULL, *path = NULL;

		assert_int_equal(accounts_new(true, &accounts), 0);
		assert_true(asprintf(&base, "%s/policy/policy.d/50-default.yaml", source) > 0);
		assert_true(asprintf(&path, "%s/policy/%s.yaml", source, names[i]) > 0);
		assert_int_equal(policy_load_files((const char *[]){base, path, NULL}, false,
						   catalogue, accounts, &problems, &policy),
				 0);
		assert_int_equal(policy_lint(policy, accounts, &lint), 0);
		if (lint.n > 0)
			fail_msg("%s:%u: %s (%s)", lint.items[0].file, lint.items[0].line,
				 lint.items[0].text, lint.items[0].example ?: "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_matches_agrees_with_all_requests),
		cmocka_unit_test(each_finding_says_what_and_why),
		cmocka_unit_test(shipped_policies_have_no_findings),
	};

	return cmocka_run_group_tests_name("lint", tests, tiny_setup, tiny_teardown);
}
