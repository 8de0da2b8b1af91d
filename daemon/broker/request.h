/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One command from one caller, from arrival to reply: the only way to a device.
 *
 *   RECEIVED   the caller's credentials are being asked for
 *   HELD       what the device reports of its commands is being read; without it nobody can say
 *              what this one does
 *   ASKING     policy said `authenticate`; polkit has the word
 *   QUEUED     allowed; another request has the device
 *   INTENT     decided once more; the journal has not yet accepted the intent
 *   RUNNING    the executor has it
 *   OUTCOME    the device is done; the journal has not yet accepted the outcome
 *   LATE       the caller was answered at the deadline; the executor still has it
 *   LOADING    not a command: it waits until the policy is loaded anew
 *   DONE       answered
 *
 * The request owns its bytes, and they never change: what polkit was asked about, what the audit
 * digests and what the device gets are the same.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "daemon/broker/caller.h"
#include "daemon/broker/device.h"
#include "daemon/broker/generation.h"
#include "policy/classify.h"
#include "policy/decide.h"
#include "policy/digest.h"
#include "policy/pack.h"
#include "policy/piece.h"

struct manager;

enum request_verb {
	VERB_EXECUTE,
	VERB_EXECUTE_RAW,
	VERB_EXPLAIN,
	VERB_EXPLAIN_RAW,
	VERB_LIST_COMMANDS,
	VERB_RELOAD, /* of the policy; without a device */
};

enum request_state {
	REQUEST_RECEIVED,
	REQUEST_HELD,
	REQUEST_ASKING,
	REQUEST_QUEUED,
	REQUEST_INTENT,
	REQUEST_RUNNING,
	REQUEST_OUTCOME,
	REQUEST_LATE,
	REQUEST_LOADING,
	REQUEST_DONE,
};

/* What an internal request's end is told: fwctld asks a device about itself. NULL: it was not sent.
 * number: what request_internal() was given. */
typedef void (*request_done_t)(struct device *device, uint64_t number,
			       const struct outcome *outcome);

struct request {
	unsigned n_ref;
	struct manager *manager;
	enum request_verb verb;
	enum request_state state;
	sd_id128_t id;
	uint64_t number; /* in this daemon's life; names it to the executor */

	sd_bus_message *call; /* NULL: fwctld's own */
	request_done_t done;  /* fwctld's own: who wants the answer */
	uint64_t done_number;
	struct caller *caller; /* NULL: fwctld's own */
	TAILQ_ENTRY(request) of_caller;
	size_t charged;			/* bytes on the caller's account; 0: nothing */
	struct device *device;		/* NULL: VERB_RELOAD */
	TAILQ_ENTRY(request) of_device; /* or, LOADING, of those that wait with it */

	uint8_t *message; /* device-native, message_length bytes, then the data */
	size_t message_length;
	const uint8_t *data;
	size_t data_length;
	char *device_id; /* option: the caller insists on this device */
	char *reason;	 /* option: for audit */

	struct generation *generation; /* judged by */
	struct moment judged_at;
	struct classified classified;
	struct decision decision;
	struct decision_text said; /* of it */
	char digest[DIGEST_STRING_SIZE];

	sd_bus_slot *polkit;
	bool asked; /* and charged for it */
	bool authenticated;
	char *authenticated_rule; /* id and place of the rule that polkit answered for */

	uint8_t *audited; /* audit fields of the intent, which the outcome repeats; NULL before */
	size_t audited_length;

	struct pieces pieces;	    /* commands that it takes */
	size_t n_sent;		    /* of these */
	struct bytes_writer joined; /* their answers, in `response`, where it takes several */
	struct arena arena;
	bool sent;	  /* to the executor; false with an intent: it never was */
	uint64_t started; /* CLOCK_MONOTONIC, µs, when the executor got it */
	uint64_t duration_usec;
	sd_event_source *deadline;
	struct outcome outcome;
	uint8_t *response; /* outcome.response points into it, and a long reply comes into it */
	char lost[64];	   /* why the executor can't say what happened */
};

/* A method call, on a device or (NULL) the manager. Takes over the reply: always 1, or a negative
 * errno for sd-bus to answer. */
int request_from_call(struct manager *manager, struct device *device, enum request_verb verb,
		      sd_bus_message *call);
/*
 * fwctld's own: a message that fwctld made, read-only, allowed without policy but audited like any
 * other.
 */
int request_internal(struct device *device, const uint8_t *message, size_t length,
		     request_done_t done, uint64_t number);

struct request *request_ref(struct request *request);
struct request *request_unref(struct request *request);

/* Something that it waits for has changed: its caller, or the polkit answer. */
void request_advance(struct request *request);
/* Of one that is HELD: what it waited for has come, or can't be had. */
void request_resume(struct request *request);
/* Does it wait until it is known what the device reports of its commands? A query does not. */
bool request_waits_for_effects(const struct request *request);
/* It is its turn on the device. False: it ended and does not need the device. */
bool request_begin(struct request *request);
/* Its executor answered, or is lost (why != NULL). */
void request_replied(struct request *request, int value, int error, uint8_t *bytes, size_t length);
void request_executor_lost(struct request *request, const char *why);
/* It can't be had any more: answers with an error (errno of device_enqueue()). Not for one that
 * runs. */
void request_give_up(struct request *request, int error, const char *why);
/* fwctld ends: what waits is answered. What has a device is device_gone()'s. */
void request_end(struct request *request);
/* Does an executor have it, or did one have it at its deadline? */
bool request_is_sent(const struct request *request);

/*
 * Classifies and decides by what is in force now. 0: there is a decision. -ENOENT, -EBADMSG, ...:
 * refused before policy was asked, with a sentence. Used by enforcement, Explain and ListCommands
 * alike.
 */
int request_judge(struct request *request, struct refusal *ret_refusal);

/* Shared by request.c (from arrival to the queue) and request-run.c (from the device's turn to the
 * end). */

/* Answers the caller, if there is one that still waits for it. */
#define request_reply_error(request, name, ...)                                                    \
	do {                                                                                       \
		if ((request)->call)                                                               \
			(void)bus_reply_error((request)->call, (request), (name), __VA_ARGS__);    \
	} while (0)

bool request_caller_left(const struct request *request);
/* Could the device's own report make it worse, and has it not been read? */
bool request_lacks_effects(const struct request *request);
extern const char request_effects_unread[]; /* for request_give_up() */
/* No wrong target: whoever destroys names the device by what does not change. */
bool request_lacks_device_id(const struct request *request);
/*
 * It was decided for the last time: counts it for the limit of the rule that lets it pass, if it
 * has one, and tells what an observing rule would have said. A negative errno: it must not pass.
 */
int request_settle(struct request *request);
/* "ID at FILE:LINE" of the rule that decided, or NULL. */
char *request_rule_name(const struct request *request);
/* Refused by fwctld itself, before anything was sent: audited, answered, over. */
void request_deny(struct request *request, const char *error_name, const char *why);
/* The outcome is known: answered, over. */
void request_answer(struct request *request);
/* Over: off every list. */
void request_finish(struct request *request);
