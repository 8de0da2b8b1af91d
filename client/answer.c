/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

/* What stands in front of every result; the public part, `data`, is what the caller knows. */
struct answer {
	sd_bus_message *reply;
	struct chunk *chunks; /* of answer_more() */
	max_align_t data[];
};

struct chunk {
	struct chunk *next;
	max_align_t data[];
};

static struct answer *answer_of(void *result)
{
	return (struct answer *)((char *)result - offsetof(struct answer, data));
}

/* n * size bytes behind a head, all zero; or NULL. */
static void *allocate(size_t head, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || __builtin_add_overflow(bytes, head, &bytes))
		return NULL;
	return calloc(1, bytes);
}

void *answer_new(sd_bus_message *reply, size_t n, size_t size)
{
	struct answer *answer = allocate(sizeof(*answer), n, size);

	if (!answer)
		return NULL;
	answer->reply = sd_bus_message_ref(reply);
	return answer->data;
}

void *answer_more(void *result, size_t n, size_t size)
{
	struct answer *answer = answer_of(result);
	struct chunk *chunk = allocate(sizeof(*chunk), n, size);

	if (!chunk)
		return NULL;
	chunk->next = answer->chunks;
	answer->chunks = chunk;
	return chunk->data;
}

void answer_free(void *result)
{
	struct answer *answer;

	if (!result)
		return;
	answer = answer_of(result);
	while (answer->chunks) {
		struct chunk *next = answer->chunks->next;

		free(answer->chunks);
		answer->chunks = next;
	}
	sd_bus_message_unref(answer->reply);
	free(answer);
}

static void answer_freep(void *result)
{
	answer_free(*(void **)result);
}

#define _cleanup_answer_ _cleanup_(answer_freep)

/* sd-bus says -ENXIO for another type, -EINVAL for a wrong path; to our caller it is one thing. */
static int wrong(int r)
{
	return r == -ENOMEM ? -ENOMEM : -EBADMSG;
}

/*
 * Enters an array and allocates as many zeroed elements as it has, and one more: for `result`, or
 * as a new result where that is NULL. They are counted first, so that they are in one piece.
 */
static int enter_array(void *result, sd_bus_message *m, const char *contents, size_t size,
		       void *ret_elements, size_t *ret_n)
{
	void *elements;
	size_t n = 0;
	int r;

	r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, contents);
	if (r <= 0)
		return r < 0 ? wrong(r) : -EBADMSG;
	while ((r = sd_bus_message_at_end(m, false)) == 0) {
		r = sd_bus_message_skip(m, contents);
		if (r < 0)
			return wrong(r);
		n++;
	}
	if (r < 0)
		return wrong(r);
	r = sd_bus_message_rewind(m, false);
	if (r < 0)
		return wrong(r);
	elements = result ? answer_more(result, n + 1, size) : answer_new(m, n + 1, size);
	if (!elements)
		return -ENOMEM;
	*(void **)ret_elements = elements;
	*ret_n = n;
	return 0;
}

static int exit_container(sd_bus_message *m)
{
	int r = sd_bus_message_exit_container(m);

	return r < 0 ? wrong(r) : 0;
}

static int read_strings(void *result, sd_bus_message *m, const char *const **ret)
{
	const char **strings;
	size_t n;
	int r;

	r = enter_array(result, m, "s", sizeof(*strings), &strings, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = sd_bus_message_read_basic(m, 's', &strings[i]);
		if (r < 0)
			return wrong(r);
	}
	*ret = strings;
	return exit_container(m);
}

static int read_settings(void *result, sd_bus_message *m, struct fwctld_settings *ret)
{
	struct fwctld_setting *items;
	size_t n;
	int r;

	r = enter_array(result, m, "{ss}", sizeof(*items), &items, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = sd_bus_message_read(m, "{ss}", &items[i].name, &items[i].value);
		if (r < 0)
			return wrong(r);
	}
	*ret = (struct fwctld_settings){items, n};
	return exit_container(m);
}

