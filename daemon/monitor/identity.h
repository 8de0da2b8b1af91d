/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/monitor/open.h"
#include "daemon/monitor/protocol.h"

/*
 * Who the opened device is. It is read after the device was opened, and decided on by everybody
 * else. -ENODEV when it went meanwhile; -EOPNOTSUPP for a dialect that fwctld does not know, or a
 * file that is no simulated device.
 */
int identity_read(const struct monitor_request *request, const struct node *node,
		  struct monitor_identity *ret);
