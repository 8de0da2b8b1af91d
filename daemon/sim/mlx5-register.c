/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The registers of the mlx5 model, behind ACCESS_REG. Sizes and fields: include/linux/mlx5/
 * mlx5_ifc.h and core/lib/nv_param.c of Linux 7.3; MGIR and MSGI: mstflint's register database.
 */

#include <string.h>

#include "daemon/sim/mlx5.h"
#include "include/cleanup.h"

#define DATA 16u /* where a register's data begins, in both directions */

enum mlx5_register {
	MLX5_PPCNT = 0x5008,
	MLX5_MTMP = 0x900a,
	MLX5_MGIR = 0x9020,
	MLX5_MSGI = 0x9021,
	MLX5_MNVDA = 0x9024,
	MLX5_MFRL = 0x9028,
	MLX5_MRTC = 0x902d,
	MLX5_MTRC_CONF = 0x9041,
	MLX5_MTRC_STDB = 0x9042,
	MLX5_MCDD = 0x905c,
	MLX5_MORD = 0x9153,
	MLX5_RESOURCE_DUMP = 0xc000,
};

/* Whose size is beyond doubt. */
static const struct {
	uint16_t id;
	uint16_t size;
} sizes[] = {
	{0x4002, 8},   /* QPTS */
	{0x4013, 132}, /* QPDPM */
	{0x4019, 72},  /* QCAM */
	{0x5003, 16},  /* PMTU */
	{0x5004, 64},  /* PTYS */
	{0x5006, 16},  /* PAOS */
	{0x5007, 32},  /* PFCC */
	{MLX5_PPCNT, 256},
	{0x507f, 80}, /* PCAM */
	{0x9009, 16}, /* MTCAP */
	{MLX5_MTMP, 32},
	{MLX5_MGIR, 160},
	{MLX5_MSGI, 128},
	{MLX5_MNVDA, 268},
	{MLX5_MFRL, 8},
	{0x902b, 12}, /* MLCR */
	{MLX5_MRTC, 16},
	{0x9051, 256}, /* MPCNT */
	{0x907f, 72},  /* MCAM */
	{MLX5_RESOURCE_DUMP, 256},
};

#define TEMPERATURE	(42u * 8)
#define TEMPERATURE_MAX (71u * 8)
#define THRESHOLD	(105u * 8)

void mlx5_registers_init(struct sim_mlx5 *mlx5)
{
	mlx5->port_frames = 987654321;
	mlx5->time = UINT64_C(1750000000000000000);
	mlx5->temperature_max = TEMPERATURE_MAX;
	/* NV_GLOBAL_PCI_CONF: SR-IOV with 8 virtual functions */
	mlx5->items[0] = (struct sim_mlx5_item){
		.type = 0x80,
		.length = 12,
		.data = {0x80, 0, 0, 0, 0x80, 0, 0, 8},
	};
}

/*
 * The mlx5 form of an address in the caller's memory: registers that tell the device where to write
 * by DMA. A resource dump goes into the answer only while inline_dump is set, and is this
 * function's own only while vhca_id_valid is not.
 */
static void memory_check(const struct rpc *rpc, uint16_t id, bool write)
{
	switch (id) {
	case MLX5_MCDD:
		device_bug(rpc->device, "MCDD takes physical addresses");
	case MLX5_MTRC_CONF:
		if (write || mlx5_get(rpc, DATA + 8, 4) != 0)
			device_bug(rpc->device, "MTRC_CONF with a memory key");
		break;
	case MLX5_MORD:
	case MLX5_RESOURCE_DUMP:
		if ((mlx5_get(rpc, DATA, 1) & 0x60) != 0x40)
			device_bug(rpc->device,
				   "register 0x%04x: a dump by DMA, or of another function", id);
		if (mlx5_get(rpc, DATA + 0x20, 4) != 0 || mlx5_get(rpc, DATA + 0x28, 8) != 0)
			device_bug(rpc->device, "register 0x%04x: a memory key or an address", id);
		break;
	default:
		break;
	}
}

void mlx5_register_check(const struct rpc *rpc)
{
	uint64_t op_mod = mlx5_get(rpc, 6, 2);
	uint16_t id = (uint16_t)mlx5_get(rpc, 10, 2);

	if (op_mod > 1)
		device_bug(rpc->device,
			   "register 0x%04x: op_mod 0x%04x, a read to the kernel and "
			   "unknown to the firmware",
			   id, (unsigned)op_mod);
	if (mlx5_get(rpc, 8, 2) != 0 || mlx5_get(rpc, 12, 4) != 0)
		device_bug(rpc->device, "register 0x%04x: reserved bytes or the argument", id);
	/* Strings come behind the 8 bytes of MTRC_STDB, in the answer alone. */
	if (rpc->in_length != rpc->out_length && id != MLX5_MTRC_STDB)
		device_bug(rpc->device, "register 0x%04x: %u bytes there and %u back", id,
			   rpc->in_length, rpc->out_length);
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		if (sizes[i].id == id && rpc->in_length != DATA + sizes[i].size)
			device_bug(rpc->device, "register 0x%04x has %u bytes, not %u", id,
				   sizes[i].size, rpc->in_length - DATA);
	memory_check(rpc, id, op_mod == 0);
}

