/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rules to boxes. For policy/space.c alone. */

#include "policy/space.h"

/* entries->policy is there. 0 or -ENOMEM. */
int space_add_rules(struct space *space, struct entries *entries);
