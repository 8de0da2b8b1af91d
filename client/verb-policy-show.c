/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `fwctl policy show`: the files of a policy as one, and where each part of it stands. Rules are
 * written as they were read, with the names that people gave, and not as the loader understood
 * them.
 */
#include <errno.h>
#include <string.h>

#include "client/json.h"
#include "client/output.h"
#include "client/policy-input.h"
#include "client/yaml-write.h"
#include "policy/policy-files.h"

/* A file that is there, and not part of the policy. */
struct hidden {
	char *path;
	char *by; /* that takes its place */
};

struct shown {
	const struct policy *policy;
	struct yaml_file **files; /* one a file of the policy */
	size_t n_files;
	struct hidden *hidden;
	size_t n_hidden;
};

static void shown_done(struct shown *shown)
{
	for (size_t i = 0; i < shown->n_files; i++)
		yaml_file_free(shown->files[i]);
	free(shown->files);
	for (size_t i = 0; i < shown->n_hidden; i++) {
		free(shown->hidden[i].path);
		free(shown->hidden[i].by);
	}
	free(shown->hidden);
}

static int read_files(struct policy_input *input, struct shown *shown)
{
	shown->files = calloc(shown->policy->n_files + 1, sizeof(*shown->files));
	if (!shown->files)
		return -ENOMEM;
	for (; shown->n_files < shown->policy->n_files; shown->n_files++) {
		int r = yaml_file_load(shown->policy->files[shown->n_files], false,
				       &input->problems, &shown->files[shown->n_files]);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_read(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->n_files; i++)
		if (strcmp(policy->files[i], path) == 0)
			return true;
	return false;
}

/* The last folder that has a file of this name: a mask, where it is no file of the policy. */
static char *find_other(char *const *folders, const char *name)
{
	char *found = NULL;

	for (size_t i = 0; folders[i]; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", folders[i], name) < 0)
			break;
		if (access(path, F_OK) == 0) {
			free(found);
			found = path;
		} else {
			free(path);
		}
	}
	return found;
}

static int find_hidden(struct policy_input *input, char *const *folders, struct shown *shown)
{
	for (size_t i = 0; folders && folders[i]; i++) {
		_cleanup_(policy_files_done) struct policy_files files = {};
		int r = policy_files_find((const char *const[]){folders[i], NULL}, false,
					  &input->problems, &files);

		if (r < 0)
			return r;
		for (size_t j = 0; j < files.n; j++) {
			struct hidden *hidden;

			if (is_read(shown->policy, files.items[j].path))
				continue;
			hidden = reallocarray(shown->hidden, shown->n_hidden + 1, sizeof(*hidden));
			if (!hidden)
				return -ENOMEM;
			shown->hidden = hidden;
			hidden[shown->n_hidden++] = (struct hidden){
				.path = TAKE_PTR(files.items[j].path),
				.by = find_other(folders, files.items[j].name),
			};
		}
	}
	return 0;
}

static const char *default_name(unsigned index)
{
	return index < _CLASS_MAX ? effect_class_to_string((enum effect_class)index)
				  : effect_to_string((enum effect)(index - _CLASS_MAX));
}

static enum verdict default_verdict(const struct policy *policy, unsigned index)
{
	return index < _CLASS_MAX ? policy->class_defaults[index]
				  : policy->hazard_defaults[index - _CLASS_MAX];
}

/* Rules stand in the policy in the order in which they are read. */
static const struct rule *rule_at(const struct policy *policy, size_t index)
{
	return index < policy->n_rules ? &policy->rules[index] : NULL;
}

static void print_comments(const struct shown *shown)
{
	puts("# The policy as fwctld takes it, in one file. Comments of its files are left out.\n"
	     "# Read, in this order:");
	for (size_t i = 0; i < shown->n_files; i++) {
		fputs("#   ", stdout);
		print_text(stdout, shown->files[i]->path);
		puts(shown->files[i]->root ? "" : " (empty)");
	}
	if (shown->n_hidden > 0)
		puts("# Not read:");
	for (size_t i = 0; i < shown->n_hidden; i++) {
		fputs("#   ", stdout);
		print_text(stdout, shown->hidden[i].path);
		fputs(", replaced by ", stdout);
		print_text(stdout, shown->hidden[i].by ?: "another of this name");
		putchar('\n');
	}
}

static void print_rule(const struct yaml_file *file, const struct yaml_node *map,
		       const struct rule *rule)
{
	for (size_t i = 0; i < map->n_items; i++) {
		fputs(i == 0 ? "  - " : "    ", stdout);
		yaml_write(stdout, map->items[i].key);
		fputs(": ", stdout);
		yaml_write(stdout, map->items[i].value);
		if (i == 0) {
			fputs(" # ", stdout);
			print_text(stdout, file->path);
			printf(":%u%s", map->line,
			       rule && rule->disabled ? ", switched off: it names a user or group "
							"that is not there"
						      : "");
		}
		putchar('\n');
	}
}

static void print(const struct shown *shown)
{
	const struct policy *policy = shown->policy;
	size_t n_rules = 0, n_defaults = 0;

	print_comments(shown);
	puts("version: 1");
	for (unsigned i = 0; i < ELEMENTSOF(policy->defaults_at); i++)
		if (policy->defaults_at[i]) {
			if (n_defaults++ == 0)
				puts("defaults:");
			printf("  %s: %s # ", default_name(i),
			       verdict_to_string(default_verdict(policy, i)));
			print_text(stdout, policy->defaults_at[i]);
			putchar('\n');
		}
	for (size_t i = 0; i < shown->n_files; i++) {
		struct yaml_node *root = shown->files[i]->root,
				 *rules = root ? yaml_get(root, "rules") : NULL;

		for (size_t j = 0; rules && j < rules->n_items; j++) {
			if (n_rules == 0)
				puts("rules:");
			print_rule(shown->files[i], rules->items[j].value,
				   rule_at(policy, n_rules++));
		}
	}
}

static void json_place(struct json *json, const char *file, unsigned line)
{
	_cleanup_free_ char *at = NULL;

	if (asprintf(&at, "%s:%u", file, line) < 0)
		at = NULL;
	json_string(json, "at", at);
}

static void write_json(const struct shown *shown, const struct problems *problems)
{
	const struct policy *policy = shown->policy;
	struct json json = {.file = stdout};
	size_t n_rules = 0;

	json_begin(&json, NULL, '{');
	json_begin(&json, "files", '[');
	for (size_t i = 0; i < shown->n_files; i++)
		json_string(&json, NULL, shown->files[i]->path);
	json_end(&json, ']');
	json_begin(&json, "not-read", '[');
	for (size_t i = 0; i < shown->n_hidden; i++) {
		json_begin(&json, NULL, '{');
		json_string(&json, "file", shown->hidden[i].path);
		json_string(&json, "replaced-by", shown->hidden[i].by);
		json_end(&json, '}');
	}
	json_end(&json, ']');
	json_begin(&json, "defaults", '[');
	for (unsigned i = 0; i < ELEMENTSOF(policy->defaults_at); i++)
		if (policy->defaults_at[i]) {
			json_begin(&json, NULL, '{');
			json_string(&json, "of", default_name(i));
			json_string(&json, "verdict",
				    verdict_to_string(default_verdict(policy, i)));
			json_string(&json, "at", policy->defaults_at[i]);
			json_end(&json, '}');
		}
	json_end(&json, ']');
	json_begin(&json, "rules", '[');
	for (size_t i = 0; i < shown->n_files; i++) {
		struct yaml_node *root = shown->files[i]->root,
				 *rules = root ? yaml_get(root, "rules") : NULL;

		for (size_t j = 0; rules && j < rules->n_items; j++) {
			const struct rule *rule = rule_at(policy, n_rules++);

			json_begin(&json, NULL, '{');
			json_place(&json, shown->files[i]->path, rules->items[j].value->line);
			json_bool(&json, "disabled", rule && rule->disabled);
			json_yaml(&json, "rule", rules->items[j].value);
			json_end(&json, '}');
		}
	}
	json_end(&json, ']');
	json_problems(&json, problems);
	json_end(&json, '}');
	putchar('\n');
}

int verb_policy_show(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(policy_input_done) struct policy_input input = {};
	_cleanup_(policy_paths_done) struct policy_paths paths = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(shown_done) struct shown shown = {};
	int r;

	r = policy_input_read(&input, arguments->no_users,
			      (const char *const *)arguments->words + 1, &paths, &policy);
	if (r >= 0) {
		shown.policy = policy;
		r = read_files(&input, &shown);
	}
	if (r >= 0)
		r = find_hidden(&input, paths.folders, &shown);
	if (r < 0)
		return policy_input_fail(&input, arguments, EXIT_FAILED, r, stderr);
	if (arguments->json) {
		write_json(&shown, &input.problems);
	} else {
		print_problems(stderr, &input.problems);
		print(&shown);
	}
	return EXIT_OK;
}
