/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loading a policy: what is accepted and made of it, what is refused and how that is said. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "include/kernel-abi.h"
#include "policy/policy.h"
#include "policy/rule.h"
#include "tests/unit/small-catalogue.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)

/* A path in the source tree. */
static char *source_path(const char *relative)
{
	const char *source = getenv("FWCTLD_SOURCE");
	char *path;

	assert_non_null(source);
	assert_true(asprintf(&path, "%s/%s", source, relative) >= 0);
	return path;
}

static bool any_problem_says(const struct problems *problems, const char *fragment)
{
	for (size_t i = 0; i < problems->n; i++)
		if (strstr(problems->items[i].text, fragment))
			return true;
	return false;
}

static void print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems->items[i]);

		print_message("# %s\n", text ? text : "?");
	}
}

static struct policy *load_good(const char *text)
{
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_text("test.yaml", text, strlen(text), &small_catalogue, test_accounts(),
				 &problems, &policy);

	if (r < 0)
		print_problems(&problems);
	assert_int_equal(r, 0);
	return policy;
}

/* A folder of the test's own, and files in it. */

static char *folder_new(void)
{
	char *path = strdup("/tmp/test-policy-XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static void folder_remove(char *path)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			assert_int_equal(unlinkat(dirfd(dir), entry->d_name,
						  entry->d_type == DT_DIR ? AT_REMOVEDIR : 0),
					 0);
	assert_int_equal(rmdir(path), 0);
	free(path);
}

