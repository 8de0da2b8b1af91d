/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/audit-event.h"
#include "daemon/broker/bus-device.h"
#include "daemon/broker/bus-manager.h"
#include "daemon/broker/bus-reply.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/polkit.h"
#include "daemon/broker/request-parse.h"
#include "daemon/broker/request.h"
#include "daemon/broker/timer.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

static const char *const class_actions[_CLASS_MAX] = {
	[CLASS_READ_ONLY] = FWCTLD_ACTION_READ_ONLY,
	[CLASS_CONFIG_CHANGE] = FWCTLD_ACTION_CONFIG_CHANGE,
	[CLASS_DESTRUCTIVE] = FWCTLD_ACTION_DESTRUCTIVE,
};

static bool is_execution(const struct request *request)
{
	return request->verb == VERB_EXECUTE || request->verb == VERB_EXECUTE_RAW;
}

const char request_effects_unread[] =
	"what it reports of its commands could not be read, so that nobody knows what this one "
	"does; fwctld goes on trying";

bool request_caller_left(const struct request *request)
{
	return request->caller && request->caller->state == CALLER_GONE;
}

bool request_lacks_device_id(const struct request *request)
{
	return request->classified.class == CLASS_DESTRUCTIVE && !request->device_id;
}

static void request_discharge_question(struct request *request)
{
	if (request->asked)
		caller_discharge_question(request->caller);
	request->asked = false;
}

void request_finish(struct request *request)
{
	if (request->state == REQUEST_DONE)
		return;
	request->state = REQUEST_DONE;
	if (request->done)
		request->done(request->device, request->done_number,
			      request->sent ? &request->outcome : NULL);
	request->polkit = sd_bus_slot_unref(request->polkit);
	request->deadline = sd_event_source_disable_unref(request->deadline);
	request_discharge_question(request);
	if (request->caller) {
		TAILQ_REMOVE(&request->caller->requests, request, of_caller);
		request->caller->n_requests--;
		if (request->charged > 0)
			caller_discharge(request->caller, request->charged);
	}
	request_unref(request);
}

void request_deny(struct request *request, const char *error_name, const char *why)
{
	request->manager->n_denied++;
	audit_denied(request, why);
	request_reply_error(request, error_name, "%s", why);
	request_finish(request);
}

bool request_is_sent(const struct request *request)
{
	return request->state == REQUEST_RUNNING || request->state == REQUEST_LATE;
}

void request_end(struct request *request)
{
	switch (request->state) {
	case REQUEST_RECEIVED:
	case REQUEST_ASKING:
		request_deny(request, FWCTLD_ERROR_BUSY,
			     "fwctld ends; nothing was done. Ask again when it is back.");
		break;
	case REQUEST_OUTCOME:
		/* Its record goes on waiting for journald, for a moment; nobody else does. */
		audit_forget(request->manager->audit, request);
		request_answer(request);
		break;
	default:
		break;
	}
}

static const char *refusal_error(int error)
{
	return error == -ENOENT ? FWCTLD_ERROR_UNKNOWN_COMMAND : FWCTLD_ERROR_INVALID_REQUEST;
}

/* By the generation that judged it, and of that moment. */
static struct query request_query(const struct request *request)
{
	return (struct query){
		.caller = &request->caller->identity,
		.device = &request->device->identity,
		.request = &request->classified,
		.now = request->judged_at,
		.uses = request->manager->uses,
	};
}

int request_judge(struct request *request, struct refusal *ret_refusal)
{
	const struct device *device = request->device;
	struct generation *generation = request->manager->generation;
	const struct dialect *dialect;
	struct classified classified;
	uint8_t digest[DIGEST_SIZE];
	int r;

	dialect = device_dialect(device);
	if (!dialect) {
		snprintf(ret_refusal->text, sizeof(ret_refusal->text),
			 "The catalogue does not describe dialect %s.", device->identity.dialect);
		return -ENOENT;
	}
	r = classify(dialect, request->message, request->message_length, request->data,
		     request->data_length, device->live_known ? &device->live : NULL, &classified,
		     ret_refusal);
	if (r >= 0)
		r = device_takes(device, classified.command, ret_refusal);
	if (r < 0)
		return r;

	generation_unref(request->generation);
	request->generation = generation_ref(generation);
	request->classified = classified;
	/* Of bytes that never change; so it is made once. */
	if (!request->digest[0]) {
		request_digest(device->id, &classified, request->manager->digest_key, digest);
		digest_to_string(digest, request->digest);
	}
	if (request->caller) {
		struct query query;

		request->judged_at = moment_now();
		query = request_query(request);
		decide(generation->policy, &query, &request->decision);
		decision_describe(generation->policy, &request->decision, &request->said);
	} else {
		/* fwctld asks a device about itself: never for more than reading. */
		request->decision = (struct decision){
			.verdict =
				classified.class == CLASS_READ_ONLY ? VERDICT_ALLOW : VERDICT_DENY,
		};
		request->said = (struct decision_text){
			.rule_id = "internal",
			.rule_at = "built in",
			.reason = "fwctld reads what the device reports of itself.",
		};
	}
	return 0;
}

