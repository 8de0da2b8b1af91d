/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/classify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/measure.h"
#include "policy/message.h"

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

int command_refuse(const struct command *command, struct refusal *ret_refusal)
{
	return refuse(ret_refusal, -EOPNOTSUPP, "%s is never sent: %s.%s", command->full_name,
		      command->refused,
		      command->layout_unknown ? " Who knows it can describe the command in a file "
						"of /etc/fwctld/commands.d/."
					      : "");
}

static int refuse_unknown(const struct dialect *dialect, uint32_t opcode, const struct given *given,
			  struct refusal *ret_refusal)
{
	const struct command *relative = dialect_opcode(dialect, opcode);
	char selected[128] = "";
	size_t length = 0;

	/* Its opcode is another one's: what tells these apart stands in fields. */
	for (unsigned i = 0; relative && i < relative->n_fields && length < sizeof(selected); i++) {
		const struct field *field = &relative->fields[i];
		union field_value value;

		if (field->select &&
		    field_get(field, given->message, given->message_length, &value))
			length += (size_t)snprintf(selected + length, sizeof(selected) - length,
						   ", %s 0x%" PRIx64, field->name, value.number);
	}
	return refuse(ret_refusal, -ENOENT,
		      "The catalogue has no %s command with the opcode 0x%02" PRIx32
		      "%s; describe it in a file of /etc/fwctld/commands.d/ first.",
		      dialect->name, opcode, selected);
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
	/* A word of at most 32 bits. */
	command = dialect_find(dialect, (uint32_t)opcode, given->message, given->message_length);
	if (!command)
		return refuse_unknown(dialect, (uint32_t)opcode, given, ret_refusal);
	if (command->refused)
		return command_refuse(command, ret_refusal);
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

/* A number that would reach beyond what another one says is there. */
static int check_at_most(const struct classified *c, struct refusal *ret_refusal)
{
	const struct command *command = c->command;

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->at_most >= 0 && c->values[i].number > c->values[field->at_most].number)
			return refuse(ret_refusal, -EBADMSG,
				      "The field %s of %s is 0x%" PRIx64
				      "; it must be at most %s, which is 0x%" PRIx64 " here.",
				      field->name, command->full_name, c->values[i].number,
				      command->fields[field->at_most].name,
				      c->values[field->at_most].number);
	}
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
	return check_at_most(c, ret_refusal);
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

const struct value_case *command_scope(const struct command *command,
				       const union field_value *values, effect_set effects)
{
	for (size_t i = 0; i < command->n_scopes; i++)
		if (condition_holds(&command->scopes[i].when, command, values, effects))
			return &command->scopes[i];
	return NULL;
}

static int choose_scope(struct classified *c, struct refusal *ret_refusal)
{
	const struct command *command = c->command;
	const struct value_case *scope;

	if (command->envelope != ENVELOPE_FWCTL_RPC)
		return 0;
	scope = command_scope(command, c->values, c->effects);
	if (!scope)
		return refuse(ret_refusal, -EOPNOTSUPP,
			      "The catalogue does not know which kernel scope %s needs with these "
			      "fields.",
			      command->full_name);
	c->scope = (unsigned)scope->value;
	/* Scopes 2 and 3 taint before the driver even looks at the request (fwctl main.c). */
	if (c->scope >= 2)
		worsen(c, 0, EFFECT_BIT(EFFECT_TAINTS_KERNEL), c->reason);
	return 0;
}

bool command_lacks_kernel(const struct command *command, const struct live_effects *live)
{
	return live && command->needs & ~live->kernel_capabilities;
}

/* A kernel that would not take the pointers of the message for addresses, or not at all. */
static int refuse_incapable(const struct command *command, struct refusal *ret_refusal)
{
	const struct dialect *dialect = command->dialect;
	const char *name = "";

	for (size_t i = 0; i < dialect->n_kernel_capabilities; i++)
		if (command->needs == UINT32_C(1) << dialect->kernel_capabilities[i].value)
			name = dialect->kernel_capabilities[i].name;
	return refuse(ret_refusal, -EOPNOTSUPP,
		      "%s needs a kernel whose driver has the capability \"%s\"; this one's says "
		      "that it has not.",
		      command->full_name, name);
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
	if (command_lacks_kernel(c.command, live))
		return refuse_incapable(c.command, ret_refusal);
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
