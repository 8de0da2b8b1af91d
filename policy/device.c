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
	const char *const values[_DEVICE_KEY_MAX] = {
		[DEVICE_TYPE] = device->dialect, [DEVICE_DRIVER] = device->driver,
		[DEVICE_PCI] = device->pci,	 [DEVICE_SERIAL] = device->serial,
		[DEVICE_MODEL] = device->model,	 [DEVICE_FIRMWARE] = device->firmware,
		[DEVICE_NQN] = device->nqn,
	};

	return (unsigned)key < _DEVICE_KEY_MAX ? values[key] : NULL;
}
