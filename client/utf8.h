/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * UTF-8, independent of the locale. dbus-daemon disconnects whoever sends a string that is none,
 * and sd-bus 252 checks only what it receives.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * One character from the front of a NUL-terminated string that is not empty: returns its bytes, 1
 * to 4, or 0 for what is no UTF-8 (RFC 3629: overlong forms, surrogates and everything above
 * U+10FFFF included).
 */
unsigned utf8_read(const char *string, uint32_t *ret);
bool utf8_valid(const char *string);
