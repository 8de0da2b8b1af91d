/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the parts of the NVMe model: a controller with two namespaces, as NVMe 2.0 describes it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/sim/model.h"
#include "include/bytes.h"

#define NVME_NSID_ALL 0xffffffffu

enum nvme_opcode {
	NVME_GET_LOG_PAGE = 0x02,
	NVME_IDENTIFY = 0x06,
	NVME_SET_FEATURES = 0x09,
	NVME_GET_FEATURES = 0x0a,
	NVME_NAMESPACE_MANAGEMENT = 0x0d,
	NVME_FIRMWARE_COMMIT = 0x10,
	NVME_FIRMWARE_DOWNLOAD = 0x11,
	NVME_SELF_TEST = 0x14,
	NVME_FORMAT = 0x80,
	NVME_SANITIZE = 0x84,
	NVME_ACME_WEAR = 0xc2, /* a vendor's own: the example of fwctld.commands(5) */
};

/* Status code type << 8 | status code; what the same command would meet again carries Do Not Retry.
 */
#define NVME_DNR 0x4000u

enum nvme_status {
	NVME_SUCCESS = 0,
	NVME_INVALID_OPCODE = 0x001 | NVME_DNR,
	NVME_INVALID_FIELD = 0x002 | NVME_DNR,
	NVME_INVALID_NAMESPACE = 0x00b | NVME_DNR,
	NVME_INVALID_SLOT = 0x106 | NVME_DNR,
	NVME_INVALID_IMAGE = 0x107 | NVME_DNR,
	NVME_INVALID_LOG_PAGE = 0x109 | NVME_DNR,
	NVME_INVALID_FORMAT = 0x10a | NVME_DNR,
	NVME_NEEDS_RESET = 0x10b, /* done; it takes effect at the next conventional reset */
	NVME_NOT_SAVEABLE = 0x10d | NVME_DNR,
	NVME_NOT_CHANGEABLE = 0x10e | NVME_DNR,
	NVME_NOT_PER_NAMESPACE = 0x10f | NVME_DNR,
	NVME_OVERLAPPING_RANGE = 0x114 | NVME_DNR,
	NVME_SELF_TEST_IN_PROGRESS = 0x11d,
};

/* One command at the controller. */
struct nvme_command {
	struct sim_nvme *nvme;
	struct sim_device *device;
	struct nvme_passthru_cmd64 *sqe; /* .result is the completion's */
	uint8_t *data; /* data_len bytes, exactly what the command implies; or NULL */
};

static inline uint32_t nvme_bits(uint32_t dword, unsigned high, unsigned low)
{
	return dword >> low & (uint32_t)((UINT64_C(1) << (high - low + 1)) - 1);
}

/* Little endian, into a page that is large enough for every offset that the model knows. */
static inline void nvme_put(uint8_t page[static 4096], size_t offset, size_t size, uint64_t value)
{
	(void)bytes_put(page, 4096, offset, size, BYTES_LITTLE, value);
}

/* ASCII, padded with spaces. */
void nvme_put_text(uint8_t page[static 4096], size_t offset, size_t size, const char *text);

bool nvme_namespace_valid(uint32_t nsid);

enum nvme_status nvme_identify(struct nvme_command *command);
enum nvme_status nvme_get_log_page(struct nvme_command *command);
enum nvme_status nvme_get_features(struct nvme_command *command);
enum nvme_status nvme_set_features(struct nvme_command *command);
enum nvme_status nvme_firmware_download(struct nvme_command *command);
enum nvme_status nvme_firmware_commit(struct nvme_command *command);

/* The value in force of a feature that has no data; slot: see nvme-features.c. */
uint32_t nvme_feature_current(const struct sim_nvme *nvme, uint8_t fid, unsigned slot);
/* Its word of log 0x12; 0: there is no such feature. */
uint32_t nvme_feature_effects(uint8_t fid);
/* Bytes that Get or Set Features of this feature moves; -1: there is no such feature. */
int nvme_feature_length(uint8_t fid);
void nvme_features_init(struct sim_nvme *nvme);

/* What the self-test in progress, if any, ends with. */
void nvme_self_test_end(struct sim_nvme *nvme, uint8_t result);
