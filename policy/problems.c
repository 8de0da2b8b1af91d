/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

void problems_done(struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		free(problems->items[i].file);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct problems){};
}

/* A message quotes what it found, which can be a whole file. Not within a character of UTF-8. */
static void cut(char *text)
{
	size_t length = PROBLEM_TEXT_MAX - strlen("...");

	if (strlen(text) <= PROBLEM_TEXT_MAX)
		return;
	while (((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	strcpy(text + length, "...");
}

void problems_addv(struct problems *problems, bool warning, const char *file, unsigned line,
		   unsigned column, const char *format, va_list arguments)
{
	size_t *count = warning ? &problems->n_warnings : &problems->n_errors;
	_cleanup_free_ char *name = NULL, *text = NULL;

	/* First, so that a problem that can't be kept still fails the load. */
	if ((*count)++ >= PROBLEMS_MAX)
		return;
	if (!problems->items) {
		problems->items = calloc(2 * PROBLEMS_MAX, sizeof(*problems->items));
		if (!problems->items)
			return;
	}

	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL; /* vasprintf() leaves it undefined */
		return;
	}
	cut(text);
	name = strdup(file);
	if (!name)
		return;

	problems->items[problems->n++] = (struct problem){
		.warning = warning,
		.file = TAKE_PTR(name),
		.line = line,
		.column = column,
		.text = TAKE_PTR(text),
	};
}

void problems_add(struct problems *problems, bool warning, const char *file, unsigned line,
		  unsigned column, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problems_addv(problems, warning, file, line, column, format, arguments);
	va_end(arguments);
}

void problems_sort(struct problems *problems, size_t first)
{
	/* What stands at one place stays in the order in which it was found. There are few. */
	for (size_t i = first + 1; i < problems->n; i++) {
		struct problem problem = problems->items[i];
		size_t at = i;

		for (; at > first; at--) {
			const struct problem *before = &problems->items[at - 1];

			if (before->line < problem.line ||
			    (before->line == problem.line && before->column <= problem.column))
				break;
			problems->items[at] = *before;
		}
		problems->items[at] = problem;
	}
}

bool problems_keep(const struct problems *problems, bool warning)
{
	return (warning ? problems->n_warnings : problems->n_errors) < PROBLEMS_MAX;
}

char *problems_further(const struct problems *problems)
{
	size_t errors = problems->n_errors, warnings = problems->n_warnings;
	char *text;
	int r;

	for (size_t i = 0; i < problems->n; i++)
		if (problems->items[i].warning)
			warnings--;
		else
			errors--;
	if (errors == 0 && warnings == 0)
		return NULL;
	if (warnings == 0)
		r = asprintf(&text, "%zu further error%s not shown.", errors,
			     errors == 1 ? " is" : "s are");
	else if (errors == 0)
		r = asprintf(&text, "%zu further warning%s not shown.", warnings,
			     warnings == 1 ? " is" : "s are");
	else
		r = asprintf(&text, "%zu further error%s and %zu further warning%s are not shown.",
			     errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	return r < 0 ? NULL : text;
}

const struct problem *problems_first_error(const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		if (!problems->items[i].warning)
			return &problems->items[i];
	return NULL;
}

char *problem_to_string(const struct problem *problem)
{
	const char *kind = problem->warning ? "warning" : "error";
	char *string;
	int r;

	if (problem->line == 0)
		r = asprintf(&string, "%s: %s: %s", problem->file, kind, problem->text);
	else if (problem->column == 0)
		r = asprintf(&string, "%s:%u: %s: %s", problem->file, problem->line, kind,
			     problem->text);
	else
		r = asprintf(&string, "%s:%u:%u: %s: %s", problem->file, problem->line,
			     problem->column, kind, problem->text);
	return r < 0 ? NULL : string;
}
