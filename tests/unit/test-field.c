/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/field.h"

static struct value_name names[] = {{(char *)"red", 1}, {(char *)"blue", 2}};

/* NVMe's numd: low half in the upper bits of one word, high half in the next. */
static const struct field split = {
	.name = (char *)"numd",
	.type = FIELD_NUMBER,
	.n_parts = 2,
	.parts = {{.offset = 0, .size = 4, .low = 16, .high = 31},
		  {.offset = 4, .size = 4, .low = 0, .high = 15}},
};

static const struct field three_bits = {
	.name = (char *)"sel",
	.type = FIELD_NUMBER,
	.n_parts = 1,
	.parts = {{.offset = 1, .size = 2, .low = 8, .high = 10, .order = BYTES_BIG}},
	.names = names,
	.n_names = ELEMENTSOF(names),
};

static const struct field whole = {
	.name = (char *)"whole",
	.type = FIELD_NUMBER,
	.n_parts = 1,
	.parts = {{.offset = 0, .size = 8, .low = 0, .high = 63}},
};

static const struct field uuid = {
	.name = (char *)"uuid",
	.type = FIELD_UUID,
	.size = 16,
	.n_parts = 1,
	.parts = {{.offset = 2, .size = 16, .high = 127}},
};

static const struct field bytes = {
	.name = (char *)"key",
	.type = FIELD_BYTES,
	.size = 3,
	.n_parts = 1,
	.parts = {{.offset = 0, .size = 3, .high = 23}},
};

static void parts_make_one_number(void **state)
{
	uint8_t message[8] = {0xaa, 0xbb, 0, 0, 0, 0, 0xcc, 0xdd};
	union field_value value = {.number = 0x12345678};
	static const uint8_t expected[8] = {0xaa, 0xbb, 0x78, 0x56, 0x34, 0x12, 0xcc, 0xdd};

	assert_true(field_put(&split, message, sizeof(message), &value));
	assert_memory_equal(message, expected, sizeof(expected));
	value.number = 0;
	assert_true(field_get(&split, message, sizeof(message), &value));
	assert_int_equal(value.number, 0x12345678);
	assert_int_equal(field_max(&split), UINT32_MAX);
}

static void bits_leave_their_neighbours_alone(void **state)
{
	uint8_t message[3] = {0xff, 0xff, 0xff};
	static const uint8_t expected[3] = {0xff, 0xfa, 0xff};
	union field_value value = {.number = 2};

	assert_true(field_put(&three_bits, message, sizeof(message), &value));
	assert_memory_equal(message, expected, sizeof(expected));
	assert_true(field_get(&three_bits, message, sizeof(message), &value));
	assert_int_equal(value.number, 2);
	assert_int_equal(field_max(&three_bits), 7);
}

static void a_value_too_large_is_refused(void **state)
{
	uint8_t message[3] = {1, 2, 3};
	static const uint8_t expected[3] = {1, 2, 3};

	assert_false(field_put(&three_bits, message, sizeof(message),
			       &(union field_value){.number = 8}));
	assert_memory_equal(message, expected, sizeof(expected));
}

static void a_field_beyond_the_message_is_refused(void **state)
{
	uint8_t message[18] = {};
	union field_value value = {.number = 1};

	for (size_t length = 0; length < 8; length++) {
		assert_false(field_put(&split, message, length, &value));
		assert_false(field_get(&split, message, length, &value));
		assert_false(field_put(&whole, message, length, &value));
	}
	assert_false(field_get(&uuid, message, 17, &value));
	assert_false(field_put(&uuid, message, 17, &value));
	assert_true(field_put(&uuid, message, 18, &value));
	/* Nothing of a field of two parts is written when one of them does not fit. */
	memset(message, 0, sizeof(message));
	assert_false(field_put(&split, message, 7, &(union field_value){.number = UINT32_MAX}));
	assert_true(bytes_zero(message, sizeof(message)));
}

