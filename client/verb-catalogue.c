/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl commands --all`: the whole catalogue, without a device and without the daemon. */
#include "client/fwctl.h"

#include <errno.h>
#include <string.h>

#include "client/catalogue-entry.h"
#include "client/installed.h"
#include "client/json.h"
#include "client/output.h"
#include "policy/suggest.h"

/* Where the text of an entry begins, behind its dash. */
#define ENTRY_INDENT 4

DEFINE_CLEANUP(struct catalogue *, catalogue_free)

static void write_head(FILE *file, const struct command *command)
{
	fprintf(file, "%s, opcode ", command->full_name);
	write_opcode(file, command);
	fprintf(file, ": %s", command->summary);
}

/* "lid=smart rae=1: read-only, confidential, scope 1: a query" */
static void write_entry(FILE *file, const struct entry *entry)
{
	const struct command *command = entry->command;

	fprintf(file, "%s: %s", command->refused ? "never sent" : entry->when,
		effect_class_to_string(entry->is.class));
	for (unsigned i = 0; i < _EFFECT_MAX; i++)
		if (entry->is.effects & EFFECT_BIT(i))
			fprintf(file, ", %s", effect_to_string(i));
	if (entry->scope >= 0)
		fprintf(file, ", scope %d", entry->scope);
	fprintf(file, ": %s", entry->is.reason);
	if (command->refused)
		fprintf(file, "; it is never sent: %s", command->refused);
}

/* A command as one paragraph, and one for each of its entries. */
static int print_command(const struct command *command)
{
	size_t n_entries = entry_count(command), width = output_width(stdout);

	for (size_t n = 0; n <= n_entries; n++) {
		_cleanup_free_ char *text = NULL;
		size_t length;
		FILE *file = open_memstream(&text, &length);
		struct entry entry;

		if (!file)
			return -ENOMEM;
		if (n == 0) {
			write_head(file, command);
		} else {
			entry_get(command, n - 1, &entry);
			write_entry(file, &entry);
			fputs("  - ", stdout);
		}
		if (fclose(file) != 0)
			return -ENOMEM;
		print_wrapped(stdout, text, n == 0 ? 0 : ENTRY_INDENT, width);
		putchar('\n');
	}
	return 0;
}

static int print_commands(const struct dialect *const *dialects)
{
	for (; *dialects; dialects++) {
		const struct dialect *dialect = *dialects;

		for (size_t i = 0; i < dialect->n_commands; i++) {
			int r = print_command(&dialect->commands[i]);

			if (r < 0)
				return r;
		}
		if (dialect->n_commands == 0)
			printf("Of %s no command is known; files of /etc/fwctld/commands.d "
			       "describe them.\n",
			       dialect->name);
	}
	return 0;
}

static void json_entry(struct json *json, const struct entry *entry)
{
	const struct command *command = entry->command;

	json_begin(json, NULL, '{');
	json_string(json, "command", command->full_name);
	json_string(json, "summary", command->summary);
	json_number(json, "opcode", command->opcode);
	json_begin(json, "select", '{');
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].select)
			json_number(json, command->fields[i].name, command->fields[i].fixed_value);
	json_end(json, '}');
	json_string(json, "when", entry->when);
	json_string(json, "class", effect_class_to_string(entry->is.class));
	json_begin(json, "effects", '[');
	for (unsigned i = 0; i < _EFFECT_MAX; i++)
		if (entry->is.effects & EFFECT_BIT(i))
			json_string(json, NULL, effect_to_string(i));
	json_end(json, ']');
	if (entry->scope >= 0)
		json_number(json, "scope", (uint64_t)entry->scope);
	json_string(json, "reason", entry->is.reason);
	json_string(json, "refused", command->refused);
	json_end(json, '}');
}

static void write_json(const struct dialect *const *dialects)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_begin(&json, "commands", '[');
	for (; *dialects; dialects++)
		for (size_t i = 0; i < (*dialects)->n_commands; i++) {
			const struct command *command = &(*dialects)->commands[i];
			size_t n_entries = entry_count(command);

			for (size_t n = 0; n < n_entries; n++) {
				struct entry entry;

				entry_get(command, n, &entry);
				json_entry(&json, &entry);
			}
		}
	json_end(&json, ']');
	json_end(&json, '}');
	putchar('\n');
}

static int fail_dialect(const struct arguments *arguments, const struct catalogue *catalogue,
			const char *word)
{
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (size_t i = 0; i < catalogue->n_dialects; i++)
		name_list_add(&list, catalogue->dialects[i].name);
	return fail(arguments, EXIT_FAILED, "The catalogue has no dialect \"%s\". It has: %s.",
		    word, names);
}

/* Those that the words name, in this order; no words: all. The array ends with NULL. */
static int choose_dialects(const struct arguments *arguments, const struct catalogue *catalogue,
			   const struct dialect ***ret)
{
	size_t n = arguments->n_words > 0 ? (size_t)arguments->n_words : catalogue->n_dialects;
	_cleanup_free_ const struct dialect **dialects = calloc(n + 1, sizeof(*dialects));

	if (!dialects)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	for (size_t i = 0; i < n; i++) {
		dialects[i] = arguments->n_words > 0
				      ? catalogue_dialect(catalogue, arguments->words[i])
				      : &catalogue->dialects[i];
		if (!dialects[i])
			return fail_dialect(arguments, catalogue, arguments->words[i]);
	}
	*ret = TAKE_PTR(dialects);
	return EXIT_OK;
}

static int fail_load(const struct arguments *arguments, const struct problems *problems, int r)
{
	const struct problem *first = problems_first_error(problems);
	_cleanup_free_ char *text = first ? problem_to_string(first) : NULL;

	if (!text)
		return fail(arguments, EXIT_FAILED, "The catalogue cannot be loaded: %s.",
			    strerror(-r));
	return fail(arguments, EXIT_FAILED,
		    "The catalogue has %zu error%s; `fwctl policy check` shows all. The first: %s",
		    problems->n_errors, problems->n_errors == 1 ? "" : "s", text);
}

int verb_catalogue(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	_cleanup_free_ const struct dialect **dialects = NULL;
	int r;

	if (arguments->format && strcmp(arguments->format, "markdown") != 0)
		return fail(arguments, EXIT_USAGE,
			    "There is no format \"%s\". Expected: --format=markdown",
			    arguments->format);
	if (arguments->format && arguments->json)
		return fail(arguments, EXIT_USAGE,
			    "Both --json and --format=markdown say what to print; give one.");
	/* Documentation must not depend on the machine that it is built on. */
	r = installed_catalogue_load(true, &problems, &catalogue);
	if (r < 0 || problems.n_errors > 0)
		return fail_load(arguments, &problems, r);
	r = choose_dialects(arguments, catalogue, &dialects);
	if (r != EXIT_OK)
		return r;
	if (arguments->json)
		write_json(dialects);
	else if (arguments->format)
		r = write_markdown(stdout, dialects);
	else
		r = print_commands(dialects);
	return r < 0 ? fail(arguments, EXIT_FAILED, "Out of memory.") : EXIT_OK;
}
