/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loader: what it makes of good files, that it refuses bad ones, and how folders come together.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "include/cleanup.h"
#include "policy/catalogue-load.h"

DEFINE_CLEANUP(struct catalogue *, catalogue_free)
DEFINE_CLEANUP(DIR *, closedir)

static char *source_path(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", getenv("FWCTLD_SOURCE") ?: ".", name) >= 0);
	return path;
}

static char *file_content(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) < 65535);
	return text;
}

static void print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems->items[i]);

		print_message("# %s\n", text);
	}
}

static struct catalogue *load_folders(const char *const *folders)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct catalogue *catalogue = NULL;
	int r = catalogue_load(folders, false, &problems, &catalogue);

	print_problems(&problems);
	assert_int_equal(r, 0);
	assert_int_equal(problems.n, 0);
	return catalogue;
}

static struct catalogue *load_source(const char *name)
{
	_cleanup_free_ char *folder = source_path(name);

	return load_folders((const char *const[]){folder, NULL});
}

static void what_is_shipped_loads(void **state)
{
	_cleanup_(catalogue_freep) struct catalogue *catalogue = load_source("policy/commands");
	const struct dialect *nvme = catalogue_dialect(catalogue, "nvme");
	const struct command *command;

	assert_true(catalogue->n_dialects >= 4);
	assert_non_null(catalogue_dialect(catalogue, "cxl"));
	assert_null(catalogue_dialect(catalogue, "nvm"));
	command = dialect_command(nvme, "get-log-page");
	assert_non_null(command);
	assert_ptr_equal(dialect_command(nvme, "nvme.get-log-page"), command);
	assert_ptr_equal(dialect_opcode(nvme, 0x02), command);
	assert_null(dialect_command(nvme, "cxl.get-feature"));
	assert_null(dialect_command(nvme, ""));
	assert_null(dialect_opcode(nvme, 0x03));
	assert_null(dialect_opcode(nvme, 0x102));
	assert_false(command->renews);
	assert_true(dialect_command(nvme, "firmware-commit")->renews);
	assert_string_equal(dialect_status(nvme, 0x2), "invalid-field");
	assert_null(dialect_status(nvme, 0x7ff));
	assert_int_equal(command_field(command, "lid"), 0);
	assert_int_equal(command_field(command, "lids"), -1);
	for (size_t i = 1; i < nvme->n_commands; i++)
		assert_true(nvme->commands[i - 1].opcode < nvme->commands[i].opcode);
	for (size_t i = 0; i < nvme->n_commands; i++)
		assert_ptr_equal(nvme->commands[i].dialect, nvme);
}

/* Five dialects, little and big endian, pointers, shared lengths, selectors: one machinery. */
static void all_dialects_have_a_place(void **state)
{
	_cleanup_(catalogue_freep) struct catalogue *catalogue =
		load_source("tests/data/commands/dialects");
	const struct command *command;

	command = dialect_command(catalogue_dialect(catalogue, "bnxt"), "dbg-ptrace");
	assert_non_null(command);
	assert_int_equal(command->n_segments, 2);
	assert_true(command->segments[0].to_device);
	assert_false(command->segments[1].to_device);
	assert_int_equal(command->segments[0].length.field, command->segments[1].length.field);
	/* Opcode, ring and target stand; the pointers are nobody's bits. */
	assert_memory_equal(command->template, "\x2d\xff\xff\xff\0\0\xff\xff", 8);
	assert_true(bytes_zero(command->mask + 16, 16));

	command = dialect_command(catalogue_dialect(catalogue, "bnxt"), "port-qstats");
	assert_int_equal(command->segments[0].length.field, -1);
	assert_int_equal(command->segments[0].length.add, 408);

	command = dialect_command(catalogue_dialect(catalogue, "mlx5"), "access-reg");
	assert_non_null(command);
	assert_memory_equal(command->template, "\x08\x05", 2);
	assert_int_equal(command->fields[command_field(command, "register")].parts[0].order,
			 BYTES_BIG);
	assert_non_null(catalogue_dialect(catalogue, "pds"));
}

