/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A second reading of the catalogue: what must become of a request, from its bytes and the loaded
 * entries alone. Simple and slow, bit by bit, and without a line of policy/'s classify, pack,
 * envelope, message, field and condition; where the two disagree, one of them is wrong. The limits
 * are written out as numbers for the same reason.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/arena.h"
#include "policy/catalogue.h"
#include "policy/live.h"

/* One of the reasons. */
extern const char oracle_no_length[];

struct oracle {
	const char *refused; /* why it must be refused; NULL: it must be accepted */

	const struct command *command;
	const struct refinement *refinement; /* NULL: none fits */
	enum effect_class static_class;
	enum effect_class class;
	effect_set effects;
	unsigned scope;
	size_t request;
	size_t response;
	size_t segments[SEGMENTS_MAX];

	/* What goes to the executor: arena.given bytes, valid until the next question. */
	struct arena arena;
	const uint8_t *bytes;
	/*
	 * Of each bit of them, may it be a client's? Those of the fields that are not fixed, of the
	 * tail and of the data. Everything else is fwctld's own.
	 */
	const uint8_t *client;
};

/* Once a dialect, before anything is asked about it. */
void oracle_learn(const struct dialect *dialect);
void oracle_forget(void);

void oracle_judge(const struct dialect *dialect, const uint8_t *message, size_t message_length,
		  const uint8_t *data, size_t data_length, const struct live_effects *live,
		  struct oracle *ret);

/* For whoever makes requests, which is done with the same simple means. */

/* A number as it stands in a message, and back. */
uint64_t oracle_get(const struct field *field, const uint8_t *message);
void oracle_put(const struct field *field, uint8_t *message, uint64_t value);
/* Bytes that the case which holds tells of; false: none holds, or more than 64 bits count. */
bool oracle_length(const struct command *command, const struct length_case *cases, size_t n_cases,
		   const uint8_t *message, const struct length **ret_length, uint64_t *ret);
/* What may be a client's of the first message_size bytes. */
const uint8_t *oracle_client_bits(const struct command *command);
