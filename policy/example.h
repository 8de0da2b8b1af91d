/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One request of a box, as plain as there is one. */

#include "policy/region.h"

struct example {
	uid_t uid;
	bool uid_named; /* the box asks for this user, or for one of few */
	gid_t *gids;
	size_t n_gids;
	const char *strings[_DEVICE_KEY_MAX]; /* by enum device_key; never NULL */
	bool given[_DEVICE_KEY_MAX];	      /* the box asks for it */
	bool disputed;
	const struct command *command;
	union field_value values[FIELDS_MAX];
	struct judgement judgement;
	bool reported;	   /* it takes a device that reports that the command is that bad */
	unsigned *minutes; /* of the week, one a zone of the space */
};

/*
 * 1, with what lives in the pool; 0: there is no request in the box; -ENOMEM. One of the
 * static domain is preferred.
 */
int region_example(struct space *space, struct pool *pool, const struct box *box,
		   struct example *ret);
