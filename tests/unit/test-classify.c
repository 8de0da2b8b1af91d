/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a reader of the specifications expects of byte strings that somebody made by hand: NVM
 * Express Base 2.0 and CXL 3.1 section 8.2.9. The rows do not look at the catalogue; they are why
 * it can be believed.
 */

#include "tests/unit/catalogue-fixture.h"
#include "tests/unit/nvme-rows.h"

#include <errno.h>
#include <string.h>

#include "include/arena.h"
#include "policy/classify.h"
#include "policy/envelope.h"

static uint8_t noise[REQUEST_DATA_MAX + 4096];

static int setup(void **state)
{
	memset(noise, 0xa5, sizeof(noise));
	return fixture_setup(state);
}

static void check(const char *what, int expected, int r, const struct classified *c,
		  const struct refusal *refusal)
{
	int got = r < 0 ? r : (int)c->class;

	if (got == expected)
		return;
	fail_msg("%s: expected %s, got %s (%s)", what,
		 expected < 0 ? strerrorname_np(-expected)
			      : effect_class_to_string((enum effect_class)expected),
		 r < 0 ? strerrorname_np(-r) : effect_class_to_string(c->class),
		 r < 0 ? refusal->text : c->reason);
}

static void put_dword(uint8_t *sqe, unsigned dword, uint32_t value)
{
	assert_true(bytes_put(sqe, 64, dword * 4, 4, BYTES_LITTLE, value));
}

static void build_sqe(const struct nvme_row *row, uint8_t sqe[static 64])
{
	memset(sqe, 0, 64);
	put_dword(sqe, 0, row->dw0);
	put_dword(sqe, 1, row->nsid);
	put_dword(sqe, 10, row->dw10);
	put_dword(sqe, 11, row->dw11);
	put_dword(sqe, 12, row->dw12);
	put_dword(sqe, 13, row->dw13);
	put_dword(sqe, 14, row->dw14);
	put_dword(sqe, 15, row->dw15);
}

static void nvme_bytes(void **state)
{
	const struct dialect *nvme = fixture_dialect("nvme");

	for (size_t i = 0; i < ELEMENTSOF(nvme_rows); i++) {
		const struct nvme_row *row = &nvme_rows[i];
		struct refusal refusal = {};
		struct classified c = {};
		uint8_t sqe[64];
		int r;

		build_sqe(row, sqe);
		r = classify(nvme, sqe, sizeof(sqe), noise, row->data, NULL, &c, &refusal);
		check(row->what, row->expected, r, &c, &refusal);
		if (r < 0) {
			assert_true(strlen(refusal.text) > 20);
			continue;
		}
		if ((c.effects & row->with) != row->with)
			fail_msg("%s: lacks an effect", row->what);
		if (row->response != 0 && c.response_length != row->response)
			fail_msg("%s: answers %zu bytes", row->what, c.response_length);
		assert_int_equal(c.request_length, row->data);
		assert_non_null(c.reason);
		assert_int_equal(c.scope, 0);
	}
}

/* Dwords 2 to 9: reserved and pointers; every single bit of them is refused, with every command. */
static void nvme_pointer_bits(void **state)
{
	const struct dialect *nvme = fixture_dialect("nvme");

	for (size_t i = 0; i < ELEMENTSOF(nvme_rows); i++) {
		const struct nvme_row *row = &nvme_rows[i];

		if (row->expected < 0)
			continue;
		for (unsigned bit = 16 * 8; bit < 40 * 8; bit++) {
			struct refusal refusal = {};
			struct classified c;
			uint8_t sqe[64];

			build_sqe(row, sqe);
			sqe[bit / 8] |= (uint8_t)(1u << bit % 8);
			if (classify(nvme, sqe, 64, noise, row->data, NULL, &c, &refusal) !=
			    -EBADMSG)
				fail_msg("%s: bit %u passed", row->what, bit);
		}
	}
}

static void every_other_length_is_refused(void **state)
{
	const struct dialect *nvme = fixture_dialect("nvme");
	const struct nvme_row smart = {.dw0 = 2, .nsid = ALL_NS, .dw10 = 0x007f8002};
	struct classified untouched, c;
	uint8_t sqe[128] = {};

	memset(&c, 0x5a, sizeof(c));
	untouched = c;
	build_sqe(&smart, sqe);
	for (size_t length = 0; length < sizeof(sqe); length++) {
		struct refusal refusal = {};
		int r = classify(nvme, sqe, length, NULL, 0, NULL, &c, &refusal);

		if (length == 64) {
			assert_int_equal(r, 0);
			c = untouched;
			continue;
		}
		assert_int_equal(r, -EBADMSG);
		assert_memory_equal(&c, &untouched, sizeof(c));
	}
}

