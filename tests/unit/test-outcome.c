/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/pack.h"

static uint8_t bytes[ARENA_MAX], reply[ARENA_MAX], data[4096];

/* A request that was packed, and the room for its reply. */
struct flight {
	struct classified c;
	struct arena arena;
	size_t length; /* of the reply */
};

static struct flight fly(const char *dialect, const void *message, size_t length,
			 size_t data_length)
{
	struct refusal refusal = {};
	struct flight f = {};

	if (classify(fixture_dialect(dialect), message, length, data, data_length, NULL, &f.c,
		     &refusal) < 0)
		fail_msg("%s", refusal.text);
	assert_int_equal(pack(&f.c, bytes, &f.arena), 0);
	for (uint32_t i = 0; i < f.arena.n_replies; i++)
		f.length += f.arena.replies[i].length;
	memset(reply, 0, sizeof(reply));
	return f;
}

static struct outcome land(const struct flight *f, int ret, int error)
{
	struct outcome outcome = {};

	assert_int_equal(unpack(&f->c, &f->arena, ret, error, reply, f->length, &outcome), 0);
	assert_non_null(outcome_kind_to_string(outcome.kind));
	return outcome;
}

static void assert_kind(struct outcome outcome, enum outcome_kind kind)
{
	assert_string_equal(outcome_kind_to_string(outcome.kind), outcome_kind_to_string(kind));
}

static const uint8_t smart[64] = {0x02, [4] = 0xff, 0xff, 0xff, 0xff, [40] = 0x02, 0x80, 0x7f};
static const uint8_t commit[64] = {0x10, [40] = 0x09};
static const uint8_t get_feature[37] = {0x01, 0x05, [8] = 21, [34] = 4};
static const uint8_t set_feature[52] = {0x02, 0x05, [8] = 36, [38] = 1};
static const uint8_t features[24] = {0x00, 0x05, [8] = 8, [16] = 0x88, 0x01};
static const uint8_t query[16] = {};
static const uint8_t health[16] = {0x00, 0x42};
static const uint8_t labels[24] = {0x02, 0x41, [8] = 8, [20] = 16};
static const uint8_t set_labels[25] = {0x03, 0x41, [8] = 9};
static const uint8_t counter[32] = {0x07, 0x70};
static const uint8_t stats[40] = {0x23, 0x00, 0xff, 0xff, 0, 0, 0xff, 0xff};
static const uint8_t example[48] = {3, 0, 1, 0, 1, [36] = 16};

