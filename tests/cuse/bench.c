/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/cuse/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/monitor/identity.h"
#include "daemon/monitor/open.h"
#include "daemon/monitor/spawn.h"
#include "include/bytes.h"
#include "include/cleanup.h"

struct catalogue *catalogue;
struct driver *driver;
struct bench bench;

static struct executor_user user;

int bench_open(const char *administrator)
{
	_cleanup_(problems_done) struct problems problems = {};
	const char *const folders[] = {FWCTLD_COMMANDS_DIR, administrator, NULL};
	const struct passwd *account = getpwnam("fwctl-exec");

	if (!account) {
		fprintf(stderr, "There is no user fwctl-exec: fwctld is not installed here.\n");
		return -1;
	}
	user = (struct executor_user){account->pw_uid, account->pw_gid};
	driver = mmap(NULL, sizeof(*driver), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (driver == MAP_FAILED)
		return -1;
	if (catalogue_load(folders, false, &problems, &catalogue) >= 0)
		return 0;
	for (size_t i = 0; i < problems.n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems.items[i]);

		fprintf(stderr, "%s\n", text);
	}
	return -1;
}

int bench_close(void)
{
	catalogue = catalogue_free(catalogue);
	return munmap(driver, sizeof(*driver));
}

static void on_replied(void *userdata, uint64_t id, int value, int error, uint8_t *reply,
		       size_t length)
{
	bench.replied = true;
	bench.value = value;
	bench.error = error;
	bench.reply = reply;
	bench.reply_length = length;
	memcpy(bench.raw, reply, length);
}

static void on_lost(void *userdata, const char *why)
{
	bench.lost = true;
	bench.executor = executor_free(bench.executor);
}

/* What the monitor does when the broker asks for a device, but that this one is not in its table.
 */
void bench_start_executor(void)
{
	static const struct executor_handlers handlers = {.replied = on_replied, .lost = on_lost};
	static const struct monitor_request request = {.subsystem = MONITOR_FWCTL};
	_cleanup_(node_done) struct node node = NODE_EMPTY;
	int socket;

	snprintf(node.name, sizeof(node.name), "%s", BENCH_NAME);
	snprintf(node.sysfs, sizeof(node.sysfs), "/sys/class/cuse/%s", BENCH_NAME);
	node.fd = open(BENCH_NODE, O_RDWR | O_CLOEXEC | O_NOCTTY);
	assert_return_code(node.fd, errno);
	assert_return_code(flock(node.fd, LOCK_EX | LOCK_NB), errno);
	assert_int_equal(identity_read(&request, &node, &bench.identity), 0);
	assert_int_equal(executor_spawn(&bench.identity, node.fd, &user,
					executor_capability(&bench.identity, false), &socket,
					&bench.pid),
			 0);
	assert_int_equal(executor_new(bench.event, socket, &handlers, NULL, &bench.executor), 0);
	bench.lost = false;
	live_clear(&bench.live);
	bench.live.kernel_capabilities = bench.identity.kernel_capabilities;
}

