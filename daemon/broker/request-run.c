/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/audit-event.h"
#include "daemon/broker/bus-reply.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

/*
 * The last word, right before the intent: the caller is still there, and policy, catalogue, effects
 * and device as they are now allow it; a person's authentication counts for the rule that asked for
 * it alone. NULL: go. Else why not.
 */
static const char *request_recheck(struct request *request, struct refusal *refusal)
{
	_cleanup_free_ char *rule = NULL;

	if (request_caller_left(request))
		return "its caller left before it was sent";
	if (request_judge(request, refusal) < 0)
		return refusal->text;
	if (request_lacks_effects(request))
		return request_effects_unread;
	if (request_lacks_device_id(request))
		return "it has become destructive meanwhile, and does not name its device; ask "
		       "again";
	switch (request->decision.verdict) {
	case VERDICT_ALLOW:
		return NULL;
	case VERDICT_AUTHENTICATE:
		rule = request_rule_name(request);
		if (request->authenticated && rule &&
		    strcmp(rule, request->authenticated_rule) == 0)
			return NULL;
		return "the policy changed meanwhile and asks for another authentication; ask "
		       "again";
	default:
		return request->said.reason;
	}
}

void request_answer(struct request *request)
{
	const struct outcome *outcome = &request->outcome;
	struct manager *manager = request->manager;
	char piece[64] = "";
	const char *name;

	if (request->sent && outcome->kind == OUTCOME_EXECUTED)
		manager->n_executed++;
	else
		manager->n_failed++;

	if (!request->call) {
		request_finish(request);
		return;
	}
	if (!request->sent) {
		request_reply_error(request, FWCTLD_ERROR_DEVICE_GONE,
				    "Nothing was sent to %s: %s. Try again when it is back.",
				    request->device->name, request->lost);
		request_finish(request);
		return;
	}
	switch (outcome->kind) {
	case OUTCOME_EXECUTED:
		caller_answered(request->caller, bus_reply_executed(request));
		break;
	case OUTCOME_REFUSED_BY_DEVICE:
		name = dialect_status(request->classified.command->dialect, outcome->status);
		if (request->pieces.n > 1)
			snprintf(piece, sizeof(piece), " It was piece %zu of %zu of a long answer.",
				 request->n_sent, request->pieces.n);
		request_reply_error(request, FWCTLD_ERROR_DEVICE_REFUSED,
				    "%s refused %s with status 0x%x%s%s%s.%s",
				    request->device->name, request->classified.command->full_name,
				    outcome->status, name ? " (" : "", name ?: "", name ? ")" : "",
				    piece);
		break;
	case OUTCOME_REFUSED_BY_KERNEL:
		request_reply_error(request, FWCTLD_ERROR_KERNEL_REFUSED,
				    "The kernel refused %s for %s: %s. It was not executed.",
				    request->classified.command->full_name, request->device->name,
				    outcome->error ? strerror(outcome->error)
						   : "it could not deliver the command");
		break;
	default:
		request_reply_error(request, FWCTLD_ERROR_OUTCOME_UNKNOWN,
				    "Nobody can say whether %s was executed by %s%s%s. Look at the "
				    "device before you repeat it.",
				    request->classified.command->full_name, request->device->name,
				    *request->lost ? ": " : "", request->lost);
		break;
	}
	request_finish(request);
}

static void on_outcome_audited(void *userdata, int error)
{
	struct request *request = userdata;

	if (request->state == REQUEST_OUTCOME)
		request_answer(request);
}

static int on_outcome_overdue(sd_event_source *source, uint64_t usec, void *userdata)
{
	/* The record goes on waiting for journald; the caller should not. */
	audit_forget(((struct request *)userdata)->manager->audit, userdata);
	request_answer(userdata);
	return 0;
}

/* The device is done with it, or will never be: write that down, free the device, answer. */
static void request_conclude(struct request *request)
{
	struct device *device = request->device;
	int r;

	request_ref(request);
	request->deadline = sd_event_source_disable_unref(request->deadline);
	request->state = REQUEST_OUTCOME;
	r = audit_outcome(request, on_outcome_audited);
	if (r == 0) {
		r = sd_event_add_time_relative(request->manager->event, &request->deadline,
					       CLOCK_MONOTONIC, AUDIT_TIMEOUT_USEC, 0,
					       on_outcome_overdue, request);
		if (r < 0) {
			audit_forget(request->manager->audit, request);
			request_answer(request);
		}
	} else {
		request_answer(request);
	}
	device_release(device);
	request_unref(request);
}

