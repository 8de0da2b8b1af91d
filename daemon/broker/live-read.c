/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "daemon/broker/device.h"
#include "daemon/broker/live-read.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "daemon/broker/timer.h"
#include "daemon/exec/wire.h"
#include "include/cleanup.h"
#include "policy/encode.h"

/* After 10 s, then 20, 40, ... at most 640 s: each try is two records in the journal. */
#define RETRY_USEC	  (10 * 1000 * 1000ull)
#define RETRY_DOUBLED_MAX 6u

/* The answers of both CXL envelopes: le32 size, le32 return code, payload. */
#define CXL_ANSWER_HEADER 8u
/* Get Supported Features counts in bytes: its 8-byte header and 48 an entry (CXL 3.1, 8.2.9.6.1).
 */
#define CXL_FEATURES_BYTES (8u + 48u * LIVE_FEATURES_PART)
/* The smallest payload that a mailbox may have (CXL 3.1, 8.2.8.4.3). */
#define CXL_LOG_PART 256u

#define NVME_LOG_COMMANDS 0x05u
#define NVME_LOG_FEATURES 0x12u

static void live_ask(struct device *device);

static enum live_question first_question(const struct device *device)
{
	if (strcmp(device->identity.dialect, "nvme") == 0)
		return LIVE_CONTROLLER;
	if (strcmp(device->identity.dialect, "cxl") == 0)
		return strcmp(device->from_monitor.envelope, WIRE_ENVELOPE_CXL) == 0
			       ? LIVE_CXL_LOGS
			       : LIVE_CXL_FEATURES;
	return LIVE_NOTHING; /* this dialect's devices report nothing */
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	live_read(userdata);
	return 0;
}

static void live_finish(struct device *device, bool known)
{
	struct live_reading *reading = &device->reading;
	unsigned doubled =
		reading->n_failed < RETRY_DOUBLED_MAX ? reading->n_failed : RETRY_DOUBLED_MAX;

	device->live_known = known;
	device->live_failed = !known;
	reading->n_failed = known ? 0 : reading->n_failed + 1;
	if (!known)
		(void)timer_arm(device->manager->event, &device->live_retry, RETRY_USEC << doubled,
				on_retry, device);
	device_resume(device);
}

/* What is asked next, when a question was answered or the device refuses it. */
static enum live_question next_question(const struct live_reading *reading)
{
	switch (reading->question) {
	case LIVE_CONTROLLER:
		if (reading->controller.commands)
			return LIVE_COMMANDS;
		/* fall through */
	case LIVE_COMMANDS:
		return reading->controller.features ? LIVE_FEATURES : LIVE_NOTHING;
	default:
		return LIVE_NOTHING;
	}
}

static int read_nvme(struct device *device, const uint8_t *response, size_t length)
{
	struct live_reading *reading = &device->reading;
	int r;

	switch (reading->question) {
	case LIVE_CONTROLLER:
		r = live_read_nvme_controller(response, length, &reading->controller);
		break;
	case LIVE_COMMANDS:
		r = live_read_nvme_commands(response, length, &device->live);
		break;
	default:
		r = live_read_nvme_features(response, length, &device->live);
		break;
	}
	if (r < 0)
		return r;
	device->transfer_max = reading->controller.transfer_max;
	reading->question = next_question(reading);
	return 0;
}

static int read_cxl(struct device *device, const uint8_t *response, size_t length)
{
	struct live_reading *reading = &device->reading;
	const uint8_t *payload = response + CXL_ANSWER_HEADER;
	size_t part;
	int r;

	if (length < CXL_ANSWER_HEADER)
		return -EBADMSG;
	length -= CXL_ANSWER_HEADER;
	switch (reading->question) {
	case LIVE_CXL_FEATURES:
		r = live_read_cxl_features(payload, length, reading->at, &device->live,
					   &reading->at);
		if (r < 0 || reading->at > 0)
			return r;
		break;
	case LIVE_CXL_LOGS:
		r = live_read_cxl_logs(payload, length, &device->live, &reading->size);
		if (r < 0)
			return r;
		if (reading->size > 0) {
			reading->question = LIVE_CXL_COMMANDS;
			return 0;
		}
		break;
	default:
		part = reading->size - reading->at;
		if (part > CXL_LOG_PART)
			part = CXL_LOG_PART;
		if (length < part)
			return -EBADMSG;
		r = live_read_cxl_commands(payload, part, &device->live);
		if (r < 0)
			return r;
		reading->at += part;
		if (reading->at < reading->size)
			return 0;
		break;
	}
	reading->question = LIVE_NOTHING;
	return 0;
}

