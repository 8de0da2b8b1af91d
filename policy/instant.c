/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/instant.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* "0" of the form is a digit; anything else is itself. Returns what follows, or NULL. */
static const char *skip_form(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '0' ? !isdigit((unsigned char)*text) : *text != *form)
			return NULL;
	return text;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* Seconds east of UTC. */
static bool parse_offset(const char *text, long *ret)
{
	const char *end;

	if (strcmp(text, "Z") == 0 || strcmp(text, " UTC") == 0) {
		*ret = 0;
		return true;
	}
	end = skip_form(text + (*text != '\0'), "00:00");
	if (!end || *end || (*text != '+' && *text != '-') || two_digits(text + 1) > 23 ||
	    two_digits(text + 4) > 59)
		return false;
	*ret = (two_digits(text + 1) * 60L + two_digits(text + 4)) * 60 * (*text == '-' ? -1 : 1);
	return true;
}

int instant_parse(const char *text, uint64_t *ret_usec)
{
	const char *date = text, *clock, *rest;
	struct tm tm = {}, again;
	long offset;
	time_t time;

	clock = skip_form(text, "0000-00-00");
	if (!clock || (*clock != ' ' && *clock != 'T'))
		return -EINVAL;
	clock++;
	rest = skip_form(clock, "00:00");
	if (!rest)
		return -EINVAL;
	tm.tm_year = two_digits(date) * 100 + two_digits(date + 2) - 1900;
	tm.tm_mon = two_digits(date + 5) - 1;
	tm.tm_mday = two_digits(date + 8);
	tm.tm_hour = two_digits(clock);
	tm.tm_min = two_digits(clock + 3);
	if (*rest == ':') {
		if (!skip_form(rest, ":00"))
			return -EINVAL;
		tm.tm_sec = two_digits(rest + 1);
		rest += 3;
	}
	if (!parse_offset(rest, &offset))
		return -EINVAL;

	/* timegm() takes 31 February for 3 March. */
	again = tm;
	time = timegm(&again);
	if (again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EINVAL;
	time -= offset;
	if (time < 0)
		return -EINVAL;
	*ret_usec = (uint64_t)time * 1000000;
	return 0;
}
