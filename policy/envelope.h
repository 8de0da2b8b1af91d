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

/* Of a message of a CXL dialect, before the mailbox command's payload: opcode, flags, op_size, 0.
 */
#define CXL_MESSAGE_HEADER 16u
/* Of its response, before the payload: u32 bytes of it, u32 return code. */
#define CXL_RESPONSE_HEADER 8u

/* Where each piece of a request stands in its arena. Length 0: it has no such piece. */
struct envelope_plan {
	/* Tail included; for an envelope that points to one. Of cxl-mem the payload alone. */
	struct arena_range message;
	struct arena_range request;  /* a buffer beside the message */
	struct arena_range response; /* of cxl-mem the payload alone, but for a query */
	struct arena_range segments[SEGMENTS_MAX];
	uint32_t given; /* as in struct arena */
	uint32_t size;
};

/* -EMSGSIZE: more than ARENA_MAX, or more than ARENA_GIVEN_MAX to the device. */
int envelope_plan(const struct classified *classified, struct envelope_plan *ret);
