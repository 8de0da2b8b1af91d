/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the monitor opens and for whom, and what it makes of an executor: monitor-fixture.h. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <sys/capability.h>
#include <cmocka.h>

#include "daemon/monitor/spawn.h"
#include "include/sim-device.h"
#include "tests/unit/monitor-fixture.h"

/* One round trip: the executor is in its sandbox. */
static void assert_serves(int socket)
{
	send_bytes(socket, identify_request(1));
	receive_reply(socket);
}

/* Executors outlive their monitor and become this process's children, which reaps them. */
static bool process_alive(uint32_t pid)
{
	(void)waitpid((pid_t)pid, NULL, WNOHANG);
	return kill((pid_t)pid, 0) == 0;
}

static void wait_gone(uint32_t pid)
{
	for (int i = 0; process_alive(pid); i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

/* The value of a line in /proc/PID/status. */
static const char *status_of(uint32_t pid, const char *name)
{
	static char line[512];
	char path[64];
	size_t length = strlen(name);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			fclose(f);
			line[strcspn(line, "\n")] = '\0';
			return line + length + 1 + strspn(line + length + 1, " \t");
		}
	fail_msg("no %s in %s", name, path);
	return NULL;
}

static void assert_status(uint32_t pid, const char *name, const char *value)
{
	assert_string_equal(status_of(pid, name), value);
}

static void assert_limits(uint32_t pid)
{
	static const char *const names[] = {"Max open files", "Max processes", "Max core file size",
					    "Max file size"};
	char path[64], line[256], soft[32], hard[32];
	unsigned found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/limits", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		for (size_t i = 0; i < ELEMENTSOF(names); i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0) {
				assert_int_equal(sscanf(line + 26, "%31s %31s", soft, hard), 2);
				assert_string_equal(soft, "0");
				assert_string_equal(hard, "0");
				found++;
			}
	fclose(f);
	assert_int_equal(found, ELEMENTSOF(names));
}

static void assert_confined(uint32_t pid, uint64_t capabilities)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	char text[128], path[64];
	struct stat st;
	const struct dirent *entry;
	unsigned fds = 0;
	ssize_t n;
	DIR *d;
	int fd;

	snprintf(text, sizeof(text), "%u\t%u\t%u\t%u", executor_user.pw_uid, executor_user.pw_uid,
		 executor_user.pw_uid, executor_user.pw_uid);
	assert_status(pid, "Uid", text);
	snprintf(text, sizeof(text), "%u\t%u\t%u\t%u", executor_user.pw_gid, executor_user.pw_gid,
		 executor_user.pw_gid, executor_user.pw_gid);
	assert_status(pid, "Gid", text);
	assert_status(pid, "Groups", "");
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)capabilities);
	for (size_t i = 0; i < ELEMENTSOF(sets); i++)
		assert_status(pid, sets[i], text);
	assert_status(pid, "NoNewPrivs", "1");
	assert_status(pid, "Seccomp", "2");
	assert_limits(pid);

	/* Not dumpable: nobody of its uid may trace it, wherefore its files in /proc are root's. */
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_uid, 0);

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.') {
			assert_true(strcmp(entry->d_name, "3") == 0 ||
				    strcmp(entry->d_name, "4") == 0);
			fds++;
		}
	closedir(d);
	assert_int_equal(fds, 2);

	snprintf(path, sizeof(path), "/proc/%u/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	n = read(fd, text, sizeof(text));
	close(fd);
	assert_int_equal(n, 0);
}

static void assert_command_line(uint32_t pid, const char *device, const char *envelope)
{
	char path[64], text[128], expected[128];
	int fd, length;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	length =
		snprintf(expected, sizeof(expected), "fwctl-exec%c%s%c%s", 0, device, 0, envelope) +
		1;
	assert_int_equal(read(fd, text, sizeof(text)), length);
	close(fd);
	assert_memory_equal(text, expected, (size_t)length);
}

