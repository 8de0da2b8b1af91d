/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `fwctl policy install`: from somebody's files to the policy that is in force, or nowhere. What is
 * read first are the files as they were named, so that messages name them; what the daemon gets to
 * see is then read again as it will, and must be the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-bus.h>

#include "client/installed.h"
#include "client/json.h"
#include "client/output.h"
#include "client/policy-diff.h"
#include "client/policy-test.h"
#include "client/staging.h"
#include "include/fwctld-names.h"
#include "policy/folders.h"
#include "policy/policy-files.h"

struct install {
	const struct arguments *arguments;
	struct policy_files sources; /* what is put in */
	struct policy_paths paths;   /* what there will be then */
	struct policy_input input;
	struct policy *policy, *installed; /* installed NULL: it does not load */
	struct policy_diff diff;
	struct case_report cases;
	/* With symbolic users, for the cases alone. */
	struct policy_input case_input;
	struct policy *case_policy;
	bool running, reloaded;
};

static void install_done(struct install *install)
{
	case_report_done(&install->cases);
	policy_free(install->case_policy);
	policy_input_done(&install->case_input);
	policy_diff_done(&install->diff);
	policy_free(install->policy);
	policy_free(install->installed);
	policy_input_done(&install->input);
	policy_paths_done(&install->paths);
	policy_files_done(&install->sources);
}

static int fail_memory(const struct install *install)
{
	return fail(install->arguments, EXIT_FAILED, "Out of memory.");
}

/* One file to put in. */
static int add_source(struct install *install, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strlen(name);
	struct stat st;
	bool masked;

	if (length <= strlen(".yaml") || strcmp(name + length - strlen(".yaml"), ".yaml") != 0 ||
	    *name == '.')
		return fail(install->arguments, EXIT_USAGE,
			    "fwctld would not read \"%s\": the name of a policy file ends in "
			    ".yaml, and does not begin with a dot.",
			    path);
	if (stat(path, &st) < 0)
		return fail(install->arguments, EXIT_FAILED, "Cannot open %s: %m.", path);
	masked = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
	if (!masked && !S_ISREG(st.st_mode))
		return fail(install->arguments, EXIT_FAILED, "%s is no regular file.", path);
	for (size_t i = 0; i < install->sources.n; i++)
		if (strcmp(install->sources.items[i].name, name) == 0)
			return fail(install->arguments, EXIT_USAGE,
				    "%s and %s have the same name; only one can be installed.",
				    install->sources.items[i].path, path);
	if (policy_files_add(&install->sources, name, path, masked) < 0)
		return fail_memory(install);
	return EXIT_OK;
}

static int is_source(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && fnmatch("*.yaml", entry->d_name, 0) == 0;
}

/* Policies, cases and masks; scandir(3) for the order of messages. */
static int add_source_folder(struct install *install, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_source, alphasort), r = EXIT_OK;

	if (n < 0)
		return fail(install->arguments, EXIT_FAILED, "Cannot read %s: %m.", folder);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (r == EXIT_OK && asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
			path = NULL;
			r = fail_memory(install);
		}
		if (r == EXIT_OK)
			r = add_source(install, path);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int find_sources(struct install *install)
{
	char **words = install->arguments->words + 1;
	struct stat st;
	int r = EXIT_OK;

	for (; r == EXIT_OK && *words; words++)
		r = stat(*words, &st) == 0 && S_ISDIR(st.st_mode)
			    ? add_source_folder(install, *words)
			    : add_source(install, *words);
	if (r == EXIT_OK && install->sources.n == 0)
		r = fail(install->arguments, EXIT_FAILED, "There is no file *.yaml to install.");
	return r;
}

/* What the daemon will read of the installed folders, with the sources in their places. */
static int merge(struct install *install, bool cases, char ***ret)
{
	_cleanup_(policy_files_done) struct policy_files files = {};
	struct problems *problems = &install->input.problems;
	int r;

	r = cases ? policy_cases_find(policy_folders, problems, &files)
		  : policy_files_find(policy_folders, false, problems, &files);
	for (size_t i = 0; r >= 0 && i < install->sources.n; i++) {
		const struct policy_file *source = &install->sources.items[i];

		if (policy_file_has_cases(source->name) == cases)
			r = policy_files_add(&files, source->name, source->path, source->masked);
	}
	if (r < 0)
		return r;
	policy_files_settle(&files);
	*ret = calloc(files.n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < files.n; i++)
		(*ret)[i] = TAKE_PTR(files.items[i].path);
	return 0;
}

