/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A policy: class defaults and an ordered list of rules, loaded from folders of YAML files.
 * Constant after load. The language is written down in docs/fwctld.policy.5.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/catalogue.h"
#include "policy/problems.h"

/* Zero means deny. */
enum verdict {
	VERDICT_DENY = 0,
	VERDICT_ALLOW,
	VERDICT_AUTHENTICATE,
	_VERDICT_MAX,
};

const char *verdict_to_string(enum verdict verdict);
int verdict_from_string(const char *string); /* or -EINVAL */

/* A pattern is exact, or a prefix: it ended in `*`. */
struct pattern {
	char *text; /* without the `*` */
	bool prefix;
};
bool pattern_matches(const struct pattern *pattern, const char *string);

struct pattern_list {
	struct pattern *items; /* any of them; none at all: everything */
	size_t n;
};
bool pattern_list_matches(const struct pattern_list *list, const char *string);

struct rule {
	char *id;
	char *file; /* base of `RULE_AT`: "/etc/fwctld/policy.d/50-site.yaml" */
	unsigned line;
	unsigned column;
	char *note; /* NULL: none */
	enum verdict verdict;
	bool disabled; /* an allow rule that names an unknown user or group: it never matches */

	unsigned classes;   /* bit (1 << enum effect_class); 0: all */
	effect_set hazards; /* accepted ones */
	uid_t *uids;
	size_t n_uids;
	gid_t *gids;
	size_t n_gids; /* caller: none of both: everybody; else any of them */
	bool any_caller;
	struct pattern_list type, driver, pci, serial, model, firmware,
		nqn;		      /* device: all of them */
	struct pattern_list commands; /* full names */
	/* Only with exact command names: a condition for each, in the order of `commands`. */
	struct condition *where;
	/* With `where`: the command that each condition was made for. Another one's fields are
	 * others. */
	const struct command **where_commands;
};

struct policy {
	struct rule *rules;
	size_t n_rules;
	enum verdict class_defaults[_CLASS_MAX]; /* by enum effect_class */
	enum verdict
		hazard_defaults[_EFFECT_MAX]; /* by enum effect; meaningful for hazards alone */
	char *defaults_at[_CLASS_MAX +
			  _EFFECT_MAX]; /* "file:line" of a default, or NULL: built in, deny */
	uint8_t digest[32]; /* SHA-256 over the base names and contents of the files, in order */
	size_t n_files;
};

/*
 * Merges *.yaml of the folders (NULL-terminated, later ones win over an equal file name; an empty
 * file masks), in the order of file names. All or nothing: 0, or -EBADMSG with every problem in
 * `problems`, or the errno of a file that can't be read. Warnings can come with success. The
 * catalogue must outlive the policy. `trusted` as in yaml_file_load().
 */
int policy_load(const char *const *folders, bool trusted, const struct catalogue *catalogue,
		struct problems *problems, struct policy **ret);
/* The same for files that are named one by one, in this order. */
int policy_load_files(const char *const *paths, bool trusted, const struct catalogue *catalogue,
		      struct problems *problems, struct policy **ret);
/* The same for one file's text in memory; `name` stands for its path. */
int policy_load_text(const char *name, const char *text, size_t length,
		     const struct catalogue *catalogue, struct problems *problems,
		     struct policy **ret);
struct policy *policy_free(struct policy *policy);

/* The index into defaults_at of a class's or a hazard's default. */
static inline unsigned policy_default_at_class(enum effect_class class)
{
	return class;
}
static inline unsigned policy_default_at_hazard(enum effect hazard)
{
	return _CLASS_MAX + hazard;
}
