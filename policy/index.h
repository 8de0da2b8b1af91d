/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which rule matches a request, without a walk over the rules.
 *
 * A rule is filed in a tree of three levels: device, caller, command. On each, one branch a thing
 * that the rule names, or one for rules that name none: a device set; a uid or a gid; a pattern of
 * commands, or a command with the value of a field. A search goes down all branches that fit the
 * request, as long as they hold a rule that stands before the best one so far. The device comes
 * first as it leaves the fewest rules: a large policy names more devices than callers.
 *
 * Nothing is decided here: every rule that a search comes upon is tried by rule_matches(), the
 * first one that matches is the answer. All that the index can do wrong is to leave a rule out.
 */

#include "policy/decide.h"

struct rule_index;

/* Rules and catalogue must outlive the index, and stay where they are. 0 or -ENOMEM. */
int rule_index_new(const struct catalogue *catalogue, const struct rule *rules, size_t n,
		   struct rule_index **ret);
struct rule_index *rule_index_free(struct rule_index *index);

/* NULL: there is none. */
struct rule_matches {
	const struct rule *enforced; /* the first that matches and does not only observe */
	const struct rule *observed; /* the first before it that matches and does */
};

/* 0, or -ESTALE: the command is of another catalogue than the rules. Allocates nothing. */
int rule_index_match(const struct rule_index *index, const struct query *query,
		     struct rule_matches *ret);

/* The first rule that shadows this one, or NULL. */
const struct rule *rule_index_shadow(const struct rule_index *index, const struct rule *rule);
