/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.fwctld1.Device: one object a device. */

struct device;
struct request;

/* Puts the device on the bus, and says so. */
int bus_device_add(struct device *device);
/* Takes it off. Requests that still hold the device keep it alive, not on the bus. */
void bus_device_remove(struct device *device);

/* Answers a ListCommands. */
void bus_device_list_commands(struct request *request);
