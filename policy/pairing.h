/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which rules of two policies are the same, and stand in the same order? */

#include "policy/space.h"

#define NO_RULE SIZE_MAX

struct pairing {
	/*
	 * For each rule of the first policy the one of the second that matches and decides the
	 * same, and the other way round; NO_RULE: none. Pairs do not cross. So a request that is
	 * decided otherwise is matched by a rule that has none, or by no rule at all.
	 */
	size_t *partners[2];
	/* The same for rules of one id, whatever they match. */
	size_t *namesakes[2];
};

/* space: of these two policies. 0 or -ENOMEM. */
int pairing_make(const struct space *space, struct pairing *ret);
void pairing_done(struct pairing *pairing);
