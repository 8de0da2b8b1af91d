/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text for people. Strings of a device, a policy or the daemon go through print_text() and through
 * nothing else, because a terminal obeys what it is sent.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "include/fwctld.h"

/*
 * Writes every character that the locale can print and that takes room on the screen; each byte of
 * any other, and the backslash, as \xNN. Returns the columns that it takes. `file` NULL: measures
 * only.
 */
size_t print_text(FILE *file, const char *text);

/*
 * The same, broken after spaces and commas into lines of at most `width` columns where that can be.
 * The first begins in the column where the cursor is, `indent`, and so do the others. SIZE_MAX: one
 * line.
 */
void print_wrapped(FILE *file, const char *text, size_t indent, size_t width);

/*
 * A table: n_rows * n_columns cells, row by row; NULL: empty. The first row is the heading. The
 * last column is wrapped into what is left of `width` columns, or, where that is next to nothing,
 * cut off with "..." in its place.
 */
void print_table(FILE *file, const char *const *cells, size_t n_rows, size_t n_columns,
		 size_t width);

/* The columns of the terminal that the file is; SIZE_MAX where it is none. */
size_t output_width(FILE *file);

/* "a, b" as a string of its own, or NULL without memory. */
char *join_strings(const char *const *strings);
/* Of effects those alone that a rule must name. */
char *join_hazards(const char *const *effects);

/*
 * "name: value" a line, values aligned; items of text that is NULL are left out. Of members of a
 * group that are the same only the first is shown, and how many follow.
 */
void print_items(FILE *file, const struct fwctld_items *items, unsigned indent);

/*
 * 16 bytes a line, as `xxd -g1` prints them. For lines that repeat the one above stands one `*`,
 * and then at the end the length, as from hexdump(1).
 */
void print_bytes(FILE *file, const uint8_t *bytes, size_t length, unsigned indent);