static void test_simulated(void **state)
{
	int fd = connect_as(broker), socket;
	struct monitor_answer answer;

	answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.name, "sim0");
	assert_string_equal(answer.identity.dialect, "nvme");
	assert_string_equal(answer.identity.envelope, WIRE_ENVELOPE_NVME);
	assert_string_equal(answer.identity.driver, "simulated");
	assert_string_equal(answer.identity.pci, "");
	assert_string_equal(answer.identity.serial, "LAB-0");
	assert_string_equal(answer.identity.model, "fwctld simulated NVMe");
	assert_string_equal(answer.identity.nqn, "nqn.2025-01.org.fwctld:simulated:LAB-0");
	assert_int_equal(answer.identity.simulated, 1);
	assert_serves(socket);
	assert_int_equal(received.reply.value, 0);
	assert_confined(answer.identity.executor_pid, 0);
	assert_command_line(answer.identity.executor_pid, "sim0", WIRE_ENVELOPE_NVME);
	close(socket);
	wait_gone(answer.identity.executor_pid);

	answer = ask(fd, MONITOR_SIMULATED, 1, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.dialect, "cxl");
	assert_string_equal(answer.identity.envelope, WIRE_ENVELOPE_FWCTL);
	assert_int_equal(answer.identity.payload_max, 0);
	close(socket);

	answer = ask(fd, MONITOR_SIMULATED, 2, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.dialect, "cxl");
	assert_string_equal(answer.identity.envelope, WIRE_ENVELOPE_CXL);
	assert_string_equal(answer.identity.memdev, "");
	assert_int_equal(answer.identity.payload_max, SIM_CXL_MAILBOX);
	close(socket);

	assert_error(fd, MONITOR_SIMULATED, 3, ENODEV);
	assert_error(fd, MONITOR_CXL, MONITOR_NUMBER_MAX, ENODEV);
	assert_error(fd, MONITOR_NVME, MONITOR_NUMBER_MAX, ENODEV);
	close(fd);
	monitor_stop();
}

static void test_one_executor(void **state)
{
	int fd = connect_as(broker), other = connect_as(broker), socket, unused;
	struct monitor_answer answer;

	answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
	assert_int_equal(answer.error, 0);
	assert_error(fd, MONITOR_SIMULATED, 0, EBUSY);
	assert_error(other, MONITOR_SIMULATED, 0, EBUSY);
	assert_int_equal(ask(other, MONITOR_SIMULATED, 1, &unused).error, 0);
	assert_serves(socket);

	/* Neither the broker's end nor a new monitor frees a device that its executor still holds.
	 */
	assert_return_code(kill((pid_t)answer.identity.executor_pid, SIGSTOP), errno);
	close(socket);
	usleep(50000);
	assert_error(fd, MONITOR_SIMULATED, 0, EBUSY);
	monitor_stop();
	close(fd);
	monitor_start(true);
	fd = connect_as(broker);
	assert_error(fd, MONITOR_SIMULATED, 0, EBUSY);

	assert_return_code(kill((pid_t)answer.identity.executor_pid, SIGCONT), errno);
	wait_gone(answer.identity.executor_pid);
	answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
	assert_int_equal(answer.error, 0);
	assert_serves(socket);
	close(socket);
	close(unused);
	close(other);
	close(fd);
	monitor_stop();
}

static void test_wrong_uid(void **state)
{
	static const uid_t others[] = {0, 65534};
	struct monitor_answer answer;
	int fd, socket;

	for (size_t i = 0; i <= ELEMENTSOF(others); i++) {
		fd = connect_as(i < ELEMENTSOF(others) ? others[i] : executor_user.pw_uid);
		send_request(fd, MONITOR_SIMULATED, 0);
		assert_false(receive_answer(fd, &answer, &socket));
		close(fd);
	}
	fd = connect_as(broker);
	assert_int_equal(ask(fd, MONITOR_SIMULATED, 0, &socket).error, 0);
	close(socket);
	close(fd);
	monitor_stop();
}

