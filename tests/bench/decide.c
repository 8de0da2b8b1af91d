/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What one decision costs by policies of several sizes, beside a bus ping in blocks that alternate.
 *
 *     decide ROUNDS COMMANDS-FOLDER POLICY-FOLDER ...
 *
 * It prints one JSON object a policy. Durations are microseconds of one decision, those of "decide"
 * and "classify" (classify() and decide()) over blocks, those of "lone" of a single decision right
 * after other processes had the CPU, as the broker's are.
 */

#include "policy/decide.h"
#include "policy/encode.h"

#include "include/fwctld-names.h"
#include "tests/bench/samples.h"

#define BLOCK	   100u
#define IDENTITIES 36u /* callers and requests */
#define DEVICES	   12u
#define QUERIES	   1000u

/* A caller, a device and a request, made after a rule, so that it matches them together. */
struct identity {
	gid_t gids[12];
	struct caller_identity caller;
	char *texts[_DEVICE_KEY_MAX];
	struct device_identity device;
	uint8_t *message;
	size_t message_length;
	const void *data;
	size_t data_length;
	struct classified request;
};

struct subject {
	const char *folder;
	struct policy *policy;
	struct identity identities[IDENTITIES];
	struct identity stranger; /* a caller that no rule names */
	struct limit_book *uses;
	struct query queries[QUERIES];
	const struct identity *requests[QUERIES]; /* whose request it is */
	size_t next;
	unsigned by_rule; /* so many queries are decided by a rule */
	struct samples decide, classify, lone;
};

static const char *const device_defaults[_DEVICE_KEY_MAX] = {
	[DEVICE_TYPE] = "nvme",
	[DEVICE_DRIVER] = "nvme",
	[DEVICE_PCI] = "0000:3b:00.0",
	[DEVICE_SERIAL] = "UNLISTED7",
	[DEVICE_MODEL] = "QEMU NVMe Ctrl",
	[DEVICE_FIRMWARE] = "8.1",
	[DEVICE_NQN] = "nqn.2019-08.org.qemu:7",
};

static _Noreturn void die(const char *what, int r)
{
	fprintf(stderr, "decide: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

#define NAMED_GROUPS 3u /* of a caller's, that the policy names; each is looked up */

/* The caller of the rule, who is in the groups of some more rules of the policy as well. */
static void make_caller(struct identity *identity, const struct rule *rule,
			const struct policy *policy)
{
	static const gid_t everybodys[] = {100, 44, 46, 110}; /* users, video, plugdev, ... */
	const struct caller_set *set = rule ? rule->caller : NULL;
	size_t n = 0;

	identity->caller.uid = set && set->n_uids > 0 ? set->uids[0] : 4000000000u;
	if (set && set->n_gids > 0)
		identity->gids[n++] = set->gids[0];
	for (size_t i = 0; i < ELEMENTSOF(everybodys); i++)
		identity->gids[n++] = everybodys[i];
	for (size_t i = 0; rule && i < policy->n_rules && n < ELEMENTSOF(everybodys) + NAMED_GROUPS;
	     i++) {
		set = policy->rules[i].caller;
		if (set && set->n_gids > 0 && set->gids[0] != identity->gids[0])
			identity->gids[n++] = set->gids[0];
	}
	for (; rule && n < ELEMENTSOF(identity->gids); n++)
		identity->gids[n] = 3000000000u + (gid_t)n; /* unnamed ones */
	identity->caller.gids = identity->gids;
	identity->caller.n_gids = n;
}

static void make_device(struct identity *identity, const struct rule *rule)
{
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++) {
		const struct pattern_list *list =
			rule && rule->device ? &rule->device->keys[key] : NULL;
		const struct pattern *pattern = list && list->n > 0 ? &list->items[0] : NULL;

		if (asprintf(&identity->texts[key], "%s%s",
			     pattern ? pattern->text : device_defaults[key],
			     pattern && pattern->prefix ? "7" : "") < 0)
			die("a device", -ENOMEM);
	}
	identity->device = (struct device_identity){
		.id = identity->texts[DEVICE_SERIAL],
		.dialect = identity->texts[DEVICE_TYPE],
		.driver = identity->texts[DEVICE_DRIVER],
		.pci = identity->texts[DEVICE_PCI],
		.serial = identity->texts[DEVICE_SERIAL],
		.model = identity->texts[DEVICE_MODEL],
		.firmware = identity->texts[DEVICE_FIRMWARE],
		.nqn = identity->texts[DEVICE_NQN],
	};
}

/* The command with the values of the condition, and anything for what it must have beside them. */
static int make_request(struct identity *identity, const struct command *command,
			const struct condition *where)
{
	static const uint8_t data[4096];
	struct field_setting settings[FIELDS_MAX];
	_cleanup_free_ uint8_t *buffer = malloc(MESSAGE_MAX);
	struct refusal refusal;
	size_t n = 0;
	int r = -EINVAL;

	if (!buffer)
		return -ENOMEM;
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];
		struct field_setting *setting = &settings[n];

		*setting = (struct field_setting){.name = field->name};
		if (field->fixed == FIXED_NOT && field->n_defaults == 0 &&
		    !encode_counts_data(command, i)) {
			setting->value.number = field->n_names > 0 ? field->names[0].value : 0;
			n++;
		}
		for (size_t t = 0; where && t < where->n_terms; t++)
			if (where->terms[t].field == i && where->terms[t].n_ranges > 0) {
				setting->value.number = where->terms[t].ranges[0].first;
				n = (size_t)(setting - settings) + 1;
			}
	}
	/* Some commands travel with data, mostly of one page. */
	for (unsigned pages = 0; pages < 2 && r < 0; pages++) {
		r = encode(command, settings, n, data, pages * sizeof(data), buffer, MESSAGE_MAX,
			   &identity->message_length, &identity->data, &identity->data_length,
			   &refusal);
		if (r >= 0)
			r = classify(command->dialect, buffer, identity->message_length,
				     identity->data, identity->data_length, NULL,
				     &identity->request, &refusal);
	}
	if (r < 0)
		return r;
	identity->message = TAKE_PTR(buffer);
	return 0;
}

