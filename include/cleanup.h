/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scope-bound cleanup, for every process and library of the tree. libc only.
 *
 *     _cleanup_close_ int fd = -EBADF;
 *     _cleanup_free_ char *text = NULL;
 *     _cleanup_(policy_unrefp) struct policy *policy = NULL;
 *
 * TAKE_PTR() and TAKE_FD() hand ownership on and leave the variable empty.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		typeof(p) *_taken_from = &(p);                                                     \
		typeof(p) _taken = *_taken_from;                                                   \
		*_taken_from = NULL;                                                               \
		_taken;                                                                            \
	})

#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *_taken_from = &(fd);                                                          \
		int _taken = *_taken_from;                                                         \
		*_taken_from = -EBADF;                                                             \
		_taken;                                                                            \
	})

/* Defines FUNCp(), which a cleanup attribute can call on a pointer variable. */
#define DEFINE_CLEANUP(type, func)                                                                 \
	static inline void func##p(type *p)                                                        \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

/* Keeps errno, so that it can run on the way out of a failing function. Returns the empty fd. */
static inline int safe_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void close_pointer(int *fd)
{
	safe_close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)

#define _cleanup_free_	 _cleanup_(free_pointer)
#define _cleanup_close_	 _cleanup_(close_pointer)
#define _cleanup_fclose_ _cleanup_(fclosep)
