/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is odd about a policy that loads: rules that never match, rules that open more than their
 * name says. Each finding was worked out over all requests there can be (policy/region.h), and
 * none is a guess; what took too long to work out is a finding of its own that says so.
 */

#include <stddef.h>

#include "policy/accounts.h"
#include "policy/policy.h"

enum lint_kind {
	LINT_NEVER_MATCHES,	  /* there are no requests that it asks for */
	LINT_COVERED,		  /* earlier rules together take all of them */
	LINT_WIDER_THAN_NAME,	  /* the id promises less than the rule opens, or the contrary */
	LINT_DEFAULT_OPENS,	  /* a default lets destructive or hazardous requests through */
	LINT_EVERYBODY_DESTROYS,  /* a rule allows destructive requests, whoever asks */
	LINT_DENIES_BY_CLAIM,	  /* a device escapes the denial by a lie about itself */
	LINT_SCOPE_WITHOUT_TAINT, /* max-scope reaches further than the accepted hazards let it */
	LINT_NOT_WORKED_OUT,	  /* it would have taken too long to say */
	_LINT_KIND_MAX,
};

const char *lint_kind_to_string(enum lint_kind kind); /* "never-matches", ... */

struct lint_finding {
	enum lint_kind kind;
	const struct rule *rule; /* the policy's; NULL: about a default */
	char *file;		 /* where the rule or the default stands; never NULL */
	unsigned line, column;	 /* column 0: the whole line */
	char *text;		 /* what is found, and why: whole sentences */
	char *example;		 /* a request that shows it, for people; NULL: none */
};

struct lint {
	struct lint_finding *items; /* in the order of the rules, defaults last */
	size_t n;
};

/* 0, or -ENOMEM. The policy must outlive the findings. */
int policy_lint(const struct policy *policy, struct accounts *accounts, struct lint *ret);
void lint_done(struct lint *lint);
