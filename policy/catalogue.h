/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The catalogue: every command that fwctld knows, as data. One entry serves the classifier, the
 * packer, the command line (names <-> bytes), Explain, decoding and documentation. The files'
 * grammar is written down in docs/fwctld.commands.5; this is what the loader makes of it. All of it
 * is constant after load.
 *
 * A *message* is the command as the device's dialect writes it: NVMe's 64-byte submission queue
 * entry (bytes 16 to 39 zero: the pointers), or what FWCTL_RPC calls `in`. Offsets and sizes are
 * bytes; bit numbers count from the least significant bit of the word, after its byte order was
 * applied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/bytes.h"
#include "policy/effect.h"
#include "policy/problems.h"

#define FIELDS_MAX	  32u
#define FIELD_BYTES_MAX	  16u /* a UUID; longer content travels as data */
#define FIELD_PARTS_MAX	  2u
#define MESSAGE_HEAD_MAX  1024u /* of a message without its tail */
#define SEGMENTS_MAX	  2u
#define REQUEST_DATA_MAX  (64u * 1024u)
#define RESPONSE_DATA_MAX (2u * 1024u * 1024u) /* the kernel's own: MAX_RPC_LEN of fwctl */

/* The kernel call that a command travels in; a const table in policy/envelope.c. */
enum envelope {
	ENVELOPE_NVME_ADMIN, /* NVME_IOCTL_ADMIN64_CMD: request and response are one data buffer */
	ENVELOPE_FWCTL_RPC,  /* FWCTL_RPC: the request is the message's tail, the response is `out`
			      */
	/*
	 * CXL_MEM_SEND_COMMAND, or CXL_MEM_QUERY_COMMANDS. Message and response look as in
	 * FWCTL_RPC for CXL, so that one dialect has one shape: pack() takes the message's header
	 * off, and the response begins with the bytes that the device gave and its return code.
	 */
	ENVELOPE_CXL_MEM,
	_ENVELOPE_MAX,
};

union field_value {
	uint64_t number;		/* FIELD_NUMBER */
	uint8_t bytes[FIELD_BYTES_MAX]; /* FIELD_UUID: 16; FIELD_BYTES: the field's size */
};

enum field_type {
	FIELD_NUMBER,
	FIELD_UUID,
	FIELD_BYTES,
};

/* Where a value, or a part of it, stands. */
struct field_part {
	uint16_t offset;
	uint8_t size; /* bytes of the word: 1, 2, 4 or 8 (FIELD_BYTES: up to 16) */
	uint8_t low;  /* first bit ... */
	uint8_t high; /* ... and last */
	enum byte_order order;
};

struct value_name {
	char *name;
	uint64_t value;
};

/* One test of a condition: the field's value lies in one of the ranges, or is one of the UUIDs. */
struct condition_term {
	unsigned field;
	struct value_range {
		uint64_t first, last;
	} * ranges;
	size_t n_ranges;
	uint8_t (*uuids)[16];
	size_t n_uuids;
};

/* All terms hold, and (if any_effect is not empty) at least one of the effects is there. Empty:
 * true. */
struct condition {
	struct condition_term *terms;
	size_t n_terms;
	effect_set any_effect;
};

/* (value of the field + add) * scale, or the constant `add` where field is -1. */
struct length {
	int field;
	uint64_t add;
	uint64_t scale;
	uint64_t min, max; /* where `any` is set: whatever the sender gives, within these */
	bool any;
};

struct length_case {
	struct condition when;
	struct length length;
};

struct value_case {
	struct condition when;
	uint64_t value;
};

/* A value that is fwctld's own: the client must send it, and can send no other. */
enum field_fixed {
	FIXED_NOT,
	FIXED_VALUE,	    /* .fixed_value */
	FIXED_MESSAGE_SIZE, /* bytes of the whole message, less .fixed_value */
};

