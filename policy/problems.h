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
	struct problem *items;
	size_t n;
	size_t n_errors; /* those that are no warning */
};

void problems_done(struct problems *problems);

/* After PROBLEMS_MAX further ones are counted but not kept. Out of memory: counted, not kept. */
#define PROBLEMS_MAX 100
void problems_add(struct problems *problems, bool warning, const char *file, unsigned line,
		  unsigned column, const char *format, ...) __attribute__((format(printf, 6, 7)));
void problems_addv(struct problems *problems, bool warning, const char *file, unsigned line,
		   unsigned column, const char *format, va_list arguments)
	__attribute__((format(printf, 6, 0)));

/* Puts those from `first` on, which are of one file, into the order of their places. */
void problems_sort(struct problems *problems, size_t first);

/* The first that is no warning, or NULL: none was kept. */
const struct problem *problems_first_error(const struct problems *problems);

/* "file:line:column: error: text" as a string of its own, or NULL when there is no memory. */
char *problem_to_string(const struct problem *problem);
