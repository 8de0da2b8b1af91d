/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/bus-device.h"
#include "daemon/broker/bus-reply.h"
#include "daemon/broker/device.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "daemon/broker/timer.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"
#include "policy/encode.h"
#include "policy/field.h"
#include "policy/row.h"

static int append_effects(sd_bus_message *m, effect_set effects)
{
	int r;

	r = sd_bus_message_open_container(m, 'a', "s");
	for (unsigned i = 0; r >= 0 && i < _EFFECT_MAX; i++)
		if (effects & EFFECT_BIT(i))
			r = sd_bus_message_append(m, "s", effect_to_string(i));
	return r < 0 ? r : sd_bus_message_close_container(m);
}

#define ROW_SIGNATURE "ssssasssass"

/* What no caller's rule has a say in. False: it can be sent. */
static bool write_why_refused(const struct command *command, const struct live_effects *live,
			      struct refusal *ret)
{
	if (command->refused)
		refuse(ret, 0, "%s%s", command->refused,
		       command->layout_unknown ? "; who knows it can describe the command in a "
						 "file of /etc/fwctld/commands.d"
					       : "");
	else if (command_lacks_kernel(command, live))
		refuse(ret, 0, "the driver of this kernel cannot do what it needs");
	else
		return false;
	return true;
}

/* One row: what a request of this kind would be, and what the caller may do with it. */
static int append_row(sd_bus_message *m, const struct request *request,
		      const struct command *command, const struct live_effects *live, size_t n,
		      const struct moment *now)
{
	struct row row;
	struct classified classified;
	struct query query = {
		.caller = &request->caller->identity,
		.device = &request->device->identity,
		.request = &classified,
		.now = *now,
		.uses = request->manager->uses,
	};
	struct decision decision;
	struct refusal why;
	const char *verdict = "refused";
	int r;

	row_get(command, live, n, &row);
	row_classify(command, &row, live, &classified);
	if (!write_why_refused(command, live, &why)) {
		decide(request->manager->generation->policy, &query, &decision);
		verdict = verdict_to_string(decision.verdict);
		why.text[0] = '\0';
	}

	r = sd_bus_message_open_container(m, 'r', ROW_SIGNATURE);
	if (r >= 0)
		r = sd_bus_message_append(m, "ssss", command->full_name, row.text,
					  effect_class_to_string(classified.class), verdict);
	if (r >= 0)
		r = append_effects(m, classified.effects);
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", *why.text ? why.text : classified.reason,
					  effect_class_to_string(classified.static_class));
	if (r >= 0)
		r = append_effects(m, classified.reported.effects);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", classified.reported.reason ?: "");
	return r < 0 ? r : sd_bus_message_close_container(m);
}

void bus_device_list_commands(struct request *request)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const struct device *device = request->device;
	const struct live_effects *live = device->live_known ? &device->live : NULL;
	const struct dialect *dialect = device_dialect(device);
	const struct moment now = moment_now();
	int r;

	r = sd_bus_message_new_method_return(request->call, &m);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(" ROW_SIGNATURE ")");
	for (size_t i = 0; r >= 0 && dialect && i < dialect->n_commands; i++) {
		const struct command *command = &dialect->commands[i];
		size_t n_rows = row_count(command, live);
		struct refusal ignored;

		/* No node takes what is never sent; whoever looks for it at one finds it. */
		if (!command->refused && device_takes(device, command, &ignored) < 0)
			continue;
		for (size_t n = 0; r >= 0 && n < n_rows; n++)
			r = append_row(m, request, command, live, n, &now);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_send(NULL, m, NULL);
	if (r < 0)
		(void)bus_reply_error(request->call, NULL, FWCTLD_ERROR_INVALID_REQUEST,
				      "The list could not be made: %s.", strerror(-r));
}

