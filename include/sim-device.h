/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A simulated device is a file of this layout, host byte order. The executor maps it, so that its
 * state outlives the executor as hardware would; the monitor reads from it who the device is; a
 * test reads what reached the device and injects faults, while it runs. The offsets in the comments
 * are relied upon by tests that are not written in C.
 *
 * One writer at a time is enough: an executor holds the device's lock, and tests write only the
 * fields that say so.
 */

#include <stddef.h>
#include <stdint.h>

#define SIM_MAGIC   "FWSIMDEV"
#define SIM_VERSION 1u

enum sim_dialect {
	SIM_NVME = 1,
	SIM_CXL,     /* the fwctl node of a CXL memory device */
	SIM_CXL_MEM, /* its mailbox node */
	SIM_MLX5,
	SIM_BNXT,
	SIM_PDS,
	_SIM_DIALECT_MAX,
};

/*
 * A fault applies to the next `fault_count` commands that reach the device; `fault` then goes back
 * to SIM_FAULT_NONE. Write `fault_count` (and `fault_status`) first, then `fault`.
 */
enum sim_fault {
	SIM_FAULT_NONE,
	SIM_FAULT_HANG, /* the call does not return until `fault` changes; then the command is
			   executed */
	SIM_FAULT_DIE, /* the executor exits in the call, with status 1; the command is not executed
			*/
	SIM_FAULT_SHORT,   /* executed, but half of the answer's data is missing */
	SIM_FAULT_GARBAGE, /* not executed; success, and every byte of the answer is 0xa5 */
	SIM_FAULT_STATUS, /* not executed; the answer is `fault_status`, the dialect's own status */
};

#define SIM_NVME_NAMESPACES   2u
#define SIM_NVME_CONTENT      4096u /* bytes of each namespace */
#define SIM_NVME_FEATURES     12u   /* rows of the model's table */
#define SIM_NVME_ERRORS	      4u
#define SIM_NVME_SELF_TESTS   20u    /* results that the log holds */
#define SIM_NVME_FIRMWARES    3u     /* slots */
#define SIM_NVME_FIRMWARE_MAX 16384u /* bytes of an image */
#define SIM_NVME_MDTS	      5u     /* 2^5 pages: the controller moves 128 KiB in one command */
/*
 * Bytes of the telemetry log, in whole blocks of 512; the first block is its header. From there on
 * each dword is its own offset in the log, little endian.
 */
#define SIM_NVME_TELEMETRY (1536u * 1024u)

/* Bits that logs 0x05 and 0x12 have otherwise than the model itself would say. */
struct sim_nvme_report {
	uint32_t commands[256]; /* by opcode */
	uint32_t features[256]; /* by feature identifier */
};

struct sim_nvme {
	uint8_t content[SIM_NVME_NAMESPACES]
		       [SIM_NVME_CONTENT];  /* 4096: namespace 1, 8192: namespace 2 */
	struct sim_nvme_report report;	    /* 12288; written by tests */
	struct sim_nvme_report next_report; /* 14336; written by tests: that of the firmware which
					       is activated next */
	uint8_t lba_format[SIM_NVME_NAMESPACES]; /* 0: 512-byte blocks, 1: 4096 */
	uint8_t sanitize_state;			 /* SSTAT of the sanitize log */
	uint8_t self_test;			 /* the running one: 0 none, 1 short, 2 extended */
	uint8_t self_test_percent;
	uint8_t firmware_active; /* slot, 1 to SIM_NVME_FIRMWARES */
	uint8_t firmware_next;	 /* slot that a reset would activate; 0: no change */
	uint8_t reserved;
	uint32_t self_test_nsid;
	uint32_t sanitize_cdw10;
	uint32_t events_rearmed; /* log pages that were read with RAE 0 */
	uint32_t n_errors;	 /* commands that failed, ever */
	struct sim_nvme_error {
		uint32_t number; /* 0: no entry */
		uint32_t nsid;
		uint16_t status;
		uint16_t reserved;
	} errors[SIM_NVME_ERRORS]; /* the newest first */
	struct sim_nvme_self_test {
		uint8_t status; /* code << 4 | result; 0x0f: no entry */
		uint8_t reserved[3];
		uint32_t nsid;
	} self_tests[SIM_NVME_SELF_TESTS]; /* the newest first */
	struct sim_nvme_value {
		uint32_t current;
		uint32_t saved;
	} features[SIM_NVME_FEATURES][SIM_NVME_NAMESPACES];
	uint8_t timestamp[8];
	char firmware[SIM_NVME_FIRMWARES]
		     [8];      /* revision in each slot, padded with spaces; zeroes: empty */
	uint32_t image_length; /* downloaded so far */
	uint8_t image[SIM_NVME_FIRMWARE_MAX];
};

/* What the simulated kernel has for every fwctl device; first in the state of each. */
struct sim_kernel {
	uint32_t rawio;	  /* 4096; written by tests: 1 if the caller has CAP_SYS_RAWIO */
	uint32_t tainted; /* 4100: requests with a scope that would have tainted it */
};

#define SIM_CXL_FEATURES    2u
#define SIM_CXL_FEATURE_MAX 8u

/* Feature 0: changes at the next cold reset. The value that was set is the saved one until then. */
#define SIM_CXL_RESET_FEATURE "a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a10"
/* Feature 1: changes at once, wherefore the kernel wants scope 3. */
#define SIM_CXL_IMMEDIATE_FEATURE "a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a11"

struct sim_cxl {
	struct sim_kernel kernel;
	struct sim_cxl_value {
		uint8_t current[SIM_CXL_FEATURE_MAX];
		uint8_t saved[SIM_CXL_FEATURE_MAX];
	} features[SIM_CXL_FEATURES];
};

