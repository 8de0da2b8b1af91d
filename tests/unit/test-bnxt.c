/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of the shipped bnxt is not in its table: where counters stand behind the response, what the
 * driver says in the firmware's place, which kernels can be asked what. */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/decode.h"
#include "policy/live.h"
#include "policy/message.h"
#include "policy/pack.h"

#define KERNEL_DMA (UINT32_C(1) << 3)

static uint8_t message[128], bytes[ARENA_GIVEN_MAX], reply[ARENA_GIVEN_MAX];
static struct classified got;
static struct refusal refusal;

static const struct dialect *bnxt(void)
{
	return catalogue_dialect(shipped, "bnxt");
}

/* A message of the command, with zeroes for all that a sender can say. */
static void start(const char *name)
{
	const struct command *command = dialect_command(bnxt(), name);

	assert_non_null(command);
	memset(message, 0, sizeof(message));
	memcpy(message, command->template, command->message_size);
}

static int try(size_t length, const struct live_effects *live)
{
	refusal.text[0] = '\0';
	return classify(bnxt(), message, length, NULL, 0, live, &got, &refusal);
}

/* What a reply of 16 bytes and its segments means, each 8 bytes of which say where they stand. */
static struct outcome answer(size_t segments)
{
	struct outcome outcome = {};
	struct arena arena;
	size_t length;

	assert_int_equal(pack(&got, bytes, &arena), 0);
	length = arena_reply_length(&arena);
	assert_int_equal(length, 4 + 16 + segments);
	for (size_t i = 4; i + 8 <= length; i += 8)
		bytes_put(reply, length, i, 8, BYTES_LITTLE, i - 4);
	bytes_put(reply, length, 0, 4, BYTES_HOST, 16);
	assert_int_equal(unpack(&got, &arena, 0, 0, reply, length, &outcome), 0);
	assert_int_equal(outcome.kind, OUTCOME_EXECUTED);
	assert_int_equal(outcome.response_length, 16 + segments);
	return outcome;
}

struct counted {
	const char *first, *last; /* names */
	uint64_t next;		  /* where the next counter must stand */
	unsigned n;
};

static int count(void *userdata, const char *item, uint64_t value, const char *name,
		 const char *unit)
{
	struct counted *counted = userdata;

	/* Sizes and flags of the response itself. */
	if (value < 16)
		return 0;
	assert_int_equal(value, counted->next);
	if (!counted->first)
		counted->first = item;
	counted->last = item;
	counted->next += 8;
	counted->n++;
	return 0;
}

static struct counted count_all(struct outcome outcome)
{
	static const struct decode_visitor visitor = {.number = count};
	struct counted counted = {.next = 16};

	assert_int_equal(decode(classified_layout(&got), outcome.response, outcome.response_length,
				&visitor, &counted),
			 0);
	return counted;
}

static void counters_follow_the_response(void **state)
{
	struct counted counted;

	start("port-qstats");
	assert_int_equal(try(40, NULL), 0);
	counted = count_all(answer(408 + 528));
	assert_int_equal(counted.n, 51 + 66);
	assert_string_equal(counted.first, "tx-64b-frames");
	assert_string_equal(counted.last, "rx-stat-err");

	start("port-qstats-ext");
	bytes_put(message, 40, 18, 2, BYTES_LITTLE, 256);
	bytes_put(message, 40, 20, 2, BYTES_LITTLE, 488);
	assert_int_equal(try(40, NULL), 0);
	assert_string_equal(classified_layout(&got)->name, "port-qstats-ext");
	counted = count_all(answer(256 + 488));
	assert_int_equal(counted.n, 32 + 61);
	assert_string_equal(counted.first, "tx-bytes-cos0");
	assert_string_equal(counted.last, "rx-fec-symbol-err");

	/* The receiver's counters stand somewhere else, or are fewer. */
	bytes_put(message, 40, 18, 2, BYTES_LITTLE, 248);
	assert_int_equal(try(40, NULL), 0);
	assert_string_equal(classified_layout(&got)->name, "data");
	bytes_put(message, 40, 18, 2, BYTES_LITTLE, 256);
	bytes_put(message, 40, 20, 2, BYTES_LITTLE, 80);
	assert_int_equal(try(40, NULL), 0);
	counted = count_all(answer(256 + 80));
	assert_int_equal(counted.n, 32 + 10);

	start("stat-generic-qstats");
	bytes_put(message, 32, 16, 2, BYTES_LITTLE, 184);
	assert_int_equal(try(32, NULL), 0);
	counted = count_all(answer(184));
	assert_int_equal(counted.n, 23);
	assert_string_equal(counted.last, "hw-db-recov-oo-drop-count");
}

/* -1 and -2 are what the firmware says, too: not supported, and unknown error. */
static void who_speaks(void **state)
{
	start("temp-monitor-query");
	assert_int_equal(try(16, NULL), 0);
	for (uint32_t status = 0; status <= 0xffff; status++) {
		struct outcome outcome;
		struct arena arena;
		size_t length;

		assert_int_equal(pack(&got, bytes, &arena), 0);
		length = arena_reply_length(&arena);
		memset(reply, 0, length);
		bytes_put(reply, length, 0, 4, BYTES_HOST, 24);
		bytes_put(reply, length, 4, 2, BYTES_LITTLE, status);
		assert_int_equal(unpack(&got, &arena, 0, 0, reply, length, &outcome), 0);
		assert_int_equal(outcome.kind, status == 0 ? OUTCOME_EXECUTED
					       : status >= 0xff01 && status <= 0xfffd
						       ? OUTCOME_UNKNOWN
						       : OUTCOME_REFUSED_BY_DEVICE);
	}
	assert_string_equal(dialect_status(bnxt(), 0xffff), "command-not-supported");
	assert_string_equal(dialect_status(bnxt(), 0xfffe), "unknown-error");
}

