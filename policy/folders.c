/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/folders.h"

#include <stddef.h>

const char *const command_folders[] = {
	FWCTLD_COMMANDS_DIR,
	"/etc/fwctld/commands.d",
	NULL,
};
const char *const shipped_command_folders[] = {
	FWCTLD_COMMANDS_DIR,
	NULL,
};
const char *const policy_folders[] = {
	FWCTLD_POLICY_DIR,
	"/run/fwctld/policy.d",
	"/etc/fwctld/policy.d",
	NULL,
};