/* Where in a result the value of a key of an a{sv} goes. */
struct key {
	const char *name;
	const char *type; /* s: const char *, b: bool, u: const uint32_t *, as: strings, a{ss}:
			     settings */
	size_t offset;
};

/* The bus has no NULL: what is not known is an empty string there. */
static const char *known(const char *string)
{
	return *string ? string : NULL;
}

static int read_key(void *result, sd_bus_message *m, const struct key *key)
{
	void *place = (char *)result + key->offset;
	int r;

	r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, key->type);
	if (r <= 0)
		return r < 0 ? wrong(r) : -EBADMSG;
	if (strcmp(key->type, "s") == 0) {
		const char *string;

		r = sd_bus_message_read_basic(m, 's', &string);
		if (r >= 0)
			*(const char **)place = known(string);
	} else if (strcmp(key->type, "b") == 0) {
		int value = 0; /* what sd-bus takes for a boolean */

		r = sd_bus_message_read_basic(m, 'b', &value);
		*(bool *)place = value;
	} else if (strcmp(key->type, "u") == 0) {
		uint32_t *value = answer_more(result, 1, sizeof(*value));

		if (!value)
			return -ENOMEM;
		r = sd_bus_message_read_basic(m, 'u', value);
		*(const uint32_t **)place = value;
	} else if (strcmp(key->type, "as") == 0) {
		r = read_strings(result, m, place);
	} else {
		r = read_settings(result, m, place);
	}
	if (r < 0)
		return wrong(r);
	return exit_container(m);
}

/*
 * An a{sv} to the places of its keys. A key that we do not know is one of a newer fwctld and
 * skipped; one of another type is skipped too, but -EBADMSG once everything was read.
 */
static int read_keys(void *result, sd_bus_message *m, const struct key *keys, size_t n_keys)
{
	bool wrong_type = false;
	int r;

	r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}");
	if (r <= 0)
		return r < 0 ? wrong(r) : -EBADMSG;
	while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
		const struct key *key = NULL;
		const char *name, *type;

		r = sd_bus_message_read_basic(m, 's', &name);
		if (r < 0)
			return wrong(r);
		r = sd_bus_message_peek_type(m, NULL, &type);
		if (r < 0)
			return wrong(r);
		for (size_t i = 0; i < n_keys && !key; i++)
			if (strcmp(keys[i].name, name) == 0)
				key = &keys[i];
		if (key && strcmp(key->type, type) == 0) {
			r = read_key(result, m, key);
		} else {
			wrong_type = wrong_type || key;
			r = sd_bus_message_skip(m, "v");
		}
		if (r < 0)
			return wrong(r);
		r = exit_container(m);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return wrong(r);
	r = exit_container(m);
	if (r < 0)
		return r;
	return wrong_type ? -EBADMSG : 0;
}

int answer_devices(sd_bus_message *reply, struct fwctld_device **ret, size_t *ret_n)
{
	_cleanup_answer_ struct fwctld_device *devices = NULL;
	size_t n;
	int r;

	r = enter_array(NULL, reply, "(ossss)", sizeof(*devices), &devices, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct fwctld_device *d = &devices[i];

		r = sd_bus_message_read(reply, "(ossss)", &d->path, &d->name, &d->dialect,
					&d->device_id, &d->state);
		if (r < 0)
			return wrong(r);
	}
	*ret = TAKE_PTR(devices);
	*ret_n = n;
	return 0;
}

