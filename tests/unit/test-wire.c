/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "daemon/exec/wire.h"

/* An NVMe command with a page of data from the device: valid as it stands. */
static struct wire_request sound(void)
{
	return (struct wire_request){
		.id = 7,
		.arena =
			{
				.ioctl = 0xc0504e47,
				.size = 8192,
				.given = 80,
				.n_relocs = 1,
				.n_replies = 2,
				.relocs = {{.where = 24, .target = 4096, .length = 4096}},
				.replies = {{.offset = 72, .length = 8},
					    {.offset = 4096, .length = 4096}},
			},
	};
}

static bool valid(const struct wire_request *request)
{
	return wire_request_valid(request, sizeof(*request) + request->arena.given);
}

static void test_sound(void **state)
{
	struct wire_request r = sound();

	assert_true(valid(&r));
	r.arena = (struct arena){.size = ARENA_MAX, .given = ARENA_GIVEN_MAX};
	assert_true(valid(&r));
	r.arena = (struct arena){.size = 0};
	assert_true(valid(&r));
}

static void test_lengths(void **state)
{
	struct wire_request r = sound();

	for (size_t length = 0; length < sizeof(r) + 200; length++)
		assert_int_equal(wire_request_valid(&r, length), length == sizeof(r) + 80);

	r = sound();
	r.arena.given = r.arena.size + 1;
	assert_false(valid(&r));
	r.arena.given = r.arena.size;
	assert_true(valid(&r));

	r = sound();
	r.arena.size = ARENA_MAX;
	r.arena.given = ARENA_GIVEN_MAX + 1;
	assert_false(valid(&r));

	r = sound();
	r.arena.size = ARENA_MAX + 1;
	assert_false(valid(&r));
	r.arena.size = UINT32_MAX;
	assert_false(valid(&r));
	r.arena.given = UINT32_MAX;
	assert_false(valid(&r));
}

static void test_counts(void **state)
{
	struct wire_request r = sound();

	r.arena.n_relocs = ARENA_RELOCS_MAX + 1;
	assert_false(valid(&r));
	r.arena.n_relocs = UINT32_MAX;
	assert_false(valid(&r));
	r = sound();
	r.arena.n_replies = ARENA_REPLIES_MAX + 1;
	assert_false(valid(&r));
	r.arena.n_replies = UINT32_MAX;
	assert_false(valid(&r));
}

static void test_reloc_bounds(void **state)
{
	struct wire_request r = sound();
	struct arena_reloc *reloc = &r.arena.relocs[0];

	reloc->where = 8192 - 8;
	assert_true(valid(&r));
	reloc->where = 8192 - 4; /* the address would run over the end */
	assert_false(valid(&r));
	reloc->where = 8192;
	assert_false(valid(&r));
	reloc->where = UINT32_MAX - 3; /* plus 8 is 4 in 32 bits */
	assert_false(valid(&r));
	reloc->where = 26;
	assert_false(valid(&r));

	r = sound();
	reloc->length = 0;
	assert_false(valid(&r));
	reloc->length = 4097;
	assert_false(valid(&r));
	reloc->target = 8191;
	reloc->length = 1;
	assert_true(valid(&r));
	reloc->target = 8192;
	assert_false(valid(&r));
	reloc->target = UINT32_MAX; /* plus 2 is 1 in 32 bits */
	reloc->length = 2;
	assert_false(valid(&r));
	reloc->target = 4096;
	reloc->length = UINT32_MAX - 4095; /* plus 4096 is 0 in 32 bits */
	assert_false(valid(&r));
}

static void test_reloc_overlap(void **state)
{
	struct wire_request r = sound();

	r.arena.n_relocs = 2;
	r.arena.relocs[1] = (struct arena_reloc){.where = 32, .target = 4096, .length = 1};
	assert_true(valid(&r));
	for (uint32_t where = 20; where <= 28; where += 4) {
		r.arena.relocs[1].where = where;
		assert_false(valid(&r));
	}
	r.arena.relocs[1].where = 16;
	assert_true(valid(&r));
}

static void test_reply_bounds(void **state)
{
	struct wire_request r = sound();
	struct arena_range *reply = &r.arena.replies[1];

	*reply = (struct arena_range){.offset = 8192, .length = 0};
	assert_true(valid(&r));
	*reply = (struct arena_range){.offset = 8193, .length = 0};
	assert_false(valid(&r));
	*reply = (struct arena_range){.offset = 4096, .length = 4097};
	assert_false(valid(&r));
	*reply = (struct arena_range){.offset = UINT32_MAX, .length = 2};
	assert_false(valid(&r));
	*reply = (struct arena_range){.offset = 2, .length = UINT32_MAX};
	assert_false(valid(&r));
}

/* Each range fits the arena, all of them together must fit the reply. */
static void test_reply_sum(void **state)
{
	struct wire_request r = sound();

	r.arena.size = ARENA_MAX;
	r.arena.n_replies = 2;
	r.arena.replies[0] = (struct arena_range){.offset = 0, .length = ARENA_MAX};
	r.arena.replies[1] = (struct arena_range){.offset = 0, .length = 0};
	assert_true(valid(&r));
	r.arena.replies[1].length = 1;
	assert_false(valid(&r));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	      cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_counts),	      cmocka_unit_test(test_reloc_bounds),
		cmocka_unit_test(test_reloc_overlap), cmocka_unit_test(test_reply_bounds),
		cmocka_unit_test(test_reply_sum),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
