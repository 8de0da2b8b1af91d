/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program of its own, because only root can give a file away, and cmocka's skip() is a failure in
 * TAP. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/yaml.h"

static void files_of_others_are_not_trusted(void **state)
{
	char path[] = "/tmp/test-trust.XXXXXX";
	_cleanup_(problems_done) struct problems problems = {};
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	struct yaml_file *file = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(yaml_file_load(path, true, &problems, &file), 0);
	file = yaml_file_free(file);
	assert_int_equal(fchown(fd, 65534, 65534), 0);
	assert_int_equal(yaml_file_load(path, true, &problems, &file), -EPERM);
	assert_int_equal(problems.n, 1);
	assert_null(file);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_others_are_not_trusted),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP only root can give a file away");
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
