/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A strict reading of one YAML file into a tree. libyaml parses; this refuses what a configuration
 * file has no use for and an attacker has: aliases, anchors, tags, several documents, duplicate
 * keys, keys that are no scalars, NUL bytes, more than YAML_DEPTH_MAX levels, YAML_NODES_MAX
 * values, YAML_KEYS_MAX keys of one map or YAML_SIZE_MAX bytes.
 *
 * Every node knows its line and column. The tree is freed as a whole. Errors go to `problems`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/pool.h"
#include "policy/problems.h"

#define YAML_DEPTH_MAX 16
#define YAML_SIZE_MAX  (4u * 1024u * 1024u)
#define YAML_NODES_MAX (64u * 1024u) /* keys count, too */
#define YAML_KEYS_MAX  1024u

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
};

struct yaml_item;

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;	    /* a scalar written in quotes is a string, whatever it looks like */
	unsigned line;	    /* from 1 */
	unsigned column;    /* from 1 */
	const char *scalar; /* YAML_SCALAR: NUL-terminated */
	struct yaml_item *items;
	size_t n_items;
};

struct yaml_item {
	struct yaml_node *key; /* a scalar; NULL in a list */
	struct yaml_node *value;
	bool used; /* set by yaml_get(); yaml_refuse_unused() reports the rest */
};

struct yaml_file {
	const char *path;	/* as opened: what messages say */
	struct yaml_node *root; /* NULL: the file is empty (or only comments) */
	struct pool pool;	/* of all that */
	bool flawed;		/* there were errors; what stands in the tree may not be meant so */
	char *text;		/* what was read, for a digest; length bytes and a NUL */
	size_t length;
};

/*
 * 0; -EBADMSG when the content can't be made a tree; otherwise the errno of reading the file. All
 * of it is said in `problems`. So are errors that leave a tree, such as a tag: these come with 0,
 * so that the rest of the file is looked at, and a caller looks at problems->n_errors in the end.
 * `trusted`: the file must be a regular file of root (or of the effective user, for unprivileged
 * tools) and writable by no one else; else -EPERM.
 */
int yaml_file_load(const char *path, bool trusted, struct problems *problems,
		   struct yaml_file **ret);
/* The same for text in memory; `path` only names it. */
int yaml_text_load(const char *path, const char *text, size_t length, struct problems *problems,
		   struct yaml_file **ret);
struct yaml_file *yaml_file_free(struct yaml_file *file);

/* An error or a warning at a node. */
void yaml_problem(const struct yaml_file *file, const struct yaml_node *node, bool warning,
		  struct problems *problems, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The value of a key of a map, marked as used; NULL when there is none. */
struct yaml_node *yaml_get(struct yaml_node *map, const char *key);
/*
 * An error for every key of the map that yaml_get() was never asked for, with the nearest of
 * `known` (NULL-terminated) as a suggestion.
 */
int yaml_refuse_unused(const struct yaml_file *file, struct yaml_node *map,
		       const char *const *known, struct problems *problems);

/* Scalars. 0, or -EINVAL with a problem that says what was expected (`what`: "an opcode", ...). */
int yaml_read_string(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		     struct problems *problems, const char **ret);
/* Decimal or 0x hexadecimal, no sign, at most `max`. */
int yaml_read_uint(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		   uint64_t max, struct problems *problems, uint64_t *ret);
/* true or false, and nothing else: YAML's yes, no, on and off are errors. */
int yaml_read_bool(const struct yaml_file *file, const struct yaml_node *node, const char *what,
		   struct problems *problems, bool *ret);

/* Decimal or 0x hexadecimal, whole string, no sign, no space. False when it is none. */
bool parse_uint(const char *string, uint64_t *ret);
/* Why it is none, as a sentence to put behind a message (" ..."); "" where there is nothing to say.
 */
const char *parse_uint_hint(const char *string);
/* 8-4-4-4-12 hexadecimal digits to 16 bytes in the order printed. False when it is none. */
bool parse_uuid(const char *string, uint8_t ret[static 16]);
