/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits: never more than `count` in any span of `per`, and not one less. */

#include <malloc.h>
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

#define SECOND UINT64_C(1000000)

DEFINE_CLEANUP(struct limit_book *, limit_book_free)

static struct limit_book *book_new(void)
{
	struct limit_book *book = NULL;

	assert_int_equal(limit_book_new(&book), 0);
	return book;
}

/* A request for a book: nothing but who asks, of which device, and when. */
struct use {
	struct caller_identity caller;
	struct device_identity device;
	struct query query;
};

static const struct query *use(struct use *use, uid_t uid, const char *device_id, uint64_t now)
{
	use->caller = (struct caller_identity){.uid = uid};
	use->device = (struct device_identity){.id = device_id};
	use->query = (struct query){.caller = &use->caller,
				    .device = &use->device,
				    .now = {.boottime_usec = now}};
	return &use->query;
}

static struct rule rule_with(const char *id, unsigned count, uint64_t per_usec, enum limit_by by)
{
	return (struct rule){
		.id = (char *)id,
		.verdict = VERDICT_ALLOW,
		.limit = {.count = count, .per_usec = per_usec, .by = by},
	};
}

/* As decide() and the broker together do it: may it, and if so, count it. */
static bool passes(struct limit_book *book, const struct rule *rule, uid_t uid,
		   const char *device_id, uint64_t now)
{
	struct use room;
	const struct query *query = use(&room, uid, device_id, now);
	uint64_t wait = 0, untouched = 42;

	if (limit_exhausted(book, rule, query, &wait)) {
		assert_true(wait > 0 && wait <= rule->limit.per_usec);
		/* What it says is true: to the microsecond. */
		assert_true(limit_exhausted(book, rule, use(&room, uid, device_id, now + wait - 1),
					    &untouched));
		assert_int_equal(untouched, 1);
		untouched = 42;
		assert_false(limit_exhausted(book, rule, use(&room, uid, device_id, now + wait),
					     &untouched));
		assert_int_equal(untouched, 42);
		return false;
	}
	assert_int_equal(wait, 0);
	assert_int_equal(limit_charge(book, rule, query), 0);
	return true;
}

static void without_a_book_nothing_was_used(void **state)
{
	const struct rule rule = rule_with("r", 1, SECOND, LIMIT_BY_RULE);
	struct use room;
	uint64_t wait = 42;

	assert_false(limit_exhausted(NULL, &rule, use(&room, 0, "d", 0), &wait));
	assert_int_equal(wait, 42);
	assert_null(limit_book_free(NULL));
}

static void window_slides(void **state)
{
	const struct rule rule = rule_with("r", 2, 10 * SECOND, LIMIT_BY_RULE);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();

	assert_true(passes(book, &rule, 0, "d", 0));
	assert_true(passes(book, &rule, 0, "d", 9 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 9 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 10 * SECOND - 1));
	/* Only the first one is over: in a window that began anew here there would be room for two.
	 */
	assert_true(passes(book, &rule, 0, "d", 10 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 10 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 19 * SECOND - 1));
	assert_true(passes(book, &rule, 0, "d", 19 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 19 * SECOND));
	assert_true(passes(book, &rule, 0, "d", 20 * SECOND));
}

static void clock_that_stands_still_opens_nothing(void **state)
{
	const struct rule rule = rule_with("r", 3, 1, LIMIT_BY_RULE);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(passes(book, &rule, 0, "d", 7), i < 3);
	assert_true(passes(book, &rule, 0, "d", 8));
}

/* Two refused ones more would be a use each, if refusals were counted. */
static void asking_counts_nothing(void **state)
{
	const struct rule rule = rule_with("r", 1, SECOND, LIMIT_BY_RULE);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();
	struct use room;
	uint64_t wait;

	for (unsigned i = 0; i < 10; i++)
		assert_false(limit_exhausted(book, &rule, use(&room, 0, "d", 0), &wait));
	assert_true(passes(book, &rule, 0, "d", 0));
	for (unsigned i = 1; i < 10; i++)
		assert_false(passes(book, &rule, 0, "d", i));
	assert_true(passes(book, &rule, 0, "d", SECOND));
}

