/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mlx5 model: what Linux does with FWCTL_RPC (drivers/fwctl/mlx5/main.c, 7.3), and the commands
 * of an adapter. Sizes and bits are those of include/linux/mlx5/mlx5_ifc.h and of
 * core/sf/mlx5_ifc_vhca_event.h: written down here once more, and not read from the catalogue, so
 * that a mistake there meets somebody who knows better.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/mlx5.h"
#include "include/cleanup.h"

#define ANY   FWCTL_RPC_CONFIGURATION
#define READ  FWCTL_RPC_DEBUG_READ_ONLY
#define WRITE FWCTL_RPC_DEBUG_WRITE
#define REST  UINT64_MAX

enum mlx5_opcode {
	MLX5_QUERY_HCA_CAP = 0x0100,
	MLX5_QUERY_ADAPTER = 0x0101,
	MLX5_QUERY_ISSI = 0x010a,
	MLX5_QUERY_VPORT_COUNTER = 0x0770,
	MLX5_QUERY_Q_COUNTER = 0x0773,
	MLX5_ACCESS_REG = 0x0805,
	MLX5_QUERY_GENERAL_OBJECT = 0x0a02,
	MLX5_ACCESS_REGISTER_USER = 0x0b0c,
};

/* All that the driver lets through, in the order of their numbers. */
static const struct opcode {
	uint16_t opcode;
	uint8_t scope;
	uint16_t in;  /* bytes; 0: nobody published the layout */
	uint16_t out; /* bytes; with `more` at the least */
	bool more;
	uint64_t fields[7]; /* which bits of bytes 8 to 63 are some field's, in the message's order
			     */
} opcodes[] = {
	/* clang-format off */
	{0x0100, ANY, 16, 4112, false, {0xd000ffff00000000}}, /* QUERY_HCA_CAP */
	{0x0101, ANY, 16, 272, false}, /* QUERY_ADAPTER */
	{0x0107, READ, 16, 16, false, {0x8000ffff00000000}}, /* QUERY_PAGES */
	{0x0109, ANY, 4112, 16, false, {0xd000ffff00000000, REST, REST, REST, REST, REST, REST}}, /* SET_HCA_CAP */
	{0x010a, READ, 16, 112, false}, /* QUERY_ISSI */
	{0x010c, READ}, /* QUERY_DRIVER_VERSION */
	{0x010e, ANY, 16, 96, false, {0x0000ffff00000000}}, /* QUERY_OTHER_HCA_CAP */
	{0x0111, READ, 16, 16, true}, /* QUERY_SF_PARTITION */
	{0x0117, READ, 16, 64, false, {0xc000ffff00000000}}, /* QUERY_VHCA_MIGRATION_STATE */
	{0x0201, READ, 16, 304, false, {0x00ffffff80000000}}, /* QUERY_MKEY */
	{0x0203, READ, 16, 32, false}, /* QUERY_SPECIAL_CONTEXTS */
	{0x0303, READ, 16, 272, true, {0x000000ff00000000}}, /* QUERY_EQ */
	{0x0402, READ, 16, 272, true, {0x00ffffff00000000}}, /* QUERY_CQ */
	{0x050b, READ, 16, 464, false, {0x80ffffff00000000}}, /* QUERY_QP */
	{0x0512, READ}, /* QUERY_RDB */
	{0x0602, READ}, /* QUERY_PSV */
	{0x0702, READ, 16, 272, true, {0x00ffffff00000000}}, /* QUERY_SRQ */
	{0x0707, READ, 16, 272, true, {0x00ffffff00000000}}, /* QUERY_XRC_SRQ */
	{0x0713, READ, 16, 128, false, {0x00ffffff00000000}}, /* QUERY_DCT */
	{0x0716, READ}, /* QUERY_DC_CNAK_TRACE */
	{0x0719, READ, 16, 336, false, {0x00ffffff00000000}}, /* QUERY_XRQ */
	{0x0722, READ}, /* QUERY_NVMF_BACKEND_CONTROLLER */
	{0x0725, READ}, /* QUERY_XRQ_DC_PARAMS_ENTRY */
	{0x0727, READ}, /* QUERY_XRQ_ERROR_PARAMS */
	{0x0728, READ}, /* QUERY_NVMF_NAMESPACE_CONTEXT */
	{0x0730, READ}, /* QUERY_ADJACENT_FUNCTIONS_ID */
	{0x0731, ANY}, /* DELEGATE_VHCA_MANAGEMENT */
	{0x0732, READ, 16, 32, true}, /* QUERY_DELEGATED_VHCA */
	{0x0740, ANY, 16, 128, true}, /* QUERY_ESW_FUNCTIONS */
	{0x0750, READ, 16, 16, false, {0x8000ffff00000000}}, /* QUERY_VPORT_STATE */
	{0x0752, READ, 16, 272, false, {0x8000ffff00000000}}, /* QUERY_ESW_VPORT_CONTEXT */
	{0x0754, READ, 16, 272, false, {0x8000ffff07000000}}, /* QUERY_NIC_VPORT_CONTEXT */
	{0x0760, ANY, 16, 48, false, {0xffff000f00000000}}, /* QUERY_ROCE_ADDRESS */
	{0x0762, ANY, 16, 528, false, {0x800fffff00000000}}, /* QUERY_HCA_VPORT_CONTEXT */
	{0x0764, READ, 16, 16, true, {0x800fffff0000ffff}}, /* QUERY_HCA_VPORT_GID */
	{0x0765, READ, 16, 16, true, {0x800fffff0000ffff}}, /* QUERY_HCA_VPORT_PKEY */
	{0x076f, READ, 16, 528, false, {0x8000ffff00000000}}, /* QUERY_VNIC_ENV */
	{0x0770, READ, 32, 528, false, {0x800fffff00000000, 0, 0x8000000000000000}}, /* QUERY_VPORT_COUNTER */
	{0x0773, READ, 32, 256, false, {0x8000ffff00000000, 0, 0xc0000000000000ff}}, /* QUERY_Q_COUNTER */
	{0x0781, READ}, /* QUERY_RATE_LIMIT */
	{0x0784, READ, 64, 128, false, {0xff000000ffffffff}}, /* QUERY_SCHEDULING_ELEMENT */
	{0x0805, ANY}, /* ACCESS_REG: has rules of its own */
	{0x080b, READ, 16, 20, false}, /* QUERY_MAD_DEMUX */
	{0x080d, READ, 16, 16, false}, /* NOP */
	{0x0813, READ}, /* QUERY_BURST_SIZE */
	{0x0819, READ}, /* QUERY_DIAGNOSTIC_PARAMS */
	{0x0820, WRITE}, /* SET_DIAGNOSTIC_PARAMS */
	{0x0821, READ}, /* QUERY_DIAGNOSTIC_COUNTERS */
	{0x0822, READ, 16, 16, false, {0x000000ff00000000}}, /* QUERY_CONG_STATUS */
	{0x0823, ANY, 16, 16, false, {0x000000ffc0000000}}, /* MODIFY_CONG_STATUS */
	{0x0824, READ, 16, 272, false, {0x0000000f00000000}}, /* QUERY_CONG_PARAMS */
	{0x0826, READ, 16, 272, false, {0x8000000000000000}}, /* QUERY_CONG_STATISTICS */
	{0x082a, READ, 64, 64, false, {0x0, 0x8000000000ffffff}}, /* QUERY_L2_TABLE_ENTRY */
	{0x0831, READ, 16, 16, false}, /* QUERY_WOL_ROL */
	{0x0842, READ, 16, 16, false}, /* QUERY_LAG */
	{0x0903, READ, 16, 272, false, {0x00ffffff00000000}}, /* QUERY_TIR */
	{0x0907, READ, 16, 272, false, {0x00ffffff00000000}}, /* QUERY_SQ */
	{0x090b, READ, 16, 272, false, {0x00ffffff00000000}}, /* QUERY_RQ */
	{0x090f, READ, 16, 272, false, {0x00ffffff00000000}}, /* QUERY_RMP */
	{0x0911, READ}, /* QUERY_DELAY_DROP_PARAMS */
	{0x0915, READ, 16, 176, false, {0x00ffffff00000000}}, /* QUERY_TIS */
	{0x0919, READ, 16, 272, false, {0x00ffffff00000000}}, /* QUERY_RQT */
	{0x0932, READ, 64, 64, false, {0, 0xff00000000ffffff}}, /* QUERY_FLOW_TABLE */
	{0x0935, READ, 64, 1024, false, {0, 0xff00000000ffffff, 0xffffffff00000000}}, /* QUERY_FLOW_GROUP */
	{0x0937, READ, 64, 832, false, {0, 0xff00000000ffffff, 0, 0xffffffff00000000}}, /* QUERY_FLOW_TABLE_ENTRY */
	{0x093b, READ, 32, 16, true, {0, 0, 0x8000ffffffffffff}}, /* QUERY_FLOW_COUNTER */
	{0x093f, READ, 32, 28, true, {0xffffffff00000000}}, /* QUERY_PACKET_REFORMAT_CONTEXT */
	{0x0942, READ, 32, 16, true, {0xffffffff00000000}}, /* QUERY_MODIFY_HEADER_CONTEXT */
	{0x0962, READ, 16, 112, false, {0x00ffffff00000000}}, /* FPGA_QUERY_QP */
	{0x0964, READ, 16, 112, false, {0x80ffffff00000000}}, /* FPGA_QUERY_QP_COUNTERS */
	{0x0971, READ}, /* QUERY_AFU */
	{0x0981, READ}, /* QUERY_CAPI_PEC */
	{0x0a02, READ, 16, 16, true, {0xffffffffffffffff}}, /* QUERY_GENERAL_OBJECT */
	{0x0a05, READ}, /* QUERY_UCTX */
	{0x0a09, READ}, /* QUERY_UMEM */
	{0x0b02, READ}, /* QUERY_NVMF_CC_RESPONSE */
	{0x0b03, READ}, /* QUERY_EMULATED_FUNCTIONS_INFO */
	{0x0b05, READ}, /* QUERY_REGEXP_PARAMS */
	{0x0b07, READ}, /* QUERY_REGEXP_REGISTER */
	{0x0b08, READ}, /* USER_QUERY_XRQ_DC_PARAMS_ENTRY */
	{0x0b0a, READ}, /* USER_QUERY_XRQ_ERROR_PARAMS */
	{0x0b0c, ANY}, /* ACCESS_REGISTER_USER */
	{0x0b0d, READ, 16, 32, false, {0x8000ffff00000000}}, /* QUERY_VHCA_STATE */
	{0x0b0f, READ}, /* QUERY_EMULATION_DEVICE_EQ_MSIX_MAPPING */
	{0x0b13, READ}, /* QUERY_MATCH_SAMPLE_INFO */
	{0x0b14, READ}, /* QUERY_CRYPTO_STATE */
	{0x0b22, ANY, 16, 64, true, {0x00000000c000ffff}}, /* QUERY_VUID */
	{0x0b28, READ}, /* QUERY_DPA_PARTITION */
	{0x0b2a, READ}, /* QUERY_DPA_PARTITIONS */
	{0x0b2e, ANY}, /* POSTPONE_CONNECTED_QP_TIMEOUT */
	{0x0b2f, READ}, /* QUERY_EMULATED_RESOURCES_INFO */
	{0x8000, READ}, /* QUERY_RSV_RESOURCES */
	{0x8001, READ}, /* QUERY_MTT */
	{0x8006, READ}, /* QUERY_SCHED_QUEUE */
	/* clang-format on */
};

