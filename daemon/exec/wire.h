/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the broker and an executor: one SOCK_SEQPACKET socket, one request at a time, host byte
 * order.
 *
 * A request is struct wire_request and then arena.given bytes, in one datagram. Anything else ends
 * the executor: it cannot answer what it does not understand, and whoever sends it such a thing is
 * not the broker any more.
 *
 * A reply is the bytes of the arena's reply ranges, one after the other. net.core.wmem_max bounds a
 * datagram (to 208 KiB where nobody changed it), so that a long reply comes in several: each is
 * struct wire_reply and then WIRE_PIECE_MAX bytes, the last one what is left. Both sides know from
 * the request how long the reply is, and where each piece ends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/arena.h"

#define WIRE_FD_SOCKET 3
#define WIRE_FD_DEVICE 4

/* An executor takes its name ("nvme0", for ps) and its envelope as arguments; these are the
 * envelopes. */
#define WIRE_ENVELOPE_NVME  "nvme-admin"
#define WIRE_ENVELOPE_FWCTL "fwctl-rpc"
#define WIRE_ENVELOPE_CXL   "cxl-mem"

struct wire_request {
	uint64_t id; /* comes back in the reply */
	struct arena arena;
};

struct wire_reply {
	uint64_t id;
	int32_t value;	 /* what ioctl returned: 0 or more, or -1 */
	int32_t error;	 /* errno where value is -1, else 0 */
	uint32_t length; /* bytes that follow here ... */
	uint32_t more;	 /* ... and in further datagrams, which repeat id, value and error */
};

/* Room for an answer of 128 KiB in one datagram, with what an ioctl's struct says beside it. */
#define WIRE_PIECE_MAX (128u * 1024u + ARENA_PAGE)

#define WIRE_REQUEST_MAX (sizeof(struct wire_request) + ARENA_GIVEN_MAX)
#define WIRE_REPLY_MAX	 (sizeof(struct wire_reply) + WIRE_PIECE_MAX)

/*
 * Is this request, of `length` bytes in all, one that an executor may carry out? Lengths agree, all
 * ranges lie within the arena, each relocation's 8 bytes too, no two relocations overlap, and the
 * replies are at most ARENA_MAX together.
 */
bool wire_request_valid(const struct wire_request *request, size_t length);
