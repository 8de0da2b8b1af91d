/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/output.h"

#include <assert.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "client/utf8.h"
#include "include/cleanup.h"
#include "policy/effect.h"
#include "policy/yaml.h"

#define LINE_BYTES 16

/*
 * What is wider is not aligned any more: one endless name must not widen every other line, and a
 * long one not take the last column's room from all.
 */
#define ALIGNED_MAX 64

static size_t aligned_max(size_t width)
{
	return width / 5 * 2 < ALIGNED_MAX ? width / 5 * 2 : ALIGNED_MAX;
}

/* Columns that text is wrapped into at least. */
#define WRAPPED_MIN 14

/*
 * The columns that a character takes, or 0 for one to be written as \xNN: the backslash, control
 * characters, and what is invisible, which includes all that turns the direction of writing
 * (wcwidth() 0 or -1).
 */
static size_t character_width(uint32_t character)
{
	int width;

	if (character == '\\')
		return 0;
	if (character < 0x80)
		return character >= 0x20 && character < 0x7f;
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return 0;
	/* U+0080 to U+009F are control characters even where wcwidth() should know better. */
	width = character < 0xa0 ? 0 : wcwidth((wchar_t)character);
	return width > 0 ? (size_t)width : 0;
}

/* As much of it, up to `end` or a NUL, as fits into max_columns. */
static size_t print_start(FILE *file, const char *text, const char *end, size_t max_columns)
{
	size_t columns = 0;

	while (text != end && *text) {
		uint32_t character;
		unsigned n = utf8_read(text, &character);
		size_t width = n > 0 ? character_width(character) : 0;
		bool shown = width > 0;

		if (n == 0)
			n = 1;
		if (!shown)
			width = 4 * n;
		if (width > max_columns - columns)
			break;
		columns += width;
		if (file && shown)
			fwrite(text, 1, n, file);
		for (unsigned i = 0; file && !shown && i < n; i++)
			fprintf(file, "\\x%02x", (unsigned char)text[i]);
		text += n;
	}
	return columns;
}

size_t print_text(FILE *file, const char *text)
{
	return print_start(file, text, NULL, SIZE_MAX);
}

static void print_cut(FILE *file, const char *text, size_t max_columns)
{
	if (print_text(NULL, text) <= max_columns) {
		print_text(file, text);
		return;
	}
	print_start(file, text, NULL, max_columns > 3 ? max_columns - 3 : 0);
	fputs("...", file);
}

static void pad(FILE *file, size_t columns)
{
	while (columns-- > 0)
		putc(' ', file);
}

/* Behind the word that begins here, with the spaces before it and the comma after it. */
static const char *word_end(const char *text)
{
	text += strspn(text, " ");
	text += strcspn(text, " ,");
	return text + (*text == ',');
}

void print_wrapped(FILE *file, const char *text, size_t indent, size_t width)
{
	size_t room = width > indent ? width - indent : 0, used = 0;

	/* So narrow a column of words is harder to read than a line that the terminal breaks. */
	if (room < WRAPPED_MIN)
		room = SIZE_MAX;
	for (const char *end; *text; text = end) {
		size_t columns;

		end = word_end(text);
		columns = print_start(NULL, text, end, SIZE_MAX);
		if (used > 0 && columns > room - used) {
			putc('\n', file);
			pad(file, indent);
			text += strspn(text, " ");
			columns = print_start(NULL, text, end, SIZE_MAX);
			used = 0;
		}
		print_start(file, text, end, SIZE_MAX);
		used += columns;
		if (used > room)
			used = room;
	}
}

size_t output_width(FILE *file)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (!isatty(fileno(file)))
		return SIZE_MAX;
	if (columns && parse_uint(columns, &width) && width > 0)
		return width;
	if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

void print_table(FILE *file, const char *const *cells, size_t n_rows, size_t n_columns,
		 size_t width)
{
	size_t widths[8] = {};

	assert(n_columns <= ELEMENTSOF(widths));
	for (size_t i = 0; i < n_rows * n_columns; i++) {
		size_t *column = &widths[i % n_columns];
		size_t columns = cells[i] ? print_text(NULL, cells[i]) : 0;

		if (columns > *column && columns <= aligned_max(width))
			*column = columns;
	}
	for (size_t i = 0; i < n_rows; i++) {
		size_t used = 0, gap = 0; /* held back, so that no line ends in spaces */

		for (size_t j = 0; j < n_columns; j++) {
			const char *cell = cells[i * n_columns + j];
			size_t columns = 0;

			if (cell && *cell) {
				pad(file, gap);
				used += gap;
				gap = 0;
				columns = print_text(NULL, cell);
				if (j + 1 < n_columns)
					print_text(file, cell);
				else if (width > used && width - used >= WRAPPED_MIN)
					print_wrapped(file, cell, used, width);
				else
					print_cut(file, cell, width > used ? width - used : 0);
				used += columns;
			}
			gap += (columns < widths[j] ? widths[j] - columns : 0) + 2;
		}
		putc('\n', file);
	}
}

char *join_strings(const char *const *strings)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	for (size_t i = 0; strings[i]; i++)
		fprintf(file, "%s%s", i > 0 ? ", " : "", strings[i]);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

char *join_hazards(const char *const *effects)
{
	const char *hazards[_EFFECT_MAX + 1] = {};
	size_t n = 0;

	for (size_t i = 0; effects[i] && n < _EFFECT_MAX; i++) {
		int effect = effect_from_string(effects[i]);

		if (effect >= 0 && EFFECT_BIT(effect) & EFFECT_HAZARDS)
			hazards[n++] = effects[i];
	}
	return join_strings(hazards);
}

