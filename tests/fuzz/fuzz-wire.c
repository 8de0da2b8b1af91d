/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The executor's way of a request, less its two system calls: whatever bytes came are judged,
 * loaded, patched, handed to a transport that scribbles over all that it was given, and gathered.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/exec/arena.h"
#include "daemon/exec/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* As a kernel would: writes through every address that it finds. */
static void transport(uint8_t *memory, const struct arena *arena)
{
	uint64_t addresses[ARENA_RELOCS_MAX];

	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *r = &arena->relocs[i];

		memcpy(&addresses[i], memory + r->where, sizeof(addresses[i]));
		check(addresses[i] == (uintptr_t)(memory + r->target));
	}
	for (uint32_t i = 0; i < arena->n_relocs; i++)
		memset((void *)(uintptr_t)addresses[i], 0xa5, arena->relocs[i].length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_request *request;
	struct arena *arena;
	uint8_t *memory, *reply;
	size_t length = 0, room, n;

	/* The executor's buffer has room for the whole struct, however short the message is. */
	request = calloc(1, size > sizeof(*request) ? size : sizeof(*request));
	check(request != NULL);
	if (size > 0)
		memcpy(request, data, size);
	if (!wire_request_valid(request, size)) {
		free(request);
		return 0;
	}

	/* Of exactly the sizes that are promised, so that a sanitizer sees one byte too many. */
	arena = &request->arena;
	check(size <= WIRE_REQUEST_MAX);
	memory = malloc(arena->size > 0 ? arena->size : 1);
	for (uint32_t i = 0; i < arena->n_replies; i++)
		length += arena->replies[i].length;
	check(length == arena_reply_length(arena) && length <= ARENA_MAX);
	/* So that an answer of a fuzzer's size has several pieces. */
	room = length / 3 + 1;
	reply = malloc(room);
	check(memory && reply);

	arena_load(memory, arena, (const uint8_t *)(request + 1));
	transport(memory, arena);
	for (size_t done = 0; done < length; done += n) {
		n = arena_gather(memory, arena, done, reply, room);
		check(n == (length - done < room ? length - done : room));
	}
	check(arena_gather(memory, arena, length, reply, room) == 0);

	free(reply);
	free(memory);
	free(request);
	return 0;
}