static void folder_write(const char *folder, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;

	assert_true(asprintf(&path, "%s/%s", folder, name) >= 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static void folder_link(const char *folder, const char *name, const char *target)
{
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", folder, name) >= 0);
	assert_int_equal(symlink(target, path), 0);
}

static void every_key_is_understood(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *path = source_path("tests/data/policy/good/all-keys.yaml");
	const struct condition_term *fid, *sv;
	const struct rule *rule;

	assert_int_equal(policy_load_files((const char *[]){path, NULL}, false, &small_catalogue,
					   test_accounts(), &problems, &policy),
			 0);
	assert_int_equal(policy->class_defaults[CLASS_READ_ONLY], VERDICT_ALLOW);
	assert_int_equal(policy->class_defaults[CLASS_DESTRUCTIVE], VERDICT_DENY);
	assert_null(policy->defaults_at[policy_default_at_class(CLASS_DESTRUCTIVE)]);
	assert_int_equal(policy->n_rules, 1);
	rule = &policy->rules[0];
	assert_string_equal(rule->id, "Site_1.tunes-a");
	assert_string_equal(rule->file, path);
	assert_int_equal(rule->line, 4);
	assert_int_equal(rule->column, 5);
	assert_string_equal(rule->note, "Ask the storage desk, größere Änderungen montags.");
	assert_int_equal(rule->verdict, VERDICT_ALLOW);
	assert_false(rule->disabled);
	assert_int_equal(rule->classes, 1u << CLASS_CONFIG_CHANGE | 1u << CLASS_DESTRUCTIVE);
	assert_int_equal(rule->hazards, EFFECT_HAZARDS);
	assert_non_null(rule->caller);
	assert_int_equal(rule->caller->n_uids, 2);
	assert_int_equal(rule->caller->uids[0], 0);
	assert_int_equal(rule->caller->uids[1], 4242);
	assert_int_equal(rule->caller->n_gids, 1);
	assert_int_equal(rule->caller->gids[0], 0);
	assert_int_equal(rule->device->keys[DEVICE_TYPE].n, 1);
	assert_string_equal(rule->device->keys[DEVICE_DRIVER].items[0].text, "nvme");
	assert_int_equal(rule->device->keys[DEVICE_PCI].n, 4);
	assert_string_equal(rule->device->keys[DEVICE_PCI].items[2].text, "0000:5");
	assert_true(rule->device->keys[DEVICE_PCI].items[2].prefix);
	assert_string_equal(rule->device->keys[DEVICE_SERIAL].items[0].text, "LAB");
	assert_false(rule->device->keys[DEVICE_MODEL].items[0].prefix);
	assert_string_equal(rule->device->keys[DEVICE_MODEL].items[0].text, "QEMU NVMe Ctrl");
	assert_string_equal(rule->device->keys[DEVICE_FIRMWARE].items[1].text, "9.1");
	assert_string_equal(rule->device->keys[DEVICE_NQN].items[0].text, "nqn.2019-08.org.qemu:");
	assert_int_equal(rule->command->names.n, 1);
	assert_ptr_equal(rule->command->commands[0], &small_nvme[1]);
	assert_int_equal(rule->command->where[0].n_terms, 2);
	fid = &rule->command->where[0].terms[0];
	sv = &rule->command->where[0].terms[1];
	assert_int_equal(fid->field, 0);
	assert_int_equal(fid->n_ranges, 3);
	assert_int_equal(fid->ranges[1].first, 2);
	assert_int_equal(fid->ranges[1].last, 2);
	assert_int_equal(fid->ranges[2].first, 0x10);
	assert_int_equal(fid->ranges[2].last, 0x20);
	assert_int_equal(sv->field, 1);
	assert_int_equal(sv->ranges[0].last, 0);
}

/* Time, uses and scope; and what a rule has that does not say them. */
static void keys_of_now_are_understood(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *path = source_path("tests/data/policy/good/whole-language.yaml");
	const struct rule *rule;

	assert_int_equal(policy_load_files((const char *[]){path, NULL}, false, &small_catalogue,
					   test_accounts(), &problems, &policy),
			 0);
	assert_int_equal(policy->n_rules, 2);
	rule = &policy->rules[0];
	assert_int_equal(rule->max_scope, FWCTL_RPC_DEBUG_WRITE);
	assert_int_equal(rule->limit.count, 10);
	assert_int_equal(rule->limit.per_usec, 60000000);
	assert_int_equal(rule->limit.by, LIMIT_BY_CALLER);
	assert_int_equal(rule->when->days, 1u << 5 | 1u << 6 | 0x7);
	assert_int_equal(rule->when->from, 22 * 60);
	assert_int_equal(rule->when->to, 5 * 60);
	assert_string_equal(zone_name(rule->when->zone), "Europe/Berlin");
	assert_true(rule->observe);
	rule = &policy->rules[1];
	assert_int_equal(rule->max_scope, SCOPE_ANY);
	assert_int_equal(rule->limit.count, 0);
	assert_int_equal(rule->when->days, 0x7f);
	assert_int_equal(rule->when->from, 8 * 60);
	assert_int_equal(rule->when->to, 18 * 60);
	assert_string_equal(zone_name(rule->when->zone), "local");
	assert_false(rule->observe);
	policy_free(policy);

	policy = load_good(
		"version: 1\nrules:\n"
		"- {id: a, class: read-only, verdict: allow, when: {days: sun, zone: UTC},"
		" limit: {count: 0x3e8, per: 31d, by: device}}\n"
		"- {id: b, class: read-only, verdict: allow,"
		" limit: {count: 1, per: 48h, by: rule}}\n");
	rule = &policy->rules[0];
	assert_int_equal(rule->when->days, 1u << 6);
	assert_int_equal(rule->when->from, 0);
	assert_int_equal(rule->when->to, MINUTES_A_DAY);
	assert_int_equal(rule->limit.count, LIMIT_COUNT_MAX);
	assert_int_equal(rule->limit.per_usec, LIMIT_PER_MAX_USEC);
	assert_int_equal(rule->limit.by, LIMIT_BY_DEVICE);
	rule = &policy->rules[1];
	assert_null(rule->when);
	assert_int_equal(rule->limit.per_usec, UINT64_C(48) * 3600 * 1000000);
	assert_int_equal(rule->limit.by, LIMIT_BY_RULE);
}

/* The names of a rule's problem: which rule is switched off, and why. */
static void unknown_names_switch_off_what_opens(void **state)
{
	static const char text[] =
		"version: 1\n"
		"rules:\n"
		"  - {id: a, caller: {user: [root, no-such-user]}, verdict: allow}\n"
		"  - {id: b, caller: {group: no-such-group}, verdict: authenticate}\n"
		"  - {id: c, caller: {user: root}, verdict: deny}\n";
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;

	assert_int_equal(policy_load_text("test.yaml", text, strlen(text), &small_catalogue,
					  test_accounts(), &problems, &policy),
			 0);
	assert_int_equal(problems.n, 2);
	assert_true(problems.items[0].warning && problems.items[1].warning);
	assert_int_equal(problems.items[0].line, 3);
	assert_true(any_problem_says(&problems,
				     "no user \"no-such-user\", so this rule is switched off"));
	assert_true(any_problem_says(&problems, "no group \"no-such-group\""));
	assert_true(policy->rules[0].disabled);
	assert_true(policy->rules[1].disabled);
	assert_false(policy->rules[2].disabled);
}

static void folders_are_merged_by_name(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char *vendor = folder_new(), *site = folder_new();
	const char *folders[] = {vendor, "/nonexistent/policy.d", site, NULL};
	_cleanup_free_ char *at = NULL;

	folder_write(vendor, "10-a.yaml", "version: 1\nrules: [{id: vendor-a, verdict: deny}]\n",
		     0644);
	folder_write(site, "10-a.yaml",
		     "version: 1\nrules: [{id: site-a, class: read-only, verdict: deny}]\n", 0644);
	folder_write(vendor, "20-masked.yaml", "version: 1\nrules: [{id: masked, verdict: deny}]\n",
		     0644);
	folder_write(site, "20-masked.yaml", "", 0644);
	folder_write(vendor, "30-null.yaml",
		     "version: 1\nrules: [{id: null-masked, verdict: deny}]\n", 0644);
	folder_link(site, "30-null.yaml", "/dev/null");
	folder_write(vendor, "9-last.yaml",
		     "version: 1\ndefaults: {read-only: deny, destructive: authenticate}\n"
		     "rules: [{id: last, verdict: deny}]\n",
		     0644);
	folder_write(vendor, "50-d.yaml",
		     "version: 1\ndefaults: {read-only: allow, persistent: allow}\n", 0644);
	folder_write(vendor, ".hidden.yaml", "broken", 0644);
	folder_write(vendor, "README", "broken", 0644);
	folder_write(vendor, "50-d.yaml~", "broken", 0644);
	folder_write(vendor, ".yaml", "broken", 0644);
	folder_write(site, "60-typo.yml", "broken", 0644);

	assert_int_equal(policy_load(folders, true, &small_catalogue, test_accounts(), &problems,
				     &policy),
			 0);
	/* strcmp() puts "50-d" before "9-last", so the latter's default counts. */
	assert_int_equal(policy->n_rules, 2);
	assert_string_equal(policy->rules[0].id, "site-a");
	assert_string_equal(policy->rules[1].id, "last");
	assert_int_equal(policy->class_defaults[CLASS_READ_ONLY], VERDICT_DENY);
	assert_int_equal(policy->class_defaults[CLASS_DESTRUCTIVE], VERDICT_AUTHENTICATE);
	assert_int_equal(policy->hazard_defaults[EFFECT_PERSISTENT], VERDICT_ALLOW);
	assert_true(asprintf(&at, "%s/9-last.yaml:2", vendor) >= 0);
	assert_string_equal(policy->defaults_at[policy_default_at_class(CLASS_READ_ONLY)], at);
	assert_int_equal(policy->n_files, 4);
	assert_int_equal(problems.n, 1);
	assert_true(any_problem_says(&problems, "\"60-typo.yml\" is not read"));
	folder_remove(vendor);
	folder_remove(site);
}

static void no_file_at_all_is_a_warning(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char *empty = folder_new();

	assert_int_equal(policy_load((const char *[]){empty, "/nonexistent", NULL}, true,
				     &small_catalogue, test_accounts(), &problems, &policy),
			 0);
	assert_int_equal(policy->n_files, 0);
	assert_int_equal(policy->class_defaults[CLASS_READ_ONLY], VERDICT_DENY);
	assert_true(any_problem_says(&problems, "everything is denied"));
	folder_remove(empty);
}

static int load_folder(const char *folder, bool trusted)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r = policy_load((const char *[]){folder, NULL}, trusted, &small_catalogue,
			    test_accounts(), &problems, &policy);

	if (r < 0) {
		assert_null(policy);
		assert_true(problems.n_errors > 0);
	}
	return r;
}

static void untrusted_and_unreadable_files_fail_the_load(void **state)
{
	char *folder = folder_new();
	_cleanup_free_ char *path = NULL, *directory = NULL;

	assert_true(asprintf(&path, "%s/60-b.yaml", folder) >= 0);
	assert_true(asprintf(&directory, "%s/70-c.yaml", folder) >= 0);
	folder_write(folder, "50-a.yaml", "version: 1\ndefaults: {read-only: allow}\n", 0644);
	assert_int_equal(load_folder(folder, true), 0);

	/* Even an empty file, which only masks. */
	folder_write(folder, "60-b.yaml", "", 0664);
	assert_int_equal(load_folder(folder, true), -EPERM);
	assert_int_equal(load_folder(folder, false), 0);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(load_folder(folder, true), -EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(load_folder(folder, true), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(load_folder(folder, true), -EPERM);
		assert_int_equal(chown(path, 0, 0), 0);
	} else {
		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(load_folder(folder, true), -EACCES);
	}
	assert_int_equal(unlink(path), 0);

	folder_link(folder, "60-b.yaml", "nowhere");
	assert_int_equal(load_folder(folder, true), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(directory, 0755), 0);
	assert_int_equal(load_folder(folder, true), -EPERM);
	assert_int_equal(rmdir(directory), 0);

	/* Who can write the folder can take files away. */
	assert_int_equal(chmod(folder, 0775), 0);
	assert_int_equal(load_folder(folder, true), -EPERM);
	assert_int_equal(load_folder(folder, false), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 65534, 65534), 0);
		assert_int_equal(load_folder(folder, true), -EPERM);
		assert_int_equal(chown(folder, 0, 0), 0);
	}
	assert_int_equal(load_folder(folder, true), 0);
	folder_remove(folder);
}

