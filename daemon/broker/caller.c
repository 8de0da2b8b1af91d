/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/caller.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"

#define ASK_TIMEOUT_USEC (10 * 1000 * 1000ull)

struct callers {
	sd_bus *bus;
	sd_bus_slot *vanished;
	caller_changed_t changed;
	void *by_name; /* tsearch tree of struct caller */
	void *by_uid;  /* tsearch tree of struct account */
	unsigned n_requests;
	unsigned n_questions;
	size_t n_bytes;
	size_t n_unsent; /* of answers, since our queue to the bus was last empty */
};

static int compare_callers(const void *a, const void *b)
{
	const struct caller *x = a, *y = b;

	return strcmp(x->bus_name, y->bus_name);
}

static int compare_accounts(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static struct account *account_unref(struct callers *callers, struct account *account)
{
	if (!account || --account->n_ref > 0)
		return NULL;
	if (callers)
		tdelete(account, &callers->by_uid, compare_accounts);
	free(account->name);
	free(account);
	return NULL;
}

static int account_get(struct callers *callers, uid_t uid, struct account **ret)
{
	struct account key = {.uid = uid}, *account;
	struct account **found = tfind(&key, &callers->by_uid, compare_accounts);
	const struct passwd *user;
	int r;

	if (found) {
		(*found)->n_ref++;
		*ret = *found;
		return 0;
	}
	account = calloc(1, sizeof(*account));
	if (!account)
		return -ENOMEM;
	*account = (struct account){.uid = uid, .n_ref = 1};
	user = getpwuid(uid);
	if (user)
		r = asprintf(&account->name, "%s", user->pw_name);
	else
		r = asprintf(&account->name, "%u", uid);
	if (r < 0)
		account->name = NULL;
	if (r < 0 || !tsearch(account, &callers->by_uid, compare_accounts)) {
		free(account->name);
		free(account);
		return -ENOMEM;
	}
	*ret = account;
	return 0;
}

/* Each may end its request, and no other. */
static void caller_each_request(struct caller *caller, void (*call)(struct request *request))
{
	struct request *request, *next;

	caller_ref(caller);
	for (request = TAILQ_FIRST(&caller->requests); request; request = next) {
		next = TAILQ_NEXT(request, of_caller);
		call(request);
	}
	caller_unref(caller);
}

static void caller_set_state(struct caller *caller, enum caller_state state)
{
	caller->state = state;
	caller_each_request(caller, caller->callers->changed);
}

/* The dictionary of GetConnectionCredentials. What the bus did not say stays as it was. */
static int read_credentials(sd_bus_message *reply, bool *has_uid, uid_t *uid, pid_t *pid,
			    gid_t **gids, size_t *n_gids, bool *has_gids)
{
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		const char *key, *contents;
		const void *array;
		uint32_t number;
		size_t size;
		char type;

		r = sd_bus_message_read(reply, "s", &key);
		if (r >= 0)
			r = sd_bus_message_peek_type(reply, &type, &contents);
		if (r < 0)
			return r;
		if (strcmp(key, "UnixUserID") == 0 && strcmp(contents, "u") == 0) {
			r = sd_bus_message_read(reply, "v", "u", &number);
			*uid = number;
			*has_uid = true;
		} else if (strcmp(key, "ProcessID") == 0 && strcmp(contents, "u") == 0) {
			r = sd_bus_message_read(reply, "v", "u", &number);
			*pid = (pid_t)number;
		} else if (strcmp(key, "UnixGroupIDs") == 0 && strcmp(contents, "au") == 0 &&
			   !*has_gids) {
			r = sd_bus_message_enter_container(reply, 'v', "au");
			if (r >= 0)
				r = sd_bus_message_read_array(reply, 'u', &array, &size);
			if (r < 0)
				return r;
			*gids = malloc(size + 1);
			if (!*gids)
				return -ENOMEM;
			memcpy(*gids, array, size);
			*n_gids = size / sizeof(gid_t);
			*has_gids = true;
			r = sd_bus_message_exit_container(reply);
		} else {
			r = sd_bus_message_skip(reply, "v");
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r;
}

static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct caller *caller = userdata;
	bool has_uid = false, has_gids = false;
	uid_t uid = (uid_t)-1;
	int r;

	caller->asking = sd_bus_slot_unref(caller->asking);
	if (caller->state != CALLER_ASKED)
		return 0;
	r = sd_bus_message_is_method_error(reply, NULL)
		    ? -ENXIO
		    : read_credentials(reply, &has_uid, &uid, &caller->pid, &caller->gids,
				       &caller->identity.n_gids, &has_gids);
	/* Anything missing is no "uid 0", and no "in no group": it is nobody whom we could decide
	 * about. */
	if (r >= 0 && (!has_uid || !has_gids || uid == (uid_t)-1))
		r = -ENODATA;
	if (r >= 0)
		r = account_get(caller->callers, uid, &caller->account);
	caller->identity.uid = uid;
	caller->identity.gids = caller->gids;
	caller_set_state(caller, r < 0 ? CALLER_UNKNOWN : CALLER_KNOWN);
	return 0;
}

static int on_name_vanished(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct callers *callers = userdata;
	struct caller key = {}, **found, *caller;
	const char *name, *before, *after, *sender = sd_bus_message_get_sender(message);

	/*
	 * Anybody can send a signal of this name straight to us, past the bus driver's filters, and
	 * a match by a well-known sender lets every unique name through (seen with libsystemd 252).
	 */
	if (!sender || strcmp(sender, "org.freedesktop.DBus") != 0)
		return 0;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0 || *after)
		return 0;
	key.bus_name = (char *)name;
	found = tfind(&key, &callers->by_name, compare_callers);
	if (!found)
		return 0;
	caller = *found;
	tdelete(caller, &callers->by_name, compare_callers);
	caller->asking = sd_bus_slot_unref(caller->asking);
	caller_set_state(caller, CALLER_GONE);
	caller_unref(caller); /* the tree's */
	return 0;
}

