/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new device file, opened by the models of daemon/sim/ and mapped for the test; and an arena, as
 * an executor has it: the ioctl's struct first, then the message, then whole pages. Include after
 * cmocka.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/exec/transport.h"
#include "daemon/sim/model.h"
#include "include/arena.h"
#include "include/bytes.h"

static struct sim_device *device;
static _Alignas(ARENA_PAGE) uint8_t arena[ARENA_MAX];
static uint8_t *const data = arena + ARENA_PAGE;
#define DATA_MAX 135168u /* bytes of it that tests use */

static int sim_setup(enum sim_dialect dialect, const char *serial)
{
	char folder[] = "/tmp/fwctld-test-XXXXXX", path[64];
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/0", folder);
	assert_int_equal(device_create(path, dialect, serial), 0);
	assert_int_equal(device_create(path, dialect, serial), -EEXIST);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(device_map(fd, &device), 0);
	assert_int_equal(transport_open(fd), 0);
	close(fd);
	unlink(path);
	rmdir(folder);
	memset(data, 0xee, DATA_MAX);
	return 0;
}

static int sim_teardown(void **state)
{
	device_unmap(device);
	return 0;
}

static inline uint64_t number(size_t offset, size_t size)
{
	uint64_t value = 0;

	assert_true(bytes_get(data, DATA_MAX, offset, size, BYTES_LITTLE, &value));
	return value;
}
