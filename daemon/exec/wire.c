/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/exec/wire.h"
#include "include/bytes.h"

#define ADDRESS_SIZE 8u

static bool relocs_valid(const struct arena *arena)
{
	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *r = &arena->relocs[i];

		if (r->where % 4 != 0 || !bytes_within(arena->size, r->where, ADDRESS_SIZE))
			return false;
		if (r->length < 1 || !bytes_within(arena->size, r->target, r->length))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			uint32_t other = arena->relocs[j].where;
			uint32_t distance = other > r->where ? other - r->where : r->where - other;

			if (distance < ADDRESS_SIZE)
				return false;
		}
	}
	return true;
}

static bool replies_valid(const struct arena *arena)
{
	for (uint32_t i = 0; i < arena->n_replies; i++) {
		const struct arena_range *r = &arena->replies[i];

		if (!bytes_within(arena->size, r->offset, r->length))
			return false;
	}
	/* Ranges may overlap, so that their sum is not bounded by the arena's size. */
	return arena_reply_length(arena) <= ARENA_MAX;
}

bool wire_request_valid(const struct wire_request *request, size_t length)
{
	const struct arena *arena = &request->arena;

	if (length < sizeof(*request))
		return false;
	if (arena->size > ARENA_MAX || arena->given > arena->size || arena->given > ARENA_GIVEN_MAX)
		return false;
	if (length - sizeof(*request) != arena->given)
		return false;
	if (arena->n_relocs > ARENA_RELOCS_MAX || arena->n_replies > ARENA_REPLIES_MAX)
		return false;
	return relocs_valid(arena) && replies_valid(arena);
}
