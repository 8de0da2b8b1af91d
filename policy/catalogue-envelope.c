/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The envelope that a command travels in, and what that demands of its entry. */

#include "policy/catalogue-load.h"

#include <inttypes.h>
#include <string.h>

#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/envelope.h"

bool envelope_read(const struct loader *loader, const struct yaml_node *node, enum envelope *ret)
{
	if (!loader_kind(loader, node, YAML_SCALAR, "an envelope"))
		return false;
	for (unsigned i = 0; i < _ENVELOPE_MAX; i++)
		if (strcmp(node->scalar, envelopes[i].name) == 0) {
			*ret = (enum envelope)i;
			return true;
		}
	loader_error(loader, node, "An envelope is %s, %s or %s, not \"%s\".",
		     envelopes[ENVELOPE_NVME_ADMIN].name, envelopes[ENVELOPE_FWCTL_RPC].name,
		     envelopes[ENVELOPE_CXL_MEM].name, node->scalar);
	return false;
}

/*
 * The opcode behind each id of the kernel: drivers/cxl/core/mbox.c and cxlmem.h. An entry whose id
 * and opcode disagree would be classified as one command and executed as another.
 */
static const uint16_t opcode_of_id[CXL_MEM_COMMAND_ID_MAX] = {
	[CXL_MEM_COMMAND_ID_IDENTIFY] = 0x4000,
	[CXL_MEM_COMMAND_ID_GET_SUPPORTED_LOGS] = 0x0400,
	[CXL_MEM_COMMAND_ID_GET_FW_INFO] = 0x0200,
	[CXL_MEM_COMMAND_ID_GET_PARTITION_INFO] = 0x4100,
	[CXL_MEM_COMMAND_ID_GET_LSA] = 0x4102,
	[CXL_MEM_COMMAND_ID_GET_HEALTH_INFO] = 0x4200,
	[CXL_MEM_COMMAND_ID_GET_LOG] = 0x0401,
	[CXL_MEM_COMMAND_ID_SET_PARTITION_INFO] = 0x4101,
	[CXL_MEM_COMMAND_ID_SET_LSA] = 0x4103,
	[CXL_MEM_COMMAND_ID_GET_ALERT_CONFIG] = 0x4201,
	[CXL_MEM_COMMAND_ID_SET_ALERT_CONFIG] = 0x4202,
	[CXL_MEM_COMMAND_ID_GET_SHUTDOWN_STATE] = 0x4203,
	[CXL_MEM_COMMAND_ID_SET_SHUTDOWN_STATE] = 0x4204,
	[CXL_MEM_COMMAND_ID_GET_SCAN_MEDIA_CAPS] = 0x4303,
	[CXL_MEM_COMMAND_ID_GET_TIMESTAMP] = 0x0300,
	[CXL_MEM_COMMAND_ID_GET_LOG_CAPS] = 0x0402,
	[CXL_MEM_COMMAND_ID_CLEAR_LOG] = 0x0403,
	[CXL_MEM_COMMAND_ID_GET_SUP_LOG_SUBLIST] = 0x0405,
};

static void id_check(const struct loader *loader, const struct yaml_node *node,
		     const struct command *command)
{
	uint32_t id = command->kernel_id;

	if (id == CXL_MEM_COMMAND_ID_INVALID) {
		if (command->opcode != 0)
			loader_error(loader, node,
				     "The id 0 stands for the kernel's own list of commands, which "
				     "has no opcode: expected the opcode 0.");
	} else if (id == CXL_MEM_COMMAND_ID_RAW) {
		loader_error(loader, node,
			     "The id %u carries any opcode past the kernel's checks; fwctld never "
			     "sends it.",
			     id);
	} else if (id < CXL_MEM_COMMAND_ID_MAX && opcode_of_id[id] == 0) {
		loader_error(loader, node, "The kernel has withdrawn the id %u.", id);
	} else if (id < CXL_MEM_COMMAND_ID_MAX ? opcode_of_id[id] != command->opcode
					       : command->opcode > UINT16_MAX) {
		loader_error(loader, node,
			     "The id %u is not that of the opcode 0x%04x: the kernel would send "
			     "another command than the one described here.",
			     id, command->opcode);
	}
	for (size_t i = 0; i < loader->dialect->n_commands; i++) {
		const struct command *other = &loader->dialect->commands[i];

		if (other != command && other->envelope == ENVELOPE_CXL_MEM && !other->refused &&
		    other->kernel_id == id)
			loader_error(loader, node, "The id %u is %s already, at %s:%u.", id,
				     other->full_name, other->file, other->line);
	}
}

