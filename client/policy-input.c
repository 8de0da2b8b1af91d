/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/policy-input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "client/installed.h"
#include "client/json.h"
#include "client/output.h"
#include "policy/folders.h"
#include "policy/policy-files.h"

void policy_input_done(struct policy_input *input)
{
	accounts_free(input->accounts);
	catalogue_free(input->catalogue);
	problems_done(&input->problems);
	*input = (struct policy_input){};
}

int policy_input_open(bool symbolic, struct policy_input *ret)
{
	int r;

	*ret = (struct policy_input){.what = "catalogue"};
	r = accounts_new(symbolic, &ret->accounts);
	if (r < 0)
		return r;
	r = installed_catalogue_load(false, &ret->problems, &ret->catalogue);
	if (r < 0)
		return r;
	/* It can be in order, and the daemon yet not let near it. */
	return ret->problems.n_errors > 0 ? -EPERM : 0;
}

static void free_strings(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

void policy_paths_done(struct policy_paths *paths)
{
	free_strings(paths->policies);
	free_strings(paths->cases);
	free_strings(paths->folders);
	*paths = (struct policy_paths){};
}

/* Takes over `string`; NULL: there was no memory for it. */
static int add_string(char ***strings, char *string)
{
	_cleanup_free_ char *own = string;
	size_t n = 0;
	char **grown;

	while (*strings && (*strings)[n])
		n++;
	grown = string ? reallocarray(*strings, n + 2, sizeof(*grown)) : NULL;
	if (!grown)
		return -ENOMEM;
	*strings = grown;
	grown[n] = TAKE_PTR(own);
	grown[n + 1] = NULL;
	return 0;
}

static int add_files(char ***strings, const struct policy_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		int r = add_string(strings, strdup(files->items[i].path));

		if (r < 0)
			return r;
	}
	return 0;
}

/* Once: they are named, and stand beside a policy that is named as well. Takes over `path`. */
static int add_cases(struct policy_paths *paths, char *path)
{
	for (size_t i = 0; path && paths->cases && paths->cases[i]; i++)
		if (strcmp(paths->cases[i], path) == 0) {
			free(path);
			return 0;
		}
	return add_string(&paths->cases, path);
}

/* A policy of the command line, and the cases that stand beside it. */
static int add_named_file(struct policy_paths *paths, const char *path)
{
	size_t length = strlen(path);
	char *cases;
	int r;

	if (policy_file_has_cases(path))
		return add_cases(paths, strdup(path));
	r = add_string(&paths->policies, strdup(path));
	if (r < 0 || length < strlen(".yaml") || strcmp(path + length - strlen(".yaml"), ".yaml"))
		return r;
	if (asprintf(&cases, "%.*s.test.yaml", (int)(length - strlen(".yaml")), path) < 0)
		return -ENOMEM;
	if (access(cases, F_OK) == 0)
		return add_cases(paths, cases);
	free(cases);
	return 0;
}

static int add_folders(struct policy_paths *paths, const char *const *folders, bool cases,
		       struct problems *problems)
{
	_cleanup_(policy_files_done) struct policy_files policies = {}, with_cases = {};
	int r;

	r = policy_files_find(folders, false, problems, &policies);
	if (r >= 0)
		r = add_files(&paths->policies, &policies);
	if (r >= 0 && cases)
		r = policy_cases_find(folders, problems, &with_cases);
	return r < 0 ? r : add_files(&paths->cases, &with_cases);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int policy_paths_find(const char *const *words, struct problems *problems, struct policy_paths *ret)
{
	_cleanup_(policy_paths_done) struct policy_paths paths = {};
	const char *const environment[] = {getenv("FWCTLD_POLICY_DIR"), NULL};
	bool named = false; /* a policy is */
	int r = 0;

	for (size_t i = 0; r >= 0 && words[i]; i++) {
		size_t length = strlen(words[i]);

		if (!is_folder(words[i])) {
			named |= !policy_file_has_cases(words[i]);
			continue;
		}
		named = true;
		while (length > 1 && words[i][length - 1] == '/')
			length--;
		r = add_string(&paths.folders, strndup(words[i], length));
	}
	if (r >= 0 && paths.folders)
		r = add_folders(&paths, (const char *const *)paths.folders, true, problems);
	for (size_t i = 0; r >= 0 && words[i]; i++)
		if (!is_folder(words[i]))
			r = add_named_file(&paths, words[i]);
	if (r >= 0 && !named) {
		const char *const *folders = environment[0] ? environment : policy_folders;

		paths.installed = !environment[0];
		for (size_t i = 0; r >= 0 && folders[i]; i++)
			r = add_string(&paths.folders, strdup(folders[i]));
		if (r >= 0)
			r = add_folders(&paths, folders, !words[0], problems);
	}
	if (r < 0)
		return r;
	if (!paths.policies && !paths.installed)
		problems_add(problems, true, paths.folders ? paths.folders[0] : "", 0, 0,
			     "No policy file (*.yaml) is there, so everything is denied.");
	*ret = paths;
	paths = (struct policy_paths){};
	return 0;
}

int policy_input_load(struct policy_input *input, const struct policy_paths *paths,
		      struct policy **ret)
{
	static const char *const none[] = {NULL};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	size_t errors_before = input->problems.n_errors;
	bool unknown_before = accounts_unknown(input->accounts);
	int r;

