/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy replay`: what was asked for in the past, decided by another policy. */
#include "client/fwctl.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/local-time.h"
#include "client/json.h"
#include "client/output.h"
#include "client/policy-input.h"
#include "client/recorded-request.h"
#include "client/records.h"
#include "client/tally.h"
#include "policy/limit.h"
#include "policy/yaml.h"

/* What is told of a request that would be decided differently. */
enum {
	TEXT_CALLER,
	TEXT_COMMAND,
	TEXT_FIELDS,
	TEXT_DEVICE,
	TEXT_BEFORE,
	TEXT_AFTER,
	TEXT_BY, /* "rule", "limit" (of that rule) or "default" */
	TEXT_RULE,
	TEXT_RULE_AT,
	_TEXT_MAX,
};

_Static_assert(_TEXT_MAX <= TALLY_TEXTS_MAX, "a row has room for them");

struct replay {
	const struct policy *policy;
	const struct catalogue *catalogue;
	struct accounts *symbolic, *machine; /* NULL without --no-users */
	struct limit_book *uses;
	uint64_t last_usec;

	uint64_t n_replayed, n_same, n_suppressed;
	uint64_t n_not_replayed;
	struct tally differences, not_replayed;
};

static void replay_done(struct replay *replay)
{
	accounts_free(replay->machine);
	limit_book_free(replay->uses);
	tally_done(&replay->differences);
	tally_done(&replay->not_replayed);
}

/*
 * Would the request have come as far as being sent, where a limit counts it? What was let through
 * and yet denied was so for other reasons, which are still there; and whether somebody would have
 * proved who they are is known of those alone who did.
 */
static bool would_be_sent(const struct record *record, enum verdict before, enum verdict after)
{
	if (record->kind == RECORD_INTENT)
		return after != VERDICT_DENY;
	return after == VERDICT_ALLOW && before != VERDICT_ALLOW;
}

static int add_difference(struct replay *replay, const struct record *record,
			  const struct recorded_request *request, const struct decision *decision)
{
	const char *texts[_TEXT_MAX] = {
		[TEXT_CALLER] =
			record->values[RECORD_CALLER_NAME] ?: record->values[RECORD_CALLER_UID],
		[TEXT_COMMAND] = record->values[RECORD_COMMAND],
		[TEXT_FIELDS] = record->values[RECORD_FIELDS],
		[TEXT_DEVICE] = record->values[RECORD_DEVICE_ID],
		[TEXT_BEFORE] = verdict_to_string(request->verdict),
		[TEXT_AFTER] = verdict_to_string(decision->verdict),
		[TEXT_BY] = decision->by == DECIDED_BY_RULE    ? "rule"
			    : decision->by == DECIDED_BY_LIMIT ? "limit"
							       : "default",
	};
	struct decision_text text;

	decision_describe(replay->policy, decision, &text);
	texts[TEXT_RULE] = text.rule_id;
	texts[TEXT_RULE_AT] = text.rule_at;
	return tally_add(&replay->differences, texts, 1, record->realtime_usec);
}

static int replay_request(struct replay *replay, const struct record *record)
{
	_cleanup_(recorded_request_done) struct recorded_request request = {};
	struct refusal why;
	struct decision decision;
	struct query query;
	int r;

	r = recorded_request_read(record, replay->catalogue, replay->symbolic, replay->machine,
				  &request, &why);
	if (r == -EINVAL) {
		replay->n_not_replayed++;
		return tally_add(&replay->not_replayed, (const char *[]){why.text}, 1,
				 record->realtime_usec);
	}
	if (r < 0)
		return r;
	/* Limits need a clock that only goes forward; what was recorded can have been set back. */
	if (record->realtime_usec > replay->last_usec)
		replay->last_usec = record->realtime_usec;
	query = (struct query){
		.caller = &request.caller,
		.device = &request.device,
		.request = &request.request,
		.now = {.realtime_usec = record->realtime_usec, .boottime_usec = replay->last_usec},
		.uses = replay->uses,
	};
	decide(replay->policy, &query, &decision);
	if (decision.rule && decision.rule->limit.count > 0 &&
	    would_be_sent(record, request.verdict, decision.verdict)) {
		r = limit_charge(replay->uses, decision.rule, &query);
		if (r < 0)
			return r;
	}
	replay->n_replayed++;
	if (decision.verdict != request.verdict)
		return add_difference(replay, record, &request, &decision);
	replay->n_same++;
	return 0;
}

static int replay_record(struct replay *replay, const struct record *record)
{
	const char *rule = record->values[RECORD_RULE], *count = record->values[RECORD_COUNT];
	uint64_t number;

	if (record->kind == RECORD_SUPPRESSED) {
		if (count && parse_uint(count, &number))
			replay->n_suppressed += number;
		return 0;
	}
	/* Denied before a policy was asked; or fwctld itself, which no policy decides. */
	if (!rule || !record->values[RECORD_VERDICT] || strcmp(rule, "internal") == 0)
		return 0;
	return replay_request(replay, record);
}

static int replay_all(struct replay *replay, struct records *records)
{
	for (;;) {
		_cleanup_(record_done) struct record record = {};
		int r;

		r = records_next(records, &record);
		if (r <= 0)
			return r;
		r = replay_record(replay, &record);
		if (r < 0)
			return r;
	}
}

static unsigned openness(const char *verdict)
{
	return strcmp(verdict, "allow") == 0 ? 2 : strcmp(verdict, "authenticate") == 0;
}

/* What would be opened stands first, and what came often before what did not. */
static int compare_differences(const void *a, const void *b)
{
	const struct tally_row *one = *(struct tally_row *const *)a;
	const struct tally_row *other = *(struct tally_row *const *)b;
	unsigned one_after = openness(one->texts[TEXT_AFTER]);
	unsigned other_after = openness(other->texts[TEXT_AFTER]);

	if (one_after != other_after)
		return one_after > other_after ? -1 : 1;
	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	for (unsigned i = 0; i < _TEXT_MAX; i++) {
		int order = strcmp(one->texts[i], other->texts[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static void print_difference(const struct tally_row *row)
{
	char last[LOCAL_TIME_MAX];

	print_text(stdout, row->texts[TEXT_CALLER]);
	fputs(": ", stdout);
	print_text(stdout, row->texts[TEXT_COMMAND]);
	if (*row->texts[TEXT_FIELDS]) {
		putchar(' ');
		print_text(stdout, row->texts[TEXT_FIELDS]);
	}
	fputs(" on ", stdout);
	print_text(stdout, row->texts[TEXT_DEVICE]);
	printf(": %s -> %s by %s", row->texts[TEXT_BEFORE], row->texts[TEXT_AFTER],
	       strcmp(row->texts[TEXT_BY], "rule") == 0	   ? "rule "
	       : strcmp(row->texts[TEXT_BY], "limit") == 0 ? "the limit of rule "
							   : "");
	print_text(stdout, row->texts[TEXT_RULE]);
	fputs(" (", stdout);
	print_text(stdout, row->texts[TEXT_RULE_AT]);
	printf("), %" PRIu64 " time%s, last %s\n", row->count, row->count == 1 ? "" : "s",
	       local_time_format(row->last_usec, last));
}

static void print(const struct replay *replay)
{
	for (size_t i = 0; i < replay->differences.n; i++)
		print_difference(replay->differences.rows[i]);
	if (replay->differences.n > 0)
		putchar('\n');
	printf("%" PRIu64 " request%s replayed: %" PRIu64 " decided the same, %" PRIu64
	       " differently.\n",
	       replay->n_replayed, replay->n_replayed == 1 ? "" : "s", replay->n_same,
	       replay->n_replayed - replay->n_same);
	for (size_t i = 0; i < replay->not_replayed.n; i++) {
		const struct tally_row *row = replay->not_replayed.rows[i];

		printf("%" PRIu64 " record%s could not be replayed: ", row->count,
		       row->count == 1 ? "" : "s");
		print_text(stdout, row->texts[0]);
		fputs(".\n", stdout);
	}
	if (replay->n_suppressed > 0)
		printf("In floods %" PRIu64
		       " record%s of denials, or of rules that observe, were "
		       "left out of the journal.\n",
		       replay->n_suppressed, replay->n_suppressed == 1 ? "" : "s");
}

static void write_json(const struct replay *replay, const struct problems *problems)
{
	static const char *const keys[_TEXT_MAX] = {
		[TEXT_CALLER] = "caller", [TEXT_COMMAND] = "command", [TEXT_FIELDS] = "fields",
		[TEXT_DEVICE] = "device", [TEXT_BEFORE] = "before",   [TEXT_AFTER] = "after",
		[TEXT_BY] = "by",	  [TEXT_RULE] = "rule",	      [TEXT_RULE_AT] = "rule-at",
	};
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_number(&json, "replayed", replay->n_replayed);
	json_number(&json, "same", replay->n_same);
	json_number(&json, "different", replay->n_replayed - replay->n_same);
	json_number(&json, "suppressed", replay->n_suppressed);
	json_begin(&json, "differences", '[');
	for (size_t i = 0; i < replay->differences.n; i++) {
		const struct tally_row *row = replay->differences.rows[i];

		json_begin(&json, NULL, '{');
		for (unsigned j = 0; j < _TEXT_MAX; j++)
			json_string(&json, keys[j], row->texts[j]);
		json_number(&json, "count", row->count);
		json_number(&json, "first-usec", row->first_usec);
		json_number(&json, "last-usec", row->last_usec);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_begin(&json, "not-replayed", '[');
	for (size_t i = 0; i < replay->not_replayed.n; i++) {
		json_begin(&json, NULL, '{');
		json_string(&json, "reason", replay->not_replayed.rows[i]->texts[0]);
		json_number(&json, "count", replay->not_replayed.rows[i]->count);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_problems(&json, problems);
	json_end(&json, '}');
	putchar('\n');
}

struct span {
	uint64_t since_usec, until_usec;
};

static int parse_span(const struct arguments *arguments, struct span *ret)
{
	struct span span = {.until_usec = UINT64_MAX};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned i = 0; i < 2; i++) {
		const char *text = i == 0 ? arguments->since : arguments->until;
		uint64_t now_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;

		if (text && local_time_parse(text, now_usec,
					     i == 0 ? &span.since_usec : &span.until_usec) < 0)
			return fail(arguments, EXIT_TROUBLE,
				    "\"%s\" after --%s is no time; expected " LOCAL_TIME_EXPECTED
				    ".",
				    text, i == 0 ? "since" : "until");
	}
	if (span.since_usec > span.until_usec)
		return fail(arguments, EXIT_TROUBLE, "--since is later than --until.");
	*ret = span;
	return EXIT_OK;
}

static int fail_journal(const struct arguments *arguments, int r)
{
	if (r == -ESRCH)
		return fail(arguments, EXIT_TROUBLE,
			    "There is no user fwctld here, so no record can be its own. For the "
			    "journal of another machine see --directory.");
	return fail(arguments, EXIT_TROUBLE, "The journal cannot be read: %s.", strerror(-r));
}

/* Nothing to compare is not the same as no difference: a check that passes by it checks nothing. */
static int fail_nothing(const struct arguments *arguments, const struct replay *replay)
{
	if (replay->n_not_replayed > 0)
		return fail(arguments, EXIT_TROUBLE,
			    "None of the %" PRIu64 " records could be replayed. The first: %s.",
			    replay->n_not_replayed, replay->not_replayed.rows[0]->texts[0]);
	return fail(arguments, EXIT_TROUBLE,
		    "The journal has no request of that time that fwctld decided%s.",
		    arguments->directory || arguments->file
			    ? ""
			    : ", or you may not read it: root may, and members of the group "
			      "systemd-journal");
}

int verb_policy_replay(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(records_closep) struct records *records = NULL;
	_cleanup_(replay_done) struct replay replay = {
		.differences = {.n_texts = _TEXT_MAX},
		.not_replayed = {.n_texts = 1},
	};
	struct span span = {};
	int r;

	if (arguments->directory && arguments->file)
		return fail(arguments, EXIT_TROUBLE,
			    "Give --directory or --file, not both of them.");
	r = parse_span(arguments, &span);
	if (r != EXIT_OK)
		return r;
	r = open_policy(arguments, EXIT_TROUBLE, (const char *const *)arguments->words + 1, &input,
			&policy);
	if (r != EXIT_OK)
		return r;
	replay.policy = policy;
	replay.catalogue = input.catalogue;
	if (arguments->no_users) {
		replay.symbolic = input.accounts;
		r = accounts_new(false, &replay.machine);
		if (r < 0)
			return fail(arguments, EXIT_TROUBLE, "Out of memory.");
	}
	r = records_open(arguments->directory, arguments->file, span.since_usec, span.until_usec,
			 &records);
	if (r >= 0)
		r = limit_book_new(&replay.uses);
	if (r >= 0)
		r = replay_all(&replay, records);
	if (r < 0)
		return fail_journal(arguments, r);
	if (replay.n_replayed == 0)
		return fail_nothing(arguments, &replay);
	if (replay.differences.n > 0)
		qsort(replay.differences.rows, replay.differences.n,
		      sizeof(*replay.differences.rows), compare_differences);
	if (arguments->json) {
		write_json(&replay, &input.problems);
	} else {
		print_problems(stderr, &input.problems);
		print(&replay);
	}
	return replay.n_same == replay.n_replayed ? EXIT_OK : EXIT_DIFFERENT;
}
