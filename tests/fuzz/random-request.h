/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Requests as a client could send them, made of the loaded catalogue: most of them right, and then
 * with something wrong. The same seed gives the same requests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/live.h"

#define RANDOM_MESSAGE_MAX (MESSAGE_HEAD_MAX + REQUEST_DATA_MAX + 4096u)

enum mutation {
	MUTATION_NONE,
	MUTATION_FIELD,	   /* one bit of a field that is not fixed */
	MUTATION_RESERVED, /* one bit that is nobody's */
	MUTATION_POINTER,
	MUTATION_FIXED,
	MUTATION_OPCODE, /* another command's, or anything */
	MUTATION_LENGTH, /* of the message: one or a few bytes more or less, or cut anywhere */
	MUTATION_DATA,	 /* of the data */
	MUTATION_SWAP,	 /* the halves of the message */
	MUTATION_BYTES,	 /* some bytes are anything */
	_MUTATION_MAX,
};

extern const char *const mutation_names[_MUTATION_MAX];

/* Message and data end where memory begins that nobody may touch. */
struct random_request {
	const struct dialect *dialect;
	const struct command *command; /* that it was made as */
	uint8_t *message;
	size_t message_length;
	const uint8_t *data;
	size_t data_length;
	enum mutation mutation;
};

/* Memory that a read or write beyond its end would not survive; `size` is in whole pages. */
uint8_t *guarded_end(size_t size);

void random_setup(uint64_t seed);

/* xorshift64* */
uint64_t random_next(void);
uint64_t random_upto(uint64_t limit); /* 0 to limit - 1 */

/*
 * One that should be accepted, but for lengths that reach over a limit at times. live: what the
 * device has reports of, and is therefore asked for often; or NULL.
 */
void random_request(const struct command *command, const struct live_effects *live,
		    struct random_request *ret);
/* False: there is nothing of the kind in it. */
bool random_mutate(struct random_request *request, enum mutation mutation);
