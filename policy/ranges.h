/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of numbers, as ranges: sorted, none empty, none touching the next. Constant once made. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/pool.h"

struct ranges {
	size_t n;
	struct value_range items[];
};

/* One more number for ranges_new(), greater than those before it: what follows on the last range
 * lengthens it. */
static inline void ranges_count(struct value_range *items, size_t *n, uint64_t number)
{
	if (*n > 0 && items[*n - 1].last + 1 == number)
		items[*n - 1].last = number;
	else
		items[(*n)++] = (struct value_range){number, number};
}

/* NULL: no memory, from all of these. The items come in any order, and may overlap. */
const struct ranges *ranges_new(struct pool *pool, const struct value_range *items, size_t n);
const struct ranges *ranges_one(struct pool *pool, uint64_t first, uint64_t last);
const struct ranges *ranges_intersect(struct pool *pool, const struct ranges *a,
				      const struct ranges *b);
/* What is in a and not in b. */
const struct ranges *ranges_subtract(struct pool *pool, const struct ranges *a,
				     const struct ranges *b);

bool ranges_meet(const struct ranges *a, const struct ranges *b);
bool ranges_have(const struct ranges *ranges, uint64_t number);
bool ranges_equal(const struct ranges *a, const struct ranges *b);
/* Is it exactly one number? */
bool ranges_single(const struct ranges *ranges);
