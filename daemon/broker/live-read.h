/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

struct device;

/*
 * Asks the device, through fwctld's own path and audited like any other command, what it reports
 * about its commands' effects. Until it has answered, classify() knows nothing of it and takes the
 * worse class.
 */
void live_read(struct device *device);
