/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the shipped catalogue says about every command, held against two things that are written
 * down apart from it: a table of all entries, so that no class changes unseen, and the facts about
 * log pages and features, so that none is wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/catalogue-fixture.h"
#include "policy/classify.h"
#include "policy/field.h"

#define NVME_GET_LOG_PAGE 0x02
#define NVME_SET_FEATURES 0x09
#define NVME_GET_FEATURES 0x0a

static FILE *open_golden(const char *name)
{
	_cleanup_free_ char *path = NULL;
	FILE *file;

	assert_true(asprintf(&path, "%s/tests/data/golden/%s", getenv("FWCTLD_SOURCE") ?: ".",
			     name) >= 0);
	file = fopen(path, "re");
	assert_non_null(file);
	return file;
}

static void print_condition(FILE *out, const struct command *command,
			    const struct condition *condition)
{
	for (size_t i = 0; i < condition->n_terms; i++) {
		const struct condition_term *term = &condition->terms[i];
		const struct field *field = &command->fields[term->field];
		char text[FIELD_TEXT_MAX];

		fprintf(out, " %s=", field->name);
		for (size_t j = 0; j < term->n_ranges; j++) {
			union field_value value = {.number = term->ranges[j].first};

			fprintf(out, "%s%s", j > 0 ? "," : "",
				field_format(field, &value, text, sizeof(text)));
			value.number = term->ranges[j].last;
			if (term->ranges[j].first != term->ranges[j].last)
				fprintf(out, "..%s",
					field_format(field, &value, text, sizeof(text)));
		}
		for (size_t j = 0; j < term->n_uuids; j++) {
			union field_value value;

			memcpy(value.bytes, term->uuids[j], sizeof(term->uuids[j]));
			fprintf(out, "%s%s", j > 0 ? "," : "",
				field_format(field, &value, text, sizeof(text)));
		}
	}
}

static void print_row(FILE *out, const struct command *command, const char *kind,
		      const struct condition *condition, enum effect_class class,
		      effect_set effects)
{
	char text[EFFECT_SET_STRING_MAX];

	fprintf(out, "%s | %s", command->full_name, kind);
	print_condition(out, command, condition);
	fprintf(out, " | %s | %s\n", effect_class_to_string(class) ?: "-",
		effects ? effect_set_to_string(effects, text) : "-");
}

static void print_length(FILE *out, const struct command *command, const struct length *length)
{
	if (length->any)
		fprintf(out, "%" PRIu64 "..%" PRIu64, length->min, length->max);
	else if (length->field < 0)
		fprintf(out, "%" PRIu64, length->add);
	else
		fprintf(out, "(%s+%" PRIu64 ")*%" PRIu64, command->fields[length->field].name,
			length->add, length->scale);
}

static void print_lengths(FILE *out, const struct command *command, const char *what,
			  const struct length_case *cases, size_t n_cases)
{
	for (size_t i = 0; i < n_cases; i++) {
		print_condition(out, command, &cases[i].when);
		fprintf(out, " %s=", what);
		print_length(out, command, &cases[i].length);
	}
}

/* What a command is, beside its classes. */
static void print_entry(FILE *out, const struct command *command)
{
	char text[EFFECT_SET_STRING_MAX];

	fprintf(out, "%s | entry | 0x%02" PRIx32, command->full_name, command->opcode);
	for (unsigned i = 0; i < command->n_fields; i++)
		if (command->fields[i].select)
			fprintf(out, " %s=0x%" PRIx64, command->fields[i].name,
				command->fields[i].fixed_value);
	if (command->refused) {
		fprintf(out, " | %s\n", command->layout_unknown ? "layout unknown" : "refused");
		return;
	}
	fprintf(out, " | %" PRIu32 " bytes", command->message_size);
	print_lengths(out, command, "request", command->request, command->n_request);
	print_lengths(out, command, "response", command->response, command->n_response);
	for (unsigned i = 0; i < command->n_segments; i++) {
		fprintf(out, " %s@%u=", command->segments[i].to_device ? "to" : "from",
			command->segments[i].pointer);
		print_length(out, command, &command->segments[i].length);
	}
	for (size_t i = 0; i < command->n_scopes; i++) {
		print_condition(out, command, &command->scopes[i].when);
		if (command->scopes[i].when.any_effect)
			fprintf(out, " any-of=%s",
				effect_set_to_string(command->scopes[i].when.any_effect, text));
		fprintf(out, " scope=%" PRIu64, command->scopes[i].value);
	}
	if (command->needs)
		fprintf(out, " needs=0x%" PRIx32, command->needs);
	fprintf(out, "\n");
}

