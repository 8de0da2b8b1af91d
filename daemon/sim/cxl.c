/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The CXL model: what Linux does with FWCTL_RPC (drivers/cxl/core/features.c, 7.3), and a memory
 * device with two features of a vendor (CXL 3.2, 8.2.10.6). Neither is one that the kernel keeps to
 * itself, so that its rule for those has no part here.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/rpc.h"
#include "include/bytes.h"

#define HEADER_SIZE   16u /* of `in`: opcode, flags, op_size, reserved */
#define ANSWER_HEADER 8u  /* of `out`: size, retval */
#define SET_HEADER    32u /* of Set Feature's payload, before the data */
#define ENTRY_SIZE    48u
/* Also room for the 8 bytes that the driver adds to every length. */
#define OUT_MAX (ANSWER_HEADER + 8u + SIM_CXL_FEATURES * ENTRY_SIZE + 8u)

enum cxl_opcode {
	CXL_GET_SUPPORTED_FEATURES = 0x0500,
	CXL_GET_FEATURE = 0x0501,
	CXL_SET_FEATURE = 0x0502,
};

/* Return codes of a CXL mailbox. */
enum cxl_code {
	CXL_SUCCESS = 0,
	CXL_INVALID_INPUT = 2,
	CXL_INVALID_LENGTH = 22,
	CXL_UNSUPPORTED_VERSION = 25,
	CXL_UNSUPPORTED_SELECTION = 26,
};

#define EFFECTS_IMMEDIATE  0x001eu /* bits 1 to 4 */
#define EFFECTS_RESET	   0x0c01u /* bits 0, 10, 11 */
#define EFFECTS_BACKGROUND 0x0040u
#define EFFECTS_RESERVED   0xf000u

#define FLAG_CHANGEABLE	      0x01u
#define FLAG_DEFAULT_READABLE 0x20u
#define FLAG_SAVED_READABLE   0x40u

/* The text of each UUID is in include/sim-device.h. */
static const struct feature {
	uint8_t uuid[16];
	uint16_t size; /* of Get and Set */
	uint8_t version;
	uint16_t effects;
	uint32_t flags;
	uint8_t initial[SIM_CXL_FEATURE_MAX];
} features[SIM_CXL_FEATURES] = {
	{{0xa1, 0xd6, 0xa7, 0xc2, 0x52, 0xe1, 0x4b, 0xe2, 0x9d, 0x0c, 0x4f, 0x3b, 0x6f, 0x0f, 0x7a,
	  0x10},
	 4,
	 1,
	 0x0201, /* cold reset; bits 11:10 are valid */
	 FLAG_CHANGEABLE | FLAG_DEFAULT_READABLE | FLAG_SAVED_READABLE,
	 {0xef, 0xbe, 0xad, 0xde}},
	{{0xa1, 0xd6, 0xa7, 0xc2, 0x52, 0xe1, 0x4b, 0xe2, 0x9d, 0x0c, 0x4f, 0x3b, 0x6f, 0x0f, 0x7a,
	  0x11},
	 2,
	 1,
	 0x0202, /* immediate configuration change; bits 11:10 are valid */
	 FLAG_CHANGEABLE | FLAG_DEFAULT_READABLE | FLAG_SAVED_READABLE,
	 {0x0c, 0x01}},
};

struct cxl_request {
	struct sim_device *device;
	uint16_t opcode;
	const uint8_t *payload;
	uint32_t payload_length; /* op_size */
	uint32_t scope;
	uint32_t out_length;
};

/* What the driver answers: `length` is what fwctl_rpc.out_len becomes, 8 above what there is. */
struct cxl_answer {
	uint8_t bytes[OUT_MAX];
	uint32_t length;
};

void cxl_init(struct sim_device *device)
{
	snprintf(device->model, sizeof(device->model), "fwctld simulated CXL memory");
	snprintf(device->firmware, sizeof(device->firmware), "1.0");
	for (unsigned i = 0; i < SIM_CXL_FEATURES; i++) {
		memcpy(device->cxl.features[i].current, features[i].initial, SIM_CXL_FEATURE_MAX);
		memcpy(device->cxl.features[i].saved, features[i].initial, SIM_CXL_FEATURE_MAX);
	}
}

static uint64_t get(const uint8_t *bytes, size_t offset, size_t size, enum byte_order order)
{
	uint64_t value = 0;

	(void)bytes_get(bytes, offset + size, offset, size, order, &value);
	return value;
}

