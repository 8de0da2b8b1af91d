/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy lint`: rules that do nothing, and such that do more than they seem to. */
#include "client/json.h"
#include "client/output.h"
#include "client/policy-input.h"
#include "policy/lint.h"

static void print(const struct lint *lint)
{
	for (size_t i = 0; i < lint->n; i++) {
		const struct lint_finding *finding = &lint->items[i];

		print_text(stdout, finding->file);
		printf(":%u:", finding->line);
		if (finding->column > 0)
			printf("%u:", finding->column);
		putchar(' ');
		print_text(stdout, finding->text);
		printf(" [%s]\n", lint_kind_to_string(finding->kind));
		if (finding->example) {
			fputs("  for example: ", stdout);
			print_text(stdout, finding->example);
			putchar('\n');
		}
	}
	if (lint->n == 0)
		puts("Nothing was found.");
}

static void write_json(const struct lint *lint, const struct problems *problems)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_begin(&json, "findings", '[');
	for (size_t i = 0; i < lint->n; i++) {
		const struct lint_finding *finding = &lint->items[i];

		json_begin(&json, NULL, '{');
		json_string(&json, "kind", lint_kind_to_string(finding->kind));
		json_string(&json, "rule", finding->rule ? finding->rule->id : NULL);
		json_string(&json, "file", finding->file);
		json_number(&json, "line", finding->line);
		if (finding->column > 0)
			json_number(&json, "column", finding->column);
		json_string(&json, "text", finding->text);
		json_string(&json, "example", finding->example);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_problems(&json, problems);
	json_end(&json, '}');
	putchar('\n');
}

int verb_policy_lint(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(lint_done) struct lint lint = {};
	int r;

	r = open_policy(arguments, EXIT_FAILED, (const char *const *)arguments->words + 1, &input,
			&policy);
	if (r != EXIT_OK)
		return r;
	if (policy_lint(policy, input.accounts, &lint) < 0)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	if (arguments->json) {
		write_json(&lint, &input.problems);
	} else {
		print_problems(stderr, &input.problems);
		print(&lint);
	}
	return lint.n > 0 ? EXIT_FAILED : EXIT_OK;
}
