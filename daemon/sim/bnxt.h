/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the driver and the firmware of the bnxt model. */

#include "daemon/sim/rpc.h"
#include "include/bytes.h"

#define HWRM_HEADER   16u    /* of a request */
#define HWRM_ANSWER   8u     /* the header of an answer */
#define HWRM_DATA_MAX 65536u /* that one address of a request stands for */

enum hwrm_code {
	HWRM_SUCCESS = 0,
	HWRM_INVALID_PARAMS = 2,
	HWRM_ACCESS_DENIED = 3,
	HWRM_NO_BUFFER = 8,
	HWRM_ENTITY_NOT_PRESENT = 0x13,
};

/* One request at the firmware. */
struct hwrm {
	struct rpc *rpc;
	/* What the device reads and writes by DMA, in the order of the addresses. What is from the
	 * device is zero. */
	uint8_t *data[2];
	uint32_t lengths[2];
};

/* Little endian, of at most 8 bytes, within a request that was measured. */
static inline uint64_t hwrm_get(const struct rpc *rpc, size_t offset, size_t size)
{
	uint64_t value = 0;

	(void)bytes_get(rpc->in, rpc->in_length, offset, size, BYTES_LITTLE, &value);
	return value;
}

static inline void hwrm_put(struct rpc *rpc, size_t offset, size_t size, uint64_t value)
{
	(void)bytes_put(rpc->out, rpc->out_length, offset, size, BYTES_LITTLE, value);
}

enum hwrm_code hwrm_execute(struct hwrm *hwrm);