static void make_identity(struct identity *identity, const struct catalogue *catalogue,
			  const struct policy *policy, const struct rule *rule)
{
	const struct dialect *nvme = catalogue_dialect(catalogue, "nvme");
	const struct command_set *set = rule ? rule->command : NULL;
	const struct command *smart = nvme ? dialect_command(nvme, "get-log-page") : NULL;
	const struct command *command = NULL;

	make_caller(identity, rule, policy);
	make_device(identity, rule);
	if (!smart)
		die("no nvme.get-log-page in the catalogue", -ENOENT);
	for (size_t i = 0; set && i < catalogue->n_dialects && !command; i++)
		command = dialect_command(&catalogue->dialects[i], set->names.items[0].text);
	if (!command || make_request(identity, command, set->where) < 0)
		if (make_request(identity, smart, NULL) < 0)
			die("the request for a log page", -EINVAL);
}

/*
 * Whose query it is: a rule's own caller, device and command, or those of different rules, and
 * sometimes a stranger's.
 */
static void draw_query(struct subject *subject, struct query *query, const struct identity **ret_of)
{
	const struct identity *caller = &subject->identities[(size_t)random() % IDENTITIES],
			      *device = caller, *request = caller;

	if (random() % 2 != 0) {
		device = &subject->identities[(size_t)random() % DEVICES * (IDENTITIES / DEVICES)];
		request = &subject->identities[(size_t)random() % IDENTITIES];
	}
	if (random() % 4 == 0)
		caller = &subject->stranger;
	*ret_of = request;
	/* 2026-11-28 02:00 UTC: a Saturday night, when most windows are open. */
	*query = (struct query){
		.caller = &caller->caller,
		.device = &device->device,
		.request = &request->request,
		.now = {.realtime_usec = 1795831200000000},
		.uses = subject->uses,
	};
}

/*
 * Every other query is one that a rule decides, as far as there are such: a decision that ends with
 * a rule has more to do than one that finds none, and policies are compared by the same mixture.
 */
static void make_queries(struct subject *subject, const struct catalogue *catalogue)
{
	size_t n_rules = subject->policy->n_rules;

	for (size_t i = 0; i < IDENTITIES; i++)
		make_identity(&subject->identities[i], catalogue, subject->policy,
			      &subject->policy->rules[i * n_rules / IDENTITIES]);
	make_identity(&subject->stranger, catalogue, subject->policy, NULL);
	if (limit_book_new(&subject->uses) < 0)
		die("the limits", -ENOMEM);
	srandom(5);
	for (size_t i = 0; i < QUERIES; i++) {
		struct query *query = &subject->queries[i];
		struct decision decision;

		for (unsigned attempt = 0; attempt < 100; attempt++) {
			draw_query(subject, query, &subject->requests[i]);
			decide(subject->policy, query, &decision);
			if (decision.by < DECIDED_BY_DEFAULT)
				die("a query can't be decided", -EINVAL);
			if ((decision.rule != NULL) == (i % 2 == 0))
				break;
		}
		if (decision.by == DECIDED_BY_RULE && decision.rule->limit.count > 0 &&
		    limit_charge(subject->uses, decision.rule, query) < 0)
			die("the limits", -ENOMEM);
		subject->by_rule += decision.rule != NULL;
	}
}