/* Of a catalogue that no loader makes. */
static void a_field_of_no_size_is_refused(void **state)
{
	struct field field = {.type = FIELD_NUMBER, .n_parts = 1, .parts = {{.size = 9}}};
	uint8_t message[32] = {};
	union field_value value = {};

	assert_false(field_get(&field, message, sizeof(message), &value));
	assert_false(field_put(&field, message, sizeof(message), &value));
	field.type = FIELD_BYTES;
	field.size = FIELD_BYTES_MAX + 1;
	assert_false(field_get(&field, message, sizeof(message), &value));
	assert_false(field_put(&field, message, sizeof(message), &value));
}

static void all_64_bits_work(void **state)
{
	uint8_t message[8] = {};
	union field_value value = {.number = UINT64_C(0xfedcba9876543210)};

	assert_int_equal(field_max(&whole), UINT64_MAX);
	assert_true(field_put(&whole, message, sizeof(message), &value));
	assert_int_equal(message[7], 0xfe);
	value.number = 0;
	assert_true(field_get(&whole, message, sizeof(message), &value));
	assert_true(value.number == UINT64_C(0xfedcba9876543210));
}

static void uuids_keep_their_order(void **state)
{
	uint8_t message[18] = {};
	union field_value value, back;
	char text[FIELD_TEXT_MAX];

	assert_int_equal(field_parse(&uuid, "96dad7d6-fde8-482b-a733-75774e06db8a", &value), 0);
	assert_true(field_put(&uuid, message, sizeof(message), &value));
	assert_int_equal(message[2], 0x96);
	assert_int_equal(message[17], 0x8a);
	assert_true(field_get(&uuid, message, sizeof(message), &back));
	assert_string_equal(field_format(&uuid, &back, text, sizeof(text)),
			    "96dad7d6-fde8-482b-a733-75774e06db8a");
}