static void send_descriptor(int fd)
{
	struct monitor_request request = {.subsystem = MONITOR_SIMULATED};
	struct iovec iov = {.iov_base = &request, .iov_len = sizeof(request)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	assert_int_equal(sendmsg(fd, &message, 0), sizeof(request));
}

/* Nothing but a request ever comes from the broker. Whatever else comes, comes from somebody else.
 */
static void test_wrong_messages(void **state)
{
	static const struct monitor_request wrong[] = {
		{.subsystem = 0, .number = 0},
		{.subsystem = _MONITOR_SUBSYSTEM_MAX, .number = 0},
		{.subsystem = UINT32_MAX, .number = 0},
		{.subsystem = MONITOR_NVME, .number = MONITOR_NUMBER_MAX + 1},
		{.subsystem = MONITOR_SIMULATED, .number = UINT32_MAX},
	};
	static const size_t lengths[] = {1, sizeof(struct monitor_request) - 1,
					 sizeof(struct monitor_request) + 1, 65536};
	static const char bytes[65536] = {MONITOR_SIMULATED};
	struct monitor_answer answer;
	int fd, socket;

	for (size_t i = 0; i < ELEMENTSOF(wrong) + ELEMENTSOF(lengths) + 1; i++) {
		if (i > 0)
			monitor_start(true);
		fd = connect_as(broker);
		if (i < ELEMENTSOF(wrong))
			send_request(fd, wrong[i].subsystem, wrong[i].number);
		else if (i < ELEMENTSOF(wrong) + ELEMENTSOF(lengths))
			assert_true(send(fd, bytes, lengths[i - ELEMENTSOF(wrong)], 0) > 0);
		else
			send_descriptor(fd);
		assert_false(receive_answer(fd, &answer, &socket));
		close(fd);
		assert_monitor_died("no request for a device");
	}
	monitor = -1;
}

static void test_many_connections(void **state)
{
	struct monitor_answer answer;
	int fds[8], fd, socket;

	for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
		fds[i] = connect_as(broker);
		assert_error(fds[i], MONITOR_SIMULATED, 9, ENODEV);
	}
	fd = connect_as(broker);
	assert_false(receive_answer(fd, &answer, &socket)); /* one too many */
	close(fd);
	assert_error(fds[7], MONITOR_SIMULATED, 9, ENODEV);
	close(fds[0]);
	usleep(50000);
	fd = connect_as(broker);
	assert_error(fd, MONITOR_SIMULATED, 9, ENODEV);
	close(fd);
	for (size_t i = 1; i < ELEMENTSOF(fds); i++)
		close(fds[i]);
	monitor_stop();
}

/* A broker that dies between request and answer leaves no executor behind. */
static void test_broker_dies(void **state)
{
	struct monitor_answer answer = {.error = EBUSY};
	int fd, socket;

	for (unsigned i = 0; i < 20; i++) {
		fd = connect_as(broker);
		send_request(fd, MONITOR_SIMULATED, 0);
		close(fd);
	}
	fd = connect_as(broker);
	for (unsigned i = 0; i < 500 && answer.error == EBUSY; i++) {
		answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
		if (answer.error == EBUSY)
			usleep(10000);
	}
	assert_int_equal(answer.error, 0);
	assert_serves(socket);
	close(socket);
	close(fd);
	monitor_stop();
}

/* An executor that dies, or never starts, is a line in the log and an end of file for the broker.
 */
static void test_executor_dies(void **state)
{
	int fd = connect_as(broker), socket;
	struct monitor_answer answer;
	char text[1024] = "";
	ssize_t n;

	answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
	assert_return_code(kill((pid_t)answer.identity.executor_pid, SIGABRT), errno);
	receive_end(socket);
	close(socket);
	wait_gone(answer.identity.executor_pid); /* not a zombie: it was reaped */

	assert_return_code(rename(FWCTLD_LIBEXEC_DIR "/fwctl-exec-sim", FWCTLD_LIBEXEC_DIR "/away"),
			   errno);
	answer = ask(fd, MONITOR_SIMULATED, 0, &socket);
	assert_int_equal(answer.error, 0);
	receive_end(socket);
	close(socket);
	wait_gone(answer.identity.executor_pid);
	assert_return_code(rename(FWCTLD_LIBEXEC_DIR "/away", FWCTLD_LIBEXEC_DIR "/fwctl-exec-sim"),
			   errno);

	assert_int_equal(ask(fd, MONITOR_SIMULATED, 0, &socket).error, 0);
	assert_serves(socket);
	close(socket);
	close(fd);
	monitor_stop();
	n = read(errors, text, sizeof(text) - 1);
	assert_true(n > 0);
	assert_non_null(strstr(text, "was killed by signal 6"));
	assert_non_null(strstr(text, "No such file or directory"));
}

