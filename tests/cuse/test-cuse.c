/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fwctl-exec on a real character device: what classify() and pack() made of a client's bytes goes
 * through its filter and its arena into ioctl(2), to a kernel that follows the addresses in them.
 * The device is hostile, too. Needs root, /dev/cuse and an installed fwctld; tests/vm/test_cuse.py
 * runs it.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/bytes.h"
#include "include/cleanup.h"
#include "tests/cuse/bench.h"

#define PATTERN_MAX 4096u

static uint8_t pattern[PATTERN_MAX];

/* bnxt, include/linux/bnxt/hsi.h of Linux 7.3: type, no completion ring, a sequence number that is
 * the kernel's, this very function. */
#define HWRM(type) (type) & 0xff, (type) >> 8, 0xff, 0xff, 0, 0, 0xff, 0xff

static const uint8_t ver_get[24] = {HWRM(0x0000), [16] = 1, 10, 3};
static const uint8_t port_qstats[40] = {HWRM(0x0023)};
static const uint8_t dbg_ptrace[40] = {HWRM(0xff2d), [32] = 100};
static const uint8_t nvm_get_dir_entries[24] = {HWRM(0xfffa)};
#define WRITTEN 3000u /* bytes, little endian: b8 0b */
static const uint8_t nvm_write[56] = {HWRM(0xfffe), [24] = 99, [32] = 0xb8, 0x0b};

/* mlx5, include/linux/mlx5/mlx5_ifc.h: big endian. */
static const uint8_t query_adapter[16] = {0x01, 0x01};

/* pds: operation, endpoint, the lengths at 12 and 36. */
#define PDS(command, in, out)                                                                      \
	{                                                                                          \
		[0] = (command), [2] = 1, [4] = 1, [12] = (in), [36] = (out)                       \
	}
static const uint8_t read_settings[48] = PDS(3, 0, 50);
static const uint8_t write_settings[48] = PDS(4, 60, 0);
static const uint8_t read_log[48] = PDS(5, 20, 200);

static void a_plain_command(void **state)
{
	static const struct {
		enum sim_dialect dialect;
		const char *name;
		const uint8_t *message;
		size_t length;
	} cases[] = {
		{SIM_BNXT, "bnxt", ver_get, sizeof(ver_get)},
		{SIM_MLX5, "mlx5", query_adapter, sizeof(query_adapter)},
		{SIM_PDS, "pds", read_settings, sizeof(read_settings)},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		bench_start(cases[i].dialect);
		assert_string_equal(bench.identity.dialect, cases[i].name);
		bench_ask(cases[i].message, cases[i].length, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_EXECUTED);
		bench_check();
		assert_false(
			bytes_zero(bench.outcome.response + 8, bench.outcome.response_length - 8));
		assert_int_equal(driver->n_calls, 1);
		assert_int_equal(driver->device->commands_seen, 1);
		assert_int_equal(bench_end_executor(), 0);
		bench_end(state);
	}
}

/* 408 and 528 bytes, whatever the device has. */
static void two_segments_from_the_device(void **state)
{
	bench_start(SIM_BNXT);
	for (unsigned i = 0; i < 3; i++) {
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_EXECUTED);
		bench_check();
		assert_int_equal(bench.outcome.response_length,
				 bench.classified.response_length + 408 + 528);
	}
	assert_int_equal(driver->device->commands_seen, 3);
}

static void a_segment_to_the_device(void **state)
{
	const struct sim_bnxt_item *items;
	unsigned i = 0;

	bench_start(SIM_BNXT);
	ASK(nvm_write, pattern, WRITTEN);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
	assert_int_equal(driver->device->kernel.tainted, 1);

	items = driver->device->bnxt.items;
	while (i < SIM_BNXT_ITEMS && items[i].type != 99)
		i++;
	assert_int_not_equal(i, SIM_BNXT_ITEMS);
	assert_int_equal(items[i].used, WRITTEN);
	assert_memory_equal(items[i].data, pattern, WRITTEN);
	assert_true(bytes_zero(items[i].data + WRITTEN, SIM_BNXT_ITEM_MAX - WRITTEN));
}

