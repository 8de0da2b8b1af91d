/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Boxes in words, exactly; only long lists are cut, and say so. */

#include <stdio.h>

#include "policy/accounts.h"
#include "policy/example.h"

/*
 * "members of storage: nvme.format-nvm nsid=0x1 on serial LAB-* except LAB-7". 0, with a string to
 * be freed, or -ENOMEM.
 */
int region_describe(struct space *space, struct accounts *accounts, const struct box *box,
		    char **ret);
/* "alice: nvme.format-nvm nsid=0x1 on serial LAB-1 (destructive, persistent)" */
int example_describe(const struct space *space, struct accounts *accounts,
		     const struct example *example, char **ret);

/* Counts what it writes: of a list only the first few entries are shown. */
struct listing {
	FILE *file;
	const char *before; /* of the first entry */
	size_t n;
};
void listing_add(struct listing *listing, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* " and 12 more", where there were more. */
void listing_end(struct listing *listing);

/* "LAB-* except LAB-7" */
void describe_strings(struct space *space, enum device_key key, const struct ranges *set,
		      struct listing *listing);
/* " (config-change without hazards; destructive)", or nothing where the box takes all there is. */
int describe_judgement(struct space *space, const struct box *box, FILE *file);
