/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of the device sets of a policy can a device be in? Each set is filed under the patterns of
 * one of its keys, that whose patterns are the rarest: of {type: nvme, serial: S1} that is the
 * serial. A device is then looked up by its strings and by their beginnings, as long as patterns
 * are.
 */

#include "policy/device.h"
#include "policy/key-table.h"
#include "policy/policy.h"

/* Of longer prefixes the beginning is filed. */
#define PREFIX_FILED_MAX 255u

struct device_index {
	struct device_entry {
		const struct device_set *set;
		uint32_t next; /* in entries; 0: the last one */
	} * entries;
	uint32_t n_entries;	   /* the first one is not used */
	struct key_table patterns; /* to the first entry of what is filed under a pattern */
	struct {
		bool used;
		uint64_t lengths[(PREFIX_FILED_MAX + 1) / 64]; /* of prefixes; a bit each */
	} keys[_DEVICE_KEY_MAX];
};

/* The sets, each of them once. 0 or -ENOMEM; what there is then is for device_index_done(). */
int device_index_init(struct device_index *index, const struct device_set *const *sets, size_t n);
void device_index_done(struct device_index *index);

/*
 * The sets all of whose lists match these texts, one text a key. A set can be there more than once,
 * or where it does not belong: two texts that have one hash are the same here. False: there are
 * more than `max`.
 */
bool device_index_find(const struct device_index *index, const char *const texts[_DEVICE_KEY_MAX],
		       const struct device_set **ret_sets, size_t max, size_t *ret_n);
