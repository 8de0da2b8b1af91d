/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of tests/data that have one row a line, with columns between bars; lines that are empty or
 * start with # are for readers. For tests that say of each row that is wrong where it stands.
 */

#include "tests/unit/catalogue-fixture.h"

#include <string.h>

#define COLUMNS_MAX 12u

struct rows {
	const char *name; /* below tests/data */
	FILE *file;
	char *text;
	size_t size;
	unsigned line;
	unsigned n_rows;
	char *columns[COLUMNS_MAX]; /* of the present row, without space around them */
};

static inline void rows_open(struct rows *rows, const char *name)
{
	_cleanup_free_ char *path = NULL;

	*rows = (struct rows){.name = name};
	assert_true(asprintf(&path, "%s/tests/data/%s", getenv("FWCTLD_SOURCE") ?: ".", name) >= 0);
	rows->file = fopen(path, "re");
	if (!rows->file)
		fail_msg("%s: %m", path);
}

static inline void rows_close(struct rows *rows)
{
	fclose(rows->file);
	free(rows->text);
}

static inline char *rows_trim(char *text)
{
	size_t length;

	text += strspn(text, " ");
	for (length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
		text[length - 1] = '\0';
	return text;
}

/* The next row; false at the end. Every row has n_columns. */
static inline bool rows_next(struct rows *rows, unsigned n_columns)
{
	while (getline(&rows->text, &rows->size, rows->file) >= 0) {
		char *rest = rows->text, *column;
		unsigned n = 0;

		rows->line++;
		rows->text[strcspn(rows->text, "\n")] = '\0';
		if (rows->text[0] == '#' || rows->text[0] == '\0')
			continue;
		while ((column = strsep(&rest, "|"))) {
			if (n == n_columns)
				fail_msg("%s:%u: more than %u columns", rows->name, rows->line,
					 n_columns);
			rows->columns[n++] = rows_trim(column);
		}
		if (n != n_columns)
			fail_msg("%s:%u: %u columns instead of %u", rows->name, rows->line, n,
				 n_columns);
		rows->n_rows++;
		return true;
	}
	return false;
}

/* A number of the row: decimal, or hexadecimal with 0x. ret_end NULL: and nothing behind it. */
static inline uint64_t rows_number(const struct rows *rows, char *text, char **ret_end)
{
	char *end;
	uint64_t number = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);

	if (end == text || (!ret_end && *end))
		fail_msg("%s:%u: \"%s\" is no number", rows->name, rows->line, text);
	if (ret_end)
		*ret_end = text + (end - text);
	return number;
}
