/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The index against a walk over all rules, and what is hard for an index: long lists, a device in
 * many sets, long patterns, many rules.
 *
 *     test-index [PAIRS [SEED]]
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
#include "policy/index.h"
#include "policy/key-table.h"
#include "policy/match.h"
#include "policy/rule.h"
#include "tests/unit/rule-sketch.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

static unsigned long pairs_wanted = 200000;
static uint64_t seed = 1;

static struct policy *load(const char *text, size_t size)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	if (policy_load_text("/etc/p.yaml", text, size, &small_catalogue, test_accounts(),
			     &problems, &policy) < 0)
		fail_msg("%s\n%s", problems.items[0].text, text);
	return policy;
}

/* A policy of one rule, whatever others there are. */
static struct policy *load_random_rule(void)
{
	_cleanup_free_ char *text = NULL;
	struct sketch sketch;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	sketch_random(&sketch);
	fputs("version: 1\nrules:\n", file);
	sketch_write(&sketch, 0, file);
	fclose(file);
	return load(text, size);
}

/* The rules of several policies one after the other; what they point to stays the policies'. */
struct heap {
	struct rule *rules;
	size_t n;
	struct rule_index *index;
};

static void heap_done(struct heap *heap)
{
	rule_index_free(heap->index);
	free(heap->rules);
}

static struct rule_matches walk_match(const struct heap *heap, const struct query *query)
{
	struct rule_matches matches = {};

	for (size_t i = 0; i < heap->n && !matches.enforced; i++) {
		const struct rule *rule = &heap->rules[i];

		if (!rule_matches(rule, query, NULL))
			continue;
		if (!rule->observe)
			matches.enforced = rule;
		else if (!matches.observed)
			matches.observed = rule;
	}
	return matches;
}

static const struct rule *walk_shadow(const struct heap *heap, const struct rule *later)
{
	for (const struct rule *rule = heap->rules; rule < later; rule++)
		if (rule_shadows(rule, later))
			return rule;
	return NULL;
}

/* How many are there? */
static unsigned compare_shadows(const struct heap *heap)
{
	unsigned found = 0;

	for (const struct rule *later = heap->rules; later < heap->rules + heap->n; later++) {
		const struct rule *earlier = rule_index_shadow(heap->index, later);

		assert_ptr_equal(earlier, walk_shadow(heap, later));
		found += earlier != NULL;
	}
	return found;
}

static unsigned compare_match(const struct heap *heap, const struct question *q)
{
	struct rule_matches expected = walk_match(heap, &q->query), matches;

	assert_int_equal(rule_index_match(heap->index, &q->query, &matches), 0);
	assert_ptr_equal(matches.enforced, expected.enforced);
	assert_ptr_equal(matches.observed, expected.observed);
	return (matches.enforced != NULL) + (matches.observed != NULL);
}

static void random_rules_are_found(void **state)
{
	static struct policy *pool[4000];
	unsigned long pairs = 0, found = 0, shadows = 0;

	random_state = 0x9e3779b97f4a7c15ULL * seed;
	for (size_t i = 0; i < ELEMENTSOF(pool); i++)
		pool[i] = load_random_rule();
	while (pairs < pairs_wanted) {
		_cleanup_(heap_done) struct heap heap = {
			.n = 1 + random_below(random_below(20) ? 60 : 1000),
		};

		heap.rules = calloc(heap.n, sizeof(*heap.rules));
		for (size_t i = 0; i < heap.n; i++)
			heap.rules[i] = pool[random_below(ELEMENTSOF(pool))]->rules[0];
		assert_int_equal(rule_index_new(&small_catalogue, heap.rules, heap.n, &heap.index),
				 0);
		for (unsigned i = 0; i < 200; i++) {
			struct question q;

			question_random(&q);
			found += compare_match(&heap, &q);
			pairs++;
		}
		shadows += compare_shadows(&heap);
	}
	print_message("# %lu pairs, %lu matches, %lu shadows\n", pairs, found, shadows);
	assert_true(found > pairs / 4 && found < 2 * pairs && shadows > 1000);
	for (size_t i = 0; i < ELEMENTSOF(pool); i++)
		policy_free(pool[i]);
}

