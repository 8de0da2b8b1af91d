/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fwctl.h"

#include "client/json.h"
#include "client/output.h"

static void write_json(const struct fwctld_device *devices, size_t n)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_begin(&json, "devices", '[');
	for (size_t i = 0; i < n; i++) {
		json_begin(&json, NULL, '{');
		json_string(&json, "name", devices[i].name);
		json_string(&json, "dialect", devices[i].dialect);
		json_string(&json, "state", devices[i].state);
		json_string(&json, "device-id", devices[i].device_id);
		json_string(&json, "path", devices[i].path);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_end(&json, '}');
	putchar('\n');
}

int verb_list(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_result_ struct fwctld_device *devices = NULL;
	_cleanup_free_ const char **cells = NULL;
	size_t n;
	int r;

	r = fwctld_list_devices(connection, &devices, &n);
	if (r < 0)
		return fail_call(arguments, connection, r, false);
	if (arguments->json) {
		write_json(devices, n);
		return EXIT_OK;
	}
	if (n == 0) {
		puts("No devices. fwctld looks for them when it starts; `systemctl restart "
		     "fwctld` makes it look again.");
		return EXIT_OK;
	}
	cells = calloc(n + 1, 4 * sizeof(*cells));
	if (!cells)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	cells[0] = "NAME";
	cells[1] = "DIALECT";
	cells[2] = "STATE";
	cells[3] = "DEVICE ID";
	for (size_t i = 0; i < n; i++) {
		const char **row = &cells[4 * (i + 1)];

		row[0] = devices[i].name;
		row[1] = devices[i].dialect;
		row[2] = devices[i].state;
		row[3] = devices[i].device_id;
	}
	print_table(stdout, cells, n + 1, 4, SIZE_MAX);
	return EXIT_OK;
}
