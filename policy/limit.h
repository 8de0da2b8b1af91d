/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the limits of rules have counted. A use is remembered under the rule's id, so that it
 * survives a reload, and under whom the limit is for; only the last `count` of them matter, so the
 * bound is exact: never more than `count` in any span of `per`. Pure: the time comes with the
 * query.
 */

#include <stdbool.h>
#include <stdint.h>

struct limit_book;
struct rule;
struct query;

int limit_book_new(struct limit_book **ret);
struct limit_book *limit_book_free(struct limit_book *book);

/*
 * Is the limit of this rule (which has one) used up for this query? Then ret_wait_usec says how
 * long it takes until it is not. book NULL: nothing was used yet.
 */
bool limit_exhausted(const struct limit_book *book, const struct rule *rule,
		     const struct query *query, uint64_t *ret_wait_usec);
/* Counts one use. 0 or -ENOMEM: not counted, so it must not happen. */
int limit_charge(struct limit_book *book, const struct rule *rule, const struct query *query);
