/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/bus-manager.h"
#include "daemon/broker/bus-reply.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

static int method_get_device(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct manager *manager = userdata;
	const struct device *device;
	const char *name;
	bool ambiguous;
	int r;

	r = sd_bus_message_read(call, "s", &name);
	if (r < 0)
		return r;
	device = device_find(manager, name, &ambiguous);
	if (ambiguous)
		return bus_reply_error(
			call, NULL, FWCTLD_ERROR_DEVICE_GONE,
			"More than one device has the serial \"%.64s\": name it by its "
			"kernel name or its device id.",
			name);
	if (!device)
		return bus_reply_error(
			call, NULL, FWCTLD_ERROR_DEVICE_GONE,
			"fwctld holds no device \"%.64s\". \"fwctl list\" shows those it "
			"holds.",
			name);
	return sd_bus_reply_method_return(call, "o", device->path);
}

static int method_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct manager *manager = userdata;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct device *device;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ossss)");
	TAILQ_FOREACH(device, &manager->devices, link)
		if (r >= 0 && device->state != DEVICE_GONE)
			r = sd_bus_message_append(reply, "(ossss)", device->path, device->name,
						  device->identity.dialect, device->id,
						  device_tell_state(device));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_problems(sd_bus_message *call, const struct problems *problems)
{
	const struct problem *first = problems_first_error(problems);
	_cleanup_free_ char *text = first ? problem_to_string(first) : NULL;

	return bus_reply_error(call, NULL, FWCTLD_ERROR_INVALID_REQUEST,
			       "The policy was not loaded, and what was in force stays in force. "
			       "Errors: %zu. The first "
			       "of them: %.768s (\"fwctl policy check\" shows all.)",
			       problems->n_errors, text ?: "out of memory.");
}

void bus_manager_reloaded(struct request *request, int error, const struct problems *problems)
{
	if (error < 0)
		(void)reply_problems(request->call, problems);
	else
		(void)sd_bus_reply_method_return(request->call, "t",
						 request->manager->generation->number);
}

static int method_reload_policy(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	return request_from_call(userdata, NULL, VERB_RELOAD, call);
}

static int property_get_version(sd_bus *bus, const char *path, const char *interface,
				const char *property, sd_bus_message *reply, void *userdata,
				sd_bus_error *ret_error)
{
	return sd_bus_message_append(reply, "s", FWCTLD_VERSION);
}

static int property_get_policy(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *ret_error)
{
	const struct generation *generation = ((struct manager *)userdata)->generation;

	if (strcmp(property, "PolicyGeneration") == 0)
		return sd_bus_message_append(reply, "t",
					     generation->policy ? generation->number : UINT64_C(0));
	if (strcmp(property, "PolicyDigest") == 0)
		return sd_bus_message_append(reply, "s", generation->digest);
	return sd_bus_message_append(reply, "b", (int)(generation->policy != NULL));
}

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("PolicyGeneration", "t", property_get_policy, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PolicyDigest", "s", property_get_policy, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PolicyLoaded", "b", property_get_policy, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("RequestsTotal", "t", NULL, offsetof(struct manager, n_requests), 0),
	SD_BUS_PROPERTY("RequestsExecuted", "t", NULL, offsetof(struct manager, n_executed), 0),
	SD_BUS_PROPERTY("RequestsDenied", "t", NULL, offsetof(struct manager, n_denied), 0),
	SD_BUS_PROPERTY("RequestsFailed", "t", NULL, offsetof(struct manager, n_failed), 0),
	SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", device),
				method_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ossss)", devices),
				method_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ReloadPolicy", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", generation),
				method_reload_policy, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int bus_manager_add(struct manager *manager)
{
	int r;

	r = sd_bus_add_object_vtable(manager->bus, &manager->bus_slots[0], FWCTLD_ROOT_PATH,
				     FWCTLD_MANAGER_INTERFACE, manager_vtable, manager);
	if (r >= 0)
		r = sd_bus_add_object_manager(manager->bus, &manager->bus_slots[1],
					      FWCTLD_ROOT_PATH);
	return r;
}
