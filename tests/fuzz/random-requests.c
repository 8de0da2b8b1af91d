/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random requests of every dialect, right ones and wrong ones, through classify, pack, a model of
 * kernel and device, and unpack, each held against a second reading of the catalogue
 * (random-oracle.c). What must hold of each:
 *
 *   accepted is exactly what the second reading accepts, so that every accepted one is explained;
 *   what is reserved, fixed or a pointer, and not as it must be, is refused;
 *   class and effects are those of the second reading; what a device reports never betters them,
 *     and no class is better than what is known of the device (tests/data/golden);
 *   what the kernel gets is, bit for bit, the client's in its fields, tail and data, and fwctld's
 *     own everywhere else; no byte of an earlier request is left in it;
 *   each pointer is the address of pages of its own, as long as the catalogue says;
 *   names to bytes gives the same bytes again;
 *   neither step allocates memory, or looks at a byte beyond what it was given;
 *   the models' kernels take it, and no answer shows an address.
 *
 *	random-requests [COUNT [SEED]]
 *
 * goes on until COUNT requests were accepted.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/exec/wire.h"
#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/classify.h"
#include "policy/encode.h"
#include "policy/pack.h"
#include "tests/fuzz/load-catalogue.h"
#include "tests/fuzz/random-facts.h"
#include "tests/fuzz/random-model.h"
#include "tests/fuzz/random-oracle.h"
#include "tests/fuzz/random-request.h"

/* The heap, where a sanitizer does not keep it: what is allocated between two looks is counted. */
static uint64_t allocations;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#ifdef __clang__
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
#else
#define SANITIZED 1
#endif

#if !SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}
#endif

/* The last one is of no device: it has everything that the grammar has. */
static const char *const dialect_names[] = {"nvme", "cxl", "mlx5", "bnxt", "pds", "test"};
static const struct dialect *dialects[ELEMENTSOF(dialect_names)];

/* Of each command, by its place: what is known of it, how many were accepted, and of its
 * refinements. */
static struct tally {
	const struct fact *fact; /* NULL: it is none of a device */
	uint64_t accepted;
	uint64_t *refined;
} * tallies[ELEMENTSOF(dialect_names)];

static struct random_request made; /* the one that is looked at */
static uint64_t n_made, n_accepted, n_refused, n_called, n_kernel_refused;
static uint64_t mutated[_MUTATION_MAX], mutated_accepted[_MUTATION_MAX];

/* As the broker does it: the datagram that the executor gets. */
static struct {
	struct wire_request request;
	uint8_t bytes[ARENA_GIVEN_MAX + 64];
} datagram;

static void dump(const char *what, const uint8_t *bytes, size_t length)
{
	fprintf(stderr, "%s, %zu bytes:", what, length);
	for (size_t i = 0; i < length && i < 512; i++)
		fprintf(stderr, "%s%02x", i % 16 ? " " : "\n  ", bytes[i]);
	fprintf(stderr, "\n");
}

__attribute__((format(printf, 2, 3))) _Noreturn static void broken(
	const struct random_request *request, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "Request %" PRIu64 ", made as %s, mutation: %s: ", n_made,
		request->command->full_name, mutation_names[request->mutation]);
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	dump("message", request->message, request->message_length);
	fprintf(stderr, "data: %zu bytes\n", request->data_length);
	exit(EXIT_FAILURE);
}