int request_settle(struct request *request)
{
	const struct decision *decision = &request->decision;
	const struct rule *observed = decision->observed;
	struct query query;
	int r = 0;

	if (!request->caller)
		return 0;
	query = request_query(request);
	if (decision->by == DECIDED_BY_RULE && decision->verdict != VERDICT_DENY &&
	    decision->rule->limit.count > 0)
		r = limit_charge(request->manager->uses, decision->rule, &query);
	if (!observed)
		return r;
	/* It decides nothing: where it can't be counted, it would let one more pass. */
	if (decision->observed_verdict != VERDICT_DENY && observed->limit.count > 0)
		(void)limit_charge(request->manager->uses, observed, &query);
	audit_would_have(request);
	return r;
}

char *request_rule_name(const struct request *request)
{
	char *name;

	if (asprintf(&name, "%s at %s", request->said.rule_id, request->said.rule_at) < 0)
		return NULL;
	return name;
}

void request_give_up(struct request *request, int error, const char *why)
{
	_cleanup_free_ char *sentence = NULL;
	const char *name = error == -ENODEV ? FWCTLD_ERROR_DEVICE_GONE : FWCTLD_ERROR_BUSY;

	if (asprintf(&sentence, "%s can't take the request: %s.", request->device->name, why) < 0)
		sentence = NULL;
	request_deny(request, name, sentence ?: why);
}

/* state: QUEUED or HELD. */
static void request_queue(struct request *request, enum request_state state)
{
	int r;

	request->state = state;
	r = device_enqueue(request->device, request);
	if (r == -ENODEV)
		request_give_up(request, r, "it is gone");
	else if (r == -EBUSY)
		request_give_up(request, r, "a command before it does not return from the device");
	else if (r < 0)
		request_give_up(request, r, "too many requests wait for it");
}

static void request_reload(struct request *request)
{
	request->state = REQUEST_LOADING;
	if (reload_for_request(request->manager->reload, request) < 0)
		request_deny(request, FWCTLD_ERROR_QUOTA_EXCEEDED,
			     "Too many calls wait until the policy is loaded. Wait for some to "
			     "end.");
}

/* A polkit_answered_t. */
static void request_authenticated(void *userdata, const char *why)
{
	struct request *request = userdata;

	request->polkit = sd_bus_slot_unref(request->polkit);
	request_discharge_question(request);
	audit_authentication(request, why);
	if (why) {
		_cleanup_free_ char *sentence = NULL;

		if (asprintf(&sentence, "%s Authentication failed: %s.",
			     request->verb == VERB_RELOAD ? "Reloading the policy needs the "
							    "authorisation " FWCTLD_ACTION_MANAGE
							    "."
							  : request->said.reason,
			     why) < 0)
			sentence = NULL;
		request_deny(request, FWCTLD_ERROR_NOT_AUTHENTICATED, sentence ?: why);
		return;
	}
	request->authenticated = true;
	if (request->verb == VERB_RELOAD)
		request_reload(request);
	else
		request_queue(request, REQUEST_QUEUED);
}

static void request_ask(struct request *request, const char *action,
			const struct polkit_detail *details)
{
	if (!caller_charge_question(request->caller)) {
		request_deny(request, FWCTLD_ERROR_QUOTA_EXCEEDED,
			     "Too many questions to polkit wait for an answer. Answer or cancel "
			     "some first.");
		return;
	}
	request->asked = true;
	request->state = REQUEST_ASKING;
	if (polkit_ask(request->call, action, details, request_authenticated, request,
		       &request->polkit) < 0)
		request_authenticated(request, "polkit could not be asked");
}

