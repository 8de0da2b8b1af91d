/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "include/cleanup.h"
#include "policy/suggest.h"
#include "policy/yaml.h"

DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

static struct yaml_file *load(const char *text, struct problems *problems)
{
	struct yaml_file *file = NULL;

	assert_int_equal(yaml_text_load("text", text, strlen(text), problems, &file), 0);
	assert_int_equal(problems->n, 0);
	return file;
}

/*
 * Exactly one problem says, there and in these words, what is wrong with the text. Where the rest
 * of it can't be looked at, the problem says that, too, and there is no tree.
 */
static void refuses(const char *text, size_t length, unsigned line, unsigned column,
		    const char *fragment)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	int r = yaml_text_load("text", text, length, &problems, &file);

	assert_int_equal(problems.n, 1);
	assert_int_equal(r, strstr(problems.items[0].text, "not looked at") ? -EBADMSG : 0);
	assert_int_equal(file == NULL, r < 0);
	assert_int_equal(problems.n_errors, 1);
	if (!strstr(problems.items[0].text, fragment))
		fail_msg("\"%s\" does not say \"%s\"", problems.items[0].text, fragment);
	assert_int_equal(problems.items[0].line, line);
	assert_int_equal(problems.items[0].column, column);
	assert_string_equal(problems.items[0].file, "text");
}

#define REFUSES(text, line, column, fragment) refuses(text, strlen(text), line, column, fragment)

static void a_tree_knows_its_places(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file =
		load("a: 1\nb:\n  - x\n  - {c: \"2\"}\n", &problems);
	struct yaml_node *b, *c;

	assert_int_equal(file->root->kind, YAML_MAP);
	assert_int_equal(file->root->n_items, 2);
	assert_string_equal(file->root->items[0].key->scalar, "a");
	b = yaml_get(file->root, "b");
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->n_items, 2);
	assert_null(b->items[0].key);
	c = yaml_get(b->items[1].value, "c");
	assert_int_equal(c->line, 4);
	assert_int_equal(c->column, 9);
	assert_true(c->quoted);
	assert_false(b->items[0].value->quoted);
	assert_null(yaml_get(file->root, "c"));
	assert_null(yaml_get(c, "a"));
}

static void an_empty_file_has_no_root(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only a comment\n"};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(yaml_file_freep) struct yaml_file *file = load(texts[i], &problems);

		assert_null(file->root);
		assert_int_equal(file->length, strlen(texts[i]));
		assert_string_equal(file->text, texts[i]);
	}
}

static void what_configuration_needs_not_is_refused(void **state)
{
	REFUSES("a: &x 1\n", 1, 4, "Anchors");
	REFUSES("a: !!str 1\n", 1, 4, "Tags");
	REFUSES("a: !local {b: 1}\n", 1, 4, "Tags");
	REFUSES("a: *x\n", 1, 4, "Aliases");
	REFUSES("a: 1\n---\nb: 1\n", 2, 1, "one document");
	REFUSES("a: 1\nb: 2\na: 3\n", 3, 1, "twice; the first is in line 1");
	REFUSES("? [a]\n: 1\n", 1, 3, "plain word");
	REFUSES("? {a: 1}\n: 1\n", 1, 3, "plain word");
	REFUSES("a: \"x\\0y\"\n", 1, 4, "NUL");
	REFUSES("a: [1\n", 2, 1, "not valid YAML");
	REFUSES("a: 1\n\tb: 2\n", 2, 1, "tab here; YAML indents with spaces");
	REFUSES("a:\n  \tb: 2\n", 2, 3, "tab here");
	REFUSES("a: *\n", 1, 4, "must be in quotes");
	REFUSES("a: *17\n", 1, 4, "must be in quotes");
	REFUSES("a: b: c\n", 1, 5, "A value with \": \" in it must be in quotes");
	REFUSES("a: @b\n", 1, 4, "begins with this character");
	REFUSES("a: 1\nb: \"2\nc: 3\n", 4, 1, "begins in line 2, column 4");
	REFUSES("a: 1\nb: \xff\n", 2, 4, "UTF-8");
	REFUSES("a: 1\nb: \x01\n", 2, 4, "control character");
	refuses("a: 1\nb: \0\n", 10, 2, 4, "NUL byte");
}

static void several_problems_come_at_once(void **state)
{
	static const char text[] = "a: &x 1\nb: !t 2\na: 3\n";
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;

	assert_int_equal(yaml_text_load("t", text, strlen(text), &problems, &file), 0);
	assert_int_equal(problems.n, 3);
}

