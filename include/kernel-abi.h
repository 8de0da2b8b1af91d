/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's own structs and numbers for the envelopes that fwctld sends. Everything here is in
 * the byte order of the host. They are written out, because Debian 12's headers are older than
 * fwctl, and because the CXL headers need macros that user space does not define.
 *
 * Sources, of Linux 7.3: include/uapi/linux/nvme_ioctl.h, include/uapi/fwctl/fwctl.h,
 * include/uapi/linux/cxl_mem.h. These names belong to the kernel: fwctld's own symbols never start
 * with fwctl_ or FWCTL_.
 */

#include <stdint.h>

/* NVMe admin passthrough with a 64-bit result. ioctl: 0, or a positive NVMe status, or -1 and
 * errno. */
#define NVME_IOCTL_ADMIN64_CMD 0xc0504e47u

struct nvme_passthru_cmd64 {
	uint8_t opcode;
	uint8_t flags; /* must be 0: EINVAL */
	uint16_t rsvd1;
	uint32_t nsid;
	uint32_t cdw2;
	uint32_t cdw3;
	uint64_t metadata; /* user pointer; 0 with every admin command */
	uint64_t addr;	   /* user pointer; 0 or data_len 0 with a data command: DMA to address 0 */
	uint32_t metadata_len; /* bytes */
	uint32_t data_len;     /* bytes; the kernel never compares it with the command */
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
	uint32_t
		timeout_ms; /* 0: admin_timeout of sysfs; when it passes, the controller is reset */
	uint32_t rsvd2;
	uint64_t result; /* out: dwords 0 and 1 of the completion queue entry */
};
_Static_assert(sizeof(struct nvme_passthru_cmd64) == 80, "the ioctl number says 0x50 bytes");

/* NVMe statuses that the kernel makes itself; drivers/nvme/host/core.c. No answer of the device. */
#define NVME_SC_HOST_PATH_ERROR	 0x370u /* never reached the device */
#define NVME_SC_HOST_ABORTED_CMD 0x371u /* cancelled in flight: outcome unknown */
#define NVME_SC_MASK		 0x7ffu /* status code and type, without CRD, More and DNR */

#define FWCTL_INFO 0x9a00u
#define FWCTL_RPC  0x9a01u

enum fwctl_device_type {
	FWCTL_DEVICE_TYPE_ERROR = 0,
	FWCTL_DEVICE_TYPE_MLX5 = 1,
	FWCTL_DEVICE_TYPE_CXL = 2,
	FWCTL_DEVICE_TYPE_BNXT = 3,
	FWCTL_DEVICE_TYPE_PDS = 4,
};

struct fwctl_info {
	uint32_t size;	/* in: 24 */
	uint32_t flags; /* in: 0 */
	uint32_t out_device_type;
	uint32_t device_data_len; /* in: bytes at out_device_data, without an upper limit; out: the
				     driver's */
	uint64_t out_device_data; /* user pointer; the kernel clears device_data_len bytes there */
};
_Static_assert(sizeof(struct fwctl_info) == 24, "struct fwctl_info is 24 bytes");

/* The numbers do not order harm: 0 permits writes. 2 and 3 taint the kernel, even when then
 * refused. */
enum fwctl_rpc_scope {
	FWCTL_RPC_CONFIGURATION = 0,
	FWCTL_RPC_DEBUG_READ_ONLY = 1,
	FWCTL_RPC_DEBUG_WRITE = 2,
	FWCTL_RPC_DEBUG_WRITE_FULL = 3, /* needs CAP_SYS_RAWIO */
};

struct fwctl_rpc {
	uint32_t size; /* in: 32 */
	uint32_t scope;
	uint32_t in_len;  /* bytes, at most 2 MiB */
	uint32_t out_len; /* in: bytes at out; out: the driver's length, which can exceed it */
	uint64_t in;	  /* user pointer */
	uint64_t out;	  /* user pointer */
};
_Static_assert(sizeof(struct fwctl_rpc) == 32, "struct fwctl_rpc is 32 bytes");

/*
 * The mailbox of a CXL memory device, /dev/cxl/memN. ENXIO from both: the driver let go of the
 * device.
 *
 * QUERY: its number says 8 bytes, but the kernel writes n_commands entries of 16 bytes behind them.
 */
