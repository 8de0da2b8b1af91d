/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/field.h"

#define LISTED	   4u
#define COUNT_LIST 1024u /* users that are asked for by number; more of them are a rest */

void listing_add(struct listing *listing, const char *format, ...)
{
	va_list arguments;

	if (listing->n++ >= LISTED)
		return;
	fputs(listing->n == 1 ? listing->before : ", ", listing->file);
	va_start(arguments, format);
	vfprintf(listing->file, format, arguments);
	va_end(arguments);
}

void listing_end(struct listing *listing)
{
	if (listing->n > LISTED)
		fprintf(listing->file, " and %zu more", listing->n - LISTED);
}

static const char *account(struct accounts *accounts, bool group, uint64_t id)
{
	return accounts_name(accounts, group, (uint32_t)id) ?: "?";
}

static bool ranges_few(const struct ranges *ranges)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ranges->n && n <= COUNT_LIST; i++)
		n += ranges->items[i].last - ranges->items[i].first + 1;
	return n <= COUNT_LIST;
}

static void list_users(struct accounts *accounts, const struct ranges *set, const char *before,
		       FILE *file)
{
	struct listing listing = {.file = file, .before = before};

	for (size_t i = 0; i < set->n; i++)
		for (uint64_t uid = set->items[i].first; uid <= set->items[i].last; uid++)
			listing_add(&listing, "%s", account(accounts, false, uid));
	listing_end(&listing);
}

static void list_groups(struct space *space, struct accounts *accounts, const struct box *box,
			bool in, const char *before, FILE *file)
{
	struct listing listing = {.file = file, .before = before};

	for (size_t i = 0; i < space->n_gids; i++) {
		const struct ranges *set = box_get(box, space_gid(space, space->gids[i]));

		if (set && ranges_have(set, 1) == in)
			listing_add(&listing, "%s", account(accounts, true, space->gids[i]));
	}
	listing_end(&listing);
}

static int describe_caller(struct space *space, struct accounts *accounts, const struct box *box,
			   FILE *file)
{
	const struct ranges *uids = box_get(box, DIM_UID), *rest = NULL;
	size_t n_in = 0, n_out = 0;

	for (size_t i = 0; i < space->n_gids; i++) {
		const struct ranges *set = box_get(box, space_gid(space, space->gids[i]));

		n_in += set && ranges_have(set, 1);
		n_out += set && !ranges_have(set, 1);
	}
	if (uids && ranges_few(uids)) {
		list_users(accounts, uids, "", file);
		list_groups(space, accounts, box, true, n_in > 1 ? " in all of " : " in ", file);
	} else {
		if (n_in == 0)
			fputs("everybody", file);
		list_groups(space, accounts, box, true,
			    n_in > 1 ? "members of all of " : "members of ", file);
		if (uids) {
			rest = ranges_one(&space->work, 0, UINT32_MAX - 1);
			rest = rest ? ranges_subtract(&space->work, rest, uids) : NULL;
			if (!rest)
				return -ENOMEM;
			list_users(accounts, rest, " except ", file);
		}
	}
	list_groups(space, accounts, box, false, n_out > 1 ? ", in none of " : ", not in ", file);
	return 0;
}

/* Names of a dialect's commands that are in the box, or not, of those that could be. */
static int describe_dialect(struct space *space, const struct box *others,
			    const struct ranges *commands, unsigned first, unsigned n,
			    struct listing *listing)
{
	unsigned n_in = 0, n_all = 0;
	_cleanup_free_ bool *possible = calloc(n, sizeof(*possible));

	if (!possible)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct command_cells *cells = space_cells(space, first + i);
		const struct ranges *judgements = box_get(others, DIM_JUDGEMENT);

