/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between fwctl's core and its drivers: struct fwctl_ops of include/linux/fwctl.h. */

#include "daemon/sim/model.h"

#define RPC_LENGTH_MAX (2u * 1024u * 1024u) /* MAX_RPC_LEN */

struct rpc {
	struct sim_device *device;
	const struct sim_user *user; /* for addresses within `in` */
	uint32_t scope;
	uint8_t *in; /* the driver's own copy */
	uint32_t in_length;
	uint8_t *out; /* RPC_LENGTH_MAX bytes; as many as there is room for are zero */
	/* What there is room for, and then what the driver says that it gave: it may be more. */
	uint32_t out_length;
};

/* 0 or a negative errno. */
int cxl_rpc(struct rpc *rpc);
int mlx5_rpc(struct rpc *rpc);
int bnxt_rpc(struct rpc *rpc);
int pds_rpc(struct rpc *rpc);

/* The driver's data of FWCTL_INFO; returns how many bytes, at most 8. */
size_t mlx5_info(const struct sim_device *device, uint8_t data[static 8]);
size_t bnxt_info(const struct sim_device *device, uint8_t data[static 8]);

/* SIM_FAULT_GARBAGE */
void rpc_garbage(struct rpc *rpc);
