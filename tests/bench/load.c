/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench-load FOLDER
 *
 * How much CPU time loading the policy of a folder takes, by how much the process grows meanwhile
 * at its peak, and how much time freeing it takes. The installed catalogue, or that of
 * FWCTLD_COMMANDS_DIR. The time that libyaml alone needs for the same files is the measure to
 * compare with.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

#include "include/cleanup.h"
#include "policy/folders.h"
#include "policy/policy.h"

DEFINE_CLEANUP(struct accounts *, accounts_free)
DEFINE_CLEANUP(struct catalogue *, catalogue_free)

static double cpu_ms(void)
{
	struct timespec now;

	/* Of the process: what others do meanwhile does not count, and nothing here waits. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* "VmHWM" or "VmRSS": kB of /proc/self/status. */
static long memory_kb(const char *key)
{
	_cleanup_fclose_ FILE *status = fopen("/proc/self/status", "re");
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, key, strlen(key)) == 0)
			return strtol(line + strlen(key) + 1, NULL, 10);
	return -1;
}

/* Forgets the peak so far: proc(5), clear_refs. */
static void reset_peak(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/clear_refs", "we");

	if (!file || fputs("5", file) < 0)
		perror("clear_refs");
}

static void parse_file(FILE *file)
{
	yaml_parser_t parser;
	bool more = true;

	yaml_parser_initialize(&parser);
	yaml_parser_set_input_file(&parser, file);
	while (more) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event))
			break;
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

static double parse_alone(const char *folder)
{
	double began = cpu_ms();
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;
		_cleanup_fclose_ FILE *file = NULL;

		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			abort();
		file = fopen(path, "re");
		if (file && entry->d_name[0] != '.')
			parse_file(file);
	}
	if (dir)
		closedir(dir);
	return cpu_ms() - began;
}

static void print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->n && i < 5; i++) {
		_cleanup_free_ char *text = problem_to_string(&problems->items[i]);

		fprintf(stderr, "%s\n", text);
	}
}

int main(int argc, char **argv)
{
	_cleanup_(catalogue_freep) struct catalogue *catalogue = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_(accounts_freep) struct accounts *accounts = NULL;
	const char *given = getenv("FWCTLD_COMMANDS_DIR");
	const char *const given_folders[] = {given, NULL};
	struct policy *policy;
	double alone, began, loaded, freed;
	long before, peak, after;
	size_t rules;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: bench-load FOLDER\n");
		return 2;
	}
	if (catalogue_load(given ? given_folders : command_folders, false, &problems, &catalogue) <
		    0 ||
	    accounts_new(false, &accounts) < 0) {
		print_problems(&problems);
		return 1;
	}
	alone = parse_alone(argv[1]);
	reset_peak();
	before = memory_kb("VmRSS");
	began = cpu_ms();
	r = policy_load((const char *const[]){argv[1], NULL}, false, catalogue, accounts, &problems,
			&policy);
	loaded = cpu_ms();
	peak = memory_kb("VmHWM");
	after = memory_kb("VmRSS");
	print_problems(&problems);
	if (r < 0) {
		fprintf(stderr, "%zu errors: %s\n", problems.n_errors, strerror(-r));
		return 1;
	}
	rules = policy->n_rules;
	freed = cpu_ms();
	policy_free(policy);
	freed = cpu_ms() - freed;
	printf("%zu rules, %zu warnings: loaded in %.0f ms (libyaml alone: %.0f ms); peak %.1f "
	       "MiB, "
	       "then %.1f MiB; freed in %.1f ms\n",
	       rules, problems.n_warnings, loaded - began, alone, (double)(peak - before) / 1024,
	       (double)(after - before) / 1024, freed);
	return 0;
}
