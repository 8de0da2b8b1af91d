/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the verbs of `fwctl policy` work on: the catalogue, users and groups, and policies. Read by
 * the daemon's own loaders, without the daemon.
 */

#include "client/fwctl.h"
#include "policy/accounts.h"
#include "policy/catalogue.h"
#include "policy/policy.h"

struct policy_input {
	struct problems problems;
	struct catalogue *catalogue;
	struct accounts *accounts;
	const char *what; /* was read last, for messages: "catalogue", "policy", ... */
};

/* symbolic: every user and group is somebody, whoever this machine knows. */
int policy_input_open(bool symbolic, struct policy_input *ret);
void policy_input_done(struct policy_input *input);

/*
 * The files that PATHs stand for: policies, and their cases. Folders together are read as the
 * installed ones are, later ones replacing files of earlier ones; files that are named come after
 * them, in their order. A PATH that ends in .test.yaml is a file with cases, and brings no policy;
 * the cases of any other FILE.yaml are in FILE.test.yaml. Where no policy is named, it is that of
 * FWCTLD_POLICY_DIR or the installed one. Files of the command line and of the environment are for
 * whoever works on them: only texts, and anybody's.
 */
struct policy_paths {
	bool installed;			     /* the policies are the installed ones */
	char **policies, **cases, **folders; /* NULL-terminated, or NULL: none */
};
int policy_paths_find(const char *const *words, struct problems *problems,
		      struct policy_paths *ret);
void policy_paths_done(struct policy_paths *paths);

/* 0; -EBADMSG or another errno, and then input->problems may say more. */
int policy_input_load(struct policy_input *input, const struct policy_paths *paths,
		      struct policy **ret);

/*
 * All of the above, for what needs a policy: files of cases alone are refused. `input` is opened
 * where it is not yet. The warnings stay in input->problems: whoever goes on shows them, for a rule
 * that is switched off can be the one that matters.
 */
int policy_input_read(struct policy_input *input, bool symbolic, const char *const *words,
		      struct policy_paths *ret_paths, struct policy **ret);

/*
 * What came of `r` of one of these: for people the problems on `file` and a verdict on stderr.
 * Returns `code`.
 */
int policy_input_fail(const struct policy_input *input, const struct arguments *arguments, int code,
		      int r, FILE *file);
/* policy_input_read() for the verbs that have nothing to add: an exit code, and it has been said.
 */
int open_policy(const struct arguments *arguments, int code, const char *const *words,
		struct policy_input *input, struct policy **ret);

/* Strings that policies and people wrote, a line each. */
void print_problems(FILE *file, const struct problems *problems);
struct json;
void json_problems(struct json *json, const struct problems *problems);

DEFINE_CLEANUP(struct catalogue *, catalogue_free)
DEFINE_CLEANUP(struct policy *, policy_free)
