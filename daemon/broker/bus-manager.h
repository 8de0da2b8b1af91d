/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.fwctld1.Manager and the object manager, at /org/fwctld1. */

struct manager;
struct problems;
struct request;

int bus_manager_add(struct manager *manager);
/* Answers an authorised ReloadPolicy. error: 0, or the policy was not loaded. */
void bus_manager_reloaded(struct request *request, int error, const struct problems *problems);