static void request_not_sent(struct request *request, const char *why)
{
	request->sent = false;
	request->outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
	snprintf(request->lost, sizeof(request->lost), "%s", why);
	request_conclude(request);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct request *request = userdata;

	request->duration_usec = usec - request->started;
	request->outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
	snprintf(request->lost, sizeof(request->lost), "its deadline passed");
	request->state = REQUEST_LATE;
	request->manager->n_failed++;
	(void)audit_outcome(request, NULL);
	request_reply_error(
		request, FWCTLD_ERROR_TIMEOUT,
		"%s did not answer %s within %u ms. The command may still be executed; the "
		"device stays busy until the kernel returns.",
		request->device->name, request->classified.command->full_name,
		request->classified.command->deadline_ms);
	request->call = sd_bus_message_unref(request->call);
	device_set_hung(request->device);
	return 0;
}

/* After these a device may be another, with other firmware: look anew, whatever comes of them. */
static bool request_renews(const struct request *request)
{
	return request->classified.command->renews ||
	       request->classified.effects & EFFECT_BIT(EFFECT_RESETS_DEVICE);
}

/* The command of one piece, in `part` where it is not the whole request. */
static const struct classified *request_piece(const struct request *request, size_t index,
					      struct classified *part)
{
	if (request->pieces.n == 1)
		return &request->classified;
	piece_get(&request->classified, &request->pieces, index, part);
	return part;
}

/* Sends the next command. 0 or a negative errno: it was not sent. */
static int request_send(struct request *request)
{
	static alignas(8) uint8_t bytes[ARENA_GIVEN_MAX];
	struct device *device = request->device;
	struct classified part;
	size_t reply_length;
	int r;

	if (!device->executor)
		return -ENOTCONN;
	r = pack(request_piece(request, request->n_sent, &part), bytes, &request->arena);
	if (r < 0)
		return r;
	/* Before it is sent: for want of memory no answer gets lost. */
	reply_length = arena_reply_length(&request->arena);
	if (request->pieces.n == 1 && reply_length > WIRE_PIECE_MAX) {
		request->response = malloc(reply_length);
		if (!request->response)
			return -ENOMEM;
	}
	request->deadline = sd_event_source_disable_unref(request->deadline);
	r = sd_event_add_time_relative(request->manager->event, &request->deadline, CLOCK_MONOTONIC,
				       request->classified.command->deadline_ms * UINT64_C(1000), 0,
				       on_deadline, request);
	if (r >= 0)
		r = executor_submit(device->executor, request->number, &request->arena, bytes,
				    request->pieces.n == 1 ? request->response : NULL);
	if (r < 0)
		return r;
	request->n_sent++;
	return 0;
}

static void request_submit(struct request *request)
{
	int r = 0;

	/* The device was reset while the journal had the intent: its effects are unknown again. */
	if (request->device->reopen && request->caller &&
	    request->classified.class != CLASS_READ_ONLY) {
		request_not_sent(request, "it was reset meanwhile and is looked at anew");
		return;
	}
	pieces_plan(&request->classified, request->device->transfer_max, &request->pieces);
	if (request->pieces.n > 1) {
		request->response = malloc(request->classified.response_length);
		request->joined = (struct bytes_writer){
			.buffer = request->response,
			.capacity = request->classified.response_length,
		};
		if (!request->response)
			r = -ENOMEM;
	}
	if (r >= 0)
		r = request_send(request);
	if (r < 0) {
		request_not_sent(request, r == -ENOTCONN ? "its executor was lost" : strerror(-r));
		return;
	}
	request->sent = true;
	request->state = REQUEST_RUNNING;
	sd_event_now(request->manager->event, CLOCK_MONOTONIC, &request->started);
	if (request_renews(request))
		device_reopen(request->device);
}

static void on_intent_audited(void *userdata, int error)
{
	struct request *request = userdata;
	struct device *device = request->device;

	if (error == 0) {
		request_submit(request);
		return;
	}
	request_ref(request);
	request->manager->n_denied++;
	request_reply_error(
		request, FWCTLD_ERROR_AUDIT_UNAVAILABLE,
		"The journal did not take the audit record in time, so nothing was sent to "
		"%s. Is systemd-journald running?",
		device->name);
	request_finish(request);
	device_release(device);
	request_unref(request);
}

