/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "DEVICE COMMAND FIELD=VALUE FIELD=@FILE ... --data FILE" as a request of the library. */
#include "client/fwctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/catalogue.h"

#define VALUE_MAX 4096u /* bytes, of a field's value that stands in a file */

void request_done(struct request *request)
{
	for (size_t i = 0; i < request->public.fields.n; i++) {
		free((char *)request->fields[i].name);
		free((char *)request->fields[i].value);
	}
	free(request->fields);
	free(request->data);
	*request = (struct request){};
}

/*
 * At most `max` bytes of a file, and a NUL. One byte more is read, so that more is noticed. Returns
 * an exit code.
 */
static int read_file(const struct arguments *arguments, int fd, const char *path, size_t max,
		     char **ret, size_t *ret_length)
{
	_cleanup_free_ char *bytes = malloc(max + 1);
	size_t length = 0;

	if (!bytes)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	while (length <= max) {
		ssize_t n = read(fd, bytes + length, max + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(arguments, EXIT_FAILED, "Cannot read %s: %m.", path);
		if (n == 0)
			break;
		length += (size_t)n;
	}
	if (length > max)
		return fail(arguments, EXIT_FAILED,
			    "%s holds more than %zu bytes, the most that can be sent from it.",
			    path, max);
	bytes[length] = '\0';
	*ret = TAKE_PTR(bytes);
	*ret_length = length;
	return EXIT_OK;
}

static int open_file(const struct arguments *arguments, const char *path, int *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(arguments, EXIT_FAILED, "Cannot open %s: %m.", path);
	*ret = fd;
	return EXIT_OK;
}

static int read_data(const struct arguments *arguments, struct request *request)
{
	_cleanup_close_ int file = -EBADF;
	bool from_stdin = strcmp(arguments->data, "-") == 0;
	char *data;
	int r;

	if (!from_stdin) {
		r = open_file(arguments, arguments->data, &file);
		if (r != EXIT_OK)
			return r;
	}
	r = read_file(arguments, from_stdin ? STDIN_FILENO : file,
		      from_stdin ? "the standard input" : arguments->data, REQUEST_DATA_MAX, &data,
		      &request->public.data_length);
	if (r != EXIT_OK)
		return r;
	request->public.data = request->data = data;
	return EXIT_OK;
}

/* What stands on a command line can be seen by every user of the machine; a file need not. */
static int read_value(const struct arguments *arguments, const char *path, char **ret)
{
	_cleanup_close_ int file = -EBADF;
	_cleanup_free_ char *value = NULL;
	size_t length;
	int r;

	r = open_file(arguments, path, &file);
	if (r != EXIT_OK)
		return r;
	r = read_file(arguments, file, path, VALUE_MAX, &value, &length);
	if (r != EXIT_OK)
		return r;
	if (length > 0 && value[length - 1] == '\n')
		value[--length] = '\0';
	if (strlen(value) != length)
		return fail(arguments, EXIT_FAILED,
			    "%s holds a zero byte. A field's value is text: a name, a number, a "
			    "UUID, or hexadecimal digits.",
			    path);
	*ret = TAKE_PTR(value);
	return EXIT_OK;
}

static int parse_field(const struct arguments *arguments, const char *word,
		       struct fwctld_setting *ret)
{
	_cleanup_free_ char *name = NULL, *value = NULL;
	const char *equals = strchr(word, '=');
	int r;

	if (!equals || equals == word)
		return fail(arguments, EXIT_USAGE,
			    "\"%s\" is not a field. Expected FIELD=VALUE, as in lid=smart.", word);
	name = strndup(word, (size_t)(equals - word));
	if (equals[1] == '@') {
		r = read_value(arguments, equals + 2, &value);
		if (r != EXIT_OK)
			return r;
	} else {
		value = strdup(equals + 1);
	}
	if (!name || !value)
		return fail(arguments, EXIT_FAILED, "Out of memory.");
	*ret = (struct fwctld_setting){TAKE_PTR(name), TAKE_PTR(value)};
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
		int r = parse_field(arguments, words[i], &ret->fields[i]);

		if (r != EXIT_OK)
			return r;
		ret->public.fields.n++;
	}
	return arguments->data ? read_data(arguments, ret) : EXIT_OK;
}
