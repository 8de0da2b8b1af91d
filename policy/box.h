/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sets of requests, as boxes: for each dimension of a request (its command, who asks, the device's
 * serial, ...) a set of numbers that it lies in. What the numbers of a dimension stand for is the
 * matter of policy/space.h. A dimension that a box says nothing about is free.
 */

#include "policy/ranges.h"

/*
 * In this order, which is the one in which what is left of a box is split: what keeps rules apart
 * best comes first, so that few pieces meet the next rule.
 */
enum dimension {
	DIM_COMMAND,
	DIM_FIELD, /* and on: of the one command that the box has then */
	DIM_JUDGEMENT = DIM_FIELD + FIELDS_MAX, /* class, hazards and scope together */
	DIM_STRING,				/* and on: driver, pci, serial, ... of the device */
	DIM_DISPUTED = DIM_STRING + 6,		/* another device claims the same serial: 0 or 1 */
	DIM_UID,
	DIM_OTHERS, /* and on: the minute of the week in each zone, being in each group */
};

struct space;

struct box {
	size_t n;
	struct constraint {
		unsigned dimension; /* ascending */
		const struct ranges *set;
	} items[];
};

/* NULL: no memory, as everywhere here. */
const struct box *box_new(struct pool *pool, const struct constraint *items, size_t n);
const struct ranges *box_get(const struct box *box, unsigned dimension); /* NULL: free */
/* The same box with this set for the dimension. */
const struct box *box_with(struct pool *pool, const struct box *box, unsigned dimension,
			   const struct ranges *set);

/* The same box, where the dimension is free. */
const struct box *box_without(struct pool *pool, const struct box *box, unsigned dimension);
/* The same box, and of the dimension only what is in the set. */
const struct box *box_narrow(struct pool *pool, const struct box *box, unsigned dimension,
			     const struct ranges *set);

bool boxes_meet(const struct box *a, const struct box *b);
bool boxes_equal(const struct box *a, const struct box *b);
const struct box *box_intersect(struct pool *pool, const struct box *a, const struct box *b);
/*
 * What is in a and not in b, which meet, as disjoint boxes: at most b->n. command: the one that the
 * fields are of, where neither box says it. 0 or -ENOMEM.
 */
int box_subtract(const struct space *space, struct pool *pool, const struct box *a,
		 const struct box *b, unsigned command, const struct box **ret, size_t *ret_n);
