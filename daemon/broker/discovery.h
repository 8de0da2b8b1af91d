/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which devices there are: what the monitor is asked to open when the daemon starts. */

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/monitor/protocol.h"

struct manager;
struct discovery_retry;
TAILQ_HEAD(discovery_retry_list, discovery_retry);

/* Every NVMe controller and fwctl device that sysfs shows, then the monitor's simulated ones. */
int discovery_start(struct manager *manager);
/*
 * The monitor's answer about one of them; error: 0, or a positive errno. known: it is a device
 * already, which looks after itself. What may yet be had (an executor of an earlier life is still
 * in the kernel, the monitor is not there) is asked for again; after a simulated device the next
 * one is asked for.
 */
int discovery_answered(struct manager *manager, const struct monitor_request *request, int error,
		       bool known);
void discovery_stop(struct manager *manager);
