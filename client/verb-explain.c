/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fwctl.h"

#include <string.h>

#include "client/json.h"
#include "client/output.h"

static const char *const none[] = {NULL};

static void write_json(const struct fwctld_explanation *e)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_string(&json, "command", e->command);
	json_settings(&json, "fields", &e->fields);
	json_string(&json, "class", e->effect_class);
	json_strings(&json, "effects", e->effects);
	json_string(&json, "reason", e->reason);
	json_string(&json, "static-class", e->static_class);
	json_strings(&json, "device-effects", e->device_effects ?: none);
	json_string(&json, "device-reason", e->device_reason);
	json_string(&json, "verdict", e->verdict);
	json_string(&json, "decision", e->decision);
	json_string(&json, "rule", e->rule);
	json_string(&json, "rule-at", e->rule_at);
	json_string(&json, "note", e->note);
	json_string(&json, "observed-verdict", e->observed_verdict);
	json_string(&json, "observed-rule", e->observed_rule);
	json_string(&json, "observed-rule-at", e->observed_rule_at);
	if (e->scope)
		json_number(&json, "scope", *e->scope);
	json_strings(&json, "needs", e->needs ?: none);
	json_string(&json, "digest", e->digest);
	json_end(&json, '}');
	putchar('\n');
}

/*
 * "--device-id nvme:SERIAL": the options that exec would ask for. Whoever copies it has read what
 * it names; exec itself never fills it in. Returns a string of its own, or NULL without memory.
 */
static char *needed_options(const struct arguments *arguments, struct fwctld *connection,
			    const char *const *needs)
{
	_cleanup_result_ struct fwctld_device *device = NULL;
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	for (size_t i = 0; needs[i]; i++) {
		const char *value = "";

		if (strcmp(needs[i], "device-id") == 0 &&
		    fwctld_get_device(connection, arguments->device, &device) == 0)
			value = device->device_id ?: "";
		fprintf(file, "%s--%s%s%s", i > 0 ? " " : "", needs[i], *value ? " " : "", value);
	}
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

/* What a denied command takes beside a rule for its class; NULL: nothing, or no memory. */
static char *hazards_hint(const struct fwctld_explanation *e)
{
	_cleanup_free_ char *hazards = join_hazards(e->effects);
	char *text;

	if (!hazards || !*hazards || strcmp(e->verdict, "deny") != 0)
		return NULL;
	return asprintf(&text, "%s; a rule that does not deny matches only if it names %s", hazards,
			strchr(hazards, ',') ? "each of these" : "this") < 0
		       ? NULL
		       : text;
}

static int print(const struct arguments *arguments, struct fwctld *connection,
		 const struct fwctld_explanation *e)
{
	_cleanup_free_ char *needs =
		e->needs ? needed_options(arguments, connection, e->needs) : NULL;
	_cleanup_free_ char *effects = join_strings(e->effects);
	_cleanup_free_ char *reported = join_strings(e->device_effects ?: none);
	_cleanup_free_ char *hazards = hazards_hint(e);
	_cleanup_free_ struct fwctld_item *fields = calloc(e->fields.n + 1, sizeof(*fields));
	/* What was asked, what that would do, what comes of it, and by which rule. */
	const struct fwctld_item items[] = {
		{.name = "class", .type = FWCTLD_ITEM_TEXT, .text = e->effect_class},
		{.name = "reason", .type = FWCTLD_ITEM_TEXT, .text = e->reason},
		{.name = "effects",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = *e->effects ? effects : "none"},
		{.name = "static-class", .type = FWCTLD_ITEM_TEXT, .text = e->static_class},
		{.name = "device-effects",
		 .type = FWCTLD_ITEM_TEXT,
		 .text = reported && *reported ? reported : NULL},
		{.name = "device-reason", .type = FWCTLD_ITEM_TEXT, .text = e->device_reason},
		{.name = "verdict", .type = FWCTLD_ITEM_TEXT, .text = e->verdict},
		{.name = "decision", .type = FWCTLD_ITEM_TEXT, .text = e->decision},
		{.name = "rule", .type = FWCTLD_ITEM_TEXT, .text = e->rule},
		{.name = "rule-at", .type = FWCTLD_ITEM_TEXT, .text = e->rule_at},
		{.name = "note", .type = FWCTLD_ITEM_TEXT, .text = e->note},
		{.name = "observed-verdict", .type = FWCTLD_ITEM_TEXT, .text = e->observed_verdict},
		{.name = "observed-rule", .type = FWCTLD_ITEM_TEXT, .text = e->observed_rule},
		{.name = "observed-rule-at", .type = FWCTLD_ITEM_TEXT, .text = e->observed_rule_at},
		{.name = "hazards", .type = FWCTLD_ITEM_TEXT, .text = hazards},
		{.name = "needs", .type = FWCTLD_ITEM_TEXT, .text = needs},
		/* The only number; without a scope it is a text that is NULL, which is left out. */
		{.name = "scope",
		 .type = e->scope ? FWCTLD_ITEM_NUMBER : FWCTLD_ITEM_TEXT,
		 .number = e->scope ? *e->scope : 0},
		{.name = "digest", .type = FWCTLD_ITEM_TEXT, .text = e->digest},
	};

	if (!effects || !reported || !fields || (e->needs && !needs))
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	for (size_t i = 0; i < e->fields.n; i++)
		fields[i] = (struct fwctld_item){.name = e->fields.items[i].name,
						 .type = FWCTLD_ITEM_TEXT,
						 .text = e->fields.items[i].value};

	print_text(stdout, e->command);
	putchar('\n');
	print_items(stdout, &(struct fwctld_items){fields, e->fields.n}, 2);
	print_items(stdout, &(struct fwctld_items){items, ELEMENTSOF(items)}, 0);
	return EXIT_OK;
}

int verb_explain(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(request_done) struct request request = {};
	_cleanup_result_ struct fwctld_explanation *explanation = NULL;
	int r;

	r = request_parse(arguments, &request);
	if (r != EXIT_OK)
		return r;
	r = fwctld_explain(connection, arguments->device, &request.public, &explanation);
	if (r < 0)
		return fail_call(arguments, connection, r, false);
	if (!arguments->json)
		return print(arguments, connection, explanation);
	write_json(explanation);
	return EXIT_OK;
}