/* A model that sees what fwctld must never send leaves a sentence and aborts. */
static void on_abort(int number)
{
	broken(&made, "%s", model_bug() ?: "aborted");
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			broken(request, "%s:%d: %s", __func__, __LINE__, #condition);              \
	} while (0)

static void check_refusal(const struct random_request *request, int r,
			  const struct refusal *refusal)
{
	MUST(r == -ENOENT || r == -EBADMSG || r == -EOPNOTSUPP || r == -EMSGSIZE);
	MUST(strlen(refusal->text) > 20);
	for (const char *p = refusal->text; *p; p++)
		MUST(*p >= ' ' && *p <= '~');
}

static struct tally *tally_of(const struct command *command)
{
	size_t i = 0;

	while (command->dialect != dialects[i])
		i++;
	return &tallies[i][command - dialects[i]->commands];
}

/* Refinements of which nobody knows the length count, too: nothing of theirs is ever accepted. */
static void count(const struct oracle *o)
{
	if (!o->command || (o->refused && o->refused != oracle_no_length))
		return;
	tally_of(o->command)->accepted += !o->refused;
	if (o->refinement)
		tally_of(o->command)->refined[o->refinement - o->command->refine]++;
}

static void check_class(const struct random_request *request, const struct oracle *o,
			const struct classified *c)
{
	const struct fact *fact = tally_of(c->command)->fact;
	struct classified silent;
	struct refusal refusal;
	int r;

	MUST(c->command == o->command);
	MUST(c->static_class == o->static_class && c->class == o->class);
	MUST(c->effects == o->effects && c->scope == o->scope);
	MUST(c->class >= CLASS_READ_ONLY && c->class < _CLASS_MAX && c->reason);
	MUST(c->class >= c->static_class);
	MUST(c->scope < FWCTL_RPC_DEBUG_WRITE || c->effects & EFFECT_BIT(EFFECT_TAINTS_KERNEL));
	/* Whatever the device says, without its word it can't be worse but for what it has to
	 * report. */
	r = classify(request->dialect, request->message, request->message_length, request->data,
		     request->data_length, NULL, &silent, &refusal);
	MUST(r == 0 && silent.static_class == c->static_class);
	/* Where the device has to report its effects, nothing else is known of it. */
	if (fact)
		MUST(silent.class >= facts_floor(fact, request->message, request->message_length));
	MUST((silent.effects & ~EFFECT_BIT(EFFECT_TAINTS_KERNEL) & ~c->effects) == 0);
	if (!c->command->live_absent)
		MUST(silent.class <= c->class);
}

static void check_data(const struct random_request *request, const struct oracle *o,
		       const struct classified *c)
{
	const uint8_t *data = request->data;

	MUST(c->request_length == o->request && c->response_length == o->response);
	if (o->request > 0 && c->command->envelope == ENVELOPE_NVME_ADMIN)
		MUST(c->request == data);
	else if (o->request > 0)
		MUST(c->request == request->message + c->command->message_size);
	for (unsigned i = 0; i < c->command->n_segments; i++) {
		MUST(c->segment_lengths[i] == o->segments[i]);
		if (!c->command->segments[i].to_device || o->segments[i] == 0) {
			MUST(!c->segment_data[i]);
			continue;
		}
		MUST(c->segment_data[i] == data);
		data += o->segments[i];
	}
}

/* Names to bytes: what was read, given back by name, is the same message. */
static void check_canonical(const struct random_request *request, const struct classified *c)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct field_setting settings[FIELDS_MAX];
	const struct command *command = c->command;
	bool tail = command->envelope != ENVELOPE_NVME_ADMIN && command->n_request > 0;
	size_t n = 0, length, data_length;
	struct refusal refusal;
	const void *data;

	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].fixed == FIXED_NOT)
			settings[n++] = (struct field_setting){
				.name = command->fields[i].name,
				.value = c->values[i],
			};
	if (encode(command, settings, n, tail ? c->request : request->data,
		   tail ? c->request_length : request->data_length, buffer, sizeof(buffer), &length,
		   &data, &data_length, &refusal) < 0)
		broken(request, "not encoded again: %s", refusal.text);
	MUST(length == request->message_length);
	MUST(memcmp(buffer, request->message, length) == 0);
	MUST(tail ? data_length == 0 : data_length == request->data_length);
}

