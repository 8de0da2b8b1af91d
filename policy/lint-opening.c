/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lint-work.h"

#include <errno.h>

#include "include/cleanup.h"
#include "policy/decide.h"

static int lint_everybody(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	const struct box *destructive;
	char *example;
	int r;

	if (rule->verdict != VERDICT_ALLOW || rule->caller)
		return 0;
	destructive = lint_classes(linter, CLASS_DESTRUCTIVE);
	if (!destructive)
		return -ENOMEM;
	r = lint_find(linter, number, destructive, &example);
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_EVERYBODY_DESTROYS, rule, example,
			"The rule \"%s\" allows destructive requests to everybody, as it has no "
			"`caller`. Say who may send them, or let it authenticate.",
			rule->id);
}

/* Requests that the rule denies, whatever the device then says of itself. */
struct escape {
	struct linter *linter;
	size_t rule;
	char *example;
};

static bool opens_by_default(const struct judgement *judgement, const void *userdata)
{
	int hazard;

	return policy_default(userdata, judgement->class, judgement->hazards, &hazard) !=
	       VERDICT_DENY;
}

static int on_escaped(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct escape *escape = userdata;
	struct linter *linter = escape->linter;
	const struct ranges *opened;

	if (entry)
		/* What an earlier rule opens, it opens beside this denial as well. */
		return entry->rule->verdict == VERDICT_DENY ||
				       (size_t)(entry->rule - linter->policy->rules) < escape->rule
			       ? 0
			       : lint_describe(linter, piece, &escape->example);
	opened = judgements_that(&linter->space->work, opens_by_default, linter->policy);
	piece = opened ? box_narrow(&linter->space->work, piece, DIM_JUDGEMENT, opened) : NULL;
	return piece ? lint_describe(linter, piece, &escape->example) : -ENOMEM;
}

static int on_denied(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct escape *escape = userdata;
	struct space *space = escape->linter->space;
	const struct region_search search = {
		.space = space,
		.domain = DOMAIN_STATIC,
		.entries = space->policies[0].items,
		.n_entries = space->policies[0].n,
		.on_piece = on_escaped,
		.userdata = escape,
	};
	const struct box *box = piece;

	if (entry)
		return 0;
	for (size_t i = 0; i < piece->n && box; i++) {
		unsigned dimension = piece->items[i].dimension;

		if (dimension >= DIM_STRING + DEVICE_SERIAL - DEVICE_DRIVER &&
		    dimension <= DIM_DISPUTED)
			box = box_without(&space->work, box, dimension);
	}
	return box ? region_search(&search, box) : -ENOMEM;
}

static int lint_claims(struct linter *linter, size_t number)
{
	const struct entries *entries = &linter->space->policies[0];
	const struct rule *rule = &linter->policy->rules[number];
	struct escape escape = {.linter = linter, .rule = number};
	const char *claim = NULL;
	int r = 0;

	if (rule->verdict != VERDICT_DENY || !rule->device)
		return 0;
	for (unsigned key = DEVICE_SERIAL; key < _DEVICE_KEY_MAX; key++)
		if (rule->device->keys[key].n > 0)
			claim = claim ?: device_key_to_string(key);
	if (!claim || rule->device->keys[DEVICE_DRIVER].n > 0 ||
	    rule->device->keys[DEVICE_PCI].n > 0)
		return 0;
	for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0; i++)
		r = lint_search(linter, DOMAIN_STATIC, entries->first[number], rule->observe,
				entries->items[i].box, on_denied, &escape);
	if (r == -E2BIG) {
		linter->too_long = true;
		return 0;
	}
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_DENIES_BY_CLAIM, rule, escape.example,
			"The rule \"%s\" denies by what the device says of itself (`%s`): a device "
			"that says something else is not denied. Deny by a default, and open by "
			"rules; or name its `pci`.",
			rule->id, claim);
}

/* What the rule would match if it accepted the taint. */
static bool tainting(const struct judgement *judgement, const void *userdata)
{
	const struct rule *rule = userdata;

	return judgement->scope != SCOPE_NONE && judgement->scope >= 2 &&
	       judgement->scope <= rule->max_scope &&
	       (rule->classes == 0 || rule->classes & 1u << judgement->class) &&
	       !(judgement->hazards & ~(rule->hazards | EFFECT_BIT(EFFECT_TAINTS_KERNEL)));
}

static int lint_scope(struct linter *linter, size_t number)
{
	const struct entries *entries = &linter->space->policies[0];
	const struct rule *rule = &linter->policy->rules[number];
	const struct ranges *judgements;
	int r = 0;

	if (rule->verdict == VERDICT_DENY || rule->max_scope == SCOPE_ANY || rule->max_scope < 2 ||
	    rule->hazards & EFFECT_BIT(EFFECT_TAINTS_KERNEL))
		return 0;
	judgements = judgements_that(&linter->space->work, tainting, rule);
	if (!judgements)
		return -ENOMEM;
	for (size_t i = entries->first[number]; i < entries->first[number + 1] && r == 0; i++) {
		const struct box *box = box_with(&linter->space->work, entries->items[i].box,
						 DIM_JUDGEMENT, judgements);

		r = box ? region_possible(linter->space, box, DOMAIN_REPORTED) : -ENOMEM;
	}
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_SCOPE_WITHOUT_TAINT, rule, NULL,
			"The `max-scope` of \"%s\" opens nothing more than debug-read-only would: "
			"what needs a higher scope taints the kernel, and the rule does not accept "
			"that hazard. Add taints-kernel to `hazards`, or lower `max-scope`.",
			rule->id);
}

int lint_opening(struct linter *linter, size_t number)
{
	int r = lint_everybody(linter, number);

	if (r >= 0)
		r = lint_claims(linter, number);
	return r < 0 ? r : lint_scope(linter, number);
}
