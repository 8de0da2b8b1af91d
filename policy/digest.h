/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The digest that stands for a request in audit records and polkit's prompt: of the device, the
 * canonical message and the data, so that two requests that would do the same have the same digest.
 */

#include <stdint.h>

#include "policy/classify.h"

#define DIGEST_SIZE	   32u
#define DIGEST_STRING_SIZE 65u

/*
 * SHA-256; but HMAC-SHA-256 with `key`, which is random and lives as long as the daemon, where a
 * secret field, or data that changes security state, could otherwise be guessed from the digest.
 */
void request_digest(const char *device_id, const struct classified *classified,
		    const uint8_t key[static DIGEST_SIZE], uint8_t ret[static DIGEST_SIZE]);

/* 64 hexadecimal digits. Returns the buffer. */
char *digest_to_string(const uint8_t digest[static DIGEST_SIZE],
		       char buffer[static DIGEST_STRING_SIZE]);