static void request_ask_execution(struct request *request)
{
	const struct polkit_detail details[] = {
		{"device", request->device->name},
		{"device-id", request->device->id},
		{"command", request->classified.command->full_name},
		{"class", effect_class_to_string(request->classified.class)},
		{"rule", request->said.rule_id},
		{"digest", request->digest},
		{},
	};

	request->authenticated_rule = request_rule_name(request);
	if (request->authenticated_rule)
		request_ask(request, class_actions[request->classified.class], details);
	else
		request_authenticated(request, "out of memory");
}

/* polkit would say yes to root anyway; so root can reload without it, and whoever floods it. */
static void request_start_reload(struct request *request)
{
	static const struct polkit_detail no_details[] = {{}};

	if (request->caller->identity.uid == 0)
		request_reload(request);
	else
		request_ask(request, FWCTLD_ACTION_MANAGE, no_details);
}

bool request_lacks_effects(const struct request *request)
{
	return request->caller && !request->device->live_known &&
	       request->classified.class != CLASS_READ_ONLY;
}

bool request_waits_for_effects(const struct request *request)
{
	return request_lacks_effects(request) && device_is_unread(request->device);
}

/* It is charged for, and what it does is known as well as it will be. */
static void request_proceed(struct request *request)
{
	if (request_waits_for_effects(request)) {
		request_queue(request, REQUEST_HELD);
		return;
	}
	if (request_lacks_effects(request)) {
		request_give_up(request, -EBUSY, request_effects_unread);
		return;
	}
	if (request->decision.verdict == VERDICT_DENY) {
		(void)request_settle(request);
		request_deny(request, FWCTLD_ERROR_DENIED, request->said.reason);
		return;
	}
	if (request_lacks_device_id(request)) {
		request_deny(
			request, FWCTLD_ERROR_INVALID_REQUEST,
			"A destructive command needs option device-id, so that it can't reach "
			"another device than the one that was meant. \"fwctl show\" tells it.");
		return;
	}
	if (request->decision.verdict == VERDICT_AUTHENTICATE)
		request_ask_execution(request);
	else
		request_queue(request, REQUEST_QUEUED);
}

/* What it holds at most until it was answered. Data and segments to the device came in the call. */
static size_t request_bytes(const struct request *request)
{
	const struct classified *classified = &request->classified;
	size_t bytes = request->message_length + request->data_length + classified->response_length;

	for (unsigned i = 0; i < classified->command->n_segments; i++)
		if (!classified->command->segments[i].to_device)
			bytes += classified->segment_lengths[i];
	return bytes;
}

static void request_start_execution(struct request *request)
{
	size_t bytes = request_bytes(request);

	if (!caller_charge(request->caller, bytes)) {
		request_deny(
			request, FWCTLD_ERROR_QUOTA_EXCEEDED,
			"Too many requests, or too many bytes, are in flight for this user. Wait "
			"for some to end.");
		return;
	}
	request->charged = bytes;
	request_proceed(request);
}

static void request_refuse(struct request *request, int error, const struct refusal *refusal)
{
	request->manager->n_failed++;
	request_reply_error(request, refusal_error(error), "%s", refusal->text);
	request_finish(request);
}

void request_resume(struct request *request)
{
	struct refusal refusal;
	int r;

	r = request_judge(request, &refusal);
	if (r < 0)
		request_refuse(request, r, &refusal);
	else
		request_proceed(request);
}

static void request_list(struct request *request)
{
	if (flood_passes(request->manager->lists, request->caller->identity.uid))
		bus_device_list_commands(request);
	else
		request_reply_error(request, FWCTLD_ERROR_QUOTA_EXCEEDED,
				    "Too many lists of commands for one user. Wait a second.");
	request_finish(request);
}

