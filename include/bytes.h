/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bounds-checked access to byte strings of either byte order. libc only.
 *
 * bytes_get() and bytes_put() move an unsigned integer of 1 to 8 bytes; they return false, and
 * touch nothing, when it does not lie wholly within the buffer.
 *
 * struct bytes_writer fills a buffer from front to back. It remembers the first overflow instead of
 * reporting each, so that a writer of twenty fields checks once, at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum byte_order {
	BYTES_LITTLE,
	BYTES_BIG,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	BYTES_HOST = BYTES_LITTLE,
#else
	BYTES_HOST = BYTES_BIG,
#endif
};

static inline bool bytes_within(size_t length, size_t offset, size_t size)
{
	return offset <= length && size <= length - offset;
}

static inline bool bytes_get(const void *buffer, size_t length, size_t offset, size_t size,
			     enum byte_order order, uint64_t *ret)
{
	const uint8_t *p = buffer;
	uint64_t value = 0;

	if (size < 1 || size > 8 || !bytes_within(length, offset, size))
		return false;
	p += offset;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | p[order == BYTES_BIG ? i : size - 1 - i];
	*ret = value;
	return true;
}

static inline bool bytes_put(void *buffer, size_t length, size_t offset, size_t size,
			     enum byte_order order, uint64_t value)
{
	uint8_t *p = buffer;

	if (size < 1 || size > 8 || !bytes_within(length, offset, size))
		return false;
	p += offset;
	for (size_t i = 0; i < size; i++)
		p[order == BYTES_BIG ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
	return true;
}

static inline bool bytes_zero(const void *buffer, size_t length)
{
	const uint8_t *p = buffer;

	for (size_t i = 0; i < length; i++)
		if (p[i] != 0)
			return false;
	return true;
}

struct bytes_writer {
	uint8_t *buffer;
	size_t capacity;
	size_t length; /* bytes written so far, never above capacity */
	bool overflow; /* something did not fit; what came after it was dropped */
};

static inline void bytes_append(struct bytes_writer *w, const void *data, size_t size)
{
	if (w->overflow || size > w->capacity - w->length) {
		w->overflow = true;
		return;
	}
	if (size > 0)
		memcpy(w->buffer + w->length, data, size);
	w->length += size;
}
