/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/measure.h"

#include <errno.h>
#include <inttypes.h>

#include "policy/envelope.h"

/* False: more than 64 bits can count. */
static bool length_of(const struct length *length, const union field_value *values, uint64_t *ret)
{
	uint64_t sum;

	if (length->field < 0) {
		*ret = length->add;
		return true;
	}
	return !__builtin_add_overflow(values[length->field].number, length->add, &sum) &&
	       !__builtin_mul_overflow(sum, length->scale, ret);
}

/* No case at all: no bytes. Cases, but none holds: nobody wrote down how many, so it is refused. */
static int find_length(const struct classified *c, const struct length_case *cases, size_t n_cases,
		       const char *what, const struct length **ret, struct refusal *ret_refusal)
{
	static const struct length nothing = {.field = -1};

	if (n_cases == 0) {
		*ret = &nothing;
		return 0;
	}
	for (size_t i = 0; i < n_cases; i++)
		if (condition_holds(&cases[i].when, c->command, c->values, c->effects)) {
			*ret = &cases[i].length;
			return 0;
		}
	return refuse(ret_refusal, -EOPNOTSUPP,
		      "The catalogue does not know how many bytes %s %s with these fields; a wrong "
		      "length can overwrite memory, so it is refused.",
		      c->command->full_name, what);
}

static int measure_request(struct classified *c, const struct given *given,
			   struct refusal *ret_refusal)
{
	const struct command *command = c->command;
	bool tail = envelopes[command->envelope].tail;
	size_t came = tail ? given->message_length - command->message_size : given->data_length;
	const struct length *length = NULL;
	uint64_t bytes;
	int r;

	r = find_length(c, command->request, command->n_request, "takes", &length, ret_refusal);
	if (r < 0)
		return r;
	if (length->any) {
		if (came < length->min || (came > length->max && came <= REQUEST_DATA_MAX))
			return refuse(ret_refusal, -EBADMSG,
				      "%s takes %" PRIu64 " to %" PRIu64
				      " bytes of data; %zu came.",
				      command->full_name, length->min, length->max, came);
		bytes = came;
	} else if (!length_of(length, c->values, &bytes)) {
		bytes = UINT64_MAX;
	}
	if (bytes > REQUEST_DATA_MAX)
		return refuse(ret_refusal, -EMSGSIZE,
			      "%s would send %" PRIu64
			      " bytes of data; fwctld carries at most %u in "
			      "one command. Send it in pieces.",
			      command->full_name, bytes, REQUEST_DATA_MAX);
	if (came != bytes && tail)
		return refuse(ret_refusal, -EBADMSG,
			      "This message of %s must have %" PRIu64 " bytes, %" PRIu64
			      " of them data; it has %zu.",
			      command->full_name, command->message_size + bytes, bytes,
			      given->message_length);
	if (came != bytes)
		return refuse(ret_refusal, -EBADMSG,
			      "%s with these fields takes %" PRIu64 " bytes of data; %zu came.",
			      command->full_name, bytes, came);
	c->request_length = (size_t)bytes;
	if (bytes > 0)
		c->request = tail ? given->message + command->message_size : given->data;
	return 0;
}

/* The driver cuts what is no whole unit, or refuses it: what would be executed is another message.
 */
static int check_message_limits(const struct classified *c, size_t length,
				struct refusal *ret_refusal)
{
	const struct limits *limits = &c->command->dialect->limits;

	if (length < limits->message_min ||
	    (limits->message_max > 0 && length > limits->message_max))
		return refuse(ret_refusal, -EBADMSG,
			      "This message of %s has %zu bytes; the kernel's driver takes from "
			      "%" PRIu32 " to %" PRIu32 ".",
			      c->command->full_name, length, limits->message_min,
			      limits->message_max ?: REQUEST_DATA_MAX);
	if (limits->message_unit > 0 && length % limits->message_unit != 0)
		return refuse(ret_refusal, -EBADMSG,
			      "This message of %s has %zu bytes; the kernel's driver takes a "
			      "multiple of %" PRIu32 ".",
			      c->command->full_name, length, limits->message_unit);
	return 0;
}

static int measure_response(struct classified *c, struct refusal *ret_refusal)
{
	const struct command *command = c->command;
	const struct field_part *status = &command->dialect->status;
	const struct length *length = NULL;
	uint64_t bytes;
	int r;

	r = find_length(c, command->response, command->n_response, "answers", &length, ret_refusal);
	if (r < 0)
		return r;
	if (!length_of(length, c->values, &bytes))
		bytes = UINT64_MAX;
	if (bytes > RESPONSE_DATA_MAX) {
		bool pieces = command->pieces.possible;

		return refuse(
			ret_refusal, -EMSGSIZE,
			"%s would answer %" PRIu64
			" bytes; fwctld carries at most %u in one request. Read it in %s%s%s%s%s.",
			command->full_name, bytes, RESPONSE_DATA_MAX,
			pieces ? "several: the field " : "pieces",
			pieces ? command->fields[command->pieces.offset].name : "",
			pieces ? " says from which byte on, and " : "",
			pieces ? command->fields[length->field].name : "",
			pieces ? " how much" : "");
	}
	/* Sent like this, nobody could ever say whether it was executed, or the driver refuses it.
	 */
	if (bytes < command->dialect->limits.response_min ||
	    (status->size > 0 && !bytes_within((size_t)bytes, status->offset, status->size)))
		return refuse(ret_refusal, -EOPNOTSUPP,
			      "The answer of %s would have %" PRIu64
			      " bytes, too few for the kernel's driver or the device's status.",
			      command->full_name, bytes);
	c->response_length = (size_t)bytes;
	return 0;
}

