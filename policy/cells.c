/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the catalogue makes of the requests of one command: its cells. As policy/classify.c judges.
 */

#include <errno.h>
#include <string.h>

#include "policy/field.h"
#include "policy/space.h"

#define HAZARDS_SHIFT EFFECT_CONFIDENTIAL
_Static_assert(EFFECT_HAZARDS == (effect_set)0xf << HAZARDS_SHIFT, "hazards are four bits");

struct judgement judgement_of(unsigned number)
{
	return (struct judgement){
		.class = CLASS_READ_ONLY + (number / 16) % 3,
		.hazards = (effect_set)(number % 16) << HAZARDS_SHIFT,
		.scope = number / 48,
	};
}

unsigned judgement_number(const struct judgement *judgement)
{
	return (judgement->scope * 3 + (judgement->class - CLASS_READ_ONLY)) * 16 +
	       (judgement->hazards >> HAZARDS_SHIFT);
}

const struct ranges *judgements_that(struct pool *pool,
				     bool (*test)(const struct judgement *judgement,
						  const void *userdata),
				     const void *userdata)
{
	struct value_range found[JUDGEMENTS];
	size_t n = 0;

	for (unsigned number = 0; number < JUDGEMENTS; number++) {
		struct judgement judgement = judgement_of(number);

		if (test(&judgement, userdata))
			ranges_count(found, &n, number);
	}
	return ranges_new(pool, found, n);
}

/* Requests that each condition of the command holds for, or does not, all alike. */
struct pieces {
	const struct box **items;
	size_t n, capacity;
};

static int pieces_reserve(struct pool *pool, struct pieces *pieces, size_t more)
{
	const struct box **grown;

	if (pieces->capacity - pieces->n >= more)
		return 0;
	grown = pool_alloc(pool, (pieces->n + more) * 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	if (pieces->n > 0)
		memcpy(grown, pieces->items, pieces->n * sizeof(*grown));
	pieces->items = grown;
	pieces->capacity = (pieces->n + more) * 2;
	return 0;
}

static int split(struct space *space, unsigned command, const struct condition *condition,
		 struct pieces *pieces)
{
	const struct box *when = space_condition(space, &space->kept, condition);
	size_t n = pieces->n;

	if (!when)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct box *piece = pieces->items[i];
		size_t more;
		int r;

		if (!boxes_meet(piece, when))
			continue;
		r = pieces_reserve(&space->kept, pieces, when->n);
		if (r < 0)
			return r;
		r = box_subtract(space, &space->kept, piece, when, command,
				 pieces->items + pieces->n, &more);
		if (r < 0)
			return r;
		pieces->n += more;
		pieces->items[i] = box_intersect(&space->kept, piece, when);
		if (!pieces->items[i])
			return -ENOMEM;
	}
	return 0;
}

static int holds(struct space *space, const struct condition *condition, const struct box *piece)
{
	const struct box *when = space_condition(space, &space->work, condition);

	return when ? boxes_meet(when, piece) : -ENOMEM;
}

/* Does some case say how long it is? Where there are none at all, there is nothing. */
static int length_known(struct space *space, const struct length_case *cases, size_t n,
			const struct box *piece)
{
	int r = n == 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = holds(space, &cases[i].when, piece);
	return r;
}

/* Effects of at most this class, and no hazards: what a device may report of a command of it. */
static effect_set effects_up_to(enum effect_class class)
{
	effect_set effects = 0;

	for (int effect = 0; effect < _EFFECT_MAX; effect++)
		if (!(EFFECT_BIT(effect) & EFFECT_HAZARDS) && effect_class_of(effect) <= class)
			effects |= EFFECT_BIT(effect);
	return effects;
}

struct judging {
	struct space *space;
	const struct command *command;
	const struct box *piece;
	bool found[JUDGEMENTS];
};

/*
 * Requests of this class which have the effects `certain`, and may have those of `possible` beside:
 * of which scopes can they be? As command_scope().
 */
static int judge(struct judging *judging, enum effect_class class, effect_set certain,
		 effect_set possible)
{
	const struct command *command = judging->command;
	struct judgement judgement = {.class = class, .hazards = certain & EFFECT_HAZARDS};
	effect_set excluded = 0;

	if (command->envelope != ENVELOPE_FWCTL_RPC) {
		judgement.scope = SCOPE_NONE;
		judging->found[judgement_number(&judgement)] = true;
		return 0;
	}
	for (size_t i = 0; i < command->n_scopes; i++) {
		const struct value_case *scope = &command->scopes[i];
		effect_set any = scope->when.any_effect;
		int r = holds(judging->space, &scope->when, judging->piece);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (any == 0 || (certain | possible) & ~excluded & any) {
			judgement.scope = (unsigned)scope->value;
			judgement.hazards = certain & EFFECT_HAZARDS;
			if (judgement.scope >= 2)
				judgement.hazards |= EFFECT_BIT(EFFECT_TAINTS_KERNEL);
			judging->found[judgement_number(&judgement)] = true;
		}
		/* The next case is for requests that this one does not fit. */
		if (any == 0 || certain & any)
			return 0;
		excluded |= any;
	}
	return 0;
}

