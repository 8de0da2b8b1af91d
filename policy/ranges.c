/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/ranges.h"

#include <stdlib.h>
#include <string.h>

static struct ranges *ranges_get(struct pool *pool, size_t n)
{
	struct ranges *ranges = pool_alloc(pool, 1, sizeof(*ranges) + n * sizeof(ranges->items[0]));

	if (ranges)
		ranges->n = 0;
	return ranges;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct value_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

const struct ranges *ranges_new(struct pool *pool, const struct value_range *items, size_t n)
{
	struct ranges *ranges = ranges_get(pool, n);

	if (!ranges || n == 0)
		return ranges;
	memcpy(ranges->items, items, n * sizeof(*items));
	qsort(ranges->items, n, sizeof(*items), compare_ranges);
	for (size_t i = 0; i < n; i++) {
		struct value_range next = ranges->items[i], *last;

		if (next.first > next.last)
			continue;
		last = ranges->n > 0 ? &ranges->items[ranges->n - 1] : NULL;
		if (!last || (next.first > last->last && next.first - last->last > 1))
			ranges->items[ranges->n++] = next;
		else if (next.last > last->last)
			last->last = next.last;
	}
	return ranges;
}

const struct ranges *ranges_one(struct pool *pool, uint64_t first, uint64_t last)
{
	return ranges_new(pool, &(struct value_range){first, last}, 1);
}

/* The first range that does not end before `number`; ranges->n: there is none. */
static size_t ranges_find(const struct ranges *ranges, size_t from, uint64_t number)
{
	size_t to = ranges->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ranges->items[middle].last < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

const struct ranges *ranges_intersect(struct pool *pool, const struct ranges *a,
				      const struct ranges *b)
{
	struct ranges *ranges = ranges_get(pool, a->n + b->n);
	size_t i = 0, j = 0;

	if (!ranges)
		return NULL;
	while (i < a->n && j < b->n) {
		const struct value_range *x = &a->items[i], *y = &b->items[j];
		uint64_t first = x->first > y->first ? x->first : y->first;
		uint64_t last = x->last < y->last ? x->last : y->last;

		if (first <= last)
			ranges->items[ranges->n++] = (struct value_range){first, last};
		if (x->last < y->last)
			i++;
		else
			j++;
	}
	return ranges;
}

const struct ranges *ranges_subtract(struct pool *pool, const struct ranges *a,
				     const struct ranges *b)
{
	struct ranges *ranges = ranges_get(pool, a->n + b->n);
	size_t j = 0;

	if (!ranges)
		return NULL;
	for (size_t i = 0; i < a->n; i++) {
		struct value_range rest = a->items[i];
		bool empty = false;

		for (j = ranges_find(b, j, rest.first); j < b->n && b->items[j].first <= rest.last;
		     j++) {
			if (b->items[j].first > rest.first)
				ranges->items[ranges->n++] =
					(struct value_range){rest.first, b->items[j].first - 1};
			empty = b->items[j].last >= rest.last;
			if (empty)
				break; /* it may reach into the next one, too */
			rest.first = b->items[j].last + 1;
		}
		if (!empty)
			ranges->items[ranges->n++] = rest;
	}
	return ranges;
}

bool ranges_meet(const struct ranges *a, const struct ranges *b)
{
	const struct ranges *few = a->n < b->n ? a : b, *many = a->n < b->n ? b : a;
	size_t at = 0;

	for (size_t i = 0; i < few->n; i++) {
		at = ranges_find(many, at, few->items[i].first);
		if (at == many->n)
			return false;
		if (many->items[at].first <= few->items[i].last)
			return true;
	}
	return false;
}

bool ranges_have(const struct ranges *ranges, uint64_t number)
{
	size_t at = ranges_find(ranges, 0, number);

	return at < ranges->n && ranges->items[at].first <= number;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
	return a->n == b->n && memcmp(a->items, b->items, a->n * sizeof(a->items[0])) == 0;
}

bool ranges_single(const struct ranges *ranges)
{
	return ranges->n == 1 && ranges->items[0].first == ranges->items[0].last;
}
