/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/fwctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/json.h"
#include "client/output.h"
#include "client/polkit-agent.h"

/* What a terminal is shown of an answer; a pipe gets all of it. */
#define TERMINAL_MAX (64u * 1024u)

/* Closes standard output no more than any other file: a copy of it. */
static int open_output(const struct arguments *arguments, int *ret)
{
	int fd;

	if (strcmp(arguments->output, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(arguments->output, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return fail(arguments, EXIT_FAILED, "Cannot open %s for the response: %m.",
			    arguments->output);
	*ret = fd;
	return EXIT_OK;
}

static int write_output(int fd, const uint8_t *bytes, size_t length)
{
	struct stat status;

	/* Only now: a request that fails leaves what the file held. */
	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISREG(status.st_mode) && ftruncate(fd, 0) < 0)
		return -errno;
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* NVMe's completion comes as "result" with or without a layout for the response's bytes. */
static bool is_decoded(const struct fwctld_items *decoded)
{
	for (size_t i = 0; i < decoded->n; i++)
		if (strcmp(decoded->items[i].name, "result") != 0)
			return true;
	return false;
}

static void print(const struct arguments *arguments, const struct fwctld_result *result)
{
	char status[16];
	const struct fwctld_item head[] = {
		{.name = "request", .type = FWCTLD_ITEM_TEXT, .text = result->request},
		{.name = "status", .type = FWCTLD_ITEM_TEXT, .text = status},
	};

	snprintf(status, sizeof(status), "0x%x", result->status);
	print_items(stdout, &(struct fwctld_items){head, ELEMENTSOF(head)}, 0);
	if (result->decoded.n > 0) {
		putchar('\n');
		print_items(stdout, &result->decoded, 0);
	}
	if (arguments->output) {
		printf("\n%zu bytes are in ", result->response_length);
		print_text(stdout, arguments->output);
		putchar('\n');
	} else if (result->response_length > 0 && !is_decoded(&result->decoded)) {
		size_t shown = result->response_length;

		if (shown > TERMINAL_MAX && isatty(STDOUT_FILENO))
			shown = TERMINAL_MAX;
		putchar('\n');
		print_bytes(stdout, result->response, shown, 0);
		if (shown < result->response_length)
			printf("\nThese are the first %zu of %zu bytes; --output FILE keeps all of "
			       "them.\n",
			       shown, result->response_length);
	}
}

static void write_json(const struct fwctld_result *result)
{
	struct json json = {.file = stdout};

	json_begin(&json, NULL, '{');
	json_string(&json, "request", result->request);
	json_number(&json, "status", result->status);
	json_bytes(&json, "response", result->response, result->response_length);
	json_items(&json, "decoded", &result->decoded);
	json_end(&json, '}');
	putchar('\n');
}

/*
 * The agent only where it will be needed, so that no reading waits for polkit. Should this fail,
 * the command itself will say why.
 */
static bool needs_authentication(const struct arguments *arguments, struct fwctld *connection,
				 const struct request *request)
{
	_cleanup_result_ struct fwctld_explanation *explanation = NULL;

	return fwctld_explain(connection, arguments->device, &request->public, &explanation) == 0 &&
	       strcmp(explanation->verdict, "authenticate") == 0;
}

static int execute(const struct arguments *arguments, struct fwctld *connection,
		   const struct request *request, struct fwctld_result **ret)
{
	struct polkit_agent agent = {};
	int r;

	if (polkit_agent_possible() && needs_authentication(arguments, connection, request))
		polkit_agent_start(&agent);
	r = fwctld_execute(connection, arguments->device, &request->public, ret);
	polkit_agent_stop(&agent);
	return r;
}

int verb_exec(const struct arguments *arguments, struct fwctld *connection)
{
	_cleanup_(request_done) struct request request = {};
	_cleanup_result_ struct fwctld_result *result = NULL;
	_cleanup_close_ int output = -EBADF;
	bool to_stdout = arguments->output && strcmp(arguments->output, "-") == 0;
	int r;

	if (to_stdout && arguments->json)
		return fail(arguments, EXIT_USAGE,
			    "Both --json and --output - would write to the standard output.");
	r = request_parse(arguments, &request);
	if (r != EXIT_OK)
		return r;
	/* Before the command: one that can't be repeated must not lose its response to a typo. */
	if (arguments->output) {
		r = open_output(arguments, &output);
		if (r != EXIT_OK)
			return r;
	}
	r = execute(arguments, connection, &request, &result);
	if (r < 0)
		return fail_call(arguments, connection, r, true);
	if (output >= 0) {
		r = write_output(output, result->response, result->response_length);
		if (r < 0)
			return fail(arguments, EXIT_FAILED,
				    "The device carried out request %s, but the response cannot be "
				    "written to %s: %s.",
				    result->request, arguments->output, strerror(-r));
	}
	if (arguments->json)
		write_json(result);
	else if (!to_stdout)
		print(arguments, result);
	return EXIT_OK;
}
