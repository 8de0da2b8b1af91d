/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/pack.h"

#include <errno.h>
#include <string.h>

#include "include/bytes.h"
#include "include/kernel-abi.h"
#include "policy/envelope.h"
#include "policy/message.h"

/* An empty range gets no address: its pointer stays 0. */
static void add_reloc(struct arena *arena, size_t where, struct arena_range target)
{
	if (target.length == 0)
		return;
	arena->relocs[arena->n_relocs++] = (struct arena_reloc){
		.where = (uint32_t)where,
		.target = target.offset,
		.length = target.length,
	};
}

static void add_reply(struct arena *arena, struct arena_range range)
{
	if (range.length > 0)
		arena->replies[arena->n_replies++] = range;
}

static void put_data(uint8_t *bytes, struct arena_range range, const uint8_t *data)
{
	if (range.length > 0)
		memcpy(bytes + range.offset, data, range.length);
}

/* A dword of the submission queue entry, which is little endian, for the kernel's struct. */
static uint32_t sqe_dword(const uint8_t *sqe, unsigned dword)
{
	uint64_t value = 0;

	bytes_get(sqe, MESSAGE_HEAD_MAX, dword * 4u, 4, BYTES_LITTLE, &value);
	return (uint32_t)value;
}

/*
 * Dwords 4 to 9 of the entry are pointers, which the kernel makes of addr; flags and command id are
 * the kernel's as well. So no other part of the entry than these dwords is looked at.
 */
static void pack_nvme(const struct classified *c, const struct envelope_plan *plan,
		      const uint8_t *sqe, uint8_t *bytes, struct arena *arena)
{
	struct arena_range data = c->request_length > 0 ? plan->request : plan->response;
	const struct nvme_passthru_cmd64 command = {
		.opcode = (uint8_t)c->command->opcode,
		.nsid = sqe_dword(sqe, 1),
		.cdw2 = sqe_dword(sqe, 2),
		.cdw3 = sqe_dword(sqe, 3),
		.data_len = data.length,
		.cdw10 = sqe_dword(sqe, 10),
		.cdw11 = sqe_dword(sqe, 11),
		.cdw12 = sqe_dword(sqe, 12),
		.cdw13 = sqe_dword(sqe, 13),
		.cdw14 = sqe_dword(sqe, 14),
		.cdw15 = sqe_dword(sqe, 15),
		.timeout_ms = c->command->timeout_ms,
	};

	memcpy(bytes, &command, sizeof(command));
	put_data(bytes, plan->request, c->request);
	add_reloc(arena, offsetof(struct nvme_passthru_cmd64, addr), data);
	add_reply(arena, (struct arena_range){
				 .offset = offsetof(struct nvme_passthru_cmd64, result),
				 .length = sizeof(command.result),
			 });
	add_reply(arena, plan->response);
}

static void pack_fwctl(const struct classified *c, const struct envelope_plan *plan,
		       const uint8_t *head, uint8_t *bytes, struct arena *arena)
{
	const struct command *command = c->command;
	const struct fwctl_rpc rpc = {
		.size = sizeof(rpc),
		.scope = c->scope,
		.in_len = plan->message.length,
		.out_len = plan->response.length,
	};
	struct arena_range tail = {
		.offset = plan->message.offset + command->message_size,
		.length = (uint32_t)c->request_length,
	};

	memcpy(bytes, &rpc, sizeof(rpc));
	memcpy(bytes + plan->message.offset, head, command->message_size);
	put_data(bytes, tail, c->request);
	add_reloc(arena, offsetof(struct fwctl_rpc, in), plan->message);
	add_reloc(arena, offsetof(struct fwctl_rpc, out), plan->response);
	add_reply(arena, (struct arena_range){
				 .offset = offsetof(struct fwctl_rpc, out_len),
				 .length = sizeof(rpc.out_len),
			 });
	add_reply(arena, plan->response);

	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct segment *segment = &command->segments[i];

		add_reloc(arena, plan->message.offset + segment->pointer, plan->segments[i]);
		if (segment->to_device)
			put_data(bytes, plan->segments[i], c->segment_data[i]);
		else
			add_reply(arena, plan->segments[i]);
	}
}

