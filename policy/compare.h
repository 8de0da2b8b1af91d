/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which requests do two policies decide differently? Worked out over all requests there can be
 * (policy/region.h), by looking at the rules and defaults that differ alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "policy/accounts.h"
#include "policy/policy.h"

enum change_kind {
	CHANGE_VERDICT,	       /* requests that are decided otherwise */
	CHANGE_LIMIT,	       /* a rule allows the same, but not as often, or oftener */
	CHANGE_OBSERVE,	       /* a rule began to observe, ceased to, or observes something else */
	CHANGE_NOTE,	       /* those who are denied are told something else */
	CHANGE_NOT_WORKED_OUT, /* it would have taken too long to say what else `before` or
				  `after` changes */
	_CHANGE_KIND_MAX,
};

const char *change_kind_to_string(enum change_kind kind); /* "verdict", ... */

/* Everything it points to is valid during the callback alone, but the rules: they are the
 * policies'. */
struct change {
	enum change_kind kind;
	/* CHANGE_VERDICT: who decides before and after; NULL: a default. Other kinds: the rule as
	 * it was and as it is; NULL: there was or is none. */
	const struct rule *before, *after;
	enum verdict verdict_before, verdict_after; /* CHANGE_VERDICT */
	/* CHANGE_VERDICT: only where a device reports that a command is worse than the catalogue
	 * says. */
	bool reported_only;
	/*
	 * CHANGE_VERDICT, and CHANGE_LIMIT where it is about requests: what the two ask for,
	 * "members of storage: nvme.format-nvm on serial LAB-*"; else NULL. `cut`: earlier rules
	 * decide some of these requests, and those are not meant.
	 */
	const char *where;
	bool cut;
	const char *example; /* CHANGE_VERDICT: one of them: "user alice (1000): nvme.format-nvm
				nsid=0x1 on serial LAB-" */
	const char *text;    /* other kinds: "limit: 10 per 1min by caller -> none" */
};

/*
 * The two were loaded with the same catalogue. Calls `on_change` for one set of requests after the
 * other, none of which is in two of them: those first that need no device's report, and those of
 * one pair of rules together. Anything but 0 from it ends the comparison and is returned; else 0 or
 * -ENOMEM.
 */
int policy_compare(const struct policy *before, const struct policy *after,
		   struct accounts *accounts,
		   int (*on_change)(const struct change *change, void *userdata), void *userdata);
