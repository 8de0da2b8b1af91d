/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/classify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/message.h"

/* What a client gave, under one name. */
struct given {
	const uint8_t *message;
	size_t message_length;
	const uint8_t *data;
	size_t data_length;
};

int refuse(struct refusal *ret_refusal, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret_refusal->text, sizeof(ret_refusal->text), format, ap);
	va_end(ap);
	/* Whatever was cut or came from a client: what is left fits a D-Bus string and one log
	 * line. */
	for (char *p = ret_refusal->text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return error;
}

static int find_command(const struct dialect *dialect, const struct given *given,
			const struct command **ret, struct refusal *ret_refusal)
{
	const struct command *command;
	uint64_t opcode;

	if (!part_get(&dialect->opcode, given->message, given->message_length, &opcode))
		return refuse(
			ret_refusal, -EBADMSG,
			"This is no %s command: a message of %zu bytes has no room for an opcode.",
			dialect->name, given->message_length);
	command = opcode > UINT32_MAX ? NULL : dialect_opcode(dialect, (uint32_t)opcode);
	if (!command)
		return refuse(ret_refusal, -ENOENT,
			      "The catalogue has no %s command with the opcode 0x%02" PRIx64
			      "; describe it in a file of /etc/fwctld/commands.d/ first.",
			      dialect->name, opcode);
	*ret = command;
	return 0;
}

static int check_fixed(const struct command *command, unsigned index,
		       const union field_value *value, size_t message_length,
		       struct refusal *ret_refusal)
{
	const struct field *field = &command->fields[index];
	uint64_t must = field->fixed_value;

	if (field->fixed == FIXED_NOT)
		return 0;
	if (field->fixed == FIXED_MESSAGE_SIZE)
		must = message_length - field->fixed_value; /* at least message_size less it */
	if (value->number != must)
		return refuse(ret_refusal, -EBADMSG,
			      "The field %s of %s is 0x%" PRIx64 "; it must be 0x%" PRIx64 " here.",
			      field->name, command->full_name, value->number, must);
	return 0;
}

/* Everything in the message that is not the tail: pointers, reserved bits, fields, fixed values. */
static int parse_head(struct classified *c, const struct given *given, struct refusal *ret_refusal)
{
	const struct command *command = c->command;
	bool tail = envelopes[command->envelope].tail;
	int r;

	/* How long a tail must be depends on fields; measure_request() looks at it. */
	if (given->message_length < command->message_size ||
	    (!tail && given->message_length != command->message_size))
		return refuse(ret_refusal, -EBADMSG,
			      "A message of %s has %s%" PRIu32 " bytes; this one has %zu.",
			      command->full_name, tail ? "at least " : "", command->message_size,
			      given->message_length);

	for (unsigned i = 0; i < command->n_segments; i++) {
		size_t pointer = command->segments[i].pointer;

		if (!bytes_within(command->message_size, pointer, 8))
			return refuse(ret_refusal, -EOPNOTSUPP,
				      "The catalogue puts a pointer of %s outside of its message.",
				      command->full_name);
		if (!bytes_zero(given->message + pointer, 8))
			return refuse(
				ret_refusal, -EBADMSG,
				"Bytes %zu to %zu of %s are a pointer, which only fwctld fills "
				"in: send zeroes there, and the data beside the message.",
				pointer, pointer + 7, command->full_name);
	}

	for (size_t i = 0; i < command->message_size; i++) {
		unsigned reserved = given->message[i] & ~command->mask[i] & 0xffu;

		if (reserved != 0)
			return refuse(
				ret_refusal, -EBADMSG,
				"Byte %zu of %s has bits 0x%02x set, which belong to no field "
				"of this command; reserved bits must be zero.",
				i, command->full_name, reserved);
	}

	for (unsigned i = 0; i < command->n_fields; i++) {
		if (!field_get(&command->fields[i], given->message, command->message_size,
			       &c->values[i]))
			return refuse(ret_refusal, -EOPNOTSUPP,
				      "The catalogue puts the field %s outside of %s.",
				      command->fields[i].name, command->full_name);
		r = check_fixed(command, i, &c->values[i], given->message_length, ret_refusal);
		if (r < 0)
			return r;
	}
	return 0;
}

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
	/* Sent like this, nobody could ever say whether it was executed. */
	if (status->size > 0 && !bytes_within((size_t)bytes, status->offset, status->size))
		return refuse(ret_refusal, -EOPNOTSUPP,
			      "The answer of %s would have %" PRIu64
			      " bytes, too few to hold the device's status.",
			      command->full_name, bytes);
	c->response_length = (size_t)bytes;
	return 0;
}

