/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What came back: the ioctl's return, errno and bytes, to a truthful end of the request. What
 * nobody can be sure of is unknown. An errno proves that nothing was executed only where it is
 * raised before delivery.
 */
#include "policy/pack.h"

#include <errno.h>
#include <string.h>

#include "include/bytes.h"
#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/envelope.h"
#include "policy/message.h"

#define NVME_RESULT_SIZE 8u /* first in the reply: dwords 0 and 1 of the completion */
#define OUT_LEN_SIZE	 4u /* first in the reply: fwctl_rpc.out_len */

const char *outcome_kind_to_string(enum outcome_kind kind)
{
	static const char *const names[_OUTCOME_MAX] = {
		[OUTCOME_UNKNOWN] = "unknown",
		[OUTCOME_EXECUTED] = "executed",
		[OUTCOME_REFUSED_BY_DEVICE] = "refused-by-device",
		[OUTCOME_REFUSED_BY_KERNEL] = "refused-by-kernel",
	};

	return (unsigned)kind < _OUTCOME_MAX ? names[kind] : NULL;
}

/*
 * Errnos that prove that the command was not executed, and by whose driver. All others prove
 * nothing: EFAULT and ENOMEM can come after execution, EIO, ETIMEDOUT and ENXIO while it goes on,
 * EINTR is a command in flight that a reset cancelled. Sources: nvme_submit_user_cmd() and
 * nvme_cmd_allowed() in drivers/nvme/host/ioctl.c; fwctl_fops_ioctl() and fwctl_cmd_rpc() in
 * drivers/fwctl/main.c; the fw_rpc() of each driver below drivers/fwctl/ and of
 * drivers/cxl/core/features.c; cxl_send_cmd() in drivers/cxl/core/mbox.c and
 * __cxl_pci_mbox_send_cmd() in drivers/cxl/pci.c.
 */
static const struct errno_fact {
	enum envelope envelope;
	const char *dialect; /* NULL: every one of the envelope */
	int error;
} errnos_not_executed[] = {
	{ENVELOPE_NVME_ADMIN, NULL, EACCES}, /* the kernel's own list of commands */
	{ENVELOPE_NVME_ADMIN, NULL, EINVAL}, /* flags; longer than the controller takes */
	{ENVELOPE_NVME_ADMIN, NULL, ENODEV}, /* removed before */
	{ENVELOPE_NVME_ADMIN, NULL, ENOTTY}, /* no such ioctl */
	{ENVELOPE_NVME_ADMIN, NULL, EPERM},
	{ENVELOPE_NVME_ADMIN, NULL, EWOULDBLOCK}, /* the controller is not live */

	{ENVELOPE_FWCTL_RPC, NULL, E2BIG},	 /* the ioctl's struct */
	{ENVELOPE_FWCTL_RPC, NULL, EMSGSIZE},	 /* over 2 MiB; mlx5: under 16 bytes */
	{ENVELOPE_FWCTL_RPC, NULL, ENOTTY},	 /* no such ioctl */
	{ENVELOPE_FWCTL_RPC, NULL, EOPNOTSUPP},	 /* scope above 3 */
	{ENVELOPE_FWCTL_RPC, NULL, EPERM},	 /* capability; opcode, scope, exclusive feature */
	{ENVELOPE_FWCTL_RPC, "cxl", EINVAL},	 /* shape, unknown feature, scope */
	{ENVELOPE_FWCTL_RPC, "cxl", ENODEV},	 /* removed before */
	{ENVELOPE_FWCTL_RPC, "mlx5", EAGAIN},	 /* all slots stalled, or no index */
	{ENVELOPE_FWCTL_RPC, "mlx5", EBADMSG},	 /* opcode or scope */
	{ENVELOPE_FWCTL_RPC, "mlx5", EBUSY},	 /* waited for a slot in vain */
	{ENVELOPE_FWCTL_RPC, "mlx5", ECANCELED}, /* waited in the work queue in vain */
	{ENVELOPE_FWCTL_RPC, "mlx5", ENODEV}, /* removed before; its EINVAL is a delivery error */
	{ENVELOPE_FWCTL_RPC, "bnxt", EINVAL}, /* lengths */
	{ENVELOPE_FWCTL_RPC, "bnxt", ENODEV}, /* removed before */
	{ENVELOPE_FWCTL_RPC, "pds", EINVAL},  /* the kernel, or a firmware that does not know it */
	/* pds: the other errnos, ENODEV too, can be a status of the firmware. */

	/*
	 * ETIMEDOUT is not among them: the device may go on for as long as it likes. Nor are EIO
	 * and EOPNOTSUPP, which only the kernel's mock of a device gives; of its errors it makes
	 * EINVAL, too, and executes nothing then.
	 */
	{ENVELOPE_CXL_MEM, NULL, EBUSY},  /* kept by the kernel; payload refused; mailbox is busy */
	{ENVELOPE_CXL_MEM, NULL, EINVAL}, /* reserved bits; longer than the mailbox */
	{ENVELOPE_CXL_MEM, NULL, ENOMEM}, /* not the command's sizes; no memory to send it from */
	{ENVELOPE_CXL_MEM, NULL, ENOTTY}, /* no such id, or the device has no such command */
	{ENVELOPE_CXL_MEM, NULL, ENXIO},  /* removed before */
	{ENVELOPE_CXL_MEM, NULL, EPERM},  /* raw commands alone */
};

