/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/random-facts.h"

#include "tests/unit/facts.h"

static struct fact *facts;
static size_t n_facts;

void facts_learn(struct catalogue *catalogue)
{
	static const struct {
		const char *name, *dialect;
	} files[] = {
		{"golden/nvme.txt", "nvme"}, {"golden/cxl.txt", "cxl"},
		{"golden/mlx5.txt", "mlx5"}, {"golden/mlx5-registers.txt", "mlx5"},
		{"golden/bnxt.txt", "bnxt"},
	};

	shipped = catalogue;
	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		struct rows rows;

		rows_open(&rows, files[i].name);
		while (rows_next(&rows, 9)) {
			facts = reallocarray(facts, n_facts + 1, sizeof(*facts));
			assert_non_null(facts);
			parse_fact(&rows, files[i].dialect, &facts[n_facts++]);
		}
		rows_close(&rows);
	}
}

void facts_forget(void)
{
	free(facts);
}

const struct fact *facts_find(const struct command *command)
{
	for (size_t i = 0; i < n_facts; i++)
		if (fact_command(&facts[i]) == command)
			return &facts[i];
	return NULL;
}

enum effect_class facts_floor(const struct fact *fact, const uint8_t *message, size_t length)
{
	static struct form form;

	memcpy(form.message, message, length);
	form.length = length;
	return fact_floor(fact, &form);
}
