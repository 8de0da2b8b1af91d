/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One rule: from YAML to struct rule, and against another rule. For the policy loader alone. */

#include "policy/policy.h"
#include "policy/yaml.h"

/* Each rule is compared with every rule before it, so their number and size have bounds. */
#define RULES_MAX     4096u
#define RULE_LIST_MAX 1024u
#define RULE_ID_MAX   64u  /* bytes */
#define RULE_NOTE_MAX 256u /* bytes */

/* Where a rule, or a part of it, is read from and where to. */
struct rule_reader {
	const struct yaml_file *file;
	const struct catalogue *catalogue;
	struct accounts *accounts;
	struct problems *problems;
};

/*
 * Reads a rule; `file` is its path, which it keeps. What is wrong is said in `problems`, and the
 * rest is read nevertheless, so that one load tells everything: a caller looks at
 * problems->n_errors. -ENOMEM is the only failure; `ret` is then untouched.
 */
int rule_read(const struct rule_reader *reader, const char *file, struct yaml_node *map,
	      struct rule *ret);
void rule_done(struct rule *rule);

/* A verdict; -EINVAL (and a problem) for anything else. */
int verdict_read(const struct rule_reader *reader, const struct yaml_node *node, enum verdict *ret);

/*
 * The parts of a rule, each from the value of its key. As rule_read(), and they leave what they
 * allocated in the rule even when they fail, for rule_done().
 */
int rule_read_caller(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
int rule_read_device(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
int rule_read_commands(const struct rule_reader *reader, struct yaml_node *node, struct rule *rule);
int rule_read_when(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
void rule_read_limit(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);

/*
 * One value, or a list of them: where a list is expected a single scalar stands for a list of one.
 * 0 (and a problem) when there is nothing to read.
 */
size_t value_list_length(const struct rule_reader *reader, const struct yaml_node *node,
			 const char *what);
const struct yaml_node *value_list_item(const struct yaml_node *node, size_t index);

/* Warns of exact commands that the rule can never match, for their class or their hazards. */
void rule_check_commands(const struct rule_reader *reader, const struct yaml_node *map,
			 const struct rule *rule);

/*
 * Does `earlier` match every request that `later` matches? Exact for two rules; what several
 * earlier ones do together is not looked at.
 */
bool rule_shadows(const struct rule *earlier, const struct rule *later);
