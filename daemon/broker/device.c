/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "daemon/broker/audit-event.h"
#include "daemon/broker/bus-device.h"
#include "daemon/broker/device.h"
#include "daemon/broker/live-read.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "daemon/broker/timer.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

/* A fresh executor: after 1 s, then 2, 4, ... at most 64 s, until one has answered a request. */
#define RESTART_USEC	 (1000 * 1000ull)
#define RESTART_USEC_MAX (64 * RESTART_USEC)
/* The old one, whose socket was closed, has the device for a moment yet. */
#define REOPEN_USEC   (10 * 1000ull)
#define ANNOUNCE_USEC (100 * 1000ull)

static const char *device_state_to_string(enum device_state state)
{
	static const char *const names[_DEVICE_STATE_MAX] = {
		[DEVICE_STARTING] = "starting",
		[DEVICE_IDLE] = "idle",
		[DEVICE_BUSY] = "busy",
		[DEVICE_GONE] = "gone",
	};

	return state < _DEVICE_STATE_MAX ? names[state] : NULL;
}

static int on_announce(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device *device = userdata;

	if (device->bus_slot && (device->told_other || device->announced != device->state))
		(void)sd_bus_emit_properties_changed(device->manager->bus, device->path,
						     FWCTLD_DEVICE_INTERFACE, "State", NULL);
	device->announced = device->state;
	device->told_other = false;
	return 0;
}

const char *device_tell_state(struct device *device)
{
	if (device->state != device->announced)
		device->told_other = true;
	return device_state_to_string(device->state);
}

/*
 * Between idle and busy a device can go ten thousand times a second, and a signal costs as much as
 * a request. So the state is announced when it has lasted, and at most every ANNOUNCE_USEC.
 */
static void device_set_state(struct device *device, enum device_state state)
{
	int enabled = SD_EVENT_OFF;

	if (device->state == state)
		return;
	device->state = state;
	if (device->announce)
		(void)sd_event_source_get_enabled(device->announce, &enabled);
	if (enabled == SD_EVENT_OFF)
		(void)timer_arm(device->manager->event, &device->announce, ANNOUNCE_USEC,
				on_announce, device);
}

/* The user's turn who waited longest for one: a hundred requests are not ahead of another's one. */
static struct request *device_next(struct device *device)
{
	struct request *request, *next = NULL;

	TAILQ_FOREACH(request, &device->queue, of_device) {
		if (!request->caller)
			return request;
		/* One that was held is judged anew before it is anybody's turn: device_resume(). */
		if (request->state == REQUEST_HELD || request_waits_for_effects(request))
			continue;
		if (!next || request->caller->account->served < next->caller->account->served)
			next = request;
	}
	return next;
}

static unsigned device_count_queued(const struct device *device, const struct account *account)
{
	const struct request *request;
	unsigned n = 0;

	TAILQ_FOREACH(request, &device->queue, of_device)
		n += request->caller && request->caller->account == account;
	return n;
}

static void device_run(struct device *device)
{
	struct request *request;

	while (device->executor && !device->running && (request = device_next(device))) {
		device_dequeue(device, request);
		if (request->caller)
			request->caller->account->served = ++device->manager->n_turns;
		device->running = request;
		if (request_begin(request))
			break;
		device->running = NULL;
	}
	if (device->state != DEVICE_GONE)
		device_set_state(device, !device->executor ? DEVICE_STARTING
					 : device->running || device_is_unread(device)
						 ? DEVICE_BUSY
						 : DEVICE_IDLE);
}

static struct request *device_held(struct device *device)
{
	struct request *request;

	TAILQ_FOREACH(request, &device->queue, of_device)
		if (request->state == REQUEST_HELD)
			return request;
	return NULL;
}

void device_resume(struct device *device)
{
	struct request *request;

	while ((request = device_held(device))) {
		device_dequeue(device, request);
		request_resume(request);
	}
	device_run(device);
}

int device_enqueue(struct device *device, struct request *request)
{
	if (device->state == DEVICE_GONE)
		return -ENODEV;
	if (device->hung)
		return -EBUSY;
	/* Others fill the line, they don't close it. */
	if (device->n_queue >= DEVICE_QUEUE_MAX && request->caller &&
	    device_count_queued(device, request->caller->account) >= REQUESTS_ALWAYS)
		return -EXFULL;
	/* Whoever is new stands behind those who wait, but before the one who has just been served.
	 */
	if (request->caller && request->caller->account->served == 0 &&
	    device->manager->n_turns > 0)
		request->caller->account->served = device->manager->n_turns - 1;
	TAILQ_INSERT_TAIL(&device->queue, request, of_device);
	device->n_queue++;
	device_run(device);
	return 0;
}

void device_dequeue(struct device *device, struct request *request)
{
	TAILQ_REMOVE(&device->queue, request, of_device);
	device->n_queue--;
}

