/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "include/fwctld.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "client/answer.h"
#include "client/utf8.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

#define _public_ __attribute__((visibility("default")))

/* For sd-bus: as long as the other side takes, or what it takes for reasonable (25 s). */
#define TIMEOUT_NEVER	UINT64_MAX
#define TIMEOUT_DEFAULT 0

struct fwctld {
	sd_bus *bus;
	struct fwctld_error *error; /* of the last call, an answer; NULL: none, or no memory */
	bool no_memory;
};

DEFINE_CLEANUP(struct fwctld *, fwctld_close)

_public_ struct fwctld *fwctld_close(struct fwctld *connection)
{
	if (!connection)
		return NULL;
	answer_free(connection->error);
	sd_bus_flush_close_unref(connection->bus);
	free(connection);
	return NULL;
}

_public_ int fwctld_open(struct fwctld **ret)
{
	_cleanup_(fwctld_closep) struct fwctld *connection = NULL;
	const char *name;
	int r;

	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return -ENOMEM;
	r = sd_bus_open_system_with_description(&connection->bus, "libfwctld");
	if (r < 0)
		return r;
	/* Waits for the bus to accept us, so that a later failure is never about getting there. */
	r = sd_bus_get_unique_name(connection->bus, &name);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(connection);
	return 0;
}

_public_ void fwctld_free(void *result)
{
	answer_free(result);
}

_public_ const struct fwctld_error *fwctld_error(const struct fwctld *connection)
{
	static const struct fwctld_error none = {};
	static const struct fwctld_error no_memory = {.message = "Out of memory."};

	if (connection->error)
		return connection->error;
	return connection->no_memory ? &no_memory : &none;
}

static void error_clear(struct fwctld *connection)
{
	answer_free(connection->error);
	connection->error = NULL;
	connection->no_memory = false;
}

static int fail_no_memory(struct fwctld *connection)
{
	error_clear(connection);
	connection->no_memory = true;
	return -ENOMEM;
}

/* Remembers a failure on this side of the bus. Returns r, or -ENOMEM. */
__attribute__((format(printf, 3, 4))) static int fail(struct fwctld *connection, int r,
						      const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct fwctld_error *error;
	char *message;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL; /* vasprintf() leaves it undefined */
		return fail_no_memory(connection);
	}
	error = answer_new(NULL, 1, sizeof(*error));
	if (!error)
		return fail_no_memory(connection);
	message = answer_more(error, (size_t)length + 1, 1);
	if (!message) {
		answer_free(error);
		return fail_no_memory(connection);
	}
	error->message = memcpy(message, text, (size_t)length + 1);
	error_clear(connection);
	connection->error = error;
	return r;
}

/* Remembers that sd-bus could not make or send a message. */
static int fail_send(struct fwctld *connection, int r, const char *member)
{
	if (r == -ENOMEM)
		return fail_no_memory(connection);
	return fail(connection, r, "Cannot send %s to the bus: %s.", member, strerror(-r));
}

/* Remembers that the message went out, perhaps, but no answer can be had. */
static int fail_wait(struct fwctld *connection, int r, const char *member)
{
	if (r == -ENOMEM)
		return fail_no_memory(connection);
	return fail(connection, -EBADMSG, "Cannot receive the answer to %s: %s.", member,
		    strerror(-r));
}

