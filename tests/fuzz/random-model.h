/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an executor would do with an accepted request: load it into memory of its own, write the
 * addresses, and call; here the models of daemon/sim/, which check as the kernel and the device do
 * and end the program when something is not as it must be.
 */

#include <stdbool.h>
#include <stdint.h>

#include "include/arena.h"
#include "policy/classify.h"
#include "policy/live.h"

struct model_answer {
	int value; /* as ioctl() */
	int error;
	uint8_t *reply; /* ends where memory begins that nobody may touch */
	size_t length;
};

/*
 * One simulated device of each kind that there is a model of. They know what the shipped catalogue
 * describes, and whatever a dialect of another one is called.
 */
void model_setup(const struct catalogue *shipped);

/* What the model of the dialect would report of itself; NULL: there is none, or it reports nothing.
 */
const struct live_effects *model_live(const struct dialect *dialect);

/* False: there is no model of this envelope and dialect. `given` is not changed. */
bool model_call(const struct classified *c, const struct arena *arena, const uint8_t *given,
		struct model_answer *ret);

/* What a model saw that fwctld must never send, before it aborted; NULL: it saw nothing. */
const char *model_bug(void);

/* Why the model's kernel may answer this errno to what classify() accepted; NULL: it may not. */
const char *model_refusal(const struct classified *c, int error);

/*
 * What a driver that has no model could answer, after model_call(): of pds the message itself,
 * addresses included, as its driver does; of others nothing.
 */
void model_echo(const struct classified *c, const struct arena *arena, const uint8_t *given,
		struct model_answer *ret);

/* Does this hold an address of the executor's memory, wherever it begins? */
bool model_address_in(const uint8_t *bytes, size_t length);
