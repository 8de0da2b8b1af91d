/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.fwctld1.Manager and the object manager, at /org/fwctld1. */

struct manager;

int bus_manager_add(struct manager *manager);
