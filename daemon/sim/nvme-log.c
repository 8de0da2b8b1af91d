/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/sim/nvme.h"

/* Of the simulated controller's life; none of it changes. */
#define TEMPERATURE	 313u /* K */
#define POWER_CYCLES	 12u
#define POWER_ON_HOURS	 345u
#define UNSAFE_SHUTDOWNS 2u

static void supported_pages(const struct sim_device *device, uint8_t page[static 4096]);

/* SMART: the composite temperature against the two thresholds of feature 0x04. */
static uint8_t critical_warning(const struct sim_nvme *nvme)
{
	uint32_t over = nvme_feature_current(nvme, 0x04, 0);
	uint32_t under = nvme_feature_current(nvme, 0x04, 1);

	return TEMPERATURE >= over || TEMPERATURE <= under ? 0x02 : 0;
}

static void error_page(const struct sim_device *device, uint8_t page[static 4096])
{
	for (size_t i = 0; i < SIM_NVME_ERRORS; i++) {
		const struct sim_nvme_error *e = &device->nvme.errors[i];

		nvme_put(page, 64 * i, 8, e->number);
		nvme_put(page, 64 * i + 12, 2,
			 (uint32_t)e->status << 1); /* bit 0 is the phase tag */
		if (e->number != 0)
			nvme_put(page, 64 * i + 14, 2, 0xffff); /* no one parameter is to blame */
		nvme_put(page, 64 * i + 24, 4, e->nsid);
	}
}

static void smart_page(const struct sim_device *device, uint8_t page[static 4096])
{
	nvme_put(page, 0, 1, critical_warning(&device->nvme));
	nvme_put(page, 1, 2, TEMPERATURE);
	nvme_put(page, 3, 1, 100); /* available spare, its threshold, percentage used */
	nvme_put(page, 4, 1, 10);
	nvme_put(page, 5, 1, 3);
	nvme_put(page, 32, 8,
		 123456); /* data units read, written; host reads, writes; 16 bytes each */
	nvme_put(page, 48, 8, 65432);
	nvme_put(page, 64, 8, 9876543);
	nvme_put(page, 80, 8, 3456789);
	nvme_put(page, 96, 8, 78); /* controller busy time, minutes */
	nvme_put(page, 112, 8, POWER_CYCLES);
	nvme_put(page, 128, 8, POWER_ON_HOURS);
	nvme_put(page, 144, 8, UNSAFE_SHUTDOWNS);
	nvme_put(page, 176, 8, device->nvme.n_errors);
	nvme_put(page, 200, 2, TEMPERATURE); /* sensor 1 */
}

static void firmware_page(const struct sim_device *device, uint8_t page[static 4096])
{
	nvme_put(page, 0, 1,
		 (uint32_t)device->nvme.firmware_next << 4 | device->nvme.firmware_active);
	memcpy(page + 8, device->nvme.firmware, sizeof(device->nvme.firmware));
}

/* Commands Supported and Effects: bit 0 supported, 1 LBCC, 2 NCC, 4 CCC, 18:16 CSE. */
static uint32_t command_effects(uint8_t opcode)
{
	switch (opcode) {
	case NVME_GET_LOG_PAGE:
	case NVME_IDENTIFY:
	case NVME_SET_FEATURES:
	case NVME_GET_FEATURES:
	case NVME_FIRMWARE_DOWNLOAD:
	case NVME_SELF_TEST:
	case NVME_ACME_WEAR:
		return 0x00000001;
	case NVME_FIRMWARE_COMMIT:
		return 0x00000011;
	case NVME_FORMAT:
		return 0x00020007;
	case NVME_SANITIZE:
		return 0x00020003;
	default:
		return 0;
	}
}

static void effects_page(const struct sim_device *device, uint8_t page[static 4096])
{
	for (size_t opcode = 0; opcode < 256; opcode++)
		nvme_put(page, 4 * opcode, 4,
			 command_effects((uint8_t)opcode) ^ device->nvme.report.commands[opcode]);
	nvme_put(page, 1024 + 4 * 0x00, 4, 0x00000001); /* I/O: Flush, Write, Read */
	nvme_put(page, 1024 + 4 * 0x01, 4, 0x00000003);
	nvme_put(page, 1024 + 4 * 0x02, 4, 0x00000001);
}

/* Feature Identifiers Supported and Effects: bit 0 supported, 20 or 21 the scope. */
static void feature_effects_page(const struct sim_device *device, uint8_t page[static 4096])
{
	for (size_t fid = 0; fid < 256; fid++)
		nvme_put(page, 4 * fid, 4,
			 nvme_feature_effects((uint8_t)fid) ^ device->nvme.report.features[fid]);
}

