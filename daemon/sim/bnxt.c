/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The bnxt model, first half: what Linux does with FWCTL_RPC (drivers/fwctl/bnxt/main.c, 7.3).
 * Sizes, addresses and reserved bytes are those of include/linux/bnxt/hsi.h, and the driver's own:
 * written down here once more, and not read from the catalogue, so that a mistake there meets
 * somebody who knows better.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/bnxt.h"
#include "include/cleanup.h"

#define REQUEST_MAX   128u
#define CAPS_POINTERS 0x8u
#define NONE	      0xffffu /* no completion ring; this very function */

#define CONFIG FWCTL_RPC_CONFIGURATION
#define READ   FWCTL_RPC_DEBUG_READ_ONLY
#define WRITE  FWCTL_RPC_DEBUG_WRITE
#define FULL   FWCTL_RPC_DEBUG_WRITE_FULL

/* Reserved: n bytes from `at` on. */
#define R(at, n) (((UINT64_C(1) << (n)) - 1) << (at))

/* An address: where it stands, where its length stands, in how many bytes, and in which unit. */
/* clang-format off */
#define FROM(at, length_at, size, unit) {at, false, length_at, size, unit, 0}
#define TO(at, length_at, size, unit)	{at, true, length_at, size, unit, 0}
#define FROM_FIXED(at, length)		{at, false, 0, 0, 0, length}
/* clang-format on */

enum {
	HWRM_NVM_WRITE = 0xfffe,
	HWRM_DBG_COREDUMP_INITIATE = 0xff18,
};

