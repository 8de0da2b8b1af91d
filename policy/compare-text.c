/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/compare-text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/suggest.h"

#define LIMIT_TEXT_MAX 64u

static const char *limit_to_text(const struct limit *limit, char text[static LIMIT_TEXT_MAX])
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"d", 24 * 60 * 60}, {"h", 60 * 60}, {"min", 60}, {"s", 1}};
	uint64_t seconds = limit->per_usec / 1000000;
	size_t unit = 0;

	if (limit->count == 0)
		return "none";
	while (seconds % units[unit].seconds != 0)
		unit++;
	snprintf(text, LIMIT_TEXT_MAX, "%u per %" PRIu64 "%s by %s", limit->count,
		 seconds / units[unit].seconds, units[unit].name, limit_by_to_string(limit->by));
	return text;
}

int change_limit_text(const struct limit *before, const struct limit *after, char **ret)
{
	char texts[2][LIMIT_TEXT_MAX];

	return asprintf(ret, "limit: %s -> %s", limit_to_text(before, texts[0]),
			limit_to_text(after, texts[1])) < 0
		       ? -ENOMEM
		       : 0;
}

bool limits_equal(const struct limit *a, const struct limit *b)
{
	return a->count == b->count &&
	       (a->count == 0 || (a->per_usec == b->per_usec && a->by == b->by));
}

static bool same_boxes(const struct space *space, const struct rule *before,
		       const struct rule *after)
{
	const struct entries *a = &space->policies[0], *b = &space->policies[1];
	size_t i = a->first[before - a->policy->rules], j = b->first[after - b->policy->rules];
	size_t n = a->first[before - a->policy->rules + 1] - i;

	if (n != b->first[after - b->policy->rules + 1] - j)
		return false;
	for (size_t k = 0; k < n; k++)
		if (!boxes_equal(a->items[i + k].box, b->items[j + k].box))
			return false;
	return true;
}

static int observe_text(const struct space *space, const struct rule *before,
			const struct rule *after, char **ret)
{
	bool was = before && before->observe, is = after && after->observe;
	int r = 0;

	if (was && is && before->verdict == after->verdict && same_boxes(space, before, after))
		return 0;
	if (was && is && before->verdict != after->verdict)
		r = asprintf(ret, "observe: would %s -> would %s",
			     verdict_to_string(before->verdict), verdict_to_string(after->verdict));
	else if (was && is)
		r = asprintf(ret, "observe: it observes other requests than before");
	else if (was)
		r = asprintf(ret, after ? "observe: true -> false (it decides from now on)"
					: "observe: the rule is gone");
	else if (is)
		r = asprintf(ret, before ? "observe: false -> true (it decides nothing any more)"
					 : "observe: a new rule, which decides nothing");
	return r < 0 ? -ENOMEM : 0;
}

int change_texts_make(const struct space *space, const struct rule *before,
		      const struct rule *after, struct change_texts *ret)
{
	int r = observe_text(space, before, after, &ret->of_kind[CHANGE_OBSERVE]);

	if (r < 0 || !before || !after || before->verdict != after->verdict)
		return r;
	if (!limits_equal(&before->limit, &after->limit)) {
		r = change_limit_text(&before->limit, &after->limit, &ret->of_kind[CHANGE_LIMIT]);
		if (r < 0)
			return r;
	}
	if (strcmp(before->note ?: "", after->note ?: "") != 0 &&
	    asprintf(&ret->of_kind[CHANGE_NOTE], "note: %s -> %s", before->note ?: "none",
		     after->note ?: "none") < 0) {
		ret->of_kind[CHANGE_NOTE] = NULL;
		return -ENOMEM;
	}
	return 0;
}
