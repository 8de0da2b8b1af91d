/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "daemon/exec/transport.h"
#include "daemon/sim/model.h"
#include "include/arena.h"
#include "include/bytes.h"
#include "include/cleanup.h"

/* A model that hangs sleeps; a sleep that was stopped and continued goes on with restart_syscall.
 */
const int transport_syscalls[] = {SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), -1};

static struct sim_device *opened;

int transport_open(int fd)
{
	struct sim_device *device;
	int r;

	r = device_map(fd, &device);
	if (r < 0)
		return r;
	if (opened)
		device_unmap(opened);
	opened = device;
	return 0;
}

/*
 * The memory of the caller, which is this process: the arena, and nothing else that it has. What an
 * address stands for must be in whole pages of its own (the message excepted, which follows the
 * ioctl's struct), so that no two of one call share a page. Anything else is on real hardware the
 * hole through which a client reads and writes fwctld's memory.
 */
struct memory {
	uint8_t *start; /* ARENA_MAX bytes */
	struct {
		size_t start, end;
	} taken[8]; /* offsets, in whole pages */
	unsigned n_taken;
};

static uint8_t *memory_take(struct memory *memory, uint64_t address, size_t length)
{
	/* What is below the arena becomes a large number. */
	uint64_t offset = address - (uintptr_t)memory->start;
	size_t end;

	if (offset > ARENA_MAX || !bytes_within(ARENA_MAX, (size_t)offset, length))
		device_bug(opened, "0x%llx, %zu bytes: not in the arena",
			   (unsigned long long)address, length);
	if (offset != ARENA_MESSAGE && (offset == 0 || offset % ARENA_PAGE != 0))
		device_bug(opened, "arena offset 0x%zx: not in pages of its own", (size_t)offset);
	end = ((size_t)offset + length + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE;
	for (unsigned i = 0; i < memory->n_taken; i++)
		if (offset < memory->taken[i].end && memory->taken[i].start < end)
			device_bug(opened,
				   "arena offset 0x%zx: part of it stands for something else",
				   (size_t)offset);
	if (memory->n_taken == ELEMENTSOF(memory->taken))
		device_bug(opened, "more addresses than a call has");
	memory->taken[memory->n_taken].start = (size_t)offset;
	memory->taken[memory->n_taken++].end = end;
	return memory->start + offset;
}

static int copy_in(void *context, uint64_t address, void *to, size_t length)
{
	memcpy(to, memory_take(context, address, length), length);
	return 0;
}

/* The driver writes here; what it does not write must not be what an earlier caller had. */
static int copy_out(void *context, uint64_t address, const void *from, size_t length)
{
	uint8_t *to = memory_take(context, address, length);

	if (!bytes_zero(to, length))
		device_bug(opened, "a buffer for an answer is not zero before");
	memcpy(to, from, length);
	return 0;
}

static int rpc_in_arena(struct fwctl_rpc *rpc)
{
	struct memory memory = {.start = (uint8_t *)rpc};
	struct sim_user user = {copy_in, copy_out, &memory};

	return rpc_call(opened, &user, rpc);
}

/* As the kernel: a node knows its own ioctls and answers ENOTTY to the rest. */
int transport_call(int fd, uint32_t request, void *argument)
{
	int r = -ENOTTY;

	if (opened->dialect == SIM_NVME && request == NVME_IOCTL_ADMIN64_CMD)
		r = nvme_call(opened, argument);
	else if (request == FWCTL_RPC)
		r = rpc_in_arena(argument);
	else if (opened->dialect == SIM_CXL_MEM && request == CXL_MEM_QUERY_COMMANDS)
		r = cxl_mem_query(opened, argument);
	else if (opened->dialect == SIM_CXL_MEM && request == CXL_MEM_SEND_COMMAND)
		r = cxl_mem_call(opened, argument);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}