static const struct opcode *opcode_find(uint16_t opcode)
{
	for (size_t i = 0; i < ELEMENTSOF(opcodes); i++)
		if (opcodes[i].opcode == opcode)
			return &opcodes[i];
	return NULL;
}

void mlx5_init(struct sim_device *device)
{
	snprintf(device->model, sizeof(device->model), "fwctld simulated mlx5");
	snprintf(device->firmware, sizeof(device->firmware), "28.40.1000");
	mlx5_registers_init(&device->mlx5);
	device->mlx5.vport_packets = 1234;
	device->mlx5.q_counter = 56;
}

size_t mlx5_info(const struct sim_device *device, uint8_t data[static 8])
{
	bytes_put(data, 8, 0, 4, BYTES_HOST, 1);   /* uid */
	bytes_put(data, 8, 4, 4, BYTES_HOST, 0x4); /* uctx_caps: tools resources */
	return 8;
}

/* Op_mod 0 of a register access is a write, and every other one a read. */
static uint32_t scope_needed(const struct opcode *opcode, const struct rpc *rpc)
{
	if (opcode->opcode == MLX5_ACCESS_REG || opcode->opcode == MLX5_ACCESS_REGISTER_USER)
		return mlx5_get(rpc, 6, 2) == 0 ? ANY : READ;
	return opcode->scope;
}

