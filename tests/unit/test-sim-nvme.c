/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sim-fixture.h"

#define ALL 0xffffffffu

static uint64_t result;

static int setup(void **state)
{
	return sim_setup(SIM_NVME, "LAB-NVME-0");
}

static struct nvme_passthru_cmd64 sqe(uint8_t opcode, uint32_t nsid, uint32_t cdw10,
				      uint32_t length)
{
	return (struct nvme_passthru_cmd64){
		.opcode = opcode,
		.nsid = nsid,
		.cdw10 = cdw10,
		.addr = length ? (uintptr_t)data : 0,
		.data_len = length,
		.timeout_ms = 1000,
	};
}

static int call(struct nvme_passthru_cmd64 command)
{
	int r = transport_call(-1, NVME_IOCTL_ADMIN64_CMD, &command);

	result = command.result;
	return r;
}

static int admin(uint8_t opcode, uint32_t nsid, uint32_t cdw10, uint32_t length)
{
	return call(sqe(opcode, nsid, cdw10, length));
}

static int log_page(uint8_t lid, uint32_t nsid, uint32_t rae, uint32_t length)
{
	return admin(0x02, nsid, lid | rae << 15 | (length / 4 - 1) << 16, length);
}

static int set_feature(uint32_t nsid, uint32_t fid, uint32_t save, uint32_t value)
{
	struct nvme_passthru_cmd64 command = sqe(0x09, nsid, fid | save << 31, 0);

	command.cdw11 = value;
	return call(command);
}

static int get_feature(uint32_t nsid, uint32_t fid, uint32_t select)
{
	return admin(0x0a, nsid, fid | select << 8, 0);
}

