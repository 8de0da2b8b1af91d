/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/random-model.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/exec/arena.h"
#include "daemon/exec/wire.h"
#include "daemon/sim/model.h"
#include "include/cleanup.h"
#include "tests/fuzz/random-request.h"

static struct sim_device nvme, cxl, cxl_mem, mlx5, bnxt, pds;
static const struct catalogue *shipped;
static struct live_effects cxl_live, bnxt_live;
static uint8_t *memory_end, *reply_end;
static uint8_t *memory; /* the arena of the last call; it ends at memory_end */

static const struct model {
	const char *dialect;
	enum envelope envelope;
	struct sim_device *device;
	enum sim_dialect number;
	void (*init)(struct sim_device *device);
	struct live_effects *live; /* what it reports of itself; NULL: nothing */
} models[] = {
	{"nvme", ENVELOPE_NVME_ADMIN, &nvme, SIM_NVME, nvme_init, NULL},
	{"cxl", ENVELOPE_FWCTL_RPC, &cxl, SIM_CXL, cxl_init, &cxl_live},
	{"cxl", ENVELOPE_CXL_MEM, &cxl_mem, SIM_CXL_MEM, cxl_mem_init, &cxl_live},
	{"mlx5", ENVELOPE_FWCTL_RPC, &mlx5, SIM_MLX5, mlx5_init, NULL},
	{"bnxt", ENVELOPE_FWCTL_RPC, &bnxt, SIM_BNXT, bnxt_init, &bnxt_live},
	{"pds", ENVELOPE_FWCTL_RPC, &pds, SIM_PDS, pds_init, NULL},
};

const char *model_bug(void)
{
	for (size_t i = 0; i < ELEMENTSOF(models); i++)
		if (models[i].device->bug[0])
			return models[i].device->bug;
	return NULL;
}

void model_setup(const struct catalogue *catalogue)
{
	/* include/sim-device.h has them as text. */
	static const uint8_t features[][17] = {
		"\xa1\xd6\xa7\xc2\x52\xe1\x4b\xe2\x9d\x0c\x4f\x3b\x6f\x0f\x7a\x10",
		"\xa1\xd6\xa7\xc2\x52\xe1\x4b\xe2\x9d\x0c\x4f\x3b\x6f\x0f\x7a\x11",
	};

	for (size_t i = 0; i < ELEMENTSOF(models); i++) {
		strcpy(models[i].device->serial, "RANDOM-1");
		models[i].device->dialect = models[i].number;
		models[i].init(models[i].device);
		if (models[i].envelope == ENVELOPE_FWCTL_RPC)
			models[i].device->kernel.rawio = 1;
	}
	shipped = catalogue;
	bnxt_live.kernel_capabilities = bnxt.bnxt.capabilities;
	for (size_t i = 0; i < ELEMENTSOF(features); i++) {
		struct live_entry *entry = &cxl_live.values.entries[cxl_live.values.n_entries++];

		memcpy(entry->key.bytes, features[i], sizeof(entry->key.bytes));
		entry->report.effects = EFFECT_BIT(i == 0 ? EFFECT_CONFIG_CHANGE_AFTER_RESET
							  : EFFECT_IMMEDIATE_CONFIG_CHANGE);
		entry->report.reason = "the model reports it";
	}
	memory_end = guarded_end(ARENA_MAX);
	reply_end = guarded_end(ARENA_MAX + ARENA_PAGE);
}

/* Of a command, or of any of the dialect where it is NULL. */
static const struct model *find(const struct dialect *dialect, const struct command *command)
{
	if (dialect != catalogue_dialect(shipped, dialect->name))
		return NULL;
	for (size_t i = 0; i < ELEMENTSOF(models); i++)
		if ((!command || models[i].envelope == command->envelope) &&
		    strcmp(models[i].dialect, dialect->name) == 0)
			return &models[i];
	return NULL;
}

const struct live_effects *model_live(const struct dialect *dialect)
{
	const struct model *model = find(dialect, NULL);

	return model ? model->live : NULL;
}

/* The executor's memory as the kernel may use it: what a relocation stands for, and all of it. */
static const struct arena_reloc *find_reloc(const struct arena *arena, uint64_t address)
{
	for (uint32_t i = 0; i < arena->n_relocs; i++)
		if (address == (uintptr_t)(memory + arena->relocs[i].target))
			return &arena->relocs[i];
	return NULL;
}

