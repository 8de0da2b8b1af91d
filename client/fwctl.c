/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fwctl(1): reads the command line and calls the verb. */
#include "client/fwctl.h"

#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "policy/suggest.h"

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
	OPTION_NO_USERS,
	OPTION_POLICY,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_DEVICE,
	OPTION_TIME,
	OPTION_DRY_RUN,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_DIRECTORY,
	OPTION_FILE,
	_OPTION_MAX,
};

#define OPTIONS_GENERAL (1u << OPTION_JSON | 1u << OPTION_HELP)
#define OPTIONS_REQUEST (1u << OPTION_DATA | 1u << OPTION_DEVICE_ID | 1u << OPTION_REASON)

static const struct verb {
	const char *name, *second; /* second: the word that follows `policy`; else NULL */
	const char *words;	   /* what follows it */
	int min_words, max_words;
	unsigned selected_by; /* (1 << OPTION_...) that makes it this one of two; 0: none */
	unsigned options;     /* likewise: beside the general ones */
	bool local;	      /* works without the daemon, and names no device */
	int (*run)(const struct arguments *arguments, struct fwctld *connection);
	const char *summary;
} verbs[] = {
	{"list", NULL, "", 0, 0, 0, 0, false, verb_list, "the devices that fwctld holds"},
	{"show", NULL, " DEVICE", 1, 1, 0, 0, false, verb_show, "what is known of a device"},
	{"commands", NULL, " --all [DIALECT ...]", 0, INT_MAX, 1u << OPTION_ALL,
	 1u << OPTION_ALL | 1u << OPTION_FORMAT, true, verb_catalogue,
	 "every command that fwctld knows, and what it does (works without fwctld)"},
	{"commands", NULL, " DEVICE [COMMAND]", 1, 2, 0, 0, false, verb_commands,
	 "its commands and which of them you may send, or one command in full"},
	{"exec", NULL, " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX, 0,
	 OPTIONS_REQUEST | 1u << OPTION_OUTPUT, false, verb_exec, "send one command"},
	{"explain", NULL, " DEVICE COMMAND [FIELD=VALUE ...]", 2, INT_MAX, 0, OPTIONS_REQUEST,
	 false, verb_explain, "what it would do, and which rule decides"},
	/* The second word counts as one. */
	{"policy", "check", " [PATH ...]", 1, INT_MAX, 0, 1u << OPTION_NO_USERS, true,
	 verb_policy_check, "are catalogue and policy in order?"},
	{"policy", "lint", " [PATH ...]", 1, INT_MAX, 0, 1u << OPTION_NO_USERS, true,
	 verb_policy_lint, "rules that do nothing, or more than they seem to"},
	{"policy", "explain", " COMMAND [FIELD=VALUE ...]", 2, INT_MAX, 0,
	 1u << OPTION_NO_USERS | 1u << OPTION_POLICY | 1u << OPTION_USER | 1u << OPTION_GROUP |
		 1u << OPTION_DEVICE | 1u << OPTION_TIME | 1u << OPTION_DATA,
	 true, verb_policy_explain, "which rule decides, and why none before it does"},
	{"policy", "test", " [PATH ...]", 1, INT_MAX, 0, 0, true, verb_policy_test,
	 "does it decide the cases of FILE.test.yaml as they expect?"},
	{"policy", "diff", " OLD NEW", 3, 3, 0, 1u << OPTION_NO_USERS, true, verb_policy_diff,
	 "what the new one decides differently; \"installed\" is what is in force"},
	{"policy", "show", " [PATH ...]", 1, INT_MAX, 0, 1u << OPTION_NO_USERS, true,
	 verb_policy_show, "all files as one, and where each part of it stands"},
	{"policy", "replay", " [PATH ...]", 1, INT_MAX, 0,
	 1u << OPTION_NO_USERS | 1u << OPTION_SINCE | 1u << OPTION_UNTIL | 1u << OPTION_DIRECTORY |
		 1u << OPTION_FILE,
	 true, verb_policy_replay, "what it decides differently of what the journal has"},
	{"policy", "install", " PATH ...", 2, INT_MAX, 0, 1u << OPTION_DRY_RUN, true,
	 verb_policy_install, "check, test, compare, put into /etc/fwctld/policy.d, reload"},
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
	{"no-users", no_argument, NULL, OPTION_NO_USERS},
	{"policy", required_argument, NULL, OPTION_POLICY},
	{"user", required_argument, NULL, OPTION_USER},
	{"group", required_argument, NULL, OPTION_GROUP},
	{"device", required_argument, NULL, OPTION_DEVICE},
	{"time", required_argument, NULL, OPTION_TIME},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"directory", required_argument, NULL, OPTION_DIRECTORY},
	{"file", required_argument, NULL, OPTION_FILE},
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
	[OPTION_NO_USERS] =
		"--no-users        policy: take every user and group for one that exists",
	[OPTION_POLICY] = "--policy PATH     policy explain: by this file or folder; once for each",
	[OPTION_USER] = "--user NAME       policy explain: who asks, instead of you",
	[OPTION_GROUP] =
		"--group NAME      policy explain: their group; once for each, and no other",
	[OPTION_DEVICE] =
		"--device DEVICE   policy explain: as known to fwctld, or type=nvme,serial=LAB-1",
	[OPTION_TIME] = "--time TIME       policy explain: as in \"2026-11-22 03:00 UTC\"",
	[OPTION_DRY_RUN] = "--dry-run         policy install: everything but installing it",
	[OPTION_SINCE] =
		"--since TIME      policy replay: from then on, as in \"2026-11-22 03:00\" or -30d",
	[OPTION_UNTIL] = "--until TIME      policy replay: until then",
	[OPTION_DIRECTORY] =
		"--directory PATH  policy replay: journal files instead of this machine's",
	[OPTION_FILE] = "--file PATH       policy replay: one journal file",
};

