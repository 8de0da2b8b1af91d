/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fwctl.h"

#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/output.h"

static void write_json(const struct fwctld_command *commands, size_t n)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_begin(&json, "commands", '[');
	for (size_t i = 0; i < n; i++) {
		json_begin(&json, NULL, '{');
		json_string(&json, "command", commands[i].name);
		json_string(&json, "when", commands[i].when);
		json_string(&json, "class", commands[i].effect_class);
		json_string(&json, "verdict", commands[i].verdict);
		json_strings(&json, "effects", commands[i].effects);
		json_string(&json, "reason", commands[i].reason);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_end(&json, '}');
	putchar('\n');
}

/* One command has a row for each refinement; its name stands in the first alone. */
static void fill_row(const char **row, const struct fwctld_command *commands, size_t n, size_t i)
{
	const struct fwctld_command *c = &commands[i];
	bool first = i == 0 || strcmp(commands[i - 1].name, c->name) != 0;
	bool last = i + 1 == n || strcmp(commands[i + 1].name, c->name) != 0;

	row[0] = first ? c->name : NULL;
	row[1] = *c->when ? c->when : first && last ? "always" : "otherwise";
	row[2] = c->effect_class;
	row[3] = c->verdict;
	row[5] = c->reason;
}

static int print(const struct arguments *arguments, const struct fwctld_command *commands, size_t n)
{
	static const char *const heading[] = {"COMMAND", "WHEN",    "CLASS",
					      "VERDICT", "EFFECTS", "REASON"};
	_cleanup_free_ const char **cells = calloc(n + 1, sizeof(heading));
	_cleanup_free_ char **effects = calloc(n + 1, sizeof(*effects));
	bool complete = cells && effects;

	if (complete)
		memcpy(cells, heading, sizeof(heading));
	for (size_t i = 0; complete && i < n; i++) {
		const char **row = &cells[ELEMENTSOF(heading) * (i + 1)];

		fill_row(row, commands, n, i);
		row[4] = effects[i] = join_strings(commands[i].effects);
		complete = effects[i];
	}
	if (complete)
		print_table(stdout, cells, n + 1, ELEMENTSOF(heading));
	for (size_t i = 0; effects && i < n; i++)
		free(effects[i]);
	return complete ? EXIT_OK : fail(arguments, EXIT_FAILED, "Out of memory.");
}

int verb_commands(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_result_ struct fwctld_command *commands = NULL;
	size_t n;
	int r;

	r = fwctld_list_commands(connection, arguments->device, &commands, &n);
	if (r < 0)
		return fail_call(arguments, connection, r, false);
	if (!arguments->json)
		return print(arguments, commands, n);
	write_json(commands, n);
	return EXIT_OK;
}
