/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The NVMe model: what Linux does with NVME_IOCTL_ADMIN64_CMD (drivers/nvme/host/ioctl.c, core.c),
 * and a controller after the NVM Express Base and NVM Command Set specifications, 2.0.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sim/nvme.h"
#include "include/arena.h"

static const char *const controller_model = "fwctld simulated NVMe";
static const char *const controller_firmware = "1.0";

void nvme_put_text(uint8_t page[static 4096], size_t offset, size_t size, const char *text)
{
	memset(page + offset, ' ', size);
	memcpy(page + offset, text, strnlen(text, size));
}

bool nvme_namespace_valid(uint32_t nsid)
{
	return nsid >= 1 && nsid <= SIM_NVME_NAMESPACES;
}

void nvme_init(struct sim_device *device)
{
	struct sim_nvme *nvme = &device->nvme;

	snprintf(device->model, sizeof(device->model), "%s", controller_model);
	snprintf(device->firmware, sizeof(device->firmware), "%s", controller_firmware);
	snprintf(device->nqn, sizeof(device->nqn), "nqn.2025-01.org.fwctld:simulated:%s",
		 device->serial);

	for (unsigned n = 0; n < SIM_NVME_NAMESPACES; n++)
		for (size_t i = 0; i < SIM_NVME_CONTENT; i += 32)
			snprintf((char *)nvme->content[n] + i, 32,
				 "namespace %u, byte %04zu: data\n", n + 1, i);

	memset(nvme->firmware[0], ' ', sizeof(nvme->firmware[0]));
	memcpy(nvme->firmware[0], controller_firmware, strlen(controller_firmware));
	nvme->firmware_active = 1;
	for (size_t i = 0; i < SIM_NVME_SELF_TESTS; i++)
		nvme->self_tests[i].status = 0x0f;
	nvme_features_init(nvme);
}

static void identify_controller(const struct sim_device *device, uint8_t page[static 4096])
{
	nvme_put(page, 0, 2, 0x1b36); /* VID and SSVID: QEMU's, as no vendor's tools must fit */
	nvme_put(page, 2, 2, 0x1af4);
	nvme_put_text(page, 4, 20, device->serial);
	nvme_put_text(page, 24, 40, device->model);
	nvme_put_text(page, 64, 8, device->firmware);
	nvme_put(page, 77, 1, SIM_NVME_MDTS);
	nvme_put(page, 78, 2, 1);	   /* CNTLID */
	nvme_put(page, 80, 4, 0x00020000); /* VER: 2.0 */
	nvme_put(page, 111, 1, 1);	   /* CNTRLTYPE: I/O controller */
	nvme_put(page, 256, 2, 0x0016);	   /* OACS: Format, firmware, self-test */
	nvme_put(page, 258, 1, 3);	   /* ACL */
	nvme_put(page, 259, 1, 3);	   /* AERL */
	nvme_put(page, 260, 1, 0x10 | SIM_NVME_FIRMWARES << 1); /* FRMW: activation without reset */
	/* LPA: effects log, offsets, telemetry, feature effects log */
	nvme_put(page, 261, 1, 0x2e);
	nvme_put(page, 262, 1, SIM_NVME_ERRORS - 1); /* ELPE */
	nvme_put(page, 263, 1, 2);		     /* NPSS: power states 0 to 2 */
	nvme_put(page, 266, 2, 343);		     /* WCTEMP, K */
	nvme_put(page, 268, 2, 363);		     /* CCTEMP, K */
	nvme_put(page, 280, 8, SIM_NVME_NAMESPACES * SIM_NVME_CONTENT); /* TNVMCAP */
	nvme_put(page, 316, 2, 10);   /* EDSTT: minutes of an extended self-test */
	nvme_put(page, 328, 4, 0x3);  /* SANICAP: crypto erase, block erase */
	nvme_put(page, 512, 1, 0x66); /* SQES, CQES */
	nvme_put(page, 513, 1, 0x44);
	nvme_put(page, 516, 4, SIM_NVME_NAMESPACES); /* NN */
	nvme_put(page, 520, 2, 0x0010);		     /* ONCS: saved features */
	nvme_put(page, 524, 1, 0x04); /* FNA: crypto erase; each namespace is formatted alone */
	nvme_put(page, 525, 1, 0x01); /* VWC */
	memcpy(page + 768, device->nqn, sizeof(device->nqn));
	for (unsigned state = 0; state <= 2; state++)
		nvme_put(page, 2048 + 32 * state, 2, 900 - 300 * state); /* MP, centiwatts */
}