static void test_other_ioctl(void **state)
{
	assert_int_equal(transport_call(-1, FWCTL_RPC, data), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(device->commands_seen, 0);
}

static void test_identify(void **state)
{
	assert_int_equal(admin(0x06, 0, 0x01, 4096), 0);
	assert_memory_equal(data + 4, "LAB-NVME-0          ", 20);
	assert_memory_equal(data + 24, "fwctld simulated NVMe                   ", 40);
	assert_memory_equal(data + 64, "1.0     ", 8);
	assert_int_equal(number(516, 4), 2);
	assert_string_equal((char *)data + 768, "nqn.2025-01.org.fwctld:simulated:LAB-NVME-0");

	assert_int_equal(admin(0x06, 1, 0x00, 4096), 0);
	assert_int_equal(number(0, 8), 8);
	assert_int_equal(data[130], 9);
	assert_int_equal(admin(0x06, 3, 0x00, 4096), 0x400b);
	assert_int_equal(admin(0x06, 0, 0x02, 4096), 0);
	assert_int_equal(number(0, 8), 0x0000000200000001);
	assert_int_equal(number(8, 4), 0);
	assert_int_equal(admin(0x06, 1, 0x02, 4096), 0);
	assert_int_equal(number(0, 8), 0x0000000000000002);
	assert_int_equal(admin(0x06, 0, 0x1c, 4096), 0x4002);
	assert_int_equal(device->commands_seen, 6);
}

static int telemetry(uint64_t offset, uint32_t length)
{
	struct nvme_passthru_cmd64 command =
		sqe(0x02, ALL, 0x8007 | (length / 4 - 1) << 16, length);

	command.cdw11 = (length / 4 - 1) >> 16;
	command.cdw12 = (uint32_t)offset;
	command.cdw13 = (uint32_t)(offset >> 32);
	return call(command);
}

/* Longer than what the controller moves in one command: the kernel refuses, and offsets help. */
static void test_telemetry(void **state)
{
	const uint32_t most = 128 * 1024;

	assert_int_equal(telemetry(0, most + 4), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(device->commands_seen, 0);

	assert_int_equal(telemetry(0, most), 0);
	assert_int_equal(data[0], 0x07);
	assert_int_equal(number(12, 2), SIM_NVME_TELEMETRY / 512 - 1);
	for (size_t at = 512; at < most; at += 4)
		assert_int_equal(number(at, 4), at);
	assert_int_equal(data[most], 0xee);
	assert_int_equal(telemetry(SIM_NVME_TELEMETRY - 8, 16), 0);
	assert_int_equal(number(4, 4), SIM_NVME_TELEMETRY - 4);
	assert_int_equal(number(8, 8), 0);
	assert_int_equal(telemetry(SIM_NVME_TELEMETRY + 4, 4), 0x4002);
}

static void test_log_pages(void **state)
{
	assert_int_equal(log_page(0x00, ALL, 1, 1024), 0);
	for (size_t lid = 0; lid < 256; lid++)
		assert_int_equal(number(4 * lid, 4),
				 lid <= 3 || (lid >= 5 && lid <= 7) || lid == 0x12 || lid == 0x81);

	memset(data, 0xee, DATA_MAX);
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0);
	assert_int_equal(number(1, 2), 313);
	assert_int_equal(number(112, 8), 12);
	assert_int_equal(data[512], 0xee);
	assert_int_equal(log_page(0x02, 1, 1, 512), 0x4002);
	assert_int_equal(log_page(0x04, ALL, 1, 4096), 0x4109);

	assert_int_equal(log_page(0x01, ALL, 1, 256), 0); /* the two refusals above, newest first */
	assert_int_equal(number(0, 8), 2);
	assert_int_equal(number(12, 2), 0x4109 << 1);
	assert_int_equal(number(64, 8), 1);
	assert_int_equal(number(64 + 24, 4), 1);

	assert_int_equal(log_page(0x03, 0, 1, 512), 0);
	assert_int_equal(data[0], 0x01);
	assert_memory_equal(data + 8, "1.0     ", 8);
	assert_int_equal(log_page(0x05, 0, 1, 4096), 0);
	assert_int_equal(number(4 * 0x80, 4), 0x00020007);
	assert_int_equal(number(4 * 0x0d, 4), 0);
	assert_int_equal(number(4 * 0xc2, 4), 0x00000001);
	assert_int_equal(log_page(0x12, 0, 1, 1024), 0);
	assert_int_equal(number(4 * 0x04, 4), 0x00200001);
	assert_int_equal(number(4 * 0x05, 4), 0x00100001);
	assert_int_equal(number(4 * 0x09, 4), 0);
	assert_int_equal(log_page(0x81, 0, 1, 512), 0);
	assert_int_equal(number(2, 2), 0);
}

static void test_log_length_and_offset(void **state)
{
	struct nvme_passthru_cmd64 command = sqe(0x02, ALL, 0x02 | 1 << 15 | 1u << 16, 8);

	command.cdw12 = 112;
	assert_int_equal(call(command), 0);
	assert_int_equal(number(0, 8), 12);
	assert_int_equal(data[8], 0xee);
	command.cdw12 = 516;
	assert_int_equal(call(command), 0x4002);
	command.cdw12 = 2;
	assert_int_equal(call(command), 0x4002);

	assert_int_equal(log_page(0x02, ALL, 1, 1024), 0); /* longer than the page */
	assert_int_equal(number(112, 8), 12);
	for (size_t i = 512; i < 1024; i++)
		assert_int_equal(data[i], 0);
}

/* Retain Asynchronous Event 0 is a side effect where the page has events. */
static void test_log_rae(void **state)
{
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0);
	assert_int_equal(device->nvme.events_rearmed, 0);
	assert_int_equal(log_page(0x05, ALL, 0, 4096), 0);
	assert_int_equal(device->nvme.events_rearmed, 0);
	assert_int_equal(log_page(0x02, ALL, 0, 512), 0);
	assert_int_equal(device->nvme.events_rearmed, 1);
}

static void test_features(void **state)
{
	assert_int_equal(get_feature(0, 0x04, 0), 0);
	assert_int_equal(result, 343);
	assert_int_equal(set_feature(0, 0x04, 0, 310), 0);
	assert_int_equal(get_feature(0, 0x04, 0), 0);
	assert_int_equal(result, 310);
	assert_int_equal(get_feature(0, 0x04, 1), 0);
	assert_int_equal(result, 343);
	assert_int_equal(get_feature(0, 0x04, 2), 0);
	assert_int_equal(result, 343);
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0); /* 313 K is above the threshold now */
	assert_int_equal(data[0], 0x02);

	assert_int_equal(set_feature(ALL, 0x04, 1, 350), 0);
	assert_int_equal(get_feature(0, 0x04, 2), 0);
	assert_int_equal(result, 350);
	assert_int_equal(set_feature(0, 0x04, 0, 1 << 20 | 280), 0); /* the threshold below */
	assert_int_equal(get_feature(0, 0x04, 0), 0);
	assert_int_equal(result, 350);

	assert_int_equal(get_feature(0, 0x0b, 3), 0);
	assert_int_equal(result, 0x4);
	assert_int_equal(get_feature(0, 0x05, 3), 0);
	assert_int_equal(result, 0x7);
	assert_int_equal(set_feature(0, 0x0b, 1, 0), 0x410d);
	assert_int_equal(set_feature(0, 0x08, 0, 0), 0x410e);
	assert_int_equal(set_feature(1, 0x04, 0, 300), 0x410f);
	assert_int_equal(set_feature(0, 0x02, 0, 3), 0x4002);
	assert_int_equal(set_feature(0, 0x06, 0, 2), 0x4002);
	assert_int_equal(set_feature(0, 0x55, 0, 0), 0x4002);
	assert_int_equal(get_feature(0, 0x55, 0), 0x4002);
	assert_int_equal(get_feature(0, 0x04, 4), 0x4002);
}

