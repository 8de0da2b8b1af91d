/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loading many rules: what they share, what is said of each, and how much there may be. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/policy.h"
#include "policy/rule.h"
#include "tests/unit/small-catalogue.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

static int load(const char *text, struct problems *problems, struct policy **ret)
{
	return policy_load_text("test.yaml", text, strlen(text), &small_catalogue, test_accounts(),
				problems, ret);
}

/* How many of the problems say so. */
static size_t said(const struct problems *problems, const char *fragment)
{
	size_t n = 0;

	for (size_t i = 0; i < problems->n; i++)
		n += strstr(problems->items[i].text, fragment) != NULL;
	return n;
}

static void rules_share_what_they_say_alike(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules:\n"
		"  - {id: a, class: read-only, caller: {user: root}, device: {serial: \"A*\"},\n"
		"     command: nvme.get-log-page, where: {lid: 2}, verdict: allow,\n"
		"     when: {days: sat, zone: UTC}}\n"
		"  - {id: b, class: config-change, caller: {user: root}, device: {serial: "
		"\"A*\"},\n"
		"     command: nvme.get-log-page, where: {lid: 2}, verdict: allow,\n"
		"     when: {days: sat, zone: UTC}}\n"
		"  - {id: c, caller: {user: [root, 17]}, device: {serial: \"A\"},\n"
		"     command: nvme.get-log-page, where: {lid: 3}, verdict: allow,\n"
		"     when: {days: sun, zone: UTC}}\n"
		"  - {id: d, caller: {user: \"root\"}, command: nvme.get-log-page, verdict: "
		"allow}\n";
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	const struct rule *rules;

	assert_int_equal(load(text, &problems, &policy), 0);
	rules = policy->rules;
	assert_ptr_equal(rules[0].caller, rules[1].caller);
	assert_ptr_equal(rules[0].device, rules[1].device);
	assert_ptr_equal(rules[0].command, rules[1].command);
	assert_ptr_equal(rules[0].when, rules[1].when);
	for (unsigned i = 2; i < 4; i++) {
		assert_ptr_not_equal(rules[0].caller, rules[i].caller);
		assert_ptr_not_equal(rules[0].device, rules[i].device);
		assert_ptr_not_equal(rules[0].command, rules[i].command);
		assert_ptr_not_equal(rules[0].when, rules[i].when);
	}
	assert_ptr_equal(rules[0].when->zone, rules[2].when->zone);
	assert_int_equal(policy->n_zones, 1);
	assert_true(rules[0].device->keys[DEVICE_SERIAL].items[0].prefix);
	assert_false(rules[2].device->keys[DEVICE_SERIAL].items[0].prefix);
	assert_int_equal(rules[2].caller->n_uids, 2);
	assert_int_equal(rules[2].caller->uids[1], 17);
	assert_int_equal(rules[0].command->where[0].terms[0].ranges[0].last, 2);
	assert_int_equal(rules[2].command->where[0].terms[0].ranges[0].last, 3);
	assert_null(rules[3].command->where);
	assert_string_equal(rules[3].command->commands[0]->full_name, "nvme.get-log-page");
}

/* What is wrong with a text is wrong wherever it stands. */
static void the_same_mistake_is_said_of_each_rule(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules:\n"
		"  - {id: a, caller: {user: no-such-user}, device: {type: nvmee},\n"
		"     command: nvme.nothing, when: {days: never, zone: UTC}, verdict: allow}\n"
		"  - {id: b, caller: {user: no-such-user}, device: {type: nvmee},\n"
		"     command: nvme.nothing, when: {days: never, zone: UTC}, verdict: allow}\n";
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(load(text, &problems, &policy), -EBADMSG);
	assert_int_equal(said(&problems, "no user \"no-such-user\""), 2);
	assert_int_equal(said(&problems, "no device type \"nvmee\""), 2);
	assert_int_equal(said(&problems, "no command \"nvme.nothing\""), 2);
	assert_int_equal(said(&problems, "\"never\" is no day"), 2);
	assert_int_equal(problems.n_errors, 6);
	assert_int_equal(problems.n_warnings, 2);
}

/* Text that is right in one rule is not so in every other. */
static void what_is_right_depends_on_the_verdict(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules:\n"
		"  - {id: a, caller: {group: root}, verdict: allow}\n"
		"  - {id: b, caller: {group: root}, verdict: deny}\n"
		"  - {id: c, class: read-only, command: nvme.get-log-page, verdict: deny}\n"
		"  - {id: d, class: read-only, command: nvme.get-log-page, verdict: allow}\n"
		"  - {id: e, class: read-only, command: nvme.get-log-page, where: {lid: 2},\n"
		"     device: {type: cxl}, verdict: allow}\n"
		"  - {id: f, class: read-only, command: nvme.get-log-page, where: {lid: 2},\n"
		"     device: {type: nvme}, verdict: allow}\n";
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(load(text, &problems, &policy), -EBADMSG);
	assert_int_equal(said(&problems, "can't name a group"), 1);
	assert_int_equal(said(&problems, "no device of its `type`"), 1);
	assert_int_equal(problems.n_errors, 2);
}

