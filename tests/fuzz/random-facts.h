/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is known of commands beside the catalogue: tests/data/golden, by tests/unit/facts.h. No
 * request is of a better class than the facts give it.
 */

#include "policy/catalogue.h"

void facts_learn(struct catalogue *shipped);
void facts_forget(void);

struct fact;
/* NULL: nothing is known of it. Every command that is shipped is known, but for those of pds. */
const struct fact *facts_find(const struct command *command);
/* The best class that a message of this command can have. */
enum effect_class facts_floor(const struct fact *fact, const uint8_t *message, size_t length);
