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
void mlx5_init(struct sim_device *device);
void bnxt_init(struct sim_device *device);
void pds_init(struct sim_device *device);

/*
 * The memory of whoever calls the ioctl, as copy_from_user() and copy_to_user() have it. 0, or
 * -EFAULT; or whatever a transport wants to end the call with, which comes back from it. A model
 * copies each piece of memory once; all that it takes before the device changes (the taint of the
 * kernel excepted), all that it gives after.
 */
struct sim_user {
	int (*copy_in)(void *context, uint64_t address, void *to, size_t length);
	int (*copy_out)(void *context, uint64_t address, const void *from, size_t length);
	void *context;
};

/*
 * FWCTL_RPC and FWCTL_INFO of every dialect that has them: core, driver and firmware together. 0,
 * or a negative errno, and the struct is as it was. Not reentrant: they have buffers of their own,
 * and allocate nothing.
 */
int rpc_call(struct sim_device *device, const struct sim_user *user, struct fwctl_rpc *rpc);
int rpc_info(const struct sim_device *device, const struct sim_user *user, struct fwctl_info *info);

/* One ioctl, kernel and firmware together: 0 or more, or a negative errno. */
int nvme_call(struct sim_device *device, struct nvme_passthru_cmd64 *command);
int cxl_mem_query(struct sim_device *device, struct cxl_mem_query_commands *query);
int cxl_mem_call(struct sim_device *device, struct cxl_send_command *send);
