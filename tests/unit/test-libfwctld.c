/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library, against stub_fwctld.py in mode "normal", which this program is started beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "include/fwctld-names.h"
#include "include/fwctld.h"

#define REQUEST "0123456789abcdef0123456789abcdef"
#define DEVICE	"/org/fwctld1/device/nvme0"

/* An out parameter that a failure must leave alone. */
#define UNTOUCHED ((void *)0x5a)

static int setup(void **state)
{
	struct fwctld *connection = NULL;
	int r = fwctld_open(&connection);

	*state = connection;
	return r;
}

static int teardown(void **state)
{
	assert_null(fwctld_close(*state));
	return 0;
}

static const struct fwctld_item *find(const struct fwctld_items *items, const char *name)
{
	for (size_t i = 0; i < items->n; i++)
		if (strcmp(items->items[i].name, name) == 0)
			return &items->items[i];
	fail_msg("no item %s", name);
	return NULL;
}

static void test_null_is_fine(void **state)
{
	assert_null(fwctld_close(NULL));
	fwctld_free(NULL);
}

static void test_devices(void **state)
{
	struct fwctld_device *devices = NULL;
	size_t n = 0;

	assert_int_equal(fwctld_list_devices(*state, &devices, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(devices[0].path, DEVICE);
	assert_string_equal(devices[0].name, "nvme0");
	assert_string_equal(devices[1].dialect, "cxl");
	assert_string_equal(devices[1].device_id, "cxl:1");
	assert_string_equal(devices[1].state, "busy");
	assert_null(devices[1].serial);
	assert_null(fwctld_error(*state)->message);
	fwctld_free(devices);
}

static void test_device_by_name_and_by_path(void **state)
{
	static const char *const names[] = {"nvme0", "nvme:LAB-NVME-0", "LAB-NVME-0", DEVICE};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fwctld_device *device = NULL;

		assert_int_equal(fwctld_get_device(*state, names[i], &device), 0);
		assert_string_equal(device->path, DEVICE);
		assert_string_equal(device->name, "nvme0");
		assert_string_equal(device->driver, "nvme");
		assert_string_equal(device->pci_address, "0000:01:00.0");
		assert_string_equal(device->serial, "LAB-NVME-0");
		assert_string_equal(device->firmware, "1.0");
		assert_null(device->subsystem_nqn); /* "" on the bus */
		assert_true(device->simulated);
		fwctld_free(device);
	}
}

static void test_commands(void **state)
{
	struct fwctld_command *commands = NULL;
	size_t n = 0;

	assert_int_equal(fwctld_list_commands(*state, DEVICE, &commands, &n), 0);
	assert_int_equal(n, 12);
	assert_string_equal(commands[0].name, "nvme.get-log-page");
	assert_string_equal(commands[0].when, "lid=error,smart rae=1");
	assert_string_equal(commands[0].effect_class, "read-only");
	assert_string_equal(commands[0].verdict, "allow");
	assert_null(commands[0].effects[0]);
	assert_string_equal(commands[1].effects[1], "data-loss");
	assert_null(commands[1].effects[2]);
	assert_string_equal(commands[1].reason, "nobody knows");
	assert_string_equal(commands[0].static_class, "read-only");
	assert_string_equal(commands[0].device_reason, "the device reports no effect of this");
	assert_null(commands[1].device_effects[0]);
	assert_null(commands[1].device_reason);
	assert_string_equal(commands[3].static_class, "config-change");
	assert_string_equal(commands[3].device_effects[0], "immediate-data-change");
	assert_null(commands[3].device_effects[1]);
	assert_string_equal(commands[11].verdict, "refused");
	assert_string_equal(commands[11].reason, "nobody published its layout");
	fwctld_free(commands);
}

static void test_describe_command(void **state)
{
	struct fwctld_description *d = UNTOUCHED;

	assert_int_equal(fwctld_describe_command(*state, "nvme0", "frob", &d), -EOPNOTSUPP);
	assert_int_equal(fwctld_describe_command(*state, "nvme0", "required-is-string", &d),
			 -EBADMSG);
	assert_int_equal(fwctld_describe_command(*state, "nvme0", NULL, &d), -EINVAL);
	assert_int_equal(fwctld_describe_command(*state, "nvme0", "\xff", &d), -EINVAL);
	assert_ptr_equal(d, UNTOUCHED);

	assert_int_equal(fwctld_describe_command(*state, "nvme0", "get-log-page", &d), 0);
	assert_string_equal(d->command, "nvme.get-log-page");
	assert_string_equal(d->summary, "Read one log page.");
	assert_int_equal(d->n_fields, 3);
	assert_string_equal(d->fields[0].name, "lid");
	assert_string_equal(d->fields[0].takes, "0 to 0xff");
	assert_string_equal(d->fields[0].values[1], "smart=0x2");
	assert_null(d->fields[0].values[2]);
	assert_null(d->fields[0].default_value);
	assert_true(d->fields[0].required);
	assert_string_equal(d->fields[1].default_value, "depends on other fields");
	assert_null(d->fields[1].summary);
	assert_null(d->fields[1].values[0]);
	assert_false(d->fields[1].required);
	fwctld_free(d);
}

static void test_execute_decodes(void **state)
{
	struct fwctld_request request = {.command = "get-log-page"};
	struct fwctld_result *result = NULL;
	const struct fwctld_item *item;

	assert_int_equal(fwctld_execute(*state, DEVICE, &request, &result), 0);
	/* What was read outlives the connection. */
	fwctld_close(*state);
	*state = NULL;

	assert_string_equal(result->request, REQUEST);
	assert_int_equal(result->status, 0);
	assert_int_equal(result->response_length, 64);
	assert_int_equal(result->response[63], 63);
	assert_int_equal(result->decoded.n, 15);
	assert_string_equal(result->decoded.items[14].name, "result");
	item = find(&result->decoded, "power-cycles");
	assert_int_equal(item->type, FWCTLD_ITEM_NUMBER);
	assert_true(item->number == UINT64_MAX);
	item = find(&result->decoded, "heat");
	assert_int_equal(item->type, FWCTLD_ITEM_SIGNED_NUMBER);
	assert_int_equal((int64_t)item->number, -20);
	assert_string_equal(item->unit, "C");
	item = find(&result->decoded, "drift");
	assert_int_equal(item->type, FWCTLD_ITEM_SIGNED_NUMBER);
	assert_true((int64_t)item->number == INT64_MIN);
	assert_null(item->unit);
	item = find(&result->decoded, "state");
	assert_int_equal(item->type, FWCTLD_ITEM_TEXT);
	assert_string_equal(item->text, "degraded");
	item = find(&result->decoded, "vendor");
	assert_int_equal(item->type, FWCTLD_ITEM_BYTES);
	assert_int_equal(item->length, 4);
	assert_int_equal(item->bytes[3], 3);
	item = find(&result->decoded, "newer");
	assert_int_equal(item->type, FWCTLD_ITEM_OTHER);
	assert_string_equal(item->text, "(td)");
	item = find(&result->decoded, "entries");
	assert_int_equal(item->type, FWCTLD_ITEM_GROUP);
	assert_int_equal(item->n_members, 6);
	item = find(&item->members[0], "sizes");
	assert_int_equal(item->n_members, 2);
	assert_int_equal(find(&item->members[0], "size")->number, 512);
	fwctld_free(result);
}

/* The stub answers with what it got, as JSON. */
static void assert_sent(struct fwctld *connection, const struct fwctld_request *request,
			const char *expected)
{
	struct fwctld_result *result = NULL;

	assert_int_equal(fwctld_execute(connection, "nvme0", request, &result), 0);
	assert_int_equal(result->response_length, strlen(expected));
	assert_memory_equal(result->response, expected, strlen(expected));
	fwctld_free(result);
}

static void test_execute_sends_the_request(void **state)
{
	static const struct fwctld_setting fields[] = {{"lid", "smart"}, {"nsid", "0xffffffff"}};
	static const uint8_t message[] = {0x02, 0x00, 0xff};

	assert_sent(
		*state,
		&(struct fwctld_request){.command = "echo",
					 .fields = {fields, 2},
					 .data = "\x01",
					 .data_length = 1,
					 .device_id = "nvme:LAB-NVME-0",
					 .reason = "LAB-17"},
		"{\"data\": \"01\", \"fields\": {\"lid\": [\"s\", \"smart\"], \"nsid\": [\"s\", "
		"\"0xffffffff\"]}, \"first\": \"echo\", \"flags\": 4, \"member\": \"Execute\", "
		"\"options\": {\"device-id\": [\"s\", \"nvme:LAB-NVME-0\"], \"reason\": [\"s\", "
		"\"LAB-17\"]}, \"path\": \"" DEVICE "\"}");
	assert_sent(*state,
		    &(struct fwctld_request){.message = message,
					     .message_length = sizeof(message),
					     .data = "ab",
					     .data_length = 2},
		    "{\"data\": \"6162\", \"fields\": {}, \"first\": \"0200ff\", \"flags\": 4, "
		    "\"member\": \"ExecuteRaw\", \"options\": {}, \"path\": \"" DEVICE "\"}");
}

static void test_explain(void **state)
{
	static const uint8_t message[64] = {0x80};
	struct fwctld_request requests[] = {{.command = "get-feature"},
					    {.message = message,
					     .message_length = sizeof(message)}};
	struct fwctld_explanation *e = NULL;

	assert_int_equal(fwctld_explain(*state, "nvme0", &requests[0], &e), 0);
	assert_string_equal(e->command, "nvme.format-nvm");
	assert_string_equal(e->effect_class, "destructive");
	assert_string_equal(e->effects[1], "broadcast");
	assert_null(e->effects[2]);
	assert_string_equal(e->verdict, "deny");
	assert_string_equal(e->rule_at, "/etc/fwctld/policy.d/50-site.yaml:12");
	assert_null(e->note);
	assert_int_equal(e->fields.n, 2);
	assert_string_equal(e->fields.items[1].name, "key");
	assert_string_equal(e->fields.items[1].value, "(secret)");
	assert_int_equal(*e->scope, 1);
	assert_null(e->needs);
	assert_null(e->device_effects);
	assert_null(e->device_reason);
	assert_string_equal(e->observed_verdict, "authenticate");
	assert_string_equal(e->observed_rule, "storage-asks");
	assert_string_equal(e->observed_rule_at, "/etc/fwctld/policy.d/40-new.yaml:3");
	fwctld_free(e);

	assert_int_equal(fwctld_explain(*state, "nvme0", &requests[1], &e), 0);
	assert_string_equal(e->note, "Ask the storage desk.");
	assert_string_equal(e->static_class, "config-change");
	assert_string_equal(e->device_effects[0], "immediate-data-change");
	assert_null(e->scope);
	assert_null(e->observed_rule);
	assert_string_equal(e->needs[0], "device-id");
	assert_null(e->needs[1]);
	fwctld_free(e);
}

static void test_answers_that_lack_something(void **state)
{
	static const char *const commands[] = {"nothing", "verdict-is-number", "note-is-number"};
	struct fwctld_request hollow = {.command = "hollow-variant"};
	struct fwctld_result *result = UNTOUCHED;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct fwctld_request request = {.command = commands[i]};
		struct fwctld_explanation *e = UNTOUCHED;

		assert_int_equal(fwctld_explain(*state, "nvme0", &request, &e), -EBADMSG);
		assert_ptr_equal(e, UNTOUCHED);
		assert_null(fwctld_error(*state)->name);
		assert_non_null(strstr(fwctld_error(*state)->message, "Explain"));
	}
	assert_int_equal(fwctld_execute(*state, "nvme0", &hollow, &result), -EBADMSG);
	assert_ptr_equal(result, UNTOUCHED);
}