static void identify_namespace(const struct sim_nvme *nvme, uint32_t nsid,
			       uint8_t page[static 4096])
{
	uint8_t format = nvme->lba_format[nsid - 1];
	uint64_t blocks = format == 0 ? SIM_NVME_CONTENT / 512 : SIM_NVME_CONTENT / 4096;

	nvme_put(page, 0, 8, blocks); /* NSZE, NCAP, NUSE */
	nvme_put(page, 8, 8, blocks);
	nvme_put(page, 16, 8, blocks);
	nvme_put(page, 25, 1, 1);			    /* NLBAF: two formats */
	nvme_put(page, 26, 1, format);			    /* FLBAS */
	nvme_put(page, 48, 8, SIM_NVME_CONTENT);	    /* NVMCAP */
	nvme_put(page, 120, 8, 0xfffffffffffffff0u | nsid); /* EUI64 */
	nvme_put(page, 128, 4, 9 << 16);		    /* LBAF0: 512 bytes */
	nvme_put(page, 132, 4, 12 << 16);		    /* LBAF1: 4096 bytes */
}

enum nvme_status nvme_identify(struct nvme_command *command)
{
	uint32_t cns = nvme_bits(command->sqe->cdw10, 7, 0);
	uint32_t nsid = command->sqe->nsid;
	uint8_t page[4096] = {};
	size_t n = 0;

	switch (cns) {
	case 0x00:
		if (!nvme_namespace_valid(nsid))
			return NVME_INVALID_NAMESPACE;
		identify_namespace(command->nvme, nsid, page);
		break;
	case 0x01:
		identify_controller(command->device, page);
		break;
	case 0x02: /* active namespaces above nsid */
		if (nsid >= 0xfffffffe)
			return NVME_INVALID_NAMESPACE;
		for (uint32_t i = nsid + 1; i <= SIM_NVME_NAMESPACES; i++)
			nvme_put(page, 4 * n++, 4, i);
		break;
	default:
		return NVME_INVALID_FIELD;
	}
	memcpy(command->data, page, sizeof(page));
	return NVME_SUCCESS;
}

void nvme_self_test_end(struct sim_nvme *nvme, uint8_t result)
{
	struct sim_nvme_self_test *log = nvme->self_tests;

	if (nvme->self_test == 0)
		return;
	memmove(log + 1, log, (SIM_NVME_SELF_TESTS - 1) * sizeof(*log));
	log[0] = (struct sim_nvme_self_test){
		.status = (uint8_t)(nvme->self_test << 4 | result),
		.nsid = nvme->self_test_nsid,
	};
	nvme->self_test = 0;
	nvme->self_test_percent = 0;
}

static enum nvme_status self_test(struct nvme_command *command)
{
	struct sim_nvme *nvme = command->nvme;
	uint32_t nsid = command->sqe->nsid;
	uint32_t code = nvme_bits(command->sqe->cdw10, 3, 0);

	if (nsid != 0 && nsid != NVME_NSID_ALL && !nvme_namespace_valid(nsid))
		return NVME_INVALID_NAMESPACE;
	if (code == 0xf) {
		nvme_self_test_end(nvme, 0x1); /* aborted by a self-test command */
		return NVME_SUCCESS;
	}
	if (code != 1 && code != 2)
		return NVME_INVALID_FIELD;
	if (nvme->self_test != 0)
		return NVME_SELF_TEST_IN_PROGRESS;
	nvme->self_test = (uint8_t)code;
	nvme->self_test_percent = 0;
	nvme->self_test_nsid = nsid;
	return NVME_SUCCESS;
}

static enum nvme_status format(struct nvme_command *command)
{
	struct sim_nvme *nvme = command->nvme;
	uint32_t cdw10 = command->sqe->cdw10;
	uint32_t nsid = command->sqe->nsid;
	uint32_t lba_format = nvme_bits(cdw10, 3, 0) | nvme_bits(cdw10, 13, 12) << 4;

