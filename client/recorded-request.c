/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/recorded-request.h"

#include <string.h>

#include "policy/field.h"
#include "policy/yaml.h"

/* What cannot be understood; a record of fwctld's has none of that. */
static int odd(const struct record *record, enum record_field field, const char *name,
	       struct refusal *ret_why)
{
	if (!record->values[field])
		return refuse(ret_why, -EINVAL,
			      "it has no %s, which an older fwctld did not record", name);
	return refuse(ret_why, -EINVAL, "its %s \"%s\" cannot be understood", name,
		      record->values[field]);
}

static bool read_id(const char *text, uint32_t *ret)
{
	uint64_t number;

	if (!parse_uint(text, &number) || number >= UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* "4 27 1000" */
static int read_gids(const char *text, gid_t **ret, size_t *ret_n)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_free_ gid_t *gids = calloc(strlen(text) + 1, sizeof(*gids));
	char *rest = copy;
	size_t n = 0;

	if (!copy || !gids)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, " "));)
		if (!read_id(word, &gids[n++]))
			return -EINVAL;
	*ret = TAKE_PTR(gids);
	*ret_n = n;
	return 0;
}

/* Who has no name keeps the number: a policy can name that, too. */
static int name_caller(const struct record *record, struct accounts *symbolic,
		       struct accounts *machine, struct recorded_request *request)
{
	const char *user = record->values[RECORD_CALLER_NAME];
	int r = 0;

	/* "somebody unknown" */
	if (user && !strchr(user, ' '))
		r = accounts_id(symbolic, false, user, &request->caller.uid);
	for (size_t i = 0; r == 0 && i < request->caller.n_gids; i++) {
		const char *group = accounts_name(machine, true, request->gids[i]);

		if (!group)
			return -ENOMEM;
		if (group[strspn(group, "0123456789")] != '\0')
			r = accounts_id(symbolic, true, group, &request->gids[i]);
	}
	return r;
}

static int read_caller(const struct record *record, struct recorded_request *request,
		       struct refusal *ret_why)
{
	const char *uid = record->values[RECORD_CALLER_UID];
	const char *gids = record->values[RECORD_CALLER_GIDS];
	int r;

	if (!uid || !read_id(uid, &request->caller.uid))
		return odd(record, RECORD_CALLER_UID, "caller's uid", ret_why);
	r = gids ? read_gids(gids, &request->gids, &request->caller.n_gids) : -EINVAL;
	if (r == -EINVAL)
		return odd(record, RECORD_CALLER_GIDS, "list of the caller's groups", ret_why);
	request->caller.gids = request->gids;
	return r;
}

/* A field that is empty is not recorded. */
static const char *known(const struct record *record, enum record_field field)
{
	return record->values[field] ?: "";
}

static int read_device(const struct record *record, struct device_identity *ret,
		       struct refusal *ret_why)
{
	const char *id = record->values[RECORD_DEVICE_ID];

	if (!id || strcspn(id, ":@#") == strlen(id))
		return odd(record, RECORD_DEVICE_ID, "device id", ret_why);
	if (!record->values[RECORD_DIALECT])
		return odd(record, RECORD_DIALECT, "type of device", ret_why);
	if (!record->values[RECORD_DRIVER])
		return odd(record, RECORD_DRIVER, "device's driver", ret_why);
	*ret = (struct device_identity){
		.dialect = record->values[RECORD_DIALECT],
		.driver = record->values[RECORD_DRIVER],
		.pci = known(record, RECORD_PCI),
		.serial = known(record, RECORD_SERIAL),
		.model = known(record, RECORD_MODEL),
		.firmware = known(record, RECORD_FIRMWARE),
		.nqn = known(record, RECORD_NQN),
		.id = id,
		/* A device with a serial goes by another id only while that is disputed. */
		.serial_disputed = record->values[RECORD_SERIAL] && id[strcspn(id, ":@#")] != ':',
	};
	return 0;
}

static int read_field(const struct command *command, char *setting, union field_value *values,
		      bool *given, struct refusal *ret_why)
{
	char *value = strchr(setting, '=');
	int index;

	if (value)
		*value++ = '\0';
	index = value ? command_field(command, setting) : -1;
	if (index < 0)
		return refuse(ret_why, -EINVAL, "the catalogue no longer has the field %s of %s",
			      setting, command->full_name);
	given[index] = true;
	/* Not recorded; and no condition can test it. */
	if (command->fields[index].secret)
		return 0;
	if (field_parse(&command->fields[index], value, &values[index]) < 0)
		return refuse(ret_why, -EINVAL,
			      "the catalogue no longer has the value %s of field %s of %s", value,
			      setting, command->full_name);
	return 0;
}

