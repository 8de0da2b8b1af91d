/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "include/cleanup.h"

struct builder {
	yaml_parser_t parser;
	struct yaml_file *file;
	struct problems *problems;
	size_t n_nodes;
	/* What the lists and maps hold that are not complete yet, the innermost one's last. */
	struct yaml_item *items;
	size_t n_items, capacity;
};

struct yaml_file *yaml_file_free(struct yaml_file *file)
{
	if (!file)
		return NULL;
	pool_done(&file->pool);
	free(file->text);
	free(file);
	return NULL;
}

DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

__attribute__((format(printf, 3, 4))) static void complain(struct builder *builder,
							   const yaml_mark_t *mark,
							   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problems_addv(builder->problems, false, builder->file->path, (unsigned)mark->line + 1,
		      (unsigned)mark->column + 1, format, arguments);
	va_end(arguments);
}

/* The same for what ends the reading: libyaml, too, stops at the first such error. */
__attribute__((format(printf, 3, 4))) static int give_up(struct builder *builder,
							 const yaml_mark_t *mark,
							 const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL; /* vasprintf() leaves it undefined */
		return -ENOMEM;
	}
	complain(builder, mark, "%s What follows was not looked at.", text);
	return -EBADMSG;
}

/* libyaml's reader knows the byte at which the text stops being UTF-8, but not its line. */
static yaml_mark_t mark_of_offset(const struct yaml_file *file, size_t offset)
{
	yaml_mark_t mark = {};

	for (size_t i = 0; i < offset && i < file->length; i++) {
		mark.column++;
		if (file->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

/* The text of a line of the file, up to its end. */
static const char *line_at(const struct yaml_file *file, size_t line)
{
	const char *text = file->text;

	for (; line > 0 && *text; line--)
		text += strcspn(text, "\n") + (strchr(text, '\n') ? 1 : 0);
	return text;
}

/* The place of the first ":" that ends a key. */
static size_t first_colon(const char *line)
{
	size_t at = 0;

	while (line[at] && line[at] != '\n' && !(line[at] == ':' && strchr(" \n", line[at + 1])))
		at++;
	return at;
}

/* What libyaml says, and what a person has done where that is sure. */
static int explain_syntax(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	const yaml_mark_t *mark = &parser->problem_mark;
	const char *context = parser->context ?: "", *line = line_at(builder->file, mark->line);
	size_t indentation = strspn(line, " ");
	const char *problem = parser->problem ?: "the parser does not say why", *hint = "";
	char began[64] = "";

	if (line[indentation] == '\t' && mark->column <= strspn(line, " \t")) {
		return give_up(builder, mark, "There is a tab here; YAML indents with spaces.");
	}
	if (strcmp(context, "while scanning an alias") == 0) {
		return give_up(builder, &parser->context_mark,
			       "A value that begins with \"*\" must be in quotes, such as \"*\".");
	}
	/* An unclosed quote is noticed at the end of the file only. */
	if (parser->context && parser->context_mark.line != mark->line)
		snprintf(began, sizeof(began), " that begins in line %zu, column %zu",
			 parser->context_mark.line + 1, parser->context_mark.column + 1);
	if (strcmp(problem, "mapping values are not allowed in this context") == 0)
		hint = first_colon(line) >= mark->column
			       ? " This line is indented deeper than the key above it, to which "
				 "it can't belong; keys of one map are indented alike."
			       : " A value with \": \" in it must be in quotes.";
	else if (strcmp(problem, "found character that cannot start any token") == 0)
		hint = " A value that begins with this character must be in quotes.";
	else if (strcmp(problem, "did not find expected '-' indicator") == 0 ||
		 strcmp(problem, "did not find expected key") == 0)
		hint = " Keys of one map, and entries of one list, are indented alike.";
	else if (strcmp(context, "while scanning a quoted scalar") == 0)
		hint = " The quote is not closed.";
	return give_up(builder, mark, "This is not valid YAML: %s%s%s%s.%s", context, began,
		       parser->context ? ", " : "", problem, hint);
}

static int next_event(struct builder *builder, yaml_event_t *ret)
{
	yaml_parser_t *parser = &builder->parser;
	yaml_mark_t mark;

	if (yaml_parser_parse(parser, ret))
		return 0;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR) {
		mark = mark_of_offset(builder->file, parser->problem_offset);
		return give_up(builder, &mark, "%s",
			       parser->problem && strcmp(parser->problem,
							 "control characters are not allowed") == 0
				       ? "There is a control character here: take it out."
				       : "The text is not UTF-8 here: save the file as UTF-8.");
	}
	return explain_syntax(builder);
}

static int node_new(struct builder *builder, const yaml_mark_t *mark, enum yaml_kind kind,
		    struct yaml_node **ret)
{
	struct yaml_node *node;

	if (builder->n_nodes++ >= YAML_NODES_MAX) {
		return give_up(builder, mark,
			       "The file has more than %u values, keys included; split it.",
			       YAML_NODES_MAX);
	}
	node = pool_alloc(&builder->file->pool, 1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->kind = kind;
	node->line = (unsigned)mark->line + 1;
	node->column = (unsigned)mark->column + 1;
	*ret = node;
	return 0;
}

static void refuse_extras(struct builder *builder, const yaml_event_t *event, const void *anchor,
			  const void *tag)
{
	if (anchor)
		complain(builder, &event->start_mark,
			 "Anchors are not supported here; write the value out where it is needed.");
	if (tag)
		complain(builder, &event->start_mark,
			 "Tags are not supported here; leave the \"!\" out, or quote the value.");
}

static int build_scalar(struct builder *builder, const yaml_event_t *event, struct yaml_node **ret)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct yaml_node *node;
	int r;

	refuse_extras(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
	r = node_new(builder, &event->start_mark, YAML_SCALAR, &node);
	if (r < 0)
		return r;
	if (memchr(value, '\0', length))
		complain(builder, &event->start_mark, "A value can't hold a NUL byte.");
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->scalar = pool_strndup(&builder->file->pool, value, length);
	if (!node->scalar)
		return -ENOMEM;
	*ret = node;
	return 0;
}

static int item_push(struct builder *builder, struct yaml_node *key, struct yaml_node *value)
{
	if (builder->n_items >= builder->capacity) {
		size_t grown = builder->capacity ? builder->capacity * 2 : 256;
		struct yaml_item *items = reallocarray(builder->items, grown, sizeof(*items));

		if (!items)
			return -ENOMEM;
		builder->items = items;
		builder->capacity = grown;
	}
	builder->items[builder->n_items++] = (struct yaml_item){.key = key, .value = value};
	return 0;
}

/* Moves what was pushed since there were `first` items into the node. */
static int items_take(struct builder *builder, size_t first, struct yaml_node *node)
{
	size_t n = builder->n_items - first;

	if (n == 0)
		return 0;
	node->items = pool_alloc(&builder->file->pool, n, sizeof(*node->items));
	if (!node->items)
		return -ENOMEM;
	memcpy(node->items, builder->items + first, n * sizeof(*node->items));
	node->n_items = n;
	builder->n_items = first;
	return 0;
}

static int build_node(struct builder *builder, const yaml_event_t *event, unsigned depth,
		      struct yaml_node **ret);

static int build_list(struct builder *builder, const yaml_event_t *start, unsigned depth,
		      struct yaml_node **ret)
{
	size_t first = builder->n_items;
	struct yaml_node *node;
	int r;

	refuse_extras(builder, start, start->data.sequence_start.anchor,
		      start->data.sequence_start.tag);
	r = node_new(builder, &start->start_mark, YAML_LIST, &node);
	if (r < 0)
		return r;

	for (;;) {
		_cleanup_(yaml_event_delete) yaml_event_t event = {};
		struct yaml_node *value;

		r = next_event(builder, &event);
		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		r = build_node(builder, &event, depth + 1, &value);
		if (r < 0)
			return r;
		r = item_push(builder, NULL, value);
		if (r < 0)
			return r;
	}
	*ret = node;
	return items_take(builder, first, node);
}

/* Looks at every key before: YAML_KEYS_MAX bounds what that costs. */
static bool refuse_duplicate(struct builder *builder, size_t first, const struct yaml_node *key)
{
	for (size_t i = first; i < builder->n_items; i++) {
		const struct yaml_node *other = builder->items[i].key;

		if (strcmp(other->scalar, key->scalar) != 0)
			continue;
		yaml_problem(builder->file, key, false, builder->problems,
			     "\"%s\" stands here twice; the first is in line %u.", key->scalar,
			     other->line);
		return true;
	}
	return false;
}

static int build_key(struct builder *builder, const yaml_event_t *event, size_t first,
		     struct yaml_node **ret)
{
	if (event->type != YAML_SCALAR_EVENT) {
		return give_up(builder, &event->start_mark, "A key must be a plain word.");
	}
	if (builder->n_items - first >= YAML_KEYS_MAX) {
		return give_up(builder, &event->start_mark,
			       "A map of more than %u keys is too large.", YAML_KEYS_MAX);
	}
	return build_scalar(builder, event, ret);
}

static int build_map(struct builder *builder, const yaml_event_t *start, unsigned depth,
		     struct yaml_node **ret)
{
	size_t first = builder->n_items;
	struct yaml_node *node;
	int r;

	refuse_extras(builder, start, start->data.mapping_start.anchor,
		      start->data.mapping_start.tag);
	r = node_new(builder, &start->start_mark, YAML_MAP, &node);
	if (r < 0)
		return r;

	for (;;) {
		_cleanup_(yaml_event_delete) yaml_event_t key_event = {}, value_event = {};
		struct yaml_node *key, *value;
		bool duplicate;

		r = next_event(builder, &key_event);
		if (r < 0)
			return r;
		if (key_event.type == YAML_MAPPING_END_EVENT)
			break;
		r = build_key(builder, &key_event, first, &key);
		if (r < 0)
			return r;
		duplicate = refuse_duplicate(builder, first, key);
		r = next_event(builder, &value_event);
		if (r < 0)
			return r;
		r = build_node(builder, &value_event, depth + 1, &value);
		if (r < 0)
			return r;
		if (duplicate)
			continue;
		r = item_push(builder, key, value);
		if (r < 0)
			return r;
	}
	*ret = node;
	return items_take(builder, first, node);
}

static int build_node(struct builder *builder, const yaml_event_t *event, unsigned depth,
		      struct yaml_node **ret)
{
	if (depth >= YAML_DEPTH_MAX) {
		return give_up(builder, &event->start_mark, "More than %u levels are too deep.",
			       YAML_DEPTH_MAX);
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(builder, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		return build_list(builder, event, depth, ret);
	case YAML_MAPPING_START_EVENT:
		return build_map(builder, event, depth, ret);
	default: /* libyaml's grammar leaves nothing else */
		return give_up(
			builder, &event->start_mark,
			"Aliases are not supported here; write the value out. A value that begins "
			"with \"*\" must be in quotes.");
	}
}

static int build_stream(struct builder *builder)
{
	bool more = true;
	int r;

	while (more) {
		_cleanup_(yaml_event_delete) yaml_event_t event = {};

		r = next_event(builder, &event);
		if (r < 0)
			return r;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			more = false;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (builder->file->root) {
				return give_up(
					builder, &event.start_mark,
					"A file holds one document; put this one into a file of "
					"its own.");
			}
			break;
		default:
			r = build_node(builder, &event, 0, &builder->file->root);
			if (r < 0)
				return r;
			break;
		}
	}
	return 0;
}

/*
 * What people who read the file do not see, or see elsewhere: behind a character that ends the line
 * for libyaml alone, the rest of a comment is a rule. These are the line ends of YAML 1.1 that 1.2
 * and editors do not know, a CR without LF, the byte order mark, and what turns the direction of
 * writing until the line ends (Unicode Standard Annex 9, section 2).
 */
static bool is_hidden(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	switch (p[0]) {
	case '\r':
		return p[1] != '\n';
	case 0xc2: /* U+0085 */
		return p[1] == 0x85;
	case 0xe2: /* U+2028 to U+202E, U+2066 to U+2069 */
		return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
		       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
	case 0xef: /* U+FEFF */
		return p[1] == 0xbb && p[2] == 0xbf;
	default:
		return false;
	}
}

static int refuse_hidden(struct builder *builder)
{
	const struct yaml_file *file = builder->file;

	for (const char *p = file->text; (p = strpbrk(p, "\r\xc2\xe2\xef")); p++)
		if (is_hidden(p)) {
			yaml_mark_t mark = mark_of_offset(file, (size_t)(p - file->text));

			return give_up(builder, &mark,
				       *p == '\r'
					       ? "A line ends in CR here, which many programs do "
						 "not show: end it in LF, or in CR and LF."
					       : "There is a character here that nobody sees: a "
						 "byte order mark, or one that ends the line or "
						 "turns the direction of writing for some "
						 "programs. Take it out.");
		}
	return 0;
}

/* Takes over `text`, whatever it returns. */
static int file_parse(const char *path, char *text, size_t length, struct problems *problems,
		      struct yaml_file **ret)
{
	_cleanup_free_ char *own_text = text;
	_cleanup_(yaml_file_freep) struct yaml_file *file = NULL;
	struct builder builder = {.problems = problems};
	size_t errors_before = problems->n_errors;
	const char *nul;
	int r;

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->text = TAKE_PTR(own_text);
	file->length = length;
	file->path = pool_strdup(&file->pool, path);
	if (!file->path)
		return -ENOMEM;
	builder.file = file;

	if (length > YAML_SIZE_MAX) {
		problems_add(problems, false, path, 0, 0,
			     "The file is longer than %u bytes; split it.", YAML_SIZE_MAX);
		return -EBADMSG;
	}
	nul = memchr(file->text, '\0', length);
	if (nul) {
		yaml_mark_t mark = mark_of_offset(file, (size_t)(nul - file->text));

		return give_up(&builder, &mark, "The file holds a NUL byte; it is no text.");
	}
	r = refuse_hidden(&builder);
	if (r < 0)
		return r;

	if (!yaml_parser_initialize(&builder.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)file->text, length);
	r = build_stream(&builder);
	yaml_parser_delete(&builder.parser);
	free(builder.items);
	if (r < 0)
		return r;
	file->flawed = problems->n_errors > errors_before;
	*ret = TAKE_PTR(file);
	return 0;
}

int yaml_text_load(const char *path, const char *text, size_t length, struct problems *problems,
		   struct yaml_file **ret)
{
	char *copy = malloc(length + 1);

	if (!copy)
		return -ENOMEM;
	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return file_parse(path, copy, length, problems, ret);
}

/*
 * Whoever can write a file of these decides what fwctld believes. The opened file is looked at, not
 * its name, which can be another file by then.
 */
static int check_trusted(int fd, const char *path, struct problems *problems)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		problems_add(problems, false, path, 0, 0, "This must be a regular file.");
		return -EPERM;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		problems_add(problems, false, path, 0, 0,
			     "The file belongs to user %u, but must belong to root: chown it.",
			     st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		problems_add(problems, false, path, 0, 0,
			     "Others than the owner can write the file (mode %04o): chmod go-w it.",
			     st.st_mode & 07777u);
		return -EPERM;
	}
	return 0;
}

static int read_all(int fd, char **ret, size_t *ret_length)
{
	_cleanup_free_ char *text = malloc(YAML_SIZE_MAX + 2);
	size_t length = 0;
	char *shrunk;

	if (!text)
		return -ENOMEM;
	/* One byte above the limit, so that file_parse() sees the excess. */
	while (length < YAML_SIZE_MAX + 1) {
		ssize_t n = read(fd, text + length, YAML_SIZE_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	shrunk = realloc(text, length + 1);
	if (shrunk)
		text = shrunk;
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

int yaml_file_load(const char *path, bool trusted, struct problems *problems,
		   struct yaml_file **ret)
{
	_cleanup_close_ int fd = -EBADF;
	char *text = NULL;
	size_t length = 0;
	int r;

	/* A trusted file is a regular one: O_NONBLOCK, so that a FIFO in its place can't hang us.
	 */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (trusted ? O_NONBLOCK : 0));
	if (fd < 0) {
		r = -errno;
		problems_add(problems, false, path, 0, 0, "The file can't be opened: %s.",
			     strerror(-r));
		return r;
	}
	if (trusted) {
		r = check_trusted(fd, path, problems);
		if (r < 0)
			return r;
	}
	r = read_all(fd, &text, &length);
	if (r < 0) {
		problems_add(problems, false, path, 0, 0, "The file can't be read: %s.",
			     strerror(-r));
		return r;
	}
	return file_parse(path, text, length, problems, ret);
}