static void test_errors(void **state)
{
	/* As the table in fwctld.h. */
	static const struct {
		const char *command;
		const char *name;
		int r;
	} errors[] = {
		{"error.Timeout", FWCTLD_ERROR_TIMEOUT, -ETIMEDOUT},
		{"error.OutcomeUnknown", FWCTLD_ERROR_OUTCOME_UNKNOWN, -EINPROGRESS},
		{"error.Denied", FWCTLD_ERROR_DENIED, -EACCES},
		{"error.NotAuthenticated", FWCTLD_ERROR_NOT_AUTHENTICATED, -EPERM},
		{"error.InvalidRequest", FWCTLD_ERROR_INVALID_REQUEST, -EINVAL},
		{"error.UnknownCommand", FWCTLD_ERROR_UNKNOWN_COMMAND, -EOPNOTSUPP},
		{"error.DeviceGone", FWCTLD_ERROR_DEVICE_GONE, -ENODEV},
		{"error.Busy", FWCTLD_ERROR_BUSY, -EBUSY},
		{"error.KernelRefused", FWCTLD_ERROR_KERNEL_REFUSED, -EIO},
		{"error.DeviceRefused", FWCTLD_ERROR_DEVICE_REFUSED, -EREMOTEIO},
		{"error.AuditUnavailable", FWCTLD_ERROR_AUDIT_UNAVAILABLE, -EAGAIN},
		{"error.QuotaExceeded", FWCTLD_ERROR_QUOTA_EXCEEDED, -EDQUOT},
		{"error.org.freedesktop.DBus.Error.ServiceUnknown",
		 "org.freedesktop.DBus.Error.ServiceUnknown", -EHOSTUNREACH},
		{"error.org.example.Unheard", "org.example.Unheard", -EIO},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct fwctld_request request = {.command = errors[i].command};
		struct fwctld_result *result = UNTOUCHED;
		const struct fwctld_error *error;

		assert_int_equal(fwctld_execute(*state, DEVICE, &request, &result), errors[i].r);
		assert_ptr_equal(result, UNTOUCHED);
		error = fwctld_error(*state);
		assert_string_equal(error->name, errors[i].name);
		assert_string_equal(error->message, "You may not send nvme.format-nvm to nvme0.");
		assert_string_equal(error->request, REQUEST);
		assert_string_equal(error->rule, "storage-never-formats");
		assert_string_equal(error->rule_at, "/etc/fwctld/policy.d/50-site.yaml:12");
		assert_string_equal(error->note, "Ask the storage desk.");
		assert_string_equal(error->effect_class, "destructive");
		if (strstr(errors[i].name, "Refused"))
			assert_int_equal(*error->status, 0x4002);
		else
			assert_null(error->status);
	}
}

