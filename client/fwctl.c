/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fwctl(1): reads the command line and calls the verb. */
#include "client/fwctl.h"

#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
	OPTION_JSON = 1,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_DATA,
	OPTION_DEVICE_ID,
	OPTION_REASON,
	OPTION_OUTPUT,
	OPTION_ALL,
	OPTION_FORMAT,
};

#define OPTIONS_GENERAL (1u << OPTION_JSON | 1u << OPTION_HELP)
#define OPTIONS_REQUEST (1u << OPTION_DATA | 1u << OPTION_DEVICE_ID | 1u << OPTION_REASON)

static const struct verb {
	const char *name;
	const char *words; /* what follows it */
	int min_words, max_words;
	unsigned selected_by; /* (1 << OPTION_...) that makes it this one of two; 0: none */
	unsigned options;     /* likewise: beside the general ones */
	bool local;	      /* works without the daemon, and names no device */
	int (*run)(const struct arguments *arguments, struct fwctld *connection);
	const char *summary;
} verbs[] = {
	{"list", "", 0, 0, 0, 0, false, verb_list, "the devices that fwctld holds"},
	{"show", " DEVICE", 1, 1, 0, 0, false, verb_show, "what is known of a device"},
	{"commands", " --all [DIALECT ...]", 0, INT_MAX, 1u << OPTION_ALL,
	 1u << OPTION_ALL | 1u << OPTION_FORMAT, true, verb_catalogue,
	 "every command that fwctld knows, and what it does (works without fwctld)"},
	{"commands", " DEVICE [COMMAND]", 1, 2, 0, 0, false, verb_commands,
	 "its commands and which of them you may send, or one command in full"},
	{"exec", " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX, 0,
	 OPTIONS_REQUEST | 1u << OPTION_OUTPUT, false, verb_exec, "send one command"},
	{"explain", " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX, 0, OPTIONS_REQUEST, false,
	 verb_explain, "what it would do, and which rule decides"},
	{"policy", " check [FILE ...]", 1, INT_MAX, 0, 0, true, verb_policy,
	 "are catalogue and policy in order? (works without fwctld)"},
};

static const struct option options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"data", required_argument, NULL, OPTION_DATA},
	{"device-id", required_argument, NULL, OPTION_DEVICE_ID},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"all", no_argument, NULL, OPTION_ALL},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{},
};

static const char *const option_help[] = {
	[OPTION_JSON] = "--json            one JSON document on standard output, for errors too",
	[OPTION_HELP] = "-h, --help        with a verb: only what belongs to it",
	[OPTION_VERSION] = "--version",
	[OPTION_DATA] =
		"--data FILE       bytes to the device beside the fields; - is standard input",
	[OPTION_DEVICE_ID] =
		"--device-id ID    refuse any other DEVICE; destructive commands need it",
	[OPTION_REASON] = "--reason TEXT     a ticket or sentence for the audit record",
	[OPTION_OUTPUT] =
		"--output FILE     exec: the response's bytes into a file; - is standard output",
	[OPTION_ALL] =
		"--all             commands: of every dialect, or of these, and of no device",
	[OPTION_FORMAT] = "--format=markdown commands --all: as a document with tables",
};

/* Of one verb, or (NULL) of all. */
static void print_help(const char *name)
{
	unsigned shown = OPTIONS_GENERAL;
	bool device = false;

	if (!name)
		puts("fwctl sends firmware commands to devices through fwctld.\n");
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		const struct verb *verb = &verbs[i];

		if (name && strcmp(name, verb->name) != 0)
			continue;
		printf("  fwctl %s%s\n      %s\n", verb->name, verb->words, verb->summary);
		shown |= verb->options;
		device |= !verb->local && verb->min_words > 0;
	}
	if (device)
		puts("\nDEVICE is a name (nvme0, /dev/nvme0), a device id (nvme:SERIAL) or a "
		     "serial.");
	if (shown & OPTIONS_REQUEST)
		puts("COMMAND is get-log-page or nvme.get-log-page. A FIELD's VALUE is one of its\n"
		     "names, a number, a UUID, hexadecimal bytes, or @FILE, a file that holds it.");
	putchar('\n');
	for (const struct option *o = options; o->name; o++)
		if (!name || shown & 1u << o->val)
			printf("  %s\n", option_help[o->val]);
	puts("\n"
	     "The exit code is 0 for success, 1 for a failure, 2 for a wrong command line,\n"
	     "3 when denied, 4 when the device or the kernel refused, 5 when the outcome is\n"
	     "unknown, 6 when fwctld cannot be reached. See fwctl(1).");
}

/* Everything getopt() has to say is kept for later: whether errors are JSON may come last. */
struct parsed {
	unsigned given; /* (1 << OPTION_...) */
	char *wrong;	/* what is wrong with the first option that is */
};

static void parsed_done(struct parsed *parsed)
{
	free(parsed->wrong);
}

