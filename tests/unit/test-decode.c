/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <inttypes.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/decode.h"

/* What a walk said, as one line. */
struct heard {
	char text[4096];
	size_t length;
	unsigned calls;
	int stop_at; /* the call that fails; 0: none */
	bool quiet;
};

static int hear(struct heard *heard, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int hear(struct heard *heard, const char *format, ...)
{
	va_list ap;

	if (++heard->calls == (unsigned)heard->stop_at)
		return -7;
	if (heard->quiet)
		return 0;
	va_start(ap, format);
	heard->length += (size_t)vsnprintf(heard->text + heard->length,
					   sizeof(heard->text) - heard->length, format, ap);
	va_end(ap);
	assert_true(heard->length < sizeof(heard->text));
	return 0;
}

static int on_number(void *userdata, const char *item, uint64_t value, const char *name,
		     const char *unit)
{
	return hear(userdata, "%s=%" PRIu64 "%s%s%s%s ", item, value, name ? ":" : "", name ?: "",
		    unit ? "/" : "", unit ?: "");
}

static int on_signed_number(void *userdata, const char *item, int64_t value, const char *name,
			    const char *unit)
{
	return hear(userdata, "%s=%+" PRId64 "%s%s%s%s ", item, value, name ? ":" : "", name ?: "",
		    unit ? "/" : "", unit ?: "");
}

static int on_big_number(void *userdata, const char *item, const char *digits, const char *unit)
{
	return hear(userdata, "%s=%s%s%s ", item, digits, unit ? "/" : "", unit ?: "");
}

static int on_text(void *userdata, const char *item, const char *text)
{
	return hear(userdata, "%s='%s' ", item, text);
}

static int on_bytes(void *userdata, const char *item, const void *data, size_t size)
{
	return hear(userdata, "%s=#%zu ", item, size);
}

static int on_begin_group(void *userdata, const char *item)
{
	return hear(userdata, "%s[", item);
}

static int on_begin_member(void *userdata)
{
	return hear(userdata, "{");
}

static int on_end_member(void *userdata)
{
	return hear(userdata, "}");
}

static int on_end_group(void *userdata)
{
	return hear(userdata, "] ");
}

static const struct decode_visitor visitor = {
	.number = on_number,
	.signed_number = on_signed_number,
	.big_number = on_big_number,
	.text = on_text,
	.bytes = on_bytes,
	.begin_group = on_begin_group,
	.begin_member = on_begin_member,
	.end_member = on_end_member,
	.end_group = on_end_group,
};

static void assert_decodes(const struct layout_item *items, size_t n, const void *response,
			   size_t length, const char *expected)
{
	const struct layout layout = {.items = (struct layout_item *)items, .n_items = n};
	struct heard heard = {};
	/* Behind this lies nothing: a sanitizer sees every byte too many. */
	_cleanup_free_ uint8_t *exact = malloc(length ?: 1);

	memcpy(exact, response, length);
	assert_int_equal(decode(&layout, exact, length, &visitor, &heard), 0);
	assert_string_equal(heard.text, expected);
}

static void numbers(void **state)
{
	struct value_name names[] = {{(char *)"off", 0}, {(char *)"on", 1}};
	const struct layout_item items[] = {
		{.name = (char *)"le", .offset = 0, .size = 2, .high = 15, .unit = (char *)"K"},
		{.name = (char *)"be", .offset = 0, .size = 2, .high = 15, .order = BYTES_BIG},
		{.name = (char *)"bit",
		 .offset = 1,
		 .size = 1,
		 .low = 1,
		 .high = 1,
		 .names = names,
		 .n_names = 2},
		{.name = (char *)"three", .offset = 0, .size = 3, .high = 23},
		{.name = (char *)"eight", .offset = 0, .size = 8, .high = 63},
	};
	const uint8_t response[8] = {0x34, 0x12, 0x01, 0, 0, 0, 0, 0x80};

	assert_decodes(items, 5, response, 8,
		       "le=4660/K be=13330 bit=1:on three=70196 eight=9223372036854846004 ");
	/* Items that reach behind the end are left out, those before them are not. */
	assert_decodes(items, 5, response, 2, "le=4660/K be=13330 bit=1:on ");
	assert_decodes(items, 5, response, 1, "");
	assert_decodes(items, 5, response, 0, "");
}

static void signed_numbers(void **state)
{
	struct value_name names[] = {{(char *)"none", 0x7fff}};
	struct layout_item items[] = {
		{.name = (char *)"t",
		 .size = 2,
		 .high = 15,
		 .unit = (char *)"C",
		 .names = names,
		 .n_names = 1},
		{.name = (char *)"high", .size = 2, .low = 12, .high = 15},
		{.name = (char *)"three", .size = 3, .high = 23, .order = BYTES_BIG},
		{.name = (char *)"eight", .size = 8, .high = 63},
	};

	for (size_t i = 0; i < ELEMENTSOF(items); i++)
		items[i].is_signed = true;
	assert_decodes(items, 4, "\xec\xff\xff\xff\xff\xff\xff\xff", 8,
		       "t=-20/C high=-1 three=-1245185 eight=-20 ");
	assert_decodes(items, 4, "\0\x80\0\0\0\0\0\x80", 8,
		       "t=-32768/C high=-8 three=+32768 eight=-9223372036854743040 ");
	assert_decodes(items, 4, "\xff\x7f\0\0\0\0\0\0", 8,
		       "t=+32767:none/C high=+7 three=-33024 eight=+32767 ");
	assert_decodes(items, 4, "\0\0\0\0\0\0\0\x80", 8,
		       "t=+0/C high=+0 three=+0 eight=-9223372036854775808 ");
}

static void big_numbers(void **state)
{
	static const struct {
		uint8_t bytes[16];
		const char *little, *big;
	} rows[] = {
		{{0}, "0", "0"},
		{{1}, "1", "1329227995784915872903807060280344576"},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		  0xff, 0xff, 0xff},
		 "340282366920938463463374607431768211455",
		 "340282366920938463463374607431768211455"},
		{{0, 0, 0, 0, 0, 0, 0, 0, 1}, "18446744073709551616", "72057594037927936"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct layout_item items[] = {
			{.name = (char *)"n", .size = 16, .unit = (char *)"B"},
			{.name = (char *)"m", .size = 16, .order = BYTES_BIG},
		};
		char text[256];

		snprintf(text, sizeof(text), "n=%s/B m=%s ", rows[i].little, rows[i].big);
		assert_decodes(items, 2, rows[i].bytes, 16, text);
		assert_decodes(items, 2, rows[i].bytes, 15, "");
	}
}