static void print_line(FILE *file, const uint8_t *bytes, size_t n, size_t at, unsigned indent)
{
	pad(file, indent);
	fprintf(file, "%08zx:", at);
	for (size_t i = 0; i < n; i++)
		fprintf(file, " %02x", bytes[i]);
	pad(file, 3 * (LINE_BYTES - n) + 2);
	for (size_t i = 0; i < n; i++)
		putc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', file);
	putc('\n', file);
}

void print_bytes(FILE *file, const uint8_t *bytes, size_t length, unsigned indent)
{
	bool repeats = false;

	for (size_t at = 0; at < length; at += LINE_BYTES) {
		size_t n = length - at < LINE_BYTES ? length - at : LINE_BYTES;
		bool same = at > 0 && n == LINE_BYTES &&
			    memcmp(bytes + at, bytes + at - LINE_BYTES, LINE_BYTES) == 0;

		if (!same) {
			print_line(file, bytes + at, n, at, indent);
		} else if (!repeats) {
			pad(file, indent);
			fputs("*\n", file);
		}
		repeats = same;
	}
	if (repeats) {
		pad(file, indent);
		fprintf(file, "%08zx\n", length);
	}
}

static bool items_equal(const struct fwctld_items *a, const struct fwctld_items *b);

static bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool item_equal(const struct fwctld_item *a, const struct fwctld_item *b)
{
	if (a->type != b->type || !text_equal(a->name, b->name) || a->number != b->number ||
	    !text_equal(a->text, b->text) || !text_equal(a->unit, b->unit) ||
	    a->length != b->length || a->n_members != b->n_members)
		return false;
	if (a->length > 0 && memcmp(a->bytes, b->bytes, a->length) != 0)
		return false;
	for (size_t i = 0; i < a->n_members; i++)
		if (!items_equal(&a->members[i], &b->members[i]))
			return false;
	return true;
}

static bool items_equal(const struct fwctld_items *a, const struct fwctld_items *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!item_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static void print_group(FILE *file, const struct fwctld_item *item, unsigned indent)
{
	if (item->n_members == 0) {
		pad(file, indent);
		print_text(file, item->name);
		fputs(": none\n", file);
	}
	for (size_t i = 0, next; i < item->n_members; i = next) {
		pad(file, indent);
		print_text(file, item->name);
		fprintf(file, "[%zu]:\n", i);
		print_items(file, &item->members[i], indent + 2);
		next = i + 1;
		while (next < item->n_members &&
		       items_equal(&item->members[i], &item->members[next]))
			next++;
		if (next == i + 1)
			continue;
		pad(file, indent);
		print_text(file, item->name);
		if (next == i + 2)
			fprintf(file, "[%zu]: the same\n", i + 1);
		else
			fprintf(file, "[%zu..%zu]: the same\n", i + 1, next - 1);
	}
}

static void print_unit(FILE *file, const struct fwctld_item *item)
{
	if (item->unit) {
		putc(' ', file);
		print_text(file, item->unit);
	}
	putc('\n', file);
}

/* column: where it begins. */
static void print_value(FILE *file, const struct fwctld_item *item, unsigned indent, size_t column)
{
	switch (item->type) {
	case FWCTLD_ITEM_NUMBER:
		fprintf(file, "%" PRIu64, item->number);
		print_unit(file, item);
		break;
	case FWCTLD_ITEM_SIGNED_NUMBER:
		fprintf(file, "%" PRId64, (int64_t)item->number);
		print_unit(file, item);
		break;
	case FWCTLD_ITEM_TEXT:
		print_wrapped(file, item->text, column, output_width(file));
		print_unit(file, item);
		break;
	case FWCTLD_ITEM_BYTES:
		if (item->length > LINE_BYTES) {
			fprintf(file, "%zu bytes\n", item->length);
			print_bytes(file, item->bytes, item->length, indent + 2);
			break;
		}
		for (size_t i = 0; i < item->length; i++)
			fprintf(file, "%02x", item->bytes[i]);
		putc('\n', file);
		break;
	case FWCTLD_ITEM_OTHER:
		fputs("a value of the D-Bus type ", file);
		print_text(file, item->text);
		fputs(", which this fwctl cannot show\n", file);
		break;
	case FWCTLD_ITEM_GROUP:
		break;
	}
}

static bool is_line(const struct fwctld_item *item)
{
	return item->type != FWCTLD_ITEM_GROUP && (item->type != FWCTLD_ITEM_TEXT || item->text);
}

void print_items(FILE *file, const struct fwctld_items *items, unsigned indent)
{
	size_t width = 0;

	for (size_t i = 0; i < items->n; i++) {
		size_t columns = print_text(NULL, items->items[i].name);

		if (is_line(&items->items[i]) && columns > width && columns <= ALIGNED_MAX)
			width = columns;
	}
	for (size_t i = 0; i < items->n; i++) {
		const struct fwctld_item *item = &items->items[i];

		if (item->type == FWCTLD_ITEM_GROUP) {
			print_group(file, item, indent);
		} else if (is_line(item)) {
			size_t columns;

			pad(file, indent);
			columns = print_text(file, item->name);
			if (columns < width) {
				putc(':', file);
				pad(file, width - columns + 1);
				columns = width;
			} else {
				fputs(": ", file);
			}
			print_value(file, item, indent, indent + columns + 2);
		}
	}
}
