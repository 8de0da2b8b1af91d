/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model of a CXL memory device's mailbox: what Linux does with the ioctls of /dev/cxl/memN
 * (drivers/cxl/core/mbox.c, 7.3, in the order of its checks), and a device of 2 GiB with labels, a
 * Command Effects Log and a debug log of its vendor (CXL 3.1, 8.2.9). It has no Scan Media.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/model.h"
#include "include/bytes.h"
#include "include/cleanup.h"

#define VARIABLE     UINT32_MAX
#define CAPACITY     8u /* * 256 MiB, half of it persistent */
#define LOG_ENTRY    20u
#define UUID_SIZE    16u
#define LOG_UNKNOWN  (-1)
#define EFFECT_ENTRY 4u
#define TIMESTAMP    1750000000000000000u /* the device's clock stands still */

/* Return codes of a CXL mailbox. */
enum cxl_code {
	CXL_SUCCESS = 0,
	CXL_INVALID_INPUT = 2,
	CXL_INVALID_LOG = 23,
};

struct mailbox {
	struct sim_cxl_mem *device;
	const uint8_t *in;
	uint32_t in_length;
	uint8_t out[SIM_CXL_MAILBOX]; /* zeroes */
	uint32_t out_length;
};

static const uint8_t log_uuids[][UUID_SIZE] = {
	{0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78, 0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f,
	 0x17},
	{0x5e, 0x18, 0x19, 0xd9, 0x11, 0xa9, 0x40, 0x0c, 0x81, 0x1f, 0xd6, 0x07, 0x19, 0x40, 0x3d,
	 0x86},
};

enum log {
	LOG_EFFECTS, /* in the order of log_uuids */
	LOG_DEBUG,
};

/* The Command Effects Log. It also has what the kernel has no id for. */
static const struct {
	uint16_t opcode;
	uint16_t effects;
} effects_log[] = {
	{0x0200, 0x0000}, {0x0201, 0x0041}, {0x0202, 0x0003}, {0x0300, 0x0000}, {0x0301, 0x0008},
	{0x0400, 0x0000}, {0x0401, 0x0000}, {0x0402, 0x0000}, {0x0403, 0x0010}, {0x0405, 0x0000},
	{0x4000, 0x0000}, {0x4100, 0x0000}, {0x4101, 0x0001}, {0x4102, 0x0000}, {0x4103, 0x0006},
	{0x4200, 0x0000}, {0x4201, 0x0000}, {0x4202, 0x0008}, {0x4203, 0x0000}, {0x4204, 0x0008},
};

static uint64_t get(const struct mailbox *m, size_t offset, size_t size)
{
	uint64_t value = 0;

	(void)bytes_get(m->in, m->in_length, offset, size, BYTES_LITTLE, &value);
	return value;
}

static void put(struct mailbox *m, size_t offset, size_t size, uint64_t value)
{
	(void)bytes_put(m->out, sizeof(m->out), offset, size, BYTES_LITTLE, value);
}

void cxl_mem_init(struct sim_device *device)
{
	struct sim_cxl_mem *mem = &device->cxl_mem;

	snprintf(device->model, sizeof(device->model), "fwctld simulated CXL memory");
	snprintf(device->firmware, sizeof(device->firmware), "1.0");
	mem->debug_length = SIM_CXL_DEBUG;
	for (unsigned i = 0; i < SIM_CXL_DEBUG; i++)
		mem->debug[i] = (uint8_t)(i % 251);
	memcpy(mem->labels, "NAMESPACE_INDEX", 16);
	/* Life used and both temperatures, of which the device warns, and whose thresholds can be
	 * set: 95 and 90 %, 85, -20, 75 and 5 degrees. */
	memcpy(mem->alerts, (const uint8_t[]){7, 7, 95, 90, 85, 0, 0xec, 0xff, 75, 0, 5, 0}, 12);
}

static enum cxl_code identify(struct mailbox *m)
{
	memcpy(m->out, "1.0", 3);
	put(m, 16, 8, CAPACITY);
	put(m, 40, 8, 1); /* what can be divided, in these steps */
	for (unsigned i = 0; i < 4; i++)
		put(m, 48 + 2 * i, 2, 16);
	put(m, 56, 4, SIM_CXL_LABELS);
	m->out_length = 0x43;
	return CXL_SUCCESS;
}

static enum cxl_code get_firmware_info(struct mailbox *m)
{
	m->out[0] = 2; /* slots */
	m->out[1] = 1; /* the active one; none is staged */
	memcpy(m->out + 16, "1.0", 3);
	m->out_length = 0x50;
	return CXL_SUCCESS;
}

static enum cxl_code get_timestamp(struct mailbox *m)
{
	put(m, 0, 8, TIMESTAMP);
	m->out_length = 8;
	return CXL_SUCCESS;
}

