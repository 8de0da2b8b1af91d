/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A textual polkit agent, as systemctl has one: asks for the password at our terminal where no
 * desktop does.
 */

#include <stdbool.h>
#include <sys/types.h>

struct polkit_agent {
	pid_t pid; /* 0: none runs */
};

/* Not for root, whom polkit never asks, and not without a terminal. */
bool polkit_agent_possible(void);

/*
 * Starts one and waits until it is registered. Where pkttyagent(1) is not installed nothing
 * happens, and polkit will find nobody whom it could ask.
 */
void polkit_agent_start(struct polkit_agent *agent);
void polkit_agent_stop(struct polkit_agent *agent);
