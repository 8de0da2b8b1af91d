/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a rule matches: who asks, and which device. */

#include "policy/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/suggest.h"

/*
 * A user or a group by name or number. A name that nobody has is a typo, or somebody who is not
 * here yet: a rule that opens something is switched off, one that denies would deny nobody, so it
 * fails the load. -EINVAL when there is no id to match.
 */
static int read_id_number(const struct rule_reader *reader, const struct yaml_node *node,
			  bool group, struct rule *rule, uint32_t *ret)
{
	const char *kind = group ? "group" : "user", *name;
	uint64_t number;
	uint32_t id = UINT32_MAX;
	bool deny = rule->verdict == VERDICT_DENY;
	int r;

	r = yaml_read_string(reader->file, node, group ? "a group" : "a user", reader->problems,
			     &name);
	if (r < 0)
		return r;
	if (name[strspn(name, "0123456789")] == '\0') {
		/* The greatest one is no id: the kernel's "none", and "unchanged" to chown(). */
		if (!parse_uint(name, &number) || number >= UINT32_MAX) {
			yaml_problem(reader->file, node, false, reader->problems,
				     "\"%s\" is no %s number; expected 0 to 4294967294.", name,
				     kind);
			return -EINVAL;
		}
		*ret = (uint32_t)number;
		return 0;
	}

	/* To ask a directory for each of 60,000 names takes long, and nothing depends on it. */
	if (rule->disabled && !problems_keep(reader->problems, !deny))
		return -EINVAL;
	r = accounts_id(reader->accounts, group, name, &id);
	if (r == -ENOMEM)
		return r;
	if (r == 0) {
		*ret = id;
		return 0;
	}
	if (r == -ESRCH)
		yaml_problem(
			reader->file, node, !deny, reader->problems,
			deny ? "There is no %s \"%s\", so this rule would deny nobody. Correct "
			       "the name, or take the rule out."
			     : "There is no %s \"%s\", so this rule is switched off. Correct the "
			       "name, or create it and reload the policy.",
			kind, name);
	else
		yaml_problem(
			reader->file, node, !deny, reader->problems,
			deny ? "The %s \"%s\" can't be looked up: %s."
			     : "The %s \"%s\" can't be looked up (%s), so this rule is switched "
			       "off.",
			kind, name, strerror(-r));
	rule->disabled = true;
	return -EINVAL;
}

static int read_ids(const struct rule_reader *reader, const struct yaml_node *node, bool group,
		    struct rule *rule, uint32_t **ret, size_t *ret_n)
{
	size_t n = value_list_length(reader, node, group ? "a group" : "a user");

	if (n == 0)
		return 0;
	*ret = pool_alloc(&reader->policy->pool, n, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = read_id_number(reader, value_list_item(node, i), group, rule,
				       &(*ret)[*ret_n]);

		if (r == -ENOMEM)
			return r;
		if (r == 0)
			(*ret_n)++;
	}
	return 0;
}

static int read_caller(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule,
		       struct caller_set *set)
{
	static const char *const known[] = {"user", "group", NULL};
	const struct yaml_node *user, *group;
	int r;

	_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t),
		       "ids have 32 bits");

	if (map->kind != YAML_MAP || map->n_items == 0) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "A caller is a map, like {user: [alice], group: [storage]}. To match "
			     "everybody, leave the key out.");
		return 0;
	}
	user = yaml_get(map, "user");
	if (user) {
		r = read_ids(reader, user, false, rule, &set->uids, &set->n_uids);
		if (r < 0)
			return r;
	}
	group = yaml_get(map, "group");
	if (group && rule->verdict == VERDICT_DENY) {
		yaml_problem(reader->file, group, false, reader->problems,
			     "A rule that denies can't name a group: a caller can shed groups, and "
			     "would then pass. Deny by a default, and allow by group.");
	} else if (group) {
		r = read_ids(reader, group, true, rule, &set->gids, &set->n_gids);
		if (r < 0)
			return r;
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	return 0;
}

int rule_read_caller(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule)
{
	bool deny = rule->verdict == VERDICT_DENY;
	struct rule_part part;
	int r;

	/* What may stand here depends on it. */
	intern_key_bytes(reader->intern, &deny, sizeof(deny));
	intern_key_node(reader->intern, map);
	r = rule_part_find(reader, INTERN_CALLER, sizeof(*rule->caller), &part);
	if (r < 0)
		return r;
	rule->caller = part.value;
	if (part.known)
		return 0;
	return rule_part_keep(reader, &part, read_caller(reader, map, rule, part.value));
}

