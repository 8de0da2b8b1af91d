/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One FWCTL_RPC at a model, from an arena: the message, the answer (`data`), and two segments.
 * Include after cmocka.h.
 */

#include "tests/unit/sim-fixture.h"

#define SEGMENT_ROOM 0x20000u /* more than any is long */

static uint8_t *const message = arena + ARENA_MESSAGE;
static uint8_t *const segments[2] = {arena + SEGMENT_ROOM, arena + 2 * SEGMENT_ROOM};
static enum byte_order order;

/* A message of zeroes; and whatever is written to, as an executor would have it: zero. */
static void message_start(void)
{
	memset(message, 0, ARENA_PAGE - ARENA_MESSAGE);
	memset(segments[0], 0, 2 * SEGMENT_ROOM);
}

static void put(size_t offset, size_t size, uint64_t value)
{
	assert_true(bytes_put(message, 8192, offset, size, order, value));
}

static inline void point(size_t offset, unsigned segment)
{
	bytes_put(message, 128, offset, 8, BYTES_HOST, (uintptr_t)segments[segment]);
}

static uint64_t answer(size_t offset, size_t size)
{
	uint64_t value = 0;

	assert_true(bytes_get(data, DATA_MAX, offset, size, order, &value));
	return value;
}

/* 0 or the errno */
static int call(uint32_t scope, uint32_t in_length, uint32_t out_length)
{
	struct fwctl_rpc *rpc = (struct fwctl_rpc *)arena;
	int r;

	*rpc = (struct fwctl_rpc){
		.size = sizeof(*rpc),
		.scope = scope,
		.in_len = in_length,
		.out_len = out_length,
		.in = (uintptr_t)message,
		.out = (uintptr_t)data,
	};
	memset(data, 0, 2 * ARENA_PAGE);
	r = transport_call(-1, FWCTL_RPC, rpc);
	return r < 0 ? errno : r;
}

/* On hardware each of these is a hole; here it ends the executor, and nothing reaches the device.
 */
static void assert_bug(uint32_t scope, uint32_t in_length, uint32_t out_length, const char *text)
{
	uint64_t seen = device->commands_seen;
	int status;
	pid_t pid;

	device->bug[0] = '\0';
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		call(scope, in_length, out_length);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || !strstr(device->bug, text))
		fail_msg("expected \"%s\", got \"%s\"", text, device->bug);
	assert_int_equal(device->commands_seen, seen);
}

static void fault(enum sim_fault kind, uint32_t status)
{
	device->fault_status = status;
	device->fault_count = 1;
	device->fault = kind;
}

/* What FWCTL_INFO gives: the type, and the first 8 bytes of data. */
static int info_copy(void *context, uint64_t address, const void *from, size_t length)
{
	memcpy((uint8_t *)context + address, from, length);
	return 0;
}

static struct fwctl_info info_ask(uint32_t room, uint8_t ret_data[static 64])
{
	struct sim_user user = {.copy_out = info_copy, .context = ret_data};
	struct fwctl_info info = {.size = sizeof(info), .device_data_len = room};

	memset(ret_data, 0xee, 64);
	assert_int_equal(rpc_info(device, &user, &info), 0);
	return info;
}
