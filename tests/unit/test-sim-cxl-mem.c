/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-fixture.h"

static const uint8_t effects_log[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
					0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};
static const uint8_t debug_log[16] = {0x5e, 0x18, 0x19, 0xd9, 0x11, 0xa9, 0x40, 0x0c,
				      0x81, 0x1f, 0xd6, 0x07, 0x19, 0x40, 0x3d, 0x86};

static uint8_t in[SIM_CXL_MAILBOX + 1];
static struct cxl_send_command sent;

static int setup(void **state)
{
	memset(in, 0, sizeof(in));
	return sim_setup(SIM_CXL_MEM, "0x1122334455667788");
}

static void put(size_t offset, size_t size, uint64_t value)
{
	assert_true(bytes_put(in, sizeof(in), offset, size, BYTES_LITTLE, value));
}

/* 0 or the errno */
static int call(uint32_t id, uint32_t in_size, uint32_t out_size)
{
	int r;

	sent = (struct cxl_send_command){
		.id = id,
		.in = {.size = in_size, .payload = in_size > 0 ? (uintptr_t)in : 0},
		.out = {.size = out_size, .payload = out_size > 0 ? (uintptr_t)data : 0},
		.retval = 0x5a5a5a5a,
	};
	memset(data, 0xee, 8192);
	r = transport_call(-1, CXL_MEM_SEND_COMMAND, &sent);
	return r < 0 ? errno : r;
}

/* The mailbox worked: its return code. */
static uint32_t code(uint32_t id, uint32_t in_size, uint32_t out_size)
{
	assert_int_equal(call(id, in_size, out_size), 0);
	return sent.retval;
}

static uint32_t read_log(const uint8_t *uuid, uint32_t offset, uint32_t length)
{
	memcpy(in, uuid, 16);
	put(16, 4, offset);
	put(20, 4, length);
	return code(8, 24, length);
}

static void test_queries(void **state)
{
	assert_int_equal(code(1, 0, 0x43), 0);
	assert_int_equal(sent.out.size, 0x43);
	assert_memory_equal(data, "1.0", 4);
	assert_int_equal(number(16, 8), 8);
	assert_int_equal(number(56, 4), SIM_CXL_LABELS);
	assert_int_equal(data[0x43], 0xee);
	/* More room than there is to say: the device's own length comes back. */
	assert_int_equal(code(7, 0, 4096), 0);
	assert_int_equal(sent.out.size, 0x12);
	assert_int_equal(number(4, 2), 36);
	assert_int_equal(code(4, 0, 0x50), 0);
	assert_int_equal(code(5, 0, 0x20), 0);
	assert_int_equal(number(0, 8) + number(8, 8), 8);
	assert_int_equal(code(21, 0, 8), 0);
	assert_int_equal(sent.out.size, 8);
	assert_int_equal(device->commands_seen, 5);
}

static void test_logs(void **state)
{
	uint32_t size;

	assert_int_equal(code(3, 0, 4096), 0);
	assert_int_equal(number(0, 2), 2);
	assert_int_equal(sent.out.size, 8 + 2 * 20);
	assert_memory_equal(data + 8, effects_log, 16);
	assert_memory_equal(data + 28, debug_log, 16);
	size = (uint32_t)number(24, 4);
	assert_int_equal(number(44, 4), SIM_CXL_DEBUG);
	put(0, 2, 0x01ff);
	assert_int_equal(code(24, 2, 4096), 0);
	assert_int_equal(number(0, 1), 1);
	assert_memory_equal(data + 8, debug_log, 16);

	assert_int_equal(read_log(effects_log, 0, size), 0);
	assert_int_equal(sent.out.size, size);
	for (uint32_t at = 0; at < size; at += 4)
		if (number(at, 2) == 0x4103)
			assert_int_equal(number(at + 2, 2), 0x0006);
	assert_int_equal(read_log(effects_log, size - 4, 4), 0);
	assert_int_equal(number(0, 4), 0x00084204);
	assert_int_equal(read_log(effects_log, size - 4, 5), 2);
	assert_int_equal(read_log(in + 100, 0, 4), 23);

	/* A mailbox takes so much at once. */
	assert_int_equal(read_log(debug_log, 0, SIM_CXL_MAILBOX), 0);
	assert_int_equal(data[SIM_CXL_MAILBOX - 1], (SIM_CXL_MAILBOX - 1) % 251);
	assert_int_equal(read_log(debug_log, 0, SIM_CXL_MAILBOX + 1), 2);
	assert_int_equal(code(22, 16, 4), 0);
	assert_int_equal(number(0, 4), 9);

	memcpy(in, effects_log, 16);
	assert_int_equal(call(23, 16, 0), EBUSY);
	memcpy(in, debug_log, 16);
	assert_int_equal(code(23, 16, 0), 0);
	assert_int_equal(read_log(debug_log, 0, 1), 2);
}

static void test_labels(void **state)
{
	put(0, 4, 4);
	put(4, 4, 0);
	memcpy(in + 8, "label", 5);
	assert_int_equal(code(10, 13, 0), 0);
	put(4, 4, 8);
	assert_int_equal(code(6, 8, 8), 0);
	assert_memory_equal(data, "label_IN", 8);
	assert_memory_equal(device->cxl_mem.labels, "NAMElabel_IN", 12);

	put(0, 4, SIM_CXL_LABELS - 4);
	assert_int_equal(code(10, 13, 0), 2);
	put(0, 4, UINT32_MAX);
	assert_int_equal(code(6, 8, 8), 2);
	/* An error: the size as it was, and zeroes. */
	assert_int_equal(sent.out.size, 8);
	assert_true(bytes_zero(data, 8));

	device->cxl_mem.exclusive = 1;
	assert_int_equal(call(10, 13, 0), EBUSY);
	assert_int_equal(call(14, 1, 0), EBUSY);
	assert_int_equal(call(13, 0, 1), 0);
}

