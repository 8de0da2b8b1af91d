/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A world that is small enough to look at all of it: a catalogue of six commands, random policies
 * about it, and every request that can make a difference to them, with what decide() says to it.
 * Nothing of policy/region.h is used here.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/accounts.h"
#include "policy/classify.h"
#include "policy/decide.h"
#include "policy/policy.h"

#define TINY_NUMBER(field_name, width)                                                             \
	{                                                                                          \
		.name = (char *)(field_name), .type = FIELD_NUMBER, .size = 4, .n_parts = 1,       \
		.parts = {{.size = 4, .low = 0, .high = (width)-1}}, .at_most = -1                 \
	}

static struct field tiny_fields[] = {TINY_NUMBER("x", 2), TINY_NUMBER("y", 1)};
static struct field tiny_sized_fields[] = {TINY_NUMBER("z", 2)};
static struct field tiny_uuid_fields[] =
	{{.name = (char *)"uuid", .type = FIELD_UUID, .size = 16, .n_parts = 1, .at_most = -1},
	 TINY_NUMBER("w", 1)};

/* The values of UUID fields: those that conditions name, and one that none does. */
static uint8_t tiny_uuids[3][16] = {{1}, {2}, {3}};

#define TINY_TERM(number, low, up)                                                                 \
	{                                                                                          \
		.terms = (struct condition_term[]){{.field = (number),                             \
						    .ranges = (struct value_range[]){{low, up}},   \
						    .n_ranges = 1}},                               \
		.n_terms = 1                                                                       \
	}

/* They overlap: x=2 is the first one's. */
static struct refinement tiny_refine_a[] = {
	{TINY_TERM(0, 1, 2), CLASS_READ_ONLY, 0, (char *)"one"},
	{TINY_TERM(0, 2, 3), CLASS_CONFIG_CHANGE, EFFECT_BIT(EFFECT_PERSISTENT), (char *)"two"},
};
static struct refinement tiny_also_a[] = {
	{TINY_TERM(1, 1, 1), 0, EFFECT_BIT(EFFECT_BROADCAST), (char *)"more"},
};
static struct length_case tiny_length_c[] = {{.when = TINY_TERM(0, 0, 1)}};
static struct value_case tiny_scopes_f[] = {
	{{.any_effect = EFFECT_BIT(EFFECT_DATA_LOSS) | EFFECT_BIT(EFFECT_CONFIDENTIAL)}, 3},
	{{.any_effect = EFFECT_BIT(EFFECT_DATA_LOSS)}, 1}, /* the first one takes all of these */
	{TINY_TERM(1, 1, 1), 2},
	{{}, 0},
};
static struct value_case tiny_scopes_g[] = {{{}, 1}};
static struct condition_term tiny_term_g = {.field = 0,
					    .uuids = (uint8_t[1][16]){{1}},
					    .n_uuids = 1};
static struct refinement tiny_refine_g[] = {
	{{.terms = &tiny_term_g, .n_terms = 1},
	 CLASS_CONFIG_CHANGE,
	 EFFECT_BIT(EFFECT_PERSISTENT),
	 (char *)"known"},
};

static struct dialect tiny_dialects[2];
static struct command tiny_nvme[4], tiny_cxl[2];
static struct catalogue tiny_catalogue = {.dialects = tiny_dialects, .n_dialects = 2};

static void tiny_command(struct command *command, unsigned dialect, const char *name,
			 enum effect_class class)
{
	static uint32_t opcode;
	char *full_name;

	assert_true(asprintf(&full_name, "%s.%s", tiny_dialects[dialect].name, name) > 0);
	*command = (struct command){.dialect = &tiny_dialects[dialect],
				    .envelope =
					    dialect == 0 ? ENVELOPE_NVME_ADMIN : ENVELOPE_FWCTL_RPC,
				    .name = (char *)name,
				    .full_name = full_name,
				    .opcode = ++opcode,
				    .class = class,
				    .reason = (char *)"base",
				    .live_key = -1};
}

/*
 * nvme.a: fields that refine it, the second one also adds. nvme.b: a query. nvme.c: of known length
 * for small z alone. nvme.d: never sent. cxl.f: its scope hangs on effects and on w. cxl.g: by
 * UUID.
 */
