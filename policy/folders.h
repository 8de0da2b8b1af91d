/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where an installed fwctld keeps its catalogue and its policies, in the order in which they are
 * read; what comes later adds or wins. NULL-terminated. The daemon reads these and no others.
 */

extern const char *const command_folders[];
/* The first of them alone: what came with fwctld. */
extern const char *const shipped_command_folders[];
extern const char *const policy_folders[];
