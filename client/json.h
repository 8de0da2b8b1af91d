/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes one JSON document (RFC 8259) to a stream. The output is ASCII without control characters,
 * whatever the strings hold, so it can go to a terminal. Bytes that are no UTF-8 become U+FFFD.
 *
 * `key` is NULL in an array and for the document itself. Numbers above 2^53 - 1 are written as
 * strings of decimal digits, as RFC 7493 (I-JSON), section 2.2, recommends: most readers would
 * round them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "include/fwctld.h"

struct json {
	FILE *file;
	bool comma; /* something stands before what comes next */
};

/* bracket: '{' or '['; json_end() gets its counterpart. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);

/* NULL: the key is left out (in an array: null). */
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed_number(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* Two hexadecimal digits a byte, in a string. */
void json_bytes(struct json *json, const char *key, const uint8_t *bytes, size_t length);
/* A NULL-terminated list of strings. */
void json_strings(struct json *json, const char *key, const char *const *strings);
void json_settings(struct json *json, const char *key, const struct fwctld_settings *settings);
/* An object; a group is an array of objects. */
void json_items(struct json *json, const char *key, const struct fwctld_items *items);
