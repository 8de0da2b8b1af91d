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

static int file_set(struct device_index *index, const struct device_set *set, enum device_key key)
{
	const struct pattern_list *list = &set->keys[key];

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
	for (size_t i = 0; i < n; i++) {
		r = file_set(index, sets[i], rarest_key(sets[i], &counts));
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

/* All lists but the one that it is filed under. */
static bool set_fits(const struct device_set *set, enum device_key filed,
		     const char *const texts[_DEVICE_KEY_MAX])
{
	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		if (key != filed && set->keys[key].n > 0 &&
		    !pattern_list_matches(&set->keys[key], texts[key]))
			return false;
	return true;
}

/* What a search has found. */
struct found {
	const char *const *texts;
	const struct device_set **sets;
	size_t max, n;
};

/* Sets filed under a key, from this entry on. False: there is no room for another one. */
static bool find_filed(const struct device_index *index, enum device_key key, uint32_t i,
		       struct found *found)
{
	for (; i != 0; i = index->entries[i].next) {
		const struct device_set *set = index->entries[i].set;

		if (!set_fits(set, key, found->texts))
			continue;
		if (found->n == found->max)
			return false;
		found->sets[found->n++] = set;
	}
	return true;
}

static bool find_by_key(const struct device_index *index, enum device_key key, struct found *found)
{
	const uint64_t *lengths = index->keys[key].lengths;
	const char *text = found->texts[key];
	uint64_t hash = TEXT_HASH_START;
	uint32_t entry;

	for (size_t i = 0;; i++) {
		if (i <= PREFIX_FILED_MAX && lengths[i / 64] >> i % 64 & 1) {
			entry = key_table_get(&index->patterns, filed_key(key, true, hash));
			if (entry != 0 && !find_filed(index, key, entry, found))
				return false;
		}
		if (text[i] == '\0')
			break;
		hash = text_hash_step(hash, text[i]);
	}
	entry = key_table_get(&index->patterns, filed_key(key, false, hash));
	return find_filed(index, key, entry, found);
}

bool device_index_find(const struct device_index *index, const char *const texts[_DEVICE_KEY_MAX],
		       const struct device_set **ret_sets, size_t max, size_t *ret_n)
{
	struct found found = {.texts = texts, .sets = ret_sets, .max = max};

	for (enum device_key key = 0; key < _DEVICE_KEY_MAX; key++)
		if (index->keys[key].used && !find_by_key(index, key, &found))
			return false;
	*ret_n = found.n;
	return true;
}