struct field {
	char *name;
	char *summary; /* NULL: none */
	enum field_type type;
	uint8_t size;				  /* bytes of the value */
	struct field_part parts[FIELD_PARTS_MAX]; /* least significant first */
	unsigned n_parts;
	struct value_name *names;
	size_t n_names;
	struct value_case *defaults; /* first match; no match: the field is required */
	size_t n_defaults;
	enum field_fixed fixed;
	uint64_t fixed_value;
	bool select; /* fixed, and part of what says which command a message is */
	int at_most; /* the field whose value this one must not exceed, or -1 */
	bool secret; /* never logged, prompted or shown; its digest is keyed */
};

/* What holds under a condition. In `refine` the first match decides; in `also` every match adds. */
struct refinement {
	struct condition when;
	enum effect_class class; /* `also`: 0 leaves the class alone */
	effect_set effects;
	char *reason;
};

/* A buffer that the message itself points to (bnxt, pds). The pointer is fwctld's; a client sends
 * 0. */
struct segment {
	uint16_t pointer; /* offset in the message; 8 bytes, host byte order */
	bool to_device;
	struct length length;
};

enum layout_type {
	LAYOUT_NUMBER, /* up to 16 bytes */
	LAYOUT_TEXT,   /* ASCII, padded with spaces or NULs */
	LAYOUT_UUID,
	LAYOUT_BYTES, /* size 0: the rest of the response */
	LAYOUT_GROUP, /* .items, once every .stride bytes */
};

/* One thing in a response. Offsets count from the start of the response, in a group from its start.
 */
struct layout_item {
	char *name;
	char *unit; /* "K", "%", "h", ...; NULL: none */
	enum layout_type type;
	uint32_t offset;
	uint32_t size;
	uint8_t low, high; /* bits of a number of at most 8 bytes */
	bool is_signed;	   /* such a number is one in two's complement */
	enum byte_order order;
	struct value_name *names;
	size_t n_names;
	uint32_t stride; /* LAYOUT_GROUP: bytes of one member */
	uint32_t count;	 /* LAYOUT_GROUP: at most so many */
	int count_item;	 /* LAYOUT_GROUP: index, beside it, of the number that counts them; or -1 */
	struct layout_item *items;
	size_t n_items;
};

struct layout {
	char *name;
	struct layout_item *items;
	size_t n_items;
};

struct layout_case {
	struct condition when;
	const struct layout *layout;
};

/*
 * Where a response says how many of its bytes count (CXL: `size`), and how many more stand before
 * them. whole: a response of fewer bytes than were asked for is no answer, whatever the status
 * says. The CXL driver answers Get Feature with status 0 and size 0 when its mailbox failed.
 */
struct answer_size {
	struct field_part part; /* .size 0: there is no such word, the whole response counts */
	uint32_t add;
	bool whole;
};

struct command {
	const struct dialect *dialect;
	enum envelope envelope; /* its own; most have their dialect's */
	char *name;		/* "get-log-page" */
	char *full_name;	/* "nvme.get-log-page" */
	char *summary;
	char *file; /* where the entry stands */
	unsigned line;
	uint32_t opcode;
	/*
	 * Why it is never sent, whoever asks: a clause; or NULL. What is refused has no lengths and
	 * no other fields than selecting ones; message_size then only holds these.
	 */
	char *refused;
	bool layout_unknown; /* that is why; a later file can describe it */
	uint32_t needs;	     /* mask of the kernel's capabilities */
	uint32_t kernel_id;  /* cxl-mem: enum cxl_mem_command_id; 0: CXL_MEM_QUERY_COMMANDS */

	struct field *fields;
	unsigned n_fields;
	uint32_t message_size; /* bytes, without a tail */
	/*
	 * message_size bytes each. template: the opcode and every fixed value in place, the rest
	 * zero. mask: the bits that are the opcode's or a field's. Every other bit is reserved and
	 * must be zero.
	 */
	uint8_t *template;
	uint8_t *mask;

	enum effect_class class; /* when nothing under refine fits */
	effect_set effects;
	char *reason;
	struct refinement *refine;
	size_t n_refine;
	struct refinement *also;
	size_t n_also;