bool command_envelope_read(const struct loader *loader, struct yaml_node *map,
			   struct command *command)
{
	struct yaml_node *node = yaml_get(map, "envelope"), *id = yaml_get(map, "id");
	size_t errors_before = loader->problems->n_errors;
	uint64_t value;

	command->envelope = loader->source->envelope;
	if (node && envelope_read(loader, node, &command->envelope) &&
	    command->envelope != loader->source->envelope && command->envelope != ENVELOPE_CXL_MEM)
		loader_error(loader, node,
			     "The commands of this dialect travel in %s; one of them can say %s "
			     "instead, and nothing else.",
			     envelopes[loader->source->envelope].name,
			     envelopes[ENVELOPE_CXL_MEM].name);
	if (loader->problems->n_errors > errors_before)
		return false;

	if (command->envelope != ENVELOPE_CXL_MEM) {
		if (id)
			loader_error(loader, id, "Only a command of the envelope %s has an id.",
				     envelopes[ENVELOPE_CXL_MEM].name);
	} else if (!id && !command->refused) {
		loader_error(loader, map,
			     "Expected \"id\", by which the kernel knows a command of the "
			     "envelope %s.",
			     envelopes[ENVELOPE_CXL_MEM].name);
	} else if (id && yaml_read_uint(loader->file, id, "an id", UINT32_MAX, loader->problems,
					&value) == 0) {
		command->kernel_id = (uint32_t)value;
		id_check(loader, id, command);
	}
	return loader->problems->n_errors == errors_before;
}

static bool lengths_can_be_nonzero(const struct length_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cases[i].length.field >= 0 || cases[i].length.any || cases[i].length.add > 0)
			return true;
	return false;
}

static void nvme_check(const struct loader *loader, const struct yaml_node *at,
		       struct yaml_node *map, const struct command *command)
{
	bool to_device = lengths_can_be_nonzero(command->request, command->n_request);
	bool from_device = lengths_can_be_nonzero(command->response, command->n_response);

	/*
	 * Flags, command id, metadata and data pointers of the submission queue entry are
	 * the kernel's (NVMe base specification, common command format): no field may reach
	 * them.
	 */
	if (command->message_size != 64)
		loader_error(loader, at, "An NVMe command has 64 bytes, not %u.",
			     command->message_size);
	else if (!bytes_zero(command->mask + 1, 3) || !bytes_zero(command->mask + 16, 24))
		loader_error(loader, at,
			     "No field may touch bytes 1 to 3 and 16 to 39 of an NVMe "
			     "command: flags, command id and pointers are the kernel's.");
	/* The kernel takes the direction from bit 0 of the opcode; ioctl.c of nvme. */
	if (to_device && !(command->opcode & 1))
		loader_error(loader, yaml_get(map, "request"),
			     "The opcode 0x%02x is even: the kernel would transfer data from "
			     "the device, never to it.",
			     command->opcode);
	if (from_device && (command->opcode & 1))
		loader_error(loader, yaml_get(map, "response"),
			     "The opcode 0x%02x is odd: the kernel would transfer data to the "
			     "device, never from it.",
			     command->opcode);
	if (command->n_segments > 0)
		loader_error(loader, yaml_get(map, "segments"), "An NVMe command has no segments.");
	if (yaml_get(map, "scope"))
		loader_error(loader, yaml_get(map, "scope"), "Only fwctl commands have a scope.");
}
static void rpc_check(const struct loader *loader, const struct yaml_node *at,
		      struct yaml_node *map)
{
	if (!yaml_get(map, "scope"))
		loader_error(loader, at,
			     "Expected \"scope\": the lowest one that the kernel "
			     "accepts for this command.");
	if (yaml_get(map, "timeout"))
		loader_error(loader, yaml_get(map, "timeout"),
			     "Only an NVMe command has a timeout; the kernel's drivers set "
			     "their own.");
}

