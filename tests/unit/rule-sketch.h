/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rules as their author thinks of them, made up at random and written as YAML, and what they mean,
 * written down anew without a line of policy/. About the commands of small-catalogue.h. All of it
 * is drawn from so little that rules overlap and requests meet them.
 */

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "policy/decide.h"
#include "tests/unit/question.h"

#define SKETCH_LIST_MAX 3u

static uint64_t random_state;

/* xorshift64*: the same in every run with the same seed. */
static inline unsigned random_below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* NULL and -1 stand for what is left out, and end lists. */
struct sketch {
	enum verdict verdict;
	bool observe, unknown_user;
	unsigned classes; /* bits 1 << enum effect_class; 0: left out */
	effect_set hazards;
	int max_scope;
	int users[SKETCH_LIST_MAX], groups[SKETCH_LIST_MAX];
	const char *device[_DEVICE_KEY_MAX][SKETCH_LIST_MAX];
	const char *commands[SKETCH_LIST_MAX];
	const char *fields[2];		   /* the names of those that are tested ... */
	int values[2][SKETCH_LIST_MAX][2]; /* ... and ranges of them; of a UUID the last byte */
	unsigned days;			   /* bits, Monday first */
	int from, to;			   /* minutes of the day */
	unsigned zone;
	unsigned count, per, by; /* per: minutes */
};

/* Without summer time, so that what time it is there is one sum. */
static const struct {
	const char *name;
	int minutes; /* east of UTC */
} sketch_zones[] = {{"UTC", 0}, {"Asia/Kolkata", 330}, {"Pacific/Marquesas", -570}};

static const char *const sketch_days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const sketch_scopes[] = {"configuration", "debug-read-only", "debug-write",
					    "debug-write-full"};
static const char *const sketch_by[] = {"caller", "device", "rule"};

static const char *const device_keys[_DEVICE_KEY_MAX] = {"type",  "driver",   "pci", "serial",
							 "model", "firmware", "nqn"};
static const char *const device_patterns[_DEVICE_KEY_MAX][5] = {
	{"nvme", "nv*", "*", "nvme", "cxl"},
	{"nvme", "n*", "simulated", "*", "nv*"},
	{"0000:3b:00.0", "0000:3b*", "0000:*", "0000:3c:00.0", "0000:3*"},
	{"S1", "S*", "*", "S2", "S12"},
	{"QEMU", "QEMU*", "Lab*", "QEMU NVMe", "Q*"},
	{"8.1", "8*", "9.0", "*", "9*"},
	{"nqn.a", "nqn.a*", "nqn.b*", "nqn.*", "nqn.ab"},
};
static const char *const device_texts[_DEVICE_KEY_MAX][5] = {
	{"nvme", "nvme", "nvme", "nvme", "cxl"},
	{"nvme", "nvme", "simulated", "cxl_mem", ""},
	{"0000:3b:00.0", "0000:3b:00.1", "0000:3c:00.0", "0001:3b:00.0", ""},
	{"S1", "S2", "S12", "T", ""},
	{"QEMU", "QEMU NVMe", "Lab 1", "qemu", ""},
	{"8.1", "8.10", "9.0", "9.1", ""},
	{"nqn.a", "nqn.ab", "nqn.b", "nqm", ""},
};

static inline effect_set random_hazards(void)
{
	static const enum effect hazards[] = {EFFECT_CONFIDENTIAL, EFFECT_PERSISTENT,
					      EFFECT_TAINTS_KERNEL, EFFECT_BROADCAST};
	effect_set set = 0;

	for (size_t i = 0; i < ELEMENTSOF(hazards); i++)
		if (random_below(3) == 0)
			set |= EFFECT_BIT(hazards[i]);
	return set;
}

static inline void sketch_random_field(struct sketch *s, unsigned n, const char *field, int max)
{
	s->fields[n] = field;
	for (unsigned i = 0; i <= random_below(SKETCH_LIST_MAX); i++) {
		int first = (int)random_below((unsigned)max + 1), last = first;

		if (random_below(3) == 0)
			last += (int)random_below((unsigned)(max - first) + 1);
		/* Wide enough that nobody lists its values. */
		if (max == 255 && random_below(6) == 0)
			last = 255 - (int)random_below(100);
		s->values[n][i][0] = first;
		s->values[n][i][1] = last < first ? first : last;
	}
}

