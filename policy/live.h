/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the device itself reports about its commands' effects. classify() adds it; it only ever
 * worsens. One source so far: the feature entries of CXL Get Supported Features, by UUID.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/effect.h"

#define LIVE_ENTRIES_MAX 64u

struct live_effects {
	struct live_entry {
		uint8_t key[16];
		effect_set effects;
		bool doubtful; /* reserved bits, no change bit, not changeable: destructive */
	} entries[LIVE_ENTRIES_MAX];
	size_t n_entries;
};

const struct live_entry *live_find(const struct live_effects *live, const uint8_t key[static 16]);

/*
 * Reads the payload of a CXL Get Supported Features answer (from byte 8 of `out`): le16 entries,
 * le16 total, 4 reserved, 48-byte entries. -EBADMSG when it is shorter than it says.
 */
int live_read_cxl_features(const void *payload, size_t length, struct live_effects *ret);