/* Writes `n` numbers from `first` on. */
static void write_numbers(FILE *file, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(file, "%u, ", first + i);
}

/* The rule that decides, or -1. */
static int decide_by(const struct policy *policy, const struct question *q)
{
	struct decision decision;

	decide(policy, &q->query, &decision);
	return decision.rule ? (int)(decision.rule - policy->rules) : -1;
}

static void long_lists_are_found(void **state)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *text = NULL;
	struct question q;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	question_init(&q);
	fputs("version: 1\nrules:\n- id: callers\n  verdict: allow\n  caller: {user: [", file);
	write_numbers(file, 5000, 600);
	fputs("], group: [", file);
	write_numbers(file, 5000, 600);
	fputs("]}\n  command: [nvme.format-nvm, cxl.*]\n- id: both\n  verdict: allow\n"
	      "  caller: {user: [",
	      file);
	write_numbers(file, 7000, 30);
	fputs("]}\n  command: [nvme.get-log-page]\n  where: {lid: [1, 3, 5-90]}\n- id: values\n"
	      "  verdict: allow\n  command: [nvme.get-log-page]\n  where: {lid: [",
	      file);
	write_numbers(file, 100, 90);
	fputs("], rae: 1}\n", file);
	fclose(file);
	policy = load(text, size);

	q.request.command = &small_nvme[2];
	for (uid_t uid = 4990; uid < 5610; uid++) {
		bool listed = uid >= 5000 && uid < 5600;

		q.caller.uid = uid;
		q.caller.n_gids = 0;
		assert_int_equal(decide_by(policy, &q), listed ? 0 : -1);
		q.caller.uid = 1;
		q.caller.n_gids = 2;
		q.gids[1] = (gid_t)uid;
		assert_int_equal(decide_by(policy, &q), listed ? 0 : -1);
	}
	q.request.command = &small_nvme[0];
	assert_int_equal(decide_by(policy, &q), -1);
	for (unsigned lid = 0; lid < 256; lid++) {
		bool both = lid == 1 || lid == 3 || (lid >= 5 && lid <= 90);

		q.request.values[0].number = lid;
		q.caller.uid = 7029;
		q.request.values[1].number = 0;
		assert_int_equal(decide_by(policy, &q), both ? 1 : -1);
		q.request.values[1].number = 1;
		assert_int_equal(decide_by(policy, &q), both			  ? 1
							: lid >= 100 && lid < 190 ? 2
										  : -1);
	}
}

/* `name` and its beginnings, as patterns. */
static void write_beginnings(FILE *file, const char *name)
{
	for (size_t length = 1; length <= strlen(name); length++)
		fprintf(file, "\"%.*s*\", ", (int)length, name);
}

/* More commands than callers, and too many of both for each of each. */
static void two_long_lists_are_found(void **state)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *text = NULL;
	struct question q;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	question_init(&q);
	q.caller.n_gids = 0;
	fputs("version: 1\nrules:\n- id: r\n  verdict: allow\n  caller: {user: [", file);
	write_numbers(file, 100, 20);
	fputs("]}\n  command: [", file);
	write_beginnings(file, "cxl.set-feature");
	write_beginnings(file, "nvme.get-log-page");
	fputs("]\n", file);
	fclose(file);
	policy = load(text, size);
	for (uid_t uid = 95; uid < 125; uid++) {
		int rule = uid >= 100 && uid < 120 ? 0 : -1;

		q.caller.uid = uid;
		q.request.command = &small_nvme[0];
		assert_int_equal(decide_by(policy, &q), rule);
		q.request.command = &small_cxl[1];
		assert_int_equal(decide_by(policy, &q), rule);
	}
}