		if (!cells)
			return -ENOMEM;
		possible[i] = cells->n > 0 &&
			      (!judgements ||
			       ranges_meet(cells->judgements[DOMAIN_REPORTED], judgements));
		n_all += possible[i];
		n_in += possible[i] && (!commands || ranges_have(commands, first + i));
	}
	if (n_in > LISTED && n_all - n_in <= LISTED) {
		_cleanup_free_ char *text = NULL;
		struct listing except = {.before = " except "};
		size_t size;

		except.file = open_memstream(&text, &size);
		if (!except.file)
			return -ENOMEM;
		for (unsigned i = 0; i < n; i++)
			if (possible[i] && commands && !ranges_have(commands, first + i))
				listing_add(&except, "%s", space->commands[first + i]->name);
		if (fclose(except.file) != 0)
			return -ENOMEM;
		listing_add(listing, "%s.*%s", space->commands[first]->dialect->name, text);
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (possible[i] && (!commands || ranges_have(commands, first + i)))
			listing_add(listing, "%s", space->commands[first + i]->full_name);
	return 0;
}

static int describe_commands(struct space *space, const struct box *box, FILE *file)
{
	const struct ranges *commands = box_get(box, DIM_COMMAND);
	struct listing listing = {.file = file, .before = ": "};

	if (!commands) {
		fputs(": every command", file);
		return 0;
	}
	for (unsigned first = 0, n; first < space->n_commands; first += n) {
		int r;

		n = (unsigned)space->commands[first]->dialect->n_commands;
		r = describe_dialect(space, box, commands, first, n, &listing);
		if (r < 0)
			return r;
	}
	listing_end(&listing);
	return 0;
}

static void describe_number(const struct space *space, const struct field *field, uint64_t number,
			    FILE *file)
{
	union field_value value = {.number = number};
	char text[FIELD_TEXT_MAX];

	if (field->type == FIELD_UUID && number > 0)
		memcpy(value.bytes, space->uuids[number - 1], sizeof(value.bytes));
	if (field->type == FIELD_UUID && number == 0)
		fputs("any other", file);
	else
		fputs(field_format(field, &value, text, sizeof(text)), file);
}

static void describe_field(const struct space *space, const struct field *field,
			   const struct ranges *set, FILE *file)
{
	const char *separator = "=";

	fprintf(file, " %s", field->name);
	for (size_t i = 0; i < set->n; i++) {
		const struct value_range *range = &set->items[i];

		if (field->type == FIELD_NUMBER && range->last > range->first + 1) {
			fprintf(file, "%s0x%" PRIx64 "-0x%" PRIx64, separator, range->first,
				range->last);
		} else {
			for (uint64_t number = range->first; number <= range->last; number++) {
				fputs(separator, file);
				describe_number(space, field, number, file);
				separator = ",";
				if (number == UINT64_MAX)
					break;
			}
		}
		separator = ",";
	}
}

static void describe_fields(const struct space *space, const struct box *box, FILE *file)
{
	const struct ranges *commands = box_get(box, DIM_COMMAND);

	if (!commands || !ranges_single(commands))
		return;
	for (size_t i = 0; i < box->n && box->items[i].dimension < DIM_JUDGEMENT; i++)
		if (box->items[i].dimension >= DIM_FIELD)
			describe_field(space,
				       &space->commands[commands->items[0].first]
						->fields[box->items[i].dimension - DIM_FIELD],
				       box->items[i].set, file);
}

static void describe_device(struct space *space, const struct box *box, FILE *file)
{
	const struct ranges *disputed = box_get(box, DIM_DISPUTED);
	const char *before = " on ";

	for (unsigned key = DEVICE_DRIVER; key < _DEVICE_KEY_MAX; key++) {
		const struct ranges *set = box_get(box, DIM_STRING + key - DEVICE_DRIVER);
		struct listing listing = {.file = file, .before = ""};

		if (!set)
			continue;
		fprintf(file, "%s%s ", before, device_key_to_string(key));
		describe_strings(space, key, set, &listing);
		before = ", ";
	}
	/* That a rule which opens by serial needs one that nobody else claims goes without saying.
	 */
	if (disputed &&
	    (ranges_have(disputed, 1) || !box_get(box, DIM_STRING + DEVICE_SERIAL - DEVICE_DRIVER)))
		fprintf(file, "%s%s", before,
			ranges_have(disputed, 1) ? "a serial that two devices claim"
						 : "a serial that no other device claims");
}

