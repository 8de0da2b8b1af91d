/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/digest.h"
#include "policy/encode.h"
#include "policy/field.h"

/* One encoding, and what came of it. */
struct encoded {
	int r;
	uint8_t message[MESSAGE_MAX];
	size_t length;
	const void *data;
	size_t data_length;
	struct refusal refusal;
};

static struct encoded *encode_settings(const struct command *command,
				       const struct field_setting *settings, size_t n_settings,
				       const void *data, size_t data_length)
{
	static struct encoded e;

	memset(&e, 0, sizeof(e));
	e.r = encode(command, settings, n_settings, data, data_length, e.message, sizeof(e.message),
		     &e.length, &e.data, &e.data_length, &e.refusal);
	return &e;
}

/* "lid=smart rae=1", as on the command line. */
static struct encoded *encode_text(const struct command *command, const char *text,
				   const void *data, size_t data_length)
{
	static char copy[512];
	struct field_setting settings[16];
	size_t n = 0;
	char *save = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		int index;

		assert_non_null(value);
		*value++ = '\0';
		settings[n].name = word;
		index = command_field(command, word);
		if (index >= 0)
			assert_int_equal(field_parse(&command->fields[index], value,
						     &settings[n].value),
					 0);
		n++;
	}
	return encode_settings(command, settings, n, data, data_length);
}

static struct classified classify_encoded(const struct command *command, struct encoded *e)
{
	struct classified c = {};

	if (e->r < 0)
		fail_msg("%s: %s", command->full_name, e->refusal.text);
	if (classify(command->dialect, e->message, e->length, e->data, e->data_length, NULL, &c,
		     &e->refusal) < 0)
		fail_msg("%s: %s", command->full_name, e->refusal.text);
	return c;
}

static void smart_needs_its_name_alone(void **state)
{
	const struct command *command = fixture_command("nvme", "get-log-page");
	struct encoded *e = encode_text(command, "lid=smart", NULL, 0);
	struct classified c = classify_encoded(command, e);

	assert_int_equal(c.class, CLASS_READ_ONLY);
	assert_int_equal(c.response_length, 512);
	/* What nvme-cli sends, with RAE. */
	assert_int_equal(e->message[0], 0x02);
	assert_int_equal(e->message[40], 0x02);
	assert_int_equal(e->message[41], 0x80);
	assert_int_equal(e->message[42], 0x7f);
	assert_int_equal(e->message[4], 0xff);

	c = classify_encoded(command, encode_text(command, "lid=smart numd=15", NULL, 0));
	assert_int_equal(c.response_length, 64);
}

