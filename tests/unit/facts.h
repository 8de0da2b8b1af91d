/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Facts about commands, written down apart from the catalogue: the rows of
 * tests/data/golden/{nvme,cxl,mlx5,mlx5-registers,bnxt}.txt, and what they say of a request's
 * bytes. Columns:
 *
 *   opcode    as the device's dialect has it; of a register: opcode, direction, id
 *   name      the command's, without the dialect
 *   class     what holds where no case does
 *   cases     "BYTE&MASK=VALUE,... CLASS;...", the first that holds decides; bytes of the message
 *   scope     the lowest that the kernel takes, or between which two it lies; -: there is none
 *   bytes     of the message with its tail (N/N: sources differ; N+: more may follow), or "refused"
 *   timeout   of the driver, in ms
 *   data      "<LENGTH" from the device, ">LENGTH" to it; before that the offset of its pointer in
 *             the message. A length is a number or OFFSET:SIZE*UNIT+ADD, of a little endian field.
 *             "?": depends on what other tests look at
 *   judged    what was decided otherwise, and why: a class of the plain form, or "refused"
 */

#include "tests/unit/rows.h"

#include "policy/message.h"

#define CASES_MAX 64u
#define TERMS_MAX 16u
#define DATA_MAX  2u
#define SIZES_MAX 2u

struct fact_term {
	size_t byte;
	uint8_t mask, value;
};

struct fact_case {
	struct fact_term terms[TERMS_MAX];
	unsigned n_terms;
	enum effect_class class;
};

struct fact_data {
	bool pointed;
	bool to_device;
	size_t pointer;
	size_t field, size; /* size 0: the length is `add` */
	uint64_t unit, add;
};

struct fact {
	const char *dialect;
	char where[128];
	uint32_t opcode;
	bool is_register, writes;
	unsigned id;
	char name[80];
	enum effect_class class;
	struct fact_case cases[CASES_MAX];
	unsigned n_cases;
	bool scoped;
	unsigned scope_first, scope_last;
	bool refused;
	size_t sizes[SIZES_MAX];
	unsigned n_sizes;
	bool tail;
	uint64_t timeout_ms;
	bool data_open; /* "?" */
	struct fact_data data[DATA_MAX];
	unsigned n_data;
	enum effect_class judged; /* 0: as the facts have it */
};

/* A request as bytes. */
struct form {
	uint8_t message[MESSAGE_HEAD_MAX + REQUEST_DATA_MAX];
	size_t length;
	size_t data_length;
};

static inline enum effect_class parse_class(const struct rows *rows, const char *text)
{
	int class = effect_class_from_string(text);

	if (class < 0)
		fail_msg("%s:%u: \"%s\" is no class", rows->name, rows->line, text);
	return (enum effect_class) class;
}

static inline void parse_cases(const struct rows *rows, struct fact *fact)
{
	char *rest = rows->columns[3], *one;

	while (strcmp(rows->columns[3], "-") != 0 && (one = strsep(&rest, ";"))) {
		struct fact_case *c = &fact->cases[fact->n_cases++];
		char *terms = strsep(&one, " "), *term;

		assert_true(fact->n_cases <= CASES_MAX && one);
		c->class = parse_class(rows, one);
		while ((term = strsep(&terms, ","))) {
			unsigned mask, value;

			assert_true(c->n_terms < TERMS_MAX);
			if (sscanf(term, "%zu&%x=%x", &c->terms[c->n_terms].byte, &mask, &value) !=
			    3)
				fail_msg("%s:%u: \"%s\"", rows->name, rows->line, term);
			c->terms[c->n_terms].mask = (uint8_t)mask;
			c->terms[c->n_terms++].value = (uint8_t)value;
		}
	}
}

