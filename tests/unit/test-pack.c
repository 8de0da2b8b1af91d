/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/catalogue-fixture.h"

#include <errno.h>
#include <string.h>

#include "include/kernel-abi.h"
#include "policy/classify.h"
#include "policy/encode.h"
#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/pack.h"

static uint8_t bytes[ARENA_GIVEN_MAX], expected[ARENA_GIVEN_MAX];
static uint8_t data[REQUEST_DATA_MAX + 1];

static struct classified classify_or_fail(const struct dialect *dialect, const void *message,
					  size_t length, size_t data_length)
{
	struct refusal refusal = {};
	struct classified c = {};

	if (classify(dialect, message, length, data, data_length, NULL, &c, &refusal) < 0)
		fail_msg("%s", refusal.text);
	return c;
}

static void assert_reloc(const struct arena *arena, unsigned i, uint32_t where, uint32_t target,
			 uint32_t length)
{
	assert_true(i < arena->n_relocs);
	assert_int_equal(arena->relocs[i].where, where);
	assert_int_equal(arena->relocs[i].target, target);
	assert_int_equal(arena->relocs[i].length, length);
}

static void assert_reply(const struct arena *arena, unsigned i, uint32_t offset, uint32_t length)
{
	assert_true(i < arena->n_replies);
	assert_int_equal(arena->replies[i].offset, offset);
	assert_int_equal(arena->replies[i].length, length);
}

static void a_smart_log(void **state)
{
	const struct command *command = fixture_command("nvme", "get-log-page");
	uint8_t sqe[64] = {0x02, [4] = 0xff, 0xff, 0xff, 0xff, [40] = 0x02, 0x80, 0x7f};
	struct classified c = classify_or_fail(command->dialect, sqe, 64, 0);
	struct nvme_passthru_cmd64 cmd;
	struct arena arena;

	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&cmd, bytes, sizeof(cmd));
	assert_int_equal(cmd.opcode, 2);
	assert_int_equal(cmd.nsid, 0xffffffff);
	assert_int_equal(cmd.cdw10, 0x007f8002);
	assert_int_equal(cmd.data_len, 512);
	assert_int_equal(cmd.timeout_ms, command->timeout_ms);
	assert_int_equal(cmd.addr, 0);
	assert_int_equal(arena.ioctl, 0xc0504e47);
	assert_int_equal(arena.given, 80);
	assert_int_equal(arena.size, 8192);
	assert_int_equal(arena.n_relocs, 1);
	assert_reloc(&arena, 0, 24, 4096, 512);
	assert_int_equal(arena.n_replies, 2);
	assert_reply(&arena, 0, 72, 8);
	assert_reply(&arena, 1, 4096, 512);
	/* Nothing behind `given` is the packer's. */
	assert_int_equal(bytes[80], 0xee);
}

static void a_timestamp_to_the_device(void **state)
{
	uint8_t sqe[64] = {0x09, [40] = 0x0e};
	struct classified c = classify_or_fail(fixture_dialect("nvme"), sqe, 64, 8);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.given, 4096 + 8);
	assert_int_equal(arena.size, 8192);
	assert_memory_equal(bytes + 4096, data, 8);
	assert_reloc(&arena, 0, 24, 4096, 8);
	assert_int_equal(arena.n_replies, 1);
	assert_reply(&arena, 0, 72, 8);
}

/* Pointer 0 and length 0, together, or the device writes to physical address 0. */
static void no_data_no_pointer(void **state)
{
	uint8_t sqe[64] = {0x80, [4] = 1};
	struct classified c = classify_or_fail(fixture_dialect("nvme"), sqe, 64, 0);
	struct nvme_passthru_cmd64 cmd;
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&cmd, bytes, sizeof(cmd));
	assert_int_equal(cmd.data_len, 0);
	assert_int_equal(arena.n_relocs, 0);
	assert_int_equal(arena.n_replies, 1);
}

