/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/random-oracle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "include/kernel-abi.h"

#define PAGE	      4096u
#define MESSAGE_AT    256u /* where the message begins, behind the ioctl's struct */
#define GIVEN_MAX     131072u
#define ALL_MAX	      2359296u
#define TO_DEVICE_MAX 65536u
#define FROM_MAX      2097152u
#define BYTES_MAX     (GIVEN_MAX + PAGE)

/* The client's bits of each command's message, by the place of the command in its dialect. */
static struct known {
	const struct dialect *dialect;
	uint8_t **client;
} known[8];
static size_t n_known;

const char oracle_no_length[] = "nobody knows how long it is";

static uint8_t expected[BYTES_MAX], client[BYTES_MAX];

/* Bit n of a word: in which byte of the message, and which bit of it. */
static size_t bit_place(const struct field_part *part, unsigned n, unsigned *ret_bit)
{
	unsigned byte = n / 8;

	*ret_bit = n % 8;
	return part->offset + (part->order == BYTES_BIG ? part->size - 1u - byte : byte);
}

static uint64_t part_number(const struct field_part *part, const uint8_t *message)
{
	uint64_t value = 0;

	for (unsigned n = part->low; n <= part->high; n++) {
		unsigned bit;
		size_t at = bit_place(part, n, &bit);

		value |= (uint64_t)(message[at] >> bit & 1u) << (n - part->low);
	}
	return value;
}

uint64_t oracle_get(const struct field *field, const uint8_t *message)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (unsigned i = 0; i < field->n_parts; i++) {
		value |= part_number(&field->parts[i], message) << shift;
		shift += field->parts[i].high - field->parts[i].low + 1u;
	}
	return value;
}

void oracle_put(const struct field *field, uint8_t *message, uint64_t value)
{
	for (unsigned i = 0; i < field->n_parts; i++)
		for (unsigned n = field->parts[i].low; n <= field->parts[i].high;
		     n++, value >>= 1) {
			unsigned bit;
			size_t at = bit_place(&field->parts[i], n, &bit);

			message[at] = (uint8_t)((message[at] & ~(1u << bit)) | (value & 1) << bit);
		}
}

static void mark(const struct field_part *part, uint8_t *bits)
{
	for (unsigned n = part->low; n <= part->high; n++) {
		unsigned bit;
		size_t at = bit_place(part, n, &bit);

		bits[at] |= (uint8_t)(1u << bit);
	}
}

static uint8_t *client_bits(const struct command *command)
{
	uint8_t *bits = calloc(1, command->message_size);

	assert(bits);
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed != FIXED_NOT)
			continue;
		if (field->type == FIELD_NUMBER)
			for (unsigned j = 0; j < field->n_parts; j++)
				mark(&field->parts[j], bits);
		else
			memset(bits + field->parts[0].offset, 0xff, field->size);
	}
	/* The loader must not let a field stand on a pointer or on the opcode. */
	for (unsigned i = 0; i < command->n_segments; i++)
		for (unsigned j = 0; j < 8; j++)
			assert(bits[command->segments[i].pointer + j] == 0);
	assert(part_number(&command->dialect->opcode, bits) == 0);
	return bits;
}

void oracle_learn(const struct dialect *dialect)
{
	struct known *k = &known[n_known++];

	assert(n_known <= sizeof(known) / sizeof(known[0]));
	k->dialect = dialect;
	k->client = calloc(dialect->n_commands, sizeof(*k->client));
	assert(k->client);
	for (size_t i = 0; i < dialect->n_commands; i++)
		if (!dialect->commands[i].refused)
			k->client[i] = client_bits(&dialect->commands[i]);
}

void oracle_forget(void)
{
	for (; n_known > 0; n_known--) {
		struct known *k = &known[n_known - 1];

		for (size_t i = 0; i < k->dialect->n_commands; i++)
			free(k->client[i]);
		free(k->client);
	}
}

const uint8_t *oracle_client_bits(const struct command *command)
{
	for (size_t i = 0; i < n_known; i++)
		if (known[i].dialect == command->dialect)
			return known[i].client[command - command->dialect->commands];
	return NULL;
}

