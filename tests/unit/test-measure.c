/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Catalogues that no loader makes, and lengths that no request reaches: each step looks for itself,
 * and relies on no earlier one.
 */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/envelope.h"
#include "policy/message.h"
#include "policy/pack.h"

static uint8_t zeroes[ARENA_GIVEN_MAX], bytes[ARENA_GIVEN_MAX];
static struct refusal refusal;
static struct classified got;

/* One command of its own: 16 bytes of opcode, two length fields and reserved; two pointers at most.
 */
static struct field fields[] = {
	{
		.name = (char *)"length",
		.size = 8,
		.parts = {{.offset = 4, .size = 8, .high = 63}},
		.n_parts = 1,
		.at_most = -1,
	},
	{
		.name = (char *)"other",
		.size = 4,
		.parts = {{.offset = 12, .size = 4, .high = 31}},
		.n_parts = 1,
		.at_most = -1,
	},
};
static struct length_case request, response;
static struct value_case scope;
static uint8_t template[64], mask[64];
static struct dialect dialect;
static struct command command;
static uint8_t message[64];

static int setup(void **state)
{
	memset(mask, 0xff, 16);
	memset(mask + 16, 0, sizeof(mask) - 16);
	memset(message, 0, sizeof(message));
	request = (struct length_case){.length = {.field = 0, .scale = 1}};
	response = (struct length_case){.length = {.field = -1, .add = 16}};
	command = (struct command){
		.dialect = &dialect,
		.envelope = ENVELOPE_FWCTL_RPC,
		.name = (char *)"it",
		.full_name = (char *)"made.it",
		.reason = (char *)"made up",
		.message_size = 16,
		.template = template,
		.mask = mask,
		.fields = fields,
		.n_fields = ELEMENTSOF(fields),
		.class = CLASS_READ_ONLY,
		.response = &response,
		.n_response = 1,
		.scopes = &scope,
		.n_scopes = 1,
		.live_key = -1,
	};
	dialect = (struct dialect){
		.name = (char *)"made",
		.opcode = {.size = 4, .high = 31},
		.commands = &command,
		.n_commands = 1,
	};
	return 0;
}

static int try(size_t length, size_t data_length)
{
	refusal.text[0] = '\0';
	return classify(&dialect, message, length, zeroes, data_length, NULL, &got, &refusal);
}

static void put_length(uint64_t length)
{
	assert_true(bytes_put(message, sizeof(message), 4, 8, BYTES_LITTLE, length));
}

static void what_stands_outside_of_the_message(void **state)
{
	assert_int_equal(try(16, 0), 0);
	command.segments[0] = (struct segment){.pointer = 9, .length = {.field = -1, .add = 8}};
	command.n_segments = 1;
	assert_int_equal(try(16, 0), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "puts a pointer"));
	command.segments[0].pointer = 8;
	assert_int_equal(try(16, 0), 0);
	command.n_segments = 0;
	command.message_size = 15;
	assert_int_equal(try(15, 0), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "puts the field other outside"));
}

/* Also where the one that bounds is the command's first. */
static void a_number_that_another_one_bounds(void **state)
{
	static struct field bounded[2];

	memcpy(bounded, fields, sizeof(bounded));
	bounded[1].at_most = 0;
	command.fields = bounded;
	put_length(5);
	message[12] = 5;
	assert_int_equal(try(16, 0), 0);
	message[12] = 6;
	assert_int_equal(try(16, 0), -EBADMSG);
	assert_non_null(strstr(refusal.text, "at most length, which is 0x5"));
}

/* As many as fit the sentence are told. */
static void many_selecting_fields(void **state)
{
	static struct field select[4];

	for (size_t i = 0; i < ELEMENTSOF(select); i++) {
		select[i] = fields[1];
		select[i].name = (char *)"a-name-of-some-forty-letters-to-fill-it";
		select[i].select = true;
		select[i].fixed = FIXED_VALUE;
		select[i].fixed_value = 1;
	}
	command.fields = select;
	command.n_fields = ELEMENTSOF(select);
	assert_int_equal(try(16, 0), -ENOENT);
	assert_non_null(
		strstr(refusal.text, "a-name-of-some-forty-letters-to-fill-it 0x0, a-name"));
	assert_non_null(strstr(refusal.text, "; describe it"));
}

