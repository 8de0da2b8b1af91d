/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The catalogue as `fwctl commands --all` lists it: by itself, without a device that could report
 * anything. A command has an entry for each row that it has on a device (policy/row.h), and one for
 * what a device does not report, where that makes it worse.
 */

#include <stddef.h>
#include <stdio.h>

#include "policy/row.h"

struct entry {
	const struct command *command;
	char when[sizeof(((struct row *)0)->text)]; /* "lid=smart rae=1", "otherwise", "always" */
	struct classified is;			    /* class, effects and reason */
	int scope; /* what the kernel is told; -1: nothing, or nobody wrote it down */
};

size_t entry_count(const struct command *command);
/* n < entry_count() */
void entry_get(const struct command *command, size_t n, struct entry *ret);

/* What says which command a message is: "0x0805", "0x0805 op-mod=0x1 register=0x9020". */
void write_opcode(FILE *file, const struct command *command);
/* What it moves: "to the device 512; from the device (numd + 1) * 4"; nothing: it moves none. */
void write_data(FILE *file, const struct command *command);

/* All of it as one document; dialects: NULL-terminated. 0, or -ENOMEM. */
int write_markdown(FILE *file, const struct dialect *const *dialects);
