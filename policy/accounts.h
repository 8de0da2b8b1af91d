/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Users and groups by name, each looked up once. By the system (NSS, which can take its time and
 * open files), or symbolic: every name has an id of its own, whomever the machine knows, so that a
 * policy can be worked on elsewhere.
 */

#include <stdbool.h>
#include <stdint.h>

struct accounts;

int accounts_new(bool symbolic, struct accounts **ret);
struct accounts *accounts_free(struct accounts *accounts);

/* 0; -ESRCH: nobody has this name; another errno when nobody can say. Errors are remembered, too.
 */
int accounts_id(struct accounts *accounts, bool group, const char *name, uint32_t *ret);
/* Of the names that were asked for, is there one that nobody has? */
bool accounts_unknown(const struct accounts *accounts);
/*
 * The name of an id, or its number. Symbolic: only names that were asked for are known. Lives as
 * long as the accounts; NULL without memory.
 */
const char *accounts_name(struct accounts *accounts, bool group, uint32_t id);
