/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* decide() against an evaluator that is written down anew: random policies, random questions. */

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/decide.h"
#include "tests/unit/question.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

#define ROUNDS		   6000u
#define RULES_A_POLICY	   8u
#define QUESTIONS_A_POLICY 60u

static uint64_t random_state;

/* xorshift64*: the same questions in every run. */
static unsigned random_below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* A rule as its author thinks of it. NULL and 0 stand for a key that is left out. */
struct sketch {
	enum verdict verdict;
	unsigned classes; /* bits 1 << enum effect_class */
	effect_set hazards;
	int users[2], group; /* -1: none */
	const char *type, *model, *serial, *commands[2];
	int lid_first, lid_last, rae; /* -1: not tested */
};

static const char *pick(const char *const *from, unsigned n)
{
	return from[random_below(n)];
}

static effect_set random_hazards(void)
{
	static const enum effect hazards[] = {EFFECT_CONFIDENTIAL, EFFECT_PERSISTENT,
					      EFFECT_TAINTS_KERNEL, EFFECT_BROADCAST};
	effect_set set = 0;

	for (size_t i = 0; i < ELEMENTSOF(hazards); i++)
		if (random_below(3) == 0)
			set |= EFFECT_BIT(hazards[i]);
	return set;
}

static void sketch_random(struct sketch *s)
{
	static const char *const types[] = {NULL, NULL, "nvme", "nv*", "*"};
	static const char *const models[] = {NULL, NULL, NULL, "QEMU", "QEMU*", "Lab*"};
	static const char *const serials[] = {NULL, NULL, NULL, "S1", "S*", "*"};
	static const char *const commands[] = {"nvme.get-log-page",
					       "nvme.set-features",
					       "nvme.*",
					       "nvme.s*",
					       "cxl.*",
					       "cxl.get-feature"};

	*s = (struct sketch){.users = {-1, -1}, .group = -1, .lid_first = -1, .rae = -1};
	s->verdict = random_below(_VERDICT_MAX);
	if (random_below(3) == 0)
		s->classes = (1 + random_below(7)) << CLASS_READ_ONLY;
	if (s->verdict != VERDICT_DENY)
		s->hazards = random_hazards();
	if (random_below(2)) {
		s->users[0] = (int)random_below(4);
		s->users[1] = random_below(2) ? (int)random_below(4) : -1;
	}
	if (s->verdict != VERDICT_DENY && random_below(3) == 0)
		s->group = 10 + (int)random_below(3);
	s->model = pick(models, ELEMENTSOF(models));
	s->serial = pick(serials, ELEMENTSOF(serials));
	switch (random_below(4)) {
	case 0:
		s->type = pick(types, ELEMENTSOF(types));
		break;
	case 1:
		s->commands[0] = pick(commands, ELEMENTSOF(commands));
		s->commands[1] = random_below(2) ? pick(commands, ELEMENTSOF(commands)) : NULL;
		break;
	case 2:
		s->commands[0] = "nvme.get-log-page";
		s->lid_first = (int)random_below(6);
		s->lid_last = s->lid_first + (int)random_below(4);
		s->rae = (int)random_below(3) - 1;
		break;
	default:
		s->type = pick(types, ELEMENTSOF(types));
		s->commands[0] = "nvme.get-log-page";
		break;
	}
}

static void sketch_write(const struct sketch *s, unsigned number, FILE *file)
{
	fprintf(file, "- id: r%u\n  verdict: %s\n", number, verdict_to_string(s->verdict));
	if (s->classes) {
		fputs("  class: [", file);
		for (int c = CLASS_READ_ONLY; c < _CLASS_MAX; c++)
			if (s->classes & 1u << c)
				fprintf(file, "%s,", effect_class_to_string(c));
		fputs("]\n", file);
	}
	if (s->hazards) {
		char names[EFFECT_SET_STRING_MAX];

		fprintf(file, "  hazards: [%s]\n", effect_set_to_string(s->hazards, names));
	}
	if (s->users[0] >= 0 || s->group >= 0) {
		fputs("  caller:\n", file);
		if (s->users[0] >= 0 && s->users[1] >= 0)
			fprintf(file, "    user: [%d, %d]\n", s->users[0], s->users[1]);
		else if (s->users[0] >= 0)
			fprintf(file, "    user: %d\n", s->users[0]);
		if (s->group >= 0)
			fprintf(file, "    group: %d\n", s->group);
	}
	if (s->type || s->model || s->serial) {
		fputs("  device:\n", file);
		if (s->type)
			fprintf(file, "    type: \"%s\"\n", s->type);
		if (s->model)
			fprintf(file, "    model: \"%s\"\n", s->model);
		if (s->serial)
			fprintf(file, "    serial: \"%s\"\n", s->serial);
	}
	if (s->commands[0])
		fprintf(file, "  command: [%s%s%s]\n", s->commands[0], s->commands[1] ? ", " : "",
			s->commands[1] ? s->commands[1] : "");
	if (s->lid_first >= 0) {
		fprintf(file, "  where: {lid: %d-%d", s->lid_first, s->lid_last);
		if (s->rae >= 0)
			fprintf(file, ", rae: %d", s->rae);
		fputs("}\n", file);
	}
}

