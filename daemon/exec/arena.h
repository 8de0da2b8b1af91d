/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The executor's side of include/arena.h: into memory of its own, and back. Pure, and allocates
 * nothing. Both demand an arena that wire_request_valid() accepted; neither looks again.
 */

#include <stddef.h>
#include <stdint.h>

#include "include/arena.h"

/*
 * Fills the first arena->size bytes of `memory` (ARENA_MAX bytes): the arena->given bytes at
 * `given`, then zeroes; then writes the relocations' addresses, which are addresses in `memory`.
 */
void arena_load(uint8_t *memory, const struct arena *arena, const uint8_t *given);

/*
 * Of the reply ranges, one after the other, copies what follows the first `skip` bytes to `reply`,
 * at most `room` bytes; returns how many.
 */
size_t arena_gather(const uint8_t *memory, const struct arena *arena, size_t skip, uint8_t *reply,
		    size_t room);
