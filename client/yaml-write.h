/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes what policy/yaml.h has read, so that it reads the same again. The output is ASCII without
 * control characters, whatever the strings hold, so it can go to a terminal.
 */

#include <stdio.h>

#include "client/json.h"
#include "policy/yaml.h"

/* On one line, lists and maps in brackets. */
void yaml_write(FILE *file, const struct yaml_node *node);
/* Plain numbers and truth values as such, everything else that is no list and no map as strings. */
void json_yaml(struct json *json, const char *key, const struct yaml_node *node);