static enum outcome_kind judge_errno(const struct command *command, int error)
{
	for (size_t i = 0; i < ELEMENTSOF(errnos_not_executed); i++) {
		const struct errno_fact *fact = &errnos_not_executed[i];

		if (fact->envelope == command->envelope && fact->error == error &&
		    (!fact->dialect || strcmp(fact->dialect, command->dialect->name) == 0))
			return OUTCOME_REFUSED_BY_KERNEL;
	}
	return OUTCOME_UNKNOWN;
}

static enum outcome_kind judge_status(const struct command *command, uint32_t status)
{
	if (status == 0)
		return OUTCOME_EXECUTED;
	for (size_t i = 0; i < command->n_success; i++)
		if (command->success[i] == status)
			return OUTCOME_EXECUTED;
	return OUTCOME_REFUSED_BY_DEVICE;
}

/* reply: the result, then the data. `status` is what the ioctl returned, 0 or more. */
static void judge_nvme(const struct classified *c, uint32_t status, const uint8_t *reply,
		       size_t reply_length, struct outcome *outcome)
{
	uint64_t result = 0;

	status &= NVME_SC_MASK;
	switch (status) {
	case NVME_SC_HOST_PATH_ERROR:
		outcome->kind = OUTCOME_REFUSED_BY_KERNEL;
		return;
	case NVME_SC_HOST_ABORTED_CMD:
		outcome->kind = OUTCOME_UNKNOWN;
		return;
	}

	/* The kernel writes the result back for every status, and for no errno. */
	outcome->has_result =
		bytes_get(reply, reply_length, 0, NVME_RESULT_SIZE, BYTES_HOST, &result);
	outcome->result = result;
	outcome->status = status;
	outcome->kind = judge_status(c->command, status);
	if (outcome->kind == OUTCOME_EXECUTED && c->response_length > 0) {
		outcome->response = reply + NVME_RESULT_SIZE;
		outcome->response_length = c->response_length;
	}
}

/*
 * How many of the `written` bytes count, by the response's own word. False: an answer that says
 * "executed" lacks the word, or is shorter than was asked for where the catalogue knows that this
 * is a failure.
 */
static bool measure_answer(const struct classified *c, bool executed, const uint8_t *response,
			   size_t written, size_t *ret)
{
	const struct answer_size *answer = &c->command->answer;
	uint64_t size;

	if (answer->part.size == 0) {
		*ret = written;
		return true;
	}
	if (!part_get(&answer->part, response, written, &size))
		return false;
	if (__builtin_add_overflow(size, answer->add, &size))
		size = UINT64_MAX;
	if (executed && answer->whole && size != c->response_length)
		return false;
	*ret = size < written ? (size_t)size : written;
	return true;
}

/* A response of `written` bytes, in which the dialect has a place for the status. */
static void judge_response(const struct classified *c, const uint8_t *response, size_t written,
			   struct outcome *outcome)
{
	const struct dialect *dialect = c->command->dialect;
	enum outcome_kind kind;
	uint64_t status = 0;
	size_t length;

