/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>

#include "daemon/broker/audit-event.h"
#include "daemon/broker/bus-manager.h"
#include "daemon/broker/discovery.h"
#include "daemon/broker/live-read.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

/* Being denied costs nothing, and the disk that the journal is on is everybody's. So with what a
 * rule would have decided. */
static const struct flood_limits record_limits = {
	.window_usec = 10 * 1000 * 1000,
	.per_uid = 200,
	.in_all = 2000,
};
/* Lists of commands cost more than anything else that needs no permission. */
static const struct flood_limits list_limits = {
	.window_usec = 1000 * 1000,
	.per_uid = 20,
	.in_all = 1000,
};

/* Whoever activates us by a call should find the devices; but not wait for ever for a broken one.
 */
static int manager_serve(struct manager *manager)
{
	int r;

	if (manager->serving || !monitor_client_idle(manager->monitor))
		return 0;
	manager->serving = true;
	audit_started(manager);
	r = sd_bus_request_name(manager->bus, FWCTLD_BUS_NAME, 0);
	if (r < 0)
		fprintf(stderr, "The bus name " FWCTLD_BUS_NAME " can't be had: %s\n",
			strerror(-r));
	else
		(void)sd_notify(0, "READY=1");
	return r;
}

static void on_monitor_answered(void *userdata, const struct monitor_request *request, int error,
				const struct monitor_identity *identity, int fd)
{
	struct manager *manager = userdata;
	bool settled = true;
	int r = 0;

	if (error == 0)
		r = device_opened(manager, request, identity, fd);
	else
		settled = device_not_opened(manager, request, error);
	if (r < 0)
		fprintf(stderr, "Device %s can't be served: %s\n", identity->name, strerror(-r));

	r = discovery_answered(manager, request, error, settled);
	if (r >= 0)
		r = manager_serve(manager);
	if (r < 0 && !manager->serving)
		sd_event_exit(manager->event, r);
}

void manager_loaded(struct manager *manager, struct generation *generation,
		    const struct problems *problems)
{
	struct device *device;

	generation->number = ++manager->generations;
	generation_unref(manager->generation);
	manager->generation = generation;
	audit_policy_loaded(manager, problems);
	(void)sd_bus_emit_properties_changed(manager->bus, FWCTLD_ROOT_PATH,
					     FWCTLD_MANAGER_INTERFACE, "PolicyGeneration",
					     "PolicyDigest", "PolicyLoaded", NULL);
	/* The catalogue that was in force may not have known how to ask. */
	TAILQ_FOREACH(device, &manager->devices, link)
		if (device->state != DEVICE_GONE && device->executor && !device->live_known)
			live_read(device);
}

void manager_rejected(struct manager *manager, const struct problems *problems)
{
	audit_policy_rejected(manager, problems,
			      manager->generation->policy ? "what was in force stays in force"
							  : "everything stays denied");
}

static int manager_load_first(struct manager *manager)
{
	_cleanup_(problems_done) struct problems problems = {}, shipped = {};
	int r;

	r = generation_load(&problems, &manager->generation);
	if (r >= 0) {
		manager->generation->number = manager->generations = 1;
		audit_policy_loaded(manager, &problems);
		return 0;
	}
	audit_policy_rejected(manager, &problems, "everything is denied until one loads");
	r = generation_load_denying(&shipped, &manager->generation);
	for (size_t i = 0; r < 0 && i < shipped.n; i++) {
		_cleanup_free_ char *text = problem_to_string(&shipped.items[i]);

		fprintf(stderr, "%s\n", text ?: "out of memory");
	}
	return r;
}

static int manager_open_bus(struct manager *manager)
{
	int r;

	r = sd_bus_open_system(&manager->bus);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(manager->bus, true);
	if (r >= 0)
		r = sd_bus_attach_event(manager->bus, manager->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = bus_manager_add(manager);
	return r;
}

int manager_new(sd_event *event, struct manager **ret)
{
	struct manager *manager;
	int r;

	manager = calloc(1, sizeof(*manager));
	if (!manager)
		return -ENOMEM;
	TAILQ_INIT(&manager->devices);
	TAILQ_INIT(&manager->retries);
	manager->event = sd_event_ref(event);
	r = getrandom(manager->digest_key, sizeof(manager->digest_key), 0) ==
			    (ssize_t)sizeof(manager->digest_key)
		    ? 0
		    : -errno;
	if (r >= 0)
		r = audit_new(event, &manager->audit);
	if (r >= 0)
		r = flood_new(event, &record_limits, audit_suppressed_denials, manager,
			      &manager->denials);
	if (r >= 0)
		r = flood_new(event, &record_limits, audit_suppressed_observations, manager,
			      &manager->observations);
	if (r >= 0)
		r = flood_new(event, &list_limits, NULL, NULL, &manager->lists);
	if (r >= 0)
		r = limit_book_new(&manager->uses);
	if (r >= 0)
		r = manager_load_first(manager);
	if (r >= 0)
		r = reload_new(manager, &manager->reload);
	if (r >= 0)
		r = manager_open_bus(manager);
	if (r >= 0)
		r = callers_new(manager->bus, request_advance, &manager->callers);
	if (r >= 0)
		r = monitor_client_new(event, on_monitor_answered, manager, &manager->monitor);
	if (r >= 0)
		r = discovery_start(manager);
	if (r < 0) {
		manager_free(manager);
		return r;
	}
	*ret = manager;
	return 0;
}

void manager_end_requests(struct manager *manager)
{
	if (manager->reload)
		reload_end(manager->reload);
	if (manager->callers)
		callers_end_requests(manager->callers, request_end);
	/* What is in flight gets an outcome: nobody will hear of it any more. */
	devices_end(manager, "fwctld ends");
	/* Once more, for those whose outcome that was. */
	if (manager->callers)
		callers_end_requests(manager->callers, request_end);
	if (manager->bus)
		(void)sd_bus_flush(manager->bus);
}

struct manager *manager_free(struct manager *manager)
{
	if (!manager)
		return NULL;
	manager_end_requests(manager);
	discovery_stop(manager);
	monitor_client_free(manager->monitor);
	callers_free(manager->callers);
	reload_free(manager->reload);
	flood_free(manager->denials);
	flood_free(manager->observations);
	flood_free(manager->lists);
	generation_unref(manager->generation);
	limit_book_free(manager->uses);
	audit_free(manager->audit);
	if (manager->bus) {
		(void)sd_bus_flush(manager->bus);
		for (size_t i = 0; i < ELEMENTSOF(manager->bus_slots); i++)
			sd_bus_slot_unref(manager->bus_slots[i]);
		sd_bus_unref(manager->bus);
	}
	sd_event_unref(manager->event);
	free(manager);
	return NULL;
}
