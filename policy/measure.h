/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How many bytes a request moves: to the device, from it, and by each pointer in its message. They
 * follow from the parsed fields alone; what a client gave must be exactly as long.
 */

#include <stddef.h>
#include <stdint.h>

#include "policy/classify.h"

/* What a client gave, under one name. */
struct given {
	const uint8_t *message;
	size_t message_length;
	const uint8_t *data;
	size_t data_length;
};

/*
 * Fills request, response and segments of `c`, whose command, values and effects are known. Its
 * errors are classify()'s.
 */
int measure(struct classified *c, const struct given *given, struct refusal *ret_refusal);
