/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/example.h"

#include <errno.h>
#include <string.h>

#include "policy/field.h"

/* The first user of most systems who is a person. */
#define UID_PLAIN 1000u
#define UIDS_FEW  1024u

/* The letters that a made-up name ends in, the best first. */
static const char endings[] = "1023456789AXZaxz";

static bool in_part(const struct space_strings *strings, uint64_t part, const char *text)
{
	return strcmp(text, strings->begins[part]) >= 0 &&
	       (part + 1 == strings->n || strcmp(text, strings->begins[part + 1]) < 0);
}

/* A string that looks like one: what the part begins with can end in a blank. */
static const char *string_of_part(const struct space_strings *strings, struct pool *pool,
				  uint64_t part)
{
	const char *begin = strings->begins[part];
	size_t length = strlen(begin);
	char *text = pool_alloc(pool, 1, length + 2);

	if (!text)
		return NULL;
	while (length > 0 && begin[length - 1] == ' ')
		length--;
	memcpy(text, begin, length);
	for (const char *ending = endings; *ending; ending++) {
		text[length] = *ending;
		text[length + 1] = '\0';
		if (in_part(strings, part, text))
			return text;
	}
	return begin;
}

/* Its default where that fits, else the least. */
static uint64_t choose_number(const struct field *field, const struct ranges *set)
{
	for (size_t i = 0; i < field->n_defaults; i++)
		if (ranges_have(set, field->defaults[i].value))
			return field->defaults[i].value;
	return set->items[0].first;
}

static void choose_uuid(const struct space *space, uint64_t number, uint8_t uuid[static 16])
{
	memset(uuid, 0, 16);
	if (number > 0)
		memcpy(uuid, space->uuids[number - 1], 16);
	while (number == 0 && space_uuid(space, uuid) != 0)
		uuid[15]++;
}

static int choose_fields(struct space *space, struct pool *pool, const struct box *fields,
			 unsigned number, struct example *ret)
{
	const struct command *command = space->commands[number];

	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];
		const struct ranges *set = box_get(fields, DIM_FIELD + i);

		ret->values[i] = (union field_value){};
		if (field->type == FIELD_BYTES)
			continue;
		if (!set)
			set = ranges_one(pool, 0, space_top(space, DIM_FIELD + i, number));
		if (!set)
			return -ENOMEM;
		if (field->type == FIELD_UUID)
			choose_uuid(space, set->items[0].first, ret->values[i].bytes);
		else
			ret->values[i].number = choose_number(field, set);
	}
	return 0;
}

/* 1, 0 or -ENOMEM. */
static int choose_request(struct space *space, struct pool *pool, const struct box *box,
			  enum domain domain, unsigned number, struct example *ret)
{
	const struct command_cells *cells = space_cells(space, number);
	const struct ranges *judgements = box_get(box, DIM_JUDGEMENT);

	for (size_t i = 0; cells && i < cells->n; i++) {
		const struct ranges *possible = cells->items[i].judgements[domain];
		const struct box *fields;

		if ((judgements && !ranges_meet(possible, judgements)) ||
		    !boxes_meet(cells->items[i].fields, box))
			continue;
		if (judgements)
			possible = ranges_intersect(pool, possible, judgements);
		fields = box_intersect(pool, cells->items[i].fields, box);
		if (!possible || !fields || choose_fields(space, pool, fields, number, ret) < 0)
			return -ENOMEM;
		ret->command = space->commands[number];
		ret->judgement = judgement_of((unsigned)possible->items[0].first);
		ret->reported = domain == DOMAIN_REPORTED;
		return 1;
	}
	return cells ? 0 : -ENOMEM;
}

static int choose_command(struct space *space, struct pool *pool, const struct box *box,
			  struct example *ret)
{
	const struct ranges *commands = box_get(box, DIM_COMMAND);
	int r = 0;

	for (enum domain domain = DOMAIN_STATIC; domain < _DOMAIN_MAX && r == 0; domain++)
		for (unsigned number = 0; number < space->n_commands && r == 0; number++)
			if (!commands || ranges_have(commands, number))
				r = choose_request(space, pool, box, domain, number, ret);
	return r;
}

static void choose_uid(const struct box *box, struct example *ret)
{
	const struct ranges *set = box_get(box, DIM_UID);
	uint64_t n = 0;

	ret->uid = UID_PLAIN;
	ret->uid_named = false;
	if (!set)
		return;
	for (size_t i = 0; i < set->n && n <= UIDS_FEW; i++)
		n += set->items[i].last - set->items[i].first + 1;
	ret->uid_named = n <= UIDS_FEW;
	ret->uid = (uid_t)set->items[0].first;
	for (size_t i = 0; i < set->n && !ret->uid_named; i++)
		if (set->items[i].last >= UID_PLAIN) {
			ret->uid = set->items[i].first > UID_PLAIN ? (uid_t)set->items[i].first
								   : UID_PLAIN;
			break;
		}
}

static int choose_caller(struct space *space, struct pool *pool, const struct box *box,
			 struct example *ret)
{
	choose_uid(box, ret);
	ret->gids = pool_alloc(pool, space->n_gids, sizeof(*ret->gids));
	ret->n_gids = 0;
	if (!ret->gids)
		return -ENOMEM;
	for (size_t i = 0; i < space->n_gids; i++) {
		const struct ranges *in = box_get(box, space_gid(space, space->gids[i]));

		if (in && ranges_have(in, 1) && !ranges_have(in, 0))
			ret->gids[ret->n_gids++] = space->gids[i];
	}
	return 0;
}

static int choose_device(struct space *space, struct pool *pool, const struct box *box,
			 struct example *ret)
{
	const struct ranges *disputed = box_get(box, DIM_DISPUTED);

	ret->strings[DEVICE_TYPE] = ret->command->dialect->name;
	ret->given[DEVICE_TYPE] = false;
	for (unsigned key = DEVICE_DRIVER; key < _DEVICE_KEY_MAX; key++) {
		const struct ranges *set = box_get(box, DIM_STRING + key - DEVICE_DRIVER);

		uint64_t part = set ? set->items[0].first : 0;

		/* Rather a device that has one. */
		if (key == DEVICE_SERIAL && part == 0 && (!set || ranges_have(set, 1)))
			part = 1;
		ret->given[key] = set != NULL;
		ret->strings[key] = string_of_part(&space->strings[key], pool, part);
		if (!ret->strings[key])
			return -ENOMEM;
	}
	ret->disputed = disputed && !ranges_have(disputed, 0);
	return 0;
}

static int choose_time(struct space *space, struct pool *pool, const struct box *box,
		       struct example *ret)
{
	ret->minutes = pool_alloc(pool, space->n_zones, sizeof(*ret->minutes));
	if (!ret->minutes)
		return -ENOMEM;
	for (size_t i = 0; i < space->n_zones; i++) {
		const struct ranges *set = box_get(box, space_zone(space, space->zones[i]));

		ret->minutes[i] = set ? (unsigned)set->items[0].first : 0;
	}
	return 0;
}

int region_example(struct space *space, struct pool *pool, const struct box *box,
		   struct example *ret)
{
	int r = choose_command(space, pool, box, ret);

	if (r <= 0)
		return r;
	r = choose_caller(space, pool, box, ret);
	if (r >= 0)
		r = choose_device(space, pool, box, ret);
	if (r >= 0)
		r = choose_time(space, pool, box, ret);
	return r < 0 ? r : 1;
}