static void nvme_statuses(void **state)
{
	struct flight f = fly("nvme", smart, 64, 0);
	struct outcome o;

	reply[0] = 0x34;
	reply[8] = 0x77;
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_true(o.has_result);
	assert_int_equal(o.result, 0x34);
	assert_ptr_equal(o.response, reply + 8);
	assert_int_equal(o.response_length, 512);

	o = land(&f, 0x4109, 0); /* invalid log page, do not retry */
	assert_kind(o, OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(o.status, 0x109);
	assert_true(o.has_result);
	assert_int_equal(o.response_length, 0);
	assert_string_equal(dialect_status(f.c.command->dialect, o.status), "invalid-log-page");

	/* Made by the kernel: never delivered, and cancelled in flight. */
	assert_kind(land(&f, 0x370, 0), OUTCOME_REFUSED_BY_KERNEL);
	assert_int_equal(land(&f, 0x370, 0).status, 0);
	assert_kind(land(&f, 0x371, 0), OUTCOME_UNKNOWN);
	assert_kind(land(&f, 0x4371, 0), OUTCOME_UNKNOWN);

	/* A refusal of other commands is a success of this one. */
	assert_kind(land(&f, 0x110, 0), OUTCOME_REFUSED_BY_DEVICE);
	f = fly("nvme", commit, 64, 0);
	assert_kind(land(&f, 0x10b, 0), OUTCOME_EXECUTED);
	assert_kind(land(&f, 0x4110, 0), OUTCOME_EXECUTED);
	assert_kind(land(&f, 0x107, 0), OUTCOME_REFUSED_BY_DEVICE);
}

/* Every errno below 134, by dialect: who is sure that nothing was executed. */
static void every_errno(void **state)
{
	static const struct {
		const char *dialect;
		const uint8_t *message;
		size_t length;
		int not_executed[16];
	} rows[] = {
		{"nvme", smart, 64, {EACCES, EINVAL, ENODEV, EWOULDBLOCK, ENOTTY, EPERM}},
		{"cxl",
		 get_feature,
		 37,
		 {E2BIG, EMSGSIZE, ENOTTY, EOPNOTSUPP, EPERM, EINVAL, ENODEV}},
		{"cxl", health, 16, {EBUSY, EINVAL, ENOMEM, ENOTTY, ENXIO, EPERM}},
		{"mlx5",
		 counter,
		 32,
		 {E2BIG, EMSGSIZE, ENOTTY, EOPNOTSUPP, EPERM, EAGAIN, EBADMSG, EBUSY, ECANCELED,
		  ENODEV}},
		{"bnxt", stats, 40, {E2BIG, EMSGSIZE, ENOTTY, EOPNOTSUPP, EPERM, EINVAL, ENODEV}},
		{"pds", example, 48, {E2BIG, EMSGSIZE, ENOTTY, EOPNOTSUPP, EPERM, EINVAL}},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct flight f = fly(rows[i].dialect, rows[i].message, rows[i].length, 0);

		for (int error = 0; error < 134; error++) {
			struct outcome o = land(&f, -1, error);
			bool sure = false;

			for (size_t j = 0; j < ELEMENTSOF(rows[i].not_executed); j++)
				sure |= error != 0 && rows[i].not_executed[j] == error;
			if (o.kind != (sure ? OUTCOME_REFUSED_BY_KERNEL : OUTCOME_UNKNOWN))
				fail_msg("%s: %s", rows[i].dialect, strerrorname_np(error));
			assert_int_equal(o.error, error);
			assert_int_equal(o.response_length, 0);
			assert_false(o.has_result);
		}
	}
	/*
	 * The ones that lie: EFAULT after execution, EINTR in flight, pds' ENODEV of a firmware, a
	 * mailbox' ETIMEDOUT while the device goes on.
	 */
}

static void put(size_t offset, size_t size, uint64_t value)
{
	assert_true(bytes_put(reply, sizeof(reply), offset, size, BYTES_HOST, value));
}

/* reply: out_len, then `out`: size, retval, payload. */
static void cxl_success_that_is_none(void **state)
{
	struct flight f = fly("cxl", get_feature, 37, 0);
	struct outcome o;

	put(0, 4, 20); /* 8 more than the bytes that count, and more than the buffer has */
	put(4, 4, 4);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_ptr_equal(o.response, reply + 4);
	assert_int_equal(o.response_length, 12);

	for (uint32_t size = 0; size < 10; size++) {
		put(4, 4, size);
		assert_kind(land(&f, 0, 0), size == 4 ? OUTCOME_EXECUTED : OUTCOME_UNKNOWN);
	}
	put(4, 4, 0xfffffff8);
	assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);
	put(4, 4, 0xfffffffc);
	assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);

	put(4, 4, 0);
	put(8, 4, 2); /* invalid input */
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(o.status, 2);
	assert_int_equal(o.response_length, 8);

	/* Fewer entries than asked for are a good answer, and end where it says. */
	f = fly("cxl", features, 24, 0);
	put(0, 4, 8 + 8 + 48 + 8);
	put(4, 4, 8 + 48);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_int_equal(o.response_length, 8 + 8 + 48);
	put(4, 4, UINT32_MAX);
	assert_int_equal(land(&f, 0, 0).response_length, 8 + 8 + 48 + 8);
	put(0, 4, UINT32_MAX);
	assert_int_equal(land(&f, 0, 0).response_length, 400);

	f = fly("cxl", set_feature, 52, 0);
	put(0, 4, 16);
	assert_kind(land(&f, 0, 0), OUTCOME_EXECUTED);
	put(8, 4, 1); /* started in the background */
	assert_kind(land(&f, 0, 0), OUTCOME_EXECUTED);
	put(8, 4, 25);
	assert_kind(land(&f, 0, 0), OUTCOME_REFUSED_BY_DEVICE);
}

