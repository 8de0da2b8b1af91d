/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two executors as they are, over a socket pair: the product on /dev/null, its twin on a device
 * file. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "include/sim-device.h"
#include "tests/unit/executor-fixture.h"

static struct sim_device *device;
static int device_fd, null_fd;

static int run_create(const char *dialect, const char *path)
{
	int status;
	pid_t pid;

	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		close(STDERR_FILENO);
		execl(getenv("FWCTL_EXEC_SIM"), "fwctl-exec-sim", "--create", dialect, path,
		      "LAB-NVME-0", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int setup(void **state)
{
	char folder[] = "/tmp/fwctld-test-XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/0", folder);
	assert_int_equal(run_create("floppy", path), 1);
	assert_int_equal(run_create("nvme", path), 0);
	assert_int_equal(run_create("nvme", path), 1); /* it exists */
	device_fd = open(path, O_RDWR | O_CLOEXEC);
	assert_return_code(device_fd, errno);
	device = mmap(NULL, sizeof(*device), PROT_READ | PROT_WRITE, MAP_SHARED, device_fd, 0);
	assert_true(device != MAP_FAILED);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	unlink(path);
	rmdir(folder);
	return 0;
}

static int teardown(void **state)
{
	munmap(device, sizeof(*device));
	close(device_fd);
	close(null_fd);
	return 0;
}

static struct executor start_sim(void)
{
	return executor_start("FWCTL_EXEC_SIM", WIRE_ENVELOPE_NVME, device_fd);
}

static struct executor start_product(void)
{
	return executor_start("FWCTL_EXEC", WIRE_ENVELOPE_NVME, null_fd);
}

static void assert_identify(uint64_t id)
{
	assert_true(received.reply.id == id);
	assert_int_equal(received.reply.value, 0);
	assert_int_equal(received.reply.error, 0);
	assert_int_equal(received.reply.length, 8 + 4096);
	assert_memory_equal(received.bytes + sizeof(received.reply) + 8 + 4, "LAB-NVME-0          ",
			    20);
}

static void test_identify(void **state)
{
	struct executor e = start_sim();

	for (uint64_t id = 1; id <= 3; id++) {
		send_bytes(e.socket, identify_request(id << 33));
		receive_reply(e.socket);
		assert_identify(id << 33);
	}
	assert_int_equal(device->commands_seen, 3);
	assert_exited(&e, 0);
}

/* /dev/null knows no ioctl: the kernel's errno comes back, and the executor goes on. */
static void test_real_ioctl(void **state)
{
	struct executor e = start_product();

	for (uint64_t id = 1; id <= 2; id++) {
		send_bytes(e.socket, identify_request(id));
		receive_reply(e.socket);
		assert_true(received.reply.id == id);
		assert_int_equal(received.reply.value, -1);
		assert_int_equal(received.reply.error, ENOTTY);
		assert_int_equal(received.reply.length, 8 + 4096);
	}
	assert_exited(&e, 0);
}

/* The filter is what holds an executor to its envelope's ioctl. */
static void test_other_ioctl(void **state)
{
	static const uint32_t others[] = {FWCTL_RPC, FWCTL_INFO, 0x4e44, 0xc0484e43, 0x5412};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct executor e = start_product();

		identify_request(1);
		sending.request.arena.ioctl = others[i];
		send_bytes(e.socket, sizeof(sending.request) + sending.request.arena.given);
		receive_end(e.socket);
		assert_signalled(&e, SIGSYS);
	}
}

static void test_malformed(void **state)
{
	size_t length;

	for (unsigned i = 0; i < 7; i++) {
		struct executor e = i % 2 ? start_product() : start_sim();

		length = identify_request(1);
		switch (i) {
		case 0:
			length = 1;
			break;
		case 1:
			length--;
			break;
		case 2:
			length++;
			break;
		case 3:
			sending.request.arena.size = ARENA_MAX + 1;
			break;
		case 4:
			sending.request.arena.relocs[0].where = 8188;
			break;
		case 5:
			sending.request.arena.replies[1].length = 4097;
			break;
		case 6: /* longer than the longest: what fits of it would be valid */
			sending.request.arena = (struct arena){.ioctl = NVME_IOCTL_ADMIN64_CMD,
							       .size = ARENA_MAX,
							       .given = ARENA_GIVEN_MAX};
			length = WIRE_REQUEST_MAX + 1;
			break;
		}
		send_bytes(e.socket, length);
		receive_end(e.socket);
		assert_exited(&e, 1);
	}
	assert_int_equal(device->commands_seen, 0);
}