static int log_find(const struct mailbox *m)
{
	for (unsigned i = 0; i < ELEMENTSOF(log_uuids); i++)
		if (memcmp(m->in, log_uuids[i], UUID_SIZE) == 0)
			return (int)i;
	return LOG_UNKNOWN;
}

static uint32_t log_size(const struct mailbox *m, unsigned log)
{
	return log == LOG_EFFECTS ? EFFECT_ENTRY * (uint32_t)ELEMENTSOF(effects_log)
				  : m->device->debug_length;
}

static void log_list(struct mailbox *m, unsigned start, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t at = 8 + LOG_ENTRY * (size_t)i;

		memcpy(m->out + at, log_uuids[start + i], UUID_SIZE);
		put(m, at + UUID_SIZE, 4, log_size(m, start + i));
	}
	m->out_length = 8 + LOG_ENTRY * n;
}

static enum cxl_code get_supported_logs(struct mailbox *m)
{
	put(m, 0, 2, ELEMENTSOF(log_uuids));
	log_list(m, 0, ELEMENTSOF(log_uuids));
	return CXL_SUCCESS;
}

static enum cxl_code get_supported_logs_sublist(struct mailbox *m)
{
	unsigned n = m->in[0], start = m->in[1];

	if (start >= ELEMENTSOF(log_uuids))
		return CXL_INVALID_INPUT;
	if (n > ELEMENTSOF(log_uuids) - start)
		n = (unsigned)ELEMENTSOF(log_uuids) - start;
	put(m, 0, 1, n);
	put(m, 2, 2, ELEMENTSOF(log_uuids));
	put(m, 4, 1, start);
	log_list(m, start, n);
	return CXL_SUCCESS;
}

static enum cxl_code get_log(struct mailbox *m)
{
	size_t offset = get(m, 16, 4), length = get(m, 20, 4);
	int log = log_find(m);

	if (log == LOG_UNKNOWN)
		return CXL_INVALID_LOG;
	if (length > SIM_CXL_MAILBOX || !bytes_within(log_size(m, (unsigned)log), offset, length))
		return CXL_INVALID_INPUT;
	if (log == LOG_DEBUG) {
		memcpy(m->out, m->device->debug + offset, length);
	} else {
		uint8_t bytes[EFFECT_ENTRY * ELEMENTSOF(effects_log)];

		for (unsigned i = 0; i < ELEMENTSOF(effects_log); i++) {
			bytes_put(bytes, sizeof(bytes), EFFECT_ENTRY * (size_t)i, 2, BYTES_LITTLE,
				  effects_log[i].opcode);
			bytes_put(bytes, sizeof(bytes), EFFECT_ENTRY * (size_t)i + 2, 2,
				  BYTES_LITTLE, effects_log[i].effects);
		}
		memcpy(m->out, bytes + offset, length);
	}
	m->out_length = (uint32_t)length;
	return CXL_SUCCESS;
}

static enum cxl_code get_log_capabilities(struct mailbox *m)
{
	int log = log_find(m);

	if (log == LOG_UNKNOWN)
		return CXL_INVALID_LOG;
	put(m, 0, 4, log == LOG_DEBUG ? 0x9 : 0); /* can be cleared; outlives a cold reset */
	m->out_length = 4;
	return CXL_SUCCESS;
}

/* The kernel lets it through for the debug log alone. */
static enum cxl_code clear_log(struct mailbox *m)
{
	m->device->debug_length = 0;
	return CXL_SUCCESS;
}

static enum cxl_code get_partition_info(struct mailbox *m)
{
	put(m, 0, 8, CAPACITY / 2);
	put(m, 8, 8, CAPACITY / 2);
	put(m, 16, 8, m->device->next_volatile);
	put(m, 24, 8, m->device->next_persistent);
	m->out_length = 0x20;
	return CXL_SUCCESS;
}

static enum cxl_code set_partition_info(struct mailbox *m)
{
	uint64_t capacity = get(m, 0, 8);

	if (capacity > CAPACITY)
		return CXL_INVALID_INPUT;
	m->device->next_volatile = capacity;
	m->device->next_persistent = CAPACITY - capacity;
	return CXL_SUCCESS;
}

static enum cxl_code get_labels(struct mailbox *m)
{
	size_t offset = get(m, 0, 4), length = get(m, 4, 4);

	if (length > SIM_CXL_MAILBOX || !bytes_within(SIM_CXL_LABELS, offset, length))
		return CXL_INVALID_INPUT;
	memcpy(m->out, m->device->labels + offset, length);
	m->out_length = (uint32_t)length;
	return CXL_SUCCESS;
}

static enum cxl_code set_labels(struct mailbox *m)
{
	size_t offset = get(m, 0, 4);

