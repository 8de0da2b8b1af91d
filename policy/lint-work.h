/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of lint share. For them alone. */

#include "policy/describe.h"
#include "policy/lint.h"

/* Users can be there more than once. */
struct lint_account {
	const char *name;
	bool group;
	uint32_t id;
};

struct linter {
	const struct policy *policy;
	struct accounts *accounts;
	struct space *space;
	struct lint_account *named; /* in any rule's caller; sorted, whatever the case */
	size_t n_named;
	uint64_t steps; /* left for everything */
	struct lint *lint;
	bool too_long; /* something of the rule at hand could not be worked out */
};

/* Takes over the example (NULL: none). 0 or -ENOMEM. */
int lint_add(struct linter *linter, enum lint_kind kind, const struct rule *rule, char *example,
	     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A search with its share of the steps. `observing`: rules that observe take their part, too. */
int lint_search(struct linter *linter, enum domain domain, size_t n_entries, bool observing,
		const struct box *box,
		int (*on_piece)(const struct box *piece, const struct entry *entry, void *userdata),
		void *userdata);

/*
 * Is there a request, without any device's report, that this rule decides (or would, if it did not
 * observe) and that lies in `within`? 1 with an example, to be freed; 0: none; -ENOMEM. Where it
 * takes too long, 0 and linter->too_long.
 */
int lint_find(struct linter *linter, size_t rule, const struct box *within, char **ret_example);

/* The same of what no rule decides. */
int lint_find_default(struct linter *linter, const struct box *within, char **ret_example);

/* A request of the box in words, to be freed: 1; 0: there is none; -ENOMEM. */
int lint_describe(struct linter *linter, const struct box *box, char **ret);

/* Requests of this class and of worse ones. NULL: no memory. */
const struct box *lint_classes(struct linter *linter, enum effect_class from);

/* What the id promises, against what the rule does. 0 or -ENOMEM. */
int lint_name(struct linter *linter, size_t rule);
/* Whether it opens, or fails to deny, more than somebody can have meant; or less. 0 or -ENOMEM. */
int lint_opening(struct linter *linter, size_t rule);
/* Whether the rule ever matches, and if not, why. 1: it does; 0; -ENOMEM. */
int lint_matches(struct linter *linter, size_t rule);