/* Who has a limit of their own, and who shares one. */
static void callers_devices_and_rules_count_apart(void **state)
{
	static const struct {
		enum limit_by by;
		bool other_caller, other_device; /* pass when `first` is used up? */
	} cases[] = {
		{LIMIT_BY_CALLER, true, false},
		{LIMIT_BY_DEVICE, false, true},
		{LIMIT_BY_RULE, false, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(limit_book_freep) struct limit_book *book = book_new();
		const struct rule rule = rule_with("r", 1, SECOND, cases[i].by);
		const struct rule other = rule_with("s", 1, SECOND, cases[i].by);

		assert_true(passes(book, &rule, 1000, "nvme:A", 0));
		assert_false(passes(book, &rule, 1000, "nvme:A", 0));
		assert_int_equal(passes(book, &rule, 1001, "nvme:A", 0), cases[i].other_caller);
		assert_int_equal(passes(book, &rule, 1000, "nvme:B", 0), cases[i].other_device);
		/* Another rule counts by itself, whoever asks. */
		assert_true(passes(book, &other, 1000, "nvme:A", 0));
		assert_false(passes(book, &other, 1000, "nvme:A", 0));
	}
}

/* The straightforward one: all uses there ever were. */
struct naive {
	struct {
		char key[64];
		uint64_t at;
	} * uses;
	size_t n;
};

static void naive_key(const struct rule *rule, uid_t uid, const char *device_id, char ret[64])
{
	switch (rule->limit.by) {
	case LIMIT_BY_CALLER:
		snprintf(ret, 64, "%s caller %u", rule->id, uid);
		break;
	case LIMIT_BY_DEVICE:
		snprintf(ret, 64, "%s device %s", rule->id, device_id);
		break;
	default:
		snprintf(ret, 64, "%s", rule->id);
	}
}

static bool naive_passes(struct naive *naive, const struct rule *rule, uid_t uid,
			 const char *device_id, uint64_t now)
{
	unsigned counted = 0;
	char key[64];

	naive_key(rule, uid, device_id, key);
	for (size_t i = 0; i < naive->n; i++)
		counted += strcmp(naive->uses[i].key, key) == 0 &&
			   naive->uses[i].at + rule->limit.per_usec > now;
	if (counted >= rule->limit.count)
		return false;
	memcpy(naive->uses[naive->n].key, key, sizeof(key));
	naive->uses[naive->n++].at = now;
	return true;
}

/* Reloads give the rules other, stricter numbers meanwhile: what was counted, counts on. */
static void book_equals_a_list_of_all_uses(void **state)
{
	static const char *const ids[] = {"a", "b", "ab"}, *const devices[] = {"nvme:1", "nvme:2"};
	enum { ROUNDS = 200, STEPS = 300 };
	unsigned passed = 0, refused = 0;

	srandom(5);
	for (unsigned round = 0; round < ROUNDS; round++) {
		_cleanup_(limit_book_freep) struct limit_book *book = book_new();
		struct naive naive = {.uses = calloc(STEPS, sizeof(*naive.uses))};
		struct rule rules[ELEMENTSOF(ids)];
		uint64_t now = (uint64_t)random();

		assert_non_null(naive.uses);
		for (size_t i = 0; i < ELEMENTSOF(ids); i++)
			rules[i] = rule_with(ids[i], 1 + (unsigned)random() % 12,
					     1 + (uint64_t)random() % 50,
					     (enum limit_by)(random() % _LIMIT_BY_MAX));
		for (unsigned step = 0; step < STEPS; step++) {
			struct rule *rule = &rules[random() % ELEMENTSOF(ids)];
			const char *device = devices[random() % ELEMENTSOF(devices)];
			uid_t uid = (uid_t)random() % 3;
			bool expected;

			now += (uint64_t)random() % 4;
			if (random() % 100 == 0) {
				rule->limit.count = 1 + (unsigned)random() % rule->limit.count;
				rule->limit.per_usec =
					1 + (uint64_t)random() % rule->limit.per_usec;
			}
			expected = naive_passes(&naive, rule, uid, device, now);
			assert_int_equal(passes(book, rule, uid, device, now), expected);
			passed += expected;
			refused += !expected;
		}
		free(naive.uses);
	}
	/* Neither is rare. */
	assert_true(passed > ROUNDS * STEPS / 10 && refused > ROUNDS * STEPS / 10);
}

/* A reload keeps what was counted under the rule's id, whatever its numbers are now. */
static void reload_keeps_what_was_counted(void **state)
{
	struct rule rule = rule_with("r", 3, 60 * SECOND, LIMIT_BY_CALLER);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();
	char *id = strdup("r");

	for (unsigned i = 0; i < 3; i++)
		assert_true(passes(book, &rule, 0, "d", i * SECOND));
	/* The old policy is gone, and its strings with it. */
	memset(id, 'x', 1);
	free(id);
	id = strdup("r");
	rule = rule_with(id, 3, 60 * SECOND, LIMIT_BY_CALLER);
	assert_false(passes(book, &rule, 0, "d", 3 * SECOND));
	/* One more, two fewer, a shorter span. */
	rule.limit.count = 4;
	assert_true(passes(book, &rule, 0, "d", 3 * SECOND));
	assert_false(passes(book, &rule, 0, "d", 3 * SECOND));
	rule.limit.count = 1;
	assert_false(passes(book, &rule, 0, "d", 62 * SECOND));
	assert_true(passes(book, &rule, 0, "d", 63 * SECOND));
	rule.limit.per_usec = 2 * SECOND;
	assert_false(passes(book, &rule, 0, "d", 64 * SECOND));
	assert_true(passes(book, &rule, 0, "d", 65 * SECOND));
	/* By whom is another limit, which counts anew, root's as well, who is caller 0; back again,
	 * the old one is still there. */
	rule.limit.by = LIMIT_BY_RULE;
	assert_true(passes(book, &rule, 0, "d", 65 * SECOND));
	rule.limit.by = LIMIT_BY_CALLER;
	assert_false(passes(book, &rule, 0, "d", 65 * SECOND));
	/* Nobody inherits from an id that is the beginning of their own. */
	rule.id = (char *)"rr";
	assert_true(passes(book, &rule, 0, "d", 65 * SECOND));
	free(id);
}

static void greatest_numbers_hold(void **state)
{
	const struct rule rule =
		rule_with("r", LIMIT_COUNT_MAX, LIMIT_PER_MAX_USEC, LIMIT_BY_CALLER);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();

	for (unsigned i = 0; i < LIMIT_COUNT_MAX; i++)
		assert_true(passes(book, &rule, UINT32_MAX - 1, "d", i));
	assert_false(passes(book, &rule, UINT32_MAX - 1, "d", LIMIT_PER_MAX_USEC - 1));
	assert_true(passes(book, &rule, UINT32_MAX - 1, "d", LIMIT_PER_MAX_USEC));
	assert_false(passes(book, &rule, UINT32_MAX - 1, "d", LIMIT_PER_MAX_USEC));
	assert_true(passes(book, &rule, UINT32_MAX - 1, "d", LIMIT_PER_MAX_USEC + 1));
}

static void thousands_of_callers_do_not_meet(void **state)
{
	enum { CALLERS = 20000 };
	/* Longer than they take together, by half of that: what is looked through on the way holds
	 * uses of every age, and none that is over. */
	const struct rule rule = rule_with("r", 1, CALLERS * 3 / 2, LIMIT_BY_CALLER);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();

	for (uid_t uid = 0; uid < CALLERS; uid++)
		assert_true(passes(book, &rule, uid, "d", uid));
	/* All of them are still known: nothing that counts was forgotten for want of room. */
	for (uid_t uid = 0; uid < CALLERS; uid++)
		assert_false(passes(book, &rule, uid, "d", CALLERS));
}

/*
 * Callers come and go, a million of them, each with a use of its own. What is over is forgotten; a
 * book that kept all would take more than 100 MB here. (A sanitizer's allocator has no such
 * numbers, and says 0.)
 */
static void memory_does_not_grow_for_ever(void **state)
{
	const struct rule rule = rule_with("r", 2, 100, LIMIT_BY_CALLER);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();
	size_t before = mallinfo2().uordblks, most = 0;
	struct use room;

	for (uid_t uid = 0; uid < 1000000; uid++) {
		assert_int_equal(limit_charge(book, &rule, use(&room, uid, "d", uid)), 0);
		if (uid % 1000 == 0 && mallinfo2().uordblks > before + most)
			most = mallinfo2().uordblks - before;
	}
	assert_true(most < 1024 * 1024);
}

/* One caller, for ever: what is kept of them is bounded by `count`. */
static void memory_of_one_caller_is_bounded(void **state)
{
	const struct rule rule = rule_with("r", LIMIT_COUNT_MAX, 1, LIMIT_BY_CALLER);
	_cleanup_(limit_book_freep) struct limit_book *book = book_new();
	size_t before = mallinfo2().uordblks;

	for (unsigned i = 0; i < 100000; i++)
		assert_true(passes(book, &rule, 0, "d", i));
	assert_true(mallinfo2().uordblks < before + 64 * LIMIT_COUNT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_book_nothing_was_used),
		cmocka_unit_test(window_slides),
		cmocka_unit_test(clock_that_stands_still_opens_nothing),
		cmocka_unit_test(asking_counts_nothing),
		cmocka_unit_test(callers_devices_and_rules_count_apart),
		cmocka_unit_test(book_equals_a_list_of_all_uses),
		cmocka_unit_test(reload_keeps_what_was_counted),
		cmocka_unit_test(greatest_numbers_hold),
		cmocka_unit_test(thousands_of_callers_do_not_meet),
		cmocka_unit_test(memory_does_not_grow_for_ever),
		cmocka_unit_test(memory_of_one_caller_is_bounded),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