	if (m->in_length < 8 || !bytes_within(SIM_CXL_LABELS, offset, m->in_length - 8))
		return CXL_INVALID_INPUT;
	memcpy(m->device->labels + offset, m->in + 8, m->in_length - 8);
	return CXL_SUCCESS;
}

static enum cxl_code get_health(struct mailbox *m)
{
	m->out[3] = 4;	   /* life used, % */
	put(m, 4, 2, 36);  /* degrees Celsius */
	put(m, 6, 4, 1);   /* dirty shutdowns */
	put(m, 10, 4, 12); /* corrected volatile errors */
	m->out_length = 0x12;
	return CXL_SUCCESS;
}

static enum cxl_code get_alerts(struct mailbox *m)
{
	memcpy(m->out, m->device->alerts, sizeof(m->device->alerts));
	m->out_length = sizeof(m->device->alerts);
	return CXL_SUCCESS;
}

static enum cxl_code set_alerts(struct mailbox *m)
{
	/* Where the threshold of each bit stands, in this command and in the configuration. */
	static const struct {
		uint8_t from, to, size;
	} thresholds[] = {{2, 3, 1}, {4, 8, 2}, {6, 10, 2}, {8, 12, 2}, {10, 14, 2}};
	uint8_t *alerts = m->device->alerts, select = m->in[0], enable = m->in[1];

	if (select & ~alerts[1])
		return CXL_INVALID_INPUT;
	for (unsigned i = 0; i < ELEMENTSOF(thresholds); i++) {
		if (!(select & 1u << i))
			continue;
		memcpy(alerts + thresholds[i].to, m->in + thresholds[i].from, thresholds[i].size);
		alerts[0] = (uint8_t)((alerts[0] & ~(1u << i)) | (enable & 1u << i));
	}
	return CXL_SUCCESS;
}

static enum cxl_code get_shutdown_state(struct mailbox *m)
{
	m->out[0] = m->device->dirty;
	m->out_length = 1;
	return CXL_SUCCESS;
}

static enum cxl_code set_shutdown_state(struct mailbox *m)
{
	m->device->dirty = m->in[0] & 1;
	return CXL_SUCCESS;
}

/* The kernel's table; `execute` is the device's. An id without an opcode is one that it withdrew.
 */
static const struct mailbox_command {
	uint16_t opcode;
	uint32_t size_in;
	uint32_t size_out;
	enum cxl_code (*execute)(struct mailbox *m);
} commands[CXL_MEM_COMMAND_ID_MAX] = {
	[CXL_MEM_COMMAND_ID_IDENTIFY] = {0x4000, 0, 0x43, identify},
	[CXL_MEM_COMMAND_ID_GET_SUPPORTED_LOGS] = {0x0400, 0, VARIABLE, get_supported_logs},
	[CXL_MEM_COMMAND_ID_GET_FW_INFO] = {0x0200, 0, 0x50, get_firmware_info},
	[CXL_MEM_COMMAND_ID_GET_PARTITION_INFO] = {0x4100, 0, 0x20, get_partition_info},
	[CXL_MEM_COMMAND_ID_GET_LSA] = {0x4102, 0x8, VARIABLE, get_labels},
	[CXL_MEM_COMMAND_ID_GET_HEALTH_INFO] = {0x4200, 0, 0x12, get_health},
	[CXL_MEM_COMMAND_ID_GET_LOG] = {0x0401, 0x18, VARIABLE, get_log},
	[CXL_MEM_COMMAND_ID_SET_PARTITION_INFO] = {0x4101, 0xa, 0, set_partition_info},
	[CXL_MEM_COMMAND_ID_SET_LSA] = {0x4103, VARIABLE, 0, set_labels},
	[CXL_MEM_COMMAND_ID_GET_ALERT_CONFIG] = {0x4201, 0, 0x10, get_alerts},
	[CXL_MEM_COMMAND_ID_SET_ALERT_CONFIG] = {0x4202, 0xc, 0, set_alerts},
	[CXL_MEM_COMMAND_ID_GET_SHUTDOWN_STATE] = {0x4203, 0, 0x1, get_shutdown_state},
	[CXL_MEM_COMMAND_ID_SET_SHUTDOWN_STATE] = {0x4204, 0x1, 0, set_shutdown_state},
	[CXL_MEM_COMMAND_ID_GET_SCAN_MEDIA_CAPS] = {0x4303, 0x10, 0x4, NULL},
	[CXL_MEM_COMMAND_ID_GET_TIMESTAMP] = {0x0300, 0, 0x8, get_timestamp},
	[CXL_MEM_COMMAND_ID_GET_LOG_CAPS] = {0x0402, 0x10, 0x4, get_log_capabilities},
	[CXL_MEM_COMMAND_ID_CLEAR_LOG] = {0x0403, 0x10, 0, clear_log},
	[CXL_MEM_COMMAND_ID_GET_SUP_LOG_SUBLIST] = {0x0405, 0x2, VARIABLE,
						    get_supported_logs_sublist},
};

