/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of a policy file: whatever it is, it loads or it does not, and what was loaded decides.
 */

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/decide.h"
#include "tests/unit/small-catalogue.h"

DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct limit_book *, limit_book_free)
DEFINE_CLEANUP(struct policy *, policy_free)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	for (const char *p = text; *p; p++)
		assert(*p >= ' ' && *p <= '~');
}

/* Rules that do not deny: none is matched that names less than the request is. */
static void check_rule(const struct policy *policy, const struct query *query,
		       const struct rule *rule, bool observe, enum verdict verdict)
{
	assert(rule >= policy->rules && rule < policy->rules + policy->n_rules);
	assert(!rule->disabled && rule->observe == observe);
	assert(!rule->when || when_holds(rule->when, query->now.realtime_usec));
	assert(verdict == VERDICT_DENY || verdict == rule->verdict);
	assert(verdict == VERDICT_DENY ||
	       !(query->request->effects & EFFECT_HAZARDS & ~rule->hazards));
	assert(rule->verdict != VERDICT_DENY || rule->limit.count == 0);
	assert(rule->limit.count <= LIMIT_COUNT_MAX && rule->limit.per_usec <= LIMIT_PER_MAX_USEC);
}

static void check_decision(const struct policy *policy, const struct query *query,
			   const struct decision *decision)
{
	struct decision_text said;

	decision_describe(policy, decision, &said);
	assert((unsigned)decision->verdict < _VERDICT_MAX);
	assert(said.rule_id && said.rule_id[0]);
	assert(said.rule_at[0] && said.reason[0]);
	check_text(said.rule_id);
	check_text(said.rule_at);
	check_text(said.reason);
	assert(decision->by == DECIDED_BY_DEFAULT || decision->by == DECIDED_BY_RULE ||
	       decision->by == DECIDED_BY_LIMIT);
	assert(!decision->rule == (decision->by == DECIDED_BY_DEFAULT));
	if (decision->rule)
		check_rule(policy, query, decision->rule, false, decision->verdict);
	if (decision->by == DECIDED_BY_RULE)
		assert(decision->verdict == decision->rule->verdict);
	if (decision->by == DECIDED_BY_LIMIT)
		assert(decision->verdict == VERDICT_DENY && decision->rule->limit.count > 0 &&
		       decision->wait_usec > 0 &&
		       decision->wait_usec <= decision->rule->limit.per_usec);
	if (decision->observed) {
		check_rule(policy, query, decision->observed, true, decision->observed_verdict);
		assert(!decision->rule || decision->observed < decision->rule);
	}
}

/* Is what a rule lets pass, and counts it if it has a limit. */
static void charge(struct limit_book *book, const struct rule *rule, enum verdict verdict,
		   const struct query *query)
{
	if (rule && verdict != VERDICT_DENY && rule->limit.count > 0)
		assert(limit_charge(book, rule, query) == 0);
}

/* Twice, so that a limit of one is used up. */
static void ask_twice(const struct policy *policy, const struct query *query,
		      struct limit_book *book)
{
	struct decision first, second;

	decide(policy, query, &first);
	check_decision(policy, query, &first);
	charge(book, first.rule, first.verdict, query);
	charge(book, first.observed, first.observed_verdict, query);
	decide(policy, query, &second);
	check_decision(policy, query, &second);
	/* What is used changes no more than that. */
	assert(first.rule == second.rule && first.observed == second.observed);
	if (first.by == DECIDED_BY_RULE && first.rule->limit.count == 1)
		assert(second.by == DECIDED_BY_LIMIT);
	else if (first.by != DECIDED_BY_RULE || first.rule->limit.count == 0)
		assert(second.by == first.by && second.verdict == first.verdict);
}

static void ask(const struct policy *policy, struct limit_book *book)
{
	static const gid_t gids[] = {0, 10};
	const struct caller_identity callers[] = {
		{.uid = 0, .gids = gids, .n_gids = 1},
		{.uid = 1000, .gids = gids, .n_gids = ELEMENTSOF(gids)},
	};
	struct device_identity device = {
		.id = "nvme:LAB-1",
		.dialect = "nvme",
		.driver = "nvme",
		.pci = "0000:3b:00.0",
		.serial = "LAB-1",
		.model = "QEMU NVMe Ctrl",
		.firmware = "8.1",
		.nqn = "",
	};
	/* A Sunday noon; the hour that is skipped in Berlin; a Friday night; and a clock that
	 * nobody set, after all others. Limits go by the other one, which only goes on. */
	static const uint64_t times[] = {1795348800, 1774747800, 1795218600, 0};
	static const effect_set effects[] = {0, EFFECT_BIT(EFFECT_CONFIDENTIAL), EFFECT_HAZARDS};
	uint64_t boottime_usec = 0;

	for (size_t i = 0; i < small_catalogue.n_dialects; i++) {
		const struct dialect *dialect = &small_catalogue.dialects[i];

		device.dialect = dialect->name;
		for (size_t j = 0; j < dialect->n_commands; j++)
			for (int class = CLASS_READ_ONLY; class < _CLASS_MAX; class ++)
				for (size_t k = 0; k < ELEMENTSOF(effects) * ELEMENTSOF(times);
				     k++) {
					const struct classified request = {
						.command = &dialect->commands[j],
						.class = class,
						.effects = effects[k % ELEMENTSOF(effects)],
						.values = {{.number = 2}, {.number = 1}},
					};
					const struct query query = {
						.caller = &callers[k % ELEMENTSOF(callers)],
						.device = &device,
						.request = &request,
						.now = {.realtime_usec =
								times[k % ELEMENTSOF(times)] *
								1000000,
							.boottime_usec = boottime_usec},
						.uses = book,
					};

					ask_twice(policy, &query, book);
					boottime_usec += 700000;
				}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(accounts_freep) struct accounts *accounts = NULL;
	_cleanup_(limit_book_freep) struct limit_book *book = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	int r;

	/* Symbolic for every second length: everybody is there, and no rule is switched off. */
	assert(accounts_new(size % 2 == 1, &accounts) == 0 && limit_book_new(&book) == 0);
	r = policy_load_text("50-fuzz.yaml", (const char *)data, size, &small_catalogue, accounts,
			     &problems, &policy);
	if (r < 0) {
		assert(!policy);
		assert(r == -ENOMEM || problems.n_errors > 0);
	} else {
		assert(policy && problems.n_errors == 0);
		ask(policy, book);
	}
	for (size_t i = 0; i < problems.n; i++)
		assert(problems.items[i].text[0] && problems.items[i].line <= size + 1);
	return 0;
}