static void test_simulated_capabilities(void **state)
{
	int fd = connect_as(broker), socket;
	struct monitor_answer answer;

	make_device(3, "bnxt");
	answer = ask(fd, MONITOR_SIMULATED, 3, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.dialect, "bnxt");
	assert_string_equal(answer.identity.envelope, WIRE_ENVELOPE_FWCTL);
	assert_int_equal(answer.identity.kernel_capabilities, 0xf);
	close(socket);
	wait_gone(answer.identity.executor_pid);
	make_device(4, "mlx5");
	answer = ask(fd, MONITOR_SIMULATED, 4, &socket);
	assert_string_equal(answer.identity.dialect, "mlx5");
	assert_int_equal(answer.identity.kernel_capabilities, 0);
	close(socket);
	wait_gone(answer.identity.executor_pid);
	make_device(5, "pds");
	answer = ask(fd, MONITOR_SIMULATED, 5, &socket);
	assert_string_equal(answer.identity.dialect, "pds");
	assert_int_equal(answer.identity.kernel_capabilities, 0);
	close(socket);
	wait_gone(answer.identity.executor_pid);
	close(fd);
}

static void test_simulated_tricks(void **state)
{
	char command[512];
	int fd = connect_as(broker);

	snprintf(command, sizeof(command),
		 "cd %s/sim && ln -s 0 10 && mkfifo 11 && mkdir 12 && echo no device >13 && : >14 "
		 "&& "
		 "ln -s /dev/null 15 && mknod 16 c 1 3",
		 folder);
	assert_int_equal(system(command), 0);
	for (uint32_t number = 10; number <= 16; number++)
		assert_error(fd, MONITOR_SIMULATED, number,
			     number == 13 || number == 14 ? EOPNOTSUPP : ENODEV);
	close(fd);
	monitor_stop();
}

static void test_no_folder(void **state)
{
	int fd = connect_as(broker);

	assert_error(fd, MONITOR_SIMULATED, 0, ENODEV);
	close(fd);
	monitor_stop();
}

/* A kernel's nodes, made of /dev/null and friends and a sysfs of our own. Left in place: the last
 * test. */
static void nodes_setup(void)
{
	static const char script[] =
		"set -e; mount -t tmpfs -o mode=755 test /sys; cd /sys\n"
		"nvme=devices/pci0000:00/0000:00:04.0/nvme/nvme0\n"
		"mkdir -p $nvme class/nvme class/fwctl class/mem bus/pci/drivers/nvme dev/char "
		"devices/mem/zero devices/mem/nvme9 devices/x/fwctl/fwctl0\n"
		"ln -s ../../../../../class/nvme $nvme/subsystem\n"
		"ln -s ../../../0000:00:04.0 $nvme/device\n"
		"ln -s ../../../bus/pci devices/pci0000:00/0000:00:04.0/subsystem\n"
		"ln -s ../../../bus/pci/drivers/nvme devices/pci0000:00/0000:00:04.0/driver\n"
		"printf '  LAB\\tSERIAL\\377 7   \\n' >$nvme/serial\n"
		"printf 'QEMU NVMe Ctrl                          \\n' >$nvme/model\n"
		"printf '7.2.22  \\n' >$nvme/firmware_rev\n"
		"printf 'nqn.2019-08.org.qemu:LAB\\n' >$nvme/subsysnqn\n"
		"ln -s ../../$nvme dev/char/1:3\n"
		"for n in 1 2; do mkdir devices/nvme$n; ln -s ../../class/nvme "
		"devices/nvme$n/subsystem; done\n"
		"ln -s ../../devices/nvme1 dev/char/1:9; ln -s ../../devices/nvme2 dev/char/0:0\n"
		"ln -s ../../../class/mem devices/mem/zero/subsystem; ln -s ../../devices/mem/zero "
		"dev/char/1:5\n"
		"ln -s ../../../class/mem devices/mem/nvme9/subsystem; ln -s "
		"../../devices/mem/nvme9 dev/char/1:8\n"
		"ln -s ../../../../class/fwctl devices/x/fwctl/fwctl0/subsystem\n"
		"ln -s ../../devices/x/fwctl/fwctl0 dev/char/1:7\n"
		"mount -t tmpfs -o mode=755 test /dev; cd /dev; mkdir fwctl nvme7\n"
		"mknod nvme0 c 1 3; mknod null c 1 3\n"
		"mknod hidden c 1 9; ln -s hidden nvme1; echo >nvme2; mknod nvme3 c 1 5; mknod "
		"nvme4 c 1 3; mkfifo nvme5\n"
		"mknod nvme6 b 1 3; mknod nvme8 c 1 99; mknod nvme9 c 1 8\n"
		"mknod fwctl/fwctl0 c 1 7; mknod fwctl/fwctl1 c 1 3\n";

	assert_int_equal(system(script), 0);
}

