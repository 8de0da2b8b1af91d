/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/decide.h"

#include <errno.h>
#include <string.h>

#include "policy/index.h"

static const char *const verdict_names[_VERDICT_MAX] = {
	[VERDICT_DENY] = "deny",
	[VERDICT_ALLOW] = "allow",
	[VERDICT_AUTHENTICATE] = "authenticate",
};

/* The enum's order is for "zero means deny"; this one is for the strictest of several. */
static unsigned verdict_strictness(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_ALLOW:
		return 0;
	case VERDICT_AUTHENTICATE:
		return 1;
	default:
		return 2;
	}
}

const char *verdict_to_string(enum verdict verdict)
{
	return (unsigned)verdict < _VERDICT_MAX ? verdict_names[verdict] : NULL;
}

int verdict_from_string(const char *string)
{
	for (unsigned i = 0; i < _VERDICT_MAX; i++)
		if (strcmp(string, verdict_names[i]) == 0)
			return (int)i;
	return -EINVAL;
}

/* What a well-behaved caller never sends, and what nothing can be decided on. */
static bool query_sound(const struct query *query)
{
	const struct device_identity *device;
	const struct classified *request;

	if (!query || !query->caller || !query->device || !query->request)
		return false;
	device = query->device;
	request = query->request;
	return query->caller->uid != (uid_t)-1 &&
	       (query->caller->gids || query->caller->n_gids == 0) && device->id &&
	       device->dialect && device->driver && device->pci && device->serial &&
	       device->model && device->firmware && device->nqn && request->command &&
	       request->class >= CLASS_READ_ONLY && request->class < _CLASS_MAX &&
	       request->effects < EFFECT_BIT(_EFFECT_MAX) &&
	       effect_set_class(request->effects) <= request->class;
}

enum verdict policy_default(const struct policy *policy, enum effect_class class,
			    effect_set effects, int *ret_hazard)
{
	enum verdict verdict = policy->class_defaults[class];

	*ret_hazard = -1;
	for (effects &= EFFECT_HAZARDS; effects != 0; effects &= effects - 1) {
		int hazard = __builtin_ctz(effects);
		enum verdict other = policy->hazard_defaults[hazard];

		if (verdict_strictness(other) <= verdict_strictness(verdict))
			continue;
		verdict = other;
		*ret_hazard = hazard;
	}
	return verdict;
}

/* What the rule says to a request that it matches. */
static enum verdict rule_verdict(const struct rule *rule, const struct query *query,
				 uint64_t *ret_wait_usec)
{
	*ret_wait_usec = 0;
	if (rule->limit.count > 0 && limit_exhausted(query->uses, rule, query, ret_wait_usec))
		return VERDICT_DENY;
	return rule->verdict;
}

void decide(const struct policy *policy, const struct query *query, struct decision *ret)
{
	struct rule_matches matches;
	uint64_t wait_usec;

	*ret = (struct decision){.verdict = VERDICT_DENY, .by = DECIDED_BY_ERROR, .hazard = -1};
	if (!policy) {
		ret->by = DECIDED_BY_NO_POLICY;
		return;
	}
	if (!query_sound(query))
		return;
	/* Rules are about the fields of their own catalogue's commands. */
	if (rule_index_match(policy->index, query, &matches) < 0) {
		ret->by = DECIDED_BY_OTHER_CATALOGUE;
		return;
	}
	if (matches.observed) {
		ret->observed = matches.observed;
		ret->observed_verdict = rule_verdict(matches.observed, query, &wait_usec);
	}
	if (!matches.enforced) {
		ret->by = DECIDED_BY_DEFAULT;
		ret->class = query->request->class;
		ret->verdict =
			policy_default(policy, ret->class, query->request->effects, &ret->hazard);
		return;
	}
	ret->rule = matches.enforced;
	ret->verdict = rule_verdict(ret->rule, query, &ret->wait_usec);
	ret->by = ret->wait_usec > 0 ? DECIDED_BY_LIMIT : DECIDED_BY_RULE;
}
