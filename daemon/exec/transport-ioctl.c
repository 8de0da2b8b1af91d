/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "daemon/exec/transport.h"

const int transport_syscalls[] = {-1};

int transport_open(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISCHR(st.st_mode) ? 0 : -ENODEV;
}

int transport_call(int fd, uint32_t request, void *argument)
{
	return ioctl(fd, request, argument);
}