static bool is_enabled(uint32_t id)
{
	for (unsigned i = 0; i < ELEMENTSOF(effects_log); i++)
		if (commands[id].opcode != 0 && effects_log[i].opcode == commands[id].opcode)
			return true;
	return false;
}

static bool is_exclusive(const struct sim_cxl_mem *mem, uint32_t id)
{
	return mem->exclusive &&
	       (id == CXL_MEM_COMMAND_ID_SET_LSA || id == CXL_MEM_COMMAND_ID_SET_SHUTDOWN_STATE);
}

/* As the kernel: behind the 8 bytes that the number tells of, and without a word of how many. */
int cxl_mem_query(struct sim_device *device, struct cxl_mem_query_commands *query)
{
	if (query->n_commands == 0) {
		query->n_commands = CXL_MEM_COMMAND_ID_MAX;
		return 0;
	}
	for (uint32_t id = 0; id < query->n_commands && id < CXL_MEM_COMMAND_ID_MAX; id++) {
		struct cxl_command_info info = {};

		if (commands[id].opcode != 0)
			info = (struct cxl_command_info){
				.id = id,
				.flags = (is_enabled(id) ? CXL_MEM_COMMAND_FLAG_ENABLED : 0) |
					 (is_exclusive(&device->cxl_mem, id)
						  ? CXL_MEM_COMMAND_FLAG_EXCLUSIVE
						  : 0),
				.size_in = commands[id].size_in,
				.size_out = commands[id].size_out,
			};
		memcpy(&query->commands[id], &info, sizeof(info));
	}
	return 0;
}

static int kernel_check(const struct sim_cxl_mem *mem, const struct cxl_send_command *send)
{
	const struct mailbox_command *command;
	const uint8_t *in = (const uint8_t *)(uintptr_t)send->in.payload;

	if (send->id == CXL_MEM_COMMAND_ID_INVALID || send->id >= CXL_MEM_COMMAND_ID_MAX)
		return -ENOTTY;
	if (send->in.size > SIM_CXL_MAILBOX)
		return -EINVAL;
	if (send->flags & ~(CXL_MEM_COMMAND_FLAG_ENABLED | CXL_MEM_COMMAND_FLAG_EXCLUSIVE) ||
	    send->rsvd != 0 || send->in.rsvd != 0 || send->out.rsvd != 0)
		return -EINVAL;
	if (!is_enabled(send->id))
		return -ENOTTY;
	if (is_exclusive(mem, send->id))
		return -EBUSY;
	command = &commands[send->id];
	if ((command->size_in != VARIABLE && send->in.size != command->size_in) ||
	    (command->size_out != VARIABLE && send->out.size < command->size_out))
		return -ENOMEM;
	if (send->in.size > 0 && !in)
		return -EFAULT;
	if (send->id == CXL_MEM_COMMAND_ID_SET_PARTITION_INFO && in[8] & 1)
		return -EBUSY;
	if (send->id == CXL_MEM_COMMAND_ID_CLEAR_LOG &&
	    memcmp(in, log_uuids[LOG_DEBUG], UUID_SIZE) != 0)
		return -EBUSY;
	return 0;
}

int cxl_mem_call(struct sim_device *device, struct cxl_send_command *send)
{
	struct mailbox m = {
		.device = &device->cxl_mem,
		.in = (const uint8_t *)(uintptr_t)send->in.payload,
		.in_length = send->in.size,
	};
	uint8_t *out = (uint8_t *)(uintptr_t)send->out.payload;
	enum sim_fault fault;
	uint32_t code;
	int r;

	if (send->id == CXL_MEM_COMMAND_ID_RAW)
		device_bug(device, "raw mailbox command 0x%04x", send->raw.opcode);
	r = kernel_check(&device->cxl_mem, send);
	if (r < 0)
		return r;

	fault = device_reach(device);
	if (send->out.size > 0 && !out)
		return -EFAULT;
	if (fault == SIM_FAULT_GARBAGE) {
		send->retval = CXL_SUCCESS;
		if (out)
			memset(out, SIM_GARBAGE, send->out.size);
		memset(&send->out.size, SIM_GARBAGE, sizeof(send->out.size));
		return 0;
	}
	code = fault == SIM_FAULT_STATUS ? device->fault_status
					 : (uint32_t)commands[send->id].execute(&m);
	send->retval = code;
	/* An error leaves the size as it was, and zeroes for an answer. */
	if (out)
		memset(out, 0, send->out.size);
	if (code != CXL_SUCCESS)
		return 0;
	if (fault == SIM_FAULT_SHORT)
		m.out_length /= 2;
	if (send->out.size > m.out_length)
		send->out.size = m.out_length;
	if (out)
		memcpy(out, m.out, send->out.size);
	return 0;
}
