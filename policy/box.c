/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/box.h"

#include <errno.h>
#include <string.h>

#include "policy/space.h"

static struct box *box_get_memory(struct pool *pool, size_t n)
{
	struct box *box = pool_alloc(pool, 1, sizeof(*box) + n * sizeof(box->items[0]));

	if (box)
		box->n = 0;
	return box;
}

const struct box *box_new(struct pool *pool, const struct constraint *items, size_t n)
{
	struct box *box = box_get_memory(pool, n);

	if (!box)
		return NULL;
	for (size_t i = 0; i < n; i++)
		box->items[box->n++] = items[i];
	return box;
}

const struct ranges *box_get(const struct box *box, unsigned dimension)
{
	for (size_t i = 0; i < box->n && box->items[i].dimension <= dimension; i++)
		if (box->items[i].dimension == dimension)
			return box->items[i].set;
	return NULL;
}

const struct box *box_with(struct pool *pool, const struct box *box, unsigned dimension,
			   const struct ranges *set)
{
	struct box *with = box_get_memory(pool, box->n + 1);
	size_t i = 0;

	if (!with)
		return NULL;
	while (i < box->n && box->items[i].dimension < dimension)
		with->items[with->n++] = box->items[i++];
	with->items[with->n++] = (struct constraint){dimension, set};
	if (i < box->n && box->items[i].dimension == dimension)
		i++;
	while (i < box->n)
		with->items[with->n++] = box->items[i++];
	return with;
}

const struct box *box_without(struct pool *pool, const struct box *box, unsigned dimension)
{
	struct box *without = box_get_memory(pool, box->n);

	for (size_t i = 0; without && i < box->n; i++)
		if (box->items[i].dimension != dimension)
			without->items[without->n++] = box->items[i];
	return without;
}

const struct box *box_narrow(struct pool *pool, const struct box *box, unsigned dimension,
			     const struct ranges *set)
{
	const struct ranges *has = box_get(box, dimension);

	if (has)
		set = ranges_intersect(pool, has, set);
	return set ? box_with(pool, box, dimension, set) : NULL;
}

bool boxes_meet(const struct box *a, const struct box *b)
{
	for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
		const struct constraint *x = &a->items[i], *y = &b->items[j];

		if (x->dimension == y->dimension && !ranges_meet(x->set, y->set))
			return false;
		i += x->dimension <= y->dimension;
		j += y->dimension <= x->dimension;
	}
	return true;
}

bool boxes_equal(const struct box *a, const struct box *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].dimension != b->items[i].dimension ||
		    !ranges_equal(a->items[i].set, b->items[i].set))
			return false;
	return true;
}

const struct box *box_intersect(struct pool *pool, const struct box *a, const struct box *b)
{
	struct box *both = box_get_memory(pool, a->n + b->n);
	size_t i = 0, j = 0;

	if (!both)
		return NULL;
	while (i < a->n || j < b->n) {
		const struct constraint *x = i < a->n ? &a->items[i] : NULL;
		const struct constraint *y = j < b->n ? &b->items[j] : NULL;

		if (x && (!y || x->dimension < y->dimension)) {
			both->items[both->n++] = *x;
			i++;
		} else if (!x || y->dimension < x->dimension) {
			both->items[both->n++] = *y;
			j++;
		} else {
			const struct ranges *set = ranges_intersect(pool, x->set, y->set);

			if (!set)
				return NULL;
			both->items[both->n++] = (struct constraint){x->dimension, set};
			i++;
			j++;
		}
	}
	return both;
}

int box_subtract(const struct space *space, struct pool *pool, const struct box *a,
		 const struct box *b, unsigned command, const struct box **ret, size_t *ret_n)
{
	const struct ranges *commands = box_get(a, DIM_COMMAND);
	const struct box *inside = a;
	size_t n = 0;

	if (commands && ranges_single(commands))
		command = (unsigned)commands->items[0].first;
	for (size_t i = 0; i < b->n; i++) {
		unsigned dimension = b->items[i].dimension;
		const struct ranges *has = box_get(inside, dimension), *rest, *both;

		if (!has)
			has = ranges_one(pool, 0, space_top(space, dimension, command));
		rest = has ? ranges_subtract(pool, has, b->items[i].set) : NULL;
		both = rest ? ranges_intersect(pool, has, b->items[i].set) : NULL;
		if (!both)
			return -ENOMEM;
		if (dimension == DIM_COMMAND && ranges_single(both))
			command = (unsigned)both->items[0].first;
		if (rest->n > 0) {
			ret[n] = box_with(pool, inside, dimension, rest);
			if (!ret[n++])
				return -ENOMEM;
		}
		inside = box_with(pool, inside, dimension, both);
		if (!inside)
			return -ENOMEM;
	}
	*ret_n = n;
	return 0;
}