/* Of one verb, of all that begin with `name` (second NULL), or (name NULL) of all. */
static void print_help(const char *name, const char *second)
{
	unsigned shown = OPTIONS_GENERAL;
	bool device = false;

	if (!name)
		puts("fwctl sends firmware commands to devices through fwctld.\n");
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		const struct verb *verb = &verbs[i];

		if (name && strcmp(name, verb->name) != 0)
			continue;
		if (second && strcmp(second, verb->second) != 0)
			continue;
		printf("  fwctl %s%s%s%s\n      %s\n", verb->name, verb->second ? " " : "",
		       verb->second ?: "", verb->words, verb->summary);
		shown |= verb->options;
		device |= !verb->local && verb->min_words > 0;
	}
	if (device)
		puts("\nDEVICE is a name (nvme0, /dev/nvme0), a device id (nvme:SERIAL) or a "
		     "serial.");
	if (shown & OPTIONS_REQUEST)
		puts("COMMAND is get-log-page or nvme.get-log-page. A FIELD's VALUE is one of its\n"
		     "names, a number, a UUID, hexadecimal bytes, or @FILE, a file that holds it.");
	if (!name || strcmp(name, "policy") == 0)
		puts("PATH is a policy, a folder of such, or NAME.test.yaml with cases; without "
		     "one\n"
		     "it is what is installed. `policy` works without fwctld.");
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
	else if (optopt > 0 && optopt < _OPTION_MAX)
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
	size_t n_policies = 0, n_groups = 0;
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
		case OPTION_NO_USERS:
			arguments->no_users = true;
			break;
		case OPTION_POLICY:
			arguments->policies[n_policies++] = optarg;
			break;
		case OPTION_USER:
			arguments->user = optarg;
			break;
		case OPTION_GROUP:
			arguments->groups[n_groups++] = optarg;
			break;
		case OPTION_DEVICE:
			arguments->target = optarg;
			break;
		case OPTION_TIME:
			arguments->time = optarg;
			break;
		case OPTION_DRY_RUN:
			arguments->dry_run = true;
			break;
		case OPTION_SINCE:
			arguments->since = optarg;
			break;
		case OPTION_UNTIL:
			arguments->until = optarg;
			break;
		case OPTION_DIRECTORY:
			arguments->directory = optarg;
			break;
		case OPTION_FILE:
			arguments->file = optarg;
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

