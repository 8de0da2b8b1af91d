/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Does one rule match one request, and if not, why? What observes matches as what decides does. */

#include "policy/decide.h"

enum mismatch {
	MISMATCH_NONE,
	MISMATCH_DISABLED,
	MISMATCH_CLASS,
	MISMATCH_HAZARDS,
	MISMATCH_SCOPE,
	MISMATCH_CALLER,
	MISMATCH_DEVICE,   /* of the key `detail` (enum device_key) */
	MISMATCH_DISPUTED, /* another device claims the same serial */
	MISMATCH_COMMAND,
	MISMATCH_WHERE, /* of the command's field `detail` */
	MISMATCH_WHEN,
};

struct match {
	enum mismatch mismatch; /* the first thing that does not fit */
	unsigned detail;
};

/* The request's command must be of the policy's catalogue. `ret` may be NULL. */
bool rule_matches(const struct rule *rule, const struct query *query, struct match *ret);