static void what_is_missing_is_named(void **state)
{
	const struct command *command = fixture_command("nvme", "get-log-page");
	struct encoded *e = encode_text(command, "", NULL, 0);

	assert_int_equal(e->r, -EINVAL);
	assert_non_null(strstr(e->refusal.text, "lid"));
	assert_non_null(strstr(e->refusal.text, "smart"));
	/* There are more names than a sentence holds: the list ends at a whole one. */
	assert_non_null(strstr(e->refusal.text, ", ... or a number from 0 to 255)."));

	/* Both, and with the values that they can have. */
	command = fixture_command("mlx5", "access-reg");
	e = encode_text(command, "", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_string_equal(
		e->refusal.text,
		"mlx5.access-reg needs a value for: op-mod (one of write, read or a "
		"number from 0 to 65535), register (one of mrtc, mgir, mtmp or a number "
		"from 0 to 65535).");
}

static void wrong_settings_are_refused(void **state)
{
	const struct command *log = fixture_command("nvme", "get-log-page");
	const struct command *ring = fixture_command("bnxt", "func-reset");
	struct field_setting big = {.name = "lid", .value = {.number = 256}};
	struct encoded *e;

	e = encode_text(log, "lid=smart pointer=1", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_non_null(strstr(e->refusal.text, "\"pointer\""));
	assert_non_null(strstr(e->refusal.text, "lid"));
	e = encode_text(log, "lid=smart lid=error", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_non_null(strstr(e->refusal.text, "twice"));
	e = encode_settings(log, &big, 1, NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_non_null(strstr(e->refusal.text, "0xff"));

	/* The completion ring is fwctld's own. */
	e = encode_text(ring, "level=me cmpl-ring=0", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	e = encode_text(ring, "level=me cmpl-ring=0xffff", NULL, 0);
	assert_int_equal(e->r, 0);
	classify_encoded(ring, e);

	/* A name of bytes that are no text stays out of the sentence. */
	e = encode_text(log, "\xff\x1b[2Jlid=1", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_null(strchr(e->refusal.text, '\x1b'));
}

static void data_gives_its_own_length(void **state)
{
	static const uint8_t data[4096];
	const struct command *download = fixture_command("nvme", "firmware-download");
	const struct command *trace = fixture_command("bnxt", "dbg-ptrace");
	const struct command *example = fixture_command("pds", "read-example");
	struct classified c;
	struct encoded *e;

	e = encode_text(download, "offset=0", data, sizeof(data));
	c = classify_encoded(download, e);
	assert_int_equal(c.request_length, sizeof(data));
	assert_int_equal(e->message[40] | e->message[41] << 8, 1023);
	assert_ptr_equal(e->data, data);

	/* Neither a multiple of 4 nor nothing can be counted in dwords. */
	assert_int_equal(encode_text(download, "offset=0", data, 4095)->r, -EINVAL);
	assert_int_equal(encode_text(download, "offset=0", NULL, 0)->r, -EINVAL);

	c = classify_encoded(trace, encode_text(trace, "", data, 100));
	assert_int_equal(c.segment_lengths[0], 100);
	c = classify_encoded(example, encode_text(example, "out-len=8", data, 24));
	assert_int_equal(c.segment_lengths[0], 24);
	assert_int_equal(c.segment_lengths[1], 8);
	c = classify_encoded(example, encode_text(example, "out-len=8", NULL, 0));
	assert_int_equal(c.segment_lengths[0], 0);
}

static void a_tail_is_in_the_message(void **state)
{
	static const uint8_t data[160] = {0xa5, 0x5a};
	const struct command *set = fixture_command("cxl", "set-feature");
	const struct command *reg = fixture_command("mlx5", "access-reg");
	struct classified c;
	struct encoded *e;

	/* Worked example (d) of CXL. */
	e = encode_text(set, "uuid=ffffffff-ffff-ffff-ffff-ffffffffffff version=1",
			"\x44\x33\x22\x11", 4);
	c = classify_encoded(set, e);
	assert_int_equal(e->length, 52);
	assert_null(e->data);
	assert_int_equal(e->data_length, 0);
	assert_int_equal(e->message[8], 0x24); /* op_size, in host order, is fwctld's own */
	assert_memory_equal(e->message + 48, "\x44\x33\x22\x11", 4);
	assert_int_equal(c.request_length, 4);

	e = encode_text(reg, "op-mod=read register=mgir", data, sizeof(data));
	c = classify_encoded(reg, e);
	assert_int_equal(c.class, CLASS_READ_ONLY);
	assert_memory_equal(e->message, "\x08\x05\0\0\0\0\0\x01\0\0\x90\x20\0\0\0\0\xa5\x5a", 18);
}

static void too_much_data_is_refused(void **state)
{
	static const uint8_t data[REQUEST_DATA_MAX + 1];
	const struct command *set = fixture_command("cxl", "set-feature");
	struct field_setting uuid = {.name = "uuid"};
	struct refusal refusal;
	uint8_t small[40];
	const void *beside;
	size_t length, beside_length;

	assert_int_equal(encode_settings(set, &uuid, 1, data, sizeof(data))->r, -EMSGSIZE);
	assert_int_equal(encode(set, &uuid, 1, data, 4, small, sizeof(small), &length, &beside,
				&beside_length, &refusal),
			 -EMSGSIZE);
}

/* Defaults that ask for each other: in the file's order, against it, and in a ring. */
static void defaults_wait_for_their_conditions(void **state)
{
	struct value_range one = {1, 1};
	struct condition_term first_is_one = {.field = 0, .ranges = &one, .n_ranges = 1};
	struct condition_term second_is_one = {.field = 1, .ranges = &one, .n_ranges = 1};
	struct condition_term third_is_one = {.field = 2, .ranges = &one, .n_ranges = 1};
	struct value_case first_default[] = {
		{.when = {.terms = &second_is_one, .n_terms = 1}, .value = 11},
		{.value = 10},
	};
	struct value_case second_default[] = {
		{.when = {.terms = &third_is_one, .n_terms = 1}, .value = 1},
		{.value = 0},
	};
	struct value_case third_ring[] = {
		{.when = {.terms = &first_is_one, .n_terms = 1}, .value = 1},
		{.value = 0},
	};
	struct field fields[] = {
		{.name = (char *)"first",
		 .parts = {{.offset = 1, .size = 1, .high = 7}},
		 .n_parts = 1,
		 .defaults = first_default,
		 .n_defaults = 2},
		{.name = (char *)"second",
		 .parts = {{.offset = 2, .size = 1, .high = 7}},
		 .n_parts = 1,
		 .defaults = second_default,
		 .n_defaults = 2},
		{.name = (char *)"third",
		 .parts = {{.offset = 3, .size = 1, .high = 7}},
		 .n_parts = 1},
	};
	uint8_t template[4] = {0x77}, mask[4] = {0xff, 0xff, 0xff, 0xff};
	struct dialect dialect = {.name = (char *)"test", .n_commands = 1};
	struct command command = {.dialect = &dialect,
				  .envelope = ENVELOPE_FWCTL_RPC,
				  .full_name = (char *)"test.ring",
				  .fields = fields,
				  .n_fields = 3,
				  .message_size = 4,
				  .template = template,
				  .mask = mask,
				  .live_key = -1};
	struct encoded *e;

	e = encode_text(&command, "third=1", NULL, 0);
	assert_int_equal(e->r, 0);
	assert_memory_equal(e->message, "\x77\x0b\x01\x01", 4);
	e = encode_text(&command, "third=2", NULL, 0);
	assert_int_equal(e->r, 0);
	assert_memory_equal(e->message, "\x77\x0a\x00\x02", 4);
	e = encode_text(&command, "third=2 second=1", NULL, 0);
	assert_int_equal(e->r, 0);
	assert_memory_equal(e->message, "\x77\x0b\x01\x02", 4);

	fields[2].defaults = third_ring;
	fields[2].n_defaults = 2;
	e = encode_text(&command, "", NULL, 0);
	assert_int_equal(e->r, -EINVAL);
	assert_non_null(strstr(e->refusal.text, "first ("));
	assert_non_null(strstr(e->refusal.text, ", second ("));
	assert_non_null(strstr(e->refusal.text, ", third ("));
	e = encode_text(&command, "first=1", NULL, 0);
	assert_int_equal(e->r, 0);
	assert_memory_equal(e->message, "\x77\x01\x01\x01", 4);
}

static union field_value random_value(const struct field *field, uint64_t *seed)
{
	union field_value value = {};

	if (field->type != FIELD_NUMBER)
		for (unsigned i = 0; i < field->size; i++)
			value.bytes[i] = (uint8_t)random_number(seed);
	else if (field->n_names > 0 && random_below(seed, 4) > 0)
		value.number = field->names[random_below(seed, field->n_names)].value;
	else if (random_below(seed, 2) > 0)
		value.number = random_below(seed, 300) & field_max(field);
	else
		value.number = random_number(seed) & field_max(field);
	return value;
}

/* Names to bytes and back: classify() reads exactly what was set, or refuses; it never misreads. */
static void what_is_encoded_is_what_is_classified(void **state)
{
	static const char *const names[] = {"nvme", "cxl", "bnxt", "mlx5", "pds"};
	static const uint8_t data[8192] = {1, 2, 3};
	static const size_t lengths[] = {0, 0, 0, 0, 1, 4, 8, 32, 48, 160, 512, 4096, 8192};
	uint64_t seed = 41;
	unsigned accepted = 0;

	for (unsigned round = 0; round < 60000; round++) {
		const struct dialect *dialect = fixture_dialect(names[round % ELEMENTSOF(names)]);
		const struct command *command = random_command(dialect, &seed);
		size_t data_length = lengths[random_below(&seed, ELEMENTSOF(lengths))];
		struct field_setting settings[FIELDS_MAX];
		struct classified c = {};
		struct encoded *e;
		size_t n = 0;

		for (unsigned i = 0; i < command->n_fields; i++)
			if (command->fields[i].fixed == FIXED_NOT && random_below(&seed, 3) > 0) {
				settings[n].name = command->fields[i].name;
				settings[n++].value = random_value(&command->fields[i], &seed);
			}
		e = encode_settings(command, settings, n, data, data_length);
		if (e->r < 0) {
			assert_true(strlen(e->refusal.text) > 10);
			continue;
		}
		if (classify(dialect, e->message, e->length, e->data, e->data_length, NULL, &c,
			     &e->refusal) < 0)
			continue;
		accepted++;
		assert_ptr_equal(c.command, command);
		for (size_t i = 0; i < n; i++) {
			int index = command_field(command, settings[i].name);
			const struct field *field = &command->fields[index];

			if (field->type == FIELD_NUMBER)
				assert_int_equal(c.values[index].number, settings[i].value.number);
			else
				assert_memory_equal(c.values[index].bytes, settings[i].value.bytes,
						    field->size);
		}
	}
	assert_true(accepted > 10000);
}

static void a_digest_tells_requests_apart(void **state)
{
	const struct command *log = fixture_command("nvme", "get-log-page");
	const struct command *example = fixture_command("pds", "secret-example");
	const struct command *feature = fixture_command("nvme", "set-features");
	const uint8_t key[DIGEST_SIZE] = {1}, other_key[DIGEST_SIZE] = {2};
	uint8_t digests[8][DIGEST_SIZE];
	char text[DIGEST_STRING_SIZE];
	struct classified c;

	c = classify_encoded(log, encode_text(log, "lid=smart", NULL, 0));
	request_digest("nvme:1", &c, key, digests[0]);
	request_digest("nvme:1", &c, other_key, digests[1]);
	assert_memory_equal(digests[0], digests[1], DIGEST_SIZE); /* no secret, no key */
	request_digest("nvme:2", &c, key, digests[1]);
	c = classify_encoded(log, encode_text(log, "lid=error", NULL, 0));
	request_digest("nvme:1", &c, key, digests[2]);

	c = classify_encoded(example, encode_text(example, "key=0011223344556677", NULL, 0));
	request_digest("pds:1", &c, key, digests[3]);
	request_digest("pds:1", &c, other_key, digests[4]);
	c = classify_encoded(example, encode_text(example, "key=0011223344556678", NULL, 0));
	request_digest("pds:1", &c, key, digests[5]);

	/* Data that changes security state can be a passphrase: keyed as well. */
	c = classify_encoded(feature, encode_text(feature, "fid=0x84 value=1 nsid=1", NULL, 0));
	assert_true(c.effects & EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE));
	request_digest("nvme:1", &c, key, digests[6]);
	request_digest("nvme:1", &c, other_key, digests[7]);

	for (size_t i = 0; i < ELEMENTSOF(digests); i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(digests[i], digests[j], DIGEST_SIZE);
	digest_to_string(digests[0], text);
	assert_int_equal(strlen(text), 64);
	assert_int_equal(strspn(text, "0123456789abcdef"), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smart_needs_its_name_alone),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(wrong_settings_are_refused),
		cmocka_unit_test(data_gives_its_own_length),
		cmocka_unit_test(a_tail_is_in_the_message),
		cmocka_unit_test(too_much_data_is_refused),
		cmocka_unit_test(defaults_wait_for_their_conditions),
		cmocka_unit_test(what_is_encoded_is_what_is_classified),
		cmocka_unit_test(a_digest_tells_requests_apart),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
