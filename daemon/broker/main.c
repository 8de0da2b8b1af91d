/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/broker/manager.h"
#include "include/cleanup.h"

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct manager *manager = userdata;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			 (unsigned long long)now.tv_sec * 1000000ull +
				 (unsigned long long)now.tv_nsec / 1000ull);
	/* A failure is audited; whoever sent the signal reads it there. */
	reload_for_signal(manager->reload);
	return 0;
}

/*
 * Long answers go back to the kernel when they are freed. Left alone, malloc would learn from the
 * first one to keep them.
 */
#define MMAP_FROM (128 * 1024)

/* While the bus is still there: everybody who waits is told how it ended. */
static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
			void *userdata)
{
	(void)sd_notify(0, "STOPPING=1");
	manager_end_requests(userdata);
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int run(void)
{
	sd_event *event = NULL;
	struct manager *manager = NULL;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = manager_new(event, &manager);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, on_terminate, manager);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, on_terminate, manager);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, manager);
	if (r >= 0)
		r = sd_event_loop(event);
	manager_free(manager);
	sd_event_unref(event);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{},
	};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 'h':
			puts("fwctld\n\nMediates firmware commands to devices; started by systemd. "
			     "See "
			     "fwctld(8).\n\n  -h --help     this text\n     --version  the "
			     "version");
			return EXIT_SUCCESS;
		case 'V':
			puts("fwctld " FWCTLD_VERSION);
			return EXIT_SUCCESS;
		default:
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fwctld takes no arguments; found \"%s\".\n", argv[optind]);
		return EXIT_FAILURE;
	}
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	/*
	 * What a load gave back has holes. Where huge pages are always on, khugepaged would fill
	 * them again, with 8 MiB that nobody uses.
	 */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	r = run();
	if (r < 0)
		fprintf(stderr, "fwctld ends: %s\n", strerror(-r));
	/* More than 0: the bus is gone. The unit starts it again. */
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
