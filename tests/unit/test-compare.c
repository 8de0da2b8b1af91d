/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* policy_compare() against every request of a small world; and what it says, by the shipped
 * catalogue. */

#include "tests/unit/tiny-world.h"

#include "policy/compare.h"

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)

#define ROUNDS 1000u

/* Who decided before and after, and what. */
struct difference {
	const struct rule *before, *after;
	enum verdict verdicts[2];
	bool is_static;
};

struct differences {
	struct difference items[1024];
	size_t n;
};

static void differences_add(struct differences *differences, const struct difference *new)
{
	struct difference *known = differences->items;

	while (known < differences->items + differences->n &&
	       (known->before != new->before || known->after != new->after ||
		known->verdicts[0] != new->verdicts[0] || known->verdicts[1] != new->verdicts[1]))
		known++;
	if (known == differences->items + differences->n) {
		assert_true(differences->n++ < ELEMENTSOF(differences->items));
		*known = *new;
	}
	known->is_static |= new->is_static;
}

static bool differences_have(const struct differences *differences, const struct difference *one)
{
	for (size_t i = 0; i < differences->n; i++) {
		const struct difference *known = &differences->items[i];

		if (known->before == one->before && known->after == one->after &&
		    known->verdicts[0] == one->verdicts[0] &&
		    known->verdicts[1] == one->verdicts[1] && known->is_static == one->is_static)
			return true;
	}
	return false;
}

static int on_change(const struct change *change, void *userdata)
{
	const struct difference difference = {change->before,
					      change->after,
					      {change->verdict_before, change->verdict_after},
					      !change->reported_only};

	assert_int_not_equal(change->kind, CHANGE_NOT_WORKED_OUT);
	if (change->kind == CHANGE_VERDICT) {
		assert_true(strlen(change->where) > 0 && strlen(change->example) > 0);
		differences_add(userdata, &difference);
	}
	return 0;
}

/* Another policy that has most rules in common. */
static void change_text(const struct tiny_focus *focus, struct tiny_text *text)
{
	for (unsigned n = 1 + tiny_below(3); n > 0; n--) {
		unsigned rule = tiny_below(text->n), other = tiny_below(text->n);
		char line[TINY_LINE];

		switch (tiny_below(4)) {
		case 0:
			tiny_rule_random(focus, 20 + n, text->rules[rule]);
			break;
		case 1:
			if (text->n > 1)
				tiny_remove(text, rule);
			break;
		case 2:
			memcpy(line, text->rules[rule], sizeof(line));
			memcpy(text->rules[rule], text->rules[other], sizeof(line));
			memcpy(text->rules[other], line, sizeof(line));
			break;
		default:
			if (tiny_below(2))
				snprintf(text->defaults, sizeof(text->defaults),
					 "{read-only: %s, config-change: allow, destructive: %s}",
					 TINY_PICK("allow", "authenticate", "deny"),
					 TINY_PICK("allow", "authenticate", "deny"));
		}
	}
}

static const char *id_of(const struct rule *rule)
{
	return rule ? rule->id : "a default";
}

static void differences_are_those_of_all_requests(void **state)
{
	size_t n_differences = 0, n_reported = 0;

	tiny_seed = 0x2545f4914f6cdd1dULL;
	for (unsigned round = 0; round < ROUNDS; round++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *before = NULL, *after = NULL;
		_cleanup_(tiny_points_done) struct tiny_points points = {};
		static struct differences found, expected;
		struct tiny_focus focus;
		struct tiny_text texts[2];

		found.n = expected.n = 0;
		assert_int_equal(accounts_new(true, &accounts), 0);
		tiny_focus_random(&focus);
		tiny_text_random(&focus, &texts[0]);
		before = tiny_load(&texts[0], accounts);
		texts[1] = texts[0];
		if (texts[1].n > 0)
			change_text(&focus, &texts[1]);
		after = tiny_load(&texts[1], accounts);

		tiny_world(&focus, (const struct policy *const[]){before, after}, 2, &points);
		for (size_t i = 0; i < points.n; i++) {
			struct decision a, b;

			tiny_decide(before, &points.items[i], &a);
			tiny_decide(after, &points.items[i], &b);
			if (a.verdict != b.verdict)
				differences_add(&expected,
						&(struct difference){a.rule,
								     b.rule,
								     {a.verdict, b.verdict},
								     points.items[i].is_static});
		}
		assert_int_equal(policy_compare(before, after, accounts, on_change, &found), 0);
		for (size_t i = 0; i < expected.n + found.n; i++) {
			bool missing = i < expected.n;
			const struct difference *d =
				missing ? &expected.items[i] : &found.items[i - expected.n];

			if (differences_have(missing ? &found : &expected, d))
				continue;
			for (unsigned t = 0; t < 2; t++) {
				print_message("# %s\n", texts[t].defaults);
				for (unsigned n = 0; n < texts[t].n; n++)
					print_message("# %s\n", texts[t].rules[n]);
			}
			fail_msg("round %u: %s -> %s, %s -> %s, %s: %s", round, id_of(d->before),
				 id_of(d->after), verdict_to_string(d->verdicts[0]),
				 verdict_to_string(d->verdicts[1]),
				 d->is_static ? "static" : "reported only",
				 missing ? "not found" : "does not exist");
		}
		n_differences += expected.n;
		for (size_t i = 0; i < expected.n; i++)
			n_reported += !expected.items[i].is_static;
	}
	print_message("# %zu differences, %zu of them where a device reports worse alone\n",
		      n_differences, n_reported);
	assert_true(n_differences > ROUNDS && n_reported > ROUNDS / 20);
}

