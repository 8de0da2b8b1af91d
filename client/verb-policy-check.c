/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy check`: would the daemon take it? */
#include <errno.h>

#include "client/json.h"
#include "client/policy-input.h"

static void write_json(const struct policy *policy, const struct problems *problems)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_number(&json, "rules", policy->n_rules);
	json_number(&json, "files", policy->n_files);
	json_problems(&json, problems);
	json_end(&json, '}');
	putchar('\n');
}

int verb_policy_check(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_paths_done) struct policy_paths paths = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r;

	r = policy_input_read(&input, arguments->no_users,
			      (const char *const *)arguments->words + 1, &paths, &policy);
	/* On stdout, like any check's findings; the verdict on them, when it is bad, on stderr. */
	if (r < 0)
		return policy_input_fail(&input, arguments, EXIT_FAILED, r, stdout);
	/* Somebody meant some files, and they were not looked at. */
	if (policy->n_files == 0 && !paths.installed)
		return policy_input_fail(&input, arguments, EXIT_FAILED, -ENOENT, stdout);
	if (arguments->json) {
		write_json(policy, &input.problems);
		return EXIT_OK;
	}
	print_problems(stdout, &input.problems);
	printf("The policy is in order: %zu rule%s from %zu file%s.\n", policy->n_rules,
	       policy->n_rules == 1 ? "" : "s", policy->n_files, policy->n_files == 1 ? "" : "s");
	return EXIT_OK;
}
