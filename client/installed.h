/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether the daemon could read and would trust what the installed folders hold. Its loaders judge
 * that for the user they run as, which is fwctld for the daemon and another one here.
 */

#include "policy/problems.h"

/* Adds an error for each file and folder that stops the daemon. 0, or -ENOMEM. */
int installed_catalogue_check(struct problems *problems);
int installed_policy_check(struct problems *problems);