#define SIM_CXL_MAILBOX 1024u /* bytes that one mailbox command takes or gives */
#define SIM_CXL_LABELS	2048u
#define SIM_CXL_DEBUG	3000u

struct sim_cxl_mem {
	uint32_t exclusive; /* 4096; written by tests: 1 while the simulated kernel keeps the labels
			       and the shutdown state to itself */
	uint32_t debug_length;		/* bytes of the vendor's debug log; 0 once it was cleared */
	uint8_t labels[SIM_CXL_LABELS]; /* 4104 */
	uint8_t debug[SIM_CXL_DEBUG];
	uint64_t next_volatile;	  /* of the next partition, in 256 MiB ... */
	uint64_t next_persistent; /* ... both 0: it stays as it is */
	uint8_t alerts[16];	  /* as Get Alert Configuration gives it */
	uint8_t dirty;		  /* the shutdown state */
};

#define SIM_MLX5_ITEMS	   4u	/* that its non-volatile configuration has room for */
#define SIM_MLX5_ITEM_DATA 256u /* bytes of one */

struct sim_mlx5 {
	struct sim_kernel kernel;
	uint32_t resets; /* 4104 */
	uint32_t q_counter;
	uint64_t vport_packets;	  /* 4112 */
	uint64_t port_frames;	  /* 4120 */
	uint64_t time;		  /* 4128: of its clock, which stands still */
	uint16_t temperature_max; /* 4136: in 1/8 degree, as the register has it */
	uint16_t reserved[3];
	struct sim_mlx5_item {
		uint32_t type; /* 0: free */
		uint32_t length;
		uint8_t data[SIM_MLX5_ITEM_DATA];
	} items[SIM_MLX5_ITEMS]; /* 4144 */
};

#define SIM_BNXT_VARIABLES    4u
#define SIM_BNXT_VARIABLE_MAX 32u   /* bytes of one */
#define SIM_BNXT_ITEMS	      4u    /* of the directory of its flash */
#define SIM_BNXT_ITEM_MAX     4096u /* bytes of one */

struct sim_bnxt {
	struct sim_kernel kernel;
	/* 4104; written by tests: uctx_caps of FWCTL_INFO. Bit 3: the kernel knows the pointers. */
	uint32_t capabilities;
	uint32_t resets;       /* 4108 */
	uint32_t trace_length; /* 4112: bytes of the last packet trace command */
	uint32_t reserved;
	uint64_t port_frames; /* 4120 */
	struct sim_bnxt_variable {
		uint16_t option;
		uint16_t index;
		uint16_t bits; /* 0: there is none */
		uint16_t reserved;
		uint8_t value[SIM_BNXT_VARIABLE_MAX];
		uint8_t factory[SIM_BNXT_VARIABLE_MAX];
	} variables[SIM_BNXT_VARIABLES]; /* 4128 */
	struct sim_bnxt_item {
		uint16_t type; /* 0: there is none */
		uint16_t ordinal;
		uint16_t ext;
		uint16_t attributes;
		uint32_t length; /* bytes of its room, all of data[] */
		uint32_t used;
		uint8_t data[SIM_BNXT_ITEM_MAX];
	} items[SIM_BNXT_ITEMS];
};

#define SIM_PDS_PAYLOAD_MAX 4096u /* bytes that one operation takes, and gives */
#define SIM_PDS_SETTINGS    64u

struct sim_pds {
	struct sim_kernel kernel;
	uint32_t synced;		    /* 4104: how often */
	uint32_t traced;		    /* 4108: bytes of the last request for a trace */
	uint8_t settings[SIM_PDS_SETTINGS]; /* 4112 */
};

struct sim_device {
	char magic[8];		/* 0 */
	uint32_t version;	/* 8 */
	uint32_t dialect;	/* 12: enum sim_dialect */
	uint64_t commands_seen; /* 16: commands that reached the device: the kernel's model let them
				   through */
	uint32_t fault;		/* 24: enum sim_fault; written by tests */
	uint32_t fault_count;	/* 28: written by tests */
	uint32_t fault_status;	/* 32: written by tests */
	uint32_t reserved;	/* 36 */
	/*
	 * 40: what fwctld did that it must never do to hardware (a length that is not the
	 * command's, a buffer that is not its own); the model then ends the executor. "" is as it
	 * should be.
	 */
	char bug[128];
	char serial[64]; /* 168; these four are NUL-terminated, as the kernel's sysfs would give
			    them */
	char model[64];
	char firmware[32];
	char nqn[256];
	_Alignas(4096) union { /* 4096 */
		struct sim_nvme nvme;
		struct sim_cxl cxl;
		struct sim_cxl_mem cxl_mem;
		struct sim_kernel kernel; /* of a fwctl dialect's */
		struct sim_mlx5 mlx5;
		struct sim_bnxt bnxt;
		struct sim_pds pds;
	};
};

_Static_assert(offsetof(struct sim_device, commands_seen) == 16 &&
		       offsetof(struct sim_device, fault) == 24 &&
		       offsetof(struct sim_device, fault_status) == 32 &&
		       offsetof(struct sim_device, bug) == 40 &&
		       offsetof(struct sim_device, serial) == 168 &&
		       offsetof(struct sim_device, nvme) == 4096 &&
		       offsetof(struct sim_device, nvme.report) == 12288 &&
		       offsetof(struct sim_device, nvme.next_report) == 14336 &&
		       offsetof(struct sim_device, kernel.rawio) == 4096 &&
		       offsetof(struct sim_device, mlx5.items) == 4144 &&
		       offsetof(struct sim_device, bnxt.capabilities) == 4104 &&
		       offsetof(struct sim_device, bnxt.variables) == 4128 &&
		       offsetof(struct sim_device, pds.settings) == 4112,
	       "tests that are not written in C use these offsets");