	/* First match. No case at all: no bytes. Cases, but none matches: length unknown, refused.
	 */
	struct length_case *request;
	size_t n_request;
	struct length_case *response;
	size_t n_response;
	struct segment segments[SEGMENTS_MAX];
	unsigned n_segments;

	struct value_case *scopes; /* fwctl-rpc: the lowest scope the kernel accepts */
	size_t n_scopes;
	uint32_t timeout_ms;  /* what the kernel is told (NVMe) */
	uint32_t deadline_ms; /* when the caller stops waiting */
	bool renews; /* after it the device can be another: other firmware, other effects */

	int live_key; /* the field that the device's own report is looked up by, or -1 */
	enum effect_class live_absent; /* the class when the device reports nothing for it, or 0 */

	uint32_t *success; /* device statuses, beside 0, that mean "done" */
	size_t n_success;
	struct answer_size answer;
	/* A long answer can be read piece after piece, each from a byte offset on. */
	struct {
		bool possible;
		unsigned offset; /* the field */
		struct condition when;
	} pieces;
	struct layout_case *layouts;
	size_t n_layouts;
};

/* Bytes that the kernel's driver insists on; 0: it does not. */
struct limits {
	uint32_t message_min, message_max; /* with the tail */
	uint32_t message_unit;		   /* it has a multiple of these */
	uint32_t response_min, response_max;
	uint32_t segment_min, segment_max;
};

struct dialect {
	char *name; /* "nvme" */
	char *summary;
	struct field_part opcode;
	struct limits limits;
	/* Bit numbers of what FWCTL_INFO gives as the first word of its data. */
	struct value_name *kernel_capabilities;
	size_t n_kernel_capabilities;
	/* Where the device's own status stands in the response; size 0: the ioctl's return is the
	 * status. */
	struct field_part status;
	/* Statuses that the driver makes of its own failures (bnxt): outcome unknown. 0 to 0: none.
	 */
	struct value_range status_unknown;
	/* The driver's answer is the message again, with the addresses that it had (pds). */
	bool echoes;
	struct value_name *statuses;
	size_t n_statuses;
	struct command *commands; /* sorted by opcode, then by name */
	size_t n_commands;
	struct layout *layouts;
	size_t n_layouts;
};

struct catalogue {
	struct dialect *dialects;
	size_t n_dialects;
	uint8_t digest[32]; /* SHA-256 over the files, in the order they were read */
};

/*
 * Loads DIR/DIALECT.yaml of each folder in turn (NULL-terminated; a folder that is not there is
 * skipped, but the first must be). Files of the first folder define dialects; those of later
 * folders add commands and worsen existing ones (`worsen:`), and can do nothing else. Every problem
 * of every file is reported. 0; -EBADMSG for a wrong file; another errno when a file can't be read.
 * `ret` is untouched on failure.
 */
int catalogue_load(const char *const *folders, bool trusted, struct problems *problems,
		   struct catalogue **ret);
struct catalogue *catalogue_free(struct catalogue *catalogue);

const struct dialect *catalogue_dialect(const struct catalogue *catalogue, const char *name);
/* By "get-log-page" or "nvme.get-log-page"; NULL when there is none. */
const struct command *dialect_command(const struct dialect *dialect, const char *name);
/* The first of this opcode; NULL when there is none. */
const struct command *dialect_opcode(const struct dialect *dialect, uint32_t opcode);
/*
 * The command that a message of this opcode is: where several share one, that whose selecting
 * fields the message has. NULL when there is none.
 */
const struct command *dialect_find(const struct dialect *dialect, uint32_t opcode,
				   const void *message, size_t length);
/* The index of a field, or -1. */
int command_field(const struct command *command, const char *name);
/* The name of a device status, or NULL. */
const char *dialect_status(const struct dialect *dialect, uint32_t status);

/* Does the condition hold for these values (one a field, in the order of the fields) and effects?
 */
bool condition_holds(const struct condition *condition, const struct command *command,
		     const union field_value *values, effect_set effects);
