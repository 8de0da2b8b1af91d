/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A request, made anew from its audit record, so that another policy can decide it. */

#include "client/records.h"
#include "policy/accounts.h"
#include "policy/decide.h"

struct recorded_request {
	struct caller_identity caller;
	struct device_identity device; /* its strings are the record's */
	struct classified request;     /* as it was judged then, by what the device reported */
	enum verdict verdict;	       /* as it was decided then */
	gid_t *gids;		       /* the caller's */
};

/*
 * symbolic: the accounts that the policy was loaded with, where they are; then the user is told by
 * the recorded name, and groups by the names that `machine` has for their numbers. Both NULL: by
 * numbers. 0, -ENOMEM, or -EINVAL with a reason: a clause about "it".
 */
int recorded_request_read(const struct record *record, const struct catalogue *catalogue,
			  struct accounts *symbolic, struct accounts *machine,
			  struct recorded_request *ret, struct refusal *ret_why);
void recorded_request_done(struct recorded_request *request);
