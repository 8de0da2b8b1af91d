/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "May they?" The one function behind enforcement, Explain and `fwctl policy`. Pure; allocates
 * nothing; cannot fail: what it can't decide it denies.
 */

#include <stddef.h>
#include <sys/types.h>

#include "policy/classify.h"
#include "policy/device.h"
#include "policy/policy.h"

struct caller_identity {
	uid_t uid;
	const gid_t *gids; /* primary and supplementary ones, as the bus driver vouches for them */
	size_t n_gids;
};

struct query {
	const struct caller_identity *caller;
	const struct device_identity *device;
	const struct classified *request;
};

struct decision {
	enum verdict verdict;
	const struct rule *rule; /* NULL: a default decided */
	const char *rule_id; /* "default:destructive", "default:confidential", or the rule's id */
	char rule_at[256];   /* "file:line", or "built in"; cut, never overrun */
	const char *note;    /* the rule's, or NULL */
	char reason[256];    /* one sentence for a person */
};

/* policy NULL: no policy was ever loaded; everything is denied. */
void decide(const struct policy *policy, const struct query *query, struct decision *ret);