static void a_cxl_set_feature(void **state)
{
	uint8_t message[52] = {0x02, 0x05, [8] = 36, [38] = 1, [48] = 0x44, 0x33, 0x22, 0x11};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 52, 0);
	struct fwctl_rpc rpc;
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&rpc, bytes, sizeof(rpc));
	assert_int_equal(rpc.size, 32);
	assert_int_equal(rpc.scope, 2);
	assert_int_equal(rpc.in_len, 52);
	assert_int_equal(rpc.out_len, 8);
	assert_int_equal(rpc.in, 0);
	assert_int_equal(rpc.out, 0);
	assert_memory_equal(bytes + ARENA_MESSAGE, message, 52);
	assert_int_equal(arena.ioctl, 0x9a01);
	assert_int_equal(arena.given, 256 + 52);
	assert_reloc(&arena, 0, 16, 256, 52);
	assert_reloc(&arena, 1, 24, 4096, 8);
	assert_reply(&arena, 0, 12, 4);
	assert_reply(&arena, 1, 4096, 8);
}

/* A tail that runs out of the first page pushes the data pages further. */
/* Set LSA: the kernel gets its id and the payload, and nothing of the header. */
static void a_cxl_set_lsa(void **state)
{
	uint8_t message[28] = {0x03, 0x41, [8] = 12, [16] = 0x10, [24] = 0x44, 0x33, 0x22, 0x11};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 28, 0);
	struct cxl_send_command send;
	struct arena arena;

	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(pack(&c, bytes, &arena), 0);
	memcpy(&send, bytes, sizeof(send));
	assert_int_equal(send.id, 10);
	assert_int_equal(send.in.size, 12);
	assert_int_equal(send.out.size, 0);
	assert_memory_equal(bytes + ARENA_MESSAGE, message + 16, 12);
	assert_int_equal(arena.ioctl, 0xc030ce02);
	assert_int_equal(arena.given, ARENA_MESSAGE + 12);
	assert_int_equal(arena.size, 4096);
	/* No answer: no pointer to one. */
	assert_int_equal(arena.n_relocs, 1);
	assert_reloc(&arena, 0, 24, ARENA_MESSAGE, 12);
	assert_int_equal(arena.n_replies, 2);
	assert_reply(&arena, 0, 32, 4);
	assert_reply(&arena, 1, 12, 4);
	assert_int_equal(bytes[ARENA_MESSAGE + 12], 0xee);
}

static void a_cxl_query(void **state)
{
	uint8_t message[16] = {};
	struct classified c = classify_or_fail(fixture_dialect("cxl"), message, 16, 0);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.ioctl, 0x8008ce01);
	assert_int_equal(arena.given, 8);
	assert_int_equal(arena.size, 4096);
	assert_memory_equal(bytes, ((uint8_t[]){32, 0, 0, 0, 0, 0, 0, 0}), 8);
	assert_int_equal(arena.n_relocs, 0);
	assert_int_equal(arena.n_replies, 1);
	assert_reply(&arena, 0, 0, 8 + 32 * 16);
}

static void a_long_tail(void **state)
{
	static uint8_t message[48 + 8000] = {0x02, 0x05, [38] = 1};
	struct arena arena;
	struct classified c;

	assert_true(bytes_put(message, sizeof(message), 8, 4, BYTES_HOST, sizeof(message) - 16));
	memset(message + 48, 0x77, 8000);
	c = classify_or_fail(fixture_dialect("cxl"), message, sizeof(message), 0);
	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_memory_equal(bytes + 256, message, sizeof(message));
	assert_reloc(&arena, 0, 16, 256, sizeof(message));
	assert_reloc(&arena, 1, 24, 12288, 8);
	assert_int_equal(arena.size, 16384);
}

static void bnxt_statistics(void **state)
{
	uint8_t message[40] = {0x23, 0x00, 0xff, 0xff, 0, 0, 0xff, 0xff};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), message, 40, 0);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_memory_equal(bytes + 256, message, 40);
	assert_int_equal(arena.given, 256 + 40);
	assert_int_equal(arena.n_relocs, 4);
	assert_reloc(&arena, 0, 16, 256, 40);
	assert_reloc(&arena, 1, 24, 4096, 40);
	assert_reloc(&arena, 2, 256 + 24, 8192, 408);
	assert_reloc(&arena, 3, 256 + 32, 12288, 528);
	assert_int_equal(arena.n_replies, 4);
	assert_reply(&arena, 2, 8192, 408);
	assert_reply(&arena, 3, 12288, 528);
	assert_int_equal(arena.size, 16384);
}

