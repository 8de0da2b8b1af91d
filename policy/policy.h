/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A policy: class defaults and an ordered list of rules, loaded from folders of YAML files.
 * Constant after load. The language is written down in docs/fwctld.policy.5.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/accounts.h"
#include "policy/catalogue.h"
#include "policy/device.h"
#include "policy/pool.h"
#include "policy/problems.h"
#include "policy/zone.h"

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

/* What rules are about. Rules that say the same share one of these; they belong to the policy. */
struct caller_set {
	uid_t *uids; /* any of these, or of the groups */
	size_t n_uids;
	gid_t *gids;
	size_t n_gids;
};

struct device_set {
	struct pattern_list keys[_DEVICE_KEY_MAX]; /* all that are not empty */
};

struct command_set {
	struct pattern_list names; /* full names */
	/* Only with exact names: a condition for each, in their order. */
	struct condition *where;
	const struct command **commands; /* the command of each exact name; NULL of a prefix */
};

/* Days and hours of a zone. */
struct when {
	unsigned days;	   /* bit 0: Monday */
	unsigned from, to; /* minutes of the day; from >= to: until `to` of the day after */
	const struct zone *zone;
};
bool when_holds(const struct when *when, uint64_t realtime_usec);
bool when_has_minute(const struct when *when, unsigned minute); /* of the week, in its zone */

enum limit_by {
	LIMIT_BY_CALLER,
	LIMIT_BY_DEVICE,
	LIMIT_BY_RULE,
	_LIMIT_BY_MAX,
};
const char *limit_by_to_string(enum limit_by by);

#define LIMIT_COUNT_MAX	   1000u
#define LIMIT_PER_MAX_USEC (UINT64_C(31) * 24 * 60 * 60 * 1000 * 1000)

/* At most `count` uses in any span of `per_usec`. */
struct limit {
	unsigned count; /* 0: no limit */
	uint64_t per_usec;
	enum limit_by by;
};

#define SCOPE_ANY UINT_MAX

struct rule {
	char *id;
	const char *file; /* the policy's own string: "/etc/fwctld/policy.d/50-site.yaml" */
	unsigned line;
	unsigned column;
	char *note; /* NULL: none */
	enum verdict verdict;
	bool observe;  /* it never decides; what it would have decided is written down */
	bool disabled; /* it names an unknown user or group, and never matches */

	unsigned classes;   /* bit (1 << enum effect_class); 0: all */
	effect_set hazards; /* accepted ones; a rule that denies matches whatever they are */
	unsigned max_scope; /* of fwctl's scopes; SCOPE_ANY: no bound */
	const struct caller_set *caller;   /* NULL: everybody */
	const struct device_set *device;   /* NULL: every device */
	const struct command_set *command; /* NULL: every command */
	const struct when *when;	   /* NULL: always */
	struct limit limit;
};

struct policy {
	const struct catalogue *catalogue;
	struct rule *rules;
	size_t n_rules;
	struct rule_index *index;		 /* of the rules: which of them match */
	enum verdict class_defaults[_CLASS_MAX]; /* by enum effect_class */
	enum verdict
		hazard_defaults[_EFFECT_MAX]; /* by enum effect; meaningful for hazards alone */
	const char *defaults_at[_CLASS_MAX + _EFFECT_MAX]; /* "file:line" of a default, or NULL:
							      built in, deny */
	uint8_t digest[32]; /* SHA-256 over the base names and contents of the files, in order */
	const char **files; /* paths, as opened */
	size_t n_files;
	struct zone **zones; /* of the rules' `when`, each once */
	size_t n_zones;
	struct pool pool; /* of everything else */
};

/*
 * Merges *.yaml of the folders (NULL-terminated, later ones win over an equal file name; an empty
 * file masks), in the order of file names. All or nothing: 0, or -EBADMSG with every problem in
 * `problems`, or the errno of a file that can't be read. Warnings can come with success. The
 * catalogue must outlive the policy; the accounts need not. `trusted` as in yaml_file_load().
 */
int policy_load(const char *const *folders, bool trusted, const struct catalogue *catalogue,
		struct accounts *accounts, struct problems *problems, struct policy **ret);
/* The same for files that are named one by one, in this order. */
int policy_load_files(const char *const *paths, bool trusted, const struct catalogue *catalogue,
		      struct accounts *accounts, struct problems *problems, struct policy **ret);
/* The same for one file's text in memory; `name` stands for its path. */
int policy_load_text(const char *name, const char *text, size_t length,
		     const struct catalogue *catalogue, struct accounts *accounts,
		     struct problems *problems, struct policy **ret);
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
