/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The broker as a whole: what its parts share. Everything runs in one thread, in one event loop,
 * but for the files of policy and catalogue: reload.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-device.h>
#include <systemd/sd-event.h>

#include "daemon/broker/audit.h"
#include "daemon/broker/caller.h"
#include "daemon/broker/device.h"
#include "daemon/broker/discovery.h"
#include "daemon/broker/flood.h"
#include "daemon/broker/generation.h"
#include "daemon/broker/monitor-client.h"
#include "daemon/broker/reload.h"

struct manager {
	sd_event *event;
	sd_bus *bus;
	sd_bus_slot *bus_slots[2]; /* the root's vtable and object manager */
	struct audit *audit;
	struct flood *denials;	    /* whose records are written */
	struct flood *observations; /* likewise */
	struct flood *lists;	    /* of commands, which are made */
	struct limit_book *uses;    /* of rules with a limit, by whatever generation */
	struct reload *reload;
	struct callers *callers;
	struct monitor_client *monitor;
	struct device_list devices;
	struct discovery_retry_list retries;
	sd_device_monitor *uevents;    /* NULL: udev can't be listened to */
	uint32_t uevents_lost;	       /* that its socket dropped, ever */
	struct generation *generation; /* in force; never NULL after manager_new() */

	uint8_t digest_key[32]; /* of this boot of the daemon: for digests over secrets */
	uint64_t audit_seq;
	uint64_t request_seq;
	uint64_t generations;
	uint64_t n_turns;	 /* that devices gave to callers' requests */
	unsigned next_simulated; /* the simulated device that the monitor is asked for */
	bool serving;		 /* discovery at start is done, the bus name is asked for */

	uint64_t n_requests;
	uint64_t n_executed;
	uint64_t n_denied;
	uint64_t n_failed;
};

int manager_new(sd_event *event, struct manager **ret);
struct manager *manager_free(struct manager *manager);
/* Ends every request, truthfully and with an answer; to be called while the bus can still send. */
void manager_end_requests(struct manager *manager);

/* Catalogue and policy were loaded anew: puts them in force. Takes the reference. */
void manager_loaded(struct manager *manager, struct generation *generation,
		    const struct problems *problems);
/* They could not be loaded: what is in force stays in force. */
void manager_rejected(struct manager *manager, const struct problems *problems);