static inline void sketch_random_where(struct sketch *s)
{
	switch (random_below(3)) {
	case 0:
		s->commands[0] = "nvme.get-log-page";
		if (random_below(4))
			sketch_random_field(s, 0, "lid", random_below(2) ? 9 : 255);
		if (random_below(3) == 0 || !s->fields[0])
			sketch_random_field(s, 1, "rae", 1);
		break;
	case 1:
		s->commands[0] = "nvme.set-features";
		sketch_random_field(s, 0, "fid", random_below(2) ? 9 : 255);
		if (random_below(3) == 0)
			sketch_random_field(s, 1, "sv", 1);
		break;
	default:
		s->commands[0] = "cxl.set-feature";
		s->commands[1] = random_below(2) ? "cxl.get-feature" : NULL;
		s->fields[0] = "uuid";
		for (unsigned i = 0; i <= random_below(SKETCH_LIST_MAX); i++)
			s->values[0][i][0] = s->values[0][i][1] = (int)random_below(5);
	}
}

static inline void sketch_random_when(struct sketch *s)
{
	s->zone = random_below(ELEMENTSOF(sketch_zones));
	s->days = random_below(3) ? 1 + random_below(127) : 127;
	if (random_below(3) == 0 && s->days != 127)
		return;
	s->from = (int)random_below(48) * 30 % 1440;
	s->to = (s->from + 30 + (int)random_below(46) * 30) % 1440;
	s->to = s->to == 0 ? 1440 : s->to;
}

static inline void sketch_random(struct sketch *s)
{
	static const char *const commands[] = {"nvme.get-log-page",
					       "nvme.set-features",
					       "nvme.*",
					       "nvme.s*",
					       "nvme.get*",
					       "cxl.*",
					       "cxl.get-feature",
					       "*"};

	memset(s, 0, sizeof(*s));
	memset(s->users, -1, sizeof(s->users));
	memset(s->groups, -1, sizeof(s->groups));
	memset(s->values, -1, sizeof(s->values));
	s->from = s->to = s->max_scope = -1;
	s->verdict = random_below(_VERDICT_MAX);
	s->observe = random_below(4) == 0;
	if (random_below(3) == 0)
		s->classes = (1 + random_below(7)) << CLASS_READ_ONLY;
	if (random_below(3))
		for (unsigned i = 0; i <= random_below(SKETCH_LIST_MAX); i++)
			s->users[i] = (int)random_below(6);
	if (random_below(8) == 0)
		sketch_random_when(s);
	switch (random_below(4)) {
	case 0:
		break;
	case 1:
		sketch_random_where(s);
		break;
	default:
		for (unsigned i = 0; i <= random_below(SKETCH_LIST_MAX); i++)
			s->commands[i] = commands[random_below(ELEMENTSOF(commands))];
	}
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++)
		for (unsigned i = 0; i < SKETCH_LIST_MAX && random_below(i ? 2 : 6) == 0; i++)
			s->device[key][i] = device_patterns[key][random_below(5)];
	/* What no device of the type has is an error. */
	if (s->commands[0])
		s->device[DEVICE_TYPE][0] = NULL;
	if (s->verdict == VERDICT_DENY)
		return;
	s->hazards = random_hazards();
	s->unknown_user = random_below(20) == 0;
	if (random_below(3) == 0)
		for (unsigned i = 0; i <= random_below(SKETCH_LIST_MAX); i++)
			s->groups[i] = 10 + (int)random_below(5);
	if (random_below(6) == 0)
		s->max_scope =
			(int)random_below(s->hazards & EFFECT_BIT(EFFECT_TAINTS_KERNEL) ? 4 : 2);
	if (random_below(6) == 0) {
		s->count = 1 + random_below(3);
		s->per = 1 + random_below(59);
		s->by = random_below(3);
	}
}

static inline void write_list(FILE *file, const char *key, const char *const *items)
{
	if (!items[0])
		return;
	fprintf(file, "    %s: [", key);
	for (unsigned i = 0; i < SKETCH_LIST_MAX && items[i]; i++)
		fprintf(file, "\"%s\", ", items[i]);
	fputs("]\n", file);
}

static inline void write_ids(FILE *file, const char *key, const int *ids, const char *more)
{
	if (ids[0] < 0 && !more)
		return;
	fprintf(file, "    %s: [", key);
	for (unsigned i = 0; i < SKETCH_LIST_MAX && ids[i] >= 0; i++)
		fprintf(file, "%d, ", ids[i]);
	fprintf(file, "%s]\n", more ?: "");
}

