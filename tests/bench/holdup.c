/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long a reload of the policy keeps a caller waiting. One connection sends commands, one after
 * the other, at first undisturbed and then while another connection asks for reloads.
 *
 *     holdup DEVICE-PATH CALLS RELOADS
 *
 * It prints one JSON object: milliseconds of the longest command and microseconds of the median,
 * without and with a reload under way, and milliseconds of the longest reload.
 */

#include <errno.h>
#include <stdbool.h>

#include "tests/bench/calls.h"
#include "tests/bench/samples.h"

/* A reload that hinders everything is to be measured, too. */
#define TIMEOUT_USEC (600u * 1000000u)
/* Commands after each reload: what it left behind counts. */
#define SETTLE 200u

static sd_bus *bus, *other;
static const char *device;

static _Noreturn void die(const char *what, int r)
{
	fprintf(stderr, "holdup: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static void call(struct samples *samples)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	double start = now_usec();
	int r;

	r = bench_call_new(bus, FWCTLD_BUS_NAME, device, "Execute", 0, &m);
	if (r >= 0)
		r = sd_bus_call(bus, m, TIMEOUT_USEC, &error, NULL);
	if (r < 0)
		die(error.message ?: "a command", r);
	samples_add(samples, now_usec() - start);
}

static int on_reloaded(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	bool *reloaded = userdata;

	if (sd_bus_message_is_method_error(reply, NULL))
		die(sd_bus_message_get_error(reply)->message, -EIO);
	*reloaded = true;
	return 0;
}

static double reload(struct samples *samples)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	double start = now_usec(), took;
	bool reloaded = false;
	int r;

	r = sd_bus_message_new_method_call(other, &m, FWCTLD_BUS_NAME, FWCTLD_ROOT_PATH,
					   FWCTLD_MANAGER_INTERFACE, "ReloadPolicy");
	if (r >= 0)
		r = sd_bus_call_async(other, NULL, m, on_reloaded, &reloaded, TIMEOUT_USEC);
	if (r >= 0)
		r = sd_bus_flush(other);
	while (r >= 0 && !reloaded) {
		call(samples);
		do
			r = sd_bus_process(other, NULL);
		while (r > 0 && !reloaded);
	}
	if (r < 0)
		die("a reload", r);
	took = now_usec() - start;
	for (unsigned i = 0; i < SETTLE; i++)
		call(samples);
	return took;
}

int main(int argc, char **argv)
{
	struct samples without = {}, with = {}, reloads = {};
	size_t calls, n_reloads;
	int r;

	if (argc != 4 || (calls = strtoul(argv[2], NULL, 10)) == 0 ||
	    (n_reloads = strtoul(argv[3], NULL, 10)) == 0)
		die("usage: holdup DEVICE-PATH CALLS RELOADS", -EINVAL);
	device = argv[1];
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_open_system(&other);
	if (r < 0)
		die("no system bus", r);
	for (size_t i = 0; i < calls; i++)
		call(&without);
	for (size_t i = 0; i < n_reloads; i++)
		samples_add(&reloads, reload(&with));
	printf("{\"without\": %.3f, \"without_median\": %.1f, \"with\": %.3f, \"with_median\": "
	       "%.1f, \"commands\": %zu, \"reload\": %.3f}\n",
	       samples_percentile(&without, 100) / 1e3, samples_percentile(&without, 50),
	       samples_percentile(&with, 100) / 1e3, samples_percentile(&with, 50), with.n,
	       samples_percentile(&reloads, 100) / 1e3);
	samples_done(&without);
	samples_done(&with);
	samples_done(&reloads);
	sd_bus_unref(other);
	sd_bus_unref(bus);
	return EXIT_SUCCESS;
}