/* To the device first: what the sender gives is one piece. An empty buffer has no address. */
static void segments_of_both_directions(void **state)
{
	uint8_t trace[40] = {0x2d, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, [33] = 1};
	uint8_t example[48] = {3, 0, 1, 0, 1, [36] = 16};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), trace, 40, 256);
	struct arena arena;

	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.given, 4096 + 256);
	assert_memory_equal(bytes + 4096, data, 256);
	assert_reloc(&arena, 1, 24, 8192, 16);
	assert_reloc(&arena, 2, 256 + 16, 4096, 256);
	assert_reloc(&arena, 3, 256 + 24, 12288, 256);
	assert_int_equal(arena.n_replies, 3);

	c = classify_or_fail(fixture_dialect("pds"), example, 48, 0);
	assert_int_equal(pack(&c, bytes, &arena), 0);
	assert_int_equal(arena.n_relocs, 3);
	assert_reloc(&arena, 2, 256 + 40, 8192, 16);
}

/* Lengths that classify() would not have let through. */
static void what_does_not_fit_is_refused(void **state)
{
	uint8_t trace[40] = {0x2d, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, [33] = 1};
	struct classified c = classify_or_fail(fixture_dialect("bnxt"), trace, 40, 256);
	struct arena arena, untouched;

	memset(&arena, 0x5a, sizeof(arena));
	untouched = arena;
	/* All of it in an arena; and what goes to the device in a datagram. */
	c.segment_lengths[1] = RESPONSE_DATA_MAX + 256 * 1024;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = ARENA_GIVEN_MAX - ARENA_PAGE + 1;
	c.segment_lengths[1] = 0;
	c.segment_data[0] = bytes;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = SIZE_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.segment_lengths[0] = 0;
	c.response_length = SIZE_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	c.response_length = 16;
	c.values[command_field(c.command, "data-len")].number = UINT64_MAX;
	assert_int_equal(pack(&c, bytes, &arena), -EMSGSIZE);
	assert_memory_equal(&arena, &untouched, sizeof(arena));
}

/*
 * The invariant's own reading of the catalogue: from the client's bytes and the table to the arena
 * that the kernel may get, without pack.c and its helpers.
 */

struct sent {
	uint8_t message[MESSAGE_HEAD_MAX + REQUEST_DATA_MAX];
	size_t length;
	size_t data_length;
	size_t tail;
	size_t response;
	size_t segments[SEGMENTS_MAX];
};

static bool oracle_length(const struct command *command, const struct length_case *cases,
			  size_t n_cases, const union field_value *values, uint64_t *seed,
			  size_t *ret)
{
	*ret = 0;
	if (n_cases == 0)
		return true;
	for (size_t i = 0; i < n_cases; i++) {
		const struct length *length = &cases[i].length;

		if (!condition_holds(&cases[i].when, command, values, 0))
			continue;
		if (length->any)
			*ret = length->min + random_below(seed, 100);
		else if (length->field < 0)
			*ret = length->add;
		else
			*ret = (values[length->field].number + length->add) * length->scale;
		return *ret <= REQUEST_DATA_MAX;
	}
	return false;
}

static bool is_length(const struct command *command, unsigned index)
{
	for (size_t i = 0; i < command->n_request; i++)
		if (command->request[i].length.field == (int)index)
			return true;
	for (size_t i = 0; i < command->n_response; i++)
		if (command->response[i].length.field == (int)index)
			return true;
	for (size_t i = 0; i < command->n_segments; i++)
		if (command->segments[i].length.field == (int)index)
			return true;
	return false;
}