static void requests_of_a_senders_length(void **state)
{
	static uint8_t sent[16 + REQUEST_DATA_MAX + 1];

	request.length = (struct length){.field = -1, .any = true, .min = 4, .max = 32};
	command.request = &request;
	command.n_request = 1;
	for (size_t tail = 0; tail <= 40; tail++)
		assert_int_equal(classify(&dialect, sent, 16 + tail, NULL, 0, NULL, &got, &refusal),
				 tail >= 4 && tail <= 32 ? 0 : -EBADMSG);
	assert_int_equal(classify(&dialect, sent, sizeof(sent) - 1, NULL, 0, NULL, &got, &refusal),
			 -EBADMSG);
	/* More than fwctld carries at all is told first. */
	assert_int_equal(classify(&dialect, sent, sizeof(sent), NULL, 0, NULL, &got, &refusal),
			 -EMSGSIZE);
}

static void more_than_64_bits_can_count(void **state)
{
	command.request = &request;
	command.n_request = 1;
	request.length.add = 1;
	put_length(UINT64_MAX);
	assert_int_equal(try(16, 0), -EMSGSIZE);
	request.length = (struct length){.field = 0, .scale = UINT64_MAX};
	put_length(2);
	assert_int_equal(try(16, 0), -EMSGSIZE);
	command.n_request = 0;

	command.segments[0] = (struct segment){.pointer = 16, .length = request.length};
	command.n_segments = 1;
	command.message_size = 24;
	assert_int_equal(try(24, 0), -EMSGSIZE);
	command.segments[0].to_device = true;
	assert_int_equal(try(24, 0), -EMSGSIZE);
}

/* 64 KiB each way in one piece, and not a byte more. */
static void the_longest_pieces(void **state)
{
	command.message_size = 24;
	command.segments[0] = (struct segment){.pointer = 16,
					       .to_device = true,
					       .length = {.field = 0, .scale = 1}};
	command.n_segments = 1;
	put_length(65536);
	assert_int_equal(try(24, 65536), 0);
	put_length(65537);
	assert_int_equal(try(24, 65537), -EMSGSIZE);
	command.segments[0].to_device = false;
	put_length(2097152);
	assert_int_equal(try(24, 0), 0);
	put_length(2097153);
	assert_int_equal(try(24, 0), -EMSGSIZE);

	command.n_segments = 0;
	command.message_size = 16;
	response.length = (struct length){.field = 0, .scale = 1};
	put_length(2097152);
	assert_int_equal(try(16, 0), 0);
	put_length(2097153);
	assert_int_equal(try(16, 0), -EMSGSIZE);
}

/* Each alone fits; together they are more than one datagram, or than an arena. */
static void pieces_that_do_not_fit_together(void **state)
{
	command.message_size = 32;
	command.segments[0] = (struct segment){.pointer = 16,
					       .to_device = true,
					       .length = {.field = 0, .scale = 1}};
	command.segments[1] = command.segments[0];
	command.segments[1].pointer = 24;
	command.n_segments = 2;
	put_length(61440);
	assert_int_equal(try(32, 2 * 61440), 0);
	assert_ptr_equal(got.segment_data[0], zeroes);
	assert_ptr_equal(got.segment_data[1], zeroes + 61440);
	assert_int_equal(envelope_plan(&got, &(struct envelope_plan){}), 0);
	put_length(65536);
	assert_int_equal(try(32, 2 * 65536), -EMSGSIZE);
	assert_non_null(strstr(refusal.text, "131072 bytes to the device, and 2359296 in all"));

	command.segments[0].to_device = command.segments[1].to_device = false;
	put_length(1024 * 1024);
	assert_int_equal(try(32, 0), 0);
	put_length(2 * 1024 * 1024);
	assert_int_equal(try(32, 0), -EMSGSIZE);
	/* A page each for the message and the answer: 62 of 576 are left. */
	command.segments[1].length = (struct length){.field = -1, .add = 62 * ARENA_PAGE};
	assert_int_equal(try(32, 0), 0);
	command.segments[1].length.add++;
	assert_int_equal(try(32, 0), -EMSGSIZE);
}