static void test_feature_of_namespace(void **state)
{
	assert_int_equal(set_feature(2, 0x05, 0, 9), 0);
	assert_int_equal(get_feature(1, 0x05, 0), 0);
	assert_int_equal(result, 0);
	assert_int_equal(get_feature(2, 0x05, 0), 0);
	assert_int_equal(result, 9);
	assert_int_equal(set_feature(ALL, 0x05, 0, 5), 0);
	assert_int_equal(get_feature(1, 0x05, 0), 0);
	assert_int_equal(result, 5);
	assert_int_equal(get_feature(ALL, 0x05, 0), 0x400b);
	assert_int_equal(set_feature(0, 0x05, 0, 5), 0x400b);
}

static void test_feature_with_data(void **state)
{
	memcpy(data, "\x11\x22\x33\x44\x55\x66\x00\x00", 8);
	assert_int_equal(admin(0x09, 0, 0x0e, 8), 0);
	memset(data, 0xee, 16);
	assert_int_equal(admin(0x0a, 0, 0x0e, 8), 0);
	assert_memory_equal(data, "\x11\x22\x33\x44\x55\x66\x02\x00\xee", 9);
	assert_int_equal(admin(0x0a, 0, 0x0e | 3 << 8, 8), 0);
}

static void test_kernel_refuses(void **state)
{
	static const uint32_t refused[] = {0x07, 0x0c, 0x0d, 0x0f, 0x16};
	struct nvme_passthru_cmd64 command = sqe(0x06, 0, 1, 4096);

	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(set_feature(0, refused[i], 0, 0), -1);
		assert_int_equal(errno, EACCES);
	}
	command.flags = 1;
	assert_int_equal(call(command), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(device->commands_seen, 0);
	assert_int_equal(device->nvme.n_errors, 0);
}

static bool content_is_zero(unsigned nsid)
{
	return bytes_zero(device->nvme.content[nsid - 1], SIM_NVME_CONTENT);
}

static void test_format(void **state)
{
	assert_memory_equal(device->nvme.content[0], "namespace 1, byte 0000: data\n", 29);
	assert_int_equal(admin(0x80, 0, 0, 0), 0x400b);
	assert_int_equal(admin(0x80, 3, 0, 0), 0x400b);
	assert_int_equal(admin(0x80, 1, 2, 0), 0x410a);
	assert_int_equal(admin(0x80, 1, 3 << 9, 0), 0x4002);
	assert_false(content_is_zero(1) || content_is_zero(2));

	assert_int_equal(admin(0x80, 1, 1, 0), 0);
	assert_true(content_is_zero(1));
	assert_false(content_is_zero(2));
	assert_int_equal(admin(0x06, 1, 0x00, 4096), 0);
	assert_int_equal(number(0, 8), 1); /* one block of 4096 bytes */
	assert_int_equal(data[26], 1);

	assert_int_equal(admin(0x80, ALL, 0, 0), 0);
	assert_true(content_is_zero(2));
}

/* The vendor's command that fwctld.commands(5) describes. */
static void test_acme_wear(void **state)
{
	struct nvme_passthru_cmd64 command = sqe(0xc2, 0, 0, 4096);

	command.cdw12 = 1;
	assert_int_equal(call(command), 0);
	assert_memory_equal(data, "\3\4\5\6\3\4", 6);
	assert_int_equal(number(16, 8), 0);
	command.cdw12 = 2;
	assert_int_equal(call(command), 0x4002);
}