static int tiny_setup(void **state)
{
	tiny_dialects[0] =
		(struct dialect){.name = (char *)"nvme", .commands = tiny_nvme, .n_commands = 4};
	tiny_dialects[1] =
		(struct dialect){.name = (char *)"cxl", .commands = tiny_cxl, .n_commands = 2};
	tiny_command(&tiny_nvme[0], 0, "a", CLASS_DESTRUCTIVE);
	tiny_command(&tiny_nvme[1], 0, "b", CLASS_READ_ONLY);
	tiny_command(&tiny_nvme[2], 0, "c", CLASS_READ_ONLY);
	tiny_command(&tiny_nvme[3], 0, "d", CLASS_READ_ONLY);
	tiny_command(&tiny_cxl[0], 1, "f", CLASS_CONFIG_CHANGE);
	tiny_command(&tiny_cxl[1], 1, "g", CLASS_READ_ONLY);

	tiny_nvme[0].fields = tiny_fields;
	tiny_nvme[0].n_fields = 2;
	tiny_nvme[0].refine = tiny_refine_a;
	tiny_nvme[0].n_refine = 2;
	tiny_nvme[0].also = tiny_also_a;
	tiny_nvme[0].n_also = 1;
	tiny_nvme[2].fields = tiny_sized_fields;
	tiny_nvme[2].n_fields = 1;
	tiny_nvme[2].response = tiny_length_c;
	tiny_nvme[2].n_response = 1;
	tiny_nvme[3].refused = (char *)"nobody may";
	tiny_cxl[0].fields = tiny_cxl[1].fields = tiny_uuid_fields;
	tiny_cxl[0].n_fields = tiny_cxl[1].n_fields = 2;
	tiny_cxl[0].scopes = tiny_scopes_f;
	tiny_cxl[0].n_scopes = ELEMENTSOF(tiny_scopes_f);
	tiny_cxl[1].scopes = tiny_scopes_g;
	tiny_cxl[1].n_scopes = 1;
	tiny_cxl[1].refine = tiny_refine_g;
	tiny_cxl[1].n_refine = 1;
	return 0;
}

static int tiny_teardown(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		free(tiny_nvme[i].full_name);
	for (unsigned i = 0; i < 2; i++)
		free(tiny_cxl[i].full_name);
	return 0;
}

static uint64_t tiny_seed;

