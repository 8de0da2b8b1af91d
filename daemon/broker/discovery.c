/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-device.h>

#include "daemon/broker/discovery.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/timer.h"
#include "include/cleanup.h"

/* What can't be opened just now: after 1 s, then 2, 4, ... at most 64 s. */
#define RETRY_USEC	  (1000 * 1000ull)
#define RETRY_DOUBLED_MAX 6u

struct discovery_retry {
	TAILQ_ENTRY(discovery_retry) link;
	struct manager *manager;
	struct monitor_request request;
	sd_event_source *timer;
	unsigned n_doubled;
};

/* The kernel's names: the number is all that the monitor is told. */
static const struct {
	const char *subsystem; /* of sysfs */
	const char *prefix;    /* of the device's name; what follows is its number */
	enum monitor_subsystem monitor;
} known_subsystems[] = {
	{"nvme", "nvme", MONITOR_NVME},
	{"fwctl", "fwctl", MONITOR_FWCTL},
	{"cxl", "mem", MONITOR_CXL},
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

/* Ours? Then the monitor's name for it: a subsystem and a number. */
static bool parse_device(sd_device *d, struct monitor_request *ret)
{
	const char *subsystem, *name;
	unsigned number;

	if (sd_device_get_subsystem(d, &subsystem) < 0 || sd_device_get_sysname(d, &name) < 0)
		return false;
	for (unsigned i = 0; i < ELEMENTSOF(known_subsystems); i++)
		if (strcmp(subsystem, known_subsystems[i].subsystem) == 0 &&
		    parse_number(name, known_subsystems[i].prefix, &number)) {
			*ret = (struct monitor_request){
				.subsystem = known_subsystems[i].monitor,
				.number = number,
			};
			return true;
		}
	return false;
}

static int ask(struct manager *manager, const struct monitor_request *request)
{
	return monitor_client_open(manager->monitor, request->subsystem, request->number);
}

/* Asks for every device of the subsystem that sysfs shows and no executor holds. */
static int enumerate(struct manager *manager, const char *subsystem)
{
	sd_device_enumerator *enumerator = NULL;
	int r;

	r = sd_device_enumerator_new(&enumerator);
	if (r < 0)
		return r;
	r = sd_device_enumerator_allow_uninitialized(enumerator);
	if (r >= 0)
		r = sd_device_enumerator_add_match_subsystem(enumerator, subsystem, true);
	if (r < 0)
		goto finish;
	for (sd_device *d = sd_device_enumerator_get_device_first(enumerator); d && r >= 0;
	     d = sd_device_enumerator_get_device_next(enumerator)) {
		struct monitor_request request;
		const struct device *device;

		if (!parse_device(d, &request))
			continue;
		device = device_by_number(manager, &request);
		if (!device || !device->executor)
			r = ask(manager, &request);
	}
finish:
	sd_device_enumerator_unref(enumerator);
	return r < 0 ? r : 0;
}

static int enumerate_all(struct manager *manager)
{
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < ELEMENTSOF(known_subsystems); i++)
		r = enumerate(manager, known_subsystems[i].subsystem);
	return r;
}

static struct discovery_retry *retry_find(struct manager *manager,
					  const struct monitor_request *request)
{
	struct discovery_retry *retry;

	TAILQ_FOREACH(retry, &manager->retries, link)
		if (retry->request.subsystem == request->subsystem &&
		    retry->request.number == request->number)
			return retry;
	return NULL;
}

static void retry_free(struct discovery_retry *retry)
{
	TAILQ_REMOVE(&retry->manager->retries, retry, link);
	sd_event_source_disable_unref(retry->timer);
	free(retry);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct discovery_retry *retry = userdata;

	/* First everything once: those who wait for fwctld to start don't wait for a second try. */
	if (!retry->manager->serving)
		return timer_arm(retry->manager->event, &retry->timer, RETRY_USEC, on_retry, retry);
	return ask(retry->manager, &retry->request);
}

static int retry_later(struct manager *manager, const struct monitor_request *request)
{
	struct discovery_retry *retry = retry_find(manager, request);
	int r;

	if (!retry) {
		retry = calloc(1, sizeof(*retry));
		if (!retry)
			return -ENOMEM;
		*retry = (struct discovery_retry){.manager = manager, .request = *request};
		TAILQ_INSERT_TAIL(&manager->retries, retry, link);
	} else if (retry->n_doubled < RETRY_DOUBLED_MAX) {
		retry->n_doubled++;
	}
	r = timer_arm(manager->event, &retry->timer, RETRY_USEC << retry->n_doubled, on_retry,
		      retry);
	if (r < 0)
		retry_free(retry);
	return r < 0 ? r : 0;
}

static bool may_be_had_later(int error)
{
	return error == EBUSY || error == ETIMEDOUT || error == ECONNRESET ||
	       error == ECONNREFUSED || error == EAGAIN;
}

