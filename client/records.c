/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/records.h"

#include <pwd.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "include/fwctld-names.h"
#include "policy/yaml.h"

#define DAEMON_USER "fwctld"
#define DAEMON_UNIT "fwctld.service"

/* A field of so many bytes may come cut. fwctld's records are shorter (daemon/broker/audit.h). */
#define VALUE_MAX (64u * 1024u)

static const char *const kinds[_RECORD_KIND_MAX] = {
	[RECORD_INTENT] = FWCTLD_MESSAGE_INTENT,
	[RECORD_DENIED] = FWCTLD_MESSAGE_DENIED,
	[RECORD_SUPPRESSED] = FWCTLD_MESSAGE_SUPPRESSED,
};

static const char *const field_names[_RECORD_FIELD_MAX] = {
	[RECORD_CALLER_UID] = "FWCTLD_CALLER_UID",
	[RECORD_CALLER_NAME] = "FWCTLD_CALLER_NAME",
	[RECORD_CALLER_GIDS] = "FWCTLD_CALLER_GIDS",
	[RECORD_DEVICE_ID] = "FWCTLD_DEVICE_ID",
	[RECORD_DIALECT] = "FWCTLD_DIALECT",
	[RECORD_DRIVER] = "FWCTLD_DRIVER",
	[RECORD_PCI] = "FWCTLD_PCI",
	[RECORD_SERIAL] = "FWCTLD_SERIAL",
	[RECORD_MODEL] = "FWCTLD_MODEL",
	[RECORD_FIRMWARE] = "FWCTLD_FIRMWARE",
	[RECORD_NQN] = "FWCTLD_NQN",
	[RECORD_COMMAND] = "FWCTLD_COMMAND",
	[RECORD_FIELDS] = "FWCTLD_FIELDS",
	[RECORD_CLASS] = "FWCTLD_CLASS",
	[RECORD_EFFECTS] = "FWCTLD_EFFECTS",
	[RECORD_SCOPE] = "FWCTLD_SCOPE",
	[RECORD_VERDICT] = "FWCTLD_VERDICT",
	[RECORD_RULE] = "FWCTLD_RULE",
	[RECORD_COUNT] = "FWCTLD_COUNT",
	[RECORD_TRUNCATED] = "FWCTLD_TRUNCATED",
	[RECORD_MESSAGE_ID] = "MESSAGE_ID",
	/* journald's own, from the socket: later than the decision by microseconds. */
	[RECORD_SENT_USEC] = "_SOURCE_REALTIME_TIMESTAMP",
};

struct records {
	sd_journal *journal;
	uint64_t until_usec;
};

void record_done(struct record *record)
{
	for (unsigned i = 0; i < _RECORD_FIELD_MAX; i++)
		free(record->values[i]);
	*record = (struct record){};
}

/* Matches of one field are alternatives, those of different fields must all hold. */
static int match(sd_journal *journal, const char *name, const char *value)
{
	char text[128];

	snprintf(text, sizeof(text), "%s=%s", name, value);
	return sd_journal_add_match(journal, text, 0);
}

static int match_user(sd_journal *journal)
{
	const struct passwd *daemon;
	char uid[16];

	errno = 0;
	daemon = getpwnam(DAEMON_USER);
	if (!daemon)
		return errno > 0 && errno != ENOENT ? -errno : -ESRCH;
	snprintf(uid, sizeof(uid), "%u", daemon->pw_uid);
	return match(journal, "_UID", uid);
}

int records_open(const char *directory, const char *file, uint64_t since_usec, uint64_t until_usec,
		 struct records **ret)
{
	_cleanup_(sd_journal_closep) sd_journal *journal = NULL;
	struct records *records;
	int r;

	if (directory)
		r = sd_journal_open_directory(&journal, directory, 0);
	else if (file)
		r = sd_journal_open_files(&journal, (const char *[]){file, NULL}, 0);
	else
		r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
	if (r < 0)
		return r;
	for (unsigned i = 0; r >= 0 && i < ELEMENTSOF(kinds); i++)
		r = match(journal, "MESSAGE_ID", kinds[i]);
	if (r >= 0)
		r = match(journal, "_SYSTEMD_UNIT", DAEMON_UNIT);
	/* The user has another number on another machine, where those files may be from. */
	if (r >= 0 && !directory && !file)
		r = match_user(journal);
	if (r >= 0)
		r = sd_journal_set_data_threshold(journal, VALUE_MAX);
	if (r >= 0)
		r = sd_journal_seek_realtime_usec(journal, since_usec);
	if (r < 0)
		return r;
	records = malloc(sizeof(*records));
	if (!records)
		return -ENOMEM;
	*records = (struct records){.journal = TAKE_PTR(journal), .until_usec = until_usec};
	*ret = records;
	return 0;
}

struct records *records_close(struct records *records)
{
	if (records)
		sd_journal_close(records->journal);
	free(records);
	return NULL;
}

/* One "NAME=value", if it is one of ours. */
static int take_value(struct record *record, const char *data, size_t length)
{
	const char *equals = memchr(data, '=', length);
	size_t name_length = equals ? (size_t)(equals - data) : length;

	for (unsigned i = 0; equals && i < _RECORD_FIELD_MAX; i++) {
		const char *value = equals + 1;
		size_t value_length = length - name_length - 1;

		if (strlen(field_names[i]) != name_length ||
		    memcmp(field_names[i], data, name_length) != 0)
			continue;
		/* fwctld writes none of these; taking the first of two values would be a guess. */
		if (record->values[i] || memchr(value, '\0', value_length) || length >= VALUE_MAX)
			record->damaged = true;
		if (record->values[i])
			return 0;
		record->values[i] = strndup(value, value_length);
		return record->values[i] ? 0 : -ENOMEM;
	}
	return 0;
}

static int read_values(sd_journal *journal, struct record *record)
{
	const void *data;
	size_t length;
	int r;

	sd_journal_restart_data(journal);
	while ((r = sd_journal_enumerate_data(journal, &data, &length)) > 0) {
		r = take_value(record, data, length);
		if (r < 0)
			return r;
	}
	/* What is missing could be what decides. */
	if (r < 0)
		record->damaged = true;
	if (record->values[RECORD_SENT_USEC])
		(void)parse_uint(record->values[RECORD_SENT_USEC], &record->realtime_usec);
	return 0;
}

static enum record_kind kind_of(const struct record *record)
{
	const char *id = record->values[RECORD_MESSAGE_ID];

	for (unsigned i = 0; id && i < ELEMENTSOF(kinds); i++)
		if (strcmp(id, kinds[i]) == 0)
			return i;
	return _RECORD_KIND_MAX;
}

int records_next(struct records *records, struct record *ret)
{
	for (;;) {
		_cleanup_(record_done) struct record record = {};
		int r;

		r = sd_journal_next(records->journal);
		if (r <= 0)
			return r;
		r = sd_journal_get_realtime_usec(records->journal, &record.realtime_usec);
		if (r < 0)
			return r;
		if (record.realtime_usec > records->until_usec)
			return 0;
		r = read_values(records->journal, &record);
		if (r < 0)
			return r;
		record.kind = kind_of(&record);
		if (record.kind == _RECORD_KIND_MAX)
			continue;
		*ret = record;
		record = (struct record){};
		return 1;
	}
}