/* All that the driver lets through, in the order of their numbers. */
static const struct request_type {
	uint16_t type;
	uint8_t scope;
	uint8_t size;	   /* bytes; 0: nobody published the layout */
	uint64_t reserved; /* bit n: byte n is reserved. None is known of what hsi.h of Linux 6.12
			      does not have */
	struct pointer {
		uint8_t at; /* 0: there is none */
		bool to_device;
		uint8_t length_at, length_size, unit;
		uint32_t fixed;
	} pointers[2];
} types[] = {
	/* clang-format off */
	{0x0000, READ, 24, R(19, 5)}, /* VER_GET */
	{0x000c, READ, 24, R(16, 8)}, /* ERROR_RECOVERY_QCFG */
	{0x0011, CONFIG, 24, R(23, 1)}, /* FUNC_RESET */
	{0x0015, READ, 24, R(18, 6)}, /* FUNC_QCAPS */
	{0x0016, READ, 24, R(18, 6)}, /* FUNC_QCFG */
	{0x0018, READ, 24, R(19, 5)}, /* FUNC_QSTATS */
	{0x0023, READ, 40, R(19, 5), {FROM_FIXED(24, 408), FROM_FIXED(32, 528)}}, /* PORT_QSTATS */
	{0x0025, CONFIG, 24, R(19, 5)}, /* PORT_CLR_STATS */
	{0x0027, READ, 24, R(18, 6)}, /* PORT_PHY_QCFG */
	{0x0028, READ}, /* PORT_MAC_QCFG */
	{0x002a, READ, 24, R(18, 6)}, /* PORT_PHY_QCAPS */
	{0x002b, WRITE, 104, 0}, /* PORT_PHY_I2C_WRITE */
	{0x002c, READ, 40, R(33, 7)}, /* PORT_PHY_I2C_READ */
	{0x0037, READ, 24, R(21, 3)}, /* QUEUE_PRI2COS_QCFG */
	{0x0039, READ, 24, R(18, 6)}, /* QUEUE_COS2BW_QCFG */
	{0x003c, READ, 32, R(25, 1) | R(28, 4), {FROM(16, 26, 2, 1)}}, /* QUEUE_DSCP2PRI_QCFG */
	{0x0047, READ, 24, R(20, 4)}, /* VNIC_RSS_QCFG */
	{0x0067, READ, 32, 0, {FROM(16, 24, 4, 1)}}, /* PORT_EVENTS_LOG */
	{0x0073, WRITE, 88, 0, {TO(24, 18, 2, 2)}}, /* SCH_GRP_CFG */
	{0x0074, READ, 32, 0, {FROM(24, 18, 2, 1)}}, /* SCH_GRP_QCFG */
	{0x0087, READ}, /* QUEUE_GLOBAL_QCFG */
	{0x0088, READ}, /* QUEUE_ADPTV_QOS_RX_FEATURE_QCFG */
	{0x008a, READ}, /* QUEUE_ADPTV_QOS_TX_FEATURE_QCFG */
	{0x008c, READ}, /* QUEUE_QCAPS */
	{0x008d, READ}, /* QUEUE_ADPTV_QOS_RX_TUNING_QCFG */
	{0x008f, READ}, /* QUEUE_ADPTV_QOS_TX_TUNING_QCFG */
	{0x00a0, READ, 24, R(18, 6)}, /* TUNNEL_DST_PORT_QUERY */
	{0x00b4, READ, 40, R(23, 1), {FROM(24, 18, 2, 1), FROM(32, 20, 2, 1)}}, /* PORT_QSTATS_EXT */
	{0x00b5, WRITE, 40, R(16, 8) | R(33, 7)}, /* PORT_PHY_MDIO_WRITE */
	{0x00b6, READ, 32, R(16, 8) | R(31, 1)}, /* PORT_PHY_MDIO_READ */
	{0x00ba, READ, 40, 0, {FROM(24, 18, 2, 1), FROM(32, 18, 2, 1)}}, /* PORT_QSTATS_EXT_PFC_ADV */
	{0x00bc, READ}, /* PORT_TX_FIR_QCFG */
	{0x00be, READ, 24, R(17, 7)}, /* FW_LIVEPATCH_QUERY */
	{0x00bf, FULL, 32, 0, {TO(24, 20, 4, 1)}}, /* FW_LIVEPATCH */
	{0x00c0, CONFIG, 24, R(20, 4)}, /* FW_RESET */
	{0x00c1, READ, 24, R(17, 7)}, /* FW_QSTATUS */
	{0x00c2, READ}, /* FW_HEALTH_CHECK */
	{0x00c3, CONFIG}, /* FW_SYNC */
	{0x00c8, CONFIG, 32, R(23, 1) | R(28, 4)}, /* FW_SET_TIME */
	{0x00c9, READ}, /* FW_GET_TIME */
	{0x00ca, WRITE, 32, R(27, 5), {TO(16, 24, 2, 1)}}, /* FW_SET_STRUCTURED_DATA */
	{0x00cb, READ, 32, R(31, 1), {FROM(16, 24, 2, 1)}}, /* FW_GET_STRUCTURED_DATA */
	{0x00d5, READ, 48, 0, {FROM(16, 24, 2, 1)}}, /* PORT_PRBS_TEST */
	{0x00d9, READ, 40, 0, {FROM(16, 24, 2, 1)}}, /* PORT_DSC_DUMP */
	{0x00da, READ}, /* PORT_EP_TX_QCFG */
	{0x00dd, READ}, /* PORT_QCFG */
	{0x00df, READ, 24, R(18, 6)}, /* PORT_MAC_QCAPS */
	{0x00e0, READ, 16, 0}, /* TEMP_MONITOR_QUERY */
	{0x00e1, READ}, /* REG_POWER_QUERY */
	{0x00e2, READ}, /* CORE_FREQUENCY_QUERY */
	{0x00e6, READ, 32, 0, {FROM(24, 16, 2, 1)}}, /* STAT_QUERY_ROCE_STATS */
	{0x00e7, READ, 32, 0, {FROM(24, 16, 2, 1)}}, /* STAT_QUERY_ROCE_STATS_EXT */
	{0x0112, READ}, /* CFA_REDIRECT_QUERY_TUNNEL_TYPE */
	{0x0124, READ, 32, R(16, 16)}, /* CFA_ADV_FLOW_MGNT_QCAPS */
	{0x0190, READ, 24, R(18, 6)}, /* FUNC_RESOURCE_QCAPS */
	{0x0192, READ, 16, 0}, /* FUNC_BACKING_STORE_QCAPS */
	{0x0194, READ}, /* FUNC_BACKING_STORE_QCFG */
	{0x0198, READ, 32, R(19, 1) | R(28, 4)}, /* FUNC_QSTATS_EXT */
	{0x019c, READ, 24, R(16, 8)}, /* FUNC_PTP_PIN_QCFG */
	{0x01a1, READ, 24, R(16, 8)}, /* FUNC_PTP_EXT_QCFG */
	{0x01a4, READ, 24, R(20, 4)}, /* FUNC_BACKING_STORE_QCFG_V2 */
	{0x01a8, READ, 24, R(18, 6)}, /* FUNC_BACKING_STORE_QCAPS_V2 */
	{0x01ac, READ}, /* FUNC_SYNCE_QCFG */
	{0x01c3, READ}, /* FUNC_TTX_PACING_RATE_PROF_QUERY */
	{0x0200, READ, 16, 0}, /* SELFTEST_QLIST */
	{0x0203, READ, 40, 0, {FROM(16, 28, 2, 1)}}, /* SELFTEST_RETRIEVE_SERDES_DATA */
	{0x0204, READ, 32, R(18, 6), {FROM(24, 16, 2, 1)}}, /* PCIE_QSTATS */
	{0x0218, READ, 32, R(19, 5), {FROM(24, 16, 2, 1)}}, /* STAT_GENERIC_QSTATS */
	{0x0232, READ, 24, 0}, /* PORT_PHY_FDRSTAT */
	{0xff0e, READ, 40, 0, {FROM(16, 28, 2, 1)}}, /* DBG_SERDES_TEST */
	{0xff0f, CONFIG, 24, R(18, 2)}, /* DBG_LOG_BUFFER_FLUSH */
	{0xff10, READ, 32, 0, {FROM(16, 28, 4, 4)}}, /* DBG_READ_DIRECT */
	{0xff11, READ, 80, 0, {FROM(16, 24, 4, 1)}}, /* DBG_READ_INDIRECT */
	{0xff15, CONFIG}, /* DBG_ERASE_NVM */
	{0xff16, CONFIG}, /* DBG_CFG */
	{0xff17, READ, 32, R(31, 1), {FROM(16, 24, 4, 1)}}, /* DBG_COREDUMP_LIST */
	{0xff18, READ, 32, R(22, 2) | R(25, 7)}, /* DBG_COREDUMP_INITIATE */
	{0xff19, READ, 56, R(28, 4) | R(38, 2) | R(41, 7) | R(52, 4), {FROM(16, 24, 4, 1)}}, /* DBG_COREDUMP_RETRIEVE */
	{0xff1c, READ, 24, R(17, 3)}, /* DBG_RING_INFO_GET */
	{0xff20, READ, 24, R(18, 6)}, /* DBG_QCAPS */
	{0xff21, READ, 24, 0}, /* DBG_QCFG */
	{0xff25, READ}, /* DBG_USEQ_FLUSH */
	{0xff26, READ}, /* DBG_USEQ_QCAPS */
	{0xff2d, WRITE, 40, 0, {TO(16, 32, 4, 1), FROM(24, 32, 4, 1)}}, /* DBG_PTRACE */
	{0xff2e, READ}, /* DBG_SIM_CABLE_STATE */
	{0xff2f, READ}, /* DBG_TOKEN_QUERY_AUTH_IDS */
	{0xff30, FULL, 32, 0, {TO(24, 20, 4, 1)}}, /* DBG_TOKEN_CFG */
	{0xffec, CONFIG, 24, 0}, /* NVM_DEFRAG */
	{0xffee, CONFIG}, /* NVM_FACTORY_DEFAULTS */
	{0xfff0, CONFIG}, /* NVM_FLUSH */
	{0xfff1, CONFIG, 40, R(39, 1), {FROM(16, 24, 2, 1)}}, /* NVM_GET_VARIABLE */
	{0xfff2, CONFIG, 40, R(39, 1), {TO(16, 24, 2, 1)}}, /* NVM_SET_VARIABLE */
	{0xfff4, WRITE, 40, R(36, 4), {TO(16, 32, 4, 1)}}, /* NVM_MODIFY */
	{0xfff5, CONFIG, 24, R(22, 2)}, /* NVM_VERIFY_UPDATE */
	{0xfff6, READ, 24, R(17, 7)}, /* NVM_GET_DEV_INFO */
	{0xfff7, CONFIG, 24, R(18, 6)}, /* NVM_ERASE_DIR_ENTRY */
	{0xfff8, CONFIG, 32, 0}, /* NVM_MOD_DIR_ENTRY */
	{0xfff9, CONFIG, 32, R(29, 3)}, /* NVM_FIND_DIR_ENTRY */
	{0xfffa, READ, 24, 0, {FROM_FIXED(16, 65536)}}, /* NVM_GET_DIR_ENTRIES */
	{0xfffb, READ, 16, 0}, /* NVM_GET_DIR_INFO */
	{0xfffc, READ, 40, 0, {FROM(16, 28, 4, 1)}}, /* NVM_RAW_DUMP */
	{0xfffd, READ, 40, R(26, 2) | R(36, 4), {FROM(16, 32, 4, 1)}}, /* NVM_READ */
	{0xfffe, WRITE, 56, R(52, 4), {TO(16, 32, 4, 1)}}, /* NVM_WRITE */
	{0xffff, FULL, 40, 0, {TO(16, 28, 4, 1)}}, /* NVM_RAW_WRITE_BLK */
	/* clang-format on */
};