/* xorshift64*: the same worlds in every run of a build; compilers order arguments as they like. */
static unsigned tiny_below(unsigned n)
{
	tiny_seed ^= tiny_seed >> 12;
	tiny_seed ^= tiny_seed << 25;
	tiny_seed ^= tiny_seed >> 27;
	return (unsigned)((tiny_seed * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* What the policies of one round are about, so that not everything varies at once. */
struct tiny_focus {
	bool users, groups, serials, models, times, classes, hazards, scopes, observe;
};

static void tiny_focus_random(struct tiny_focus *focus)
{
	*focus = (struct tiny_focus){.classes = tiny_below(2),
				     .hazards = tiny_below(2),
				     .scopes = tiny_below(3) == 0,
				     .observe = tiny_below(3) == 0};
	/* Two of these at most: they multiply. */
	for (unsigned n = 0; n < 2; n++)
		switch (tiny_below(6)) {
		case 0:
			focus->users = true;
			break;
		case 1:
			focus->groups = true;
			break;
		case 2:
			focus->serials = true;
			break;
		case 3:
			focus->models = true;
			break;
		case 4:
			focus->times = true;
			break;
		default:
			break;
		}
}

#define TINY_RULES 7u
#define TINY_LINE  400u

struct tiny_text {
	char defaults[300];
	char rules[TINY_RULES][TINY_LINE];
	unsigned n;
};

static void tiny_add(char *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tiny_add(char *line, const char *format, ...)
{
	size_t length = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + length, TINY_LINE - length, format, arguments);
	va_end(arguments);
}

#define TINY_PICK(...)                                                                             \
	({                                                                                         \
		static const char *const of[] = {__VA_ARGS__};                                     \
		of[tiny_below(ELEMENTSOF(of))];                                                    \
	})

static void tiny_rule_random(const struct tiny_focus *focus, unsigned id, char *line)
{
	enum verdict verdict = tiny_below(_VERDICT_MAX);
	bool opens = verdict != VERDICT_DENY;

	line[0] = '\0';
	tiny_add(line, "{id: r%u, verdict: %s", id, verdict_to_string(verdict));
	if (focus->observe && tiny_below(3) == 0)
		tiny_add(line, ", observe: true");
	if (focus->classes && tiny_below(2))
		tiny_add(line, ", class: [%s]",
			 TINY_PICK("read-only", "config-change", "destructive",
				   "read-only, config-change", "config-change, destructive"));
	if (opens && focus->hazards && tiny_below(3) > 0)
		tiny_add(line, ", hazards: [%s]",
			 TINY_PICK("persistent", "broadcast", "persistent, broadcast",
				   "taints-kernel", "taints-kernel, confidential",
				   "confidential, persistent, broadcast, taints-kernel"));
	if (opens && focus->scopes && tiny_below(2))
		tiny_add(line, ", max-scope: %s",
			 TINY_PICK("configuration", "debug-read-only", "debug-write",
				   "debug-write-full"));
	if (opens && focus->users && focus->groups && tiny_below(3) == 0)
		tiny_add(line, ", caller: {user: [%s], group: [%s]}", TINY_PICK("0", "1", "0, 1"),
			 TINY_PICK("10", "11", "11, 10"));
	else if (focus->users && tiny_below(2))
		tiny_add(line, ", caller: {user: [%s]}", TINY_PICK("0", "1", "1, 0"));
	else if (opens && focus->groups && tiny_below(2))
		tiny_add(line, ", caller: {group: [%s]}", TINY_PICK("10", "11", "10, 11"));
	if ((focus->serials || focus->models) && tiny_below(3) > 0) {
		tiny_add(line, ", device: {");
		if (focus->serials)
			tiny_add(line, "serial: [%s]",
				 TINY_PICK("\"*\"", "\"A*\"", "A1", "\"A1*\"", "B", "\"A1*\", B",
					   "A1, \"B*\""));
		if (focus->models && (!focus->serials || tiny_below(2)))
			tiny_add(line, "%smodel: [%s]", focus->serials ? ", " : "",
				 TINY_PICK("\"M*\"", "N", "\"*\"", "N, \"M*\""));
		tiny_add(line, "}");
	}
	if (focus->times && tiny_below(2))
		tiny_add(line, ", when: {%s, zone: UTC}",
			 TINY_PICK("days: [sat, sun]", "from: \"01:00\", to: \"05:00\"",
				   "days: [mon-fri], from: \"22:00\", to: \"02:00\"",
				   "from: \"04:00\", to: \"24:00\""));
	switch (tiny_below(5)) {
	case 0:
		break;
	case 1:
		tiny_add(line, ", command: [%s]",
			 TINY_PICK("\"nvme.*\"", "nvme.a", "nvme.b, cxl.g", "\"cxl.*\"", "cxl.f",
				   "nvme.c", "nvme.d", "\"*\""));
		break;
	case 2:
		tiny_add(line, ", command: [nvme.a], where: {%s}",
			 TINY_PICK("x: 0-1", "x: [0, 3]", "x: 2, y: 1", "y: 0",
				   "x: 1-3, y: [0, 1]"));
		break;
	case 3:
		tiny_add(line, ", command: [cxl.f, cxl.g], where: {%s}",
			 TINY_PICK("w: 1", "uuid: 01000000-0000-0000-0000-000000000000",
				   "uuid: 02000000-0000-0000-0000-000000000000, w: 0",
				   "uuid: [01000000-0000-0000-0000-000000000000, "
				   "02000000-0000-0000-0000-000000000000]"));
		break;
	default:
		tiny_add(line, ", command: [nvme.c], where: {%s}",
			 TINY_PICK("z: 0", "z: 1-3", "z: 2"));
		break;
	}
	tiny_add(line, "}");
}

static void tiny_text_random(const struct tiny_focus *focus, struct tiny_text *text)
{
	text->n = 1 + tiny_below(TINY_RULES);
	snprintf(text->defaults, sizeof(text->defaults),
		 "{read-only: %s, config-change: %s, destructive: %s, persistent: %s, "
		 "broadcast: %s, confidential: %s, taints-kernel: %s}",
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"),
		 TINY_PICK("allow", "authenticate", "deny"));
	for (unsigned i = 0; i < text->n; i++)
		tiny_rule_random(focus, i, text->rules[i]);
}

static void tiny_remove(struct tiny_text *text, unsigned rule)
{
	memmove(text->rules[rule], text->rules[rule + 1],
		(text->n - rule - 1) * sizeof(text->rules[0]));
	text->n--;
}

/* Loads it, without the rules that the loader refuses: a line each, from the fourth on. */
static struct policy *tiny_load(struct tiny_text *text, struct accounts *accounts)
{
	for (;;) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *yaml = NULL;
		struct policy *policy = NULL;
		const struct problem *error;
		size_t size;
		FILE *file = open_memstream(&yaml, &size);
		int r;

		fprintf(file, "version: 1\ndefaults: %s\n%s\n", text->defaults,
			text->n > 0 ? "rules:" : "");
		for (unsigned i = 0; i < text->n; i++)
			fprintf(file, "- %s\n", text->rules[i]);
		fclose(file);
		r = policy_load_text("/etc/p.yaml", yaml, size, &tiny_catalogue, accounts,
				     &problems, &policy);
		if (r == 0)
			return policy;
		error = problems_first_error(&problems);
		assert_non_null(error);
		if (error->line < 4 || error->line - 4 >= text->n)
			fail_msg("%s\n%s", error->text, yaml);
		tiny_remove(text, error->line - 4);
	}
}

/* One request as decide() takes it. */
struct tiny_point {
	struct caller_identity caller;
	struct device_identity device;
	struct classified request;
	uint64_t now;
	bool is_static; /* without any device's report */
};

struct tiny_points {
	struct tiny_point *items;
	size_t n, capacity;
};

static gid_t tiny_groups[4][2] = {{}, {10}, {11}, {10, 11}};
static const unsigned tiny_n_groups[4] = {0, 1, 1, 2};

static struct tiny_point *tiny_points_add(struct tiny_points *points)
{
	if (points->n == points->capacity) {
		points->capacity = points->capacity ? points->capacity * 2 : 256;
		points->items =
			reallocarray(points->items, points->capacity, sizeof(*points->items));
		assert_non_null(points->items);
	}
	points->items[points->n] = (struct tiny_point){};
	return &points->items[points->n++];
}

static void tiny_points_done(struct tiny_points *points)
{
	free(points->items);
	*points = (struct tiny_points){};
}

static bool tiny_same_request(const struct classified *a, const struct classified *b)
{
	return a->command == b->command && a->class == b->class && a->scope == b->scope &&
	       (a->effects & EFFECT_HAZARDS) == (b->effects & EFFECT_HAZARDS) &&
	       memcmp(a->values, b->values, 2 * sizeof(a->values[0])) == 0;
}

/* All that the device can report, as far as it makes a difference: none, one effect of each class,
 * each hazard. */
static void tiny_requests_of(const struct command *command, const union field_value *values,
			     struct tiny_points *ret)
{
	static const enum effect reported[] = {EFFECT_IMMEDIATE_CONFIG_CHANGE,
					       EFFECT_DATA_LOSS,
					       EFFECT_RESETS_DEVICE,
					       EFFECT_CONFIDENTIAL,
					       EFFECT_PERSISTENT,
					       EFFECT_TAINTS_KERNEL,
					       EFFECT_BROADCAST};
	static struct live_effects live;
	const struct refinement *refinement = NULL;

	if (command->refused || (command->n_response > 0 &&
				 !condition_holds(&command->response[0].when, command, values, 0)))
		return;
	for (size_t i = 0; i < command->n_refine && !refinement; i++)
		if (condition_holds(&command->refine[i].when, command, values, 0))
			refinement = &command->refine[i];
	for (unsigned set = 0; set < 1u << ELEMENTSOF(reported); set++) {
		struct live_entry *entry = &live.commands.entries[0];
		struct classified request;
		size_t known = 0;

		live.commands.n_entries = 1;
		*entry = (struct live_entry){live_key_number(command->opcode), {0, "reported"}};
		for (unsigned i = 0; i < ELEMENTSOF(reported); i++)
			if (set & 1u << i)
				entry->report.effects |= EFFECT_BIT(reported[i]);
		classify_as(command, refinement, values, set ? &live : NULL, &request);
		while (known < ret->n && !tiny_same_request(&ret->items[known].request, &request))
			known++;
		if (known < ret->n)
			continue;
		tiny_points_add(ret)->request = request;
		ret->items[ret->n - 1].is_static = set == 0;
	}
}

static void tiny_requests(struct tiny_points *ret)
{
	for (unsigned d = 0; d < 2; d++)
		for (size_t c = 0; c < tiny_dialects[d].n_commands; c++) {
			const struct command *command = &tiny_dialects[d].commands[c];

			for (unsigned n = 0; n < 8; n++) {
				union field_value values[FIELDS_MAX] = {};

				if (command->fields == tiny_uuid_fields) {
					if (n >= 6)
						continue;
					memcpy(values[0].bytes, tiny_uuids[n / 2], 16);
					values[1].number = n % 2;
				} else if (command->fields == tiny_fields) {
					values[0].number = n / 2;
					values[1].number = n % 2;
				} else if (command->fields == tiny_sized_fields) {
					if (n >= 4)
						continue;
					values[0].number = n;
				} else if (n > 0) {
					continue;
				}
				tiny_requests_of(command, values, ret);
			}
		}
}

/* Moments of one week that differ for some rule; the first one always. */
static unsigned tiny_times(const struct policy *const *policies, unsigned n_policies,
			   uint64_t times[static 64])
{
	static const uint64_t monday = UINT64_C(1767571200000000); /* 2026-01-05 00:00 UTC */
	uint64_t seen[64];
	unsigned n = 0;

	for (unsigned half = 0; half < 336 && n < 64; half++) {
		uint64_t now = monday + half * UINT64_C(1800000000), signature = 0;
		unsigned bit = 0, known = 0;

		for (unsigned p = 0; p < n_policies; p++)
			for (size_t i = 0; i < policies[p]->n_rules; i++, bit++)
				if (policies[p]->rules[i].when &&
				    when_holds(policies[p]->rules[i].when, now))
					signature |= UINT64_C(1) << bit;
		while (known < n && seen[known] != signature)
			known++;
		if (known < n)
			continue;
		seen[n] = signature;
		times[n++] = now;
	}
	return n;
}

/* Every request that can make a difference to these policies. */
static void tiny_world(const struct tiny_focus *focus, const struct policy *const *policies,
		       unsigned n_policies, struct tiny_points *ret)
{
	static const char *const serials[] = {"C", "", "A2", "A1", "A12", "B", "BB"};
	static const char *const models[] = {"", "MX", "N"};
	/* They hang on the catalogue alone. */
	static struct tiny_points requests;
	uint64_t times[64];
	unsigned n_times = tiny_times(policies, n_policies, times);
	unsigned n_serials = focus->serials ? ELEMENTSOF(serials) * 2 : 1;

	if (requests.n == 0)
		tiny_requests(&requests);
	for (size_t request = 0; request < requests.n; request++)
		for (unsigned user = 0; user < (focus->users ? 3 : 1); user++)
			for (unsigned group = 0; group < (focus->groups ? 4 : 1); group++)
				for (unsigned serial = 0; serial < n_serials; serial++)
					for (unsigned model = 0; model < (focus->models ? 3 : 1);
					     model++)
						for (unsigned time = 0; time < n_times; time++) {
							struct tiny_point *p = tiny_points_add(ret);

							*p = requests.items[request];
							p->caller = (struct caller_identity){
								user == 2 ? 5 : user,
								tiny_groups[group],
								tiny_n_groups[group]};
							p->device = (struct device_identity){
								"nvme:x",
								p->request.command->dialect->name,
								"nvme",
								"0000:01:00.0",
								serials[serial / 2],
								models[model],
								"1",
								"nqn",
								serial % 2,
								false};
							p->now = times[time];
						}
}

static void tiny_decide(const struct policy *policy, const struct tiny_point *point,
			struct decision *ret)
{
	const struct query query = {
		.caller = &point->caller,
		.device = &point->device,
		.request = &point->request,
		.now = {.realtime_usec = point->now},
	};

	decide(policy, &query, ret);
}
