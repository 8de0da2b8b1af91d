/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One question to polkit. The subject is always the caller's unique bus name: a pid could be
 * another process's by the time polkit looks (CVE-2013-4288). No answer is "no".
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* NULL-terminated pairs of a key and a text; what the person is shown, and polkit's rules can read.
 */
struct polkit_detail {
	const char *key;
	const char *value;
};

/*
 * The answer. why: NULL when it was granted, else a sentence. The slot is over; unref it.
 */
typedef void (*polkit_answered_t)(void *userdata, const char *why);

/*
 * Asks whether the sender of `call` may do `action`. Asks a person only where the caller allows
 * that (ALLOW_INTERACTIVE_AUTHORIZATION). 0, or a negative errno: it could not be asked. Unref'ing
 * *ret_slot ends the wait, and with it the question.
 */
int polkit_ask(sd_bus_message *call, const char *action, const struct polkit_detail *details,
	       polkit_answered_t answered, void *userdata, sd_bus_slot **ret_slot);