static int copy_in(void *context, uint64_t address, void *to, size_t length)
{
	const struct arena_reloc *reloc = find_reloc(context, address);

	assert(reloc && reloc->length == length);
	memcpy(to, memory + reloc->target, length);
	return 0;
}

/* The driver of fwctl's core may give less than there is room for. */
static int copy_out(void *context, uint64_t address, const void *from, size_t length)
{
	const struct arena_reloc *reloc = find_reloc(context, address);

	assert(reloc && length <= reloc->length);
	assert(length == reloc->length || reloc->where == offsetof(struct fwctl_rpc, out));
	assert(bytes_zero(memory + reloc->target, reloc->length));
	memcpy(memory + reloc->target, from, length);
	return 0;
}

static int call(const struct model *model, const struct arena *arena)
{
	const struct sim_user user = {copy_in, copy_out, (void *)arena};

	switch (arena->ioctl) {
	case NVME_IOCTL_ADMIN64_CMD:
		return nvme_call(model->device, (void *)memory);
	case FWCTL_RPC:
		return rpc_call(model->device, &user, (void *)memory);
	case CXL_MEM_QUERY_COMMANDS:
		return cxl_mem_query(model->device, (void *)memory);
	default:
		return cxl_mem_call(model->device, (void *)memory);
	}
}

static void gather(const struct arena *arena, struct model_answer *answer)
{
	answer->length = arena_reply_length(arena);
	answer->reply = reply_end - answer->length;
	assert(arena_gather(memory, arena, 0, answer->reply, answer->length) == answer->length);
}

bool model_call(const struct classified *c, const struct arena *arena, const uint8_t *given,
		struct model_answer *ret)
{
	const struct model *model = find(c->command->dialect, c->command);
	int r;

	memory = memory_end - arena->size;
	arena_load(memory, arena, given);
	if (!model)
		return false;
	r = call(model, arena);
	*ret = (struct model_answer){.value = r < 0 ? -1 : r, .error = r < 0 ? -r : 0};
	gather(arena, ret);
	return true;
}

const char *model_refusal(const struct classified *c, int error)
{
	static const struct {
		const char *command;
		int error;
		const char *why;
	} refusals[] = {
		{"nvme.set-features", EACCES, "some features are the driver's own"},
		{"cxl.get-feature", EINVAL, "the driver reads no 0 bytes"},
		{"cxl.get-supported-features", EINVAL, "the device has two features"},
		{"cxl.set-feature", EINVAL, "the device has two features"},
		{"cxl.get-scan-media-capabilities", ENOTTY, "the device has no Scan Media"},
		{"cxl.set-lsa", EINVAL, "more than its mailbox holds"},
		{"cxl.clear-log", EBUSY, "the driver lets the debug log alone be cleared"},
	};

	if (c->command->envelope == ENVELOPE_NVME_ADMIN && error == EINVAL)
		return c->response_length > ARENA_PAGE << SIM_NVME_MDTS
			       ? "more than the controller moves in one command"
			       : NULL;
	if (strcmp(c->command->dialect->name, "pds") == 0 && error == EINVAL)
		return c->segment_lengths[0] > SIM_PDS_PAYLOAD_MAX ||
				       c->segment_lengths[1] > SIM_PDS_PAYLOAD_MAX
			       ? "more than the firmware takes in one operation"
			       : NULL;
	for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
		if (refusals[i].error == error &&
		    strcmp(refusals[i].command, c->command->full_name) == 0)
			return refusals[i].why;
	return NULL;
}

void model_echo(const struct classified *c, const struct arena *arena, const uint8_t *given,
		struct model_answer *ret)
{
	uint32_t out = 0, length = 0;

	memory = memory_end - arena->size;
	arena_load(memory, arena, given);
	for (uint32_t i = 0; i < arena->n_relocs; i++)
		if (strcmp(c->command->dialect->name, "pds") == 0 &&
		    arena->relocs[i].where == offsetof(struct fwctl_rpc, out)) {
			out = arena->relocs[i].target;
			length = arena->relocs[i].length;
		}
	if (length > 0)
		memcpy(memory + out, memory + ARENA_MESSAGE,
		       length < c->command->message_size ? length : c->command->message_size);
	*ret = (struct model_answer){};
	gather(arena, ret);
}

bool model_address_in(const uint8_t *bytes, size_t length)
{
	uint64_t value;

	for (size_t i = 0; i + sizeof(value) <= length; i++) {
		memcpy(&value, bytes + i, sizeof(value));
		if (value - (uintptr_t)memory < (uint64_t)(memory_end - memory))
			return true;
	}
	return false;
}
