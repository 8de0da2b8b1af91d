/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "Did you mean ...?" for a name that is none: try each name that would have been right, and ask
 * for the text to end the sentence with.
 *
 *     struct suggestion suggestion = { .wrong = name };
 *     for (...)
 *             suggestion_try(&suggestion, candidate);
 *     yaml_problem(..., "There is no field \"%s\".%s", name, suggestion_text(&suggestion));
 */

#include <stddef.h>

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
