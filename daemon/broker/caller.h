/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is asking, as the bus driver vouches for it.
 *
 * One struct caller is one connection to the bus, found by its unique name. Its uid and groups are
 * asked of the bus driver once (GetConnectionCredentials, by a call of our own: libsystemd 252 does
 * not read UnixGroupIDs, and its augmented credentials come out of /proc, where they are racy), and
 * dropped when the name vanishes. Unique names are never used twice, so a stale entry could be a
 * leak but no confusion.
 *
 * One struct account is one uid: what all its connections together have in flight.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "policy/decide.h"

/* Bounds a user, and not a connection: one user can open many. And all users: one can hold many
 * uids. */
#define REQUESTS_PER_UID_MAX 64u
#define REQUESTS_MAX	     512u
#define REQUESTS_ALWAYS	     4u /* what a uid may have in flight however many others do */
#define BYTES_PER_UID_MAX    (8u * 1024u * 1024u)
#define BYTES_MAX	     (64u * 1024u * 1024u)
#define BYTES_ALWAYS	     (64u * 1024u) /* what a uid may have in flight, as REQUESTS_ALWAYS */
/*
 * Questions to polkit that wait for an answer: the bus lets nobody have more than 128 calls
 * outstanding (max_replies_per_connection), and these are fwctld's own, shared by everybody who
 * asks.
 */
#define QUESTIONS_PER_UID_MAX 8u
#define QUESTIONS_MAX	      64u
#define QUESTIONS_FIRST_MAX   112u /* a uid's first one, and root's, also beyond QUESTIONS_MAX */
/* Requests of one connection whose uid the bus has not told us yet. */
#define REQUESTS_UNRESOLVED_MAX 64u

struct request;
TAILQ_HEAD(request_list, request);

struct account {
	uid_t uid;
	unsigned n_ref;
	char *name; /* of the user, for audit; the number as text when it has none */
	unsigned n_requests;
	size_t n_bytes;
	unsigned n_questions;
	uint64_t served; /* when one of its requests last had a device's turn; of a counter */
};

enum caller_state {
	CALLER_ASKED, /* the bus driver has not answered yet */
	CALLER_KNOWN,
	CALLER_UNKNOWN, /* it could not say; every request is refused */
	CALLER_GONE,	/* the connection vanished */
};

struct callers;

struct caller {
	unsigned n_ref;
	struct callers *callers; /* NULL when they were freed */
	enum caller_state state;
	char *bus_name;
	pid_t pid;			 /* for audit only: 0 when the bus did not say */
	struct caller_identity identity; /* CALLER_KNOWN, and afterwards */
	gid_t *gids;
	struct account *account; /* likewise */
	sd_bus_slot *asking;
	struct request_list requests; /* in flight; links are the requests' own */
	unsigned n_requests;
};

/* Called for each request of a caller whose state changed (known, unknown or gone). */
typedef void (*caller_changed_t)(struct request *request);

int callers_new(sd_bus *bus, caller_changed_t changed, struct callers **ret);
struct callers *callers_free(struct callers *callers);

/* The caller of that unique name, asked for at its first request. A new reference. */
int callers_get(struct callers *callers, const char *bus_name, struct caller **ret);
struct caller *caller_ref(struct caller *caller);
struct caller *caller_unref(struct caller *caller);

/*
 * Charges a request of so many bytes to the caller's uid and to all. False when that passes a
 * bound; then nothing was charged.
 */
bool caller_charge(struct caller *caller, size_t bytes);
void caller_discharge(struct caller *caller, size_t bytes);
/* So many of its bytes were handed to the bus. As long as that does not take them, they count. */
void caller_answered(struct caller *caller, size_t bytes);
/* The same for a question to polkit. */
bool caller_charge_question(struct caller *caller);
void caller_discharge_question(struct caller *caller);

/* Calls `end` for each request of each caller; it may end the request. */
void callers_end_requests(struct callers *callers, void (*end)(struct request *request));
