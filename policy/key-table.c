/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/key-table.h"

#include <stdlib.h>

static struct key_slot *find_slot(struct key_slot *slots, uint32_t size, uint32_t key)
{
	uint32_t i = key & (size - 1);

	while (slots[i].value != 0 && slots[i].key != key)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

/* Half of the slots stay free: most of what is looked for is not there, and a free slot ends it. */
static int make_room(struct key_table *table)
{
	uint32_t size = table->size != 0 ? table->size * 2 : 16;
	struct key_slot *slots;

	if (table->n < table->size / 2)
		return 0;
	slots = size > table->size ? calloc(size, sizeof(*slots)) : NULL;
	if (!slots)
		return -1;
	for (uint32_t i = 0; i < table->size; i++)
		if (table->slots[i].value != 0)
			*find_slot(slots, size, table->slots[i].key) = table->slots[i];
	free(table->slots);
	table->slots = slots;
	table->size = size;
	return 0;
}

uint32_t *key_table_put(struct key_table *table, uint32_t key)
{
	struct key_slot *slot;

	if (make_room(table) < 0)
		return NULL;
	slot = find_slot(table->slots, table->size, key);
	if (slot->value == 0) {
		slot->key = key;
		table->n++;
	}
	return &slot->value;
}

void key_table_done(struct key_table *table)
{
	free(table->slots);
	*table = (struct key_table){};
}
