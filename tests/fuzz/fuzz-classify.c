/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A client's bytes, all the way to what the kernel would get and back: classify, pack, unpack,
 * decode.
 *
 *      0       which dialect (modulo 5)
 *      1..4    bytes of data beside the message, little endian
 *      5..8    what the device reports about everything: effects; bit 31: of features too; bit 30:
 *              nothing; bit 29: its kernel has no capability
 *      9..10   what the ioctl returns; negative: 11 is the errno
 *      12..15  what the reply is filled with
 *      16..    the message
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/classify.h"
#include "policy/decode.h"
#include "policy/digest.h"
#include "policy/envelope.h"
#include "policy/message.h"
#include "policy/pack.h"
#include "policy/piece.h"
#include "tests/fuzz/load-catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 16u

static uint8_t beside[REQUEST_DATA_MAX + 16], arena_bytes[ARENA_GIVEN_MAX], reply[ARENA_MAX];

static const struct dialect *choose_dialect(unsigned n)
{
	static const char *const names[] = {"nvme", "cxl", "bnxt", "mlx5", "pds"};
	static struct catalogue *shipped;

	if (!shipped) {
		shipped = load_catalogue(CATALOGUE_SHIPPED, CATALOGUE_SIMULATED);
		memset(beside, 0xa5, sizeof(beside));
	}
	return catalogue_dialect(shipped, names[n % ELEMENTSOF(names)]);
}

static uint64_t get(const uint8_t *data, size_t offset, size_t size)
{
	uint64_t value = 0;

	assert(bytes_get(data, HEADER, offset, size, BYTES_LITTLE, &value));
	return value;
}

static void check_refusal(int r, const struct refusal *refusal)
{
	assert(r == -ENOENT || r == -EBADMSG || r == -EOPNOTSUPP || r == -EMSGSIZE);
	assert(strlen(refusal->text) > 20);
	for (const char *p = refusal->text; *p; p++)
		assert(*p >= ' ' && *p <= '~');
}

/* What was accepted is canonical: nothing in the message but the opcode and the fields. */
static void check_message(const struct classified *c, const uint8_t *message, size_t length)
{
	uint8_t head[MESSAGE_HEAD_MAX];

	assert(length == c->command->message_size +
				 (envelopes[c->command->envelope].tail ? c->request_length : 0));
	assert(message_write(c->command, c->values, head));
	assert(memcmp(head, message, c->command->message_size) == 0);
	for (unsigned i = 0; i < c->command->n_segments; i++)
		assert(bytes_zero(message + c->command->segments[i].pointer, 8));
}

static void check_class(const struct dialect *dialect, const struct classified *c,
			const uint8_t *message, size_t length, size_t data_length)
{
	struct refusal refusal;
	struct classified silent;

	assert(c->class >= CLASS_READ_ONLY && c->class < _CLASS_MAX);
	assert(c->class >= effect_set_class(c->effects));
	assert(c->reason && c->scope <= FWCTL_RPC_DEBUG_WRITE_FULL);
	assert(c->scope < 2 || c->effects & EFFECT_BIT(EFFECT_TAINTS_KERNEL));
	/* What the device said took nothing away. */
	assert(classify(dialect, message, length, beside, data_length, NULL, &silent, &refusal) ==
	       0);
	assert((silent.effects & ~c->effects) == 0);
	assert(c->class >= c->static_class && silent.static_class == c->static_class);
	if (!c->command->live_absent)
		assert(silent.class == c->static_class);
}

static void check_arena(const struct classified *c, const struct arena *arena)
{
	assert(arena->given <= arena->size && arena->size <= ARENA_MAX);
	assert(arena->n_relocs <= ARENA_RELOCS_MAX && arena->n_replies <= ARENA_REPLIES_MAX);
	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *reloc = &arena->relocs[i];

		assert(reloc->where % 4 == 0 && reloc->where + 8 <= arena->given);
		assert(bytes_zero(arena_bytes + reloc->where, 8));
		assert(reloc->length > 0 && reloc->target + reloc->length <= arena->size);
		assert(reloc->target == ARENA_MESSAGE || reloc->target % ARENA_PAGE == 0);
	}
	if (c->command->envelope == ENVELOPE_NVME_ADMIN) {
		struct nvme_passthru_cmd64 cmd;

		memcpy(&cmd, arena_bytes, sizeof(cmd));
		assert(cmd.opcode == c->command->opcode && cmd.flags == 0 && cmd.rsvd1 == 0);
		assert(cmd.metadata == 0 && cmd.metadata_len == 0 && cmd.addr == 0);
		assert(cmd.data_len == c->request_length + c->response_length);
		assert((cmd.data_len == 0) == (arena->n_relocs == 0));
		assert(cmd.timeout_ms == c->command->timeout_ms && cmd.rsvd2 == 0);
	} else if (arena->ioctl == CXL_MEM_QUERY_COMMANDS) {
		struct cxl_mem_query_commands query;

		memcpy(&query, arena_bytes, sizeof(query));
		assert(c->command->kernel_id == CXL_MEM_COMMAND_ID_INVALID);
		assert(arena->n_relocs == 0 && query.rsvd == 0 && query.n_commands > 0);
		assert(sizeof(query) + query.n_commands * sizeof(struct cxl_command_info) <=
		       arena->size);
	} else if (c->command->envelope == ENVELOPE_CXL_MEM) {
		struct cxl_send_command send;

		memcpy(&send, arena_bytes, sizeof(send));
		assert(arena->ioctl == CXL_MEM_SEND_COMMAND);
		assert(send.id == c->command->kernel_id && send.id != CXL_MEM_COMMAND_ID_RAW);
		assert(send.flags == 0 && send.rsvd == 0 && send.retval == 0);
		assert(send.in.rsvd == 0 && send.in.payload == 0);
		assert(send.out.rsvd == 0 && send.out.payload == 0);
		assert(send.in.size == c->command->message_size - 16 + c->request_length);
		assert(send.out.size == c->response_length - 8);
	} else {
		struct fwctl_rpc rpc;

		memcpy(&rpc, arena_bytes, sizeof(rpc));
		assert(rpc.size == sizeof(rpc) && rpc.scope == c->scope);
		assert(rpc.in_len == c->command->message_size + c->request_length);
		assert(rpc.out_len == c->response_length && rpc.in == 0 && rpc.out == 0);
	}
}

