/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/sim/model.h"
#include "include/cleanup.h"

#define SERIAL_MAX 20u /* NVMe: Identify Controller, SN */

static bool serial_valid(const char *serial)
{
	size_t length = strlen(serial);

	for (size_t i = 0; i < length; i++)
		if (serial[i] <= ' ' || serial[i] > '~')
			return false;
	return length >= 1 && length <= SERIAL_MAX;
}

static void device_init(struct sim_device *device, enum sim_dialect dialect, const char *serial)
{
	static void (*const inits[_SIM_DIALECT_MAX])(struct sim_device * device) = {
		[SIM_NVME] = nvme_init, [SIM_CXL] = cxl_init,	[SIM_CXL_MEM] = cxl_mem_init,
		[SIM_MLX5] = mlx5_init, [SIM_BNXT] = bnxt_init, [SIM_PDS] = pds_init,
	};

	memcpy(device->magic, SIM_MAGIC, sizeof(device->magic));
	device->version = SIM_VERSION;
	device->dialect = dialect;
	snprintf(device->serial, sizeof(device->serial), "%s", serial);
	inits[dialect](device);
}

int device_create(const char *path, enum sim_dialect dialect, const char *serial)
{
	_cleanup_close_ int fd = -EBADF;
	struct sim_device *device;
	int r;

	if (!serial_valid(serial))
		return -EINVAL;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*device)) < 0) {
		r = -errno;
		goto fail;
	}
	device = mmap(NULL, sizeof(*device), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (device == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	device_init(device, dialect, serial);
	device_unmap(device);
	return 0;
fail:
	unlink(path);
	return r;
}

int device_map(int fd, struct sim_device **ret)
{
	struct sim_device *device;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != sizeof(*device))
		return -EMEDIUMTYPE;
	device = mmap(NULL, sizeof(*device), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (device == MAP_FAILED)
		return -errno;
	if (memcmp(device->magic, SIM_MAGIC, sizeof(device->magic)) != 0 ||
	    device->version != SIM_VERSION || device->dialect < SIM_NVME ||
	    device->dialect >= _SIM_DIALECT_MAX) {
		device_unmap(device);
		return -EMEDIUMTYPE;
	}
	*ret = device;
	return 0;
}

void device_unmap(struct sim_device *device)
{
	munmap(device, sizeof(*device));
}

/* A test writes the fault from another process, while the model waits for it. */
static enum sim_fault fault_load(const struct sim_device *device)
{
	return (enum sim_fault)__atomic_load_n(&device->fault, __ATOMIC_ACQUIRE);
}

enum sim_fault device_reach(struct sim_device *device)
{
	static const struct timespec moment = {.tv_nsec = 2000000};
	enum sim_fault fault;

	__atomic_add_fetch(&device->commands_seen, 1, __ATOMIC_RELEASE);

	fault = fault_load(device);
	if (fault == SIM_FAULT_NONE || device->fault_count == 0)
		return SIM_FAULT_NONE;
	device->fault_count--;

	if (fault == SIM_FAULT_HANG) {
		while (fault_load(device) == SIM_FAULT_HANG)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
		return SIM_FAULT_NONE;
	}
	if (device->fault_count == 0)
		__atomic_store_n(&device->fault, SIM_FAULT_NONE, __ATOMIC_RELEASE);
	if (fault == SIM_FAULT_DIE)
		_exit(EXIT_FAILURE);
	return fault;
}

_Noreturn void device_bug(struct sim_device *device, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(device->bug, sizeof(device->bug), format, arguments);
	va_end(arguments);
	abort();
}
