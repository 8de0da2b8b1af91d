/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `fwctl policy explain`: which rule decides a request, and why none before it does. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include "client/json.h"
#include "client/mismatch.h"
#include "client/output.h"
#include "client/policy-input.h"
#include "policy/field.h"
#include "policy/instant.h"
#include "policy/sample.h"

/* Of one reason so many rules are shown one by one, more of them together. */
#define SHOWN_MAX 20u

/* What is asked, and what came of it. */
struct explanation {
	const struct arguments *arguments;
	struct policy_input input;
	struct policy *policy;
	struct sample sample;
	struct query query;
	struct decision decision;
	struct decision_text text;
};

static void explanation_done(struct explanation *e)
{
	policy_free(e->policy);
	sample_done(&e->sample);
	policy_input_done(&e->input);
}

static int refused(const struct explanation *e, int r, const struct refusal *refusal)
{
	if (r >= 0)
		return EXIT_OK;
	return fail(e->arguments, EXIT_FAILED, "%s",
		    r == -ENOMEM ? "Out of memory." : refusal->text);
}

static int read_account(const struct explanation *e, bool group, const char *name, uint32_t *ret)
{
	const char *kind = group ? "group" : "user";
	int r = sample_account(e->input.accounts, group, name, ret);

	if (r == -ESRCH)
		return fail(e->arguments, EXIT_FAILED,
			    "There is no %s \"%s\" here. With --no-users names are compared, and "
			    "nobody is looked up.",
			    kind, name);
	if (r == -EINVAL)
		return fail(e->arguments, EXIT_USAGE,
			    "\"%s\" is no %s number; expected 0 to 4294967294.", name, kind);
	if (r < 0)
		return fail(e->arguments, EXIT_FAILED, "The %s \"%s\" can't be looked up: %s.",
			    kind, name, strerror(-r));
	return EXIT_OK;
}

/* All that the user is a member of, as the bus would say of their connection. */
static int read_groups_of(struct explanation *e, const char *name, gid_t primary)
{
	int n = 64, capacity;
	gid_t *gids;

	do {
		capacity = n;
		gids = reallocarray(e->sample.gids, (size_t)capacity, sizeof(*gids));
		if (!gids)
			return fail(e->arguments, EXIT_FAILED, "Out of memory.");
		e->sample.gids = gids;
	} while (getgrouplist(name, primary, gids, &n) < 0 && n > capacity);
	e->sample.n_gids = (size_t)n;
	return EXIT_OK;
}

static int read_caller(struct explanation *e)
{
	const char *const *groups = e->arguments->groups;
	const struct passwd *entry = NULL;
	int r = EXIT_OK;

	e->sample.uid = geteuid();
	if (e->arguments->user)
		r = read_account(e, false, e->arguments->user, &e->sample.uid);
	else if (e->arguments->no_users)
		return fail(e->arguments, EXIT_USAGE,
			    "With --no-users nobody is looked up, not even you: give a --user.");
	for (size_t i = 0; r == EXIT_OK && groups[i]; i++) {
		gid_t gid;

		r = read_account(e, true, groups[i], &gid);
		if (r == EXIT_OK && sample_add_group(&e->sample, gid) < 0)
			r = fail(e->arguments, EXIT_FAILED, "Out of memory.");
	}
	if (r != EXIT_OK || groups[0] || e->arguments->no_users)
		return r;
	entry = getpwuid(e->sample.uid);
	/* A number that is nobody's is in no group either. */
	return entry ? read_groups_of(e, entry->pw_name, entry->pw_gid) : EXIT_OK;
}

