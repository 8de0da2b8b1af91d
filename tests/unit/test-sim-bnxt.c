/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-rpc-fixture.h"

static int setup(void **state)
{
	order = BYTES_LITTLE;
	return sim_setup(SIM_BNXT, "BCM0001");
}

static void request(uint32_t type)
{
	message_start();
	put(0, 2, type);
	put(2, 2, 0xffff);
	put(6, 2, 0xffff);
}

/* The firmware's error code. */
static uint64_t sent(uint32_t scope, uint32_t in_length, uint32_t out_length)
{
	uint64_t type;

	assert_int_equal(call(scope, in_length, out_length), 0);
	bytes_get(message, 16, 0, 2, order, &type);
	assert_int_equal(answer(2, 2), type);
	assert_int_equal(answer(6, 2), out_length);
	return answer(0, 2);
}

static void port_qstats(void)
{
	request(0x0023);
	point(24, 0);
	point(32, 1);
}

static void variable(uint32_t type, uint32_t bits, uint32_t option, uint32_t index)
{
	request(type);
	point(16, 0);
	put(24, 2, bits);
	put(26, 2, option);
	put(30, 2, index);
}

static void nvm_write(uint32_t type, uint32_t length)
{
	request(0xfffe);
	point(16, 0);
	put(24, 2, type);
	put(32, 4, length);
}

static void nvm_read(uint32_t index, uint32_t offset, uint32_t length)
{
	request(0xfffd);
	point(16, 0);
	put(24, 2, index);
	put(28, 4, offset);
	put(32, 4, length);
}

static void test_info(void **state)
{
	uint8_t bytes[64];
	struct fwctl_info info = info_ask(64, bytes);

	assert_int_equal(info.out_device_type, FWCTL_DEVICE_TYPE_BNXT);
	assert_int_equal(info.device_data_len, 4);
	assert_int_equal(bytes[0], 0xf);
	assert_true(bytes_zero(bytes + 1, 63));
}

static void test_queries(void **state)
{
	request(0x0000);
	assert_int_equal(sent(1, 24, 176), 0);
	assert_int_equal(answer(8, 3), 0x030a01);
	assert_string_equal((const char *)data + 32, "CHIMP-SIM");
	request(0x0016);
	put(16, 2, 0xffff);
	assert_int_equal(sent(1, 24, 96), 0);
	assert_int_equal(answer(8, 2), 1);
	put(16, 2, 2); /* another function's */
	assert_int_equal(sent(1, 24, 96), 3);
	request(0x00e0);
	assert_int_equal(sent(1, 16, 24), 0);
	assert_int_equal(answer(8, 1), 47);
	request(0x00be); /* any other one */
	assert_int_equal(sent(1, 24, 80), 0);
	assert_true(bytes_zero(data + 8, 72));
}

static void test_statistics(void **state)
{
	port_qstats();
	memset(segments[0] + 408, 0xee, 8);
	memset(segments[1] + 528, 0xee, 8);
	assert_int_equal(sent(1, 40, 24), 0);
	assert_int_equal(answer(8, 4), 408 | 528 << 16);
	assert_memory_equal(segments[0], &device->bnxt.port_frames, 8);
	assert_int_not_equal(segments[0][400], 0);
	assert_int_equal(segments[0][408], 0xee);
	assert_int_not_equal(segments[1][520], 0);
	assert_int_equal(segments[1][528], 0xee);
	request(0x0025);
	assert_int_equal(sent(0, 24, 16), 0);
	assert_int_equal(device->bnxt.port_frames, 0);
	port_qstats();
	put(18, 1, 1);
	assert_int_equal(sent(1, 40, 24), 0);
	assert_int_equal(segments[0][5], 0xff);
	assert_int_equal(segments[0][6], 0);
}

/* data_len counts bits for the firmware, and bytes for the kernel. */
static void test_variables(void **state)
{
	variable(0xfff1, 16, 402, 0);
	memset(segments[0] + 16, 0xee, 16);
	assert_int_equal(sent(0, 40, 16), 0);
	assert_int_equal(segments[0][0], 8);
	assert_true(bytes_zero(segments[0] + 2, 14)); /* the kernel wrote 16 bytes */
	assert_int_equal(segments[0][16], 0xee);
	assert_int_equal(answer(8, 2), 16);
	variable(0xfff1, 2, 402, 0);
	assert_int_equal(sent(0, 40, 16), 8);
	variable(0xfff1, 32, 403, 0);
	assert_int_equal(sent(0, 40, 16), 0x13);
	variable(0xfff1, 32, 403, 1);
	assert_int_equal(sent(0, 40, 16), 0);
	assert_memory_equal(segments[0], ((uint8_t[]){0x78, 0x56, 0x34, 0x12}), 4);

	variable(0xfff2, 16, 402, 0);
	segments[0][0] = 99;
	assert_int_equal(sent(0, 40, 16), 0);
	assert_int_equal(device->bnxt.variables[1].value[0], 99);
	variable(0xfff2, 2, 402, 0);
	assert_int_equal(sent(0, 40, 16), 2);
	variable(0xfff2, 16, 402, 0);
	put(38, 1, 0x80); /* back to the factory's */
	assert_int_equal(sent(0, 40, 16), 0);
	assert_int_equal(device->bnxt.variables[1].value[0], 16);
	variable(0xfff1, 16, 402, 0);
	put(38, 1, 1);
	assert_int_equal(sent(0, 40, 16), 0);
	assert_int_equal(segments[0][0], 16);
}

