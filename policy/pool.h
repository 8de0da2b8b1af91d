/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory for many small things that live and die together: a file's tree, a policy. They are freed
 * by as many calls as there are blocks, so that 100,000 rules don't hold up who frees them.
 * (obstack(3) would do, but ends the process when there is no memory.)
 */

#include <stddef.h>

struct pool_block;

/* Zero is the empty pool. */
struct pool {
	struct pool_block *blocks; /* the one that is being filled first */
};

struct pool_mark {
	struct pool_block *block;
	size_t used;
};

void pool_done(struct pool *pool);

/* For a search that goes on and back again: what was taken since the mark is given back. */
struct pool_mark pool_mark(const struct pool *pool);
void pool_release(struct pool *pool, struct pool_mark mark);

/* Zeroed room for n things of `size` bytes, aligned for pointers and 64-bit numbers; or NULL. */
void *pool_alloc(struct pool *pool, size_t n, size_t size) __attribute__((alloc_size(2, 3)));
/* The same, with the bytes of n such things (of none, `source` can be NULL). */
void *pool_copy(struct pool *pool, const void *source, size_t n, size_t size);
/* A copy of `length` bytes, and a NUL behind them; or NULL. */
char *pool_strndup(struct pool *pool, const char *text, size_t length);
char *pool_strdup(struct pool *pool, const char *text);
