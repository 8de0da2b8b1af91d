/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/policy-diff.h"

#include <errno.h>
#include <string.h>

#include "client/json.h"
#include "client/output.h"

/* Of requests that change alike so many sets are shown. */
#define SHOWN_MAX 3u

static void item_done(struct policy_diff_item *item)
{
	free(item->where);
	free(item->example);
	free(item->text);
}

void policy_diff_done(struct policy_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++)
		item_done(&diff->items[i]);
	free(diff->items);
	*diff = (struct policy_diff){};
}

struct collector {
	struct policy_diff diff;
	size_t capacity;
};

static void collector_done(struct collector *collector)
{
	policy_diff_done(&collector->diff);
}

/* NULL stays NULL. */
static int copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int on_change(const struct change *change, void *userdata)
{
	struct collector *collector = userdata;
	struct policy_diff *diff = &collector->diff;
	struct policy_diff_item item = {
		.kind = change->kind,
		.before = change->before,
		.after = change->after,
		.verdict_before = change->verdict_before,
		.verdict_after = change->verdict_after,
		.reported_only = change->reported_only,
		.cut = change->cut,
	};

	if (diff->n >= collector->capacity) {
		size_t grown = collector->capacity ? collector->capacity * 2 : 16;
		struct policy_diff_item *items = reallocarray(diff->items, grown, sizeof(*items));

		if (!items)
			return -ENOMEM;
		diff->items = items;
		collector->capacity = grown;
	}
	if (copy_text(change->where, &item.where) < 0 ||
	    copy_text(change->example, &item.example) < 0 ||
	    copy_text(change->text, &item.text) < 0) {
		item_done(&item);
		return -ENOMEM;
	}
	diff->items[diff->n++] = item;
	return 0;
}

int policy_diff_make(struct policy_input *input, const struct policy *before,
		     const struct policy *after, struct policy_diff *ret)
{
	_cleanup_(collector_done) struct collector collector = {};
	int r;

	r = policy_compare(before, after, input->accounts, on_change, &collector);
	if (r < 0)
		return r;
	*ret = collector.diff;
	collector.diff = (struct policy_diff){};
	return 0;
}

static void print_rule(FILE *file, const struct rule *rule)
{
	if (!rule) {
		fputs("a default", file);
		return;
	}
	fputs("rule ", file);
	print_text(file, rule->id);
	fputs(", ", file);
	print_text(file, rule->file);
	fprintf(file, ":%u", rule->line);
}

/* " (rule x, 60-site.yaml:7; before: a default)" */
static void print_deciders(FILE *file, const struct policy_diff_item *item)
{
	fputs(" (", file);
	print_rule(file, item->after);
	fputs("; before: ", file);
	print_rule(file, item->before);
	fputs(item->reported_only ? "; only where a device reports worse than is known)" : ")",
	      file);
}

/* "deny -> allow", and who decides. */
static void print_verdicts(FILE *file, const struct policy_diff_item *item)
{
	fprintf(file, "%s -> %s", verdict_to_string(item->verdict_before),
		verdict_to_string(item->verdict_after));
	print_deciders(file, item);
}

/* What the rules ask for can be more than what changes: then one request says what is meant. */
static void print_part(FILE *file, const struct policy_diff_item *item, unsigned indent)
{
	if (!item->cut)
		return;
	fprintf(file, "%*snot all of these%s", (int)indent, "", item->example ? "; one is: " : "");
	print_text(file, item->example ?: "");
	putc('\n', file);
}

static bool is_alike(const struct policy_diff_item *a, const struct policy_diff_item *b)
{
	return a->kind == CHANGE_VERDICT && b->kind == CHANGE_VERDICT && a->before == b->before &&
	       a->after == b->after && a->verdict_before == b->verdict_before &&
	       a->verdict_after == b->verdict_after && a->reported_only == b->reported_only;
}

static void print_alike(FILE *file, const struct policy_diff_item *items, size_t n)
{
	size_t shown = n > SHOWN_MAX ? SHOWN_MAX : n;

	print_verdicts(file, items);
	fputs(":\n", file);
	for (size_t i = 0; i < shown; i++) {
		fputs("  ", file);
		print_wrapped(file, items[i].where, 2, output_width(file));
		putc('\n', file);
		print_part(file, &items[i], 4);
	}
	if (n > shown)
		fprintf(file, "  and %zu more like these; --json has them all\n", n - shown);
}

static void print_other(FILE *file, const struct policy_diff_item *item)
{
	/* About requests that pass from one rule to another, or about a rule itself. */
	if (item->where)
		print_text(file, item->where);
	else
		print_rule(file, item->after ?: item->before);
	fputs(": ", file);
	if (item->text)
		print_text(file, item->text);
	else
		fputs("what else it changes would have taken too long to work out", file);
	if (item->where)
		print_deciders(file, item);
	putc('\n', file);
}

void policy_diff_print(FILE *file, const struct policy_diff *diff)
{
	for (size_t i = 0, n; i < diff->n; i += n) {
		const struct policy_diff_item *item = &diff->items[i];

		n = 1;
		while (i + n < diff->n && is_alike(item, &diff->items[i + n]))
			n++;
		if (item->kind != CHANGE_VERDICT) {
			print_other(file, item);
		} else if (n > 1) {
			print_alike(file, item, n);
		} else {
			print_text(file, item->where);
			fputs(": ", file);
			print_verdicts(file, item);
			putc('\n', file);
			print_part(file, item, 2);
		}
	}
}

/* NULL: a default, and nothing is written. */
static void json_rule(struct json *json, const char *key, const char *key_at,
		      const struct rule *rule)
{
	_cleanup_free_ char *at = NULL;

	if (!rule)
		return;
	if (asprintf(&at, "%s:%u", rule->file, rule->line) < 0)
		at = NULL;
	json_string(json, key, rule->id);
	json_string(json, key_at, at);
}

void policy_diff_json(struct json *json, const char *key, const struct policy_diff *diff)
{
	json_begin(json, key, '[');
	for (size_t i = 0; i < diff->n; i++) {
		const struct policy_diff_item *item = &diff->items[i];

		json_begin(json, NULL, '{');
		json_string(json, "kind", change_kind_to_string(item->kind));
		json_rule(json, "rule-before", "rule-before-at", item->before);
		json_rule(json, "rule-after", "rule-after-at", item->after);
		if (item->kind == CHANGE_VERDICT) {
			json_string(json, "before", verdict_to_string(item->verdict_before));
			json_string(json, "after", verdict_to_string(item->verdict_after));
			json_bool(json, "reported-only", item->reported_only);
			json_bool(json, "partly", item->cut);
		}
		json_string(json, "requests", item->where);
		json_string(json, "example", item->example);
		json_string(json, "text", item->text);
		json_end(json, '}');
	}
	json_end(json, ']');
}
