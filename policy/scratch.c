/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/scratch.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_MIN ((size_t)64 * 1024)

struct scratch_chunk {
	struct scratch_chunk *previous;
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

void *scratch_get(struct scratch *scratch, size_t size)
{
	const size_t unit = alignof(max_align_t);
	struct scratch_chunk *chunk = scratch->last;
	void *memory;

	if (size > SIZE_MAX - sizeof(*chunk) - unit)
		return NULL;
	size = (size + unit - 1) / unit * unit;
	if (!chunk || size > chunk->size - chunk->used) {
		size_t capacity = size > CHUNK_MIN ? size : CHUNK_MIN;

		chunk = malloc(sizeof(*chunk) + capacity);
		if (!chunk)
			return NULL;
		*chunk = (struct scratch_chunk){.previous = scratch->last, .size = capacity};
		scratch->last = chunk;
	}
	memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

struct scratch_mark scratch_mark(const struct scratch *scratch)
{
	return (struct scratch_mark){
		.chunk = scratch->last,
		.used = scratch->last ? scratch->last->used : 0,
	};
}

void scratch_reset(struct scratch *scratch, struct scratch_mark mark)
{
	while (scratch->last != mark.chunk) {
		struct scratch_chunk *chunk = scratch->last;

		scratch->last = chunk->previous;
		free(chunk);
	}
	if (scratch->last)
		scratch->last->used = mark.used;
}

void scratch_done(struct scratch *scratch)
{
	scratch_reset(scratch, (struct scratch_mark){});
}
