/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/manager.h"
#include "daemon/broker/request-parse.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "policy/encode.h"
#include "policy/field.h"
#include "policy/suggest.h"
#include "policy/yaml.h"

#define REASON_MAX 256u /* bytes */

/* Any of D-Bus's integers; what is below zero fits no field. */
static int read_integer(sd_bus_message *m, char type, uint64_t *ret)
{
	union {
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
	} value;
	int64_t number;
	int r;

	r = sd_bus_message_read_basic(m, type, &value);
	if (r < 0)
		return r;
	switch (type) {
	case 'y':
		number = value.y;
		break;
	case 'n':
		number = value.n;
		break;
	case 'q':
		number = value.q;
		break;
	case 'i':
		number = value.i;
		break;
	case 'u':
		number = value.u;
		break;
	case 'x':
		number = value.x;
		break;
	case 't':
		*ret = value.t;
		return 0;
	default:
		return -EINVAL;
	}
	if (number < 0)
		return -ERANGE;
	*ret = (uint64_t)number;
	return 0;
}

static int read_field_value(sd_bus_message *m, const struct field *field, const char *contents,
			    union field_value *ret, struct refusal *refusal)
{
	union field_value value = {};
	char takes[FIELD_EXPLAIN_MAX];
	const char *text = NULL;
	const void *bytes;
	size_t size;
	int r;

	if (strcmp(contents, "s") == 0) {
		r = sd_bus_message_read_basic(m, 's', &text);
		if (r >= 0)
			r = field_parse(field, text, &value);
	} else if (strcmp(contents, "ay") == 0) {
		r = sd_bus_message_read_array(m, 'y', &bytes, &size);
		if (r >= 0 && (field->type == FIELD_NUMBER || size != field->size))
			r = -EINVAL;
		if (r >= 0)
			memcpy(value.bytes, bytes, size);
	} else if (strlen(contents) == 1 && strchr("ynqiuxt", *contents)) {
		r = read_integer(m, *contents, &value.number);
		if (r >= 0 && (field->type != FIELD_NUMBER || value.number > field_max(field)))
			r = -EINVAL;
	} else {
		return refuse(refusal, -EINVAL,
			      "Field \"%s\" has a value of the D-Bus type \"%.16s\"; expected an "
			      "integer, a string or bytes.",
			      field->name, contents);
	}
	if (r < 0) {
		field_explain(field, takes, sizeof(takes));
		if (text && !field->secret)
			return refuse(refusal, -EINVAL,
				      "\"%.40s\" is no value for field \"%s\"; it takes %s.%s",
				      text, field->name, takes, parse_uint_hint(text));
		return refuse(refusal, -EINVAL,
			      "The value given for field \"%s\" does not fit it; it takes %s.",
			      field->name, takes);
	}
	*ret = value;
	return 0;
}

static int read_settings(sd_bus_message *m, const struct command *command,
			 struct field_setting *settings, size_t *ret_n, struct refusal *refusal)
{
	size_t n = 0;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *name, *contents;
		int field;

		r = sd_bus_message_read_basic(m, 's', &name);
		if (r < 0)
			return r;
		field = command_field(command, name);
		if (field < 0)
			return encode_unknown_field(command, name, refusal);
		if (n >= FIELDS_MAX)
			return refuse(refusal, -EINVAL, "More fields than any command has.");
		r = sd_bus_message_peek_type(m, NULL, &contents);
		if (r >= 0)
			r = sd_bus_message_enter_container(m, 'v', contents);
		if (r < 0)
			return r;
		settings[n].name = command->fields[field].name;
		r = read_field_value(m, &command->fields[field], contents, &settings[n].value,
				     refusal);
		if (r < 0)
			return r;
		n++;
		r = sd_bus_message_exit_container(m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	*ret_n = n;
	return r;
}

static int read_options(struct request *request, struct refusal *refusal)
{
	sd_bus_message *m = request->call;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *name, *contents, *text;
		char **option;

		r = sd_bus_message_read_basic(m, 's', &name);
		if (r < 0)
			return r;
		if (strcmp(name, "device-id") == 0)
			option = &request->device_id;
		else if (strcmp(name, "reason") == 0)
			option = &request->reason;
		else
			return refuse(refusal, -EINVAL,
				      "Unknown option \"%.64s\": there are \"device-id\" and "
				      "\"reason\".",
				      name);
		r = sd_bus_message_peek_type(m, NULL, &contents);
		if (r < 0)
			return r;
		if (strcmp(contents, "s") != 0)
			return refuse(refusal, -EINVAL, "Option \"%s\" must be a string.", name);
		r = sd_bus_message_read(m, "v", "s", &text);
		if (r < 0)
			return r;
		if (*option)
			return refuse(refusal, -EINVAL, "Option \"%s\" is given twice.", name);
		if (strlen(text) > REASON_MAX)
			return refuse(refusal, -EINVAL, "Option \"%s\" is longer than %u bytes.",
				      name, REASON_MAX);
		*option = strdup(text);
		if (!*option)
			return -ENOMEM;
		r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r >= 0 && request->device_id && strcmp(request->device_id, request->device->id) != 0)
		return refuse(
			refusal, -EINVAL,
			"The device is \"%s\", and not the \"%.128s\" that option device-id names.",
			request->device->id, request->device_id);
	return r;
}

