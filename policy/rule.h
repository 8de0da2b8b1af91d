/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One rule: from YAML to struct rule, and against another rule. For the policy loader alone. */

#include "policy/intern.h"
#include "policy/policy.h"
#include "policy/yaml.h"

#define RULES_MAX     200000u
#define RULE_LIST_MAX 1024u
#define RULE_ID_MAX   64u  /* bytes */
#define RULE_NOTE_MAX 256u /* bytes */
/* Commands of a rule times the values under its `where`: so many are made of them. */
#define RULE_CONDITIONS_MAX 4096u

/* Where a rule, or a part of it, is read from and where to. */
struct rule_reader {
	const struct yaml_file *file;
	const char *path; /* the policy's own string */
	const struct catalogue *catalogue;
	const struct command **commands; /* all of the catalogue, by full name */
	size_t n_commands;
	struct accounts *accounts;
	struct problems *problems;
	struct intern *intern;
	struct policy *policy; /* what is read becomes its own */
};

/*
 * Reads a rule. What is wrong is said in `problems`, and the rest is read nevertheless, so that one
 * load tells everything: a caller looks at problems->n_errors. -ENOMEM is the only failure.
 */
int rule_read(const struct rule_reader *reader, struct yaml_node *map, struct rule *ret);

/* A verdict; -EINVAL (and a problem) for anything else. */
int verdict_read(const struct rule_reader *reader, const struct yaml_node *node, enum verdict *ret);

/*
 * A list of patterns, as rule_read(). `check`, where it is not NULL, says what is wrong with one
 * and returns false.
 */
int rule_read_patterns(const struct rule_reader *reader, const struct yaml_node *node,
		       const char *what,
		       bool (*check)(const struct rule_reader *reader, const struct yaml_node *node,
				     const struct pattern *pattern),
		       struct pattern_list *list);

/*
 * A part that many rules have alike, read once: what stands under the key that was given to
 * intern_key_*(), or room of so many bytes that it is to be read into. 0 or -ENOMEM.
 */
struct rule_part {
	void *value;
	bool known;
	struct interned *entry;
	size_t n_problems; /* before it is read */
};
int rule_part_find(const struct rule_reader *reader, enum intern_kind kind, size_t size,
		   struct rule_part *ret);
/* It was read, with this result, which is returned: others share it where nothing is wrong with it.
 */
int rule_part_keep(const struct rule_reader *reader, struct rule_part *part, int r);

/* The parts of a rule, each from the value of its key. As rule_read(). */
int rule_read_caller(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
int rule_read_device(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
/* where NULL: the rule has none. */
int rule_read_commands(const struct rule_reader *reader, struct yaml_node *node,
		       struct yaml_node *where, struct rule *rule);
int rule_read_when(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);
void rule_read_limit(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule);

/* A command by its full name, or NULL. */
const struct command *rule_reader_command(const struct rule_reader *reader, const char *full_name);

/*
 * One value, or a list of them: where a list is expected a single scalar stands for a list of one.
 * 0 (and a problem) when there is nothing to read.
 */
size_t value_list_length(const struct rule_reader *reader, const struct yaml_node *node,
			 const char *what);
const struct yaml_node *value_list_item(const struct yaml_node *node, size_t index);

/*
 * An error where no device of the rule's types has any of its commands; warnings of exact commands
 * that it can never match, for their class or their hazards. 0 or -ENOMEM.
 */
int rule_check_commands(const struct rule_reader *reader, const struct yaml_node *map,
			const struct rule *rule);

/*
 * Does `earlier` match every request that `later` matches? Exact for two rules; what several
 * earlier ones do together is not looked at.
 */
bool rule_shadows(const struct rule *earlier, const struct rule *later);
