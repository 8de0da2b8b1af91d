/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/envelope.h"
#include "policy/encode.h"
#include "policy/field.h"

#define ENTRY 48u

static void put(uint8_t *payload, size_t size, size_t offset, size_t bytes, uint64_t value)
{
	assert_true(bytes_put(payload, size, offset, bytes, BYTES_LITTLE, value));
}

/* Entry `index`: a UUID of bytes `uuid`, flags, effects. */
static void put_entry(uint8_t *payload, size_t size, size_t index, int uuid, uint32_t flags,
		      uint16_t effects)
{
	size_t at = 8 + index * ENTRY;

	assert_true(at + ENTRY <= size);
	memset(payload + at, uuid, 16);
	put(payload, size, at + 22, 4, flags);
	put(payload, size, at + 28, 2, effects);
	put(payload, size, 0, 2, index + 1);
	put(payload, size, 2, 2, index + 1);
}

static struct live_effects live, untouched;

static int setup(void **state)
{
	live_clear(&live);
	return 0;
}

static int read_features(const uint8_t *payload, size_t length)
{
	size_t next = 1;
	int r = live_read_cxl_features(payload, length, 0, &live, &next);

	if (r == 0)
		assert_int_equal(next, 0);
	return r;
}

static struct live_report feature(uint32_t flags, uint16_t effects)
{
	uint8_t payload[8 + ENTRY] = {};

	live_clear(&live);
	put_entry(payload, sizeof(payload), 0, 0xff, flags, effects);
	assert_int_equal(read_features(payload, sizeof(payload)), 0);
	assert_int_equal(live.values.n_entries, 1);
	return live.values.entries[0].report;
}

#define CONFIG_AFTER_RESET EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET)
#define UNKNOWN		   EFFECT_BIT(EFFECT_UNKNOWN)

static void every_cxl_bit_has_its_effect(void **state)
{
	static const struct {
		uint16_t word;
		effect_set effects;
		bool doubtful;
		const char *reason;
	} rows[] = {
		{0x0001, CONFIG_AFTER_RESET, false, "configuration after a cold reset"},
		{0x0002, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE), false,
		 "configuration at once"},
		{0x0004, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE), false, "data at once"},
		{0x0008, EFFECT_BIT(EFFECT_IMMEDIATE_POLICY_CHANGE), false, "policies at once"},
		{0x0010, EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE), false, "logs at once"},
		{0x0020, EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE), true, "security state"},
		{0x0021, EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE) | CONFIG_AFTER_RESET, false,
		 "security state"},
		{0x0040, EFFECT_BIT(EFFECT_BACKGROUND_OPERATION), true, "nothing changes by it"},
		{0x0080, 0, true, "nothing changes by it"},
		{0x0100, 0, true, "nothing changes by it"},
		{0x0200, 0, true, "nothing changes by it"},
		{0x0400, CONFIG_AFTER_RESET, false, "conventional reset"},
		{0x0800, CONFIG_AFTER_RESET, false, "CXL reset"},
		{0x1001, CONFIG_AFTER_RESET, true, "reserved"},
		{0x2001, CONFIG_AFTER_RESET, true, "reserved"},
		{0x4001, CONFIG_AFTER_RESET, true, "reserved"},
		{0x8001, CONFIG_AFTER_RESET, true, "reserved"},
		{0x0000, 0, true, "nothing changes by it"},
		{0x0201, CONFIG_AFTER_RESET, false, "cold reset"}, /* the mock */
		{0x0202, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE), false, "at once"}, /* QEMU */
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct live_report report = feature(0x61, rows[i].word);

		if (report.effects != (rows[i].effects | (rows[i].doubtful ? UNKNOWN : 0)) ||
		    !strstr(report.reason, rows[i].reason))
			fail_msg("effects word 0x%04x: %s", rows[i].word, report.reason);
		/* Not changeable: whatever it says, nobody knows what a Set would do. */
		assert_true(feature(0x60, rows[i].word).effects & UNKNOWN);
	}
}

