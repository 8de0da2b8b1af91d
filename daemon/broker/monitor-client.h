/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The broker's side of the monitor's socket: asks for devices, one after the other, and gets
 * executors.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "daemon/monitor/protocol.h"

struct monitor_client;

/*
 * The answer to one request. error: 0, or a positive errno (ENODEV, EBUSY, ECONNRESET: the monitor
 * went away, ...). fd: the executor's socket, now the callee's; -EBADF on an error.
 */
typedef void (*monitor_answered_t)(void *userdata, const struct monitor_request *request, int error,
				   const struct monitor_identity *identity, int fd);

int monitor_client_new(sd_event *event, monitor_answered_t answered, void *userdata,
		       struct monitor_client **ret);
struct monitor_client *monitor_client_free(struct monitor_client *client);

/*
 * Queues a request, unless it stands in the queue already. The answer always comes, later, from the
 * event loop; what it says was looked at after this call.
 */
int monitor_client_open(struct monitor_client *client, enum monitor_subsystem subsystem,
			unsigned number);
/* Nothing is asked or waits for an answer. */
bool monitor_client_idle(const struct monitor_client *client);