/*
 * The kernel does not say how many entries it wrote; with room for more than it has, all that it
 * did not write stays zero.
 */
static void pack_cxl_query(const struct envelope_plan *plan, uint8_t *bytes, struct arena *arena)
{
	const struct cxl_mem_query_commands query = {
		.n_commands = (uint32_t)((plan->response.length - sizeof(query)) /
					 sizeof(struct cxl_command_info)),
	};

	arena->ioctl = CXL_MEM_QUERY_COMMANDS;
	memcpy(bytes, &query, sizeof(query));
	add_reply(arena, plan->response);
}

/*
 * The id is the catalogue's: the kernel makes the opcode of it, and RAW, which carries any opcode,
 * is not among those that the loader lets through.
 */
static void pack_cxl(const struct classified *c, const struct envelope_plan *plan,
		     const uint8_t *head, uint8_t *bytes, struct arena *arena)
{
	const struct command *command = c->command;
	const struct cxl_send_command send = {
		.id = command->kernel_id,
		.in.size = plan->message.length,
		.out.size = plan->response.length,
	};
	uint32_t fields = command->message_size - CXL_MESSAGE_HEADER;
	struct arena_range tail = {
		.offset = plan->message.offset + fields,
		.length = (uint32_t)c->request_length,
	};

	memcpy(bytes, &send, sizeof(send));
	memcpy(bytes + plan->message.offset, head + CXL_MESSAGE_HEADER, fields);
	put_data(bytes, tail, c->request);
	add_reloc(arena, offsetof(struct cxl_send_command, in.payload), plan->message);
	add_reloc(arena, offsetof(struct cxl_send_command, out.payload), plan->response);
	/* In this order the reply is a response as FWCTL_RPC gives it: size, return code, payload.
	 */
	add_reply(arena, (struct arena_range){
				 .offset = offsetof(struct cxl_send_command, out.size),
				 .length = sizeof(send.out.size),
			 });
	add_reply(arena, (struct arena_range){
				 .offset = offsetof(struct cxl_send_command, retval),
				 .length = sizeof(send.retval),
			 });
	add_reply(arena, plan->response);
}

_Static_assert(2 + SEGMENTS_MAX <= ARENA_RELOCS_MAX, "FWCTL_RPC needs in, out and the segments");
_Static_assert(2 + SEGMENTS_MAX <= ARENA_REPLIES_MAX,
	       "FWCTL_RPC needs out_len, out and the segments");

int pack(const struct classified *classified, uint8_t *bytes, struct arena *ret)
{
	enum envelope envelope = classified->command->envelope;
	uint8_t head[MESSAGE_HEAD_MAX] = {};
	struct envelope_plan plan;
	struct arena arena = {};
	int r;

	r = envelope_plan(classified, &plan);
	if (r < 0)
		return r;
	if (!message_write(classified->command, classified->values, head))
		return -EMSGSIZE;

	arena.ioctl = envelopes[envelope].ioctl;
	arena.size = plan.size;
	arena.given = plan.given;
	memset(bytes, 0, plan.given);
	if (envelope == ENVELOPE_NVME_ADMIN)
		pack_nvme(classified, &plan, head, bytes, &arena);
	else if (envelope == ENVELOPE_FWCTL_RPC)
		pack_fwctl(classified, &plan, head, bytes, &arena);
	else if (classified->command->kernel_id == CXL_MEM_COMMAND_ID_INVALID)
		pack_cxl_query(&plan, bytes, &arena);
	else
		pack_cxl(classified, &plan, head, bytes, &arena);
	*ret = arena;
	return 0;
}
