/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the parts of the simulation: the device file, and one model a dialect. */

#include <stddef.h>
#include <stdint.h>

#include "include/kernel-abi.h"
#include "include/sim-device.h"

/*
 * Writes a new device file. -EEXIST when there is something of this name; -EINVAL for a serial
 * number that is empty, longer than 20 bytes (NVMe's limit) or not printable ASCII.
 */
int device_create(const char *path, enum sim_dialect dialect, const char *serial);

/* Maps a device file. -EMEDIUMTYPE when it is none. */
int device_map(int fd, struct sim_device **ret);
void device_unmap(struct sim_device *device);

/*
 * A command got through the kernel: counts it, and takes the fault that it meets, if any. HANG and
 * DIE happen here; what comes back is NONE, SHORT, GARBAGE or STATUS.
 */
enum sim_fault device_reach(struct sim_device *device);

#define SIM_GARBAGE 0xa5

/* Leaves the message in the file and ends the process. */
_Noreturn void device_bug(struct sim_device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The state of a new device. */
void nvme_init(struct sim_device *device);
void cxl_init(struct sim_device *device);
void cxl_mem_init(struct sim_device *device);

/* One ioctl, kernel and firmware together: 0 or more, or a negative errno. */
int nvme_call(struct sim_device *device, struct nvme_passthru_cmd64 *command);
int cxl_call(struct sim_device *device, struct fwctl_rpc *rpc);
int cxl_mem_query(struct sim_device *device, struct cxl_mem_query_commands *query);
int cxl_mem_call(struct sim_device *device, struct cxl_send_command *send);