/* second: the word after the verb, or NULL. */
static const struct verb *find_verb(const char *name, const char *second, unsigned given)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0 && (verbs[i].selected_by & ~given) == 0 &&
		    (!verbs[i].second || (second && strcmp(verbs[i].second, second) == 0)))
			return &verbs[i];
	return NULL;
}

static int fail_verb(const struct arguments *arguments)
{
	const char *name = arguments->words[0];
	const char *second = arguments->n_words > 1 ? arguments->words[1] : NULL;
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);
	struct suggestion suggestion = {.wrong = second ?: ""};

	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0 && verbs[i].second) {
			name_list_add(&list, verbs[i].second);
			suggestion_try(&suggestion, verbs[i].second);
		}
	if (list.length == 0)
		return fail(arguments, EXIT_USAGE, "There is no verb \"%s\". See fwctl --help.",
			    name);
	if (!second)
		return fail(arguments, EXIT_USAGE, "Expected after fwctl %s one of: %s.", name,
			    names);
	return fail(arguments, EXIT_USAGE, "There is no \"fwctl %s %s\".%s Expected one of: %s.",
		    name, second, suggestion_text(&suggestion), names);
}

const char *device_name(const char *word)
{
	static const char *const folders[] = {"/dev/fwctl/", "/dev/cxl/", "/dev/"};

	for (size_t i = 0; i < ELEMENTSOF(folders); i++)
		if (strncmp(word, folders[i], strlen(folders[i])) == 0)
			return word + strlen(folders[i]);
	return word;
}

int open_connection(const struct arguments *arguments, struct fwctld **ret)
{
	int r = fwctld_open(ret);

	if (r < 0)
		return fail(arguments, EXIT_NO_DAEMON,
			    "Cannot connect to the system bus, over which fwctld is reached: %s.",
			    strerror(-r));
	return EXIT_OK;
}

static int run_verb(const struct verb *verb, struct arguments *arguments, unsigned given)
{
	_cleanup_(fwctld_closep) struct fwctld *connection = NULL;
	int r;

	for (const struct option *o = options; o->name; o++)
		if (given & 1u << o->val & ~(OPTIONS_GENERAL | verb->options))
			return fail(arguments, EXIT_USAGE, "fwctl %s%s%s%s has no option --%s.",
				    verb->name, verb->second ? " " : "", verb->second ?: "",
				    verb->words, o->name);
	if (arguments->n_words < verb->min_words || arguments->n_words > verb->max_words)
		return fail(arguments, EXIT_USAGE, "Expected: fwctl %s%s%s%s", verb->name,
			    verb->second ? " " : "", verb->second ?: "", verb->words);
	if (verb->local)
		return verb->run(arguments, NULL);

	if (arguments->n_words > 0)
		arguments->device = device_name(arguments->words[0]);
	r = open_connection(arguments, &connection);
	return r != EXIT_OK ? r : verb->run(arguments, connection);
}

static int run(int argc, char **argv)
{
	/* No option is given more often than there are words. */
	_cleanup_free_ const char **policies = calloc((size_t)argc + 1, sizeof(*policies));
	_cleanup_free_ const char **groups = calloc((size_t)argc + 1, sizeof(*groups));
	struct arguments arguments = {.policies = policies, .groups = groups};
	_cleanup_(parsed_done) struct parsed parsed = {};
	const struct verb *verb = NULL;

	if (!policies || !groups)
		return fail(&arguments, EXIT_FAILED, "Out of memory.");
	parse_options(argc, argv, &arguments, &parsed);
	if (parsed.wrong)
		return fail(&arguments, EXIT_USAGE, "%s", parsed.wrong);
	if (arguments.n_words > 0) {
		bool family = arguments.n_words == 1 && strcmp(arguments.words[0], "policy") == 0;

		if (family && parsed.given & 1u << OPTION_HELP) {
			print_help("policy", NULL);
			return EXIT_OK;
		}
		verb = find_verb(arguments.words[0],
				 arguments.n_words > 1 ? arguments.words[1] : NULL, parsed.given);
		if (!verb)
			return fail_verb(&arguments);
	}
	if (parsed.given & 1u << OPTION_HELP) {
		print_help(verb ? verb->name : NULL, verb ? verb->second : NULL);
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
