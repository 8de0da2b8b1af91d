/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.fwctld1.Manager and the object manager, at /org/fwctld1. */

struct manager;
struct request;

int bus_manager_add(struct manager *manager);
/* Reloads the policy, and answers an authorised ReloadPolicy. */
void bus_manager_reload(struct request *request);
