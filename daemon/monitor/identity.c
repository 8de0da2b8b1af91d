/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sources of the attributes, of Linux 7.3: drivers/nvme/host/sysfs.c, drivers/cxl/core/memdev.c,
 * drivers/pci/pci-sysfs.c; drivers/fwctl/main.c has none of its own but `dev`.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "daemon/exec/wire.h"
#include "daemon/monitor/identity.h"
#include "include/bytes.h"
#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "include/sim-device.h"

/* FWCTL_INFO with no buffer does not ask the driver at all; no driver has more than 8 bytes. */
#define INFO_BUFFER 64u

static const char *const dialects_of_fwctl[] = {
	[FWCTL_DEVICE_TYPE_MLX5] = "mlx5",
	[FWCTL_DEVICE_TYPE_CXL] = "cxl",
	[FWCTL_DEVICE_TYPE_BNXT] = "bnxt",
	[FWCTL_DEVICE_TYPE_PDS] = "pds",
};

/* Copies what a device says of itself: printable ASCII, without the padding at either end. */
static void text_set(char *ret, size_t size, const char *text, size_t length)
{
	while (length > 0 && (unsigned char)text[length - 1] <= ' ')
		length--;
	while (length > 0 && *text == ' ') {
		text++;
		length--;
	}
	if (length > size - 1)
		length = size - 1;
	for (size_t i = 0; i < length; i++)
		ret[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	memset(ret + length, 0, size - length);
}

/* An attribute that is not there, or not readable, leaves "": unknown. */
static void attribute_read(const char *folder, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX + 64], text[512];
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	if (n > 0)
		text_set(ret, size, text, (size_t)n);
}

/* The last part of what a link in sysfs points to. */
static bool link_name(const char *folder, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX + 64], target[PATH_MAX];
	const char *last;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	text_set(ret, size, last, strlen(last));
	return true;
}

/*
 * The PCI function that a device belongs to: the nearest folder above whose subsystem is pci. ""
 * when there is none: NVMe over fabrics, the kernel's mock of CXL.
 */
static void pci_find(const char *sysfs, char ret_path[static PATH_MAX], char *ret, size_t size)
{
	char path[PATH_MAX], subsystem[16];
	char *last;

	ret_path[0] = '\0';
	snprintf(path, sizeof(path), "%s", sysfs);
	while ((last = strrchr(path, '/')) && last > path) {
		*last = '\0';
		if (!link_name(path, "subsystem", subsystem, sizeof(subsystem)) ||
		    strcmp(subsystem, "pci") != 0)
			continue;
		last = strrchr(path, '/');
		text_set(ret, size, last + 1, strlen(last + 1));
		strcpy(ret_path, path);
		return;
	}
}

static int nvme_read(const struct node *node, struct monitor_identity *i)
{
	char pci[PATH_MAX];

	strcpy(i->dialect, "nvme");
	strcpy(i->envelope, WIRE_ENVELOPE_NVME);
	attribute_read(node->sysfs, "serial", i->serial, sizeof(i->serial));
	attribute_read(node->sysfs, "model", i->model, sizeof(i->model));
	attribute_read(node->sysfs, "firmware_rev", i->firmware, sizeof(i->firmware));
	attribute_read(node->sysfs, "subsysnqn", i->nqn, sizeof(i->nqn));
	link_name(node->sysfs, "device/driver", i->driver, sizeof(i->driver));
	pci_find(node->sysfs, pci, i->pci, sizeof(i->pci));
	return 0;
}

/* Bytes that the mailbox of a memory device takes; 0: unknown. */
static uint32_t payload_max_read(const char *folder, const char *name)
{
	char text[16] = "";

	attribute_read(folder, name, text, sizeof(text));
	return (uint32_t)strtoul(text, NULL, 10);
}