/* reply: out.size, retval, payload. */
static void mailbox_answers(void **state)
{
	struct flight f = fly("cxl", labels, 24, 0);
	struct outcome o;

	put(0, 4, 16);
	memset(reply + 8, 0x77, 16);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_ptr_equal(o.response, reply);
	assert_int_equal(o.response_length, 24);

	/* The device gave less than it was asked for; or the kernel said more than there was room.
	 */
	put(0, 4, 5);
	assert_kind(land(&f, 0, 0), OUTCOME_EXECUTED);
	assert_int_equal(land(&f, 0, 0).response_length, 13);
	put(0, 4, 0);
	assert_int_equal(land(&f, 0, 0).response_length, 8);
	put(0, 4, UINT32_MAX);
	assert_int_equal(land(&f, 0, 0).response_length, 24);

	/* What the device refused: out.size is what was asked for, and the payload not an answer.
	 */
	put(0, 4, 16);
	put(4, 4, 2);
	memset(reply + 8, 0, 16);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(o.status, 2);
	assert_string_equal(dialect_status(f.c.command->dialect, 2), "invalid-input");
	assert_int_equal(o.response_length, 8);
	assert_true(bytes_zero(o.response, 4));
	/* No such code exists; it is none of success all the same. */
	put(4, 4, UINT32_MAX);
	assert_kind(land(&f, 0, 0), OUTCOME_REFUSED_BY_DEVICE);
	/* The ioctl never returns this. */
	put(4, 4, 0);
	assert_kind(land(&f, 1, 0), OUTCOME_UNKNOWN);

	f = fly("cxl", set_labels, 25, 0);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_int_equal(o.response_length, 8);
	put(4, 4, 1); /* started in the background */
	assert_kind(land(&f, 0, 0), OUTCOME_EXECUTED);
	/* The kernel does not wait for what goes on in the background. */
	assert_kind(land(&f, -1, ETIMEDOUT), OUTCOME_UNKNOWN);
}

/* reply: n_commands as it was sent, a reserved word, entries. */
static void the_kernels_list_ends_where_it_ends(void **state)
{
	struct flight f = fly("cxl", query, 16, 0);
	struct outcome o;
	uint64_t size;

	put(0, 4, 32);
	put(8 + 16, 4, 1);
	put(8 + 24 * 16, 4, 24);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_int_equal(o.response_length, 8 + 25 * 16);
	assert_true(bytes_get(o.response, o.response_length, 0, 4, BYTES_HOST, &size));
	assert_int_equal(size, 25 * 16);

	put(8 + 31 * 16, 4, 31);
	assert_int_equal(land(&f, 0, 0).response_length, 8 + 32 * 16);
	memset(reply, 0, sizeof(reply));
	put(0, 4, 32);
	assert_int_equal(land(&f, 0, 0).response_length, 8);
}

/* An answer too short to hold the status says nothing. */
static void short_answers_are_unknown(void **state)
{
	struct flight f = fly("cxl", get_feature, 37, 0);

	put(4, 4, 4);
	for (uint32_t written = 0; written < 12; written++) {
		put(0, 4, written);
		if (written < 8)
			assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);
	}
	f = fly("mlx5", counter, 32, 0);
	assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);
	put(0, 4, 528);
	assert_kind(land(&f, 0, 0), OUTCOME_EXECUTED);
	assert_int_equal(land(&f, 0, 0).response_length, 528);
	reply[4] = 3;
	assert_kind(land(&f, 0, 0), OUTCOME_REFUSED_BY_DEVICE);
	/* The ioctl never returns this. */
	assert_kind(land(&f, 1, 0), OUTCOME_UNKNOWN);
}

static void bnxt_driver_failures(void **state)
{
	struct flight f = fly("bnxt", stats, 40, 0);
	struct outcome o;

	memset(reply, 0xcc, f.length);
	put(0, 4, 40);
	put(4, 2, 0);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_int_equal(o.response_length, 40 + 408 + 528);
	/* Its answer is no echo: what stands where the message had pointers is the answer's. */
	for (size_t i = 2; i < o.response_length; i++)
		assert_int_equal(o.response[i], 0xcc);
	reply[4] = 4; /* little endian, at 0 of `out` */
	assert_kind(land(&f, 0, 0), OUTCOME_REFUSED_BY_DEVICE);
	reply[4] = 0xf0;
	reply[5] = 0xff; /* -EBUSY of the driver */
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_UNKNOWN);
	assert_int_equal(o.status, 0xfff0);
	assert_int_equal(o.response_length, 0);
	/* The first and the last of them, and their neighbours. */
	for (unsigned code = 0xff00; code <= 0xffff; code++) {
		put(4, 2, code);
		assert_kind(land(&f, 0, 0), code >= 0xff01 && code <= 0xfffd
						    ? OUTCOME_UNKNOWN
						    : OUTCOME_REFUSED_BY_DEVICE);
	}
	reply[4] = 0xff; /* not supported: a code of the firmware */
	assert_kind(land(&f, 0, 0), OUTCOME_REFUSED_BY_DEVICE);
}

