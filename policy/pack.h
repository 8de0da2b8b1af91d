/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Builds what the kernel gets, anew, from parsed values: no client byte is copied but those of
 * fields and data. Lengths, timeouts, scopes and every pointer are fwctld's own. And back: what the
 * ioctl's return, errno and bytes mean. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/arena.h"
#include "policy/classify.h"

/*
 * Fills `bytes` (ARENA_GIVEN_MAX bytes, all of the first ret->given are written) and describes it
 * in ret. -EMSGSIZE when the request does not fit the arena, or what goes to the device the
 * ARENA_GIVEN_MAX bytes: classify()'s limits rule that out.
 */
int pack(const struct classified *classified, uint8_t *bytes, struct arena *ret);

enum outcome_kind {
	OUTCOME_UNKNOWN,  /* sent, or perhaps sent; nobody can say whether it was executed */
	OUTCOME_EXECUTED, /* the device did it */
	OUTCOME_REFUSED_BY_DEVICE, /* `status` is the device's own */
	OUTCOME_REFUSED_BY_KERNEL, /* it was not executed; `error` is the errno, 0: NVMe's 0x370 */
	_OUTCOME_MAX,
};

struct outcome {
	enum outcome_kind kind;
	uint32_t status; /* the device's, NVMe's without CRD, More and DNR; 0 where it gave none */
	int error;	 /* errno of the ioctl, positive; 0: none */
	uint64_t result; /* NVMe: dwords 0 and 1 of the completion; else 0 */
	bool has_result;
	const uint8_t *response; /* response_length bytes of the reply; pointers blotted out */
	size_t response_length;
};

const char *outcome_kind_to_string(enum outcome_kind kind);

/*
 * reply: the bytes of the arena's reply ranges, one after the other, as they came back; they are
 * changed in place (addresses that a device echoes are zeroed). -EBADMSG when the reply is not as
 * long as the arena asked for.
 */
int unpack(const struct classified *classified, const struct arena *arena, int ioctl_return,
	   int ioctl_errno, uint8_t *reply, size_t reply_length, struct outcome *ret);
