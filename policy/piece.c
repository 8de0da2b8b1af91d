/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/piece.h"

#include "policy/envelope.h"
#include "policy/field.h"
#include "policy/message.h"

/* What each answer says about itself before its content: its size, and with it, at CXL, a code. */
static struct answer_size answer_head(const struct command *command)
{
	static const struct answer_size mailbox = {
		.part = {.size = 4, .high = 31, .order = BYTES_HOST},
		.add = CXL_RESPONSE_HEADER,
	};

	return command->envelope == ENVELOPE_CXL_MEM ? mailbox : command->answer;
}

static size_t head_length(const struct command *command)
{
	struct answer_size head = answer_head(command);

	return head.part.size > 0 ? head.add : 0;
}

static size_t piece_length(const struct classified *whole, const struct pieces *pieces,
			   size_t index)
{
	size_t rest = whole->response_length - head_length(whole->command) - index * pieces->bytes;

	return rest < pieces->bytes ? rest : pieces->bytes;
}

/* False: the fields can't say it. */
static bool piece_fill(const struct classified *whole, const struct pieces *pieces, size_t index,
		       struct classified *part)
{
	const struct command *command = whole->command;
	const struct length *length = &command->response[0].length;
	union field_value *offset = &part->values[command->pieces.offset];
	size_t bytes = piece_length(whole, pieces, index);
	uint64_t end, value;

	*part = *whole;
	part->response_length = head_length(command) + bytes;
	value = part->response_length / length->scale;
	if (part->response_length % length->scale != 0 || value < length->add)
		return false;
	part->values[length->field].number = value - length->add;
	if (__builtin_add_overflow(offset->number, index * pieces->bytes, &offset->number) ||
	    __builtin_add_overflow(offset->number, bytes - 1, &end))
		return false;
	return end <= field_max(&command->fields[command->pieces.offset]);
}

static bool holds_alike(const struct condition *when, const struct classified *whole,
			const struct classified *part)
{
	return condition_holds(when, whole->command, whole->values, whole->effects) ==
	       condition_holds(when, whole->command, part->values, whole->effects);
}

/* Class, effects and scope hang on nothing but these, and on fields that a piece leaves alone. */
static bool judged_alike(const struct classified *whole, const struct classified *part)
{
	const struct command *command = whole->command;

	for (size_t i = 0; i < command->n_refine; i++)
		if (!holds_alike(&command->refine[i].when, whole, part))
			return false;
	for (size_t i = 0; i < command->n_also; i++)
		if (!holds_alike(&command->also[i].when, whole, part))
			return false;
	for (size_t i = 0; i < command->n_scopes; i++)
		if (!holds_alike(&command->scopes[i].when, whole, part))
			return false;
	return holds_alike(&command->pieces.when, whole, part);
}

void pieces_plan(const struct classified *whole, size_t transfer_max, struct pieces *ret)
{
	const struct command *command = whole->command;
	size_t head = head_length(command), unit;
	struct classified part;
	struct pieces pieces;

	*ret = (struct pieces){.n = 1, .bytes = whole->response_length};
	if (whole->class != CLASS_READ_ONLY || !command->pieces.possible || transfer_max == 0 ||
	    whole->response_length <= head || whole->response_length - head <= transfer_max ||
	    !condition_holds(&command->pieces.when, command, whole->values, whole->effects))
		return;

	/* Of whole units of the length field, and of dwords, as NVMe counts offsets. */
	unit = command->response[0].length.scale;
	while (unit % 4 != 0)
		unit *= 2;
	pieces.bytes = (transfer_max < PIECE_MAX ? transfer_max : PIECE_MAX) / unit * unit;
	if (pieces.bytes == 0)
		return;
	pieces.n = (whole->response_length - head + pieces.bytes - 1) / pieces.bytes;
	for (size_t i = 0; i < pieces.n; i++)
		if (!piece_fill(whole, &pieces, i, &part) || !judged_alike(whole, &part))
			return;
	*ret = pieces;
}

void piece_get(const struct classified *whole, const struct pieces *pieces, size_t index,
	       struct classified *ret)
{
	if (pieces->n == 1)
		*ret = *whole;
	else
		(void)piece_fill(whole, pieces, index, ret); /* pieces_plan() saw that it can be */
}

bool piece_join(const struct classified *whole, const struct pieces *pieces, size_t index,
		const uint8_t *answer, size_t length, struct bytes_writer *whole_answer)
{
	struct answer_size size = answer_head(whole->command);
	size_t head = head_length(whole->command);
	size_t skip = index > 0 ? head : 0;

	if (length < head)
		return false;
	bytes_append(whole_answer, answer + skip, length - skip);
	if (size.part.size > 0)
		(void)part_put(&size.part, whole_answer->buffer, whole_answer->length,
			       whole_answer->length - head);
	return index + 1 < pieces->n && length - head == piece_length(whole, pieces, index);
}
