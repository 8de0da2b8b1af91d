/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is wrong with the files that somebody wrote: each problem with file:line:column, and a
 * sentence that says what was found, what was expected and, where that helps, what to do.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct problem {
	bool warning;	 /* the file still loads */
	char *file;	 /* as it was opened; never NULL */
	unsigned line;	 /* from 1; 0: the whole file */
	unsigned column; /* from 1; 0: the whole line */
	char *text;
};

struct problems {
	struct problem *items; /* those that were kept */
	size_t n;
	/* All that there were. */
	size_t n_errors, n_warnings;
};

void problems_done(struct problems *problems);

/*
 * The first PROBLEMS_MAX errors are kept, and as many warnings: neither hides the other. Further
 * ones, and what there is no memory for, are counted alone.
 */
#define PROBLEMS_MAX	 100
#define PROBLEM_TEXT_MAX 1024u /* bytes; a longer one is cut, and ends in "..." */
void problems_add(struct problems *problems, bool warning, const char *file, unsigned line,
		  unsigned column, const char *format, ...) __attribute__((format(printf, 6, 7)));
void problems_addv(struct problems *problems, bool warning, const char *file, unsigned line,
		   unsigned column, const char *format, va_list arguments)
	__attribute__((format(printf, 6, 0)));

/* Puts those from `first` on, which are of one file, into the order of their places. */
void problems_sort(struct problems *problems, size_t first);

static inline size_t problems_count(const struct problems *problems)
{
	return problems->n_errors + problems->n_warnings;
}

/* Will a further one be kept? If not, what only its text needs need not be worked out. */
bool problems_keep(const struct problems *problems, bool warning);

/*
 * "12 further errors and 1 further warning are not shown." of those that were not kept; NULL when
 * there are none, or no memory.
 */
char *problems_further(const struct problems *problems);

/* The first that is no warning, or NULL: none was kept. */
const struct problem *problems_first_error(const struct problems *problems);

/* "file:line:column: error: text" as a string of its own, or NULL when there is no memory. */
char *problem_to_string(const struct problem *problem);
