/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pds: the shipped dialect has no command, and an administrator's file names some. What nobody
 * named is never sent; a name holds for one command, in one version, at one endpoint; and the
 * addresses in a message are the executor's alone, on the way there and back.
 */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "include/kernel-abi.h"
#include "policy/classify.h"
#include "policy/digest.h"
#include "policy/pack.h"

#define ADMIN	  "tests/data/commands/admin"
#define FORGETFUL "tests/data/commands/admin-forgetful"

/* struct fwctl_rpc_pds of include/uapi/fwctl/pds.h, in and out in one. */
struct message {
	uint32_t op, endpoint, reserved, in_len;
	uint64_t in_payload;
	uint32_t retval, reserved_out[2], out_len;
	uint64_t out_payload;
};

_Static_assert(sizeof(struct message) == 48, "as long as the kernel's");

static struct catalogue *alone, *named;
static uint8_t data[REQUEST_DATA_MAX];
static uint8_t bytes[ARENA_GIVEN_MAX], reply[ARENA_GIVEN_MAX];
static struct classified got;
static struct refusal refusal;

/* What is shipped, and an administrator's folder. */
static int load(const char *folder, struct problems *problems, struct catalogue **ret)
{
	const char *source = getenv("FWCTLD_SOURCE") ?: ".";
	char folders[2][4096];

	snprintf(folders[0], sizeof(folders[0]), "%s/" FIXTURE_SHIPPED, source);
	snprintf(folders[1], sizeof(folders[1]), "%s/%s", source, folder);
	return catalogue_load((const char *const[]){folders[0], folders[1], NULL}, false, problems,
			      ret);
}

static int setup(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 1);
	alone = fixture_load(FIXTURE_SHIPPED);
	if (!alone)
		return -1;
	return load(ADMIN, &problems, &named);
}

static int teardown(void **state)
{
	alone = catalogue_free(alone);
	named = catalogue_free(named);
	return 0;
}

static int try(const struct catalogue *catalogue, const struct message *message, size_t length)
{
	refusal.text[0] = '\0';
	return classify(catalogue_dialect(catalogue, "pds"), message, sizeof(*message), data,
			length, NULL, &got, &refusal);
}

static void what_no_file_names_is_refused(void **state)
{
	uint64_t seed = 0x7064735f;
	struct message message = {};

	assert_int_equal(catalogue_dialect(alone, "pds")->n_commands, 0);
	assert_int_equal(catalogue_dialect(named, "pds")->n_commands, 4);
	for (message.op = 0; message.op < 0x100; message.op++)
		for (message.endpoint = 0; message.endpoint < 8; message.endpoint++)
			assert_int_equal(try(alone, &message, 0), -ENOENT);
	for (unsigned i = 0; i < 10000; i++) {
		message.op = (uint32_t)random_number(&seed);
		message.endpoint = (uint32_t)random_below(&seed, 8);
		assert_int_equal(try(alone, &message, 0), -ENOENT);
	}
	message = (struct message){.op = 0x010005, .endpoint = 2};
	assert_int_equal(try(named, &message, 0), -ENOENT);
}

/* The kernel takes a lower version than the one listed, and sends bits 24 to 31 unseen. */
static void an_operation_is_its_exact_number(void **state)
{
	const struct message read = {.op = 0x010003, .endpoint = 2, .out_len = 64};
	struct message message = read;

	assert_int_equal(try(named, &message, 0), 0);
	assert_string_equal(got.command->full_name, "pds.read-port-counters");
	assert_int_equal(got.class, CLASS_READ_ONLY);
	assert_int_equal(got.effects, 0);
	assert_int_equal(got.scope, 0);

	for (unsigned bit = 0; bit < 24; bit++) {
		message.op = read.op ^ UINT32_C(1) << bit;
		assert_int_equal(try(named, &message, 0), -ENOENT);
	}
	for (unsigned version = 0; version < 256; version++) {
		message.op = version << 16 | 3;
		assert_int_equal(try(named, &message, 0), version == 1 ? 0 : -ENOENT);
	}
	for (unsigned bit = 24; bit < 32; bit++) {
		message.op = read.op | UINT32_C(1) << bit;
		assert_int_equal(try(named, &message, 0), -EBADMSG);
	}
}

