/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of the device sets of a policy can a device be in? Each set is filed under the patterns of
 * one of its keys, that whose patterns are the rarest: of {type: nvme, serial: S1} that is the
 * serial. A device is then looked up by its strings and by their beginnings, as long as patterns
 * are. What is found need not fit: of a set the other keys are not looked at, and two texts that
 * have one hash are the same here.
 */

#include "policy/device.h"
#include "policy/key-table.h"
#include "policy/policy.h"

/* Of longer prefixes the beginning is filed. */
#define PREFIX_FILED_MAX 255u

struct device_index {
	struct device_entry {
		uint32_t set;  /* its number */
		uint32_t next; /* in entries; 0: the last one */
	} * entries;
	uint32_t n_entries;	   /* the first one is not used */
	struct key_table patterns; /* to the first entry of what is filed under a pattern */
	struct {
		bool used;
		uint64_t lengths[(PREFIX_FILED_MAX + 1) / 64]; /* of prefixes; a bit each */
	} keys[_DEVICE_KEY_MAX];
};

/* The sets, each of them once; their places here are their numbers. 0 or -ENOMEM; what there is
 * then is for device_index_done(). */
int device_index_init(struct device_index *index, const struct device_set *const *sets, size_t n);
void device_index_done(struct device_index *index);

/* Calls `found` with each set that a device of these texts, one a key, can be in; with some of them
 * more than once. */
void device_index_find(const struct device_index *index, const char *const texts[_DEVICE_KEY_MAX],
		       void (*found)(uint32_t set, void *userdata), void *userdata);
