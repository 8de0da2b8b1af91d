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
 * A table: n_rows * n_columns cells, row by row; NULL: empty. The first row is the heading. What
 * does not fit into `width` columns is cut off the last cell of a line, with "..." in its place;
 * SIZE_MAX: nothing is.
 */
void print_table(FILE *file, const char *const *cells, size_t n_rows, size_t n_columns,
		 size_t width);

/* The columns of the terminal that is the standard output; SIZE_MAX where it is none. */
size_t output_width(void);

/* "a, b" as a string of its own, or NULL without memory. */
char *join_strings(const char *const *strings);

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