/* "type=nvme,serial=LAB-1": a comma ends a value where a key and `=` follow it. */
static int read_attributes(struct explanation *e, const char *text)
{
	struct refusal refusal;

	while (*text) {
		_cleanup_free_ char *value = NULL;
		const char *equals = strchr(text, '='), *end = equals;
		unsigned key = 0;
		int r;

		while (equals && key < _DEVICE_KEY_MAX &&
		       (strncmp(text, device_key_to_string(key), (size_t)(equals - text)) != 0 ||
			device_key_to_string(key)[equals - text] != '\0'))
			key++;
		if (!equals || key == _DEVICE_KEY_MAX)
			return fail(e->arguments, EXIT_USAGE,
				    "\"%s\" does not begin with one of a device's keys and \"=\": "
				    "type, driver, pci, serial, model, firmware or nqn.",
				    text);
		for (;;) {
			end = strchrnul(end, ',');
			if (!*end || end[1 + strspn(end + 1, "abcdefghijklmnopqrstuvwxyz")] == '=')
				break;
			end++;
		}
		value = strndup(equals + 1, (size_t)(end - equals) - 1);
		r = value ? sample_set_device(&e->sample, key, value, &refusal) : -ENOMEM;
		if (r < 0)
			return refused(e, r, &refusal);
		text = *end ? end + 1 : end;
	}
	return EXIT_OK;
}

/* As fwctld knows it. */
static int ask_device(struct explanation *e, const char *name)
{
	_cleanup_(fwctld_closep) struct fwctld *connection = NULL;
	_cleanup_result_ struct fwctld_device *device = NULL;
	struct arguments arguments = *e->arguments;
	struct refusal refusal;
	int r;

	r = open_connection(e->arguments, &connection);
	if (r != EXIT_OK)
		return r;
	arguments.device = device_name(name);
	r = fwctld_get_device(connection, arguments.device, &device);
	if (r < 0)
		return fail_call(&arguments, connection, r, false);

	const char *const values[_DEVICE_KEY_MAX] = {
		[DEVICE_TYPE] = device->dialect,      [DEVICE_DRIVER] = device->driver,
		[DEVICE_PCI] = device->pci_address,   [DEVICE_SERIAL] = device->serial,
		[DEVICE_MODEL] = device->model,	      [DEVICE_FIRMWARE] = device->firmware,
		[DEVICE_NQN] = device->subsystem_nqn,
	};
	for (unsigned key = 0; r >= 0 && key < _DEVICE_KEY_MAX; key++)
		if (values[key] && *values[key])
			r = sample_set_device(&e->sample, key, values[key], &refusal);
	return refused(e, r, &refusal);
}

static int read_request(struct explanation *e)
{
	_cleanup_(request_done) struct request request = {};
	struct refusal refusal;
	int r;

	/* words[0] is "explain", where `exec` has the device. */
	r = request_parse(e->arguments, &request);
	if (r != EXIT_OK)
		return r;
	r = sample_set_command(&e->sample, e->input.catalogue, request.public.command, &refusal);
	for (size_t i = 0; r >= 0 && i < request.public.fields.n; i++)
		r = sample_add_field(&e->sample, request.fields[i].name, request.fields[i].value,
				     &refusal);
	if (r < 0)
		return refused(e, r, &refusal);
	e->sample.data = TAKE_PTR(request.data);
	e->sample.data_length = request.public.data_length;
	return refused(e, sample_finish(&e->sample, &refusal), &refusal);
}