static void create_device(enum sim_dialect dialect)
{
	char folder[] = "/tmp/fwctld-test-XXXXXX", path[64];
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/0", folder);
	assert_int_equal(device_create(path, dialect, "LAB-0"), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(device_map(fd, &driver->device), 0);
	close(fd);
	unlink(path);
	rmdir(folder);
}

void bench_start(enum sim_dialect dialect)
{
	const struct cuse_driver functions = {driver_ioctl, driver};

	create_device(dialect);
	assert_int_equal(cuse_start(BENCH_NAME, &functions, &bench.server), 0);
	assert_int_equal(sd_event_new(&bench.event), 0);
	bench_start_executor();
	bench.dialect = catalogue_dialect(catalogue, bench.identity.dialect);
	assert_non_null(bench.dialect);
	driver->n_calls = 0; /* the monitor has made one */
}

int bench_end_executor(void)
{
	int status;

	bench.executor = executor_free(bench.executor);
	assert_int_equal(waitpid(bench.pid, &status, 0), bench.pid);
	bench.pid = 0;
	return status;
}

int bench_end_server(void)
{
	int status;

	assert_int_equal(waitpid(bench.server, &status, 0), bench.server);
	bench.server = 0;
	return status;
}

int bench_end(void **state)
{
	/* First the server: whatever an executor waits for ends with it. */
	if (bench.server > 0) {
		kill(bench.server, SIGKILL);
		bench_end_server();
	}
	if (bench.pid > 0)
		bench_end_executor();
	bench.event = sd_event_unref(bench.event);
	device_unmap(driver->device);
	memset(driver, 0, sizeof(*driver));
	memset(&bench, 0, sizeof(bench));
	return 0;
}

void bench_ask(const uint8_t *message, size_t length, const uint8_t *data, size_t data_length)
{
	struct refusal refusal;

	bench.message = message;
	bench.message_length = length;
	bench.data = data;
	bench.data_length = data_length;
	if (classify(bench.dialect, message, length, data, data_length, &bench.live,
		     &bench.classified, &refusal) < 0)
		fail_msg("%s", refusal.text);
	assert_int_equal(pack(&bench.classified, bench.bytes, &bench.arena), 0);
}

void bench_submit(void)
{
	bench.replied = false;
	assert_int_equal(executor_submit(bench.executor, 7, &bench.arena, bench.bytes, NULL), 0);
}

void bench_wait(void)
{
	while (!bench.replied && !bench.lost) {
		int r = sd_event_run(bench.event, UINT64_C(60) * 1000 * 1000);

		assert_true(r >= 0);
		if (r == 0)
			fail_msg("The executor says nothing. The device: %s", driver->device->bug);
	}
}

enum outcome_kind bench_answer(void)
{
	bench_wait();
	assert_false(bench.lost);
	assert_string_equal(driver->device->bug, "");
	assert_int_equal(unpack(&bench.classified, &bench.arena, bench.value, bench.error,
				bench.reply, bench.reply_length, &bench.outcome),
			 0);
	return bench.outcome.kind;
}

enum outcome_kind bench_send(void)
{
	bench_submit();
	return bench_answer();
}

void bench_fault(enum sim_fault kind, uint32_t status)
{
	driver->device->fault_status = status;
	driver->device->fault_count = 1;
	__atomic_store_n(&driver->device->fault, kind, __ATOMIC_RELEASE);
}

/* Of all that the executor may write, the arena is the one piece of this size. */
uint64_t bench_arena(void)
{
	_cleanup_fclose_ FILE *file = NULL;
	unsigned long start, end;
	uint64_t found = 0;
	char path[64], line[512], mode[5];

	snprintf(path, sizeof(path), "/proc/%d/maps", bench.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3 &&
		    end - start == ARENA_MAX && strcmp(mode, "rw-p") == 0) {
			assert_true(found == 0);
			found = start;
		}
	assert_true(found != 0);
	return found;
}

/* Its pages are the arena's, and no other's. */
static void check_place(const struct copy *copy, uint64_t arena, bool *used)
{
	uint64_t offset = copy->address - arena;

	assert_true(copy->length > 0);
	assert_true(copy->address >= arena);
	assert_true(bytes_within(bench.arena.size, offset, copy->length));
	for (uint64_t page = offset / ARENA_PAGE; page <= (offset + copy->length - 1) / ARENA_PAGE;
	     page++) {
		assert_false(used[page]);
		used[page] = true;
	}
}

/* The struct, and the message, which share the first page. */
static const struct copy *check_message(uint64_t arena)
{
	const struct copy *in = driver_copy(driver, driver->rpc.in);

	assert_int_equal(driver->pid, bench.pid);
	assert_int_equal(driver->uid, user.uid);
	assert_true(driver->argument == arena);
	assert_int_equal(driver->rpc.size, sizeof(driver->rpc));
	assert_int_equal(driver->rpc.scope, bench.classified.scope);
	assert_int_equal(driver->rpc.out_len, bench.classified.response_length);
	assert_int_equal(driver->rpc.in_len, bench.message_length);
	assert_true(driver->rpc.in == arena + ARENA_MESSAGE);
	assert_non_null(in);
	assert_false(in->to_caller);
	assert_int_equal(in->length, bench.message_length);
	return in;
}

/* The address that the kernel found in the message for this segment. */
static uint64_t segment_address(const struct copy *in, unsigned segment)
{
	uint64_t address = 0;

	assert_true(bytes_get(driver->bytes + in->at, in->length,
			      bench.classified.command->segments[segment].pointer, 8, BYTES_HOST,
			      &address));
	return address;
}

static void check_no_address(uint64_t arena)
{
	for (size_t i = 0; i + 8 <= bench.outcome.response_length; i++) {
		uint64_t value;

		memcpy(&value, bench.outcome.response + i, sizeof(value));
		assert_false(value >= arena && value < arena + ARENA_MAX);
	}
}

void bench_check(void)
{
	static uint8_t expected[WIRE_PIECE_MAX], message[MESSAGE_HEAD_MAX];
	const struct command *command = bench.classified.command;
	uint64_t arena = bench_arena();
	bool used[ARENA_MAX / ARENA_PAGE] = {};
	const struct copy *in = check_message(arena);
	const struct copy *out = driver_copy(driver, driver->rpc.out);
	size_t length = bench.classified.response_length;
	unsigned n = 2;

	for (unsigned i = 0; i < driver->n_copies; i++)
		check_place(&driver->copies[i], arena, used);
	assert_non_null(out);
	assert_true(out->to_caller);
	assert_true(out->address % ARENA_PAGE == 0);

	memcpy(message, bench.message, bench.message_length);
	memset(expected, 0, sizeof(expected));
	memcpy(expected, driver->bytes + out->at, out->length);
	for (unsigned i = 0; i < command->n_segments; i++) {
		uint64_t address = segment_address(in, i);
		const struct copy *copy = driver_copy(driver, address);

		bytes_put(message, sizeof(message), command->segments[i].pointer, 8, BYTES_HOST,
			  address);
		if (bench.classified.segment_lengths[i] == 0) {
			assert_true(address == 0);
			continue;
		}
		n++;
		assert_non_null(copy);
		assert_true(address % ARENA_PAGE == 0);
		assert_int_equal(copy->length, bench.classified.segment_lengths[i]);
		assert_int_equal(copy->to_caller, !command->segments[i].to_device);
		if (copy->to_caller) {
			memcpy(expected + length, driver->bytes + copy->at, copy->length);
			length += copy->length;
		} else {
			assert_memory_equal(driver->bytes + copy->at,
					    bench.classified.segment_data[i], copy->length);
		}
	}
	assert_int_equal(driver->n_copies, n);
	assert_memory_equal(driver->bytes + in->at, message, bench.message_length);

	/* Before it stands out_len. */
	assert_int_equal(bench.reply_length, 4 + length);
	assert_memory_equal(bench.raw + 4, expected, length);
	check_no_address(arena);
}
