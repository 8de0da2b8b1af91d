/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/policy-test.h"

#include <errno.h>

#include "client/mismatch.h"
#include "client/output.h"

void case_report_done(struct case_report *report)
{
	for (size_t i = 0; i < report->n_files; i++)
		case_file_done(&report->files[i]);
	for (size_t i = 0; i < report->n; i++)
		free(report->items[i].why);
	free(report->files);
	free(report->items);
	free(report->reached);
	*report = (struct case_report){};
}

static const char *rule_place(const struct rule *rule, char **text)
{
	if (asprintf(text, "%s (%s:%u)", rule->id, rule->file, rule->line) < 0)
		*text = NULL;
	return *text ?: rule->id;
}

/* "expected allow by x, got deny by default:destructive (50-default.yaml:7)", and why not x. */
static void write_why(FILE *file, const struct policy_case *test, const struct case_result *result,
		      struct accounts *accounts)
{
	const struct expectation *expected = &test->expected;
	const struct decision *decision = &result->decision;
	const struct query query = {
		.caller = &test->sample.caller,
		.device = &test->sample.device,
		.request = &test->sample.request,
		.now = {.realtime_usec = test->realtime_usec},
	};
	_cleanup_free_ char *place = NULL, *mismatch = NULL;

	switch (result->failure) {
	case CASE_PASSED:
		return;
	case CASE_WITHOUT_TIME:
		fprintf(file, "whether rule %s matches depends on the time; give the case a `time`",
			rule_place(result->rule, &place));
		return;
	case CASE_NO_SUCH_RULE:
		fprintf(file, "expected rule %s, which the policy does not have; got %s by %s (%s)",
			result->missing, verdict_to_string(decision->verdict), result->text.rule_id,
			result->text.rule_at);
		return;
	case CASE_WRONG_OBSERVED:
		fprintf(file, "expected %s to observe%s%s, got ",
			expected->observed_rule ?: "a rule",
			expected->observed_verdict < 0 ? "" : " ",
			expected->observed_verdict < 0
				? ""
				: verdict_to_string((enum verdict)expected->observed_verdict));
		if (decision->observed)
			fprintf(file, "%s by %s", verdict_to_string(decision->observed_verdict),
				rule_place(decision->observed, &place));
		else
			fputs("nothing", file);
		break;
	case CASE_WRONG_VERDICT:
	case CASE_WRONG_RULE:
		fprintf(file, "expected %s%s%s, got %s by %s (%s)",
			verdict_to_string(expected->verdict), expected->rule ? " by " : "",
			expected->rule ?: "", verdict_to_string(decision->verdict),
			result->text.rule_id, result->text.rule_at);
		if (decision->by == DECIDED_BY_LIMIT)
			fputs(", whose limit is used up", file);
		break;
	}
	if (!result->expected || result->mismatch.mismatch == MISMATCH_NONE)
		return;
	mismatch = mismatch_describe(result->expected, &query, &result->mismatch, accounts);
	fprintf(file, "; %s does not match: %s", result->expected->id, mismatch ?: "?");
}

static char *describe_failure(const struct policy_case *test, const struct case_result *result,
			      struct accounts *accounts)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	write_why(file, test, result, accounts);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

static int run_case(struct case_report *report, const struct policy *policy,
		    const struct case_file *file, const struct policy_case *test,
		    struct accounts *accounts)
{
	struct case_report_item *item = &report->items[report->n];
	struct case_result result;
	int r;

	r = case_run(policy, test, report->reached, &result);
	if (r < 0)
		return r;
	*item = (struct case_report_item){
		.file = file->file->path,
		.test = test,
		.passed = result.failure == CASE_PASSED,
		.verdict = result.decision.verdict,
		.rule = result.decision.rule ? result.decision.rule->id : result.text.rule_id,
	};
	if (!item->passed) {
		item->why = describe_failure(test, &result, accounts);
		if (!item->why)
			return -ENOMEM;
		report->n_failed++;
	}
	report->n++;
	return 0;
}

/* Every problem of every file, so one that is wrong does not end it. */
static int load_files(struct policy_input *input, char *const *paths, struct case_report *report)
{
	size_t n = 0, errors_before = input->problems.n_errors;
	int error = 0;

	while (paths && paths[n])
		n++;
	report->files = calloc(n + 1, sizeof(*report->files));
	if (!report->files)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = case_file_load(paths[i], input->catalogue, input->accounts,
				       &input->problems, &report->files[report->n_files]);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			error = r;
		else
			report->n_files++;
	}
	return input->problems.n_errors > errors_before ? -EBADMSG : error;
}

int case_report_make(struct policy_input *input, const struct policy *policy, char *const *paths,
		     struct case_report *ret)
{
	_cleanup_(case_report_done) struct case_report report = {};
	size_t n = 0;
	int r;

	input->what = "set of cases";
	r = load_files(input, paths, &report);
	if (r < 0)
		return r;
	for (size_t i = 0; i < report.n_files; i++)
		n += report.files[i].n;
	report.items = calloc(n + 1, sizeof(*report.items));
	report.reached = calloc(policy->n_rules + 1, sizeof(*report.reached));
	if (!report.items || !report.reached)
		return -ENOMEM;
	for (size_t i = 0; i < report.n_files; i++)
		for (size_t j = 0; j < report.files[i].n; j++) {
			r = run_case(&report, policy, &report.files[i], &report.files[i].items[j],
				     input->accounts);
			if (r < 0)
				return r;
		}
	*ret = report;
	report = (struct case_report){};
	return 0;
}

void case_report_print_failures(FILE *file, const struct case_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct case_report_item *item = &report->items[i];

		if (item->passed)
			continue;
		print_text(file, item->file);
		fprintf(file, ":%u:%u: failed: ", item->test->line, item->test->column);
		print_text(file, item->test->name);
		fputs(": ", file);
		print_text(file, item->why);
		fputs(".\n", file);
	}
}
