/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-rpc-fixture.h"

#define WRITE 0u
#define READ  1u

static int setup(void **state)
{
	order = BYTES_BIG;
	return sim_setup(SIM_MLX5, "MT0001X00001");
}

static void request(uint32_t opcode)
{
	message_start();
	put(0, 2, opcode);
}

static void access_reg(uint32_t op_mod, uint32_t id)
{
	request(0x0805);
	put(6, 2, op_mod);
	put(10, 2, id);
}

/* The firmware's status. */
static uint64_t sent(uint32_t scope, uint32_t in_length, uint32_t out_length)
{
	assert_int_equal(call(scope, in_length, out_length), 0);
	return answer(0, 1);
}

static uint64_t accessed(uint32_t scope, uint32_t size)
{
	return sent(scope, 16 + size, 16 + size);
}

static void test_info(void **state)
{
	uint8_t bytes[64];
	struct fwctl_info info = info_ask(64, bytes);
	uint32_t words[2];

	memcpy(words, bytes, sizeof(words));
	assert_int_equal(info.out_device_type, FWCTL_DEVICE_TYPE_MLX5);
	assert_int_equal(info.device_data_len, 8);
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 4);
	assert_true(bytes_zero(bytes + 8, 56));
	info = info_ask(0, bytes); /* the driver is not asked */
	assert_int_equal(info.device_data_len, 0);
	assert_int_equal(bytes[0], 0xee);
	info = info_ask(4, bytes);
	assert_int_equal(info.device_data_len, 8);
	assert_int_equal(bytes[4], 0xee);
}

static void test_queries(void **state)
{
	request(0x080d);
	assert_int_equal(sent(1, 16, 16), 0);
	request(0x010a);
	assert_int_equal(sent(1, 16, 112), 0);
	assert_int_equal(answer(10, 2), 1);
	request(0x0100);
	put(6, 2, 1);
	assert_int_equal(sent(0, 16, 4112), 0);
	assert_int_equal(answer(71, 1), 2);
	request(0x0100);
	put(6, 2, 2);
	assert_int_equal(sent(0, 16, 4112), 3);
	request(0x0101);
	assert_int_equal(sent(0, 16, 272), 0);
	assert_string_equal((const char *)data + 256, "FWS0000000001");
	request(0x0303); /* any other one: success, and zeroes */
	put(11, 1, 7);
	assert_int_equal(sent(1, 16, 272 + 64), 0);
	assert_true(bytes_zero(data, 336));
	assert_int_equal(device->commands_seen, 6);
}

static void test_counters(void **state)
{
	request(0x0770);
	assert_int_equal(sent(1, 32, 528), 0);
	assert_int_equal(answer(144, 8), 1234);
	put(24, 1, 0x80);
	assert_int_equal(sent(1, 32, 528), 0);
	assert_int_equal(answer(144, 8), 1234);
	assert_int_equal(sent(1, 32, 528), 0);
	assert_int_equal(answer(144, 8), 0);
	request(0x0773);
	put(24, 1, 0x80);
	assert_int_equal(sent(1, 32, 256), 0);
	assert_int_equal(answer(16, 4), 56);
	assert_int_equal(sent(1, 32, 256), 0);
	assert_int_equal(answer(16, 4), 0);
}

