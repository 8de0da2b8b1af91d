/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The bnxt model, second half: the firmware of a network adapter, its HWRM interface. Layouts:
 * include/linux/bnxt/hsi.h of Linux 7.3.
 */

#include <stdio.h>
#include <string.h>

#include "daemon/sim/bnxt.h"
#include "include/cleanup.h"

#define SELF		0xffffu /* "this function", where a request has its number */
#define FID		1u
#define TX_STATS	408u
#define RX_STATS	528u
#define DIRECTORY_ENTRY 24u
#define SEGMENT_RECORD	16u

enum hwrm_type {
	HWRM_VER_GET = 0x0000,
	HWRM_FUNC_RESET = 0x0011,
	HWRM_FUNC_QCFG = 0x0016,
	HWRM_PORT_QSTATS = 0x0023,
	HWRM_PORT_CLR_STATS = 0x0025,
	HWRM_FW_RESET = 0x00c0,
	HWRM_TEMP_MONITOR_QUERY = 0x00e0,
	HWRM_DBG_COREDUMP_LIST = 0xff17,
	HWRM_DBG_PTRACE = 0xff2d,
	HWRM_NVM_GET_VARIABLE = 0xfff1,
	HWRM_NVM_SET_VARIABLE = 0xfff2,
	HWRM_NVM_ERASE_DIR_ENTRY = 0xfff7,
	HWRM_NVM_GET_DIR_ENTRIES = 0xfffa,
	HWRM_NVM_GET_DIR_INFO = 0xfffb,
	HWRM_NVM_READ = 0xfffd,
	HWRM_NVM_WRITE = 0xfffe,
};

void bnxt_init(struct sim_device *device)
{
	struct sim_bnxt *bnxt = &device->bnxt;

	snprintf(device->model, sizeof(device->model), "fwctld simulated bnxt");
	snprintf(device->firmware, sizeof(device->firmware), "231.1.162");
	bnxt->capabilities = 0xf;
	bnxt->port_frames = 987654321;
	/* Options of one bit, of 16, and of 32. */
	bnxt->variables[0] =
		(struct sim_bnxt_variable){.option = 401, .bits = 1, .value = {1}, .factory = {0}};
	bnxt->variables[1] = (struct sim_bnxt_variable){.option = 402,
							.bits = 16,
							.value = {8, 0},
							.factory = {16, 0}};
	bnxt->variables[2] = (struct sim_bnxt_variable){.option = 403,
							.index = 1,
							.bits = 32,
							.value = {0x78, 0x56, 0x34, 0x12}};
	bnxt->items[0] =
		(struct sim_bnxt_item){.type = 1, .length = SIM_BNXT_ITEM_MAX, .used = 1000};
	for (unsigned i = 0; i < bnxt->items[0].used; i++)
		bnxt->items[0].data[i] = (uint8_t)(i % 251);
	bnxt->items[1] = (struct sim_bnxt_item){.type = 8,
						.ordinal = 1,
						.length = SIM_BNXT_ITEM_MAX,
						.used = 6,
						.data = "config"};
}

static void put_text(struct rpc *rpc, size_t offset, const char *text)
{
	if (bytes_within(rpc->out_length, offset, strlen(text)))
		memcpy(rpc->out + offset, text, strlen(text));
}

static void data_put(struct hwrm *hwrm, unsigned segment, size_t offset, size_t size,
		     uint64_t value)
{
	(void)bytes_put(hwrm->data[segment], hwrm->lengths[segment], offset, size, BYTES_LITTLE,
			value);
}

/* Twice: in bytes, and since they were too small in words. */
static enum hwrm_code ver_get(struct rpc *rpc)
{
	static const uint8_t interface[] = {1, 10, 3}, firmware[] = {231, 1, 162};