static void put(struct cxl_answer *answer, size_t offset, size_t size, enum byte_order order,
		uint64_t value)
{
	(void)bytes_put(answer->bytes, sizeof(answer->bytes), offset, size, order, value);
}

/* An answer of `size` payload bytes, which are in place. */
static void answer_finish(struct cxl_answer *answer, uint32_t size, enum cxl_code code)
{
	put(answer, 0, 4, BYTES_HOST, size);
	put(answer, 4, 4, BYTES_HOST, code);
	answer->length = ANSWER_HEADER + size + 8;
}

static int feature_find(const uint8_t *uuid)
{
	for (unsigned i = 0; i < SIM_CXL_FEATURES; i++)
		if (memcmp(features[i].uuid, uuid, sizeof(features[i].uuid)) == 0)
			return (int)i;
	return -1;
}

/* The kernel answers from what it read when the driver was bound. */
static void get_supported_features(const struct cxl_request *request, struct cxl_answer *answer)
{
	uint32_t count = (uint32_t)get(request->payload, 0, 4, BYTES_LITTLE);
	uint32_t start = (uint32_t)get(request->payload, 4, 2, BYTES_LITTLE);
	uint32_t n = count / ENTRY_SIZE;

	if (n > SIM_CXL_FEATURES - start)
		n = SIM_CXL_FEATURES - start;
	put(answer, ANSWER_HEADER, 2, BYTES_LITTLE, n);
	put(answer, ANSWER_HEADER + 2, 2, BYTES_LITTLE, SIM_CXL_FEATURES);
	for (uint32_t i = 0; i < n; i++) {
		const struct feature *f = &features[start + i];
		size_t at = ANSWER_HEADER + 8 + ENTRY_SIZE * (size_t)i;

		memcpy(answer->bytes + at, f->uuid, sizeof(f->uuid));
		put(answer, at + 16, 2, BYTES_LITTLE, start + i);
		put(answer, at + 18, 2, BYTES_LITTLE, f->size);
		put(answer, at + 20, 2, BYTES_LITTLE, f->size);
		put(answer, at + 22, 4, BYTES_LITTLE, f->flags);
		put(answer, at + 26, 1, BYTES_LITTLE, f->version);
		put(answer, at + 27, 1, BYTES_LITTLE, f->version);
		put(answer, at + 28, 2, BYTES_LITTLE, f->effects);
	}
	answer_finish(answer, 8 + n * ENTRY_SIZE, CXL_SUCCESS);
}

static void get_feature(const struct cxl_request *request, struct cxl_answer *answer)
{
	uint32_t offset = (uint32_t)get(request->payload, 16, 2, BYTES_LITTLE);
	uint32_t count = (uint32_t)get(request->payload, 18, 2, BYTES_LITTLE);
	uint8_t selection = request->payload[20];
	int index = feature_find(request->payload);
	const uint8_t *value;

	if (index < 0) {
		answer_finish(answer, 0, CXL_INVALID_INPUT);
		return;
	}
	switch (selection) {
	case 0:
		value = request->device->cxl.features[index].current;
		break;
	case 1:
		value = features[index].initial;
		break;
	case 2:
		value = request->device->cxl.features[index].saved;
		break;
	default:
		answer_finish(answer, 0, CXL_UNSUPPORTED_SELECTION);
		return;
	}
	if (offset >= features[index].size) {
		answer_finish(answer, 0, CXL_INVALID_INPUT);
		return;
	}
	if (!bytes_within(features[index].size, offset, count)) {
		/* The device's answer is shorter than asked; the driver drops it, and the code
		 * stays 0. */
		answer_finish(answer, 0, CXL_SUCCESS);
		return;
	}
	memcpy(answer->bytes + ANSWER_HEADER, value + offset, count);
	answer_finish(answer, count, CXL_SUCCESS);
}

static bool get_supported_features_allowed(const struct cxl_request *request)
{
	return request->payload_length == 8 &&
	       get(request->payload, 4, 2, BYTES_LITTLE) < SIM_CXL_FEATURES &&
	       request->out_length >= ANSWER_HEADER + 8;
}

static bool get_feature_allowed(const struct cxl_request *request)
{
	uint32_t count;

	if (request->payload_length != 21 || request->out_length < ANSWER_HEADER)
		return false;
	count = (uint32_t)get(request->payload, 18, 2, BYTES_LITTLE);
	return count > 0 && count <= request->out_length - ANSWER_HEADER;
}