static char *print_classes(const struct catalogue *catalogue)
{
	static const struct condition always;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < catalogue->n_dialects; i++)
		for (size_t j = 0; j < catalogue->dialects[i].n_commands; j++) {
			const struct command *c = &catalogue->dialects[i].commands[j];

			print_entry(out, c);
			print_row(out, c, "otherwise", &always, c->class, c->effects);
			for (size_t k = 0; k < c->n_refine; k++)
				print_row(out, c, "refine", &c->refine[k].when, c->refine[k].class,
					  c->refine[k].effects);
			for (size_t k = 0; k < c->n_also; k++)
				print_row(out, c, "also", &c->also[k].when, c->also[k].class,
					  c->also[k].effects);
			if (c->live_absent)
				print_row(out, c, "not reported", &always, c->live_absent, 0);
		}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void no_class_changes_unseen(void **state)
{
	_cleanup_free_ char *actual = print_classes(shipped), *line = NULL;
	_cleanup_fclose_ FILE *golden = open_golden("classes.txt");
	const char *position = actual;
	size_t size = 0;
	unsigned wrong = 0, rows = 0;

	while (getline(&line, &size, golden) >= 0) {
		size_t length = strcspn(position, "\n");

		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) != length || strncmp(line, position, length) != 0) {
			print_message("# golden: %s\n# loaded: %.*s\n", line, (int)length,
				      position);
			wrong++;
		}
		position += length + (position[length] == '\n');
		rows++;
	}
	for (; *position; wrong++) {
		size_t length = strcspn(position, "\n");

		print_message("# loaded, but not golden: %.*s\n", (int)length, position);
		position += length + (position[length] == '\n');
	}
	assert_int_equal(wrong, 0);
	assert_true(rows > 80);
}

/* NVMe's command: opcode, namespace, dwords 10 and 11. */
static int classify_nvme(unsigned opcode, uint32_t nsid, uint32_t dw10, uint32_t dw11, size_t data,
			 struct classified *ret)
{
	static const uint8_t zeroes[4096];
	struct refusal refusal;
	uint8_t message[64] = {(uint8_t)opcode};

	assert_true(bytes_put(message, sizeof(message), 4, 4, BYTES_LITTLE, nsid));
	assert_true(bytes_put(message, sizeof(message), 40, 4, BYTES_LITTLE, dw10));
	assert_true(bytes_put(message, sizeof(message), 44, 4, BYTES_LITTLE, dw11));
	return classify(catalogue_dialect(shipped, "nvme"), message, sizeof(message), zeroes, data,
			NULL, ret, &refusal);
}

static struct classified classify_log(unsigned lid, unsigned rae, unsigned lsp)
{
	struct classified c;
	uint32_t dw10 = lid | lsp << 8 | rae << 15 | 127u << 16;

	assert_int_equal(classify_nvme(NVME_GET_LOG_PAGE, UINT32_MAX, dw10, 0, 0, &c), 0);
	assert_int_equal(c.response_length, 512);
	return c;
}