static const struct ranges *found_to_ranges(struct pool *pool, const bool *found)
{
	struct value_range items[JUDGEMENTS];
	size_t n = 0;

	for (unsigned number = 0; number < JUDGEMENTS; number++)
		if (found[number])
			ranges_count(items, &n, number);
	return ranges_new(pool, items, n);
}

static int judge_cell(struct space *space, const struct command *command, struct cell *cell)
{
	struct judging judging = {.space = space, .command = command, .piece = cell->fields};
	enum effect_class class = command->class;
	effect_set effects = command->effects;
	int r;

	for (size_t i = 0; i < command->n_refine; i++) {
		r = holds(space, &command->refine[i].when, cell->fields);
		if (r < 0)
			return r;
		if (r > 0) {
			class = command->refine[i].class;
			effects = command->refine[i].effects;
			break;
		}
	}
	for (size_t i = 0; i < command->n_also; i++) {
		r = holds(space, &command->also[i].when, cell->fields);
		if (r < 0)
			return r;
		if (r > 0) {
			if (command->also[i].class > class)
				class = command->also[i].class;
			effects |= command->also[i].effects;
		}
	}
	if (effect_set_class(effects) > class)
		class = effect_set_class(effects);

	r = judge(&judging, class, effects, 0);
	if (r < 0)
		return r;
	cell->judgements[DOMAIN_STATIC] = found_to_ranges(&space->kept, judging.found);
	for (int worse = (int)class; worse < _CLASS_MAX; worse++)
		for (unsigned more = 0; more < 16; more++) {
			effect_set hazards = (effect_set)more << HAZARDS_SHIFT;

			r = judge(&judging, worse, effects | hazards, effects_up_to(worse));
			if (r < 0)
				return r;
		}
	cell->judgements[DOMAIN_REPORTED] = found_to_ranges(&space->kept, judging.found);
	return cell->judgements[DOMAIN_STATIC] && cell->judgements[DOMAIN_REPORTED] ? 0 : -ENOMEM;
}

/* Fixed fields have their value. That of the message's own size hangs on a tail, and is left free.
 */
static const struct box *first_piece(struct space *space, const struct command *command)
{
	struct constraint fixed[FIELDS_MAX];
	size_t n = 0;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed != FIXED_VALUE || field->type != FIELD_NUMBER)
			continue;
		fixed[n].dimension = DIM_FIELD + i;
		fixed[n].set = ranges_one(&space->kept, field->fixed_value, field->fixed_value);
		if (!fixed[n++].set)
			return NULL;
	}
	return box_new(&space->kept, fixed, n);
}

static int split_all(struct space *space, unsigned number, struct pieces *pieces)
{
	const struct command *command = space->commands[number];
	int r = 0;

	for (size_t i = 0; i < command->n_refine && r >= 0; i++)
		r = split(space, number, &command->refine[i].when, pieces);
	for (size_t i = 0; i < command->n_also && r >= 0; i++)
		r = split(space, number, &command->also[i].when, pieces);
	for (size_t i = 0; i < command->n_scopes && r >= 0; i++)
		r = split(space, number, &command->scopes[i].when, pieces);
	for (size_t i = 0; i < command->n_request && r >= 0; i++)
		r = split(space, number, &command->request[i].when, pieces);
	for (size_t i = 0; i < command->n_response && r >= 0; i++)
		r = split(space, number, &command->response[i].when, pieces);
	return r;
}

static int make_cells(struct space *space, unsigned number, struct command_cells *ret)
{
	const struct command *command = space->commands[number];
	struct command_cells cells = {.ready = true};
	struct pieces pieces = {};
	bool found[_DOMAIN_MAX][JUDGEMENTS] = {};
	int r;

	if (!command->refused) {
		r = pieces_reserve(&space->kept, &pieces, 1);
		if (r < 0)
			return r;
		pieces.items[0] = first_piece(space, command);
		if (!pieces.items[pieces.n++])
			return -ENOMEM;
		r = split_all(space, number, &pieces);
		if (r < 0)
			return r;
	}
	cells.items = pool_alloc(&space->kept, pieces.n + 1, sizeof(*cells.items));
	if (!cells.items)
		return -ENOMEM;
	for (size_t i = 0; i < pieces.n; i++) {
		struct cell cell = {.fields = pieces.items[i]};

		r = length_known(space, command->request, command->n_request, cell.fields);
		if (r > 0)
			r = length_known(space, command->response, command->n_response,
					 cell.fields);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		r = judge_cell(space, command, &cell);
		if (r < 0)
			return r;
		cells.items[cells.n++] = cell;
		for (unsigned judgement = 0; judgement < JUDGEMENTS; judgement++)
			for (unsigned domain = 0; domain < _DOMAIN_MAX; domain++)
				found[domain][judgement] |=
					ranges_have(cell.judgements[domain], judgement);
	}
	for (unsigned domain = 0; domain < _DOMAIN_MAX; domain++) {
		cells.judgements[domain] = found_to_ranges(&space->kept, found[domain]);
		if (!cells.judgements[domain])
			return -ENOMEM;
	}
	*ret = cells;
	return 0;
}

const struct command_cells *space_cells(struct space *space, unsigned command)
{
	struct command_cells *cells = &space->cells[command];
	struct pool_mark mark = pool_mark(&space->work);
	int r;

	if (cells->ready)
		return cells;
	r = make_cells(space, command, cells);
	pool_release(&space->work, mark);
	return r < 0 ? NULL : cells;
}
