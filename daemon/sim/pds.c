/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pds model: what Linux does with FWCTL_RPC (drivers/fwctl/pds/main.c, 7.3), and a firmware
 * package with two endpoints. Which operations a package has is public nowhere: these are invented.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/rpc.h"
#include "include/bytes.h"
#include "include/cleanup.h"

#define MESSAGE	      48u
#define INVALID	      22u /* of the firmware */
#define COMMAND(op)   ((op)&0xffff)
#define VERSION(op)   ((op) >> 16 & 0xff)
#define UNMATCHED(op) ((op) >> 24)

/* Where the request has its fields; it is its own answer. */
enum {
	OP = 0,
	ENDPOINT = 4,
	RESERVED = 8,
	IN_LENGTH = 12,
	IN_PAYLOAD = 16,
	RETVAL = 24,
	OUT_RESERVED = 28,
	OUT_LENGTH = 36,
	OUT_PAYLOAD = 40,
};

enum attribute {
	ATTRIBUTE_READ = 0x00,
	ATTRIBUTE_DEBUG_READ = 0x02,
	ATTRIBUTE_WRITE = 0x04,
	ATTRIBUTE_DEBUG_WRITE = 0x08,
	ATTRIBUTE_SYNC = 0x10,
};

/* One request at the firmware. */
struct operation_call {
	struct sim_pds *pds;
	const uint8_t *in;
	uint32_t in_length;
	uint8_t *out; /* zero */
	uint32_t out_length;
};

static uint32_t settings_get(struct operation_call *call)
{
	if (call->in_length != 0 || call->out_length < 1 || call->out_length > SIM_PDS_SETTINGS)
		return INVALID;
	memcpy(call->out, call->pds->settings, call->out_length);
	return 0;
}

static uint32_t settings_set(struct operation_call *call)
{
	if (call->out_length != 0 || call->in_length < 1 || call->in_length > SIM_PDS_SETTINGS)
		return INVALID;
	memcpy(call->pds->settings, call->in, call->in_length);
	return 0;
}

static uint32_t log_read(struct operation_call *call)
{
	for (uint32_t i = 0; i < call->out_length; i++)
		call->out[i] = (uint8_t)(i % 251);
	return 0;
}

static uint32_t trace_start(struct operation_call *call)
{
	if (call->in_length < 4)
		return INVALID;
	call->pds->traced = call->in_length;
	return 0;
}

static uint32_t sync_all(struct operation_call *call)
{
	if (call->in_length != 0 || call->out_length != 0)
		return INVALID;
	call->pds->synced++;
	return 0;
}

/* Nobody says what it does; the kernel alone can tell that it wants scope 3. */
static uint32_t unnamed(struct operation_call *call)
{
	(void)call;
	return 0;
}

static const struct operation {
	uint32_t endpoint;
	uint32_t op; /* version << 16 | command */
	uint8_t attribute;
	uint32_t (*execute)(struct operation_call *call);
} operations[] = {
	{1, 0x010003, ATTRIBUTE_READ, settings_get},
	{1, 0x010004, ATTRIBUTE_WRITE, settings_set},
	{1, 0x010005, ATTRIBUTE_DEBUG_READ, log_read},
	{2, 0x010003, ATTRIBUTE_DEBUG_WRITE, trace_start},
	{2, 0x020004, ATTRIBUTE_SYNC, sync_all},
	{2, 0x010006, ATTRIBUTE_WRITE | ATTRIBUTE_DEBUG_WRITE, unnamed},
};

void pds_init(struct sim_device *device)
{
	snprintf(device->model, sizeof(device->model), "fwctld simulated pds");
	snprintf(device->firmware, sizeof(device->firmware), "1.104.0");
	memcpy(device->pds.settings, "settings of a simulated device", 30);
}

static uint64_t get(const struct rpc *rpc, size_t offset, size_t size)
{
	uint64_t value = 0;

	(void)bytes_get(rpc->in, rpc->in_length, offset, size, BYTES_HOST, &value);
	return value;
}

static enum fwctl_rpc_scope scope_needed(enum attribute attribute)
{
	switch (attribute) {
	case ATTRIBUTE_READ:
	case ATTRIBUTE_WRITE:
	case ATTRIBUTE_SYNC:
		return FWCTL_RPC_CONFIGURATION;
	case ATTRIBUTE_DEBUG_READ:
		return FWCTL_RPC_DEBUG_READ_ONLY;
	case ATTRIBUTE_DEBUG_WRITE:
		return FWCTL_RPC_DEBUG_WRITE;
	default:
		return FWCTL_RPC_DEBUG_WRITE_FULL;
	}
}

