/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durations, their percentiles, and the ping that everything is compared with. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "include/cleanup.h"

/* A block of calls of one kind; kinds alternate by blocks, as the machine's speed drifts. */
#define PING_BLOCK 100u

struct samples {
	double *values; /* microseconds */
	size_t n, capacity;
};

static inline double now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline void samples_add(struct samples *samples, double usec)
{
	if (samples->n == samples->capacity) {
		samples->capacity = samples->capacity ? samples->capacity * 2 : 1024;
		samples->values = reallocarray(samples->values, samples->capacity, sizeof(double));
		if (!samples->values) {
			fprintf(stderr, "no memory for %zu samples\n", samples->capacity);
			exit(EXIT_FAILURE);
		}
	}
	samples->values[samples->n++] = usec;
}

static inline int samples_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. The percentile is 0 to 100; there must be a sample. */
static inline double samples_percentile(struct samples *samples, unsigned percentile)
{
	size_t index = samples->n * percentile / 100;

	qsort(samples->values, samples->n, sizeof(double), samples_compare);
	return samples->values[index < samples->n ? index : samples->n - 1];
}

static inline void samples_done(struct samples *samples)
{
	free(samples->values);
	*samples = (struct samples){};
}

/* Adds one block of calls of org.freedesktop.DBus.Peer.Ping. Ends the program when it fails. */
static inline void samples_ping(struct samples *samples, sd_bus *bus, const char *destination)
{
	for (unsigned i = 0; i < PING_BLOCK; i++) {
		double start = now_usec();
		int r = sd_bus_call_method(bus, destination, "/", "org.freedesktop.DBus.Peer",
					   "Ping", NULL, NULL, NULL);

		if (r < 0) {
			fprintf(stderr, "%s does not answer a ping: %s\n", destination,
				strerror(-r));
			exit(EXIT_FAILURE);
		}
		samples_add(samples, now_usec() - start);
	}
}