static void bits_check(const struct opcode *opcode, const struct rpc *rpc)
{
	for (size_t i = 0; i < ELEMENTSOF(opcode->fields); i++) {
		size_t at = 8 + 8 * i;

		if (at < rpc->in_length && mlx5_get(rpc, at, 8) & ~opcode->fields[i])
			device_bug(rpc->device,
				   "opcode 0x%04x: reserved bits within bytes %zu to %zu",
				   opcode->opcode, at, at + 7);
	}
}

/* What the driver and the firmware let pass, and fwctld must not. */
static void request_check(const struct opcode *opcode, const struct rpc *rpc)
{
	struct sim_device *device = rpc->device;

	if (mlx5_get(rpc, 2, 2) != 0)
		device_bug(device, "opcode 0x%04x: uid is not zero", opcode->opcode);
	/* Where an object is looked up, another function that it may belong to stands there. */
	if (mlx5_get(rpc, 4, 2) != 0 && opcode->opcode != MLX5_QUERY_GENERAL_OBJECT)
		device_bug(device, "opcode 0x%04x: bytes 4 and 5 are not zero", opcode->opcode);
	if (rpc->in_length % 4 != 0 || rpc->out_length % 4 != 0)
		device_bug(device, "opcode 0x%04x: %u and %u bytes are no multiples of 4",
			   opcode->opcode, rpc->in_length, rpc->out_length);
	if (opcode->opcode == MLX5_ACCESS_REG) {
		mlx5_register_check(rpc);
	} else if (opcode->in == 0) {
		if (!bytes_zero(rpc->in + 8, rpc->in_length - 8))
			device_bug(device,
				   "opcode 0x%04x: its layout is not published, and there "
				   "is something in it",
				   opcode->opcode);
	} else {
		if (rpc->in_length != opcode->in)
			device_bug(device, "opcode 0x%04x has %u bytes, not %u", opcode->opcode,
				   opcode->in, rpc->in_length);
		if (rpc->out_length < opcode->out ||
		    (rpc->out_length > opcode->out && !opcode->more))
			device_bug(device, "the answer to opcode 0x%04x has %u bytes, not %u",
				   opcode->opcode, opcode->out, rpc->out_length);
		bits_check(opcode, rpc);
	}
}

