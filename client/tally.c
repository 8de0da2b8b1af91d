/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/tally.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "include/cleanup.h"

static void row_free(struct tally_row *row)
{
	for (unsigned i = 0; i < TALLY_TEXTS_MAX; i++)
		free(row->texts[i]);
	free(row);
}

DEFINE_CLEANUP(struct tally_row *, row_free)

static void keep(void *row)
{
	(void)row;
}

void tally_done(struct tally *tally)
{
	tdestroy(tally->tree, keep);
	for (size_t i = 0; i < tally->n; i++)
		row_free(tally->rows[i]);
	free(tally->rows);
	*tally = (struct tally){};
}

/* Texts beyond the tally's number are NULL in both. */
static int compare(const void *a, const void *b)
{
	const struct tally_row *one = a, *other = b;
	int order = 0;

	for (unsigned i = 0; order == 0 && i < TALLY_TEXTS_MAX && one->texts[i]; i++)
		order = strcmp(one->texts[i], other->texts[i]);
	return order;
}

static int insert(struct tally *tally, const struct tally_row *like, struct tally_row **ret)
{
	_cleanup_(row_freep) struct tally_row *row = calloc(1, sizeof(*row));
	struct tally_row **rows;

	if (!row)
		return -ENOMEM;
	for (unsigned i = 0; i < tally->n_texts; i++) {
		row->texts[i] = strdup(like->texts[i]);
		if (!row->texts[i])
			return -ENOMEM;
	}
	rows = reallocarray(tally->rows, tally->n + 1, sizeof(struct tally_row *));
	if (!rows)
		return -ENOMEM;
	tally->rows = rows;
	if (!tsearch(row, &tally->tree, compare))
		return -ENOMEM;
	*ret = tally->rows[tally->n++] = TAKE_PTR(row);
	return 0;
}

int tally_add(struct tally *tally, const char *const *texts, uint64_t count, uint64_t at_usec)
{
	struct tally_row key = {}, *row = NULL;
	struct tally_row **found;
	int r;

	for (unsigned i = 0; i < tally->n_texts; i++)
		key.texts[i] = (char *)(texts[i] ?: "");
	found = tfind(&key, &tally->tree, compare);
	if (found) {
		row = *found;
	} else {
		r = insert(tally, &key, &row);
		if (r < 0)
			return r;
		row->first_usec = at_usec;
	}
	row->count += count;
	row->last_usec = at_usec;
	return 0;
}