	input->what = "policy";
	if (paths->installed) {
		r = installed_policy_check(policy_folders, &input->problems);
		if (r >= 0)
			r = policy_load(policy_folders, true, input->catalogue, input->accounts,
					&input->problems, &policy);
	} else {
		r = policy_load_files(paths->policies ? (const char *const *)paths->policies : none,
				      false, input->catalogue, input->accounts, &input->problems,
				      &policy);
		if (!unknown_before && accounts_unknown(input->accounts))
			problems_add(&input->problems, true,
				     paths->policies ? paths->policies[0] : "", 0, 0,
				     "Not all of its users and groups are known here. For a policy "
				     "of other machines, take them as they are: --no-users.");
	}
	if (r < 0)
		return r;
	if (input->problems.n_errors > errors_before)
		return -EPERM;
	*ret = TAKE_PTR(policy);
	return 0;
}

void print_problems(FILE *file, const struct problems *problems)
{
	_cleanup_free_ char *further = problems_further(problems);

	for (size_t i = 0; i < problems->n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems->items[i]);

		print_text(file, text ?: "Out of memory.");
		putc('\n', file);
	}
	if (further)
		fprintf(file, "%s\n", further);
	fflush(file);
}

void json_problems(struct json *json, const struct problems *problems)
{
	/* Of all that there are; only so many of them are kept. */
	json_number(json, "errors", problems->n_errors);
	json_number(json, "warnings", problems->n_warnings);
	json_begin(json, "problems", '[');
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *problem = &problems->items[i];

		json_begin(json, NULL, '{');
		json_string(json, "file", problem->file);
		if (problem->line > 0)
			json_number(json, "line", problem->line);
		if (problem->column > 0)
			json_number(json, "column", problem->column);
		json_string(json, "severity", problem->warning ? "warning" : "error");
		json_string(json, "text", problem->text);
		json_end(json, '}');
	}
	json_end(json, ']');
}

int policy_input_fail(const struct policy_input *input, const struct arguments *arguments, int code,
		      int r, FILE *file)
{
	const struct problems *problems = &input->problems;
	struct json json = {.file = stdout};
	char message[128];

	if (problems->n_errors > 0)
		snprintf(message, sizeof(message), "The %s has %zu error%s.", input->what,
			 problems->n_errors, problems->n_errors == 1 ? "" : "s");
	else
		snprintf(message, sizeof(message), "The %s cannot be loaded: %s.", input->what,
			 strerror(-r));
	if (!arguments->json) {
		print_problems(file, problems);
		fprintf(stderr, "fwctl: %s\n", message);
		return code;
	}
	json_begin(&json, NULL, '{');
	json_begin(&json, "error", '{');
	json_string(&json, "message", message);
	json_problems(&json, problems);
	json_end(&json, '}');
	json_end(&json, '}');
	putchar('\n');
	return code;
}

/* Instead, the installed policy would be looked at. */
static int refuse_cases_alone(struct policy_input *input, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (!policy_file_has_cases(words[i]) || is_folder(words[i]))
			return 0;
	if (!words[0])
		return 0;
	input->what = "policy";
	problems_add(&input->problems, false, words[0], 0, 0,
		     "This file holds cases, and no policy. To decide them by one: fwctl policy "
		     "test POLICY %s",
		     words[0]);
	return -EBADMSG;
}

int policy_input_read(struct policy_input *input, bool symbolic, const char *const *words,
		      struct policy_paths *ret_paths, struct policy **ret)
{
	int r = 0;

	if (!input->catalogue)
		r = policy_input_open(symbolic, input);
	if (r >= 0)
		r = refuse_cases_alone(input, words);
	if (r >= 0)
		r = policy_paths_find(words, &input->problems, ret_paths);
	return r < 0 ? r : policy_input_load(input, ret_paths, ret);
}

int open_policy(const struct arguments *arguments, int code, const char *const *words,
		struct policy_input *input, struct policy **ret)
{
	_cleanup_(policy_paths_done) struct policy_paths paths = {};
	int r = policy_input_read(input, arguments->no_users, words, &paths, ret);

	return r < 0 ? policy_input_fail(input, arguments, code, r, stderr) : EXIT_OK;
}