#define CXL_MEM_QUERY_COMMANDS 0x8008ce01u
#define CXL_MEM_SEND_COMMAND   0xc030ce02u

struct cxl_command_info {
	uint32_t id; /* enum cxl_mem_command_id; 0: an id of this slot does not exist */
	uint32_t flags;
	uint32_t size_in; /* bytes, as size_out; 0xffffffff: variable */
	uint32_t size_out;
};
_Static_assert(sizeof(struct cxl_command_info) == 16, "struct cxl_command_info is 16 bytes");

#define CXL_MEM_COMMAND_FLAG_ENABLED 0x1u /* the device has it */
#define CXL_MEM_COMMAND_FLAG_EXCLUSIVE                                                             \
	0x2u /* the kernel keeps it to itself at the moment: EBUSY                                 \
	      */

struct cxl_mem_query_commands {
	uint32_t n_commands; /* in: entries that there is room for; it does not come back. 0: out */
	uint32_t rsvd;
	struct cxl_command_info commands[]; /* out, in the order of ids */
};
_Static_assert(sizeof(struct cxl_mem_query_commands) == 8, "the ioctl number says 8 bytes");

/* The ids that stand for commands; those of withdrawn ones (15 to 17, 19, 20) give ENOTTY. */
enum cxl_mem_command_id {
	CXL_MEM_COMMAND_ID_INVALID = 0,
	CXL_MEM_COMMAND_ID_IDENTIFY = 1,
	CXL_MEM_COMMAND_ID_RAW = 2, /* any opcode: never offered */
	CXL_MEM_COMMAND_ID_GET_SUPPORTED_LOGS = 3,
	CXL_MEM_COMMAND_ID_GET_FW_INFO = 4,
	CXL_MEM_COMMAND_ID_GET_PARTITION_INFO = 5,
	CXL_MEM_COMMAND_ID_GET_LSA = 6,
	CXL_MEM_COMMAND_ID_GET_HEALTH_INFO = 7,
	CXL_MEM_COMMAND_ID_GET_LOG = 8,
	CXL_MEM_COMMAND_ID_SET_PARTITION_INFO = 9,
	CXL_MEM_COMMAND_ID_SET_LSA = 10,
	CXL_MEM_COMMAND_ID_GET_ALERT_CONFIG = 11,
	CXL_MEM_COMMAND_ID_SET_ALERT_CONFIG = 12,
	CXL_MEM_COMMAND_ID_GET_SHUTDOWN_STATE = 13,
	CXL_MEM_COMMAND_ID_SET_SHUTDOWN_STATE = 14,
	CXL_MEM_COMMAND_ID_GET_SCAN_MEDIA_CAPS = 18,
	CXL_MEM_COMMAND_ID_GET_TIMESTAMP = 21,
	CXL_MEM_COMMAND_ID_GET_LOG_CAPS = 22,
	CXL_MEM_COMMAND_ID_CLEAR_LOG = 23,
	CXL_MEM_COMMAND_ID_GET_SUP_LOG_SUBLIST = 24,
	CXL_MEM_COMMAND_ID_MAX,
};

/*
 * ioctl: 0, the mailbox worked: what the device said is in retval; or -1 and errno. EINVAL:
 * reserved bits, in.size above payload_max of sysfs. ENOTTY: no such id, or the device has not the
 * command. EBUSY: kept by the kernel, refused by what its payload says, or the mailbox is busy.
 * ENOMEM: sizes that are not the command's. ETIMEDOUT: sent, and perhaps still running.
 */
struct cxl_send_command {
	uint32_t id;	/* enum cxl_mem_command_id */
	uint32_t flags; /* must be 0 */
	union {
		struct {
			uint16_t opcode;
			uint16_t rsvd;
		} raw;
		uint32_t rsvd; /* must be 0 */
	};
	uint32_t retval; /* out: the mailbox return code; only 0 means that out.payload counts */
	struct {
		uint32_t size;	  /* bytes */
		uint32_t rsvd;	  /* must be 0 */
		uint64_t payload; /* user pointer */
	} in;
	struct {
		uint32_t
			size; /* bytes; out: those that the device gave, after an error unchanged */
		uint32_t rsvd;	  /* must be 0 */
		uint64_t payload; /* user pointer; an error fills it with zeroes */
	} out;
};
_Static_assert(sizeof(struct cxl_send_command) == 48, "the ioctl number says 0x30 bytes");