static bool holds(const struct condition *condition, const struct command *command,
		  const uint8_t *message, effect_set effects)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		const struct field *field = &command->fields[term->field];
		bool fits = false;

		if (field->type == FIELD_NUMBER) {
			uint64_t value = oracle_get(field, message);

			for (size_t j = 0; j < term->n_ranges; j++)
				fits |= term->ranges[j].first <= value &&
					value <= term->ranges[j].last;
		} else {
			for (size_t j = 0; j < term->n_uuids; j++)
				fits |= memcmp(message + field->parts[0].offset, term->uuids[j],
					       16) == 0;
		}
		if (!fits)
			return false;
	}
	return condition->any_effect == 0 || (condition->any_effect & effects) != 0;
}

/* False: it has more than 64 bits. */
static bool length_number(const struct command *command, const struct length *length,
			  const uint8_t *message, uint64_t *ret)
{
	__uint128_t bytes = length->add;

	if (length->field >= 0)
		bytes = (oracle_get(&command->fields[length->field], message) + bytes) *
			length->scale;
	*ret = (uint64_t)bytes;
	return bytes <= UINT64_MAX;
}

bool oracle_length(const struct command *command, const struct length_case *cases, size_t n_cases,
		   const uint8_t *message, const struct length **ret_length, uint64_t *ret)
{
	static const struct length nothing = {.field = -1};

	*ret_length = &nothing;
	*ret = 0;
	if (n_cases == 0)
		return true;
	for (size_t i = 0; i < n_cases; i++)
		if (holds(&cases[i].when, command, message, 0)) {
			*ret_length = &cases[i].length;
			return length_number(command, &cases[i].length, message, ret);
		}
	return false;
}

static bool selected(const struct command *command, const uint8_t *message, size_t length)
{
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (!field->select)
			continue;
		for (unsigned j = 0; j < field->n_parts; j++)
			if (field->parts[j].offset + (size_t)field->parts[j].size > length)
				return false;
		if (oracle_get(field, message) != field->fixed_value)
			return false;
	}
	return true;
}

/* No message is two commands. */
static const struct command *find(const struct dialect *dialect, const uint8_t *message,
				  size_t length)
{
	const struct command *found = NULL;
	uint64_t opcode;

	if (length < dialect->opcode.offset + (size_t)dialect->opcode.size)
		return NULL;
	opcode = part_number(&dialect->opcode, message);
	for (size_t i = 0; i < dialect->n_commands; i++)
		if (dialect->commands[i].opcode == opcode &&
		    selected(&dialect->commands[i], message, length)) {
			assert(!found);
			found = &dialect->commands[i];
		}
	return found;
}

/* What is fwctld's own, bit for bit: nothing else may be set outside of a client's fields. */
static const char *judge_head(const struct command *command, const uint8_t *message, size_t length)
{
	const uint8_t *bits = oracle_client_bits(command);
	static uint8_t own[MESSAGE_HEAD_MAX];
	const struct field opcode = {.parts = {command->dialect->opcode}, .n_parts = 1};

	memset(own, 0, command->message_size);
	oracle_put(&opcode, own, command->opcode);
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed == FIXED_VALUE)
			oracle_put(field, own, field->fixed_value);
		else if (field->fixed == FIXED_MESSAGE_SIZE)
			oracle_put(field, own, length - field->fixed_value);
	}
	for (uint32_t i = 0; i < command->message_size; i++) {
		assert((own[i] & bits[i]) == 0);
		if ((message[i] & ~bits[i] & 0xff) != own[i])
			return "a bit that is no client's";
	}
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->at_most >= 0 &&
		    oracle_get(field, message) >
			    oracle_get(&command->fields[field->at_most], message))
			return "more than another field says";
	}
	return NULL;
}

