/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fwctl(1): reads the command line and calls the verb. */
#include "client/fwctl.h"

#include <getopt.h>
#include <limits.h>
#include <locale.h>
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
};

#define OPTIONS_REQUEST (1u << OPTION_DATA | 1u << OPTION_DEVICE_ID | 1u << OPTION_REASON)

static const struct verb {
	const char *name;
	const char *words; /* what follows it */
	int min_words, max_words;
	unsigned options; /* (1 << OPTION_...) beside the general ones */
	bool local;	  /* works without the daemon, and names no device */
	int (*run)(const struct arguments *arguments, struct fwctld *connection);
} verbs[] = {
	{"list", "", 0, 0, 0, false, verb_list},
	{"show", " DEVICE", 1, 1, 0, false, verb_show},
	{"commands", " DEVICE", 1, 1, 0, false, verb_commands},
	{"exec", " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX,
	 OPTIONS_REQUEST | 1u << OPTION_OUTPUT, false, verb_exec},
	{"explain", " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX, OPTIONS_REQUEST, false,
	 verb_explain},
	{"policy", " check [FILE ...]", 1, INT_MAX, 0, true, verb_policy},
};

static const struct option options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"data", required_argument, NULL, OPTION_DATA},
	{"device-id", required_argument, NULL, OPTION_DEVICE_ID},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{},
};

static void print_help(void)
{
	puts("fwctl sends firmware commands to devices through fwctld.\n"
	     "\n"
	     "  fwctl list                       devices that fwctld holds\n"
	     "  fwctl show DEVICE                what is known of one\n"
	     "  fwctl commands DEVICE            its commands, and which of them you may send\n"
	     "  fwctl exec DEVICE COMMAND [FIELD=VALUE ...]\n"
	     "                                   send one command\n"
	     "  fwctl explain DEVICE COMMAND [FIELD=VALUE ...]\n"
	     "                                   what it would do, and which rule decides\n"
	     "  fwctl policy check [FILE ...]    is the policy in order? (without the daemon)\n"
	     "\n"
	     "DEVICE is a name (nvme0, /dev/nvme0), a device id (nvme:SERIAL) or a serial.\n"
	     "COMMAND is get-log-page or nvme.get-log-page, a FIELD's VALUE a name or a number.\n"
	     "\n"
	     "  --json            one JSON document on standard output, for errors too\n"
	     "  --data FILE       bytes to the device beside the fields; - for standard input\n"
	     "  --device-id ID    refuse if DEVICE is not this one; destructive commands need it\n"
	     "  --reason TEXT     a ticket or sentence for the audit record\n"
	     "  --output FILE     exec: the response's bytes into a file; - for standard output\n"
	     "  --help, --version\n"
	     "\n"
	     "The exit code is 0 for success, 1 for a failure, 2 for a wrong command line, 3 when\n"
	     "denied, 4 when the device or the kernel refused, 5 when the outcome is unknown, 6 "
	     "when\n"
	     "fwctld cannot be reached. See fwctl(1).");
}

/* Everything getopt() has to say is kept for later: whether errors are JSON may come last. */
struct parsed {
	unsigned given;	   /* (1 << OPTION_...) */
	const char *wrong; /* the first unknown option, or one without its argument */
};

static struct parsed parse_options(int argc, char **argv, struct arguments *arguments)
{
	struct parsed parsed = {};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
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
		case '?':
			if (!parsed.wrong)
				parsed.wrong = argv[optind - 1];
			continue;
		}
		parsed.given |= 1u << option;
	}
	arguments->words = argv + optind;
	arguments->n_words = argc - optind;
	return parsed;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
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
	unsigned general = 1u << OPTION_JSON;
	int r;

	for (const struct option *o = options; o->name; o++)
		if (given & 1u << o->val & ~(general | verb->options))
			return fail(arguments, EXIT_USAGE, "fwctl %s has no option --%s.",
				    verb->name, o->name);
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
	struct parsed parsed = parse_options(argc, argv, &arguments);
	const struct verb *verb;

	if (parsed.wrong)
		return fail(&arguments, EXIT_USAGE,
			    "\"%s\" is no option, or lacks its argument. See fwctl --help.",
			    parsed.wrong);
	if (parsed.given & 1u << OPTION_HELP) {
		print_help();
		return EXIT_OK;
	}
	if (parsed.given & 1u << OPTION_VERSION) {
		puts("fwctl " FWCTLD_VERSION);
		return EXIT_OK;
	}
	if (arguments.n_words == 0)
		return fail(&arguments, EXIT_USAGE, "What shall fwctl do? See fwctl --help.");
	verb = find_verb(arguments.words[0]);
	if (!verb)
		return fail(&arguments, EXIT_USAGE, "fwctl has no verb \"%s\". See fwctl --help.",
			    arguments.words[0]);
	arguments.words++;
	arguments.n_words--;
	return run_verb(verb, &arguments, parsed.given);
}

int main(int argc, char **argv)
{
	int code;

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
