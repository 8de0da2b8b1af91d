/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong: for people on stderr, with what to do next; with --json a document on stdout. */
#include "client/fwctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "client/output.h"
#include "include/fwctld-names.h"

#define DBUS_ERROR "org.freedesktop.DBus.Error."

/* An error of the bus: how fwctl ends, and what its user can do. `name` ending in '.': a family. */
struct advice {
	const char *name;
	int code;
	const char *text;
};

#define NOT_SENT "Nothing was sent to the device."

static const struct advice advices[] = {
	{FWCTLD_ERROR_DENIED, EXIT_DENIED,
	 "`fwctl explain` with the same words shows how the policy judges this command; its rules "
	 "are the administrator's to change."},
	{FWCTLD_ERROR_NOT_AUTHENTICATED, EXIT_DENIED,
	 "The policy asks for an administrator's password. Where no desktop asks for it, fwctl "
	 "does "
	 "so at a terminal, with pkttyagent(1) of polkit; for a timer or a service, ask the "
	 "administrator for a rule that allows it."},
	{FWCTLD_ERROR_INVALID_REQUEST, EXIT_FAILED, NULL},
	{FWCTLD_ERROR_UNKNOWN_COMMAND, EXIT_FAILED,
	 "A command that fwctld does not know has to be described in /etc/fwctld/commands.d first; "
	 "see fwctld.commands(5)."},
	/* Its message says all that there is to say. */
	{FWCTLD_ERROR_DEVICE_GONE, EXIT_FAILED, NULL},
	{FWCTLD_ERROR_BUSY, EXIT_FAILED,
	 NOT_SENT " `fwctl show DEVICE` tells when its state is idle again."},
	{FWCTLD_ERROR_TIMEOUT, EXIT_OUTCOME_UNKNOWN,
	 "The device may still carry it out: do not repeat it before you know. The audit record "
	 "with this request id will tell."},
	{FWCTLD_ERROR_OUTCOME_UNKNOWN, EXIT_OUTCOME_UNKNOWN,
	 "The device may have carried it out: look at the device before you repeat it."},
	{FWCTLD_ERROR_KERNEL_REFUSED, EXIT_REFUSED, "Nothing was changed."},
	{FWCTLD_ERROR_DEVICE_REFUSED, EXIT_REFUSED, NULL},
	{FWCTLD_ERROR_AUDIT_UNAVAILABLE, EXIT_FAILED,
	 NOT_SENT " Is journald running, and is there room on its disk?"},
	{FWCTLD_ERROR_QUOTA_EXCEEDED, EXIT_FAILED,
	 NOT_SENT " Wait until your other requests have ended."},
	{DBUS_ERROR "AccessDenied", EXIT_DENIED,
	 "The policy of the bus itself does not let you ask fwctld."},
	{DBUS_ERROR "InteractiveAuthorizationRequired", EXIT_DENIED, NULL},
	{DBUS_ERROR "UnknownObject", EXIT_FAILED,
	 NOT_SENT " It went away just now; `fwctl list` shows those that are there."},
	{DBUS_ERROR "ServiceUnknown", EXIT_NO_DAEMON,
	 "Is fwctld installed? See systemctl status fwctld."},
	{DBUS_ERROR "NameHasNoOwner", EXIT_NO_DAEMON,
	 "Is fwctld running? See systemctl status fwctld."},
	{DBUS_ERROR "TimedOut", EXIT_NO_DAEMON,
	 "fwctld did not start. See systemctl status fwctld."},
	{DBUS_ERROR "Spawn.", EXIT_NO_DAEMON, "fwctld did not start. See systemctl status fwctld."},
	{"org.freedesktop.systemd1.", EXIT_NO_DAEMON,
	 "fwctld did not start. See systemctl status fwctld."},
	{DBUS_ERROR "NoReply", EXIT_NO_DAEMON, "fwctld went away. See systemctl status fwctld."},
};

/* A request whose field is wrong, and no other part of it. */
static const char *const wrong_field =
	"`fwctl commands DEVICE COMMAND` shows the command's fields.";

/* Of an Execute, whose answer is lost. */
static const struct advice lost = {NULL, EXIT_OUTCOME_UNKNOWN,
				   "Its answer is lost, and the device may have carried it out: "
				   "look at the device before you repeat it."};