static void short_lists_of_features_are_refused(void **state)
{
	uint8_t payload[8 + 2 * ENTRY] = {};

	memset(&live, 0x5a, sizeof(live));
	untouched = live;
	put_entry(payload, sizeof(payload), 0, 1, 1, 1);
	put_entry(payload, sizeof(payload), 1, 2, 1, 1);
	for (size_t length = 0; length < sizeof(payload); length++) {
		assert_int_equal(read_features(payload, length), -EBADMSG);
		assert_memory_equal(&live, &untouched, sizeof(live));
	}
	live_clear(&live);
	assert_int_equal(read_features(payload, sizeof(payload)), 0);
	assert_int_equal(live.values.n_entries, 2);
	assert_ptr_equal(live_find(&live.values, live_key_uuid(payload + 8 + ENTRY)),
			 &live.values.entries[1].report);
	assert_null(live_find(&live.values, live_key_uuid(payload)));

	/* One of two, and more than there are. */
	put(payload, sizeof(payload), 0, 2, 1);
	assert_int_equal(read_features(payload, sizeof(payload)), -EBADMSG);
	put(payload, sizeof(payload), 0, 2, 0xffff);
	assert_int_equal(read_features(payload, sizeof(payload)), -EBADMSG);
	put(payload, sizeof(payload), 0, 4, 0);
	assert_int_equal(read_features(payload, 8), 0);
}

static void a_feature_reported_twice_counts_at_its_worst(void **state)
{
	uint8_t payload[8 + 2 * ENTRY] = {};
	const struct live_report *report = &live.values.entries[0].report;

	put_entry(payload, sizeof(payload), 0, 7, 1, 0x0001);
	put_entry(payload, sizeof(payload), 1, 7, 1, 0x0004);
	assert_int_equal(read_features(payload, sizeof(payload)), 0);
	assert_int_equal(live.values.n_entries, 1);
	assert_int_equal(report->effects,
			 CONFIG_AFTER_RESET | EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE));
	assert_non_null(strstr(report->reason, "data at once"));
	/* And again: the milder one takes nothing back. */
	put_entry(payload, sizeof(payload), 1, 7, 1, 0x0001);
	assert_int_equal(read_features(payload, sizeof(payload)), 0);
	assert_int_equal(report->effects,
			 CONFIG_AFTER_RESET | EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE));
	assert_non_null(strstr(report->reason, "data at once"));
}

/* A device with `total` features, as the kernel answers for it: in parts as long as asked for. */
static size_t read_all_features(size_t total)
{
	static uint8_t payload[8 + LIVE_FEATURES_PART * ENTRY];
	size_t start = 0, parts = 0;

	do {
		size_t n = total - start < LIVE_FEATURES_PART ? total - start : LIVE_FEATURES_PART;

		memset(payload, 0, sizeof(payload));
		for (size_t i = 0; i < n; i++) {
			put_entry(payload, sizeof(payload), i, 0, 1, 1);
			put(payload, sizeof(payload), 8 + i * ENTRY, 2, start + i);
		}
		put(payload, sizeof(payload), 0, 2, n);
		put(payload, sizeof(payload), 2, 2, total);
		assert_int_equal(live_read_cxl_features(payload, 8 + n * ENTRY, start, &live,
							&start),
				 0);
		parts++;
	} while (start > 0);
	return parts;
}

static void features_come_in_parts(void **state)
{
	assert_int_equal(read_all_features(64), 1);
	assert_int_equal(live.values.n_entries, 64);
	live_clear(&live);
	assert_int_equal(read_all_features(65), 2);
	assert_int_equal(live.values.n_entries, 65);
	assert_non_null(live_find(&live.values, live_key_number(64)));
	assert_null(live_find(&live.values, live_key_number(65)));
	/* However many it claims: what is not kept stays unknown, and reading it has an end. */
	live_clear(&live);
	assert_int_equal(read_all_features(0xffff), LIVE_ENTRIES_MAX / LIVE_FEATURES_PART);
	assert_int_equal(live.values.n_entries, LIVE_ENTRIES_MAX);
	assert_null(live_find(&live.values, live_key_number(LIVE_ENTRIES_MAX)));
}

static const struct live_report *command(uint64_t opcode)
{
	return live_find(&live.commands, live_key_number(opcode));
}

