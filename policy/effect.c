/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/effect.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const class_names[_CLASS_MAX] = {
	[CLASS_READ_ONLY] = "read-only",
	[CLASS_CONFIG_CHANGE] = "config-change",
	[CLASS_DESTRUCTIVE] = "destructive",
};

/* clang-format off */
static const struct {
	const char *name;
	enum effect_class class;
} effects_table[_EFFECT_MAX] = {
	[EFFECT_CONFIG_CHANGE_AFTER_RESET] = { "config-change-after-reset", CLASS_CONFIG_CHANGE },
	[EFFECT_IMMEDIATE_CONFIG_CHANGE]   = { "immediate-config-change",   CLASS_CONFIG_CHANGE },
	[EFFECT_IMMEDIATE_POLICY_CHANGE]   = { "immediate-policy-change",   CLASS_CONFIG_CHANGE },
	[EFFECT_IMMEDIATE_LOG_CHANGE]      = { "immediate-log-change",      CLASS_CONFIG_CHANGE },
	[EFFECT_BACKGROUND_OPERATION]      = { "background-operation",      CLASS_CONFIG_CHANGE },
	[EFFECT_BLOCKS_IO]                 = { "blocks-io",                 CLASS_CONFIG_CHANGE },
	[EFFECT_IMMEDIATE_DATA_CHANGE]     = { "immediate-data-change",     CLASS_DESTRUCTIVE },
	[EFFECT_DATA_LOSS]                 = { "data-loss",                 CLASS_DESTRUCTIVE },
	[EFFECT_CAPACITY_CHANGE]           = { "capacity-change",           CLASS_DESTRUCTIVE },
	[EFFECT_FIRMWARE_CHANGE]           = { "firmware-change",           CLASS_DESTRUCTIVE },
	[EFFECT_SECURITY_STATE_CHANGE]     = { "security-state-change",     CLASS_DESTRUCTIVE },
	[EFFECT_RESETS_DEVICE]             = { "resets-device",             CLASS_DESTRUCTIVE },
	[EFFECT_SERVICE_INTERRUPTION]      = { "service-interruption",      CLASS_DESTRUCTIVE },
	[EFFECT_UNKNOWN]                   = { "unknown",                   CLASS_DESTRUCTIVE },
	[EFFECT_CONFIDENTIAL]              = { "confidential",              CLASS_READ_ONLY },
	[EFFECT_PERSISTENT]                = { "persistent",                CLASS_READ_ONLY },
	[EFFECT_TAINTS_KERNEL]             = { "taints-kernel",             CLASS_READ_ONLY },
	[EFFECT_BROADCAST]                 = { "broadcast",                 CLASS_READ_ONLY },
};
/* clang-format on */

const char *effect_class_to_string(enum effect_class class)
{
	if ((unsigned)class >= _CLASS_MAX)
		return NULL;
	return class_names[class];
}

const char *effect_to_string(enum effect effect)
{
	if ((unsigned)effect >= _EFFECT_MAX)
		return NULL;
	return effects_table[effect].name;
}

int effect_class_from_string(const char *string)
{
	for (int i = CLASS_READ_ONLY; i < _CLASS_MAX; i++)
		if (strcmp(class_names[i], string) == 0)
			return i;
	return -EINVAL;
}

int effect_from_string(const char *string)
{
	for (int i = 0; i < _EFFECT_MAX; i++)
		if (strcmp(effects_table[i].name, string) == 0)
			return i;
	return -EINVAL;
}

enum effect_class effect_class_of(enum effect effect)
{
	assert((unsigned)effect < _EFFECT_MAX);
	return effects_table[effect].class;
}

enum effect_class effect_set_class(effect_set effects)
{
	enum effect_class worst = CLASS_READ_ONLY;

	for (effects &= EFFECT_BIT(_EFFECT_MAX) - 1; effects != 0; effects &= effects - 1) {
		enum effect_class class = effects_table[__builtin_ctz(effects)].class;

		if (class > worst)
			worst = class;
	}
	return worst;
}

char *effect_set_to_string(effect_set effects, char *buffer)
{
	char *end = buffer;

	*end = '\0';
	for (int i = 0; i < _EFFECT_MAX; i++) {
		if (!(effects & EFFECT_BIT(i)))
			continue;
		if (end > buffer)
			*end++ = ',';
		end = stpcpy(end, effects_table[i].name);
		assert(end < buffer + EFFECT_SET_STRING_MAX);
	}
	return buffer;
}
