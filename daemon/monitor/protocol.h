/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the broker and the monitor: SOCK_SEQPACKET at MONITOR_SOCKET, host byte order. One
 * fixed-size request, one fixed-size answer; the answer to a success carries the executor's socket
 * (SCM_RIGHTS). The monitor dies of any other message, and answers the uid of user `fwctld` alone.
 */

#include <stdint.h>

#define MONITOR_SOCKET "/run/fwctld/monitor.sock"

/* There are no paths and no names in a request: a subsystem of this list, and a number. */
enum monitor_subsystem {
	MONITOR_NVME = 1,  /* /dev/nvmeN */
	MONITOR_FWCTL,	   /* /dev/fwctl/fwctlN */
	MONITOR_CXL,	   /* /dev/cxl/memN */
	MONITOR_SIMULATED, /* file N of the folder that --simulate names; without it: ENODEV */
	_MONITOR_SUBSYSTEM_MAX,
};

struct monitor_request {
	uint32_t subsystem;
	uint32_t number; /* at most MONITOR_NUMBER_MAX */
};

#define MONITOR_NUMBER_MAX 65535u

/* NUL-terminated and padded with NULs; "" means unknown. What is not printable ASCII came as '?'.
 */
struct monitor_identity {
	char name[32];	   /* "nvme0", "fwctl3", "sim0" */
	char dialect[16];  /* "nvme", "cxl", "mlx5", "bnxt", "pds" */
	char envelope[16]; /* WIRE_ENVELOPE_* */
	char driver[32];
	char pci[32];
	char serial[64];
	char model[64];
	char firmware[32];
	char nqn[256];
	char memdev[16]; /* "mem3": CXL's memory device, of its mailbox node and of the fwctl node
			    above it */
	/* What the kernel's driver takes, as FWCTL_INFO says: bnxt's uctx_caps. 0 for the others.
	 */
	uint32_t kernel_capabilities;
	uint32_t payload_max; /* bytes that the mailbox of a CXL memory device takes; 0: unknown */
	uint32_t simulated;   /* 0 or 1 */
	uint32_t devnum_major;
	uint32_t devnum_minor;
	uint32_t executor_pid;
};

struct monitor_answer {
	int32_t error; /* 0, or a positive errno: ENODEV, EBUSY (an executor holds the device), ...
			*/
	struct monitor_identity identity; /* all zero on an error */
};