static void test_sanitize(void **state)
{
	assert_int_equal(admin(0x84, 0, 0, 0), 0x4002);
	assert_int_equal(admin(0x84, 0, 3, 0), 0x4002); /* overwrite: SANICAP does not have it */
	assert_int_equal(admin(0x84, 0, 1, 0), 0);
	assert_false(content_is_zero(1));
	assert_int_equal(admin(0x84, 0, 2, 0), 0);
	assert_true(content_is_zero(1) && content_is_zero(2));
	assert_int_equal(log_page(0x81, ALL, 1, 512), 0);
	assert_int_equal(number(2, 2), 1);
	assert_int_equal(number(4, 4), 2);
}

static void test_self_test(void **state)
{
	assert_int_equal(admin(0x14, ALL, 0xe, 0), 0x4002);
	assert_int_equal(admin(0x14, 7, 1, 0), 0x400b);
	assert_int_equal(admin(0x14, ALL, 1, 0), 0);
	assert_int_equal(admin(0x14, ALL, 2, 0), 0x11d);
	assert_int_equal(log_page(0x06, ALL, 1, 564), 0);
	assert_int_equal(data[0], 1);
	assert_int_equal(data[1], 50);
	assert_int_equal(data[4], 0x0f);
	assert_int_equal(log_page(0x06, ALL, 1, 564), 0);
	assert_int_equal(log_page(0x06, ALL, 1, 564), 0);
	assert_int_equal(data[0], 0);
	assert_int_equal(data[4], 0x10);
	assert_int_equal(number(4 + 12, 4), ALL);

	assert_int_equal(admin(0x14, 1, 2, 0), 0);
	assert_int_equal(admin(0x14, 1, 0xf, 0), 0);
	assert_int_equal(log_page(0x06, ALL, 1, 564), 0);
	assert_int_equal(data[4], 0x21);
	assert_int_equal(data[4 + 28], 0x10);
}

static int download(uint32_t offset, uint32_t length)
{
	struct nvme_passthru_cmd64 command = sqe(0x11, 0, length / 4 - 1, length);

	command.cdw11 = offset / 4;
	return call(command);
}

static void test_firmware(void **state)
{
	assert_int_equal(admin(0x10, 0, 2 | 0 << 3, 0), 0x4107); /* nothing was downloaded */
	assert_int_equal(admin(0x10, 0, 2 | 2 << 3, 0), 0x4107); /* the slot is empty */
	memcpy(data, "2.5-test", 8);
	assert_int_equal(download(0, 4096), 0);
	assert_int_equal(download(0, 4096), 0); /* starts again */
	assert_int_equal(download(4096, 4096), 0);
	assert_int_equal(download(4096, 4096), 0x4114);
	assert_int_equal(download(16384, 4096), 0x4002);
	assert_int_equal(admin(0x10, 0, 4, 0), 0x4106);
	assert_int_equal(admin(0x10, 0, 2 | 6 << 3, 0), 0x4002);
	assert_int_equal(admin(0x10, 0, 2 | 1 << 3, 0), 0x10b);
	assert_int_equal(log_page(0x03, ALL, 1, 512), 0);
	assert_int_equal(data[0], 0x21);
	assert_memory_equal(data + 16, "2.5-test", 8);
	assert_string_equal(device->firmware, "1.0");
	device->nvme.report.commands[0x02] = 0x00010000;
	device->nvme.next_report.commands[0x14] = 0x00000002;
	device->nvme.next_report.features[0x04] = 0x00000008;
	assert_int_equal(log_page(0x05, ALL, 1, 4096), 0);
	assert_int_equal(number(4 * 0x02, 4), 0x00010001);
	assert_int_equal(number(4 * 0x14, 4), 0x00000001);
	assert_int_equal(admin(0x10, 0, 2 | 3 << 3, 0), 0);
	assert_string_equal(device->firmware, "2.5-test");
	/* Other firmware, other effects. */
	assert_int_equal(log_page(0x05, ALL, 1, 4096), 0);
	assert_int_equal(number(4 * 0x02, 4), 0x00000001);
	assert_int_equal(number(4 * 0x14, 4), 0x00000003);
	assert_int_equal(log_page(0x12, ALL, 1, 1024), 0);
	assert_int_equal(number(4 * 0x04, 4), 0x00200009);
	assert_int_equal(admin(0x06, 0, 0x01, 4096), 0);
	assert_memory_equal(data + 64, "2.5-test", 8);

	memset(data, 0, 4096);
	assert_int_equal(download(0, 4096), 0);
	assert_int_equal(admin(0x10, 0, 3 | 3 << 3, 0), 0x4107); /* no image of this controller's */
	assert_string_equal(device->firmware, "2.5-test");
}