/* A request with random fields and the right lengths; false when the table has no length for it. */
static bool make_request(const struct command *command, uint64_t *seed, struct sent *sent)
{
	bool tail = envelopes[command->envelope].tail;
	union field_value values[FIELDS_MAX] = {};
	size_t request;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed == FIXED_VALUE)
			values[i].number = field->fixed_value;
		else if (field->type != FIELD_NUMBER)
			for (unsigned j = 0; j < field->size; j++)
				values[i].bytes[j] = (uint8_t)(1 + random_below(seed, 255));
		else if (is_length(command, i))
			values[i].number = random_below(seed, 400) & field_max(field);
		else if (field->n_names > 0 && random_below(seed, 8) > 0)
			values[i].number = field->names[random_below(seed, field->n_names)].value;
		else if (random_below(seed, 2) > 0) /* those that conditions ask for */
			values[i].number = random_below(seed, 4) & field_max(field);
		else
			values[i].number = random_number(seed) & field_max(field);
	}
	if (!oracle_length(command, command->request, command->n_request, values, seed, &request) ||
	    !oracle_length(command, command->response, command->n_response, values, seed,
			   &sent->response))
		return false;

	sent->tail = tail ? request : 0;
	sent->length = command->message_size + sent->tail;
	sent->data_length = tail ? 0 : request;
	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct length *length = &command->segments[i].length;

		sent->segments[i] =
			length->field < 0
				? length->add
				: (values[length->field].number + length->add) * length->scale;
		if (command->segments[i].to_device)
			sent->data_length += sent->segments[i];
	}

	memset(sent->message, 0, command->message_size);
	assert_true(bytes_put(sent->message, command->message_size, command->dialect->opcode.offset,
			      command->dialect->opcode.size, command->dialect->opcode.order,
			      command->opcode));
	for (unsigned i = 0; i < command->n_fields; i++) {
		if (command->fields[i].fixed == FIXED_MESSAGE_SIZE)
			values[i].number = sent->length - command->fields[i].fixed_value;
		assert_true(field_put(&command->fields[i], sent->message, command->message_size,
				      &values[i]));
	}
	for (size_t i = 0; i < sent->tail; i++)
		sent->message[command->message_size + i] = (uint8_t)(1 + random_below(seed, 255));
	return true;
}

static void put(size_t offset, size_t size, uint64_t value)
{
	assert_true(bytes_put(expected, sizeof(expected), offset, size, BYTES_HOST, value));
}

static void put_dword(size_t offset, const struct sent *sent, size_t from)
{
	uint64_t value;

	assert_true(bytes_get(sent->message, 64, from, 4, BYTES_LITTLE, &value));
	put(offset, 4, value);
}

/* The next whole pages behind what `end` says. */
static uint32_t next_pages(uint32_t *end, size_t length)
{
	uint32_t at = (*end + 4095) / 4096 * 4096;

	if (length == 0)
		return 0;
	*end = at + (uint32_t)length;
	return at;
}

static void expect_reloc(const struct arena *arena, unsigned *n, uint32_t where, uint32_t target,
			 size_t length)
{
	if (length > 0)
		assert_reloc(arena, (*n)++, where, target, (uint32_t)length);
}

static void check_nvme(const struct command *command, const struct sent *sent,
		       const struct arena *arena)
{
	size_t length = sent->data_length + sent->response;
	uint32_t end = 80, at, given;
	unsigned n = 0;

	memset(expected, 0, 4096 + sent->data_length);
	expected[0] = sent->message[0];
	put_dword(4, sent, 4);
	put_dword(8, sent, 8);
	put_dword(12, sent, 12);
	for (unsigned i = 0; i < 6; i++)
		put_dword(40 + 4 * i, sent, 40 + 4 * i);
	put(36, 4, length);
	put(64, 4, command->timeout_ms);
	at = next_pages(&end, length);
	given = sent->data_length > 0 ? end : 80;
	if (sent->data_length > 0)
		memcpy(expected + at, data, sent->data_length);
	expect_reloc(arena, &n, 24, at, length);

	assert_int_equal(arena->ioctl, NVME_IOCTL_ADMIN64_CMD);
	assert_int_equal(arena->n_relocs, n);
	assert_int_equal(arena->given, given);
	assert_int_equal(arena->size, (end + 4095) / 4096 * 4096);
	/* flags, reserved, metadata, addr, metadata_len; reserved, result. */
	assert_true(bytes_zero(bytes + 1, 3));
	assert_true(bytes_zero(bytes + 16, 20));
	assert_true(bytes_zero(bytes + 68, 12));
}

static void check_fwctl(const struct command *command, const struct sent *sent,
			const struct classified *c, const struct arena *arena)
{
	uint32_t end = ARENA_MESSAGE + (uint32_t)sent->length, given, out;
	uint32_t at[SEGMENTS_MAX] = {};
	size_t used = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			at[i] = next_pages(&end, sent->segments[i]);
	given = end;
	memset(expected, 0, given);
	put(0, 4, 32);
	put(4, 4, c->scope);
	put(8, 4, sent->length);
	put(12, 4, sent->response);
	memcpy(expected + ARENA_MESSAGE, sent->message, sent->length);
	for (unsigned i = 0; i < command->n_segments; i++) {
		if (!command->segments[i].to_device)
			continue;
		memcpy(expected + at[i], data + used, sent->segments[i]);
		used += sent->segments[i];
	}
	out = next_pages(&end, sent->response);
	for (unsigned i = 0; i < command->n_segments; i++)
		if (!command->segments[i].to_device)
			at[i] = next_pages(&end, sent->segments[i]);

	expect_reloc(arena, &n, 16, ARENA_MESSAGE, sent->length);
	expect_reloc(arena, &n, 24, out, sent->response);
	for (unsigned i = 0; i < command->n_segments; i++) {
		uint32_t where = ARENA_MESSAGE + command->segments[i].pointer;

		assert_true(bytes_zero(bytes + where, 8));
		expect_reloc(arena, &n, where, at[i], sent->segments[i]);
	}
	assert_int_equal(arena->ioctl, FWCTL_RPC);
	assert_int_equal(arena->n_relocs, n);
	assert_int_equal(arena->given, given);
	assert_int_equal(arena->size, (end + 4095) / 4096 * 4096);
	/* in and out */
	assert_true(bytes_zero(bytes + 16, 16));
	assert_true(c->scope <= 3);
}

