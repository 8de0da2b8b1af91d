/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of fwctl(1) share: the parsed command line, exit codes, and the ways to fail. */

#include <stdbool.h>

#include "include/cleanup.h"
#include "include/fwctld.h"

/* Part of the interface: fwctl(1) lists them. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_DENIED = 3,	  /* by policy, or nobody authenticated */
	EXIT_REFUSED = 4,	  /* by the kernel or the device */
	EXIT_OUTCOME_UNKNOWN = 5, /* it may have been carried out */
	EXIT_NO_DAEMON = 6,
};

/* Those of the verbs that compare, as of diff(1). */
enum {
	EXIT_DIFFERENT = 1,
	EXIT_TROUBLE = 2,
};

struct arguments {
	bool json, no_users, dry_run;
	/* NULL: not given */
	const char *data, *device_id, *reason, *output, *format, *user, *target, *time, *since,
		*until, *directory, *file;
	const char **policies, **groups; /* each was given any number of times; NULL-terminated */
	char **words; /* what follows the verb; for `policy check` from "check" on */
	int n_words;
	const char *device; /* words[0] without "/dev/", for the verbs that have one */
};

/* Each returns an exit code, and has said why when that is not EXIT_OK. */
int verb_list(const struct arguments *arguments, struct fwctld *connection);
int verb_show(const struct arguments *arguments, struct fwctld *connection);
int verb_commands(const struct arguments *arguments, struct fwctld *connection);
int verb_catalogue(const struct arguments *arguments, struct fwctld *connection); /* NULL will do */
int verb_exec(const struct arguments *arguments, struct fwctld *connection);
int verb_explain(const struct arguments *arguments, struct fwctld *connection);
/* These open a connection themselves where they need one. */
int verb_policy_check(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_lint(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_explain(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_test(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_diff(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_show(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_replay(const struct arguments *arguments, struct fwctld *connection);
int verb_policy_install(const struct arguments *arguments, struct fwctld *connection);

/*
 * The request of `exec` and `explain`. Command and options are those of the arguments;
 * request_done() frees the rest.
 */
struct request {
	struct fwctld_request public;
	struct fwctld_setting *fields; /* names and values are their own strings */
	void *data;
};
int request_parse(const struct arguments *arguments, struct request *ret);
void request_done(struct request *request);

/* Connects to the bus. Returns an exit code. */
int open_connection(const struct arguments *arguments, struct fwctld **ret);
/*
 * A device node's path is what people have at hand: its name. Only the folders of nodes that fwctld
 * serves: the last part of any other path may well be the name of another device.
 */
const char *device_name(const char *word);

/* A failure that fwctl found itself. Returns `code`. */
int fail(const struct arguments *arguments, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The failure `r` of the last call on the connection, with what to do about it. `executing`: the
 * call was fwctld_execute().
 */
int fail_call(const struct arguments *arguments, const struct fwctld *connection, int r,
	      bool executing);

DEFINE_CLEANUP(struct fwctld *, fwctld_close)

static inline void fwctld_free_pointer(void *result)
{
	fwctld_free(*(void **)result);
}

#define _cleanup_result_ _cleanup_(fwctld_free_pointer)