static bool glob(const char *pattern, const char *string)
{
	return !pattern || fnmatch(pattern, string, 0) == 0;
}

static bool sketch_matches(const struct sketch *s, const struct question *q)
{
	bool caller = s->users[0] < 0 && s->group < 0;

	if (s->classes && !(s->classes & 1u << q->request.class))
		return false;
	if (s->verdict != VERDICT_DENY)
		for (int e = 0; e < _EFFECT_MAX; e++)
			if (EFFECT_BIT(e) & q->request.effects & EFFECT_HAZARDS)
				if (!(EFFECT_BIT(e) & s->hazards))
					return false;
	caller |= s->users[0] >= 0 && q->caller.uid == (uid_t)s->users[0];
	caller |= s->users[1] >= 0 && q->caller.uid == (uid_t)s->users[1];
	for (size_t i = 0; i < q->caller.n_gids; i++)
		caller |= s->group >= 0 && q->gids[i] == (gid_t)s->group;
	if (!caller || !glob(s->type, q->device.dialect) || !glob(s->model, q->device.model))
		return false;
	if (s->serial && strlen(q->device.serial) == 0)
		return false;
	if (s->serial && q->device.serial_disputed && s->verdict != VERDICT_DENY)
		return false;
	if (!glob(s->serial, q->device.serial))
		return false;
	if (s->commands[0] && fnmatch(s->commands[0], q->request.command->full_name, 0) != 0 &&
	    (!s->commands[1] || fnmatch(s->commands[1], q->request.command->full_name, 0) != 0))
		return false;
	if (s->lid_first >= 0 && (q->request.values[0].number < (uint64_t)s->lid_first ||
				  q->request.values[0].number > (uint64_t)s->lid_last))
		return false;
	return s->rae < 0 || q->request.values[1].number == (uint64_t)s->rae;
}

/* The index of the rule that decides, or -1. */
static int reference_rule(const struct sketch *rules, unsigned n, const struct question *q)
{
	for (unsigned i = 0; i < n; i++)
		if (sketch_matches(&rules[i], q))
			return (int)i;
	return -1;
}

static enum verdict reference_default(const enum verdict *of_class, const enum verdict *of_hazard,
				      const struct question *q)
{
	bool deny = of_class[q->request.class] == VERDICT_DENY;
	bool ask = of_class[q->request.class] == VERDICT_AUTHENTICATE;

	for (int e = 0; e < _EFFECT_MAX; e++)
		if (EFFECT_BIT(e) & q->request.effects & EFFECT_HAZARDS) {
			deny |= of_hazard[e] == VERDICT_DENY;
			ask |= of_hazard[e] == VERDICT_AUTHENTICATE;
		}
	return deny ? VERDICT_DENY : ask ? VERDICT_AUTHENTICATE : VERDICT_ALLOW;
}

static void question_random(struct question *q)
{
	static const enum effect plain[] = {EFFECT_IMMEDIATE_LOG_CHANGE, EFFECT_DATA_LOSS};
	static const char *const models[] = {"QEMU", "QEMU NVMe", "Lab 1", "", "qemu"};
	static const char *const serials[] = {"S1", "S2", "T", ""};

	question_init(q);
	q->request.class = CLASS_READ_ONLY + random_below(3);
	q->request.effects = random_below(2) ? random_hazards() : 0;
	for (unsigned i = 0; i < ELEMENTSOF(plain); i++)
		if (random_below(2) && effect_class_of(plain[i]) <= q->request.class)
			q->request.effects |= EFFECT_BIT(plain[i]);
	q->caller.uid = random_below(4);
	q->caller.n_gids = random_below(3);
	for (size_t i = 0; i < q->caller.n_gids; i++)
		q->gids[i] = 10 + random_below(4);
	q->device.model = pick(models, ELEMENTSOF(models));
	q->device.serial = pick(serials, ELEMENTSOF(serials));
	q->device.serial_disputed = random_below(6) == 0;
	if (random_below(4) == 0) {
		q->device.dialect = "cxl";
		q->request.command = &small_cxl[random_below(2)];
	} else {
		q->request.command = &small_nvme[random_below(4) < 3 ? 0 : random_below(3)];
	}
	q->request.values[0].number = random_below(10);
	q->request.values[1].number = random_below(2);
}

