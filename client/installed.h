/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the daemon could read and would trust what the installed folders hold. Its loaders judge
 * that for the user they run as, which is fwctld for the daemon and another one here.
 */

#include "policy/catalogue.h"

/*
 * Loads the catalogue. A folder of the environment is for whoever works on what is not yet in
 * place: it is only texts, and anybody's. What is installed is judged as the daemon will: then
 * problems->n_errors counts, too.
 */
int installed_catalogue_load(struct problems *problems, struct catalogue **ret);

/* Adds an error for each file and folder that stops the daemon. 0, or -ENOMEM. */
int installed_policy_check(struct problems *problems);