static const char *judge_lengths(struct oracle *o, const uint8_t *message, size_t message_length,
				 size_t data_length)
{
	const struct command *command = o->command;
	const struct limits *limits = &command->dialect->limits;
	bool nvme = command->envelope == ENVELOPE_NVME_ADMIN;
	size_t came = nvme ? data_length : message_length - command->message_size;
	const struct length *length;
	uint64_t bytes, to_device = 0;

	if (!oracle_length(command, command->request, command->n_request, message, &length, &bytes))
		return oracle_no_length;
	if (length->any ? came < length->min || came > length->max : came != bytes)
		return "another request length";
	if (came > TO_DEVICE_MAX)
		return "a request too long";
	o->request = came;
	if (message_length < limits->message_min ||
	    (limits->message_max > 0 && message_length > limits->message_max) ||
	    (limits->message_unit > 0 && message_length % limits->message_unit > 0))
		return "a message length that the kernel refuses";
	if (!oracle_length(command, command->response, command->n_response, message, &length,
			   &bytes))
		return oracle_no_length;
	if (bytes > FROM_MAX)
		return "a response too long";
	if (bytes < command->dialect->status.offset + (size_t)command->dialect->status.size)
		return "a response without a status";
	if (bytes < limits->response_min)
		return "a response that the kernel refuses";
	o->response = (size_t)bytes;
	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct segment *segment = &command->segments[i];

		if (!length_number(command, &segment->length, message, &bytes) ||
		    bytes > (segment->to_device ? TO_DEVICE_MAX : FROM_MAX))
			return "a segment too long";
		if (bytes < limits->segment_min ||
		    (limits->segment_max > 0 && bytes > limits->segment_max))
			return "a segment that the kernel refuses";
		o->segments[i] = (size_t)bytes;
		if (segment->to_device)
			to_device += bytes;
	}
	if (!nvme && to_device != data_length)
		return "another data length";
	/* NVMe, bits 1:0 of the opcode: 1 to the device, 2 from it. */
	if (nvme && ((o->request > 0 && (command->opcode & 3) != 1) ||
		     (o->response > 0 && (command->opcode & 3) != 2)))
		return "the other direction";
	return NULL;
}

static void add(struct oracle *o, enum effect_class class, effect_set effects)
{
	o->effects |= effects;
	if (class > o->class)
		o->class = class;
	for (int e = 0; e < _EFFECT_MAX; e++)
		if (effects & EFFECT_BIT(e) && effect_class_of((enum effect)e) > o->class)
			o->class = effect_class_of((enum effect)e);
}

static effect_set reported(const struct live_table *table, const uint8_t key[static 16],
			   bool *ret_found)
{
	*ret_found = true;
	for (size_t i = 0; i < table->n_entries; i++)
		if (memcmp(table->entries[i].key.bytes, key, 16) == 0)
			return table->entries[i].report.effects;
	*ret_found = table->others.reason != NULL;
	return *ret_found ? table->others.effects : 0;
}

static void judge_live(struct oracle *o, const uint8_t *message, const struct live_effects *live)
{
	const struct command *command = o->command;
	uint64_t number = command->opcode;
	uint8_t key[16] = {};
	bool found = false;

	memcpy(key, &number, sizeof(number));
	if (live)
		add(o, 0, reported(&live->commands, key, &found));
	if (command->live_key < 0)
		return;
	found = false;
	memset(key, 0, sizeof(key));
	if (command->fields[command->live_key].type == FIELD_UUID) {
		memcpy(key, message + command->fields[command->live_key].parts[0].offset, 16);
	} else {
		number = oracle_get(&command->fields[command->live_key], message);
		memcpy(key, &number, sizeof(number));
	}
	if (live)
		add(o, 0, reported(&live->values, key, &found));
	if (!found && command->live_absent)
		add(o, command->live_absent, 0);
}