static enum mlx5_status mgir_read(struct rpc *rpc)
{
	mlx5_put(rpc, DATA + 2, 2, 0x020d); /* device_id */
	mlx5_put_text(rpc, DATA + 0x30, MLX5_PSID);
	return MLX5_OK;
}

static enum mlx5_status msgi_read(struct rpc *rpc)
{
	mlx5_put_text(rpc, DATA, rpc->device->serial);
	mlx5_put_text(rpc, DATA + 0x20, "FWCTLD-SIM");
	mlx5_put_text(rpc, DATA + 0x40, rpc->device->model);
	return MLX5_OK;
}

static enum mlx5_status mtmp(struct rpc *rpc, bool write)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	/* Its low 12 bits: sensor_index. There is one. */
	if (mlx5_get(rpc, DATA + 2, 2) != 0)
		return MLX5_BAD_PARAMETER;
	mlx5_put(rpc, DATA + 6, 2, TEMPERATURE);
	mlx5_put(rpc, DATA + 10, 2, mlx5->temperature_max);
	mlx5_put(rpc, DATA + 14, 2, THRESHOLD);
	/* mtr: also a read resets the maximum. */
	if (mlx5_get(rpc, DATA + 8, 1) & 0x40)
		mlx5->temperature_max = TEMPERATURE;
	return write && mlx5_get(rpc, DATA + 14, 2) != THRESHOLD ? MLX5_BAD_PARAMETER : MLX5_OK;
}

static enum mlx5_status ppcnt(struct rpc *rpc)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	if ((mlx5_get(rpc, DATA + 3, 1) & 0x3f) != 0) /* grp: it has the first one */
		return MLX5_BAD_PARAMETER;
	mlx5_put(rpc, DATA, 4, mlx5_get(rpc, DATA, 4));
	mlx5_put(rpc, DATA + 8, 8, mlx5->port_frames); /* a_frames_transmitted_ok */
	/* clr: also a read clears. */
	if (mlx5_get(rpc, DATA + 4, 1) & 0x80)
		mlx5->port_frames = 0;
	return MLX5_OK;
}

static enum mlx5_status mrtc(struct rpc *rpc, bool write)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	if (write)
		mlx5->time = mlx5_get(rpc, DATA + 8, 8);
	mlx5_put(rpc, DATA + 8, 8, mlx5->time);
	return MLX5_OK;
}

static struct sim_mlx5_item *item_find(struct sim_mlx5 *mlx5, uint32_t type)
{
	for (unsigned i = 0; i < SIM_MLX5_ITEMS; i++)
		if (mlx5->items[i].type == type)
			return &mlx5->items[i];
	return NULL;
}

/* One item of the non-volatile configuration. The low 9 bits of its first word are its length. */
static enum mlx5_status mnvda(struct rpc *rpc, bool write)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;
	uint32_t type = (uint32_t)mlx5_get(rpc, DATA + 4, 4);
	uint32_t length = (uint32_t)mlx5_get(rpc, DATA + 2, 2) & 0x1ff;
	struct sim_mlx5_item *item;

	if (type == 0 || length > SIM_MLX5_ITEM_DATA)
		return MLX5_BAD_PARAMETER;
	item = item_find(mlx5, type);
	if (write) {
		if (!item)
			item = item_find(mlx5, 0);
		if (!item)
			return MLX5_NO_RESOURCES;
		item->type = type;
		item->length = length;
		memcpy(item->data, rpc->in + DATA + 12, length);
	}
	if (!item)
		return MLX5_BAD_PARAMETER;
	mlx5_put(rpc, DATA + 2, 2, item->length);
	mlx5_put(rpc, DATA + 4, 4, type);
	memcpy(rpc->out + DATA + 12, item->data, item->length);
	return MLX5_OK;
}

static enum mlx5_status mfrl(struct rpc *rpc, bool write)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	mlx5_put(rpc, DATA + 7, 1, 0x49); /* the levels that it knows: 0, 3 and 6 */
	if (!write)
		return MLX5_OK;
	mlx5->resets++;
	mlx5->vport_packets = mlx5->port_frames = mlx5->q_counter = 0;
	return MLX5_OK;
}

enum mlx5_status mlx5_register_access(struct rpc *rpc)
{
	bool write = mlx5_get(rpc, 6, 2) == 0;
	uint16_t id = (uint16_t)mlx5_get(rpc, 10, 2);

	switch (id) {
	case MLX5_MGIR:
		return write ? MLX5_BAD_OPERATION : mgir_read(rpc);
	case MLX5_MSGI:
		return write ? MLX5_BAD_OPERATION : msgi_read(rpc);
	case MLX5_MTMP:
		return mtmp(rpc, write);
	case MLX5_PPCNT:
		return ppcnt(rpc);
	case MLX5_MRTC:
		return mrtc(rpc, write);
	case MLX5_MNVDA:
		return mnvda(rpc, write);
	case MLX5_MFRL:
		return mfrl(rpc, write);
	default:
		return MLX5_OK;
	}
}
