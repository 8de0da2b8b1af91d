/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Catalogues for programs that are no unit tests. FWCTLD_SOURCE is the source tree. */

#include <stdio.h>
#include <stdlib.h>

#include "policy/catalogue.h"

/* The shipped one, and what the administrator of the simulated devices adds to it. */
#define CATALOGUE_SHIPPED   "policy/commands"
#define CATALOGUE_SIMULATED "tests/data/commands/simulated"

/* later: what is added; NULL: nothing. Ends the program where it can't be had. */
static inline struct catalogue *load_catalogue(const char *folder, const char *later)
{
	const char *source = getenv("FWCTLD_SOURCE") ?: ".";
	struct catalogue *catalogue = NULL;
	struct problems problems = {};
	char paths[2][4096];

	snprintf(paths[0], sizeof(paths[0]), "%s/%s", source, folder);
	snprintf(paths[1], sizeof(paths[1]), "%s/%s", source, later ?: "");
	if (catalogue_load((const char *const[]){paths[0], later ? paths[1] : NULL, NULL}, false,
			   &problems, &catalogue) < 0) {
		fprintf(stderr, "No catalogue in %s; set FWCTLD_SOURCE to the source tree.\n",
			paths[0]);
		exit(EXIT_FAILURE);
	}
	problems_done(&problems);
	return catalogue;
}
