/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The arena: everything that one ioctl needs, in one piece of memory. policy/pack.c builds it in
 * the broker, the wire carries it, the executor copies it into its own pages, patches the pointers
 * and makes the call.
 *
 *     0          the ioctl's struct
 *     ARENA_MESSAGE   the message, for an envelope that points to one (FWCTL_RPC's `in`)
 *     ARENA_PAGE * n  each piece of data in whole pages of its own: to the device first, then from
 * it
 *
 * A pointer is never a number that somebody sent. It is a relocation: "write the address of arena
 * offset `target` at arena offset `where`". All offsets and lengths are bytes from the arena's
 * start.
 *
 * Whole pages are not tidiness: an NVMe controller that is told a wrong length writes past the
 * buffer by DMA, and a page of its own is as far as the damage stays ours (reference: NVMe
 * passthrough transfers).
 */

#include <stddef.h>
#include <stdint.h>

#define ARENA_PAGE	4096u
#define ARENA_MESSAGE	256u		/* above every ioctl struct, and aligned for each of them */
#define ARENA_MAX	(2304u * 1024u) /* FWCTL_RPC's 2 MiB (MAX_RPC_LEN), and what goes with it */
#define ARENA_GIVEN_MAX (128u * 1024u)	/* keeps a request within one SOCK_SEQPACKET datagram */

#define ARENA_RELOCS_MAX  4u
#define ARENA_REPLIES_MAX 4u

struct arena_reloc {
	uint32_t where;	 /* 8 bytes here, a multiple of 4, receive the address ... */
	uint32_t target; /* ... of this offset, ... */
	uint32_t length; /* ... from which this many bytes, at least 1, belong to the kernel */
};

struct arena_range {
	uint32_t offset;
	uint32_t length;
};

struct arena {
	uint32_t ioctl; /* request number; the executor's filter has the last word */
	uint32_t size;	/* bytes in use, at most ARENA_MAX; all from `given` on is zero */
	uint32_t given; /* bytes that the sender supplies; at most size and ARENA_GIVEN_MAX */
	uint32_t n_relocs;
	uint32_t n_replies;
	struct arena_reloc relocs[ARENA_RELOCS_MAX];
	struct arena_range
		replies[ARENA_REPLIES_MAX]; /* what goes back, concatenated in this order */
};

/* Bytes that go back. */
static inline size_t arena_reply_length(const struct arena *arena)
{
	size_t length = 0;

	for (uint32_t i = 0; i < arena->n_replies && i < ARENA_REPLIES_MAX; i++)
		length += arena->replies[i].length;
	return length;
}