/* Remembers what the other side answered. Returns its errno. */
static int fail_reply(struct fwctld *connection, sd_bus_message *reply)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = {
		{FWCTLD_ERROR_DENIED, EACCES},
		{FWCTLD_ERROR_NOT_AUTHENTICATED, EPERM},
		{FWCTLD_ERROR_INVALID_REQUEST, EINVAL},
		{FWCTLD_ERROR_UNKNOWN_COMMAND, EOPNOTSUPP},
		{FWCTLD_ERROR_DEVICE_GONE, ENODEV},
		{FWCTLD_ERROR_BUSY, EBUSY},
		{FWCTLD_ERROR_TIMEOUT, ETIMEDOUT},
		{FWCTLD_ERROR_KERNEL_REFUSED, EIO},
		{FWCTLD_ERROR_DEVICE_REFUSED, EREMOTEIO},
		{FWCTLD_ERROR_OUTCOME_UNKNOWN, EINPROGRESS},
		{FWCTLD_ERROR_AUDIT_UNAVAILABLE, EAGAIN},
		{FWCTLD_ERROR_QUOTA_EXCEEDED, EDQUOT},
	};
	int r;

	error_clear(connection);
	r = answer_error(reply, &connection->error);
	if (r < 0)
		return fail_no_memory(connection);
	for (size_t i = 0; i < ELEMENTSOF(errors); i++)
		if (strcmp(connection->error->name, errors[i].name) == 0)
			return -errors[i].error;
	r = sd_bus_message_get_errno(reply);
	return r > 0 ? -r : -EIO;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	sd_bus_message **ret = userdata;

	*ret = sd_bus_message_ref(reply);
	return 0;
}

/*
 * Sends a message and waits for its answer. sd_bus_call() would do, but of an error it keeps only
 * name and message, and throws the details away.
 */
static int call(struct fwctld *connection, sd_bus_message *message, uint64_t timeout_usec,
		const char *signature, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	const char *member;
	int r;

	r = sd_bus_call_async(connection->bus, &slot, message, on_reply, &reply, timeout_usec);
	member = sd_bus_message_get_member(message); /* sending moved the header */
	if (r < 0)
		return fail_send(connection, r, member);
	/* When the connection breaks, sd-bus makes the answer: NoReply. */
	while (!reply) {
		r = sd_bus_process(connection->bus, NULL);
		if (r == 0)
			r = sd_bus_wait(connection->bus, UINT64_MAX);
		if (r < 0 && r != -EINTR)
			return fail_wait(connection, r, member);
	}
	if (sd_bus_message_is_method_error(reply, NULL))
		return fail_reply(connection, reply);
	if (sd_bus_message_has_signature(reply, signature) <= 0)
		return fail(
			connection, -EBADMSG,
			"fwctld answered %s with the types \"%s\", but \"%s\" was expected; its "
			"version does not fit this library.",
			member, sd_bus_message_get_signature(reply, true), signature);
	error_clear(connection);
	*ret = TAKE_PTR(reply);
	return 0;
}

/* Remembers that the content of an answer was not as agreed. */
static int fail_answer(struct fwctld *connection, int r, const char *member)
{
	if (r == -ENOMEM)
		return fail_no_memory(connection);
	return fail(
		connection, r,
		"fwctld's answer to %s lacks something or has it in another type; its version does "
		"not fit this library.",
		member);
}

/* An argument that goes onto the bus as a string. */
static int check_text(struct fwctld *connection, const char *what, const char *text)
{
	if (!text)
		return fail(connection, -EINVAL, "The %s is missing.", what);
	if (!utf8_valid(text))
		return fail(connection, -EINVAL, "The %s is not valid UTF-8.", what);
	return 0;
}

static int message_new(struct fwctld *connection, const char *path, const char *interface,
		       const char *member, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_call(connection->bus, ret, FWCTLD_BUS_NAME, path,
					       interface, member);

	return r < 0 ? fail_send(connection, r, member) : 0;
}

static int find_device(struct fwctld *connection, const char *name, sd_bus_message **ret_reply,
		       const char **ret_path)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = message_new(connection, FWCTLD_ROOT_PATH, FWCTLD_MANAGER_INTERFACE, "GetDevice",
			&message);
	if (r < 0)
		return r;
	r = sd_bus_message_append(message, "s", name);
	if (r < 0)
		return fail_send(connection, r, "GetDevice");
	r = call(connection, message, TIMEOUT_DEFAULT, "o", &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_read_basic(reply, 'o', ret_path);
	if (r < 0)
		return fail_answer(connection, -EBADMSG, "GetDevice");
	*ret_reply = TAKE_PTR(reply); /* the path is in there */
	return 0;
}

