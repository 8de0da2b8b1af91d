/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From 32 hashed bits to a number: what the index of the rules is made of. Keys whose bits happen
 * to be equal are one key to it, so it suits only a caller to whom finding too much does no harm.
 */

#include <stddef.h>
#include <stdint.h>

struct key_table {
	struct key_slot {
		uint32_t key;
		uint32_t value; /* 0: the slot is free */
	} * slots;
	uint32_t size; /* a power of two, or 0 */
	uint32_t n;
};

/* The slot of the key; a new one's value is 0 and has to be set before the next call. NULL: no
 * memory. The pointer holds until then, too. */
uint32_t *key_table_put(struct key_table *table, uint32_t key);
void key_table_done(struct key_table *table);

/* Two rounds of multiplication, so that every bit of both counts for every bit of the result. */
static inline uint32_t key_hash(uint32_t seed, uint64_t value)
{
	value *= 0x9e3779b97f4a7c15ULL;
	value = ((value ^ value >> 32) + seed) * 0xd6e8feb86659fd93ULL;
	return (uint32_t)(value >> 32);
}

/* FNV-1a of a text, by which the hash of a beginning goes on to that of the text. */
#define TEXT_HASH_START 0xcbf29ce484222325ULL

static inline uint64_t text_hash_step(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x100000001b3ULL;
}

/* 0: not there. */
static inline uint32_t key_table_get(const struct key_table *table, uint32_t key)
{
	if (table->size == 0)
		return 0;
	for (uint32_t i = key & (table->size - 1);; i = (i + 1) & (table->size - 1)) {
		const struct key_slot *slot = &table->slots[i];

		if (slot->key == key || slot->value == 0)
			return slot->value;
	}
}