/* pds answers with the request, addresses of the executor's memory included. */
static void echoed_addresses_are_blotted_out(void **state)
{
	struct flight f = fly("pds", example, 48, 0);
	struct outcome o;

	memset(reply, 0xcc, f.length);
	put(0, 4, 48);
	put(4 + 24, 4, 0);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_int_equal(o.response_length, 48 + 16);
	for (size_t i = 0; i < o.response_length; i++) {
		bool pointer = (i >= 16 && i < 24) || (i >= 40 && i < 48);
		bool status = i >= 24 && i < 28;

		assert_int_equal(o.response[i], pointer || status ? 0 : 0xcc);
	}
	/* Also in what the device refused. */
	memset(reply, 0xcc, f.length);
	put(0, 4, 48);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_REFUSED_BY_DEVICE);
	assert_true(bytes_zero(o.response + 16, 8) && bytes_zero(o.response + 40, 8));
}

/* Of catalogues that are not shipped: no status, an answer that may be shorter, a short echo. */
static void answers_of_other_shapes(void **state)
{
	struct flight f = fly("mlx5", counter, 32, 0);
	struct dialect dialect = *f.c.command->dialect;
	struct command command = *f.c.command;
	struct outcome o;

	command.dialect = &dialect;
	f.c.command = &command;
	put(0, 4, 100);
	/* Of the 100 bytes that were written, 8 are said to count, and 4 before them. */
	command.answer.part = (struct field_part){.offset = 8, .size = 8, .high = 63};
	command.answer.add = 4;
	put(4 + 8, 8, 8);
	assert_int_equal(land(&f, 0, 0).response_length, 12);
	command.answer.whole = true;
	assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);
	command.answer.whole = false;
	put(4 + 8, 8, UINT64_MAX);
	assert_int_equal(land(&f, 0, 0).response_length, 100);
	/* Too short to say it. */
	put(0, 4, 15);
	assert_kind(land(&f, 0, 0), OUTCOME_UNKNOWN);
	command.answer = (struct answer_size){};

	dialect.status.size = 0;
	put(0, 4, 0);
	o = land(&f, 0, 0);
	assert_kind(o, OUTCOME_EXECUTED);
	assert_null(o.response);

	/* An echo that ends in the middle of a pointer, and one that ends before it. */
	dialect.echoes = true;
	command.n_segments = 1;
	for (unsigned pointer = 520; pointer <= 536; pointer += 4) {
		memset(reply, 0xcc, f.length);
		put(0, 4, 528);
		command.segments[0].pointer = (uint16_t)pointer;
		o = land(&f, 0, 0);
		assert_int_equal(o.response_length, 528);
		for (size_t i = 0; i < 528; i++)
			assert_int_equal(o.response[i], i >= pointer && i < pointer + 8 ? 0 : 0xcc);
	}
	assert_null(outcome_kind_to_string(_OUTCOME_MAX));
}

static void a_reply_of_another_length_is_none(void **state)
{
	struct flight f = fly("cxl", get_feature, 37, 0);
	struct outcome outcome, untouched;

	memset(&outcome, 0x5a, sizeof(outcome));
	untouched = outcome;
	for (size_t length = 0; length < 64; length++)
		if (length != f.length)
			assert_int_equal(unpack(&f.c, &f.arena, 0, 0, reply, length, &outcome),
					 -EBADMSG);
	f.arena.n_replies = 0;
	assert_int_equal(unpack(&f.c, &f.arena, 0, 0, reply, 0, &outcome), -EBADMSG);
	assert_memory_equal(&outcome, &untouched, sizeof(outcome));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvme_statuses),
		cmocka_unit_test(every_errno),
		cmocka_unit_test(cxl_success_that_is_none),
		cmocka_unit_test(mailbox_answers),
		cmocka_unit_test(the_kernels_list_ends_where_it_ends),
		cmocka_unit_test(short_answers_are_unknown),
		cmocka_unit_test(bnxt_driver_failures),
		cmocka_unit_test(echoed_addresses_are_blotted_out),
		cmocka_unit_test(answers_of_other_shapes),
		cmocka_unit_test(a_reply_of_another_length_is_none),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
