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

static struct live_entry read_one(uint32_t flags, uint16_t effects)
{
	uint8_t payload[8 + ENTRY] = {};
	struct live_effects live;

	put_entry(payload, sizeof(payload), 0, 0xff, flags, effects);
	assert_int_equal(live_read_cxl_features(payload, sizeof(payload), &live), 0);
	assert_int_equal(live.n_entries, 1);
	return live.entries[0];
}

static void every_bit_has_its_effect(void **state)
{
	static const struct {
		uint16_t word;
		effect_set effects;
		bool doubtful;
	} rows[] = {
		{0x0001, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), false},
		{0x0002, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE), false},
		{0x0004, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE), false},
		{0x0008, EFFECT_BIT(EFFECT_IMMEDIATE_POLICY_CHANGE), false},
		{0x0010, EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE), false},
		{0x0020, EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE), true}, /* no change bit */
		{0x0021,
		 EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE) |
			 EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET),
		 false},
		{0x0040, EFFECT_BIT(EFFECT_BACKGROUND_OPERATION), true},
		{0x0080, 0, true},
		{0x0100, 0, true},
		{0x0200, 0, true},
		{0x0400, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), false},
		{0x0800, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), false},
		{0x1001, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), true},
		{0x2001, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), true},
		{0x4001, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), true},
		{0x8001, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), true},
		{0x0000, 0, true},
		{0x0201, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), false}, /* the mock */
		{0x0202, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE), false},   /* QEMU */
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct live_entry entry = read_one(0x61, rows[i].word);

		if (entry.effects != rows[i].effects || entry.doubtful != rows[i].doubtful)
			fail_msg("effects word 0x%04x", rows[i].word);
		/* Not changeable: whatever it says, nobody knows what a Set would do. */
		assert_true(read_one(0x60, rows[i].word).doubtful);
	}
}

static void short_answers_are_refused(void **state)
{
	uint8_t payload[8 + 2 * ENTRY] = {};
	struct live_effects live, untouched;

	memset(&live, 0x5a, sizeof(live));
	untouched = live;
	put_entry(payload, sizeof(payload), 0, 1, 1, 1);
	put_entry(payload, sizeof(payload), 1, 2, 1, 1);
	for (size_t length = 0; length < sizeof(payload); length++) {
		assert_int_equal(live_read_cxl_features(payload, length, &live), -EBADMSG);
		assert_memory_equal(&live, &untouched, sizeof(live));
	}
	assert_int_equal(live_read_cxl_features(payload, sizeof(payload), &live), 0);
	assert_int_equal(live.n_entries, 2);
	assert_ptr_equal(live_find(&live, payload + 8 + ENTRY), &live.entries[1]);
	assert_null(live_find(&live, payload));

	put(payload, sizeof(payload), 0, 2, 0xffff);
	assert_int_equal(live_read_cxl_features(payload, sizeof(payload), &live), -EBADMSG);
	put(payload, sizeof(payload), 0, 2, 0);
	assert_int_equal(live_read_cxl_features(payload, 8, &live), 0);
	assert_int_equal(live.n_entries, 0);
}

static void a_feature_reported_twice_counts_at_its_worst(void **state)
{
	uint8_t payload[8 + 2 * ENTRY] = {};
	struct live_effects live;

	put_entry(payload, sizeof(payload), 0, 7, 1, 0x0001);
	put_entry(payload, sizeof(payload), 1, 7, 1, 0x8004);
	assert_int_equal(live_read_cxl_features(payload, sizeof(payload), &live), 0);
	assert_int_equal(live.n_entries, 1);
	assert_true(live.entries[0].doubtful);
	assert_int_equal(live.entries[0].effects, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET) |
							  EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE));
}

static void more_features_than_fit_stay_unknown(void **state)
{
	static uint8_t payload[8 + (LIVE_ENTRIES_MAX + 5) * ENTRY];
	struct live_effects live;

	for (size_t i = 0; i < LIVE_ENTRIES_MAX + 5; i++)
		put_entry(payload, sizeof(payload), i, (int)i + 1, 1, 1);
	assert_int_equal(live_read_cxl_features(payload, sizeof(payload), &live), 0);
	assert_int_equal(live.n_entries, LIVE_ENTRIES_MAX);
	assert_null(live_find(&live, payload + 8 + LIVE_ENTRIES_MAX * ENTRY));
}

/*
 * The same request, classified with what a device says and without: the class and the effects of
 * the catalogue are a floor. And a device that says more never gets a better class than one that
 * says less.
 */
static void check_floor(const struct command *command, const uint8_t *message, size_t length,
			uint64_t *seed)
{
	struct dialect dialect = *command->dialect;
	struct command dumb = *command;
	struct live_effects live = {.n_entries = 1}, more;
	struct classified floor, said, said_more, silent;
	struct refusal refusal;

	dumb.live_key = -1;
	dialect.commands = &dumb;
	dialect.n_commands = 1;
	assert_int_equal(classify(&dialect, message, length, NULL, 0, NULL, &floor, &refusal), 0);

	if (command->live_key >= 0)
		memcpy(live.entries[0].key, floor.values[command->live_key].bytes, 16);
	live.entries[0].effects = (effect_set)random_number(seed) &
				  (effect_set)random_number(seed) & (EFFECT_BIT(_EFFECT_MAX) - 1);
	live.entries[0].doubtful = random_below(seed, 4) == 0;
	more = live;
	more.entries[0].effects |= EFFECT_BIT(random_below(seed, _EFFECT_MAX));
	more.entries[0].doubtful |= random_below(seed, 2) == 0;

	assert_int_equal(classify(command->dialect, message, length, NULL, 0, &live, &said,
				  &refusal),
			 0);
	assert_int_equal(classify(command->dialect, message, length, NULL, 0, &more, &said_more,
				  &refusal),
			 0);
	assert_int_equal(classify(command->dialect, message, length, NULL, 0, NULL, &silent,
				  &refusal),
			 0);

	assert_true(said.class >= floor.class);
	assert_true(silent.class >= floor.class);
	assert_true(said_more.class >= said.class);
	assert_int_equal(said.effects & floor.effects, floor.effects);
	assert_int_equal(silent.effects & floor.effects, floor.effects);
	assert_int_equal(said_more.effects & said.effects, said.effects);
	assert_true(said.class >= effect_set_class(said.effects));
	if (command->live_key >= 0) {
		assert_true(silent.class >= command->live_absent);
		assert_int_equal(said.effects & live.entries[0].effects, live.entries[0].effects);
		if (live.entries[0].doubtful)
			assert_int_equal(said.class, CLASS_DESTRUCTIVE);
	}
	assert_non_null(said.reason);
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
		const struct command *command =
			&dialect->commands[random_below(&seed, dialect->n_commands)];
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_has_its_effect),
		cmocka_unit_test(short_answers_are_refused),
		cmocka_unit_test(a_feature_reported_twice_counts_at_its_worst),
		cmocka_unit_test(more_features_than_fit_stay_unknown),
		cmocka_unit_test(invariant_5_class_never_betters),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