	for (size_t i = 0; i < 3; i++) {
		hwrm_put(rpc, 8 + i, 1, interface[i]);
		hwrm_put(rpc, 12 + i, 1, firmware[i]);
		hwrm_put(rpc, 128 + 2 * i, 2, interface[i]);
		hwrm_put(rpc, 136 + 2 * i, 2, firmware[i]);
	}
	put_text(rpc, 32, "CHIMP-SIM");
	put_text(rpc, 80, rpc->device->firmware); /* of the active package */
	hwrm_put(rpc, 112, 2, 0x1750);		  /* chip_num */
	return HWRM_SUCCESS;
}

static enum hwrm_code func_qcfg(struct rpc *rpc)
{
	static const uint8_t address[6] = {0x02, 0, 0, 0, 0, 0x01};
	uint64_t fid = hwrm_get(rpc, 16, 2);

	if (fid != SELF && fid != FID)
		return HWRM_ACCESS_DENIED;
	hwrm_put(rpc, 8, 2, FID);
	for (size_t i = 0; i < sizeof(address); i++)
		hwrm_put(rpc, 16 + i, 1, address[i]);
	return HWRM_SUCCESS;
}

/* With the flag the answer is how many bits each counter has, as a mask. */
static enum hwrm_code port_qstats(struct hwrm *hwrm)
{
	bool mask = hwrm_get(hwrm->rpc, 18, 1) & 1;
	uint64_t frames = hwrm->rpc->device->bnxt.port_frames;

	for (size_t i = 0; i < TX_STATS; i += 8)
		data_put(hwrm, 0, i, 8, mask ? 0xffffffffffff : frames + i);
	for (size_t i = 0; i < RX_STATS; i += 8)
		data_put(hwrm, 1, i, 8, mask ? 0xffffffffffff : 2 * frames + i);
	hwrm_put(hwrm->rpc, 8, 2, TX_STATS);
	hwrm_put(hwrm->rpc, 10, 2, RX_STATS);
	return HWRM_SUCCESS;
}

static enum hwrm_code reset(struct sim_bnxt *bnxt)
{
	bnxt->resets++;
	bnxt->port_frames = 0;
	return HWRM_SUCCESS;
}

static enum hwrm_code temp_monitor_query(struct rpc *rpc)
{
	hwrm_put(rpc, 8, 1, 47); /* degrees: the chip, and its PHY */
	hwrm_put(rpc, 9, 1, 45);
	hwrm_put(rpc, 11, 1, 0x4); /* there is no optical module */
	return HWRM_SUCCESS;
}

static struct sim_bnxt_variable *variable_find(const struct rpc *rpc)
{
	struct sim_bnxt *bnxt = &rpc->device->bnxt;

	for (unsigned i = 0; i < SIM_BNXT_VARIABLES; i++) {
		struct sim_bnxt_variable *variable = &bnxt->variables[i];

		if (variable->bits > 0 && variable->option == hwrm_get(rpc, 26, 2) &&
		    variable->index == hwrm_get(rpc, 30, 2))
			return variable;
	}
	return NULL;
}

/* data_len is in bits here, and in bytes to the driver. */
static enum hwrm_code nvm_get_variable(struct hwrm *hwrm)
{
	const struct sim_bnxt_variable *variable = variable_find(hwrm->rpc);

	if (!variable)
		return HWRM_ENTITY_NOT_PRESENT;
	if (hwrm_get(hwrm->rpc, 24, 2) < variable->bits)
		return HWRM_NO_BUFFER;
	memcpy(hwrm->data[0], hwrm_get(hwrm->rpc, 38, 1) & 1 ? variable->factory : variable->value,
	       (variable->bits + 7u) / 8);
	hwrm_put(hwrm->rpc, 8, 2, variable->bits);
	hwrm_put(hwrm->rpc, 10, 2, variable->option);
	return HWRM_SUCCESS;
}

static enum hwrm_code nvm_set_variable(struct hwrm *hwrm)
{
	struct sim_bnxt_variable *variable = variable_find(hwrm->rpc);