/* Ids are unique over all files; a rule can be hidden by one of another file. */
static void files_are_one_policy(void **state)
{
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_free_ char *first = NULL;
	struct policy *policy = NULL;
	char *folder = folder_new();
	const char *folders[] = {folder, NULL};

	folder_write(folder, "a.yaml", "version: 1\nrules: [{id: x, verdict: deny}]\n", 0644);
	folder_write(folder, "b.yaml",
		     "version: 1\nrules: [{id: x, class: read-only, verdict: allow}]\n", 0644);
	assert_int_equal(policy_load(folders, true, &small_catalogue, test_accounts(), &problems,
				     &policy),
			 -EBADMSG);
	assert_true(asprintf(&first, "%s/a.yaml:2", folder) >= 0);
	assert_true(any_problem_says(&problems, "The id \"x\" is taken"));
	assert_true(any_problem_says(&problems, first));
	problems_done(&problems);

	folder_write(folder, "b.yaml",
		     "version: 1\nrules: [{id: y, class: read-only, verdict: allow}]\n", 0644);
	assert_int_equal(policy_load(folders, true, &small_catalogue, test_accounts(), &problems,
				     &policy),
			 -EBADMSG);
	assert_true(any_problem_says(&problems, "\"y\" can never match: \"x\" ("));
	assert_true(any_problem_says(&problems, first));
	assert_null(policy);
	folder_remove(folder);
}