/* The places that the kernel's sources name one by one, whatever the catalogue says. */
static void check_places(const struct random_request *request, const struct arena *arena)
{
	const uint8_t *bytes = datagram.bytes, *in = bytes + ARENA_MESSAGE;
	const char *dialect = request->dialect->name;
	uint64_t value;

	switch (arena->ioctl) {
	case NVME_IOCTL_ADMIN64_CMD:
		/* flags and reserved; metadata, addr, metadata_len; reserved, result */
		MUST(bytes_zero(bytes + 1, 3) && bytes_zero(bytes + 16, 20) &&
		     bytes_zero(bytes + 68, 12));
		return;
	case CXL_MEM_QUERY_COMMANDS:
		return;
	case CXL_MEM_SEND_COMMAND:
		/* flags, reserved, retval; reserved and payload, twice; never a raw command */
		MUST(bytes_zero(bytes + 4, 12) && bytes_zero(bytes + 20, 12) &&
		     bytes_zero(bytes + 36, 12));
		MUST(bytes[0] != CXL_MEM_COMMAND_ID_RAW && bytes_zero(bytes + 1, 3));
		return;
	}
	MUST(bytes_zero(bytes + 16, 16)); /* in and out */
	if (strcmp(dialect, "cxl") == 0) {
		/* upper half of the opcode, flags, op_size, reserved */
		MUST(bytes_zero(in + 2, 6) && bytes_zero(in + 12, 4));
		MUST(bytes_get(in, 16, 8, 4, BYTES_HOST, &value));
		MUST(value == request->message_length - 16);
	} else if (strcmp(dialect, "mlx5") == 0) {
		MUST(bytes_zero(in + 2, 4)); /* uid, reserved */
	} else if (strcmp(dialect, "bnxt") == 0) {
		/* ring and target none; sequence, response address; what the driver copies */
		MUST((in[2] & in[3] & in[6] & in[7]) == 0xff);
		MUST(bytes_zero(in + 4, 2) && bytes_zero(in + 8, 8));
		MUST(request->message_length >= 16 && request->message_length <= 128 &&
		     request->message_length % 4 == 0);
	} else if (strcmp(dialect, "pds") == 0) {
		/* op 31:24, reserved, both payloads, what the firmware answers */
		MUST(in[3] == 0 && bytes_zero(in + 8, 4) && bytes_zero(in + 16, 12) &&
		     bytes_zero(in + 40, 8));
	}
}

/* Every pointer is 8 zeroes so far, and the address of pages that are no other one's. */
static void check_pointers(const struct random_request *request, const struct oracle *o,
			   const struct arena *arena)
{
	for (uint32_t i = 0; i < arena->n_relocs; i++) {
		const struct arena_reloc *reloc = &arena->relocs[i];

		MUST(reloc->where + 8 <= arena->given);
		MUST(bytes_zero(datagram.bytes + reloc->where, 8));
		MUST(bytes_zero(o->client + reloc->where, 8));
		MUST(reloc->length > 0 && reloc->target + reloc->length <= arena->size);
		MUST(reloc->target % ARENA_PAGE == 0 || reloc->target == ARENA_MESSAGE);
		for (uint32_t j = 0; j < i; j++) {
			const struct arena_reloc *other = &arena->relocs[j];

			MUST(reloc->where >= other->where + 8 || other->where >= reloc->where + 8);
			MUST(reloc->target / ARENA_PAGE >
				     (other->target + other->length - 1) / ARENA_PAGE ||
			     other->target / ARENA_PAGE >
				     (reloc->target + reloc->length - 1) / ARENA_PAGE);
		}
	}
}

static void check_packed(const struct random_request *request, const struct oracle *o,
			 const struct arena *arena, int r)
{
	MUST(r == 0);
	MUST(arena->ioctl == o->arena.ioctl);
	MUST(arena->given == o->arena.given && arena->size == o->arena.size);
	MUST(arena->size <= ARENA_MAX && arena->size % ARENA_PAGE == 0);
	MUST(arena->n_relocs == o->arena.n_relocs && arena->n_replies == o->arena.n_replies);
	MUST(memcmp(arena->relocs, o->arena.relocs, sizeof(arena->relocs)) == 0);
	MUST(memcmp(arena->replies, o->arena.replies, sizeof(arena->replies)) == 0);
	for (uint32_t i = 0; i < arena->given; i++)
		if (datagram.bytes[i] != o->bytes[i])
			broken(request,
			       "byte %u of what goes to the executor is 0x%02x, not 0x%02x"
			       " (a client's: 0x%02x)",
			       i, datagram.bytes[i], o->bytes[i], o->client[i]);
	check_pointers(request, o, arena);
	check_places(request, arena);
	datagram.request.arena = *arena;
	MUST(wire_request_valid(&datagram.request, sizeof(datagram.request) + arena->given));
}

