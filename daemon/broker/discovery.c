/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-device.h>

#include "daemon/broker/discovery.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/timer.h"
#include "include/cleanup.h"

/* What can't be opened just now: after 1 s, then 2, 4, ... at most 64 s. */
#define RETRY_USEC	  (1000 * 1000ull)
#define RETRY_DOUBLED_MAX 6u

struct discovery_retry {
	TAILQ_ENTRY(discovery_retry) link;
	struct manager *manager;
	struct monitor_request request;
	sd_event_source *timer;
	unsigned n_doubled;
};

/* The kernel's names: the number is all that the monitor is told. */
static const struct {
	const char *subsystem; /* of sysfs */
	const char *prefix;    /* of the device's name; what follows is its number */
	enum monitor_subsystem monitor;
} known_subsystems[] = {
	{"nvme", "nvme", MONITOR_NVME},
	{"fwctl", "fwctl", MONITOR_FWCTL},
	{"cxl", "mem", MONITOR_CXL},
};

static bool parse_number(const char *sysname, const char *prefix, unsigned *ret)
{
	size_t length = strlen(prefix);
	unsigned number;
	int end = 0;

	if (strncmp(sysname, prefix, length) != 0)
		return false;
	/* Class nvme also has names like nvme0c0n1; the whole rest must be the number. */
	if (sscanf(sysname + length, "%5u%n", &number, &end) != 1 ||
	    sysname[length + (size_t)end] || number > MONITOR_NUMBER_MAX)
		return false;
	*ret = number;
	return true;
}

static int enumerate(struct manager *manager, unsigned which)
{
	sd_device_enumerator *enumerator = NULL;
	int r;

	r = sd_device_enumerator_new(&enumerator);
	if (r < 0)
		return r;
	r = sd_device_enumerator_allow_uninitialized(enumerator);
	if (r >= 0)
		r = sd_device_enumerator_add_match_subsystem(enumerator,
							     known_subsystems[which].subsystem,
							     true);
	if (r < 0)
		goto finish;
	for (sd_device *d = sd_device_enumerator_get_device_first(enumerator); d && r >= 0;
	     d = sd_device_enumerator_get_device_next(enumerator)) {
		const char *name;
		unsigned number;

		if (sd_device_get_sysname(d, &name) < 0 ||
		    !parse_number(name, known_subsystems[which].prefix, &number))
			continue;
		r = monitor_client_open(manager->monitor, known_subsystems[which].monitor, number);
	}
finish:
	sd_device_enumerator_unref(enumerator);
	return r < 0 ? r : 0;
}

int discovery_start(struct manager *manager)
{
	for (unsigned i = 0; i < ELEMENTSOF(known_subsystems); i++) {
		int r = enumerate(manager, i);

		if (r < 0)
			return r;
	}
	return monitor_client_open(manager->monitor, MONITOR_SIMULATED, 0);
}

static struct discovery_retry *retry_find(struct manager *manager,
					  const struct monitor_request *request)
{
	struct discovery_retry *retry;

	TAILQ_FOREACH(retry, &manager->retries, link)
		if (retry->request.subsystem == request->subsystem &&
		    retry->request.number == request->number)
			return retry;
	return NULL;
}

static void retry_free(struct discovery_retry *retry)
{
	TAILQ_REMOVE(&retry->manager->retries, retry, link);
	sd_event_source_disable_unref(retry->timer);
	free(retry);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct discovery_retry *retry = userdata;

	/* First everything once: those who wait for fwctld to start don't wait for a second try. */
	if (!retry->manager->serving)
		return timer_arm(retry->manager->event, &retry->timer, RETRY_USEC, on_retry, retry);
	return monitor_client_open(retry->manager->monitor, retry->request.subsystem,
				   retry->request.number);
}

static int retry_later(struct manager *manager, const struct monitor_request *request)
{
	struct discovery_retry *retry = retry_find(manager, request);
	int r;

	if (!retry) {
		retry = calloc(1, sizeof(*retry));
		if (!retry)
			return -ENOMEM;
		*retry = (struct discovery_retry){.manager = manager, .request = *request};
		TAILQ_INSERT_TAIL(&manager->retries, retry, link);
	} else if (retry->n_doubled < RETRY_DOUBLED_MAX) {
		retry->n_doubled++;
	}
	r = timer_arm(manager->event, &retry->timer, RETRY_USEC << retry->n_doubled, on_retry,
		      retry);
	if (r < 0)
		retry_free(retry);
	return r < 0 ? r : 0;
}

static bool may_be_had_later(int error)
{
	return error == EBUSY || error == ETIMEDOUT || error == ECONNRESET ||
	       error == ECONNREFUSED || error == EAGAIN;
}

int discovery_answered(struct manager *manager, const struct monitor_request *request, int error,
		       bool known)
{
	struct discovery_retry *retry = retry_find(manager, request);
	int r = 0;

	if (!known && may_be_had_later(error))
		r = retry_later(manager, request);
	else if (retry)
		retry_free(retry);

	/* EBUSY: it is there, and so may be the next one. Any other error ends the line, for now.
	 */
	if (r < 0 || request->subsystem != MONITOR_SIMULATED ||
	    request->number != manager->next_simulated || (error != 0 && error != EBUSY) ||
	    request->number >= MONITOR_NUMBER_MAX)
		return r;
	manager->next_simulated++;
	return monitor_client_open(manager->monitor, MONITOR_SIMULATED, request->number + 1);
}

void discovery_stop(struct manager *manager)
{
	struct discovery_retry *retry;

	while ((retry = TAILQ_FIRST(&manager->retries)))
		retry_free(retry);
}