static void load(struct subject *subject, const struct catalogue *catalogue)
{
	const char *const folders[] = {subject->folder, NULL};
	_cleanup_(problems_done) struct problems problems = {};
	struct accounts *accounts = NULL;
	int r;

	r = accounts_new(false, &accounts);
	if (r >= 0)
		r = policy_load(folders, false, catalogue, accounts, &problems, &subject->policy);
	accounts_free(accounts);
	if (r < 0) {
		const struct problem *first = problems_first_error(&problems);
		_cleanup_free_ char *text = first ? problem_to_string(first) : NULL;

		die(text ?: subject->folder, r);
	}
	if (subject->policy->n_rules == 0)
		die(subject->folder, -ENODATA);
}

/* The queries go on where they stopped, so that a block is not always the same hundred. */
static size_t next_query(struct subject *subject)
{
	size_t i = subject->next;

	subject->next = (i + 1) % QUERIES;
	return i;
}

static void measure(struct subject *subject, sd_bus *bus, struct samples *pings)
{
	struct decision decision;
	struct classified request;
	struct refusal refusal;
	double start;

	samples_ping(pings, bus, FWCTLD_BUS_NAME);
	start = now_usec();
	decide(subject->policy, &subject->queries[next_query(subject)], &decision);
	samples_add(&subject->lone, now_usec() - start);

	/* What others have driven out of the caches is "lone"'s matter, not the block's. */
	for (unsigned i = 0; i < QUERIES; i++)
		decide(subject->policy, &subject->queries[next_query(subject)], &decision);
	start = now_usec();
	for (unsigned i = 0; i < BLOCK; i++)
		decide(subject->policy, &subject->queries[next_query(subject)], &decision);
	samples_add(&subject->decide, (now_usec() - start) / BLOCK);

	start = now_usec();
	for (unsigned i = 0; i < BLOCK; i++) {
		size_t n = next_query(subject);
		const struct identity *of = subject->requests[n];
		struct query query = subject->queries[n];

		if (classify(of->request.command->dialect, of->message, of->message_length,
			     of->data, of->data_length, NULL, &request, &refusal) < 0)
			die("a request was refused", -EINVAL);
		query.request = &request;
		decide(subject->policy, &query, &decision);
	}
	samples_add(&subject->classify, (now_usec() - start) / BLOCK);
}

static void subject_done(struct subject *subject)
{
	for (size_t i = 0; i <= IDENTITIES; i++) {
		struct identity *identity =
			i < IDENTITIES ? &subject->identities[i] : &subject->stranger;

		for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++)
			free(identity->texts[key]);
		free(identity->message);
	}
	limit_book_free(subject->uses);
	policy_free(subject->policy);
	samples_done(&subject->decide);
	samples_done(&subject->classify);
	samples_done(&subject->lone);
}

int main(int argc, char **argv)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct catalogue *catalogue = NULL;
	struct samples pings = {};
	struct subject *subjects;
	size_t rounds, n;
	sd_bus *bus = NULL;
	int r;

	if (argc < 4 || (rounds = strtoul(argv[1], NULL, 10)) == 0)
		die("usage: decide ROUNDS COMMANDS-FOLDER POLICY-FOLDER ...", -EINVAL);
	n = (size_t)argc - 3;
	subjects = calloc(n, sizeof(*subjects));
	r = catalogue_load((const char *const[]){argv[2], NULL}, false, &problems, &catalogue);
	if (r < 0 || !subjects)
		die(argv[2], r < 0 ? r : -ENOMEM);
	for (size_t i = 0; i < n; i++) {
		subjects[i].folder = argv[3 + i];
		load(&subjects[i], catalogue);
		make_queries(&subjects[i], catalogue);
	}
	/* Not before: the bus drops who says nothing for a while. */
	r = sd_bus_open_system(&bus);
	if (r < 0)
		die("no system bus", r);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			measure(&subjects[i], bus, &pings);
	for (size_t i = 0; i < n; i++) {
		struct subject *subject = &subjects[i];

		printf("{\"rules\": %zu, \"by_rule\": %.3f, \"decide\": %.4f, \"decide_p99\": "
		       "%.4f, \"classify\": %.4f, \"classify_p99\": %.4f, \"lone\": %.4f, "
		       "\"ping\": %.4f}\n",
		       subject->policy->n_rules, (double)subject->by_rule / QUERIES,
		       samples_percentile(&subject->decide, 50),
		       samples_percentile(&subject->decide, 99),
		       samples_percentile(&subject->classify, 50),
		       samples_percentile(&subject->classify, 99),
		       samples_percentile(&subject->lone, 50), samples_percentile(&pings, 50));
		subject_done(subject);
	}
	samples_done(&pings);
	free(subjects);
	catalogue_free(catalogue);
	sd_bus_unref(bus);
	return EXIT_SUCCESS;
}