static void check_answer(const struct random_request *request, const struct classified *c,
			 const struct arena *arena, struct model_answer *answer,
			 struct outcome *outcome)
{
	MUST(unpack(c, arena, answer->value, answer->error, answer->reply, answer->length,
		    outcome) == 0);
	MUST((unsigned)outcome->kind < _OUTCOME_MAX);
	if (answer->value < 0)
		MUST(outcome->kind == OUTCOME_UNKNOWN ||
		     outcome->kind == OUTCOME_REFUSED_BY_KERNEL);
	if (outcome->kind == OUTCOME_UNKNOWN || outcome->kind == OUTCOME_REFUSED_BY_KERNEL)
		MUST(outcome->response_length == 0);
	if (outcome->response_length == 0)
		return;
	MUST(outcome->response >= answer->reply &&
	     outcome->response + outcome->response_length <= answer->reply + answer->length);
	MUST(!model_address_in(outcome->response, outcome->response_length));
}

static void check_answers(const struct random_request *request, const struct classified *c,
			  const struct arena *arena, bool true_live)
{
	struct model_answer answer;
	struct outcome outcome;

	if (model_call(c, arena, datagram.bytes, &answer)) {
		n_called++;
		if (answer.value < 0 && true_live && !model_refusal(c, answer.error))
			broken(request, "the model's kernel answers %s",
			       strerrorname_np(answer.error));
		n_kernel_refused += answer.value < 0;
		check_answer(request, c, arena, &answer, &outcome);
	}
	/* The message back, with its addresses; whatever else it says. */
	model_echo(c, arena, datagram.bytes, &answer);
	check_answer(request, c, arena, &answer, &outcome);
	if (random_upto(8) > 0)
		return;
	answer.value = random_upto(4) ? (int)random_upto(0x4000) : -1;
	answer.error = answer.value < 0 ? 1 + (int)random_upto(133) : 0;
	for (size_t i = 0; i < answer.length && i < 256; i++)
		answer.reply[i] = (uint8_t)random_next();
	MUST(unpack(c, arena, answer.value, answer.error, answer.reply, answer.length, &outcome) ==
	     0);
	MUST(outcome.response_length <= answer.length);
}

/* All of it; was it accepted? */
static bool check(const struct random_request *request, const struct live_effects *live,
		  bool true_live)
{
	static struct classified untouched, c;
	uint64_t allocated = allocations;
	struct refusal refusal = {};
	struct arena arena;
	struct oracle o;
	int r, packed;

	memset(&untouched, 0xc5, sizeof(untouched));
	c = untouched;
	r = classify(request->dialect, request->message, request->message_length, request->data,
		     request->data_length, live, &c, &refusal);
	packed = r == 0 ? pack(&c, datagram.bytes, &arena) : 0;
	MUST(allocations == allocated);
	oracle_judge(request->dialect, request->message, request->message_length, request->data,
		     request->data_length, live, &o);
	count(&o);
	if (o.refused && r == 0)
		broken(request, "accepted as %s; it must be refused: %s", c.command->full_name,
		       o.refused);
	if (!o.refused && r < 0)
		broken(request, "refused, and it is right: %s", refusal.text);
	if (r < 0) {
		check_refusal(request, r, &refusal);
		MUST(memcmp(&c, &untouched, sizeof(c)) == 0);
		return false;
	}
	check_class(request, &o, &c);
	check_data(request, &o, &c);
	check_packed(request, &o, &arena, packed);
	check_canonical(request, &c);
	check_answers(request, &c, &arena, true_live);

	return true;
}

/* What a device could report: nothing is known, what the model says, or anything. */
static const struct live_effects *random_live(const struct dialect *dialect, bool *ret_true)
{
	static struct live_effects live;

	*ret_true = false;
	switch (random_upto(4)) {
	case 0:
		return NULL;
	case 1:
		live.kernel_capabilities = (uint32_t)random_next();
		live.commands.others.effects = (effect_set)random_next() &
					       (effect_set)random_next() &
					       (EFFECT_BIT(_EFFECT_MAX) - 1);
		live.commands.others.reason = "the device reports it";
		live.values.others = random_upto(2) ? live.commands.others : (struct live_report){};
		return &live;
	default:
		*ret_true = true;
		return model_live(dialect);
	}
}

static bool must_be_refused(enum mutation mutation)
{
	return mutation == MUTATION_RESERVED || mutation == MUTATION_POINTER ||
	       mutation == MUTATION_FIXED;
}

