/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which devices there are: what the monitor is asked to open, when the daemon starts and whenever
 * udev tells of one. What udev says is a hint, to a subsystem and a number; what is decided on is
 * what the monitor then opened.
 *
 * While an executor holds a node open its number can't go to another device: the kernel gives it
 * back with the last reference (fwctl_device_release() in drivers/fwctl/main.c, nvme_free_ctrl() in
 * drivers/nvme/host/core.c, cxl_memdev_release() in drivers/cxl/core/memdev.c). So what is held is
 * the same device for as long as its name stands in sysfs, and is not opened a second time.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/monitor/protocol.h"

struct manager;
struct discovery_retry;
TAILQ_HEAD(discovery_retry_list, discovery_retry);

/*
 * Listens to udev, and only then asks for every device that sysfs shows, so that none is missed in
 * between; then for the monitor's simulated ones. Without udev the devices are those of the start.
 */
int discovery_start(struct manager *manager);
/*
 * The monitor's answer about one of them; error: 0, or a positive errno. settled: a device that is
 * known, and looks after itself. What may yet be had (an executor of an earlier life is still in
 * the kernel, a controller is not live yet, the monitor is not there) is asked for again; after a
 * simulated device the next one is asked for.
 */
int discovery_answered(struct manager *manager, const struct monitor_request *request, int error,
		       bool settled);
void discovery_stop(struct manager *manager);
