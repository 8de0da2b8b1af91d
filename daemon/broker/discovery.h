/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which devices there are: what the monitor is asked to open when the daemon starts. */

struct manager;

/* Every NVMe controller and fwctl device that sysfs shows, then the monitor's simulated ones. */
int discovery_start(struct manager *manager);
/* The monitor opened simulated device `number`, or has none of that number: asks for the next, or
 * ends. */
int discovery_simulated(struct manager *manager, unsigned number, int error);
