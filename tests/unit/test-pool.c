/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that is freed as a whole, and what is known by its text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/intern.h"
#include "policy/pool.h"

DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

/* Of all sizes around that of a block, each filled, and none touched by another. */
static void rooms_are_apart_and_zero(void **state)
{
	enum { N = 600 };
	_cleanup_(pool_done) struct pool pool = {};
	unsigned char *rooms[N];
	size_t sizes[N];

	for (size_t i = 0; i < N; i++) {
		sizes[i] = i < 500 ? i * 7 % 257 : 256 * 1024 - 590 + i;
		rooms[i] = pool_alloc(&pool, 1, sizes[i]);
		assert_non_null(rooms[i]);
		assert_int_equal((uintptr_t)rooms[i] % sizeof(uint64_t), 0);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(rooms[i][j], 0);
		memset(rooms[i], (int)(i % 255 + 1), sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(rooms[i][j], i % 255 + 1);
}

/* Back to a mark, over blocks and what is larger than one; what is taken then is zero again. */
static void what_was_taken_since_a_mark_is_given_back(void **state)
{
	_cleanup_(pool_done) struct pool pool = {};
	const struct pool_mark begin = pool_mark(&pool);
	char *first = pool_strdup(&pool, "first"), *next;
	const struct pool_mark mark = pool_mark(&pool);

	for (unsigned round = 0; round < 3; round++) {
		static const size_t sizes[] = {8, 1024 * 1024, 8, 200 * 1024, 200 * 1024};

		for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
			char *room = pool_alloc(&pool, 1, sizes[i]);

			assert_non_null(room);
			if (i == 0)
				assert_ptr_equal(room, first + 8);
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(room[j], 0);
			memset(room, 0xff, sizes[i]);
		}
		pool_release(&pool, mark);
		assert_ptr_equal(pool.blocks, mark.block);
		assert_string_equal(first, "first");
	}
	next = pool_alloc(&pool, 1, 8);
	assert_ptr_equal(next, first + 8);
	pool_release(&pool, begin);
	assert_null(pool.blocks);
}

static void sizes_that_overflow_are_refused(void **state)
{
	_cleanup_(pool_done) struct pool pool = {};

	volatile size_t many = SIZE_MAX / 2, all = SIZE_MAX; /* the compiler must not know */

	assert_null(pool_alloc(&pool, many, 3));
	assert_null(pool_alloc(&pool, 1, all));
	assert_non_null(pool_alloc(&pool, 0, 8));
}

static void texts_are_copied(void **state)
{
	_cleanup_(pool_done) struct pool pool = {};
	char text[] = "abcdef";
	char *whole = pool_strdup(&pool, text), *part = pool_strndup(&pool, text, 3);

	text[0] = 'x';
	assert_string_equal(whole, "abcdef");
	assert_string_equal(part, "abc");
}

/* What a tree is known by tells apart all that a reader could take for something else. */
static void trees_have_keys_of_their_own(void **state)
{
	static const char *const texts[] = {
		"a",	    "\"a\"",	"[a]",	      "[[a]]",	     "{a: b}", "[a, b]",
		"{b: a}",   "{a: [b]}", "[{a: b}]",   "{a: {b: c}}", "ab",     "[ab]",
		"[[a], b]", "[[a, b]]", "[a, [b]]",   "[a, b, []]",  "[]",     "{}",
		"\"\"",	    "[\"\"]",	"{a: \"b\"}", "[sa]",	     "[s, a]", "{a: b, c: d}",
	};
	_cleanup_(intern_done) struct intern intern = {};

	for (unsigned round = 0; round < 2; round++)
		for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
			_cleanup_(problems_done) struct problems problems = {};
			_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
			struct interned *entry;

			assert_int_equal(yaml_text_load("t", texts[i], strlen(texts[i]), &problems,
							&file),
					 0);
			intern_key_node(&intern, file->root);
			entry = intern_find(&intern, INTERN_DEVICE);
			assert_non_null(entry);
			assert_ptr_equal(entry->value, round == 0 ? NULL : texts[i]);
			entry->value = texts[i];
		}
}

static void kinds_do_not_mix(void **state)
{
	_cleanup_(intern_done) struct intern intern = {};
	struct interned *entry;

	intern_key_bytes(&intern, "x", 1);
	entry = intern_find(&intern, INTERN_ID);
	entry->value = entry;
	intern_key_bytes(&intern, "x", 1);
	assert_null(intern_find(&intern, INTERN_ZONE)->value);
	/* A key is used up by the search for it. */
	intern_key_bytes(&intern, "x", 1);
	assert_ptr_equal(intern_find(&intern, INTERN_ID), entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rooms_are_apart_and_zero),
		cmocka_unit_test(what_was_taken_since_a_mark_is_given_back),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(trees_have_keys_of_their_own),
		cmocka_unit_test(kinds_do_not_mix),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
