/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/catalogue-load.h"
#include "policy/encode.h"
#include "policy/message.h"
#include "policy/piece.h"

#define ROUNDS 20000u

/* As CXL's logs: each answer begins with its size and a return code. */
static const char log_text[] =
	"dialect: log\n"
	"summary: a dialect\n"
	"envelope: fwctl-rpc\n"
	"byte-order: little\n"
	"opcode: {at: 0, size: 2}\n"
	"status: {at: 4, size: 4}\n"
	"commands:\n"
	"  - name: get-log\n"
	"    opcode: 1\n"
	"    summary: gets\n"
	"    class: read-only\n"
	"    reason: a query\n"
	"    size: 16\n"
	"    scope: 0\n"
	"    fields:\n"
	"      offset: {at: 4, size: 4}\n"
	"      length: {at: 8, size: 4}\n"
	"    response: {length: {of: length, add: 8}}\n"
	"    answer: {at: 0, size: 4, add: 8}\n"
	"    pieces: {offset: offset}\n";

static const char worse_text[] =
	"dialect: log\n"
	"worsen:\n"
	"  - {command: get-log, when: {offset: \"4096-8191\"}, class: destructive, reason: a "
	"trap}\n";

static struct catalogue *logs, *worse;

static struct catalogue *load(const char *later)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct catalogue *catalogue = NULL;

	if (catalogue_load_text("log", log_text, strlen(log_text), later, later ? strlen(later) : 0,
				&problems, &catalogue) < 0)
		for (size_t i = 0; i < problems.n; i++)
			print_message("%s\n", problems.items[i].text);
	return catalogue;
}

static int setup(void **state)
{
	logs = load(NULL);
	worse = load(worse_text);
	return logs && worse ? fixture_setup(state) : -1;
}

static int teardown(void **state)
{
	catalogue_free(logs);
	catalogue_free(worse);
	return fixture_teardown(state);
}

struct setting {
	const char *name;
	uint64_t value;
};

/* By names to bytes and back, as every request comes. Ends with a name of NULL. */
static struct classified request(const struct command *command, const struct setting *settings)
{
	struct field_setting fields[FIELDS_MAX] = {};
	uint8_t message[MESSAGE_HEAD_MAX];
	struct refusal refusal = {};
	size_t n = 0, length, data_length;
	struct classified c = {};
	const void *data;

	for (; settings[n].name; n++)
		fields[n] = (struct field_setting){.name = settings[n].name,
						   .value.number = settings[n].value};
	if (encode(command, fields, n, NULL, 0, message, sizeof(message), &length, &data,
		   &data_length, &refusal) < 0 ||
	    classify(command->dialect, message, length, data, data_length, NULL, &c, &refusal) < 0)
		fail_msg("%s", refusal.text);
	return c;
}

static struct classified log_page(uint64_t lid, uint64_t offset, uint64_t bytes)
{
	return request(fixture_command("nvme", "get-log-page"),
		       (const struct setting[]){{"lid", lid},
						{"offset", offset},
						{"numd", bytes / 4 - 1},
						{}});
}

static struct classified get_log(const struct catalogue *catalogue, uint64_t offset, uint64_t bytes)
{
	return request(dialect_command(catalogue_dialect(catalogue, "log"), "get-log"),
		       (const struct setting[]){{"offset", offset}, {"length", bytes}, {}});
}

static uint64_t value(const struct classified *c, const char *name)
{
	return c->values[command_field(c->command, name)].number;
}

static size_t count(const struct classified *whole, size_t transfer_max)
{
	struct pieces pieces;

	pieces_plan(whole, transfer_max, &pieces);
	return pieces.n;
}

/* What the piece's own bytes say is what was planned, and what is asked of the device. */
static void assert_piece(const struct classified *whole, const struct classified *part)
{
	uint8_t message[MESSAGE_HEAD_MAX] = {};
	struct refusal refusal = {};
	struct classified c;

	assert_true(message_write(part->command, part->values, message));
	if (classify(part->command->dialect, message, part->command->message_size, NULL, 0, NULL,
		     &c, &refusal) < 0)
		fail_msg("%s", refusal.text);
	assert_int_equal(c.response_length, part->response_length);
	assert_int_equal(c.class, whole->class);
	assert_int_equal(c.effects, whole->effects);
	assert_int_equal(c.scope, whole->scope);
}

/* In order, without a gap or an overlap, and to the last byte. */
static void assert_covers(const struct classified *whole, size_t transfer_max, size_t head)
{
	uint64_t next = value(whole, "offset");
	uint64_t end = next + whole->response_length - head;
	struct classified part;
	struct pieces pieces;

	pieces_plan(whole, transfer_max, &pieces);
	assert_true(pieces.n > 1);
	for (size_t i = 0; i < pieces.n; i++) {
		size_t bytes;

		piece_get(whole, &pieces, i, &part);
		bytes = part.response_length - head;
		assert_true(bytes > 0 && bytes <= transfer_max && bytes <= PIECE_MAX);
		assert_true(bytes % 4 == 0 || i + 1 == pieces.n);
		assert_true(value(&part, "offset") == next);
		assert_piece(whole, &part);
		next += bytes;
	}
	assert_true(next == end);
}

