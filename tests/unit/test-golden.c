/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The shipped catalogue against facts about every command (tests/unit/facts.h says which). Each
 * fact is an entry, each entry is a fact, and no value of any field makes a command better than the
 * facts have it.
 *
 * The plain form of a command has every default; where there is none, the first name or 0.
 */

#include "tests/unit/facts.h"

#include <errno.h>
#include <inttypes.h>

#include "policy/classify.h"
#include "policy/field.h"

#define CANDIDATE_MAX 512u
#define ACCESS_REG    0x0805u

static const struct fact_file {
	const char *name;
	const char *dialect;
	unsigned rows;
	/* Bytes of the head that are no client's: the driver's, reserved, or another's function. */
	struct {
		size_t first, last;
	} forced[4];
	unsigned n_forced;
} files[] = {
	{"golden/nvme.txt", "nvme", 50, {{1, 3}, {8, 39}, {60, 63}}, 3},
	{"golden/cxl.txt", "cxl", 64, {{2, 7}, {12, 15}}, 2},
	{"golden/mlx5.txt", "mlx5", 93, {{2, 5}}, 1},
	{"golden/mlx5-registers.txt", "mlx5", 266, {{2, 5}, {8, 9}, {12, 15}}, 3},
	{"golden/bnxt.txt", "bnxt", 104, {{2, 15}}, 1},
};

static const uint8_t zeroes[REQUEST_DATA_MAX + 1];
static unsigned wrong, wrong_here; /* in all, and of one fact */

/* What is wrong with one fact is mostly the same thing again and again. */
#define complain(fact, format, ...)                                                                \
	do {                                                                                       \
		wrong++;                                                                           \
		if (++wrong_here <= 4)                                                             \
			print_message("# %s: " format "\n", (fact)->where, ##__VA_ARGS__);         \
	} while (0)

/* The catalogue's own lengths: here they only say how much to send; the facts then judge it. */
static uint64_t length_of(const struct length *length, const union field_value *values)
{
	if (length->any)
		return length->min;
	return (length->field < 0 ? 0 : values[length->field].number) * length->scale +
	       length->add * (length->field < 0 ? 1 : length->scale);
}

/* False: there are no such bytes, or more than anybody sends. */
static bool form_build(const struct command *command, const union field_value *given,
		       struct form *ret)
{
	union field_value values[FIELDS_MAX];
	uint64_t request = 0, beside = 0;
	bool tail = command->envelope != ENVELOPE_NVME_ADMIN;

	memcpy(values, given, sizeof(values));
	for (size_t i = 0; i < command->n_request; i++)
		if (condition_holds(&command->request[i].when, command, values, command->effects)) {
			request = length_of(&command->request[i].length, values);
			break;
		}
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			beside += length_of(&command->segments[i].length, values);
	if (request > REQUEST_DATA_MAX || beside > REQUEST_DATA_MAX)
		return false;
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_MESSAGE_SIZE)
			values[i].number = command->message_size + (tail ? request : 0) -
					   command->fields[i].fixed_value;
	ret->length = command->message_size + (tail ? request : 0);
	memset(ret->message, 0, ret->length);
	ret->data_length = tail ? beside : request;
	return message_write(command, values, ret->message);
}

static int form_classify(const struct command *command, const struct form *form,
			 struct classified *ret, struct refusal *ret_refusal)
{
	return classify(command->dialect, form->message, form->length, zeroes, form->data_length,
			NULL, ret, ret_refusal);
}

static void plain_values(const struct command *command, union field_value values[static FIELDS_MAX])
{
	memset(values, 0, FIELDS_MAX * sizeof(*values));
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed == FIXED_VALUE)
			values[i].number = field->fixed_value;
		else if (field->n_defaults == 0 && field->n_names > 0)
			values[i].number = field->names[0].value;
		for (size_t j = 0; j < field->n_defaults; j++)
			if (condition_holds(&field->defaults[j].when, command, values, 0)) {
				values[i].number = field->defaults[j].value;
				break;
			}
	}
	/* No driver moves 0 bytes behind a pointer. */
	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct length *length = &command->segments[i].length;

		if (length->field >= 0 && values[length->field].number == 0)
			values[length->field].number = 1;
	}
}