static void one_length_for_both_ways(void **state)
{
	bench_start(SIM_BNXT);
	ASK(dbg_ptrace, pattern, 100);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
	assert_int_equal(bench.outcome.response_length, bench.classified.response_length + 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(bench.outcome.response[bench.classified.response_length + i],
				 (uint8_t)~pattern[i]);
}

static void sixty_four_kib(void **state)
{
	bench_start(SIM_BNXT);
	ASK(nvm_get_dir_entries, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
	assert_int_equal(bench.outcome.response_length, bench.classified.response_length + 65536);
}

/* pds sends its request back, with both addresses. */
static void an_echo_of_the_addresses(void **state)
{
	static const uint8_t none[8];
	uint64_t in, out;

	bench_start(SIM_PDS);
	ASK(read_log, pattern, 20);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
	memcpy(&in, bench.raw + 4 + 16, sizeof(in));
	memcpy(&out, bench.raw + 4 + 40, sizeof(out));
	assert_int_equal(driver_copy(driver, in)->length, 20);
	assert_int_equal(driver_copy(driver, out)->length, 200);
	assert_int_equal(bench.outcome.response_length, 48 + 200);
	assert_memory_equal(bench.outcome.response + 16, none, sizeof(none));
	assert_memory_equal(bench.outcome.response + 40, none, sizeof(none));

	/* A device that says no gives them away as little. */
	bench_fault(SIM_FAULT_STATUS, 22);
	ASK(write_settings, pattern, 60);
	assert_int_equal(bench_send(), OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(bench.outcome.status, 22);
	bench_check();
	assert_true(driver_copy(driver, driver->rpc.out) != NULL);
	ASK(write_settings, pattern, 60);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
	assert_memory_equal(driver->device->pds.settings, pattern, 60);
}

/* The driver writes the segments for a failure, too: as zeroes. */
static void an_error_of_the_firmware(void **state)
{
	bench_start(SIM_BNXT);
	bench_fault(SIM_FAULT_STATUS, 3);
	ASK(port_qstats, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(bench.outcome.status, 3);
	bench_check();
}

static void an_errno_of_the_driver(void **state)
{
	static const struct {
		enum trouble trouble;
		int error;
		enum outcome_kind kind;
	} cases[] = {
		{TROUBLE_ERRNO, EPERM, OUTCOME_REFUSED_BY_KERNEL},
		{TROUBLE_ERRNO, EINVAL, OUTCOME_REFUSED_BY_KERNEL},
		{TROUBLE_ERRNO, ENOMEM, OUTCOME_UNKNOWN},
		{TROUBLE_ERRNO, EFAULT, OUTCOME_UNKNOWN},
		{TROUBLE_LATE, EFAULT, OUTCOME_UNKNOWN},
	};

	bench_start(SIM_BNXT);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		driver->trouble = cases[i].trouble;
		driver->value = cases[i].error;
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), cases[i].kind);
		assert_int_equal(bench.outcome.error, cases[i].error);
		assert_int_equal(bench.outcome.response_length, 0);
		assert_true(bytes_zero(bench.raw + 4, bench.reply_length - 4));
	}
	assert_int_equal(driver->device->commands_seen, 1); /* the late one */
}

static void the_lock_lasts_as_long_as_the_call(void **state)
{
	_cleanup_close_ int other = -EBADF;
	siginfo_t ended = {};

	bench_start(SIM_BNXT);
	other = open(BENCH_NODE, O_RDWR | O_CLOEXEC);
	assert_return_code(other, errno);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);

	/* As a driver of fwctl this one can't be interrupted: a killed executor stays in its call.
	 */
	bench_fault(SIM_FAULT_HANG, 0);
	ASK(ver_get, NULL, 0);
	bench_submit();
	while (__atomic_load_n(&driver->device->commands_seen, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	assert_return_code(kill(bench.pid, SIGKILL), errno);
	usleep(100 * 1000);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_return_code(waitid(P_PID, (id_t)bench.pid, &ended, WEXITED | WNOHANG | WNOWAIT),
			   errno);
	assert_int_equal(ended.si_pid, 0);

	bench_fault(SIM_FAULT_NONE, 0);
	bench_wait();
	assert_true(bench.lost);
	assert_true(WIFSIGNALED(bench_end_executor()));
	assert_return_code(flock(other, LOCK_EX | LOCK_NB), errno);
	assert_return_code(flock(other, LOCK_UN), errno);

	bench_start_executor();
	ASK(port_qstats, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();
}

/* Of the node's own numbers one, and no other number at all: a broker that asks for it is not one.
 */
static void no_other_ioctl(void **state)
{
	static const uint32_t others[] = {
		FWCTL_INFO, 0x9a02, 0x9a03, NVME_IOCTL_ADMIN64_CMD, CXL_MEM_SEND_COMMAND, 0,
	};

	bench_start(SIM_BNXT);
	for (size_t i = 0; i < ELEMENTSOF(others); i++) {
		int status;

		ASK(port_qstats, NULL, 0);
		bench.arena.ioctl = others[i];
		bench_submit();
		bench_wait();
		assert_true(bench.lost);
		status = bench_end_executor();
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
		assert_int_equal(driver->n_calls, 0);

		bench_start_executor();
		driver->n_calls = 0; /* the monitor has made one */
	}
	assert_int_equal(driver->device->commands_seen, 0);
}

/* The driver's own length can exceed the room that it has. */
static void a_length_beyond_the_room(void **state)
{
	bench_start(SIM_BNXT);
	driver->trouble = TROUBLE_OUT_LEN;
	for (uint64_t value = 17; value <= UINT32_MAX; value = value * 3 + 1) {
		driver->value = (int64_t)value;
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_EXECUTED);
		bench_check();
		assert_int_equal(bench.outcome.response_length,
				 bench.classified.response_length + 408 + 528);

		/* And where no segments follow. */
		ASK(ver_get, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_EXECUTED);
		bench_check();
		assert_true(bench.outcome.response_length <= bench.classified.response_length);
	}
}

/* A driver that writes too much fills up a page that is the piece's own. */
static void more_than_the_room(void **state)
{
	bench_start(SIM_BNXT);
	driver->trouble = TROUBLE_OVERRUN;
	driver->value = ARENA_PAGE - 528;
	ASK(port_qstats, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	bench_check();

	/* And nothing of it is there for the next command. */
	driver->trouble = TROUBLE_ERRNO;
	driver->value = EIO;
	ASK(nvm_get_dir_entries, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_UNKNOWN);
	assert_int_equal(bench.reply_length, 4 + bench.classified.response_length + 65536);
	assert_true(bytes_zero(bench.raw + 4, bench.reply_length - 4));
}

/* Before and behind the arena nobody may write, nor may a process where the kernel is. */
static void places_that_are_nobodys(void **state)
{
	uint64_t arena;

	bench_start(SIM_BNXT);
	ASK(port_qstats, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_EXECUTED);
	arena = bench_arena();
	driver->trouble = TROUBLE_ADDRESS;
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t places[] = {0, arena - 8, arena + ARENA_MAX,
					   UINT64_C(0xffff888000000000)};

		driver->value = (int64_t)places[i];
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_UNKNOWN);
		assert_int_equal(bench.outcome.error, EFAULT);
		assert_int_equal(bench.outcome.response_length, 0);
		assert_true(bytes_zero(bench.raw + 4, bench.reply_length - 4));
	}
}

static void garbage(void **state)
{
	bench_start(SIM_BNXT);
	bench_fault(SIM_FAULT_GARBAGE, 0);
	ASK(port_qstats, NULL, 0);
	assert_int_equal(bench_send(), OUTCOME_REFUSED_BY_DEVICE);
	assert_int_equal(bench.outcome.status, 0xa5a5);
	bench_check();
}

/* FWCTL_RPC returns 0 and errnos. Of what is neither, nobody knows what it means. */
static void a_value_that_no_driver_returns(void **state)
{
	bench_start(SIM_BNXT);
	driver->trouble = TROUBLE_VALUE;
	for (driver->value = 1; driver->value <= INT32_MAX; driver->value *= 0x1001) {
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_UNKNOWN);
		assert_int_equal(bench.outcome.response_length, 0);
	}
	/* Below the errnos. The broker takes it for nonsense of the executor's. */
	driver->value = -5000;
	ASK(port_qstats, NULL, 0);
	bench_submit();
	bench_wait();
	assert_true(bench.lost);
	assert_int_equal(bench_end_executor(), 0);
}

