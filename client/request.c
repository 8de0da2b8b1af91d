/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "DEVICE COMMAND FIELD=VALUE ... --data FILE" as a request of the library. */
#include "client/fwctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/catalogue.h"

void request_done(struct request *request)
{
	for (size_t i = 0; i < request->public.fields.n; i++)
		free((char *)request->fields[i].name);
	free(request->fields);
	free(request->data);
	*request = (struct request){};
}

/* One byte more than fwctld carries is read, so that more is noticed. */
static int read_data(const struct arguments *arguments, struct request *request)
{
	_cleanup_close_ int file = -EBADF;
	int fd = STDIN_FILENO;
	size_t length = 0;

	if (strcmp(arguments->data, "-") != 0) {
		fd = file = open(arguments->data, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return fail(arguments, EXIT_FAILED, "Cannot open %s: %m.", arguments->data);
	}
	request->data = malloc(REQUEST_DATA_MAX + 1);
	if (!request->data)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	while (length <= REQUEST_DATA_MAX) {
		ssize_t n = read(fd, (char *)request->data + length, REQUEST_DATA_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(arguments, EXIT_FAILED, "Cannot read %s: %m.", arguments->data);
		if (n == 0)
			break;
		length += (size_t)n;
	}
	if (length > REQUEST_DATA_MAX)
		return fail(
			arguments, EXIT_FAILED,
			"%s holds more than %u bytes, which is what fwctld carries in one request.",
			arguments->data, REQUEST_DATA_MAX);
	request->public.data = request->data;
	request->public.data_length = length;
	return EXIT_OK;
}

int request_parse(const struct arguments *arguments, struct request *ret)
{
	char **words = arguments->words + 2;
	size_t n_words = (size_t)arguments->n_words - 2;

	ret->public = (struct fwctld_request){
		.command = arguments->words[1],
		.device_id = arguments->device_id,
		.reason = arguments->reason,
	};
	ret->fields = calloc(n_words + 1, sizeof(*ret->fields));
	if (!ret->fields)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	ret->public.fields.items = ret->fields;
	for (size_t i = 0; i < n_words; i++) {
		const char *equals = strchr(words[i], '=');
		char *name;

		if (!equals || equals == words[i])
			return fail(arguments, EXIT_USAGE,
				    "\"%s\" is no field. Expected FIELD=VALUE, as in lid=smart.",
				    words[i]);
		name = strndup(words[i], (size_t)(equals - words[i]));
		if (!name)
			return fail(arguments, EXIT_FAILED, "Out of memory.");
		ret->fields[i] = (struct fwctld_setting){name, equals + 1};
		ret->public.fields.n++;
	}
	return arguments->data ? read_data(arguments, ret) : EXIT_OK;
}
