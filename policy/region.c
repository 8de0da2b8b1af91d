/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/region.h"

#include <errno.h>
#include <stdlib.h>

static int cells_possible(const struct command_cells *cells, const struct box *box,
			  const struct ranges *judgements, enum domain domain)
{
	for (size_t i = 0; i < cells->n; i++)
		if ((!judgements || ranges_meet(cells->items[i].judgements[domain], judgements)) &&
		    boxes_meet(cells->items[i].fields, box))
			return 1;
	return 0;
}

static bool has_fields(const struct box *box)
{
	for (size_t i = 0; i < box->n && box->items[i].dimension < DIM_JUDGEMENT; i++)
		if (box->items[i].dimension >= DIM_FIELD)
			return true;
	return false;
}

int region_possible(struct space *space, const struct box *box, enum domain domain)
{
	const struct ranges *commands = box_get(box, DIM_COMMAND);
	const struct ranges *judgements = box_get(box, DIM_JUDGEMENT);
	const struct value_range every = {0, space->n_commands - 1};
	bool fields = has_fields(box);

	for (size_t i = 0; i < (commands ? commands->n : 1); i++) {
		const struct value_range *range = commands ? &commands->items[i] : &every;

		for (uint64_t command = range->first; command <= range->last; command++) {
			const struct command_cells *cells = space_cells(space, (unsigned)command);
			const struct ranges *possible;

			if (!cells)
				return -ENOMEM;
			possible = cells->judgements[domain];
			if (cells->n == 0 || (judgements && !ranges_meet(possible, judgements)))
				continue;
			if (!fields || cells_possible(cells, box, judgements, domain))
				return 1;
		}
	}
	return 0;
}

/* What is left to look at: a box, and from which entry on. */
struct task {
	const struct box *box;
	size_t next;
	struct pool_mark mark; /* what was taken after this task was put here is gone by then */
};

struct stack {
	struct task *items;
	size_t n, capacity;
};

static int stack_push(struct stack *stack, const struct box *box, size_t next)
{
	if (stack->n == stack->capacity) {
		size_t grown = stack->capacity ? stack->capacity * 2 : 64;
		struct task *items = reallocarray(stack->items, grown, sizeof(*items));

		if (!items)
			return -ENOMEM;
		stack->items = items;
		stack->capacity = grown;
	}
	stack->items[stack->n++] = (struct task){.box = box, .next = next};
	return 0;
}

/* What it costs to work with a box. */
static uint64_t box_size(const struct box *box)
{
	uint64_t size = 1;

	for (size_t i = 0; i < box->n; i++)
		size += box->items[i].set->n;
	return size;
}

static int spend(struct space *space, uint64_t steps)
{
	if (space->steps < steps) {
		space->steps = 0;
		return -E2BIG;
	}
	space->steps -= steps;
	return 0;
}

/* What the entry leaves of the box goes on the stack. */
static int push_rest(const struct region_search *search, struct stack *stack, const struct box *box,
		     size_t at)
{
	struct space *space = search->space;
	const struct box *entry = search->entries[at].box;
	const struct box **pieces = pool_alloc(&space->work, entry->n + 1, sizeof(*pieces));
	size_t n, bottom = stack->n;
	int r;

	if (!pieces)
		return -ENOMEM;
	r = box_subtract(space, &space->work, box, entry, 0, pieces, &n);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = spend(space, box_size(pieces[i]));
		if (r >= 0)
			r = region_possible(space, pieces[i], search->domain);
		if (r > 0)
			r = stack_push(stack, pieces[i], at + 1);
	}
	for (size_t i = bottom; i < stack->n; i++)
		stack->items[i].mark = pool_mark(&space->work);
	return r;
}

/* One box against the entries that it has not met yet. */
static int take(const struct region_search *search, struct stack *stack, const struct task *task)
{
	struct space *space = search->space;
	const struct box *both;
	int r;

	for (size_t i = task->next; i < search->n_entries; i++) {
		const struct entry *entry = &search->entries[i];

		r = spend(space, 1);
		if (r < 0)
			return r;
		if ((entry->rule->observe && !search->observing) ||
		    !boxes_meet(task->box, entry->box))
			continue;
		both = box_intersect(&space->work, task->box, entry->box);
		r = both ? spend(space, box_size(both)) : -ENOMEM;
		if (r >= 0)
			r = region_possible(space, both, search->domain);
		if (r == 0)
			continue;
		if (r > 0)
			r = search->on_piece(both, entry, search->userdata);
		return r == 0 ? push_rest(search, stack, task->box, i) : r;
	}
	return search->on_piece(task->box, NULL, search->userdata);
}

int region_search(const struct region_search *search, const struct box *box)
{
	struct pool *work = &search->space->work;
	struct pool_mark begin = pool_mark(work);
	struct stack stack = {};
	int r;

	r = region_possible(search->space, box, search->domain);
	if (r > 0) {
		r = stack_push(&stack, box, 0);
		if (r >= 0)
			stack.items[0].mark = begin;
	}
	while (r == 0 && stack.n > 0) {
		struct task task = stack.items[--stack.n];

		pool_release(work, task.mark);
		r = take(search, &stack, &task);
	}
	free(stack.items);
	pool_release(work, begin);
	return r;
}
