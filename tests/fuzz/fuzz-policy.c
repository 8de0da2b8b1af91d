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
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	for (const char *p = text; *p; p++)
		assert(*p >= ' ' && *p <= '~');
}

static void check_decision(const struct policy *policy, const struct query *query)
{
	struct decision decision;
	struct decision_text said;

	decide(policy, query, &decision);
	decision_describe(policy, &decision, &said);
	assert((unsigned)decision.verdict < _VERDICT_MAX);
	assert(said.rule_id && said.rule_id[0]);
	assert(said.rule_at[0] && said.reason[0]);
	check_text(said.rule_id);
	check_text(said.rule_at);
	check_text(said.reason);
	if (decision.rule) {
		assert(decision.rule >= policy->rules &&
		       decision.rule < policy->rules + policy->n_rules);
		assert(!decision.rule->disabled && decision.verdict == decision.rule->verdict);
		if (decision.verdict != VERDICT_DENY)
			assert(!(query->request->effects & EFFECT_HAZARDS &
				 ~decision.rule->hazards));
	}
}

static void ask(const struct policy *policy)
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
	static const effect_set effects[] = {0, EFFECT_BIT(EFFECT_CONFIDENTIAL), EFFECT_HAZARDS};

	for (size_t i = 0; i < small_catalogue.n_dialects; i++) {
		const struct dialect *dialect = &small_catalogue.dialects[i];

		device.dialect = dialect->name;
		for (size_t j = 0; j < dialect->n_commands; j++)
			for (int class = CLASS_READ_ONLY; class < _CLASS_MAX; class ++)
				for (size_t k = 0; k < ELEMENTSOF(effects); k++) {
					const struct classified request = {
						.command = &dialect->commands[j],
						.class = class,
						.effects = effects[k],
						.values = {{.number = 2}, {.number = 1}},
					};
					const struct query query = {
						.caller = &callers[k % ELEMENTSOF(callers)],
						.device = &device,
						.request = &request,
					};

					check_decision(policy, &query);
				}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	int r;

	r = policy_load_text("50-fuzz.yaml", (const char *)data, size, &small_catalogue,
			     test_accounts(), &problems, &policy);
	if (r < 0) {
		assert(!policy);
		assert(r == -ENOMEM || problems.n_errors > 0);
	} else {
		assert(policy && problems.n_errors == 0);
		ask(policy);
	}
	for (size_t i = 0; i < problems.n; i++)
		assert(problems.items[i].text[0] && problems.items[i].line <= size + 1);
	return 0;
}