/* The class of each of 256, from lines "0x02 read-only ...". */
static void read_classes(const char *name, enum effect_class *ret, unsigned *ret_data)
{
	_cleanup_fclose_ FILE *file = open_golden(name);
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, file) >= 0) {
		char class[32], data[32];
		unsigned number;
		int c;

		if (line[0] == '#')
			continue;
		assert_true(sscanf(line, "%x %31s %31s", &number, class, data) == 3);
		assert_true(number < 256);
		c = effect_class_from_string(class);
		assert_true(c > 0);
		assert_int_equal(ret[number], 0);
		ret[number] = (enum effect_class)c;
		if (ret_data)
			ret_data[number] = strcmp(data, "unknown") == 0
						   ? UINT32_MAX
						   : (unsigned)strtoul(data, NULL, 10);
	}
}

static void log_pages_do_what_the_facts_say(void **state)
{
	enum effect_class classes[256] = {};
	unsigned wrong = 0;

	read_classes("nvme-log-pages.txt", classes, NULL);
	for (unsigned lid = 0; lid < 256; lid++) {
		enum effect_class expected = classes[lid] ?: CLASS_DESTRUCTIVE;
		struct classified c = classify_log(lid, 1, 0);

		if (c.class != expected) {
			print_message("# LID 0x%02x: %s, the facts say %s\n", lid,
				      effect_class_to_string(c.class),
				      effect_class_to_string(expected));
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* RAE 0 and a log specific field never read without a trace. */
static void only_the_plain_read_is_read_only(void **state)
{
	for (unsigned lid = 0; lid < 256; lid++) {
		assert_true(classify_log(lid, 0, 0).class > CLASS_READ_ONLY);
		for (unsigned lsp = 1; lsp < 128; lsp++) {
			assert_true(classify_log(lid, 1, lsp).class > CLASS_READ_ONLY);
			assert_true(classify_log(lid, 0, lsp).class > CLASS_READ_ONLY);
		}
	}
	assert_int_equal(classify_log(0x02, 0, 0).class, CLASS_CONFIG_CHANGE);
	assert_int_equal(classify_log(0x02, 1, 1).class, CLASS_DESTRUCTIVE);
	assert_int_equal(classify_log(0x07, 1, 1).class, CLASS_CONFIG_CHANGE);
	assert_int_equal(classify_log(0x07, 1, 2).class, CLASS_DESTRUCTIVE);
	assert_int_equal(classify_log(0x0d, 1, 3).class, CLASS_CONFIG_CHANGE);
	assert_int_equal(classify_log(0x0d, 1, 4).class, CLASS_DESTRUCTIVE);
}

static void pages_with_secrets_are_confidential(void **state)
{
	static const unsigned confidential[] = {0x07, 0x08, 0x0d, 0x15, 0x18, 0x70, 0xc0, 0xff};

	for (size_t i = 0; i < ELEMENTSOF(confidential); i++)
		for (unsigned rae = 0; rae < 2; rae++)
			assert_true(classify_log(confidential[i], rae, 0).effects &
				    EFFECT_BIT(EFFECT_CONFIDENTIAL));
	assert_int_equal(classify_log(0x02, 1, 0).effects, 0);
}

static void setting_features_does_what_the_facts_say(void **state)
{
	enum effect_class classes[256] = {};
	unsigned data[256] = {}, wrong = 0;

	read_classes("nvme-features.txt", classes, data);
	for (unsigned fid = 0; fid < 256; fid++) {
		/* Enabling the volatile write cache is its dword 11; others ignore it here. */
		uint32_t value = fid == 0x06 ? 1 : 0;
		struct classified c;
		int r;

		if (classes[fid] == 0 || data[fid] == UINT32_MAX) {
			assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, fid, value, 0, &c),
					 -EOPNOTSUPP);
			continue;
		}
		r = classify_nvme(NVME_SET_FEATURES, 0, fid, value, data[fid], &c);
		if (r < 0 || c.class != classes[fid] || c.request_length != data[fid]) {
			print_message("# FID 0x%02x: %d, %s\n", fid, r,
				      r < 0 ? "-" : effect_class_to_string(c.class));
			wrong++;
		}
		/* One byte more or less would leave the device or the kernel with a wrong length.
		 */
		assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, fid, value, data[fid] + 1, &c),
				 -EBADMSG);
	}
	assert_int_equal(wrong, 0);
}