static int measure_segments(struct classified *c, const struct given *given,
			    struct refusal *ret_refusal)
{
	const struct command *command = c->command;
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

static int measure(struct classified *c, const struct given *given, struct refusal *ret_refusal)
{
	struct envelope_plan plan;
	int r;

	r = measure_request(c, given, ret_refusal);
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

/* The one way in which a class changes after it was set: upwards. */
static void worsen(struct classified *c, enum effect_class class, effect_set effects,
		   const char *reason)
{
	enum effect_class forced = effect_set_class(effects);

	if (forced > class)
		class = forced;
	if (class > c->class) {
		c->class = class;
		c->reason = reason;
	}
	c->effects |= effects;
}

static struct live_key value_key(const struct field *field, const union field_value *value)
{
	return field->type == FIELD_UUID ? live_key_uuid(value->bytes)
					 : live_key_number(value->number);
}

/* The device has the last word, and can only add to what was said before. */
static void judge_live(struct classified *c, const struct live_effects *live)
{
	const struct command *command = c->command;
	const struct live_report *report = NULL;

	c->static_class = c->class;
	if (live) {
		report = live_find(&live->commands, live_key_number(command->opcode));
		if (report)
			live_worsen(&c->reported, report);
	}
	if (command->live_key >= 0) {
		report = NULL;
		if (live)
			report = live_find(&live->values,
					   value_key(&command->fields[command->live_key],
						     &c->values[command->live_key]));
		if (report)
			live_worsen(&c->reported, report);
		else if (command->live_absent)
			worsen(c, command->live_absent, 0,
			       live ? "the device does not report what this would do"
				    : "what the device reports of this has not been read");
	}
	worsen(c, 0, c->reported.effects, c->reported.reason);
}

static const struct refinement *find_refinement(const struct classified *c)
{
	const struct command *command = c->command;

	for (size_t i = 0; i < command->n_refine; i++)
		if (condition_holds(&command->refine[i].when, command, c->values, 0))
			return &command->refine[i];
	return NULL;
}

/* refinement: the one that fits, or NULL: none does. */
static void judge(struct classified *c, const struct refinement *refinement,
		  const struct live_effects *live)
{
	const struct command *command = c->command;

	c->class = refinement ? refinement->class : command->class;
	c->effects = refinement ? refinement->effects : command->effects;
	c->reason = refinement ? refinement->reason : command->reason;
	/* The loader refuses an effect that is worse than its class; nothing hangs on that here. */
	worsen(c, 0, c->effects, c->reason);

	for (size_t i = 0; i < command->n_also; i++) {
		const struct refinement *also = &command->also[i];

		if (condition_holds(&also->when, command, c->values, c->effects))
			worsen(c, also->class, also->effects, also->reason);
	}
	judge_live(c, live);
}

static int choose_scope(struct classified *c, struct refusal *ret_refusal)
{
	const struct command *command = c->command;

	if (command->envelope != ENVELOPE_FWCTL_RPC)
		return 0;
	for (size_t i = 0; i < command->n_scopes; i++) {
		const struct value_case *scope = &command->scopes[i];

		if (!condition_holds(&scope->when, command, c->values, c->effects))
			continue;
		c->scope = (unsigned)scope->value;
		/* Scopes 2 and 3 taint before the driver even looks at the request (fwctl main.c).
		 */
		if (c->scope >= 2)
			worsen(c, 0, EFFECT_BIT(EFFECT_TAINTS_KERNEL), c->reason);
		return 0;
	}
	return refuse(ret_refusal, -EOPNOTSUPP,
		      "The catalogue does not know which kernel scope %s needs with these fields.",
		      command->full_name);
}

int classify(const struct dialect *dialect, const void *message, size_t message_length,
	     const void *data, size_t data_length, const struct live_effects *live,
	     struct classified *ret, struct refusal *ret_refusal)
{
	const struct given given = {
		.message = message,
		.message_length = message_length,
		.data = data,
		.data_length = data_length,
	};
	struct classified c = {};
	int r;

	r = find_command(dialect, &given, &c.command, ret_refusal);
	if (r < 0)
		return r;
	r = parse_head(&c, &given, ret_refusal);
	if (r < 0)
		return r;
	r = measure(&c, &given, ret_refusal);
	if (r < 0)
		return r;
	judge(&c, find_refinement(&c), live);
	r = choose_scope(&c, ret_refusal);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

void classify_as(const struct command *command, const struct refinement *refinement,
		 const union field_value *values, const struct live_effects *live,
		 struct classified *ret)
{
	struct refusal ignored;

	*ret = (struct classified){.command = command};
	memcpy(ret->values, values, command->n_fields * sizeof(*values));
	judge(ret, refinement, live);
	/* Where no scope is known the request would be refused; the class is told all the same. */
	(void)choose_scope(ret, &ignored);
}
