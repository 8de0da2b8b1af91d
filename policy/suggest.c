/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/suggest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/param.h>

/*
 * How many letters were added, left out, replaced or swapped with their neighbour (optimal string
 * alignment): the slips of a typing hand.
 */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][SUGGESTION_NAME_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *reuse = before;

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = last[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = MIN(MIN(last[j], row[j - 1]) + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = reuse;
	}
	return last[b_length];
}

void suggestion_try(struct suggestion *suggestion, const char *candidate)
{
	size_t wrong_length, length, distance, allowed;

	if (!candidate)
		return;
	wrong_length = strlen(suggestion->wrong);
	length = strlen(candidate);
	if (length > SUGGESTION_NAME_MAX || wrong_length > SUGGESTION_NAME_MAX)
		return;
	/* One slip in three letters is a typo; more is another word. */
	allowed = MAX(wrong_length, length) / 3;
	if (MAX(wrong_length, length) - MIN(wrong_length, length) > allowed)
		return;
	/* Capitals alone are the smallest slip, however many. */
	distance = strcasecmp(suggestion->wrong, candidate) == 0
			   ? 0
			   : edit_distance(suggestion->wrong, wrong_length, candidate, length);
	if (distance > allowed)
		return;
	if (!suggestion->best || distance < suggestion->distance) {
		suggestion->best = candidate;
		suggestion->distance = distance;
	}
}

const char *suggestion_text(struct suggestion *suggestion)
{
	if (!suggestion->best)
		return "";
	snprintf(suggestion->text, sizeof(suggestion->text), " Did you mean \"%s\"?",
		 suggestion->best);
	return suggestion->text;
}

bool name_list_fits(const struct name_list *list, const char *name)
{
	/* The end of the list must always fit behind it. */
	return list->length + strlen(", ") + strlen(name) + sizeof(", ...") <= list->size;
}

void name_list_add(struct name_list *list, const char *name)
{
	const char *separator = list->length > 0 ? ", " : "";

	if (!name || list->cut)
		return;
	list->cut = !name_list_fits(list, name);
	list->length += (size_t)snprintf(list->text + list->length, list->size - list->length,
					 "%s%s", separator, list->cut ? "..." : name);
}