static int read_time(struct explanation *e)
{
	struct timespec now;

	if (!e->arguments->time) {
		clock_gettime(CLOCK_REALTIME, &now);
		e->query.now.realtime_usec =
			(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
		return EXIT_OK;
	}
	if (instant_parse(e->arguments->time, &e->query.now.realtime_usec) < 0)
		return fail(e->arguments, EXIT_USAGE,
			    "\"%s\" is no time with its zone; expected one like "
			    "\"2026-11-22 03:00 UTC\" or 2026-11-22T03:00:00+01:00.",
			    e->arguments->time);
	return EXIT_OK;
}

/* `observe` does not end the search; what decides does. */
static bool is_before(const struct explanation *e, const struct rule *rule)
{
	return !e->decision.rule || rule < e->decision.rule;
}

static void json_place(struct json *json, const char *key, const struct rule *rule)
{
	_cleanup_free_ char *at = NULL;

	if (asprintf(&at, "%s:%u", rule->file, rule->line) < 0)
		at = NULL;
	json_string(json, key, at);
}

static void write_json(const struct explanation *e)
{
	const struct classified *request = &e->sample.request;
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_string(&json, "verdict", verdict_to_string(e->decision.verdict));
	json_string(&json, "decision", e->text.reason);
	json_string(&json, "rule", e->text.rule_id);
	json_string(&json, "rule-at", e->text.rule_at);
	json_string(&json, "note", e->text.note);
	json_string(&json, "command", request->command->full_name);
	json_begin(&json, "fields", '{');
	for (unsigned i = 0; i < request->command->n_fields; i++) {
		char text[FIELD_TEXT_MAX];

		json_string(&json, request->command->fields[i].name,
			    field_format(&request->command->fields[i], &request->values[i], text,
					 sizeof(text)));
	}
	json_end(&json, '}');
	json_string(&json, "class", effect_class_to_string(request->class));
	json_begin(&json, "effects", '[');
	for (unsigned effect = 0; effect < _EFFECT_MAX; effect++)
		if (request->effects & EFFECT_BIT(effect))
			json_string(&json, NULL, effect_to_string(effect));
	json_end(&json, ']');
	json_string(&json, "reason", request->reason);
	if (e->decision.observed) {
		json_string(&json, "observed-verdict",
			    verdict_to_string(e->decision.observed_verdict));
		json_string(&json, "observed-rule", e->decision.observed->id);
		json_place(&json, "observed-rule-at", e->decision.observed);
	}
	json_begin(&json, "rules", '[');
	for (size_t i = 0; i < e->policy->n_rules; i++) {
		const struct rule *rule = &e->policy->rules[i];
		_cleanup_free_ char *why = NULL;
		struct match match;
		bool matches;

		if (!is_before(e, rule))
			break;
		matches = rule_matches(rule, &e->query, &match);
		why = matches ? NULL
			      : mismatch_describe(rule, &e->query, &match, e->input.accounts);
		json_begin(&json, NULL, '{');
		json_string(&json, "rule", rule->id);
		json_place(&json, "rule-at", rule);
		json_bool(&json, "observe", rule->observe);
		json_bool(&json, "matches", matches);
		json_string(&json, "why", why);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_problems(&json, &e->input.problems);
	json_end(&json, '}');
	putchar('\n');
}

static void print_rule(const struct explanation *e, const struct rule *rule,
		       const struct match *match)
{
	const char *slash = strrchr(rule->file, '/'), *file = slash ? slash + 1 : rule->file;
	_cleanup_free_ char *why = mismatch_describe(rule, &e->query, match, e->input.accounts);
	size_t indent = 2;

	fputs("  ", stdout);
	indent += print_text(stdout, rule->id);
	indent += (size_t)printf(" (");
	indent += print_text(stdout, file);
	indent += (size_t)printf(":%u): ", rule->line);
	if (match->mismatch == MISMATCH_NONE)
		fputs("it matches, and only observes", stdout);
	else
		print_wrapped(stdout, why ?: "Out of memory.", indent, output_width(stdout));
	putchar('\n');
}

/* Few of one reason stand by themselves, in order; many as one, where the first of them stands. */
static void print_rules(const struct explanation *e)
{
	size_t n[MISMATCH_WHEN + 1] = {}, shown[MISMATCH_WHEN + 1] = {};
	struct match match;

	for (size_t i = 0; i < e->policy->n_rules && is_before(e, &e->policy->rules[i]); i++) {
		(void)rule_matches(&e->policy->rules[i], &e->query, &match);
		n[match.mismatch]++;
	}
	for (size_t i = 0; i < e->policy->n_rules && is_before(e, &e->policy->rules[i]); i++) {
		const struct rule *rule = &e->policy->rules[i];

		if (i == 0)
			puts(e->decision.rule ? "rules before it:" : "rules:");
		(void)rule_matches(rule, &e->query, &match);
		if (n[match.mismatch] <= SHOWN_MAX || match.mismatch == MISMATCH_NONE)
			print_rule(e, rule, &match);
		else if (shown[match.mismatch]++ == 0)
			printf("  %zu rules %s\n", n[match.mismatch], mismatch_group(&match));
	}
}

/* "alice (groups alice, storage)" */
static char *describe_caller(const struct explanation *e)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	fputs(accounts_name(e->input.accounts, false, e->sample.uid) ?: "?", file);
	for (size_t i = 0; i < e->sample.n_gids; i++)
		fprintf(file, "%s%s",
			i > 0			? ", "
			: e->sample.n_gids == 1 ? " (group "
						: " (groups ",
			accounts_name(e->input.accounts, true, e->sample.gids[i]) ?: "?");
	fputs(e->sample.n_gids > 0 ? ")" : ", in no group", file);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

static char *describe_effects(effect_set effects)
{
	const char *names[_EFFECT_MAX + 1] = {};
	size_t n = 0;

	for (unsigned effect = 0; effect < _EFFECT_MAX; effect++)
		if (effects & EFFECT_BIT(effect))
			names[n++] = effect_to_string(effect);
	return join_strings(names);
}

static char *describe_device(const struct explanation *e)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	for (unsigned key = 0, n = 0; key < _DEVICE_KEY_MAX; key++)
		if (e->sample.keys[key])
			fprintf(file, "%s%s=%s", n++ > 0 ? ", " : "", device_key_to_string(key),
				e->sample.keys[key]);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

/* "nvme.format-nvm nsid=0x1 lbaf=0x0", with what fields have that were not given. */
static char *describe_command(const struct classified *request)
{
	char *text = NULL, value[FIELD_TEXT_MAX];
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	fputs(request->command->full_name, file);
	for (unsigned i = 0; i < request->command->n_fields; i++)
		fprintf(file, " %s=%s", request->command->fields[i].name,
			field_format(&request->command->fields[i], &request->values[i], value,
				     sizeof(value)));
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

static int print(const struct explanation *e)
{
	const struct classified *request = &e->sample.request;
	_cleanup_free_ char *caller = describe_caller(e), *device = describe_device(e);
	_cleanup_free_ char *command = describe_command(request);
	_cleanup_free_ char *effects = describe_effects(request->effects);
	char observed[128] = "";
	const struct fwctld_item items[] = {
		{.name = "note", .type = FWCTLD_ITEM_TEXT, .text = e->text.note},
		{.name = "observed",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = e->decision.observed ? observed : NULL},
		{.name = "caller", .type = FWCTLD_ITEM_TEXT, .text = caller},
		{.name = "device", .type = FWCTLD_ITEM_TEXT, .text = device},
		{.name = "command", .type = FWCTLD_ITEM_TEXT, .text = command},
		{.name = "class",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = effect_class_to_string(request->class)},
		{.name = "reason", .type = FWCTLD_ITEM_TEXT, .text = request->reason},
		{.name = "effects",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = request->effects ? effects : "none"},
	};

	if (!caller || !device || !command || !effects)
		return fail(e->arguments, EXIT_FAILED, "Out of memory.");
	if (e->decision.observed)
		snprintf(observed, sizeof(observed), "%s by %s, did it not only observe",
			 verdict_to_string(e->decision.observed_verdict), e->decision.observed->id);
	printf("%s: ", verdict_to_string(e->decision.verdict));
	print_text(stdout, e->text.reason);
	putchar('\n');
	print_items(stdout, &(struct fwctld_items){items, ELEMENTSOF(items)}, 0);
	print_rules(e);
	puts("What a device reports of its commands is not asked for here, and can only make\n"
	     "the class worse; limits count as unused. `fwctl explain` asks fwctld.");
	return EXIT_OK;
}

int verb_policy_explain(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(explanation_done) struct explanation e = {.arguments = arguments};
	int r;

	r = open_policy(arguments, EXIT_FAILED, arguments->policies, &e.input, &e.policy);
	if (r == EXIT_OK)
		r = read_caller(&e);
	if (r == EXIT_OK && arguments->target)
		r = strchr(arguments->target, '=') ? read_attributes(&e, arguments->target)
						   : ask_device(&e, arguments->target);
	if (r == EXIT_OK)
		r = read_request(&e);
	if (r == EXIT_OK)
		r = read_time(&e);
	if (r != EXIT_OK)
		return r;
	e.query.caller = &e.sample.caller;
	e.query.device = &e.sample.device;
	e.query.request = &e.sample.request;
	decide(e.policy, &e.query, &e.decision);
	decision_describe(e.policy, &e.decision, &e.text);
	if (!arguments->json) {
		print_problems(stderr, &e.input.problems);
		return print(&e);
	}
	write_json(&e);
	return EXIT_OK;
}
