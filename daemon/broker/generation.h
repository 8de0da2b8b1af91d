/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One generation: the catalogue and the policy that were loaded together and are in force together.
 * A request holds the generation it was judged by; a reload puts a new one in force and touches no
 * old one.
 */

#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/policy.h"
#include "policy/problems.h"

struct generation {
	unsigned n_ref;
	uint64_t number; /* from 1, in one daemon's life; 0: not yet in force, or it denies */
	struct catalogue *catalogue;
	struct policy
		*policy; /* NULL: none could be loaded at the first start; everything is denied */
	char digest[65]; /* SHA-256 over both digests, as hexadecimal; "" without a policy */
};

/* Catalogue and policy, or neither. Runs in a thread of its own: touches nothing that others see.
 */
int generation_load(struct problems *problems, struct generation **ret);
/*
 * For the first start with files that don't load: the shipped catalogue, or what is left of it, and
 * no policy. Denies everything, and can still explain.
 */
int generation_load_denying(struct problems *problems, struct generation **ret);

struct generation *generation_ref(struct generation *generation);
struct generation *generation_unref(struct generation *generation);
