/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/live.h"

#include <errno.h>
#include <string.h>

#include "include/bytes.h"
#include "include/cleanup.h"

/* A bit of a report, and what it says. Doubt is an effect: nobody knows what would happen. */
struct live_bit {
	uint32_t mask; /* any of them */
	effect_set effects;
	const char *reason;
};

#define DOUBT EFFECT_BIT(EFFECT_UNKNOWN)

/*
 * A word of log page 0x05: NVM Express Base Specification 2.0, section 5.16.1.6, and
 * NVME_CMD_EFFECTS_* in include/linux/nvme.h. CSUPP (bit 0) alone does not mean that a command is
 * harmless: Set Features commonly has no more. Bits 15:14 (relaxation of CSE), 19 (UUID index) and
 * 31:20 (scope) say nothing of harm.
 */
static const struct live_bit nvme_command_bits[] = {
	{1u << 1, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE),
	 "the device reports that this may change the content of logical blocks (LBCC)"},
	{1u << 2, EFFECT_BIT(EFFECT_CAPACITY_CHANGE),
	 "the device reports that this may change what its namespaces can do (NCC)"},
	{1u << 3, EFFECT_BIT(EFFECT_CAPACITY_CHANGE),
	 "the device reports that this may change which namespaces there are (NIC)"},
	{1u << 4,
	 EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE) | EFFECT_BIT(EFFECT_SERVICE_INTERRUPTION),
	 "the device reports that this may change what the controller can do (CCC)"},
	{0x3fe0u, DOUBT, "the device reports an effect of this whose meaning is reserved"},
};
#define NVME_COMMAND_SUPPORTED 1u
#define NVME_CSE(word)	       ((word) >> 16 & 7u)
#define NVME_CSE_MAX	       2u

static const char exclusive[] =
	"the device reports that no other command may run beside this one (CSE)";
static const char exclusive_reserved[] =
	"the device reports a restriction of this whose meaning is reserved (CSE)";

/* A word of log page 0x12: the same, section 5.16.1.18. Bits 19 and 31:20 as above. */
static const struct live_bit nvme_feature_bits[] = {
	{1u << 1, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE),
	 "the device reports that setting this feature may change user data (UDCC)"},
	{1u << 2, EFFECT_BIT(EFFECT_CAPACITY_CHANGE),
	 "the device reports that setting this feature may change what its namespaces can do "
	 "(NCC)"},
	{1u << 3, EFFECT_BIT(EFFECT_CAPACITY_CHANGE),
	 "the device reports that setting this feature may change which namespaces there are "
	 "(NIC)"},
	{1u << 4,
	 EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE) | EFFECT_BIT(EFFECT_SERVICE_INTERRUPTION),
	 "the device reports that setting this feature may change what the controller can do "
	 "(CCC)"},
	{0x7ffe0u, DOUBT, "the device reports an effect of this feature whose meaning is reserved"},
};
#define NVME_FEATURE_SUPPORTED 1u

/*
 * CXL's command effects word: CXL 3.1 section 8.2.10.5.2.1, and the kernel's reading of it in
 * drivers/cxl/core/features.c. Bits 7 and 8 (secondary mailbox, abort supported) say nothing of
 * harm. Bit 9 only declares bits 10 and 11 valid; the kernel counts them without it, so they count
 * here.
 */
static const struct live_bit cxl_bits[] = {
	{1u << 0, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET),
	 "the device reports that this changes its configuration after a cold reset"},
	{1u << 10, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET),
	 "the device reports that this changes its configuration after a conventional reset"},
	{1u << 11, EFFECT_BIT(EFFECT_CONFIG_CHANGE_AFTER_RESET),
	 "the device reports that this changes its configuration after a CXL reset"},
	{1u << 1, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE),
	 "the device reports that this changes its configuration at once"},
	{1u << 3, EFFECT_BIT(EFFECT_IMMEDIATE_POLICY_CHANGE),
	 "the device reports that this changes its policies at once"},
	{1u << 4, EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE),
	 "the device reports that this changes its logs at once"},
	{1u << 6, EFFECT_BIT(EFFECT_BACKGROUND_OPERATION),
	 "the device reports that this goes on in the background"},
	{1u << 2, EFFECT_BIT(EFFECT_IMMEDIATE_DATA_CHANGE),
	 "the device reports that this changes data at once"},
	{1u << 5, EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE),
	 "the device reports that this changes its security state"},
	{0xf000u, DOUBT, "the device reports an effect of this whose meaning is reserved"},
};
#define CXL_EFFECTS_CHANGE 0x0c1fu /* what a Set Feature can do at all */
#define CXL_SET_FEATURE	   0x0502u