static int load(struct install *install)
{
	struct policy_input *input = &install->input;
	int r;

	r = policy_input_open(false, input);
	if (r >= 0)
		r = merge(install, false, &install->paths.policies);
	if (r >= 0)
		r = merge(install, true, &install->paths.cases);
	if (r >= 0)
		r = policy_input_load(input, &install->paths, &install->policy);
	if (r < 0)
		return policy_input_fail(input, install->arguments, EXIT_FAILED, r, stderr);
	return EXIT_OK;
}

static int fail_cases(struct install *install)
{
	const struct case_report *report = &install->cases;
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *file;

	if (!install->arguments->json) {
		case_report_print_failures(stderr, report);
		return fail(install->arguments, EXIT_FAILED,
			    "%zu of %zu cases failed. Nothing was changed.", report->n_failed,
			    report->n);
	}
	file = open_memstream(&text, &length);
	if (!file)
		return fail_memory(install);
	case_report_print_failures(file, report);
	if (fclose(file) != 0)
		return fail_memory(install);
	return fail(install->arguments, EXIT_FAILED,
		    "%zu of %zu cases failed. Nothing was changed. %s", report->n_failed, report->n,
		    text);
}

static int test(struct install *install)
{
	struct policy_input *input = &install->case_input;
	int r;

	r = policy_input_open(true, input);
	if (r >= 0)
		r = policy_input_load(input, &install->paths, &install->case_policy);
	if (r >= 0)
		r = case_report_make(input, install->case_policy, install->paths.cases,
				     &install->cases);
	if (r < 0)
		return policy_input_fail(input, install->arguments, EXIT_FAILED, r, stderr);
	return install->cases.n_failed > 0 ? fail_cases(install) : EXIT_OK;
}

/* What is installed may be wrong: that can be why another one is to take its place. */
static int compare(struct install *install)
{
	_cleanup_(problems_done) struct problems problems = {};
	int r;

	r = policy_load(policy_folders, false, install->input.catalogue, install->input.accounts,
			&problems, &install->installed);
	if (r >= 0)
		r = policy_diff_make(&install->input, install->installed, install->policy,
				     &install->diff);
	return r == -ENOMEM ? fail_memory(install) : EXIT_OK;
}

/* Problems name the copy; where it will stand is what people know. */
static void rename_problems(struct problems *problems)
{
	size_t length = strlen(staging_path);

	for (size_t i = 0; i < problems->n; i++) {
		char *file = problems->items[i].file, *renamed;

		if (strncmp(file, staging_path, length) != 0 ||
		    asprintf(&renamed, "%s%s", staging_target, file + length) < 0)
			continue;
		free(file);
		problems->items[i].file = renamed;
	}
}

/* As the daemon will: whom files belong to, who can write and who read them. */
static int verify(struct install *install)
{
	const char *folders[8] = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	struct policy_input *input = &install->input;
	int r;

	for (size_t i = 0; policy_folders[i] && i + 1 < ELEMENTSOF(folders); i++)
		folders[i] = strcmp(policy_folders[i], staging_target) == 0 ? staging_path
									    : policy_folders[i];
	r = installed_policy_check(folders, &problems);
	if (r >= 0)
		r = policy_load(folders, true, input->catalogue, input->accounts, &problems,
				&policy);
	if (r >= 0 && problems.n_errors > 0)
		r = -EPERM;
	if (r < 0) {
		rename_problems(&problems);
		return policy_input_fail(&(struct policy_input){.problems = problems,
								.what = "policy"},
					 install->arguments, EXIT_FAILED, r, stderr);
	}
	if (memcmp(policy->digest, install->policy->digest, sizeof(policy->digest)) != 0)
		return fail(install->arguments, EXIT_FAILED,
			    "Files were changed while they were installed, so what was checked is "
			    "not what would be in force. Nothing was changed; try again.");
	return EXIT_OK;
}

/* Asked of the bus, which a call of fwctld's would have start it. */
static bool daemon_runs(void)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int runs = 0;

	if (sd_bus_open_system(&bus) < 0 ||
	    sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
			       FWCTLD_BUS_NAME) < 0 ||
	    sd_bus_message_read(reply, "b", &runs) < 0)
		return false;
	return runs;
}

