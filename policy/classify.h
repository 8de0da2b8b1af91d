/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "What would it do?" One function on bytes, for every caller: names are first encoded to bytes,
 * then classified like anybody's bytes. Pure, and allocates nothing.
 */

#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/live.h"

/* Why a request was refused before policy was asked, in a sentence for the caller. Printable ASCII.
 */
struct refusal {
	char text[512];
};

/* Writes the sentence, with '?' for what is not printable ASCII; returns `error`. */
int refuse(struct refusal *ret_refusal, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct classified {
	const struct command *command;
	union field_value values[FIELDS_MAX]; /* one a field of the command */

	enum effect_class class;
	effect_set effects; /* hazards included */
	const char *reason; /* why it is of this class; lives as long as the catalogue */
	enum effect_class static_class; /* by the catalogue alone */
	struct live_report reported;	/* by the device itself; .reason NULL: nothing */

	const uint8_t *request; /* request_length bytes to the device; the caller's buffer */
	size_t request_length;
	size_t response_length; /* bytes that the device is asked for, without segments */
	const uint8_t
		*segment_data[SEGMENTS_MAX]; /* to the device: the caller's buffer; else NULL */
	size_t segment_lengths[SEGMENTS_MAX];

	unsigned scope; /* fwctl-rpc */
};

/*
 * message: device-native bytes, of exactly the length that the command has (with its tail, where
 * the envelope is fwctl-rpc and the command has a request). data: to the device, of exactly the
 * length that the fields say (NVMe's data buffer; the to-device segments, one after the other).
 * live: what the device reported of itself; NULL: nothing is known. ret->request and
 * ret->segment_data point into the two buffers.
 *
 * 0, or, with a sentence in ret_refusal:
 *   -ENOENT      no such command in the catalogue
 *   -EBADMSG     lengths, reserved bits, fixed values or pointers are not as they must be
 *   -EOPNOTSUPP  never sent: `refused`, its lengths are unknown, or the kernel is not up to it
 *   -EMSGSIZE    more data than fwctld carries
 * On failure ret is untouched.
 */
int classify(const struct dialect *dialect, const void *message, size_t message_length,
	     const void *data, size_t data_length, const struct live_effects *live,
	     struct classified *ret, struct refusal *ret_refusal);

/* Why a command with `refused` is never sent; -EOPNOTSUPP. */
int command_refuse(const struct command *command, struct refusal *ret_refusal);
/* Does the driver say that it can't do what the command needs? live NULL: it was not asked. */
bool command_lacks_kernel(const struct command *command, const struct live_effects *live);
/* The first scope whose condition holds; NULL: there is none. */
const struct value_case *command_scope(const struct command *command,
				       const union field_value *values, effect_set effects);

/*
 * What requests are that one refinement (NULL: none of them) fits, for lists and documentation:
 * class, effects, reason, scope and values, and no lengths or data. `values` are an example's, one
 * a field.
 */
void classify_as(const struct command *command, const struct refinement *refinement,
		 const union field_value *values, const struct live_effects *live,
		 struct classified *ret);
