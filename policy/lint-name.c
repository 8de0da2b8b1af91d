/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the words of a rule's id promise, and whether the rule keeps it. */

#include "policy/lint-work.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "include/cleanup.h"
#include "policy/rule.h"

static const char separators[] = "-_.";

static const char *const reading[] = {"read",	   "reads",   "reader",	 "readers",
				      "telemetry", "monitor", "health",	 "look",
				      "looks",	   "show",    "shows",	 "view",
				      "views",	   "viewer",  "viewers", "monitoring"};
static const char *const refusing[] = {"no", "not", "never", "deny", "denies", "nothing", "locked"};
static const char *const allowing[] = {"allow", "allows"};

/* Does the id have this name in it, as one of its words or as several? Names can have separators,
 * too. */
static bool id_has(const char *id, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = id; (at = strcasestr(at, name)) != NULL; at++)
		if ((at == id || strchr(separators, at[-1])) &&
		    (at[length] == '\0' || strchr(separators, at[length])))
			return true;
	return false;
}

static const char *id_has_one_of(const char *id, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id_has(id, words[i]))
			return words[i];
	return NULL;
}

static int lint_reading(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	const char *word = id_has_one_of(rule->id, reading, ELEMENTSOF(reading));
	const struct box *worse;
	char *example;
	int r;

	if (!word)
		return 0;
	worse = lint_classes(linter, CLASS_CONFIG_CHANGE);
	if (!worse)
		return -ENOMEM;
	r = lint_find(linter, number, worse, &example);
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_WIDER_THAN_NAME, rule, example,
			"The name of \"%s\" says \"%s\", but the rule also opens requests that are "
			"not read-only. Add `class: read-only`, or call it otherwise.",
			rule->id, word);
}

/* Commands of dialects that the id does not name, where it names one. */
static int lint_dialect(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	struct space *space = linter->space;
	struct value_range *items = pool_alloc(&space->work, space->n_commands, sizeof(*items));
	const char *named = NULL;
	const struct ranges *others;
	const struct box *box;
	char *example;
	size_t n = 0;
	int r;

	if (!items)
		return -ENOMEM;
	for (unsigned i = 0; i < space->n_commands; i++) {
		const char *dialect = space->commands[i]->dialect->name;

		if (id_has(rule->id, dialect))
			named = dialect;
		else
			ranges_count(items, &n, i);
	}
	if (!named || n == 0)
		return 0;
	others = ranges_new(&space->work, items, n);
	box = others ? box_new(&space->work, &(struct constraint){DIM_COMMAND, others}, 1) : NULL;
	if (!box)
		return -ENOMEM;
	r = lint_find(linter, number, box, &example);
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_WIDER_THAN_NAME, rule, example,
			"The name of \"%s\" says \"%s\", but the rule also opens commands of other "
			"devices. Add `device: {type: %s}`, or call it otherwise.",
			rule->id, named, named);
}

/* The box without this user, or the members of this group. */
static const struct box *without_account(struct linter *linter, const struct box *box,
					 const struct lint_account *account)
{
	struct pool *work = &linter->space->work;
	const struct ranges *one, *others;

	if (account->group) {
		others = ranges_one(work, 0, 0);
		return others ? box_with(work, box, space_gid(linter->space, account->id), others)
			      : NULL;
	}
	others = box_get(box, DIM_UID) ?: ranges_one(work, 0, UINT32_MAX - 1);
	one = ranges_one(work, account->id, account->id);
	others = one && others ? ranges_subtract(work, others, one) : NULL;
	return others ? box_with(work, box, DIM_UID, others) : NULL;
}

/* All accounts of this name. There is nothing to read in a number. */
static int without_name(struct linter *linter, const char *name, const struct box **box,
			const char **named)
{
	size_t first = 0, last = linter->n_named;

	if (name[strspn(name, "0123456789")] == '\0')
		return 0;
	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (strcasecmp(linter->named[middle].name, name) < 0)
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < linter->n_named && strcasecmp(linter->named[first].name, name) == 0;
	     first++) {
		*named = linter->named[first].name;
		*box = without_account(linter, *box, &linter->named[first]);
		if (!*box)
			return -ENOMEM;
	}
	return 0;
}

/* Callers that the id does not name, where it names users or groups of this policy. */
static int lint_callers(struct linter *linter, size_t number)
{
	const struct rule *rule = &linter->policy->rules[number];
	const struct box *box = box_new(&linter->space->work, NULL, 0);
	const char *named = NULL;
	char *example, name[RULE_ID_MAX + 1];
	int r;

	if (!box)
		return -ENOMEM;
	/* Each row of words of the id: names can have separators, too. */
	for (const char *from = rule->id;; from++) {
		size_t length = 0;

		for (;;) {
			length += strcspn(from + length, separators);
			memcpy(name, from, length);
			name[length] = '\0';
			r = without_name(linter, name, &box, &named);
			if (r < 0)
				return r;
			if (from[length] == '\0')
				break;
			length++;
		}
		from += strcspn(from, separators);
		if (*from == '\0')
			break;
	}
	if (!named)
		return 0;
	r = lint_find(linter, number, box, &example);
	if (r <= 0)
		return r;
	return lint_add(linter, LINT_WIDER_THAN_NAME, rule, example,
			"The name of \"%s\" says \"%s\", but the rule also opens something to "
			"others. Narrow its `caller`, or call it otherwise.",
			rule->id, named);
}

int lint_name(struct linter *linter, size_t number)
{
	static int (*const lints[])(struct linter * linter, size_t rule) = {
		lint_reading,
		lint_dialect,
		lint_callers,
	};
	const struct rule *rule = &linter->policy->rules[number];
	const char *word;
	int r = 0;

	if (rule->verdict == VERDICT_DENY) {
		word = id_has_one_of(rule->id, allowing, ELEMENTSOF(allowing));
		if (word)
			return lint_add(linter, LINT_WIDER_THAN_NAME, rule, NULL,
					"The name of \"%s\" says \"%s\", but the rule denies.",
					rule->id, word);
		return 0;
	}
	word = id_has_one_of(rule->id, refusing, ELEMENTSOF(refusing));
	if (word && rule->verdict == VERDICT_ALLOW)
		r = lint_add(linter, LINT_WIDER_THAN_NAME, rule, NULL,
			     "The name of \"%s\" says \"%s\", but the rule allows.", rule->id,
			     word);
	for (size_t i = 0; i < ELEMENTSOF(lints) && r >= 0; i++)
		r = lints[i](linter, number);
	return r;
}
