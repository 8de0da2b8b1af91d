/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a rule does not match, for people. */

#include "policy/match.h"

/*
 * A clause: "class is read-only, the rule wants destructive". `match` is that of rule_matches() for
 * the same rule and query. A string of its own, or NULL without memory.
 */
char *mismatch_describe(const struct rule *rule, const struct query *query,
			const struct match *match, struct accounts *accounts);
/* What many rules of one kind of mismatch have in common: "are about other callers". */
const char *mismatch_group(const struct match *match);