static void telemetry_in_twelve(void **state)
{
	struct classified whole = log_page(0x07, 0, 1536 * 1024), part;
	struct pieces pieces;

	pieces_plan(&whole, 131072, &pieces);
	assert_int_equal(pieces.n, 12);
	piece_get(&whole, &pieces, 11, &part);
	assert_int_equal(value(&part, "offset"), 11 * 131072);
	assert_int_equal(value(&part, "numd"), 32767);
	assert_int_equal(value(&part, "lid"), 0x07);
	assert_covers(&whole, 131072, 0);
	/* A device that takes more gets pieces of 128 KiB all the same. */
	assert_int_equal(count(&whole, 512 * 1024), 12);
	assert_int_equal(count(&whole, 4096), 384);
}

static void random_log_pages(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t max = random_below(&seed, 2) ? 4 + random_below(&seed, 300000)
						    : 4096ul << random_below(&seed, 10);
		size_t bytes = 4 + 4 * random_below(&seed, RESPONSE_DATA_MAX / 4);
		uint64_t offset = random_number(&seed) >> random_below(&seed, 60);
		struct classified whole;

		max += RESPONSE_DATA_MAX / 256; /* few enough pieces for a quick test */
		if (offset > UINT64_MAX - bytes)
			offset = UINT64_MAX - bytes + 1;
		whole = log_page(0x02, offset, bytes);
		if (bytes <= max)
			assert_int_equal(count(&whole, max), 1);
		else
			assert_covers(&whole, max, 0);
	}
}

static void random_logs(void **state)
{
	uint64_t seed = 0x2545f4914f6cdd1d;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t max = 512 + random_below(&seed, 300000);
		size_t bytes = 1 + random_below(&seed, 100000);
		uint64_t offset = random_below(&seed, UINT32_MAX - bytes);
		struct classified whole = get_log(logs, offset, bytes);

		if (bytes <= max)
			assert_int_equal(count(&whole, max), 1);
		else
			assert_covers(&whole, max, 8);
	}
}

/* A mailbox moves payload_max bytes of content; its own 8 bytes are the kernel's. */
static void mailbox_logs(void **state)
{
	const struct setting settings[] = {{"offset", 100}, {"length", 70000}, {}};
	static const char *const names[] = {"get-log", "get-lsa"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		struct classified whole = request(fixture_command("cxl", names[i]),
						  i == 0 ? (const struct setting[]){{"uuid", 0},
										    settings[0],
										    settings[1],
										    {}}
							 : settings);

		assert_int_equal(whole.response_length, 70008);
		assert_int_equal(count(&whole, 70000), 1);
		assert_int_equal(count(&whole, 4096), 18);
		assert_covers(&whole, 4096, 8);
		assert_covers(&whole, 512, 8);
	}
}

/* The whole range must be what the offset field can say: nothing starts again at 0. */
static void overflow(void **state)
{
	struct classified whole;

	whole = get_log(logs, UINT32_MAX - 8191, 8192);
	assert_int_equal(count(&whole, 4096), 2);
	whole = get_log(logs, UINT32_MAX - 8190, 8192);
	assert_int_equal(count(&whole, 4096), 1);
	whole = log_page(0x02, UINT64_MAX - 8191, 8192);
	assert_int_equal(count(&whole, 4096), 2);
	whole = log_page(0x02, UINT64_MAX - 8187, 8192);
	assert_int_equal(count(&whole, 4096), 1);
}

static void as_one_command(void **state)
{
	const struct command *command = fixture_command("nvme", "get-log-page");
	struct classified whole = log_page(0x02, 0, 1048576), part;
	struct pieces pieces;

	assert_int_equal(count(&whole, 131072), 8);
	assert_int_equal(count(&whole, 0), 1); /* the device has not said what it takes */
	assert_int_equal(count(&whole, 3), 1);
	assert_int_equal(count(&whole, 1048576), 1);
	pieces_plan(&whole, 0, &pieces);
	piece_get(&whole, &pieces, 0, &part);
	assert_memory_equal(&part, &whole, sizeof(part));

	/* What is more than a read is sent once or not at all. */
	whole.class = CLASS_CONFIG_CHANGE;
	assert_int_equal(count(&whole, 131072), 1);
	static const struct setting others[][6] = {
		{{"lid", 2}, {"numd", 262143}, {"rae", 0}, {}},
		{{"lid", 7}, {"numd", 262143}, {"lsp", 1}, {}},
		{{"lid", 0xc0}, {"numd", 262143}, {}},
		{{"lid", 2}, {"numd", 262143}, {"ot", 1}, {}}, /* the offset is an index */
	};
	for (size_t i = 0; i < ELEMENTSOF(others); i++) {
		whole = request(command, others[i]);
		assert_int_equal(whole.response_length, 1048576);
		assert_int_equal(count(&whole, 131072), 1);
	}
	/* No `pieces` in its entry. */
	whole = request(fixture_command("cxl", "get-supported-features"),
			(const struct setting[]){{"count", 8 + 48 * 1000}, {}});
	assert_int_equal(count(&whole, 4096), 1);
}

