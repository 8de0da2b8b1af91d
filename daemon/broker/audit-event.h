/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is written down, and with which fields: one function an event kind. The fields are described
 * in fwctld(8); units/fwctld.catalog has the text for each kind.
 */

#include "daemon/broker/audit.h"
#include "policy/problems.h"

struct device;
struct manager;
struct request;

/* How long a request waits for journald: past it, an intent is refused and an outcome is answered.
 */
#define AUDIT_TIMEOUT_USEC (5 * 1000 * 1000ull)

void audit_started(struct manager *manager);
/* problems: warnings, such as of rules that are switched off. */
void audit_policy_loaded(struct manager *manager, const struct problems *problems);
/* what: "nothing changed: the policy of generation 3 stays in force", ... */
void audit_policy_rejected(struct manager *manager, const struct problems *problems,
			   const char *what);
void audit_device_added(struct device *device);
void audit_device_removed(struct device *device, const char *why);
/* request: the one in flight, or NULL. */
void audit_executor_lost(struct device *device, const struct request *request, const char *why);

/* Each as audit_send() returns. */
int audit_intent(struct request *request, audit_done_t done);
int audit_outcome(struct request *request, audit_done_t done);
/* What came after the deadline, when the caller had already been answered. */
void audit_late_outcome(struct request *request);
/* Refused: by policy, by polkit, or because it could not be carried out; why: a sentence. */
void audit_denied(struct request *request, const char *why);
/* What a rule that only observes would have decided. It may be lost in a flood. */
void audit_would_have(struct request *request);
/* Of records of these kinds. A flood_report_t: userdata is the manager. */
void audit_suppressed_denials(void *userdata, uid_t uid, uint64_t count);
void audit_suppressed_observations(void *userdata, uid_t uid, uint64_t count);
/* why: NULL when polkit granted it. */
void audit_authentication(struct request *request, const char *why);