static void test_registers(void **state)
{
	access_reg(READ, 0x9020);
	assert_int_equal(accessed(1, 160), 0);
	assert_string_equal((const char *)data + 64, "FWS0000000001");
	access_reg(WRITE, 0x9020);
	assert_int_equal(accessed(0, 160), 2);
	access_reg(READ, 0x9021);
	assert_int_equal(accessed(1, 128), 0);
	assert_string_equal((const char *)data + 16, "MT0001X00001");

	access_reg(READ, 0x900a);
	assert_int_equal(accessed(1, 32), 0);
	assert_int_equal(answer(22, 2), 42 * 8);
	assert_int_equal(answer(26, 2), 71 * 8);
	put(24, 1, 0x40); /* mtr: also a read resets the maximum */
	assert_int_equal(accessed(1, 32), 0);
	assert_int_equal(accessed(1, 32), 0);
	assert_int_equal(answer(26, 2), 42 * 8);

	access_reg(READ, 0x5008);
	assert_int_equal(accessed(1, 256), 0);
	assert_int_equal(answer(24, 8), 987654321);
	put(20, 1, 0x80);
	assert_int_equal(accessed(1, 256), 0);
	assert_int_equal(accessed(1, 256), 0);
	assert_int_equal(answer(24, 8), 0);
	put(19, 1, 5);
	assert_int_equal(accessed(1, 256), 3);

	access_reg(WRITE, 0x902d);
	put(24, 8, 77);
	assert_int_equal(accessed(0, 16), 0);
	access_reg(READ, 0x902d);
	assert_int_equal(accessed(1, 16), 0);
	assert_int_equal(answer(24, 8), 77);

	access_reg(READ, 0x9028);
	assert_int_equal(accessed(1, 8), 0);
	assert_int_equal(device->mlx5.resets, 0);
	access_reg(WRITE, 0x9028);
	put(23, 1, 1);
	assert_int_equal(accessed(0, 8), 0);
	assert_int_equal(device->mlx5.resets, 1);
	assert_int_equal(device->mlx5.vport_packets, 0);
}

static void test_configuration(void **state)
{
	access_reg(READ, 0x9024);
	put(20, 4, 0x80);
	assert_int_equal(accessed(1, 268), 0);
	assert_int_equal(answer(18, 2), 12);
	assert_int_equal(answer(28, 8), 0x8000000080000008);
	access_reg(READ, 0x9024);
	put(20, 4, 0x10a);
	assert_int_equal(accessed(1, 268), 3);
	access_reg(WRITE, 0x9024);
	put(18, 2, 4);
	put(20, 4, 0x10a);
	put(28, 4, 0xcafe);
	assert_int_equal(accessed(0, 268), 0);
	access_reg(WRITE, 0x9028); /* a reset leaves it as it is */
	assert_int_equal(accessed(0, 8), 0);
	access_reg(READ, 0x9024);
	put(20, 4, 0x10a);
	assert_int_equal(accessed(1, 268), 0);
	assert_int_equal(answer(28, 4), 0xcafe);
	for (uint32_t type = 1; type <= 3; type++) {
		access_reg(WRITE, 0x9024);
		put(20, 4, type);
		assert_int_equal(accessed(0, 268), type == 3 ? 0xf : 0);
	}
	access_reg(WRITE, 0x9024);
	put(18, 2, 257);
	put(20, 4, 0x80);
	assert_int_equal(accessed(0, 268), 3);
}

/* In the order of the driver's checks. */
static void test_kernel(void **state)
{
	request(0x080d);
	assert_int_equal(call(4, 16, 16), EOPNOTSUPP);
	assert_int_equal(call(3, 16, 16), EPERM);
	assert_int_equal(device->kernel.tainted, 0);
	assert_int_equal(call(2, 12, 16), EMSGSIZE);
	assert_int_equal(device->kernel.tainted, 1);
	assert_int_equal(call(1, 16, 12), EMSGSIZE);
	assert_int_equal(call(0, 16, 16), EBADMSG);
	request(0x0500); /* CREATE_QP */
	assert_int_equal(call(1, 16, 16), EBADMSG);
	request(0x0820);
	assert_int_equal(call(1, 16, 16), EBADMSG);
	assert_int_equal(call(2, 16, 16), 0);
	access_reg(READ, 0x9020);
	assert_int_equal(call(0, 176, 176), EBADMSG);
	put(6, 2, 2); /* to the kernel a read as well */
	assert_int_equal(call(0, 176, 176), EBADMSG);
	device->kernel.rawio = 1;
	request(0x080d);
	assert_int_equal(call(3, 16, 16), 0);
	assert_int_equal(device->commands_seen, 2);
}