static void device_give_up_queue(struct device *device, int error, const char *why)
{
	struct request *request;

	while ((request = TAILQ_FIRST(&device->queue))) {
		device_dequeue(device, request);
		request_give_up(request, error, why);
	}
}

static void device_ask(struct device *device)
{
	if (monitor_client_open(device->manager->monitor, device->subsystem, device->number) < 0)
		device_gone(device, "out of memory");
}

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata)
{
	device_ask(userdata);
	return 0;
}

static void device_schedule_restart(struct device *device)
{
	uint64_t usec = device->restart_usec;

	device->restart_usec = 2 * usec < RESTART_USEC_MAX ? 2 * usec : RESTART_USEC_MAX;
	if (timer_arm(device->manager->event, &device->restart, usec, on_restart, device) < 0)
		device_gone(device, "out of memory");
}

static void device_close(struct device *device)
{
	device->executor = executor_free(device->executor);
	live_forget(device);
}

static void device_lost(struct device *device, const char *why)
{
	struct request *running = device->running;

	device_ref(device);
	device->reopen = false; /* a lost one is opened anew, but not at once */
	device_close(device);
	audit_executor_lost(device, running, why);
	if (running)
		request_executor_lost(running, why);
	if (device->state != DEVICE_GONE) {
		device_set_state(device, DEVICE_STARTING);
		device_schedule_restart(device);
	}
	device_unref(device);
}

/* The new executor is asked for at once: what waits for it here should not notice. */
static void device_renew(struct device *device)
{
	device->reopen = false;
	device->restart = sd_event_source_disable_unref(device->restart);
	device->restart_usec = REOPEN_USEC;
	device_close(device);
	device_set_state(device, DEVICE_STARTING);
	device_ask(device);
}

void device_reopen(struct device *device)
{
	if (device->state == DEVICE_GONE)
		return;
	if (device->running)
		device->reopen = true;
	else
		device_renew(device);
}

void device_doubt(struct device *device)
{
	if (device->state != DEVICE_GONE)
		device_ask(device);
}

/* Nobody finds it any more. What an executor still has of it is audited when it comes. */
static void device_leave_bus(struct device *device)
{
	if (!device->bus_slot)
		return;
	audit_device_removed(device, device->gone);
	bus_device_remove(device);
}

static void device_end(struct device *device)
{
	device_leave_bus(device);
	device_close(device);
	TAILQ_REMOVE(&device->manager->devices, device, link);
	device_unref(device);
}

void device_release(struct device *device)
{
	device->running = NULL;
	device->hung = false;
	if (device->state == DEVICE_GONE) {
		device_end(device);
		return;
	}
	if (device->executor)
		device->restart_usec = RESTART_USEC;
	if (device->reopen)
		device_renew(device);
	else
		device_run(device);
}

void device_set_hung(struct device *device)
{
	device->hung = true;
	if (device->state == DEVICE_GONE)
		device_leave_bus(device);
	else
		device_give_up_queue(device, -EBUSY,
				     "a command before it does not return from the device");
}

static void on_replied(void *userdata, uint64_t id, int value, int error, uint8_t *bytes,
		       size_t length)
{
	struct device *device = userdata;

	/* An answer to what it was not asked is no answer, whatever id it guessed. */
	if (device->running && device->running->number == id && request_is_sent(device->running))
		request_replied(device->running, value, error, bytes, length);
	else
		device_lost(device, "it answered without being asked");
}

static void on_lost(void *userdata, const char *why)
{
	device_lost(userdata, why);
}

static const struct executor_handlers executor_handlers = {
	.replied = on_replied,
	.lost = on_lost,
};

/* By another one than the device's own second node. */
static bool serial_shared(const struct device *device)
{
	const struct device *other;

	TAILQ_FOREACH(other, &device->manager->devices, link)
		if (other != device && other->state != DEVICE_GONE &&
		    devices_share_serial(device, other) && !devices_are_siblings(device, other))
			return true;
	return false;
}

/*
 * The identity that a caller can insist on: the serial, unless two devices claim it; then, and
 * where there is none, the PCI address; and at the last the kernel's name. The character between
 * says which: a device can claim any serial, and must not be able to claim another's id with it.
 */
static int device_name_id(struct device *device)
{
	const struct device_identity *i = &device->identity;
	const char *prefix = device_id_prefix(device);
	bool changed;
	char *id;
	int r;

	if (*i->serial && !i->serial_disputed)
		r = asprintf(&id, "%s:%s", prefix, i->serial);
	else if (*i->pci)
		r = asprintf(&id, "%s@%s", prefix, i->pci);
	else
		r = asprintf(&id, "%s#%s", prefix, device->name);
	if (r < 0)
		return -ENOMEM;
	changed = device->id && strcmp(device->id, id) != 0;
	free(device->id);
	device->id = id;
	device->identity.id = id;
	/* The signal carries what the property is now. */
	if (changed && device->bus_slot)
		(void)sd_bus_emit_properties_changed(device->manager->bus, device->path,
						     FWCTLD_DEVICE_INTERFACE, "DeviceId", NULL);
	return 0;
}