/* The rules for Set Feature in the order in which the driver tests them. */
static bool set_feature_allowed(const struct cxl_request *request)
{
	uint16_t effects;
	int index;

	if (request->payload_length < 16)
		return false;
	index = feature_find(request->payload);
	if (index < 0 || !(features[index].flags & FLAG_CHANGEABLE))
		return false;
	effects = features[index].effects;
	if (effects & (EFFECTS_RESERVED | EFFECTS_BACKGROUND))
		return false;
	if (!(effects & (EFFECTS_IMMEDIATE | EFFECTS_RESET)))
		return false;
	if (request->scope <
	    (effects & EFFECTS_IMMEDIATE ? FWCTL_RPC_DEBUG_WRITE_FULL : FWCTL_RPC_DEBUG_WRITE))
		return false;
	return request->payload_length > SET_HEADER && request->out_length >= ANSWER_HEADER;
}

/* The driver sends transfer type "full" and "saved across reset", whatever the flags in the
 * payload. */
static void set_feature(const struct cxl_request *request, struct cxl_answer *answer)
{
	uint32_t length = request->payload_length - SET_HEADER;
	int index = feature_find(request->payload);
	struct sim_cxl_value *value = &request->device->cxl.features[index];
	const struct feature *f = &features[index];

	if (request->payload[22] != f->version) {
		answer_finish(answer, 0, CXL_UNSUPPORTED_VERSION);
	} else if (get(request->payload, 20, 2, BYTES_LITTLE) != 0) {
		answer_finish(answer, 0, CXL_INVALID_INPUT);
	} else if (length != f->size) {
		answer_finish(answer, 0, CXL_INVALID_LENGTH);
	} else {
		memcpy(value->saved, request->payload + SET_HEADER, length);
		if (f->effects & EFFECTS_IMMEDIATE)
			memcpy(value->current, request->payload + SET_HEADER, length);
		answer_finish(answer, 0, CXL_SUCCESS);
	}
}

static bool request_allowed(const struct cxl_request *request)
{
	switch (request->opcode) {
	case CXL_GET_SUPPORTED_FEATURES:
		return get_supported_features_allowed(request);
	case CXL_GET_FEATURE:
		return get_feature_allowed(request);
	case CXL_SET_FEATURE:
		return set_feature_allowed(request);
	default:
		return false;
	}
}

static void request_execute(const struct cxl_request *request, struct cxl_answer *answer)
{
	switch (request->opcode) {
	case CXL_GET_SUPPORTED_FEATURES:
		get_supported_features(request, answer);
		break;
	case CXL_GET_FEATURE:
		get_feature(request, answer);
		break;
	default:
		set_feature(request, answer);
		break;
	}
}

int cxl_rpc(struct rpc *rpc)
{
	struct cxl_request request = {.device = rpc->device,
				      .scope = rpc->scope,
				      .out_length = rpc->out_length};
	struct cxl_answer answer = {};
	uint32_t size;

	if (rpc->in_length < HEADER_SIZE)
		return -EINVAL;
	request.opcode =
		(uint16_t)get(rpc->in, 0, 4, BYTES_HOST); /* the driver cuts the upper half, too */
	request.payload = rpc->in + HEADER_SIZE;
	request.payload_length = (uint32_t)get(rpc->in, 8, 4, BYTES_HOST);
	if (request.payload_length > rpc->in_length - HEADER_SIZE || !request_allowed(&request))
		return -EINVAL;

	switch (device_reach(rpc->device)) {
	case SIM_FAULT_STATUS:
		answer_finish(&answer, 0, (enum cxl_code)rpc->device->fault_status);
		break;
	case SIM_FAULT_GARBAGE:
		rpc_garbage(rpc);
		return 0;
	case SIM_FAULT_SHORT:
		request_execute(&request, &answer);
		size = (uint32_t)get(answer.bytes, 0, 4, BYTES_HOST) / 2;
		memset(answer.bytes + ANSWER_HEADER + size, 0, OUT_MAX - ANSWER_HEADER - size);
		answer_finish(&answer, size, (enum cxl_code)get(answer.bytes, 4, 4, BYTES_HOST));
		break;
	default:
		request_execute(&request, &answer);
		break;
	}
	memcpy(rpc->out, answer.bytes, sizeof(answer.bytes));
	rpc->out_length = answer.length;
	return 0;
}