static void every_key_is_understood(void **state)
{
	_cleanup_(catalogue_freep) struct catalogue *catalogue =
		load_source("tests/data/commands/good");
	const struct dialect *test = catalogue_dialect(catalogue, "test");
	const struct command *read = dialect_command(test, "read");
	const struct command *write = dialect_command(test, "write");
	const struct layout *layout;
	const struct field *split;

	assert_string_equal(test->summary, "A dialect for tests");
	assert_int_equal(test->status.size, 1);
	assert_ptr_equal(&test->commands[0], read);
	assert_string_equal(write->full_name, "test.write");
	assert_true(strstr(write->file, "tests/data/commands/good/test.yaml"));
	assert_int_equal(write->line, 35);
	assert_int_equal(write->class, CLASS_DESTRUCTIVE);
	assert_int_equal(write->effects,
			 EFFECT_BIT(EFFECT_UNKNOWN) | EFFECT_BIT(EFFECT_CONFIDENTIAL));
	assert_int_equal(write->message_size, 24);
	assert_int_equal(read->message_size, 32);
	assert_memory_equal(write->template, "\x02\x00\xff\xff\0\0\0\0", 8);
	assert_memory_equal(write->mask,
			    "\xff\xff\xff\xff\0\0\0\0\xff\xff\0\xff\xff\xff\0\0"
			    "\xff\xff\xff\xff\xff\xff\xff\xff",
			    24);

	assert_int_equal(write->n_fields, 4);
	assert_string_equal(write->fields[0].name, "ring");
	assert_string_equal(write->fields[0].summary, "completion ring");
	assert_int_equal(write->fields[0].fixed, FIXED_VALUE);
	split = &write->fields[command_field(write, "split")];
	assert_int_equal(split->n_parts, 2);
	assert_int_equal(split->parts[0].order, BYTES_BIG);
	assert_int_equal(split->parts[0].low, 16);
	assert_int_equal(split->parts[1].order, BYTES_LITTLE);
	assert_int_equal(split->n_defaults, 2);
	assert_int_equal(split->defaults[0].value, 5);
	assert_int_equal(split->defaults[0].when.n_terms, 1);
	assert_int_equal(split->defaults[1].when.n_terms, 0);
	assert_true(write->fields[3].secret);
	assert_int_equal(write->fields[3].type, FIELD_BYTES);

	assert_int_equal(write->n_request, 2);
	assert_true(write->request[0].length.any);
	assert_int_equal(write->request[0].length.max, 100);
	assert_int_equal(write->request[1].length.field, 2);
	assert_int_equal(write->request[1].length.add, 1);
	assert_int_equal(write->request[1].length.scale, 4);
	assert_int_equal(write->response[0].length.field, -1);
	assert_int_equal(write->response[0].length.add, 8);
	assert_int_equal(write->response[0].length.scale, 1);
	assert_int_equal(write->n_refine, 1);
	assert_int_equal(write->n_also, 2);
	assert_int_equal(write->also[0].class, 0);
	assert_int_equal(write->also[0].when.terms[0].ranges[0].first, 0xff00);
	assert_int_equal(write->also[0].when.terms[0].ranges[0].last, 0xffff);
	assert_int_equal(write->n_scopes, 3);
	assert_int_equal(write->scopes[0].when.any_effect, EFFECT_BIT(EFFECT_DATA_LOSS));
	assert_int_equal(write->n_success, 2);
	assert_int_equal(write->success[0], 0x10);
	assert_int_equal(write->success[1], 0x11);
	assert_int_equal(write->live_key, -1);
	assert_int_equal(write->timeout_ms, 60000);
	assert_int_equal(write->deadline_ms, 20000);

	assert_int_equal(read->live_key, 1);
	assert_int_equal(read->live_absent, CLASS_DESTRUCTIVE);
	assert_int_equal(read->deadline_ms, 1500);
	assert_int_equal(read->n_layouts, 1);
	assert_int_equal(read->answer.part.offset, 9);
	assert_int_equal(read->answer.add, 2);
	assert_true(read->answer.whole);
	layout = read->layouts[0].layout;
	assert_string_equal(layout->name, "answer");
	assert_int_equal(layout->n_items, 8);
	assert_string_equal(layout->items[0].unit, "entries");
	assert_int_equal(layout->items[0].high, 3);
	assert_string_equal(layout->items[1].names[1].name, "busy");
	assert_int_equal(layout->items[2].size, 16);
	assert_int_equal(layout->items[4].size, 16);
	assert_false(layout->items[5].is_signed);
	assert_true(layout->items[6].is_signed);
	assert_int_equal(layout->items[7].count_item, 0);
	assert_int_equal(layout->items[7].stride, 8);
	assert_int_equal(layout->items[7].items[1].type, LAYOUT_GROUP);
	assert_int_equal(layout->items[7].items[1].count_item, -1);
}