struct cxl_row {
	const char *what;
	const char *hex; /* spaces are for the reader */
	int expected;
	effect_set with;
	effect_set without;
	unsigned scope;
	size_t response;
	/* What the device says about the feature ffffffff-...: */
	bool known;
	bool doubtful;
	effect_set effects;
};

#define MOCK	    "ffffffff ffffffff ffffffff ffffffff"
#define SCRUB	    "96dad7d6 fde8482b a733757 74e06db8a"
#define EFFECTS_LOG "0da9c0b5 bf414b78 8f7996b1 623b3f17"
#define DEBUG_LOG   "5e1819d9 11a9400c 811fd607 19403d86"
#define SET	    "02050000 00000000 24000000 00000000 " MOCK " 00000000 0000 01 000000000000000000 "

static const struct cxl_row cxl_rows[] = {
	{"(a) eight features", "00050000 00000000 08000000 00000000  88010000 0000 0000",
	 .expected = READ, .response = 400},
	{"count alone", "00050000 00000000 08000000 00000000  08000000 0000 0000", .expected = READ,
	 .response = 16},
	{"supported, reserved bytes", "00050000 00000000 08000000 00000000  88010000 0000 0100",
	 .expected = -EBADMSG},
	{"supported, 4 GiB", "00050000 00000000 08000000 00000000  ffffffff 0000 0000",
	 .expected = -EMSGSIZE},
	{"(b) get patrol scrub", "01050000 00000000 15000000 00000000 " SCRUB " 0000 0400 00",
	 .expected = READ, .response = 12},
	{"get the saved value", "01050000 00000000 15000000 00000000 " SCRUB " 0000 0400 02",
	 .expected = READ, .response = 12},
	{"upper half of the opcode", "01050100 00000000 15000000 00000000 " SCRUB " 0000 0400 00",
	 .expected = -ENOENT},
	{"upper half, set",
	 "02050100 00000000 24000000 00000000 " MOCK
	 " 00000000 0000 01 000000000000000000 44332211",
	 .expected = -ENOENT},
	{"flags", "01050000 01000000 15000000 00000000 " SCRUB " 0000 0400 00",
	 .expected = -EBADMSG},
	{"reserved word", "01050000 00000000 15000000 00000001 " SCRUB " 0000 0400 00",
	 .expected = -EBADMSG},
	{"op_size too large", "01050000 00000000 16000000 00000000 " SCRUB " 0000 0400 00",
	 .expected = -EBADMSG},
	{"op_size too small", "01050000 00000000 14000000 00000000 " SCRUB " 0000 0400 00",
	 .expected = -EBADMSG},
	{"a byte too many", "01050000 00000000 16000000 00000000 " SCRUB " 0000 0400 00 00",
	 .expected = -EBADMSG},
	{"a byte too few", "01050000 00000000 15000000 00000000 " SCRUB " 0000 0400",
	 .expected = -EBADMSG},
	{"transfer firmware, which has no id", "01020000 00000000 00000000 00000000",
	 .expected = -EOPNOTSUPP},
	{"inject poison, whose id is withdrawn", "01430000 00000000 00000000 00000000",
	 .expected = -EOPNOTSUPP},
	{"sanitize", "00440000 00000000 00000000 00000000", .expected = -EOPNOTSUPP},
	{"get event records", "00010000 00000000 01000000 00000000 00", .expected = -EOPNOTSUPP},
	{"unlock", "03450000 00000000 00000000 00000000", .expected = -EOPNOTSUPP},
	{"tunnel", "00530000 00000000 00000000 00000000", .expected = -EOPNOTSUPP},
	{"a vendor's command", "00c00000 00000000 00000000 00000000", .expected = -ENOENT},
	{"sanitize, upper half", "00440100 00000000 00000000 00000000", .expected = -ENOENT},

	{"(c) set patrol scrub, device silent",
	 "02050000 00000000 22000000 00000000 " SCRUB " 00000000 0000 01 000000000000000000 1801",
	 .expected = DESTROY, .with = PERSISTENT, .response = 8},
	{"(d) set, at cold reset", SET "44332211", .expected = CONFIG, .with = PERSISTENT | TAINTS,
	 .scope = 2, .known = true, .effects = EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET),
	 .response = 8},
	{"set, at once", SET "44332211", .expected = CONFIG, .with = PERSISTENT | TAINTS,
	 .scope = 3, .known = true, .effects = EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE)},
	{"set, policy at once", SET "44332211", .expected = CONFIG, .scope = 3, .known = true,
	 .with = TAINTS, .effects = EFFECT_BIT(EFFECT_IMMEDIATE_POLICY_CHANGE)},
	{"set, log at once", SET "44332211", .expected = CONFIG, .scope = 3, .known = true,
	 .with = TAINTS, .effects = EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE)},
	{"set, changes data", SET "44332211", .expected = DESTROY, .with = TAINTS, .scope = 3,
	 .known = true, .effects = EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE)},
	{"set, security state and cold reset", SET "44332211", .expected = DESTROY, .scope = 2,
	 .known = true, .with = TAINTS,
	 .effects = EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE) |
		    EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET)},
	{"set, doubtful", SET "44332211", .expected = DESTROY, .scope = 2, .known = true,
	 .doubtful = true, .effects = EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET)},
	{"set, not reported", SET "44332211", .expected = DESTROY, .with = PERSISTENT},
	{"set without data",
	 "02050000 00000000 20000000 00000000 " MOCK " 00000000 0000 01 000000000000000000",
	 .expected = -EBADMSG},
	{"set, reserved bytes",
	 "02050000 00000000 24000000 00000000 " MOCK
	 " 00000000 0000 01 000000000000000001 44332211",
	 .expected = -EBADMSG},
	{"set, reserved flags",
	 "02050000 00000000 24000000 00000000 " MOCK
	 " 10000000 0000 01 000000000000000000 44332211",
	 .expected = -EBADMSG},
	{"set, \"abort\", which the kernel would apply",
	 "02050000 00000000 24000000 00000000 " MOCK
	 " 04000000 0000 01 000000000000000000 44332211",
	 .expected = -EBADMSG},

	{"the kernel's list", "00000000 00000000 00000000 00000000", .expected = READ,
	 .response = 8 + 32 * 16},
	{"identify", "00400000 00000000 00000000 00000000", .expected = READ, .response = 8 + 67},
	{"identify, upper half", "00400100 00000000 00000000 00000000", .expected = -ENOENT},
	{"identify, flags", "00400000 01000000 00000000 00000000", .expected = -EBADMSG},
	{"identify with a payload", "00400000 00000000 01000000 00000000 00", .expected = -EBADMSG},
	{"health", "00420000 00000000 00000000 00000000", .expected = READ, .response = 8 + 18},
	{"effects log", "01040000 00000000 18000000 00000000 " EFFECTS_LOG " 00000000 44000000",
	 .expected = READ, .without = CONFIDENTIAL, .response = 8 + 68},
	{"vendor debug log", "01040000 00000000 18000000 00000000 " DEBUG_LOG " 00000000 44000000",
	 .expected = READ, .with = CONFIDENTIAL},
	{"unknown log", "01040000 00000000 18000000 00000000 " MOCK " 00000000 44000000",
	 .expected = READ, .with = CONFIDENTIAL},
	{"log, 4 GiB", "01040000 00000000 18000000 00000000 " EFFECTS_LOG " 00000000 ffffffff",
	 .expected = -EMSGSIZE},
	{"clear a log", "03040000 00000000 10000000 00000000 " DEBUG_LOG, .expected = DESTROY,
	 .response = 8},
	{"labels", "02410000 00000000 08000000 00000000 00000000 00010000", .expected = READ,
	 .response = 8 + 256},
	{"set labels", "03410000 00000000 0c000000 00000000 10000000 00000000 11223344",
	 .expected = DESTROY, .with = PERSISTENT},
	{"set labels, none", "03410000 00000000 08000000 00000000 10000000 00000000",
	 .expected = -EBADMSG},
	{"set labels, reserved", "03410000 00000000 0c000000 00000000 10000000 01000000 11223344",
	 .expected = -EBADMSG},
	{"partition", "01410000 00000000 0a000000 00000000 0100000000000000 00 00",
	 .expected = DESTROY, .with = PERSISTENT},
	{"partition, at once", "01410000 00000000 0a000000 00000000 0100000000000000 01 00",
	 .expected = -EBADMSG},
	{"partition as the specification has it",
	 "01410000 00000000 09000000 00000000 "
	 "0100000000000000 00",
	 .expected = -EBADMSG},
	{"shutdown state", "04420000 00000000 01000000 00000000 00", .expected = DESTROY,
	 .with = PERSISTENT},
	{"alerts", "02420000 00000000 0c000000 00000000 01 01 50 00 0000 0000 0000 0000",
	 .expected = CONFIG},
	{"alerts, reserved", "02420000 00000000 0c000000 00000000 01 01 50 01 0000 0000 0000 0000",
	 .expected = -EBADMSG},
};