#define CXL_FEATURES_HEADER    8u  /* bytes: le16 entries, le16 total, 4 reserved */
#define CXL_FEATURE_ENTRY      48u /* bytes: UUID, ..., le32 flags at 22, le16 effects at 28, ... */
#define CXL_FEATURE_CHANGEABLE 1u
#define CXL_LOGS_HEADER	       8u  /* bytes: le16 entries, 6 reserved */
#define CXL_LOG_ENTRY	       20u /* bytes: UUID, le32 size */
#define CXL_EFFECTS_ENTRY      4u

const uint8_t live_cxl_effects_log[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
					  0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};

static const struct live_report no_effect = {.reason = "the device reports no effect of this"};
static const struct live_report unsupported = {
	.effects = DOUBT,
	.reason = "the device reports that it does not support this, so nobody knows what it does",
};
static const struct live_report lost = {
	.effects = DOUBT,
	.reason = "the device reports effects of more than fwctld can keep, perhaps of this, too",
};

void live_clear(struct live_effects *live)
{
	live->commands.n_entries = live->values.n_entries = 0;
	live->commands.others = live->values.others = (struct live_report){};
	live->kernel_capabilities = 0;
}

struct live_key live_key_number(uint64_t number)
{
	struct live_key key = {};

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

struct live_key live_key_uuid(const uint8_t uuid[static 16])
{
	struct live_key key;

