/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counts what is alike: rows of texts, and how often and when each came. */

#include <stddef.h>
#include <stdint.h>

#define TALLY_TEXTS_MAX 10u

struct tally_row {
	char *texts[TALLY_TEXTS_MAX]; /* never NULL within the tally's number */
	uint64_t count;
	uint64_t first_usec, last_usec;
};

struct tally {
	unsigned n_texts; /* of each row; set by the owner, at most TALLY_TEXTS_MAX */
	void *tree;	  /* tsearch(3): the same rows */
	struct tally_row **rows;
	size_t n;
};

void tally_done(struct tally *tally);
/* 0 or -ENOMEM. A text that is NULL counts as "". */
int tally_add(struct tally *tally, const char *const *texts, uint64_t count, uint64_t at_usec);