/* One rule a set; the device is in all of them. */
static void a_device_can_be_in_many_sets(void **state)
{
	for (unsigned n = 1; n < 3000; n = n * 2 + 1) {
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_free_ char *text = NULL;
		struct question q;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		question_init(&q);
		fputs("version: 1\nrules:\n", file);
		for (unsigned i = 0; i < n; i++)
			fprintf(file,
				"- {id: r%u, verdict: allow, caller: {user: %u}, device: {model: "
				"\"QEMU*\", firmware: [\"8.*\", other-%u]}, observe: %s}\n",
				i, i, i, i % 2 ? "true" : "false");
		fclose(file);
		policy = load(text, size);
		for (unsigned i = 0; i < n; i++) {
			struct decision decision;

			q.caller.uid = i;
			decide(policy, &q.query, &decision);
			assert_ptr_equal(decision.rule, i % 2 ? NULL : &policy->rules[i]);
			assert_ptr_equal(decision.observed, i % 2 ? &policy->rules[i] : NULL);
		}
	}
}

static void long_prefixes_are_found(void **state)
{
	for (unsigned length = 250; length < 260; length++) {
		_cleanup_(policy_freep) struct policy *policy = NULL;
		char text[2048], model[512];
		struct question q;

		question_init(&q);
		memset(model, 'm', sizeof(model));
		model[length] = '\0';
		snprintf(text, sizeof(text),
			 "version: 1\nrules:\n"
			 "- {id: exact, verdict: allow, device: {model: \"%s\"}}\n"
			 "- {id: prefix, verdict: allow, device: {model: \"%s*\"}}\n",
			 model, model);
		policy = load(text, strlen(text));
		q.device.model = model;
		assert_int_equal(decide_by(policy, &q), 0);
		model[length] = 'm';
		model[length + 1] = '\0';
		assert_int_equal(decide_by(policy, &q), 1);
		model[length - 1] = '\0';
		assert_int_equal(decide_by(policy, &q), -1);
	}
}

static void commands_of_another_catalogue_are_refused(void **state)
{
	static const char text[] =
		"version: 1\ndefaults: {read-only: allow}\n"
		"rules: [{id: r, verdict: allow, command: nvme.*}]\n";
	_cleanup_(policy_freep) struct policy *policy = load(text, strlen(text));
	struct command other = small_nvme[0];
	struct rule_matches matches;
	struct decision decision;
	struct question q;

	question_init(&q);
	assert_int_equal(decide_by(policy, &q), 0);
	q.request.command = &other;
	assert_int_equal(rule_index_match(policy->index, &q.query, &matches), -ESTALE);
	decide(policy, &q.query, &decision);
	assert_int_equal(decision.by, DECIDED_BY_OTHER_CATALOGUE);
	assert_int_equal(decision.verdict, VERDICT_DENY);
}

static void tables_keep_what_they_are_given(void **state)
{
	_cleanup_(key_table_done) struct key_table table = {};

	assert_int_equal(key_table_get(&table, 7), 0);
	/* Few of the lowest bits, so that keys meet. */
	for (uint32_t i = 1; i <= 5000; i++) {
		uint32_t *value = key_table_put(&table, i << 6);

		assert_non_null(value);
		assert_int_equal(*value, 0);
		*value = i;
		assert_int_equal(*key_table_put(&table, i << 6), i);
	}
	assert_int_equal(table.n, 5000);
	assert_true(table.size >= 2 * table.n);
	for (uint32_t i = 1; i <= 5000; i++) {
		assert_int_equal(key_table_get(&table, i << 6), i);
		assert_int_equal(key_table_get(&table, (i << 6) + 1), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_are_found),
		cmocka_unit_test(long_lists_are_found),
		cmocka_unit_test(two_long_lists_are_found),
		cmocka_unit_test(a_device_can_be_in_many_sets),
		cmocka_unit_test(long_prefixes_are_found),
		cmocka_unit_test(commands_of_another_catalogue_are_refused),
		cmocka_unit_test(tables_keep_what_they_are_given),
	};

	if (argc > 1)
		pairs_wanted = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