/* The daemon takes it, or everything is as it was. */
static int reload(struct install *install, struct staging *staging)
{
	_cleanup_(fwctld_closep) struct fwctld *connection = NULL;
	int r;

	r = fwctld_open(&connection);
	if (r >= 0)
		r = fwctld_reload_policy(connection, NULL);
	if (r >= 0) {
		install->reloaded = true;
		return EXIT_OK;
	}
	if (staging_swap_back(staging) != EXIT_OK)
		return EXIT_FAILED;
	return fail(install->arguments, EXIT_FAILED,
		    "fwctld did not take the new policy, and the files are as they were: %s",
		    connection ? fwctld_error(connection)->message : strerror(-r));
}

static int put(struct install *install)
{
	_cleanup_(staging_done) struct staging staging = STAGING_NONE;
	sigset_t blocked, before;
	int r;

	r = staging_open(install->arguments, &staging);
	for (size_t i = 0; r == EXIT_OK && i < install->sources.n; i++)
		r = staging_put(&staging, install->sources.items[i].path,
				install->sources.items[i].name);
	if (r == EXIT_OK)
		r = verify(install);
	if (r != EXIT_OK)
		return r;

	/* Between the files and the daemon nobody stops it by accident. */
	sigemptyset(&blocked);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&blocked, (const int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE}[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	install->running = daemon_runs();
	r = staging_swap(&staging);
	if (r == EXIT_OK && install->running)
		r = reload(install, &staging);
	staging_done(&staging);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static const char *result_text(const struct install *install)
{
	if (install->arguments->dry_run)
		return "Nothing was changed, because of --dry-run.";
	if (install->reloaded)
		return "Installed, and in force.";
	return "Installed. fwctld does not run; it reads the policy when it starts.";
}

static void print_findings(const struct install *install)
{
	print_problems(stdout, &install->input.problems);
	if (!install->installed)
		puts("What is installed does not load, so there is nothing to compare with.");
	else if (install->diff.n == 0)
		puts("It decides everything as the installed one does.");
	policy_diff_print(stdout, &install->diff);
	printf("%zu rule%s from %zu file%s, %zu case%s passed.\n", install->policy->n_rules,
	       install->policy->n_rules == 1 ? "" : "s", install->policy->n_files,
	       install->policy->n_files == 1 ? "" : "s", install->cases.n,
	       install->cases.n == 1 ? "" : "s");
	fflush(stdout);
}

static void write_json(const struct install *install)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_bool(&json, "installed", !install->arguments->dry_run);
	json_bool(&json, "reloaded", install->reloaded);
	json_begin(&json, "files", '[');
	for (size_t i = 0; i < install->sources.n; i++)
		json_string(&json, NULL, install->sources.items[i].name);
	json_end(&json, ']');
	json_number(&json, "rules", install->policy->n_rules);
	json_number(&json, "cases", install->cases.n);
	if (install->installed)
		policy_diff_json(&json, "changes", &install->diff);
	json_problems(&json, &install->input.problems);
	json_end(&json, '}');
	putchar('\n');
}

int verb_policy_install(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(install_done) struct install install = {.arguments = arguments};
	int r;

	if (getenv("FWCTLD_POLICY_DIR"))
		return fail(arguments, EXIT_USAGE,
			    "FWCTLD_POLICY_DIR is set, but a policy is installed into %s alone.",
			    staging_target);
	if (geteuid() != 0 && !arguments->dry_run)
		return fail(arguments, EXIT_FAILED,
			    "Only root can install a policy; --dry-run does all but that.");
	r = find_sources(&install);
	if (r == EXIT_OK)
		r = load(&install);
	if (r == EXIT_OK)
		r = test(&install);
	if (r == EXIT_OK)
		r = compare(&install);
	if (r != EXIT_OK)
		return r;
	/* Before anything changes: who sees it may yet stop it. */
	if (!arguments->json)
		print_findings(&install);
	if (ferror(stdout))
		return fail(arguments, EXIT_FAILED,
			    "What would change could not be shown. Nothing was changed.");
	if (!arguments->dry_run)
		r = put(&install);
	if (r != EXIT_OK)
		return r;
	if (arguments->json)
		write_json(&install);
	else
		puts(result_text(&install));
	return EXIT_OK;
}
