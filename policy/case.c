/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From YAML to cases. */

#include "policy/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/instant.h"
#include "policy/rule.h"
#include "policy/suggest.h"

#define LANGUAGE_VERSION 1u

/*
 * As in the policy's own loader: what is wrong is said in `problems`, and the rest is read
 * nevertheless. -ENOMEM is the only failure of a read_...().
 */
struct reader {
	struct rule_reader rule; /* of what cases and rules have in common */
	const struct yaml_file *file;
	struct problems *problems;
};

void case_file_done(struct case_file *file)
{
	for (size_t i = 0; i < file->n; i++)
		sample_done(&file->items[i].sample);
	free(file->items);
	yaml_file_free(file->file);
	*file = (struct case_file){};
}

static bool is_map(const struct reader *reader, const struct yaml_node *node, const char *example)
{
	if (node->kind == YAML_MAP)
		return true;
	yaml_problem(reader->file, node, false, reader->problems, "Expected a map here, like %s.",
		     example);
	return false;
}

/* Says what was refused. -ENOMEM stays. */
static int refused(const struct reader *reader, const struct yaml_node *node, int r,
		   const struct refusal *refusal)
{
	if (r == -ENOMEM || r >= 0)
		return r < 0 ? r : 0;
	yaml_problem(reader->file, node, false, reader->problems, "%s", refusal->text);
	return 0;
}

static int read_account(const struct reader *reader, const struct yaml_node *node, bool group,
			uint32_t *ret)
{
	const char *name;
	int r;

	if (yaml_read_string(reader->file, node, group ? "a group" : "a user", reader->problems,
			     &name) < 0)
		return 0;
	r = sample_account(reader->rule.accounts, group, name, ret);
	if (r == -EINVAL)
		yaml_problem(reader->file, node, false, reader->problems,
			     "\"%s\" is no %s number; expected 0 to 4294967294.", name,
			     group ? "group" : "user");
	else if (r < 0 && r != -ENOMEM)
		yaml_problem(reader->file, node, false, reader->problems,
			     "The %s \"%s\" can't be looked up: %s.", group ? "group" : "user",
			     name, strerror(-r));
	return r == -ENOMEM ? r : 0;
}

static int read_caller(const struct reader *reader, struct yaml_node *map, struct sample *sample)
{
	static const char *const known[] = {"user", "groups", NULL};
	const struct yaml_node *user, *groups;
	size_t n;
	int r;

	if (!is_map(reader, map, "{user: alice, groups: [storage]}"))
		return 0;
	user = yaml_get(map, "user");
	if (!user) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "This caller has no `user`; every request is somebody's.");
	} else {
		r = read_account(reader, user, false, &sample->uid);
		if (r < 0)
			return r;
	}
	groups = yaml_get(map, "groups");
	n = groups ? value_list_length(&reader->rule, groups, "a group") : 0;
	for (size_t i = 0; i < n; i++) {
		gid_t gid = 0;

		r = read_account(reader, value_list_item(groups, i), true, &gid);
		if (r >= 0)
			r = sample_add_group(sample, gid);
		if (r < 0)
			return r;
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	return 0;
}

static int read_device(const struct reader *reader, struct yaml_node *map, struct sample *sample)
{
	const char *known[_DEVICE_KEY_MAX + 1] = {};

	if (!is_map(reader, map, "{type: nvme, serial: LAB-1}"))
		return 0;
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++) {
		const struct yaml_node *node;
		struct refusal refusal;
		const char *value;
		int r;

		known[key] = device_key_to_string(key);
		node = yaml_get(map, known[key]);
		if (!node || yaml_read_string(reader->file, node, "what one device has",
					      reader->problems, &value) < 0)
			continue;
		r = sample_set_device(sample, key, value, &refusal);
		r = refused(reader, node, r, &refusal);
		if (r < 0)
			return r;
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	return 0;
}

