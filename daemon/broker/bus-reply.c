/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/bus-reply.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"
#include "policy/decode.h"
#include "policy/field.h"

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
	return value && *value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_details(sd_bus_message *m, const struct request *request)
{
	char id[SD_ID128_STRING_MAX];
	int r;

	r = append_text(m, "request", sd_id128_to_string(request->id, id));
	if (r < 0 || !request->classified.command)
		return r;
	r = append_text(m, "class", effect_class_to_string(request->classified.class));
	if (r >= 0)
		r = append_text(m, "rule", request->said.rule_id);
	if (r >= 0)
		r = append_text(m, "rule-at", request->said.rule_at);
	if (r >= 0)
		r = append_text(m, "note", request->said.note);
	if (r >= 0 && request->outcome.kind == OUTCOME_REFUSED_BY_DEVICE)
		r = sd_bus_message_append(m, "{sv}", "status", "u", request->outcome.status);
	return r;
}

int bus_reply_error(sd_bus_message *call, const struct request *request, const char *name,
		    const char *format, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	char text[1024];
	va_list ap;
	int r;

	if (sd_bus_message_get_expect_reply(call) <= 0)
		return 1;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* A file's name can hold any byte, and a cut can split a character; D-Bus takes UTF-8
	 * alone. */
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	r = sd_bus_message_new_method_errorf(call, &m, name, "%s", text);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0 && request)
		r = append_details(m, request);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	/* Without the memory for the details, or for text that is not UTF-8: the name alone. */
	if (r < 0)
		(void)sd_bus_reply_method_errorf(call, name, "The request was refused.");
	return 1;
}

/* The answer to an execution, and about what it takes while it waits for the bus. */
struct answer {
	sd_bus_message *m;
	size_t bytes;
};

/* What D-Bus puts around a name and a value: lengths, signatures, padding. */
#define ITEM_BYTES 40u

static sd_bus_message *answer_count(struct answer *answer, const char *item, size_t value)
{
	answer->bytes += ITEM_BYTES + strlen(item) + value;
	return answer->m;
}

static int decoded_number(void *userdata, const char *item, uint64_t value, const char *name,
			  const char *unit)
{
	sd_bus_message *m = answer_count(userdata, item, strlen(name ?: unit ?: ""));

	if (name)
		return sd_bus_message_append(m, "{sv}", item, "s", name);
	return unit ? sd_bus_message_append(m, "{sv}", item, "(ts)", value, unit)
		    : sd_bus_message_append(m, "{sv}", item, "t", value);
}

static int decoded_signed_number(void *userdata, const char *item, int64_t value, const char *name,
				 const char *unit)
{
	sd_bus_message *m = answer_count(userdata, item, strlen(name ?: unit ?: ""));

	if (name)
		return sd_bus_message_append(m, "{sv}", item, "s", name);
	return unit ? sd_bus_message_append(m, "{sv}", item, "(xs)", value, unit)
		    : sd_bus_message_append(m, "{sv}", item, "x", value);
}

static int decoded_big_number(void *userdata, const char *item, const char *digits,
			      const char *unit)
{
	sd_bus_message *m = answer_count(userdata, item, strlen(digits) + strlen(unit ?: ""));

	return unit ? sd_bus_message_append(m, "{sv}", item, "(ss)", digits, unit)
		    : sd_bus_message_append(m, "{sv}", item, "s", digits);
}

static int decoded_text(void *userdata, const char *item, const char *text)
{
	sd_bus_message *m = answer_count(userdata, item, strlen(text));

	return sd_bus_message_append(m, "{sv}", item, "s", text);
}

static int open_value(sd_bus_message *m, const char *item, const char *contents)
{
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", item);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', contents);
	return r;
}

