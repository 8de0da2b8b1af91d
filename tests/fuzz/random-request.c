/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/random-request.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "include/cleanup.h"
#include "tests/fuzz/random-oracle.h"

#define DATA_MAX (REQUEST_DATA_MAX * 2u + 4096u)

const char *const mutation_names[_MUTATION_MAX] = {
	[MUTATION_NONE] = "none",
	[MUTATION_FIELD] = "a field's bit",
	[MUTATION_RESERVED] = "a reserved bit",
	[MUTATION_POINTER] = "a pointer's bit",
	[MUTATION_FIXED] = "a fixed field's bit",
	[MUTATION_OPCODE] = "another opcode",
	[MUTATION_LENGTH] = "another message length",
	[MUTATION_DATA] = "another data length",
	[MUTATION_SWAP] = "swapped halves",
	[MUTATION_BYTES] = "other bytes",
};

static uint64_t state;
static uint8_t *message_end, *data_end;
static uint8_t scratch[RANDOM_MESSAGE_MAX];

uint8_t *guarded_end(size_t size)
{
	uint8_t *start =
		mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(size % 4096 == 0 && start != MAP_FAILED);
	assert(mprotect(start + size, 4096, PROT_NONE) == 0);
	return start + size;
}

uint64_t random_next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t random_upto(uint64_t limit)
{
	return random_next() % limit;
}

void random_setup(uint64_t seed)
{
	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	message_end = guarded_end((RANDOM_MESSAGE_MAX + 4095u) / 4096u * 4096u);
	data_end = guarded_end(DATA_MAX);
	/* Nothing that fwctld would write itself where it must be zero. */
	for (size_t i = 1; i <= DATA_MAX; i++)
		data_end[-(ptrdiff_t)i] = (uint8_t)(1 + random_upto(255));
}

/* Bytes that somebody could ask for: few mostly, and at times those of a limit. */
static uint64_t random_length(void)
{
	static const uint64_t limits[] = {0,	 1,	4,	8,	 512,	  4096,	  65535,
					  65536, 65537, 131072, 2097151, 2097152, 2097153};

	switch (random_upto(64)) {
	case 0:
		return limits[random_upto(ELEMENTSOF(limits))];
	case 1:
		return random_upto(65600);
	case 2 ... 5:
		return limits[random_upto(6)];
	case 6 ... 9:
		return random_upto(5000);
	default:
		return random_upto(130);
	}
}

static unsigned field_width(const struct field *field)
{
	unsigned width = 0;

	for (unsigned i = 0; i < field->n_parts; i++)
		width += field->parts[i].high - field->parts[i].low + 1u;
	return width;
}

static uint64_t field_limit(const struct field *field)
{
	return UINT64_MAX >> (64 - field_width(field));
}

static uint64_t random_value(const struct field *field)
{
	uint64_t limit = field_limit(field);

	if (field->n_names > 0 && random_upto(2) == 0)
		return field->names[random_upto(field->n_names)].value;
	switch (random_upto(8)) {
	case 0:
		return limit;
	case 1 ... 2:
		return 0;
	case 3 ... 4:
		return random_upto(4) & limit;
	default:
		return random_next() & limit;
	}
}

/* What a length names; NULL: this is not its field. */
static const struct length *counts(const struct command *command, unsigned field)
{
	for (size_t i = 0; i < command->n_request; i++)
		if (command->request[i].length.field == (int)field)
			return &command->request[i].length;
	for (size_t i = 0; i < command->n_response; i++)
		if (command->response[i].length.field == (int)field)
			return &command->response[i].length;
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].length.field == (int)field)
			return &command->segments[i].length;
	return NULL;
}

static void put_random(const struct command *command, unsigned index)
{
	const struct field *field = &command->fields[index];
	const struct length *length = counts(command, index);
	uint64_t value;

	if (field->fixed == FIXED_VALUE) {
		oracle_put(field, scratch, field->fixed_value);
	} else if (field->type != FIELD_NUMBER) {
		for (unsigned i = 0; i < field->size; i++)
			scratch[field->parts[0].offset + i] = (uint8_t)random_next();
	} else if (length && random_upto(32) > 0) {
		value = random_length() / length->scale;
		value = value < length->add ? 0 : value - length->add;
		oracle_put(field, scratch, value & field_limit(field));
	} else if (field->at_most >= 0 && field->at_most < (int)index && random_upto(32) > 0) {
		value = oracle_get(&command->fields[field->at_most], scratch);
		oracle_put(field, scratch, random_upto(2) ? value : random_next() % (value + 1));
	} else if (field->fixed == FIXED_NOT) {
		oracle_put(field, scratch, random_value(field));
	}
}

/* Makes the condition hold, by the values at its edges more often than by others; at times it just
 * misses. */
