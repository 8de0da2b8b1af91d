/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/broker/audit-event.h"
#include "daemon/broker/device.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/request.h"
#include "include/bytes.h"
#include "include/fwctld-names.h"
#include "policy/field.h"

/* Of a record's 16 KiB. */
#define GROUPS_TEXT_MAX 4096u

static const char *caller_name(const struct request *request)
{
	if (!request->caller)
		return "fwctld itself";
	return request->caller->account && request->caller->account->name
		       ? request->caller->account->name
		       : "somebody unknown";
}

static const char *command_name(const struct request *request)
{
	if (request->verb == VERB_RELOAD)
		return "ReloadPolicy";
	return request->classified.command ? request->classified.command->full_name : "a command";
}

static const char *target_name(const struct request *request)
{
	return request->device ? request->device->name : "fwctld";
}

static const char *taint_text(const struct request *request)
{
	return request->classified.effects & EFFECT_BIT(EFFECT_TAINTS_KERNEL) ? "1" : "0";
}

static void add_manager(struct audit_record *record, struct manager *manager)
{
	audit_record_format(record, "SEQ", "%llu", (unsigned long long)++manager->audit_seq);
}

static void add_generation(struct audit_record *record, const struct generation *generation)
{
	if (generation)
		audit_record_format(record, "POLICY", "%llu %s",
				    (unsigned long long)generation->number,
				    generation->policy ? generation->digest : "none");
}

static void add_device(struct audit_record *record, const struct device *device)
{
	audit_record_text(record, "DEVICE", device->name);
	audit_record_text(record, "DEVICE_ID", device->id);
	audit_record_text(record, "DIALECT", device->identity.dialect);
	audit_record_text(record, "DRIVER", device->identity.driver);
	audit_record_text(record, "PCI", device->identity.pci);
	audit_record_text(record, "SERIAL", device->identity.serial);
	audit_record_text(record, "MODEL", device->identity.model);
	audit_record_text(record, "FIRMWARE", device->identity.firmware);
	audit_record_text(record, "NQN", device->identity.nqn);
	audit_record_text(record, "SIMULATED", device->identity.simulated ? "1" : "0");
}

/*
 * "4 27 1000": with these, a record says all that the policy was asked. A caller can be in tens of
 * thousands of groups; a part of them would be another caller's.
 */
static void add_groups(struct audit_record *record, const struct caller_identity *caller)
{
	char text[GROUPS_TEXT_MAX] = "";
	size_t length = 0;

	for (size_t i = 0; i < caller->n_gids; i++) {
		int n = snprintf(text + length, sizeof(text) - length, "%s%u", i > 0 ? " " : "",
				 caller->gids[i]);

		if (n < 0 || (size_t)n >= sizeof(text) - length) {
			audit_record_text(record, "TRUNCATED", "1");
			return;
		}
		length += (size_t)n;
	}
	audit_record_text(record, "CALLER_GIDS", text);
}

/* "lid=smart rae=1 ...": what the sender chose, and what tells the command from others of its
 * opcode. */
static void add_fields(struct audit_record *record, const struct classified *classified)
{
	const struct command *command = classified->command;
	char text[2048] = "", value[FIELD_TEXT_MAX];
	struct bytes_writer w = {.buffer = (uint8_t *)text, .capacity = sizeof(text) - 1};

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (field->fixed != FIXED_NOT && !field->select)
			continue;
		field_format(field, &classified->values[i], value, sizeof(value));
		if (w.length > 0)
			bytes_append(&w, " ", 1);
		bytes_append(&w, field->name, strlen(field->name));
		bytes_append(&w, "=", 1);
		bytes_append(&w, value, strlen(value));
	}
	audit_record_text(record, "FIELDS", text);
}

static void add_judged(struct audit_record *record, const struct request *request)
{
	const struct classified *classified = &request->classified;
	char id[SD_ID128_STRING_MAX], effects[EFFECT_SET_STRING_MAX];

	audit_record_text(record, "REQUEST", sd_id128_to_string(request->id, id));
	audit_record_text(record, "CALLER_NAME", caller_name(request));
	if (!request->caller) {
		audit_record_format(record, "CALLER_UID", "%u", getuid());
	} else {
		if (request->caller->account) {
			audit_record_format(record, "CALLER_UID", "%u",
					    request->caller->identity.uid);
			add_groups(record, &request->caller->identity);
		}
		audit_record_text(record, "CALLER_BUS", request->caller->bus_name);
		if (request->caller->pid > 0)
			audit_record_format(record, "CALLER_PID", "%d", request->caller->pid);
	}
	if (request->device)
		add_device(record, request->device);
	audit_record_text(record, "REASON", request->reason);
	if (!classified->command)
		return;
	audit_record_text(record, "COMMAND", classified->command->full_name);
	audit_record_format(record, "OPCODE", "0x%02x", classified->command->opcode);
	add_fields(record, classified);
	audit_record_text(record, "CLASS", effect_class_to_string(classified->class));
	audit_record_text(record, "EFFECTS", effect_set_to_string(classified->effects, effects));
	if (classified->command->envelope == ENVELOPE_FWCTL_RPC)
		audit_record_format(record, "SCOPE", "%u", classified->scope);
	audit_record_text(record, "TAINTS", taint_text(request));
	audit_record_text(record, "VERDICT", verdict_to_string(request->decision.verdict));
	audit_record_text(record, "RULE", request->said.rule_id);
	audit_record_text(record, "RULE_AT", request->said.rule_at);
	add_generation(record, request->generation);
	audit_record_text(record, "DIGEST", request->digest);
}