/* The mock of tools/testing/cxl/test/mem.c, all of its 17 entries. */
static void the_mocks_effects_log(void **state)
{
	static const uint16_t log[][2] = {
		{0x0400, 0},	  {0x0500, 0},	    {0x0501, 0},      {0x4000, 0},
		{0x4102, 0},	  {0x4100, 0},	    {0x4200, 0},      {0x4300, 0},
		{0x0200, 0},	  {0x0502, 0x0002}, {0x4103, 0x0006}, {0x4204, 0x0003},
		{0x4301, 0x0004}, {0x4302, 0x0004}, {0x0201, 0x0041}, {0x0202, 0x0003},
		{0x4400, 0x0064},
	};
	uint8_t bytes[sizeof(log)];

	for (size_t i = 0; i < ELEMENTSOF(log); i++) {
		put(bytes, sizeof(bytes), 4 * i, 2, log[i][0]);
		put(bytes, sizeof(bytes), 4 * i + 2, 2, log[i][1]);
	}
	/* In two parts, and the second one again. */
	assert_int_equal(live_read_cxl_commands(bytes, 40, &live), 0);
	assert_int_equal(live_read_cxl_commands(bytes + 40, sizeof(bytes) - 40, &live), 0);
	assert_int_equal(live_read_cxl_commands(bytes + 40, sizeof(bytes) - 40, &live), 0);
	assert_int_equal(live.commands.n_entries, 16);
	assert_int_equal(command(0x4000)->effects, 0);
	assert_int_equal(command(0x4103)->effects,
			 EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE) |
				 EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE));
	assert_string_equal(command(0x4103)->reason,
			    "the device reports that this changes data at once");
	assert_int_equal(command(0x0201)->effects,
			 CONFIG_AFTER_RESET | EFFECT_BIT(EFFECT_BACKGROUND_OPERATION));
	assert_int_equal(command(0x4400)->effects,
			 EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE) |
				 EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE) |
				 EFFECT_BIT(EFFECT_BACKGROUND_OPERATION));
	/* The feature's own entry counts, and not the union in the log; 0x0401 is not listed. */
	assert_null(command(0x0502));
	assert_null(command(0x0401));

	/* QEMU's fabric manager commands, one bit too high. */
	assert_int_equal(live_read_cxl_commands((const uint8_t[]){0x02, 0x56, 0, 0x10}, 4, &live),
			 0);
	assert_int_equal(command(0x5602)->effects, UNKNOWN);
	for (size_t length = 1; length < 4; length++)
		assert_int_equal(live_read_cxl_commands(bytes, length, &live), -EBADMSG);
}

static void a_log_that_is_too_long_makes_the_rest_doubtful(void **state)
{
	static uint8_t log[4 * (LIVE_ENTRIES_MAX + 1)];

	for (size_t i = 0; i <= LIVE_ENTRIES_MAX; i++)
		put(log, sizeof(log), 4 * i, 2, 0x1000 + i);
	assert_int_equal(live_read_cxl_commands(log, sizeof(log) - 4, &live), 0);
	assert_null(command(0x4000));
	assert_int_equal(live_read_cxl_commands(log, sizeof(log), &live), 0);
	assert_int_equal(command(0x4000)->effects, UNKNOWN);
	assert_int_equal(command(0x1000)->effects, 0);
}

static void the_list_of_logs_says_how_long_the_effects_log_is(void **state)
{
	uint8_t logs[8 + 2 * 20] = {2};
	size_t size = 7;

	memset(logs + 8, 0x5e, 16);
	put(logs, sizeof(logs), 24, 4, 4096);
	memcpy(logs + 28, live_cxl_effects_log, 16);
	put(logs, sizeof(logs), 44, 4, 68);
	for (size_t length = 0; length < sizeof(logs); length++)
		assert_int_equal(live_read_cxl_logs(logs, length, &live, &size), -EBADMSG);
	assert_int_equal(size, 7);
	assert_int_equal(live_read_cxl_logs(logs, sizeof(logs), &live, &size), 0);
	assert_int_equal(size, 68);
	assert_null(command(0x4000));

	put(logs, sizeof(logs), 44, 4, 70); /* half an entry */
	assert_int_equal(live_read_cxl_logs(logs, sizeof(logs), &live, &size), -EBADMSG);
	put(logs, sizeof(logs), 44, 4, 0xfffffffc);
	assert_int_equal(live_read_cxl_logs(logs, sizeof(logs), &live, &size), 0);
	assert_int_equal(size, 4 * LIVE_ENTRIES_MAX);
	assert_int_equal(command(0x4000)->effects, UNKNOWN);
	live_clear(&live);
	logs[0] = 1;
	assert_int_equal(live_read_cxl_logs(logs, sizeof(logs), &live, &size), 0);
	assert_int_equal(size, 0);
}