/* After getopt_long() has returned `result`, '?' or ':'. */
static char *describe_wrong(int result, const char *word)
{
	char *text = NULL;
	int r;

	if (result == ':')
		r = asprintf(&text, "Option %s needs an argument.", word);
	else if (optopt > 0 && optopt <= OPTION_FORMAT)
		r = asprintf(&text, "Option %.*s takes no argument.", (int)strcspn(word, "="),
			     word);
	else if (optopt > 0)
		r = asprintf(&text, "There is no option \"-%c\". See fwctl --help.", optopt);
	else
		r = asprintf(&text, "There is no option \"%s\". See fwctl --help.", word);
	return r < 0 ? NULL : text;
}

static void parse_options(int argc, char **argv, struct arguments *arguments, struct parsed *parsed)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (option) {
		case 'h':
			option = OPTION_HELP;
			break;
		case OPTION_JSON:
			arguments->json = true;
			break;
		case OPTION_DATA:
			arguments->data = optarg;
			break;
		case OPTION_DEVICE_ID:
			arguments->device_id = optarg;
			break;
		case OPTION_REASON:
			arguments->reason = optarg;
			break;
		case OPTION_OUTPUT:
			arguments->output = optarg;
			break;
		case OPTION_FORMAT:
			arguments->format = optarg;
			break;
		case '?':
		case ':':
			if (!parsed->wrong)
				parsed->wrong = describe_wrong(option, argv[optind - 1])
							?: strdup("Out of memory.");
			continue;
		}
		parsed->given |= 1u << option;
	}
	arguments->words = argv + optind;
	arguments->n_words = argc - optind;
}

static const struct verb *find_verb(const char *name, unsigned given)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0 && (verbs[i].selected_by & ~given) == 0)
			return &verbs[i];
	return NULL;
}

/*
 * A device node's path is what people have at hand. Only the folders of nodes that fwctld serves:
 * the last part of any other path may well be the name of another device.
 */
static const char *device_name(const char *word)
{
	static const char *const folders[] = {"/dev/fwctl/", "/dev/cxl/", "/dev/"};

	for (size_t i = 0; i < ELEMENTSOF(folders); i++)
		if (strncmp(word, folders[i], strlen(folders[i])) == 0)
			return word + strlen(folders[i]);
	return word;
}

static int run_verb(const struct verb *verb, struct arguments *arguments, unsigned given)
{
	_cleanup_(fwctld_closep) struct fwctld *connection = NULL;
	int r;

	for (const struct option *o = options; o->name; o++)
		if (given & 1u << o->val & ~(OPTIONS_GENERAL | verb->options))
			return fail(arguments, EXIT_USAGE, "fwctl %s%s has no option --%s.",
				    verb->name, verb->words, o->name);
	if (arguments->n_words < verb->min_words || arguments->n_words > verb->max_words)
		return fail(arguments, EXIT_USAGE, "Expected: fwctl %s%s", verb->name, verb->words);
	if (verb->local)
		return verb->run(arguments, NULL);

	if (arguments->n_words > 0)
		arguments->device = device_name(arguments->words[0]);
	r = fwctld_open(&connection);
	if (r < 0)
		return fail(arguments, EXIT_NO_DAEMON,
			    "Cannot connect to the system bus, over which fwctld is reached: %s.",
			    strerror(-r));
	return verb->run(arguments, connection);
}

static int run(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_(parsed_done) struct parsed parsed = {};
	const struct verb *verb = NULL;

	parse_options(argc, argv, &arguments, &parsed);
	if (parsed.wrong)
		return fail(&arguments, EXIT_USAGE, "%s", parsed.wrong);
	if (arguments.n_words > 0) {
		verb = find_verb(arguments.words[0], parsed.given);
		if (!verb)
			return fail(&arguments, EXIT_USAGE,
				    "There is no verb \"%s\". See fwctl --help.",
				    arguments.words[0]);
	}
	if (parsed.given & 1u << OPTION_HELP) {
		print_help(verb ? verb->name : NULL);
		return EXIT_OK;
	}
	if (parsed.given & 1u << OPTION_VERSION) {
		puts("fwctl " FWCTLD_VERSION);
		return EXIT_OK;
	}
	if (!verb)
		return fail(&arguments, EXIT_USAGE, "No verb was given. See fwctl --help.");
	arguments.words++;
	arguments.n_words--;
	return run_verb(verb, &arguments, parsed.given);
}

int main(int argc, char **argv)
{
	int code;

	/* Whoever reads us and has seen enough ends us without a word, also where services start
	 * with this signal ignored. */
	signal(SIGPIPE, SIG_DFL);
	/* For the characters that a terminal of this locale can show, and for nothing else. */
	setlocale(LC_CTYPE, "");
	code = run(argc, argv);
	/* What a full disk swallowed must not look like a success. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
		fputs("fwctl: The standard output could not be written.\n", stderr);
		code = EXIT_FAILED;
	}
	return code;
}