static const char memdev_script[] =
	"set -e; cd /sys; mem=devices/pci0000:0c/0000:0d:00.0/mem3\n"
	"mkdir -p $mem bus/cxl/drivers/cxl_mem; ln -s ../../../../bus/cxl $mem/subsystem\n"
	"ln -s ../../../../bus/cxl/drivers/cxl_mem $mem/driver\n"
	"ln -s ../../../bus/pci devices/pci0000:0c/0000:0d:00.0/subsystem\n"
	"echo 0x1122334455667788 >$mem/serial; echo BWFW VERSION 00 >$mem/firmware_version\n"
	"echo 4096 >$mem/payload_max; ln -sfn ../../$mem dev/char/1:9\n"
	"mkdir /dev/cxl; mknod /dev/cxl/mem3 c 1 9; mknod /dev/cxl/mem4 c 1 9\n";

static void test_nodes(void **state)
{
	int fd = connect_as(broker), socket;
	struct monitor_answer answer;

	nodes_setup();
	answer = ask(fd, MONITOR_NVME, 0, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.name, "nvme0");
	assert_string_equal(answer.identity.dialect, "nvme");
	assert_string_equal(answer.identity.driver, "nvme");
	assert_string_equal(answer.identity.pci, "0000:00:04.0");
	assert_string_equal(answer.identity.serial, "LAB?SERIAL? 7");
	assert_string_equal(answer.identity.model, "QEMU NVMe Ctrl");
	assert_string_equal(answer.identity.firmware, "7.2.22");
	assert_string_equal(answer.identity.nqn, "nqn.2019-08.org.qemu:LAB");
	assert_int_equal(answer.identity.simulated, 0);
	assert_int_equal(answer.identity.devnum_major, 1);
	assert_int_equal(answer.identity.devnum_minor, 3);

	assert_serves(socket);
	assert_int_equal(received.reply.error, ENOTTY); /* what /dev/null says to an ioctl */
	assert_confined(answer.identity.executor_pid, 1u << CAP_SYS_ADMIN);
	assert_command_line(answer.identity.executor_pid, "nvme0", WIRE_ENVELOPE_NVME);
	assert_error(fd, MONITOR_NVME, 0, EBUSY);
	close(socket);
	wait_gone(answer.identity.executor_pid);

	/*
	 * A link, a file (its device number is 0:0), another subsystem's device, another device's
	 * number, a pipe that nobody reads, a block device, a folder, a number without a device, a
	 * name that fits in the wrong subsystem.
	 */
	for (uint32_t number = 1; number <= 10; number++)
		assert_error(fd, MONITOR_NVME, number, ENODEV);
	assert_error(fd, MONITOR_FWCTL, 0, EOPNOTSUPP); /* it knows no FWCTL_INFO */
	assert_error(fd, MONITOR_FWCTL, 1, ENODEV);

	/* The subsystem of a memory device is a bus; what says how much its mailbox takes is no
	 * number. */
	assert_int_equal(system(memdev_script), 0);
	answer = ask(fd, MONITOR_CXL, 3, &socket);
	assert_int_equal(answer.error, 0);
	assert_string_equal(answer.identity.name, "mem3");
	assert_string_equal(answer.identity.memdev, "mem3");
	assert_string_equal(answer.identity.dialect, "cxl");
	assert_string_equal(answer.identity.driver, "cxl_mem");
	assert_string_equal(answer.identity.pci, "0000:0d:00.0");
	assert_string_equal(answer.identity.serial, "0x1122334455667788");
	assert_string_equal(answer.identity.firmware, "BWFW VERSION 00");
	assert_int_equal(answer.identity.payload_max, 4096);
	identify_request(1);
	sending.request.arena.ioctl = CXL_MEM_SEND_COMMAND;
	send_bytes(socket, sizeof(sending.request) + sending.request.arena.given);
	receive_reply(socket);
	assert_int_equal(received.reply.value, -1); /* what /dev/urandom says to it */
	assert_confined(answer.identity.executor_pid, 0);
	assert_command_line(answer.identity.executor_pid, "mem3", WIRE_ENVELOPE_CXL);
	close(socket);
	assert_int_equal(system("echo much >/sys/devices/pci0000:0c/0000:0d:00.0/mem3/payload_max"),
			 0);
	wait_gone(answer.identity.executor_pid);
	answer = ask(fd, MONITOR_CXL, 3, &socket);
	assert_int_equal(answer.error, 0);
	assert_int_equal(answer.identity.payload_max, 0);
	close(socket);
	assert_error(fd, MONITOR_CXL, 4, ENODEV); /* another number's node */
	close(fd);
	monitor_stop();
}