	outcome->kind = OUTCOME_UNKNOWN;
	if (dialect->status.size > 0) {
		if (!part_get(&dialect->status, response, written, &status))
			return;
		outcome->status = (uint32_t)status;
		if (status != 0 && status >= dialect->status_unknown.first &&
		    status <= dialect->status_unknown.last)
			return;
	}
	kind = judge_status(c->command, outcome->status);
	if (!measure_answer(c, kind == OUTCOME_EXECUTED, response, written, &length))
		return;
	outcome->kind = kind;
	if (length > 0) {
		outcome->response = response;
		outcome->response_length = length;
	}
}

/* reply: the out_len word, `out`, and the from-device segments. */
static void judge_fwctl(const struct classified *c, uint8_t *reply, size_t reply_length,
			struct outcome *outcome)
{
	const struct command *command = c->command;
	uint8_t *response = reply + OUT_LEN_SIZE;
	size_t out = c->response_length;
	uint64_t written = 0;

	/* The message is back, addresses of the executor's memory included: nobody gets to see
	 * them. */
	for (unsigned i = 0; command->dialect->echoes && i < command->n_segments; i++) {
		size_t pointer = command->segments[i].pointer;

		if (pointer < out)
			memset(response + pointer, 0, out - pointer < 8 ? out - pointer : 8);
	}

	/* The driver's own length, which can exceed the buffer that it was given. */
	bytes_get(reply, reply_length, 0, OUT_LEN_SIZE, BYTES_HOST, &written);
	if (written > out)
		written = out;

	judge_response(c, response, (size_t)written, outcome);
	/* What follows `out` are segments: then everything keeps its place. */
	if (outcome->kind != OUTCOME_UNKNOWN && reply_length - OUT_LEN_SIZE > out) {
		outcome->response = response;
		outcome->response_length = reply_length - OUT_LEN_SIZE;
	}
}

/* Entries behind the last that says something are room that the kernel did not need. */
static size_t query_measure(const uint8_t *entries, size_t length)
{
	const size_t size = sizeof(struct cxl_command_info);

	while (length >= size && bytes_zero(entries + length - size, size))
		length -= size;
	return length;
}

/*
 * reply: size, return code and payload, in the shape of the dialect's responses. The size is the
 * kernel's, and never more than it was asked for. After an error of the device it stays what was
 * asked for, with zeroes for a payload: there was none. The kernel's mock of a device leaves it
 * after a success, too: there the payload ends in zeroes that the device did not give.
 */
static void judge_cxl(const struct classified *c, uint8_t *reply, struct outcome *outcome)
{
	size_t room = c->response_length - CXL_RESPONSE_HEADER;
	uint64_t size = 0, code = 0;

	bytes_get(reply, c->response_length, 0, 4, BYTES_HOST, &size);
	bytes_get(reply, c->response_length, 4, 4, BYTES_HOST, &code);
	if (c->command->kernel_id == CXL_MEM_COMMAND_ID_INVALID)
		size = query_measure(reply + CXL_RESPONSE_HEADER, room);
	else if (code != 0)
		size = 0;
	if (size > room)
		size = room;
	bytes_put(reply, c->response_length, 0, 4, BYTES_HOST, size);
	judge_response(c, reply, CXL_RESPONSE_HEADER + (size_t)size, outcome);
}

int unpack(const struct classified *classified, const struct arena *arena, int ioctl_return,
	   int ioctl_errno, uint8_t *reply, size_t reply_length, struct outcome *ret)
{
	enum envelope envelope = classified->command->envelope;
	size_t least = classified->response_length;
	struct outcome outcome = {};

	if (envelope == ENVELOPE_NVME_ADMIN)
		least += NVME_RESULT_SIZE;
	else if (envelope == ENVELOPE_FWCTL_RPC)
		least += OUT_LEN_SIZE;
	if (reply_length != arena_reply_length(arena) || reply_length < least)
		return -EBADMSG;

	if (ioctl_return < 0) {
		outcome.error = ioctl_errno;
		outcome.kind = judge_errno(classified->command, ioctl_errno);
	} else if (envelope == ENVELOPE_NVME_ADMIN) {
		judge_nvme(classified, (uint32_t)ioctl_return, reply, reply_length, &outcome);
	} else if (ioctl_return == 0 && envelope == ENVELOPE_FWCTL_RPC) {
		judge_fwctl(classified, reply, reply_length, &outcome);
	} else if (ioctl_return == 0) {
		judge_cxl(classified, reply, &outcome);
	}
	/* The last two return nothing above 0; if they ever do, the outcome stays unknown. */
	*ret = outcome;
	return 0;
}
