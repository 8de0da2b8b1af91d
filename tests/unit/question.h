/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A question to decide(), about the commands of small-catalogue.h. */

#include "policy/decide.h"
#include "tests/unit/small-catalogue.h"

/* A read of the SMART log by user 1000 of the groups 1000 and 10; each test changes what it is
 * about. */
struct question {
	gid_t gids[4];
	struct caller_identity caller;
	struct device_identity device;
	struct classified request;
	struct query query;
};

static inline void question_init(struct question *q)
{
	*q = (struct question){
		.gids = {1000, 10},
		.caller = {.uid = 1000, .n_gids = 2},
		.device = {.id = "nvme:S1",
			   .dialect = "nvme",
			   .driver = "nvme",
			   .pci = "0000:3b:00.0",
			   .serial = "S1",
			   .model = "QEMU NVMe Ctrl",
			   .firmware = "8.1",
			   .nqn = "nqn.2019-08.org.qemu:S1"},
		.request = {.command = &small_nvme[0],
			    .class = CLASS_READ_ONLY,
			    .reason = "a query"},
	};
	q->request.values[0].number = 2;
	q->caller.gids = q->gids;
	q->query =
		(struct query){.caller = &q->caller, .device = &q->device, .request = &q->request};
}