/* What a field takes. Everybody may know: the catalogue is public, as its files are. */
static int append_field(sd_bus_message *m, const struct command *command, unsigned index)
{
	const struct field *field = &command->fields[index];
	const struct field *most = field->at_most < 0 ? NULL : &command->fields[field->at_most];
	char text[FIELD_TEXT_MAX], takes[128];
	const char *fallback = "";
	bool required = false;
	int r;

	if (field->type == FIELD_NUMBER)
		snprintf(takes, sizeof(takes), "0 to 0x%llx%s%s",
			 (unsigned long long)field_max(field), most ? ", at most " : "",
			 most ? most->name : "");
	else if (field->type == FIELD_UUID)
		snprintf(takes, sizeof(takes), "a UUID");
	else
		snprintf(takes, sizeof(takes), "%u bytes", field->size);

	if (field->n_defaults == 1 && field->defaults[0].when.n_terms == 0)
		fallback = field_format(field,
					&(union field_value){.number = field->defaults[0].value},
					text, sizeof(text));
	else if (field->n_defaults > 0)
		fallback = "depends on other fields";
	else if (encode_counts_data(command, index))
		fallback = "from the length of the data";
	else
		required = true;

	r = sd_bus_message_open_container(m, 'r', "ssassbs");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", field->name, takes);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < field->n_names; i++) {
		char value[128];

		snprintf(value, sizeof(value), "%s=0x%llx", field->names[i].name,
			 (unsigned long long)field->names[i].value);
		r = sd_bus_message_append(m, "s", value);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "sbs", fallback, (int)required, field->summary ?: "");
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int method_describe_command(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const struct device *device = userdata;
	const struct dialect *dialect = device_dialect(device);
	const struct command *command;
	struct refusal refusal;
	const char *name;
	int r;

	r = sd_bus_message_read(call, "s", &name);
	if (r < 0)
		return r;
	command = dialect ? dialect_command(dialect, name) : NULL;
	if (!command)
		return bus_reply_error(
			call, NULL, FWCTLD_ERROR_UNKNOWN_COMMAND,
			"The catalogue has no command \"%.64s\" for %s, whose dialect "
			"is %s.",
			name, device->name, device->identity.dialect);
	if (!command->refused && device_takes(device, command, &refusal) < 0)
		return bus_reply_error(call, NULL, FWCTLD_ERROR_INVALID_REQUEST, "%s",
				       refusal.text);
	r = sd_bus_message_new_method_return(call, &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", command->full_name, command->summary);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(ssassbs)");
	for (unsigned i = 0; r >= 0 && i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_NOT)
			r = append_field(m, command, i);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static int method_list_commands(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct device *device = userdata;

	return request_from_call(device->manager, device, VERB_LIST_COMMANDS, call);
}

static int method_execute(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct device *device = userdata;

	return request_from_call(device->manager, device, VERB_EXECUTE, call);
}

static int method_execute_raw(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct device *device = userdata;

	return request_from_call(device->manager, device, VERB_EXECUTE_RAW, call);
}

static int method_explain(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct device *device = userdata;

	return request_from_call(device->manager, device, VERB_EXPLAIN, call);
}

static int method_explain_raw(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	struct device *device = userdata;

	return request_from_call(device->manager, device, VERB_EXPLAIN_RAW, call);
}

static int property_get_text(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *ret_error)
{
	const struct device *device = userdata;
	const struct device_identity *i = &device->identity;
	const struct {
		const char *name, *value;
	} texts[] = {
		{"Name", device->name}, {"DeviceId", device->id},  {"Dialect", i->dialect},
		{"Driver", i->driver},	{"PciAddress", i->pci},	   {"Serial", i->serial},
		{"Model", i->model},	{"Firmware", i->firmware}, {"SubsystemNqn", i->nqn},
	};

	for (size_t n = 0; n < ELEMENTSOF(texts); n++)
		if (strcmp(texts[n].name, property) == 0)
			return sd_bus_message_append(reply, "s", texts[n].value);
	return -ENOENT;
}

static int property_get_state(sd_bus *bus, const char *path, const char *interface,
			      const char *property, sd_bus_message *reply, void *userdata,
			      sd_bus_error *ret_error)
{
	return sd_bus_message_append(reply, "s", device_tell_state(userdata));
}

static int property_get_simulated(sd_bus *bus, const char *path, const char *interface,
				  const char *property, sd_bus_message *reply, void *userdata,
				  sd_bus_error *ret_error)
{
	const struct device *device = userdata;

	return sd_bus_message_append(reply, "b", (int)device->identity.simulated);
}

#define TEXT_PROPERTY(name, flags) SD_BUS_PROPERTY(name, "s", property_get_text, 0, flags)

/* UNPRIVILEGED: policy decides who may do what, in one place, and not sd-bus's capability check. */
static const sd_bus_vtable device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	TEXT_PROPERTY("Name", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("DeviceId", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	TEXT_PROPERTY("Dialect", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("Driver", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("PciAddress", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("Serial", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("Model", SD_BUS_VTABLE_PROPERTY_CONST),
	TEXT_PROPERTY("Firmware", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	TEXT_PROPERTY("SubsystemNqn", SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", property_get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Simulated", "b", property_get_simulated, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_METHOD_WITH_ARGS("ListCommands", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(" ROW_SIGNATURE ")", commands),
				method_list_commands, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("DescribeCommand", SD_BUS_ARGS("s", command),
				SD_BUS_RESULT("s", name, "s", summary, "a(ssassbs)", fields),
				method_describe_command, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Execute",
				SD_BUS_ARGS("s", command, "a{sv}", fields, "ay", data, "a{sv}",
					    options),
				SD_BUS_RESULT("s", request, "u", status, "ay", response, "a{sv}",
					      decoded),
				method_execute, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ExecuteRaw",
				SD_BUS_ARGS("ay", message, "ay", data, "a{sv}", options),
				SD_BUS_RESULT("s", request, "u", status, "ay", response, "a{sv}",
					      decoded),
				method_execute_raw, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Explain",
				SD_BUS_ARGS("s", command, "a{sv}", fields, "ay", data, "a{sv}",
					    options),
				SD_BUS_RESULT("a{sv}", explanation), method_explain,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ExplainRaw",
				SD_BUS_ARGS("ay", message, "ay", data, "a{sv}", options),
				SD_BUS_RESULT("a{sv}", explanation), method_explain_raw,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int bus_device_add(struct device *device)
{
	int r;

	r = sd_bus_add_object_vtable(device->manager->bus, &device->bus_slot, device->path,
				     FWCTLD_DEVICE_INTERFACE, device_vtable, device);
	if (r >= 0 && device->manager->serving)
		r = sd_bus_emit_object_added(device->manager->bus, device->path);
	return r;
}

void bus_device_remove(struct device *device)
{
	if (!device->bus_slot)
		return;
	(void)sd_bus_emit_object_removed(device->manager->bus, device->path);
	device->bus_slot = sd_bus_slot_unref(device->bus_slot);
}