/* The caller is known. */
static void request_start(struct request *request)
{
	struct refusal refusal;
	int r;

	if (request->verb == VERB_RELOAD) {
		request_start_reload(request);
		return;
	}
	/* An answer that nobody waits for is not worked out. */
	if (!is_execution(request) && sd_bus_message_get_expect_reply(request->call) <= 0) {
		request_finish(request);
		return;
	}
	if (request->verb == VERB_LIST_COMMANDS) {
		request_list(request);
		return;
	}
	r = request_parse(request, &refusal);
	if (r >= 0)
		r = request_judge(request, &refusal);
	if (r < 0) {
		request_refuse(request, r, &refusal);
		return;
	}
	if (is_execution(request)) {
		request_start_execution(request);
		return;
	}
	(void)bus_reply_explanation(request);
	request_finish(request);
}

void request_advance(struct request *request)
{
	switch (request->state) {
	case REQUEST_RECEIVED:
		if (request->caller->state == CALLER_KNOWN) {
			request_start(request);
		} else if (request->caller->state == CALLER_UNKNOWN) {
			request_deny(request, FWCTLD_ERROR_NOT_AUTHENTICATED,
				     "The bus did not say who is asking.");
		} else if (request->caller->state == CALLER_GONE) {
			request_finish(request);
		}
		break;
	case REQUEST_HELD:
	case REQUEST_ASKING:
	case REQUEST_QUEUED:
		if (!request_caller_left(request))
			break;
		if (request->state != REQUEST_ASKING)
			device_dequeue(request->device, request);
		request_deny(request, FWCTLD_ERROR_DENIED, "its caller left before it was sent");
		break;
	case REQUEST_OUTCOME:
		if (!request_caller_left(request))
			break;
		audit_forget(request->manager->audit, request);
		request_answer(request);
		break;
	default:
		/* From the intent on it goes its way: the device does not know who asked. */
		break;
	}
}

static int request_new(struct manager *manager, struct device *device, struct request **ret)
{
	struct request *request;
	int r;

	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct request){
		.n_ref = 1,
		.manager = manager,
		.device = device_ref(device),
		.number = ++manager->request_seq,
	};
	r = sd_id128_randomize(&request->id);
	if (r < 0) {
		request_unref(request);
		return r;
	}
	*ret = request;
	return 0;
}

int request_from_call(struct manager *manager, struct device *device, enum request_verb verb,
		      sd_bus_message *call)
{
	struct request *request;
	struct caller *caller;
	int r;

	manager->n_requests++;
	r = request_new(manager, device, &request);
	if (r < 0)
		return r;
	request->verb = verb;
	request->call = sd_bus_message_ref(call);
	r = callers_get(manager->callers, sd_bus_message_get_sender(call), &caller);
	if (r < 0) {
		request_unref(request);
		return r;
	}
	request->caller = caller;
	TAILQ_INSERT_TAIL(&caller->requests, request, of_caller);
	caller->n_requests++;
	if (caller->state == CALLER_ASKED && caller->n_requests > REQUESTS_UNRESOLVED_MAX) {
		request_reply_error(request, FWCTLD_ERROR_QUOTA_EXCEEDED,
				    "Too many requests wait until the bus says who is asking.");
		request_finish(request);
		return 1;
	}
	request_advance(request);
	return 1;
}

int request_internal(struct device *device, const uint8_t *message, size_t length,
		     request_done_t done, uint64_t number)
{
	struct request *request;
	struct refusal refusal;
	int r;

	r = request_new(device->manager, device, &request);
	if (r < 0)
		return r;
	request->verb = VERB_EXECUTE_RAW;
	request->done = done;
	request->done_number = number;
	request->message = malloc(length);
	if (request->message) {
		memcpy(request->message, message, length);
		request->message_length = length;
		request->data = request->message + length;
	}
	r = request->message ? request_judge(request, &refusal) : -ENOMEM;
	if (r < 0) {
		request_unref(request);
		return r;
	}
	request_queue(request, REQUEST_QUEUED);
	return 0;
}

struct request *request_ref(struct request *request)
{
	if (request)
		request->n_ref++;
	return request;
}

struct request *request_unref(struct request *request)
{
	if (!request || --request->n_ref > 0)
		return NULL;
	sd_bus_slot_unref(request->polkit);
	sd_event_source_disable_unref(request->deadline);
	sd_bus_message_unref(request->call);
	caller_unref(request->caller);
	device_unref(request->device);
	generation_unref(request->generation);
	free(request->message);
	free(request->device_id);
	free(request->reason);
	free(request->authenticated_rule);
	free(request->audited);
	free(request->response);
	free(request);
	return NULL;
}
