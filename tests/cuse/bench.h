/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A device, a monitor's work and a broker's: the node of tests/cuse/cuse.h, the executor on it as
 * it is installed and started by daemon/monitor/spawn.c, and the broker's end of its socket. One
 * of each at a time. What goes wrong in here fails the test.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/broker/executor.h"
#include "daemon/monitor/protocol.h"
#include "policy/classify.h"
#include "policy/pack.h"
#include "tests/cuse/driver.h"

#define BENCH_NAME "fwctld-test"
#define BENCH_NODE "/dev/" BENCH_NAME

extern struct catalogue *catalogue;
extern struct driver *driver; /* shared with the process that serves the node */

extern struct bench {
	pid_t server;
	struct monitor_identity identity; /* as the monitor reads it from the node */
	const struct dialect *dialect;
	struct live_effects live;

	sd_event *event;
	pid_t pid; /* of the executor */
	struct executor *executor;
	bool lost; /* the executor ended */

	/* A client's bytes ... */
	const uint8_t *message, *data;
	size_t message_length, data_length;
	/* ... what was made of them ... */
	struct classified classified;
	struct arena arena;
	uint8_t bytes[ARENA_GIVEN_MAX];
	/* ... and what came of it. */
	bool replied;
	int value, error;
	uint8_t *reply; /* unpack() changes it */
	size_t reply_length;
	uint8_t raw[WIRE_PIECE_MAX]; /* the same, as the kernel left it */
	struct outcome outcome;
} bench;

/* Catalogue and shared memory; `administrator`: a folder of files that add to what is installed. */
int bench_open(const char *administrator);
int bench_close(void);

/* A new device, its node, and an executor that has it. */
void bench_start(enum sim_dialect dialect);
/* Another executor, after the first one ended. */
void bench_start_executor(void);
/* The wait status of an executor that ends, or because its socket is closed now. */
int bench_end_executor(void);
int bench_end_server(void);
/* Whatever is left of them, as a teardown of cmocka. */
int bench_end(void **state);

/* Classifies and packs. */
void bench_ask(const uint8_t *message, size_t length, const uint8_t *data, size_t data_length);
#define ASK(array, to_device, n) bench_ask(array, sizeof(array), to_device, n)
void bench_submit(void);
/* Until the reply is there, or the executor ended. */
void bench_wait(void);
/* Waits for the reply, which must come, and unpacks it. */
enum outcome_kind bench_answer(void);
/* bench_submit() and bench_answer(). */
enum outcome_kind bench_send(void);

/* Makes the next command meet a fault of the firmware's. */
void bench_fault(enum sim_fault kind, uint32_t status);

/* Where the executor's arena is in its memory. */
uint64_t bench_arena(void);

/*
 * What holds for every command that was answered: the call is the executor's; every address that
 * the driver saw lies in the executor's arena, what it read and wrote there is as long as it must
 * be and stands in pages of its own; the device has exactly the client's bytes, but for the
 * addresses; the kernel left in the reply exactly the device's, each in its place, and nothing
 * else; and unpack() gives none of the addresses away.
 */
void bench_check(void);
