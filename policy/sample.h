/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A request that nobody sent: who asks, which device, which command, all by name, for `fwctl policy
 * explain` and `test`. It goes the way of any other: encode(), classify(), decide().
 *
 * Functions that return an int: 0; -ENOMEM; or another negative errno with a sentence in
 * ret_refusal.
 */

#include "policy/decide.h"
#include "policy/encode.h"

struct sample {
	uid_t uid;
	gid_t *gids;
	size_t n_gids;
	char *keys[_DEVICE_KEY_MAX]; /* of the device; NULL: not known */
	const struct command *command;
	struct field_setting settings[FIELDS_MAX];
	size_t n_settings;
	uint8_t *data;
	size_t data_length;

	/* From sample_finish() on. They point into this struct. */
	struct caller_identity caller;
	struct device_identity device;
	char *device_id;
	uint8_t *message;
	struct classified request;
};

void sample_done(struct sample *sample);

/*
 * A user or a group, by name or by number. 0; -EINVAL: a number that is no id; else as
 * accounts_id().
 */
int sample_account(struct accounts *accounts, bool group, const char *text, uint32_t *ret);

int sample_add_group(struct sample *sample, gid_t gid);
/* What the device is, not a pattern for it. Each key once. */
int sample_set_device(struct sample *sample, enum device_key key, const char *value,
		      struct refusal *ret_refusal);
/* By its full name; or, where the device's type is known, without the dialect. */
int sample_set_command(struct sample *sample, const struct catalogue *catalogue, const char *name,
		       struct refusal *ret_refusal);
/* Text as field_parse() takes it. */
int sample_add_field(struct sample *sample, const char *name, const char *text,
		     struct refusal *ret_refusal);
/*
 * When all is set. The struct must stay where it is from here on. Nothing is known of what the
 * device reports; sample_worsen() adds that.
 */
int sample_finish(struct sample *sample, struct refusal *ret_refusal);
/* The device reports this of the command. A class of 0: none. It can only worsen it. */
void sample_worsen(struct sample *sample, enum effect_class class, effect_set effects);
