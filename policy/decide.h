/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "May they?" The one function behind enforcement, Explain and `fwctl policy`. Pure; allocates
 * nothing; cannot fail: what it can't decide it denies.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/classify.h"
#include "policy/device.h"
#include "policy/limit.h"
#include "policy/policy.h"

struct caller_identity {
	uid_t uid;
	const gid_t *gids; /* primary and supplementary ones, as the bus driver vouches for them */
	size_t n_gids;
};

/* When it is asked. */
struct moment {
	uint64_t realtime_usec; /* CLOCK_REALTIME: what `when` goes by */
	uint64_t boottime_usec; /* CLOCK_BOOTTIME, which nobody sets: what `limit` goes by */
};

struct query {
	const struct caller_identity *caller;
	const struct device_identity *device;
	const struct classified *request;
	struct moment now;
	const struct limit_book *uses; /* NULL: nothing was used yet */
};

enum decided_by {
	DECIDED_BY_ERROR = 0,
	DECIDED_BY_NO_POLICY,
	DECIDED_BY_OTHER_CATALOGUE,
	DECIDED_BY_DEFAULT,
	DECIDED_BY_RULE,
	DECIDED_BY_LIMIT, /* the rule's is exhausted: denied */
};

struct decision {
	enum verdict verdict;
	enum decided_by by;
	const struct rule *rule;       /* by rule or limit; else NULL */
	enum effect_class class;       /* by default: the class ... */
	int hazard;		       /* ... or the hazard whose default is stricter; -1: none */
	uint64_t wait_usec;	       /* by limit: after that long it is no longer exhausted */
	const struct rule *observed;   /* the first that matches, with `observe`, before what
					  decides; or NULL */
	enum verdict observed_verdict; /* what it would have decided, limit included */
};

/* policy NULL: no policy was ever loaded; everything is denied. Writes no text: see below. */
void decide(const struct policy *policy, const struct query *query, struct decision *ret);

/*
 * What holds where no rule matches: the strictest of the defaults of the class and of the hazards
 * among `effects`. ret_hazard: the hazard whose default is stricter than the class's; -1: none.
 */
enum verdict policy_default(const struct policy *policy, enum effect_class class,
			    effect_set effects, int *ret_hazard);

/* What people are told of a decision. The strings are the policy's, or live in the struct. */
struct decision_text {
	const char *rule_id; /* "default:destructive", "default:confidential", or the rule's id */
	char rule_at[256];   /* "file:line", or "built in"; cut, never overrun */
	const char *note;    /* the rule's, or NULL */
	char reason[256];    /* one sentence */
};
void decision_describe(const struct policy *policy, const struct decision *decision,
		       struct decision_text *ret);
/* Of the rule that observed, which there is. */
void decision_describe_observed(const struct decision *decision, struct decision_text *ret);
