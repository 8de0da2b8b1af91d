/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The boxes of policy/region.h against every request of a small world. */

#include "tests/unit/tiny-world.h"

#include "policy/describe.h"
#include "policy/region.h"

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct space *, space_free)

#define ROUNDS 1000u
#define STEPS  (UINT64_C(100) * 1000 * 1000)

static uint64_t part_number(const struct space *space, enum device_key key, const char *text)
{
	const struct space_strings *strings = &space->strings[key];
	size_t part = 0;

	while (part + 1 < strings->n && strcmp(strings->begins[part + 1], text) <= 0)
		part++;
	return part;
}

/* The number that a request has in a dimension. */
static uint64_t number_of(const struct space *space, const struct tiny_point *point,
			  unsigned dimension)
{
	const struct classified *request = &point->request;

	if (dimension == DIM_COMMAND) {
		for (unsigned i = 0;; i++)
			if (space->commands[i] == request->command)
				return i;
	}
	if (dimension < DIM_JUDGEMENT) {
		const union field_value *value = &request->values[dimension - DIM_FIELD];

		return request->command->fields[dimension - DIM_FIELD].type == FIELD_UUID
			       ? space_uuid(space, value->bytes)
			       : value->number;
	}
	if (dimension == DIM_JUDGEMENT) {
		const struct judgement judgement = {request->class,
						    request->effects & EFFECT_HAZARDS,
						    request->command->envelope == ENVELOPE_FWCTL_RPC
							    ? request->scope
							    : SCOPE_NONE};

		return judgement_number(&judgement);
	}
	if (dimension < DIM_DISPUTED) {
		enum device_key key = dimension - DIM_STRING + DEVICE_DRIVER;

		return part_number(space, key, device_identity_get(&point->device, key));
	}
	if (dimension == DIM_DISPUTED)
		return point->device.serial_disputed;
	if (dimension == DIM_UID)
		return point->caller.uid;
	if (dimension < DIM_OTHERS + space->n_zones)
		/* UTC; 1970 began on a Thursday. */
		return (point->now / 60000000 + 3 * MINUTES_A_DAY) % MINUTES_A_WEEK;
	for (size_t i = 0; i < point->caller.n_gids; i++)
		if (point->caller.gids[i] == space->gids[dimension - DIM_OTHERS - space->n_zones])
			return 1;
	return 0;
}

static bool box_has(const struct space *space, const struct box *box,
		    const struct tiny_point *point)
{
	for (size_t i = 0; i < box->n; i++)
		if (!ranges_have(box->items[i].set,
				 number_of(space, point, box->items[i].dimension)))
			return false;
	return true;
}

struct covering {
	struct space *space;
	const struct tiny_points *points;
	const struct rule **rules; /* whose piece each point is in; NULL: in that of no rule */
	unsigned *n_pieces;	   /* that each point is in */
	enum domain domain;
	struct accounts *accounts;
	unsigned n_pieces_in_all;
};

static void check_example(struct covering *covering, const struct box *piece,
			  const struct entry *entry)
{
	struct pool_mark mark = pool_mark(&covering->space->work);
	_cleanup_free_ char *in_words = NULL, *where = NULL;
	struct tiny_point point = {};
	struct decision decision;
	struct example example;

	assert_int_equal(region_example(covering->space, &covering->space->work, piece, &example),
			 1);
	if (covering->domain == DOMAIN_STATIC)
		assert_false(example.reported);
	point.caller = (struct caller_identity){example.uid, example.gids, example.n_gids};
	point.device = (struct device_identity){"x",
						example.strings[DEVICE_TYPE],
						example.strings[DEVICE_DRIVER],
						example.strings[DEVICE_PCI],
						example.strings[DEVICE_SERIAL],
						example.strings[DEVICE_MODEL],
						example.strings[DEVICE_FIRMWARE],
						example.strings[DEVICE_NQN],
						example.disputed,
						false};
	point.request.command = example.command;
	memcpy(point.request.values, example.values, sizeof(example.values));
	point.request.class = example.judgement.class;
	point.request.effects = example.judgement.hazards;
	point.request.scope = example.judgement.scope;
	/* 2026-01-05 was a Monday. */
	point.now = UINT64_C(1767571200000000);
	if (covering->space->n_zones > 0)
		point.now += example.minutes[0] * UINT64_C(60000000);
	assert_true(box_has(covering->space, piece, &point));
	tiny_decide(covering->space->policies[0].policy, &point, &decision);
	assert_ptr_equal(decision.rule, entry ? entry->rule : NULL);

	assert_int_equal(example_describe(covering->space, covering->accounts, &example, &in_words),
			 0);
	assert_int_equal(region_describe(covering->space, covering->accounts, piece, &where), 0);
	assert_true(strlen(in_words) > 0 && strlen(where) > 0);
	pool_release(&covering->space->work, mark);
}

static int on_piece(const struct box *piece, const struct entry *entry, void *userdata)
{
	struct covering *covering = userdata;

	covering->n_pieces_in_all++;
	for (size_t i = 0; i < covering->points->n; i++) {
		const struct tiny_point *point = &covering->points->items[i];

		if (covering->domain == DOMAIN_STATIC && !point->is_static)
			continue;
		if (!box_has(covering->space, piece, point))
			continue;
		covering->n_pieces[i]++;
		covering->rules[i] = entry ? entry->rule : NULL;
	}
	check_example(covering, piece, entry);
	return 0;
}