int discovery_answered(struct manager *manager, const struct monitor_request *request, int error,
		       bool settled)
{
	struct discovery_retry *retry = retry_find(manager, request);
	int r = 0;

	/* A hint to a device that has gone again is nothing to talk of; nor is a controller that is
	 * not yet live. */
	if (!settled && error != ENODEV && (error != EAGAIN || retry))
		fprintf(stderr, "Device %u of subsystem %u can't be opened: %s\n", request->number,
			request->subsystem, strerror(error));
	if (!settled && may_be_had_later(error))
		r = retry_later(manager, request);
	else if (retry)
		retry_free(retry);

	/* EBUSY: it is there, and so may be the next one. Any other error ends the line, for now.
	 */
	if (r < 0 || request->subsystem != MONITOR_SIMULATED ||
	    request->number != manager->next_simulated || (error != 0 && error != EBUSY) ||
	    request->number >= MONITOR_NUMBER_MAX)
		return r;
	manager->next_simulated++;
	return monitor_client_open(manager->monitor, MONITOR_SIMULATED, request->number + 1);
}

static bool shown_in_sysfs(const struct device *device)
{
	sd_device *d = NULL;
	int r;

	for (unsigned i = 0; i < ELEMENTSOF(known_subsystems); i++)
		if (known_subsystems[i].monitor == device->subsystem) {
			r = sd_device_new_from_subsystem_sysname(&d, known_subsystems[i].subsystem,
								 device->name);
			sd_device_unref(d);
			return r != -ENODEV;
		}
	return true; /* simulated */
}

/* What udev said was lost: look at everything again. */
static int rescan(struct manager *manager)
{
	struct device *device, *next;

	for (device = TAILQ_FIRST(&manager->devices); device; device = next) {
		next = TAILQ_NEXT(device, link);
		if (!shown_in_sysfs(device))
			device_gone(device, "it was removed");
		else if (device->subsystem == MONITOR_NVME)
			device_reopen(device); /* it may have been reset */
	}
	return enumerate_all(manager);
}

/*
 * Has the kernel dropped messages since we last looked? sd_device_monitor keeps the ENOBUFS that
 * says so to itself (device_monitor_event_handler() in systemd 252). But the socket counts what it
 * dropped; and it drops only while its queue is full, so that after the last drop there is at least
 * one more message to come, and with it a call of on_uevent().
 */
static bool messages_lost(struct manager *manager)
{
	sd_event_source *source = sd_device_monitor_get_event_source(manager->uevents);
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(sd_event_source_get_io_fd(source), SOL_SOCKET, SO_MEMINFO, info, &size) <
		    0 ||
	    size <= SK_MEMINFO_DROPS * sizeof(info[0]) ||
	    info[SK_MEMINFO_DROPS] == manager->uevents_lost)
		return false;
	manager->uevents_lost = info[SK_MEMINFO_DROPS];
	return true;
}

static bool says_connected(sd_device *d)
{
	const char *event;

	return sd_device_get_property_value(d, "NVME_EVENT", &event) >= 0 &&
	       strcmp(event, "connected") == 0;
}

static int hint_follow(struct manager *manager, sd_device *d)
{
	struct monitor_request request;
	struct device *device;
	sd_device_action_t action;

	if (!parse_device(d, &request) || sd_device_get_action(d, &action) < 0)
		return 0;
	device = device_by_number(manager, &request);
	switch (action) {
	case SD_DEVICE_ADD:
	case SD_DEVICE_BIND:
	case SD_DEVICE_CHANGE:
		if (!device || !device->executor)
			return ask(manager, &request);
		/* A controller that is live again after a reset (nvme_start_ctrl() in
		 * drivers/nvme/host/core.c): somebody may have given it other firmware. */
		if (action == SD_DEVICE_CHANGE && says_connected(d))
			device_reopen(device);
		return 0;
	case SD_DEVICE_REMOVE:
		if (device)
			device_gone(device, "it was removed");
		/* Its successor may be there already, and what is being opened was perhaps opened
		 * in time. */
		return ask(manager, &request);
	default:
		return 0;
	}
}

static int on_uevent(sd_device_monitor *monitor, sd_device *d, void *userdata)
{
	struct manager *manager = userdata;
	int r;

	r = messages_lost(manager) ? rescan(manager) : hint_follow(manager, d);
	if (r < 0)
		fprintf(stderr, "What udev says of devices can't be followed up: %s\n",
			strerror(-r));
	return 0; /* anything else ends the listening */
}

static int listen_to_udev(struct manager *manager)
{
	int r;

	r = sd_device_monitor_new(&manager->uevents);
	if (r >= 0)
		r = sd_device_monitor_attach_event(manager->uevents, manager->event);
	for (unsigned i = 0; r >= 0 && i < ELEMENTSOF(known_subsystems); i++)
		r = sd_device_monitor_filter_add_match_subsystem_devtype(
			manager->uevents, known_subsystems[i].subsystem, NULL);
	if (r >= 0)
		r = sd_device_monitor_start(manager->uevents, on_uevent, manager);
	if (r < 0)
		manager->uevents = sd_device_monitor_unref(manager->uevents);
	return r;
}

int discovery_start(struct manager *manager)
{
	int r;

	r = listen_to_udev(manager);
	if (r < 0)
		fprintf(stderr,
			"Devices that come and go will not be noticed, because udev can't be "
			"listened to: %s\n",
			strerror(-r));
	r = enumerate_all(manager);
	if (r >= 0)
		r = monitor_client_open(manager->monitor, MONITOR_SIMULATED, 0);
	return r;
}

void discovery_stop(struct manager *manager)
{
	struct discovery_retry *retry;

	manager->uevents = sd_device_monitor_unref(manager->uevents);
	while ((retry = TAILQ_FIRST(&manager->retries)))
		retry_free(retry);
}