static void check_cxl(const struct command *command, const struct sent *sent,
		      const struct arena *arena)
{
	uint32_t in = (uint32_t)sent->length - 16, out_size = (uint32_t)sent->response - 8;
	uint32_t end = ARENA_MESSAGE + in, out;
	unsigned n = 0;

	memset(expected, 0, end);
	assert_true(command->kernel_id != 2 && command->kernel_id < CXL_MEM_COMMAND_ID_MAX);
	put(0, 4, command->kernel_id);
	put(16, 4, in);
	put(32, 4, out_size);
	memcpy(expected + ARENA_MESSAGE, sent->message + 16, in);
	assert_int_equal(arena->given, end);
	out = next_pages(&end, out_size);
	expect_reloc(arena, &n, 24, ARENA_MESSAGE, in);
	expect_reloc(arena, &n, 40, out, out_size);

	assert_int_equal(arena->ioctl, CXL_MEM_SEND_COMMAND);
	assert_int_equal(arena->n_relocs, n);
	assert_int_equal(arena->size, (end + 4095) / 4096 * 4096);
	/* flags, reserved, retval; reserved and pointers. */
	assert_true(bytes_zero(bytes + 4, 12) && bytes_zero(bytes + 20, 12) &&
		    bytes_zero(bytes + 36, 12));
	assert_reply(arena, 0, 32, 4);
	assert_reply(arena, 1, 12, 4);
	assert_int_equal(arena->n_replies, out_size > 0 ? 3 : 2);
	if (out_size > 0)
		assert_reply(arena, 2, out, out_size);
}

/* The kernel writes behind its 8 bytes: there must be room for all the entries that it is told. */
static void check_cxl_query(const struct sent *sent, const struct arena *arena)
{
	memset(expected, 0, 8);
	put(0, 4, (sent->response - 8) / 16);
	assert_int_equal(arena->ioctl, CXL_MEM_QUERY_COMMANDS);
	assert_int_equal(arena->given, 8);
	assert_int_equal(arena->n_relocs, 0);
	assert_true(arena->size >= sent->response);
	assert_int_equal(arena->n_replies, 1);
	assert_reply(arena, 0, 0, (uint32_t)sent->response);
}

/* The places that the reference names one by one, whatever a table says. */
static void check_reserved(const struct dialect *dialect, size_t in_len)
{
	const uint8_t *in = bytes + ARENA_MESSAGE;
	uint64_t op_size;

	if (strcmp(dialect->name, "cxl") == 0) {
		assert_true(bytes_zero(in + 4, 4));
		assert_true(bytes_get(in, 16, 8, 4, BYTES_HOST, &op_size));
		assert_int_equal(op_size, in_len - 16);
		assert_true(bytes_zero(in + 12, 4));
		assert_int_equal(in[2] | in[3], 0); /* upper half of the opcode */
		if (in[0] == 0x02)
			assert_true(bytes_zero(in + 32, 4) && bytes_zero(in + 39, 9));
	} else if (strcmp(dialect->name, "mlx5") == 0) {
		assert_true(bytes_zero(in + 2, 4)); /* uid */
	} else if (strcmp(dialect->name, "bnxt") == 0) {
		assert_int_equal(in[2] & in[3] & in[6] & in[7], 0xff); /* ring, target */
		assert_true(bytes_zero(in + 4, 2) && bytes_zero(in + 8, 8));
	} else if (strcmp(dialect->name, "pds") == 0) {
		assert_true(bytes_zero(in + 8, 4) && bytes_zero(in + 16, 8) &&
			    bytes_zero(in + 40, 8));
	}
}