static void text_is_read_strictly(void **state)
{
	static const struct {
		const struct field *field;
		const char *text;
		int result;
		uint64_t number;
	} table[] = {
		{&three_bits, "red", 0, 1},
		{&three_bits, "blue", 0, 2},
		{&three_bits, "7", 0, 7},
		{&three_bits, "0x7", 0, 7},
		{&three_bits, "8", -ERANGE, 0},
		{&three_bits, "Red", -EINVAL, 0},
		{&three_bits, "", -EINVAL, 0},
		{&three_bits, " 1", -EINVAL, 0},
		{&three_bits, "1 ", -EINVAL, 0},
		{&three_bits, "+1", -EINVAL, 0},
		{&three_bits, "-1", -EINVAL, 0},
		{&three_bits, "01", -EINVAL, 0},
		{&three_bits, "0x", -EINVAL, 0},
		{&three_bits, "1e1", -EINVAL, 0},
		{&whole, "18446744073709551615", 0, UINT64_MAX},
		{&whole, "18446744073709551616", -EINVAL, 0},
		{&whole, "0xffffffffffffffff", 0, UINT64_MAX},
		{&whole, "0x10000000000000000", -EINVAL, 0},
		{&uuid, "96dad7d6-fde8-482b-a733-75774e06db8", -EINVAL, 0},
		{&uuid, "96dad7d6-fde8-482b-a733-75774e06db8g", -EINVAL, 0},
		{&uuid, "96dad7d6fde8-482b-a733-75774e06db8a0", -EINVAL, 0},
		{&uuid, "2", -EINVAL, 0},
		{&bytes, "0102", -EINVAL, 0},
		{&bytes, "01020304", -ERANGE, 0},
		{&bytes, "01020g", -EINVAL, 0},
		{&bytes, "", -EINVAL, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		union field_value value = {.number = 0x5a5a};

		assert_int_equal(field_parse(table[i].field, table[i].text, &value),
				 table[i].result);
		assert_true(value.number == (table[i].result == 0 ? table[i].number : 0x5a5a));
	}
}

static void bytes_are_hexadecimal(void **state)
{
	union field_value value;
	char text[FIELD_TEXT_MAX];

	assert_int_equal(field_parse(&bytes, "00aBff", &value), 0);
	assert_memory_equal(value.bytes, ((const uint8_t[]){0x00, 0xab, 0xff}), 3);
	assert_string_equal(field_format(&bytes, &value, text, sizeof(text)), "00abff");
}

static void values_have_text(void **state)
{
	char text[FIELD_TEXT_MAX], small[4];

	assert_string_equal(field_format(&three_bits, &(union field_value){.number = 2}, text,
					 sizeof(text)),
			    "blue");
	assert_string_equal(field_format(&three_bits, &(union field_value){.number = 5}, text,
					 sizeof(text)),
			    "0x5");
	/* Cut, never overrun. */
	assert_string_equal(field_format(&whole, &(union field_value){.number = UINT64_MAX}, small,
					 sizeof(small)),
			    "0xf");
	assert_string_equal(field_format(&bytes, &(union field_value){}, small, sizeof(small)),
			    "00");
	small[0] = '!';
	field_format(&bytes, &(union field_value){}, small, 0);
	assert_int_equal(small[0], '!');
}

static void secrets_are_never_shown(void **state)
{
	struct field secret = bytes;
	union field_value value;
	char text[FIELD_TEXT_MAX];

	secret.secret = true;
	assert_int_equal(field_parse(&secret, "c0ffee", &value), 0);
	assert_string_equal(field_format(&secret, &value, text, sizeof(text)), "(secret)");
}

static void what_a_field_takes_is_explained(void **state)
{
	static struct value_name many[64];
	struct field field = {
		.type = FIELD_NUMBER,
		.n_parts = 1,
		.parts = {{.size = 8, .low = 0, .high = 0}},
	};
	char text[FIELD_EXPLAIN_MAX];

	assert_string_equal(field_explain(&field, text, sizeof(text)), "0 or 1");
	field.parts[0].high = 7;
	assert_string_equal(field_explain(&field, text, sizeof(text)), "a number from 0 to 255");
	for (size_t i = 0; i < 64; i++)
		many[i] = (struct value_name){.name = (char *)"eight-ch", .value = i};
	field.names = many;
	field.n_names = 1;
	assert_string_equal(field_explain(&field, text, sizeof(text)),
			    "eight-ch or a number from 0 to 255");
	field.n_names = 2;
	assert_string_equal(field_explain(&field, text, sizeof(text)),
			    "one of eight-ch, eight-ch or a number from 0 to 255");
	/* Never in the middle of a name. */
	field.n_names = 64;
	field.parts[0].high = 63;
	field_explain(&field, text, sizeof(text));
	assert_non_null(strstr(text, "eight-ch, ... or a number from 0 to 18446744073709551615"));
	assert_true(strlen(text) < sizeof(text) - 1);

	assert_string_equal(field_explain(&bytes, text, sizeof(text)),
			    "3 bytes as 6 hexadecimal digits");
	field.type = FIELD_BYTES;
	field.size = 1;
	assert_string_equal(field_explain(&field, text, sizeof(text)),
			    "1 byte as 2 hexadecimal digits");
	field.type = FIELD_UUID;
	assert_string_equal(field_explain(&field, text, sizeof(text)),
			    "a UUID, 8-4-4-4-12 hexadecimal digits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_make_one_number),
		cmocka_unit_test(bits_leave_their_neighbours_alone),
		cmocka_unit_test(a_value_too_large_is_refused),
		cmocka_unit_test(a_field_beyond_the_message_is_refused),
		cmocka_unit_test(a_field_of_no_size_is_refused),
		cmocka_unit_test(all_64_bits_work),
		cmocka_unit_test(uuids_keep_their_order),
		cmocka_unit_test(text_is_read_strictly),
		cmocka_unit_test(bytes_are_hexadecimal),
		cmocka_unit_test(values_have_text),
		cmocka_unit_test(secrets_are_never_shown),
		cmocka_unit_test(what_a_field_takes_is_explained),
	};

	return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
