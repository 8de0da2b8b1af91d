/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/intern.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static void keep(void *entry)
{
}

void intern_done(struct intern *intern)
{
	for (unsigned kind = 0; kind < _INTERN_MAX; kind++)
		tdestroy(intern->trees[kind], keep);
	pool_done(&intern->pool);
	free(intern->key);
	*intern = (struct intern){};
}

void intern_key_bytes(struct intern *intern, const void *bytes, size_t length)
{
	if (length > intern->capacity - intern->length) {
		size_t grown = (intern->length + length) * 2;
		char *key = realloc(intern->key, grown);

		if (!key) {
			intern->failed = true;
			return;
		}
		intern->key = key;
		intern->capacity = grown;
	}
	memcpy(intern->key + intern->length, bytes, length);
	intern->length += length;
}

/*
 * A letter says what comes; a scalar, which holds no NUL, ends with one. So no two trees have one
 * key. Depth is bounded by YAML_DEPTH_MAX.
 */
void intern_key_node(struct intern *intern, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR) {
		intern_key_bytes(intern, node->quoted ? "q" : "s", 1);
		intern_key_bytes(intern, node->scalar, strlen(node->scalar) + 1);
		return;
	}
	intern_key_bytes(intern, node->kind == YAML_LIST ? "[" : "{", 1);
	for (size_t i = 0; i < node->n_items; i++) {
		if (node->items[i].key)
			intern_key_node(intern, node->items[i].key);
		intern_key_node(intern, node->items[i].value);
	}
	intern_key_bytes(intern, "]", 1);
}

static int compare(const void *a, const void *b)
{
	const struct interned *x = a, *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->key, y->key, x->length);
}

struct interned *intern_find(struct intern *intern, enum intern_kind kind)
{
	const struct interned wanted = {.key = intern->key, .length = intern->length};
	struct interned *entry, **found;

	intern->length = 0;
	if (intern->failed)
		return NULL;
	found = tfind(&wanted, &intern->trees[kind], compare);
	if (found)
		return *found;
	entry = pool_alloc(&intern->pool, 1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->length = wanted.length;
	entry->key = pool_strndup(&intern->pool, wanted.key, wanted.length);
	if (!entry->key || !tsearch(entry, &intern->trees[kind], compare))
		return NULL;
	return entry;
}
