/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Above malloc()'s threshold for mmap(): a block that is freed goes back to the kernel, and leaves
 * no hole between what lives longer. Of one that is not full the kernel gives only the pages used.
 */
#define BLOCK_SIZE (256u * 1024u - sizeof(struct pool_block) - 16u) /* with what malloc() adds */
#define ALIGNMENT  sizeof(uint64_t)

struct pool_block {
	struct pool_block *next;
	size_t used, size; /* of `data`, in bytes */
	_Alignas(uint64_t) unsigned char data[];
};

void pool_done(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;

		pool->blocks = block->next;
		free(block);
	}
}

static struct pool_block *block_new(size_t size)
{
	struct pool_block *block = calloc(1, sizeof(*block) + size);

	if (block)
		block->size = size;
	return block;
}

void *pool_alloc(struct pool *pool, size_t n, size_t size)
{
	struct pool_block *block = pool->blocks;
	size_t wanted;
	void *room;

	if (__builtin_mul_overflow(n, size, &wanted) || wanted > SIZE_MAX / 2)
		return NULL;
	wanted = (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || wanted > block->size - block->used) {
		struct pool_block *fresh = block_new(wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE);

		if (!fresh)
			return NULL;
		/* What is too large for a block gets its own, and the one begun is filled further.
		 */
		if (block && wanted > BLOCK_SIZE) {
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			pool->blocks = fresh;
		}
		block = fresh;
	}
	room = block->data + block->used;
	block->used += wanted;
	return room;
}

void *pool_copy(struct pool *pool, const void *source, size_t n, size_t size)
{
	void *copy = pool_alloc(pool, n, size);

	if (copy && n > 0)
		memcpy(copy, source, n * size);
	return copy;
}

char *pool_strndup(struct pool *pool, const char *text, size_t length)
{
	char *copy = pool_alloc(pool, length + 1, 1);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

char *pool_strdup(struct pool *pool, const char *text)
{
	return pool_strndup(pool, text, strlen(text));
}