/* From the intent on nothing of this changes any more: the outcome repeats the intent's bytes. */
static void add_request(struct audit_record *record, const struct request *request)
{
	add_manager(record, request->manager);
	if (request->audited)
		bytes_append(&record->writer, request->audited, request->audited_length);
	else
		add_judged(record, request);
}

void audit_started(struct manager *manager)
{
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_STARTED, LOG_INFO,
			   "fwctld " FWCTLD_VERSION " started");
	add_manager(&record, manager);
	audit_record_text(&record, "VERSION", FWCTLD_VERSION);
	add_generation(&record, manager->generation);
	(void)audit_send(manager->audit, &record, UINT64_MAX, NULL, NULL);
}

/* A journal field may stand several times: one a problem, errors before anything else fills it. */
static void add_problems(struct audit_record *record, const struct problems *problems)
{
	for (unsigned warnings = 0; warnings < 2; warnings++)
		for (size_t i = 0; i < problems->n; i++) {
			char *text;

			if (problems->items[i].warning != (warnings == 1))
				continue;
			text = problem_to_string(&problems->items[i]);
			audit_record_text(record, "PROBLEM", text);
			free(text);
		}
}

void audit_policy_loaded(struct manager *manager, const struct problems *problems)
{
	const struct generation *generation = manager->generation;
	struct audit_record record;

	audit_record_start(
		&record, FWCTLD_MESSAGE_POLICY_LOADED,
		problems->n_warnings > 0 ? LOG_WARNING : LOG_NOTICE,
		"Policy generation %llu is in force. Rules: %zu; files: %zu; warnings: %zu",
		(unsigned long long)generation->number, generation->policy->n_rules,
		generation->policy->n_files, problems->n_warnings);
	add_manager(&record, manager);
	add_generation(&record, generation);
	add_problems(&record, problems);
	(void)audit_send(manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_policy_rejected(struct manager *manager, const struct problems *problems,
			   const char *what)
{
	const struct problem *first = problems_first_error(problems);
	char *first_text = first ? problem_to_string(first) : NULL;
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_POLICY_REJECTED, LOG_ERR,
			   "The policy was not loaded; %s. Errors: %zu. The first of them: %s",
			   what, problems->n_errors, first_text ?: "out of memory.");
	free(first_text);
	add_manager(&record, manager);
	add_generation(&record, manager->generation);
	add_problems(&record, problems);
	(void)audit_send(manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_device_added(struct device *device)
{
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_DEVICE_ADDED, LOG_INFO,
			   "Device %s (%s) is held%s", device->name, device->id,
			   device->identity.simulated ? "; it is simulated" : "");
	add_manager(&record, device->manager);
	add_device(&record, device);
	(void)audit_send(device->manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_device_removed(struct device *device, const char *why)
{
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_DEVICE_REMOVED, LOG_NOTICE,
			   "Device %s (%s) is no longer held: %s", device->name, device->id, why);
	add_manager(&record, device->manager);
	add_device(&record, device);
	(void)audit_send(device->manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_executor_lost(struct device *device, const struct request *request, const char *why)
{
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_EXECUTOR_LOST, LOG_WARNING,
			   "The executor of %s is lost: %s%s", device->name, why,
			   request ? "; a command was in flight" : "");
	if (request) {
		add_request(&record, request);
	} else {
		add_manager(&record, device->manager);
		add_device(&record, device);
	}
	(void)audit_send(device->manager->audit, &record, UINT64_MAX, NULL, NULL);
}

int audit_intent(struct request *request, audit_done_t done)
{
	struct audit_record record;
	size_t start;

	audit_record_start(&record, FWCTLD_MESSAGE_INTENT, LOG_INFO,
			   "%s sends %s (%s) to %s, allowed by %s%s", caller_name(request),
			   command_name(request), effect_class_to_string(request->classified.class),
			   request->device->name, request->said.rule_id,
			   request->authenticated ? " and polkit" : "");
	add_manager(&record, request->manager);
	start = record.writer.length;
	add_judged(&record, request);
	request->audited_length = record.writer.length - start;
	request->audited = malloc(request->audited_length);
	if (!request->audited)
		return -ENOMEM;
	memcpy(request->audited, record.buffer + start, request->audited_length);
	return audit_send(request->manager->audit, &record, AUDIT_TIMEOUT_USEC, done, request);
}

static void add_outcome(struct audit_record *record, const struct request *request)
{
	const struct outcome *outcome = &request->outcome;

	add_request(record, request);
	audit_record_text(record, "RESULT",
			  request->sent ? outcome_kind_to_string(outcome->kind) : "not-sent");
	audit_record_format(record, "STATUS", "0x%x", outcome->status);
	if (outcome->error > 0)
		audit_record_format(record, "ERRNO", "%d", outcome->error);
	if (request->sent)
		audit_record_format(record, "DURATION_USEC", "%llu",
				    (unsigned long long)request->duration_usec);
	if (request->pieces.n > 1)
		audit_record_format(record, "PIECES", "%zu of %zu", request->n_sent,
				    request->pieces.n);
	audit_record_text(record, "WHY", request->lost);
}

static const char *outcome_text(const struct request *request)
{
	return request->sent ? outcome_kind_to_string(request->outcome.kind) : "not sent";
}

int audit_outcome(struct request *request, audit_done_t done)
{
	struct audit_record record;
	bool good = request->sent && request->outcome.kind == OUTCOME_EXECUTED;
	bool unknown = request->sent && request->outcome.kind == OUTCOME_UNKNOWN;

	audit_record_start(&record, FWCTLD_MESSAGE_OUTCOME,
			   good	     ? LOG_INFO
			   : unknown ? LOG_WARNING
				     : LOG_NOTICE,
			   "%s of %s on %s: %s", command_name(request), caller_name(request),
			   request->device->name, outcome_text(request));
	add_outcome(&record, request);
	/* An outcome waits for as long as it takes; the caller is answered after a while all the
	 * same. */
	return audit_send(request->manager->audit, &record, UINT64_MAX, done, request);
}

void audit_late_outcome(struct request *request)
{
	struct audit_record record;

	audit_record_start(&record, FWCTLD_MESSAGE_LATE_OUTCOME, LOG_WARNING,
			   "%s of %s on %s, after its deadline: %s", command_name(request),
			   caller_name(request), request->device->name, outcome_text(request));
	add_outcome(&record, request);
	(void)audit_send(request->manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_denied(struct request *request, const char *why)
{
	struct audit_record record;

	if (request->caller && request->caller->account &&
	    !flood_passes(request->manager->denials, request->caller->identity.uid))
		return;
	audit_record_start(&record, FWCTLD_MESSAGE_DENIED, LOG_NOTICE,
			   "%s may not send %s to %s: %s", caller_name(request),
			   command_name(request), target_name(request), why);
	add_request(&record, request);
	audit_record_text(&record, "WHY", why);
	audit_send_lossy(request->manager->audit, &record);
}

void audit_would_have(struct request *request)
{
	const char *verdict = verdict_to_string(request->decision.observed_verdict);
	struct audit_record record;
	struct decision_text said;

	if (!flood_passes(request->manager->observations, request->caller->identity.uid))
		return;
	decision_describe_observed(&request->decision, &said);
	audit_record_start(&record, FWCTLD_MESSAGE_WOULD_HAVE, LOG_NOTICE,
			   "Rule %s only observes; to %s of %s on %s it would say: %s",
			   said.rule_id, command_name(request), caller_name(request),
			   target_name(request), verdict);
	add_request(&record, request);
	audit_record_text(&record, "WOULD_VERDICT", verdict);
	audit_record_text(&record, "WOULD_RULE", said.rule_id);
	audit_record_text(&record, "WOULD_RULE_AT", said.rule_at);
	audit_send_lossy(request->manager->audit, &record);
}

/* what: became of those requests */
static void audit_suppressed(struct manager *manager, uid_t uid, uint64_t count, const char *what)
{
	struct audit_record record;

	audit_record_start(
		&record, FWCTLD_MESSAGE_SUPPRESSED, LOG_WARNING,
		"%llu further requests of uid %u were %s, of which no record was written",
		(unsigned long long)count, uid, what);
	add_manager(&record, manager);
	audit_record_format(&record, "CALLER_UID", "%u", uid);
	audit_record_format(&record, "COUNT", "%llu", (unsigned long long)count);
	(void)audit_send(manager->audit, &record, UINT64_MAX, NULL, NULL);
}

void audit_suppressed_denials(void *userdata, uid_t uid, uint64_t count)
{
	audit_suppressed(userdata, uid, count, "denied");
}

void audit_suppressed_observations(void *userdata, uid_t uid, uint64_t count)
{
	audit_suppressed(userdata, uid, count, "observed by rules that do not decide yet");
}

void audit_authentication(struct request *request, const char *why)
{
	struct audit_record record;

	/* A refusal is told of by the denial as well; a flood of them is not. */
	if (why && !flood_passes(request->manager->denials, request->caller->identity.uid))
		return;
	audit_record_start(&record, FWCTLD_MESSAGE_AUTHENTICATION, LOG_NOTICE,
			   "polkit %s %s for %s on %s", why ? "did not grant" : "granted",
			   command_name(request), caller_name(request), target_name(request));
	add_request(&record, request);
	audit_record_text(&record, "RESULT", why ? "refused" : "granted");
	audit_record_text(&record, "WHY", why ?: "polkit granted it");
	(void)audit_send(request->manager->audit, &record, UINT64_MAX, NULL, NULL);
}
