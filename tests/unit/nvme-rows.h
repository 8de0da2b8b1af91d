/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* NVMe commands that somebody made by hand, and what a reader of NVM Express Base 2.0 expects of
 * them. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/effect.h"

#define READ	CLASS_READ_ONLY
#define CONFIG	CLASS_CONFIG_CHANGE
#define DESTROY CLASS_DESTRUCTIVE

#define PERSISTENT   EFFECT_BIT(EFFECT_PERSISTENT)
#define CONFIDENTIAL EFFECT_BIT(EFFECT_CONFIDENTIAL)
#define BROADCAST    EFFECT_BIT(EFFECT_BROADCAST)
#define TAINTS	     EFFECT_BIT(EFFECT_TAINTS_KERNEL)
#define LOSS	     EFFECT_BIT(EFFECT_DATA_LOSS)
#define ALL_NS	     0xffffffffu

/* A submission queue entry in dwords, as a specification shows it. */
struct nvme_row {
	const char *what;
	uint32_t dw0, nsid, dw10, dw11, dw12, dw13, dw14, dw15;
	size_t data;
	int expected; /* a class, or a negative errno */
	effect_set with;
	size_t response;
};

static const struct nvme_row nvme_rows[] = {
	/* Identify: a query for every CNS. */
	{"identify controller", 0x06, 0, 1, .expected = READ, .response = 4096},
	{"identify namespace 1", 0x06, 1, 0, .expected = READ, .response = 4096},
	{"identify active namespaces", 0x06, 0, 2, .expected = READ, .response = 4096},
	{"identify namespace descriptors", 0x06, 1, 3, .expected = READ, .response = 4096},
	{"identify with a reserved bit", 0x06, 0, 0x101, .expected = -EBADMSG},
	{"identify with data", 0x06, 0, 1, .data = 4096, .expected = -EBADMSG},

	/* Get Log Page: LID 7:0, LSP 14:8, RAE 15, NUMDL 31:16. */
	{"SMART, RAE", 0x02, ALL_NS, 0x007f8002, .expected = READ, .response = 512},
	{"SMART, re-arms events", 0x02, ALL_NS, 0x007f0002, .expected = CONFIG, .response = 512},
	{"error log, RAE", 0x02, ALL_NS, 0x000f8001, .expected = READ, .response = 64},
	{"firmware slots, RAE", 0x02, ALL_NS, 0x007f8003, .expected = READ, .response = 512},
	{"commands and effects", 0x02, 0, 0x03ff8005, .expected = READ, .response = 4096},
	{"self-test log", 0x02, ALL_NS, 0x008c8006, .expected = READ, .response = 564},
	{"sanitize status, RAE", 0x02, ALL_NS, 0x007f8081, .expected = READ, .response = 512},
	{"changed namespaces: clears", 0x02, ALL_NS, 0x03ff8004, .expected = DESTROY},
	{"reservation notification: clears", 0x02, ALL_NS, 0x000f8080, .expected = DESTROY},
	{"changed zones: clears", 0x02, 1, 0x03ff80bf, .expected = DESTROY},
	{"telemetry, host-initiated", 0x02, ALL_NS, 0x007f8007, .expected = READ,
	 .with = CONFIDENTIAL},
	{"telemetry, created anew", 0x02, ALL_NS, 0x007f8107, .expected = CONFIG},
	{"persistent events, establishes a context", 0x02, ALL_NS, 0x007f810d, .expected = CONFIG},
	{"PHY eye measurement", 0x02, ALL_NS, 0x007f8119, .expected = DESTROY},
	{"a vendor's log", 0x02, ALL_NS, 0x007f80c0, .expected = DESTROY},
	{"a reserved log", 0x02, ALL_NS, 0x007f8055, .expected = DESTROY},
	{"a log of 16 GiB", 0x02, ALL_NS, 0xffff8002, 0x0000ffff, .expected = -EMSGSIZE},
	{"a log of 2 MiB", 0x02, ALL_NS, 0xffff8002, 7, .expected = READ, .response = 2097152},
	{"a log of 2 MiB and 4", 0x02, ALL_NS, 0x00008002, 8, .expected = -EMSGSIZE},
	{"SMART with data", 0x02, ALL_NS, 0x007f8002, .data = 512, .expected = -EBADMSG},

	/* Get Features: FID 7:0, SEL 10:8. */
	{"get temperature threshold", 0x0a, 0, 0x04, .expected = READ},
	{"get arbitration, default", 0x0a, 0, 0x101, .expected = READ},
	{"get timestamp", 0x0a, 0, 0x0e, .expected = READ, .response = 8},
	{"get timestamp, capabilities", 0x0a, 0, 0x30e, .expected = READ, .response = 8},
	{"get LBA ranges, capabilities", 0x0a, 1, 0x303, .expected = READ, .response = 4096},
	{"get FDP events, capabilities", 0x0a, 0, 0x31e, .expected = READ, .response = 4096},
	{"get FDP events", 0x0a, 0, 0x1e, .expected = -EOPNOTSUPP},
	{"get a reserved feature, capabilities", 0x0a, 0, 0x320, .expected = -EOPNOTSUPP},
	{"get LBA ranges", 0x0a, 1, 0x03, .expected = READ, .response = 4096},
	{"get a vendor's feature", 0x0a, 0, 0xc1, .expected = -EOPNOTSUPP},
	{"get with a reserved bit", 0x0a, 0, 0x00010004, .expected = -EBADMSG},

	/* Set Features: FID 7:0, SV 31. */
	{"set temperature threshold", 0x09, 0, 0x04, 0x0150, .expected = CONFIG},
	{"set it to stay", 0x09, 0, 0x80000004, 0x0150, .expected = CONFIG, .with = PERSISTENT},
	{"set arbitration", 0x09, 0, 0x01, 0x07, .expected = CONFIG},
	{"set power state", 0x09, 0, 0x02, 0x01, .expected = CONFIG},
	{"set write cache", 0x09, 0, 0x06, 0x01, .expected = DESTROY},
	{"set number of queues", 0x09, 0, 0x07, 0x00010001, .expected = DESTROY},
	{"set write atomicity", 0x09, 0, 0x0a, 0x01, .expected = DESTROY},
	{"set timestamp", 0x09, 0, 0x0e, .data = 8, .expected = CONFIG},
	{"set timestamp, 4 bytes", 0x09, 0, 0x0e, .data = 4, .expected = -EBADMSG},
	{"set timestamp, 9 bytes", 0x09, 0, 0x0e, .data = 9, .expected = -EBADMSG},
	{"set timestamp, no data", 0x09, 0, 0x0e, .expected = -EBADMSG},
	{"set namespace write protection", 0x09, 1, 0x84, 0x01, .expected = DESTROY},
	{"set a vendor's feature", 0x09, 0, 0xc0, .expected = -EOPNOTSUPP},
	{"set on all namespaces", 0x09, ALL_NS, 0x05, 0x01, .expected = CONFIG, .with = BROADCAST},

	/* Firmware. */
	{"firmware commit, activates at reset", 0x10, 0, 0x09, .expected = DESTROY},
	{"firmware commit, at once", 0x10, 0, 0x19, .expected = DESTROY},
	{"firmware commit, reserved bit", 0x10, 0, 0x0109, .expected = -EBADMSG},
	{"firmware download, 4 KiB", 0x11, 0, 0x3ff, 0, .data = 4096, .expected = DESTROY},
	{"firmware download, short", 0x11, 0, 0x3ff, 0, .data = 4092, .expected = -EBADMSG},
	{"firmware download, 64 KiB and 4", 0x11, 0, 0x4000, 0, .data = 65540,
	 .expected = -EMSGSIZE},
	{"firmware download of 16 GiB", 0x11, 0, 0xffffffff, 0, .data = 4, .expected = -EMSGSIZE},

	/* What erases. */
	{"format namespace 1", 0x80, 1, 0x0200, .expected = DESTROY, .with = LOSS | PERSISTENT},
	{"format every namespace", 0x80, ALL_NS, 0x0200, .expected = DESTROY,
	 .with = LOSS | BROADCAST},
	{"format, reserved bit", 0x80, 1, 0x80000000, .expected = -EBADMSG},
	{"sanitize, block erase", 0x84, 0, 0x02, .expected = DESTROY,
	 .with = LOSS | PERSISTENT | BROADCAST},
	{"sanitize, crypto erase", 0x84, 0, 0x04, .expected = DESTROY, .with = LOSS},
	{"sanitize, reserved bit", 0x84, 0, 0x80000002, .expected = -EBADMSG},

	/* Self-test: STC 3:0. */
	{"self-test, short", 0x14, 1, 0x01, .expected = CONFIG},
	{"self-test, extended", 0x14, ALL_NS, 0x02, .expected = CONFIG},
	{"self-test, abort", 0x14, 1, 0x0f, .expected = CONFIG},
	{"self-test, vendor", 0x14, 1, 0x0e, .expected = DESTROY},
	{"self-test, reserved code", 0x14, 1, 0x07, .expected = DESTROY},

	/* Namespaces: SEL 3:0. */
	{"create a namespace", 0x0d, 0, 0, .data = 4096, .expected = DESTROY},
	{"create without data", 0x0d, 0, 0, .expected = -EBADMSG},
	{"delete a namespace", 0x0d, 1, 1, .expected = DESTROY, .with = LOSS},
	{"delete with data", 0x0d, 1, 1, .data = 4096, .expected = -EBADMSG},

	/* Abort: SQID 15:0, CID 31:16. */
	{"abort", 0x08, 0, 0x00120001, .expected = DESTROY},
	{"abort, dword 11", 0x08, 0, 0x00120001, 1, .expected = -EBADMSG},

	/* Directives: dword 11 has DOPER 7:0, DTYPE 15:8; dword 12 ENDIR 0, TDTYPE 15:8. */
	{"enable streams", 0x19, 1, 0, 0x0001, 0x0101, .expected = CONFIG},
	{"enable streams everywhere", 0x19, ALL_NS, 0, 0x0001, 0x0101, .expected = CONFIG,
	 .with = BROADCAST},
	{"enable streams, as if it had data", 0x19, 1, 3, 0x0001, 0x0101, .expected = -EBADMSG},
	{"enable streams, with data", 0x19, 1, 0, 0x0001, 0x0101, .data = 4, .expected = -EBADMSG},
	{"release a stream", 0x19, 1, 0, 0x00050101, .expected = DESTROY},
	{"release all streams", 0x19, 1, 0, 0x0102, .expected = DESTROY},
	{"a reserved operation of streams", 0x19, 1, 0, 0x0103, .expected = -EOPNOTSUPP},
	{"send a reserved directive", 0x19, 1, 0, 0x0301, .expected = -EOPNOTSUPP},
	{"directives there are", 0x1a, 1, 1023, 0x0001, .expected = READ, .response = 4096},
	{"stream parameters", 0x1a, 1, 7, 0x0101, .expected = READ, .response = 32},
	{"open streams", 0x1a, 1, 0xff, 0x0102, .expected = READ, .response = 1024},
	{"allocate streams", 0x1a, 1, 0, 0x0103, 4, .expected = CONFIG},
	{"allocate streams everywhere", 0x1a, ALL_NS, 0, 0x0103, 4, .expected = CONFIG,
	 .with = BROADCAST},
	{"allocate streams, with dwords", 0x1a, 1, 7, 0x0103, 4, .expected = -EOPNOTSUPP},
	{"receive a reserved directive", 0x1a, 1, 7, 0x0301, .expected = -EOPNOTSUPP},

	/* Virtualization Management: ACT 3:0, RT 10:8, CNTLID 31:16; NR 15:0. */
	{"flexible resources", 0x1c, 0, 0x00000001, 4, .expected = DESTROY,
	 .with = PERSISTENT | BROADCAST},
	{"a virtual function offline", 0x1c, 0, 0x00050007, .expected = DESTROY, .with = BROADCAST},
	{"interrupts to a virtual function", 0x1c, 0, 0x00050108, 2, .expected = DESTROY,
	 .with = BROADCAST},
	{"a reserved action", 0x1c, 0, 0x00050002, .expected = DESTROY,
	 .with = EFFECT_BIT(EFFECT_UNKNOWN)},
	{"virtualization, reserved bit", 0x1c, 0, 0x00050027, .expected = -EBADMSG},

	/* Capacity Management: OPER 3:0, ELID 31:16. */
	{"delete an endurance group", 0x20, 0, 0x00010002, .expected = DESTROY,
	 .with = LOSS | PERSISTENT | BROADCAST},
	{"create an NVM set", 0x20, 0, 0x00010003, 0, 1, .expected = DESTROY,
	 .with = PERSISTENT | BROADCAST},

	/* Lockdown: SCP 3:0, PRHBT 4, IFC 6:5, OFI 15:8. */
	{"prohibit Format", 0x24, 0, 0x00008010, .expected = DESTROY,
	 .with = EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE) | PERSISTENT},
	{"lockdown, reserved bit", 0x24, 0, 0x00018010, .expected = -EBADMSG},

	/* Security: NSSF 7:0, SPSP 23:8, SECP 31:24; dword 11 is the length in bytes. */
	{"security protocols", 0x82, 0, 0, 512, .expected = READ, .response = 512},
	{"security protocols, 3 bytes", 0x82, 0, 0, 3, .expected = READ, .response = 3},
	{"security protocols, no bytes", 0x82, 0, 0, 0, .expected = -EOPNOTSUPP},
	{"TCG, discovery", 0x82, 0, 0x01000100, 2048, .expected = DESTROY, .response = 2048,
	 .with = CONFIDENTIAL | EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE)},
	{"ATA security", 0x82, 0, 0xef000000, 16, .expected = DESTROY, .with = CONFIDENTIAL},
	{"security receive of 4 GiB", 0x82, 0, 0, 0xffffffff, .expected = -EMSGSIZE},
	{"TCG, a message", 0x81, 0, 0x01100400, 512, .data = 512, .expected = DESTROY,
	 .with = LOSS | PERSISTENT | EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE)},
	{"TCG, a short message", 0x81, 0, 0x01100400, 512, .data = 511, .expected = -EBADMSG},
	{"TCG, no message", 0x81, 0, 0x01100400, 0, .expected = -EOPNOTSUPP},

	/* Get LBA Status: dword 12 has the dwords, dword 13 RL 15:0, ATYPE 31:24. */
	{"LBAs that were found bad", 0x86, 1, 0, 0, 1023, 0x11000000, .expected = READ,
	 .response = 4096},
	{"scan for bad LBAs", 0x86, 1, 0, 0, 1023, 0x10000100, .expected = CONFIG,
	 .response = 4096},
	{"a reserved kind of LBA status", 0x86, 1, 0, 0, 1023, 0x20000000, .expected = DESTROY},
	{"LBA status of 16 GiB", 0x86, 1, 0, 0, 0xffffffff, 0x11000000, .expected = -EMSGSIZE},

	/* Sanitize Namespace. */
	{"crypto erase of a namespace", 0x8c, 1, 0x04, .expected = DESTROY,
	 .with = LOSS | PERSISTENT},
	{"crypto erase of all namespaces", 0x8c, ALL_NS, 0x04, .expected = DESTROY,
	 .with = LOSS | BROADCAST},
	{"overwrite passes of a namespace", 0x8c, 1, 0x14, .expected = -EBADMSG},

	/* Every bit that is a field's; each bit beside them is refused. */
	{"abort, all bits", 0x08, 0, 0xffffffff, .expected = DESTROY},
	{"directive send, all bits", 0x19, ALL_NS, 0, 0xffff0001, 0xff01, .expected = CONFIG},
	{"directive send, bit 1 of dword 12", 0x19, 1, 0, 0x0001, 2, .expected = -EBADMSG},
	{"directive send, bit 16 of dword 12", 0x19, 1, 0, 0x0001, 0x10000, .expected = -EBADMSG},
	{"directive receive, all bits", 0x1a, ALL_NS, 7, 0xffff0101, 0xffff, .expected = READ,
	 .response = 32},
	{"directive receive, bit 16 of dword 12", 0x1a, 1, 7, 0x0101, 0x10000,
	 .expected = -EBADMSG},
	{"virtualization, all bits", 0x1c, 0, 0xffff070f, 0xffff, .expected = DESTROY},
	{"virtualization, bit 11", 0x1c, 0, 0x00000801, .expected = -EBADMSG},
	{"virtualization, bit 16 of dword 11", 0x1c, 0, 1, 0x10000, .expected = -EBADMSG},
	{"capacity, all bits", 0x20, 0, 0xffff000f, 0xffffffff, 0xffffffff, .expected = DESTROY},
	{"capacity, bit 4", 0x20, 0, 0x00000010, .expected = -EBADMSG},
	{"capacity, bit 15", 0x20, 0, 0x00008000, .expected = -EBADMSG},
	{"lockdown, all bits", 0x24, 0, 0x0000ff7f, .dw14 = 0x7f, .expected = DESTROY},
	{"lockdown, bit 7", 0x24, 0, 0x00000080, .expected = -EBADMSG},
	{"lockdown, bit 7 of dword 14", 0x24, .dw14 = 0x80, .expected = -EBADMSG},
	{"security send, all bits", 0x81, ALL_NS, 0xffffffff, 4, .data = 4, .expected = DESTROY},
	{"security receive, all bits", 0x82, ALL_NS, 0xffffffff, 4, .expected = DESTROY,
	 .response = 4, .with = BROADCAST},
	{"LBA status, all bits", 0x86, 1, 0xffffffff, 0xffffffff, 0, 0x1100ffff, .expected = READ,
	 .response = 4},
	{"LBA status, bit 16 of dword 13", 0x86, 1, 0, 0, 0, 0x11010000, .expected = -EBADMSG},
	{"LBA status, bit 23 of dword 13", 0x86, 1, 0, 0, 0, 0x11800000, .expected = -EBADMSG},
	{"sanitize, all bits", 0x84, 0, 0x7ff, 0xffffffff, .expected = DESTROY},
	{"sanitize, bit 11", 0x84, 0, 0x802, .expected = -EBADMSG},
	{"sanitize a namespace, all bits", 0x8c, ALL_NS, 0x40f, .expected = DESTROY},
	{"sanitize a namespace, bit 11", 0x8c, 1, 0x804, .expected = -EBADMSG},

	/* What takes addresses, never ends, or is the driver's. */
	{"delete I/O submission queue", 0x00, 0, 1, .expected = -EOPNOTSUPP},
	{"create I/O submission queue", 0x01, 0, 1, .expected = -EOPNOTSUPP},
	{"delete I/O completion queue", 0x04, 0, 1, .expected = -EOPNOTSUPP},
	{"create I/O completion queue", 0x05, 0, 1, .expected = -EOPNOTSUPP},
	{"asynchronous event request", 0x0c, .expected = -EOPNOTSUPP},
	{"keep alive", 0x18, .expected = -EOPNOTSUPP},
	{"cross-controller reset", 0x38, .expected = -EOPNOTSUPP},
	{"track send", 0x3d, .expected = -EOPNOTSUPP},
	{"controller data queue", 0x45, .expected = -EOPNOTSUPP},
	{"doorbell buffers", 0x7c, .expected = -EOPNOTSUPP},
	{"fabrics", 0x7f, .expected = -EOPNOTSUPP},
	/* What moves data, and nobody has written down how much. */
	{"management interface, send", 0x1d, .expected = -EOPNOTSUPP},
	{"management interface, receive", 0x1e, .expected = -EOPNOTSUPP},
	{"exported subsystem", 0x2d, .data = 4096, .expected = -EOPNOTSUPP},
	{"migration", 0x42, .expected = -EOPNOTSUPP},
	{"load a program", 0x85, .data = 4096, .expected = -EOPNOTSUPP},
	/* And what is anybody's guess. */
	{"a vendor's command", 0xc1, .expected = -ENOENT},
	{"a reserved opcode", 0x03, .expected = -ENOENT},

	/* Not the client's: fuse and PSDT, command id, bytes that are pointers or reserved. */
	{"fused", 0x00000106, 0, 1, .expected = -EBADMSG},
	{"SGL", 0x00004006, 0, 1, .expected = -EBADMSG},
	{"with a command id", 0x00010006, 0, 1, .expected = -EBADMSG},
};
