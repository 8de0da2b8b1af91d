/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Measures a mediated command against a bus ping and against the control.
 *
 *     client DEVICE-PATH ROUNDS
 *
 * One connection. Blocks of 100 calls of each kind in turn, because the machine's speed drifts over
 * seconds and because work that a callee's helpers do after the reply would land on the next call
 * if single calls alternated. What counts are ratios of medians; the microseconds are there to
 * judge the run.
 */

#include "tests/bench/calls.h"
#include "tests/bench/samples.h"

#define BLOCK 100u
#define WARMUP                                                                                     \
	200u /* calls of each kind that are not counted: caches, page faults, the caller's look-up \
	      */

enum {
	PING,
	FWCTLD,
	CONTROL = FWCTLD + N_BENCH_CALLS,
	BEHIND = CONTROL + N_BENCH_CALLS, /* the control with a second process behind it */
	N_KINDS = BEHIND + N_BENCH_CALLS,
};

static sd_bus *bus;
static const char *device;

static double call(unsigned kind)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	double start = now_usec();
	int r;

	if (kind == PING)
		r = sd_bus_message_new_method_call(bus, &m, BENCH_CONTROL_NAME, "/",
						   "org.freedesktop.DBus.Peer", "Ping");
	else if (kind < CONTROL)
		r = bench_call_new(bus, FWCTLD_BUS_NAME, device, "Execute", kind - FWCTLD, &m);
	else if (kind < BEHIND)
		r = bench_call_new(bus, BENCH_CONTROL_NAME, device, "Execute", kind - CONTROL, &m);
	else
		r = bench_call_new(bus, BENCH_CONTROL_NAME, device, "ExecuteBehind", kind - BEHIND,
				   &m);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &error, &reply);
	if (r < 0) {
		fprintf(stderr, "client: call %u: %s\n", kind, error.message ?: strerror(-r));
		exit(EXIT_FAILURE);
	}
	return now_usec() - start;
}

int main(int argc, char **argv)
{
	struct samples samples[N_KINDS] = {};
	double median[N_KINDS];
	size_t rounds;
	int r;

	if (argc != 3 || (rounds = strtoul(argv[2], NULL, 10)) == 0) {
		fprintf(stderr, "usage: client DEVICE-PATH ROUNDS\n");
		return EXIT_FAILURE;
	}
	device = argv[1];
	r = sd_bus_open_system(&bus);
	if (r < 0) {
		fprintf(stderr, "client: no system bus: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		for (unsigned i = 0; i < WARMUP; i++)
			(void)call(kind);
	for (size_t round = 0; round < rounds; round++)
		for (unsigned kind = 0; kind < N_KINDS; kind++)
			for (size_t i = 0; i < BLOCK; i++)
				samples_add(&samples[kind], call(kind));
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		median[kind] = samples_percentile(&samples[kind], 50);
	printf("%-22s %10.1f us\n", "Peer.Ping", median[PING]);
	for (unsigned i = 0; i < N_BENCH_CALLS; i++)
		printf("%-22s %10.1f us = %.2f x ping, %.3f x control (%.1f us), %.3f x control "
		       "with a "
		       "process behind it (%.1f us)\n",
		       bench_calls[i].name, median[FWCTLD + i], median[FWCTLD + i] / median[PING],
		       median[FWCTLD + i] / median[CONTROL + i], median[CONTROL + i],
		       median[FWCTLD + i] / median[BEHIND + i], median[BEHIND + i]);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		samples_done(&samples[kind]);
	sd_bus_unref(bus);
	return EXIT_SUCCESS;
}
