/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a policy decides. test-decide-random.c asks at random. */

#include <errno.h>
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
#include "tests/unit/question.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

static struct policy *load(const char *text)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_text("/etc/p.yaml", text, strlen(text), &small_catalogue,
				 test_accounts(), &problems, &policy);

	for (size_t i = 0; r < 0 && i < problems.n; i++)
		print_message("# %u:%u: %s\n", problems.items[i].line, problems.items[i].column,
			      problems.items[i].text);
	assert_int_equal(r, 0);
	return policy;
}

/* The verdict of a policy whose rules are `rules`, under defaults that allow everything. */
static enum verdict verdict_of(const char *rules, const struct question *q)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *text = NULL;
	struct decision decision;

	assert_true(asprintf(&text,
			     "version: 1\n"
			     "defaults: {read-only: allow, config-change: allow, destructive: "
			     "allow, confidential: allow, persistent: allow, taints-kernel: allow, "
			     "broadcast: allow}\n"
			     "rules: [%s]\n",
			     rules) >= 0);
	policy = load(text);
	decide(policy, &q->query, &decision);
	return decision.verdict;
}

static bool denied_by(const char *matcher, const struct question *q)
{
	_cleanup_free_ char *rule = NULL;

	assert_true(asprintf(&rule, "{id: a, %s, verdict: deny}", matcher) >= 0);
	return verdict_of(rule, q) == VERDICT_DENY;
}

