/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a command may do. An effect is one such thing; each has a class, and the worst effect of a
 * request decides its class. Hazards are effects beside the class: policy must accept each by name.
 */

#include <stdint.h>

/* In order of harm, so that the worse of two is the greater. 0 is no class. */
enum effect_class {
	CLASS_READ_ONLY = 1,
	CLASS_CONFIG_CHANGE,
	CLASS_DESTRUCTIVE,
	_CLASS_MAX,
};

enum effect {
	/* config-change */
	EFFECT_CONFIG_CHANGE_AFTER_RESET,
	EFFECT_IMMEDIATE_CONFIG_CHANGE,
	EFFECT_IMMEDIATE_POLICY_CHANGE,
	EFFECT_IMMEDIATE_LOG_CHANGE, /* clears, releases or re-arms what a device keeps for its
					readers */
	EFFECT_BACKGROUND_OPERATION, /* occupies the device, or a slot of it, after the reply */
	EFFECT_BLOCKS_IO, /* other commands of a namespace, or of all, wait until it is done */
	/* destructive */
	EFFECT_IMMEDIATE_DATA_CHANGE,
	EFFECT_DATA_LOSS,
	EFFECT_CAPACITY_CHANGE, /* namespaces, partitions: storage appears or goes */
	EFFECT_FIRMWARE_CHANGE,
	EFFECT_SECURITY_STATE_CHANGE,
	EFFECT_RESETS_DEVICE,
	EFFECT_SERVICE_INTERRUPTION,
	EFFECT_UNKNOWN, /* nobody has written down what it does */
	/* hazards, of no class */
	EFFECT_CONFIDENTIAL,  /* the answer can hold secrets or other people's data */
	EFFECT_PERSISTENT,    /* survives a reset */
	EFFECT_TAINTS_KERNEL, /* sent with a fwctl scope that taints the running kernel */
	EFFECT_BROADCAST,     /* touches more than the one namespace or function it was sent to */
	_EFFECT_MAX,
};

typedef uint32_t effect_set; /* bit (1 << enum effect) */

#define EFFECT_BIT(effect) ((effect_set)1 << (effect))
#define EFFECT_HAZARDS                                                                             \
	(EFFECT_BIT(EFFECT_CONFIDENTIAL) | EFFECT_BIT(EFFECT_PERSISTENT) |                         \
	 EFFECT_BIT(EFFECT_TAINTS_KERNEL) | EFFECT_BIT(EFFECT_BROADCAST))

/* NULL for a number that is none. */
const char *effect_class_to_string(enum effect_class class);
const char *effect_to_string(enum effect effect);

/* The value, or -EINVAL for a string that is none. */
int effect_class_from_string(const char *string);
int effect_from_string(const char *string);

/* The class that one effect forces; CLASS_READ_ONLY for a hazard. */
enum effect_class effect_class_of(enum effect effect);
/* The worst of a set; CLASS_READ_ONLY for the empty set. */
enum effect_class effect_set_class(effect_set effects);

/*
 * "a,b,c" in the order of the enum, "" for none. The buffer must have EFFECT_SET_STRING_MAX bytes.
 * Returns the buffer.
 */
#define EFFECT_SET_STRING_MAX 512
char *effect_set_to_string(effect_set effects, char *buffer);
