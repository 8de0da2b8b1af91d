/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the numbers of policy/box.h stand for, for some policies of one catalogue.
 *
 * Strings are printable ASCII and have an order, in which all that begin with a prefix follow each
 * other. So the patterns of the policies cut the order into parts, and a pattern is some of these
 * parts, one after the other. Each part has a string in it: that which it begins with. Therefore a
 * set of parts is empty exactly when no string is in it, were there a pattern for each of the 95
 * letters.
 *
 * Requests exist as the catalogue says: a command has cells, in each of which its fields' values
 * make the same of it. Whatever else differs between requests is free: who asks, in which groups
 * they are, what a device says of itself, and what time it is in each zone.
 */

#include "policy/box.h"
#include "policy/policy.h"

/* What a request is by the catalogue alone, or can be made by what a device reports of itself. */
enum domain {
	DOMAIN_STATIC,
	DOMAIN_REPORTED, /* all of the other's, and each of them made worse in every way */
	_DOMAIN_MAX,
};

/* Class, hazards and scope of a request as one number. */
#define JUDGEMENTS 240u
#define SCOPE_NONE 4u
struct judgement {
	enum effect_class class;
	effect_set hazards;
	unsigned scope; /* SCOPE_NONE: the envelope has none */
};
struct judgement judgement_of(unsigned number);
unsigned judgement_number(const struct judgement *judgement);
/* Those for which `test` holds. */
const struct ranges *judgements_that(struct pool *pool,
				     bool (*test)(const struct judgement *judgement,
						  const void *userdata),
				     const void *userdata);

/* Requests of one command that the catalogue makes the same of. */
struct cell {
	const struct box *fields; /* of DIM_FIELD and on alone */
	const struct ranges *judgements[_DOMAIN_MAX];
};

struct command_cells {
	bool ready;
	struct cell *items; /* disjoint; none: it is never sent */
	size_t n;
	const struct ranges *judgements[_DOMAIN_MAX]; /* of all cells together */
};

/* A rule is a union of boxes, disjoint and in the order of the rules. */
struct entry {
	const struct box *box;
	const struct rule *rule;
};

struct entries {
	const struct policy *policy;
	struct entry *items;
	size_t n;
	size_t *first; /* of each rule; one more at the end */
};

#define SPACE_POLICIES_MAX 2u

struct space {
	const struct catalogue *catalogue;
	struct pool kept, work; /* for as long as the space; for as long as a search */
	uint64_t steps;		/* how much more a search may do */

	const struct command **commands;
	unsigned n_commands;
	struct command_cells *cells; /* one a command */

	struct space_strings {
		const char **begins; /* of each part, sorted; the first is "" */
		size_t n;
		const struct pattern **patterns; /* of all rules, for people */
		size_t n_patterns;
	} strings[_DEVICE_KEY_MAX]; /* by enum device_key; DEVICE_TYPE is not used */
	uint8_t (*uuids)[16];	    /* sorted; the numbers are from 1, and 0 is any other UUID */
	size_t n_uuids;
	const char **zones; /* sorted names */
	size_t n_zones;
	gid_t *gids; /* sorted */
	size_t n_gids;

	struct entries policies[SPACE_POLICIES_MAX];
	size_t n_policies;
};

/* The policies are of one catalogue and outlive the space. 0 or -ENOMEM. */
int space_new(const struct policy *const *policies, size_t n_policies, struct space **ret);
struct space *space_free(struct space *space);

/* The greatest number of a dimension; `command`: whose field it is, where it is one. */
uint64_t space_top(const struct space *space, unsigned dimension, unsigned command);
/* The parts that a pattern of a device's key stands for. */
const struct ranges *space_pattern(struct space *space, struct pool *pool, enum device_key key,
				   const struct pattern *pattern);
uint64_t space_uuid(const struct space *space, const uint8_t uuid[static 16]);
/* The condition's fields alone. */
const struct box *space_condition(struct space *space, struct pool *pool,
				  const struct condition *condition);

/* NULL: no memory. */
const struct command_cells *space_cells(struct space *space, unsigned command);
/* The dimensions of a zone and of a group. */
unsigned space_zone(const struct space *space, const char *name);
unsigned space_gid(const struct space *space, gid_t gid);