	if (nsid != NVME_NSID_ALL && !nvme_namespace_valid(nsid))
		return NVME_INVALID_NAMESPACE;
	if (nvme_bits(cdw10, 11, 9) > 2)
		return NVME_INVALID_FIELD;
	if (lba_format > 1 ||
	    nvme_bits(cdw10, 8, 4) != 0) /* neither metadata nor protection here */
		return NVME_INVALID_FORMAT;

	nvme_self_test_end(nvme, 0x4); /* aborted by a Format */
	for (uint32_t i = 0; i < SIM_NVME_NAMESPACES; i++) {
		if (nsid != NVME_NSID_ALL && nsid != i + 1)
			continue;
		memset(nvme->content[i], 0, sizeof(nvme->content[i]));
		nvme->lba_format[i] = (uint8_t)lba_format;
	}
	return NVME_SUCCESS;
}

static enum nvme_status sanitize(struct nvme_command *command)
{
	struct sim_nvme *nvme = command->nvme;
	uint32_t action = nvme_bits(command->sqe->cdw10, 2, 0);

	if (action == 1) /* exit failure mode: there is no failure to leave */
		return NVME_SUCCESS;
	if (action != 2 && action != 4) /* SANICAP has block erase and crypto erase */
		return NVME_INVALID_FIELD;

	nvme_self_test_end(nvme, 0x9); /* aborted by a sanitize operation */
	memset(nvme->content, 0, sizeof(nvme->content));
	nvme->sanitize_state = 1; /* the latest one completed */
	nvme->sanitize_cdw10 = command->sqe->cdw10;
	return NVME_SUCCESS;
}

/* Page 1: percent worn, one byte a flash die. The vendor documents no other one. */
static enum nvme_status acme_wear(struct nvme_command *command)
{
	uint8_t page[4096] = {};

	if (command->sqe->cdw12 != 1)
		return NVME_INVALID_FIELD;
	for (uint8_t die = 0; die < 16; die++)
		page[die] = die % 4 + 3;
	memcpy(command->data, page, sizeof(page));
	return NVME_SUCCESS;
}

static enum nvme_status command_execute(struct nvme_command *command)
{
	switch (command->sqe->opcode) {
	case NVME_GET_LOG_PAGE:
		return nvme_get_log_page(command);
	case NVME_IDENTIFY:
		return nvme_identify(command);
	case NVME_SET_FEATURES:
		return nvme_set_features(command);
	case NVME_GET_FEATURES:
		return nvme_get_features(command);
	case NVME_FIRMWARE_COMMIT:
		return nvme_firmware_commit(command);
	case NVME_FIRMWARE_DOWNLOAD:
		return nvme_firmware_download(command);
	case NVME_SELF_TEST:
		return self_test(command);
	case NVME_FORMAT:
		return format(command);
	case NVME_SANITIZE:
		return sanitize(command);
	case NVME_ACME_WEAR:
		return acme_wear(command);
	default: /* Namespace Management too: OACS does not have it */
		return NVME_INVALID_OPCODE;
	}
}

/* Bytes that a controller would move, whatever it was told to have; -1: the model does not know. */
static int64_t command_length(const struct nvme_passthru_cmd64 *sqe)
{
	uint8_t fid = (uint8_t)nvme_bits(sqe->cdw10, 7, 0);

	switch (sqe->opcode) {
	case NVME_GET_LOG_PAGE:
		return 4 * ((int64_t)nvme_bits(sqe->cdw11, 15, 0) << 16 |
			    nvme_bits(sqe->cdw10, 31, 16)) +
		       4;
	case NVME_IDENTIFY:
	case NVME_ACME_WEAR:
		return 4096;
	/* Asked for its capabilities alone (SEL 3), too: one that does not know SEL ignores it. */
	case NVME_GET_FEATURES:
	case NVME_SET_FEATURES:
		return nvme_feature_length(fid);
	case NVME_NAMESPACE_MANAGEMENT:
		return nvme_bits(sqe->cdw10, 3, 0) == 0 ? 4096 : 0;
	case NVME_FIRMWARE_DOWNLOAD:
		return 4 * (int64_t)sqe->cdw10 + 4;
	case NVME_FIRMWARE_COMMIT:
	case NVME_SELF_TEST:
	case NVME_FORMAT:
	case NVME_SANITIZE:
		return 0;
	default:
		return -1;
	}
}

