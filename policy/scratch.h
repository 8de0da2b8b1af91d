/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory that is taken piece by piece and given back all at once, down to a mark. A search that
 * goes on and back again needs it that way; nothing in it is freed by itself.
 */

#include <stddef.h>

struct scratch {
	struct scratch_chunk *last;
};

struct scratch_mark {
	struct scratch_chunk *chunk;
	size_t used;
};

/* NULL: no memory. Aligned for anything. */
void *scratch_get(struct scratch *scratch, size_t size);
struct scratch_mark scratch_mark(const struct scratch *scratch);
/* What was taken since the mark is gone. */
void scratch_reset(struct scratch *scratch, struct scratch_mark mark);
void scratch_done(struct scratch *scratch);
