/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lint-work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "include/cleanup.h"
#include "policy/decide.h"

/* Steps of policy/region.h: a second or so, and some seconds in all. */
#define STEPS_ONE (UINT64_C(20) * 1000 * 1000)
#define STEPS_ALL (UINT64_C(500) * 1000 * 1000)

DEFINE_CLEANUP(struct space *, space_free)

static const char *const kinds[_LINT_KIND_MAX] = {
	[LINT_NEVER_MATCHES] = "never-matches",
	[LINT_COVERED] = "covered",
	[LINT_WIDER_THAN_NAME] = "wider-than-name",
	[LINT_DEFAULT_OPENS] = "default-opens",
	[LINT_EVERYBODY_DESTROYS] = "everybody-destroys",
	[LINT_DENIES_BY_CLAIM] = "denies-by-claim",
	[LINT_SCOPE_WITHOUT_TAINT] = "scope-without-taint",
	[LINT_NOT_WORKED_OUT] = "not-worked-out",
};

const char *lint_kind_to_string(enum lint_kind kind)
{
	return (unsigned)kind < _LINT_KIND_MAX ? kinds[kind] : NULL;
}

void lint_done(struct lint *lint)
{
	for (size_t i = 0; i < lint->n; i++) {
		free(lint->items[i].file);
		free(lint->items[i].text);
		free(lint->items[i].example);
	}
	free(lint->items);
	*lint = (struct lint){};
}

/* Takes over the strings, also when it fails. */
static int add_finding(struct lint *lint, const struct lint_finding *finding)
{
	struct lint_finding *grown = NULL;

	if (finding->file && finding->text)
		grown = reallocarray(lint->items, lint->n + 1, sizeof(*grown));
	if (!grown) {
		free(finding->file);
		free(finding->text);
		free(finding->example);
		return -ENOMEM;
	}
	lint->items = grown;
	lint->items[lint->n++] = *finding;
	return 0;
}

int lint_add(struct linter *linter, enum lint_kind kind, const struct rule *rule, char *example,
	     const char *format, ...)
{
	struct lint_finding finding = {
		.kind = kind,
		.rule = rule,
		.file = strdup(rule->file),
		.line = rule->line,
		.column = rule->column,
		.example = example,
	};
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&finding.text, format, arguments) < 0)
		finding.text = NULL;
	va_end(arguments);
	return add_finding(linter->lint, &finding);
}

int lint_search(struct linter *linter, enum domain domain, size_t n_entries, bool observing,
		const struct box *box,
		int (*on_piece)(const struct box *piece, const struct entry *entry, void *userdata),
		void *userdata)
{
	const struct region_search search = {
		.space = linter->space,
		.domain = domain,
		.entries = linter->space->policies[0].items,
		.n_entries = n_entries,
		.observing = observing,
		.on_piece = on_piece,
		.userdata = userdata,
	};
	uint64_t steps = linter->steps < STEPS_ONE ? linter->steps : STEPS_ONE;
	int r;

	linter->space->steps = steps;
	r = region_search(&search, box);
	linter->steps -= steps - linter->space->steps;
	return r;
}

struct finding_example {
	struct linter *linter;
	char *text;
};

int lint_describe(struct linter *linter, const struct box *box, char **ret)
{
	struct pool *work = &linter->space->work;
	struct pool_mark mark = pool_mark(work);
	struct example example;
	int r;

	r = region_example(linter->space, work, box, &example);
	if (r > 0) {
		r = example_describe(linter->space, linter->accounts, &example, ret);
		r = r < 0 ? r : 1;
	}
	pool_release(work, mark);
	return r;
}

static int on_left_over(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct finding_example *found = userdata;

	return entry ? 0 : lint_describe(found->linter, piece, &found->text);
}

/* What of the box none of the entries takes, without any report. */
static int find_left_over(struct linter *linter, size_t n_entries, bool observing,
			  const struct box *box, char **ret_example)
{
	struct finding_example found = {.linter = linter};
	int r;

	r = lint_search(linter, DOMAIN_STATIC, n_entries, observing, box, on_left_over, &found);
	if (r == -E2BIG) {
		linter->too_long = true;
		r = 0;
	}
	if (r > 0)
		*ret_example = found.text;
	return r;
}