static void test_flash(void **state)
{
	request(0xfffb);
	assert_int_equal(sent(1, 16, 24), 0);
	assert_int_equal(answer(8, 8), 2 | UINT64_C(24) << 32);
	request(0xfffa);
	point(16, 0);
	memset(segments[0] + 65536, 0xee, 8);
	assert_int_equal(sent(1, 24, 16), 0);
	assert_int_equal(segments[0][0], 1);
	assert_int_equal(segments[0][24], 8);
	assert_int_equal(segments[0][65535], 0xff);
	assert_int_equal(segments[0][65536], 0xee);

	nvm_read(0, 250, 4);
	assert_int_equal(sent(1, 40, 16), 0);
	assert_memory_equal(segments[0], ((uint8_t[]){250, 0, 1, 2}), 4);
	nvm_read(0, 4090, 7);
	assert_int_equal(sent(1, 40, 16), 2);
	nvm_read(2, 0, 1);
	assert_int_equal(sent(1, 40, 16), 0x13);

	nvm_write(9, 5);
	memcpy(segments[0], "image", 5);
	assert_int_equal(sent(2, 56, 16), 0);
	assert_int_equal(answer(12, 2), 2);
	assert_memory_equal(device->bnxt.items[2].data, "image", 5);
	nvm_write(9, 5);
	put(38, 2, 2); /* in a batch: two bytes of the five, at an offset */
	put(44, 4, 4);
	put(48, 4, 2);
	memcpy(segments[0], "ry...", 5);
	assert_int_equal(sent(2, 56, 16), 0);
	assert_memory_equal(device->bnxt.items[2].data, "imagry\0", 7);
	request(0xfff7);
	put(16, 2, 0);
	assert_int_equal(sent(0, 24, 16), 0);
	assert_int_equal(device->bnxt.items[0].type, 8);
	assert_int_equal(device->bnxt.items[1].type, 9);
	assert_int_equal(device->bnxt.items[2].type, 0);
}

static void test_debug(void **state)
{
	request(0xff2d); /* both buffers have one length */
	point(16, 0);
	point(24, 1);
	put(32, 4, 6);
	memcpy(segments[0], "capture", 7);
	assert_int_equal(sent(2, 40, 16), 0);
	assert_int_equal(device->bnxt.trace_length, 6);
	assert_int_equal(segments[1][5], (uint8_t) ~'r');
	assert_int_equal(segments[1][6], 0);
	request(0xff17);
	point(16, 0);
	put(24, 4, 256);
	assert_int_equal(sent(1, 32, 16), 0);
	assert_int_equal(answer(10, 4), 1 | 16 << 16);
	request(0x0011);
	put(22, 1, 1);
	assert_int_equal(sent(0, 24, 16), 0);
	assert_int_equal(device->bnxt.resets, 1);
	assert_int_equal(device->bnxt.port_frames, 0);
}

/* In the order of the driver's checks. */
static void test_kernel(void **state)
{
	request(0x00e0);
	assert_int_equal(call(4, 16, 24), EOPNOTSUPP);
	assert_int_equal(call(3, 16, 24), EPERM);
	assert_int_equal(device->kernel.tainted, 0);
	assert_int_equal(call(1, 15, 24), EINVAL);
	assert_int_equal(call(1, 129, 24), EINVAL);
	assert_int_equal(call(1, 16, 7), EINVAL);
	assert_int_equal(call(0, 16, 24), EPERM);
	request(0x0010); /* FUNC_BUF_UNRGTR */
	assert_int_equal(call(1, 16, 24), EPERM);
	request(0x8000);
	assert_int_equal(call(1, 16, 24), EPERM);
	port_qstats();
	assert_int_equal(call(1, 36, 24), EINVAL);
	assert_int_equal(call(1, 44, 24), EINVAL);
	variable(0xfff1, 0, 402, 0);
	assert_int_equal(call(0, 40, 16), EINVAL);
	nvm_read(0, 0, 65537);
	assert_int_equal(call(1, 40, 16), EINVAL);
	request(0x0073); /* 32769 * 2 bytes */
	put(18, 2, 32769);
	assert_int_equal(call(2, 88, 16), EINVAL);
	request(0xff10); /* 16385 * 4 bytes, and so many that 32 bits do not hold them */
	put(28, 4, 16385);
	assert_int_equal(call(1, 32, 16), EINVAL);
	put(28, 4, 0x40000001);
	assert_int_equal(call(1, 32, 16), EINVAL);
	assert_int_equal(device->commands_seen, 0);
}