int answer_device(sd_bus_message *reply, const char *path, struct fwctld_device **ret)
{
	static const struct key keys[] = {
		{"Name", "s", offsetof(struct fwctld_device, name)},
		{"DeviceId", "s", offsetof(struct fwctld_device, device_id)},
		{"Dialect", "s", offsetof(struct fwctld_device, dialect)},
		{"Driver", "s", offsetof(struct fwctld_device, driver)},
		{"PciAddress", "s", offsetof(struct fwctld_device, pci_address)},
		{"Serial", "s", offsetof(struct fwctld_device, serial)},
		{"Model", "s", offsetof(struct fwctld_device, model)},
		{"Firmware", "s", offsetof(struct fwctld_device, firmware)},
		{"SubsystemNqn", "s", offsetof(struct fwctld_device, subsystem_nqn)},
		{"Simulated", "b", offsetof(struct fwctld_device, simulated)},
		{"State", "s", offsetof(struct fwctld_device, state)},
	};
	_cleanup_answer_ struct fwctld_device *device = NULL;
	char *copy;
	int r;

	device = answer_new(reply, 1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	copy = answer_more(device, strlen(path) + 1, 1);
	if (!copy)
		return -ENOMEM;
	device->path = strcpy(copy, path);
	r = read_keys(device, reply, keys, ELEMENTSOF(keys));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(device);
	return 0;
}

int answer_commands(sd_bus_message *reply, struct fwctld_command **ret, size_t *ret_n)
{
	_cleanup_answer_ struct fwctld_command *commands = NULL;
	size_t n;
	int r;

	r = enter_array(NULL, reply, "(ssssasssass)", sizeof(*commands), &commands, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct fwctld_command *c = &commands[i];

		r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_STRUCT, "ssssasssass");
		if (r < 0)
			return wrong(r);
		r = sd_bus_message_read(reply, "ssss", &c->name, &c->when, &c->effect_class,
					&c->verdict);
		if (r < 0)
			return wrong(r);
		r = read_strings(commands, reply, &c->effects);
		if (r < 0)
			return r;
		r = sd_bus_message_read(reply, "ss", &c->reason, &c->static_class);
		if (r < 0)
			return wrong(r);
		r = read_strings(commands, reply, &c->device_effects);
		if (r < 0)
			return r;
		r = sd_bus_message_read_basic(reply, 's', &c->device_reason);
		if (r < 0)
			return wrong(r);
		c->device_reason = known(c->device_reason);
		r = exit_container(reply);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(commands);
	*ret_n = n;
	return 0;
}

static int read_field(void *result, sd_bus_message *m, struct fwctld_field *field)
{
	const char *takes, *default_value, *summary;
	int required;
	int r;

	r = sd_bus_message_enter_container(m, SD_BUS_TYPE_STRUCT, "ssassbs");
	if (r < 0)
		return wrong(r);
	r = sd_bus_message_read(m, "ss", &field->name, &takes);
	if (r < 0)
		return wrong(r);
	r = read_strings(result, m, &field->values);
	if (r < 0)
		return r;
	r = sd_bus_message_read(m, "sbs", &default_value, &required, &summary);
	if (r < 0)
		return wrong(r);
	field->takes = known(takes);
	field->default_value = known(default_value);
	field->summary = known(summary);
	field->required = required;
	return exit_container(m);
}

int answer_description(sd_bus_message *reply, struct fwctld_description **ret)
{
	_cleanup_answer_ struct fwctld_description *description = NULL;
	struct fwctld_field *fields;
	const char *summary;
	int r;

	description = answer_new(reply, 1, sizeof(*description));
	if (!description)
		return -ENOMEM;
	r = sd_bus_message_read(reply, "ss", &description->command, &summary);
	if (r < 0)
		return wrong(r);
	description->summary = known(summary);
	r = enter_array(description, reply, "(ssassbs)", sizeof(*fields), &fields,
			&description->n_fields);
	if (r < 0)
		return r;
	description->fields = fields;
	for (size_t i = 0; i < description->n_fields; i++) {
		r = read_field(description, reply, &fields[i]);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(description);
	return 0;
}

static int read_items(void *result, sd_bus_message *m, struct fwctld_items *ret);

static int read_group(void *result, sd_bus_message *m, struct fwctld_item *item)
{
	struct fwctld_items *members;
	size_t n;
	int r;

	r = enter_array(result, m, "a{sv}", sizeof(*members), &members, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		/* As deep as the message: sd-bus refuses more than 128 nested containers. */
		r = read_items(result, m, &members[i]);
		if (r < 0)
			return r;
	}
	item->members = members;
	item->n_members = n;
	return exit_container(m);
}

/* The variant of a decoded item. */
static int read_value(void *result, sd_bus_message *m, struct fwctld_item *item)
{
	int64_t number = 0;
	const char *type;
	char *copy;
	int r;

	r = sd_bus_message_peek_type(m, NULL, &type);
	if (r < 0)
		return r;
	copy = answer_more(result, strlen(type) + 1, 1); /* `type` ends with the next peek */
	if (!copy)
		return -ENOMEM;
	strcpy(copy, type);
	r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, copy);
	if (r < 0)
		return r;
	if (strcmp(copy, "t") == 0) {
		item->type = FWCTLD_ITEM_NUMBER;
		r = sd_bus_message_read_basic(m, 't', &item->number);
	} else if (strcmp(copy, "(ts)") == 0) {
		item->type = FWCTLD_ITEM_NUMBER;
		r = sd_bus_message_read(m, "(ts)", &item->number, &item->unit);
	} else if (strcmp(copy, "x") == 0) {
		item->type = FWCTLD_ITEM_SIGNED_NUMBER;
		r = sd_bus_message_read_basic(m, 'x', &number);
		item->number = (uint64_t)number;
	} else if (strcmp(copy, "(xs)") == 0) {
		item->type = FWCTLD_ITEM_SIGNED_NUMBER;
		r = sd_bus_message_read(m, "(xs)", &number, &item->unit);
		item->number = (uint64_t)number;
	} else if (strcmp(copy, "(ss)") == 0) {
		item->type = FWCTLD_ITEM_TEXT;
		r = sd_bus_message_read(m, "(ss)", &item->text, &item->unit);
	} else if (strcmp(copy, "s") == 0) {
		item->type = FWCTLD_ITEM_TEXT;
		r = sd_bus_message_read_basic(m, 's', &item->text);
	} else if (strcmp(copy, "ay") == 0) {
		const void *bytes;

		item->type = FWCTLD_ITEM_BYTES;
		r = sd_bus_message_read_array(m, 'y', &bytes, &item->length);
		if (r >= 0)
			item->bytes = bytes;
	} else if (strcmp(copy, "aa{sv}") == 0) {
		item->type = FWCTLD_ITEM_GROUP;
		r = read_group(result, m, item);
	} else {
		/* Shown as what it is: the command was executed, its answer must not be lost over
		 * this. */
		item->type = FWCTLD_ITEM_OTHER;
		item->text = copy;
		r = sd_bus_message_skip(m, copy);
	}
	if (r < 0)
		return r;
	return exit_container(m);
}

static int read_items(void *result, sd_bus_message *m, struct fwctld_items *ret)
{
	struct fwctld_item *items;
	size_t n;
	int r;

	r = enter_array(result, m, "{sv}", sizeof(*items), &items, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");
		if (r < 0)
			return wrong(r);
		r = sd_bus_message_read_basic(m, 's', &items[i].name);
		if (r < 0)
			return wrong(r);
		r = read_value(result, m, &items[i]);
		if (r < 0)
			return wrong(r);
		r = exit_container(m);
		if (r < 0)
			return r;
	}
	*ret = (struct fwctld_items){items, n};
	return exit_container(m);
}

int answer_result(sd_bus_message *reply, struct fwctld_result **ret)
{
	_cleanup_answer_ struct fwctld_result *result = NULL;
	const void *response;
	int r;

	result = answer_new(reply, 1, sizeof(*result));
	if (!result)
		return -ENOMEM;
	r = sd_bus_message_read(reply, "su", &result->request, &result->status);
	if (r < 0)
		return wrong(r);
	r = sd_bus_message_read_array(reply, 'y', &response, &result->response_length);
	if (r < 0)
		return wrong(r);
	result->response = response;
	r = read_items(result, reply, &result->decoded);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(result);
	return 0;
}

int answer_explanation(sd_bus_message *reply, struct fwctld_explanation **ret)
{
	static const struct key keys[] = {
		{"command", "s", offsetof(struct fwctld_explanation, command)},
		{"class", "s", offsetof(struct fwctld_explanation, effect_class)},
		{"effects", "as", offsetof(struct fwctld_explanation, effects)},
		{"reason", "s", offsetof(struct fwctld_explanation, reason)},
		{"verdict", "s", offsetof(struct fwctld_explanation, verdict)},
		{"rule", "s", offsetof(struct fwctld_explanation, rule)},
		{"rule-at", "s", offsetof(struct fwctld_explanation, rule_at)},
		{"note", "s", offsetof(struct fwctld_explanation, note)},
		{"decision", "s", offsetof(struct fwctld_explanation, decision)},
		{"fields", "a{ss}", offsetof(struct fwctld_explanation, fields)},
		{"scope", "u", offsetof(struct fwctld_explanation, scope)},
		{"digest", "s", offsetof(struct fwctld_explanation, digest)},
		{"needs", "as", offsetof(struct fwctld_explanation, needs)},
		{"static-class", "s", offsetof(struct fwctld_explanation, static_class)},
		{"device-effects", "as", offsetof(struct fwctld_explanation, device_effects)},
		{"device-reason", "s", offsetof(struct fwctld_explanation, device_reason)},
		{"observed-verdict", "s", offsetof(struct fwctld_explanation, observed_verdict)},
		{"observed-rule", "s", offsetof(struct fwctld_explanation, observed_rule)},
		{"observed-rule-at", "s", offsetof(struct fwctld_explanation, observed_rule_at)},
	};
	_cleanup_answer_ struct fwctld_explanation *explanation = NULL;
	int r;

	explanation = answer_new(reply, 1, sizeof(*explanation));
	if (!explanation)
		return -ENOMEM;
	r = read_keys(explanation, reply, keys, ELEMENTSOF(keys));
	if (r < 0)
		return r;
	/* Without these it explains nothing, and "no effects" must have been said. */
	if (!explanation->command || !explanation->effect_class || !explanation->verdict ||
	    !explanation->effects)
		return -EBADMSG;
	*ret = TAKE_PTR(explanation);
	return 0;
}

int answer_error(sd_bus_message *reply, struct fwctld_error **ret)
{
	static const struct key keys[] = {
		{"request", "s", offsetof(struct fwctld_error, request)},
		{"rule", "s", offsetof(struct fwctld_error, rule)},
		{"rule-at", "s", offsetof(struct fwctld_error, rule_at)},
		{"note", "s", offsetof(struct fwctld_error, note)},
		{"class", "s", offsetof(struct fwctld_error, effect_class)},
		{"status", "u", offsetof(struct fwctld_error, status)},
	};
	const sd_bus_error *bus_error = sd_bus_message_get_error(reply);
	struct fwctld_error *error;
	int r;

	error = answer_new(reply, 1, sizeof(*error));
	if (!error)
		return -ENOMEM;
	error->name = bus_error->name;
	error->message = bus_error->message;
	if (!error->message || !*error->message)
		error->message = error->name;

	/* sd-bus has read the first string on its own; the details stand behind it. */
	r = sd_bus_message_has_signature(reply, "sa{sv}");
	if (r > 0)
		r = sd_bus_message_rewind(reply, true);
	if (r > 0)
		r = sd_bus_message_skip(reply, "s");
	if (r > 0)
		(void)read_keys(error, reply, keys, ELEMENTSOF(keys));
	*ret = error;
	return 0;
}