static int devices_name_ids(struct manager *manager)
{
	struct device *device;
	int r = 0;

	TAILQ_FOREACH(device, &manager->devices, link) {
		if (device->state == DEVICE_GONE)
			continue; /* what is still to be audited of it has the id that it had */
		device->identity.serial_disputed = serial_shared(device);
		if (r >= 0)
			r = device_name_id(device);
	}
	return r;
}

struct device *device_by_number(struct manager *manager, const struct monitor_request *request)
{
	struct device *device;

	TAILQ_FOREACH(device, &manager->devices, link)
		if (device->state != DEVICE_GONE && device->subsystem == request->subsystem &&
		    device->number == request->number)
			return device;
	return NULL;
}

static bool same_device(const struct monitor_identity *a, const struct monitor_identity *b)
{
	return strcmp(a->dialect, b->dialect) == 0 && strcmp(a->envelope, b->envelope) == 0 &&
	       strcmp(a->memdev, b->memdev) == 0 && strcmp(a->serial, b->serial) == 0 &&
	       strcmp(a->pci, b->pci) == 0 && strcmp(a->model, b->model) == 0 &&
	       strcmp(a->nqn, b->nqn) == 0 && a->simulated == b->simulated;
}

/*
 * The kernel's name; when that comes again, a suffix goes with it that no path had before. One bit
 * for each number that there can be: this does not grow with the devices that come and go.
 */
static int device_name_path(struct device *device)
{
	static uint8_t used[_MONITOR_SUBSYSTEM_MAX][MONITOR_NUMBER_MAX / 8 + 1];
	static uint64_t n_again = 1;
	uint8_t *byte = &used[device->subsystem][device->number / 8];
	uint8_t bit = (uint8_t)(1u << device->number % 8);
	char *path;
	int r;

	r = sd_bus_path_encode(FWCTLD_DEVICE_PATH, device->name, &device->path);
	if (r < 0)
		return r;
	if (*byte & bit) {
		/* An underscore of the name itself would have been encoded. */
		if (asprintf(&path, "%s_%" PRIu64, device->path, ++n_again) < 0)
			return -ENOMEM;
		free(device->path);
		device->path = path;
	}
	*byte |= bit;
	return 0;
}

static int device_new(struct manager *manager, const struct monitor_request *request,
		      const struct monitor_identity *identity, struct device **ret)
{
	_cleanup_(device_unrefp) struct device *device = NULL;
	int r;

	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	*device = (struct device){
		.n_ref = 1,
		.manager = manager,
		.from_monitor = *identity,
		.subsystem = request->subsystem,
		.number = request->number,
		.restart_usec = RESTART_USEC,
	};
	TAILQ_INIT(&device->queue);
	device->identity = (struct device_identity){
		.dialect = device->from_monitor.dialect,
		.driver = device->from_monitor.driver,
		.pci = device->from_monitor.pci,
		.serial = device->from_monitor.serial,
		.model = device->from_monitor.model,
		.firmware = device->from_monitor.firmware,
		.nqn = device->from_monitor.nqn,
		.simulated = device->from_monitor.simulated != 0,
	};
	device->name = strdup(device->from_monitor.name);
	if (!device->name)
		return -ENOMEM;
	r = device_name_path(device);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(device);
	return 0;
}

/* The same device with other firmware: what is decided on is what came with this executor. */
static void device_update(struct device *device, const struct monitor_identity *identity)
{
	bool changed = strcmp(device->from_monitor.firmware, identity->firmware) != 0;

	device->from_monitor = *identity;
	/* A mailbox says how much it takes; an NVMe controller is asked. */
	device->transfer_max =
		strcmp(identity->envelope, WIRE_ENVELOPE_CXL) == 0 ? identity->payload_max : 0;
	if (!changed)
		return;
	audit_device_added(device);
	(void)sd_bus_emit_properties_changed(device->manager->bus, device->path,
					     FWCTLD_DEVICE_INTERFACE, "Firmware", NULL);
}

/* Takes the fd. */
static int device_add(struct manager *manager, const struct monitor_request *request,
		      const struct monitor_identity *identity, int fd, struct device **ret)
{
	_cleanup_close_ int socket = fd;
	struct device *device;
	int r;

	r = device_new(manager, request, identity, &device);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&manager->devices, device, link);
	r = devices_name_ids(manager);
	if (r >= 0)
		r = executor_new(manager->event, TAKE_FD(socket), &executor_handlers, device,
				 &device->executor);
	if (r >= 0) {
		/* What it reports is about to be read. */
		device->state = device->announced = DEVICE_BUSY;
		r = bus_device_add(device);
	}
	if (r < 0) {
		TAILQ_REMOVE(&manager->devices, device, link);
		device_unref(device);
		(void)devices_name_ids(manager);
		return r;
	}
	audit_device_added(device);
	*ret = device;
	return 0;
}

