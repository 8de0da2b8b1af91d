/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/local-time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "include/cleanup.h"
#include "policy/instant.h"

#define USEC_PER_SEC UINT64_C(1000000)

static const struct {
	const char *name;
	uint64_t seconds;
} units[] = {
	{"s", 1},
	{"min", 60},
	{"h", 60 * 60},
	{"d", 24 * 60 * 60},
};

/* "30d" */
static int parse_before(const char *text, uint64_t now_usec, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno > 0)
		return -EINVAL;
	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		uint64_t usec;

		if (strcmp(end, units[i].name) != 0)
			continue;
		/* Before 1970 there is nothing either. */
		if (__builtin_mul_overflow(number, units[i].seconds * USEC_PER_SEC, &usec) ||
		    usec > now_usec)
			usec = now_usec;
		*ret = now_usec - usec;
		return 0;
	}
	return -EINVAL;
}

static int parse_local(const char *text, uint64_t *ret)
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"};

	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, formats[i], &tm);
		int day = tm.tm_mday;
		time_t time;

		if (!end || *end != '\0')
			continue;
		time = mktime(&tm);
		/* It takes the 30th of February for the 2nd of March. */
		if (time < 0 || tm.tm_mday != day)
			return -EINVAL;
		*ret = (uint64_t)time * USEC_PER_SEC;
		return 0;
	}
	return -EINVAL;
}

int local_time_parse(const char *text, uint64_t now_usec, uint64_t *ret)
{
	if (*text == '-')
		return parse_before(text + 1, now_usec, ret);
	return instant_parse(text, ret) == 0 ? 0 : parse_local(text, ret);
}

char *local_time_format(uint64_t usec, char buffer[static LOCAL_TIME_MAX])
{
	time_t time = (time_t)(usec / USEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&time, &tm) ||
	    strftime(buffer, LOCAL_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(buffer, LOCAL_TIME_MAX, "?");
	return buffer;
}
