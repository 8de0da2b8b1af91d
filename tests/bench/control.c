/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The control of the benchmark: a service that does what no mediator can leave out, and nothing
 * else. The same method call, the same reply to the byte, and two journal records of the same
 * fields and sizes as fwctld's.
 *
 *     control DEVICE-PATH
 *
 * It asks fwctld once for each of the replies and then repeats them.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "include/cleanup.h"
#include "include/fwctld-names.h"
#include "tests/bench/calls.h"

#define ITEMS_MAX 128u

/* A reply of fwctld's, taken apart once, so that repeating it costs only what appending costs. */
struct answer {
	sd_bus_message *reply; /* what the pointers point into */
	const char *request;
	uint32_t status;
	const void *response;
	size_t response_length;
	struct item {
		const char *name;
		const char *type; /* "t" or "s"; "(ts)" or "(ss)" with a unit */
		uint64_t number;
		const char *text;
		const char *unit;
	} items[ITEMS_MAX];
	size_t n_items;
};

static struct answer answers[N_BENCH_CALLS];

static void die(const char *what, int r)
{
	fprintf(stderr, "control: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

/*
 * Field by field as long as in a record of fwctld, and as often new: journald stores a value that
 * it has seen before in no time. What the fields say does not matter. outcome: the second record of
 * a request.
 */
static int write_record(const char *message, bool outcome)
{
	static const char *const fields[] = {
		"MESSAGE_ID=00000000000000000000000000000000",
		"PRIORITY=6",
		"SYSLOG_IDENTIFIER=control",
		"CONTROL_CALLER_NAME=alice",
		"CONTROL_CALLER_UID=1000",
		"CONTROL_CALLER_BUS=:1.123",
		"CONTROL_CALLER_PID=12345",
		"CONTROL_DEVICE=sim0",
		"CONTROL_DEVICE_ID=nvme:SIM-NVME-0",
		"CONTROL_DIALECT=nvme",
		"CONTROL_SIMULATED=1",
		"CONTROL_COMMAND=nvme.get-log-page",
		"CONTROL_OPCODE=0x02",
		"CONTROL_FIELDS=nsid=0xffffffff lid=smart lsp=0x0 rae=0x1 numd=0x7f lsi=0x0 "
		"offset=0x0 "
		"uuid-index=0x0 csi=0x0",
		"CONTROL_CLASS=read-only",
		"CONTROL_TAINTS=0",
		"CONTROL_VERDICT=allow",
		"CONTROL_RULE=default:read-only",
		"CONTROL_RULE_AT=/etc/fwctld/policy.d/60-bench.yaml:2",
		"CONTROL_POLICY=1 0000000000000000000000000000000000000000000000000000000000000000",
		"CONTROL_DIGEST=0000000000000000000000000000000000000000000000000000000000000000",
		"CONTROL_RESULT=executed",
		"CONTROL_STATUS=0x0",
	};
	static unsigned long long n_records;
	unsigned long long n = ++n_records, request = (n + 1) / 2;
	char seq[64], id[64], duration[64];
	struct iovec parts[ELEMENTSOF(fields) + 4];
	size_t n_parts = 0;

	snprintf(seq, sizeof(seq), "CONTROL_SEQ=%llu", n);
	snprintf(id, sizeof(id), "CONTROL_REQUEST=%032llx", request);
	snprintf(duration, sizeof(duration), "CONTROL_DURATION_USEC=%llu", 10 + request % 50);
	for (size_t i = 0; i < ELEMENTSOF(fields) - (outcome ? 0 : 2); i++)
		parts[n_parts++] = (struct iovec){(void *)fields[i], strlen(fields[i])};
	parts[n_parts++] = (struct iovec){(void *)message, strlen(message)};
	parts[n_parts++] = (struct iovec){seq, strlen(seq)};
	parts[n_parts++] = (struct iovec){id, strlen(id)};
	if (outcome)
		parts[n_parts++] = (struct iovec){duration, strlen(duration)};
	return sd_journal_sendv(parts, (int)n_parts);
}

static const char *const item_types[] = {"t", "s", "(ts)", "(ss)"};

static int answer_read(struct answer *answer)
{
	sd_bus_message *m = answer->reply;
	int r;

	r = sd_bus_message_read(m, "su", &answer->request, &answer->status);
	if (r >= 0)
		r = sd_bus_message_read_array(m, 'y', &answer->response, &answer->response_length);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		struct item *item = &answer->items[answer->n_items++];
		const char *contents;

		if (answer->n_items == ITEMS_MAX)
			return -ENOBUFS;
		r = sd_bus_message_read(m, "s", &item->name);
		if (r >= 0)
			r = sd_bus_message_peek_type(m, NULL, &contents);
		if (r < 0)
			return r;
		for (size_t i = 0; i < ELEMENTSOF(item_types) && !item->type; i++)
			if (strcmp(contents, item_types[i]) == 0)
				item->type = item_types[i];
		if (!item->type)
			return -EBADMSG; /* the layouts that are measured have no groups and no
					    bytes */
		r = sd_bus_message_enter_container(m, 'v', item->type);
		if (r >= 0 && strchr(item->type, 't'))
			r = item->type[0] == '('
				    ? sd_bus_message_read(m, "(ts)", &item->number, &item->unit)
				    : sd_bus_message_read(m, "t", &item->number);
		else if (r >= 0)
			r = item->type[0] == '('
				    ? sd_bus_message_read(m, "(ss)", &item->text, &item->unit)
				    : sd_bus_message_read(m, "s", &item->text);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}

static int answer_append(sd_bus_message *m, const struct answer *answer)
{
	int r;

	r = sd_bus_message_append(m, "su", answer->request, answer->status);
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', answer->response, answer->response_length);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	for (size_t i = 0; r >= 0 && i < answer->n_items; i++) {
		const struct item *item = &answer->items[i];

		if (strchr(item->type, 't'))
			r = sd_bus_message_append(m, "{sv}", item->name, item->type, item->number,
						  item->unit);
		else
			r = sd_bus_message_append(m, "{sv}", item->name, item->type, item->text,
						  item->unit);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/*
 * What a second process behind the service costs by itself: a message of a request's size to it,
 * and the payload back. Returns our end of its socket.
 */
static int start_process_behind(void)
{
	static uint8_t buffer[BENCH_REPLY_SIZE];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair", -errno);
	switch (fork()) {
	case -1:
		die("fork", -errno);
		break;
	case 0:
		close(pair[0]);
		while (recv(pair[1], buffer, sizeof(buffer), 0) > 0)
			if (send(pair[1], buffer, sizeof(buffer), MSG_NOSIGNAL) < 0)
				break;
		_exit(EXIT_SUCCESS);
	}
	close(pair[1]);
	return pair[0];
}

/* userdata: the socket of the process behind; NULL for the method that does without. */
static int execute(sd_bus_message *call, const int *behind)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	static uint8_t buffer[BENCH_REPLY_SIZE];
	const char *command;
	int r;

	r = sd_bus_message_read(call, "s", &command);
	if (r >= 0)
		r = write_record("MESSAGE=alice sends nvme.get-log-page (read-only) to sim0",
				 false);
	if (r >= 0 && behind &&
	    (send(*behind, buffer, BENCH_REQUEST_SIZE, MSG_NOSIGNAL) < 0 ||
	     recv(*behind, buffer, sizeof(buffer), 0) <= 0))
		r = -errno;
	if (r >= 0)
		r = sd_bus_message_new_method_return(call, &reply);
	for (unsigned i = 0; r >= 0 && i < N_BENCH_CALLS; i++)
		if (strcmp(command, bench_calls[i].command) == 0)
			r = answer_append(reply, &answers[i]);
	if (r >= 0)
		r = write_record("MESSAGE=nvme.get-log-page of alice on sim0: executed", true);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_execute(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	return execute(call, NULL);
}

static int method_execute_behind(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
	return execute(call, userdata);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Execute", "sa{sv}aya{sv}", "suaya{sv}", method_execute,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ExecuteBehind", "sa{sv}aya{sv}", "suaya{sv}", method_execute_behind,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
	sd_event *event = NULL;
	sd_bus *bus = NULL;
	int behind = start_process_behind(), r;

	if (argc != 2)
		die("usage: control DEVICE-PATH", -EINVAL);
	r = sd_bus_open_system(&bus);
	for (unsigned i = 0; r >= 0 && i < N_BENCH_CALLS; i++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

		r = bench_call_new(bus, FWCTLD_BUS_NAME, argv[1], "Execute", i, &call);
		if (r >= 0)
			r = sd_bus_call(bus, call, 0, NULL, &answers[i].reply);
		if (r >= 0)
			r = answer_read(&answers[i]);
	}
	if (r < 0)
		die("fwctld did not answer", r);
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, argv[1], FWCTLD_DEVICE_INTERFACE, vtable,
					     &behind);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_request_name(bus, BENCH_CONTROL_NAME, 0);
	if (r >= 0)
		r = sd_event_loop(event);
	if (r < 0)
		die("it can't serve", r);
	return EXIT_SUCCESS;
}