static void test_not_supported(void **state)
{
	assert_int_equal(admin(0x0d, 0, 1, 0), 0x4001);
	assert_int_equal(admin(0x0d, 0, 0, 4096), 0x4001);
	assert_int_equal(admin(0xc1, 0, 0, 0), 0x4001);
}

/* Each of these is DMA to somebody else's memory on hardware. */
static void assert_bug(struct nvme_passthru_cmd64 command, const char *text)
{
	int status;
	pid_t pid;

	device->bug[0] = '\0';
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		call(command);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_non_null(strstr(device->bug, text));
	assert_int_equal(device->commands_seen, 0);
}

static void test_wrong_transfers(void **state)
{
	struct nvme_passthru_cmd64 c;

	assert_bug(sqe(0x06, 0, 1, 512), "moves 4096 bytes, but 512 were mapped");
	assert_bug(sqe(0x06, 0, 1, 0), "moves 4096 bytes, but 0");
	assert_bug(sqe(0x02, ALL, 0x02 | 127u << 16, 508), "moves 512 bytes, but 508");
	c = sqe(0x02, ALL, 0x02 | 127u << 16, 512);
	c.cdw11 = 1;
	assert_bug(c, "moves 262656 bytes, but 512");
	assert_bug(sqe(0x09, 0, 0x0e, 4), "moves 8 bytes, but 4");
	assert_bug(sqe(0x0a, 0, 0x0e | 3 << 8, 0), "moves 8 bytes, but 0");
	assert_bug(sqe(0x80, 1, 0, 4096), "moves 0 bytes");
	assert_bug(sqe(0x11, 0, 0, 8), "moves 4 bytes");
	assert_bug(sqe(0x0d, 0, 0, 0), "moves 4096 bytes");
	c = sqe(0x06, 0, 1, 4096);
	c.addr = 0;
	assert_bug(c, "pages of its own");
	c.addr = (uintptr_t)data + 512;
	assert_bug(c, "pages of its own");
	c = sqe(0x06, 0, 1, 4096);
	c.metadata_len = 4;
	assert_bug(c, "metadata");
	c = sqe(0x06, 0, 1, 4096);
	c.rsvd2 = 1;
	assert_bug(c, "reserved");
}

static void fault(enum sim_fault kind, uint32_t count, uint32_t status)
{
	device->fault_status = status;
	device->fault_count = count;
	device->fault = kind;
}

static void test_faults(void **state)
{
	fault(SIM_FAULT_STATUS, 2, 0x4286);
	assert_int_equal(admin(0x80, 1, 0, 0), 0x4286);
	assert_int_equal(admin(0x80, 1, 0, 0), 0x4286);
	assert_false(content_is_zero(1));
	assert_int_equal(device->fault, SIM_FAULT_NONE);

	fault(SIM_FAULT_GARBAGE, 1, 0);
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(data[i], 0xa5);
	assert_int_equal(data[512], 0xee);
	assert_true(result == 0xa5a5a5a5a5a5a5a5);

	fault(SIM_FAULT_SHORT, 1, 0);
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0);
	assert_int_equal(number(112, 8), 12);
	assert_true(bytes_zero(data + 256, 256));
	assert_int_equal(log_page(0x02, ALL, 1, 512), 0);
	assert_int_equal(device->commands_seen, 5);
}

static void test_serial(void **state)
{
	assert_int_equal(device_create("/nonexistent/0", SIM_NVME, ""), -EINVAL);
	assert_int_equal(device_create("/nonexistent/0", SIM_NVME, "a b"), -EINVAL);
	assert_int_equal(device_create("/nonexistent/0", SIM_NVME, "123456789012345678901"),
			 -EINVAL);
	assert_int_equal(device_create("/nonexistent/0", SIM_NVME, "12345678901234567890"),
			 -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, sim_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_other_ioctl),
		TEST(test_identify),
		TEST(test_telemetry),
		TEST(test_log_pages),
		TEST(test_log_length_and_offset),
		TEST(test_log_rae),
		TEST(test_features),
		TEST(test_feature_of_namespace),
		TEST(test_feature_with_data),
		TEST(test_kernel_refuses),
		TEST(test_format),
		TEST(test_sanitize),
		TEST(test_acme_wear),
		TEST(test_self_test),
		TEST(test_firmware),
		TEST(test_not_supported),
		TEST(test_wrong_transfers),
		TEST(test_faults),
		TEST(test_serial),
	};

	return cmocka_run_group_tests_name("sim-nvme", tests, NULL, NULL);
}
