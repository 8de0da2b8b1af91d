/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/cuse/driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OVERRUN_BYTE 0x5a

struct user {
	struct driver *driver;
	struct cuse_call *call;
};

static void record(struct driver *driver, uint64_t address, const void *bytes, size_t length,
		   bool to_caller)
{
	if (driver->n_copies == COPIES_MAX || length > sizeof(driver->bytes) - driver->n_bytes)
		abort();
	driver->copies[driver->n_copies++] = (struct copy){
		.address = address,
		.length = (uint32_t)length,
		.at = (uint32_t)driver->n_bytes,
		.to_caller = to_caller,
	};
	memcpy(driver->bytes + driver->n_bytes, bytes, length);
	driver->n_bytes += length;
}

static int copy_in(void *context, uint64_t address, void *to, size_t length)
{
	const struct user *user = context;
	int r = cuse_copy_in(user->call, address, to, length);

	if (r >= 0)
		record(user->driver, address, to, length, false);
	return r;
}

static int copy_out(void *context, uint64_t address, const void *from, size_t length)
{
	static uint8_t longer[2 * CUSE_DATA_MAX];
	const struct user *user = context;
	struct driver *driver = user->driver;

	record(driver, address, from, length, true);
	switch (driver->trouble) {
	case TROUBLE_LATE:
		return 0;
	case TROUBLE_ADDRESS:
		return cuse_copy_out(user->call, (uint64_t)driver->value, from, length);
	case TROUBLE_OVERRUN:
		memset(longer, OVERRUN_BYTE, sizeof(longer));
		memcpy(longer, from, length);
		return cuse_copy_out(user->call, address, longer, length + (size_t)driver->value);
	default:
		return cuse_copy_out(user->call, address, from, length);
	}
}

static int rpc(struct driver *driver, struct cuse_call *call, uint64_t argument)
{
	/* What a run leaves that could not get to its end: the kernel's core counts taints before
	 * it reads. */
	static struct sim_device before;
	struct user user = {driver, call};
	const struct sim_user memory = {copy_in, copy_out, &user};
	struct fwctl_rpc local;
	int r;

	r = cuse_copy_in(call, argument, &local, sizeof(local));
	if (r < 0)
		return r;
	driver->rpc = local;
	if (driver->trouble == TROUBLE_ERRNO)
		return (int)-driver->value;
	before = *driver->device;
	r = rpc_call(driver->device, &memory, &local);
	if (r == -EAGAIN)
		*driver->device = before;
	if (r < 0)
		return r;

	switch (driver->trouble) {
	case TROUBLE_DIE_LATE:
		exit(EXIT_SUCCESS);
	case TROUBLE_LATE:
		return (int)-driver->value;
	case TROUBLE_OUT_LEN:
		local.out_len = (uint32_t)driver->value;
		break;
	default:
		break;
	}
	r = cuse_copy_out(call, argument, &local, sizeof(local));
	if (r < 0)
		return r;
	return driver->trouble == TROUBLE_VALUE ? (int)driver->value : 0;
}

static int info(struct driver *driver, struct cuse_call *call, uint64_t argument)
{
	struct user user = {driver, call};
	const struct sim_user memory = {copy_in, copy_out, &user};
	struct fwctl_info local;
	int r;

	r = cuse_copy_in(call, argument, &local, sizeof(local));
	if (r >= 0)
		r = rpc_info(driver->device, &memory, &local);
	return r < 0 ? r : cuse_copy_out(call, argument, &local, sizeof(local));
}

int driver_ioctl(void *context, struct cuse_call *call, uint32_t request, uint64_t argument)
{
	struct driver *driver = context;
	int r;

	driver->pid = cuse_caller_pid(call);
	driver->uid = cuse_caller_uid(call);
	driver->argument = argument;
	driver->n_copies = 0;
	driver->n_bytes = 0;
	if (request == FWCTL_RPC)
		r = rpc(driver, call, argument);
	else
		r = request == FWCTL_INFO ? info(driver, call, argument) : -ENOTTY;
	if (r != -EAGAIN)
		driver->n_calls++;
	return r;
}

const struct copy *driver_copy(const struct driver *driver, uint64_t address)
{
	for (unsigned i = 0; i < driver->n_copies; i++)
		if (driver->copies[i].address == address)
			return &driver->copies[i];
	return NULL;
}
