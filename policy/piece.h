/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A long answer, read in pieces: one request becomes several commands, each of which asks for the
 * next bytes, where the catalogue says that a command can be read like this (`pieces:`). Only what
 * is read-only is ever sent more than once. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/bytes.h"
#include "policy/classify.h"

#define PIECE_MAX                                                                                  \
	(128u * 1024u) /* also from a device that takes more: one datagram of the wire             \
			*/

struct pieces {
	size_t n;     /* commands; 1: the request as it is */
	size_t bytes; /* that each asks for, and the last one for what is left */
};

/*
 * transfer_max: bytes that the device moves in one command; 0: unknown. One command, too, where the
 * catalogue has no `pieces` for the request, where offset and length together are more than their
 * fields can say, and where a piece would be judged otherwise than the whole: what a device or its
 * kernel says to that, the caller is told.
 */
void pieces_plan(const struct classified *whole, size_t transfer_max, struct pieces *ret);

/* The command for piece `index`, below pieces->n. */
void piece_get(const struct classified *whole, const struct pieces *pieces, size_t index,
	       struct classified *ret);

/*
 * Puts the answer to that command behind those before it. `whole_answer` has room for
 * whole->response_length bytes. True: there is more to ask for. A device that gave less than it was
 * asked for has no more.
 */
bool piece_join(const struct classified *whole, const struct pieces *pieces, size_t index,
		const uint8_t *answer, size_t length, struct bytes_writer *whole_answer);