/* A message to a device, which is given by its path or by another of its names. */
static int device_message_new(struct fwctld *connection, const char *device, const char *interface,
			      const char *member, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *path = device;
	int r;

	r = check_text(connection, "device", device);
	if (r < 0)
		return r;
	if (strncmp(device, FWCTLD_DEVICE_PATH "/", strlen(FWCTLD_DEVICE_PATH "/")) != 0 ||
	    !sd_bus_object_path_is_valid(device)) {
		r = find_device(connection, device, &reply, &path);
		if (r < 0)
			return r;
	}
	return message_new(connection, path, interface, member, ret);
}

_public_ int fwctld_list_devices(struct fwctld *connection, struct fwctld_device **ret,
				 size_t *ret_n)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = message_new(connection, FWCTLD_ROOT_PATH, FWCTLD_MANAGER_INTERFACE, "ListDevices",
			&message);
	if (r < 0)
		return r;
	r = call(connection, message, TIMEOUT_DEFAULT, "a(ossss)", &reply);
	if (r < 0)
		return r;
	r = answer_devices(reply, ret, ret_n);
	return r < 0 ? fail_answer(connection, r, "ListDevices") : 0;
}

_public_ int fwctld_get_device(struct fwctld *connection, const char *device,
			       struct fwctld_device **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = device_message_new(connection, device, "org.freedesktop.DBus.Properties", "GetAll",
			       &message);
	if (r < 0)
		return r;
	r = sd_bus_message_append(message, "s", FWCTLD_DEVICE_INTERFACE);
	if (r < 0)
		return fail_send(connection, r, "GetAll");
	r = call(connection, message, TIMEOUT_DEFAULT, "a{sv}", &reply);
	if (r < 0)
		return r;
	r = answer_device(reply, sd_bus_message_get_path(message), ret);
	return r < 0 ? fail_answer(connection, r, "GetAll") : 0;
}

_public_ int fwctld_list_commands(struct fwctld *connection, const char *device,
				  struct fwctld_command **ret, size_t *ret_n)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = device_message_new(connection, device, FWCTLD_DEVICE_INTERFACE, "ListCommands",
			       &message);
	if (r < 0)
		return r;
	r = call(connection, message, TIMEOUT_DEFAULT, "a(ssssasssass)", &reply);
	if (r < 0)
		return r;
	r = answer_commands(reply, ret, ret_n);
	return r < 0 ? fail_answer(connection, r, "ListCommands") : 0;
}

_public_ int fwctld_describe_command(struct fwctld *connection, const char *device,
				     const char *command, struct fwctld_description **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = check_text(connection, "command", command);
	if (r < 0)
		return r;
	r = device_message_new(connection, device, FWCTLD_DEVICE_INTERFACE, "DescribeCommand",
			       &message);
	if (r < 0)
		return r;
	r = sd_bus_message_append(message, "s", command);
	if (r < 0)
		return fail_send(connection, r, "DescribeCommand");
	r = call(connection, message, TIMEOUT_DEFAULT, "ssa(ssassbs)", &reply);
	if (r < 0)
		return r;
	r = answer_description(reply, ret);
	return r < 0 ? fail_answer(connection, r, "DescribeCommand") : 0;
}

static int check_request(struct fwctld *connection, const struct fwctld_request *request)
{
	int r;

	if (!request->command == !request->message)
		return fail(connection, -EINVAL,
			    "A request has either a command's name or a message, not both.");
	if (request->message && request->fields.n > 0)
		return fail(connection, -EINVAL,
			    "Fields belong to a command's name; a message holds its own.");
	if (request->command) {
		r = check_text(connection, "command", request->command);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < request->fields.n; i++) {
		r = check_text(connection, "name of a field", request->fields.items[i].name);
		if (r < 0)
			return r;
		r = check_text(connection, "value of a field", request->fields.items[i].value);
		if (r < 0)
			return r;
	}
	if (request->device_id) {
		r = check_text(connection, "device id", request->device_id);
		if (r < 0)
			return r;
	}
	return request->reason ? check_text(connection, "reason", request->reason) : 0;
}

