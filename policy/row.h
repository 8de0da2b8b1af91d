/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A command as a list shows it: where the device itself reports effects by the value of a field, a
 * row for each value of which that makes a difference; one for each refinement; one for what none
 * of these fits; and one for each condition that adds something to all of them.
 */

#include <stddef.h>

#include "policy/classify.h"

struct row {
	const struct refinement *refinement;  /* NULL: none of them fits */
	const struct refinement *addition;    /* of `also`, which this row is about; or NULL */
	char text[512];			      /* "lid=error,smart rae=1"; see row_get() */
	union field_value values[FIELDS_MAX]; /* an example that fits it */
};

/* live: what the device reported, or NULL. At least 1. */
size_t row_count(const struct command *command, const struct live_effects *live);
/*
 * n < row_count(). The text is the row's condition, "with nsid=all" for an addition, "" for what no
 * other row fits; "..." where it was cut.
 */
void row_get(const struct command *command, const struct live_effects *live, size_t n,
	     struct row *ret);
/* Its reason is the addition's, where the row is about one: what it adds is what there is to say.
 */
void row_classify(const struct command *command, const struct row *row,
		  const struct live_effects *live, struct classified *ret);
