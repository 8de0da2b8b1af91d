/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a rule matches, and how often it opens something. */

#include "policy/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/suggest.h"

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
static const char *const limit_by_names[] = {"caller", "device", "rule", NULL};

const char *limit_by_to_string(enum limit_by by)
{
	return (unsigned)by < _LIMIT_BY_MAX ? limit_by_names[by] : NULL;
}

/* The index of a name, or -1. */
static int name_index(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* "sat", or "mon-fri"; the second may come before the first: "sat-mon". */
static void read_day(const struct rule_reader *reader, const struct yaml_node *node,
		     struct when *when)
{
	struct suggestion suggestion = {};
	const char *text, *dash;
	char first_name[8] = "";
	int first, last;

	if (yaml_read_string(reader->file, node, "a day", reader->problems, &text) < 0)
		return;
	dash = strchr(text, '-');
	if (dash && (size_t)(dash - text) < sizeof(first_name))
		memcpy(first_name, text, (size_t)(dash - text));
	first = name_index(day_names, dash ? first_name : text);
	last = name_index(day_names, dash ? dash + 1 : text);
	if (first < 0 || last < 0) {
		suggestion.wrong = text;
		for (size_t i = 0; day_names[i]; i++)
			suggestion_try(&suggestion, day_names[i]);
		yaml_problem(reader->file, node, false, reader->problems,
			     "\"%s\" is no day; expected mon, tue, wed, thu, fri, sat, sun, or a "
			     "range such as mon-fri.%s",
			     text, suggestion_text(&suggestion));
		return;
	}
	for (int day = first;; day = (day + 1) % 7) {
		when->days |= 1u << day;
		if (day == last)
			break;
	}
}

/* "01:00": minutes of the day. */
static int read_time(const struct rule_reader *reader, const struct yaml_node *node, unsigned max,
		     unsigned *ret)
{
	static const char digits[] = "0123456789";
	unsigned minute;
	const char *text;

	if (yaml_read_string(reader->file, node, "a time of the day", reader->problems, &text) < 0)
		return -EINVAL;
	if (strlen(text) == 5 && strspn(text, digits) == 2 && text[2] == ':' &&
	    strspn(text + 3, digits) == 2) {
		minute = (unsigned)atoi(text) * 60 + (unsigned)atoi(text + 3);
		if (atoi(text + 3) < 60 && minute <= max) {
			*ret = minute;
			return 0;
		}
	}
	yaml_problem(reader->file, node, false, reader->problems,
		     "\"%s\" is no time of the day; expected hours and minutes with two "
		     "digits each, \"00:00\" to \"%s\".",
		     text, max == MINUTES_A_DAY ? "24:00" : "23:59");
	return -EINVAL;
}

static void read_hours(const struct rule_reader *reader, const struct yaml_node *from,
		       const struct yaml_node *to, struct when *when)
{
	unsigned first, last;

	if (read_time(reader, from, MINUTES_A_DAY - 1, &first) < 0)
		first = UINT_MAX;
	if (read_time(reader, to, MINUTES_A_DAY, &last) < 0 || first == UINT_MAX)
		return;
	if (first == last) {
		yaml_problem(reader->file, to, false, reader->problems,
			     "These hours are none: they end when they begin. For whole days, "
			     "leave `from` and `to` out.");
		return;
	}
	when->from = first;
	when->to = last;
}

/* One that the policy does not have yet. */
static int load_zone(struct policy *policy, const char *name, struct interned *entry)
{
	struct zone **zones, *zone;
	int r;

	zones = reallocarray(policy->zones, policy->n_zones + 1, sizeof(*zones));
	if (!zones)
		return -ENOMEM;
	policy->zones = zones;
	r = zone_load(name, &zone);
	if (r < 0)
		return r;
	zones[policy->n_zones++] = zone;
	entry->value = zone;
	return 0;
}

static int read_zone(const struct rule_reader *reader, const struct yaml_node *node,
		     struct when *when)
{
	struct interned *entry;
	const char *name;
	int r;

	if (yaml_read_string(reader->file, node, "a time zone", reader->problems, &name) < 0)
		return 0;
	intern_key_bytes(reader->intern, name, strlen(name));
	entry = intern_find(reader->intern, INTERN_ZONE);
	if (!entry)
		return -ENOMEM;
	r = entry->value ? 0 : load_zone(reader->policy, name, entry);
	when->zone = entry->value;
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		yaml_problem(reader->file, node, false, reader->problems,
			     "There is no time zone \"%s\"; expected UTC, a name of the time zone "
			     "database with its region and its capitals, such as Europe/Berlin, or "
			     "local, which is the machine's own.",
			     name);
	else if (r < 0)
		yaml_problem(reader->file, node, false, reader->problems,
			     "The time zone \"%s\" can't be read: %s.", name, strerror(-r));
	return 0;
}

static void refuse_missing(const struct rule_reader *reader, const struct yaml_node *map,
			   const struct yaml_node *days, const struct yaml_node *from,
			   const struct yaml_node *to, const struct yaml_node *zone)
{
	if (!days && !from && !to)
		yaml_problem(reader->file, map, false, reader->problems,
			     "`when` says neither days nor hours. To match at any time, leave the "
			     "key out.");
	if (!from != !to)
		yaml_problem(reader->file, from ?: to, false, reader->problems,
			     "`from` and `to` belong together: `%s` is missing. \"00:00\" is where "
			     "a day begins, \"24:00\" where it ends.",
			     from ? "to" : "from");
	if (!zone)
		yaml_problem(reader->file, map, false, reader->problems,
			     "`when` has no `zone`: expected UTC, a zone such as Europe/Berlin, or "
			     "local, which is the machine's own.");
}

static int read_when(const struct rule_reader *reader, struct yaml_node *map, struct when *when)
{
	static const char *const known[] = {"days", "from", "to", "zone", NULL};
	const struct yaml_node *days, *from, *to, *zone;
	size_t n;
	int r = 0;

	if (map->kind != YAML_MAP) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "`when` is a map, like {days: [sat, sun], from: \"01:00\", to: "
			     "\"05:00\", zone: UTC}.");
		return 0;
	}
	when->to = MINUTES_A_DAY;
	days = yaml_get(map, "days");
	from = yaml_get(map, "from");
	to = yaml_get(map, "to");
	zone = yaml_get(map, "zone");
	/* A key that is misspelt is said to be that, and not missing as well. */
	if (yaml_refuse_unused(reader->file, map, known, reader->problems) == 0)
		refuse_missing(reader, map, days, from, to, zone);

	n = days ? value_list_length(reader, days, "a day") : 0;
	for (size_t i = 0; i < n; i++)
		read_day(reader, value_list_item(days, i), when);
	if (!days)
		when->days = 0x7f;
	if (from && to)
		read_hours(reader, from, to, when);
	if (zone)
		r = read_zone(reader, zone, when);
	return r;
}