int callers_get(struct callers *callers, const char *bus_name, struct caller **ret)
{
	struct caller key = {.bus_name = (char *)bus_name}, **found, *caller;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r;

	found = tfind(&key, &callers->by_name, compare_callers);
	if (found) {
		*ret = caller_ref(*found);
		return 0;
	}
	caller = calloc(1, sizeof(*caller));
	if (!caller)
		return -ENOMEM;
	caller->n_ref = 1;
	caller->callers = callers;
	caller->state = CALLER_ASKED;
	TAILQ_INIT(&caller->requests);
	caller->bus_name = strdup(bus_name);
	if (!caller->bus_name) {
		caller_unref(caller);
		return -ENOMEM;
	}
	r = sd_bus_message_new_method_call(callers->bus, &call, "org.freedesktop.DBus",
					   "/org/freedesktop/DBus", "org.freedesktop.DBus",
					   "GetConnectionCredentials");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", bus_name);
	if (r >= 0)
		r = sd_bus_call_async(callers->bus, &caller->asking, call, on_credentials, caller,
				      ASK_TIMEOUT_USEC);
	if (r >= 0 && !tsearch(caller, &callers->by_name, compare_callers))
		r = -ENOMEM;
	if (r < 0) {
		caller_unref(caller);
		return r;
	}
	*ret = caller_ref(caller); /* the first reference is the tree's */
	return 0;
}

struct caller *caller_ref(struct caller *caller)
{
	if (caller)
		caller->n_ref++;
	return caller;
}

struct caller *caller_unref(struct caller *caller)
{
	if (!caller || --caller->n_ref > 0)
		return NULL;
	sd_bus_slot_unref(caller->asking);
	account_unref(caller->callers, caller->account);
	free(caller->gids);
	free(caller->bus_name);
	free(caller);
	return NULL;
}

static bool bus_is_behind(struct callers *callers)
{
	uint64_t n;

	return sd_bus_get_n_queued_write(callers->bus, &n) >= 0 && n > 0;
}

