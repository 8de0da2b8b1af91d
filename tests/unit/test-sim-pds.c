/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-rpc-fixture.h"

static int setup(void **state)
{
	order = BYTES_HOST;
	return sim_setup(SIM_PDS, "FLM0001");
}

static void request(uint32_t endpoint, uint32_t op, uint32_t in_length, uint32_t out_length)
{
	message_start();
	put(0, 4, op);
	put(4, 4, endpoint);
	put(12, 4, in_length);
	if (in_length > 0)
		point(16, 0);
	put(36, 4, out_length);
	if (out_length > 0)
		point(40, 1);
}

/* The firmware's retval. */
static uint64_t sent(uint32_t scope)
{
	assert_int_equal(call(scope, 48, 48), 0);
	return answer(24, 4);
}

static void test_info(void **state)
{
	uint8_t bytes[64];
	struct fwctl_info info = info_ask(64, bytes);

	assert_int_equal(info.out_device_type, FWCTL_DEVICE_TYPE_PDS);
	assert_int_equal(info.device_data_len, 0); /* the driver's defect */
	assert_true(bytes_zero(bytes, 64));
}

static void test_operations(void **state)
{
	request(1, 0x010003, 0, 8);
	assert_int_equal(sent(0), 0);
	assert_memory_equal(segments[1], "settings", 8);
	assert_int_equal(segments[1][8], 0);
	request(1, 0x010004, 4, 0);
	memcpy(segments[0], "SETT", 4);
	assert_int_equal(sent(0), 0);
	assert_memory_equal(device->pds.settings, "SETTings", 8);
	request(1, 0x010004, 65, 0);
	assert_int_equal(sent(0), 22);
	request(1, 0x010005, 4, 4096);
	assert_int_equal(sent(1), 0);
	assert_int_equal(segments[1][4095], 4095 % 251);
	request(2, 0x010003, 4, 0);
	assert_int_equal(sent(2), 0);
	assert_int_equal(device->pds.traced, 4);
	request(2, 0x020004, 0, 0);
	assert_int_equal(sent(0), 0);
	assert_int_equal(device->pds.synced, 1);
}

/* The answer is the request, with what the driver took for addresses. */
static void test_echo(void **state)
{
	request(1, 0x010005, 4, 16);
	assert_int_equal(sent(1), 0);
	assert_memory_equal(data, message, 48);
	assert_int_equal(answer(16, 8), (uintptr_t)segments[0]);
	assert_int_equal(answer(40, 8), (uintptr_t)segments[1]);
}

static void test_kernel(void **state)
{
	request(1, 0x010003, 0, 8);
	assert_int_equal(call(4, 48, 48), EOPNOTSUPP);
	assert_int_equal(call(3, 48, 48), EPERM);
	assert_int_equal(call(0, 47, 48), EINVAL);
	request(1, 0x010003, 0, 4097);
	assert_int_equal(call(0, 48, 48), EINVAL);
	request(1, 0x010004, 4097, 0);
	assert_int_equal(call(0, 48, 48), EINVAL);
	request(3, 0x010003, 0, 8);
	assert_int_equal(call(0, 48, 48), EINVAL);
	request(1, 0x010006, 0, 8);
	assert_int_equal(call(0, 48, 48), EINVAL);
	request(1, 0x020003, 0, 8); /* a newer version than there is */
	assert_int_equal(call(0, 48, 48), EINVAL);
	request(2, 0x010004, 0, 0); /* an older one */
	assert_int_equal(call(0, 48, 48), 0);
	request(1, 0x010005, 0, 8);
	assert_int_equal(call(0, 48, 48), EPERM);
	request(2, 0x010003, 4, 0);
	assert_int_equal(call(1, 48, 48), EPERM);
	request(2, 0x010006, 0, 0); /* two attributes at once */
	assert_int_equal(call(2, 48, 48), EPERM);
	device->kernel.rawio = 1;
	assert_int_equal(call(3, 48, 48), 0);
	assert_int_equal(device->commands_seen, 2);
}

static void test_bugs(void **state)
{
	request(1, 0x010003, 0, 8);
	assert_bug(0, 52, 52, "has 48 bytes, not 52");
	put(0, 4, 0x80010003);
	assert_bug(0, 48, 48, "does not look at");
	request(1, 0x010003, 0, 8);
	put(8, 4, 1);
	assert_bug(0, 48, 48, "reserved");
	request(1, 0x010003, 0, 8);
	put(24, 4, 1);
	assert_bug(0, 48, 48, "reserved");
	request(1, 0x010003, 0, 8);
	put(32, 4, 1);
	assert_bug(0, 48, 48, "reserved");
	request(1, 0x010003, 0, 8);
	point(16, 0);
	assert_bug(0, 48, 48, "an address without a length");
	request(1, 0x010003, 0, 8);
	put(40, 8, 0);
	assert_bug(0, 48, 48, "an address without a length");
	request(1, 0x010004, 4, 0);
	put(16, 8, 0x7fff00001000);
	assert_bug(0, 48, 48, "not in the arena");
	put(16, 8, (uintptr_t)segments[0] + 1);
	assert_bug(0, 48, 48, "pages of its own");
}

static void test_faults(void **state)
{
	fault(SIM_FAULT_STATUS, 5);
	request(1, 0x010004, 4, 0);
	assert_int_equal(sent(0), 5);
	assert_memory_equal(device->pds.settings, "sett", 4);
	fault(SIM_FAULT_SHORT, 0);
	request(1, 0x010003, 0, 8);
	assert_int_equal(sent(0), 0);
	assert_memory_equal(segments[1], "sett\0\0\0\0", 8);
	fault(SIM_FAULT_GARBAGE, 0);
	request(1, 0x010003, 0, 8);
	assert_int_equal(sent(0), 0xa5a5a5a5);
	assert_int_equal(segments[1][7], 0xa5);
	assert_int_equal(segments[1][8], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_info),   TEST(test_operations), TEST(test_echo),
		TEST(test_kernel), TEST(test_bugs),	  TEST(test_faults),
	};

	return cmocka_run_group_tests_name("sim-pds", tests, NULL, NULL);
}
