/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The broker's end of one executor's socket: one request at a time goes out, one reply comes back,
 * or the executor is lost.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "daemon/exec/wire.h"

struct executor;

struct executor_handlers {
	/* The reply to request `id`. bytes: of the reply ranges; the handler may change them. */
	void (*replied)(void *userdata, uint64_t id, int value, int error, uint8_t *bytes,
			size_t length);
	/* It closed its socket, or answered nonsense. It is not used any more; free it. */
	void (*lost)(void *userdata, const char *why);
};

/* Takes the fd, also on failure. */
int executor_new(sd_event *event, int fd, const struct executor_handlers *handlers, void *userdata,
		 struct executor **ret);
/* Closes the socket: the executor exits as soon as the kernel has returned to it. */
struct executor *executor_free(struct executor *executor);

/*
 * 0: it is on its way. Negative errno: nothing was sent. `bytes`: arena->given of them. `reply`:
 * where a reply of more than WIRE_PIECE_MAX bytes goes, arena_reply_length() bytes that stay until
 * it came or the executor was freed; a shorter one needs none.
 */
int executor_submit(struct executor *executor, uint64_t id, const struct arena *arena,
		    const uint8_t *bytes, uint8_t *reply);
