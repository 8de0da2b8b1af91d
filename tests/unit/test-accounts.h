/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine's accounts, for tests that load policies: looked up once, and kept to the end. */

#include <stddef.h>

#include "policy/accounts.h"

static inline struct accounts *test_accounts(void)
{
	static struct accounts *accounts;

	if (!accounts && accounts_new(false, &accounts) < 0)
		return NULL;
	return accounts;
}
