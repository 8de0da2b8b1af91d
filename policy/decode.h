/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A response to names and values, where the catalogue knows the layout. The walk calls back, so
 * that one walk can fill a D-Bus message or print JSON. Nothing is read beyond the response: an
 * item that lies (partly) behind its end is left out.
 */

#include <stddef.h>
#include <stdint.h>

#include "policy/classify.h"

/* Each returns 0 or a negative errno, which ends the walk. One that is NULL is passed over. */
struct decode_visitor {
	/* name: of the value, or NULL; unit: or NULL */
	int (*number)(void *userdata, const char *item, uint64_t value, const char *name,
		      const char *unit);
	/* The same of a number that the layout calls signed. */
	int (*signed_number)(void *userdata, const char *item, int64_t value, const char *name,
			     const char *unit);
	/* A number of 9 to 16 bytes, as decimal digits. */
	int (*big_number)(void *userdata, const char *item, const char *digits, const char *unit);
	/* Printable ASCII; every other byte came as '?'. Also UUIDs. */
	int (*text)(void *userdata, const char *item, const char *text);
	int (*bytes)(void *userdata, const char *item, const void *data, size_t size);
	int (*begin_group)(void *userdata, const char *item);
	int (*begin_member)(void *userdata);
	int (*end_member)(void *userdata);
	int (*end_group)(void *userdata);
};

/* The layout for this request's response, or NULL. */
const struct layout *classified_layout(const struct classified *classified);

int decode(const struct layout *layout, const void *response, size_t length,
	   const struct decode_visitor *visitor, void *userdata);
