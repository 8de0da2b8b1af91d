/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One device: its identity, its executor, and the requests that wait for it. It runs one request at
 * a time.
 *
 *   starting --executor came--> idle <--> busy      any of them --node is gone--> gone
 *      ^                          |         |
 *      +-- executor lost, reopen -+---------+
 *
 * Past a request's deadline its caller has been answered, but the device stays busy (`hung`) until
 * the kernel returns: an ioctl can't be cancelled, and a process in it can't be killed.
 *
 * Reopen: once nothing is in flight the executor ends, and a fresh one reads anew who the device is
 * and what its commands do. Requests wait in the queue meanwhile.
 *
 * Gone: no more requests, and nobody finds it. What is in flight is waited for, as the kernel's own
 * unplug does, because its answer is the truth; then, or at its deadline, the object leaves the
 * bus. The struct stays until the executor has nothing of it any more, and may by then have a
 * successor of the same name.
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

struct manager;

struct device {
	TAILQ_ENTRY(device) link; /* of the manager */
	unsigned n_ref;
	struct manager *manager;

	struct monitor_identity from_monitor; /* of what was opened; the strings of `identity` */
	struct device_identity identity;
	enum monitor_subsystem subsystem;
	unsigned number;
	char *name;	       /* "nvme0" */
	char *id;	       /* "nvme:LAB-NVME-0": stable, of the identity */
	char *path;	       /* on the bus; never used twice in one daemon's life */
	sd_bus_slot *bus_slot; /* NULL: it has left the bus */

	enum device_state state;
	enum device_state announced; /* by the last signal */
	bool told_other;	     /* since then; whoever was told is owed a signal */
	sd_event_source *announce;
	const char *gone; /* why */
	bool hung;
	bool reopen; /* as soon as nothing is in flight */
	struct executor *executor;
	sd_event_source *restart;
	uint64_t restart_usec; /* the next wait for a fresh executor; longer each time in a row */

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

TAILQ_HEAD(device_list, device); /* those that are gone as well, until they end */

/* The monitor opened a device: a new one, or a fresh executor for one we know. Takes the fd. */
int device_opened(struct manager *manager, const struct monitor_request *request,
		  const struct monitor_identity *identity, int fd);
/*
 * The monitor could not open it, or we hold it ourselves. False: it is none of the devices, or of
 * one that we hold that says nothing: ask again.
 */
bool device_not_opened(struct manager *manager, const struct monitor_request *request, int error);

struct device *device_ref(struct device *device);
struct device *device_unref(struct device *device);
DEFINE_CLEANUP(struct device *, device_unref)
/* The node is no more: whoever waits for it is told. why: a string that lasts. */
void device_gone(struct device *device, const char *why);
/* Who it is, and what its commands do, is to be read again. */
void device_reopen(struct device *device);
/* A command came back as if the device were gone. That is no proof: the monitor looks. */
void device_doubt(struct device *device);
/* fwctld ends: none is left, and what is in flight has an outcome. */
void devices_end(struct manager *manager, const char *why);

/* What it reports of its commands is being read, or will be by its next executor. */
static inline bool device_is_unread(const struct device *device)
{
	return !device->live_known && !device->live_failed;
}

/* For whoever asks, between two signals. */
const char *device_tell_state(struct device *device);
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
/* That is not gone. */
struct device *device_by_number(struct manager *manager, const struct monitor_request *request);
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