/* A reply of `total` bytes, piece after piece: each byte is `expected`. */
static void receive_pieces(const struct executor *e, size_t total, uint8_t expected)
{
	for (size_t done = 0; done < total;) {
		size_t rest = total - done, length;

		assert_true(receive(e->socket, 10000, &length));
		assert_int_equal(received.reply.length,
				 rest < WIRE_PIECE_MAX ? rest : WIRE_PIECE_MAX);
		assert_int_equal(length, sizeof(received.reply) + received.reply.length);
		assert_int_equal(received.reply.more, rest - received.reply.length);
		assert_true(received.reply.id == 1 && received.reply.value == -1 &&
			    received.reply.error == ENOTTY);
		for (size_t i = 0; i < received.reply.length; i++)
			assert_int_equal(received.bytes[sizeof(received.reply) + i], expected);
		done += received.reply.length;
	}
}

/* Memory of its own that is resident. */
static unsigned long anonymous_kib(pid_t pid)
{
	unsigned long value = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		(void)sscanf(line, "RssAnon: %lu", &value);
	fclose(file);
	assert_true(value > 0);
	return value;
}

static void test_largest(void **state)
{
	struct executor e = start_product();
	unsigned long before, after;

	send_bytes(e.socket, identify_request(1));
	receive_reply(e.socket);
	before = anonymous_kib(e.pid);

	/* The whole arena comes back, what was sent of it, and the rest as zeroes. */
	memset(sending.bytes, 0x5a, sizeof(sending.bytes));
	sending.request = (struct wire_request){
		.id = 1,
		.arena =
			{
				.ioctl = NVME_IOCTL_ADMIN64_CMD,
				.size = ARENA_MAX,
				.given = ARENA_GIVEN_MAX,
				.n_replies = 1,
				.replies = {{.offset = 0, .length = ARENA_GIVEN_MAX}},
			},
	};
	send_bytes(e.socket, WIRE_REQUEST_MAX);
	receive_pieces(&e, ARENA_GIVEN_MAX, 0x5a);

	/* Nothing of it is there for the next one, and many pieces come in their order. */
	sending.request.arena.given = 0;
	sending.request.arena.replies[0].length = ARENA_MAX;
	send_bytes(e.socket, sizeof(sending.request));
	receive_pieces(&e, ARENA_MAX, 0);

	/* Afterwards it is as small as before. That it serves again proves that it has tidied up.
	 */
	send_bytes(e.socket, identify_request(1));
	receive_reply(e.socket);
	after = anonymous_kib(e.pid);
	if (!EXECUTOR_SANITIZED)
		assert_true(after <= before + 64);
	assert_exited(&e, 0);
}

/* Each range in its place, with one that a piece ends in. */
static void test_pieces_of_ranges(void **state)
{
	struct executor e = start_product();
	uint8_t *given = sending.bytes + sizeof(sending.request);
	size_t length, done = 0;

	sending.request = (struct wire_request){
		.id = 1,
		.arena =
			{
				.ioctl = NVME_IOCTL_ADMIN64_CMD,
				.size = ARENA_GIVEN_MAX,
				.given = ARENA_GIVEN_MAX,
				.n_replies = 3,
				.replies = {{.offset = 100, .length = 50},
					    {.offset = 0, .length = ARENA_GIVEN_MAX},
					    {.offset = 200, .length = 5000}},
			},
	};
	for (size_t i = 0; i < ARENA_GIVEN_MAX; i++)
		given[i] = (uint8_t)(i % 251);
	send_bytes(e.socket, WIRE_REQUEST_MAX);
	for (size_t total = 50 + ARENA_GIVEN_MAX + 5000; done < total;) {
		assert_true(receive(e.socket, 10000, &length));
		for (size_t i = 0; i < received.reply.length; i++, done++) {
			size_t at = done < 50 ? 100 + done
				    : done < 50 + ARENA_GIVEN_MAX
					    ? done - 50
					    : 200 + done - 50 - ARENA_GIVEN_MAX;

			assert_int_equal(received.bytes[sizeof(received.reply) + i], at % 251);
		}
	}
	assert_exited(&e, 0);
}

static void test_setup(void **state)
{
	struct executor e;
	int out = dup(STDERR_FILENO);

	dup2(null_fd, STDERR_FILENO);
	e = executor_start("FWCTL_EXEC", "nvme-io", null_fd);
	assert_exited(&e, 2);
	e = executor_start("FWCTL_EXEC", WIRE_ENVELOPE_NVME,
			   device_fd); /* a file is no device node */
	assert_exited(&e, 2);
	e = executor_start("FWCTL_EXEC_SIM", WIRE_ENVELOPE_NVME, null_fd);
	assert_exited(&e, 2);
	dup2(out, STDERR_FILENO);
	close(out);
}

