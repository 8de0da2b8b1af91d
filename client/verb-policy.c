/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy check`: the daemon's own loaders, without the daemon. */
#include "client/fwctl.h"

#include <errno.h>
#include <string.h>

#include "client/installed.h"
#include "client/json.h"
#include "client/output.h"
#include "policy/catalogue.h"
#include "policy/folders.h"
#include "policy/policy.h"

DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)
DEFINE_CLEANUP(struct policy *, policy_free)

/* Files of the command line are for whoever works on them: only texts, and anybody's. */
static int load_policy(const struct arguments *arguments, const struct catalogue *catalogue,
		       struct problems *problems, struct policy **ret)
{
	const char *const folders[] = {getenv("FWCTLD_POLICY_DIR"), NULL};
	_cleanup_(accounts_freep) struct accounts *accounts = NULL;
	int r;

	r = accounts_new(false, &accounts);
	if (r < 0)
		return r;

	/* words[0] is "check"; main()'s vector ends with NULL, and so do the words. */
	if (arguments->n_words > 1)
		return policy_load_files((const char *const *)arguments->words + 1, false,
					 catalogue, accounts, problems, ret);
	if (folders[0])
		return policy_load(folders, false, catalogue, accounts, problems, ret);
	r = installed_policy_check(problems);
	return r < 0 ? r : policy_load(policy_folders, true, catalogue, accounts, problems, ret);
}

static void json_problems(struct json *json, const struct problems *problems)
{
	json_begin(json, "problems", '[');
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *problem = &problems->items[i];

		json_begin(json, NULL, '{');
		json_string(json, "file", problem->file);
		if (problem->line > 0)
			json_number(json, "line", problem->line);
		if (problem->column > 0)
			json_number(json, "column", problem->column);
		json_string(json, "severity", problem->warning ? "warning" : "error");
		json_string(json, "text", problem->text);
		json_end(json, '}');
	}
	json_end(json, ']');
}

static void write_json(const struct policy *policy, const struct problems *problems,
		       const char *message)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	if (policy) {
		json_number(&json, "rules", policy->n_rules);
		json_number(&json, "files", policy->n_files);
		json_problems(&json, problems);
	} else {
		json_begin(&json, "error", '{');
		json_string(&json, "message", message);
		json_problems(&json, problems);
		json_end(&json, '}');
	}
	json_end(&json, '}');
	putchar('\n');
}

/* On stdout, like any check's findings; the verdict on them, when it is bad, on stderr. */
static void print(const struct policy *policy, const struct problems *problems, const char *message)
{
	_cleanup_free_ char *further = problems_further(problems);

	for (size_t i = 0; i < problems->n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems->items[i]);

		print_text(stdout, text ?: "Out of memory.");
		putchar('\n');
	}
	if (further)
		puts(further);
	fflush(stdout);
	if (policy)
		printf("The policy is in order: %zu rule%s from %zu file%s.\n", policy->n_rules,
		       policy->n_rules == 1 ? "" : "s", policy->n_files,
		       policy->n_files == 1 ? "" : "s");
	else
		fprintf(stderr, "fwctl: %s\n", message);
}

int verb_policy(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	const char *what = "catalogue";
	char message[128];
	int r;

	if (strcmp(arguments->words[0], "check") != 0)
		return fail(arguments, EXIT_USAGE,
			    "There is no \"fwctl policy %s\". Expected: fwctl policy check "
			    "[FILE ...]",
			    arguments->words[0]);

	r = installed_catalogue_load(false, &problems, &catalogue);
	if (r == 0 && problems.n_errors == 0) {
		what = "policy";
		r = load_policy(arguments, catalogue, &problems, &policy);
	}
	/* It can be in order, and the daemon yet not let near it. */
	if (r == 0 && problems.n_errors > 0) {
		policy = policy_free(policy);
		r = -EPERM;
	}
	if (problems.n_errors > 0)
		snprintf(message, sizeof(message), "The %s has %zu error%s.", what,
			 problems.n_errors, problems.n_errors == 1 ? "" : "s");
	else if (r < 0)
		snprintf(message, sizeof(message), "The %s cannot be loaded: %s.", what,
			 strerror(-r));
	if (arguments->json)
		write_json(policy, &problems, message);
	else
		print(policy, &problems, message);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}