/* The pieces are disjoint, together they are everything, and in each the rule decides that decide()
 * says. */
static void pieces_are_what_rules_decide(void **state)
{
	static const struct box everything;
	size_t n_points = 0, n_pieces = 0, n_by_rule = 0;

	tiny_seed = 0x9e3779b97f4a7c15ULL;
	for (unsigned round = 0; round < ROUNDS; round++) {
		_cleanup_(accounts_freep) struct accounts *accounts = NULL;
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_(space_freep) struct space *space = NULL;
		_cleanup_(tiny_points_done) struct tiny_points points = {};
		_cleanup_free_ const struct rule **rules = NULL;
		_cleanup_free_ unsigned *in = NULL;
		struct covering covering = {.domain = round % 2};
		struct region_search search;
		struct tiny_focus focus;
		struct tiny_text text;

		tiny_focus_random(&focus);
		tiny_text_random(&focus, &text);
		assert_int_equal(accounts_new(true, &accounts), 0);
		policy = tiny_load(&text, accounts);
		tiny_world(&focus, (const struct policy *const[]){policy}, 1, &points);
		assert_int_equal(space_new((const struct policy *const[]){policy}, 1, &space), 0);
		space->steps = STEPS;
		rules = calloc(points.n, sizeof(*rules));
		in = calloc(points.n, sizeof(*in));
		covering.space = space;
		covering.points = &points;
		covering.rules = rules;
		covering.n_pieces = in;
		covering.accounts = accounts;
		search = (struct region_search){
			.space = space,
			.domain = covering.domain,
			.entries = space->policies[0].items,
			.n_entries = space->policies[0].n,
			.on_piece = on_piece,
			.userdata = &covering,
		};
		assert_int_equal(region_search(&search, &everything), 0);
		for (size_t i = 0; i < points.n; i++) {
			struct decision decision;

			if (covering.domain == DOMAIN_STATIC && !points.items[i].is_static)
				continue;
			tiny_decide(policy, &points.items[i], &decision);
			if (in[i] != 1 || rules[i] != decision.rule) {
				for (unsigned n = 0; n < text.n; n++)
					print_message("# %s\n", text.rules[n]);
				fail_msg("round %u: %s in %u pieces, of %s and not %s", round,
					 points.items[i].request.command->full_name, in[i],
					 rules[i] ? rules[i]->id : "no rule",
					 decision.rule ? decision.rule->id : "no rule");
			}
			n_points++;
			n_by_rule += decision.rule != NULL;
		}
		n_pieces += covering.n_pieces_in_all;
	}
	print_message("# %zu requests in %zu pieces, %zu decided by a rule\n", n_points, n_pieces,
		      n_by_rule);
	assert_true(n_by_rule > n_points / 10 && n_by_rule < n_points * 9 / 10);
}

/* Are there strings that begin with Q~ and match none of the patterns? A star cannot be followed by
 * a star, so that all that begins with "Q~*" is always left; and what else is left out is seen. */
static void no_string_is_forgotten(void **state)
{
	_cleanup_(accounts_freep) struct accounts *accounts = NULL;

	assert_int_equal(accounts_new(true, &accounts), 0);
	for (int left_out = ' ' - 1; left_out <= '~' + 1; left_out++) {
		/* One less than a blank: "Q~" itself. One more than the last letter: nothing. */
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(space_freep) struct space *space = NULL;
		_cleanup_free_ char *yaml = NULL;
		const struct box *pieces[4];
		const struct ranges *parts;
		size_t size, n;
		FILE *file = open_memstream(&yaml, &size);

		fputs("version: 1\nrules:\n- {id: a, verdict: deny, device: {model: [R", file);
		if (left_out != ' ' - 1)
			fputs(", Q~", file);
		for (int letter = ' '; letter <= '~'; letter++)
			if (letter != left_out && letter != '*')
				fprintf(file, ", \"Q~%s%c*\"",
					letter == '"' || letter == '\\' ? "\\" : "", letter);
		fputs("]}}\n- {id: b, verdict: deny, device: {model: \"Q~*\"}}\n", file);
		fclose(file);
		assert_int_equal(policy_load_text("/p.yaml", yaml, size, &tiny_catalogue, accounts,
						  &problems, &policy),
				 0);
		assert_int_equal(space_new((const struct policy *const[]){policy}, 1, &space), 0);
		assert_int_equal(space->policies[0].n, 2);
		assert_int_equal(box_subtract(space, &space->work, space->policies[0].items[1].box,
					      space->policies[0].items[0].box, 0, pieces, &n),
				 0);
		assert_int_equal(n, 1);
		parts = box_get(pieces[0], DIM_STRING + DEVICE_MODEL - DEVICE_DRIVER);
		/* ")" and "+" are the neighbours of the star. */
		assert_int_equal(parts->n, left_out == '~' + 1 || left_out == '*' ||
							   left_out == ')' || left_out == '+'
						   ? 1
						   : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_what_rules_decide),
		cmocka_unit_test(no_string_is_forgotten),
	};

	return cmocka_run_group_tests_name("region", tests, tiny_setup, tiny_teardown);
}
