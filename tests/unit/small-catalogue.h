/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A catalogue of five commands, for tests of the policy: it needs no files, and changes of the
 * shipped one do not touch it.
 *
 *     nvme.get-log-page  lid (8 bits; error 1, smart 2), rae (1 bit), secret-word (secret)
 *     nvme.set-features  fid (8 bits; arbitration 1, power 2), sv (1 bit)
 *     nvme.format-nvm    nothing
 *     cxl.get-feature    uuid, count (16 bits)
 *     cxl.set-feature    uuid, blob (bytes)
 */

#include "include/cleanup.h"
#include "policy/catalogue.h"

#define SMALL_NUMBER(field_name, width, ...)                                                       \
	{                                                                                          \
		.name = (char *)(field_name), .type = FIELD_NUMBER, .size = 4, .n_parts = 1,       \
		.parts = {{.size = 4, .low = 0, .high = (width)-1}}, ##__VA_ARGS__                 \
	}

static struct value_name small_lid_names[] = {{(char *)"error", 1}, {(char *)"smart", 2}};
static struct value_name small_fid_names[] = {{(char *)"arbitration", 1}, {(char *)"power", 2}};

static struct field small_log_fields[] = {
	SMALL_NUMBER("lid", 8, .names = small_lid_names, .n_names = 2),
	SMALL_NUMBER("rae", 1),
	SMALL_NUMBER("secret-word", 32, .secret = true),
};
static struct field small_feature_fields[] = {
	SMALL_NUMBER("fid", 8, .names = small_fid_names, .n_names = 2),
	SMALL_NUMBER("sv", 1),
};
static struct field small_get_fields[] = {
	{.name = (char *)"uuid", .type = FIELD_UUID, .size = 16, .n_parts = 1},
	SMALL_NUMBER("count", 16),
};
static struct field small_set_fields[] = {
	{.name = (char *)"uuid", .type = FIELD_UUID, .size = 16, .n_parts = 1},
	{.name = (char *)"blob", .type = FIELD_BYTES, .size = 8, .n_parts = 1},
};

static struct dialect small_dialects[2];

#define SMALL_COMMAND(which, command_opcode, dialect_name, command_name, command_fields, n)        \
	{                                                                                          \
		.dialect = &small_dialects[which], .opcode = (command_opcode),                     \
		.name = (char *)(command_name),                                                    \
		.full_name = (char *)(dialect_name "." command_name), .fields = (command_fields),  \
		.n_fields = (n), .class = CLASS_DESTRUCTIVE, .live_key = -1                        \
	}

static struct command small_nvme[] = {
	SMALL_COMMAND(0, 2, "nvme", "get-log-page", small_log_fields, 3),
	SMALL_COMMAND(0, 9, "nvme", "set-features", small_feature_fields, 2),
	SMALL_COMMAND(0, 0x80, "nvme", "format-nvm", NULL, 0),
};
static struct command small_cxl[] = {
	SMALL_COMMAND(1, 0x501, "cxl", "get-feature", small_get_fields, 2),
	SMALL_COMMAND(1, 0x502, "cxl", "set-feature", small_set_fields, 2),
};

static struct dialect small_dialects[2] = {
	{.name = (char *)"nvme", .commands = small_nvme, .n_commands = ELEMENTSOF(small_nvme)},
	{.name = (char *)"cxl", .commands = small_cxl, .n_commands = ELEMENTSOF(small_cxl)},
};

static const struct catalogue small_catalogue = {
	.dialects = small_dialects,
	.n_dialects = ELEMENTSOF(small_dialects),
};