int lint_find(struct linter *linter, size_t rule, const struct box *within, char **ret_example)
{
	const struct entries *entries = &linter->space->policies[0];
	struct pool *work = &linter->space->work;
	int r = 0;

	for (size_t i = entries->first[rule]; i < entries->first[rule + 1] && r == 0; i++) {
		const struct box *box = entries->items[i].box;

		if (!boxes_meet(box, within))
			continue;
		box = box_intersect(work, box, within);
		if (!box)
			return -ENOMEM;
		r = find_left_over(linter, entries->first[rule],
				   entries->policy->rules[rule].observe, box, ret_example);
	}
	return r;
}

int lint_find_default(struct linter *linter, const struct box *within, char **ret_example)
{
	return find_left_over(linter, linter->space->policies[0].n, false, within, ret_example);
}

static bool class_from(const struct judgement *judgement, const void *userdata)
{
	const enum effect_class *from = userdata;

	return judgement->class >= *from;
}

const struct box *lint_classes(struct linter *linter, enum effect_class from)
{
	struct pool *work = &linter->space->work;
	const struct ranges *set = judgements_that(work, class_from, &from);

	return set ? box_new(work, &(struct constraint){DIM_JUDGEMENT, set}, 1) : NULL;
}

static int lint_rule(struct linter *linter, size_t number)
{
	static int (*const lints[])(struct linter * linter, size_t rule) = {
		lint_name,
		lint_opening,
	};
	const struct rule *rule = &linter->policy->rules[number];
	struct pool_mark mark = pool_mark(&linter->space->work);
	int r;

	if (rule->disabled)
		return 0;
	linter->too_long = false;
	r = lint_matches(linter, number);
	for (size_t i = 0; i < ELEMENTSOF(lints) && r > 0; i++) {
		r = lints[i](linter, number);
		r = r < 0 ? r : 1;
	}
	pool_release(&linter->space->work, mark);
	if (r >= 0 && linter->too_long)
		r = lint_add(linter, LINT_NOT_WORKED_OUT, rule, NULL,
			     "It takes too long to work out all about \"%s\": too many rules "
			     "before it overlap it in too many ways.",
			     rule->id);
	return r < 0 ? r : 0;
}

struct opened_default {
	const struct policy *policy;
	enum effect_class class; /* or 0 */
	effect_set hazard;	 /* or 0 */
};

static bool default_allows(const struct judgement *judgement, const void *userdata)
{
	const struct opened_default *opened = userdata;
	int hazard;

	return (opened->class == 0 || judgement->class == opened->class) &&
	       (judgement->hazards & opened->hazard) == opened->hazard &&
	       policy_default(opened->policy, judgement->class, judgement->hazards, &hazard) ==
		       VERDICT_ALLOW;
}

/* at: "file:line". */
static int lint_default(struct linter *linter, const struct opened_default *opened, const char *at,
			const char *what)
{
	struct pool *work = &linter->space->work;
	const struct ranges *judgements = judgements_that(work, default_allows, opened);
	const char *colon = strrchr(at, ':');
	struct lint_finding finding = {.kind = LINT_DEFAULT_OPENS};
	const struct box *box;
	int r;

	box = judgements ? box_new(work, &(struct constraint){DIM_JUDGEMENT, judgements}, 1) : NULL;
	if (!box)
		return -ENOMEM;
	linter->too_long = false;
	r = lint_find_default(linter, box, &finding.example);
	if (r < 0 || (r == 0 && !linter->too_long))
		return r;
	finding.file = strndup(at, (size_t)(colon - at));
	finding.line = (unsigned)strtoul(colon + 1, NULL, 10);
	if (r == 0)
		finding.kind = LINT_NOT_WORKED_OUT;
	if (asprintf(&finding.text,
		     r > 0 ? "The default for %s is allow, and no rule is in the way: everybody "
			     "may. Let the default deny, and open by a rule."
			   : "The default for %s is allow; it takes too long to work out what the "
			     "rules leave to it.",
		     what) < 0)
		finding.text = NULL;
	return add_finding(linter->lint, &finding);
}

