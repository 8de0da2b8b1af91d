/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/exec/arena.h"

static uint8_t memory[ARENA_MAX], given[ARENA_GIVEN_MAX], reply[ARENA_MAX];

static int setup(void **state)
{
	memset(memory, 0xee, sizeof(memory));
	memset(reply, 0xee, sizeof(reply));
	for (size_t i = 0; i < sizeof(given); i++)
		given[i] = (uint8_t)(i % 251 + 1);
	return 0;
}

static uint64_t address_at(size_t offset)
{
	uint64_t address;

	memcpy(&address, memory + offset, sizeof(address));
	return address;
}

static void test_load(void **state)
{
	const struct arena arena = {.size = 9000, .given = 100};

	arena_load(memory, &arena, given);
	assert_memory_equal(memory, given, 100);
	for (size_t i = 100; i < 9000; i++)
		assert_int_equal(memory[i], 0);
	assert_int_equal(memory[9000], 0xee);
}

static void test_load_all(void **state)
{
	const struct arena arena = {.size = ARENA_MAX, .given = ARENA_GIVEN_MAX};

	arena_load(memory, &arena, given);
	assert_memory_equal(memory, given, ARENA_GIVEN_MAX);
	for (size_t i = ARENA_GIVEN_MAX; i < ARENA_MAX; i++)
		assert_int_equal(memory[i], 0);
}

/* Addresses are the memory's own, whatever the sender wrote there; the bytes beside them stay. */
static void test_patch(void **state)
{
	const struct arena arena = {
		.size = 12288,
		.given = 80,
		.n_relocs = 3,
		.relocs = {{.where = 28, .target = 4096, .length = 4096}, /* no multiple of 8 */
			   {.where = 40, .target = 0, .length = 80},
			   {.where = 12280, .target = 12287, .length = 1}},
	};

	arena_load(memory, &arena, given);
	assert_true(address_at(28) == (uintptr_t)(memory + 4096));
	assert_true(address_at(40) == (uintptr_t)memory);
	assert_true(address_at(12280) == (uintptr_t)(memory + 12287));
	assert_memory_equal(memory, given, 28);
	assert_memory_equal(memory + 36, given + 36, 4);
	assert_memory_equal(memory + 48, given + 48, 32);
}

static void test_gather(void **state)
{
	const struct arena arena = {
		.size = 8192,
		.n_replies = 4,
		.replies = {{.offset = 8000, .length = 192},
			    {.offset = 0, .length = 0},
			    {.offset = 5, .length = 1},
			    {.offset = 0, .length = 8192}},
	};

	memcpy(memory, given, sizeof(given));
	assert_int_equal(arena_reply_length(&arena), 192 + 1 + 8192);
	assert_int_equal(arena_gather(memory, &arena, 0, reply, sizeof(reply)), 192 + 1 + 8192);
	assert_memory_equal(reply, given + 8000, 192);
	assert_int_equal(reply[192], given[5]);
	assert_memory_equal(reply + 193, given, 8192);
	assert_int_equal(reply[193 + 8192], 0xee);
}

static void test_gather_nothing(void **state)
{
	const struct arena arena = {.size = 8192};

	assert_int_equal(arena_gather(memory, &arena, 0, reply, sizeof(reply)), 0);
	assert_int_equal(arena_gather(memory, &arena, 1, reply, sizeof(reply)), 0);
	assert_int_equal(reply[0], 0xee);
}

/* Wherever it is cut, the pieces are the whole, and nothing is written behind one. */
static void test_gather_pieces(void **state)
{
	const struct arena arena = {
		.size = 8192,
		.n_replies = 4,
		.replies = {{.offset = 100, .length = 8},
			    {.offset = 0, .length = 0},
			    {.offset = 4096, .length = 300},
			    {.offset = 7, .length = 1}},
	};
	uint8_t whole[309];

	memcpy(memory, given, sizeof(given));
	assert_int_equal(arena_gather(memory, &arena, 0, whole, sizeof(whole)), sizeof(whole));
	for (size_t room = 1; room <= sizeof(whole) + 1; room++)
		for (size_t skip = 0; skip <= sizeof(whole) + 2; skip++) {
			size_t rest = skip < sizeof(whole) ? sizeof(whole) - skip : 0;
			size_t expected = rest < room ? rest : room;

			memset(reply, 0xee, sizeof(whole) + 2);
			assert_int_equal(arena_gather(memory, &arena, skip, reply, room), expected);
			assert_memory_equal(reply, whole + (expected ? skip : 0), expected);
			assert_int_equal(reply[expected], 0xee);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_load, setup),
		cmocka_unit_test_setup(test_load_all, setup),
		cmocka_unit_test_setup(test_patch, setup),
		cmocka_unit_test_setup(test_gather, setup),
		cmocka_unit_test_setup(test_gather_nothing, setup),
		cmocka_unit_test_setup(test_gather_pieces, setup),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