static const struct advice *find_advice(const struct fwctld_error *error, int r, bool executing)
{
	static const struct advice other = {NULL, EXIT_FAILED, NULL};

	if (!error->name)
		return executing && (r == -EBADMSG || r == -ENOMEM) ? &lost : &other;
	if (executing && strcmp(error->name, DBUS_ERROR "NoReply") == 0)
		return &lost;
	for (size_t i = 0; i < ELEMENTSOF(advices); i++) {
		size_t length = strlen(advices[i].name);

		if (advices[i].name[length - 1] == '.'
			    ? strncmp(error->name, advices[i].name, length) == 0
			    : strcmp(error->name, advices[i].name) == 0)
			return &advices[i];
	}
	return &other;
}

static void write_json(const struct fwctld_error *error)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_begin(&json, "error", '{');
	json_string(&json, "name", error->name);
	json_string(&json, "message", error->message);
	json_string(&json, "class", error->effect_class);
	json_string(&json, "rule", error->rule);
	json_string(&json, "rule-at", error->rule_at);
	json_string(&json, "note", error->note);
	if (error->status)
		json_number(&json, "status", *error->status);
	json_string(&json, "request", error->request);
	json_end(&json, '}');
	json_end(&json, '}');
	putchar('\n');
}

static void print(const struct fwctld_error *error, const char *advice)
{
	char status[16];
	struct fwctld_item items[] = {
		{.name = "class", .type = FWCTLD_ITEM_TEXT, .text = error->effect_class},
		{.name = "rule", .type = FWCTLD_ITEM_TEXT, .text = error->rule},
		{.name = "rule-at", .type = FWCTLD_ITEM_TEXT, .text = error->rule_at},
		{.name = "note", .type = FWCTLD_ITEM_TEXT, .text = error->note},
		{.name = "status", .type = FWCTLD_ITEM_TEXT},
		{.name = "request", .type = FWCTLD_ITEM_TEXT, .text = error->request},
		{.name = "next", .type = FWCTLD_ITEM_TEXT, .text = advice},
	};

	if (error->status) {
		snprintf(status, sizeof(status), "0x%x", *error->status);
		items[4].text = status;
	}
	fputs("fwctl: ", stderr);
	print_text(stderr, error->message);
	putc('\n', stderr);
	print_items(stderr, &(struct fwctld_items){items, ELEMENTSOF(items)}, 2);
}

/* Does the message of InvalidRequest name a field that was given, in quotes as fwctld does? */
static bool names_a_field(const struct arguments *arguments, const char *message)
{
	for (int i = 2; i < arguments->n_words; i++) {
		const char *word = arguments->words[i];
		size_t length = strcspn(word, "=");

		for (const char *at = message; (at = strchr(at, '"')); at++)
			if (strncmp(at + 1, word, length) == 0 && at[1 + length] == '"')
				return true;
	}
	return false;
}

/* With DEVICE and COMMAND as on the command line. A string of its own; NULL: none, or no memory. */
static char *fill_in(const struct arguments *arguments, const char *advice)
{
	static const char *const places[] = {"DEVICE", "COMMAND"};
	char *text = NULL;
	size_t length;
	FILE *file = advice ? open_memstream(&text, &length) : NULL;

	if (!file)
		return NULL;
	while (*advice) {
		size_t i = 0;

		while (i < ELEMENTSOF(places) && ((int)i >= arguments->n_words ||
						  strncmp(advice, places[i], strlen(places[i]))))
			i++;
		if (i < ELEMENTSOF(places)) {
			fputs(i == 0 ? arguments->device : arguments->words[i], file);
			advice += strlen(places[i]);
		} else {
			putc(*advice++, file);
		}
	}
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

int fail(const struct arguments *arguments, int code, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct fwctld_error error = {};
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	error.message = text ?: "Out of memory.";
	if (arguments->json)
		write_json(&error);
	else
		print(&error, NULL);
	return code;
}

int fail_call(const struct arguments *arguments, const struct fwctld *connection, int r,
	      bool executing)
{
	const struct fwctld_error *error = fwctld_error(connection);
	const struct advice *advice = find_advice(error, r, executing);
	_cleanup_free_ char *text = NULL;

	if (arguments->json) {
		write_json(error);
		return advice->code;
	}
	if (error->name && strcmp(error->name, FWCTLD_ERROR_INVALID_REQUEST) == 0 &&
	    names_a_field(arguments, error->message))
		text = fill_in(arguments, wrong_field);
	else
		text = fill_in(arguments, advice->text);
	print(error, text);
	return advice->code;
}