	if (!variable)
		return HWRM_ENTITY_NOT_PRESENT;
	if (hwrm_get(hwrm->rpc, 24, 2) != variable->bits)
		return HWRM_INVALID_PARAMS;
	memcpy(variable->value,
	       hwrm_get(hwrm->rpc, 38, 1) & 0x80 ? variable->factory : hwrm->data[0],
	       (variable->bits + 7u) / 8);
	return HWRM_SUCCESS;
}

static unsigned directory_length(const struct sim_bnxt *bnxt)
{
	unsigned n = 0;

	while (n < SIM_BNXT_ITEMS && bnxt->items[n].type != 0)
		n++;
	return n;
}

/* All 65536 bytes come, and what is no entry is as erased flash has it. */
static enum hwrm_code nvm_get_dir_entries(struct hwrm *hwrm)
{
	const struct sim_bnxt *bnxt = &hwrm->rpc->device->bnxt;

	memset(hwrm->data[0], 0xff, hwrm->lengths[0]);
	for (unsigned i = 0; i < directory_length(bnxt); i++) {
		const struct sim_bnxt_item *item = &bnxt->items[i];
		size_t at = DIRECTORY_ENTRY * (size_t)i;

		data_put(hwrm, 0, at, 2, item->type);
		data_put(hwrm, 0, at + 2, 2, item->ordinal);
		data_put(hwrm, 0, at + 4, 2, item->ext);
		data_put(hwrm, 0, at + 6, 2, item->attributes);
		data_put(hwrm, 0, at + 8, 4, item->length);
		data_put(hwrm, 0, at + 12, 4, item->used);
	}
	return HWRM_SUCCESS;
}

static enum hwrm_code nvm_get_dir_info(struct rpc *rpc)
{
	hwrm_put(rpc, 8, 4, directory_length(&rpc->device->bnxt));
	hwrm_put(rpc, 12, 4, DIRECTORY_ENTRY);
	return HWRM_SUCCESS;
}

static enum hwrm_code nvm_read(struct hwrm *hwrm)
{
	const struct sim_bnxt *bnxt = &hwrm->rpc->device->bnxt;
	uint64_t index = hwrm_get(hwrm->rpc, 24, 2), offset = hwrm_get(hwrm->rpc, 28, 4);

	if (index >= directory_length(bnxt))
		return HWRM_ENTITY_NOT_PRESENT;
	if (!bytes_within(SIM_BNXT_ITEM_MAX, (size_t)offset, hwrm->lengths[0]))
		return HWRM_INVALID_PARAMS;
	memcpy(hwrm->data[0], bnxt->items[index].data + offset, hwrm->lengths[0]);
	return HWRM_SUCCESS;
}

/* The whole item; in a batch (flags, bit 1) `len` bytes of it at `offset`. */
static enum hwrm_code nvm_write(struct hwrm *hwrm)
{
	struct rpc *rpc = hwrm->rpc;
	struct sim_bnxt *bnxt = &rpc->device->bnxt;
	bool batch = hwrm_get(rpc, 38, 2) & 0x2;
	size_t offset = batch ? (size_t)hwrm_get(rpc, 44, 4) : 0;
	size_t length = batch ? (size_t)hwrm_get(rpc, 48, 4) : hwrm->lengths[0];
	unsigned i = 0;

	while (i < directory_length(bnxt) && (bnxt->items[i].type != hwrm_get(rpc, 24, 2) ||
					      bnxt->items[i].ordinal != hwrm_get(rpc, 26, 2)))
		i++;
	if (hwrm_get(rpc, 24, 2) == 0 || !bytes_within(SIM_BNXT_ITEM_MAX, offset, length))
		return HWRM_INVALID_PARAMS;
	if (i == SIM_BNXT_ITEMS)
		return HWRM_NO_BUFFER;
	bnxt->items[i].type = (uint16_t)hwrm_get(rpc, 24, 2);
	bnxt->items[i].ordinal = (uint16_t)hwrm_get(rpc, 26, 2);
	bnxt->items[i].ext = (uint16_t)hwrm_get(rpc, 28, 2);
	bnxt->items[i].attributes = (uint16_t)hwrm_get(rpc, 30, 2);
	bnxt->items[i].length = SIM_BNXT_ITEM_MAX;
	bnxt->items[i].used = (uint32_t)(offset + length);
	memcpy(bnxt->items[i].data + offset, hwrm->data[0], length);
	hwrm_put(rpc, 8, 4, SIM_BNXT_ITEM_MAX);
	hwrm_put(rpc, 12, 2, i);
	return HWRM_SUCCESS;
}