static void put_condition(const struct command *command, const struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		const struct field *field = &command->fields[term->field];
		const struct value_range *range;
		uint64_t value;

		if (field->fixed != FIXED_NOT)
			continue;
		if (term->n_uuids > 0) {
			memcpy(scratch + field->parts[0].offset,
			       term->uuids[random_upto(term->n_uuids)], 16);
			continue;
		}
		range = &term->ranges[random_upto(term->n_ranges)];
		value = random_upto(2) ? range->first : range->last;
		if (range->last - range->first > 1 && random_upto(3) == 0)
			value = range->first + random_upto(range->last - range->first);
		if (random_upto(32) == 0)
			value += random_upto(2) ? 1 : -UINT64_C(1);
		oracle_put(field, scratch, value & field_limit(field));
	}
}

/* One of all the conditions that the entry names: its classes, additions, scopes, layouts. */
static const struct condition *random_condition(const struct command *command)
{
	size_t n = random_upto(command->n_refine + command->n_also + command->n_scopes +
			       command->n_layouts + 1);

	if (n < command->n_refine)
		return &command->refine[n].when;
	n -= command->n_refine;
	if (n < command->n_also)
		return &command->also[n].when;
	n -= command->n_also;
	if (n < command->n_scopes)
		return &command->scopes[n].when;
	n -= command->n_scopes;
	if (n < command->n_layouts)
		return &command->layouts[n].when;
	return NULL;
}

static void put_conditions(const struct command *command)
{
	const struct condition *condition = random_condition(command);

	if (command->n_request > 0)
		put_condition(command, &command->request[random_upto(command->n_request)].when);
	if (command->n_response > 0)
		put_condition(command, &command->response[random_upto(command->n_response)].when);
	if (condition)
		put_condition(command, condition);
}

/* Bytes beside the fields that the request, as it now stands in scratch, needs. */
static size_t needed(const struct command *command)
{
	const struct length *length;
	uint64_t bytes = 0;

	if (!oracle_length(command, command->request, command->n_request, scratch, &length, &bytes))
		return 0;
	if (length->any)
		bytes = length->min + random_length() % (length->max - length->min + 1);
	return bytes > REQUEST_DATA_MAX + 4 ? REQUEST_DATA_MAX + 4 : (size_t)bytes;
}

static size_t needed_beside(const struct command *command)
{
	size_t sum = 0;

	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct length_case one = {.length = command->segments[i].length};
		const struct length *length;
		uint64_t bytes;

		if (!command->segments[i].to_device)
			continue;
		if (!oracle_length(command, &one, 1, scratch, &length, &bytes) ||
		    bytes > REQUEST_DATA_MAX)
			bytes = REQUEST_DATA_MAX;
		sum += (size_t)bytes;
	}
	return sum;
}

static void place(struct random_request *request, size_t length)
{
	request->message_length = length;
	request->message = message_end - length;
	memcpy(request->message, scratch, length);
}

static void place_data(struct random_request *request, size_t length)
{
	request->data_length = length < DATA_MAX ? length : DATA_MAX;
	request->data = data_end - request->data_length;
}

/* A key of what the device has a report of. */
static void put_live_key(const struct command *command, const struct live_effects *live)
{
	const struct live_table *table = &live->values;
	const struct field *field = &command->fields[command->live_key];

	if (field->type == FIELD_UUID && table->n_entries > 0)
		memcpy(scratch + field->parts[0].offset,
		       table->entries[random_upto(table->n_entries)].key.bytes, 16);
}

void random_request(const struct command *command, const struct live_effects *live,
		    struct random_request *ret)
{
	const struct field opcode = {.parts = {command->dialect->opcode}, .n_parts = 1};
	size_t size = command->message_size, bytes;

	*ret = (struct random_request){.dialect = command->dialect, .command = command};
	memset(scratch, 0, size);
	oracle_put(&opcode, scratch, command->opcode);
	for (unsigned i = 0; i < command->n_fields; i++)
		put_random(command, i);
	put_conditions(command);
	if (live && command->live_key >= 0 && random_upto(2))
		put_live_key(command, live);

	bytes = needed(command);
	if (command->envelope != ENVELOPE_NVME_ADMIN) {
		memcpy(scratch + size, data_end - bytes, bytes);
		size += bytes;
		bytes = needed_beside(command);
	}
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_MESSAGE_SIZE)
			oracle_put(&command->fields[i], scratch,
				   size - command->fields[i].fixed_value);
	/* Of what is never sent, nobody knows how long it is. */
	if (command->refused) {
		bytes = random_upto(256);
		memset(scratch + size, 0, bytes);
		size += bytes;
	}
	place(ret, size);
	place_data(ret, bytes);
}

