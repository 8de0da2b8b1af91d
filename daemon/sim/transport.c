/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <seccomp.h>

#include "daemon/exec/transport.h"
#include "daemon/sim/model.h"

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

/* As the kernel: a node knows its own ioctls and answers ENOTTY to the rest. */
int transport_call(int fd, uint32_t request, void *argument)
{
	int r = -ENOTTY;

	if (opened->dialect == SIM_NVME && request == NVME_IOCTL_ADMIN64_CMD)
		r = nvme_call(opened, argument);
	else if (opened->dialect == SIM_CXL && request == FWCTL_RPC)
		r = cxl_call(opened, argument);
	else if (opened->dialect == SIM_CXL_MEM && request == CXL_MEM_QUERY_COMMANDS)
		r = cxl_mem_query(opened, argument);
	else if (opened->dialect == SIM_CXL_MEM && request == CXL_MEM_SEND_COMMAND)
		r = cxl_mem_call(opened, argument);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}