/* A kernel that does not know the addresses. */
static void test_capabilities(void **state)
{
	device->bnxt.capabilities = 0x7;
	port_qstats();
	assert_int_equal(call(1, 40, 24), EPERM);
	request(0xff18);
	assert_int_equal(call(1, 32, 16), EPERM);
	request(0x00e0);
	assert_int_equal(call(1, 16, 24), 0);
	device->bnxt.capabilities = 0xf;
	request(0xff18);
	assert_int_equal(call(1, 32, 16), 0);
}

static void test_bugs(void **state)
{
	request(0x00e0);
	put(2, 2, 0);
	assert_bug(1, 16, 24, "for a ring");
	request(0x00e0);
	put(6, 2, 0xfff8);
	assert_bug(1, 16, 24, "another function");
	request(0x00e0);
	put(4, 2, 1);
	assert_bug(1, 16, 24, "sequence number");
	request(0x00e0);
	put(15, 1, 1);
	assert_bug(1, 16, 24, "address for the answer");
	request(0x00e0);
	assert_bug(1, 18, 24, "multiple of 4");
	assert_bug(1, 20, 24, "has 16 bytes, not 20");
	request(0x0016);
	assert_bug(1, 16, 24, "has 24 bytes, not 16");
	put(18, 1, 1);
	assert_bug(1, 24, 24, "byte 18 is reserved");
	request(0xff15); /* DBG_ERASE_NVM: nobody published it */
	put(16, 1, 1);
	assert_bug(0, 24, 16, "not published");
	nvm_write(9, 5);
	put(48, 4, 6);
	assert_bug(2, 56, 16, "past the kernel's buffer");
}

/* What a client would make of an address, if it got the chance. */
static void test_pointers(void **state)
{
	static const uint64_t addresses[] = {0, UINT64_MAX, 0x7ffc00000000, 4096};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		variable(0xfff2, 16, 402, 0);
		put(16, 8, addresses[i]);
		assert_bug(0, 40, 16, "not in the arena");
	}
	variable(0xfff2, 16, 402, 0);
	put(16, 8, (uintptr_t)arena - 1);
	assert_bug(0, 40, 16, "not in the arena");
	put(16, 8, (uintptr_t)arena + sizeof(arena) - 8);
	assert_bug(0, 40, 16, "not in the arena");
	put(16, 8, (uintptr_t)segments[0] + 1);
	assert_bug(0, 40, 16, "pages of its own");
	put(16, 8, (uintptr_t)arena);
	assert_bug(0, 40, 16, "pages of its own");
	put(16, 8, (uintptr_t)message);
	assert_bug(0, 40, 16, "stands for something else");
}

/* The device has answered by then, but to the executor's memory no byte goes. */
static void assert_bug_in_answer(uint32_t in_length, const char *text)
{
	uint64_t seen = device->commands_seen;
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		call(1, in_length, 24);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_non_null(strstr(device->bug, text));
	assert_int_equal(device->commands_seen, seen + 1);
}

static void test_answer_pointers(void **state)
{
	port_qstats();
	point(32, 0);
	assert_bug_in_answer(40, "stands for something else");
	port_qstats();
	put(32, 8, (uintptr_t)data);
	assert_bug_in_answer(40, "stands for something else");
	port_qstats();
	put(24, 8, (uintptr_t)segments[0] + 408);
	assert_bug_in_answer(40, "pages of its own");
	port_qstats();
	put(24, 8, 0x400000);
	assert_bug_in_answer(40, "not in the arena");
	port_qstats();
	segments[1][527] = 1;
	assert_bug_in_answer(40, "not zero before");
}

static void test_faults(void **state)
{
	fault(SIM_FAULT_STATUS, 0xfff0); /* -EBUSY, by the driver */
	port_qstats();
	assert_int_equal(sent(1, 40, 24), 0xfff0);
	assert_true(bytes_zero(segments[0], 408));
	fault(SIM_FAULT_SHORT, 0);
	port_qstats();
	assert_int_equal(sent(1, 40, 24), 0);
	assert_int_not_equal(segments[0][200], 0);
	assert_true(bytes_zero(segments[0] + 204, 204));
	fault(SIM_FAULT_GARBAGE, 0);
	port_qstats();
	assert_int_equal(call(1, 40, 24), 0);
	assert_int_equal(data[23], 0xa5);
	assert_int_equal(segments[0][407], 0xa5);
	assert_int_equal(segments[0][408], 0);
	assert_int_equal(segments[1][527], 0xa5);
	fault(SIM_FAULT_GARBAGE, 0);
	variable(0xfff2, 16, 402, 0);
	assert_int_equal(call(0, 40, 16), 0);
	assert_int_equal(device->bnxt.variables[1].value[0], 8);
	assert_int_equal(segments[0][0], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_info),      TEST(test_queries), TEST(test_statistics),
		TEST(test_variables), TEST(test_flash),	  TEST(test_debug),
		TEST(test_kernel),    TEST(test_bugs),	  TEST(test_capabilities),
		TEST(test_pointers),  TEST(test_faults),  TEST(test_answer_pointers),
	};

	return cmocka_run_group_tests_name("sim-bnxt", tests, NULL, NULL);
}
