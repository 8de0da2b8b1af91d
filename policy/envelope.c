/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/envelope.h"

#include <errno.h>

#include "include/kernel-abi.h"

_Static_assert(sizeof(struct nvme_passthru_cmd64) <= ARENA_MESSAGE, "a message would overlap");
_Static_assert(sizeof(struct fwctl_rpc) <= ARENA_MESSAGE, "a message would overlap");
_Static_assert(sizeof(struct cxl_send_command) <= ARENA_MESSAGE, "a message would overlap");

const struct envelope_facts envelopes[_ENVELOPE_MAX] = {
	[ENVELOPE_NVME_ADMIN] =
		{
			.name = "nvme-admin",
			.ioctl = NVME_IOCTL_ADMIN64_CMD,
		},
	[ENVELOPE_FWCTL_RPC] =
		{
			.name = "fwctl-rpc",
			.ioctl = FWCTL_RPC,
			.tail = true,
		},
	[ENVELOPE_CXL_MEM] =
		{
			.name = "cxl-mem",
			.ioctl = CXL_MEM_SEND_COMMAND,
			.tail = true,
		},
};

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE;
}

/* The next pages that nothing else stands in. */
static struct arena_range place(uint64_t *end, size_t length)
{
	uint64_t offset = whole_pages(*end);

	if (length == 0)
		return (struct arena_range){};
	*end = offset + length;
	return (struct arena_range){.offset = (uint32_t)offset, .length = (uint32_t)length};
}

int envelope_plan(const struct classified *classified, struct envelope_plan *ret)
{
	const struct command *command = classified->command;
	uint64_t end = 0, response = classified->response_length;
	bool is_inline = false;
	struct envelope_plan plan = {};

	/* classify() bounds each of them; the sums below can't overflow then. */
	if (classified->request_length > ARENA_MAX || classified->response_length > ARENA_MAX)
		return -EMSGSIZE;
	for (unsigned i = 0; i < command->n_segments; i++)
		if (classified->segment_lengths[i] > ARENA_MAX)
			return -EMSGSIZE;

	switch (command->envelope) {
	case ENVELOPE_NVME_ADMIN:
		end = sizeof(struct nvme_passthru_cmd64);
		plan.request = place(&end, classified->request_length);
		break;
	case ENVELOPE_FWCTL_RPC:
		plan.message.offset = ARENA_MESSAGE;
		plan.message.length = command->message_size + (uint32_t)classified->request_length;
		end = (uint64_t)plan.message.offset + plan.message.length;
		break;
	case ENVELOPE_CXL_MEM:
		/* The loader and classify() see to both; a wrong catalogue must not wrap. */
		if (command->message_size < CXL_MESSAGE_HEADER || response < CXL_RESPONSE_HEADER)
			return -EMSGSIZE;
		if (command->kernel_id == CXL_MEM_COMMAND_ID_INVALID) {
			/* The kernel writes its answer over and behind its struct. */
			end = sizeof(struct cxl_mem_query_commands);
			is_inline = true;
			break;
		}
		plan.message.offset = ARENA_MESSAGE;
		plan.message.length = command->message_size - CXL_MESSAGE_HEADER +
				      (uint32_t)classified->request_length;
		end = (uint64_t)plan.message.offset + plan.message.length;
		response -= CXL_RESPONSE_HEADER;
		break;
	case _ENVELOPE_MAX:
		return -EMSGSIZE;
	}
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			plan.segments[i] = place(&end, classified->segment_lengths[i]);
	if (end > ARENA_GIVEN_MAX)
		return -EMSGSIZE;
	plan.given = (uint32_t)end;

	if (is_inline) {
		plan.response.length = (uint32_t)response;
		end = response;
	} else {
		plan.response = place(&end, response);
	}
	for (unsigned i = 0; i < command->n_segments; i++)
		if (!command->segments[i].to_device)
			plan.segments[i] = place(&end, classified->segment_lengths[i]);

	/* To the end of the last page: what a device writes too much stays in the arena. */
	end = whole_pages(end);
	if (end > ARENA_MAX)
		return -EMSGSIZE;
	plan.size = (uint32_t)end;
	*ret = plan;
	return 0;
}
