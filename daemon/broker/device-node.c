/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The nodes of one device. A CXL memory device has two, which speak one dialect and take different
 * commands: its mailbox (/dev/cxl/memN), and the fwctl node above it.
 */
#include <errno.h>
#include <string.h>

#include "daemon/broker/device.h"
#include "daemon/broker/manager.h"
#include "daemon/exec/wire.h"
#include "policy/classify.h"
#include "policy/envelope.h"

/* For the sentences to a caller. */
static const char *const node_names[_ENVELOPE_MAX] = {
	[ENVELOPE_NVME_ADMIN] = "the controller's node, /dev/nvmeN",
	[ENVELOPE_FWCTL_RPC] = "the fwctl node, /dev/fwctl/fwctlN",
	[ENVELOPE_CXL_MEM] = "the mailbox node, /dev/cxl/memN",
};

static bool is_mailbox(const struct device *device)
{
	return strcmp(device->from_monitor.envelope, WIRE_ENVELOPE_CXL) == 0;
}

bool devices_share_serial(const struct device *a, const struct device *b)
{
	return *a->identity.serial && strcmp(a->identity.serial, b->identity.serial) == 0 &&
	       strcmp(a->identity.dialect, b->identity.dialect) == 0;
}

/*
 * Who they are is what sysfs says of the memory device that both belong to, which no device can
 * claim. Simulated ones have no sysfs, and nobody to deceive.
 */
bool devices_are_siblings(const struct device *a, const struct device *b)
{
	const struct monitor_identity *x = &a->from_monitor, *y = &b->from_monitor;

	return devices_share_serial(a, b) && is_mailbox(a) != is_mailbox(b) &&
	       x->simulated == y->simulated && (x->simulated || *x->memdev) &&
	       strcmp(x->memdev, y->memdev) == 0;
}

const char *device_id_prefix(const struct device *device)
{
	return is_mailbox(device) ? device->from_monitor.envelope : device->identity.dialect;
}

static bool has_envelope(const struct device *device, const struct command *command)
{
	return strcmp(device->from_monitor.envelope, envelopes[command->envelope].name) == 0;
}

static const struct device *find_sibling(const struct device *device)
{
	const struct device *other;

	TAILQ_FOREACH(other, &device->manager->devices, link)
		if (other != device && other->state != DEVICE_GONE &&
		    devices_are_siblings(device, other))
			return other;
	return NULL;
}

int device_takes(const struct device *device, const struct command *command,
		 struct refusal *ret_refusal)
{
	const struct device *sibling;

	/* Whoever is sent to the other node would be refused there. */
	if (command->refused)
		return command_refuse(command, ret_refusal);
	if (has_envelope(device, command))
		return 0;
	sibling = find_sibling(device);
	if (sibling && has_envelope(sibling, command))
		return refuse(ret_refusal, -EINVAL,
			      "%s goes through %s; for this memory device that is %s.",
			      command->full_name, node_names[command->envelope], sibling->name);
	return refuse(ret_refusal, -EINVAL,
		      "%s goes through %s; this is another node, and fwctld has none of that kind "
		      "for this device.",
		      command->full_name, node_names[command->envelope]);
}
