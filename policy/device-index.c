/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/device-index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

static uint32_t filed_key(enum device_key key, bool prefix, uint64_t hash)
{
	return key_hash((uint32_t)key << 1 | prefix, hash);
}

static size_t prefix_length(const struct pattern *pattern)
{
	return strnlen(pattern->text, PREFIX_FILED_MAX);
}

static uint32_t pattern_key(enum device_key key, const struct pattern *pattern)
{
	size_t length = pattern->prefix ? prefix_length(pattern) : strlen(pattern->text);
	uint64_t hash = TEXT_HASH_START;

	for (size_t i = 0; i < length; i++)
		hash = text_hash_step(hash, pattern->text[i]);
	return filed_key(key, pattern->prefix, hash);
}

/* How many sets have each pattern. */
static int count_patterns(const struct device_set *set, struct key_table *counts)
{
	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		for (size_t i = 0; i < set->keys[key].n; i++) {
			uint32_t *count =
				key_table_put(counts, pattern_key(key, &set->keys[key].items[i]));

			if (!count)
				return -ENOMEM;
			(*count)++;
		}
	return 0;
}

/* The key to file a set under. It has one: a set without any list does not exist. */
static enum device_key rarest_key(const struct device_set *set, const struct key_table *counts)
{
	enum device_key rarest = 0;
	uint64_t least = UINT64_MAX;

	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++) {
		uint64_t count = 0;

		for (size_t i = 0; i < set->keys[key].n; i++)
			count += key_table_get(counts, pattern_key(key, &set->keys[key].items[i]));
		if (count > 0 && count < least) {
			least = count;
			rarest = key;
		}
	}
	return rarest;
}

static int file_set(struct device_index *index, uint32_t set, enum device_key key,
		    const struct pattern_list *list)
{
	index->keys[key].used = true;
	for (size_t i = 0; i < list->n; i++) {
		const struct pattern *pattern = &list->items[i];
		struct device_entry *entry = &index->entries[index->n_entries];
		uint32_t *first = key_table_put(&index->patterns, pattern_key(key, pattern));

		if (!first)
			return -ENOMEM;
		*entry = (struct device_entry){.set = set, .next = *first};
		*first = index->n_entries++;
		if (pattern->prefix) {
			size_t length = prefix_length(pattern);

			index->keys[key].lengths[length / 64] |= UINT64_C(1) << length % 64;
		}
	}
	return 0;
}

int device_index_init(struct device_index *index, const struct device_set *const *sets, size_t n)
{
	_cleanup_(key_table_done) struct key_table counts = {};
	size_t n_entries = 1;
	int r;

	*index = (struct device_index){.n_entries = 1};
	for (size_t i = 0; i < n; i++) {
		r = count_patterns(sets[i], &counts);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++)
		n_entries += sets[i]->keys[rarest_key(sets[i], &counts)].n;
	if (n_entries > UINT32_MAX)
		return -ENOMEM;
	index->entries = calloc(n_entries, sizeof(*index->entries));
	if (!index->entries)
		return -ENOMEM;
	/* So that of those under one pattern the first comes first: mostly, an early rule's. */
	for (size_t i = n; i-- > 0;) {
		enum device_key key = rarest_key(sets[i], &counts);

		r = file_set(index, (uint32_t)i, key, &sets[i]->keys[key]);
		if (r < 0)
			return r;
	}
	return 0;
}

void device_index_done(struct device_index *index)
{
	free(index->entries);
	key_table_done(&index->patterns);
	*index = (struct device_index){};
}

/* What a search calls, and with what. */
struct finder {
	void (*found)(uint32_t set, void *userdata);
	void *userdata;
};

static inline void find_under(const struct device_index *index, uint32_t key,
			      const struct finder *finder)
{
	for (uint32_t i = key_table_get(&index->patterns, key); i != 0; i = index->entries[i].next)
		finder->found(index->entries[i].set, finder->userdata);
}

static void find_by_key(const struct device_index *index, enum device_key key, const char *text,
			const struct finder *finder)
{
	const uint64_t *lengths = index->keys[key].lengths;
	uint64_t hash = TEXT_HASH_START;

	for (size_t i = 0;; i++) {
		if (i <= PREFIX_FILED_MAX && lengths[i / 64] >> i % 64 & 1)
			find_under(index, filed_key(key, true, hash), finder);
		if (text[i] == '\0')
			break;
		hash = text_hash_step(hash, text[i]);
	}
	find_under(index, filed_key(key, false, hash), finder);
}

void device_index_find(const struct device_index *index, const char *const texts[_DEVICE_KEY_MAX],
		       void (*found)(uint32_t set, void *userdata), void *userdata)
{
	const struct finder finder = {found, userdata};

	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		if (index->keys[key].used)
			find_by_key(index, key, texts[key], &finder);
}