static void every_problem_is_said_in_one_run(void **state)
{
	static const char text[] =
		"version: 1\n"
		"defaults: {read-only: alow, nothing: deny}\n"
		"rules:\n"
		"  - {id: a b, class: x, hazards: y, verdict: allow, note: \"\"}\n"
		"  - {id: !tag c, id: c, command: nvme.nothing, verdict: z}\n"
		"  - 17\n"
		"  - {caller: {usr: root, group: [{a: b}]}, devise: {}, verdict: allow}\n"
		"  - {id: c, device: {pci: x, type: y, modell: z}, where: {lid: 2}, verdict: "
		"deny,\n"
		"     limit: {count: 0}, when: {days: [sat, x], from: \"25:00\"}, max-scope: x}\n"
		"extra: 1\n";
	static const struct {
		unsigned line;
		const char *fragment;
	} table[] = {
		{2, "\"alow\" is no verdict"},
		{2, "\"nothing\" has no default"},
		{4, "\"a b\" can't be the id of a rule"},
		{4, "\"x\" is no effect class"},
		{4, "\"y\" is no hazard"},
		{4, "found nothing"},
		{5, "Tags are not supported"},
		{5, "\"id\" stands here twice"},
		{5, "no command \"nvme.nothing\""},
		{5, "\"z\" is no verdict"},
		{6, "A rule is a map"},
		{7, "Unknown key \"usr\". Did you mean \"user\"?"},
		{7, "Expected a group here, not a map"},
		{7, "Unknown key \"devise\". Did you mean \"device\"?"},
		{7, "This rule has no `id`"},
		{8, "The id \"c\" is taken by the rule at test.yaml:5"},
		{8, "\"x\" is no PCI address"},
		{8, "no device type \"y\""},
		{8, "Unknown key \"modell\". Did you mean \"model\"?"},
		{8, "`where` tests fields of a command"},
		{9, "A rule that denies has no `limit`"},
		{9, "This limit has no `per`"},
		{9, "A limit of 0"},
		{9, "\"x\" is no day"},
		{9, "`to` is missing"},
		{9, "`when` has no `zone`"},
		{9, "A rule that denies has no `max-scope`"},
		{10, "Unknown key \"extra\""},
	};
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(load(text, &problems, &policy), -EBADMSG);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		size_t j = 0;

		while (j < problems.n && (problems.items[j].line != table[i].line ||
					  !strstr(problems.items[j].text, table[i].fragment)))
			j++;
		if (j == problems.n)
			fail_msg("line %u: nothing says \"%s\"", table[i].line, table[i].fragment);
	}
	assert_int_equal(problems.n, ELEMENTSOF(table));
}

/* A file that ends in a syntax error says that more may follow; the others are read. */
static void a_broken_file_hides_no_other(void **state)
{
	char folder[] = "/tmp/test-policy-load-XXXXXX";
	static const char *const files[] = {
		"version: 1\nrules: [{id: a, verdict: x}]\n",
		"version: 1\nrules: [\n",
		"version: 1\nrules: [{id: b, verdict: y}]\n",
	};
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;
	char path[64];

	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < ELEMENTSOF(files); i++) {
		_cleanup_fclose_ FILE *file = NULL;

		snprintf(path, sizeof(path), "%s/%u.yaml", folder, i);
		file = fopen(path, "we");
		assert_true(fputs(files[i], file) >= 0);
	}
	assert_int_equal(policy_load((const char *[]){folder, NULL}, false, &small_catalogue,
				     test_accounts(), &problems, &policy),
			 -EBADMSG);
	assert_int_equal(said(&problems, "is no verdict"), 2);
	assert_int_equal(said(&problems, "not valid YAML"), 1);
	assert_int_equal(said(&problems, "What follows was not looked at."), 1);
	assert_int_equal(problems.n, 3);
	for (unsigned i = 0; i < ELEMENTSOF(files); i++) {
		snprintf(path, sizeof(path), "%s/%u.yaml", folder, i);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void bad(const char *text, const char *fragment)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(load(text, &problems, &policy), -EBADMSG);
	assert_null(policy);
	assert_true(said(&problems, fragment) > 0);
}

/* "head item item ... tail", n times the item, whose first %u counts up. */
static char *repeated(const char *head, const char *item, unsigned n, const char *tail)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	fputs(head, file);
	for (unsigned i = 0; i < n; i++) {
		const char *number = strstr(item, "%u");

		if (number)
			fprintf(file, "%.*s%u%s", (int)(number - item), item, i, number + 2);
		else
			fputs(item, file);
	}
	fputs(tail, file);
	fclose(file);
	return text;
}