static const char *judge_class(struct oracle *o, const uint8_t *message,
			       const struct live_effects *live)
{
	const struct command *command = o->command;

	if (o->refinement)
		add(o, o->refinement->class, o->refinement->effects);
	else
		add(o, command->class, command->effects);
	for (size_t i = 0; i < command->n_also; i++)
		if (holds(&command->also[i].when, command, message, o->effects))
			add(o, command->also[i].class, command->also[i].effects);
	o->static_class = o->class;
	judge_live(o, message, live);

	if (command->envelope != ENVELOPE_FWCTL_RPC)
		return NULL;
	for (size_t i = 0; i < command->n_scopes; i++)
		if (holds(&command->scopes[i].when, command, message, o->effects)) {
			o->scope = (unsigned)command->scopes[i].value;
			if (o->scope >= FWCTL_RPC_DEBUG_WRITE)
				add(o, 0, EFFECT_BIT(EFFECT_TAINTS_KERNEL));
			return NULL;
		}
	return "no scope";
}

/* The arena, piece by piece: each in pages of its own, what goes to the device first. */

static uint32_t pages(uint32_t *end, size_t length)
{
	uint32_t at = (*end + PAGE - 1) / PAGE * PAGE;

	if (length == 0)
		return 0;
	*end = at + (uint32_t)length;
	return at;
}

static void reloc(struct arena *arena, uint32_t where, uint32_t target, size_t length)
{
	if (length > 0)
		arena->relocs[arena->n_relocs++] =
			(struct arena_reloc){where, target, (uint32_t)length};
}

static void reply(struct arena *arena, uint32_t offset, size_t length)
{
	if (length > 0)
		arena->replies[arena->n_replies++] = (struct arena_range){offset, (uint32_t)length};
}

static void put(uint32_t offset, size_t value)
{
	uint32_t number = (uint32_t)value;

	memcpy(expected + offset, &number, sizeof(number));
}

static void put_data(uint32_t at, const uint8_t *data, size_t length)
{
	if (length == 0)
		return;
	memcpy(expected + at, data, length);
	memset(client + at, 0xff, length);
}

static void put_head(uint32_t at, const uint8_t *message, const uint8_t *bits, size_t length)
{
	memcpy(expected + at, message, length);
	memcpy(client + at, bits, length);
}

static void expect_nvme(struct oracle *o, const uint8_t *message, const uint8_t *data)
{
	/* Dwords 0 to 3 and 10 to 15 of the entry are where the kernel's struct has them. */
	static const uint8_t dwords[] = {4, 8, 12, 40, 44, 48, 52, 56, 60};
	const uint8_t *bits = oracle_client_bits(o->command);
	size_t length = o->request + o->response;
	uint32_t end = 80, at = pages(&end, length);

	o->arena.ioctl = NVME_IOCTL_ADMIN64_CMD;
	o->arena.given = o->request > 0 ? end : 80;
	o->arena.size = end;
	memset(expected, 0, o->arena.given);
	memset(client, 0, o->arena.given);
	expected[0] = (uint8_t)o->command->opcode;
	for (size_t i = 0; i < sizeof(dwords); i++)
		put_head(dwords[i], message + dwords[i], bits + dwords[i], 4);
	put(36, length);
	put(64, o->command->timeout_ms);
	put_data(at, data, o->request);
	reloc(&o->arena, 24, at, length);
	reply(&o->arena, 72, 8);
	reply(&o->arena, at, o->response);
}

static void expect_fwctl(struct oracle *o, const uint8_t *message, const uint8_t *data)
{
	const struct command *command = o->command;
	size_t length = command->message_size + o->request;
	uint32_t end = MESSAGE_AT + (uint32_t)length, at[SEGMENTS_MAX] = {}, out;

	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			at[i] = pages(&end, o->segments[i]);
	o->arena.ioctl = FWCTL_RPC;
	o->arena.given = end;
	if (end > GIVEN_MAX)
		return;
	out = pages(&end, o->response);
	for (unsigned i = 0; i < command->n_segments; i++)
		if (!command->segments[i].to_device)
			at[i] = pages(&end, o->segments[i]);
	o->arena.size = end;

	memset(expected, 0, o->arena.given);
	memset(client, 0, o->arena.given);
	put(0, 32);
	put(4, o->scope);
	put(8, length);
	put(12, o->response);
	put_head(MESSAGE_AT, message, oracle_client_bits(command), command->message_size);
	put_data(MESSAGE_AT + command->message_size, message + command->message_size, o->request);
	reloc(&o->arena, 16, MESSAGE_AT, length);
	reloc(&o->arena, 24, out, o->response);
	reply(&o->arena, 12, 4);
	reply(&o->arena, out, o->response);
	for (unsigned i = 0; i < command->n_segments; i++) {
		reloc(&o->arena, MESSAGE_AT + command->segments[i].pointer, at[i], o->segments[i]);
		if (command->segments[i].to_device) {
			put_data(at[i], data, o->segments[i]);
			data += o->segments[i];
		} else {
			reply(&o->arena, at[i], o->segments[i]);
		}
	}
}