static void another_endpoint_is_another_command(void **state)
{
	const struct message read = {.op = 0x010003, .endpoint = 2, .out_len = 64};
	struct message message = read;

	for (unsigned bit = 0; bit < 32; bit++) {
		message.endpoint = read.endpoint ^ UINT32_C(1) << bit;
		assert_int_equal(try(named, &message, 0), -ENOENT);
	}
	message.endpoint = 7;
	assert_int_equal(try(named, &message, 0), 0);
	assert_string_equal(got.command->full_name, "pds.debug-write-register");
	assert_int_equal(got.class, CLASS_DESTRUCTIVE);
	assert_int_equal(got.scope, 2);
	assert_true(got.effects & EFFECT_BIT(EFFECT_TAINTS_KERNEL));
	/* What is named there is named nowhere else. */
	message = (struct message){.op = 0x020004, .endpoint = 7};
	assert_int_equal(try(named, &message, 0), -ENOENT);
	message.endpoint = 2;
	assert_int_equal(try(named, &message, 0), 0);
	assert_int_equal(got.class, CLASS_CONFIG_CHANGE);
}

static void no_operation_is_one_of_every_endpoint(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct catalogue *catalogue = NULL;

	assert_int_equal(load(FORGETFUL, &problems, &catalogue), -EBADMSG);
	assert_int_equal(problems.n_errors, 2);
	for (size_t i = 0; i < problems.n; i++)
		assert_non_null(strstr(problems.items[i].text,
				       "expected a field {in: endpoint, select: NUMBER}"));
}

static void nothing_but_fields_is_a_senders(void **state)
{
	const struct message read = {.op = 0x010003, .endpoint = 2, .in_len = 8, .out_len = 64};
	struct message message = read;
	uint8_t raw[sizeof(message) + 4];

	assert_int_equal(try(named, &message, 8), 0);
	/* Addresses, reserved words, and the answer's. */
	for (size_t i = 8; i < sizeof(message); i++) {
		if ((i >= 12 && i < 16) || (i >= 36 && i < 40))
			continue;
		message = read;
		memcpy(raw, &message, sizeof(message));
		raw[i] = 0x10;
		memcpy(&message, raw, sizeof(message));
		assert_int_equal(try(named, &message, 8), -EBADMSG);
	}
	/* The kernel takes longer messages, and sends back what is behind. */
	memset(raw, 0, sizeof(raw));
	memcpy(raw, &read, sizeof(read));
	for (size_t length = 8; length <= sizeof(raw); length++)
		assert_int_equal(classify(catalogue_dialect(named, "pds"), raw, length, data, 8,
					  NULL, &got, &refusal),
				 length == 48 ? 0 : -EBADMSG);
	/* As many bytes as the message says. */
	assert_int_equal(try(named, &read, 7), -EBADMSG);
	assert_int_equal(try(named, &read, 9), -EBADMSG);
	message = (struct message){.op = 0x010003, .endpoint = 2, .in_len = UINT32_MAX};
	assert_int_equal(try(named, &message, 8), -EMSGSIZE);
	message = (struct message){.op = 0x010003, .endpoint = 2, .out_len = UINT32_MAX};
	assert_int_equal(try(named, &message, 0), -EMSGSIZE);
}

static void payloads_have_pages_of_their_own(void **state)
{
	struct message message = {.op = 0x020004, .endpoint = 2, .in_len = 24, .out_len = 16};
	struct message packed;
	struct fwctl_rpc rpc;
	struct arena arena;

	assert_int_equal(try(named, &message, 24), 0);
	assert_int_equal(pack(&got, bytes, &arena), 0);
	memcpy(&rpc, bytes, sizeof(rpc));
	assert_int_equal(rpc.in_len, 48);
	assert_int_equal(rpc.out_len, 48);
	assert_int_equal(rpc.scope, 0);
	memcpy(&packed, bytes + ARENA_MESSAGE, sizeof(packed));
	assert_memory_equal(&packed, &message, sizeof(packed));

	/* in, out, and the two payloads. */
	assert_int_equal(arena.n_relocs, 4);
	assert_int_equal(arena.relocs[2].where, ARENA_MESSAGE + 16);
	assert_int_equal(arena.relocs[2].length, 24);
	assert_int_equal(arena.relocs[2].target % ARENA_PAGE, 0);
	assert_memory_equal(bytes + arena.relocs[2].target, data, 24);
	assert_int_equal(arena.relocs[3].where, ARENA_MESSAGE + 40);
	assert_int_equal(arena.relocs[3].length, 16);
	assert_int_equal(arena.relocs[3].target % ARENA_PAGE, 0);
	assert_true(arena.relocs[3].target >= arena.given);

	/* No payload, no address. */
	message.in_len = 0;
	message.out_len = 0;
	assert_int_equal(try(named, &message, 0), 0);
	assert_int_equal(pack(&got, bytes, &arena), 0);
	assert_int_equal(arena.n_relocs, 2);
}

