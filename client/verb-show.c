/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fwctl.h"

#include "client/json.h"
#include "client/output.h"

int verb_show(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_result_ struct fwctld_device *device = NULL;
	struct json json = {.file = stdout};
	int r;

	r = fwctld_get_device(connection, arguments->device, &device);
	if (r < 0)
		return fail_call(arguments, connection, r, false);

	const struct fwctld_item items[] = {
		{.name = "name", .type = FWCTLD_ITEM_TEXT, .text = device->name},
		{.name = "device-id", .type = FWCTLD_ITEM_TEXT, .text = device->device_id},
		{.name = "state", .type = FWCTLD_ITEM_TEXT, .text = device->state},
		{.name = "dialect", .type = FWCTLD_ITEM_TEXT, .text = device->dialect},
		{.name = "driver", .type = FWCTLD_ITEM_TEXT, .text = device->driver},
		{.name = "pci-address", .type = FWCTLD_ITEM_TEXT, .text = device->pci_address},
		{.name = "model", .type = FWCTLD_ITEM_TEXT, .text = device->model},
		{.name = "serial", .type = FWCTLD_ITEM_TEXT, .text = device->serial},
		{.name = "firmware", .type = FWCTLD_ITEM_TEXT, .text = device->firmware},
		{.name = "subsystem-nqn", .type = FWCTLD_ITEM_TEXT, .text = device->subsystem_nqn},
		{.name = "path", .type = FWCTLD_ITEM_TEXT, .text = device->path},
	};

	if (!arguments->json) {
		print_items(stdout, &(struct fwctld_items){items, ELEMENTSOF(items)}, 0);
		if (device->simulated)
			puts("This device is simulated: no hardware stands behind it.");
		return EXIT_OK;
	}
	json_begin(&json, NULL, '{');
	json_begin(&json, "device", '{');
	for (size_t i = 0; i < ELEMENTSOF(items); i++)
		json_string(&json, items[i].name, items[i].text);
	json_bool(&json, "simulated", device->simulated);
	json_end(&json, '}');
	json_end(&json, '}');
	putchar('\n');
	return EXIT_OK;
}