static void the_first_match_decides(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("version: 1\n"
		     "rules:\n"
		     "  - {id: other, caller: {user: 7}, verdict: deny}\n"
		     "  - {id: first, class: read-only, verdict: authenticate, note: Ask Bob.}\n"
		     "  - {id: second, caller: {user: 1000}, verdict: allow}\n");
	struct decision decision;
	struct decision_text said;
	struct question q;

	question_init(&q);
	decide(policy, &q.query, &decision);
	decision_describe(policy, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_AUTHENTICATE);
	assert_ptr_equal(decision.rule, &policy->rules[1]);
	assert_string_equal(said.rule_id, "first");
	assert_string_equal(said.rule_at, "/etc/p.yaml:4");
	assert_string_equal(said.note, "Ask Bob.");
	assert_string_equal(said.reason, "Rule first (/etc/p.yaml:4) asks for authentication.");

	q.request.class = CLASS_CONFIG_CHANGE;
	decide(policy, &q.query, &decision);
	decision_describe(policy, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_ALLOW);
	assert_string_equal(said.reason, "Rule second (/etc/p.yaml:5) allows it.");
	assert_null(said.note);

	q.caller.uid = 7;
	decide(policy, &q.query, &decision);
	decision_describe(policy, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_string_equal(said.reason, "Rule other (/etc/p.yaml:3) denies it.");
}

static void without_a_rule_the_strictest_default_counts(void **state)
{
	_cleanup_(policy_freep) struct policy *policy =
		load("version: 1\n"
		     "defaults:\n"
		     "  read-only: allow\n"
		     "  config-change: authenticate\n"
		     "  persistent: authenticate\n"
		     "  broadcast: deny\n"
		     "  taints-kernel: allow\n");
	static const struct {
		enum effect_class class;
		effect_set effects;
		enum verdict verdict;
		const char *id, *at, *reason;
	} cases[] = {
		{CLASS_READ_ONLY, 0, VERDICT_ALLOW, "default:read-only", "/etc/p.yaml:3",
		 "No rule matches; the default for read-only commands (/etc/p.yaml:3) allows it."},
		{CLASS_CONFIG_CHANGE, 0, VERDICT_AUTHENTICATE, "default:config-change",
		 "/etc/p.yaml:4",
		 "No rule matches; the default for config-change commands (/etc/p.yaml:4) asks for "
		 "authentication."},
		{CLASS_DESTRUCTIVE, 0, VERDICT_DENY, "default:destructive", "built in",
		 "No rule matches, and the policy has no default for destructive commands: "
		 "denied."},
		{CLASS_READ_ONLY, EFFECT_BIT(EFFECT_PERSISTENT), VERDICT_AUTHENTICATE,
		 "default:persistent", "/etc/p.yaml:5",
		 "No rule matches; the default for the hazard persistent (/etc/p.yaml:5) asks for "
		 "authentication."},
		{CLASS_CONFIG_CHANGE, EFFECT_BIT(EFFECT_PERSISTENT), VERDICT_AUTHENTICATE,
		 "default:config-change", "/etc/p.yaml:4",
		 "No rule matches; the default for config-change commands (/etc/p.yaml:4) asks for "
		 "authentication."},
		{CLASS_READ_ONLY, EFFECT_BIT(EFFECT_PERSISTENT) | EFFECT_BIT(EFFECT_BROADCAST),
		 VERDICT_DENY, "default:broadcast", "/etc/p.yaml:6",
		 "No rule matches; the default for the hazard broadcast (/etc/p.yaml:6) denies "
		 "it."},
		{CLASS_READ_ONLY, EFFECT_BIT(EFFECT_TAINTS_KERNEL), VERDICT_ALLOW,
		 "default:read-only", "/etc/p.yaml:3",
		 "No rule matches; the default for read-only commands (/etc/p.yaml:3) allows it."},
		{CLASS_READ_ONLY, EFFECT_BIT(EFFECT_CONFIDENTIAL), VERDICT_DENY,
		 "default:confidential", "built in",
		 "No rule matches, and the policy has no default for the hazard confidential: "
		 "denied."},
		/* An effect that is no hazard has no default of its own; the class speaks for it.
		 */
		{CLASS_DESTRUCTIVE, EFFECT_BIT(EFFECT_DATA_LOSS), VERDICT_DENY,
		 "default:destructive", "built in",
		 "No rule matches, and the policy has no default for destructive commands: "
		 "denied."},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct decision decision;
		struct decision_text said;
		struct question q;

		question_init(&q);
		q.request.class = cases[i].class;
		q.request.effects = cases[i].effects;
		decide(policy, &q.query, &decision);
		decision_describe(policy, &decision, &said);
		assert_int_equal(decision.verdict, cases[i].verdict);
		assert_null(decision.rule);
		assert_null(said.note);
		assert_string_equal(said.rule_id, cases[i].id);
		assert_string_equal(said.rule_at, cases[i].at);
		assert_string_equal(said.reason, cases[i].reason);
	}
}

static void a_rule_that_opens_must_name_every_hazard(void **state)
{
	struct question q;

	question_init(&q);
	q.request.effects = EFFECT_BIT(EFFECT_CONFIDENTIAL) | EFFECT_BIT(EFFECT_PERSISTENT);
	assert_int_equal(verdict_of("{id: a, class: read-only, verdict: authenticate}", &q),
			 VERDICT_ALLOW); /* by the default: the rule did not match */
	assert_int_equal(verdict_of("{id: a, class: read-only, hazards: confidential, verdict: "
				    "authenticate}",
				    &q),
			 VERDICT_ALLOW);
	assert_int_equal(verdict_of("{id: a, class: read-only, hazards: [persistent, "
				    "confidential], verdict: authenticate}",
				    &q),
			 VERDICT_AUTHENTICATE);
	assert_int_equal(verdict_of("{id: a, class: read-only, verdict: deny}", &q), VERDICT_DENY);
	q.request.effects = 0;
	assert_int_equal(verdict_of("{id: a, class: read-only, hazards: [persistent], verdict: "
				    "authenticate}",
				    &q),
			 VERDICT_AUTHENTICATE);
}

static void devices_are_matched_exactly_or_by_prefix(void **state)
{
	struct question q;

	question_init(&q);
	assert_true(denied_by("device: {type: nvme}", &q));
	assert_false(denied_by("device: {type: cxl}", &q));
	assert_true(denied_by("device: {driver: [virtio, nvme]}", &q));
	assert_true(denied_by("device: {model: QEMU NVMe Ctrl}", &q));
	assert_false(denied_by("device: {model: QEMU NVMe}", &q));
	assert_false(denied_by("device: {model: qemu NVMe Ctrl}", &q));
	assert_true(denied_by("device: {model: \"QEMU NVMe Ctrl*\"}", &q));
	assert_true(denied_by("device: {model: \"Q*\"}", &q));
	assert_true(denied_by("device: {model: \"*\"}", &q));
	assert_false(denied_by("device: {model: \"QEMU NVMe Ctrl 2*\"}", &q));
	assert_true(denied_by("device: {firmware: \"8.*\"}", &q));
	assert_true(denied_by("device: {nqn: \"nqn.2019-08.org.qemu:*\"}", &q));
	assert_true(denied_by("device: {pci: \"0000:3b:00.0\"}", &q));
	assert_false(denied_by("device: {pci: \"0000:3b:00.1\"}", &q));
	assert_true(denied_by("device: {type: nvme, serial: S1}", &q));
	assert_false(denied_by("device: {type: nvme, serial: S2}", &q));
	q.device.firmware = "";
	assert_false(denied_by("device: {firmware: \"8.*\"}", &q));
}

static void a_disputed_serial_opens_nothing_and_an_unknown_one_matches_nothing(void **state)
{
	struct question q;

	question_init(&q);
	assert_true(denied_by("device: {serial: \"*\"}", &q));
	assert_int_equal(verdict_of("{id: a, device: {serial: S1}, verdict: authenticate}", &q),
			 VERDICT_AUTHENTICATE);
	q.device.serial_disputed = true;
	/* Whoever claims another's serial must not switch off what protects the other. */
	assert_true(denied_by("device: {serial: S1}", &q));
	assert_true(denied_by("device: {serial: \"*\"}", &q));
	assert_false(denied_by("device: {serial: S2}", &q));
	assert_int_equal(verdict_of("{id: a, device: {serial: S1}, verdict: authenticate}", &q),
			 VERDICT_ALLOW);
	assert_int_equal(verdict_of("{id: a, device: {serial: \"*\"}, verdict: authenticate}", &q),
			 VERDICT_ALLOW);
	assert_true(denied_by("device: {model: \"QEMU*\"}", &q));
	q.device.serial_disputed = false;
	q.device.serial = "";
	assert_false(denied_by("device: {serial: \"*\"}", &q));
}

static void callers_are_matched_by_user_or_group(void **state)
{
	struct question q;

	question_init(&q);
	assert_true(denied_by("caller: {user: 1000}", &q));
	assert_false(denied_by("caller: {user: [1001, 0]}", &q));
	assert_int_equal(verdict_of("{id: a, caller: {group: 10}, verdict: authenticate}", &q),
			 VERDICT_AUTHENTICATE);
	assert_int_equal(verdict_of("{id: a, caller: {user: 5, group: [11, 10]}, verdict: "
				    "authenticate}",
				    &q),
			 VERDICT_AUTHENTICATE);
	assert_int_equal(verdict_of("{id: a, caller: {user: 1000, group: 11}, verdict: "
				    "authenticate}",
				    &q),
			 VERDICT_AUTHENTICATE);
	assert_int_equal(verdict_of("{id: a, caller: {user: 10, group: 11}, verdict: authenticate}",
				    &q),
			 VERDICT_ALLOW);
	q.caller.n_gids = 0;
	assert_int_equal(verdict_of("{id: a, caller: {group: 10}, verdict: authenticate}", &q),
			 VERDICT_ALLOW);
	/* One unknown name switches the whole rule off. */
	assert_int_equal(verdict_of("{id: a, caller: {user: [1000, no-such-user]}, verdict: "
				    "authenticate}",
				    &q),
			 VERDICT_ALLOW);
}

static void commands_and_fields_are_matched(void **state)
{
	struct question q;

	question_init(&q);
	assert_true(denied_by("command: nvme.get-log-page", &q));
	assert_true(denied_by("command: [nvme.set-features, nvme.get*]", &q));
	assert_true(denied_by("command: \"*\"", &q));
	assert_false(denied_by("command: nvme.set*", &q));
	assert_false(denied_by("command: cxl.*", &q));
	assert_true(denied_by("command: nvme.get-log-page, where: {lid: smart}", &q));
	assert_true(denied_by("command: nvme.get-log-page, where: {lid: [error, 2]}", &q));
	assert_true(denied_by("command: nvme.get-log-page, where: {lid: 0x1-0xff, rae: 0}", &q));
	assert_false(denied_by("command: nvme.get-log-page, where: {lid: 3-0xff}", &q));
	assert_false(denied_by("command: nvme.get-log-page, where: {lid: smart, rae: 1}", &q));

	q.request.command = &small_cxl[1];
	memcpy(q.request.values[0].bytes,
	       "\x96\xea\xd7\xd6\xfd\x56\x44\x08\xb5\xa7\xa5\xd3\xa7\x6d\x1b\x2f", 16);
	assert_true(
		denied_by("command: [cxl.get-feature, cxl.set-feature], where: {uuid: "
			  "96ead7d6-fd56-4408-b5a7-a5d3a76d1b2f}",
			  &q));
	assert_false(
		denied_by("command: [cxl.get-feature, cxl.set-feature], where: {uuid: "
			  "96ead7d6-fd56-4408-b5a7-a5d3a76d1b2e}",
			  &q));
}

static void without_a_policy_everything_is_denied(void **state)
{
	struct decision decision;
	struct decision_text said;
	struct question q;

	question_init(&q);
	decide(NULL, &q.query, &decision);
	decision_describe(NULL, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_string_equal(said.rule_id, "default:no-policy");
	assert_string_equal(said.rule_at, "built in");
	assert_non_null(strstr(said.reason, "No policy could be loaded"));
	assert_null(decision.rule);
}

/* Texts go to D-Bus, which refuses what is no UTF-8, so no path may get there as it is. */
static void long_and_strange_paths_make_printable_texts(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules: [{id: a, class: read-only, verdict: deny}]\n";
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct decision decision;
	struct decision_text said;
	char path[1024];
	struct question q;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	path[3] = '\xff';
	path[4] = '\n';
	assert_int_equal(policy_load_text(path, text, strlen(text), &small_catalogue,
					  test_accounts(), &problems, &policy),
			 0);
	question_init(&q);
	decide(policy, &q.query, &decision);
	decision_describe(policy, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_int_equal(strlen(said.rule_at), sizeof(said.rule_at) - 1);
	assert_int_equal(strlen(said.reason), sizeof(said.reason) - 1);
	assert_memory_equal(said.rule_at, "xxx??xxx", 8);
	for (const char *p = said.reason; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
}

static void expect_error(const struct policy *policy, const struct query *query)
{
	struct decision decision;
	struct decision_text said;

	memset(&decision, 0xff, sizeof(decision));
	decide(policy, query, &decision);
	decision_describe(policy, &decision, &said);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_string_equal(said.rule_id, "default:error");
	assert_null(decision.rule);
}

static void invariant_2_evaluation_error_is_a_denial(void **state)
{
	/* Under this policy nothing is denied but by an error. */
	_cleanup_(policy_freep) struct policy *policy =
		load("version: 1\n"
		     "rules:\n"
		     "  - {id: w, command: nvme.get-log-page, where: {lid: 2}, verdict: allow}\n"
		     "  - {id: all, hazards: [confidential, persistent, taints-kernel, broadcast], "
		     "verdict: allow}\n");
	struct command other_generation = small_nvme[0];
	const char **strings[7];
	struct decision decision;
	struct question q;

	question_init(&q);
	decide(policy, &q.query, &decision);
	assert_int_equal(decision.verdict, VERDICT_ALLOW);

	expect_error(policy, NULL);
	expect_error(policy, &(struct query){.device = &q.device, .request = &q.request});
	expect_error(policy, &(struct query){.caller = &q.caller, .request = &q.request});
	expect_error(policy, &(struct query){.caller = &q.caller, .device = &q.device});

	q.caller.uid = (uid_t)-1;
	expect_error(policy, &q.query);
	question_init(&q);
	q.caller.gids = NULL;
	expect_error(policy, &q.query);

	question_init(&q);
	q.request.command = NULL;
	expect_error(policy, &q.query);
	question_init(&q);
	q.request.class = 0;
	expect_error(policy, &q.query);
	q.request.class = _CLASS_MAX;
	expect_error(policy, &q.query);
	q.request.class = -1;
	expect_error(policy, &q.query);

	/* An effect that this build does not know, and a class that is better than its effects. */
	question_init(&q);
	q.request.effects = EFFECT_BIT(_EFFECT_MAX);
	expect_error(policy, &q.query);
	question_init(&q);
	q.request.effects = EFFECT_BIT(EFFECT_DATA_LOSS);
	expect_error(policy, &q.query);

	question_init(&q);
	strings[0] = &q.device.dialect;
	strings[1] = &q.device.driver;
	strings[2] = &q.device.pci;
	strings[3] = &q.device.serial;
	strings[4] = &q.device.model;
	strings[5] = &q.device.firmware;
	strings[6] = &q.device.nqn;
	for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
		const char *saved = *strings[i];

		*strings[i] = NULL;
		expect_error(policy, &q.query);
		*strings[i] = saved;
	}

	/* A condition counts the fields of the command that it was made for, and of no other. */
	q.request.command = &other_generation;
	expect_error(policy, &q.query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_match_decides),
		cmocka_unit_test(without_a_rule_the_strictest_default_counts),
		cmocka_unit_test(a_rule_that_opens_must_name_every_hazard),
		cmocka_unit_test(devices_are_matched_exactly_or_by_prefix),
		cmocka_unit_test(
			a_disputed_serial_opens_nothing_and_an_unknown_one_matches_nothing),
		cmocka_unit_test(callers_are_matched_by_user_or_group),
		cmocka_unit_test(commands_and_fields_are_matched),
		cmocka_unit_test(without_a_policy_everything_is_denied),
		cmocka_unit_test(long_and_strange_paths_make_printable_texts),
		cmocka_unit_test(invariant_2_evaluation_error_is_a_denial),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