static uint64_t fact_length(const struct fact_data *d, const struct form *form)
{
	uint64_t number = 0;

	if (d->size > 0)
		assert_true(bytes_get(form->message, form->length, d->field, d->size, BYTES_LITTLE,
				      &number));
	return number * d->unit + d->add;
}

/* What an accepted request moves is what the facts say of these very bytes. */
static void check_data(const struct fact *fact, const struct form *form, const struct classified *c)
{
	const struct command *command = c->command;
	unsigned pointers = 0;

	if (fact->data_open)
		return;
	for (unsigned i = 0; i < fact->n_data; i++) {
		const struct fact_data *d = &fact->data[i];
		uint64_t expected = fact_length(d, form);
		size_t got = d->to_device ? c->request_length : c->response_length;

		if (d->pointed) {
			const struct segment *s = &command->segments[pointers];

			if (pointers >= command->n_segments || s->pointer != d->pointer ||
			    s->to_device != d->to_device) {
				complain(fact, "pointer %u is not at byte %zu, or the wrong way", i,
					 d->pointer);
				return;
			}
			got = c->segment_lengths[pointers++];
		}
		if (got != expected)
			complain(fact, "moves %zu bytes instead of %" PRIu64, got, expected);
	}
	if (pointers != command->n_segments)
		complain(fact, "%u pointers instead of %u", command->n_segments, pointers);
	if (command->envelope == ENVELOPE_NVME_ADMIN && fact->n_data == 0 &&
	    (c->request_length || c->response_length))
		complain(fact, "moves data");
}

/* Whatever is accepted is no better than the facts, and goes with their scope. */
static void check_accepted(const struct fact *fact, const struct form *form, const char *what)
{
	const struct command *command = fact_command(fact);
	struct refusal refusal = {};
	struct classified c;
	int r = form_classify(command, form, &c, &refusal);

	if (r < 0) {
		if (r != -EBADMSG && r != -EOPNOTSUPP && r != -EMSGSIZE)
			complain(fact, "%s: %s", what, strerrorname_np(-r));
		return;
	}
	if (c.class < fact_floor(fact, form))
		complain(fact, "%s: %s, the facts say %s", what, effect_class_to_string(c.class),
			 effect_class_to_string(fact_class(fact, form)));
	if (fact->scoped && (c.scope < fact->scope_first || c.scope > fact->scope_last))
		complain(fact, "%s: scope %u", what, c.scope);
	if (c.scope >= 2 && !(c.effects & EFFECT_BIT(EFFECT_TAINTS_KERNEL)))
		complain(fact, "%s: scope %u would taint unseen", what, c.scope);
	check_data(fact, form, &c);
}

static void check_refused(const struct fact *fact, const struct command *command)
{
	static struct form form;
	struct refusal refusal = {};
	struct classified c;

	if (!command->refused)
		complain(fact, "is not refused");
	memset(form.message, 0, 256);
	assert_true(command->message_size <= 256);
	memcpy(form.message, command->template, command->message_size);
	form.length = 256;
	if (command->class < fact_floor(fact, &form))
		complain(fact, "%s, the facts say %s", effect_class_to_string(command->class),
			 effect_class_to_string(fact_class(fact, &form)));
	for (form.length = 16; form.length <= 256; form.length += 8)
		if (form_classify(command, &form, &c, &refusal) != -EOPNOTSUPP) {
			complain(fact, "%zu bytes: %s", form.length, refusal.text);
			return;
		}
}

static void check_plain(const struct fact *fact, const struct form *plain)
{
	const struct command *command = fact_command(fact);
	enum effect_class expected = fact->judged ?: fact_class(fact, plain);
	struct refusal refusal = {};
	bool size_fits = false;
	struct classified c;
	int r = form_classify(command, plain, &c, &refusal);

	assert_int_equal(r, 0);
	if (c.class != expected)
		complain(fact, "the plain form is %s, the facts say %s",
			 effect_class_to_string(c.class), effect_class_to_string(expected));
	for (unsigned i = 0; i < fact->n_sizes; i++)
		size_fits = size_fits || plain->length == fact->sizes[i] ||
			    (fact->tail && plain->length > fact->sizes[i]);
	if (!size_fits)
		complain(fact, "%zu bytes", plain->length);
	if (command->deadline_ms <= fact->timeout_ms)
		complain(fact, "gives up after %u ms, the driver after %" PRIu64,
			 command->deadline_ms, fact->timeout_ms);
}