static inline void parse_data(const struct rows *rows, struct fact *fact)
{
	char *rest = rows->columns[7], *one;

	fact->data_open = strcmp(rest, "?") == 0;
	if (fact->data_open || strcmp(rest, "-") == 0)
		return;
	while ((one = strsep(&rest, " "))) {
		struct fact_data *d = &fact->data[fact->n_data++];
		uint64_t number;

		assert_true(fact->n_data <= DATA_MAX);
		d->pointed = *one != '<' && *one != '>';
		if (d->pointed)
			d->pointer = rows_number(rows, one, &one);
		d->to_device = *one == '>';
		number = rows_number(rows, one + 1, &one);
		d->unit = 1;
		if (*one == ':') {
			d->field = number;
			d->size = rows_number(rows, one + 1, &one);
			if (*one == '*')
				d->unit = rows_number(rows, one + 1, &one);
			if (*one == '+')
				d->add = rows_number(rows, one + 1, &one);
		} else {
			d->add = number;
		}
		assert_true(*one == '\0');
	}
}

static inline void parse_fact(const struct rows *rows, const char *dialect, struct fact *ret)
{
	struct fact fact = {.dialect = dialect};
	char *rest = rows->columns[0], *judged = rows->columns[8], *size = rows->columns[5];

	fact.opcode = (uint32_t)rows_number(rows, strsep(&rest, " "), NULL);
	if (rest) {
		fact.is_register = true;
		fact.writes = strcmp(strsep(&rest, " "), "write") == 0;
		assert_non_null(rest);
		fact.id = (unsigned)rows_number(rows, rest, NULL);
	}
	snprintf(fact.name, sizeof(fact.name), "%s", rows->columns[1]);
	snprintf(fact.where, sizeof(fact.where), "%s:%u: %s", rows->name, rows->line, fact.name);
	fact.class = parse_class(rows, rows->columns[2]);
	parse_cases(rows, &fact);
	fact.scoped = strcmp(rows->columns[4], "-") != 0;
	if (fact.scoped) {
		fact.scope_first = fact.scope_last =
			(unsigned)rows_number(rows, rows->columns[4], &rest);
		if (*rest == '-')
			fact.scope_last = (unsigned)rows_number(rows, rest + 1, NULL);
	}
	fact.refused = strcmp(size, "refused") == 0;
	while (!fact.refused && *size && *size != '+') {
		assert_true(fact.n_sizes < SIZES_MAX);
		fact.sizes[fact.n_sizes++] = rows_number(rows, size, &size);
		size += *size == '/';
	}
	fact.tail = *size == '+';
	if (strcmp(rows->columns[6], "-") != 0)
		fact.timeout_ms = rows_number(rows, rows->columns[6], NULL);
	parse_data(rows, &fact);
	if (strcmp(judged, "-") != 0) {
		char *what = strsep(&judged, " ");

		/* A difference without its reason is none that somebody decided on. */
		assert_true(judged && strlen(judged) > 8);
		if (strcmp(what, "refused") == 0)
			fact.refused = true;
		else
			fact.judged = parse_class(rows, what);
	}
	*ret = fact;
}

/* The class that the facts give these bytes. */
static inline enum effect_class fact_class(const struct fact *fact, const struct form *form)
{
	for (unsigned i = 0; i < fact->n_cases; i++) {
		bool holds = true;

		for (unsigned j = 0; j < fact->cases[i].n_terms; j++) {
			const struct fact_term *t = &fact->cases[i].terms[j];

			holds = holds && t->byte < form->length &&
				(form->message[t->byte] & t->mask) == t->value;
		}
		if (holds)
			return fact->cases[i].class;
	}
	return fact->class;
}

/* What was decided otherwise counts where it is worse, and is the least where it is better. */
static inline enum effect_class fact_floor(const struct fact *fact, const struct form *form)
{
	enum effect_class class = fact_class(fact, form);

	return fact->judged && fact->judged < class ? fact->judged : class;
}

static inline const struct command *fact_command(const struct fact *fact)
{
	uint8_t head[12] = {};

	if (fact->is_register) {
		head[7] = !fact->writes;
		head[10] = (uint8_t)(fact->id >> 8);
		head[11] = (uint8_t)fact->id;
	}
	return dialect_find(catalogue_dialect(shipped, fact->dialect), fact->opcode, head,
			    sizeof(head));
}
