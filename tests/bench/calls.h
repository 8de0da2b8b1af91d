/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls that are measured; client and control agree on them here. */

#include <systemd/sd-bus.h>

#include "include/fwctld-names.h"

#define BENCH_CONTROL_NAME "org.fwctld1.BenchControl"

#define N_BENCH_CALLS 2u

/* Bytes between fwctld and an executor: a request, and an Identify's reply. */
#define BENCH_REQUEST_SIZE 256u
#define BENCH_REPLY_SIZE   4128u

static const struct {
	const char *name;
	const char *command;
	const char *field, *value;
} bench_calls[N_BENCH_CALLS] = {
	{"SMART, 512 bytes", "nvme.get-log-page", "lid", "smart"},
	{"Identify, 4096 bytes", "nvme.identify", "cns", "controller"},
};

static inline int bench_call_new(sd_bus *bus, const char *destination, const char *path,
				 const char *method, unsigned call, sd_bus_message **ret)
{
	int r;

	r = sd_bus_message_new_method_call(bus, ret, destination, path, FWCTLD_DEVICE_INTERFACE,
					   method);
	if (r >= 0)
		r = sd_bus_message_append(*ret, "sa{sv}aya{sv}", bench_calls[call].command, 1,
					  bench_calls[call].field, "s", bench_calls[call].value, 0,
					  0);
	return r;
}