/*
 * The kernel maps data_len bytes at addr and asks nothing; the controller moves what the command
 * says. On hardware each difference is DMA to somebody else's memory, so that here it is the end.
 */
static void transfer_check(struct sim_device *device, const struct nvme_passthru_cmd64 *sqe)
{
	int64_t length = command_length(sqe);

	if (length >= 0 && length != sqe->data_len)
		device_bug(device,
			   "opcode 0x%02x, dword 10 0x%08x moves %lld bytes, but %u were mapped",
			   sqe->opcode, sqe->cdw10, (long long)length, sqe->data_len);
	if (sqe->data_len > 0 && (sqe->addr == 0 || sqe->addr % ARENA_PAGE != 0))
		device_bug(device, "opcode 0x%02x: the data is not in pages of its own",
			   sqe->opcode);
	if (sqe->metadata != 0 || sqe->metadata_len != 0)
		device_bug(device, "opcode 0x%02x: metadata with an admin command", sqe->opcode);
	if (sqe->rsvd1 != 0 || sqe->rsvd2 != 0)
		device_bug(device, "opcode 0x%02x: the reserved fields are not zero", sqe->opcode);
}

static void error_log(struct sim_nvme *nvme, uint32_t nsid, uint32_t status)
{
	struct sim_nvme_error *log = nvme->errors;

	memmove(log + 1, log, (SIM_NVME_ERRORS - 1) * sizeof(*log));
	log[0] = (struct sim_nvme_error){
		.number = ++nvme->n_errors,
		.nsid = nsid,
		.status = (uint16_t)status,
	};
}

static bool kernel_refuses(const struct nvme_passthru_cmd64 *sqe)
{
	if (sqe->opcode != NVME_SET_FEATURES)
		return false;
	switch (nvme_bits(sqe->cdw10, 7, 0)) {
	case 0x07: /* the driver's own: queues, power state transitions, host memory, keep alive,
		      behaviour */
	case 0x0c:
	case 0x0d:
	case 0x0f:
	case 0x16:
		return true;
	default:
		return false;
	}
}

int nvme_call(struct sim_device *device, struct nvme_passthru_cmd64 *sqe)
{
	struct nvme_command command = {.nvme = &device->nvme, .device = device, .sqe = sqe};
	bool from_device = (sqe->opcode & 3) == 2;
	enum sim_fault fault;
	uint32_t status;

	/* The driver does not look at lengths, but the block layer at what the controller takes. */
	if (sqe->flags != 0 || sqe->data_len > 4096u << SIM_NVME_MDTS)
		return -EINVAL;
	if (kernel_refuses(sqe))
		return -EACCES;
	transfer_check(device, sqe);
	if (sqe->data_len > 0)
		command.data = (uint8_t *)(uintptr_t)sqe->addr;
	sqe->result = 0;

	fault = device_reach(device);
	if (fault == SIM_FAULT_GARBAGE) {
		if (from_device && command.data)
			memset(command.data, SIM_GARBAGE, sqe->data_len);
		memset(&sqe->result, SIM_GARBAGE, sizeof(sqe->result));
		return 0;
	}

	/* Time passes by commands: a self-test takes four. */
	if (device->nvme.self_test != 0) {
		device->nvme.self_test_percent += 25;
		if (device->nvme.self_test_percent >= 100)
			nvme_self_test_end(&device->nvme, 0x0);
	}

	status = fault == SIM_FAULT_STATUS ? device->fault_status : command_execute(&command);
	if (status != NVME_SUCCESS)
		error_log(&device->nvme, sqe->nsid, status);
	else if (fault == SIM_FAULT_SHORT && from_device && command.data)
		memset(command.data + sqe->data_len / 2, 0, sqe->data_len - sqe->data_len / 2);
	return (int)(status & 0x7fff);
}