static void describe_minute(unsigned minute, FILE *file)
{
	static const char days[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

	fprintf(file, "%s %02u:%02u", days[minute / MINUTES_A_DAY % 7], minute % MINUTES_A_DAY / 60,
		minute % 60);
}

static void describe_time(struct space *space, const struct box *box, FILE *file)
{
	for (size_t i = 0; i < space->n_zones; i++) {
		const struct ranges *set = box_get(box, space_zone(space, space->zones[i]));
		size_t n = 0;

		if (!set)
			continue;
		for (; n < set->n && n < LISTED; n++) {
			fputs(n == 0 ? ", " : " and ", file);
			describe_minute((unsigned)set->items[n].first, file);
			fputs(" to ", file);
			describe_minute((unsigned)set->items[n].last + 1, file);
		}
		if (set->n > n)
			fprintf(file, " and %zu more spans", set->n - n);
		fprintf(file, " (%s)", space->zones[i]);
	}
}

int region_describe(struct space *space, struct accounts *accounts, const struct box *box,
		    char **ret)
{
	struct pool_mark mark = pool_mark(&space->work);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int r;

	if (!file)
		return -ENOMEM;
	r = describe_caller(space, accounts, box, file);
	if (r >= 0)
		r = describe_commands(space, box, file);
	if (r >= 0) {
		describe_fields(space, box, file);
		r = describe_judgement(space, box, file);
	}
	if (r >= 0) {
		describe_device(space, box, file);
		describe_time(space, box, file);
	}
	pool_release(&space->work, mark);
	if (fclose(file) != 0)
		return -ENOMEM;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(text);
	return 0;
}

static bool has_plain_default(const struct field *field, const union field_value *value)
{
	for (size_t i = 0; i < field->n_defaults; i++)
		if (field->defaults[i].when.n_terms == 0)
			return field->defaults[i].value == value->number;
	return false;
}

static void write_example(const struct space *space, struct accounts *accounts,
			  const struct example *example, FILE *file)
{
	const struct command *command = example->command;
	const char *before = " on ";

	fputs(example->uid_named ? account(accounts, false, example->uid) : "somebody", file);
	for (size_t i = 0; i < example->n_gids; i++)
		fprintf(file, "%s%s", i == 0 ? " in " : " and ",
			account(accounts, true, example->gids[i]));
	fprintf(file, ": %s", command->full_name);
	for (unsigned i = 0; i < command->n_fields; i++) {
		const struct field *field = &command->fields[i];
		char text[FIELD_TEXT_MAX];

		if (field->fixed != FIXED_NOT || field->secret || field->type == FIELD_BYTES ||
		    has_plain_default(field, &example->values[i]))
			continue;
		fprintf(file, " %s=%s", field->name,
			field_format(field, &example->values[i], text, sizeof(text)));
	}
	for (unsigned key = DEVICE_DRIVER; key < _DEVICE_KEY_MAX; key++)
		if (example->given[key]) {
			fprintf(file, "%s%s \"%s\"", before, device_key_to_string(key),
				example->strings[key]);
			before = ", ";
		}
	for (size_t i = 0; i < space->n_zones; i++) {
		fputs(", ", file);
		describe_minute(example->minutes[i], file);
		fprintf(file, " (%s)", space->zones[i]);
	}
	fprintf(file, " (%s%s", example->reported ? "as the device reports it: " : "",
		effect_class_to_string(example->judgement.class));
	for (int effect = 0; effect < _EFFECT_MAX; effect++)
		if (example->judgement.hazards & EFFECT_BIT(effect))
			fprintf(file, ", %s", effect_to_string(effect));
	fputs(")", file);
}

int example_describe(const struct space *space, struct accounts *accounts,
		     const struct example *example, char **ret)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return -ENOMEM;
	write_example(space, accounts, example, file);
	if (fclose(file) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}