static void self_test_page(const struct sim_device *device, uint8_t page[static 4096])
{
	const struct sim_nvme *nvme = &device->nvme;

	nvme_put(page, 0, 1, nvme->self_test);
	nvme_put(page, 1, 1, nvme->self_test_percent);
	for (size_t i = 0; i < SIM_NVME_SELF_TESTS; i++) {
		size_t at = 4 + 28 * i;

		nvme_put(page, at, 1, nvme->self_tests[i].status);
		if (nvme->self_tests[i].status == 0x0f)
			continue;
		nvme_put(page, at + 2, 1, 0x01); /* the namespace id is valid */
		nvme_put(page, at + 4, 8, POWER_ON_HOURS);
		nvme_put(page, at + 12, 4, nvme->self_tests[i].nsid);
	}
}

static void sanitize_page(const struct sim_device *device, uint8_t page[static 4096])
{
	nvme_put(page, 0, 2, 0xffff); /* SPROG: none in progress */
	nvme_put(page, 2, 2, device->nvme.sanitize_state);
	nvme_put(page, 4, 4, device->nvme.sanitize_cdw10);
	for (size_t i = 0; i < 6; i++)
		nvme_put(page, 8 + 4 * i, 4, 0xffffffff); /* estimates: none */
}

/*
 * Telemetry Host-Initiated, as include/sim-device.h says. The header names the last block of each
 * data area (NVMe 2.0, Telemetry Host-Initiated log).
 */
static void telemetry_read(size_t offset, size_t length, uint8_t *data)
{
	const uint32_t last = SIM_NVME_TELEMETRY / 512 - 1;
	uint8_t header[4096] = {};

	nvme_put(header, 0, 1, 0x07);
	nvme_put(header, 8, 2, last / 4); /* last blocks of data areas 1 to 3 */
	nvme_put(header, 10, 2, last / 2);
	nvme_put(header, 12, 2, last);
	for (size_t i = 0; i < length; i += 4) {
		size_t at = offset + i;

		if (at < 512)
			memcpy(data + i, header + at, 4);
		else
			(void)bytes_put(data, length, i, 4, BYTES_LITTLE, at);
	}
}

static const struct log_page {
	uint8_t lid;
	bool clears; /* with RAE 0 it re-arms events, or drops what the host has not seen */
	uint32_t length;
	void (*build)(const struct sim_device *device, uint8_t page[static 4096]);
} log_pages[] = {
	{0x00, false, 1024, supported_pages},
	{0x01, true, 64 * SIM_NVME_ERRORS, error_page},
	{0x02, true, 512, smart_page},
	{0x03, true, 512, firmware_page},
	{0x05, false, 4096, effects_page},
	{0x06, false, 4 + 28 * SIM_NVME_SELF_TESTS, self_test_page},
	{0x07, false, SIM_NVME_TELEMETRY, NULL},
	{0x12, false, 1024, feature_effects_page},
	{0x81, true, 512, sanitize_page},
};

static void supported_pages(const struct sim_device *device, uint8_t page[static 4096])
{
	for (size_t i = 0; i < sizeof(log_pages) / sizeof(log_pages[0]); i++)
		nvme_put(page, 4 * (size_t)log_pages[i].lid, 4, 0x00000001); /* LSUPP */
}

static const struct log_page *log_page_find(uint32_t lid)
{
	for (size_t i = 0; i < sizeof(log_pages) / sizeof(log_pages[0]); i++)
		if (log_pages[i].lid == lid)
			return &log_pages[i];
	return NULL;
}

enum nvme_status nvme_get_log_page(struct nvme_command *command)
{
	const struct nvme_passthru_cmd64 *sqe = command->sqe;
	const struct log_page *log = log_page_find(nvme_bits(sqe->cdw10, 7, 0));
	uint64_t offset = (uint64_t)sqe->cdw13 << 32 | sqe->cdw12;
	bool retain = nvme_bits(sqe->cdw10, 15, 15) == 1;
	uint8_t page[4096] = {};
	size_t length;

	if (!log)
		return NVME_INVALID_LOG_PAGE;
	/* No page of this controller is a namespace's own: LPA bit 0 is clear. */
	if (sqe->nsid != 0 && sqe->nsid != NVME_NSID_ALL)
		return NVME_INVALID_FIELD;
	if (offset % 4 != 0 || offset > log->length)
		return NVME_INVALID_FIELD;
	if (nvme_bits(sqe->cdw14, 31, 24) != 0) /* CSI: the NVM command set alone */
		return NVME_INVALID_FIELD;

	/* What is read beyond the end of a page is undefined; here it is zero. */
	length = log->length - (size_t)offset;
	if (length > sqe->data_len)
		length = sqe->data_len;
	memset(command->data, 0, sqe->data_len);
	if (log->build) {
		log->build(command->device, page);
		memcpy(command->data, page + offset, length);
	} else {
		telemetry_read((size_t)offset, length, command->data);
	}
	if (log->clears && !retain)
		command->nvme->events_rearmed++;
	return NVME_SUCCESS;
}
