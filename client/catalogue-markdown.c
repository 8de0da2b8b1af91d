/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The catalogue as a document: what `fwctl commands --all --format=markdown` prints. */
#include "client/catalogue-entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

static const char introduction[] =
	"<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n\n"
	"# The commands that fwctld knows\n\n"
	"Made by `fwctl commands --all --format=markdown` from the catalogue, which\n"
	"fwctld.commands(5) describes; change that, and not this.\n\n"
	"A command has a row for each condition of its fields that makes a difference;\n"
	"*otherwise* is what no other row fits, and *with ...* adds to each of them. The\n"
	"worst effect decides the class, and a policy must accept each hazard by name.\n"
	"What a device reports of its own commands can make a class worse, never better.\n"
	"*Never sent*: fwctld refuses it, whoever asks; its class tells what it would do.\n"
	"*Scope* is what the kernel is told with a command that goes through fwctl. Data\n"
	"is in bytes.\n";

static const char heading[] =
	"| Command | Opcode | When | Class | Hazards | Other effects | Scope | Data | Reason |\n"
	"|---|---|---|---|---|---|---|---|---|\n";

/* Nothing of a catalogue's text can end a cell or mean something to a reader of Markdown. */
static void write_text(FILE *file, const char *text)
{
	putc(' ', file);
	for (; *text; text++) {
		if (strchr("\\`*_{}[]<>|#&~!", *text))
			putc('\\', file);
		putc(*text, file);
	}
	fputs(" |", file);
}

/* What can be typed: names, numbers and UUIDs, which hold nothing that would have to be escaped. */
static void write_code(FILE *file, const char *text)
{
	fprintf(file, " `%s` |", text);
}

static void write_when(FILE *file, const struct entry *entry)
{
	if (entry->command->refused)
		write_text(file, "never sent");
	else if (strchr(entry->when, '='))
		write_code(file, entry->when);
	else
		write_text(file, entry->when);
}

static void write_effects(FILE *file, effect_set effects)
{
	const char *separator = " ";

	for (unsigned i = 0; i < _EFFECT_MAX; i++)
		if (effects & EFFECT_BIT(i)) {
			fprintf(file, "%s%s", separator, effect_to_string(i));
			separator = ", ";
		}
	fputs(effects ? " |" : " - |", file);
}

/* What `write` writes, as a cell. */
static int write_part(FILE *file, const struct command *command,
		      void (*write)(FILE *file, const struct command *command),
		      void (*write_cell)(FILE *file, const char *text))
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *part = open_memstream(&text, &length);

	if (!part)
		return -ENOMEM;
	write(part, command);
	if (fclose(part) != 0)
		return -ENOMEM;
	write_cell(file, length > 0 ? text : "-");
	return 0;
}

static void write_why_refused(FILE *file, const struct command *command)
{
	fprintf(file, "%s; it is never sent: %s", command->reason, command->refused);
}

static int write_row(FILE *file, const struct entry *entry)
{
	const struct command *command = entry->command;
	int r;

	putc('|', file);
	write_code(file, command->full_name);
	r = write_part(file, command, write_opcode, write_code);
	if (r < 0)
		return r;
	write_when(file, entry);
	write_text(file, effect_class_to_string(entry->is.class));
	write_effects(file, entry->is.effects & EFFECT_HAZARDS);
	write_effects(file, entry->is.effects & ~EFFECT_HAZARDS);
	if (entry->scope >= 0)
		fprintf(file, " %d |", entry->scope);
	else
		fputs(" - |", file);
	r = write_part(file, command, write_data, write_text);
	if (r >= 0 && command->refused)
		r = write_part(file, command, write_why_refused, write_text);
	else if (r >= 0)
		write_text(file, entry->is.reason);
	putc('\n', file);
	return r;
}

int write_markdown(FILE *file, const struct dialect *const *dialects)
{
	fputs(introduction, file);
	for (; *dialects; dialects++) {
		const struct dialect *dialect = *dialects;

		fprintf(file, "\n## %s: %s\n\n", dialect->name, dialect->summary);
		if (dialect->n_commands == 0)
			fputs("None comes with fwctld; files of /etc/fwctld/commands.d describe "
			      "them.\n",
			      file);
		else
			fputs(heading, file);
		for (size_t i = 0; i < dialect->n_commands; i++) {
			const struct command *command = &dialect->commands[i];
			size_t n_entries = entry_count(command);

			for (size_t n = 0; n < n_entries; n++) {
				struct entry entry;
				int r;

				entry_get(command, n, &entry);
				r = write_row(file, &entry);
				if (r < 0)
					return r;
			}
		}
	}
	return 0;
}