static void the_drivers_limits(void **state)
{
	dialect.limits.message_min = 17;
	assert_int_equal(try(16, 0), -EBADMSG);
	assert_non_null(strstr(refusal.text, "from 17 to 65536"));
	dialect.limits = (struct limits){.message_max = 15};
	assert_int_equal(try(16, 0), -EBADMSG);
	dialect.limits = (struct limits){.message_min = 16, .message_max = 16, .message_unit = 16};
	assert_int_equal(try(16, 0), 0);

	dialect.limits = (struct limits){.response_min = 9};
	response.length = (struct length){.field = 0, .scale = 1};
	put_length(8);
	assert_int_equal(try(16, 0), -EOPNOTSUPP);
	put_length(9);
	assert_int_equal(try(16, 0), 0);

	dialect.limits = (struct limits){.segment_min = 2};
	command.message_size = 24;
	command.segments[0] = (struct segment){.pointer = 16, .length = {.field = 0, .scale = 1}};
	command.n_segments = 1;
	put_length(1);
	assert_int_equal(try(24, 0), -EBADMSG);
	assert_non_null(strstr(refusal.text, "from 2 to 2097152"));
	put_length(2);
	assert_int_equal(try(24, 0), 0);
	dialect.limits.segment_max = 2;
	assert_int_equal(try(24, 0), 0);
	put_length(3);
	assert_int_equal(try(24, 0), -EBADMSG);
}

/* The status has to lie within what the device answers. */
static void an_answer_without_room_for_the_status(void **state)
{
	dialect.status = (struct field_part){.offset = 12, .size = 4, .high = 31};
	assert_int_equal(try(16, 0), 0);
	dialect.status.offset = 13;
	assert_int_equal(try(16, 0), -EOPNOTSUPP);
	command.n_response = 0;
	dialect.status.offset = 0;
	assert_int_equal(try(16, 0), -EOPNOTSUPP);
	dialect.status.size = 0;
	assert_int_equal(try(16, 0), 0);
}

static void pointers_where_the_message_is_no_memory(void **state)
{
	command.envelope = ENVELOPE_NVME_ADMIN;
	command.message_size = 24;
	command.n_response = 0;
	assert_int_equal(try(24, 0), 0);
	command.segments[0] = (struct segment){.pointer = 16, .length = {.field = -1, .add = 8}};
	command.n_segments = 1;
	assert_int_equal(try(24, 0), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "no place for"));
}

/* Whoever asks for a plan without classify(). */
static void plans_look_for_themselves(void **state)
{
	struct classified c = {.command = &command, .request_length = SIZE_MAX};
	struct envelope_plan plan, untouched;
	struct arena arena;

	memset(&plan, 0x5a, sizeof(plan));
	untouched = plan;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	c.request_length = 0;
	c.response_length = ARENA_MAX + 1;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	c.response_length = 0;
	command.n_segments = 1;
	c.segment_lengths[0] = ARENA_MAX + 1;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	command.n_segments = 0;

	command.envelope = _ENVELOPE_MAX;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	command.envelope = ENVELOPE_CXL_MEM;
	c.response_length = 7;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	c.response_length = 8;
	command.message_size = 15;
	assert_int_equal(envelope_plan(&c, &plan), -EMSGSIZE);
	assert_memory_equal(&plan, &untouched, sizeof(plan));
	command.message_size = 16;
	assert_int_equal(envelope_plan(&c, &plan), 0);
	assert_int_equal(plan.size, ARENA_PAGE);

	/* A message without room: nothing is written of it. */
	command.envelope = ENVELOPE_FWCTL_RPC;
	command.n_fields = 0;
	command.message_size = MESSAGE_HEAD_MAX + 1;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	assert_false(message_write(&command, c.values, bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_stands_outside_of_the_message, setup),
		cmocka_unit_test_setup(a_number_that_another_one_bounds, setup),
		cmocka_unit_test_setup(many_selecting_fields, setup),
		cmocka_unit_test_setup(requests_of_a_senders_length, setup),
		cmocka_unit_test_setup(more_than_64_bits_can_count, setup),
		cmocka_unit_test_setup(the_longest_pieces, setup),
		cmocka_unit_test_setup(pieces_that_do_not_fit_together, setup),
		cmocka_unit_test_setup(the_drivers_limits, setup),
		cmocka_unit_test_setup(an_answer_without_room_for_the_status, setup),
		cmocka_unit_test_setup(pointers_where_the_message_is_no_memory, setup),
		cmocka_unit_test_setup(plans_look_for_themselves, setup),
	};

	return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