/* A text of n times `unit`. */
static char *repeat(const char *unit, size_t n)
{
	size_t length = strlen(unit);
	char *text = malloc(n * length + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * length, unit, length);
	text[n * length] = '\0';
	return text;
}

static void bombs_do_not_go_off(void **state)
{
	_cleanup_free_ char *nested = repeat("[", 100000);
	_cleanup_free_ char *maps = repeat("{a: ", 100000);
	_cleanup_free_ char *many = repeat("- 1\n", YAML_NODES_MAX);
	_cleanup_free_ char *huge = repeat("#", YAML_SIZE_MAX + 1);
	_cleanup_(problems_done) struct problems problems = {};
	struct yaml_file *file;

	REFUSES(nested, 1, YAML_DEPTH_MAX + 1, "too deep");
	refuses(maps, strlen(maps), 1, YAML_DEPTH_MAX * 4 + 1, "too deep");
	REFUSES(many, YAML_NODES_MAX, 3, "more than 65536 values");
	assert_int_equal(yaml_text_load("t", huge, YAML_SIZE_MAX + 1, &problems, &file), -EBADMSG);
	assert_string_equal(problems.items[0].text,
			    "The file is longer than 4194304 bytes; split it.");
	/* "Billion laughs" needs anchors. */
	REFUSES("a: &a [x,x]\n", 1, 4, "Anchors");
}

static void depth_is_exact(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	char text[4 * YAML_DEPTH_MAX];
	size_t n = 0;

	/* A scalar within lists, YAML_DEPTH_MAX levels together. */
	for (unsigned i = 0; i < YAML_DEPTH_MAX - 1; i++)
		text[n++] = '[';
	text[n++] = '1';
	for (unsigned i = 0; i < YAML_DEPTH_MAX - 1; i++)
		text[n++] = ']';
	assert_int_equal(yaml_text_load("t", text, n, &problems, &file), 0);
	memmove(text + 1, text, n);
	text[n + 1] = ']';
	refuses(text, n + 2, 1, YAML_DEPTH_MAX + 1, "too deep");
}

/* Each key is compared with those before it. */
static void keys_are_counted(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (unsigned i = 0; i < YAML_KEYS_MAX; i++)
		fprintf(stream, "k%u: {k: 1}\n", i);
	fflush(stream);
	file = load(text, &problems);
	assert_int_equal(file->root->n_items, YAML_KEYS_MAX);
	fputs("last: 1\n", stream);
	fclose(stream);
	REFUSES(text, YAML_KEYS_MAX + 1, 1, "more than 1024 keys");
}

static void unknown_keys_are_refused(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file =
		load("name: x\nopcod: 1\nzzz: 2\n", &problems);

	assert_non_null(yaml_get(file->root, "name"));
	assert_int_equal(yaml_refuse_unused(file, file->root,
					    (const char *const[]){"name", "opcode", NULL},
					    &problems),
			 -EINVAL);
	assert_int_equal(problems.n, 2);
	assert_string_equal(problems.items[0].text,
			    "Unknown key \"opcod\". Did you mean \"opcode\"?");
	assert_string_equal(problems.items[1].text,
			    "Unknown key \"zzz\"; expected one of name, opcode.");
}

static void numbers_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} table[] = {
		{"a: 0", 0, 0},		  {"a: 255", 0, 255},	   {"a: 0xfF", 0, 255},
		{"a: 256", -EINVAL, 0},	  {"a: -1", -EINVAL, 0},   {"a: +1", -EINVAL, 0},
		{"a: \"1\"", -EINVAL, 0}, {"a: '1'", -EINVAL, 0},  {"a: 1.0", -EINVAL, 0},
		{"a: 1_0", -EINVAL, 0},	  {"a: 0o7", -EINVAL, 0},  {"a: 07", -EINVAL, 0},
		{"a: ", -EINVAL, 0},	  {"a: [1]", -EINVAL, 0},  {"a: {b: 1}", -EINVAL, 0},
		{"a: 0x", -EINVAL, 0},	  {"a: 0x1g", -EINVAL, 0}, {"a: |\n  1\n", -EINVAL, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(yaml_file_freep) struct yaml_file *file = load(table[i].text, &problems);
		uint64_t value = 4711;

		assert_int_equal(yaml_read_uint(file, yaml_get(file->root, "a"), "a number", 255,
						&problems, &value),
				 table[i].result);
		assert_int_equal(value, table[i].result == 0 ? table[i].value : 4711);
		assert_int_equal(problems.n, table[i].result == 0 ? 0 : 1);
	}
}