/* No other length than the plain form's passes. */
static void check_lengths(const struct fact *fact, const struct form *plain)
{
	static const int by[] = {-8, -4, -1, 1, 4, 8};

	for (size_t i = 0; !fact->tail && i < ELEMENTSOF(by); i++) {
		static struct form form;
		struct refusal refusal;
		struct classified c;

		form = *plain;
		form.length = plain->length + (size_t)by[i];
		memset(form.message + plain->length, 0, 8);
		if (form_classify(fact_command(fact), &form, &c, &refusal) != -EBADMSG)
			complain(fact, "%d bytes more pass", by[i]);
	}
}

static void check_bits_refused(const struct fact *fact, const struct form *plain, size_t first,
			       size_t last)
{
	static struct form form;

	form = *plain;
	for (size_t bit = first * 8; bit < (last + 1) * 8; bit++) {
		struct refusal refusal;
		struct classified c;

		form.message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (form_classify(fact_command(fact), &form, &c, &refusal) >= 0)
			complain(fact, "byte %zu is the client's: bit 0x%02x passes", bit / 8,
				 1u << bit % 8);
		form.message[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Each bit that the facts name, alone, on top of the plain form. */
static void check_case_bits(const struct fact *fact, const struct form *plain)
{
	static struct form form;

	for (unsigned i = 0; i < fact->n_cases; i++)
		for (unsigned j = 0; j < fact->cases[i].n_terms; j++)
			for (unsigned bit = 0; bit < 8; bit++) {
				const struct fact_term *t = &fact->cases[i].terms[j];
				char what[64];

				if (!(t->mask & 1u << bit))
					continue;
				form = *plain;
				form.message[t->byte] ^= (uint8_t)(1u << bit);
				snprintf(what, sizeof(what), "byte %zu bit 0x%02x", t->byte,
					 1u << bit);
				check_accepted(fact, &form, what);
			}
}

/* Numbers at which something may change for a field. */
static unsigned field_candidates(const struct command *command, unsigned index,
				 uint64_t ret[static CANDIDATE_MAX])
{
	const struct field *field = &command->fields[index];
	uint64_t max = field->type == FIELD_NUMBER ? field_max(field) : UINT64_MAX;
	unsigned n = 0;

	ret[n++] = 0;
	ret[n++] = max;
	for (unsigned bit = 0; bit < 64; bit++)
		if (UINT64_C(1) << bit <= max)
			ret[n++] = UINT64_C(1) << bit;
	if (max < 256)
		for (uint64_t value = 0; value <= max; value++)
			ret[n++] = value;
	for (size_t i = 0; i < field->n_names && n < CANDIDATE_MAX; i++)
		ret[n++] = field->names[i].value;
	return n;
}

/* Any values, half of them the plain ones. */
static void random_values(const struct command *command, const union field_value *plain,
			  uint64_t *seed, union field_value ret[static FIELDS_MAX])
{
	uint64_t candidates[CANDIDATE_MAX];

	memcpy(ret, plain, FIELDS_MAX * sizeof(*ret));
	for (unsigned i = 0; i < command->n_fields; i++) {
		if (command->fields[i].fixed != FIXED_NOT || random_below(seed, 2))
			continue;
		ret[i].number =
			candidates[random_below(seed, field_candidates(command, i, candidates))];
	}
}

/*
 * The plain form; where that is none (an operation that does not exist, a length of 0), the first
 * that is one.
 */
static bool find_plain(const struct command *command, union field_value values[static FIELDS_MAX],
		       struct form *ret)
{
	union field_value plain[FIELDS_MAX];
	uint64_t seed = 1;

	plain_values(command, values);
	memcpy(plain, values, sizeof(plain));
	for (unsigned round = 0; round < 10000; round++) {
		struct refusal refusal;
		struct classified c;

		if (form_build(command, values, ret) &&
		    form_classify(command, ret, &c, &refusal) == 0)
			return true;
		random_values(command, plain, &seed, values);
	}
	return false;
}

static void check_fields(const struct fact *fact, const struct command *command,
			 const union field_value *plain)
{
	static struct form form;
	union field_value values[FIELDS_MAX];
	uint64_t candidates[CANDIDATE_MAX], seed = fact->opcode + fact->id + 1;

	for (unsigned i = 0; i < command->n_fields; i++) {
		unsigned n = field_candidates(command, i, candidates);

		for (unsigned j = 0; command->fields[i].fixed == FIXED_NOT && j < n; j++) {
			memcpy(values, plain, sizeof(values));
			values[i].number = candidates[j];
			if (form_build(command, values, &form))
				check_accepted(fact, &form, command->fields[i].name);
		}
	}
	for (unsigned round = 0; round < 256; round++) {
		random_values(command, plain, &seed, values);
		if (form_build(command, values, &form))
			check_accepted(fact, &form, "several fields");
	}
}

static void check_fact(const struct fact *fact, const struct fact_file *file)
{
	const struct command *command = fact_command(fact);
	union field_value values[FIELDS_MAX];
	static struct form plain;

	wrong_here = 0;
	if (!command) {
		complain(fact, "is in no catalogue");
		return;
	}
	if (strcmp(command->name, fact->name) != 0)
		complain(fact, "is called %s", command->name);
	if (fact->refused || command->refused) {
		check_refused(fact, command);
		if (!fact->refused)
			complain(fact, "is refused: %s", command->refused);
		return;
	}
	if (!find_plain(command, values, &plain)) {
		complain(fact, "no values of its fields are accepted");
		return;
	}
	check_plain(fact, &plain);
	check_lengths(fact, &plain);
	check_accepted(fact, &plain, "the plain form");
	check_case_bits(fact, &plain);
	check_fields(fact, command, values);
	for (unsigned i = 0; i < file->n_forced; i++)
		check_bits_refused(fact, &plain, file->forced[i].first, file->forced[i].last);
	for (unsigned i = 0; i < fact->n_data; i++)
		if (fact->data[i].pointed)
			check_bits_refused(fact, &plain, fact->data[i].pointer,
					   fact->data[i].pointer + 7);
}

static void every_fact_holds(void **state)
{
	unsigned judged = 0;

	wrong = 0;
	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		struct rows rows;
		struct fact fact;

		rows_open(&rows, files[i].name);
		while (rows_next(&rows, 9)) {
			parse_fact(&rows, files[i].dialect, &fact);
			judged += fact.judged || strcmp(rows.columns[8], "-") != 0;
			check_fact(&fact, &files[i]);
		}
		assert_int_equal(rows.n_rows, files[i].rows);
		rows_close(&rows);
	}
	print_message("# %u facts were decided otherwise\n", judged);
	assert_int_equal(wrong, 0);
}

/* Is there a fact about this command? */
static bool has_fact(const struct command *command)
{
	bool found = false;

	for (size_t i = 0; i < ELEMENTSOF(files) && !found; i++) {
		struct rows rows;
		struct fact fact;

		if (strcmp(files[i].dialect, command->dialect->name) != 0)
			continue;
		rows_open(&rows, files[i].name);
		while (!found && rows_next(&rows, 9)) {
			parse_fact(&rows, files[i].dialect, &fact);
			found = fact_command(&fact) == command;
		}
		rows_close(&rows);
	}
	return found;
}

static void every_entry_has_its_fact(void **state)
{
	unsigned unknown = 0;

	for (size_t i = 0; i < shipped->n_dialects; i++)
		for (size_t j = 0; j < shipped->dialects[i].n_commands; j++) {
			const struct command *command = &shipped->dialects[i].commands[j];

			if (has_fact(command))
				continue;
			print_message("# %s:%u: nobody wrote down facts about %s\n", command->file,
				      command->line, command->full_name);
			unknown++;
		}
	assert_int_equal(unknown, 0);
}

/* Opcodes, directions and registers that no fact is about are none that fwctld knows. */
static void nothing_else_is_known(void **state)
{
	static uint8_t known[0x10000];
	const struct dialect *mlx5 = catalogue_dialect(shipped, "mlx5");

	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		const struct dialect *dialect = catalogue_dialect(shipped, files[i].dialect);
		struct rows rows;
		struct fact fact;
		uint8_t head[12] = {};

		memset(known, 0, sizeof(known));
		rows_open(&rows, files[i].name);
		while (rows_next(&rows, 9)) {
			parse_fact(&rows, files[i].dialect, &fact);
			known[fact.is_register ? fact.id : fact.opcode] = 1;
		}
		rows_close(&rows);
		for (unsigned number = 0; number < sizeof(known); number++) {
			bool is_register = fact.is_register;

			head[10] = (uint8_t)(number >> 8);
			head[11] = (uint8_t)number;
			for (unsigned op_mod = 0; is_register && op_mod < 4; op_mod++) {
				head[7] = (uint8_t)op_mod;
				if (!dialect_find(mlx5, ACCESS_REG, head, sizeof(head)) ==
				    (known[number] && op_mod < 2))
					fail_msg("register 0x%04x, op_mod %u", number, op_mod);
			}
			if (!is_register && !known[number] && number != ACCESS_REG &&
			    dialect_opcode(dialect, number))
				fail_msg("%s has the opcode 0x%04x", dialect->name, number);
		}
	}
}

/* What the headers of each dialect say of all its messages and answers. */
static void heads_are_as_the_headers_say(void **state)
{
	static const struct {
		const char *dialect;
		unsigned opcode_size, opcode_high;
		enum byte_order order;
		unsigned status_offset, status_size;
		struct value_range status_unknown;
		struct limits limits;
		bool echoes;
	} heads[] = {
		{"nvme", 1, 7, BYTES_LITTLE},
		{"cxl", 4, 31, BYTES_HOST, 4, 4},
		{"mlx5", 2, 15, BYTES_BIG, 0, 1, .limits = {.message_min = 16, .response_min = 16}},
		/* An errno as a 16-bit number, -255 to -3; above it codes of the firmware. */
		{"bnxt",
		 2,
		 15,
		 BYTES_LITTLE,
		 0,
		 2,
		 {0xff01, 0xfffd},
		 {.message_min = 16,
		  .message_max = 128,
		  .message_unit = 4,
		  .response_min = 8,
		  .segment_min = 1,
		  .segment_max = 65536}},
		{"pds", 4, 23, BYTES_HOST, 24, 4,
		 .limits = {.message_min = 48,
			    .message_max = 48,
			    .response_min = 48,
			    .response_max = 48},
		 .echoes = true},
	};

	assert_int_equal(shipped->n_dialects, ELEMENTSOF(heads));
	for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
		const struct dialect *d = catalogue_dialect(shipped, heads[i].dialect);

		assert_non_null(d);
		assert_int_equal(d->opcode.offset, 0);
		assert_int_equal(d->opcode.size, heads[i].opcode_size);
		assert_int_equal(d->opcode.low, 0);
		assert_int_equal(d->opcode.high, heads[i].opcode_high);
		assert_true(d->opcode.size == 1 || d->opcode.order == heads[i].order);
		assert_int_equal(d->status.offset, heads[i].status_offset);
		assert_int_equal(d->status.size, heads[i].status_size);
		assert_int_equal(d->status_unknown.first, heads[i].status_unknown.first);
		assert_int_equal(d->status_unknown.last, heads[i].status_unknown.last);
		assert_memory_equal(&d->limits, &heads[i].limits, sizeof(d->limits));
		assert_int_equal(d->echoes, heads[i].echoes);
	}
}

/* Bit 3 of what FWCTL_INFO says, for every command with a pointer; of the others none needs it. */
static void what_points_needs_a_kernel_that_follows(void **state)
{
	const struct dialect *bnxt = catalogue_dialect(shipped, "bnxt");

	for (size_t i = 0; i < bnxt->n_commands; i++)
		if (bnxt->commands[i].n_segments > 0)
			assert_int_equal(bnxt->commands[i].needs, 1 << 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fact_holds),
		cmocka_unit_test(every_entry_has_its_fact),
		cmocka_unit_test(nothing_else_is_known),
		cmocka_unit_test(heads_are_as_the_headers_say),
		cmocka_unit_test(what_points_needs_a_kernel_that_follows),
	};

	return cmocka_run_group_tests_name("golden", tests, fixture_setup, fixture_teardown);
}
