/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/broker/device.h"
#include "daemon/broker/live-read.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "daemon/broker/timer.h"
#include "policy/encode.h"

/* Get Supported Features counts in bytes: its 8-byte header and 48 an entry (CXL 3.1, 8.2.9.6.1).
 */
#define CXL_FEATURES_BYTES (8u + 48u * LIVE_ENTRIES_MAX)

/* What could not be asked, for want of a journal, is asked again. */
#define RETRY_USEC (10 * 1000 * 1000ull)

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	live_read(userdata);
	return 0;
}

static void on_cxl_features(struct device *device, const struct outcome *outcome)
{
	/* The payload follows fwctl's own 8 bytes: le32 size, le32 return code. */
	const size_t header = 8;

	if (!outcome) {
		(void)timer_arm(device->manager->event, &device->live_retry, RETRY_USEC, on_retry,
				device);
		return;
	}
	device->live_known =
		outcome->kind == OUTCOME_EXECUTED && outcome->response_length >= header &&
		live_read_cxl_features(outcome->response + header,
				       outcome->response_length - header, &device->live) >= 0;
}

void live_read(struct device *device)
{
	const struct dialect *dialect;
	const struct command *command;
	struct field_setting count = {
		.name = "count",
		.value.number = CXL_FEATURES_BYTES,
	};
	uint8_t message[MESSAGE_HEAD_MAX];
	struct refusal refusal;
	const void *data;
	size_t length, data_length;

	device->live_known = false;
	if (!device->executor || strcmp(device->identity.dialect, "cxl") != 0)
		return;
	dialect = device_dialect(device);
	command = dialect ? dialect_command(dialect, "get-supported-features") : NULL;
	if (!command || device_takes(device, command, &refusal) < 0 ||
	    encode(command, &count, 1, NULL, 0, message, sizeof(message), &length, &data,
		   &data_length, &refusal) < 0)
		return;
	(void)request_internal(device, message, length, on_cxl_features);
}
