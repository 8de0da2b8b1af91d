/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's driver behind the node: fwctl's core, the driver of a dialect and its firmware, as
 * daemon/sim/ models them, on the memory of whoever calls; and what a test wants to know of it, or
 * have go wrong in it.
 */

#include <stdbool.h>

#include "daemon/sim/model.h"
#include "tests/cuse/cuse.h"

#define COPIES_MAX 8u

/* Beside the faults of include/sim-device.h, which are the firmware's. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_ERRNO,	  /* not executed; -`value` */
	TROUBLE_LATE,	  /* executed; -`value`, and nothing is written back */
	TROUBLE_VALUE,	  /* executed; what ioctl returns is `value` */
	TROUBLE_OUT_LEN,  /* executed; out_len is `value` */
	TROUBLE_OVERRUN,  /* executed; everything that is written back is `value` bytes longer */
	TROUBLE_ADDRESS,  /* executed; what is written back goes to `value`, which is not mapped */
	TROUBLE_DIE_LATE, /* executed; the driver is gone before it answers */
};

/* A range of the caller's memory that was read or written. */
struct copy {
	uint64_t address;
	uint32_t length;
	uint32_t at; /* the bytes, in `bytes` */
	bool to_caller;
};

/* In memory that the test and the server share. */
struct driver {
	struct sim_device *device;
	enum trouble trouble; /* for all calls, until the test says otherwise */
	int64_t value;

	unsigned n_calls; /* ioctls that were answered */
	pid_t pid;	  /* of the last one, as all that follows */
	uid_t uid;
	uint64_t argument; /* the ioctl's third: where its struct is */
	struct fwctl_rpc rpc;
	struct copy copies[COPIES_MAX]; /* in their order; the struct itself is not among them */
	unsigned n_copies;
	uint8_t bytes[2 * CUSE_DATA_MAX];
	size_t n_bytes;
};

/* struct cuse_driver's function; `context` is a struct driver. */
int driver_ioctl(void *context, struct cuse_call *call, uint32_t request, uint64_t argument);

/* The copy that starts at this address, or NULL. */
const struct copy *driver_copy(const struct driver *driver, uint64_t address);