static int rpc_device_read(const struct node *node, struct monitor_identity *i)
{
	uint8_t data[INFO_BUFFER] = {};
	uint64_t capabilities = 0;
	struct fwctl_info info = {
		.size = sizeof(info),
		.device_data_len = sizeof(data),
		.out_device_data = (uintptr_t)data,
	};
	char pci[PATH_MAX];

	if (ioctl(node->fd, FWCTL_INFO, &info) < 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	if (info.out_device_type >= ELEMENTSOF(dialects_of_fwctl) ||
	    !dialects_of_fwctl[info.out_device_type])
		return -EOPNOTSUPP;
	strcpy(i->dialect, dialects_of_fwctl[info.out_device_type]);
	strcpy(i->envelope, WIRE_ENVELOPE_FWCTL);

	/* CXL's parent is the memory device, which has these; the others' parent is the PCI
	 * function. */
	attribute_read(node->sysfs, "device/serial", i->serial, sizeof(i->serial));
	attribute_read(node->sysfs, "device/firmware_version", i->firmware, sizeof(i->firmware));
	link_name(node->sysfs, "device/driver", i->driver, sizeof(i->driver));
	pci_find(node->sysfs, pci, i->pci, sizeof(i->pci));
	if (info.out_device_type == FWCTL_DEVICE_TYPE_BNXT)
		(void)bytes_get(data, info.device_data_len, 0, 4, BYTES_HOST, &capabilities);
	i->kernel_capabilities = (uint32_t)capabilities;
	if (info.out_device_type == FWCTL_DEVICE_TYPE_CXL) {
		link_name(node->sysfs, "device", i->memdev, sizeof(i->memdev));
		i->payload_max = payload_max_read(node->sysfs, "device/payload_max");
	}
	if (i->serial[0] == '\0' && pci[0] != '\0')
		attribute_read(pci, "serial_number", i->serial, sizeof(i->serial));
	return 0;
}

static int memdev_read(const struct node *node, struct monitor_identity *i)
{
	char pci[PATH_MAX];

	strcpy(i->dialect, "cxl");
	strcpy(i->envelope, WIRE_ENVELOPE_CXL);
	text_set(i->memdev, sizeof(i->memdev), node->name, strlen(node->name));
	i->payload_max = payload_max_read(node->sysfs, "payload_max");
	attribute_read(node->sysfs, "serial", i->serial, sizeof(i->serial));
	attribute_read(node->sysfs, "firmware_version", i->firmware, sizeof(i->firmware));
	link_name(node->sysfs, "driver", i->driver, sizeof(i->driver));
	pci_find(node->sysfs, pci, i->pci, sizeof(i->pci));
	return 0;
}

static int simulated_read(const struct node *node, struct monitor_identity *i)
{
	struct sim_device device; /* its state is not read, but for what FWCTL_INFO would say */
	size_t size =
		offsetof(struct sim_device, bnxt.capabilities) + sizeof(device.bnxt.capabilities);

	if (pread(node->fd, &device, size, 0) != (ssize_t)size ||
	    memcmp(device.magic, SIM_MAGIC, sizeof(device.magic)) != 0 ||
	    device.version != SIM_VERSION)
		return -EOPNOTSUPP;
	switch (device.dialect) {
	case SIM_NVME:
		strcpy(i->dialect, "nvme");
		strcpy(i->envelope, WIRE_ENVELOPE_NVME);
		break;
	case SIM_CXL:
		strcpy(i->dialect, "cxl");
		strcpy(i->envelope, WIRE_ENVELOPE_FWCTL);
		break;
	case SIM_CXL_MEM:
		strcpy(i->dialect, "cxl");
		strcpy(i->envelope, WIRE_ENVELOPE_CXL);
		i->payload_max = SIM_CXL_MAILBOX;
		break;
	case SIM_MLX5:
		strcpy(i->dialect, "mlx5");
		strcpy(i->envelope, WIRE_ENVELOPE_FWCTL);
		break;
	case SIM_BNXT:
		strcpy(i->dialect, "bnxt");
		strcpy(i->envelope, WIRE_ENVELOPE_FWCTL);
		i->kernel_capabilities = device.bnxt.capabilities;
		break;
	case SIM_PDS:
		strcpy(i->dialect, "pds");
		strcpy(i->envelope, WIRE_ENVELOPE_FWCTL);
		break;
	default:
		return -EOPNOTSUPP;
	}
	strcpy(i->driver, "simulated");
	text_set(i->serial, sizeof(i->serial), device.serial,
		 strnlen(device.serial, sizeof(device.serial)));
	text_set(i->model, sizeof(i->model), device.model,
		 strnlen(device.model, sizeof(device.model)));
	text_set(i->firmware, sizeof(i->firmware), device.firmware,
		 strnlen(device.firmware, sizeof(device.firmware)));
	text_set(i->nqn, sizeof(i->nqn), device.nqn, strnlen(device.nqn, sizeof(device.nqn)));
	i->simulated = 1;
	return 0;
}

int identity_read(const struct monitor_request *request, const struct node *node,
		  struct monitor_identity *ret)
{
	struct monitor_identity identity = {
		.devnum_major = major(node->devnum),
		.devnum_minor = minor(node->devnum),
	};
	int r;

	text_set(identity.name, sizeof(identity.name), node->name, strlen(node->name));
	switch (request->subsystem) {
	case MONITOR_NVME:
		r = nvme_read(node, &identity);
		break;
	case MONITOR_FWCTL:
		r = rpc_device_read(node, &identity);
		break;
	case MONITOR_CXL:
		r = memdev_read(node, &identity);
		break;
	default:
		r = simulated_read(node, &identity);
		break;
	}
	if (r < 0)
		return r;
	*ret = identity;
	return 0;
}