static void invariant_8_policy_that_does_not_load_changes_nothing(void **state)
{
	static const char *const wrong[] = {
		"version: 1\nrules: [{id: x, verdict: alow}]\n",
		"version: 1\nrules: [{id: x, when: {days: [sat]}, verdict: allow}]\n",
		"version: 1\nrules: [{id: x, verdict: deny}, {id: y, verdict: allow}]\n",
		"version: 2\n",
		"{",
		"\xff",
	};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct policy *last_good;
	struct policy before;
	char *folder = folder_new();
	const char *folders[] = {folder, NULL};

	/* The last good policy stays, and so does everything in it, whichever file is broken. */
	folder_write(folder, "50-good.yaml",
		     "version: 1\ndefaults: {read-only: allow}\nrules: [{id: g, verdict: deny}]\n",
		     0644);
	{
		_cleanup_(problems_done) struct problems problems = {};

		assert_int_equal(policy_load(folders, true, &small_catalogue, test_accounts(),
					     &problems, &policy),
				 0);
	}
	last_good = policy;
	before = *policy;
	for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
		for (unsigned place = 0; place < 2; place++) {
			_cleanup_(problems_done) struct problems problems = {};
			_cleanup_free_ char *path = NULL;
			const char *name = place == 0 ? "40-wrong.yaml" : "60-wrong.yaml";

			folder_write(folder, name, wrong[i], 0644);
			assert_int_equal(policy_load(folders, true, &small_catalogue,
						     test_accounts(), &problems, &policy),
					 -EBADMSG);
			assert_true(problems.n_errors > 0);
			assert_ptr_equal(policy, last_good);
			assert_memory_equal(policy, &before, sizeof(before));
			assert_string_equal(policy->rules[0].id, "g");

			assert_int_equal(policy_load_text("t", wrong[i], strlen(wrong[i]),
							  &small_catalogue, test_accounts(),
							  &problems, &policy),
					 -EBADMSG);
			assert_ptr_equal(policy, last_good);
			assert_true(asprintf(&path, "%s/%s", folder, name) >= 0);
			assert_int_equal(policy_load_files((const char *[]){path, NULL}, true,
							   &small_catalogue, test_accounts(),
							   &problems, &policy),
					 -EBADMSG);
			assert_ptr_equal(policy, last_good);
			assert_int_equal(unlink(path), 0);
		}

	/* Nor does one that can't be trusted. */
	{
		_cleanup_(problems_done) struct problems problems = {};

		folder_write(folder, "60-open.yaml", "version: 1\n", 0666);
		assert_int_equal(policy_load(folders, true, &small_catalogue, test_accounts(),
					     &problems, &policy),
				 -EPERM);
		assert_ptr_equal(policy, last_good);
	}
	folder_remove(folder);
}