static void test_error_with_an_odd_body(void **state)
{
	struct fwctld_request odd = {.command = "odd-error.Denied"};
	struct fwctld_request bare = {.command = "bare-error.Denied"};
	struct fwctld_result *result;

	assert_int_equal(fwctld_execute(*state, DEVICE, &odd, &result), -EACCES);
	assert_string_equal(fwctld_error(*state)->message, "Odd.");
	assert_null(fwctld_error(*state)->rule);
	assert_null(fwctld_error(*state)->status);
	assert_string_equal(fwctld_error(*state)->note, "Still here.");
	assert_int_equal(fwctld_execute(*state, DEVICE, &bare, &result), -EACCES);
	assert_string_equal(fwctld_error(*state)->message, FWCTLD_ERROR_DENIED);
}

static void test_a_lost_daemon(void **state)
{
	struct fwctld_request request = {.command = "vanish"};
	struct fwctld_result *result = UNTOUCHED;

	assert_int_equal(fwctld_execute(*state, DEVICE, &request, &result), -ETIMEDOUT);
	assert_string_equal(fwctld_error(*state)->name, "org.freedesktop.DBus.Error.NoReply");
	assert_ptr_equal(result, UNTOUCHED);
}

static void test_wrong_arguments_send_nothing(void **state)
{
	static const struct fwctld_setting no_name = {NULL, "1"}, no_value = {"a", NULL},
					   no_text = {"a", "\xff"};
	static const struct fwctld_request requests[] = {
		{},
		{.command = "vanish", .message = "x", .message_length = 1},
		{.message = "x", .message_length = 1, .fields = {&no_text, 1}},
		{.command = "vanish\xc0\x80"},
		{.command = "vanish", .fields = {&no_name, 1}},
		{.command = "vanish", .fields = {&no_value, 1}},
		{.command = "vanish", .fields = {&no_text, 1}},
		{.command = "vanish", .reason = "\xed\xa0\x80"},
		{.command = "vanish", .device_id = "\xf8\x88\x80\x80\x80"},
	};
	struct fwctld_request fine = {.command = "echo"};
	struct fwctld_result *result = UNTOUCHED;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		assert_int_equal(fwctld_execute(*state, DEVICE, &requests[i], &result), -EINVAL);
		assert_ptr_equal(result, UNTOUCHED);
		assert_null(fwctld_error(*state)->name);
		assert_non_null(fwctld_error(*state)->message);
	}
	assert_int_equal(fwctld_execute(*state, NULL, &fine, &result), -EINVAL);
	assert_int_equal(fwctld_execute(*state, DEVICE "/../nvme1", &fine, &result), -ENODEV);
	assert_int_equal(fwctld_execute(*state, DEVICE, &fine, &result), 0);
	assert_null(fwctld_error(*state)->message);
	fwctld_free(result);
}

static void test_reload(void **state)
{
	uint64_t generation = 0;

	assert_int_equal(fwctld_reload_policy(*state, &generation), 0);
	assert_int_equal(generation, 3);
	assert_int_equal(fwctld_reload_policy(*state, NULL), 0);
}

int main(void)
{
#define WITH_CONNECTION(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_is_fine),
		WITH_CONNECTION(test_devices),
		WITH_CONNECTION(test_device_by_name_and_by_path),
		WITH_CONNECTION(test_commands),
		WITH_CONNECTION(test_describe_command),
		WITH_CONNECTION(test_execute_decodes),
		WITH_CONNECTION(test_execute_sends_the_request),
		WITH_CONNECTION(test_explain),
		WITH_CONNECTION(test_answers_that_lack_something),
		WITH_CONNECTION(test_errors),
		WITH_CONNECTION(test_error_with_an_odd_body),
		WITH_CONNECTION(test_wrong_arguments_send_nothing),
		WITH_CONNECTION(test_reload),
		/* Last: the stub comes back, but a moment later. */
		WITH_CONNECTION(test_a_lost_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