/* One response, of a fixed length that holds whole entries. */
static bool query_response_valid(const struct command *command)
{
	const struct length *length;

	if (command->n_response != 1)
		return false;
	length = &command->response[0].length;
	return length->field < 0 && !length->any &&
	       length->add >= CXL_RESPONSE_HEADER + sizeof(struct cxl_command_info) &&
	       (length->add - CXL_RESPONSE_HEADER) % sizeof(struct cxl_command_info) == 0;
}

/* The message and the response must be what pack() and unpack() take them for. */
static void cxl_check(const struct loader *loader, const struct yaml_node *at,
		      struct yaml_node *map, const struct command *command)
{
	static const char *const keys[] = {"segments", "scope", "timeout"};
	const struct dialect *dialect = loader->dialect;
	const struct yaml_node *response = yaml_get(map, "response");
	bool query = command->kernel_id == CXL_MEM_COMMAND_ID_INVALID;

	if (dialect->opcode.offset != 0 || dialect->opcode.size != 4 ||
	    dialect->opcode.order != BYTES_HOST || dialect->status.offset != 4 ||
	    dialect->status.size != 4 || dialect->status.order != BYTES_HOST) {
		loader_error(
			loader, yaml_get(map, "envelope") ?: at,
			"A dialect with mailbox commands has a 4-byte opcode at 0 and a 4-byte "
			"status at 4, in the order of the host.");
		return;
	}
	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		if (yaml_get(map, keys[i]))
			loader_error(loader, yaml_get(map, keys[i]), "A mailbox command has no %s.",
				     keys[i]);
	if (command->message_size < CXL_MESSAGE_HEADER) {
		loader_error(loader, at,
			     "The message of a mailbox command has a header of %u bytes, and then "
			     "its payload.",
			     CXL_MESSAGE_HEADER);
		return;
	}
	/* They are not sent: what a client wrote there would be lost. */
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_NOT &&
		    command->fields[i].parts[0].offset < CXL_MESSAGE_HEADER)
			loader_error(loader, at,
				     "The field %s stands in the first %u bytes, which the kernel "
				     "writes.",
				     command->fields[i].name, CXL_MESSAGE_HEADER);
	if (query && (command->message_size != CXL_MESSAGE_HEADER || command->n_request > 0))
		loader_error(loader, at,
			     "The kernel's list of commands takes nothing: expected a "
			     "message of %u bytes.",
			     CXL_MESSAGE_HEADER);
	if (query && !query_response_valid(command))
		loader_error(loader, response ?: at,
			     "The kernel's list of commands has %u bytes and %zu more an entry, of "
			     "which there is room for at least one.",
			     CXL_RESPONSE_HEADER, sizeof(struct cxl_command_info));
}

void envelope_check(const struct loader *loader, const struct yaml_node *at, struct yaml_node *map,
		    const struct command *command)
{
	switch (command->envelope) {
	case ENVELOPE_NVME_ADMIN:
		nvme_check(loader, at, map, command);
		break;
	case ENVELOPE_FWCTL_RPC:
		rpc_check(loader, at, map);
		break;
	case ENVELOPE_CXL_MEM:
		cxl_check(loader, at, map, command);
		break;
	case _ENVELOPE_MAX:
		break;
	}
}