int device_opened(struct manager *manager, const struct monitor_request *request,
		  const struct monitor_identity *identity, int fd)
{
	_cleanup_close_ int socket = fd;
	struct device *device = device_by_number(manager, request);
	int r;

	/* Decided on is what was opened. Another device under the old number is another device. */
	if (device && !same_device(&device->from_monitor, identity)) {
		device_gone(device, "another device came in its place");
		device = NULL;
	}
	/* Nobody held it: the executor that we have holds nothing, or what was there before. */
	if (device && device->executor) {
		device_lost(device, "the device could be opened anew");
		device = device_by_number(manager, request); /* without memory it was given up */
	}
	if (!device) {
		r = device_add(manager, request, identity, TAKE_FD(socket), &device);
		if (r < 0)
			return r;
	} else {
		device->restart = sd_event_source_disable_unref(device->restart);
		r = executor_new(manager->event, TAKE_FD(socket), &executor_handlers, device,
				 &device->executor);
		if (r < 0) {
			device_schedule_restart(device);
			return r;
		}
	}
	device_update(device, identity);
	live_read(device);
	device_run(device);
	return 0;
}

bool device_not_opened(struct manager *manager, const struct monitor_request *request, int error)
{
	struct device *device = device_by_number(manager, request);

	if (!device)
		return false;
	/* EOPNOTSUPP: something is there, but nothing of ours. */
	if (error == ENODEV || error == ENOENT || error == ENXIO || error == EOPNOTSUPP) {
		device_gone(device, "its node is gone");
		return true;
	}
	/* EBUSY: the executor that holds it is ours, so it is still the same device (discovery.h).
	 * EAGAIN: it is there, and being reset; udev will tell how that ends. */
	if (device->executor)
		return error == EBUSY || error == EAGAIN;
	/* The old executor is still in the kernel, or the driver resets the device. Whoever waits
	 * should not wait for that; but a moment after a reopen it is nothing to speak of. */
	if (device->restart_usec >= RESTART_USEC)
		device_give_up_queue(device, -EBUSY,
				     error == EBUSY ? "its executor has not yet ended"
						    : "it can't be opened just now");
	device_schedule_restart(device);
	return true;
}

void device_gone(struct device *device, const char *why)
{
	if (device->state == DEVICE_GONE)
		return;
	device_ref(device);
	device_set_state(device, DEVICE_GONE);
	device->gone = why;
	device->restart = sd_event_source_disable_unref(device->restart);
	live_forget(device);
	device_give_up_queue(device, -ENODEV, why);
	(void)devices_name_ids(device->manager);
	if (!device->running)
		device_end(device);
	else if (!request_is_sent(device->running))
		request_executor_lost(device->running, why); /* and with it the device ends */
	else if (device->hung)
		device_leave_bus(device);
	device_unref(device);
}

void devices_end(struct manager *manager, const char *why)
{
	struct device *device;

	while ((device = TAILQ_FIRST(&manager->devices))) {
		device_ref(device);
		device_gone(device, why);
		if (device->running)
			request_executor_lost(device->running, why);
		device_unref(device);
	}
}

const struct dialect *device_dialect(const struct device *device)
{
	return catalogue_dialect(device->manager->generation->catalogue, device->identity.dialect);
}

struct device *device_find(struct manager *manager, const char *name, bool *ret_ambiguous)
{
	struct device *device, *found = NULL;

	*ret_ambiguous = false;
	TAILQ_FOREACH(device, &manager->devices, link) {
		if (device->state == DEVICE_GONE)
			continue;
		if (strcmp(device->name, name) == 0 || strcmp(device->id, name) == 0) {
			*ret_ambiguous = false;
			return device;
		}
		if (strcmp(device->identity.serial, name) == 0) {
			*ret_ambiguous = found != NULL;
			found = device;
		}
	}
	return *ret_ambiguous ? NULL : found;
}

struct device *device_ref(struct device *device)
{
	if (device)
		device->n_ref++;
	return device;
}

struct device *device_unref(struct device *device)
{
	if (!device || --device->n_ref > 0)
		return NULL;
	executor_free(device->executor);
	sd_event_source_disable_unref(device->restart);
	sd_event_source_disable_unref(device->live_retry);
	sd_event_source_disable_unref(device->announce);
	sd_bus_slot_unref(device->bus_slot);
	free(device->name);
	free(device->id);
	free(device->path);
	free(device);
	return NULL;
}
