/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What people are told of a decision. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "policy/decide.h"

/* "The rule ... " */
static const char *const verdict_verbs[_VERDICT_MAX] = {
	[VERDICT_DENY] = "denies it",
	[VERDICT_ALLOW] = "allows it",
	[VERDICT_AUTHENTICATE] = "asks for authentication",
};

static const char *const class_default_ids[_CLASS_MAX] = {
	[CLASS_READ_ONLY] = "default:read-only",
	[CLASS_CONFIG_CHANGE] = "default:config-change",
	[CLASS_DESTRUCTIVE] = "default:destructive",
};

static const char *const hazard_default_ids[_EFFECT_MAX] = {
	[EFFECT_CONFIDENTIAL] = "default:confidential",
	[EFFECT_PERSISTENT] = "default:persistent",
	[EFFECT_TAINTS_KERNEL] = "default:taints-kernel",
	[EFFECT_BROADCAST] = "default:broadcast",
};

/*
 * The texts go to D-Bus and the journal, but the path of a file can hold any byte: what is not
 * printable ASCII becomes '?'. Too long a text is cut.
 */
static void write_text(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void write_text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(buffer, size, format, arguments) < 0)
		buffer[0] = '\0';
	va_end(arguments);
	for (char *p = buffer; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void describe_error(const char *id, const char *reason, struct decision_text *ret)
{
	ret->rule_id = id;
	write_text(ret->rule_at, sizeof(ret->rule_at), "built in");
	write_text(ret->reason, sizeof(ret->reason), "%s", reason);
}

/* "34 s", "2 min", ...: rounded up, so that who waits that long does not come too early. */
static void write_span(char *buffer, size_t size, uint64_t usec)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{24 * 60 * 60, "d"}, {60 * 60, "h"}, {60, "min"}, {1, "s"}};
	uint64_t seconds = usec / 1000000 + (usec % 1000000 > 0);
	unsigned i = 0;

	/* Two of the smaller unit before the greater one is used: 90 s, 36 h. */
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(buffer, size, "%" PRIu64 " %s",
		 (seconds + units[i].seconds - 1) / units[i].seconds, units[i].unit);
}

static void describe_rule(const struct decision *decision, struct decision_text *ret)
{
	const struct rule *rule = decision->rule;
	char per[32], wait[32];

	ret->rule_id = rule->id;
	ret->note = rule->note;
	write_text(ret->rule_at, sizeof(ret->rule_at), "%s:%u", rule->file, rule->line);
	if (decision->by == DECIDED_BY_RULE) {
		write_text(ret->reason, sizeof(ret->reason), "Rule %s (%s) %s.", rule->id,
			   ret->rule_at, verdict_verbs[rule->verdict]);
		return;
	}
	write_span(per, sizeof(per), rule->limit.per_usec);
	write_span(wait, sizeof(wait), decision->wait_usec);
	write_text(ret->reason, sizeof(ret->reason),
		   "The limit of rule %s (%s), %u in %s by %s, is used up; it is denied. The next "
		   "is free in %s.",
		   rule->id, ret->rule_at, rule->limit.count, per,
		   limit_by_to_string(rule->limit.by), wait);
}

static void describe_default(const struct policy *policy, const struct decision *decision,
			     struct decision_text *ret)
{
	const char *at;
	char of[64];

	if (decision->hazard >= 0) {
		at = policy->defaults_at[policy_default_at_hazard((enum effect)decision->hazard)];
		ret->rule_id = hazard_default_ids[decision->hazard];
		write_text(of, sizeof(of), "the hazard %s",
			   effect_to_string((enum effect)decision->hazard));
	} else {
		at = policy->defaults_at[policy_default_at_class(decision->class)];
		ret->rule_id = class_default_ids[decision->class];
		write_text(of, sizeof(of), "%s commands", effect_class_to_string(decision->class));
	}
	write_text(ret->rule_at, sizeof(ret->rule_at), "%s", at ? at : "built in");
	if (at)
		write_text(ret->reason, sizeof(ret->reason),
			   "No rule matches; the default for %s (%s) %s.", of, ret->rule_at,
			   verdict_verbs[decision->verdict]);
	else
		write_text(ret->reason, sizeof(ret->reason),
			   "No rule matches, and the policy has no default for %s: denied.", of);
}

void decision_describe(const struct policy *policy, const struct decision *decision,
		       struct decision_text *ret)
{
	ret->note = NULL;
	switch (decision->by) {
	case DECIDED_BY_RULE:
	case DECIDED_BY_LIMIT:
		describe_rule(decision, ret);
		break;
	case DECIDED_BY_DEFAULT:
		describe_default(policy, decision, ret);
		break;
	case DECIDED_BY_NO_POLICY:
		describe_error("default:no-policy",
			       "No policy could be loaded, so everything is denied. The journal of "
			       "fwctld says what is wrong with the policy files.",
			       ret);
		break;
	case DECIDED_BY_OTHER_CATALOGUE:
		describe_error("default:error",
			       "The policy and the command are of different catalogue "
			       "generations, so it is denied. Ask again.",
			       ret);
		break;
	case DECIDED_BY_ERROR:
		describe_error("default:error",
			       "The request could not be judged: who asks, the device or the "
			       "command's class is unknown. It is denied.",
			       ret);
		break;
	}
}

void decision_describe_observed(const struct decision *decision, struct decision_text *ret)
{
	const struct rule *rule = decision->observed;

	*ret = (struct decision_text){.rule_id = rule->id, .note = rule->note};
	write_text(ret->rule_at, sizeof(ret->rule_at), "%s:%u", rule->file, rule->line);
	write_text(ret->reason, sizeof(ret->reason), "Rule %s (%s) would say: %s.", rule->id,
		   ret->rule_at, verdict_to_string(decision->observed_verdict));
}