static inline void write_field(FILE *file, const struct sketch *s, unsigned n)
{
	fprintf(file, "    %s: [", s->fields[n]);
	for (unsigned i = 0; i < SKETCH_LIST_MAX && s->values[n][i][0] >= 0; i++) {
		const int *range = s->values[n][i];

		if (strcmp(s->fields[n], "uuid") == 0)
			fprintf(file, "00000000-0000-0000-0000-0000000000%02x, ",
				(unsigned)range[0]);
		else if (range[0] == range[1])
			fprintf(file, "%d, ", range[0]);
		else
			fprintf(file, "%d-%d, ", range[0], range[1]);
	}
	fputs("]\n", file);
}

static inline void write_when(FILE *file, const struct sketch *s)
{
	fputs("  when:\n", file);
	if (s->days != 127) {
		fputs("    days: [", file);
		for (unsigned day = 0; day < 7; day++)
			if (s->days & 1u << day)
				fprintf(file, "%s, ", sketch_days[day]);
		fputs("]\n", file);
	}
	if (s->from >= 0)
		fprintf(file, "    from: \"%02d:%02d\"\n    to: \"%02d:%02d\"\n", s->from / 60,
			s->from % 60, s->to / 60, s->to % 60);
	fprintf(file, "    zone: %s\n", sketch_zones[s->zone].name);
}

static inline void sketch_write(const struct sketch *s, unsigned number, FILE *file)
{
	char names[EFFECT_SET_STRING_MAX];

	fprintf(file, "- id: r%u\n  verdict: %s\n", number, verdict_to_string(s->verdict));
	if (s->observe)
		fputs("  observe: true\n", file);
	if (s->classes) {
		fputs("  class: [", file);
		for (int c = CLASS_READ_ONLY; c < _CLASS_MAX; c++)
			if (s->classes & 1u << c)
				fprintf(file, "%s,", effect_class_to_string(c));
		fputs("]\n", file);
	}
	if (s->hazards)
		fprintf(file, "  hazards: [%s]\n", effect_set_to_string(s->hazards, names));
	if (s->max_scope >= 0)
		fprintf(file, "  max-scope: %s\n", sketch_scopes[s->max_scope]);
	if (s->users[0] >= 0 || s->groups[0] >= 0 || s->unknown_user)
		fputs("  caller:\n", file);
	write_ids(file, "user", s->users, s->unknown_user ? "nobody-is-called-this" : NULL);
	write_ids(file, "group", s->groups, NULL);
	for (unsigned key = 0, first = 1; key < _DEVICE_KEY_MAX; key++) {
		if (s->device[key][0] && first) {
			fputs("  device:\n", file);
			first = 0;
		}
		write_list(file, device_keys[key], s->device[key]);
	}
	if (s->commands[0])
		fputs("  command:\n", file);
	for (unsigned i = 0; i < SKETCH_LIST_MAX && s->commands[i]; i++)
		fprintf(file, "    - \"%s\"\n", s->commands[i]);
	if (s->fields[0] || s->fields[1])
		fputs("  where:\n", file);
	for (unsigned n = 0; n < 2; n++)
		if (s->fields[n])
			write_field(file, s, n);
	if (s->days)
		write_when(file, s);
	if (s->count)
		fprintf(file, "  limit: {count: %u, per: %umin, by: %s}\n", s->count, s->per,
			sketch_by[s->by]);
}

/* The reference. */

static inline bool glob_any(const char *const *patterns, const char *string)
{
	for (unsigned i = 0; i < SKETCH_LIST_MAX && patterns[i]; i++)
		if (fnmatch(patterns[i], string, 0) == 0)
			return true;
	return !patterns[0];
}

static inline bool sketch_field_holds(const struct sketch *s, unsigned n, const struct question *q)
{
	const struct command *command = q->request.command;

	for (unsigned f = 0; f < command->n_fields; f++) {
		const union field_value *value = &q->request.values[f];
		int is = command->fields[f].type == FIELD_UUID ? value->bytes[15]
							       : (int)value->number;

		for (unsigned i = 0; i < SKETCH_LIST_MAX && s->values[n][i][0] >= 0; i++)
			if (strcmp(command->fields[f].name, s->fields[n]) == 0 &&
			    is >= s->values[n][i][0] && is <= s->values[n][i][1])
				return true;
	}
	return false;
}