/* Is there room for these bytes, beside all others? A little there always is, if the bus keeps up.
 */
static bool bytes_fit(struct callers *callers, const struct account *account, size_t bytes)
{
	if (!bus_is_behind(callers))
		callers->n_unsent = 0;
	if (callers->n_bytes + callers->n_unsent + bytes <= BYTES_MAX)
		return true;
	return callers->n_unsent == 0 && account->n_bytes + bytes <= BYTES_ALWAYS;
}

void caller_answered(struct caller *caller, size_t bytes)
{
	if (caller->callers && bus_is_behind(caller->callers))
		caller->callers->n_unsent += bytes;
}

bool caller_charge(struct caller *caller, size_t bytes)
{
	struct callers *callers = caller->callers;
	struct account *account = caller->account;

	if (account->n_requests >= REQUESTS_PER_UID_MAX ||
	    (callers->n_requests >= REQUESTS_MAX && account->n_requests >= REQUESTS_ALWAYS) ||
	    bytes > BYTES_PER_UID_MAX - account->n_bytes || !bytes_fit(callers, account, bytes))
		return false;
	account->n_requests++;
	account->n_bytes += bytes;
	callers->n_requests++;
	callers->n_bytes += bytes;
	return true;
}

void caller_discharge(struct caller *caller, size_t bytes)
{
	struct callers *callers = caller->callers;

	caller->account->n_requests--;
	caller->account->n_bytes -= bytes;
	if (callers) {
		callers->n_requests--;
		callers->n_bytes -= bytes;
	}
}

bool caller_charge_question(struct caller *caller)
{
	struct callers *callers = caller->callers;
	struct account *account = caller->account;

	bool first = account->n_questions == 0 || account->uid == 0;

	if (account->n_questions >= QUESTIONS_PER_UID_MAX ||
	    callers->n_questions >= (first ? QUESTIONS_FIRST_MAX : QUESTIONS_MAX))
		return false;
	account->n_questions++;
	callers->n_questions++;
	return true;
}

void caller_discharge_question(struct caller *caller)
{
	caller->account->n_questions--;
	if (caller->callers)
		caller->callers->n_questions--;
}

struct end_walk {
	void (*end)(struct request *request);
};

static void end_requests(const void *node, VISIT visit, void *userdata)
{
	const struct end_walk *walk = userdata;

	if (visit == postorder || visit == leaf)
		caller_each_request(*(struct caller *const *)node, walk->end);
}

void callers_end_requests(struct callers *callers, void (*end)(struct request *request))
{
	struct end_walk walk = {.end = end};

	twalk_r(callers->by_name, end_requests, &walk);
}

int callers_new(sd_bus *bus, caller_changed_t changed, struct callers **ret)
{
	struct callers *callers;
	int r;

	callers = calloc(1, sizeof(*callers));
	if (!callers)
		return -ENOMEM;
	callers->bus = sd_bus_ref(bus);
	callers->changed = changed;
	/* arg2='': only names that vanish, and not every connection that comes. */
	r = sd_bus_add_match(bus, &callers->vanished,
			     "type='signal',sender='org.freedesktop.DBus',"
			     "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
			     "member='NameOwnerChanged',arg2=''",
			     on_name_vanished, callers);
	if (r < 0) {
		callers_free(callers);
		return r;
	}
	*ret = callers;
	return 0;
}

static void forget_account(void *node)
{
	/* The callers that still hold it free it. */
}

static void forget_caller(void *node)
{
	struct caller *caller = node;

	caller->asking = sd_bus_slot_unref(caller->asking);
	caller_set_state(caller, CALLER_GONE);
	caller->callers = NULL;
	caller_unref(caller);
}

struct callers *callers_free(struct callers *callers)
{
	if (!callers)
		return NULL;
	sd_bus_slot_unref(callers->vanished);
	tdestroy(callers->by_name, forget_caller);
	tdestroy(callers->by_uid, forget_account);
	sd_bus_unref(callers->bus);
	free(callers);
	return NULL;
}