/* 0 with the pattern; -EINVAL and a problem; -ENOMEM. */
static int read_pattern(const struct rule_reader *reader, const struct yaml_node *node,
			const char *what, struct pattern *ret)
{
	const char *text, *star;
	struct pattern pattern;
	int r;

	r = yaml_read_string(reader->file, node, what, reader->problems, &text);
	if (r < 0)
		return r;
	star = strchr(text, '*');
	if (star && star[1] != '\0') {
		yaml_problem(reader->file, node, false, reader->problems,
			     "A \"*\" may only be the last character: \"%s\" is neither %s nor the "
			     "beginning of one.",
			     text, what);
		return -EINVAL;
	}
	for (const char *p = text; *p; p++)
		if (*p < ' ' || *p > '~') {
			yaml_problem(
				reader->file, node, false, reader->problems,
				"This can never match: the names of devices and commands are "
				"printable ASCII. A device's other characters were replaced by "
				"\"?\".");
			return -EINVAL;
		}
	pattern.prefix = star != NULL;
	pattern.text = pool_strndup(&reader->policy->pool, text,
				    star ? (size_t)(star - text) : strlen(text));
	if (!pattern.text)
		return -ENOMEM;
	*ret = pattern;
	return 0;
}

int rule_read_patterns(const struct rule_reader *reader, const struct yaml_node *node,
		       const char *what,
		       bool (*check)(const struct rule_reader *reader, const struct yaml_node *node,
				     const struct pattern *pattern),
		       struct pattern_list *list)
{
	size_t n = value_list_length(reader, node, what);

	if (n == 0)
		return 0;
	list->items = pool_alloc(&reader->policy->pool, n, sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = value_list_item(node, i);
		struct pattern *pattern = &list->items[list->n];
		int r = read_pattern(reader, item, what, pattern);

		if (r == -ENOMEM)
			return r;
		if (r == 0 && (!check || check(reader, item, pattern)))
			list->n++;
	}
	return 0;
}

static bool check_type(const struct rule_reader *reader, const struct yaml_node *node,
		       const struct pattern *pattern)
{
	struct suggestion suggestion = {.wrong = pattern->text};
	char names[NAME_LIST_MAX];
	struct name_list list = NAME_LIST(names);

	for (size_t i = 0; i < reader->catalogue->n_dialects; i++) {
		const char *name = reader->catalogue->dialects[i].name;

		if (pattern_matches(pattern, name))
			return true;
		suggestion_try(&suggestion, name);
		name_list_add(&list, name);
	}
	yaml_problem(reader->file, node, false, reader->problems,
		     "The catalogue has no device type \"%s\".%s It has: %s.", node->scalar,
		     suggestion_text(&suggestion), names);
	return false;
}

/* A domain of four or more digits, bus, device, function, as the kernel's pci_setup_device()
 * prints. */
static bool check_pci(const struct rule_reader *reader, const struct yaml_node *node,
		      const struct pattern *pattern)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = pattern->text;
	size_t domain = strspn(p, digits);
	bool good;

	if (pattern->prefix && p[domain] == '\0') {
		good = domain <= 8;
	} else {
		good = domain >= 4 && domain <= 8 && p[domain] == ':';
		p += good ? domain + 1 : 0;
		for (const char *form = "hh:hh.o"; good && *form; form++) {
			if (pattern->prefix && *p == '\0')
				break;
			good = *form == 'h'   ? *p && strchr(digits, *p)
			       : *form == 'o' ? *p >= '0' && *p <= '7'
					      : *p == *form;
			p += good;
		}
		good = good && *p == '\0';
	}
	if (!good)
		yaml_problem(
			reader->file, node, false, reader->problems,
			"\"%s\" is no PCI address; expected one like \"0000:3b:00.0\", with its "
			"domain and small letters, or the beginning of one and \"*\".",
			node->scalar);
	return good;
}

static int read_device(const struct rule_reader *reader, struct yaml_node *map,
		       struct device_set *set)
{
	static const char *const known[] = {"type",  "driver",	 "pci", "serial",
					    "model", "firmware", "nqn", NULL};
	static const struct {
		const char *what;
		bool (*check)(const struct rule_reader *reader, const struct yaml_node *node,
			      const struct pattern *pattern);
	} keys[_DEVICE_KEY_MAX] = {
		[DEVICE_TYPE] = {"a device type", check_type},
		[DEVICE_DRIVER] = {"a driver's name", NULL},
		[DEVICE_PCI] = {"a PCI address", check_pci},
		[DEVICE_SERIAL] = {"a serial number", NULL},
		[DEVICE_MODEL] = {"a model", NULL},
		[DEVICE_FIRMWARE] = {"a firmware version", NULL},
		[DEVICE_NQN] = {"an NVMe subsystem name", NULL},
	};

	if (map->kind != YAML_MAP || map->n_items == 0) {
		yaml_problem(
			reader->file, map, false, reader->problems,
			"A device is a map, like {type: nvme, model: \"QEMU*\"}. To match every "
			"device, leave the key out.");
		return 0;
	}
	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++) {
		const struct yaml_node *node = yaml_get(map, device_key_to_string(key));
		int r;

		if (!node)
			continue;
		r = rule_read_patterns(reader, node, keys[key].what, keys[key].check,
				       &set->keys[key]);
		if (r < 0)
			return r;
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	return 0;
}

int rule_read_device(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule)
{
	struct rule_part part;
	int r;

	intern_key_node(reader->intern, map);
	r = rule_part_find(reader, INTERN_DEVICE, sizeof(*rule->device), &part);
	if (r < 0)
		return r;
	rule->device = part.value;
	if (part.known)
		return 0;
	return rule_part_keep(reader, &part, read_device(reader, map, part.value));
}
