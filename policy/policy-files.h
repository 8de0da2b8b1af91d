/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which files of several folders make up the policy, and in which order. For the policy loader
 * alone. */

#include <stdbool.h>
#include <stddef.h>

#include "policy/problems.h"

struct policy_files {
	struct policy_file {
		char *name; /* base name: what folders are merged by, and the order */
		char *path;
		bool masked; /* by a link to /dev/null; never in what policy_files_find() returns */
	} * items;
	size_t n;
};

/*
 * *.yaml of each folder (NULL-terminated), hidden ones left out, sorted by name; of files with one
 * name that of the last folder counts. A folder that is not there is skipped. `trusted`: a folder
 * must belong to root, or the effective user, and be writable by no one else (-EPERM): who can
 * write it could take away a rule that denies. Failures are said in `problems`.
 */
int policy_files_find(const char *const *folders, bool trusted, struct problems *problems,
		      struct policy_files *ret);
void policy_files_done(struct policy_files *files);
