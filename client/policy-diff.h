/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What two policies decide differently, for `fwctl policy diff` and `install`. */

#include "client/policy-input.h"
#include "policy/compare.h"

struct policy_diff {
	struct policy_diff_item {
		enum change_kind kind;
		const struct rule *before, *after; /* the policies', which must outlive this */
		enum verdict verdict_before, verdict_after;
		bool reported_only, cut;
		char *where, *example, *text; /* as in struct change */
	} * items;
	size_t n;
};

/* Policies of one input. 0 or -ENOMEM. */
int policy_diff_make(struct policy_input *input, const struct policy *before,
		     const struct policy *after, struct policy_diff *ret);
void policy_diff_done(struct policy_diff *diff);

/* Changes of one kind together, of many the first ones. */
void policy_diff_print(FILE *file, const struct policy_diff *diff);
/* All of them. */
struct json;
void policy_diff_json(struct json *json, const char *key, const struct policy_diff *diff);