/* Whatever else an executor was started with, it lets go of it. */
static void test_other_fds(void **state)
{
	struct executor e;
	struct pollfd p = {.events = POLLIN};
	int pipe_fds[2];

	assert_return_code(pipe(pipe_fds), errno);
	e = start_product();
	close(pipe_fds[1]);
	p.fd = pipe_fds[0];
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(p.revents, POLLHUP); /* nobody has the other end */
	close(pipe_fds[0]);
	send_bytes(e.socket, identify_request(1));
	receive_reply(e.socket);
	assert_exited(&e, 0);
}

static void fault(enum sim_fault kind)
{
	device->fault_status = 0x4286;
	device->fault_count = 1;
	__atomic_store_n(&device->fault, kind, __ATOMIC_RELEASE);
}

static void test_hang(void **state)
{
	struct executor e = start_sim();
	size_t length;

	fault(SIM_FAULT_HANG);
	send_bytes(e.socket, identify_request(5));
	assert_false(receive(e.socket, 200, &length));
	assert_int_equal(__atomic_load_n(&device->commands_seen, __ATOMIC_ACQUIRE), 1);
	kill(e.pid, SIGSTOP); /* a sleep that is continued is another system call */
	kill(e.pid, SIGCONT);
	assert_false(receive(e.socket, 50, &length));
	fault(SIM_FAULT_NONE);
	receive_reply(e.socket);
	assert_identify(5);
	assert_exited(&e, 0);
}

static void test_faults(void **state)
{
	struct executor e = start_sim();

	fault(SIM_FAULT_STATUS);
	send_bytes(e.socket, identify_request(1));
	receive_reply(e.socket);
	assert_int_equal(received.reply.value, 0x4286);
	fault(SIM_FAULT_GARBAGE);
	send_bytes(e.socket, identify_request(2));
	receive_reply(e.socket);
	assert_int_equal(received.reply.value, 0);
	assert_int_equal(received.reply.length, 8 + 4096);
	assert_int_equal(received.bytes[sizeof(received.reply) + 8 + 100], 0xa5);
	fault(SIM_FAULT_DIE);
	send_bytes(e.socket, identify_request(3));
	receive_end(e.socket);
	assert_exited(&e, 1);
	assert_int_equal(device->commands_seen, 3);
}

/* The device's state is the device's: a new executor finds it. */
static void test_state_survives(void **state)
{
	static const struct nvme_passthru_cmd64 set = {.opcode = 0x09, .cdw10 = 0x04, .cdw11 = 310};
	static const struct nvme_passthru_cmd64 get = {.opcode = 0x0a, .cdw10 = 0x04};
	struct executor e = start_sim();

	send_bytes(e.socket, nvme_request(1, &set));
	receive_reply(e.socket);
	assert_int_equal(received.reply.value, 0);
	kill(e.pid, SIGKILL);
	assert_signalled(&e, SIGKILL);

	e = start_sim();
	send_bytes(e.socket, nvme_request(2, &get));
	receive_reply(e.socket);
	assert_int_equal(received.reply.value, 0);
	assert_int_equal(received.bytes[sizeof(received.reply)], 310 & 0xff);
	assert_exited(&e, 0);
}

/* A length that is not the command's must never leave fwctld: the model ends the executor and says
 * so. */
static void test_bug(void **state)
{
	static const struct nvme_passthru_cmd64 wrong = {.opcode = 0x06,
							 .cdw10 = 1,
							 .data_len = 512};
	struct executor e = start_sim();

	send_bytes(e.socket, nvme_request(1, &wrong));
	receive_end(e.socket);
	assert_signalled(&e, 0);
	assert_non_null(strstr(device->bug, "moves 4096 bytes, but 512 were mapped"));
	assert_int_equal(device->commands_seen, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_identify),	   TEST(test_real_ioctl), TEST(test_other_ioctl),
		TEST(test_malformed),	   TEST(test_largest),	  TEST(test_setup),
		TEST(test_other_fds),	   TEST(test_hang),	  TEST(test_faults),
		TEST(test_state_survives), TEST(test_bug),	  TEST(test_pieces_of_ranges),
	};

	return cmocka_run_group_tests_name("executor", tests, NULL, NULL);
}