/* The driver answers with the message that it got, addresses included, whatever became of it. */
static void addresses_never_come_back(void **state)
{
	const struct message message = {.op = 0x010003, .endpoint = 2, .in_len = 8, .out_len = 16};
	const uint32_t statuses[] = {0, 1, 0xffffffff};

	assert_int_equal(try(named, &message, 8), 0);
	for (size_t i = 0; i < ELEMENTSOF(statuses); i++) {
		struct message echo = message, shown;
		uint32_t out_len = sizeof(echo);
		struct outcome outcome;
		struct arena arena;
		size_t length;

		assert_int_equal(pack(&got, bytes, &arena), 0);
		length = arena_reply_length(&arena);
		assert_int_equal(length, 4 + 48 + 16);
		echo.in_payload = UINT64_C(0x7f5a11223344a000);
		echo.out_payload = UINT64_C(0x7f5a11223344b000);
		echo.retval = statuses[i];
		memcpy(reply, &out_len, 4);
		memcpy(reply + 4, &echo, sizeof(echo));
		memset(reply + 52, 0xab, 16);

		assert_int_equal(unpack(&got, &arena, 0, 0, reply, length, &outcome), 0);
		assert_int_equal(outcome.kind,
				 statuses[i] == 0 ? OUTCOME_EXECUTED : OUTCOME_REFUSED_BY_DEVICE);
		assert_int_equal(outcome.status, statuses[i]);
		assert_int_equal(outcome.response_length, 48 + 16);
		memcpy(&shown, outcome.response, sizeof(shown));
		assert_int_equal(shown.in_payload, 0);
		assert_int_equal(shown.out_payload, 0);
		shown.in_payload = echo.in_payload;
		shown.out_payload = echo.out_payload;
		assert_memory_equal(&shown, &echo, sizeof(echo));
		assert_int_equal(outcome.response[63], 0xab);
	}
}

/* A key that is a payload cannot be guessed from what the audit says of it. */
static void the_digest_of_a_key_is_keyed(void **state)
{
	static const uint8_t keys[2][DIGEST_SIZE] = {{1}, {2}};
	struct message message = {.op = 0x010010, .endpoint = 3, .in_len = 32};
	uint8_t digests[2][DIGEST_SIZE];

	assert_int_equal(try(named, &message, 32), 0);
	assert_int_equal(got.scope, 3);
	for (size_t i = 0; i < 2; i++)
		request_digest("card", &got, keys[i], digests[i]);
	assert_memory_not_equal(digests[0], digests[1], DIGEST_SIZE);

	message = (struct message){.op = 0x010003, .endpoint = 2, .in_len = 32};
	assert_int_equal(try(named, &message, 32), 0);
	for (size_t i = 0; i < 2; i++)
		request_digest("card", &got, keys[i], digests[i]);
	assert_memory_equal(digests[0], digests[1], DIGEST_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_file_names_is_refused),
		cmocka_unit_test(an_operation_is_its_exact_number),
		cmocka_unit_test(another_endpoint_is_another_command),
		cmocka_unit_test(no_operation_is_one_of_every_endpoint),
		cmocka_unit_test(nothing_but_fields_is_a_senders),
		cmocka_unit_test(payloads_have_pages_of_their_own),
		cmocka_unit_test(addresses_never_come_back),
		cmocka_unit_test(the_digest_of_a_key_is_keyed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
