/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>

#include "daemon/broker/bus-manager.h"
#include "daemon/broker/manager.h"
#include "daemon/broker/reload.h"
#include "daemon/broker/request.h"
#include "include/cleanup.h"
#include "include/fwctld-names.h"

/* Whoever may reload may do so often, but waits with no more calls than these, of all users. */
#define WAITING_MAX 64u

/* The thread's own, until it has ended. */
struct load {
	int done_fd; /* the loop's; written to when the rest is there */
	int error;
	struct generation *generation;
	struct problems problems;
};

/* Who wants to hear of a load. */
struct waiters {
	struct request_list requests;
	bool signal;
};

struct reload {
	struct manager *manager;
	int done_fd;
	sd_event_source *done;
	pthread_t thread;
	struct load *load; /* NULL: none runs */
	struct waiters now, next;
	unsigned n_waiting;
};

static void *load_run(void *userdata)
{
	struct load *load = userdata;

	load->error = generation_load(&load->problems, &load->generation);
	/* Cannot fail: the counter is at 0 or 1, and the descriptor stays open while this runs. */
	(void)eventfd_write(load->done_fd, 1);
	return NULL;
}

static void load_free(struct load *load)
{
	generation_unref(load->generation);
	problems_done(&load->problems);
	free(load);
}

static struct request *reload_take(struct reload *reload, struct request_list *list)
{
	struct request *request = TAILQ_FIRST(list);

	if (request) {
		TAILQ_REMOVE(list, request, of_device);
		reload->n_waiting--;
	}
	return request;
}

/* A load is over: tells everybody who waited for it. */
static void reload_tell(struct reload *reload, int error, const struct problems *problems)
{
	struct request *request;

	while ((request = reload_take(reload, &reload->now.requests))) {
		bus_manager_reloaded(request, error, problems);
		request_finish(request);
	}
	if (reload->now.signal)
		(void)sd_notify(0, "READY=1");
	reload->now.signal = false;
}

static int load_start(struct reload *reload)
{
	struct load *load;
	int r;

	load = calloc(1, sizeof(*load));
	if (!load)
		return -ENOMEM;
	load->done_fd = reload->done_fd;
	r = pthread_create(&reload->thread, NULL, load_run, load);
	if (r != 0) {
		free(load);
		return -r;
	}
	reload->load = load;
	return 0;
}

/* Begins the next load, if anybody waits for one. */
static void reload_begin(struct reload *reload)
{
	while (!reload->load && (reload->next.signal || !TAILQ_EMPTY(&reload->next.requests))) {
		_cleanup_(problems_done) struct problems problems = {};
		int r;

		TAILQ_CONCAT(&reload->now.requests, &reload->next.requests, of_device);
		reload->now.signal = reload->next.signal;
		reload->next.signal = false;
		r = load_start(reload);
		if (r == 0)
			return;
		problems_add(&problems, false, "fwctld", 0, 0,
			     "nothing was loaded, because no thread could be started: %s. Try "
			     "again.",
			     strerror(-r));
		manager_rejected(reload->manager, &problems);
		reload_tell(reload, r, &problems);
	}
}

static int on_load_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct reload *reload = userdata;
	struct load *load = reload->load;
	eventfd_t count;

	if (eventfd_read(fd, &count) < 0 || !load)
		return 0;
	pthread_join(reload->thread, NULL);
	reload->load = NULL;
	if (load->error < 0)
		manager_rejected(reload->manager, &load->problems);
	else
		manager_loaded(reload->manager, TAKE_PTR(load->generation), &load->problems);
	reload_tell(reload, load->error, &load->problems);
	load_free(load);
	reload_begin(reload);
	return 0;
}

int reload_for_request(struct reload *reload, struct request *request)
{
	if (reload->n_waiting >= WAITING_MAX)
		return -EXFULL;
	TAILQ_INSERT_TAIL(&reload->next.requests, request, of_device);
	reload->n_waiting++;
	reload_begin(reload);
	return 0;
}

void reload_for_signal(struct reload *reload)
{
	reload->next.signal = true;
	reload_begin(reload);
}

void reload_end(struct reload *reload)
{
	struct request_list *lists[] = {&reload->now.requests, &reload->next.requests};

	for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
		struct request *request;

		while ((request = reload_take(reload, lists[i])))
			request_deny(request, FWCTLD_ERROR_BUSY,
				     "fwctld ends; what was loaded last stays in force until then. "
				     "It loads the policy anew when it starts.");
	}
	reload->now.signal = reload->next.signal = false;
}

int reload_new(struct manager *manager, struct reload **ret)
{
	struct reload *reload;
	int r;

	reload = calloc(1, sizeof(*reload));
	if (!reload)
		return -ENOMEM;
	reload->manager = manager;
	TAILQ_INIT(&reload->now.requests);
	TAILQ_INIT(&reload->next.requests);
	reload->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = reload->done_fd < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(manager->event, &reload->done, reload->done_fd, EPOLLIN,
				    on_load_done, reload);
	if (r < 0) {
		reload_free(reload);
		return r;
	}
	*ret = reload;
	return 0;
}

struct reload *reload_free(struct reload *reload)
{
	if (!reload)
		return NULL;
	sd_event_source_disable_unref(reload->done);
	/*
	 * A thread that waits for whoever answers for users and groups can't be ended, and must not
	 * keep fwctld from ending. It goes on with what is its own, and with this descriptor.
	 */
	if (reload->load)
		pthread_detach(reload->thread);
	else
		safe_close(reload->done_fd);
	free(reload);
	return NULL;
}