/* The request's own copy: what is judged, digested and sent is this. */
static int keep_bytes(struct request *request, const void *message, size_t length, const void *data,
		      size_t data_length)
{
	request->message = malloc(length + data_length + 1);
	if (!request->message)
		return -ENOMEM;
	if (length > 0)
		memcpy(request->message, message, length);
	if (data_length > 0)
		memcpy(request->message + length, data, data_length);
	request->message_length = length;
	request->data = request->message + length;
	request->data_length = data_length;
	return 0;
}

static int refuse_unknown(const struct device *device, const struct dialect *dialect,
			  const char *name, struct refusal *refusal)
{
	const char *dot = strchr(name, '.');
	/* Its dialect is left out on both sides: it would make every name look like every other. */
	struct suggestion suggestion = {.wrong = dot ? dot + 1 : name};

	for (size_t i = 0; dialect && i < dialect->n_commands; i++)
		suggestion_try(&suggestion, dialect->commands[i].name);
	return refuse(
		refusal, -ENOENT,
		"The catalogue has no command \"%.64s\" for this device, whose dialect is %s.%s "
		"\"fwctl commands %s\" lists them.",
		name, device->identity.dialect, suggestion_text(&suggestion), device->name);
}

static int parse_named(struct request *request, struct refusal *refusal)
{
	static uint8_t buffer[MESSAGE_MAX];
	const char *name;
	const struct dialect *dialect;
	const struct command *command;
	struct field_setting settings[FIELDS_MAX];
	size_t n_settings = 0, length, data_length, own_length;
	const void *data, *own_data;
	int r;

	r = sd_bus_message_read_basic(request->call, 's', &name);
	if (r < 0)
		return r;
	dialect = device_dialect(request->device);
	command = dialect ? dialect_command(dialect, name) : NULL;
	if (!command)
		return refuse_unknown(request->device, dialect, name, refusal);
	r = device_takes(request->device, command, refusal);
	if (r >= 0)
		r = read_settings(request->call, command, settings, &n_settings, refusal);
	if (r >= 0)
		r = sd_bus_message_read_array(request->call, 'y', &data, &data_length);
	if (r >= 0)
		r = read_options(request, refusal);
	if (r >= 0)
		r = encode(command, settings, n_settings, data, data_length, buffer, sizeof(buffer),
			   &length, &own_data, &own_length, refusal);
	return r < 0 ? r : keep_bytes(request, buffer, length, own_data, own_length);
}

static int parse_raw(struct request *request, struct refusal *refusal)
{
	const void *message, *data;
	size_t length, data_length;
	int r;

	r = sd_bus_message_read_array(request->call, 'y', &message, &length);
	if (r >= 0)
		r = sd_bus_message_read_array(request->call, 'y', &data, &data_length);
	if (r >= 0)
		r = read_options(request, refusal);
	if (r < 0)
		return r;
	if (length > MESSAGE_MAX || data_length > REQUEST_DATA_MAX)
		return refuse(
			refusal, -EMSGSIZE,
			"A message has at most %u bytes and its data %u; these are %zu and %zu.",
			(unsigned)MESSAGE_MAX, (unsigned)REQUEST_DATA_MAX, length, data_length);
	return keep_bytes(request, message, length, data, data_length);
}

int request_parse(struct request *request, struct refusal *ret_refusal)
{
	bool raw = request->verb == VERB_EXECUTE_RAW || request->verb == VERB_EXPLAIN_RAW;
	int r;

	ret_refusal->text[0] = '\0';
	r = raw ? parse_raw(request, ret_refusal) : parse_named(request, ret_refusal);
	if (r < 0 && !ret_refusal->text[0])
		return refuse(ret_refusal, r, "The method call could not be read: %s.",
			      strerror(-r));
	return r < 0 ? r : 0;
}