/* Each piece is the same command about the next bytes, and judged like the whole. */
static void check_pieces(const struct classified *whole, size_t transfer_max,
			 const struct live_effects *reported)
{
	size_t length = 0, head = 0;
	struct pieces pieces;

	pieces_plan(whole, transfer_max, &pieces);
	assert(pieces.n == 1 || whole->class == CLASS_READ_ONLY);
	for (size_t i = 0; i < pieces.n; i++) {
		uint8_t message[MESSAGE_HEAD_MAX];
		struct classified part, c;
		struct refusal refusal;
		struct arena arena;

		piece_get(whole, &pieces, i, &part);
		if (pieces.n == 1) {
			assert(memcmp(&part, whole, sizeof(part)) == 0);
			return;
		}
		assert(message_write(part.command, part.values, message));
		assert(classify(part.command->dialect, message, part.command->message_size, beside,
				0, reported, &c, &refusal) == 0);
		assert(c.class == whole->class && c.effects == whole->effects);
		assert(c.response_length == part.response_length && c.command == whole->command);
		assert(pack(&part, arena_bytes, &arena) == 0);
		assert(arena_reply_length(&arena) <= PIECE_MAX + ARENA_PAGE);
		if (whole->command->envelope == ENVELOPE_CXL_MEM)
			head = CXL_RESPONSE_HEADER;
		else if (whole->command->answer.part.size > 0)
			head = whole->command->answer.add;
		length += part.response_length - head;
	}
	assert(length == whole->response_length - head);
}

static int on_number(void *userdata, const char *item, uint64_t value, const char *name,
		     const char *unit)
{
	return *item ? 0 : -1;
}

static int on_signed_number(void *userdata, const char *item, int64_t value, const char *name,
			    const char *unit)
{
	return *item ? 0 : -1;
}

static int on_text(void *userdata, const char *item, const char *text)
{
	for (; *text; text++)
		assert(*text >= ' ' && *text <= '~');
	return 0;
}

static int on_big_number(void *userdata, const char *item, const char *digits, const char *unit)
{
	assert(strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 40);
	return 0;
}

static int on_bytes(void *userdata, const char *item, const void *bytes, size_t size)
{
	return bytes_zero(bytes, size) && size > RESPONSE_DATA_MAX ? -1 : 0;
}

static const struct decode_visitor visitor = {
	.number = on_number,
	.signed_number = on_signed_number,
	.big_number = on_big_number,
	.text = on_text,
	.bytes = on_bytes,
};

static void come_back(const struct classified *c, const struct arena *arena, const uint8_t *data)
{
	struct outcome outcome;
	size_t length = arena_reply_length(arena);

	for (size_t i = 0; i < length; i++)
		reply[i] = data[12 + i % 4];
	assert(unpack(c, arena, (int16_t)get(data, 9, 2), data[11], reply, length, &outcome) == 0);
	assert((unsigned)outcome.kind < _OUTCOME_MAX);
	if (outcome.response_length == 0)
		return;
	assert(outcome.response >= reply &&
	       outcome.response + outcome.response_length <= reply + length);
	for (unsigned i = 0; c->command->dialect->echoes && i < c->command->n_segments; i++) {
		size_t pointer = c->command->segments[i].pointer;

		if (pointer + 8 <= c->response_length)
			assert(bytes_zero(outcome.response + pointer, 8));
	}
	if (classified_layout(c))
		assert(decode(classified_layout(c), outcome.response, outcome.response_length,
			      &visitor, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t key[DIGEST_SIZE] = {};
	const struct live_effects *reported;
	const struct dialect *dialect;
	static struct live_effects live;
	struct refusal refusal = {};
	uint8_t digest[DIGEST_SIZE];
	struct classified c = {};
	struct arena arena;
	size_t data_length;
	uint32_t effects;
	int r;

	if (size < HEADER)
		return 0;
	dialect = choose_dialect(data[0]);
	data_length = get(data, 1, 4) % (REQUEST_DATA_MAX + 8);
	effects = (uint32_t)get(data, 5, 4);
	/* Of whatever is asked; or of commands alone, so that a feature stays unknown. */
	live.commands.others = (struct live_report){
		.effects = effects & (EFFECT_BIT(_EFFECT_MAX) - 1),
		.reason = "the device reports it",
	};
	live.kernel_capabilities = effects >> 29 & 1 ? 0 : UINT32_MAX;
	live.values.others = effects >> 31 ? live.commands.others : (struct live_report){};

	reported = effects >> 30 & 1 ? NULL : &live;
	r = classify(dialect, data + HEADER, size - HEADER, beside, data_length, reported, &c,
		     &refusal);
	if (r < 0) {
		check_refusal(r, &refusal);
		return 0;
	}
	check_message(&c, data + HEADER, size - HEADER);
	check_class(dialect, &c, data + HEADER, size - HEADER, data_length);
	assert(pack(&c, arena_bytes, &arena) == 0);
	check_arena(&c, &arena);
	come_back(&c, &arena, data);
	check_pieces(&c, get(data, 9, 4), reported);
	request_digest("fuzz", &c, key, digest);
	return 0;
}
