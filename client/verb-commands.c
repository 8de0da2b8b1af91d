/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl commands DEVICE`: an overview; with a COMMAND: all that is known of it. */
#include "client/fwctl.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/output.h"

/* Those of `name`; NULL: all. */
static void json_commands(struct json *json, const struct fwctld_command *commands, size_t n,
			  const char *name)
{
	json_begin(json, "commands", '[');
	for (size_t i = 0; i < n; i++) {
		if (name && strcmp(commands[i].name, name) != 0)
			continue;
		json_begin(json, NULL, '{');
		json_string(json, "command", commands[i].name);
		json_string(json, "when", commands[i].when);
		json_string(json, "class", commands[i].effect_class);
		json_string(json, "verdict", commands[i].verdict);
		json_strings(json, "effects", commands[i].effects);
		json_string(json, "reason", commands[i].reason);
		json_string(json, "static-class", commands[i].static_class);
		json_strings(json, "device-effects", commands[i].device_effects);
		json_string(json, "device-reason", commands[i].device_reason);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void write_overview_json(const struct fwctld_command *commands, size_t n)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_commands(&json, commands, n, NULL);
	json_end(&json, '}');
	putchar('\n');
}

static void write_description_json(const struct fwctld_description *description,
				   const struct fwctld_command *commands, size_t n)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_string(&json, "command", description->command);
	json_string(&json, "summary", description->summary);
	json_begin(&json, "fields", '[');
	for (size_t i = 0; i < description->n_fields; i++) {
		const struct fwctld_field *field = &description->fields[i];

		json_begin(&json, NULL, '{');
		json_string(&json, "name", field->name);
		json_string(&json, "summary", field->summary);
		json_string(&json, "takes", field->takes);
		json_strings(&json, "values", field->values);
		json_bool(&json, "required", field->required);
		json_string(&json, "default", field->default_value);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_commands(&json, commands, n, description->command);
	json_end(&json, '}');
	putchar('\n');
}

static bool is_first_row(const struct fwctld_command *commands, size_t i)
{
	return i == 0 || strcmp(commands[i - 1].name, commands[i].name) != 0;
}

/* What a row is for. That for all the rest stands behind the refinements, if there are any. */
static const char *row_when(const struct fwctld_command *commands, size_t i)
{
	if (*commands[i].when)
		return commands[i].when;
	return is_first_row(commands, i) ? "always" : "otherwise";
}

static bool same_strings(const char *const *a, const char *const *b)
{
	size_t i = 0;

	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

/* The device often reports the same of several rows of a command. */
static bool report_is_shown(const struct fwctld_command *commands, size_t i)
{
	const struct fwctld_command *row = &commands[i];

	while (!is_first_row(commands, i)) {
		const struct fwctld_command *other = &commands[--i];

		if (strcmp(row->static_class, other->static_class) == 0 &&
		    strcmp(row->effect_class, other->effect_class) == 0 &&
		    same_strings(row->device_effects, other->device_effects))
			return true;
	}
	return false;
}

/* Its effects; where they say no more than that nobody knows, in words why. A string of its own. */
static char *report_text(const struct fwctld_command *command)
{
	static const char start[] = "the device reports that ";
	const char *const *effects = command->device_effects;
	const char *reason = command->device_reason;

	if (!reason || strcmp(effects[0], "unknown") != 0 || effects[1])
		return join_strings(effects);
	return strdup(strncmp(reason, start, strlen(start)) == 0 ? reason + strlen(start) : reason);
}

/* A second table: static class, what the device says, and what comes of it; if it says anything. */
static int print_reports(const struct arguments *arguments, const struct fwctld_command *commands,
			 size_t n)
{
	static const char *const heading[] = {"COMMAND", "STATIC", "CLASS", "THE DEVICE REPORTS"};
	_cleanup_free_ const char **cells = calloc(n + 1, sizeof(heading));
	_cleanup_free_ char **reports = calloc(n + 1, sizeof(*reports));
	const struct fwctld_command *last = NULL;
	bool complete = cells && reports;
	size_t n_rows = 1;

	for (size_t i = 0; complete && i < n; i++) {
		const char **row = &cells[ELEMENTSOF(heading) * n_rows];

		if (!*commands[i].device_effects || report_is_shown(commands, i))
			continue;
		reports[n_rows] = report_text(&commands[i]);
		complete = reports[n_rows];
		if (!last || strcmp(last->name, commands[i].name) != 0)
			row[0] = commands[i].name;
		row[1] = commands[i].static_class;
		row[2] = commands[i].effect_class;
		row[3] = reports[n_rows++];
		last = &commands[i];
	}
	if (complete && n_rows > 1) {
		memcpy(cells, heading, sizeof(heading));
		putchar('\n');
		print_table(stdout, cells, n_rows, ELEMENTSOF(heading), output_width(stdout));
	}
	for (size_t i = 0; reports && i < n_rows; i++)
		free(reports[i]);
	return complete ? EXIT_OK : fail(arguments, EXIT_FAILED, "Out of memory.");
}

static bool is_refused(const struct fwctld_command *command)
{
	return strcmp(command->verdict, "refused") == 0;
}

struct overview {
	const char **cells; /* rows of OVERVIEW_COLUMNS */
	char **hazards;	    /* those of the cells */
	size_t n_rows;
	bool choice; /* some command has several rows */
};

#define OVERVIEW_COLUMNS 4u

static void overview_done(struct overview *overview)
{
	for (size_t i = 0; overview->hazards && i < overview->n_rows; i++)
		free(overview->hazards[i]);
	free(overview->hazards);
	free(overview->cells);
}

/*
 * Conditions that come to the same are one row: which they are, and why, is told of one command at
 * a time. Its name stands in the first row alone; `start` is that row. False: no memory.
 */
static bool overview_add(struct overview *overview, const struct fwctld_command *command,
			 size_t start)
{
	const char **row = &overview->cells[OVERVIEW_COLUMNS * overview->n_rows];
	_cleanup_free_ char *hazards = join_hazards(command->effects);

	if (!hazards)
		return false;
	for (size_t i = start; i < overview->n_rows; i++) {
		const char **other = &overview->cells[OVERVIEW_COLUMNS * i];

		if (strcmp(other[1], command->effect_class) == 0 &&
		    strcmp(other[2], command->verdict) == 0 && strcmp(other[3], hazards) == 0)
			return true;
	}
	row[0] = overview->n_rows == start ? command->name : NULL;
	row[1] = command->effect_class;
	row[2] = command->verdict;
	row[3] = overview->hazards[overview->n_rows] = TAKE_PTR(hazards);
	overview->choice |= overview->n_rows > start;
	overview->n_rows++;
	return true;
}

/* Refused, and for no reason that a command before it has. */
static bool is_new_reason(const struct fwctld_command *commands, size_t i)
{
	if (!is_refused(&commands[i]))
		return false;
	for (size_t j = 0; j < i; j++)
		if (is_refused(&commands[j]) && strcmp(commands[j].reason, commands[i].reason) == 0)
			return false;
	return true;
}

/* Names of the commands that are refused for this reason, as a string of its own. */
static char *refused_names(const struct fwctld_command *commands, size_t n, const char *reason)
{
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
	size_t n_names = 0;

	if (!names)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (is_refused(&commands[i]) && is_first_row(commands, i) &&
		    strcmp(commands[i].reason, reason) == 0)
			names[n_names++] = commands[i].name;
	return join_strings(names);
}

/* What no rule can open; by itself, so that the table has what is worth trying. By reason, because
 * many have the same. */
static bool print_refused(const struct fwctld_command *commands, size_t n)
{
	size_t width = output_width(stdout);
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *names = NULL;

		if (!is_new_reason(commands, i))
			continue;
		names = refused_names(commands, n, commands[i].reason);
		if (!names)
			return false;
		fputs(first ? "\nNEVER SENT\n" : "", stdout);
		first = false;
		print_wrapped(stdout, commands[i].reason, 0, width - 1); /* the colon */
		fputs(":\n  ", stdout);
		print_wrapped(stdout, names, 2, width);
		putchar('\n');
	}
	return true;
}

static int print_overview(const struct arguments *arguments, const struct fwctld_command *commands,
			  size_t n)
{
	static const char *const heading[] = {"COMMAND", "CLASS", "VERDICT", "HAZARDS"};
	_cleanup_(overview_done) struct overview overview = {
		.cells = calloc(n + 1, sizeof(heading)),
		.hazards = calloc(n + 1, sizeof(*overview.hazards)),
		.n_rows = 1,
	};
	bool complete = overview.cells && overview.hazards;
	size_t start = 1;
	int r;

	if (complete)
		memcpy(overview.cells, heading, sizeof(heading));
	for (size_t i = 0; complete && i < n; i++) {
		if (is_first_row(commands, i))
			start = overview.n_rows;
		if (!is_refused(&commands[i]))
			complete = overview_add(&overview, &commands[i], start);
	}
	if (!complete)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	if (n == 0) {
		puts("No command is known; files of /etc/fwctld/commands.d describe them.");
		return EXIT_OK;
	}
	print_table(stdout, overview.cells, overview.n_rows, OVERVIEW_COLUMNS,
		    output_width(stdout));
	r = print_reports(arguments, commands, n);
	if (r != EXIT_OK)
		return r;
	if (!print_refused(commands, n))
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	if (overview.choice) {
		fputs("\nOf several lines a command's fields decide:\n  fwctl commands ", stdout);
		print_text(stdout, arguments->device);
		puts(" COMMAND");
	}
	return EXIT_OK;
}

static bool print_field(const struct fwctld_field *field)
{
	_cleanup_free_ char *values = join_strings(field->values);
	const struct fwctld_item items[] = {
		{.name = "summary", .type = FWCTLD_ITEM_TEXT, .text = field->summary},
		{.name = "takes", .type = FWCTLD_ITEM_TEXT, .text = field->takes},
		{.name = "names", .type = FWCTLD_ITEM_TEXT, .text = *field->values ? values : NULL},
		{.name = "default",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = field->required ? "none, it must be given" : field->default_value},
	};

	if (!values)
		return false;
	print_text(stdout, field->name);
	putchar('\n');
	print_items(stdout, &(struct fwctld_items){items, ELEMENTSOF(items)}, 2);
	return true;
}

static bool print_row(const struct fwctld_command *command, const char *when)
{
	_cleanup_free_ char *effects = join_strings(command->effects);
	_cleanup_free_ char *reported = join_strings(command->device_effects);
	bool refused = is_refused(command);
	const struct fwctld_item items[] = {
		{.name = "class", .type = FWCTLD_ITEM_TEXT, .text = command->effect_class},
		{.name = refused ? "never sent" : "reason",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = command->reason},
		{.name = "effects",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = *command->effects ? effects : "none"},
		{.name = "static-class",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = refused ? NULL : command->static_class},
		{.name = "device-effects",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = *command->device_effects ? reported : NULL},
		{.name = "device-reason",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = command->device_reason
				 ?: (refused ? NULL : "the device reports nothing of this")},
		{.name = "verdict", .type = FWCTLD_ITEM_TEXT, .text = command->verdict},
	};

	if (!effects || !reported)
		return false;
	print_text(stdout, when);
	putchar('\n');
	print_items(stdout, &(struct fwctld_items){items, ELEMENTSOF(items)}, 2);
	return true;
}

static int print_description(const struct arguments *arguments,
			     const struct fwctld_description *description,
			     const struct fwctld_command *commands, size_t n)
{
	bool complete = true;

	print_text(stdout, description->command);
	if (description->summary) {
		fputs(": ", stdout);
		print_text(stdout, description->summary);
	}
	puts(description->n_fields > 0 ? "\n\nFIELDS" : "\n\nIt has no fields.");
	for (size_t i = 0; complete && i < description->n_fields; i++)
		complete = print_field(&description->fields[i]);
	puts("\nWHAT IT DOES");
	for (size_t i = 0; complete && i < n; i++)
		if (strcmp(commands[i].name, description->command) == 0)
			complete = print_row(&commands[i], row_when(commands, i));
	return complete ? EXIT_OK : fail(arguments, EXIT_FAILED, "Out of memory.");
}

int verb_commands(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_result_ struct fwctld_description *description = NULL;
	_cleanup_result_ struct fwctld_command *commands = NULL;
	size_t n;
	int r;

	if (arguments->n_words > 1) {
		r = fwctld_describe_command(connection, arguments->device, arguments->words[1],
					    &description);
		if (r < 0)
			return fail_call(arguments, connection, r, false);
	}
	r = fwctld_list_commands(connection, arguments->device, &commands, &n);
	if (r < 0)
		return fail_call(arguments, connection, r, false);
	if (!description && arguments->json)
		write_overview_json(commands, n);
	else if (!description)
		return print_overview(arguments, commands, n);
	else if (arguments->json)
		write_description_json(description, commands, n);
	else
		return print_description(arguments, description, commands, n);
	return EXIT_OK;
}
