/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy diff`: what becomes allowed, denied or asked for. Exit codes are those of diff(1).
 */
#include <string.h>

#include "client/json.h"
#include "client/policy-diff.h"

static int open_side(const struct arguments *arguments, const char *path,
		     struct policy_input *input, struct policy **ret)
{
	const char *const words[] = {strcmp(path, "installed") == 0 ? NULL : path, NULL};

	return open_policy(arguments, EXIT_TROUBLE, words, input, ret);
}

int verb_policy_diff(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_freep) struct policy *before = NULL, *after = NULL;
	_cleanup_(policy_diff_done) struct policy_diff diff = {};
	struct json json = {.file = stdout};
	int r;

	r = open_side(arguments, arguments->words[1], &input, &before);
	if (r == EXIT_OK)
		r = open_side(arguments, arguments->words[2], &input, &after);
	if (r != EXIT_OK)
		return r;
	if (policy_diff_make(&input, before, after, &diff) < 0)
		return fail(arguments, EXIT_TROUBLE, "Out of memory.");
	if (arguments->json) {
		json_begin(&json, NULL, '{');
		policy_diff_json(&json, "changes", &diff);
		json_problems(&json, &input.problems);
		json_end(&json, '}');
		putchar('\n');
	} else {
		print_problems(stderr, &input.problems);
		policy_diff_print(stdout, &diff);
	}
	return diff.n > 0 ? EXIT_DIFFERENT : EXIT_OK;
}