static enum hwrm_code nvm_erase_dir_entry(struct rpc *rpc)
{
	struct sim_bnxt *bnxt = &rpc->device->bnxt;
	unsigned n = directory_length(bnxt), index = (unsigned)hwrm_get(rpc, 16, 2);

	if (index >= n)
		return HWRM_ENTITY_NOT_PRESENT;
	memmove(bnxt->items + index, bnxt->items + index + 1,
		(n - index - 1) * sizeof(bnxt->items[0]));
	memset(bnxt->items + n - 1, 0, sizeof(bnxt->items[0]));
	return HWRM_SUCCESS;
}

/* Two buffers of one length: the request, and what is told of it. */
static enum hwrm_code dbg_ptrace(struct hwrm *hwrm)
{
	hwrm->rpc->device->bnxt.trace_length = hwrm->lengths[0];
	for (uint32_t i = 0; i < hwrm->lengths[1]; i++)
		hwrm->data[1][i] = (uint8_t)~hwrm->data[0][i];
	return HWRM_SUCCESS;
}

static enum hwrm_code dbg_coredump_list(struct hwrm *hwrm)
{
	data_put(hwrm, 0, 0, 2, 2);		    /* component ... */
	data_put(hwrm, 0, 2, 2, 7);		    /* ... and segment of the one there is */
	hwrm_put(hwrm->rpc, 10, 2, 1);		    /* total_segments */
	hwrm_put(hwrm->rpc, 12, 2, SEGMENT_RECORD); /* data_len */
	return hwrm->lengths[0] < SEGMENT_RECORD ? HWRM_NO_BUFFER : HWRM_SUCCESS;
}

enum hwrm_code hwrm_execute(struct hwrm *hwrm)
{
	struct rpc *rpc = hwrm->rpc;
	struct sim_bnxt *bnxt = &rpc->device->bnxt;

	switch (hwrm_get(rpc, 0, 2)) {
	case HWRM_VER_GET:
		return ver_get(rpc);
	case HWRM_FUNC_RESET:
	case HWRM_FW_RESET:
		return reset(bnxt);
	case HWRM_FUNC_QCFG:
		return func_qcfg(rpc);
	case HWRM_PORT_QSTATS:
		return port_qstats(hwrm);
	case HWRM_PORT_CLR_STATS:
		bnxt->port_frames = 0;
		return HWRM_SUCCESS;
	case HWRM_TEMP_MONITOR_QUERY:
		return temp_monitor_query(rpc);
	case HWRM_DBG_COREDUMP_LIST:
		return dbg_coredump_list(hwrm);
	case HWRM_DBG_PTRACE:
		return dbg_ptrace(hwrm);
	case HWRM_NVM_GET_VARIABLE:
		return nvm_get_variable(hwrm);
	case HWRM_NVM_SET_VARIABLE:
		return nvm_set_variable(hwrm);
	case HWRM_NVM_ERASE_DIR_ENTRY:
		return nvm_erase_dir_entry(rpc);
	case HWRM_NVM_GET_DIR_ENTRIES:
		return nvm_get_dir_entries(hwrm);
	case HWRM_NVM_GET_DIR_INFO:
		return nvm_get_dir_info(rpc);
	case HWRM_NVM_READ:
		return nvm_read(hwrm);
	case HWRM_NVM_WRITE:
		return nvm_write(hwrm);
	default: /* success, and nothing to say */
		return HWRM_SUCCESS;
	}
}