/* When the driver is gone, so is the device: in the middle of a call, before and after the device
 * had it. */
static void a_driver_that_dies(void **state)
{
	for (unsigned late = 0; late < 2; late++) {
		bench_start(SIM_BNXT);
		if (late)
			driver->trouble = TROUBLE_DIE_LATE;
		else
			bench_fault(SIM_FAULT_DIE, 0);
		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_UNKNOWN);
		assert_int_equal(bench.outcome.error, ECONNABORTED);
		assert_int_equal(bench.outcome.response_length, 0);
		assert_true(bytes_zero(bench.raw + 4, bench.reply_length - 4));
		assert_true(WIFEXITED(bench_end_server()));

		ASK(port_qstats, NULL, 0);
		assert_int_equal(bench_send(), OUTCOME_UNKNOWN);
		assert_int_equal(bench.outcome.error, ENOTCONN);
		assert_int_equal(bench_end_executor(), 0);
		bench_end(state);
	}
}

/* Not one bit, at any of these places. Returns how many were tried. */
static unsigned refused_at(const uint8_t *message, size_t length, size_t data_length,
			   const unsigned *places)
{
	unsigned n = 0;

	bench_ask(message, length, pattern, data_length);
	for (; *places != 0; places++)
		for (unsigned bit = 0; bit < 64; bit++, n++) {
			struct classified classified = {};
			struct refusal refusal;
			uint8_t changed[64];

			memcpy(changed, message, length);
			changed[*places + bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(classify(bench.dialect, changed, length, pattern,
						  data_length, &bench.live, &classified, &refusal),
					 -EBADMSG);
			assert_null(classified.command);
		}
	return n;
}

#define REFUSED_AT(message, data_length, ...)                                                      \
	refused_at(message, sizeof(message), data_length, (const unsigned[]){__VA_ARGS__, 0})

/* An address in a client's message is not even looked at: there is nothing to send then. */
static void a_client_that_names_addresses(void **state)
{
	unsigned n;

	bench_start(SIM_BNXT);
	n = REFUSED_AT(ver_get, 0, 8); /* resp_addr */
	n += REFUSED_AT(port_qstats, 0, 8, 24, 32);
	n += REFUSED_AT(nvm_write, WRITTEN, 8, 16);
	n += REFUSED_AT(dbg_ptrace, 100, 8, 16, 24);
	n += REFUSED_AT(nvm_get_dir_entries, 0, 8, 16);
	assert_int_equal(n, 11 * 64);
	assert_int_equal(driver->n_calls, 0);
	bench_end(state);

	bench_start(SIM_PDS);
	n = REFUSED_AT(read_settings, 0, 16, 40);
	n += REFUSED_AT(write_settings, 60, 16, 40);
	n += REFUSED_AT(read_log, 20, 16, 40);
	assert_int_equal(n, 6 * 64);
	assert_int_equal(driver->n_calls, 0);
}

static int close_all(void **state)
{
	return bench_close();
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_teardown(name, bench_end)
	static const struct CMUnitTest tests[] = {
		TEST(a_plain_command),
		TEST(two_segments_from_the_device),
		TEST(a_segment_to_the_device),
		TEST(one_length_for_both_ways),
		TEST(sixty_four_kib),
		TEST(an_echo_of_the_addresses),
		TEST(an_error_of_the_firmware),
		TEST(an_errno_of_the_driver),
		TEST(the_lock_lasts_as_long_as_the_call),
		TEST(no_other_ioctl),
		TEST(a_length_beyond_the_room),
		TEST(more_than_the_room),
		TEST(places_that_are_nobodys),
		TEST(garbage),
		TEST(a_value_that_no_driver_returns),
		TEST(a_driver_that_dies),
		TEST(a_client_that_names_addresses),
	};

	if (argc != 2) {
		fprintf(stderr,
			"Usage: test-cuse COMMANDS\nCOMMANDS: a folder with the operations "
			"of the pds model, tests/cuse/commands.\n");
		return EXIT_FAILURE;
	}
	if (bench_open(argv[1]) < 0)
		return EXIT_FAILURE;
	/* Bytes that say where they stand, and of which none is zero. */
	for (unsigned i = 0; i < PATTERN_MAX; i++)
		pattern[i] = (uint8_t)(i % 251 + 1);
	return cmocka_run_group_tests_name("cuse", tests, NULL, close_all);
}
