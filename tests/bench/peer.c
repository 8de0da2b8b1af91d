/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a decision of somebody else's costs, beside a bus ping in blocks that alternate.
 *
 *     peer ROUNDS exec PROGRAM [ARGUMENT ...]
 *     peer ROUNDS polkit ACTION USER
 *
 * The program must end with status 0. polkit is asked about a connection of USER's.
 * It prints one JSON object: microseconds of the median, of the 99th percentile, and of the median
 * ping.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>

#include "include/fwctld-names.h"
#include "tests/bench/samples.h"

#define BLOCK 10u /* of what takes milliseconds */

static sd_bus *bus;

static _Noreturn void die(const char *what, int r)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static void run_program(char **command)
{
	posix_spawn_file_actions_t actions;
	int status, r;
	pid_t pid;

	r = posix_spawn_file_actions_init(&actions);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (r == 0)
		r = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r > 0)
		die(command[0], -r);
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid", -errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(command[0], -EPROTO);
}

/* Another user's connection: for root as the subject polkit looks at no rule at all. */
static sd_bus *connect_as(const char *user)
{
	const struct passwd *entry = getpwnam(user);
	sd_bus *other = NULL;
	int r;

	if (!entry)
		die(user, -ESRCH);
	if (initgroups(user, entry->pw_gid) < 0 || setegid(entry->pw_gid) < 0 ||
	    seteuid(entry->pw_uid) < 0)
		die(user, -errno);
	r = sd_bus_open_system(&other);
	if (seteuid(0) < 0 || setegid(0) < 0 || setgroups(0, NULL) < 0)
		die("back to root", -errno);
	if (r < 0)
		die("no system bus", r);
	return other;
}

static void ask_polkit(const char *action, const char *subject)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call_method(bus, "org.freedesktop.PolicyKit1",
			       "/org/freedesktop/PolicyKit1/Authority",
			       "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization", &error,
			       &reply, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
			       subject, action, 0, 0, "");
	if (r < 0)
		die(error.message ?: "polkit", r);
}

int main(int argc, char **argv)
{
	struct samples pings = {}, samples = {};
	const char *subject = NULL;
	size_t rounds;
	int r;

	if (argc < 4 || (rounds = strtoul(argv[1], NULL, 10)) == 0)
		die("usage: peer ROUNDS exec PROGRAM ... | polkit ACTION USER", -EINVAL);
	r = sd_bus_open_system(&bus);
	if (r < 0)
		die("no system bus", r);
	if (strcmp(argv[2], "polkit") == 0) {
		r = sd_bus_get_unique_name(connect_as(argv[4]), &subject);
		if (r < 0)
			die("no unique name", r);
	}
	for (size_t round = 0; round < rounds; round++) {
		samples_ping(&pings, bus, FWCTLD_BUS_NAME);
		for (unsigned i = 0; i < BLOCK; i++) {
			double start = now_usec();

			if (subject)
				ask_polkit(argv[3], subject);
			else
				run_program(argv + 3);
			samples_add(&samples, now_usec() - start);
		}
	}
	printf("{\"p50\": %.3f, \"p99\": %.3f, \"ping\": %.3f}\n", samples_percentile(&samples, 50),
	       samples_percentile(&samples, 99), samples_percentile(&pings, 50));
	samples_done(&samples);
	samples_done(&pings);
	sd_bus_unref(bus);
	return EXIT_SUCCESS;
}