static int append_request(sd_bus_message *message, const struct fwctld_request *request)
{
	int r;

	if (request->message) {
		r = sd_bus_message_append_array(message, 'y', request->message,
						request->message_length);
		if (r < 0)
			return r;
	} else {
		r = sd_bus_message_append_basic(message, 's', request->command);
		if (r < 0)
			return r;
		r = sd_bus_message_open_container(message, 'a', "{sv}");
		if (r < 0)
			return r;
		for (size_t i = 0; i < request->fields.n; i++) {
			const struct fwctld_setting *field = &request->fields.items[i];

			r = sd_bus_message_append(message, "{sv}", field->name, "s", field->value);
			if (r < 0)
				return r;
		}
		r = sd_bus_message_close_container(message);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_append_array(message, 'y', request->data, request->data_length);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	if (request->device_id) {
		r = sd_bus_message_append(message, "{sv}", "device-id", "s", request->device_id);
		if (r < 0)
			return r;
	}
	if (request->reason) {
		r = sd_bus_message_append(message, "{sv}", "reason", "s", request->reason);
		if (r < 0)
			return r;
	}
	return sd_bus_message_close_container(message);
}

/* `member` is "Execute" or "Explain", which each have a twin "...Raw". */
static int call_request(struct fwctld *connection, const char *device, const char *member,
			const struct fwctld_request *request, uint64_t timeout_usec,
			const char *signature, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	char name[16];
	int r;

	r = check_request(connection, request);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s%s", member, request->message ? "Raw" : "");
	r = device_message_new(connection, device, FWCTLD_DEVICE_INTERFACE, name, &message);
	if (r < 0)
		return r;
	r = append_request(message, request);
	if (r < 0)
		return fail_send(connection, r, name);
	r = sd_bus_message_set_allow_interactive_authorization(message, true);
	if (r < 0)
		return fail_send(connection, r, name);
	return call(connection, message, timeout_usec, signature, ret);
}

_public_ int fwctld_execute(struct fwctld *connection, const char *device,
			    const struct fwctld_request *request, struct fwctld_result **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	r = call_request(connection, device, "Execute", request, TIMEOUT_NEVER, "suaya{sv}",
			 &reply);
	if (r < 0)
		return r;
	r = answer_result(reply, ret);
	return r < 0 ? fail_answer(connection, r, "Execute") : 0;
}

_public_ int fwctld_explain(struct fwctld *connection, const char *device,
			    const struct fwctld_request *request, struct fwctld_explanation **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	r = call_request(connection, device, "Explain", request, TIMEOUT_DEFAULT, "a{sv}", &reply);
	if (r < 0)
		return r;
	r = answer_explanation(reply, ret);
	return r < 0 ? fail_answer(connection, r, "Explain") : 0;
}

_public_ int fwctld_reload_policy(struct fwctld *connection, uint64_t *ret_generation)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
	uint64_t generation;
	int r;

	r = message_new(connection, FWCTLD_ROOT_PATH, FWCTLD_MANAGER_INTERFACE, "ReloadPolicy",
			&message);
	if (r < 0)
		return r;
	r = sd_bus_message_set_allow_interactive_authorization(message, true);
	if (r < 0)
		return fail_send(connection, r, "ReloadPolicy");
	r = call(connection, message, TIMEOUT_NEVER, "t", &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_read_basic(reply, 't', &generation);
	if (r < 0)
		return fail_answer(connection, -EBADMSG, "ReloadPolicy");
	if (ret_generation)
		*ret_generation = generation;
	return 0;
}