static enum mlx5_status query_hca_cap(struct rpc *rpc)
{
	/* General device capabilities, the maximum or the current ones; it has no others. */
	if (mlx5_get(rpc, 6, 2) > 1)
		return MLX5_BAD_PARAMETER;
	mlx5_put(rpc, 16 + 19, 1, 18); /* log_max_qp */
	mlx5_put(rpc, 16 + 55, 1, 2);  /* num_ports */
	return MLX5_OK;
}

static enum mlx5_status query_adapter(struct rpc *rpc)
{
	mlx5_put(rpc, 16 + 25, 3, 0x0002c9); /* ieee_vendor_id */
	mlx5_put_text(rpc, 16 + 240, MLX5_PSID);
	return MLX5_OK;
}

static enum mlx5_status query_issi(struct rpc *rpc)
{
	mlx5_put(rpc, 10, 2, 1);
	mlx5_put(rpc, 108, 4, 0x3);
	return MLX5_OK;
}

static enum mlx5_status query_vport_counter(struct rpc *rpc)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	mlx5_put(rpc, 144, 8, mlx5->vport_packets); /* received_eth_unicast: packets, octets */
	mlx5_put(rpc, 152, 8, mlx5->vport_packets * 64);
	if (mlx5_get(rpc, 24, 1) & 0x80)
		mlx5->vport_packets = 0;
	return MLX5_OK;
}

static enum mlx5_status query_q_counter(struct rpc *rpc)
{
	struct sim_mlx5 *mlx5 = &rpc->device->mlx5;

	mlx5_put(rpc, 16, 4, mlx5->q_counter); /* rx_write_requests */
	if (mlx5_get(rpc, 24, 1) & 0x80)
		mlx5->q_counter = 0;
	return MLX5_OK;
}

static void request_execute(struct rpc *rpc)
{
	enum mlx5_status status;

	switch (mlx5_get(rpc, 0, 2)) {
	case MLX5_QUERY_HCA_CAP:
		status = query_hca_cap(rpc);
		break;
	case MLX5_QUERY_ADAPTER:
		status = query_adapter(rpc);
		break;
	case MLX5_QUERY_ISSI:
		status = query_issi(rpc);
		break;
	case MLX5_QUERY_VPORT_COUNTER:
		status = query_vport_counter(rpc);
		break;
	case MLX5_QUERY_Q_COUNTER:
		status = query_q_counter(rpc);
		break;
	case MLX5_ACCESS_REG:
		status = mlx5_register_access(rpc);
		break;
	default: /* success, and nothing to say; a NOP above all */
		status = MLX5_OK;
		break;
	}
	mlx5_put(rpc, 0, 1, status);
}

int mlx5_rpc(struct rpc *rpc)
{
	const struct opcode *opcode;

	if (rpc->in_length < MLX5_MESSAGE_HEADER || rpc->out_length < MLX5_MESSAGE_HEADER)
		return -EMSGSIZE;
	opcode = opcode_find((uint16_t)mlx5_get(rpc, 0, 2));
	if (!opcode || rpc->scope < scope_needed(opcode, rpc))
		return -EBADMSG;
	request_check(opcode, rpc);

	switch (device_reach(rpc->device)) {
	case SIM_FAULT_STATUS:
		mlx5_put(rpc, 0, 1, rpc->device->fault_status);
		break;
	case SIM_FAULT_GARBAGE:
		rpc_garbage(rpc);
		break;
	case SIM_FAULT_SHORT:
		request_execute(rpc);
		memset(rpc->out + rpc->out_length / 2, 0, rpc->out_length - rpc->out_length / 2);
		break;
	default:
		request_execute(rpc);
		break;
	}
	return 0;
}