static const struct request_type *type_find(uint16_t type)
{
	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

size_t bnxt_info(const struct sim_device *device, uint8_t data[static 8])
{
	bytes_put(data, 8, 0, 4, BYTES_HOST, device->bnxt.capabilities);
	return 4;
}

static bool type_allowed(const struct request_type *type, const struct rpc *rpc)
{
	if (!type || rpc->scope < type->scope)
		return false;
	/* A mainline version without this bit knows neither the addresses nor this command. */
	if (!(rpc->device->bnxt.capabilities & CAPS_POINTERS))
		return type->pointers[0].at == 0 && type->type != HWRM_DBG_COREDUMP_INITIATE;
	return true;
}

static uint64_t pointer_length(const struct pointer *pointer, const struct rpc *rpc)
{
	return pointer->fixed > 0
		       ? pointer->fixed
		       : hwrm_get(rpc, pointer->length_at, pointer->length_size) * pointer->unit;
}

static int pointers_check(const struct request_type *type, const struct rpc *rpc)
{
	if (type->pointers[0].at > 0 && rpc->in_length != type->size)
		return -EINVAL;
	for (size_t i = 0; i < ELEMENTSOF(type->pointers); i++) {
		uint64_t length;

		if (type->pointers[i].at == 0)
			break;
		length = pointer_length(&type->pointers[i], rpc);
		if (length < 1 || length > HWRM_DATA_MAX)
			return -EINVAL;
	}
	return 0;
}

/* What the driver and the firmware let pass, and fwctld must not. */
static void request_check(const struct request_type *type, const struct rpc *rpc)
{
	struct sim_device *device = rpc->device;

	if (hwrm_get(rpc, 2, 2) != NONE)
		device_bug(device, "type 0x%04x: a completion for a ring", type->type);
	if (hwrm_get(rpc, 6, 2) != NONE)
		device_bug(device, "type 0x%04x: for another function", type->type);
	if (hwrm_get(rpc, 4, 2) != 0 || hwrm_get(rpc, 8, 8) != 0)
		device_bug(device, "type 0x%04x: a sequence number, or an address for the answer",
			   type->type);
	if (rpc->in_length % 4 != 0)
		device_bug(device, "type 0x%04x: %u bytes are no multiple of 4", type->type,
			   rpc->in_length);
	if (type->size == 0 && !bytes_zero(rpc->in + HWRM_HEADER, rpc->in_length - HWRM_HEADER))
		device_bug(device,
			   "type 0x%04x: its layout is not published, and there is something in it",
			   type->type);
	if (type->size > 0 && rpc->in_length != type->size)
		device_bug(device, "type 0x%04x has %u bytes, not %u", type->type, type->size,
			   rpc->in_length);
	for (size_t i = HWRM_HEADER; i < rpc->in_length && i < 64; i++)
		if (type->reserved >> i & 1 && rpc->in[i] != 0)
			device_bug(device, "type 0x%04x: byte %zu is reserved", type->type, i);
	/* The driver sizes its buffer by dir_data_length; in a batch the device reads `len`. */
	if (type->type == HWRM_NVM_WRITE && hwrm_get(rpc, 48, 4) > hwrm_get(rpc, 32, 4))
		device_bug(device, "NVM_WRITE: the device would read past the kernel's buffer");
}

static int data_copy(const struct request_type *type, struct hwrm *hwrm, bool to_device)
{
	const struct sim_user *user = hwrm->rpc->user;

	for (size_t i = 0; i < ELEMENTSOF(type->pointers) && type->pointers[i].at > 0; i++) {
		uint64_t address = hwrm_get(hwrm->rpc, type->pointers[i].at, 8);
		int r = 0;

		if (to_device && type->pointers[i].to_device)
			r = user->copy_in(user->context, address, hwrm->data[i], hwrm->lengths[i]);
		if (!to_device && !type->pointers[i].to_device)
			r = user->copy_out(user->context, address, hwrm->data[i], hwrm->lengths[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The code, then the rest of the header; the driver clears the byte at the end that says "valid".
 */
static void answer_finish(struct rpc *rpc, uint32_t code)
{
	hwrm_put(rpc, 0, 2, code);
	hwrm_put(rpc, 2, 2, hwrm_get(rpc, 0, 2));
	hwrm_put(rpc, 6, 2, rpc->out_length);
}

static void request_execute(struct hwrm *hwrm, const struct request_type *type)
{
	struct rpc *rpc = hwrm->rpc;

	switch (device_reach(rpc->device)) {
	case SIM_FAULT_STATUS: /* from-device buffers come back all the same, as zeroes */
		answer_finish(rpc, rpc->device->fault_status);
		break;
	case SIM_FAULT_GARBAGE:
		for (size_t i = 0; i < ELEMENTSOF(hwrm->data); i++)
			if (!type->pointers[i].to_device)
				memset(hwrm->data[i], SIM_GARBAGE, hwrm->lengths[i]);
		rpc_garbage(rpc);
		break;
	case SIM_FAULT_SHORT:
		answer_finish(rpc, hwrm_execute(hwrm));
		for (size_t i = 0; i < ELEMENTSOF(hwrm->data); i++)
			memset(hwrm->data[i] + hwrm->lengths[i] / 2, 0,
			       hwrm->lengths[i] - hwrm->lengths[i] / 2);
		break;
	default:
		answer_finish(rpc, hwrm_execute(hwrm));
		break;
	}
}

int bnxt_rpc(struct rpc *rpc)
{
	static uint8_t data[2][HWRM_DATA_MAX];
	struct hwrm hwrm = {.rpc = rpc, .data = {data[0], data[1]}};
	const struct request_type *type;
	int r;

	if (rpc->in_length < HWRM_HEADER || rpc->in_length > REQUEST_MAX ||
	    rpc->out_length < HWRM_ANSWER)
		return -EINVAL;
	type = type_find((uint16_t)hwrm_get(rpc, 0, 2));
	if (!type_allowed(type, rpc))
		return -EPERM;
	r = pointers_check(type, rpc);
	if (r < 0)
		return r;
	request_check(type, rpc);

	for (size_t i = 0; i < ELEMENTSOF(type->pointers) && type->pointers[i].at > 0; i++) {
		hwrm.lengths[i] = (uint32_t)pointer_length(&type->pointers[i], rpc);
		memset(data[i], 0, hwrm.lengths[i]);
	}
	r = data_copy(type, &hwrm, true);
	if (r < 0)
		return r;
	request_execute(&hwrm, type);
	return data_copy(type, &hwrm, false);
}
