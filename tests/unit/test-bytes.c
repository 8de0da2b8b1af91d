/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Byte strings that somebody made by hand, with what a reader of the specifications expects of
 * them: tests/data/bytes, a file a dialect. They were written before the catalogue's files, and
 * without them. Columns:
 *
 *   what      in words
 *   message   in hexadecimal, device-native; XX*N is N times that byte; -: none at all
 *   data      bytes beside the message
 *   expected  a class, and all hazards that it comes with (h?: may come or not), or "refused" and
 *             the errnos that will do
 *   scope     of FWCTL_RPC: one number, or two that it must lie between; -: not looked at
 */

#include "tests/unit/rows.h"

#include <errno.h>

#include "policy/classify.h"

#define MESSAGE_ROOM (192u * 1024u)

/* What a row must fulfil that is not in its columns. */
static const struct file {
	const char *name;
	const char *dialect;
} files[] = {
	{"bytes/nvme.txt", "nvme"}, {"bytes/cxl-rpc.txt", "cxl"}, {"bytes/cxl-mem.txt", "cxl"},
	{"bytes/mlx5.txt", "mlx5"}, {"bytes/bnxt.txt", "bnxt"},	  {"bytes/pds.txt", "pds"},
};

static struct catalogue *catalogue;

/* The shipped catalogue, and for pds, which has no operation of its own, what an administrator
 * adds.
 */
static int setup(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	const char *source = getenv("FWCTLD_SOURCE") ?: ".";
	_cleanup_free_ char *first = NULL, *later = NULL;

	if (asprintf(&first, "%s/policy/commands", source) < 0 ||
	    asprintf(&later, "%s/tests/data/bytes/commands", source) < 0)
		return -1;
	if (catalogue_load((const char *const[]){first, later, NULL}, false, &problems,
			   &catalogue) == 0)
		return 0;
	for (size_t i = 0; i < problems.n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems.items[i]);

		fprintf(stderr, "%s\n", text);
	}
	return -1;
}

static int teardown(void **state)
{
	catalogue = catalogue_free(catalogue);
	return 0;
}

static size_t parse_message(const struct rows *rows, char *text, uint8_t *buffer)
{
	size_t length = 0;
	char *rest = text, *word;

	if (strcmp(text, "-") == 0)
		return 0;
	while ((word = strsep(&rest, " "))) {
		char *end;
		unsigned long byte = strtoul(word, &end, 16), times = 1;

		if (*end == '*')
			times = strtoul(end + 1, &end, 10);
		if (*word == '\0' || *end || byte > 0xff || times == 0 ||
		    times > MESSAGE_ROOM - length)
			fail_msg("%s:%u: \"%s\" are no bytes", rows->name, rows->line, word);
		memset(buffer + length, (int)byte, times);
		length += times;
	}
	return length;
}

/* The errno is one of those, with slashes between. */
static bool errno_fits(int error, char *names)
{
	char *rest = names, *name;

	while ((name = strsep(&rest, "/")))
		if (strcmp(name, strerrorname_np(error)) == 0)
			return true;
	return false;
}

/* Every hazard that is there is expected, and the other way round; "broadcast?" is neither. */
static bool hazards_fit(const struct rows *rows, effect_set effects, char *names)
{
	effect_set must = 0, may = 0;
	char *rest = names, *name;

	while (names && (name = strsep(&rest, ","))) {
		size_t length = strlen(name);
		bool maybe = length > 0 && name[length - 1] == '?';
		int effect;

		if (maybe)
			name[length - 1] = '\0';
		effect = effect_from_string(name);
		if (effect < 0 || !(EFFECT_BIT(effect) & EFFECT_HAZARDS))
			fail_msg("%s:%u: \"%s\" is no hazard", rows->name, rows->line, name);
		*(maybe ? &may : &must) |= EFFECT_BIT(effect);
	}
	return (effects & EFFECT_HAZARDS & ~may) == must;
}

static bool scope_fits(const struct rows *rows, unsigned scope, char *text)
{
	uint64_t first, last;
	char *end;

	if (strcmp(text, "-") == 0)
		return true;
	first = last = rows_number(rows, text, &end);
	if (*end == '-')
		last = rows_number(rows, end + 1, NULL);
	return scope >= first && scope <= last;
}

/* Is it as the row says? If not, says so. */
static bool check_row(const struct rows *rows, const struct dialect *dialect)
{
	static uint8_t message[MESSAGE_ROOM], data[MESSAGE_ROOM];
	size_t length = parse_message(rows, rows->columns[1], message);
	size_t data_length = rows_number(rows, rows->columns[2], NULL);
	char got[EFFECT_SET_STRING_MAX + 128], effects[EFFECT_SET_STRING_MAX];
	_cleanup_free_ char *expected = strdup(rows->columns[3]);
	char *rest = rows->columns[3], *class = strsep(&rest, " ");
	struct refusal refusal = {};
	struct classified c;
	bool fits;
	int r;

	assert_true(expected && data_length <= sizeof(data));
	memset(data, 0xa5, sizeof(data));
	r = classify(dialect, message, length, data, data_length, NULL, &c, &refusal);
	if (r < 0) {
		snprintf(got, sizeof(got), "refused %s", strerrorname_np(-r));
		fits = strcmp(class, "refused") == 0 && rest && errno_fits(-r, rest);
	} else {
		snprintf(got, sizeof(got), "%s: %s %s, scope %u", c.command->full_name,
			 effect_class_to_string(c.class),
			 effect_set_to_string(c.effects & EFFECT_HAZARDS, effects), c.scope);
		fits = strcmp(class, effect_class_to_string(c.class)) == 0 &&
		       hazards_fit(rows, c.effects, rest) &&
		       scope_fits(rows, c.scope, rows->columns[4]);
	}
	if (!fits)
		print_message("# %s:%u: %s: expected %s, scope %s; got %s (%s)\n", rows->name,
			      rows->line, rows->columns[0], expected, rows->columns[4], got,
			      r < 0 ? refusal.text : c.reason);
	return fits;
}

static void every_string_is_judged_as_a_reader_would(void **state)
{
	unsigned wrong = 0, all = 0;

	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		const struct dialect *dialect = catalogue_dialect(catalogue, files[i].dialect);
		struct rows rows;

		assert_non_null(dialect);
		rows_open(&rows, files[i].name);
		while (rows_next(&rows, 5))
			wrong += !check_row(&rows, dialect);
		assert_true(rows.n_rows >= 25);
		all += rows.n_rows;
		rows_close(&rows);
	}
	print_message("# %u byte strings, %u of them judged otherwise\n", all, wrong);
	assert_true(all >= 200);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_string_is_judged_as_a_reader_would),
	};

	return cmocka_run_group_tests_name("bytes", tests, setup, teardown);
}