static int measure_segments(struct classified *c, const struct given *given,
			    struct refusal *ret_refusal)
{
	const struct command *command = c->command;
	const struct limits *limits = &command->dialect->limits;
	size_t used = 0;

	/* Without a tail the data was the request, and the message is no memory that could hold
	 * pointers. */
	if (!envelopes[command->envelope].tail) {
		if (command->n_segments == 0)
			return 0;
		return refuse(
			ret_refusal, -EOPNOTSUPP,
			"The catalogue gives %s pointers, which its envelope has no place for.",
			command->full_name);
	}

	for (unsigned i = 0; i < command->n_segments; i++) {
		const struct segment *segment = &command->segments[i];
		uint64_t limit = segment->to_device ? REQUEST_DATA_MAX : RESPONSE_DATA_MAX;
		uint64_t bytes;

		if (!length_of(&segment->length, c->values, &bytes) || bytes > limit)
			return refuse(
				ret_refusal, -EMSGSIZE,
				"%s with these fields moves more than %" PRIu64
				" bytes in one piece, which is all that fwctld carries. %s it in "
				"pieces.",
				command->full_name, limit, segment->to_device ? "Send" : "Read");
		if (bytes < limits->segment_min ||
		    (limits->segment_max > 0 && bytes > limits->segment_max))
			return refuse(ret_refusal, -EBADMSG,
				      "%s with these fields moves %" PRIu64
				      " bytes; the kernel's driver takes from %" PRIu32
				      " to %" PRIu32 ".",
				      command->full_name, bytes, limits->segment_min,
				      limits->segment_max ?: RESPONSE_DATA_MAX);
		c->segment_lengths[i] = (size_t)bytes;
		if (!segment->to_device || bytes == 0)
			continue;
		if (!bytes_within(given->data_length, used, (size_t)bytes))
			return refuse(ret_refusal, -EBADMSG,
				      "%s with these fields takes %" PRIu64
				      " bytes of data from byte %zu on; %zu came.",
				      command->full_name, bytes, used, given->data_length);
		c->segment_data[i] = given->data + used;
		used += (size_t)bytes;
	}

	if (given->data_length != used)
		return refuse(
			ret_refusal, -EBADMSG,
			"%s with these fields takes %zu bytes of data beside the message; %zu "
			"came.",
			command->full_name, used, given->data_length);
	return 0;
}

/*
 * NVMe has one data buffer, and bits 1:0 of the opcode say which way it goes (0 none, 1 to the
 * device, 2 from it, 3 both). A catalogue entry that disagrees is wrong about what the device would
 * do.
 */
static int check_nvme_direction(const struct classified *c, struct refusal *ret_refusal)
{
	unsigned direction = c->command->opcode & 3u;

	if ((c->request_length > 0 && direction != 1) || (c->response_length > 0 && direction != 2))
		return refuse(ret_refusal, -EOPNOTSUPP,
			      "The catalogue gives %s %zu bytes to the device and %zu from it; its "
			      "opcode 0x%02" PRIx32 " moves data %s.",
			      c->command->full_name, c->request_length, c->response_length,
			      c->command->opcode,
			      direction == 0   ? "in no direction"
			      : direction == 1 ? "to the device alone"
			      : direction == 2 ? "from the device alone"
					       : "in both directions, which is not supported");
	return 0;
}

int measure(struct classified *c, const struct given *given, struct refusal *ret_refusal)
{
	struct envelope_plan plan;
	int r;

	r = measure_request(c, given, ret_refusal);
	if (r < 0)
		return r;
	r = check_message_limits(c, given->message_length, ret_refusal);
	if (r < 0)
		return r;
	r = measure_response(c, ret_refusal);
	if (r < 0)
		return r;
	r = measure_segments(c, given, ret_refusal);
	if (r < 0)
		return r;
	if (c->command->envelope == ENVELOPE_NVME_ADMIN) {
		r = check_nvme_direction(c, ret_refusal);
		if (r < 0)
			return r;
	}
	if (envelope_plan(c, &plan) < 0)
		return refuse(ret_refusal, -EMSGSIZE,
			      "The data of %s is more than fwctld carries in one command: %u bytes "
			      "to the device, and %u in all. Move it in pieces.",
			      c->command->full_name, ARENA_GIVEN_MAX, ARENA_MAX);
	return 0;
}