static void test_bugs(void **state)
{
	request(0x080d);
	put(2, 2, 1);
	assert_bug(1, 16, 16, "uid");
	request(0x080d);
	put(4, 2, 1);
	assert_bug(1, 16, 16, "bytes 4 and 5");
	request(0x080d);
	assert_bug(1, 18, 16, "multiples of 4");
	assert_bug(1, 16, 18, "multiples of 4");
	assert_bug(1, 20, 16, "has 16 bytes, not 20");
	assert_bug(1, 16, 20, "the answer");
	put(15, 1, 1);
	assert_bug(1, 16, 16, "reserved bits within bytes 8 to 15");
	request(0x0303);
	assert_bug(1, 16, 268, "the answer");
	request(0x0770);
	put(24, 1, 0x40);
	assert_bug(1, 32, 528, "reserved bits within bytes 24 to 31");
	put(24, 2, 1); /* a field's in bytes 8 to 15 */
	assert_bug(1, 32, 528, "reserved bits within bytes 24 to 31");
	request(0x0b14); /* nobody published it */
	put(8, 1, 1);
	assert_bug(1, 16, 16, "not published");
	request(0x0b14);
	assert_int_equal(call(1, 16, 16), 0);
}

static void test_register_bugs(void **state)
{
	access_reg(2, 0x9020);
	assert_bug(1, 176, 176, "op_mod 0x0002");
	access_reg(READ, 0x9020);
	put(8, 2, 1);
	assert_bug(1, 176, 176, "reserved bytes or the argument");
	access_reg(READ, 0x9020);
	put(12, 4, 1);
	assert_bug(1, 176, 176, "reserved bytes or the argument");
	access_reg(READ, 0x9020);
	assert_bug(1, 176, 180, "176 bytes there and 180 back");
	assert_bug(1, 180, 180, "has 160 bytes, not 164");
}

static void test_memory_registers(void **state)
{
	access_reg(READ, 0x905c);
	assert_bug(1, 64, 64, "physical");
	access_reg(WRITE, 0x9041);
	assert_bug(0, 48, 48, "MTRC_CONF");
	access_reg(READ, 0x9041);
	assert_int_equal(call(1, 48, 48), 0);
	put(27, 1, 1);
	assert_bug(1, 48, 48, "MTRC_CONF");
	for (unsigned i = 0; i < 2; i++) {
		uint32_t id = i == 0 ? 0xc000 : 0x9153;

		access_reg(READ, id);
		assert_bug(1, 272, 272, "by DMA");
		put(16, 1, 0x60);
		assert_bug(1, 272, 272, "another function");
		put(16, 1, 0x40);
		assert_int_equal(call(1, 272, 272), 0);
		put(48, 4, 1);
		assert_bug(1, 272, 272, "a memory key or an address");
		put(48, 4, 0);
		put(63, 1, 1);
		assert_bug(1, 272, 272, "a memory key or an address");
	}
}

static void test_faults(void **state)
{
	fault(SIM_FAULT_STATUS, 6);
	access_reg(WRITE, 0x9028);
	assert_int_equal(accessed(0, 8), 6);
	assert_int_equal(device->mlx5.resets, 0);
	fault(SIM_FAULT_SHORT, 0);
	request(0x0101);
	assert_int_equal(sent(0, 16, 272), 0);
	assert_int_equal(answer(41, 3), 0x0002c9);
	assert_true(bytes_zero(data + 136, 136));
	fault(SIM_FAULT_GARBAGE, 0);
	request(0x080d);
	assert_int_equal(call(1, 16, 16), 0);
	assert_int_equal(answer(8, 8), 0xa5a5a5a5a5a5a5a5);
	assert_int_equal(data[16], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_info),      TEST(test_queries),	TEST(test_counters),
		TEST(test_registers), TEST(test_configuration), TEST(test_kernel),
		TEST(test_bugs),      TEST(test_register_bugs), TEST(test_memory_registers),
		TEST(test_faults),
	};

	return cmocka_run_group_tests_name("sim-mlx5", tests, NULL, NULL);
}