static void lists_are_bounded(void **state)
{
	static const char head[] = "version: 1\nrules:\n- {id: a, verdict: allow, ";
	static const char get[] = "version: 1\nrules:\n- {id: a, verdict: allow, where: {lid: [";
	_cleanup_free_ char *users = repeated(head, "", 1, "caller: {user: ["), *fits = NULL,
			    *more = NULL, *serials = NULL, *values = NULL, *pairs = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;

	fits = repeated(users, "%u, ", RULE_LIST_MAX, "]}}\n");
	more = repeated(users, "%u, ", RULE_LIST_MAX + 1, "]}}\n");
	assert_int_equal(load(fits, &problems, &policy), 0);
	assert_int_equal(policy->rules[0].caller->n_uids, RULE_LIST_MAX);
	bad(more, "This list has 1025 entries; 1024 are the most");

	serials = repeated("version: 1\nrules:\n- {id: a, verdict: deny, device: {serial: [",
			   "S%u, ", RULE_LIST_MAX + 1, "]}}\n");
	bad(serials, "1024 are the most");
	values = repeated(get, "2, ", RULE_CONDITIONS_MAX + 1, "]}, command: nvme.get-log-page}\n");
	bad(values, "1 command and 4097 values");
	pairs = repeated(get, "2, ", RULE_CONDITIONS_MAX / 2 + 1,
			 "]}, command: [nvme.get-log-page, nvme.get-log-page]}\n");
	bad(pairs, "2 commands and 2049 values");
}

/* A flood of mistakes is told of as far as somebody can read, and counted. */
static void floods_are_counted(void **state)
{
	static const char *const items[] = {
		"- {id: r%u, verdict: x}\n",
		"- {id: same, verdict: deny}\n",
		"- {idd: r%u, verdict: deny}\n",
		"- {id: r%u, verdict: deny, command: nvme.get-log-pagee}\n",
		"- {id: r%u, verdict: deny, caller: {user: no-such-user}}\n",
		"- {id: r%u, verdict: deny, k%u: !t x}\n",
	};

	for (size_t i = 0; i < ELEMENTSOF(items); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *text = repeated("version: 1\nrules:\n", items[i], 5000, "");
		struct policy *policy = NULL;

		assert_int_equal(load(text, &problems, &policy), -EBADMSG);
		assert_true(problems.n_errors >= 4999);
		assert_int_equal(problems.n, PROBLEMS_MAX);
	}
}

/* One list of names that nobody has: a rule's are not asked for one by one any more. */
static void unknown_users_switch_off_however_many(void **state)
{
	_cleanup_free_ char *text = repeated(
		"version: 1\nrules:\n- id: a\n  verdict: allow\n"
		"  caller:\n    user:\n",
		"    - nobody-%u\n", RULE_LIST_MAX, "");
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;

	assert_int_equal(load(text, &problems, &policy), 0);
	assert_true(policy->rules[0].disabled);
	assert_int_equal(policy->rules[0].caller->n_uids, 0);
	assert_int_equal(problems.n, PROBLEMS_MAX);
}

/* RULES_MAX, which no single file can hold. `last` is the end of the last file. */
static void load_many(const char *last, struct problems *problems)
{
	enum { FILES = 16, RULES_A_FILE = RULES_MAX / FILES };
	char folder[] = "/tmp/test-policy-load-XXXXXX", path[64];
	struct policy *policy = NULL;

	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < FILES; i++) {
		_cleanup_fclose_ FILE *file = NULL;

		snprintf(path, sizeof(path), "%s/%02u.yaml", folder, i);
		file = fopen(path, "we");
		assert_non_null(file);
		fputs("version: 1\nrules:\n", file);
		for (unsigned j = 0; j < RULES_A_FILE; j++)
			fprintf(file, "- {id: r%u, verdict: %s}\n", i * RULES_A_FILE + j,
				i + 1 == FILES && j == 0 ? "x" : "deny");
		if (i + 1 == FILES)
			fputs(last, file);
	}
	assert_int_equal(policy_load((const char *[]){folder, NULL}, false, &small_catalogue,
				     test_accounts(), problems, &policy),
			 -EBADMSG);
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%02u.yaml", folder, i);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void rules_are_bounded(void **state)
{
	_cleanup_(problems_done) struct problems most = {}, more = {};

	/* One rule is wrong, and is all that is: the last one's id is compared with each. */
	load_many("", &most);
	assert_int_equal(said(&most, "is no verdict"), 1);
	assert_int_equal(most.n_errors, 1);
	load_many("- {id: r17, verdict: deny}\n", &more);
	assert_int_equal(said(&more, "more than 200000 rules"), 1);
	assert_int_equal(more.n_errors, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_share_what_they_say_alike),
		cmocka_unit_test(the_same_mistake_is_said_of_each_rule),
		cmocka_unit_test(what_is_right_depends_on_the_verdict),
		cmocka_unit_test(every_problem_is_said_in_one_run),
		cmocka_unit_test(a_broken_file_hides_no_other),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(floods_are_counted),
		cmocka_unit_test(unknown_users_switch_off_however_many),
		cmocka_unit_test(rules_are_bounded),
	};

	return cmocka_run_group_tests_name("policy-load", tests, NULL, NULL);
}