static void texts(void **state)
{
	const struct layout_item items[] = {
		{.name = (char *)"spaces", .type = LAYOUT_TEXT, .offset = 0, .size = 8},
		{.name = (char *)"nul", .type = LAYOUT_TEXT, .offset = 8, .size = 8},
		{.name = (char *)"odd", .type = LAYOUT_TEXT, .offset = 16, .size = 4},
		{.name = (char *)"uuid", .type = LAYOUT_UUID, .offset = 20, .size = 16},
		{.name = (char *)"rest", .type = LAYOUT_BYTES, .offset = 36, .size = 3},
	};
	const char response[] =
		"AB C    nqn\0xxxx\x1b[\n\xff"
		"\x96\xda\xd7\xd6\xfd\xe8\x48\x2b\xa7\x33\x75\x77\x4e\x06\xdb\x8a"
		"abc";

	assert_decodes(items, 5, response, 39,
		       "spaces='AB C' nul='nqn' odd='?[?"
		       "?' "
		       "uuid='96dad7d6-fde8-482b-a733-75774e06db8a' rest=#3 ");
	assert_decodes(items, 5, response, 38,
		       "spaces='AB C' nul='nqn' odd='?[?"
		       "?' "
		       "uuid='96dad7d6-fde8-482b-a733-75774e06db8a' ");
	assert_decodes(items, 5, response, 35,
		       "spaces='AB C' nul='nqn' odd='?[?"
		       "?' ");
}

