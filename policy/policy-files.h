/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which files of several folders make up the policy, or are cases for it, and in which order. */

#include <stdbool.h>
#include <stddef.h>

#include "policy/problems.h"

struct policy_files {
	struct policy_file {
		char *name; /* base name: what folders are merged by, and the order */
		char *path;
		bool masked; /* by a link to /dev/null; never after policy_files_settle() */
		size_t order;
	} * items;
	size_t n;
};

/*
 * *.yaml of each folder (NULL-terminated) but *.test.yaml, hidden ones left out, sorted by name; of
 * files with one name that of the last folder counts. A folder that is not there is skipped.
 * `trusted`: a folder must belong to root, or the effective user, and be writable by no one else
 * (-EPERM): who can write it could take away a rule that denies. Failures are said in `problems`.
 */
int policy_files_find(const char *const *folders, bool trusted, struct problems *problems,
		      struct policy_files *ret);
/* The same for *.test.yaml: cases for `fwctl policy test`, which nobody has to trust. */
int policy_cases_find(const char *const *folders, struct problems *problems,
		      struct policy_files *ret);
void policy_files_done(struct policy_files *files);

/* What these are made of: of files with one name that counts which was added last. When all are
 * there, the others and those that are masked are dropped, and the rest is sorted. */
int policy_files_add(struct policy_files *files, const char *name, const char *path, bool masked);
void policy_files_settle(struct policy_files *files);

/* Does the name end in .test.yaml? */
bool policy_file_has_cases(const char *name);