/* Adds defaults to the text, and to what the reference is asked with. */
static void defaults_random(FILE *file, enum verdict *of_class, enum verdict *of_hazard)
{
	fputs("version: 1\ndefaults:\n  read-only: allow\n", file);
	of_class[CLASS_READ_ONLY] = VERDICT_ALLOW;
	for (int c = CLASS_CONFIG_CHANGE; c < _CLASS_MAX; c++)
		if (random_below(3)) {
			of_class[c] = random_below(_VERDICT_MAX);
			fprintf(file, "  %s: %s\n", effect_class_to_string(c),
				verdict_to_string(of_class[c]));
		}
	for (int e = 0; e < _EFFECT_MAX; e++)
		if (EFFECT_BIT(e) & EFFECT_HAZARDS && random_below(3)) {
			of_hazard[e] = random_below(_VERDICT_MAX);
			fprintf(file, "  %s: %s\n", effect_to_string(e),
				verdict_to_string(of_hazard[e]));
		}
}

/*
 * Loads the rules, leaving out those that the loader says can never match; and makes sure that it
 * is true of them.
 */
static struct policy *load_unshadowed(const char *defaults, struct sketch *rules, unsigned *n,
				      unsigned *n_shadowed)
{
	for (;;) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *text = NULL;
		struct policy *policy = NULL;
		unsigned shadowed;
		size_t size, error = 0;
		FILE *file = open_memstream(&text, &size);
		int r;

		fprintf(file, "%srules:\n", defaults);
		for (unsigned i = 0; i < *n; i++)
			sketch_write(&rules[i], i, file);
		fclose(file);
		r = policy_load_text("/etc/p.yaml", text, size, &small_catalogue, test_accounts(),
				     &problems, &policy);
		if (r == 0)
			return policy;
		while (error < problems.n && problems.items[error].warning)
			error++;
		assert_true(error < problems.n);
		if (sscanf(problems.items[error].text, "The rule \"r%u\" can never match",
			   &shadowed) != 1)
			fail_msg("%s\n%s", problems.items[error].text, text);
		for (unsigned i = 0; i < 200; i++) {
			struct question q;

			question_random(&q);
			assert_int_not_equal(reference_rule(rules, *n, &q), (int)shadowed);
		}
		memmove(&rules[shadowed], &rules[shadowed + 1],
			(*n - shadowed - 1) * sizeof(*rules));
		(*n)--;
		(*n_shadowed)++;
	}
}

static void random_policies_agree_with_the_reference(void **state)
{
	unsigned pairs = 0, by_rule = 0, n_shadowed = 0, of_verdict[_VERDICT_MAX] = {};

	random_state = 0x9e3779b97f4a7c15ULL;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum verdict of_class[_CLASS_MAX] = {}, of_hazard[_EFFECT_MAX] = {};
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_free_ char *defaults = NULL;
		struct sketch rules[RULES_A_POLICY];
		unsigned n = 1 + random_below(RULES_A_POLICY);
		size_t size;
		FILE *file = open_memstream(&defaults, &size);

		defaults_random(file, of_class, of_hazard);
		fclose(file);
		for (unsigned i = 0; i < n; i++)
			sketch_random(&rules[i]);
		policy = load_unshadowed(defaults, rules, &n, &n_shadowed);

		for (unsigned i = 0; i < QUESTIONS_A_POLICY; i++) {
			struct decision decision;
			struct question q;
			int rule;

			question_random(&q);
			decide(policy, &q.query, &decision);
			rule = reference_rule(rules, n, &q);
			if (rule >= 0) {
				assert_ptr_equal(decision.rule, &policy->rules[rule]);
				assert_int_equal(decision.verdict, rules[rule].verdict);
				by_rule++;
			} else {
				assert_null(decision.rule);
				assert_int_equal(decision.verdict,
						 reference_default(of_class, of_hazard, &q));
			}
			of_verdict[decision.verdict]++;
			pairs++;
		}
	}
	print_message(
		"# %u pairs, %u decided by a rule; %u deny, %u allow, %u authenticate; "
		"%u shadowed rules\n",
		pairs, by_rule, of_verdict[VERDICT_DENY], of_verdict[VERDICT_ALLOW],
		of_verdict[VERDICT_AUTHENTICATE], n_shadowed);
	assert_true(pairs >= 300000);
	/* Were the questions any good? */
	assert_true(by_rule > pairs / 4 && by_rule < pairs * 3 / 4);
	for (unsigned i = 0; i < _VERDICT_MAX; i++)
		assert_true(of_verdict[i] > pairs / 10);
	assert_true(n_shadowed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_policies_agree_with_the_reference),
	};

	return cmocka_run_group_tests_name("decide-random", tests, NULL, NULL);
}
