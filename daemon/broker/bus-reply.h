/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Replies: an error with its details, an answer with its decoded values, an explanation. */

#include <systemd/sd-bus.h>

struct request;

/*
 * Answers a call with org.fwctld1.Error.*: (s message, a{sv} details). request: NULL, or what the
 * details are taken from. Nothing is sent where no reply is wanted. Returns 1.
 */
int bus_reply_error(sd_bus_message *call, const struct request *request, const char *name,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * The (s request, u status, ay response, a{sv} decoded) of an executed command. Returns about how
 * many bytes it takes, which can be many times the response's.
 */
size_t bus_reply_executed(const struct request *request);
/* The a{sv} of Explain: what was decided, and nothing was done. */
int bus_reply_explanation(const struct request *request);
