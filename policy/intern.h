/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was read already, by what stands in the file. Many rules say the same of their callers,
 * devices and commands: it is read once, and they share it. For the policy loader alone.
 *
 *     intern_key_node(intern, node);
 *     entry = intern_find(intern, INTERN_DEVICE);
 *     if (entry->value)
 *             ... that is it ...
 *     ... read it, and where nothing was wrong with it:
 *     entry->value = set;
 */

#include "policy/pool.h"
#include "policy/yaml.h"

enum intern_kind {
	INTERN_ID,
	INTERN_CALLER,
	INTERN_DEVICE,
	INTERN_COMMAND,
	INTERN_WHEN,
	INTERN_ZONE,
	INTERN_CHECKED, /* rules about which there is nothing to warn of */
	_INTERN_MAX,
};

struct interned {
	const void *value; /* NULL: not known yet */
	const char *key;   /* of `length` bytes */
	size_t length;
};

/* Zero is the empty one. */
struct intern {
	struct pool pool;
	void *trees[_INTERN_MAX]; /* tsearch(): no hash that a file could be made to collide in */
	char *key;		  /* what the next intern_find() looks for */
	size_t length, capacity;
	bool failed; /* there was no memory for it */
};

void intern_done(struct intern *intern);

/* The key is what these add, one after the other. Two keys are equal when all of it is. */
void intern_key_bytes(struct intern *intern, const void *bytes, size_t length);
void intern_key_node(struct intern *intern, const struct yaml_node *node);
/* What stands under that key, which is used up. NULL: no memory. */
struct interned *intern_find(struct intern *intern, enum intern_kind kind);