/* 16 bytes of header before the payload, 8 in the answer: neither goes to this kernel. */
static void expect_cxl_mem(struct oracle *o, const uint8_t *message)
{
	uint32_t fields = o->command->message_size - 16, in = fields + (uint32_t)o->request;
	uint32_t end = MESSAGE_AT + in, out;

	if (o->command->kernel_id == 0) {
		o->arena.ioctl = CXL_MEM_QUERY_COMMANDS;
		o->arena.given = 8;
		o->arena.size = (uint32_t)o->response;
		memset(expected, 0, 8);
		memset(client, 0, 8);
		put(0, (o->response - 8) / 16);
		reply(&o->arena, 0, o->response);
		return;
	}
	o->arena.ioctl = CXL_MEM_SEND_COMMAND;
	o->arena.given = end;
	out = pages(&end, o->response - 8);
	o->arena.size = end;
	memset(expected, 0, o->arena.given);
	memset(client, 0, o->arena.given);
	put(0, o->command->kernel_id);
	put(16, in);
	put(32, o->response - 8);
	put_head(MESSAGE_AT, message + 16, oracle_client_bits(o->command) + 16, fields);
	put_data(MESSAGE_AT + fields, message + 16 + fields, o->request);
	reloc(&o->arena, 24, MESSAGE_AT, in);
	reloc(&o->arena, 40, out, o->response - 8);
	reply(&o->arena, 32, 4);
	reply(&o->arena, 12, 4);
	reply(&o->arena, out, o->response - 8);
}

static const char *expect(struct oracle *o, const uint8_t *message, const uint8_t *data)
{
	switch (o->command->envelope) {
	case ENVELOPE_NVME_ADMIN:
		expect_nvme(o, message, data);
		break;
	case ENVELOPE_FWCTL_RPC:
		expect_fwctl(o, message, data);
		break;
	default:
		expect_cxl_mem(o, message);
		break;
	}
	o->arena.size = (o->arena.size + PAGE - 1) / PAGE * PAGE;
	o->bytes = expected;
	o->client = client;
	return o->arena.given > GIVEN_MAX || o->arena.size > ALL_MAX ? "more than fits" : NULL;
}

static const char *judge(const struct dialect *dialect, const uint8_t *message,
			 size_t message_length, const uint8_t *data, size_t data_length,
			 const struct live_effects *live, struct oracle *o)
{
	const char *why;

	o->command = find(dialect, message, message_length);
	if (!o->command)
		return "no such command";
	if (o->command->refused)
		return "never sent";
	if (live && o->command->needs & ~live->kernel_capabilities)
		return "the kernel lacks a capability";
	if (message_length < o->command->message_size ||
	    (o->command->envelope == ENVELOPE_NVME_ADMIN && message_length != 64))
		return "another message length";
	why = judge_head(o->command, message, message_length);
	for (size_t i = 0; i < o->command->n_refine && !why && !o->refinement; i++)
		if (holds(&o->command->refine[i].when, o->command, message, 0))
			o->refinement = &o->command->refine[i];
	if (!why)
		why = judge_lengths(o, message, message_length, data_length);
	if (!why)
		why = judge_class(o, message, live);
	if (!why)
		why = expect(o, message, data);
	return why;
}

void oracle_judge(const struct dialect *dialect, const uint8_t *message, size_t message_length,
		  const uint8_t *data, size_t data_length, const struct live_effects *live,
		  struct oracle *ret)
{
	*ret = (struct oracle){};
	ret->refused = judge(dialect, message, message_length, data, data_length, live, ret);
}
