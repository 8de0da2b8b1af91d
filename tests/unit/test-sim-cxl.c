/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-fixture.h"

static const uint8_t reset_feature[16] = {0xa1, 0xd6, 0xa7, 0xc2, 0x52, 0xe1, 0x4b, 0xe2,
					  0x9d, 0x0c, 0x4f, 0x3b, 0x6f, 0x0f, 0x7a, 0x10};
static const uint8_t immediate_feature[16] = {0xa1, 0xd6, 0xa7, 0xc2, 0x52, 0xe1, 0x4b, 0xe2,
					      0x9d, 0x0c, 0x4f, 0x3b, 0x6f, 0x0f, 0x7a, 0x11};

static uint8_t *const in = arena + ARENA_MESSAGE;
static uint32_t in_length, out_length;

static int setup(void **state)
{
	return sim_setup(SIM_CXL, "0x1122334455667788");
}

static void put(size_t offset, size_t size, uint64_t value)
{
	assert_true(bytes_put(in, 256, offset, size, BYTES_LITTLE, value));
}

static void request(uint32_t opcode, uint32_t op_size)
{
	memset(in, 0, 256);
	put(0, 4, opcode);
	put(8, 4, op_size);
	in_length = 16 + op_size;
}

static void get_supported(uint32_t count, uint32_t start)
{
	request(0x0500, 8);
	put(16, 4, count);
	put(20, 2, start);
}

static void get_feature(const uint8_t *uuid, uint32_t offset, uint32_t count, uint32_t selection)
{
	request(0x0501, 21);
	memcpy(in + 16, uuid, 16);
	put(32, 2, offset);
	put(34, 2, count);
	put(36, 1, selection);
}

static void set_feature(const uint8_t *uuid, uint32_t length, uint32_t value)
{
	request(0x0502, 32 + length);
	memcpy(in + 16, uuid, 16);
	put(38, 1, 1); /* version */
	if (length > 0)
		put(48, length, value);
}

/* 0 or the errno */
static int call(uint32_t scope, uint32_t length)
{
	struct fwctl_rpc *rpc = (struct fwctl_rpc *)arena;
	int r;

	*rpc = (struct fwctl_rpc){
		.size = sizeof(*rpc),
		.scope = scope,
		.in_len = in_length,
		.out_len = length,
		.in = (uintptr_t)in,
		.out = (uintptr_t)data,
	};
	memset(data, 0, length);
	memset(data + length, 0xee, 1024 - length);
	r = transport_call(-1, FWCTL_RPC, rpc);
	out_length = rpc->out_len;
	return r < 0 ? errno : r;
}

/* The device answered: its return code. */
static uint32_t code(uint32_t scope, uint32_t length)
{
	assert_int_equal(call(scope, length), 0);
	return (uint32_t)number(4, 4);
}

static uint32_t feature_value(const uint8_t *uuid, uint32_t size, uint32_t selection)
{
	get_feature(uuid, 0, size, selection);
	assert_int_equal(code(1, 8 + size), 0);
	assert_int_equal(number(0, 4), size);
	return (uint32_t)number(8, size);
}

static void test_supported(void **state)
{
	get_supported(8, 0);
	assert_int_equal(code(0, 16), 0);
	assert_int_equal(number(0, 4), 8);
	assert_int_equal(number(8, 4), 0x00020000);

	get_supported(8 + 48 * 8, 0);
	assert_int_equal(code(1, 400), 0);
	assert_int_equal(number(0, 4), 104);
	assert_int_equal(out_length, 120); /* 8 more than there is, as the driver counts */
	assert_int_equal(number(8, 4), 0x00020002);
	assert_memory_equal(data + 16, reset_feature, 16);
	assert_int_equal(number(16 + 18, 2), 4);
	assert_int_equal(number(16 + 22, 4), 0x61);
	assert_int_equal(number(16 + 28, 2), 0x0201);
	assert_memory_equal(data + 64, immediate_feature, 16);
	assert_int_equal(number(64 + 16, 2), 1);
	assert_int_equal(number(64 + 28, 2), 0x0202);

	get_supported(8 + 48, 1);
	assert_int_equal(code(1, 64), 0);
	assert_memory_equal(data + 16, immediate_feature, 16);
	get_supported(8 + 48, 2);
	assert_int_equal(call(1, 64), EINVAL);
}

static void test_get(void **state)
{
	assert_int_equal(feature_value(reset_feature, 4, 0), 0xdeadbeef);
	assert_int_equal(out_length, 20);
	assert_int_equal(feature_value(immediate_feature, 2, 1), 0x010c);
	get_feature(reset_feature, 2, 2, 0);
	assert_int_equal(code(0, 10), 0);
	assert_int_equal(number(8, 2), 0xdead);
	get_feature(reset_feature, 4, 1, 0);
	assert_int_equal(code(0, 12), 2);
	get_feature(reset_feature, 0, 4, 3);
	assert_int_equal(code(0, 12), 26);
	get_feature((const uint8_t *)"unknown feature.", 0, 4, 0);
	assert_int_equal(code(0, 12), 2);
	get_feature(reset_feature, 0, 5, 0); /* the trap: success, and nothing came */
	assert_int_equal(code(0, 13), 0);
	assert_int_equal(number(0, 4), 0);

	get_feature(reset_feature, 0, 0, 0);
	assert_int_equal(call(0, 12), EINVAL);
	get_feature(reset_feature, 0, 5, 0);
	assert_int_equal(call(0, 12), EINVAL);
	assert_int_equal(device->kernel.tainted, 0);
}