static void groups(void **state)
{
	struct layout_item member[] = {{.name = (char *)"v", .size = 1, .high = 7},
				       {.name = (char *)"w", .offset = 2, .size = 2, .high = 15}};
	struct layout_item items[] = {
		{.name = (char *)"n", .size = 1, .high = 7},
		{.name = (char *)"g",
		 .type = LAYOUT_GROUP,
		 .offset = 2,
		 .stride = 4,
		 .count = 3,
		 .count_item = 0,
		 .items = member,
		 .n_items = 2},
	};
	uint8_t response[18] = {2, 0, 1, 0, 10, 0, 2, 0, 20, 0, 3, 0, 30, 0, 4, 0, 40, 0};

	assert_decodes(items, 2, response, 18, "n=2 g[{v=1 w=10 }{v=2 w=20 }] ");
	/* The device's count is bounded by the layout's, and by what is there. */
	response[0] = 255;
	assert_decodes(items, 2, response, 18, "n=255 g[{v=1 w=10 }{v=2 w=20 }{v=3 w=30 }] ");
	assert_decodes(items, 2, response, 9, "n=255 g[{v=1 w=10 }] ");
	assert_decodes(items, 2, response, 2, "n=255 g[] ");
	assert_decodes(items, 2, response, 1, "n=255 ");
	items[1].count_item = -1;
	items[1].count = UINT32_MAX;
	assert_decodes(items, 2, response, 18,
		       "n=255 g[{v=1 w=10 }{v=2 w=20 }{v=3 w=30 }{v=4 w=40 }] ");
	items[1].offset = UINT32_MAX;
	assert_decodes(items, 2, response, 18, "n=255 ");
}

static void a_visitor_can_end_the_walk(void **state)
{
	const struct command *command = fixture_command("cxl", "get-supported-features");
	const struct layout *layout = command->layouts[0].layout;
	uint8_t response[16 + 96] = {[8] = 2};
	struct heard heard = {};
	unsigned calls;

	assert_int_equal(decode(layout, response, sizeof(response), &visitor, &heard), 0);
	calls = heard.calls;
	assert_true(calls > 20);
	for (unsigned i = 1; i <= calls; i++) {
		heard = (struct heard){.stop_at = (int)i};
		assert_int_equal(decode(layout, response, sizeof(response), &visitor, &heard), -7);
		assert_int_equal(heard.calls, i);
	}
	/* Nobody listens. */
	assert_int_equal(decode(layout, response, sizeof(response),
				&(const struct decode_visitor){}, NULL),
			 0);
}

static void a_smart_log_by_name(void **state)
{
	uint8_t sqe[64] = {0x02, [4] = 0xff, 0xff, 0xff, 0xff, [40] = 0x02, 0x80, 0x7f};
	const struct dialect *nvme = fixture_dialect("nvme");
	uint8_t log[512] = {0x01, 0x43, 0x01, 100, 10, 3};
	struct refusal refusal;
	struct classified c;
	struct heard heard = {};

	log[128 + 1] = 1; /* power-on-hours, 16 bytes */
	assert_int_equal(classify(nvme, sqe, 64, NULL, 0, NULL, &c, &refusal), 0);
	assert_non_null(classified_layout(&c));
	assert_int_equal(decode(classified_layout(&c), log, sizeof(log), &visitor, &heard), 0);
	assert_non_null(strstr(heard.text, "temperature=323/K "));
	assert_non_null(strstr(heard.text, "available-spare=100/% "));
	assert_non_null(strstr(heard.text, "power-on-hours=256/h "));

	/* From the middle of the page the names would be wrong; an unknown page has none. */
	sqe[48] = 4;
	assert_int_equal(classify(nvme, sqe, 64, NULL, 0, NULL, &c, &refusal), 0);
	assert_null(classified_layout(&c));
	sqe[48] = 0;
	sqe[40] = 0xc0;
	assert_int_equal(classify(nvme, sqe, 64, NULL, 0, NULL, &c, &refusal), 0);
	assert_null(classified_layout(&c));
}

/* Every layout of every dialect, over every length of noise. */
static void no_layout_reads_too_far(void **state)
{
	const struct catalogue *catalogues[] = {shipped, dialects};
	struct heard quiet = {.quiet = true};
	uint64_t seed = 11;

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < catalogues[i]->n_dialects; j++)
			for (size_t k = 0; k < catalogues[i]->dialects[j].n_layouts; k++)
				for (size_t length = 0; length < 700; length++) {
					_cleanup_free_ uint8_t *noise = malloc(length ?: 1);

					for (size_t b = 0; b < length; b++)
						noise[b] = (uint8_t)random_number(&seed);
					assert_int_equal(
						decode(&catalogues[i]->dialects[j].layouts[k],
						       noise, length, &visitor, &quiet),
						0);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(signed_numbers),
		cmocka_unit_test(big_numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(groups),
		cmocka_unit_test(a_visitor_can_end_the_walk),
		cmocka_unit_test(a_smart_log_by_name),
		cmocka_unit_test(no_layout_reads_too_far),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