/* The first that matches decides; the upper 8 bits of `op` have no part in it. */
static int operation_find(const struct rpc *rpc, const struct operation **ret)
{
	uint32_t op = (uint32_t)get(rpc, OP, 4);

	for (size_t i = 0; i < ELEMENTSOF(operations); i++) {
		const struct operation *o = &operations[i];

		if (o->endpoint != get(rpc, ENDPOINT, 4) || COMMAND(o->op) != COMMAND(op) ||
		    VERSION(op) > VERSION(o->op))
			continue;
		if (rpc->scope < scope_needed((enum attribute)o->attribute))
			return -EPERM;
		*ret = o;
		return 0;
	}
	return -EINVAL;
}

/* What the driver and the firmware let pass, and fwctld must not. */
static void request_check(const struct rpc *rpc)
{
	struct sim_device *device = rpc->device;
	uint32_t op = (uint32_t)get(rpc, OP, 4);

	if (rpc->in_length != MESSAGE)
		device_bug(device, "operation 0x%08x has %u bytes, not %u", op, MESSAGE,
			   rpc->in_length);
	if (UNMATCHED(op) != 0)
		device_bug(device, "operation 0x%08x: bits that the kernel does not look at", op);
	if (get(rpc, RESERVED, 4) != 0 || get(rpc, OUT_RESERVED, 8) != 0 ||
	    get(rpc, RETVAL, 4) != 0)
		device_bug(device, "operation 0x%08x: reserved bytes, or those of the answer", op);
	if ((get(rpc, IN_LENGTH, 4) == 0) != (get(rpc, IN_PAYLOAD, 8) == 0) ||
	    (get(rpc, OUT_LENGTH, 4) == 0) != (get(rpc, OUT_PAYLOAD, 8) == 0))
		device_bug(device, "operation 0x%08x: an address without a length, or the reverse",
			   op);
}

static void request_execute(struct rpc *rpc, const struct operation *operation,
			    struct operation_call *call)
{
	uint32_t retval = 0;

	switch (device_reach(rpc->device)) {
	case SIM_FAULT_STATUS:
		retval = rpc->device->fault_status;
		break;
	case SIM_FAULT_GARBAGE: /* the driver, not the device, answers with the request */
		memset(call->out, SIM_GARBAGE, call->out_length);
		memset(&retval, SIM_GARBAGE, sizeof(retval));
		break;
	case SIM_FAULT_SHORT:
		retval = operation->execute(call);
		memset(call->out + call->out_length / 2, 0,
		       call->out_length - call->out_length / 2);
		break;
	default:
		retval = operation->execute(call);
		break;
	}
	(void)bytes_put(rpc->in, rpc->in_length, RETVAL, 4, BYTES_HOST, retval);
}

int pds_rpc(struct rpc *rpc)
{
	static uint8_t in[SIM_PDS_PAYLOAD_MAX], out[SIM_PDS_PAYLOAD_MAX];
	const struct sim_user *user = rpc->user;
	struct operation_call call = {.pds = &rpc->device->pds, .in = in, .out = out};
	const struct operation *operation = NULL;
	int r;

	if (rpc->in_length < MESSAGE)
		return -EINVAL;
	call.in_length = (uint32_t)get(rpc, IN_LENGTH, 4);
	call.out_length = (uint32_t)get(rpc, OUT_LENGTH, 4);
	if (call.in_length > sizeof(in) || call.out_length > sizeof(out))
		return -EINVAL;
	r = operation_find(rpc, &operation);
	if (r < 0)
		return r;
	request_check(rpc);

	if (call.in_length > 0) {
		r = user->copy_in(user->context, get(rpc, IN_PAYLOAD, 8), in, call.in_length);
		if (r < 0)
			return r;
	}
	memset(out, 0, call.out_length);
	request_execute(rpc, operation, &call);
	if (call.out_length > 0) {
		r = user->copy_out(user->context, get(rpc, OUT_PAYLOAD, 8), out, call.out_length);
		if (r < 0)
			return r;
	}
	/* The request, with both addresses in it. */
	memcpy(rpc->out, rpc->in, rpc->in_length);
	rpc->out_length = rpc->in_length;
	return 0;
}