static void test_set(void **state)
{
	set_feature(reset_feature, 4, 0x11223344);
	assert_int_equal(call(0, 8), EINVAL);
	assert_int_equal(call(1, 8), EINVAL);
	assert_int_equal(device->commands_seen, 0);
	assert_int_equal(code(2, 8), 0);
	assert_int_equal(device->commands_seen, 1);
	assert_int_equal(device->kernel.tainted, 1);
	assert_int_equal(feature_value(reset_feature, 4, 0), 0xdeadbeef); /* until the cold reset */
	assert_int_equal(feature_value(reset_feature, 4, 1), 0xdeadbeef);
	assert_int_equal(feature_value(reset_feature, 4, 2), 0x11223344);

	set_feature(reset_feature, 3, 1);
	assert_int_equal(code(2, 8), 22);
	set_feature(reset_feature, 4, 1);
	put(38, 1, 2);
	assert_int_equal(code(2, 8), 25);
	set_feature(reset_feature, 4, 1);
	put(36, 2, 1);
	assert_int_equal(code(2, 8), 2);
	set_feature(reset_feature, 0, 0);
	assert_int_equal(call(2, 8), EINVAL);
	set_feature(reset_feature, 4, 1);
	assert_int_equal(call(2, 7), EINVAL);
	set_feature((const uint8_t *)"unknown feature.", 4, 1);
	assert_int_equal(call(2, 8), EINVAL);
	assert_int_equal(feature_value(reset_feature, 4, 2), 0x11223344);
}

static void test_immediate(void **state)
{
	set_feature(immediate_feature, 2, 0x0118);
	assert_int_equal(call(2, 8), EINVAL);
	assert_int_equal(call(3, 8), EPERM);
	assert_int_equal(device->commands_seen, 0);
	device->kernel.rawio = 1;
	set_feature(immediate_feature, 2, 0x0118);
	assert_int_equal(code(3, 8), 0);
	assert_int_equal(feature_value(immediate_feature, 2, 0), 0x0118);
	assert_int_equal(feature_value(immediate_feature, 2, 2), 0x0118);
	assert_int_equal(feature_value(immediate_feature, 2, 1), 0x010c);
}

static void test_malformed(void **state)
{
	struct fwctl_rpc rpc = {.size = 31};

	assert_int_equal(transport_call(-1, FWCTL_RPC, &rpc), -1);
	assert_int_equal(errno, EINVAL);
	rpc = (struct fwctl_rpc){.size = 32, .in_len = 2 * 1024 * 1024 + 1};
	assert_int_equal(transport_call(-1, FWCTL_RPC, &rpc), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(transport_call(-1, NVME_IOCTL_ADMIN64_CMD, &rpc), -1);
	assert_int_equal(errno, ENOTTY);

	get_supported(8, 0);
	assert_int_equal(call(4, 16), EOPNOTSUPP);
	in_length = 15;
	assert_int_equal(call(1, 16), EINVAL);
	get_supported(8, 0);
	put(8, 4, 9); /* op_size beyond in_len */
	assert_int_equal(call(1, 16), EINVAL);
	request(0x0503, 8);
	assert_int_equal(call(1, 16), EINVAL);
	get_supported(8, 0);
	put(0, 4, 0x00010500); /* the driver cuts the opcode to 16 bits */
	assert_int_equal(call(1, 16), 0);
	request(0x0502, 15);
	assert_int_equal(call(2, 8), EINVAL);
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
	set_feature(reset_feature, 4, 1);
	assert_int_equal(code(2, 8), 6);
	assert_int_equal(feature_value(reset_feature, 4, 2), 0xdeadbeef);

	fault(SIM_FAULT_SHORT, 0);
	get_feature(reset_feature, 0, 4, 0);
	assert_int_equal(code(1, 12), 0);
	assert_int_equal(number(0, 4), 2);
	assert_int_equal(number(8, 4), 0x0000beef);

	fault(SIM_FAULT_GARBAGE, 0);
	assert_int_equal(call(1, 12), 0);
	assert_int_equal(out_length, 0xa5a5a5a5);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(data[i], 0xa5);
	assert_int_equal(data[12], 0xee);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_supported), TEST(test_get),	    TEST(test_set),
		TEST(test_immediate), TEST(test_malformed), TEST(test_faults),
	};

	return cmocka_run_group_tests_name("sim-cxl", tests, NULL, NULL);
}
