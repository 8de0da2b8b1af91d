/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Answers of the bus as the structs of fwctld.h. A result holds a reference to the message that it
 * was read from: its strings and bytes are those of the message, only arrays are its own.
 *
 * All return 0, -ENOMEM, or -EBADMSG when the message is not as the bus interface says.
 */

#include <systemd/sd-bus.h>

#include "include/fwctld.h"

/*
 * A zeroed result, n * size bytes, that keeps `reply` (or NULL) alive; or NULL without
 * memory. answer_more() adds zeroed memory to it. answer_free() is fwctld_free().
 */
void *answer_new(sd_bus_message *reply, size_t n, size_t size);
void *answer_more(void *result, size_t n, size_t size);
void answer_free(void *result);

int answer_devices(sd_bus_message *reply, struct fwctld_device **ret, size_t *ret_n);
int answer_device(sd_bus_message *reply, const char *path, struct fwctld_device **ret);
int answer_commands(sd_bus_message *reply, struct fwctld_command **ret, size_t *ret_n);
int answer_description(sd_bus_message *reply, struct fwctld_description **ret);
int answer_result(sd_bus_message *reply, struct fwctld_result **ret);
int answer_explanation(sd_bus_message *reply, struct fwctld_explanation **ret);
/* Reads what there is: an error with a strange body is still that error. */
int answer_error(sd_bus_message *reply, struct fwctld_error **ret);