/* "# expect: LINE:COLUMN: fragment", one line each; exactly these are found, in this order. */
static unsigned check_expectations(const char *text, const struct problems *problems,
				   const char *file)
{
	size_t n = 0;
	unsigned wrong = 0;

	while (strncmp(text, "# expect: ", 10) == 0) {
		unsigned line, column;
		int offset = 0;
		char fragment[256];

		assert_int_equal(sscanf(text, "# expect: %u:%u: %n%255[^\n]", &line, &column,
					&offset, fragment),
				 3);
		text += strcspn(text, "\n") + 1;
		if (n >= problems->n || problems->items[n].line != line ||
		    problems->items[n].column != column ||
		    strcmp(problems->items[n].file, file) != 0 ||
		    !strstr(problems->items[n].text, fragment)) {
			print_message("# expected %u:%u: %s\n", line, column, fragment);
			wrong++;
		}
		n++;
	}
	assert_true(n > 0);
	return wrong + (problems->n != n);
}

static unsigned check_folder(const char *name, const char *first, unsigned *ret_n)
{
	_cleanup_free_ char *folder = source_path(name);
	_cleanup_(closedirp) DIR *dir = opendir(folder);
	const struct dirent *entry;
	unsigned n = 0, wrong = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		_cleanup_(problems_done) struct problems problems = {};
		struct catalogue *untouched = (struct catalogue *)&problems;
		struct catalogue *catalogue = untouched;
		_cleanup_free_ char *path = NULL, *text = NULL;
		unsigned errors;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		assert_true(asprintf(&path, "%s/%s", folder, entry->d_name) >= 0);
		text = file_content(path);
		r = catalogue_load_text("test", first ?: text, strlen(first ?: text),
					first ? text : NULL, strlen(text), &problems, &catalogue);
		errors = check_expectations(text, &problems, first ? "later.yaml" : "first.yaml");
		if (r != -EBADMSG || catalogue != untouched || errors > 0) {
			print_message("# %s: %d\n", entry->d_name, r);
			print_problems(&problems);
			wrong++;
		}
		n++;
	}
	*ret_n = n;
	return wrong;
}

static void bad_files_are_refused(void **state)
{
	unsigned n;

	assert_int_equal(check_folder("tests/data/commands/bad", NULL, &n), 0);
	assert_true(n >= 90);
}

static void bad_later_files_are_refused(void **state)
{
	_cleanup_free_ char *path = source_path("tests/data/commands/good/test.yaml");
	_cleanup_free_ char *first = file_content(path);
	unsigned n;

	assert_int_equal(check_folder("tests/data/commands/later", first, &n), 0);
	assert_true(n >= 10);
}

/* Whatever is cut off a good file, the loader ends in an error or a catalogue, and keeps nothing.
 */
static void half_files_do_no_harm(void **state)
{
	_cleanup_free_ char *path = source_path("tests/data/commands/good/test.yaml");
	_cleanup_free_ char *text = file_content(path);

	for (size_t length = 0; length < strlen(text); length += 7) {
		_cleanup_(problems_done) struct problems problems = {};
		_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
		int r = catalogue_load_text("test", text, length, NULL, 0, &problems, &catalogue);

		assert_true(r == 0 || r == -EBADMSG);
		assert_int_equal(r == 0, problems.n_errors == 0);
	}
}

struct scratch {
	char root[32];
	char first[64], later[64];
};

