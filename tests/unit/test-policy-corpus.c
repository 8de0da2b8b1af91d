/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Policies that are right, and policies that are wrong with the words that their writer gets:
 * tests/data/policy/good/NAME.yaml loads, bad/NAME.yaml is refused with what bad/NAME.txt says, to
 * the letter. Both with the catalogue of small-catalogue.h.
 *
 * After a change of a message, or with a new file:
 *
 *     (cd tests/data/policy/bad; for f in *.yaml; do BUILD/tests/unit/test-policy-corpus --print $f
 * >${f%.yaml}.txt; done)
 *
 * and then read the difference as somebody who has this file in front of them and nobody to ask:
 * what is wrong, where, what was expected, what to do? No program does that by itself.
 */

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/policy.h"
#include "tests/unit/small-catalogue.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct policy *, policy_free)

/* Into a folder of the corpus, so that messages name a file as short as its name. */
static void enter(const char *folder)
{
	_cleanup_free_ char *path = NULL;
	const char *source = getenv("FWCTLD_SOURCE");

	assert_non_null(source);
	assert_true(asprintf(&path, "%s/tests/data/policy/%s", source, folder) >= 0);
	assert_int_equal(chdir(path), 0);
}

static int load(const char *path, struct problems *problems, struct policy **ret)
{
	return policy_load_files((const char *[]){path, NULL}, false, &small_catalogue,
				 test_accounts(), problems, ret);
}

/* As a user sees them: a line each. */
static char *messages(const struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < problems->n; i++) {
		_cleanup_free_ char *line = problem_to_string(&problems->items[i]);

		assert_non_null(line);
		fprintf(out, "%s\n", line);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* cmocka prints at most a kibibyte at once. */
static void print_lines(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		print_message("#   %.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static char *read_text(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	/* No policy file, and no message, holds a NUL byte that matters here. */
	if (file && getdelim(&text, &size, '\0', file) < 0)
		text[0] = '\0';
	return file ? text : NULL;
}

static void good_files_load(void **state)
{
	_cleanup_(globfree) glob_t files = {};

	enter("good");
	assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(policy_freep) struct policy *policy = NULL;
		const char *name = files.gl_pathv[i];
		size_t warnings = strncmp(name, "warning", strlen("warning")) == 0;
		int r = load(name, &problems, &policy);

		if (r < 0 || problems.n_errors > 0 || problems.n != warnings) {
			_cleanup_free_ char *got = messages(&problems);

			fail_msg("%s: returned %d\n%s", name, r, got);
		}
		assert_int_equal(policy->n_files, 1);
	}
	assert_true(files.gl_pathc >= 20);
}

static void bad_files_are_refused_in_these_words(void **state)
{
	_cleanup_(globfree) glob_t files = {};
	unsigned wrong = 0;

	enter("bad");
	assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		_cleanup_(problems_done) struct problems problems = {};
		struct policy *untouched = (struct policy *)&small_catalogue, *policy = untouched;
		_cleanup_free_ char *got = NULL, *expected = NULL, *beside = NULL;
		const char *name = files.gl_pathv[i];
		int r = load(name, &problems, &policy);

		got = messages(&problems);
		assert_true(asprintf(&beside, "%.*s.txt", (int)strlen(name) - 5, name) >= 0);
		expected = read_text(beside);
		if (r == -EBADMSG && policy == untouched && problems.n_errors > 0 && expected &&
		    strcmp(expected, got) == 0)
			continue;
		print_message("# %s: returned %d and said:\n", name, r);
		print_lines(got);
		print_message("# where %s has:\n", beside);
		print_lines(expected ?: "(there is no such file)");
		wrong++;
	}
	assert_int_equal(wrong, 0);
	assert_true(files.gl_pathc >= 200);
}

/* Neither a message without its policy. */
static void every_message_has_its_file(void **state)
{
	_cleanup_(globfree) glob_t files = {};

	enter("bad");
	assert_int_equal(glob("*.txt", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		_cleanup_free_ char *policy = NULL;
		const char *name = files.gl_pathv[i];

		assert_true(asprintf(&policy, "%.*s.yaml", (int)strlen(name) - 4, name) >= 0);
		if (access(policy, R_OK) < 0)
			fail_msg("%s belongs to no file", name);
	}
}

static int print(const char *path)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *text = NULL;

	(void)load(path, &problems, &policy);
	text = messages(&problems);
	fputs(text, stdout);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_load),
		cmocka_unit_test(bad_files_are_refused_in_these_words),
		cmocka_unit_test(every_message_has_its_file),
	};

	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print(argv[2]);
	return cmocka_run_group_tests_name("policy corpus", tests, NULL, NULL);
}