/* One request as it should be, and one with something wrong. */
static void round_of(size_t which)
{
	const struct dialect *dialect = dialects[which];
	const struct command *command = &dialect->commands[random_upto(dialect->n_commands)];
	bool true_live, accepted;
	const struct live_effects *live = random_live(dialect, &true_live);
	struct random_request *request = &made;
	enum mutation mutation;

	random_request(command, model_live(dialect), request);
	n_made++;
	accepted = check(request, live, true_live);
	mutated[MUTATION_NONE]++;
	mutated_accepted[MUTATION_NONE] += accepted;

	mutation = (enum mutation)(1 + random_upto(_MUTATION_MAX - 1));
	if (random_mutate(request, mutation)) {
		bool passed = check(request, live, true_live);

		n_made++;
		mutated[mutation]++;
		mutated_accepted[mutation] += passed;
		if (passed && must_be_refused(mutation))
			broken(request, "accepted");
		n_accepted += passed;
		n_refused += !passed;
	}
	n_accepted += accepted;
	n_refused += !accepted;
}

/* Every command was met, often, and so was every refinement; or the requests are not random. */
static unsigned report(uint64_t least)
{
	unsigned missed = 0;

	printf("%" PRIu64 " accepted, %" PRIu64 " refused, %" PRIu64 " to a model (%" PRIu64
	       " of them refused by its kernel)\n",
	       n_accepted, n_refused, n_called, n_kernel_refused);
	for (size_t m = 0; m < _MUTATION_MAX; m++)
		printf("  %-24s %10" PRIu64 ", %10" PRIu64 " of them accepted\n", mutation_names[m],
		       mutated[m], mutated_accepted[m]);
	for (size_t i = 0; i < ELEMENTSOF(dialects); i++)
		for (size_t j = 0; j < dialects[i]->n_commands; j++) {
			const struct command *command = &dialects[i]->commands[j];
			const struct tally *tally = &tallies[i][j];

			if (command->refused)
				continue;
			if (tally->accepted < least) {
				printf("%s: only %" PRIu64 " accepted\n", command->full_name,
				       tally->accepted);
				missed++;
			}
			for (size_t k = 0; k < command->n_refine; k++)
				if (tally->refined[k] == 0) {
					printf("%s: no request of refinement %zu (%s)\n",
					       command->full_name, k + 1,
					       command->refine[k].reason);
					missed++;
				}
		}
	return missed;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 200000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct catalogue *catalogues[] = {
		load_catalogue(CATALOGUE_SHIPPED, CATALOGUE_SIMULATED),
		load_catalogue("tests/data/commands/dialects", NULL),
		load_catalogue("tests/data/commands/known/first", NULL),
	};
	unsigned missed;

	random_setup(seed);
	model_setup(catalogues[0]);
	signal(SIGABRT, on_abort);
	facts_learn(catalogues[0]);
	for (size_t i = 0; i < ELEMENTSOF(dialects); i++) {
		for (size_t j = 0;
		     j < ELEMENTSOF(catalogues) && (!dialects[i] || dialects[i]->n_commands == 0);
		     j++)
			dialects[i] = catalogue_dialect(catalogues[j], dialect_names[i]);
		tallies[i] = calloc(dialects[i]->n_commands, sizeof(*tallies[i]));
		for (size_t j = 0; j < dialects[i]->n_commands; j++) {
			const struct command *command = &dialects[i]->commands[j];

			tallies[i][j].fact = facts_find(command);
			tallies[i][j].refined = calloc(command->n_refine + 1, sizeof(uint64_t));
			if (!tallies[i][j].fact && i < 4) {
				printf("Nothing is known of %s.\n", command->full_name);
				return EXIT_FAILURE;
			}
		}
		oracle_learn(dialects[i]);
	}
	for (uint64_t n = 0; n_accepted < count; n++) {
		if (n >= 20 * count) {
			printf("Of %" PRIu64 " requests only %" PRIu64 " were accepted.\n", n,
			       n_accepted);
			return EXIT_FAILURE;
		}
		round_of(n % ELEMENTSOF(dialects));
	}
	missed = report(count / 10000);

	for (size_t i = 0; i < ELEMENTSOF(dialects); i++) {
		for (size_t j = 0; j < dialects[i]->n_commands; j++)
			free(tallies[i][j].refined);
		free(tallies[i]);
	}
	oracle_forget();
	facts_forget();
	for (size_t i = 0; i < ELEMENTSOF(catalogues); i++)
		catalogue_free(catalogues[i]);
	return missed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
