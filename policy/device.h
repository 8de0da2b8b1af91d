/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who a device is: what policy matches on and audit writes down. Strings are printable ASCII (every
 * other byte was replaced when they were read) and never NULL; "" means unknown. Serial, model and
 * firmware are the device's own claims.
 */

#include <stdbool.h>

struct device_identity {
	const char *dialect; /* "nvme", "cxl", ... : policy's `type` */
	const char *driver;  /* the kernel driver, or "simulated" */
	const char *pci;     /* "0000:3b:00.0" */
	const char *serial;
	const char *model;
	const char *firmware;
	const char *nqn;      /* NVMe subsystem NQN */
	bool serial_disputed; /* another device claims the same serial: no rule by serial matches */
	bool simulated;
};
