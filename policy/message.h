/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The canonical message: the one way in which fwctld writes a command, from the catalogue's
 * template and values alone. Encoding, packing and digests share it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"

/*
 * Writes command->message_size bytes; `values` has one value a field. False when a value does not
 * fit its field, or the catalogue gives a message that fwctld has no room for.
 */
bool message_write(const struct command *command, const union field_value *values,
		   uint8_t head[static MESSAGE_HEAD_MAX]);

/* One number that stands in a buffer; false when it does not lie within. */
bool part_get(const struct field_part *part, const void *buffer, size_t length, uint64_t *ret);
bool part_put(const struct field_part *part, void *buffer, size_t length, uint64_t value);