static bool flip_field(struct random_request *request, bool fixed)
{
	const struct command *command = request->command;
	unsigned start = (unsigned)random_upto(command->n_fields + 1);

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[(start + i) % command->n_fields];

		if ((field->fixed != FIXED_NOT) != fixed || field->select)
			continue;
		if (field->type != FIELD_NUMBER)
			request->message[field->parts[0].offset + random_upto(field->size)] ^=
				(uint8_t)(1u << random_upto(8));
		else
			oracle_put(field, request->message,
				   oracle_get(field, request->message) ^
					   UINT64_C(1) << random_upto(field_width(field)));
		return true;
	}
	return false;
}

static bool flip_reserved(struct random_request *request)
{
	const struct command *command = request->command;
	uint8_t *bits = scratch; /* those that are somebody's */
	const struct field opcode = {.parts = {command->dialect->opcode}, .n_parts = 1};

	if (command->refused)
		return false;
	memcpy(bits, oracle_client_bits(command), command->message_size);
	oracle_put(&opcode, bits, UINT64_MAX);
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed != FIXED_NOT)
			oracle_put(&command->fields[i], bits, UINT64_MAX);
	for (unsigned i = 0; i < command->n_segments; i++)
		memset(bits + command->segments[i].pointer, 0xff, 8);
	for (unsigned tries = 0; tries < 64; tries++) {
		unsigned bit = (unsigned)random_upto(command->message_size * 8u);

		if (bits[bit / 8] >> bit % 8 & 1u)
			continue;
		request->message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		return true;
	}
	return false;
}

/* And what beside the opcode says which command it is. */
static void change_opcode(struct random_request *request)
{
	const struct dialect *dialect = request->dialect;
	const struct command *other = &dialect->commands[random_upto(dialect->n_commands)];
	const struct field opcode = {.parts = {dialect->opcode}, .n_parts = 1};
	uint64_t value = other->opcode;

	for (unsigned i = 0; i < other->n_fields; i++)
		if (other->fields[i].select &&
		    other->fields[i].parts[0].offset + 8u <= request->message_length)
			oracle_put(&other->fields[i], request->message,
				   random_upto(4) ? other->fields[i].fixed_value : random_next());

	switch (random_upto(4)) {
	case 0:
		value = random_next();
		break;
	case 1:
		value ^= UINT64_C(1) << random_upto(32);
		break;
	}
	oracle_put(&opcode, request->message, value);
}

static bool change_length(struct random_request *request)
{
	size_t length = request->message_length;

	switch (random_upto(4)) {
	case 0:
		length++;
		break;
	case 1:
		length -= length > 0;
		break;
	case 2:
		length = random_upto(length + 1);
		break;
	case 3:
		length += random_upto(64);
		break;
	}
	if (length == request->message_length || length > RANDOM_MESSAGE_MAX)
		return false;
	memset(scratch, 0, length); /* what is added is zero, or could be */
	memcpy(scratch, request->message,
	       length < request->message_length ? length : request->message_length);
	place(request, length);
	return true;
}

static bool change_data(struct random_request *request)
{
	size_t length = request->data_length;

	switch (random_upto(4)) {
	case 0:
		length++;
		break;
	case 1:
		length = random_upto(length + 1);
		break;
	case 2:
		length += random_upto(5000);
		break;
	case 3:
		length = 0;
		break;
	}
	if (length == request->data_length)
		return false;
	place_data(request, length);
	return true;
}

static void swap_halves(struct random_request *request)
{
	size_t length = request->message_length, half = length / 2;

	memcpy(scratch, request->message + half, length - half);
	memcpy(scratch + length - half, request->message, half);
	place(request, length);
}

bool random_mutate(struct random_request *request, enum mutation mutation)
{
	const struct command *command = request->command;

	request->mutation = mutation;
	switch (mutation) {
	case MUTATION_NONE:
	case _MUTATION_MAX:
		return false;
	case MUTATION_FIELD:
		return flip_field(request, false);
	case MUTATION_FIXED:
		return flip_field(request, true);
	case MUTATION_RESERVED:
		return flip_reserved(request);
	case MUTATION_POINTER:
		if (command->n_segments == 0 || command->refused)
			return false;
		request->message[command->segments[random_upto(command->n_segments)].pointer +
				 random_upto(8)] ^= (uint8_t)(1u << random_upto(8));
		return true;
	case MUTATION_OPCODE:
		change_opcode(request);
		return true;
	case MUTATION_LENGTH:
		return change_length(request);
	case MUTATION_DATA:
		return change_data(request);
	case MUTATION_SWAP:
		swap_halves(request);
		return true;
	case MUTATION_BYTES:
		for (unsigned n = 1 + (unsigned)random_upto(4);
		     n > 0 && request->message_length > 0; n--)
			request->message[random_upto(request->message_length)] =
				(uint8_t)random_next();
		return true;
	}
	return false;
}