static int close_value(sd_bus_message *m)
{
	int r;

	r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

static int decoded_bytes(void *userdata, const char *item, const void *data, size_t size)
{
	sd_bus_message *m = answer_count(userdata, item, size);
	int r;

	r = open_value(m, item, "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', data, size);
	return r < 0 ? r : close_value(m);
}

static int decoded_begin_group(void *userdata, const char *item)
{
	sd_bus_message *m = answer_count(userdata, item, 0);
	int r;

	r = open_value(m, item, "aa{sv}");
	return r < 0 ? r : sd_bus_message_open_container(m, 'a', "a{sv}");
}

static int decoded_begin_member(void *userdata)
{
	struct answer *answer = userdata;

	return sd_bus_message_open_container(answer->m, 'a', "{sv}");
}

static int decoded_end_member(void *userdata)
{
	struct answer *answer = userdata;

	return sd_bus_message_close_container(answer->m);
}

static int decoded_end_group(void *userdata)
{
	struct answer *answer = userdata;
	int r;

	r = sd_bus_message_close_container(answer->m);
	return r < 0 ? r : close_value(answer->m);
}

static const struct decode_visitor decoded_visitor = {
	.number = decoded_number,
	.signed_number = decoded_signed_number,
	.big_number = decoded_big_number,
	.text = decoded_text,
	.bytes = decoded_bytes,
	.begin_group = decoded_begin_group,
	.begin_member = decoded_begin_member,
	.end_member = decoded_end_member,
	.end_group = decoded_end_group,
};

size_t bus_reply_executed(const struct request *request)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const struct outcome *outcome = &request->outcome;
	const struct layout *layout = classified_layout(&request->classified);
	struct answer answer = {.bytes = outcome->response_length};
	char id[SD_ID128_STRING_MAX];
	int r;

	if (sd_bus_message_get_expect_reply(request->call) <= 0)
		return 0;
	r = sd_bus_message_new_method_return(request->call, &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "su", sd_id128_to_string(request->id, id),
					  outcome->status);
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', outcome->response,
						outcome->response_length);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0 && outcome->has_result)
		r = sd_bus_message_append(m, "{sv}", "result", "t", outcome->result);
	answer.m = m;
	if (r >= 0 && layout)
		r = decode(layout, outcome->response, outcome->response_length, &decoded_visitor,
			   &answer);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	if (r >= 0)
		return answer.bytes;
	(void)bus_reply_error(request->call, request, FWCTLD_ERROR_OUTCOME_UNKNOWN,
			      "The command was executed, but its answer could not be sent: %s",
			      strerror(-r));
	return 0;
}

static int append_effects(sd_bus_message *m, const char *key, effect_set effects)
{
	int r;

	r = open_value(m, key, "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (unsigned i = 0; r >= 0 && i < _EFFECT_MAX; i++)
		if (effects & EFFECT_BIT(i))
			r = sd_bus_message_append(m, "s", effect_to_string(i));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : close_value(m);
}

static int append_fields(sd_bus_message *m, const struct classified *classified)
{
	const struct command *command = classified->command;
	char text[FIELD_TEXT_MAX];
	int r;

	r = open_value(m, "fields", "a{ss}");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{ss}");
	for (unsigned i = 0; r >= 0 && i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_NOT)
			r = sd_bus_message_append(m, "{ss}", command->fields[i].name,
						  field_format(&command->fields[i],
							       &classified->values[i], text,
							       sizeof(text)));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : close_value(m);
}

/* What a rule that does not decide yet would have decided. */
static int append_observed(sd_bus_message *m, const struct request *request)
{
	struct decision_text said;
	int r;

	decision_describe_observed(&request->decision, &said);
	r = append_text(m, "observed-verdict",
			verdict_to_string(request->decision.observed_verdict));
	if (r >= 0)
		r = append_text(m, "observed-rule", said.rule_id);
	if (r >= 0)
		r = append_text(m, "observed-rule-at", said.rule_at);
	return r;
}

int bus_reply_explanation(const struct request *request)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const struct classified *classified = &request->classified;
	const struct decision_text *said = &request->said;
	int r;

	r = sd_bus_message_new_method_return(request->call, &m);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = append_text(m, "command", classified->command->full_name);
	if (r >= 0)
		r = append_fields(m, classified);
	if (r >= 0)
		r = append_text(m, "class", effect_class_to_string(classified->class));
	if (r >= 0)
		r = append_effects(m, "effects", classified->effects);
	if (r >= 0)
		r = append_text(m, "reason", classified->reason);
	if (r >= 0)
		r = append_text(m, "static-class",
				effect_class_to_string(classified->static_class));
	if (r >= 0 && classified->reported.reason)
		r = append_effects(m, "device-effects", classified->reported.effects);
	if (r >= 0)
		r = append_text(m, "device-reason", classified->reported.reason);
	if (r >= 0 && classified->command->envelope == ENVELOPE_FWCTL_RPC)
		r = sd_bus_message_append(m, "{sv}", "scope", "u", classified->scope);
	if (r >= 0)
		r = append_text(m, "verdict", verdict_to_string(request->decision.verdict));
	if (r >= 0)
		r = append_text(m, "rule", said->rule_id);
	if (r >= 0)
		r = append_text(m, "rule-at", said->rule_at);
	if (r >= 0)
		r = append_text(m, "note", said->note);
	if (r >= 0)
		r = append_text(m, "decision", said->reason);
	if (r >= 0 && request->decision.observed)
		r = append_observed(m, request);
	if (r >= 0 && request_lacks_device_id(request))
		r = sd_bus_message_append(m, "{sv}", "needs", "as", 1, "device-id");
	if (r >= 0)
		r = append_text(m, "digest", request->digest);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	return r < 0 ? r : 1;
}
