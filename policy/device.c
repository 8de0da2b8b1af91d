/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/device.h"

#include <stddef.h>

static const char *const key_names[_DEVICE_KEY_MAX] = {
	[DEVICE_TYPE] = "type",	    [DEVICE_DRIVER] = "driver", [DEVICE_PCI] = "pci",
	[DEVICE_SERIAL] = "serial", [DEVICE_MODEL] = "model",	[DEVICE_FIRMWARE] = "firmware",
	[DEVICE_NQN] = "nqn",
};

const char *device_key_to_string(enum device_key key)
{
	return (unsigned)key < _DEVICE_KEY_MAX ? key_names[key] : NULL;
}

const char *device_identity_get(const struct device_identity *device, enum device_key key)
{
	switch (key) {
	case DEVICE_TYPE:
		return device->dialect;
	case DEVICE_DRIVER:
		return device->driver;
	case DEVICE_PCI:
		return device->pci;
	case DEVICE_SERIAL:
		return device->serial;
	case DEVICE_MODEL:
		return device->model;
	case DEVICE_FIRMWARE:
		return device->firmware;
	case DEVICE_NQN:
		return device->nqn;
	default:
		return NULL;
	}
}