static void booleans_are_true_and_false(void **state)
{
	static const struct {
		const char *text;
		int result;
		bool value;
	} table[] = {
		{"a: true", 0, true},	     {"a: false", 0, false},
		{"a: yes", -EINVAL, false},  {"a: on", -EINVAL, false},
		{"a: True", -EINVAL, false}, {"a: 1", -EINVAL, false},
		{"a:", -EINVAL, false},	     {"a: \"true\"", -EINVAL, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(yaml_file_freep) struct yaml_file *file = load(table[i].text, &problems);
		bool value = false;

		assert_int_equal(yaml_read_bool(file, yaml_get(file->root, "a"), "a switch",
						&problems, &value),
				 table[i].result);
		assert_int_equal(value, table[i].value);
		assert_int_equal(problems.n, table[i].result == 0 ? 0 : 1);
	}
}

/* A file of that mode, in a folder of its own. */
struct scratch {
	char folder[32];
	char path[64];
};

static void scratch_done(struct scratch *scratch)
{
	unlink(scratch->path);
	rmdir(scratch->folder);
}

static void scratch_make(struct scratch *scratch, mode_t mode, const char *text)
{
	_cleanup_fclose_ FILE *file = NULL;

	strcpy(scratch->folder, "/tmp/test-yaml.XXXXXX");
	assert_non_null(mkdtemp(scratch->folder));
	snprintf(scratch->path, sizeof(scratch->path), "%s/file.yaml", scratch->folder);
	file = fopen(scratch->path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fchmod(fileno(file), mode), 0);
}

static int load_mode(mode_t mode, bool trusted, size_t *ret_problems)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	_cleanup_(scratch_done) struct scratch scratch = {};
	int r;

	scratch_make(&scratch, mode, "a: 1\n");
	r = yaml_file_load(scratch.path, trusted, &problems, &file);
	if (r == 0)
		assert_string_equal(file->path, scratch.path);
	*ret_problems = problems.n;
	return r;
}

