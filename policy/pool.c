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
	struct pool_block *next; /* the one filled before */
	size_t used, size;	 /* of `data`, in bytes */
	_Alignas(uint64_t) unsigned char data[];
};

struct pool_mark pool_mark(const struct pool *pool)
{
	return (struct pool_mark){
		.block = pool->blocks,
		.used = pool->blocks ? pool->blocks->used : 0,
	};
}

void pool_release(struct pool *pool, struct pool_mark mark)
{
	while (pool->blocks != mark.block) {
		struct pool_block *block = pool->blocks;

		pool->blocks = block->next;
		free(block);
	}
	if (pool->blocks)
		pool->blocks->used = mark.used;
}

void pool_done(struct pool *pool)
{
	pool_release(pool, (struct pool_mark){});
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
		size_t block_size = wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE;

		block = malloc(sizeof(*block) + block_size);
		if (!block)
			return NULL;
		*block = (struct pool_block){.next = pool->blocks, .size = block_size};
		pool->blocks = block;
	}
	room = block->data + block->used;
	block->used += wanted;
	return memset(room, 0, wanted);
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
