/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which command a message is, where several share an opcode; commands that are known and never
 * sent; what the kernel's driver insists on.
 */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/catalogue-load.h"
#include "policy/classify.h"
#include "policy/encode.h"

#define FIRST "tests/data/commands/known/first"
#define LATER "tests/data/commands/known/later"

static struct catalogue *first, *both;
static struct problems warnings; /* of both */

static int setup(void **state)
{
	const char *source = getenv("FWCTLD_SOURCE") ?: ".";
	char folders[2][4096];

	snprintf(folders[0], sizeof(folders[0]), "%s/" FIRST, source);
	snprintf(folders[1], sizeof(folders[1]), "%s/" LATER, source);
	first = fixture_load(FIRST);
	if (!first)
		return -1;
	return catalogue_load((const char *const[]){folders[0], folders[1], NULL}, false, &warnings,
			      &both);
}

static int teardown(void **state)
{
	first = catalogue_free(first);
	both = catalogue_free(both);
	problems_done(&warnings);
	return 0;
}

/* opcode, in-len, pointer, direction, and the two halves of the last word. */
struct message {
	uint32_t opcode;
	uint16_t in_len, reserved;
	uint64_t pointer;
	uint16_t direction, reserved_too;
	uint16_t part, all;
	uint8_t tail[64];
};

#define HEAD offsetof(struct message, tail)

static const uint8_t data[64];
static struct classified got;
static struct refusal refusal;

static int try(const struct catalogue *catalogue, const struct message *message, size_t length,
	       const struct live_effects *live)
{
	refusal.text[0] = '\0';
	return classify(catalogue_dialect(catalogue, "test"), message, length, data,
			message->in_len, live, &got, &refusal);
}

static void fields_say_which_command_it_is(void **state)
{
	struct message message = {.opcode = 1, .in_len = 4, .direction = 1};

	assert_int_equal(try(first, &message, HEAD, NULL), 0);
	assert_string_equal(got.command->name, "read");
	assert_int_equal(got.scope, 1);
	message.direction = 0;
	assert_int_equal(try(first, &message, HEAD + 4, NULL), 0);
	assert_string_equal(got.command->name, "write");
	assert_int_equal(got.class, CLASS_CONFIG_CHANGE);

	message.direction = 2;
	assert_int_equal(try(first, &message, HEAD, NULL), -ENOENT);
	assert_non_null(strstr(refusal.text, "opcode 0x01, direction 0x2;"));
	/* Too short to say which. */
	assert_int_equal(try(first, &message, 16, NULL), -ENOENT);
	/* Bits beside the opcode are reserved, not another opcode's. */
	message = (struct message){.opcode = 0x01000001, .in_len = 4, .direction = 1};
	assert_int_equal(try(first, &message, HEAD, NULL), -EBADMSG);
	assert_non_null(strstr(refusal.text, "Byte 3"));
}

static void selecting_fields_are_not_the_senders(void **state)
{
	const struct command *read = dialect_command(&first->dialects[0], "read");
	struct field_setting setting = {.name = "direction", .value.number = 0};
	uint8_t buffer[MESSAGE_MAX];
	size_t length, data_length;
	const void *rest;

	assert_int_equal(encode(read, NULL, 0, data, 4, buffer, sizeof(buffer), &length, &rest,
				&data_length, &refusal),
			 0);
	assert_int_equal(length, HEAD);
	assert_int_equal(buffer[16], 1);
	assert_int_equal(encode(read, &setting, 1, data, 4, buffer, sizeof(buffer), &length, &rest,
				&data_length, &refusal),
			 -EINVAL);
}

static void one_number_is_at_most_another(void **state)
{
	struct message message = {.opcode = 1, .in_len = 4, .direction = 1, .part = 8, .all = 8};

	assert_int_equal(try(first, &message, HEAD, NULL), 0);
	message.part = 9;
	assert_int_equal(try(first, &message, HEAD, NULL), -EBADMSG);
	assert_non_null(strstr(refusal.text, "at most all, which is 0x8"));
}

static void what_is_refused_is_never_sent(void **state)
{
	const struct dialect *dialect = &first->dialects[0];
	struct message message = {.opcode = 2};
	uint8_t buffer[MESSAGE_MAX];
	size_t length, data_length;
	const void *rest;

	/* Whatever its message is: nobody looks. */
	for (length = 4; length <= sizeof(message); length++)
		assert_int_equal(try(first, &message, length, NULL), -EOPNOTSUPP);
	assert_string_equal(refusal.text, "test.reset is never sent: it never returns.");
	message.opcode = 3;
	assert_int_equal(try(first, &message, HEAD, NULL), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "test.dump is never sent: how"));
	assert_non_null(strstr(refusal.text, "can describe"));
	message.direction = 1;
	assert_int_equal(try(first, &message, HEAD, NULL), -EOPNOTSUPP);
	assert_string_equal(refusal.text, "test.burn is never sent: it burns.");

	assert_int_equal(encode(dialect_command(dialect, "reset"), NULL, 0, NULL, 0, buffer,
				sizeof(buffer), &length, &rest, &data_length, &refusal),
			 -EOPNOTSUPP);
	assert_string_equal(refusal.text, "test.reset is never sent: it never returns.");
}