/* Every piece of data has whole pages of its own, within the arena and behind what is given. */
static void check_pages(const struct arena *arena)
{
	assert_true(arena->given <= arena->size && arena->size <= ARENA_MAX);
	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *reloc = &arena->relocs[i];

		assert_true(reloc->where % 4 == 0 && reloc->where + 8 <= arena->given);
		assert_true(reloc->length > 0 && reloc->target + reloc->length <= arena->size);
		assert_true(reloc->target % 4096 == 0 || reloc->target == ARENA_MESSAGE);
		for (uint32_t j = 0; j < i; j++) {
			const struct arena_reloc *other = &arena->relocs[j];

			assert_true(reloc->where >= other->where + 8 ||
				    other->where >= reloc->where + 8);
			assert_true(
				reloc->target / 4096 > (other->target + other->length - 1) / 4096 ||
				other->target / 4096 > (reloc->target + reloc->length - 1) / 4096);
		}
	}
	for (uint32_t i = 0; i < arena->n_replies; i++)
		assert_true(arena->replies[i].offset + arena->replies[i].length <= arena->size);
}

static bool check_request(const struct command *command, const struct sent *sent)
{
	struct refusal refusal;
	struct classified c;
	struct arena arena;

	if (classify(command->dialect, sent->message, sent->length, data, sent->data_length, NULL,
		     &c, &refusal) < 0)
		return false;
	assert_ptr_equal(c.command, command);
	assert_int_equal(pack(&c, bytes, &arena), 0);
	if (command->envelope == ENVELOPE_NVME_ADMIN)
		check_nvme(command, sent, &arena);
	else if (command->envelope == ENVELOPE_FWCTL_RPC)
		check_fwctl(command, sent, &c, &arena);
	else if (command->kernel_id == CXL_MEM_COMMAND_ID_INVALID)
		check_cxl_query(sent, &arena);
	else
		check_cxl(command, sent, &arena);
	assert_memory_equal(bytes, expected, arena.given);
	if (command->envelope == ENVELOPE_FWCTL_RPC)
		check_reserved(command->dialect, sent->length);
	check_pages(&arena);
	return true;
}

/*
 * DESIGN section 10, 3: no client byte lands in a pointer, length, timeout or reserved field of
 * what the kernel gets. Random requests with every data byte marked; then the same with one more
 * bit set that belongs to nobody, which must be refused.
 */
static void invariant_3_no_client_byte_in_pointer_length_timeout_or_reserved(void **state)
{
	static const char *const names[] = {"nvme", "cxl", "bnxt", "mlx5", "pds"};
	static struct sent sent;
	uint64_t seed = 3;
	unsigned accepted = 0, refused = 0, of_each[ELEMENTSOF(names)][512] = {};

	for (unsigned round = 0; accepted < 200000; round++) {
		const struct dialect *dialect = fixture_dialect(names[round % ELEMENTSOF(names)]);
		const struct command *command = random_command(dialect, &seed);
		unsigned bit;

		assert_true(round < 2000000);
		if (!make_request(command, &seed, &sent) || !check_request(command, &sent))
			continue;
		accepted++;
		of_each[round % ELEMENTSOF(names)][command - dialect->commands]++;

		bit = (unsigned)random_below(&seed, command->message_size * 8);
		if (command->mask[bit / 8] & 1u << bit % 8)
			continue;
		sent.message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(check_request(command, &sent));
		refused++;
	}
	assert_true(refused > 50000);
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		const struct dialect *dialect = fixture_dialect(names[i]);

		for (size_t j = 0; j < dialect->n_commands; j++)
			assert_true(dialect->commands[j].refused || of_each[i][j] > 100);
	}
}

static int setup(void **state)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(1 + random_below(&seed, 255));
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_smart_log),
		cmocka_unit_test(a_timestamp_to_the_device),
		cmocka_unit_test(no_data_no_pointer),
		cmocka_unit_test(a_cxl_set_feature),
		cmocka_unit_test(a_cxl_set_lsa),
		cmocka_unit_test(a_cxl_query),
		cmocka_unit_test(a_long_tail),
		cmocka_unit_test(bnxt_statistics),
		cmocka_unit_test(segments_of_both_directions),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(invariant_3_no_client_byte_in_pointer_length_timeout_or_reserved),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
