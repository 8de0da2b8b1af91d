/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The shipped catalogue and the one of the test dialects, for tests of what works on catalogues;
 * and numbers that look random and are the same in every run. FWCTLD_SOURCE is the source tree.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/catalogue.h"

static inline struct catalogue *fixture_load(const char *folder)
{
	_cleanup_(problems_done) struct problems problems = {};
	const char *source = getenv("FWCTLD_SOURCE");
	struct catalogue *catalogue = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", source ?: ".", folder);
	if (catalogue_load((const char *const[]){path, NULL}, false, &problems, &catalogue) < 0) {
		for (size_t i = 0; i < problems.n; i++) {
			_cleanup_free_ char *text = problem_to_string(&problems.items[i]);

			fprintf(stderr, "%s\n", text);
		}
		return NULL;
	}
	return catalogue;
}

#define FIXTURE_SHIPPED	 "policy/commands"
#define FIXTURE_DIALECTS "tests/data/commands/dialects"

static struct catalogue *shipped, *dialects;

static inline int fixture_setup(void **state)
{
	shipped = fixture_load(FIXTURE_SHIPPED);
	dialects = fixture_load(FIXTURE_DIALECTS);
	return shipped && dialects ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
	shipped = catalogue_free(shipped);
	dialects = catalogue_free(dialects);
	return 0;
}

/* The dialect of that name: the tests' own, which changes with no catalogue, or the shipped one. */
static inline const struct dialect *fixture_dialect(const char *name)
{
	return catalogue_dialect(dialects, name) ?: catalogue_dialect(shipped, name);
}

static inline const struct command *fixture_command(const char *dialect, const char *name)
{
	const struct command *command = dialect_command(fixture_dialect(dialect), name);

	assert_non_null(command);
	return command;
}

/* xorshift64* */
static inline uint64_t random_number(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	return random_number(seed) % limit;
}

/* One of the commands that are ever sent. */
static inline const struct command *random_command(const struct dialect *dialect, uint64_t *seed)
{
	const struct command *command;

	do
		command = &dialect->commands[random_below(seed, dialect->n_commands)];
	while (command->refused);
	return command;
}