bool request_begin(struct request *request)
{
	struct refusal refusal;
	const char *why;
	int r;

	why = request_recheck(request, &refusal);
	if (why == request_effects_unread) {
		request_give_up(request, -EBUSY, why);
		return false;
	}
	if ((!why || why == request->said.reason) && request_settle(request) < 0)
		why = "there is no memory to count it for the limit of its rule; ask again";
	if (why) {
		request_deny(request, FWCTLD_ERROR_DENIED, why);
		return false;
	}
	request->state = REQUEST_INTENT;
	r = audit_intent(request, on_intent_audited);
	if (r > 0)
		request_submit(request);
	else if (r < 0)
		on_intent_audited(request, r);
	return true;
}

/* The answer to one piece has come. True: the next one is under way. */
static bool request_go_on(struct request *request)
{
	struct outcome *outcome = &request->outcome;
	int r;

	if (outcome->kind != OUTCOME_EXECUTED) {
		outcome->response = NULL; /* it is the executor's buffer */
		outcome->response_length = 0;
		return false;
	}
	if (piece_join(&request->classified, &request->pieces, request->n_sent - 1,
		       outcome->response, outcome->response_length, &request->joined)) {
		r = request_send(request);
		if (r == 0)
			return true;
		*outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
		snprintf(request->lost, sizeof(request->lost), "the rest was not read: %s",
			 strerror(-r));
		return false;
	}
	outcome->response = request->joined.buffer;
	outcome->response_length = request->joined.length;
	return false;
}

/* The outcome may have to wait for journald; the executor's buffer does not. */
static void request_keep_response(struct request *request)
{
	struct outcome *outcome = &request->outcome;

	request->response = malloc(outcome->response_length + 1);
	if (request->response && outcome->response_length > 0)
		memcpy(request->response, outcome->response, outcome->response_length);
	if (!request->response)
		outcome->response_length = 0;
	outcome->response = request->response;
}

/*
 * What a command on a device that was removed, or is being removed, comes back with: ENODEV
 * (fwctl), ENXIO (cxl), EINTR, EIO, ENODEV or a status made by the kernel (nvme).
 */
static bool outcome_doubts_device(const struct outcome *outcome)
{
	switch (outcome->error) {
	case ENODEV:
	case ENXIO:
	case EINTR:
	case EIO:
		return true;
	case 0:
		return outcome->kind == OUTCOME_REFUSED_BY_KERNEL;
	default:
		return false;
	}
}

void request_replied(struct request *request, int value, int error, uint8_t *bytes, size_t length)
{
	bool late = request->state == REQUEST_LATE;
	struct classified part;
	uint64_t now;

	sd_event_now(request->manager->event, CLOCK_MONOTONIC, &now);
	request->duration_usec = now - request->started;
	request->lost[0] = '\0';
	if (unpack(request_piece(request, request->n_sent - 1, &part), &request->arena, value,
		   error, bytes, length, &request->outcome) < 0) {
		request->outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
		snprintf(request->lost, sizeof(request->lost), "the answer was malformed");
	}
	if (outcome_doubts_device(&request->outcome))
		device_doubt(request->device);
	if (late) {
		struct device *device = request->device;

		audit_late_outcome(request);
		request_finish(request);
		device_release(device);
		return;
	}
	if (request->pieces.n > 1) {
		if (request_go_on(request))
			return;
	} else if (!request->response) {
		request_keep_response(request);
	}
	request_conclude(request);
}

void request_executor_lost(struct request *request, const char *why)
{
	struct device *device = request->device;
	uint64_t now;

	switch (request->state) {
	case REQUEST_INTENT:
		/* The intent may yet be accepted, so it gets an outcome: it was never sent. */
		audit_forget(request->manager->audit, request);
		request_not_sent(request, why);
		break;
	case REQUEST_RUNNING:
		sd_event_now(request->manager->event, CLOCK_MONOTONIC, &now);
		request->duration_usec = now - request->started;
		request->outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
		snprintf(request->lost, sizeof(request->lost), "its executor was lost: %s", why);
		request_conclude(request);
		break;
	case REQUEST_LATE:
		snprintf(request->lost, sizeof(request->lost), "its executor was lost: %s", why);
		audit_late_outcome(request);
		request_finish(request);
		device_release(device);
		break;
	default:
		break;
	}
}
