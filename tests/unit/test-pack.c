/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "include/kernel-abi.h"
#include "policy/classify.h"
#include "policy/pack.h"

static uint8_t bytes[ARENA_GIVEN_MAX];
static uint8_t data[REQUEST_DATA_MAX + 1];

static struct classified classify_or_fail(const struct dialect *dialect, const void *message,
					  size_t length, size_t data_length)
{
	struct refusal refusal = {};
	struct classified c = {};

	if (classify(dialect, message, length, data, data_length, NULL, &c, &refusal) < 0)
		fail_msg("%s", refusal.text);
	return c;
}

static void assert_reloc(const struct arena *arena, unsigned i, uint32_t where, uint32_t target,
			 uint32_t length)
{
	assert_true(i < arena->n_relocs);
	assert_int_equal(arena->relocs[i].where, where);
	assert_int_equal(arena->relocs[i].target, target);
	assert_int_equal(arena->relocs[i].length, length);
}

static void assert_reply(const struct arena *arena, unsigned i, uint32_t offset, uint32_t length)
{
	assert_true(i < arena->n_replies);
	assert_int_equal(arena->replies[i].offset, offset);
	assert_int_equal(arena->replies[i].length, length);
}

static void a_smart_log(void **state)
{
	const struct command *command = fixture_command("nvme", "get-log-page");
	uint8_t sqe[64] = {0x02, [4] = 0xff, 0xff, 0xff, 0xff, [40] = 0x02, 0x80, 0x7f};
	struct classified c = classify_or_fail(command->dialect, sqe, 64, 0);
	struct nvme_passthru_cmd64 cmd;
	struct arena arena;

	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&cmd, bytes, sizeof(cmd));
	assert_int_equal(cmd.opcode, 2);
	assert_int_equal(cmd.nsid, 0xffffffff);
	assert_int_equal(cmd.cdw10, 0x007f8002);
	assert_int_equal(cmd.data_len, 512);
	assert_int_equal(cmd.timeout_ms, command->timeout_ms);
	assert_int_equal(cmd.addr, 0);
	assert_int_equal(arena.ioctl, 0xc0504e47);
	assert_int_equal(arena.given, 80);
	assert_int_equal(arena.size, 8192);
	assert_int_equal(arena.n_relocs, 1);
	assert_reloc(&arena, 0, 24, 4096, 512);
	assert_int_equal(arena.n_replies, 2);
	assert_reply(&arena, 0, 72, 8);
	assert_reply(&arena, 1, 4096, 512);
	/* Nothing behind `given` is the packer's. */
	assert_int_equal(bytes[80], 0xee);
}

static void a_timestamp_to_the_device(void **state)
{
	uint8_t sqe[64] = {0x09, [40] = 0x0e};
	struct classified c = classify_or_fail(fixture_dialect("nvme"), sqe, 64, 8);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.given, 4096 + 8);
	assert_int_equal(arena.size, 8192);
	assert_memory_equal(bytes + 4096, data, 8);
	assert_reloc(&arena, 0, 24, 4096, 8);
	assert_int_equal(arena.n_replies, 1);
	assert_reply(&arena, 0, 72, 8);
}

/* When the kernel's time is up it resets the controller: in the middle of a format, nothing is
 * worse.
 */
static void what_takes_long_has_its_time(void **state)
{
	const struct dialect *nvme = fixture_dialect("nvme");
	uint8_t sqe[64] = {0x80, [4] = 1};
	struct classified c = classify_or_fail(nvme, sqe, 64, 0);
	struct nvme_passthru_cmd64 cmd;
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&cmd, bytes, sizeof(cmd));
	assert_int_equal(cmd.timeout_ms, 120 * 60 * 1000);
	/* And whoever waits is told before that. */
	for (size_t i = 0; i < nvme->n_commands; i++)
		assert_true(nvme->commands[i].deadline_ms > 0 &&
			    nvme->commands[i].deadline_ms <= nvme->commands[i].timeout_ms);
}

/* Pointer 0 and length 0, together, or the device writes to physical address 0. */
static void no_data_no_pointer(void **state)
{
	uint8_t sqe[64] = {0x80, [4] = 1};
	struct classified c = classify_or_fail(fixture_dialect("nvme"), sqe, 64, 0);
	struct nvme_passthru_cmd64 cmd;
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&cmd, bytes, sizeof(cmd));
	assert_int_equal(cmd.data_len, 0);
	assert_int_equal(arena.n_relocs, 0);
	assert_int_equal(arena.n_replies, 1);
}

static void a_cxl_set_feature(void **state)
{
	uint8_t message[52] = {0x02, 0x05, [8] = 36, [38] = 1, [48] = 0x44, 0x33, 0x22, 0x11};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 52, 0);
	struct fwctl_rpc rpc;
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&rpc, bytes, sizeof(rpc));
	assert_int_equal(rpc.size, 32);
	assert_int_equal(rpc.scope, 2);
	assert_int_equal(rpc.in_len, 52);
	assert_int_equal(rpc.out_len, 8);
	assert_int_equal(rpc.in, 0);
	assert_int_equal(rpc.out, 0);
	assert_memory_equal(bytes + ARENA_MESSAGE, message, 52);
	assert_int_equal(arena.ioctl, 0x9a01);
	assert_int_equal(arena.given, 256 + 52);
	assert_reloc(&arena, 0, 16, 256, 52);
	assert_reloc(&arena, 1, 24, 4096, 8);
	assert_reply(&arena, 0, 12, 4);
	assert_reply(&arena, 1, 4096, 8);
}

