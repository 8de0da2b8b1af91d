/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What loading a policy costs, beside what libyaml alone needs to parse the same files.
 *
 *     load ROUNDS COMMANDS-FOLDER POLICY-FOLDER
 *
 * It prints one JSON object: milliseconds of the medians of parsing and loading and of the longest
 * freeing, and the kibibytes by which the first load raised the process's peak (VmHWM).
 */

#include <errno.h>
#include <glob.h>
#include <malloc.h>
#include <yaml.h>

#include "policy/policy.h"
#include "tests/bench/samples.h"

static _Noreturn void die(const char *what, int r)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* Kibibytes. */
static unsigned long peak(void)
{
	_cleanup_fclose_ FILE *status = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (status && kib == 0 && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (kib == 0)
		die("/proc/self/status", -EIO);
	return kib;
}

/* The peak is what is resident now: "5" to clear_refs, proc(5). */
static void peak_reset(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/clear_refs", "we");

	if (!file || fputs("5", file) < 0 || fflush(file) != 0)
		die("/proc/self/clear_refs", -errno);
}

static void parse(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	yaml_parser_t parser;
	yaml_event_t event;
	yaml_event_type_t type;

	if (!file || !yaml_parser_initialize(&parser))
		die(path, file ? -ENOMEM : -errno);
	yaml_parser_set_input_file(&parser, file);
	do {
		if (!yaml_parser_parse(&parser, &event))
			die(path, -EBADMSG);
		type = event.type;
		yaml_event_delete(&event);
	} while (type != YAML_STREAM_END_EVENT);
	yaml_parser_delete(&parser);
}

static double parse_all(const char *folder)
{
	_cleanup_free_ char *pattern = NULL;
	double start = now_usec();
	glob_t files;

	if (asprintf(&pattern, "%s/*.yaml", folder) < 0 || glob(pattern, 0, NULL, &files) != 0)
		die(folder, -ENOENT);
	for (size_t i = 0; i < files.gl_pathc; i++)
		parse(files.gl_pathv[i]);
	globfree(&files);
	return now_usec() - start;
}

static struct policy *load(const struct catalogue *catalogue, const char *folder)
{
	_cleanup_(problems_done) struct problems problems = {};
	const char *const folders[] = {folder, NULL};
	struct accounts *accounts = NULL;
	struct policy *policy = NULL;
	int r;

	r = accounts_new(false, &accounts);
	if (r >= 0)
		r = policy_load(folders, false, catalogue, accounts, &problems, &policy);
	accounts_free(accounts);
	if (r < 0) {
		const struct problem *first = problems_first_error(&problems);
		_cleanup_free_ char *text = first ? problem_to_string(first) : NULL;

		die(text ?: folder, r);
	}
	return policy;
}

int main(int argc, char **argv)
{
	struct samples parses = {}, loads = {}, frees = {};
	_cleanup_(problems_done) struct problems problems = {};
	struct catalogue *catalogue = NULL;
	unsigned long before, grown = 0;
	size_t rounds, n_rules = 0;
	int r;

	if (argc != 4 || (rounds = strtoul(argv[1], NULL, 10)) == 0)
		die("usage: load ROUNDS COMMANDS-FOLDER POLICY-FOLDER", -EINVAL);
	r = catalogue_load((const char *const[]){argv[2], NULL}, false, &problems, &catalogue);
	if (r < 0)
		die(argv[2], r);
	malloc_trim(0); /* what the catalogue's loader left free would hide what this takes */
	peak_reset();
	before = peak();
	for (size_t round = 0; round < rounds; round++) {
		double start = now_usec();
		struct policy *policy = load(catalogue, argv[3]);

		samples_add(&loads, now_usec() - start);
		if (round == 0)
			grown = peak() - before;
		n_rules = policy->n_rules;
		start = now_usec();
		policy_free(policy);
		samples_add(&frees, now_usec() - start);
		samples_add(&parses, parse_all(argv[3]));
	}
	printf("{\"rules\": %zu, \"parse\": %.3f, \"load\": %.3f, \"free\": %.3f, \"grown\": "
	       "%lu}\n",
	       n_rules, samples_percentile(&parses, 50) / 1e3, samples_percentile(&loads, 50) / 1e3,
	       samples_percentile(&frees, 100) / 1e3, grown);
	samples_done(&parses);
	samples_done(&loads);
	samples_done(&frees);
	catalogue_free(catalogue);
	return EXIT_SUCCESS;
}
