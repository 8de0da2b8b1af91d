/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names in messages.
 *
 * "Did you mean ...?" for a name that is none: try each name that would have been right, and ask
 * for the text to end the sentence with.
 *
 *     struct suggestion suggestion = { .wrong = name };
 *     for (...)
 *             suggestion_try(&suggestion, candidate);
 *     yaml_problem(..., "There is no field \"%s\".%s", name, suggestion_text(&suggestion));
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SUGGESTION_NAME_MAX 48u /* longer names are not compared */

struct suggestion {
	const char *wrong;
	const char *best; /* NULL: nothing is near */
	size_t distance;
	char text[32 + SUGGESTION_NAME_MAX];
};

/* `candidate` (NULL is fine) must stay until suggestion_text(). */
void suggestion_try(struct suggestion *suggestion, const char *candidate);
/* " Did you mean \"rule\"?", or "". Lives in the suggestion. */
const char *suggestion_text(struct suggestion *suggestion);

/*
 * "a, b, c", of what there could have been. Names are never cut: where the next one does not fit,
 * the list ends in "...".
 */
struct name_list {
	char *text; /* a buffer of `size` bytes, at least 8 */
	size_t size;
	size_t length;
	bool cut;
};

#define NAME_LIST_MAX 200u /* a length of the buffer that suits a sentence */

/* The empty list in an array. */
#define NAME_LIST(array) ((struct name_list){.text = strcpy((array), ""), .size = sizeof(array)})

/* Is there room for a name? */
bool name_list_fits(const struct name_list *list, const char *name);
/* NULL is fine. */
void name_list_add(struct name_list *list, const char *name);
