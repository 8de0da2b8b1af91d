/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A command as a list shows it: a row for each refinement, and a last one for what none of them
 * fits.
 */

#include <stddef.h>

#include "policy/classify.h"

struct row {
	const struct refinement *refinement; /* NULL: the last row */
	char text[512]; /* its condition: "lid=error,smart rae=1"; "" for the last; "..." where cut
			 */
	union field_value values[FIELDS_MAX]; /* an example that fits it */
};

/* At least 1. */
size_t row_count(const struct command *command);
/* n < row_count() */
void row_get(const struct command *command, size_t n, struct row *ret);
void row_classify(const struct command *command, const struct row *row,
		  const struct live_effects *live, struct classified *ret);
