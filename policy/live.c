/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/live.h"

#include <errno.h>
#include <string.h>

#include "include/bytes.h"

/*
 * CXL's command effects word: CXL 3.1 section 8.2.10.5.2.1, and the kernel's reading of it in
 * drivers/cxl/core/features.c. Bits 7 and 8 (secondary mailbox, abort supported) say nothing of
 * harm. Bit 9 only declares bits 10 and 11 valid; the kernel counts them without it, so they count
 * here.
 */
static const effect_set cxl_effects[16] = {
	[0] = EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), /* cold */
	[1] = EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE),
	[2] = EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE),
	[3] = EFFECT_BIT(EFFECT_IMMEDIATE_POLICY_CHANGE),
	[4] = EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE),
	[5] = EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE),
	[6] = EFFECT_BIT(EFFECT_BACKGROUND_OPERATION),
	[10] = EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), /* conventional */
	[11] = EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET), /* CXL */
};
#define CXL_EFFECTS_CHANGE   0x0c1fu /* what a Set Feature can do at all */
#define CXL_EFFECTS_RESERVED 0xf000u

#define CXL_FEATURES_HEADER    8u  /* bytes: le16 entries, le16 total, 4 reserved */
#define CXL_FEATURE_ENTRY      48u /* bytes: UUID, ..., le32 flags at 22, le16 effects at 28, ... */
#define CXL_FEATURE_CHANGEABLE 1u

/* live->n_entries when it is not there. */
static size_t find_index(const struct live_effects *live, const uint8_t key[static 16])
{
	size_t i;

	for (i = 0; i < live->n_entries; i++)
		if (memcmp(live->entries[i].key, key, sizeof(live->entries[i].key)) == 0)
			break;
	return i;
}

const struct live_entry *live_find(const struct live_effects *live, const uint8_t key[static 16])
{
	size_t i = find_index(live, key);

	return i < live->n_entries ? &live->entries[i] : NULL;
}

static struct live_entry read_cxl_feature(const uint8_t *bytes)
{
	struct live_entry entry = {};
	uint64_t flags = 0, word = 0;

	memcpy(entry.key, bytes, sizeof(entry.key));
	bytes_get(bytes, CXL_FEATURE_ENTRY, 22, 4, BYTES_LITTLE, &flags);
	bytes_get(bytes, CXL_FEATURE_ENTRY, 28, 2, BYTES_LITTLE, &word);
	for (unsigned i = 0; i < 16; i++)
		if (word & 1u << i)
			entry.effects |= cxl_effects[i];
	entry.doubtful = !(flags & CXL_FEATURE_CHANGEABLE) || !(word & CXL_EFFECTS_CHANGE) ||
			 (word & CXL_EFFECTS_RESERVED);
	return entry;
}

int live_read_cxl_features(const void *payload, size_t length, struct live_effects *ret)
{
	const uint8_t *bytes = payload;
	struct live_effects live = {};
	uint64_t n;

	if (length < CXL_FEATURES_HEADER || !bytes_get(payload, length, 0, 2, BYTES_LITTLE, &n) ||
	    n * CXL_FEATURE_ENTRY > length - CXL_FEATURES_HEADER)
		return -EBADMSG;

	for (size_t i = 0; i < n; i++) {
		struct live_entry entry =
			read_cxl_feature(bytes + CXL_FEATURES_HEADER + i * CXL_FEATURE_ENTRY);
		size_t index = find_index(&live, entry.key);

		if (index < live.n_entries) {
			/* A device that reports a feature twice is taken at its worst. */
			live.entries[index].effects |= entry.effects;
			live.entries[index].doubtful |= entry.doubtful;
		} else if (live.n_entries < LIVE_ENTRIES_MAX) {
			/* What does not fit stays unknown, which is a feature's worst class. */
			live.entries[live.n_entries++] = entry;
		}
	}
	*ret = live;
	return 0;
}