static struct policy *load(const char *rules, const struct catalogue *catalogue,
			   struct accounts *accounts)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *yaml = NULL;
	struct policy *policy = NULL;

	assert_true(asprintf(&yaml, "version: 1\n%s\n", rules) > 0);
	if (policy_load_text("/p.yaml", yaml, strlen(yaml), catalogue, accounts, &problems,
			     &policy) < 0)
		fail_msg("%s\n%s", problems.n > 0 ? problems.items[0].text : "", yaml);
	return policy;
}

static int write_change(const struct change *change, void *userdata)
{
	fprintf(userdata, "%s|%s>%s|%s>%s|%s|%s%s|%s\n", change_kind_to_string(change->kind),
		id_of(change->before), id_of(change->after),
		verdict_to_string(change->verdict_before), verdict_to_string(change->verdict_after),
		change->where ?: "", change->cut ? "cut" : "",
		change->reported_only ? "reported" : "", change->text ?: "");
	return 0;
}

static void changes_are_said_in_words(void **state)
{
	static const struct {
		const char *before, *after, *says;
	} table[] = {
		{"rules: []", "rules: []", ""},
		{"rules:\n- {id: a, verdict: deny, command: nvme.format-nvm}",
		 "rules:\n- {id: a, verdict: allow, hazards: [persistent, broadcast], caller: "
		 "{user: alice}, command: nvme.format-nvm, device: {serial: \"LAB-*\"}}",
		 "verdict|a>a|deny>allow|alice: nvme.format-nvm (destructive without "
		 "confidential and taints-kernel) on serial LAB-*||\n"},
		{"rules:\n- {id: a, verdict: allow, command: nvme.identify}",
		 "rules:\n- {id: b, verdict: deny, command: nvme.identify, device: {serial: "
		 "\"LAB-7\"}}\n- {id: a, verdict: allow, command: nvme.identify}",
		 "verdict|a>b|allow>deny|everybody: nvme.identify (read-only without hazards; "
		 "config-change without hazards; destructive without hazards) on serial LAB-7||\n"},
		{"rules:\n- {id: a, verdict: allow, command: nvme.identify, limit: {count: 10, "
		 "per: 1min, by: caller}}",
		 "rules:\n- {id: a, verdict: allow, command: nvme.identify, limit: {count: 5, per: "
		 "120s, by: rule}}",
		 "limit|a>a|deny>deny|||limit: 10 per 1min by caller -> 5 per 2min by rule\n"},
		{"rules:\n- {id: a, verdict: deny, observe: true, command: nvme.identify}",
		 "rules:\n- {id: a, verdict: deny, command: nvme.identify, note: why}",
		 "observe|a>a|deny>deny|||observe: true -> false (it decides from now on)\n"
		 "note|a>a|deny>deny|||note: none -> why\n"},
		/* Who is the worse for it: only where the device says so. */
		{"rules:\n- {id: a, verdict: deny}",
		 "rules:\n- {id: b, verdict: allow, class: destructive, command: nvme.identify}\n- "
		 "{id: a, verdict: deny}",
		 "verdict|a>b|deny>allow|everybody: nvme.identify (destructive without hazards)|"
		 "reported|\n"},
		{"defaults: {destructive: deny}", "defaults: {read-only: deny, destructive: deny}",
		 ""},
	};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	_cleanup_(problems_done) struct problems none = {};
	_cleanup_free_ char *commands = NULL;

	assert_true(asprintf(&commands, "%s/policy/commands", getenv("FWCTLD_SOURCE") ?: ".") > 0);
	assert_int_equal(catalogue_load((const char *[]){commands, NULL}, false, &none, &catalogue),
			 0);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *before = NULL, *after = NULL;
		_cleanup_free_ char *said = NULL;
		size_t size;
		FILE *file = open_memstream(&said, &size);

		assert_int_equal(accounts_new(true, &accounts), 0);
		before = load(table[i].before, catalogue, accounts);
		after = load(table[i].after, catalogue, accounts);
		assert_int_equal(policy_compare(before, after, accounts, write_change, file), 0);
		fclose(file);
		if (strcmp(said, table[i].says) != 0)
			fail_msg("%zu:\n%s instead of\n%s", i, said, table[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_those_of_all_requests),
		cmocka_unit_test(changes_are_said_in_words),
	};

	return cmocka_run_group_tests_name("compare", tests, tiny_setup, tiny_teardown);
}
