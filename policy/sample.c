/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/field.h"
#include "policy/suggest.h"
#include "policy/yaml.h"

void sample_done(struct sample *sample)
{
	free(sample->gids);
	for (unsigned key = 0; key < _DEVICE_KEY_MAX; key++)
		free(sample->keys[key]);
	free(sample->data);
	free(sample->device_id);
	free(sample->message);
	*sample = (struct sample){};
}

int sample_account(struct accounts *accounts, bool group, const char *text, uint32_t *ret)
{
	uint64_t number;

	if (text[strspn(text, "0123456789")] != '\0')
		return accounts_id(accounts, group, text, ret);
	/* The greatest one is no id: the kernel's "none", and "unchanged" to chown(). */
	if (!parse_uint(text, &number) || number >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)number;
	return 0;
}

int sample_add_group(struct sample *sample, gid_t gid)
{
	gid_t *gids = reallocarray(sample->gids, sample->n_gids + 1, sizeof(*gids));

	if (!gids)
		return -ENOMEM;
	sample->gids = gids;
	gids[sample->n_gids++] = gid;
	return 0;
}

int sample_set_device(struct sample *sample, enum device_key key, const char *value,
		      struct refusal *ret_refusal)
{
	const char *name = device_key_to_string(key);
	size_t length = strlen(value);

	if (sample->keys[key])
		return refuse(ret_refusal, -EINVAL, "The device's %s stands there twice.", name);
	if (length == 0)
		return refuse(ret_refusal, -EINVAL,
			      "The device's %s is empty; leave out what it does not have.", name);
	if (value[length - 1] == '*')
		return refuse(ret_refusal, -EINVAL,
			      "\"%.64s\" is a pattern; expected the %s of one device.", value,
			      name);
	for (const char *p = value; *p; p++)
		if (*p < ' ' || *p > '~')
			return refuse(ret_refusal, -EINVAL,
				      "No device has this %s: it is printable ASCII, with a \"?\" "
				      "for every other byte.",
				      name);
	sample->keys[key] = strdup(value);
	return sample->keys[key] ? 0 : -ENOMEM;
}

static int refuse_command(const struct catalogue *catalogue, const char *type, const char *name,
			  struct refusal *ret_refusal)
{
	struct suggestion suggestion = {.wrong = name};
	const char *full = NULL;

	for (size_t i = 0; i < catalogue->n_dialects; i++) {
		const struct dialect *dialect = &catalogue->dialects[i];

		for (size_t j = 0; j < dialect->n_commands; j++) {
			suggestion_try(&suggestion, dialect->commands[j].full_name);
			if (strcmp(dialect->commands[j].name, name) == 0)
				full = dialect->commands[j].full_name;
		}
	}
	if (type)
		return refuse(ret_refusal, -ENOENT,
			      "A device of type %s has no command \"%.64s\".%s", type, name,
			      suggestion_text(&suggestion));
	if (full)
		return refuse(ret_refusal, -ENOENT,
			      "A command is named with its dialect: \"%s\"; or give the device's "
			      "type.",
			      full);
	return refuse(ret_refusal, -ENOENT, "The catalogue has no command \"%.64s\".%s", name,
		      suggestion_text(&suggestion));
}

int sample_set_command(struct sample *sample, const struct catalogue *catalogue, const char *name,
		       struct refusal *ret_refusal)
{
	const char *type = sample->keys[DEVICE_TYPE], *dot = strchr(name, '.');
	const struct dialect *dialect = NULL;
	char *of_command;

	if (type) {
		dialect = catalogue_dialect(catalogue, type);
		if (!dialect)
			return refuse(ret_refusal, -ENOENT,
				      "The catalogue has no device type \"%.64s\".", type);
	} else if (dot) {
		of_command = strndup(name, (size_t)(dot - name));
		if (!of_command)
			return -ENOMEM;
		dialect = catalogue_dialect(catalogue, of_command);
		if (dialect)
			sample->keys[DEVICE_TYPE] = of_command;
		else
			free(of_command);
	}
	if (dialect)
		sample->command = dialect_command(dialect, name);
	if (!sample->command)
		return refuse_command(catalogue, type, name, ret_refusal);
	return 0;
}

int sample_add_field(struct sample *sample, const char *name, const char *text,
		     struct refusal *ret_refusal)
{
	int index = command_field(sample->command, name);
	struct field_setting *setting = &sample->settings[sample->n_settings];
	char takes[FIELD_EXPLAIN_MAX];
	const struct field *field;

	if (index < 0)
		return encode_unknown_field(sample->command, name, ret_refusal);
	if (sample->n_settings >= FIELDS_MAX)
		return refuse(ret_refusal, -EINVAL, "More fields than any command has.");
	field = &sample->command->fields[index];
	*setting = (struct field_setting){.name = field->name};
	if (field_parse(field, text, &setting->value) < 0)
		return refuse(ret_refusal, -EINVAL,
			      "\"%.40s\" is no value for field \"%s\"; it takes %s.%s", text,
			      field->name, field_explain(field, takes, sizeof(takes)),
			      parse_uint_hint(text));
	sample->n_settings++;
	return 0;
}

/* What fwctld would call the device: by serial, else by address. */
static int set_identity(struct sample *sample)
{
	static const char unknown[] = "";
	char **keys = sample->keys;
	int r;

	sample->device = (struct device_identity){
		.dialect = sample->command->dialect->name,
		.driver = keys[DEVICE_DRIVER] ?: unknown,
		.pci = keys[DEVICE_PCI] ?: unknown,
		.serial = keys[DEVICE_SERIAL] ?: unknown,
		.model = keys[DEVICE_MODEL] ?: unknown,
		.firmware = keys[DEVICE_FIRMWARE] ?: unknown,
		.nqn = keys[DEVICE_NQN] ?: unknown,
	};
	if (keys[DEVICE_SERIAL])
		r = asprintf(&sample->device_id, "%s:%s", sample->device.dialect,
			     keys[DEVICE_SERIAL]);
	else
		r = asprintf(&sample->device_id, "%s@%s", sample->device.dialect,
			     sample->device.pci);
	if (r < 0) {
		sample->device_id = NULL;
		return -ENOMEM;
	}
	sample->device.id = sample->device_id;
	return 0;
}

int sample_finish(struct sample *sample, struct refusal *ret_refusal)
{
	const struct command *command = sample->command;
	size_t length, data_length;
	const void *data;
	int r;

	r = set_identity(sample);
	if (r < 0)
		return r;
	sample->caller = (struct caller_identity){
		.uid = sample->uid,
		.gids = sample->gids,
		.n_gids = sample->n_gids,
	};
	/* The tail of a message is what there is of data. */
	length = MESSAGE_HEAD_MAX + sample->data_length;
	sample->message = malloc(length);
	if (!sample->message)
		return -ENOMEM;
	r = encode(command, sample->settings, sample->n_settings, sample->data, sample->data_length,
		   sample->message, length, &length, &data, &data_length, ret_refusal);
	if (r < 0)
		return r;
	return classify(command->dialect, sample->message, length, data, data_length, NULL,
			&sample->request, ret_refusal);
}

void sample_worsen(struct sample *sample, enum effect_class class, effect_set effects)
{
	struct classified *request = &sample->request;

	request->reported.effects |= effects;
	request->effects |= effects;
	if (effect_set_class(request->effects) > class)
		class = effect_set_class(request->effects);
	if (class > request->class)
		request->class = class;
}
