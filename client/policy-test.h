/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cases and what came of them, for `fwctl policy test` and `install`. */

#include "client/policy-input.h"
#include "policy/case.h"

struct case_report {
	struct case_file *files;
	size_t n_files;
	struct case_report_item {
		const char *file; /* path */
		const struct policy_case *test;
		bool passed;
		enum verdict verdict;
		const char *rule; /* what decided; the policy's, or for ever */
		char *why;	  /* it did not pass; else NULL */
	} * items;
	size_t n, n_failed;
	bool *reached; /* one a rule: a case did */
};

/*
 * Runs the cases of these files (NULL: none). The input and the policy were opened with symbolic
 * users, and must outlive the report. 0; or an error, and what is wrong in input->problems.
 */
int case_report_make(struct policy_input *input, const struct policy *policy, char *const *paths,
		     struct case_report *ret);
void case_report_done(struct case_report *report);

/* A line for each case that failed. */
void case_report_print_failures(FILE *file, const struct case_report *report);