static void files_that_others_can_write_are_not_trusted(void **state)
{
	size_t n;

	assert_int_equal(load_mode(0644, true, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(load_mode(0664, true, &n), -EPERM);
	assert_int_equal(n, 1);
	assert_int_equal(load_mode(0646, true, &n), -EPERM);
	assert_int_equal(n, 1);
	assert_int_equal(load_mode(0666, false, &n), 0);
	assert_int_equal(n, 0);
}

static void only_regular_files_are_trusted(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(scratch_done) struct scratch scratch = {};
	struct yaml_file *file = NULL;

	scratch_make(&scratch, 0644, "");
	assert_int_equal(unlink(scratch.path), 0);
	assert_int_equal(mkfifo(scratch.path, 0600), 0);
	/* And it does not hang. */
	assert_int_equal(yaml_file_load(scratch.path, true, &problems, &file), -EPERM);
	assert_int_equal(problems.n, 1);
	assert_int_equal(yaml_file_load(scratch.folder, true, &problems, &file), -EPERM);
	assert_int_equal(problems.n, 2);
}

static void a_file_that_is_not_there_is_said(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct yaml_file *file = NULL;

	assert_int_equal(yaml_file_load("/nonexistent/x.yaml", false, &problems, &file), -ENOENT);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.items[0].file, "/nonexistent/x.yaml");
	assert_int_equal(problems.items[0].line, 0);
}

static void suggestions_are_near(void **state)
{
	static const struct {
		const char *wrong, *right;
		bool near;
	} table[] = {
		{"opcod", "opcode", true},
		{"opocde", "opcode", true},
		{"readonly", "read-only", true},
		{"x", "y", false},
		{"class", "layout", false},
		{"", "a", false},
		{"sv", "vs", false},
		{"fidd", "fid", true},
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		struct suggestion suggestion = {.wrong = table[i].wrong};

		suggestion_try(&suggestion, NULL);
		suggestion_try(&suggestion, table[i].right);
		assert_int_equal(suggestion_text(&suggestion)[0] != '\0', table[i].near);
	}
}

static void problems_are_bounded(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *with_column = NULL, *with_line = NULL, *whole = NULL;
	size_t warnings = 0;

	/* A flood of the one kind leaves room for the other. */
	for (unsigned i = 0; i < 3 * PROBLEMS_MAX; i++)
		problems_add(&problems, true, "f", i, 2 * i, "number %u", i);
	assert_null(problems_first_error(&problems));
	for (unsigned i = 0; i < 2 * PROBLEMS_MAX; i++) {
		assert_int_equal(problems_keep(&problems, false), i < PROBLEMS_MAX);
		problems_add(&problems, false, "f", i, 2 * i, "error %u", i);
	}
	assert_int_equal(problems.n, 2 * PROBLEMS_MAX);
	assert_int_equal(problems.n_warnings, 3 * PROBLEMS_MAX);
	assert_int_equal(problems.n_errors, 2 * PROBLEMS_MAX);
	for (size_t i = 0; i < problems.n; i++)
		warnings += problems.items[i].warning;
	assert_int_equal(warnings, PROBLEMS_MAX);
	assert_string_equal(problems_first_error(&problems)->text, "error 0");

	whole = problem_to_string(&problems.items[0]);
	assert_string_equal(whole, "f: warning: number 0");
	with_column = problem_to_string(&problems.items[1]);
	assert_string_equal(with_column, "f:1:2: warning: number 1");
	problems.items[2].column = 0;
	with_line = problem_to_string(&problems.items[2]);
	assert_string_equal(with_line, "f:2: warning: number 2");
}

/* Those that are not kept are told of, in a sentence that fits their number. */
static void problems_that_are_not_shown_are_counted(void **state)
{
	static const struct {
		unsigned errors, warnings;
		const char *text;
	} table[] = {
		{PROBLEMS_MAX, PROBLEMS_MAX, NULL},
		{PROBLEMS_MAX + 1, 0, "1 further error is not shown."},
		{PROBLEMS_MAX + 2, 5, "2 further errors are not shown."},
		{3, PROBLEMS_MAX + 1, "1 further warning is not shown."},
		{0, PROBLEMS_MAX + 2, "2 further warnings are not shown."},
		{PROBLEMS_MAX + 1, PROBLEMS_MAX + 1,
		 "1 further error and 1 further warning are not shown."},
		{PROBLEMS_MAX + 3, PROBLEMS_MAX + 4,
		 "3 further errors and 4 further warnings are not shown."},
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *text = NULL;

		for (unsigned n = 0; n < table[i].errors; n++)
			problems_add(&problems, false, "f", 1, 1, "e");
		for (unsigned n = 0; n < table[i].warnings; n++)
			problems_add(&problems, true, "f", 1, 1, "w");
		text = problems_further(&problems);
		if (table[i].text)
			assert_string_equal(text, table[i].text);
		else
			assert_null(text);
	}
}

/* A message that quotes a whole file ends in the midst of it, but not in that of a character. */
static void long_messages_are_cut(void **state)
{
	for (unsigned before = 0; before < 3; before++) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_free_ char *euros = repeat("\u20ac", 100000),
				    *fits = repeat("x", PROBLEM_TEXT_MAX);
		size_t length;

		problems_add(&problems, false, "f", 1, 1, "%.*s%s", (int)before, "ab", euros);
		problems_add(&problems, false, "f", 1, 1, "%s", fits);
		length = strlen(problems.items[0].text);
		assert_true(length <= PROBLEM_TEXT_MAX && length > PROBLEM_TEXT_MAX - 6);
		assert_int_equal((length - before - strlen("...")) % strlen("\u20ac"), 0);
		assert_string_equal(problems.items[0].text + length - 3, "...");
		assert_string_equal(problems.items[1].text, fits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_knows_its_places),
		cmocka_unit_test(an_empty_file_has_no_root),
		cmocka_unit_test(what_configuration_needs_not_is_refused),
		cmocka_unit_test(several_problems_come_at_once),
		cmocka_unit_test(bombs_do_not_go_off),
		cmocka_unit_test(depth_is_exact),
		cmocka_unit_test(keys_are_counted),
		cmocka_unit_test(unknown_keys_are_refused),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(booleans_are_true_and_false),
		cmocka_unit_test(files_that_others_can_write_are_not_trusted),
		cmocka_unit_test(only_regular_files_are_trusted),
		cmocka_unit_test(a_file_that_is_not_there_is_said),
		cmocka_unit_test(suggestions_are_near),
		cmocka_unit_test(problems_are_bounded),
		cmocka_unit_test(problems_that_are_not_shown_are_counted),
		cmocka_unit_test(long_messages_are_cut),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
