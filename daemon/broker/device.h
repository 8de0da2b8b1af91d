/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One device: its identity, its executor, and the requests that wait for it. It runs one request at
 * a time.
 *
 *   starting --executor came--> idle <--> busy --node or executor gone for good--> gone
 *      ^                          |         |
 *      +------ executor lost -----+---------+
 *
 * Past a request's deadline its caller has been answered, but the device stays busy (`hung`) until
 * the kernel returns: an ioctl can't be cancelled, and a process in it can't be killed.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/broker/caller.h"
#include "daemon/broker/executor.h"
#include "daemon/broker/live-read.h"
#include "daemon/monitor/protocol.h"
#include "include/cleanup.h"
#include "policy/catalogue.h"
#include "policy/classify.h"
#include "policy/device.h"
#include "policy/live.h"

#define DEVICE_QUEUE_MAX 256u

enum device_state {
	DEVICE_STARTING,
	DEVICE_IDLE,
	DEVICE_BUSY,
	DEVICE_GONE,
	_DEVICE_STATE_MAX,
};

const char *device_state_to_string(enum device_state state);

struct manager;

struct device {
	TAILQ_ENTRY(device) link; /* of the manager */
	unsigned n_ref;
	struct manager *manager;

	struct monitor_identity from_monitor; /* of what was opened; the strings of `identity` */
	struct device_identity identity;
	enum monitor_subsystem subsystem;
	unsigned number;
	char *name; /* "nvme0" */
	char *id;   /* "nvme:LAB-NVME-0": stable, of the identity */
	char *path; /* on the bus; never used twice in one daemon's life */
	sd_bus_slot *bus_slot;

	enum device_state state;
	enum device_state announced; /* what the bus was told last */
	sd_event_source *announce;
	bool hung;
	struct executor *executor;
	sd_event_source *restart;
	unsigned n_restarts; /* in a row, without a request that came back */

	size_t transfer_max; /* bytes that it moves in one command; 0: unknown, nothing is split */

	struct live_effects live; /* what it reports of its commands */
	bool live_known;	  /* all of it */
	bool live_failed;	  /* it could not be read, and will be tried again; both false: it
				     is being read, or as soon as there is an executor */
	struct live_reading reading;
	sd_event_source *live_retry;

	struct request *running;
	struct request_list queue;
	unsigned n_queue;
};

TAILQ_HEAD(device_list, device);

/* The monitor opened a device: a new one, or a fresh executor for one we know. Takes the fd. */
int device_opened(struct manager *manager, const struct monitor_request *request,
		  const struct monitor_identity *identity, int fd);
/* The monitor could not open it. False: it is none of the devices. */
bool device_not_opened(struct manager *manager, const struct monitor_request *request, int error);

struct device *device_ref(struct device *device);
struct device *device_unref(struct device *device);
DEFINE_CLEANUP(struct device *, device_unref)
/* The node is no more: whoever waits for it is told. */
void device_gone(struct device *device, const char *why);

/* What it reports of its commands is being read, or will be by its next executor. */
static inline bool device_is_unread(const struct device *device)
{
	return !device->live_known && !device->live_failed;
}

/* Its dialect in the catalogue that is in force; NULL: that does not describe it. */
const struct dialect *device_dialect(const struct device *device);
/*
 * device-node.c: a memory device has two nodes, which share a serial and take different commands.
 * The prefix of a node's device id tells them apart: "cxl", "cxl-mem".
 */
bool devices_share_serial(const struct device *a, const struct device *b);
bool devices_are_siblings(const struct device *a, const struct device *b);
const char *device_id_prefix(const struct device *device);
/* -EINVAL, with a sentence that says which node takes the command, when this one does not. */
int device_takes(const struct device *device, const struct command *command,
		 struct refusal *ret_refusal);
/* By kernel name, device id or serial. NULL: none, or (ambiguous) more than one. */
struct device *device_find(struct manager *manager, const char *name, bool *ret_ambiguous);

/*
 * Puts a request in line; request_begin() is called when it is its turn, now or later.
 * -ENODEV: gone; -EBUSY: a command does not return; -EXFULL: too many wait.
 */
int device_enqueue(struct device *device, struct request *request);
void device_dequeue(struct device *device, struct request *request);
/* What it reports of its commands is known now, or can't be: those who waited for that go on. */
void device_resume(struct device *device);
/* The running request is over; the next one begins. */
void device_release(struct device *device);
void device_set_hung(struct device *device);