static void scratch_write(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *file = NULL;

	assert_true(asprintf(&path, "%s/%s", folder, name) >= 0);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static int scratch_setup(void **state)
{
	_cleanup_free_ char *path = source_path("tests/data/commands/good/test.yaml");
	_cleanup_free_ char *text = file_content(path);
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	umask(022);
	strcpy(scratch->root, "/tmp/test-catalogue.XXXXXX");
	assert_non_null(mkdtemp(scratch->root));
	snprintf(scratch->first, sizeof(scratch->first), "%s/first", scratch->root);
	snprintf(scratch->later, sizeof(scratch->later), "%s/later", scratch->root);
	assert_int_equal(mkdir(scratch->first, 0755), 0);
	assert_int_equal(mkdir(scratch->later, 0755), 0);
	scratch_write(scratch->first, "test.yaml", text);
	*state = scratch;
	return 0;
}

static void remove_folder(const char *folder)
{
	_cleanup_(closedirp) DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	rmdir(folder);
}

static int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;

	remove_folder(scratch->first);
	remove_folder(scratch->later);
	rmdir(scratch->root);
	free(scratch);
	return 0;
}

static void later_files_add_and_worsen(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_(catalogue_freep) struct catalogue *before = NULL, *after = NULL;
	const struct dialect *test;
	const struct command *command;

	before = load_folders((const char *const[]){scratch->first, scratch->later, NULL});
	scratch_write(scratch->later, "test.yaml",
		      "dialect: test\n"
		      "commands:\n"
		      "  - name: vendor\n"
		      "    opcode: 0x0080\n"
		      "    summary: A vendor's own.\n"
		      "    class: read-only\n"
		      "    reason: the vendor says so\n"
		      "    fields: {number: {in: word}}\n"
		      "    response: {length: 96}\n"
		      "    scope: 1\n"
		      "    layout: answer\n"
		      "worsen:\n"
		      "  - {command: read, class: destructive, effects: [resets-device], "
		      "reason: ours hang}\n"
		      "  - {command: vendor, when: {number: 7}, effects: [confidential], "
		      "reason: seven}\n");
	after = load_folders((const char *const[]){scratch->first, scratch->later, NULL});
	test = catalogue_dialect(after, "test");
	assert_int_equal(test->n_commands, 3);

	command = dialect_opcode(test, 0x0080);
	assert_ptr_equal(command, &test->commands[0]);
	assert_string_equal(command->name, "vendor");
	assert_true(strstr(command->file, scratch->later));
	assert_int_equal(command->line, 3);
	/* The dialect's own header, byte order, size and layouts count for it too. */
	assert_int_equal(command_field(command, "ring"), 0);
	assert_int_equal(command->message_size, 32);
	assert_memory_equal(command->template, "\x00\x80\xff\xff", 4);
	assert_ptr_equal(command->layouts[0].layout, &test->layouts[0]);
	assert_int_equal(command->n_also, 1);

	command = dialect_command(test, "read");
	assert_int_equal(command->class, CLASS_READ_ONLY);
	assert_int_equal(command->n_also, 1);
	assert_int_equal(command->also[0].class, CLASS_DESTRUCTIVE);
	assert_string_equal(command->also[0].reason, "ours hang");

	assert_memory_not_equal(before->digest, after->digest, sizeof(before->digest));
}

/* An entry that changes nothing is a mistake of whoever wrote it, and no danger. */
static void what_worsens_nothing_is_warned_of(void **state)
{
	static const struct {
		const char *entry;
		bool warned;
	} table[] = {
		{"command: write, class: destructive, effects: [unknown]", false}, /* not `one` */
		{"command: write, when: {selector: two}, class: config-change", true},
		{"command: write, when: {selector: one}, class: destructive", false},
		{"command: write, when: {selector: two}, effects: [broadcast]", false},
		{"command: read, class: read-only", true},
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
		_cleanup_(problems_done) struct problems problems = {};
		char text[256];

		snprintf(text, sizeof(text), "dialect: test\nworsen:\n  - {%s, reason: r}\n",
			 table[i].entry);
		scratch_write(scratch->later, "test.yaml", text);
		assert_int_equal(catalogue_load((const char *const[]){scratch->first,
								      scratch->later, NULL},
						false, &problems, &catalogue),
				 0);
		if (problems.n != table[i].warned)
			fail_msg("%s: %zu problems", table[i].entry, problems.n);
		assert_true(problems.n == 0 ||
			    (problems.items[0].warning && problems.items[0].line == 3));
	}
}