static void digest_is_of_names_and_contents(void **state)
{
	static const char text[] = "version: 1\ndefaults: {read-only: allow}\n";
	static const char other[] = "version: 1\ndefaults: {read-only: deny}\n";
	static const struct {
		const char *name;
		const char *text;
		bool same;
	} cases[] = {
		{"/etc/50-a.yaml", text, true},
		{"/run/x/50-a.yaml", text, true},
		{"/etc/50-b.yaml", text, false},
		{"/etc/50-a.yaml", other, false},
	};
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(policy_freep) struct policy *first = NULL;

	assert_int_equal(policy_load_text("50-a.yaml", text, strlen(text), &small_catalogue,
					  test_accounts(), &problems, &first),
			 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(policy_freep) struct policy *policy = NULL;

		assert_int_equal(policy_load_text(cases[i].name, cases[i].text,
						  strlen(cases[i].text), &small_catalogue,
						  test_accounts(), &problems, &policy),
				 0);
		assert_int_equal(memcmp(first->digest, policy->digest, 32) == 0, cases[i].same);
	}
}

/* With the catalogue that fwctld comes with. */
static void shipped_policy_and_examples_load(void **state)
{
	static const char *const examples[] = {"firmware-update-window",
					       "lab",
					       "locked-down",
					       "network-operators",
					       "storage-operators",
					       "telemetry-reader"};
	_cleanup_free_ char *commands = source_path("policy/commands");
	_cleanup_free_ char *shipped = source_path("policy/policy.d/50-default.yaml");
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	int r;

	r = catalogue_load((const char *[]){commands, NULL}, false, &problems, &catalogue);
	print_problems(&problems);
	assert_int_equal(r, 0);
	for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
		_cleanup_(problems_done) struct problems of_example = {};
		_cleanup_(policy_freep) struct policy *policy = NULL;
		_cleanup_free_ char *path = NULL, *relative = NULL;

		assert_true(asprintf(&relative, "policy/examples/%s.yaml", examples[i]) >= 0);
		path = source_path(relative);
		r = policy_load_files((const char *[]){shipped, path, NULL}, false, catalogue,
				      test_accounts(), &of_example, &policy);
		if (r < 0)
			print_problems(&of_example);
		assert_int_equal(r, 0);
		assert_true(policy->n_rules > 0);
		/* Groups of the examples need not be there; nothing else is to be said. */
		for (size_t j = 0; j < of_example.n; j++)
			assert_non_null(
				strstr(of_example.items[j].text, "this rule is switched off"));
	}

	{
		_cleanup_(policy_freep) struct policy *policy = NULL;

		assert_int_equal(policy_load_files((const char *[]){shipped, NULL}, false,
						   catalogue, test_accounts(), &problems, &policy),
				 0);
		assert_int_equal(problems.n, 0);
		assert_int_equal(policy->class_defaults[CLASS_DESTRUCTIVE], VERDICT_DENY);
		for (unsigned effect = 0; effect < _EFFECT_MAX; effect++)
			if (EFFECT_BIT(effect) & EFFECT_HAZARDS)
				assert_int_not_equal(policy->hazard_defaults[effect],
						     VERDICT_ALLOW);
	}
}

/* A rule that is half read is warned of nothing: what it lacks may be what could not be read. */
static void errors_have_no_consequent_warnings(void **state)
{
	static const char text[] = "version: 1\nrules: [{id: a, user: root, verdict: allow}]\n";
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_int_equal(policy_load_text("test.yaml", text, strlen(text), &small_catalogue,
					  test_accounts(), &problems, &policy),
			 -EBADMSG);
	assert_int_equal(problems.n, 1);
	assert_true(any_problem_says(&problems, "belongs under `caller:`"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_understood),
		cmocka_unit_test(keys_of_now_are_understood),
		cmocka_unit_test(unknown_names_switch_off_what_opens),
		cmocka_unit_test(folders_are_merged_by_name),
		cmocka_unit_test(no_file_at_all_is_a_warning),
		cmocka_unit_test(untrusted_and_unreadable_files_fail_the_load),
		cmocka_unit_test(files_are_one_policy),
		cmocka_unit_test(invariant_8_policy_that_does_not_load_changes_nothing),
		cmocka_unit_test(digest_is_of_names_and_contents),
		cmocka_unit_test(shipped_policy_and_examples_load),
		cmocka_unit_test(errors_have_no_consequent_warnings),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
