/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/decide.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_names[_VERDICT_MAX] = {
	[VERDICT_DENY] = "deny",
	[VERDICT_ALLOW] = "allow",
	[VERDICT_AUTHENTICATE] = "authenticate",
};

/* "The rule ... " */
static const char *const verdict_verbs[_VERDICT_MAX] = {
	[VERDICT_DENY] = "denies it",
	[VERDICT_ALLOW] = "allows it",
	[VERDICT_AUTHENTICATE] = "asks for authentication",
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

bool pattern_matches(const struct pattern *pattern, const char *string)
{
	if (pattern->prefix)
		return strncmp(string, pattern->text, strlen(pattern->text)) == 0;
	return strcmp(string, pattern->text) == 0;
}

bool pattern_list_matches(const struct pattern_list *list, const char *string)
{
	for (size_t i = 0; i < list->n; i++)
		if (pattern_matches(&list->items[i], string))
			return true;
	return list->n == 0;
}

static bool caller_matches(const struct rule *rule, const struct caller_identity *caller)
{
	if (rule->any_caller)
		return true;
	for (size_t i = 0; i < rule->n_uids; i++)
		if (rule->uids[i] == caller->uid)
			return true;
	for (size_t i = 0; i < rule->n_gids; i++)
		for (size_t j = 0; j < caller->n_gids; j++)
			if (rule->gids[i] == caller->gids[j])
				return true;
	return false;
}

static bool device_matches(const struct rule *rule, const struct device_identity *device)
{
	/*
	 * A serial that two devices claim says not which of them this is: no rule opens anything by
	 * it. But a rule that denies by it denies both: a device must not be able to switch off
	 * another's protection by claiming to be it.
	 */
	if (rule->serial.n > 0 && device->serial[0] == '\0')
		return false;
	if (rule->serial.n > 0 && device->serial_disputed && rule->verdict != VERDICT_DENY)
		return false;
	return pattern_list_matches(&rule->type, device->dialect) &&
	       pattern_list_matches(&rule->driver, device->driver) &&
	       pattern_list_matches(&rule->pci, device->pci) &&
	       pattern_list_matches(&rule->serial, device->serial) &&
	       pattern_list_matches(&rule->model, device->model) &&
	       pattern_list_matches(&rule->firmware, device->firmware) &&
	       pattern_list_matches(&rule->nqn, device->nqn);
}

/*
 * 1, 0, or -ESTALE: the rule's conditions count the fields of another catalogue's command, so that
 * nobody can say whether they hold.
 */
static int command_matches(const struct rule *rule, const struct classified *request)
{
	if (!rule->where)
		return pattern_list_matches(&rule->commands, request->command->full_name);
	for (size_t i = 0; i < rule->commands.n; i++) {
		if (!pattern_matches(&rule->commands.items[i], request->command->full_name))
			continue;
		if (rule->where_commands[i] != request->command)
			return -ESTALE;
		return condition_holds(&rule->where[i], request->command, request->values,
				       request->effects);
	}
	return 0;
}

/* 1, 0 or a negative errno. */
static int rule_matches(const struct rule *rule, const struct query *query)
{
	const struct classified *request = query->request;

	if (rule->disabled)
		return 0;
	if (rule->classes != 0 && !(rule->classes & (1u << request->class)))
		return 0;
	if (rule->verdict != VERDICT_DENY && (request->effects & EFFECT_HAZARDS & ~rule->hazards))
		return 0;
	if (!caller_matches(rule, query->caller) || !device_matches(rule, query->device))
		return 0;
	return command_matches(rule, request);
}

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

static void decide_error(const char *id, const char *reason, struct decision *ret)
{
	*ret = (struct decision){.verdict = VERDICT_DENY, .rule_id = id};
	write_text(ret->rule_at, sizeof(ret->rule_at), "built in");
	write_text(ret->reason, sizeof(ret->reason), "%s", reason);
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
	       (query->caller->gids || query->caller->n_gids == 0) && device->dialect &&
	       device->driver && device->pci && device->serial && device->model &&
	       device->firmware && device->nqn && request->command &&
	       request->class >= CLASS_READ_ONLY && request->class < _CLASS_MAX &&
	       request->effects < EFFECT_BIT(_EFFECT_MAX) &&
	       effect_set_class(request->effects) <= request->class;
}

static void decide_by_rule(const struct rule *rule, struct decision *ret)
{
	*ret = (struct decision){
		.verdict = rule->verdict,
		.rule = rule,
		.rule_id = rule->id,
		.note = rule->note,
	};
	write_text(ret->rule_at, sizeof(ret->rule_at), "%s:%u", rule->file, rule->line);
	write_text(ret->reason, sizeof(ret->reason), "Rule %s (%s) %s.", rule->id, ret->rule_at,
		   verdict_verbs[rule->verdict]);
}

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

static void decide_by_default(const struct policy *policy, const struct classified *request,
			      struct decision *ret)
{
	enum verdict verdict = policy->class_defaults[request->class];
	const char *at = policy->defaults_at[policy_default_at_class(request->class)];
	int strictest_hazard = -1;
	char of[64];

	for (unsigned hazard = 0; hazard < _EFFECT_MAX; hazard++) {
		enum verdict other = policy->hazard_defaults[hazard];

		if (!(request->effects & EFFECT_HAZARDS & EFFECT_BIT(hazard)))
			continue;
		if (verdict_strictness(other) <= verdict_strictness(verdict))
			continue;
		verdict = other;
		at = policy->defaults_at[policy_default_at_hazard(hazard)];
		strictest_hazard = (int)hazard;
	}

	*ret = (struct decision){.verdict = verdict};
	if (strictest_hazard >= 0) {
		ret->rule_id = hazard_default_ids[strictest_hazard];
		write_text(of, sizeof(of), "the hazard %s", effect_to_string(strictest_hazard));
	} else {
		ret->rule_id = class_default_ids[request->class];
		write_text(of, sizeof(of), "%s commands", effect_class_to_string(request->class));
	}
	write_text(ret->rule_at, sizeof(ret->rule_at), "%s", at ? at : "built in");
	if (at)
		write_text(ret->reason, sizeof(ret->reason),
			   "No rule matches; the default for %s (%s) %s.", of, ret->rule_at,
			   verdict_verbs[verdict]);
	else
		write_text(ret->reason, sizeof(ret->reason),
			   "No rule matches, and the policy has no default for %s: denied.", of);
}

void decide(const struct policy *policy, const struct query *query, struct decision *ret)
{
	if (!policy) {
		decide_error("default:no-policy",
			     "No policy could be loaded, so everything is denied. The journal of "
			     "fwctld says what is wrong with the policy files.",
			     ret);
		return;
	}
	if (!query_sound(query)) {
		decide_error("default:error",
			     "The request could not be judged: who asks, the device or the "
			     "command's class is unknown. It is denied.",
			     ret);
		return;
	}
	for (size_t i = 0; i < policy->n_rules; i++) {
		int r = rule_matches(&policy->rules[i], query);

		if (r < 0) {
			decide_error("default:error",
				     "The policy and the command are of different catalogue "
				     "generations, so it is denied. Ask again.",
				     ret);
			return;
		}
		if (r > 0) {
			decide_by_rule(&policy->rules[i], ret);
			return;
		}
	}
	decide_by_default(policy, query->request, ret);
}
