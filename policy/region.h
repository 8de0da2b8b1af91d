/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Exact answers about a whole policy: which requests of a box does which rule decide? A search
 * takes from the box what the first rule that meets it matches, and goes on with the pieces that
 * are left. In the worst case there are exponentially many, so it ends after a number of steps.
 */

#include "policy/space.h"

/* Is there a request in the box? 1, 0 or -ENOMEM. */
int region_possible(struct space *space, const struct box *box, enum domain domain);

struct region_search {
	struct space *space;
	enum domain domain;
	/* Of these entries, in this order; those that observe take nothing if `observing` is not
	 * set. */
	const struct entry *entries;
	size_t n_entries;
	bool observing;
	/*
	 * Called for disjoint boxes: what an entry takes, and with NULL, what none does. Anything
	 * but 0 ends the search. The box lives until then. It may search itself.
	 */
	int (*on_piece)(const struct box *piece, const struct entry *entry, void *userdata);
	void *userdata;
};

/*
 * 0; what on_piece returned; -ENOMEM; or -E2BIG: space->steps were used up before everything was
 * seen.
 */
int region_search(const struct region_search *search, const struct box *box);
