/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the daemon could read and would trust what the installed folders hold. Its loaders judge
 * that for the user they run as, which is fwctld for the daemon and another one here.
 */

#include "policy/catalogue.h"

/*
 * Loads the installed catalogue, judged as the daemon will: problems->n_errors counts, too. Or,
 * where the environment names a folder, that in place of what came with fwctld; it is for whoever
 * works on what is not yet in place, only texts, and anybody's. alone: what the administrator added
 * to the installed catalogue is then left out.
 */
int installed_catalogue_load(bool alone, struct problems *problems, struct catalogue **ret);

/* Adds an error for each of these folders, and of their files, that stops the daemon. 0, or
 * -ENOMEM.
 */
int installed_policy_check(const char *const *folders, struct problems *problems);
