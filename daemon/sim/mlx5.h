/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the parts of the mlx5 model: a network adapter with two ports. */

#include "daemon/sim/rpc.h"
#include "include/bytes.h"

#define MLX5_MESSAGE_HEADER 16u /* of a request, an answer, and a register access */
#define MLX5_PSID	    "FWS0000000001"

enum mlx5_status {
	MLX5_OK = 0,
	MLX5_BAD_OPERATION = 2,
	MLX5_BAD_PARAMETER = 3,
	MLX5_NO_RESOURCES = 0xf,
};

/* Big endian, of at most 8 bytes, within a message that was measured. */
static inline uint64_t mlx5_get(const struct rpc *rpc, size_t offset, size_t size)
{
	uint64_t value = 0;

	(void)bytes_get(rpc->in, rpc->in_length, offset, size, BYTES_BIG, &value);
	return value;
}

static inline void mlx5_put(struct rpc *rpc, size_t offset, size_t size, uint64_t value)
{
	(void)bytes_put(rpc->out, rpc->out_length, offset, size, BYTES_BIG, value);
}

static inline void mlx5_put_text(struct rpc *rpc, size_t offset, const char *text)
{
	size_t length = strlen(text);

	if (bytes_within(rpc->out_length, offset, length))
		memcpy(rpc->out + offset, text, length);
}

/* ACCESS_REG: the firmware, and ahead of it what no request of fwctld's may be. */
enum mlx5_status mlx5_register_access(struct rpc *rpc);
void mlx5_register_check(const struct rpc *rpc);
void mlx5_registers_init(struct sim_mlx5 *mlx5);
