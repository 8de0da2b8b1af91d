/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/broker/polkit.h"
#include "include/cleanup.h"

/* A person types a password; a machine answers at once or hangs. */
#define INTERACTIVE_TIMEOUT_USEC (120 * 1000 * 1000ull)
#define TIMEOUT_USEC		 (10 * 1000 * 1000ull)

/* polkit's CheckAuthorizationFlags. */
#define ALLOW_USER_INTERACTION 1u

#define POLKIT_NAME	 "org.freedesktop.PolicyKit1"
#define POLKIT_PATH	 "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

struct polkit_question {
	sd_bus *bus;
	polkit_answered_t answered;
	void *userdata;
	char cancellation_id[32];
	bool over; /* answered: there is nothing to cancel */
};

static void question_free(void *p)
{
	struct polkit_question *question = p;

	/* Takes the password prompt off the person's screen, and the work off polkitd. */
	if (!question->over)
		(void)sd_bus_call_method_async(question->bus, NULL, POLKIT_NAME, POLKIT_PATH,
					       POLKIT_INTERFACE, "CancelCheckAuthorization", NULL,
					       NULL, "s", question->cancellation_id);
	sd_bus_unref(question->bus);
	free(question);
}

static const char *read_answer(sd_bus_message *reply)
{
	int authorized = 0, challenge = 0;

	if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY))
		return "polkit did not answer in time";
	if (sd_bus_message_is_method_error(reply, "org.freedesktop.PolicyKit1.Error.Cancelled"))
		return "the authentication was cancelled";
	if (sd_bus_message_is_method_error(reply, NULL))
		return "polkit is not available";
	if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
	    sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
		return "polkit's answer could not be read";
	if (authorized)
		return NULL;
	return challenge ? "polkit wants somebody to authenticate, and no one was asked"
			 : "polkit did not authorise it";
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct polkit_question *question = userdata;
	const char *why = read_answer(reply);

	question->over = !sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY);
	question->answered(question->userdata, why);
	return 0;
}

int polkit_ask(sd_bus_message *call, const char *action, const struct polkit_detail *details,
	       polkit_answered_t answered, void *userdata, sd_bus_slot **ret_slot)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus *bus = sd_bus_message_get_bus(call);
	bool interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;
	struct polkit_question *question;
	static uint64_t n_questions;
	sd_bus_slot *slot = NULL;
	int r;

	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	*question = (struct polkit_question){
		.bus = sd_bus_ref(bus),
		.answered = answered,
		.userdata = userdata,
		.over = true,
	};
	snprintf(question->cancellation_id, sizeof(question->cancellation_id), "fwctld-%llu",
		 (unsigned long long)++n_questions);

	r = sd_bus_message_new_method_call(bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
					   "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s",
					  sd_bus_message_get_sender(call), action);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{ss}");
	for (; r >= 0 && details->key; details++)
		r = sd_bus_message_append(m, "{ss}", details->key, details->value);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "us", interactive ? ALLOW_USER_INTERACTION : 0u,
					  question->cancellation_id);
	if (r >= 0)
		r = sd_bus_call_async(bus, &slot, m, on_answer, question,
				      interactive ? INTERACTIVE_TIMEOUT_USEC : TIMEOUT_USEC);
	if (r >= 0)
		r = sd_bus_slot_set_destroy_callback(slot, question_free);
	if (r < 0) {
		sd_bus_slot_unref(slot);
		question_free(question);
		return r;
	}
	question->over = false;
	*ret_slot = slot;
	return 0;
}