/* Log 0x05 of QEMU 7.2.22. */
static void qemus_effects_log(void **state)
{
	static const uint8_t supported[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x06,
					    0x08, 0x09, 0x0a, 0x0c, 0x1c, 0x7c};
	uint8_t page[4096] = {};

	for (size_t i = 0; i < ELEMENTSOF(supported); i++)
		put(page, sizeof(page), 4u * supported[i], 4, 0x01);
	put(page, sizeof(page), 4 * 0x15, 4, 0x09);
	put(page, sizeof(page), 4 * 0x80, 4, 0x03);
	put(page, sizeof(page), 1024 + 4 * 0x01, 4, 0x03); /* a Write: another set of opcodes */

	untouched = live;
	for (size_t length = 0; length < sizeof(page); length += 511)
		assert_int_equal(live_read_nvme_commands(page, length, &live), -EBADMSG);
	assert_memory_equal(&live, &untouched, sizeof(live));
	assert_int_equal(live_read_nvme_commands(page, sizeof(page), &live), 0);
	assert_int_equal(live.commands.n_entries, 14);
	assert_int_equal(command(0x02)->effects, 0);
	assert_int_equal(command(0x15)->effects, EFFECT_BIT(EFFECT_CAPACITY_CHANGE));
	assert_string_equal(
		command(0x15)->reason,
		"the device reports that this may change which namespaces there are (NIC)");
	assert_int_equal(command(0x80)->effects, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE));
	assert_string_equal(
		command(0x80)->reason,
		"the device reports that this may change the content of logical blocks (LBCC)");
	/* What it does not support. */
	assert_int_equal(command(0x84)->effects, UNKNOWN);
	assert_string_equal(command(0x84)->reason,
			    "the device reports that it does not support "
			    "this, so nobody knows what it does");
}

static struct live_report nvme_word(uint32_t word)
{
	uint8_t page[4096] = {};

	live_clear(&live);
	put(page, sizeof(page), 4 * 0x14, 4, word);
	assert_int_equal(live_read_nvme_commands(page, sizeof(page), &live), 0);
	return *command(0x14);
}

static void every_nvme_bit_has_its_effect(void **state)
{
	/* Alone, and beside CSUPP. Without CSUPP no other bit says anything. */
	for (unsigned bit = 1; bit < 32; bit++) {
		struct live_report report = nvme_word(1u | 1u << bit);
		effect_set expected = bit == 1	 ? EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE)
				      : bit <= 3 ? EFFECT_BIT(EFFECT_CAPACITY_CHANGE)
				      : bit == 4 ? EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE) |
							   EFFECT_BIT(EFFECT_SERVICE_INTERRUPTION)
				      : bit <= 13	       ? UNKNOWN
				      : bit == 16 || bit == 17 ? EFFECT_BIT(EFFECT_BLOCKS_IO)
				      : bit == 18	       ? UNKNOWN
							       : 0;

		if (report.effects != expected)
			fail_msg("bit %u: effects 0x%x", bit, report.effects);
		assert_int_equal(nvme_word(1u << bit).effects, UNKNOWN);
	}
	for (uint32_t cse = 0; cse < 8; cse++)
		assert_int_equal(nvme_word(1u | cse << 16).effects,
				 cse == 0   ? 0
				 : cse <= 2 ? EFFECT_BIT(EFFECT_BLOCKS_IO)
					    : UNKNOWN);
	assert_int_equal(effect_set_class(nvme_word(0x00020001).effects), CLASS_CONFIG_CHANGE);
	assert_int_equal(effect_set_class(nvme_word(0x00000001).effects), CLASS_READ_ONLY);
}