/* "lid=smart rae=0x1": neither names nor values hold a space. */
static int read_fields(const struct record *record, const struct command *command,
		       union field_value *values, struct refusal *ret_why)
{
	_cleanup_free_ char *copy = strdup(known(record, RECORD_FIELDS));
	bool given[FIELDS_MAX] = {};
	char *rest = copy;
	int r;

	if (!copy)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, " "));) {
		if (*word == '\0')
			continue;
		r = read_field(command, word, values, given, ret_why);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];

		if (given[i] || field->secret || field->type == FIELD_BYTES)
			continue;
		/* fwctld's own values are not recorded. The size of a message is not known, so it
		 * is 0; a policy has no use for it. */
		if (field->fixed == FIXED_VALUE)
			values[i].number = field->fixed_value;
		else if (field->fixed == FIXED_NOT)
			return refuse(ret_why, -EINVAL,
				      "the field %s of %s, which the catalogue has, is not in it",
				      field->name, command->full_name);
	}
	return 0;
}

/* "persistent,broadcast" */
static int read_effects(const char *text, effect_set *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	effect_set effects = 0;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, ","));) {
		int effect = *word ? effect_from_string(word) : -EINVAL;

		if (effect < 0)
			return -EINVAL;
		effects |= EFFECT_BIT(effect);
	}
	*ret = effects;
	return 0;
}

static const struct command *find_command(const struct catalogue *catalogue, const char *full_name)
{
	for (size_t i = 0; i < catalogue->n_dialects; i++) {
		const struct command *command = dialect_command(&catalogue->dialects[i], full_name);

		if (command && strcmp(command->full_name, full_name) == 0)
			return command;
	}
	return NULL;
}

static int read_judged(const struct record *record, const struct catalogue *catalogue,
		       struct classified *ret, struct refusal *ret_why)
{
	const char *name = record->values[RECORD_COMMAND], *class = record->values[RECORD_CLASS];
	const char *effects = record->values[RECORD_EFFECTS], *scope = record->values[RECORD_SCOPE];
	int r;

	if (!name)
		return odd(record, RECORD_COMMAND, "command", ret_why);
	ret->command = find_command(catalogue, name);
	if (!ret->command)
		return refuse(ret_why, -EINVAL, "the catalogue no longer has the command %s", name);
	r = class ? effect_class_from_string(class) : -EINVAL;
	if (r < 0)
		return odd(record, RECORD_CLASS, "class", ret_why);
	ret->class = r;
	/* A query has none, and then there is no such field. */
	r = effects ? read_effects(effects, &ret->effects) : 0;
	if (r == -EINVAL)
		return odd(record, RECORD_EFFECTS, "list of effects", ret_why);
	if (r < 0)
		return r;
	if (ret->command->envelope == ENVELOPE_FWCTL_RPC &&
	    (!scope || !read_id(scope, &ret->scope)))
		return odd(record, RECORD_SCOPE, "scope", ret_why);
	return read_fields(record, ret->command, ret->values, ret_why);
}

int recorded_request_read(const struct record *record, const struct catalogue *catalogue,
			  struct accounts *symbolic, struct accounts *machine,
			  struct recorded_request *ret, struct refusal *ret_why)
{
	_cleanup_(recorded_request_done) struct recorded_request request = {};
	int r;

	if (record->damaged)
		return refuse(ret_why, -EINVAL,
			      "a field of it cannot be read, stands there twice or holds a NUL");
	/* What did not fit could be what decides. */
	if (record->values[RECORD_TRUNCATED])
		return refuse(ret_why, -EINVAL,
			      "it is not whole: the caller has too many groups, or its fields are "
			      "too long for a record");
	r = record->values[RECORD_VERDICT] ? verdict_from_string(record->values[RECORD_VERDICT])
					   : -EINVAL;
	if (r < 0)
		return odd(record, RECORD_VERDICT, "verdict", ret_why);
	request.verdict = r;
	r = read_caller(record, &request, ret_why);
	if (r == 0 && symbolic)
		r = name_caller(record, symbolic, machine, &request);
	if (r == 0)
		r = read_device(record, &request.device, ret_why);
	if (r == 0)
		r = read_judged(record, catalogue, &request.request, ret_why);
	if (r < 0)
		return r;
	*ret = request;
	request.gids = NULL;
	return 0;
}

void recorded_request_done(struct recorded_request *request)
{
	free(request->gids);
	request->gids = NULL;
}
