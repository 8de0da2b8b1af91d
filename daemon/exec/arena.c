/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/exec/arena.h"

void arena_load(uint8_t *memory, const struct arena *arena, const uint8_t *given)
{
	memcpy(memory, given, arena->given);
	memset(memory + arena->given, 0, arena->size - arena->given);

	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *r = &arena->relocs[i];
		uint64_t address = (uintptr_t)(memory + r->target);

		/* The kernel's structs hold pointers as u64, and not always on a multiple of 8. */
		memcpy(memory + r->where, &address, sizeof(address));
	}
}

size_t arena_gather(const uint8_t *memory, const struct arena *arena, size_t skip, uint8_t *reply,
		    size_t room)
{
	size_t length = 0;

	for (uint32_t i = 0; i < arena->n_replies; i++) {
		const struct arena_range *r = &arena->replies[i];
		size_t start = skip < r->length ? skip : r->length;
		size_t n = r->length - start;

		if (n > room - length)
			n = room - length;
		memcpy(reply + length, memory + r->offset + start, n);
		length += n;
		skip -= start;
	}
	return length;
}