int rule_read_when(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule)
{
	struct rule_part part;
	int r;

	intern_key_node(reader->intern, map);
	r = rule_part_find(reader, INTERN_WHEN, sizeof(*rule->when), &part);
	if (r < 0)
		return r;
	rule->when = part.value;
	if (part.known)
		return 0;
	return rule_part_keep(reader, &part, read_when(reader, map, part.value));
}

/* "30s", "1min", "2h", "1d". */
static void read_span(const struct rule_reader *reader, const struct yaml_node *node,
		      struct limit *limit)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 60 * 60}, {"d", 24 * 60 * 60}};
	char digits[8] = "";
	uint64_t number;
	const char *text;
	size_t length;

	if (yaml_read_string(reader->file, node, "a span of time", reader->problems, &text) < 0)
		return;
	length = strspn(text, "0123456789");
	if (length < sizeof(digits))
		memcpy(digits, text, length);
	for (size_t i = 0; parse_uint(digits, &number) && i < ELEMENTSOF(units); i++) {
		uint64_t usec = number * units[i].seconds * 1000000;

		if (strcmp(text + length, units[i].name) != 0)
			continue;
		if (usec == 0 || usec > LIMIT_PER_MAX_USEC)
			yaml_problem(reader->file, node, false, reader->problems,
				     "\"%s\" is too %s; expected a span of time from 1s to 31d.",
				     text, usec == 0 ? "short" : "long");
		limit->per_usec = usec;
		return;
	}
	yaml_problem(reader->file, node, false, reader->problems,
		     "\"%s\" is no span of time; expected a number and s, min, h or d, without a "
		     "space, such as 30s or 1min, at most 31d.",
		     text);
}

static void read_by(const struct rule_reader *reader, const struct yaml_node *node,
		    struct limit *limit)
{
	struct suggestion suggestion = {};
	const char *text;
	int by;

	if (yaml_read_string(reader->file, node, "caller, device or rule", reader->problems,
			     &text) < 0)
		return;
	by = name_index(limit_by_names, text);
	if (by >= 0) {
		limit->by = (enum limit_by)by;
		return;
	}
	suggestion.wrong = text;
	for (size_t i = 0; limit_by_names[i]; i++)
		suggestion_try(&suggestion, limit_by_names[i]);
	yaml_problem(
		reader->file, node, false, reader->problems,
		"A limit can't be by \"%s\"; expected caller (each user has their own), device "
		"(each device has its own) or rule (one for all).%s",
		text, suggestion_text(&suggestion));
}

void rule_read_limit(const struct rule_reader *reader, struct yaml_node *map, struct rule *rule)
{
	static const char *const known[] = {"count", "per", "by", NULL};
	const struct yaml_node *count, *per, *by;
	char names[NAME_LIST_MAX];
	struct name_list missing = NAME_LIST(names);
	uint64_t number;

	if (map->kind != YAML_MAP) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "A limit is a map, like {count: 10, per: 1min, by: caller}.");
		return;
	}
	if (rule->verdict == VERDICT_DENY)
		yaml_problem(reader->file, map, false, reader->problems,
			     "A rule that denies has no `limit`: it denies every time.");
	count = yaml_get(map, "count");
	per = yaml_get(map, "per");
	by = yaml_get(map, "by");
	/* A key that is misspelt is said to be that, and not missing as well. */
	name_list_add(&missing, count ? NULL : "`count`");
	name_list_add(&missing, per ? NULL : "`per`");
	name_list_add(&missing, by ? NULL : "`by`");
	if (yaml_refuse_unused(reader->file, map, known, reader->problems) == 0 && names[0])
		yaml_problem(reader->file, map, false, reader->problems,
			     "This limit has no %s; expected all three keys, like {count: 10, per: "
			     "1min, by: caller}.",
			     names);
	if (count && yaml_read_uint(reader->file, count, "a count", LIMIT_COUNT_MAX,
				    reader->problems, &number) >= 0) {
		if (number == 0)
			yaml_problem(reader->file, count, false, reader->problems,
				     "A limit of 0 opens nothing: say `verdict: deny`.");
		rule->limit.count = (unsigned)number;
	}
	if (per)
		read_span(reader, per, &rule->limit);
	if (by)
		read_by(reader, by, &rule->limit);
}