/* A site's file says that one range is worse: then no piece slips into it under the whole's class.
 */
static void judged_otherwise(void **state)
{
	struct classified whole = get_log(worse, 0, 4096);

	assert_int_equal(whole.class, CLASS_READ_ONLY);
	assert_int_equal(count(&whole, 1024), 4);
	whole = get_log(worse, 0, 8192);
	assert_int_equal(whole.class, CLASS_READ_ONLY);
	assert_int_equal(count(&whole, 1024), 1);
	whole = get_log(logs, 0, 8192);
	assert_int_equal(count(&whole, 1024), 8);
}

static void join_pages(void **state)
{
	static uint8_t page[20000], joined[20000];
	struct classified whole = log_page(0x02, 0, sizeof(page));
	struct bytes_writer w = {.buffer = joined, .capacity = sizeof(joined)};
	struct pieces pieces;

	for (size_t i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)(i % 251);
	pieces_plan(&whole, 8192, &pieces);
	assert_int_equal(pieces.n, 3);
	assert_true(piece_join(&whole, &pieces, 0, page, 8192, &w));
	assert_true(piece_join(&whole, &pieces, 1, page + 8192, 8192, &w));
	assert_false(piece_join(&whole, &pieces, 2, page + 16384, 3616, &w));
	assert_int_equal(w.length, sizeof(page));
	assert_memory_equal(joined, page, sizeof(page));
}

static void put_answer(uint8_t *answer, uint32_t size, uint8_t content)
{
	memset(answer, content, 8 + size);
	memcpy(answer, &size, 4);
	memset(answer + 4, 0, 4);
}

/* One head for all of them, which says how much there is. */
static void join_logs(void **state)
{
	uint8_t answer[8 + 1024], joined[8 + 2500];
	struct classified whole = get_log(logs, 0, 2500);
	struct bytes_writer w = {.buffer = joined, .capacity = sizeof(joined)};
	struct pieces pieces;
	uint32_t size;

	pieces_plan(&whole, 1024, &pieces);
	assert_int_equal(pieces.n, 3);
	put_answer(answer, 1024, 'a');
	assert_true(piece_join(&whole, &pieces, 0, answer, 8 + 1024, &w));
	put_answer(answer, 1024, 'b');
	assert_true(piece_join(&whole, &pieces, 1, answer, 8 + 1024, &w));
	put_answer(answer, 452, 'c');
	assert_false(piece_join(&whole, &pieces, 2, answer, 8 + 452, &w));
	assert_int_equal(w.length, 2508);
	memcpy(&size, joined, 4);
	assert_int_equal(size, 2500);
	assert_true(bytes_zero(joined + 4, 4));
	for (size_t i = 0; i < 2500; i++)
		assert_int_equal(joined[8 + i], 'a' + i / 1024);
}

/* The log ends before what was asked for: so does the reading. */
static void join_short(void **state)
{
	uint8_t answer[8 + 1024], joined[8 + 2500];
	struct classified whole = get_log(logs, 0, 2500);
	struct bytes_writer w = {.buffer = joined, .capacity = sizeof(joined)};
	struct pieces pieces;
	uint32_t size;

	pieces_plan(&whole, 1024, &pieces);
	put_answer(answer, 1024, 'a');
	assert_true(piece_join(&whole, &pieces, 0, answer, 8 + 1024, &w));
	put_answer(answer, 100, 'b');
	assert_false(piece_join(&whole, &pieces, 1, answer, 8 + 100, &w));
	assert_int_equal(w.length, 8 + 1124);
	memcpy(&size, joined, 4);
	assert_int_equal(size, 1124);
	assert_false(piece_join(&whole, &pieces, 1, answer, 7, &w));
	assert_int_equal(w.length, 8 + 1124);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(telemetry_in_twelve), cmocka_unit_test(random_log_pages),
		cmocka_unit_test(random_logs),	       cmocka_unit_test(overflow),
		cmocka_unit_test(mailbox_logs),	       cmocka_unit_test(as_one_command),
		cmocka_unit_test(judged_otherwise),    cmocka_unit_test(join_pages),
		cmocka_unit_test(join_logs),	       cmocka_unit_test(join_short),
	};

	return cmocka_run_group_tests_name("piece", tests, setup, teardown);
}