static void test_capability(void **state)
{
	struct monitor_identity nvme = {.envelope = WIRE_ENVELOPE_NVME};
	struct monitor_identity rpc = {.envelope = WIRE_ENVELOPE_FWCTL};
	struct monitor_identity mailbox = {.envelope = WIRE_ENVELOPE_CXL};

	assert_int_equal(executor_capability(&nvme, false), CAP_SYS_ADMIN);
	assert_int_equal(executor_capability(&nvme, true), CAP_SYS_ADMIN);
	assert_int_equal(executor_capability(&rpc, false), -1);
	assert_int_equal(executor_capability(&rpc, true), CAP_SYS_RAWIO);
	assert_int_equal(executor_capability(&mailbox, false), -1);
	assert_int_equal(executor_capability(&mailbox, true), -1);
	nvme.simulated = rpc.simulated = 1;
	assert_int_equal(executor_capability(&nvme, true), -1);
	assert_int_equal(executor_capability(&rpc, true), -1);
}

int main(void)
{
#define SIMULATED(name) cmocka_unit_test_setup_teardown(name, setup_simulated, teardown_monitor)
#define REAL(name)	cmocka_unit_test_setup_teardown(name, setup_real, teardown_monitor)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capability),
		SIMULATED(test_simulated),
		SIMULATED(test_simulated_capabilities),
		SIMULATED(test_one_executor),
		SIMULATED(test_wrong_uid),
		SIMULATED(test_wrong_messages),
		SIMULATED(test_many_connections),
		SIMULATED(test_broker_dies),
		SIMULATED(test_executor_dies),
		SIMULATED(test_simulated_tricks),
		REAL(test_no_folder),
		REAL(test_nodes),
	};

	/* cmocka's own "skipped" is a failure to TAP readers. */
	if (geteuid() != 0) {
		puts("1..0 # SKIP the monitor needs root");
		return 0;
	}
	if (strncmp(FWCTLD_LIBEXEC_DIR, "/usr/libexec/", 13) != 0 ||
	    access("/usr/libexec", F_OK) < 0) {
		puts("1..0 # SKIP the executors are installed elsewhere than in /usr/libexec");
		return 0;
	}
	return cmocka_run_group_tests_name("monitor", tests, setup, teardown);
}