static void test_settings(void **state)
{
	in[0] = 1; /* life used */
	in[2] = 80;
	assert_int_equal(code(12, 12, 0), 0);
	assert_int_equal(code(11, 0, 16), 0);
	assert_int_equal(data[0], 6); /* was selected, and not enabled */
	assert_int_equal(data[3], 80);
	assert_int_equal(number(8, 2), 75);
	in[0] = 8;
	assert_int_equal(code(12, 12, 0), 2);

	in[0] = 1;
	assert_int_equal(code(14, 1, 0), 0);
	assert_int_equal(code(13, 0, 1), 0);
	assert_int_equal(data[0], 1);

	put(0, 8, 3);
	put(8, 2, 1);
	assert_int_equal(call(9, 10, 0), EBUSY);
	put(8, 2, 0);
	assert_int_equal(code(9, 10, 0), 0);
	assert_int_equal(code(5, 0, 0x20), 0);
	assert_int_equal(number(16, 8), 3);
	assert_int_equal(number(24, 8), 5);
	put(0, 8, 9);
	assert_int_equal(code(9, 10, 0), 2);
}

/* The kernel's checks, in its order. Nothing of it reaches the device. */
static void test_refused(void **state)
{
	static const uint32_t unknown[] = {0, 15, 16, 17, 18, 19, 20, 25, UINT32_MAX};
	static const size_t reserved[] = {4, 8, 20, 36}; /* the flags, too */

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(call(unknown[i], 0, 0), ENOTTY);
	assert_int_equal(call(18, SIM_CXL_MAILBOX + 1, 4), EINVAL);
	assert_int_equal(call(10, SIM_CXL_MAILBOX + 1, 0), EINVAL);
	assert_int_equal(call(1, 1, 0x43), ENOMEM);
	assert_int_equal(call(1, 0, 0x42), ENOMEM);
	assert_int_equal(call(9, 9, 0), ENOMEM);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		sent = (struct cxl_send_command){.id = 18};
		memset((uint8_t *)&sent + reserved[i], 0xff, 4);
		assert_int_equal(transport_call(-1, CXL_MEM_SEND_COMMAND, &sent), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(transport_call(-1, FWCTL_RPC, &sent), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(device->commands_seen, 0);
}

static void test_raw(void **state)
{
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid == 0) {
		(void)call(2, 0, 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_memory_equal(device->bug, "raw mailbox command", 19);
}

static void test_query(void **state)
{
	struct cxl_mem_query_commands *query = (struct cxl_mem_query_commands *)data;

	query->n_commands = 0;
	assert_int_equal(transport_call(-1, CXL_MEM_QUERY_COMMANDS, query), 0);
	assert_int_equal(query->n_commands, 25);
	assert_int_equal(data[8], 0xee);

	device->cxl_mem.exclusive = 1;
	query->n_commands = 32;
	assert_int_equal(transport_call(-1, CXL_MEM_QUERY_COMMANDS, query), 0);
	assert_int_equal(query->n_commands, 32);
	for (uint32_t i = 0; i < 25; i++) {
		const struct cxl_command_info *info = &query->commands[i];
		bool none = i == 0 || i == 2 || (i >= 15 && i <= 17) || i == 19 || i == 20;

		assert_int_equal(info->id, none ? 0 : i);
		assert_int_equal(info->flags, none || i == 18 ? 0 : i == 10 || i == 14 ? 3 : 1);
	}
	assert_int_equal(query->commands[6].size_in, 8);
	assert_int_equal(query->commands[6].size_out, UINT32_MAX);
	assert_int_equal(data[8 + 25 * 16], 0xee);
	assert_int_equal(device->commands_seen, 0);

	memset(data, 0xee, 1024);
	query->n_commands = 2;
	assert_int_equal(transport_call(-1, CXL_MEM_QUERY_COMMANDS, query), 0);
	assert_int_equal(data[8 + 2 * 16], 0xee);
}

static void fault(enum sim_fault kind, uint32_t status)
{
	device->fault_status = status;
	device->fault_count = 1;
	device->fault = kind;
}

static void test_faults(void **state)
{
	fault(SIM_FAULT_STATUS, 6);
	memcpy(in + 8, "x", 1);
	assert_int_equal(code(10, 9, 0), 6);
	assert_memory_equal(device->cxl_mem.labels, "NAME", 4);
	fault(SIM_FAULT_SHORT, 0);
	assert_int_equal(code(7, 0, 0x12), 0);
	assert_int_equal(sent.out.size, 9);
	assert_true(bytes_zero(data + 9, 9));
	fault(SIM_FAULT_GARBAGE, 0);
	assert_int_equal(code(7, 0, 0x12), 0);
	assert_int_equal(sent.out.size, 0xa5a5a5a5);
	for (size_t i = 0; i < 0x12; i++)
		assert_int_equal(data[i], 0xa5);
	assert_int_equal(data[0x12], 0xee);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_queries), TEST(test_logs), TEST(test_labels), TEST(test_settings),
		TEST(test_refused), TEST(test_raw),  TEST(test_query),	TEST(test_faults),
	};

	return cmocka_run_group_tests_name("sim-cxl-mem", tests, NULL, NULL);
}