/* The hours of a day may end on the next one. */
static inline bool sketch_time_holds(const struct sketch *s, uint64_t usec)
{
	/* 1970 began on a Thursday. */
	int week = 7 * 1440;
	int now = (int)((usec / 60000000 + 3 * 1440) % (uint64_t)week) +
		  sketch_zones[s->zone].minutes;

	for (int day = 0; day < 7; day++) {
		int from = day * 1440 + (s->from < 0 ? 0 : s->from);
		int length = s->from < 0 ? 1440 : (s->to - s->from + 1440) % 1440;

		if (s->days & 1u << day && (now - from + 2 * week) % week < length)
			return true;
	}
	return false;
}

static inline bool sketch_matches(const struct sketch *s, const struct question *q)
{
	bool caller = s->users[0] < 0 && s->groups[0] < 0;
	const char *texts[] = {q->device.dialect, q->device.driver, q->device.pci,
			       q->device.serial,  q->device.model,  q->device.firmware,
			       q->device.nqn};

	for (unsigned i = 0; i < SKETCH_LIST_MAX; i++) {
		caller |= s->users[i] >= 0 && q->caller.uid == (uid_t)s->users[i];
		for (size_t j = 0; j < q->caller.n_gids; j++)
			caller |= s->groups[i] >= 0 && q->gids[j] == (gid_t)s->groups[i];
	}
	if (!caller || s->unknown_user || (s->classes && !(s->classes & 1u << q->request.class)))
		return false;
	if (s->verdict != VERDICT_DENY)
		for (int e = 0; e < _EFFECT_MAX; e++)
			if (EFFECT_BIT(e) & q->request.effects & EFFECT_HAZARDS & ~s->hazards)
				return false;
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++)
		if (!glob_any(s->device[key], texts[key]))
			return false;
	if (s->device[DEVICE_SERIAL][0] &&
	    (strlen(q->device.serial) == 0 ||
	     (q->device.serial_disputed && s->verdict != VERDICT_DENY)))
		return false;
	if (!glob_any(s->commands, q->request.command->full_name))
		return false;
	for (unsigned n = 0; n < 2; n++)
		if (s->fields[n] && !sketch_field_holds(s, n, q))
			return false;
	if (s->max_scope >= 0 && q->request.command->envelope == ENVELOPE_FWCTL_RPC &&
	    (int)q->request.scope > s->max_scope)
		return false;
	return s->days == 0 || sketch_time_holds(s, q->query.now.realtime_usec);
}

static inline const char *random_text(enum device_key key)
{
	return device_texts[key][random_below(5)];
}

static inline void question_random(struct question *q)
{
	static const enum effect plain[] = {EFFECT_IMMEDIATE_LOG_CHANGE, EFFECT_DATA_LOSS};

	question_init(q);
	q->request.class = CLASS_READ_ONLY + random_below(3);
	q->request.effects = random_below(2) ? random_hazards() : 0;
	for (unsigned i = 0; i < ELEMENTSOF(plain); i++)
		if (random_below(2) && effect_class_of(plain[i]) <= q->request.class)
			q->request.effects |= EFFECT_BIT(plain[i]);
	q->caller.uid = random_below(7);
	q->caller.n_gids = random_below(4);
	for (size_t i = 0; i < q->caller.n_gids; i++)
		q->gids[i] = 10 + random_below(6);
	q->device.id = random_below(2) ? "nvme:S1" : "nvme:S2";
	q->device.driver = random_text(DEVICE_DRIVER);
	q->device.pci = random_text(DEVICE_PCI);
	q->device.serial = random_text(DEVICE_SERIAL);
	q->device.model = random_text(DEVICE_MODEL);
	q->device.firmware = random_text(DEVICE_FIRMWARE);
	q->device.nqn = random_text(DEVICE_NQN);
	q->device.serial_disputed = random_below(6) == 0;
	q->query.now.realtime_usec =
		UINT64_C(1700000000000000) + UINT64_C(60000000) * random_below(30000);
	q->request.scope = random_below(4);
	if (random_below(3) == 0) {
		q->device.dialect = "cxl";
		q->request.command = &small_cxl[random_below(2)];
		q->request.values[0] = (union field_value){};
		q->request.values[0].bytes[15] = (uint8_t)random_below(6);
		q->request.values[1].number = random_below(4);
		return;
	}
	q->request.command = &small_nvme[random_below(7) / 3];
	q->request.values[0].number = random_below(random_below(2) ? 11 : 256);
	q->request.values[1].number = random_below(2);
}
