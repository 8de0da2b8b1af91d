/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "daemon/sim/nvme.h"

/* An image of this controller starts with its revision, 8 printable characters. The rest is free.
 */
#define REVISION_SIZE sizeof(((struct sim_nvme *)0)->firmware[0])

enum nvme_status nvme_firmware_download(struct nvme_command *command)
{
	const struct nvme_passthru_cmd64 *sqe = command->sqe;
	struct sim_nvme *nvme = command->nvme;
	uint64_t offset = 4 * (uint64_t)sqe->cdw11;

	if (offset == 0) /* a new download discards the old one */
		nvme->image_length = 0;
	if (offset < nvme->image_length)
		return NVME_OVERLAPPING_RANGE;
	if (offset > nvme->image_length) /* this controller takes the pieces in order */
		return NVME_INVALID_FIELD;
	if (!bytes_within(sizeof(nvme->image), (size_t)offset, sqe->data_len))
		return NVME_INVALID_FIELD;
	memcpy(nvme->image + offset, command->data, sqe->data_len);
	nvme->image_length += sqe->data_len;
	return NVME_SUCCESS;
}

static bool image_valid(const struct sim_nvme *nvme)
{
	if (nvme->image_length < REVISION_SIZE)
		return false;
	for (size_t i = 0; i < REVISION_SIZE; i++)
		if (nvme->image[i] < ' ' || nvme->image[i] > '~')
			return false;
	return true;
}

static void firmware_activate(struct sim_device *device, uint32_t slot)
{
	const char *revision = device->nvme.firmware[slot - 1];
	int length = (int)REVISION_SIZE;

	while (length > 0 && revision[length - 1] == ' ')
		length--;
	snprintf(device->firmware, sizeof(device->firmware), "%.*s", length, revision);
	device->nvme.firmware_active = (uint8_t)slot;
	device->nvme.firmware_next = 0;
	device->nvme.report = device->nvme.next_report;
}

enum nvme_status nvme_firmware_commit(struct nvme_command *command)
{
	struct sim_nvme *nvme = command->nvme;
	uint32_t slot = nvme_bits(command->sqe->cdw10, 2, 0);
	uint32_t action = nvme_bits(command->sqe->cdw10, 5, 3);

	if (action > 3) /* 6 and 7 are boot partitions: there are none */
		return NVME_INVALID_FIELD;
	if (slot > SIM_NVME_FIRMWARES)
		return NVME_INVALID_SLOT;
	if (slot == 0) /* the controller may choose */
		slot = nvme->firmware_active % SIM_NVME_FIRMWARES + 1;

	/* 0 stores, 1 stores and activates at the reset, 3 also activates what was stored before.
	 */
	if (action <= 1 || (action == 3 && nvme->image_length > 0)) {
		if (!image_valid(nvme))
			return NVME_INVALID_IMAGE;
		memcpy(nvme->firmware[slot - 1], nvme->image, REVISION_SIZE);
		nvme->image_length = 0;
	}
	if (action == 0)
		return NVME_SUCCESS;
	if (bytes_zero(nvme->firmware[slot - 1], REVISION_SIZE))
		return NVME_INVALID_IMAGE;
	if (action == 3) {
		firmware_activate(command->device, slot);
		return NVME_SUCCESS;
	}
	nvme->firmware_next = (uint8_t)slot;
	return NVME_NEEDS_RESET;
}
