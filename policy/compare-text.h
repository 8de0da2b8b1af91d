/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes of rules that no request shows, in words. For policy/compare.c alone. */

#include "policy/compare.h"
#include "policy/space.h"

bool limits_equal(const struct limit *a, const struct limit *b);
/* "limit: 10 per 1min by caller -> none". 0 or -ENOMEM. */
int change_limit_text(const struct limit *before, const struct limit *after, char **ret);

/* By kind; NULL: nothing of that kind has changed. To be freed. */
struct change_texts {
	char *of_kind[_CHANGE_KIND_MAX];
};
/* before, after: NULL: there is none. 0 or -ENOMEM, then with what was made so far. */
int change_texts_make(const struct space *space, const struct rule *before,
		      const struct rule *after, struct change_texts *ret);