static size_t from_hex(const char *hex, uint8_t *buffer, size_t size)
{
	size_t digits = 0;

	memset(buffer, 0, size);
	for (; *hex; hex++) {
		unsigned digit;

		if (*hex == ' ')
			continue;
		digit = (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
		assert_true(digit < 16 && digits / 2 < size);
		buffer[digits / 2] |= (uint8_t)(digit << (digits % 2 ? 0 : 4));
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	return digits / 2;
}

static void cxl_bytes(void **state)
{
	const struct dialect *cxl = fixture_dialect("cxl");

	for (size_t i = 0; i < ELEMENTSOF(cxl_rows); i++) {
		const struct cxl_row *row = &cxl_rows[i];
		static struct live_effects live;
		struct refusal refusal = {};
		struct classified c = {};
		uint8_t message[128];
		size_t length = from_hex(row->hex, message, sizeof(message));
		int r;

		live_clear(&live);
		live.values.n_entries = row->known;
		memset(&live.values.entries[0].key, 0xff, sizeof(struct live_key));
		live.values.entries[0].report = (struct live_report){
			.effects = row->effects | (row->doubtful ? EFFECT_BIT(EFFECT_UNKNOWN) : 0),
			.reason = "the device reports it",
		};
		r = classify(cxl, message, length, NULL, 0, &live, &c, &refusal);
		check(row->what, row->expected, r, &c, &refusal);
		if (r < 0)
			continue;
		if ((c.effects & (row->with | row->effects)) != (row->with | row->effects))
			fail_msg("%s: lacks an effect", row->what);
		if (c.effects & row->without)
			fail_msg("%s: has an effect too many", row->what);
		if (row->scope != 0 && c.scope != row->scope)
			fail_msg("%s: scope %u", row->what, c.scope);
		if (row->response != 0 && c.response_length != row->response)
			fail_msg("%s: answers %zu bytes", row->what, c.response_length);
		/* Data beside a CXL message has no place. */
		assert_int_equal(classify(cxl, message, length, noise, 1, &live, &c, &refusal),
				 -EBADMSG);
	}
}

static void cxl_set_feature_data_is_the_tail(void **state)
{
	struct refusal refusal;
	struct classified c;
	uint8_t message[128];
	size_t length = from_hex(SET "44332211", message, sizeof(message));

	assert_int_equal(classify(fixture_dialect("cxl"), message, length, NULL, 0, NULL, &c,
				  &refusal),
			 0);
	assert_ptr_equal(c.request, message + 48);
	assert_int_equal(c.request_length, 4);
}

/* The other dialects: selectors, segments, big endian. */
static void mlx5_selectors(void **state)
{
	const struct dialect *mlx5 = fixture_dialect("mlx5");
	uint8_t counter[32] = {0x07, 0x70};
	uint8_t reg[16 + 160] = {0x08, 0x05};
	struct refusal refusal;
	struct classified c;

	assert_int_equal(classify(mlx5, counter, sizeof(counter), NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, READ);
	assert_int_equal(c.scope, 1);
	counter[24] = 0x80; /* clear */
	assert_int_equal(classify(mlx5, counter, sizeof(counter), NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, CONFIG);
	counter[24] = 0x40;
	assert_int_equal(classify(mlx5, counter, sizeof(counter), NULL, 0, NULL, &c, &refusal),
			 -EBADMSG);

	/* The sheet's example: read MGIR. */
	reg[7] = 1;
	reg[10] = 0x90;
	reg[11] = 0x20;
	assert_int_equal(classify(mlx5, reg, 176, NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, READ);
	assert_int_equal(c.scope, 1);
	assert_int_equal(c.response_length, 176);
	assert_int_equal(classify(mlx5, reg, 172, NULL, 0, NULL, &c, &refusal), -EBADMSG);
	/* The kernel takes every op_mod but 0 for a read; scope 0 is enough to write. */
	reg[7] = 2;
	assert_int_equal(classify(mlx5, reg, 176, NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, DESTROY);
	reg[7] = 0;
	assert_int_equal(classify(mlx5, reg, 176, NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, DESTROY);
	assert_int_equal(c.scope, 0);
	/* MCDD, whose length nobody wrote down. */
	reg[11] = 0x5c;
	assert_int_equal(classify(mlx5, reg, 176, NULL, 0, NULL, &c, &refusal), -EOPNOTSUPP);
}

static void bnxt_segments(void **state)
{
	const struct dialect *bnxt = fixture_dialect("bnxt");
	uint8_t stats[40] = {0x23, 0x00, 0xff, 0xff, 0, 0, 0xff, 0xff};
	uint8_t trace[40] = {0x2d, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff};
	struct refusal refusal;
	struct classified c;

	assert_int_equal(classify(bnxt, stats, 40, NULL, 0, NULL, &c, &refusal), 0);
	assert_int_equal(c.class, READ);
	assert_int_equal(c.segment_lengths[0], 408);
	assert_int_equal(c.segment_lengths[1], 528);
	assert_null(c.segment_data[0]);
	/* The confused deputy: an address of the sender's choice. */
	for (unsigned i = 24; i < 40; i++) {
		stats[i] = 0x10;
		assert_int_equal(classify(bnxt, stats, 40, NULL, 0, NULL, &c, &refusal), -EBADMSG);
		assert_non_null(strstr(refusal.text, "pointer"));
		stats[i] = 0;
	}
	/* Another completion ring, another function, a sequence number, a response address. */
	for (unsigned i = 2; i < 16; i++) {
		stats[i] ^= 0x01;
		assert_int_equal(classify(bnxt, stats, 40, NULL, 0, NULL, &c, &refusal), -EBADMSG);
		stats[i] ^= 0x01;
	}

	/* One length, two buffers. */
	trace[33] = 1;
	assert_int_equal(classify(bnxt, trace, 40, noise, 256, NULL, &c, &refusal), 0);
	assert_ptr_equal(c.segment_data[0], noise);
	assert_int_equal(c.segment_lengths[0], 256);
	assert_int_equal(c.segment_lengths[1], 256);
	assert_null(c.segment_data[1]);
	assert_int_equal(c.scope, 2);
	assert_true(c.effects & TAINTS);
	assert_int_equal(classify(bnxt, trace, 40, noise, 255, NULL, &c, &refusal), -EBADMSG);
	assert_int_equal(classify(bnxt, trace, 40, noise, 257, NULL, &c, &refusal), -EBADMSG);
	/* 64 KiB each way fit, more to the device does not. */
	trace[33] = 0;
	trace[34] = 1;
	assert_int_equal(classify(bnxt, trace, 40, noise, 65536, NULL, &c, &refusal), 0);
	trace[32] = 1;
	assert_int_equal(classify(bnxt, trace, 40, noise, 65537, NULL, &c, &refusal), -EMSGSIZE);
	trace[35] = 0xff;
	assert_int_equal(classify(bnxt, trace, 40, noise, 65536, NULL, &c, &refusal), -EMSGSIZE);
}

/* The class of what fits no case is the command's own, also where no effect says so. */
static void what_fits_no_case(void **state)
{
	const struct command *shipped_command = fixture_command("nvme", "get-features");
	struct refinement refine = *shipped_command->refine;
	struct dialect dialect = *shipped_command->dialect;
	struct command command = *shipped_command;
	struct condition_term term = {.field = (unsigned)command_field(&command, "fid")};
	struct value_range range = {.first = 2, .last = 4};
	uint8_t sqe[64] = {0x0a};
	struct refusal refusal;
	struct classified c;

	term.ranges = &range;
	term.n_ranges = 1;
	refine.when = (struct condition){.terms = &term, .n_terms = 1};
	refine.class = CLASS_READ_ONLY;
	refine.effects = 0;
	command.dialect = &dialect;
	command.refine = &refine;
	command.n_refine = 1;
	command.n_also = 0;
	command.effects = 0;
	dialect.commands = &command;
	dialect.n_commands = 1;
	for (int class = CLASS_READ_ONLY; class < _CLASS_MAX; class ++) {
		command.class = (enum effect_class) class;
		for (sqe[40] = 1; sqe[40] <= 5; sqe[40]++) {
			if (classify(&dialect, sqe, 64, NULL, 0, NULL, &c, &refusal) < 0)
				fail_msg("%s", refusal.text);
			assert_int_equal(c.class, sqe[40] >= 2 && sqe[40] <= 4 ? READ : class);
		}
	}
}

/* Whatever is in it, a refusal is a sentence that fits a D-Bus string and one line of a log. */
static void refusals_are_printable(void **state)
{
	struct refusal refusal;

	assert_int_equal(refuse(&refusal, -EBADMSG, "a\n\xff\x1b[31m%s", "\xc3\xa9~\x7f"),
			 -EBADMSG);
	assert_string_equal(refusal.text, "a???[31m??~?");
	refuse(&refusal, -EBADMSG, "%0600d", 7);
	assert_int_equal(strlen(refusal.text), sizeof(refusal.text) - 1);
}

/* Catalogues that no loader makes: wrong in a way that only the request shows. */
static void lengths_that_overflow(void **state)
{
	struct dialect dialect = *fixture_dialect("mlx5");
	struct command command = *fixture_command("mlx5", "query-vport-counter");
	struct length_case length = {.length = {.field = command_field(&command, "vport-number"),
						.add = UINT64_MAX,
						.scale = 4}};
	uint8_t message[32] = {0x07, 0x70};
	struct refusal refusal;
	struct classified c;

	dialect.commands = &command;
	dialect.n_commands = 1;
	command.dialect = &dialect;
	command.response = &length;
	message[11] = 2;
	assert_int_equal(classify(&dialect, message, 32, NULL, 0, NULL, &c, &refusal), -EMSGSIZE);
	length.length.add = 0;
	length.length.scale = UINT64_MAX;
	assert_int_equal(classify(&dialect, message, 32, NULL, 0, NULL, &c, &refusal), -EMSGSIZE);
	/* An answer without room for the status could never be called executed. */
	message[11] = 0;
	assert_int_equal(classify(&dialect, message, 32, NULL, 0, NULL, &c, &refusal), -EOPNOTSUPP);
	/* No case holds. */
	command.response = NULL;
	command.n_response = 0;
	command.n_scopes = 0;
	dialect.status.size = 0;
	assert_int_equal(classify(&dialect, message, 32, NULL, 0, NULL, &c, &refusal), -EOPNOTSUPP);
	assert_non_null(strstr(refusal.text, "scope"));
}

static void nvme_direction_is_the_opcodes(void **state)
{
	struct dialect dialect = *fixture_dialect("nvme");
	struct command command = *fixture_command("nvme", "identify");
	struct length_case length = {.length = {.field = -1, .add = 4096}};
	uint8_t sqe[64] = {};
	struct refusal refusal;
	struct classified c;

	dialect.commands = &command;
	dialect.n_commands = 1;
	command.dialect = &dialect;
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		sqe[0] = (uint8_t)opcode;
		command.opcode = opcode;
		command.request = NULL;
		command.n_request = 0;
		command.response = &length;
		command.n_response = 1;
		assert_int_equal(classify(&dialect, sqe, 64, NULL, 0, NULL, &c, &refusal),
				 opcode % 4 == 2 ? 0 : -EOPNOTSUPP);
		command.request = &length;
		command.n_request = 1;
		assert_int_equal(classify(&dialect, sqe, 64, noise, 4096, NULL, &c, &refusal),
				 -EOPNOTSUPP);
		command.response = NULL;
		command.n_response = 0;
		assert_int_equal(classify(&dialect, sqe, 64, noise, 4096, NULL, &c, &refusal),
				 opcode % 4 == 1 ? 0 : -EOPNOTSUPP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvme_bytes),
		cmocka_unit_test(nvme_pointer_bits),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(cxl_bytes),
		cmocka_unit_test(cxl_set_feature_data_is_the_tail),
		cmocka_unit_test(mlx5_selectors),
		cmocka_unit_test(bnxt_segments),
		cmocka_unit_test(what_fits_no_case),
		cmocka_unit_test(refusals_are_printable),
		cmocka_unit_test(lengths_that_overflow),
		cmocka_unit_test(nvme_direction_is_the_opcodes),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
