/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cases: requests, and how a policy is expected to decide them. They stand in files NAME.test.yaml
 * beside it, whose language is written down in docs/fwctl.1.
 */

#include "policy/match.h"
#include "policy/sample.h"
#include "policy/yaml.h"

#define CASE_REPEAT_MAX (LIMIT_COUNT_MAX + 1u)

struct expectation {
	enum verdict verdict;
	const char *rule; /* its id, or "default:CLASS"; NULL: any */
	/* Of what observes; NULL and -1: any, or nothing. */
	const char *observed_rule;
	int observed_verdict;
};

struct policy_case {
	const char *name;
	unsigned line, column;
	struct sample sample;
	bool timed; /* else nothing may depend on the time */
	uint64_t realtime_usec;
	unsigned repeat; /* so many times at that instant; the last one counts */
	struct expectation expected;
};

/* Strings of the cases are the file's. */
struct case_file {
	struct yaml_file *file;
	struct policy_case *items;
	size_t n;
};

/*
 * 0; -EBADMSG and what is wrong in `problems`, all of it; or the errno of reading the file. Users
 * and groups are taken from `accounts`, which should be symbolic.
 */
int case_file_load(const char *path, const struct catalogue *catalogue, struct accounts *accounts,
		   struct problems *problems, struct case_file *ret);
void case_file_done(struct case_file *file);

enum case_failure {
	CASE_PASSED,
	CASE_WRONG_VERDICT,
	CASE_WRONG_RULE,
	CASE_WRONG_OBSERVED,
	CASE_WITHOUT_TIME, /* .rule depends on it */
	CASE_NO_SUCH_RULE, /* the policy has none with an id that is expected */
};

struct case_result {
	enum case_failure failure;
	struct decision decision;
	struct decision_text text;
	const struct rule *rule;     /* CASE_WITHOUT_TIME */
	const char *missing;	     /* CASE_NO_SUCH_RULE: its id */
	const struct rule *expected; /* the rule that was expected; NULL: any, or a default */
	struct match mismatch;	     /* why that one does not match; or MISMATCH_NONE */
};

/*
 * reached: one a rule of the policy; set for what decides, and for what observes. 0 or -ENOMEM.
 */
int case_run(const struct policy *policy, const struct policy_case *test, bool *reached,
	     struct case_result *ret);