static int lint_defaults(struct linter *linter)
{
	const struct policy *policy = linter->policy;
	struct opened_default opened = {.policy = policy, .class = CLASS_DESTRUCTIVE};
	const char *at = policy->defaults_at[policy_default_at_class(CLASS_DESTRUCTIVE)];
	int r = 0;

	if (policy->class_defaults[CLASS_DESTRUCTIVE] == VERDICT_ALLOW && at)
		r = lint_default(linter, &opened, at, "destructive commands");
	for (int effect = 0; effect < _EFFECT_MAX && r >= 0; effect++) {
		char what[64];

		at = policy->defaults_at[policy_default_at_hazard(effect)];
		if (!(EFFECT_BIT(effect) & EFFECT_HAZARDS) || !at ||
		    policy->hazard_defaults[effect] != VERDICT_ALLOW)
			continue;
		opened = (struct opened_default){policy, 0, EFFECT_BIT(effect)};
		snprintf(what, sizeof(what), "the hazard %s", effect_to_string(effect));
		r = lint_default(linter, &opened, at, what);
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcasecmp(((const struct lint_account *)a)->name,
			  ((const struct lint_account *)b)->name);
}

/* All users and groups that rules name, sorted by name. */
static int gather_accounts(struct linter *linter)
{
	struct space *space = linter->space;
	size_t n = space->n_gids;

	for (size_t i = 0; i < linter->policy->n_rules; i++)
		n += linter->policy->rules[i].caller ? linter->policy->rules[i].caller->n_uids : 0;
	linter->named = pool_alloc(&space->kept, n, sizeof(*linter->named));
	if (!linter->named)
		return -ENOMEM;
	for (size_t i = 0; i < linter->policy->n_rules; i++) {
		const struct caller_set *caller = linter->policy->rules[i].caller;

		for (size_t u = 0; caller && u < caller->n_uids; u++)
			linter->named[linter->n_named++] =
				(struct lint_account){.id = caller->uids[u]};
	}
	for (size_t i = 0; i < space->n_gids; i++)
		linter->named[linter->n_named++] =
			(struct lint_account){.group = true, .id = space->gids[i]};
	for (size_t i = 0; i < linter->n_named; i++) {
		struct lint_account *account = &linter->named[i];

		account->name = accounts_name(linter->accounts, account->group, account->id);
		if (!account->name)
			return -ENOMEM;
	}
	if (linter->n_named > 0)
		qsort(linter->named, linter->n_named, sizeof(*linter->named), compare_names);
	return 0;
}

int policy_lint(const struct policy *policy, struct accounts *accounts, struct lint *ret)
{
	_cleanup_(space_freep) struct space *space = NULL;
	_cleanup_(lint_done) struct lint lint = {};
	struct linter linter = {
		.policy = policy,
		.accounts = accounts,
		.steps = STEPS_ALL,
		.lint = &lint,
	};
	int r;

	r = space_new(&policy, 1, &space);
	if (r < 0)
		return r;
	linter.space = space;
	r = gather_accounts(&linter);
	for (size_t i = 0; i < policy->n_rules && r >= 0 && linter.steps > 0; i++) {
		r = lint_rule(&linter, i);
		if (r >= 0 && linter.steps == 0)
			r = lint_add(&linter, LINT_NOT_WORKED_OUT, &policy->rules[i], NULL,
				     "The policy is too large to look at all of it: rules after "
				     "\"%s\", and the defaults, were left out.",
				     policy->rules[i].id);
	}
	if (r >= 0 && linter.steps > 0)
		r = lint_defaults(&linter);
	if (r < 0)
		return r;
	*ret = lint;
	lint = (struct lint){};
	return 0;
}
