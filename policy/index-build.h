/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the index of the rules is made of. For index.c and index-build.c alone. */

#include <string.h>

#include "policy/device-index.h"
#include "policy/index.h"
#include "policy/key-table.h"

enum level { LEVEL_CALLER, LEVEL_COMMAND, _LEVEL_MAX };

/* Nodes; 0 is none. Here is what names no device, and from SETS on what names the device sets, a
 * node a set. */
#define ROOT 1u
#define SETS 2u

#define GROUP_BITS 4096u

struct node {
	uint32_t lowest; /* number of a rule below it */
	uint32_t any;	 /* where rules are that do not name this level's part; 0: there are none */
	/*
	 * Others are in the level's table, under the node and what they name. A bit that is not set
	 * here says of one in 64 things that it need not be looked up there.
	 */
	uint64_t branches;
};

/* What a branch of the last level leads to: rules in their order. */
struct leaf {
	uint32_t rule;
	uint32_t next; /* 0: the last one */
};

/* Of a command: what rules can name it by. */
struct command_keys {
	uint32_t first, n; /* in command_keys: the patterns that match it */
	uint32_t fields;   /* bits: those by whose values a rule is filed */
};

struct rule_index {
	const struct catalogue *catalogue;
	const struct rule *rules;
	uint32_t n_rules;
	struct node *nodes;
	uint32_t n_nodes;
	struct leaf *leaves; /* the first one is not used */
	uint32_t n_leaves;
	struct key_table children[_LEVEL_MAX]; /* in the last one leaves, else nodes */
	/* Callers are in many groups, and rules name few: a bit that is not set says of one in
	 * GROUP_BITS groups that none does. */
	uint64_t groups[GROUP_BITS / 64];
	struct device_index devices;
	struct command_keys *commands; /* of the dialects, one after the other */
	uint64_t *command_keys;
};

static inline uint64_t branch_bit(uint64_t key)
{
	return UINT64_C(1) << (key * 0x9e3779b97f4a7c15ULL >> 58);
}

static inline uint64_t caller_key(bool group, uint32_t id)
{
	return (uint64_t)group << 32 | id;
}

/* `hash` is that of a command's name, or of its beginning. */
static inline uint64_t pattern_key(bool prefix, uint64_t hash)
{
	return hash << 1 | prefix;
}

/* Of a command with a value in one of its fields. */
static inline uint64_t value_key(const struct command *command, unsigned field,
				 const union field_value *value)
{
	uint64_t key = (uintptr_t)&command->fields[field], halves[2];

	if (command->fields[field].type != FIELD_UUID)
		return key * 0xd6e8feb86659fd93ULL ^ value->number;
	_Static_assert(sizeof(halves) == sizeof(value->bytes), "a UUID has two halves");
	memcpy(halves, value->bytes, sizeof(halves));
	return (key * 0xd6e8feb86659fd93ULL ^ halves[0]) * 0x9e3779b97f4a7c15ULL ^ halves[1];
}

/* NULL: the catalogue has no such command. */
struct command_keys *rule_index_command(const struct rule_index *index,
					const struct command *command);
