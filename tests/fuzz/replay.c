/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Drives a fuzz target over its corpus, as a test: every file of the folder argv[1], in the order
 * of names, one TAP line each. What the target does to a file that breaks it (a crash, a
 * sanitizer's report) ends the program, which the harness sees as a plan that was not kept.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The target gets a buffer of exactly the file's size, so that a sanitizer sees a read beyond it.
 */
static int replay(const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_fclose_ FILE *file = NULL;
	long size;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fseek(file, 0, SEEK_END) < 0)
		return -errno;
	size = ftell(file);
	if (size < 0)
		return -errno;
	rewind(file);
	data = malloc((size_t)size);
	if (!data && size > 0)
		return -ENOMEM;
	if (fread(data, 1, (size_t)size, file) != (size_t)size)
		return -EIO;
	(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int n, failed = 0;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
		return EXIT_FAILURE;
	}
	n = scandir(argv[1], &entries, is_seed, by_name);
	if (n <= 0) {
		printf("Bail out! There is nothing to replay in %s: %s\n", argv[1],
		       n < 0 ? strerror(errno) : "the folder is empty");
		return EXIT_FAILURE;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		int r = replay(argv[1], entries[i]->d_name);

		failed += r < 0;
		printf("%s %d - %s%s%s\n", r < 0 ? "not ok" : "ok", i + 1, entries[i]->d_name,
		       r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
		fflush(stdout); /* what was replayed last before a crash */
		free(entries[i]);
	}
	free(entries);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