static int read_fields(const struct reader *reader, const struct yaml_node *map,
		       struct sample *sample)
{
	if (!is_map(reader, map, "{lid: smart, rae: 1}"))
		return 0;
	for (size_t i = 0; i < map->n_items; i++) {
		const struct yaml_item *item = &map->items[i];
		struct refusal refusal;
		const char *text;
		int r;

		if (yaml_read_string(reader->file, item->value, "a field's value", reader->problems,
				     &text) < 0)
			continue;
		r = sample_add_field(sample, item->key->scalar, text, &refusal);
		r = refused(reader,
			    command_field(sample->command, item->key->scalar) < 0 ? item->key
										  : item->value,
			    r, &refusal);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Two hexadecimal digits a byte. */
static int read_data(const struct reader *reader, const struct yaml_node *node,
		     struct sample *sample)
{
	const char *text;
	size_t length;

	if (yaml_read_string(reader->file, node, "bytes", reader->problems, &text) < 0)
		return 0;
	length = strlen(text);
	if (length % 2 != 0 || length / 2 > REQUEST_DATA_MAX ||
	    text[strspn(text, "0123456789abcdefABCDEF")]) {
		yaml_problem(reader->file, node, false, reader->problems,
			     "`data` has two hexadecimal digits for each byte, at most %u bytes. "
			     "Where the content does not matter, give its `data-length`.",
			     REQUEST_DATA_MAX);
		return 0;
	}
	sample->data = malloc(length / 2 + 1);
	if (!sample->data)
		return -ENOMEM;
	sample->data_length = length / 2;
	for (size_t i = 0; i < sample->data_length; i++)
		sample->data[i] =
			(uint8_t)strtoul((const char[]){text[2 * i], text[2 * i + 1], '\0'}, NULL,
					 16);
	return 0;
}

/* Whose content does not matter: zeroes. */
static int read_data_length(const struct reader *reader, const struct yaml_node *node,
			    struct sample *sample)
{
	uint64_t length;

	if (yaml_read_uint(reader->file, node, "a number of bytes", REQUEST_DATA_MAX,
			   reader->problems, &length) < 0)
		return 0;
	sample->data = calloc(1, length + 1);
	if (!sample->data)
		return -ENOMEM;
	sample->data_length = length;
	return 0;
}

static int read_command(const struct reader *reader, struct yaml_node *map, struct sample *sample)
{
	const struct yaml_node *node = yaml_get(map, "command"), *fields, *data, *data_length;
	struct refusal refusal;
	const char *name;
	int r;

	fields = yaml_get(map, "fields");
	data = yaml_get(map, "data");
	data_length = yaml_get(map, "data-length");
	if (!node) {
		yaml_problem(reader->file, map, false, reader->problems,
			     "This case has no `command`, such as nvme.get-log-page.");
		return 0;
	}
	if (yaml_read_string(reader->file, node, "a command", reader->problems, &name) < 0)
		return 0;
	r = sample_set_command(sample, reader->rule.catalogue, name, &refusal);
	if (r < 0)
		return refused(reader, node, r, &refusal);
	r = fields ? read_fields(reader, fields, sample) : 0;
	if (r < 0)
		return r;
	if (data && data_length)
		yaml_problem(reader->file, data_length, false, reader->problems,
			     "`data` and `data-length` exclude each other: `data` has a length.");
	else if (data)
		return read_data(reader, data, sample);
	else if (data_length)
		return read_data_length(reader, data_length, sample);
	return 0;
}

static void read_reported(const struct reader *reader, struct yaml_node *map,
			  enum effect_class *ret_class, effect_set *ret_effects)
{
	static const char *const known[] = {"class", "effects", NULL};
	const struct yaml_node *class, *effects;
	const char *text;
	size_t n;
	int value;

	if (!is_map(reader, map, "{class: destructive}"))
		return;
	class = yaml_get(map, "class");
	if (class && yaml_read_string(reader->file, class, "an effect class", reader->problems,
				      &text) >= 0) {
		value = effect_class_from_string(text);
		if (value >= 0)
			*ret_class = (enum effect_class)value;
		else
			yaml_problem(reader->file, class, false, reader->problems,
				     "\"%s\" is no effect class; expected read-only, config-change "
				     "or destructive.",
				     text);
	}
	effects = yaml_get(map, "effects");
	n = effects ? value_list_length(&reader->rule, effects, "an effect") : 0;
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = value_list_item(effects, i);
		struct suggestion suggestion = {};

		if (yaml_read_string(reader->file, item, "an effect", reader->problems, &text) < 0)
			continue;
		value = effect_from_string(text);
		if (value >= 0) {
			*ret_effects |= EFFECT_BIT(value);
			continue;
		}
		suggestion.wrong = text;
		for (int e = 0; e < _EFFECT_MAX; e++)
			suggestion_try(&suggestion, effect_to_string(e));
		yaml_problem(reader->file, item, false, reader->problems,
			     "\"%s\" is no effect; `fwctl commands` shows those of a "
			     "command.%s",
			     text, suggestion_text(&suggestion));
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
}

/* -1: it is none, or there was no node. */
static int read_verdict(const struct reader *reader, const struct yaml_node *node)
{
	enum verdict verdict;

	return node && verdict_read(&reader->rule, node, &verdict) >= 0 ? (int)verdict : -1;
}

static const char *read_text(const struct reader *reader, const struct yaml_node *node,
			     const char *what)
{
	const char *text = NULL;

	if (node)
		(void)yaml_read_string(reader->file, node, what, reader->problems, &text);
	return text;
}

static void read_expectation(const struct reader *reader, struct yaml_node *map,
			     struct expectation *ret)
{
	static const char *const known[] = {"verdict", "rule", "observed", NULL};
	static const char *const known_observed[] = {"verdict", "rule", NULL};
	const struct yaml_node *verdict;
	struct yaml_node *observed;
	int value;

	if (!is_map(reader, map, "{verdict: deny, rule: default:destructive}"))
		return;
	verdict = yaml_get(map, "verdict");
	if (!verdict)
		yaml_problem(reader->file, map, false, reader->problems,
			     "`expect` has no `verdict`; expected deny, allow or authenticate.");
	value = read_verdict(reader, verdict);
	if (value >= 0)
		ret->verdict = (enum verdict)value;
	ret->rule = read_text(reader, yaml_get(map, "rule"),
			      "a rule's id, or default: and a class or a hazard");
	observed = yaml_get(map, "observed");
	if (observed && is_map(reader, observed, "{rule: trial, verdict: allow}")) {
		ret->observed_rule = read_text(reader, yaml_get(observed, "rule"), "a rule's id");
		ret->observed_verdict = read_verdict(reader, yaml_get(observed, "verdict"));
		(void)yaml_refuse_unused(reader->file, observed, known_observed, reader->problems);
	}
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
}

static void read_time(const struct reader *reader, const struct yaml_node *node,
		      struct policy_case *ret)
{
	const char *text;

	if (yaml_read_string(reader->file, node, "a time", reader->problems, &text) < 0)
		return;
	if (instant_parse(text, &ret->realtime_usec) < 0)
		yaml_problem(reader->file, node, false, reader->problems,
			     "\"%s\" is no time with its zone; expected one like "
			     "\"2026-11-22 03:00 UTC\" or \"2026-11-22T03:00:00+01:00\".",
			     text);
	ret->timed = true;
}

static void read_repeat(const struct reader *reader, const struct yaml_node *node,
			struct policy_case *ret)
{
	uint64_t repeat;

	if (yaml_read_uint(reader->file, node, "how often", CASE_REPEAT_MAX, reader->problems,
			   &repeat) < 0)
		return;
	if (repeat == 0)
		yaml_problem(reader->file, node, false, reader->problems,
			     "A case that is repeated 0 times says nothing; expected 1 or more.");
	ret->repeat = (unsigned)repeat;
}

/* Who asks, which device, and all that does not hang on the command. */
static int read_parts(const struct reader *reader, struct yaml_node *map, struct policy_case *ret)
{
	struct yaml_node *node;
	int r = 0;

	ret->name = read_text(reader, yaml_get(map, "name"), "a name");
	if (!yaml_get(map, "name"))
		yaml_problem(reader->file, map, false, reader->problems,
			     "This case has no `name`: a sentence that says what must hold.");
	node = yaml_get(map, "caller");
	if (node)
		r = read_caller(reader, node, &ret->sample);
	else
		yaml_problem(reader->file, map, false, reader->problems,
			     "This case has no `caller`, such as {user: alice}.");
	if (r < 0)
		return r;
	node = yaml_get(map, "device");
	r = node ? read_device(reader, node, &ret->sample) : 0;
	if (r < 0)
		return r;
	node = yaml_get(map, "time");
	if (node)
		read_time(reader, node, ret);
	node = yaml_get(map, "repeat");
	if (node)
		read_repeat(reader, node, ret);
	node = yaml_get(map, "expect");
	if (node)
		read_expectation(reader, node, &ret->expected);
	else
		yaml_problem(reader->file, map, false, reader->problems,
			     "This case has no `expect`, such as {verdict: deny}.");
	return 0;
}

static int read_case(const struct reader *reader, struct yaml_node *map, struct policy_case *ret)
{
	static const char *const known[] = {
		"name",	       "caller", "device",   "command", "fields", "data",
		"data-length", "time",	 "reported", "repeat",	"expect", NULL,
	};
	size_t errors_before = reader->problems->n_errors;
	enum effect_class class = 0;
	effect_set effects = 0;
	struct refusal refusal;
	struct yaml_node *node;
	int r;

	ret->line = map->line;
	ret->column = map->column;
	ret->repeat = 1;
	ret->expected.observed_verdict = -1;
	if (!is_map(reader, map, "{name: ..., caller: {user: alice}, command: ..., expect: ...}"))
		return 0;
	r = read_parts(reader, map, ret);
	if (r >= 0)
		r = read_command(reader, map, &ret->sample);
	if (r < 0)
		return r;
	node = yaml_get(map, "reported");
	if (node)
		read_reported(reader, node, &class, &effects);
	(void)yaml_refuse_unused(reader->file, map, known, reader->problems);
	/* Of a case that is half read, what follows would mislead. */
	if (reader->problems->n_errors > errors_before)
		return 0;
	r = sample_finish(&ret->sample, &refusal);
	if (r < 0)
		return refused(reader, yaml_get(map, "command"), r, &refusal);
	sample_worsen(&ret->sample, class, effects);
	return 0;
}

static int read_cases(const struct reader *reader, const struct yaml_node *list,
		      struct case_file *ret)
{
	if (list->kind != YAML_LIST || list->n_items == 0) {
		yaml_problem(reader->file, list, false, reader->problems,
			     "`tests` is a list: each case begins with \"- name: \".");
		return 0;
	}
	/* Samples stay where they are. */
	ret->items = calloc(list->n_items, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	ret->n = list->n_items;
	for (size_t i = 0; i < ret->n; i++) {
		int r = read_case(reader, list->items[i].value, &ret->items[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_root(const struct reader *reader, struct yaml_node *root, struct case_file *ret)
{
	static const char *const known[] = {"version", "tests", NULL};
	struct yaml_node *node;
	uint64_t version;
	int r = 0;

	if (!root || root->kind != YAML_MAP) {
		problems_add(reader->problems, false, reader->file->path, 1, 1,
			     "A file with cases begins with \"version: 1\".");
		return 0;
	}
	if (yaml_get(root, "rules"))
		yaml_problem(reader->file, yaml_get(root, "rules"), false, reader->problems,
			     "Files whose names end in .test.yaml hold cases, and are never read "
			     "as a policy: put the rules into a file with another name.");
	node = yaml_get(root, "version");
	if (!node)
		yaml_problem(reader->file, root, false, reader->problems,
			     "The file does not say which version of the language of cases it is "
			     "written in: add \"version: 1\".");
	else if (yaml_read_uint(reader->file, node, "the version of the language of cases",
				UINT64_MAX, reader->problems, &version) >= 0 &&
		 version != LANGUAGE_VERSION)
		yaml_problem(reader->file, node, false, reader->problems,
			     "This fwctl knows version %u of the language of cases, and no other.",
			     LANGUAGE_VERSION);
	node = yaml_get(root, "tests");
	if (node)
		r = read_cases(reader, node, ret);
	else
		yaml_problem(reader->file, root, false, reader->problems,
			     "The file has no `tests`, so nothing is tested.");
	(void)yaml_refuse_unused(reader->file, root, known, reader->problems);
	return r;
}

int case_file_load(const char *path, const struct catalogue *catalogue, struct accounts *accounts,
		   struct problems *problems, struct case_file *ret)
{
	_cleanup_(case_file_done) struct case_file file = {};
	size_t errors_before = problems->n_errors;
	struct reader reader;
	int r;

	r = yaml_file_load(path, false, problems, &file.file);
	if (r < 0)
		return r;
	reader = (struct reader){
		.rule = {.file = file.file,
			 .catalogue = catalogue,
			 .accounts = accounts,
			 .problems = problems},
		.file = file.file,
		.problems = problems,
	};
	r = read_root(&reader, file.file->root, &file);
	if (r < 0)
		return r;
	if (problems->n_errors > errors_before)
		return -EBADMSG;
	*ret = file;
	file = (struct case_file){};
	return 0;
}