static void nvme_features_report_their_effects(void **state)
{
	uint8_t page[1024] = {};

	for (unsigned bit = 0; bit < 32; bit++)
		put(page, sizeof(page), 4 * (0x40 + bit), 4, 1u | 1u << bit);
	put(page, sizeof(page), 4 * 0x80, 4, 0x2); /* not supported, but it changes user data */
	assert_int_equal(live_read_nvme_features(page, sizeof(page) - 1, &live), -EBADMSG);
	assert_int_equal(live_read_nvme_features(page, sizeof(page), &live), 0);
	for (unsigned bit = 0; bit < 32; bit++) {
		const struct live_report *report =
			live_find(&live.values, live_key_number(0x40 + bit));

		assert_non_null(report);
		if (bit == 0 || bit >= 19)
			assert_int_equal(report->effects, 0);
		else
			assert_int_equal(effect_set_class(report->effects), CLASS_DESTRUCTIVE);
		assert_int_equal((report->effects & UNKNOWN) != 0, bit >= 5 && bit < 19);
	}
	assert_true(live_find(&live.values, live_key_number(0x80))->effects & UNKNOWN);
	/* A feature that it does not support is refused by it; it reports nothing of it. */
	assert_null(live_find(&live.values, live_key_number(0x04)));
	assert_null(command(0x09));
}

static void identify_says_which_reports_there_are(void **state)
{
	uint8_t page[4096] = {};
	struct live_controller controller = {.transfer_max = 1};

	assert_int_equal(live_read_nvme_controller(page, 4095, &controller), -EBADMSG);
	assert_int_equal(controller.transfer_max, 1);
	page[77] = 3;
	assert_int_equal(live_read_nvme_controller(page, 4096, &controller), 0);
	assert_false(controller.commands || controller.features);
	assert_int_equal(controller.transfer_max, 0); /* it takes no offsets */
	page[261] = 0x07;			      /* QEMU 7.2.22 */
	assert_int_equal(live_read_nvme_controller(page, 4096, &controller), 0);
	assert_true(controller.commands && !controller.features);
	assert_int_equal(controller.transfer_max, 32768);
	page[261] = 0x20;
	assert_int_equal(live_read_nvme_controller(page, 4096, &controller), 0);
	assert_true(!controller.commands && controller.features);
	page[261] = 0x04;
	for (unsigned mdts = 0; mdts < 256; mdts++) {
		page[77] = (uint8_t)mdts;
		assert_int_equal(live_read_nvme_controller(page, 4096, &controller), 0);
		assert_int_equal(controller.transfer_max,
				 mdts == 0 || mdts > 4 ? 131072 : 4096u << mdts);
	}
}

static void random_table(struct live_table *table, struct live_key key, uint64_t *seed)
{
	static const char reason[] = "the device reports something";
	struct live_report report = {
		.effects = (effect_set)random_number(seed) & (effect_set)random_number(seed) &
			   (EFFECT_BIT(_EFFECT_MAX) - 1),
		.reason = reason,
	};

	switch (random_below(seed, 4)) {
	case 0:
		break;
	case 1:
		table->others = report;
		break;
	default:
		table->entries[0] = (struct live_entry){.key = key, .report = report};
		table->n_entries = 1;
	}
}

/*
 * The same request, classified with what a device says and without: the class and the effects of
 * the catalogue are a floor. And a device that says more never gets a better class than one that
 * says less.
 */
