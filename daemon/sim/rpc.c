/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl's core: drivers/fwctl/main.c of Linux 7.3, in the order of its checks. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/sim/rpc.h"
#include "include/arena.h"
#include "include/cleanup.h"

static const struct driver {
	enum fwctl_device_type type;
	int (*rpc)(struct rpc *rpc);
	/* NULL: it has none, or its data never gets through (pds never says how long it is). */
	size_t (*info)(const struct sim_device *device, uint8_t data[static 8]);
} drivers[_SIM_DIALECT_MAX] = {
	[SIM_CXL] = {FWCTL_DEVICE_TYPE_CXL, cxl_rpc, NULL},
	[SIM_MLX5] = {FWCTL_DEVICE_TYPE_MLX5, mlx5_rpc, mlx5_info},
	[SIM_BNXT] = {FWCTL_DEVICE_TYPE_BNXT, bnxt_rpc, bnxt_info},
	[SIM_PDS] = {FWCTL_DEVICE_TYPE_PDS, pds_rpc, NULL},
};

static const struct driver *driver_find(const struct sim_device *device)
{
	return device->dialect < ELEMENTSOF(drivers) && drivers[device->dialect].rpc
		       ? &drivers[device->dialect]
		       : NULL;
}

static int size_check(uint32_t size, size_t expected)
{
	if (size < expected)
		return -EINVAL;
	/* Bytes behind the struct that are zero are allowed; fwctld has no reason to send any. */
	return size > expected ? -E2BIG : 0;
}

/* The scope taints before anything else is looked at. */
static int scope_check(struct sim_kernel *kernel, uint32_t scope)
{
	if (scope > FWCTL_RPC_DEBUG_WRITE_FULL)
		return -EOPNOTSUPP;
	if (scope == FWCTL_RPC_DEBUG_WRITE_FULL && !kernel->rawio)
		return -EPERM;
	if (scope >= FWCTL_RPC_DEBUG_WRITE)
		kernel->tainted++;
	return 0;
}

/* What the kernel would have allocated for this one call: 2 MiB each, most of them never touched.
 */
static _Alignas(ARENA_PAGE) uint8_t in[RPC_LENGTH_MAX], out[RPC_LENGTH_MAX];

static int call_driver(struct sim_device *device, const struct sim_user *user,
		       struct fwctl_rpc *rpc)
{
	const struct driver *driver = driver_find(device);
	struct rpc call = {
		.device = device,
		.user = user,
		.scope = rpc->scope,
		.in = in,
		.in_length = rpc->in_len,
		.out = out,
		.out_length = rpc->out_len,
	};
	uint32_t length;
	int r;

	if (!driver)
		return -ENOTTY;
	r = size_check(rpc->size, sizeof(*rpc));
	if (r < 0)
		return r;
	if (rpc->in_len > RPC_LENGTH_MAX || rpc->out_len > RPC_LENGTH_MAX)
		return -EMSGSIZE;
	r = scope_check(&device->kernel, rpc->scope);
	if (r < 0)
		return r;
	if (rpc->in_len > 0) {
		r = user->copy_in(user->context, rpc->in, in, rpc->in_len);
		if (r < 0)
			return r;
	}

	memset(out, 0, rpc->out_len);
	r = driver->rpc(&call);
	if (r < 0)
		return r;

	/* Cut in silence to what there is room for; out_len says what there was. */
	length = call.out_length < rpc->out_len ? call.out_length : rpc->out_len;
	if (length > 0) {
		r = user->copy_out(user->context, rpc->out, out, length);
		if (r < 0)
			return r;
	}
	rpc->out_len = call.out_length;
	return 0;
}

int rpc_call(struct sim_device *device, const struct sim_user *user, struct fwctl_rpc *rpc)
{
	int r = call_driver(device, user, rpc);

	/* Freed again, so that the executor is as small after a long answer as it was before. */
	(void)madvise(in, sizeof(in), MADV_DONTNEED);
	(void)madvise(out, sizeof(out), MADV_DONTNEED);
	return r;
}

/* The caller's length has no upper limit, and so much is cleared. */
static int clear(const struct sim_user *user, uint64_t address, uint32_t length)
{
	static const uint8_t zeroes[4096];

	while (length > 0) {
		uint32_t n = length < sizeof(zeroes) ? length : (uint32_t)sizeof(zeroes);
		int r = user->copy_out(user->context, address, zeroes, n);

		if (r < 0)
			return r;
		address += n;
		length -= n;
	}
	return 0;
}

int rpc_info(const struct sim_device *device, const struct sim_user *user, struct fwctl_info *info)
{
	const struct driver *driver = driver_find(device);
	uint32_t room = info->device_data_len;
	size_t length = 0;
	uint8_t data[8];
	int r;

	if (!driver)
		return -ENOTTY;
	r = size_check(info->size, sizeof(*info));
	if (r < 0)
		return r;
	if (info->flags != 0)
		return -EOPNOTSUPP;
	/* Without room the driver is not asked, and the length comes back as 0. */
	if (room > 0) {
		uint32_t n;

		if (driver->info)
			length = driver->info(device, data);
		n = length < room ? (uint32_t)length : room;
		if (n > 0) {
			r = user->copy_out(user->context, info->out_device_data, data, n);
			if (r < 0)
				return r;
		}
		r = clear(user, info->out_device_data + n, room - n);
		if (r < 0)
			return r;
	}
	info->out_device_type = driver->type;
	info->device_data_len = (uint32_t)length;
	return 0;
}

void rpc_garbage(struct rpc *rpc)
{
	memset(rpc->out, SIM_GARBAGE, rpc->out_length);
	memset(&rpc->out_length, SIM_GARBAGE, sizeof(rpc->out_length));
}