/* Set LSA: the kernel gets its id and the payload, and nothing of the header. */
static void a_cxl_set_lsa(void **state)
{
	uint8_t message[28] = {0x03, 0x41, [8] = 12, [16] = 0x10, [24] = 0x44, 0x33, 0x22, 0x11};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 28, 0);
	struct cxl_send_command send;
	struct arena arena;

	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&send, bytes, sizeof(send));
	assert_int_equal(send.id, 10);
	assert_int_equal(send.in.size, 12);
	assert_int_equal(send.out.size, 0);
	assert_memory_equal(bytes + ARENA_MESSAGE, message + 16, 12);
	assert_int_equal(arena.ioctl, 0xc030ce02);
	assert_int_equal(arena.given, ARENA_MESSAGE + 12);
	assert_int_equal(arena.size, 4096);
	/* No answer: no pointer to one. */
	assert_int_equal(arena.n_relocs, 1);
	assert_reloc(&arena, 0, 24, ARENA_MESSAGE, 12);
	assert_int_equal(arena.n_replies, 2);
	assert_reply(&arena, 0, 32, 4);
	assert_reply(&arena, 1, 12, 4);
	assert_int_equal(bytes[ARENA_MESSAGE + 12], 0xee);
}

static void a_cxl_query(void **state)
{
	uint8_t message[16] = {};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 16, 0);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.ioctl, 0x8008ce01);
	assert_int_equal(arena.given, 8);
	assert_int_equal(arena.size, 4096);
	assert_memory_equal(bytes, ((uint8_t[]){32, 0, 0, 0, 0, 0, 0, 0}), 8);
	assert_int_equal(arena.n_relocs, 0);
	assert_int_equal(arena.n_replies, 1);
	assert_reply(&arena, 0, 0, 8 + 32 * 16);
}

/* A tail that runs out of the first page pushes the data pages further. */
static void a_long_tail(void **state)
{
	static uint8_t message[48 + 8000] = {0x02, 0x05, [38] = 1};
	struct arena arena;
	struct classified c;

	assert_true(bytes_put(message, sizeof(message), 8, 4, BYTES_HOST, sizeof(message) - 16));
	memset(message + 48, 0x77, 8000);
	c = classify_or_fail(fixture_dialect("cxl"), message, sizeof(message), 0);
	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_memory_equal(bytes + 256, message, sizeof(message));
	assert_reloc(&arena, 0, 16, 256, sizeof(message));
	assert_reloc(&arena, 1, 24, 12288, 8);
	assert_int_equal(arena.size, 16384);
}

static void bnxt_statistics(void **state)
{
	uint8_t message[40] = {0x23, 0x00, 0xff, 0xff, 0, 0, 0xff, 0xff};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), message, 40, 0);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_memory_equal(bytes + 256, message, 40);
	assert_int_equal(arena.given, 256 + 40);
	assert_int_equal(arena.n_relocs, 4);
	assert_reloc(&arena, 0, 16, 256, 40);
	assert_reloc(&arena, 1, 24, 4096, 40);
	assert_reloc(&arena, 2, 256 + 24, 8192, 408);
	assert_reloc(&arena, 3, 256 + 32, 12288, 528);
	assert_int_equal(arena.n_replies, 4);
	assert_reply(&arena, 2, 8192, 408);
	assert_reply(&arena, 3, 12288, 528);
	assert_int_equal(arena.size, 16384);
}

/* To the device first: what the sender gives is one piece. An empty buffer has no address. */
static void segments_of_both_directions(void **state)
{
	uint8_t trace[40] = {0x2d, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, [33] = 1};
	uint8_t example[48] = {3, 0, 1, 0, 1, [36] = 16};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), trace, 40, 256);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.given, 4096 + 256);
	assert_memory_equal(bytes + 4096, data, 256);
	assert_reloc(&arena, 1, 24, 8192, 16);
	assert_reloc(&arena, 2, 256 + 16, 4096, 256);
	assert_reloc(&arena, 3, 256 + 24, 12288, 256);
	assert_int_equal(arena.n_replies, 3);

	c = classify_or_fail(fixture_dialect("pds"), example, 48, 0);
	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.n_relocs, 3);
	assert_reloc(&arena, 2, 256 + 40, 8192, 16);
}

/* Lengths that classify() would not have let through. */
static void what_does_not_fit_is_refused(void **state)
{
	uint8_t trace[40] = {0x2d, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, [33] = 1};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), trace, 40, 256);
	struct arena arena, untouched;

	memset(&arena, 0x5a, sizeof(arena));
	untouched = arena;
	/* All of it in an arena; and what goes to the device in a datagram. */
	c.segment_lengths[1] = RESPONSE_DATA_MAX + 256 * 1024;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = ARENA_GIVEN_MAX - ARENA_PAGE + 1;
	c.segment_lengths[1] = 0;
	c.segment_data[0] = bytes;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = SIZE_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = 0;
	c.response_length = SIZE_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.response_length = 16;
	c.values[command_field(c.command, "data-len")].number = UINT64_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	assert_memory_equal(&arena, &untouched, sizeof(arena));
}

static int setup(void **state)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(1 + random_below(&seed, 255));
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_smart_log),
		cmocka_unit_test(a_timestamp_to_the_device),
		cmocka_unit_test(what_takes_long_has_its_time),
		cmocka_unit_test(no_data_no_pointer),
		cmocka_unit_test(a_cxl_set_feature),
		cmocka_unit_test(a_cxl_set_lsa),
		cmocka_unit_test(a_cxl_query),
		cmocka_unit_test(a_long_tail),
		cmocka_unit_test(bnxt_statistics),
		cmocka_unit_test(segments_of_both_directions),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
