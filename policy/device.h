/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who a device is: what policy matches on and audit writes down. Strings are printable ASCII (every
 * other byte was replaced when they were read) and never NULL; "" means unknown. Serial, model and
 * firmware are the device's own claims.
 */

#include <stdbool.h>

struct device_identity {
	const char *id;	     /* the stable identity, "nvme:SERIAL": what `by: device` counts by */
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

/* What a rule's `device` can name. */
enum device_key {
	DEVICE_TYPE,
	DEVICE_DRIVER,
	DEVICE_PCI,
	DEVICE_SERIAL,
	DEVICE_MODEL,
	DEVICE_FIRMWARE,
	DEVICE_NQN,
	_DEVICE_KEY_MAX,
};
const char *device_key_to_string(enum device_key key); /* "type", ... */
const char *device_identity_get(const struct device_identity *device, enum device_key key);