static void the_digest_is_of_the_files(void **state)
{
	struct scratch *scratch = *state;
	const char *const both[] = {scratch->first, scratch->later, NULL};
	_cleanup_(catalogue_freep) struct catalogue *none = NULL, *one = NULL, *same = NULL,
						    *other = NULL;

	none = load_folders(both);
	scratch_write(scratch->later, "test.yaml", "dialect: test # one\n");
	one = load_folders(both);
	same = load_folders(both);
	scratch_write(scratch->later, "test.yaml", "dialect: test # two\n");
	other = load_folders(both);
	assert_memory_not_equal(none->digest, one->digest, sizeof(one->digest));
	assert_memory_equal(one->digest, same->digest, sizeof(one->digest));
	assert_memory_not_equal(one->digest, other->digest, sizeof(one->digest));
}

static int load_quietly(const char *first, const char *later, bool trusted, size_t *ret_errors)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	int r;

	r = catalogue_load((const char *const[]){first, later, NULL}, trusted, &problems,
			   &catalogue);
	*ret_errors = problems.n_errors;
	assert_int_equal(r == 0, catalogue != NULL);
	return r;
}

static void folders_that_are_not_there(void **state)
{
	struct scratch *scratch = *state;
	size_t errors;

	assert_int_equal(load_quietly(scratch->first, "/nonexistent", false, &errors), 0);
	assert_int_equal(errors, 0);
	assert_int_equal(load_quietly("/nonexistent", scratch->first, false, &errors), -ENOENT);
	assert_int_equal(errors, 1);
	/* A first folder without a file is the wrong one. */
	assert_int_equal(load_quietly(scratch->later, NULL, false, &errors), -EBADMSG);
	assert_int_equal(errors, 1);
}

static void files_that_do_not_count(void **state)
{
	struct scratch *scratch = *state;
	size_t errors;

	scratch_write(scratch->first, ".hidden.yaml", "bad");
	scratch_write(scratch->first, "README", "bad");
	scratch_write(scratch->first, "test.yaml.orig", "bad");
	assert_int_equal(load_quietly(scratch->first, NULL, false, &errors), 0);
	scratch_write(scratch->later, "other.yaml", "dialect: other\n");
	assert_int_equal(load_quietly(scratch->first, scratch->later, false, &errors), -EBADMSG);
	assert_int_equal(errors, 1);
	scratch_write(scratch->later, "other.yaml", "");
	assert_int_equal(load_quietly(scratch->first, scratch->later, false, &errors), -EBADMSG);
	assert_int_equal(errors, 1);
}

static void what_others_can_write_is_not_trusted(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_free_ char *path = NULL;
	size_t errors;

	assert_int_equal(load_quietly(scratch->first, scratch->later, true, &errors), 0);
	assert_int_equal(chmod(scratch->later, 0775), 0);
	assert_int_equal(load_quietly(scratch->first, scratch->later, true, &errors), -EPERM);
	assert_int_equal(errors, 1);
	assert_int_equal(load_quietly(scratch->first, scratch->later, false, &errors), 0);
	assert_int_equal(chmod(scratch->later, 0755), 0);
	assert_true(asprintf(&path, "%s/test.yaml", scratch->first) >= 0);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(load_quietly(scratch->first, NULL, true, &errors), -EPERM);
	assert_int_equal(errors, 1);
}

static void problems_of_all_files_come_at_once(void **state)
{
	struct scratch *scratch = *state;
	size_t errors;

	scratch_write(scratch->first, "a.yaml", "dialect: b\n");
	scratch_write(scratch->first, "b.yaml", "[");
	scratch_write(scratch->later, "test.yaml", "dialect: test\nnonsense: 1\n");
	assert_int_equal(load_quietly(scratch->first, scratch->later, false, &errors), -EBADMSG);
	assert_int_equal(errors, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shipped_loads),
		cmocka_unit_test(all_dialects_have_a_place),
		cmocka_unit_test(every_key_is_understood),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(bad_later_files_are_refused),
		cmocka_unit_test(half_files_do_no_harm),
		cmocka_unit_test_setup_teardown(later_files_add_and_worsen, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_worsens_nothing_is_warned_of, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(the_digest_is_of_the_files, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(folders_that_are_not_there, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(files_that_do_not_count, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_others_can_write_is_not_trusted, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(problems_of_all_files_come_at_once, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