static void pointers_need_a_kernel_that_takes_them(void **state)
{
	const struct dialect *dialect = bnxt();
	struct live_effects live;
	unsigned needing = 0, pointers = 0, sent = 0;

	live_clear(&live);
	live.kernel_capabilities = ~KERNEL_DMA;
	for (size_t i = 0; i < dialect->n_commands; i++) {
		const struct command *command = &dialect->commands[i];
		bool needs;

		if (command->refused || command->layout_unknown)
			continue;
		sent++;
		pointers += command->n_segments;
		needs = command->n_segments > 0 || command->opcode == 0xff18;
		needing += needs;
		start(command->name);
		if (!needs)
			assert_int_equal(try(command->message_size, &live), 0);
		else
			assert_int_equal(try(command->message_size, &live), -EOPNOTSUPP);
	}
	assert_int_equal(sent, 77);
	assert_int_equal(needing, 33);
	assert_int_equal(pointers, 36);
}

/* Which bit is whose, an unnamed flag's too, is nobody's guess. */
static void no_flag_that_has_no_name(void **state)
{
	static const struct {
		const char *command;
		size_t at, size;
		uint64_t known;
	} flags[] = {
		{"func-reset", 16, 4, 0x1},
		{"func-qstats", 18, 1, 0x7},
		{"func-qstats-ext", 18, 1, 0x3},
		{"func-qstats-ext", 20, 4, 0x1},
		{"port-qstats", 18, 1, 0x1},
		{"port-qstats-ext", 22, 1, 0x1},
		{"port-qstats-ext-pfc-adv", 20, 1, 0x1},
		{"port-clr-stats", 18, 1, 0x1},
		{"port-phy-i2c-read", 16, 4, 0x0},
		{"port-phy-i2c-read", 20, 4, 0x3},
		{"port-phy-i2c-write", 16, 4, 0x0},
		{"port-phy-i2c-write", 20, 4, 0x3},
		{"port-prbs-test", 26, 2, 0x1},
		{"port-prbs-test", 36, 2, 0x3f},
		{"port-dsc-dump", 38, 2, 0x7},
		{"queue-pri2cos-qcfg", 16, 4, 0x3},
		{"sch-grp-cfg", 20, 4, 0x3ff},
		{"stat-generic-qstats", 18, 1, 0x1},
		{"stat-query-roce-stats", 18, 1, 0x1},
		{"stat-query-roce-stats-ext", 18, 1, 0x1},
		{"selftest-retrieve-serdes-data", 30, 1, 0x38},
		{"selftest-retrieve-serdes-data", 31, 1, 0x3f},
		{"fw-livepatch", 19, 1, 0x0},
		{"fw-reset", 19, 1, 0x3},
		{"dbg-log-buffer-flush", 20, 4, 0x1},
		{"dbg-qcfg", 18, 2, 0x3},
		{"dbg-qcfg", 20, 4, 0x1},
		{"dbg-coredump-list", 30, 1, 0x1},
		{"dbg-coredump-initiate", 24, 1, 0x7},
		{"dbg-coredump-retrieve", 40, 1, 0x7},
		{"dbg-serdes-test", 30, 1, 0x38},
		{"dbg-serdes-test", 31, 1, 0x3f},
		{"dbg-ptrace", 36, 4, 0x0},
		{"dbg-token-cfg", 16, 1, 0x1},
		{"nvm-get-dev-info", 16, 1, 0x1},
		{"nvm-find-dir-entry", 16, 4, 0x1},
		{"nvm-find-dir-entry", 28, 1, 0x3},
		{"nvm-mod-dir-entry", 16, 4, 0x1},
		{"nvm-raw-dump", 32, 1, 0x1},
		{"nvm-raw-write-blk", 32, 1, 0x1},
		{"nvm-modify", 26, 2, 0x3},
		{"nvm-write", 38, 2, 0xf},
		{"nvm-defrag", 16, 4, 0x1},
		{"nvm-get-variable", 38, 1, 0x1},
		{"nvm-set-variable", 38, 1, 0x8f},
	};

	for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
		const struct command *command = dialect_command(bnxt(), flags[i].command);
		uint64_t mask;

		assert_non_null(command);
		assert_true(bytes_get(command->mask, command->message_size, flags[i].at,
				      flags[i].size, BYTES_LITTLE, &mask));
		if (mask != flags[i].known)
			fail_msg("%s, %zu: 0x%jx, not 0x%jx", flags[i].command, flags[i].at,
				 (uintmax_t)mask, (uintmax_t)flags[i].known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_follow_the_response),
		cmocka_unit_test(who_speaks),
		cmocka_unit_test(pointers_need_a_kernel_that_takes_them),
		cmocka_unit_test(no_flag_that_has_no_name),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
