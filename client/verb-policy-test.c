/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy test`: does a policy decide its cases as they expect? */
#include "client/json.h"
#include "client/output.h"
#include "client/policy-test.h"

static void print(const struct policy *policy, const struct case_report *report, bool installed)
{
	size_t n_missed = 0;

	case_report_print_failures(stdout, report);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];

		if (report->reached[i])
			continue;
		if (n_missed++ == 0)
			puts("Rules that no case reaches:");
		fputs("  ", stdout);
		print_text(stdout, rule->file);
		printf(":%u: %s\n", rule->line, rule->id);
	}
	if (report->n == 0)
		puts("There are no cases: they stand in files NAME.test.yaml beside the policy.");
	else if (report->n_failed > 0)
		printf("%zu of %zu cases failed; %zu of %zu rules were reached.\n",
		       report->n_failed, report->n, policy->n_rules - n_missed, policy->n_rules);
	else
		printf("All %zu cases passed; %zu of %zu rules were reached.\n", report->n,
		       policy->n_rules - n_missed, policy->n_rules);
	if (installed && report->n_failed > 0)
		puts("That was the installed policy. Another one is named before the cases.");
}

static void write_json(const struct policy *policy, const struct case_report *report,
		       const struct problems *problems)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_number(&json, "cases", report->n);
	json_number(&json, "failed", report->n_failed);
	json_begin(&json, "results", '[');
	for (size_t i = 0; i < report->n; i++) {
		const struct case_report_item *item = &report->items[i];

		json_begin(&json, NULL, '{');
		json_string(&json, "name", item->test->name);
		json_string(&json, "file", item->file);
		json_number(&json, "line", item->test->line);
		json_bool(&json, "passed", item->passed);
		json_string(&json, "verdict", verdict_to_string(item->verdict));
		json_string(&json, "rule", item->rule);
		json_string(&json, "why", item->why);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_begin(&json, "not-reached", '[');
	for (size_t i = 0; i < policy->n_rules; i++) {
		_cleanup_free_ char *at = NULL;

		if (report->reached[i])
			continue;
		if (asprintf(&at, "%s:%u", policy->rules[i].file, policy->rules[i].line) < 0)
			at = NULL;
		json_begin(&json, NULL, '{');
		json_string(&json, "rule", policy->rules[i].id);
		json_string(&json, "rule-at", at);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_problems(&json, problems);
	json_end(&json, '}');
	putchar('\n');
}

int verb_policy_test(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_paths_done) struct policy_paths paths = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(case_report_done) struct case_report report = {};
	int r;

	/* Cases decide the same on every machine. */
	r = policy_input_open(true, &input);
	if (r >= 0)
		r = policy_paths_find((const char *const *)arguments->words + 1, &input.problems,
				      &paths);
	if (r >= 0)
		r = policy_input_load(&input, &paths, &policy);
	if (r >= 0)
		r = case_report_make(&input, policy, paths.cases, &report);
	if (r < 0)
		return policy_input_fail(&input, arguments, EXIT_FAILED, r, stderr);
	if (arguments->json) {
		write_json(policy, &report, &input.problems);
	} else {
		print_problems(stderr, &input.problems);
		print(policy, &report, paths.installed);
	}
	/* A file of cases that was misnamed must not pass for one whose cases did. */
	return report.n_failed > 0 || report.n == 0 ? EXIT_FAILED : EXIT_OK;
}