	memcpy(key.bytes, uuid, sizeof(key.bytes));
	return key;
}

/* The first entry that is not before the key. */
static size_t find_place(const struct live_table *table, const struct live_key *key)
{
	size_t low = 0, high = table->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&table->entries[middle].key, key, sizeof(*key)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct live_report *live_find(const struct live_table *table, struct live_key key)
{
	size_t i = find_place(table, &key);

	if (i < table->n_entries && memcmp(&table->entries[i].key, &key, sizeof(key)) == 0)
		return &table->entries[i].report;
	return table->others.reason ? &table->others : NULL;
}

void live_worsen(struct live_report *report, const struct live_report *other)
{
	if (!report->reason || effect_set_class(other->effects) > effect_set_class(report->effects))
		report->reason = other->reason;
	report->effects |= other->effects;
}

static void add(struct live_table *table, struct live_key key, const struct live_report *report)
{
	size_t i = find_place(table, &key);
	struct live_entry *entry = &table->entries[i];

	if (i < table->n_entries && memcmp(&entry->key, &key, sizeof(key)) == 0) {
		live_worsen(&entry->report, report);
		return;
	}
	if (table->n_entries == LIVE_ENTRIES_MAX) {
		table->others = lost;
		return;
	}
	memmove(entry + 1, entry, (table->n_entries - i) * sizeof(*entry));
	*entry = (struct live_entry){.key = key, .report = *report};
	table->n_entries++;
}

static void add_effects(struct live_report *report, effect_set effects, const char *reason)
{
	live_worsen(report, &(struct live_report){.effects = effects, .reason = reason});
}

static struct live_report read_bits(const struct live_bit *bits, size_t n, uint64_t word)
{
	struct live_report report = no_effect;

	for (size_t i = 0; i < n; i++)
		if (word & bits[i].mask)
			add_effects(&report, bits[i].effects, bits[i].reason);
	return report;
}

static uint64_t get(const uint8_t *bytes, size_t offset, size_t size)
{
	uint64_t value = 0;

	(void)bytes_get(bytes, offset + size, offset, size, BYTES_LITTLE, &value);
	return value;
}

int live_read_nvme_controller(const void *page, size_t length, struct live_controller *ret)
{
	const uint8_t *bytes = page;
	unsigned attributes, mdts;

	if (length < 4096)
		return -EBADMSG;
	attributes = bytes[261]; /* LPA: bit 1 log 0x05, bit 2 offsets, bit 5 logs 0x00, 0x12 */
	mdts = bytes[77];	 /* a power of two of the smallest page size; 0: no limit */
	*ret = (struct live_controller){
		.commands = attributes & 1u << 1,
		.features = attributes & 1u << 5,
	};
	/* The smallest page size is in a register that nobody shows us; none is below 4096. */
	if (attributes & 1u << 2)
		ret->transfer_max = mdts == 0 || mdts > 5 ? 128u * 1024u : (size_t)4096 << mdts;
	return 0;
}

int live_read_nvme_commands(const void *page, size_t length, struct live_effects *live)
{
	if (length < 4096)
		return -EBADMSG;
	for (size_t opcode = 0; opcode < 256; opcode++) {
		uint32_t word = (uint32_t)get(page, 4 * opcode, 4);
		struct live_report report;

		if (!(word & NVME_COMMAND_SUPPORTED))
			continue;
		report = read_bits(nvme_command_bits, ELEMENTSOF(nvme_command_bits), word);
		if (NVME_CSE(word) > NVME_CSE_MAX)
			add_effects(&report, DOUBT, exclusive_reserved);
		else if (NVME_CSE(word) > 0)
			add_effects(&report, EFFECT_BIT(EFFECT_BLOCKS_IO), exclusive);
		add(&live->commands, live_key_number(opcode), &report);
	}
	live->commands.others = unsupported;
	return 0;
}

int live_read_nvme_features(const void *page, size_t length, struct live_effects *live)
{
	if (length < 1024)
		return -EBADMSG;
	for (size_t fid = 0; fid < 256; fid++) {
		uint32_t word = (uint32_t)get(page, 4 * fid, 4);
		struct live_report report;

		if (word == 0)
			continue;
		report = read_bits(nvme_feature_bits, ELEMENTSOF(nvme_feature_bits), word);
		if (!(word & NVME_FEATURE_SUPPORTED))
			add_effects(&report, DOUBT,
				    "the device reports effects of this feature, and that it does "
				    "not support it");
		add(&live->values, live_key_number(fid), &report);
	}
	return 0;
}

static struct live_report read_cxl_word(uint64_t word)
{
	return read_bits(cxl_bits, ELEMENTSOF(cxl_bits), word);
}

static struct live_report read_cxl_feature(const uint8_t *entry)
{
	uint64_t flags = get(entry, 22, 4), word = get(entry, 28, 2);
	struct live_report report = read_cxl_word(word);

	if (!(flags & CXL_FEATURE_CHANGEABLE))
		add_effects(&report, DOUBT,
			    "the device reports that this feature can't be changed");
	else if (!(word & CXL_EFFECTS_CHANGE))
		add_effects(&report, DOUBT,
			    "the device reports that this feature can be changed, and that "
			    "nothing changes by it");
	return report;
}

int live_read_cxl_features(const void *payload, size_t length, size_t start,
			   struct live_effects *live, size_t *ret_next)
{
	const uint8_t *bytes = payload;
	size_t n, total, expected;

	if (length < CXL_FEATURES_HEADER)
		return -EBADMSG;
	n = get(bytes, 0, 2);
	total = get(bytes, 2, 2);
	/* The kernel answers from a list that is complete: a part is as long as asked for. */
	expected = total > start ? total - start : 0;
	if (expected > LIVE_FEATURES_PART)
		expected = LIVE_FEATURES_PART;
	if (n != expected || n * CXL_FEATURE_ENTRY > length - CXL_FEATURES_HEADER)
		return -EBADMSG;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *entry = bytes + CXL_FEATURES_HEADER + i * CXL_FEATURE_ENTRY;
		struct live_report report = read_cxl_feature(entry);

		add(&live->values, live_key_uuid(entry), &report);
	}
	/* Of what is not read a Set Feature is destructive, as of what is not reported. */
	*ret_next = start + n < total && start + n < LIVE_ENTRIES_MAX ? start + n : 0;
	return 0;
}

int live_read_cxl_logs(const void *payload, size_t length, struct live_effects *live,
		       size_t *ret_size)
{
	const uint8_t *bytes = payload;
	size_t n, size = 0;

	if (length < CXL_LOGS_HEADER)
		return -EBADMSG;
	n = get(bytes, 0, 2);
	if (n * CXL_LOG_ENTRY > length - CXL_LOGS_HEADER)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *entry = bytes + CXL_LOGS_HEADER + i * CXL_LOG_ENTRY;
		size_t claimed = get(entry, 16, 4);

		if (memcmp(entry, live_cxl_effects_log, sizeof(live_cxl_effects_log)) == 0 &&
		    claimed > size)
			size = claimed;
	}
	if (size % CXL_EFFECTS_ENTRY != 0)
		return -EBADMSG;
	if (size > CXL_EFFECTS_ENTRY * LIVE_ENTRIES_MAX) {
		size = CXL_EFFECTS_ENTRY * LIVE_ENTRIES_MAX;
		live->commands.others = lost;
	}
	*ret_size = size;
	return 0;
}

int live_read_cxl_commands(const void *entries, size_t length, struct live_effects *live)
{
	const uint8_t *bytes = entries;

	if (length % CXL_EFFECTS_ENTRY != 0)
		return -EBADMSG;
	for (size_t i = 0; i < length; i += CXL_EFFECTS_ENTRY) {
		uint64_t opcode = get(bytes, i, 2);
		struct live_report report = read_cxl_word(get(bytes, i + 2, 2));

		/* The log has the union over all features; each feature's own entry counts. */
		if (opcode != CXL_SET_FEATURE)
			add(&live->commands, live_key_number(opcode), &report);
	}
	return 0;
}
