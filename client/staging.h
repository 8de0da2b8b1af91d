/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The folder of the administrator's policy, replaced as a whole: a copy beside it, into which files
 * are put, takes its place at once. Whoever reads the folder finds the old files or the new ones,
 * and no mixture, also when this process is killed or the machine loses its power at any moment.
 *
 * Functions that return an int: an exit code, and what went wrong has been said.
 */

#include "client/fwctl.h"

struct staging {
	const struct arguments *arguments;
	int lock;   /* so that two installs do not meet */
	int parent; /* of both folders */
	int folder; /* the copy */
	bool made;  /* there is something in the copy's place, to be removed */
};

#define STAGING_NONE                                                                               \
	{                                                                                          \
		.lock = -EBADF, .parent = -EBADF, .folder = -EBADF                                 \
	}

/* "/etc/fwctld/policy.d", and where the copy is until it has taken that place. */
extern const char staging_target[];
extern const char staging_path[];

/* The copy: the same files, as hard links. What an earlier one left behind goes. */
int staging_open(const struct arguments *arguments, struct staging *ret);
/* Puts the file at `path` into the copy, of root and for everybody to read; a mask stays one. */
int staging_put(struct staging *staging, const char *path, const char *name);
/* To the disk, and then both folders change places. */
int staging_swap(struct staging *staging);
/* They change back. */
int staging_swap_back(struct staging *staging);
/* Removes what does not stand in the place of the policy. */
void staging_done(struct staging *staging);