static void who_describes_a_command_does_not_better_it(void **state)
{
	const struct dialect *dialect = &both->dialects[0];
	const struct command *dump = dialect_command(dialect, "dump");
	struct message message = {.opcode = 3, .in_len = 4, .part = 1};

	assert_int_equal(dialect->n_commands, 5);
	assert_null(dump->refused);
	assert_false(dump->layout_unknown);
	assert_int_equal(try(both, &message, HEAD, NULL), 0);
	assert_ptr_equal(got.command, dump);
	assert_int_equal(got.class, CLASS_CONFIG_CHANGE);
	assert_string_equal(got.reason, "judged by its name");
	assert_int_equal(got.effects,
			 EFFECT_BIT(EFFECT_CONFIDENTIAL) | EFFECT_BIT(EFFECT_TAINTS_KERNEL));
	/* Which is said to whoever wrote it. */
	assert_int_equal(warnings.n, 1);
	assert_true(warnings.items[0].warning && warnings.items[0].line == 5);
	assert_non_null(strstr(warnings.items[0].text, "stays config-change, not read-only"));
	/* Its relative is what it was. */
	message.direction = 1;
	assert_int_equal(try(both, &message, HEAD, NULL), -EOPNOTSUPP);
}

/* A later file describes what nobody described, and nothing that is known to be never sent. */
static void what_is_refused_stays_refused(void **state)
{
	static const char *const later[] = {
		"dialect: test\ncommands:\n  - {name: reset, opcode: 2, summary: s, class: "
		"destructive, "
		"reason: r, response: {length: 8}, scope: 0}\n",
		"dialect: test\ncommands:\n  - {name: burn, opcode: 3, summary: s, class: "
		"destructive, "
		"reason: r, response: {length: 8}, scope: 0, fields: {direction: {in: direction, "
		"select: 1}}}\n",
		"dialect: test\ncommands:\n  - {name: read, opcode: 1, summary: s, class: "
		"read-only, "
		"reason: r, response: {length: 8}, scope: 0, fields: {direction: {in: direction, "
		"select: 1}}}\n",
	};
	_cleanup_fclose_ FILE *file = NULL;
	char path[4096], text[8192];
	size_t length;

	snprintf(path, sizeof(path), "%s/" FIRST "/test.yaml", getenv("FWCTLD_SOURCE") ?: ".");
	file = fopen(path, "re");
	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	assert_true(length > 0 && length < sizeof(text));
	for (size_t i = 0; i < ELEMENTSOF(later); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		struct catalogue *catalogue = NULL;

		assert_int_equal(catalogue_load_text("test", text, length, later[i],
						     strlen(later[i]), &problems, &catalogue),
				 -EBADMSG);
		assert_null(catalogue);
		assert_non_null(strstr(problems.items[0].text, "already"));
	}
}

static void the_drivers_limits(void **state)
{
	struct message message = {.opcode = 1, .in_len = 4};

	/* In whole units ... */
	for (size_t tail = 1; tail <= 40; tail++)
		assert_int_equal(try(first, &message, HEAD + tail, NULL),
				 tail % 4 == 0 ? 0 : -EBADMSG);
	/* ... and as long as it takes at most. */
	assert_int_equal(try(first, &message, HEAD + 44, NULL), -EBADMSG);
	assert_non_null(
		strstr(refusal.text, "has 68 bytes; the kernel's driver takes from 16 to 64"));

	message.direction = 1;
	for (message.in_len = 0; message.in_len < 40; message.in_len++)
		assert_int_equal(try(first, &message, HEAD, NULL),
				 message.in_len >= 1 && message.in_len <= 32 ? 0 : -EBADMSG);
	assert_non_null(
		strstr(refusal.text, "moves 39 bytes; the kernel's driver takes from 1 to 32"));
}

static void what_the_kernel_is_capable_of(void **state)
{
	struct message message = {.opcode = 1, .in_len = 4};
	struct live_effects live;

	live_clear(&live);
	assert_int_equal(try(first, &message, HEAD + 4, &live), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "\"dma\""));
	live.kernel_capabilities = 1 << 2;
	assert_int_equal(try(first, &message, HEAD + 4, &live), -EOPNOTSUPP);
	live.kernel_capabilities = 1 << 3;
	assert_int_equal(try(first, &message, HEAD + 4, &live), 0);
	live.kernel_capabilities = 0;
	message.direction = 1;
	assert_int_equal(try(first, &message, HEAD, &live), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_say_which_command_it_is),
		cmocka_unit_test(selecting_fields_are_not_the_senders),
		cmocka_unit_test(one_number_is_at_most_another),
		cmocka_unit_test(what_is_refused_is_never_sent),
		cmocka_unit_test(who_describes_a_command_does_not_better_it),
		cmocka_unit_test(what_is_refused_stays_refused),
		cmocka_unit_test(the_drivers_limits),
		cmocka_unit_test(what_the_kernel_is_capable_of),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