static void check_floor(const struct command *command, const uint8_t *message, size_t length,
			uint64_t *seed)
{
	static struct live_effects more;
	struct dialect dialect = *command->dialect;
	struct command dumb = *command;
	struct classified floor, said, said_more, silent;
	struct live_key key = {};
	struct refusal refusal;

	dumb.live_key = -1;
	dialect.commands = &dumb;
	dialect.n_commands = 1;
	assert_int_equal(classify(&dialect, message, length, NULL, 0, NULL, &floor, &refusal), 0);

	if (command->live_key >= 0)
		key = command->fields[command->live_key].type == FIELD_UUID
			      ? live_key_uuid(floor.values[command->live_key].bytes)
			      : live_key_number(floor.values[command->live_key].number);
	live_clear(&live);
	random_table(&live.commands, live_key_number(command->opcode), seed);
	random_table(&live.values, key, seed);
	more = live;
	more.commands.entries[0].report.effects |= EFFECT_BIT(random_below(seed, _EFFECT_MAX));
	more.values.others.effects |= EFFECT_BIT(random_below(seed, _EFFECT_MAX));

	assert_int_equal(classify(command->dialect, message, length, NULL, 0, &live, &said,
				  &refusal),
			 0);
	assert_int_equal(classify(command->dialect, message, length, NULL, 0, &more, &said_more,
				  &refusal),
			 0);
	assert_int_equal(classify(command->dialect, message, length, NULL, 0, NULL, &silent,
				  &refusal),
			 0);

	assert_int_equal(said.static_class, floor.class);
	assert_int_equal(silent.static_class, floor.class);
	assert_true(said.class >= floor.class);
	assert_true(silent.class >= floor.class);
	assert_true(said_more.class >= said.class);
	assert_int_equal(said.effects & floor.effects, floor.effects);
	assert_int_equal(silent.effects & floor.effects, floor.effects);
	assert_int_equal(said_more.effects & said.effects, said.effects);
	assert_true(said.class >= effect_set_class(said.effects));
	assert_int_equal(said.effects & said.reported.effects, said.reported.effects);
	if (command->live_absent)
		assert_true(silent.class >= command->live_absent);
	else
		assert_true(said.class >= silent.class);
	assert_null(silent.reported.reason);
	if (live.commands.n_entries > 0)
		assert_int_equal(said.effects & live.commands.entries[0].report.effects,
				 live.commands.entries[0].report.effects);
	if (command->live_key >= 0 && live.values.n_entries > 0)
		assert_int_equal(said.effects & live.values.entries[0].report.effects,
				 live.values.entries[0].report.effects);
	/* Whatever is not the catalogue's class is explained by what the device said. */
	if (said.class > floor.class)
		assert_non_null(strstr(said.reason, "the device"));
	else
		assert_ptr_equal(said.reason, floor.reason);
}

/* DESIGN section 10, 5: the class of a command never gets better by what a device or a client says.
 */
static void invariant_5_class_never_betters(void **state)
{
	static const char *const names[] = {"cxl", "nvme"};
	static uint8_t message[MESSAGE_MAX];
	uint64_t seed = 5;
	unsigned checked = 0, with_live = 0;

	for (unsigned round = 0; round < 100000; round++) {
		const struct dialect *dialect = fixture_dialect(names[round % 2]);
		const struct command *command = random_command(dialect, &seed);
		bool tail = envelopes[command->envelope].tail && command->n_request > 0;
		size_t length = command->message_size + (tail ? 1 + random_below(&seed, 8) : 0);
		struct classified c;
		struct refusal refusal;

		memset(message, 0x11, length);
		for (size_t i = 0; i < command->message_size; i++)
			message[i] = (uint8_t)(random_number(&seed) & random_number(&seed)) &
				     command->mask[i];
		for (unsigned i = 0; i < command->n_fields; i++) {
			const struct field *field = &command->fields[i];

			if (field->fixed == FIXED_MESSAGE_SIZE) {
				union field_value size = {.number = length - field->fixed_value};

				assert_true(field_put(field, message, length, &size));
			} else if (field->fixed == FIXED_VALUE) {
				union field_value fixed = {.number = field->fixed_value};

				assert_true(field_put(field, message, length, &fixed));
			}
		}
		assert_true(bytes_put(message, length, dialect->opcode.offset, dialect->opcode.size,
				      dialect->opcode.order, command->opcode));
		if (classify(dialect, message, length, NULL, 0, NULL, &c, &refusal) < 0)
			continue;
		check_floor(command, message, length, &seed);
		checked++;
		with_live += command->live_key >= 0;
	}
	assert_true(checked > 20000);
	assert_true(with_live > 1500);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_cxl_bit_has_its_effect),
		TEST(short_lists_of_features_are_refused),
		TEST(a_feature_reported_twice_counts_at_its_worst),
		TEST(features_come_in_parts),
		TEST(the_mocks_effects_log),
		TEST(a_log_that_is_too_long_makes_the_rest_doubtful),
		TEST(the_list_of_logs_says_how_long_the_effects_log_is),
		TEST(qemus_effects_log),
		TEST(every_nvme_bit_has_its_effect),
		TEST(nvme_features_report_their_effects),
		TEST(identify_says_which_reports_there_are),
		TEST(invariant_5_class_never_betters),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