static void setting_a_feature_knows_its_hazards(void **state)
{
	struct classified c;

	assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, 0x04, 0x14d, 0, &c), 0);
	assert_int_equal(c.effects, EFFECT_BIT(EFFECT_IMMEDIATE_CONFIG_CHANGE));
	assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, 0x80000004, 0x14d, 0, &c), 0);
	assert_true(c.effects & EFFECT_BIT(EFFECT_PERSISTENT));
	assert_int_equal(classify_nvme(NVME_SET_FEATURES, UINT32_MAX, 0x05, 1, 0, &c), 0);
	assert_true(c.effects & EFFECT_BIT(EFFECT_BROADCAST));
	assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, 0x06, 0, 0, &c), 0);
	assert_int_equal(c.class, CLASS_CONFIG_CHANGE);
	assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, 0x06, 2, 0, &c), 0);
	assert_int_equal(c.class, CLASS_DESTRUCTIVE);
	assert_int_equal(classify_nvme(NVME_SET_FEATURES, 0, 0x81, 1, 16, &c), 0);
	assert_int_equal(c.class, CLASS_DESTRUCTIVE);
}

static void getting_features_reads(void **state)
{
	enum effect_class classes[256] = {};

	read_classes("nvme-features.txt", classes, NULL);
	for (unsigned fid = 0; fid < 256; fid++) {
		struct classified current = {}, c;
		/* SEL 3, supported capabilities, transfers nothing, but to an old controller it is
		 * SEL 0. */
		int r = classify_nvme(NVME_GET_FEATURES, 0, fid | 3u << 8, 0, 0, &c);

		assert_int_equal(r, classes[fid] ? 0 : -EOPNOTSUPP);
		if (r == 0) {
			assert_int_equal(c.class, CLASS_READ_ONLY);
			if (classify_nvme(NVME_GET_FEATURES, 0, fid, 0, 0, &current) == 0)
				assert_int_equal(c.response_length, current.response_length);
			else
				assert_int_equal(c.response_length, 4096);
		}
		assert_int_equal(classify_nvme(NVME_GET_FEATURES, 0, fid | 3u << 8, 0, 1, &c),
				 -EBADMSG);
	}
}

/* A reserved selection is no query that anybody knows, and no reserved Identify is one. */
static void the_rest_of_the_readers(void **state)
{
	struct classified c;

	assert_int_equal(classify_nvme(NVME_GET_FEATURES, 0, 0x02 | 4u << 8, 0, 0, &c), 0);
	assert_int_equal(c.class, CLASS_DESTRUCTIVE);
	for (unsigned cns = 0; cns < 256; cns++) {
		assert_int_equal(classify_nvme(0x06, 0, cns, 0, 0, &c), 0);
		assert_int_equal(c.class, cns <= 0x0a || (cns >= 0x10 && cns <= 0x1f)
						  ? CLASS_READ_ONLY
						  : CLASS_DESTRUCTIVE);
		assert_int_equal(c.response_length, 4096);
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_class_changes_unseen),
		cmocka_unit_test(log_pages_do_what_the_facts_say),
		cmocka_unit_test(only_the_plain_read_is_read_only),
		cmocka_unit_test(pages_with_secrets_are_confidential),
		cmocka_unit_test(setting_features_does_what_the_facts_say),
		cmocka_unit_test(setting_a_feature_knows_its_hazards),
		cmocka_unit_test(getting_features_reads),
		cmocka_unit_test(the_rest_of_the_readers),
	};

	/* For a new table, see its head. */
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		_cleanup_free_ char *text = NULL;

		if (fixture_setup(NULL) < 0)
			return EXIT_FAILURE;
		text = print_classes(shipped);
		fputs(text, stdout);
		fixture_teardown(NULL);
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests_name("classes", tests, fixture_setup, fixture_teardown);
}
