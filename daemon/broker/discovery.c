/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-device.h>

#include "daemon/broker/discovery.h"
#include "daemon/broker/manager.h"
#include "include/cleanup.h"

/* The kernel's names: the number is all that the monitor is told. */
static const struct {
	const char *subsystem; /* of sysfs */
	const char *prefix;    /* of the device's name; what follows is its number */
	enum monitor_subsystem monitor;
} known_subsystems[] = {
	{"nvme", "nvme", MONITOR_NVME},
	{"fwctl", "fwctl", MONITOR_FWCTL},
};

static bool parse_number(const char *sysname, const char *prefix, unsigned *ret)
{
	size_t length = strlen(prefix);
	unsigned number;
	int end = 0;

	if (strncmp(sysname, prefix, length) != 0)
		return false;
	/* Class nvme also has names like nvme0c0n1; the whole rest must be the number. */
	if (sscanf(sysname + length, "%5u%n", &number, &end) != 1 ||
	    sysname[length + (size_t)end] || number > MONITOR_NUMBER_MAX)
		return false;
	*ret = number;
	return true;
}

static int enumerate(struct manager *manager, unsigned which)
{
	sd_device_enumerator *enumerator = NULL;
	int r;

	r = sd_device_enumerator_new(&enumerator);
	if (r < 0)
		return r;
	r = sd_device_enumerator_allow_uninitialized(enumerator);
	if (r >= 0)
		r = sd_device_enumerator_add_match_subsystem(enumerator,
							     known_subsystems[which].subsystem,
							     true);
	if (r < 0)
		goto finish;
	for (sd_device *d = sd_device_enumerator_get_device_first(enumerator); d && r >= 0;
	     d = sd_device_enumerator_get_device_next(enumerator)) {
		const char *name;
		unsigned number;

		if (sd_device_get_sysname(d, &name) < 0 ||
		    !parse_number(name, known_subsystems[which].prefix, &number))
			continue;
		r = monitor_client_open(manager->monitor, known_subsystems[which].monitor, number);
	}
finish:
	sd_device_enumerator_unref(enumerator);
	return r < 0 ? r : 0;
}

int discovery_start(struct manager *manager)
{
	for (unsigned i = 0; i < ELEMENTSOF(known_subsystems); i++) {
		int r = enumerate(manager, i);

		if (r < 0)
			return r;
	}
	return monitor_client_open(manager->monitor, MONITOR_SIMULATED, 0);
}

int discovery_simulated(struct manager *manager, unsigned number, int error)
{
	/* Only the next one in line: a restart of an older one asks for nothing. */
	if (number != manager->next_simulated || error || number >= MONITOR_NUMBER_MAX)
		return 0;
	manager->next_simulated++;
	return monitor_client_open(manager->monitor, MONITOR_SIMULATED, number + 1);
}