/* A request_done_t. */
static void on_answer(struct device *device, uint64_t number, const struct outcome *outcome)
{
	struct live_reading *reading = &device->reading;
	int r = -EIO;

	if (number != reading->number)
		return;
	if (outcome && outcome->kind == OUTCOME_REFUSED_BY_DEVICE) {
		reading->question = next_question(reading);
		r = 0;
	} else if (outcome && outcome->kind == OUTCOME_EXECUTED) {
		r = reading->question <= LIVE_FEATURES
			    ? read_nvme(device, outcome->response, outcome->response_length)
			    : read_cxl(device, outcome->response, outcome->response_length);
	}
	if (r < 0)
		live_finish(device, false);
	else
		live_ask(device);
}

static int ask(struct device *device, const char *name, const struct field_setting *settings,
	       size_t n)
{
	const struct dialect *dialect = device_dialect(device);
	const struct command *command = dialect ? dialect_command(dialect, name) : NULL;
	uint8_t message[MESSAGE_HEAD_MAX];
	struct refusal refusal;
	const void *data;
	size_t length, data_length;
	int r;

	if (!command)
		return -ENOENT;
	r = encode(command, settings, n, NULL, 0, message, sizeof(message), &length, &data,
		   &data_length, &refusal);
	if (r < 0)
		return r;
	return request_internal(device, message, length, on_answer, device->reading.number);
}

/* Fields that are not named have the catalogue's defaults: a whole page, and events left alone. */
static int ask_nvme(struct device *device, unsigned lid)
{
	/* No namespace: these pages are the controller's, and so the kernel asks for them. */
	const struct field_setting fields[] = {{"lid", {.number = lid}}, {"nsid", {.number = 0}}};

	return ask(device, "get-log-page", fields, ELEMENTSOF(fields));
}

static int ask_cxl_features(struct device *device)
{
	const struct field_setting fields[] = {
		{"count", {.number = CXL_FEATURES_BYTES}},
		{"start", {.number = device->reading.at}},
	};

	return ask(device, "get-supported-features", fields, ELEMENTSOF(fields));
}

static int ask_cxl_log(struct device *device)
{
	size_t left = device->reading.size - device->reading.at;
	struct field_setting fields[] = {
		{"uuid", {}},
		{"offset", {.number = device->reading.at}},
		{"length", {.number = left < CXL_LOG_PART ? left : CXL_LOG_PART}},
	};

	memcpy(fields[0].value.bytes, live_cxl_effects_log, sizeof(live_cxl_effects_log));
	return ask(device, "get-log", fields, ELEMENTSOF(fields));
}

static void live_ask(struct device *device)
{
	const struct field_setting controller = {"cns", {.number = 1}};
	int r;

	switch (device->reading.question) {
	case LIVE_CONTROLLER:
		r = ask(device, "identify", &controller, 1);
		break;
	case LIVE_COMMANDS:
		r = ask_nvme(device, NVME_LOG_COMMANDS);
		break;
	case LIVE_FEATURES:
		r = ask_nvme(device, NVME_LOG_FEATURES);
		break;
	case LIVE_CXL_FEATURES:
		r = ask_cxl_features(device);
		break;
	case LIVE_CXL_LOGS:
		r = ask(device, "get-supported-logs", NULL, 0);
		break;
	case LIVE_CXL_COMMANDS:
		r = ask_cxl_log(device);
		break;
	default:
		live_finish(device, true);
		return;
	}
	if (r < 0)
		live_finish(device, false);
}

void live_forget(struct device *device)
{
	device->reading.number++;
	device->live_known = device->live_failed = false;
	device->live_retry = sd_event_source_disable_unref(device->live_retry);
}

void live_read(struct device *device)
{
	live_forget(device);
	if (!device->executor)
		return;
	live_clear(&device->live);
	device->live.kernel_capabilities = device->from_monitor.kernel_capabilities;
	device->reading.question = first_question(device);
	device->reading.controller = (struct live_controller){};
	device->reading.at = device->reading.size = 0;
	live_ask(device);
}
