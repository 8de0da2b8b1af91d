/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel calls that commands travel in, and how much room a request takes in one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "include/arena.h"
#include "policy/classify.h"

struct envelope_facts {
	const char *name; /* in catalogue files; an executor's argument */
	uint32_t ioctl;
	bool tail; /* the request is the message's tail; else it is a buffer beside the message */
};

extern const struct envelope_facts envelopes[_ENVELOPE_MAX];

/* Where each piece of a request stands in its arena. Length 0: it has no such piece. */
struct envelope_plan {
	struct arena_range message; /* tail included; for an envelope that points to one */
	struct arena_range request; /* a buffer beside the message */
	struct arena_range response;
	struct arena_range segments[SEGMENTS_MAX];
	uint32_t given; /* as in struct arena */
	uint32_t size;
};

/* -EMSGSIZE: more than ARENA_MAX. */
int envelope_plan(const struct classified *classified, struct envelope_plan *ret);
