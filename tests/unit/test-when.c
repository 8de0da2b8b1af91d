/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Days and hours: what time it is in a zone, held against the C library's, and windows of it. */

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/cleanup.h"
#include "policy/policy.h"
#include "tests/unit/small-catalogue.h"
#include "tests/unit/test-accounts.h"

DEFINE_CLEANUP(struct zone *, zone_free)
DEFINE_CLEANUP(struct policy *, policy_free)

#define YEAR_2020 INT64_C(1577836800)
#define YEAR_2038 INT64_C(2145916800)
#define YEAR_2100 INT64_C(4102444800)

static struct zone *zone(const char *name)
{
	struct zone *loaded = NULL;

	if (zone_load(name, &loaded) < 0)
		fail_msg("There is no zone %s", name);
	assert_string_equal(zone_name(loaded), name);
	return loaded;
}

/* The C library's zone is the process's. NULL: the machine's. */
static void set_zone(const char *name)
{
	if (name)
		assert_int_equal(setenv("TZ", name, 1), 0);
	else
		assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static unsigned minute_by_libc(int64_t second)
{
	const time_t time = second;
	struct tm tm;

	assert_non_null(localtime_r(&time, &tm));
	return (unsigned)((tm.tm_wday + 6) % 7) * MINUTES_A_DAY + (unsigned)tm.tm_hour * 60 +
	       (unsigned)tm.tm_min;
}

/* "2026-11-22 03:00:00" of UTC. */
static uint64_t utc(const char *text)
{
	struct tm tm = {};
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	assert_true(end && *end == '\0');
	return (uint64_t)timegm(&tm) * 1000000;
}

static void check_zone(const char *name, const char *libc_name, int64_t end)
{
	_cleanup_(zone_freep) struct zone *loaded = zone(name);

	set_zone(libc_name);
	for (unsigned i = 0; i < 20000; i++) {
		int64_t second = YEAR_2020 + (int64_t)(drand48() * (double)(end - YEAR_2020));
		uint64_t usec = (uint64_t)second * 1000000 + (uint64_t)(random() % 1000000);
		unsigned expected = minute_by_libc(second), got = zone_minute(loaded, usec);

		if (got != expected)
			fail_msg("%s at %lld: minute %u of the week, but the C library has %u",
				 name, (long long)second, got, expected);
	}
	set_zone(NULL);
}

/* Zones with and without summer time, of both hemispheres, with odd offsets, and those whose rules
 * are strange: by Ramadan, by half an hour, by another day of the week. */
static void zones_are_those_of_the_c_library(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin",       "Europe/London",
		"America/New_York",    "America/Los_Angeles",
		"America/Sao_Paulo",   "America/St_Johns",
		"America/Havana",      "America/Nuuk",
		"Asia/Kolkata",	       "Asia/Kathmandu",
		"Asia/Tokyo",	       "Asia/Gaza",
		"Asia/Jerusalem",      "Australia/Sydney",
		"Australia/Lord_Howe", "Pacific/Chatham",
		"Pacific/Apia",	       "Pacific/Kiritimati",
		"Africa/Casablanca",   "Africa/El_Aaiun",
		"Antarctica/Troll",    "Etc/UTC",
		"Etc/GMT+5",
	};

	srand48(5);
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		check_zone(names[i], names[i], YEAR_2100);
	check_zone("UTC", "UTC", YEAR_2100);
	/* There winter time is the exception, an hour less. Tables of the database end in 2037, and
	 * what GLib 2.74 makes of the rule for what comes then is two hours off. */
	check_zone("Europe/Dublin", "Europe/Dublin", YEAR_2038);
}

static void local_is_the_zone_of_the_machine(void **state)
{
	check_zone("local", NULL, YEAR_2100);
}

/* The second before and the second at which clocks are changed, in both directions. */
static void clocks_change_to_the_second(void **state)
{
	static const struct {
		const char *name, *at;
		unsigned before, after; /* minutes of a Sunday */
	} cases[] = {
		{"Europe/Berlin", "2026-03-29 01:00:00", 1 * 60 + 59, 3 * 60},
		{"Europe/Berlin", "2026-10-25 01:00:00", 2 * 60 + 59, 2 * 60},
		{"America/New_York", "2026-03-08 07:00:00", 1 * 60 + 59, 3 * 60},
		{"America/New_York", "2026-11-01 06:00:00", 1 * 60 + 59, 1 * 60},
		{"Europe/Berlin", "2099-10-25 01:00:00", 2 * 60 + 59, 2 * 60},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(zone_freep) struct zone *loaded = zone(cases[i].name);
		uint64_t at = utc(cases[i].at);

		assert_int_equal(zone_minute(loaded, at - 1), 6 * MINUTES_A_DAY + cases[i].before);
		assert_int_equal(zone_minute(loaded, at), 6 * MINUTES_A_DAY + cases[i].after);
	}
}

/* The table ends somewhere; what comes before and after is a time all the same. */
static void outside_the_table_there_is_a_time(void **state)
{
	_cleanup_(zone_freep) struct zone *berlin = zone("Europe/Berlin"), *universal = zone("UTC");

	assert_int_equal(zone_minute(universal, 0), 3 * MINUTES_A_DAY);
	assert_true(zone_minute(berlin, 0) < MINUTES_A_WEEK);
	assert_true(zone_minute(berlin, utc("2150-01-01 00:00:00")) < MINUTES_A_WEEK);
	assert_true(zone_minute(berlin, UINT64_MAX) < MINUTES_A_WEEK);
	assert_int_equal(zone_minute(universal, utc("2150-01-01 00:00:00")),
			 zone_minute(universal, utc("2150-01-08 00:00:00")));
}

static void only_names_of_the_database_are_zones(void **state)
{
	static const char *const names[] = {
		"",
		"Europe/Belrin",
		"europe/berlin",
		"Europe",
		"Europe/",
		"/Europe/Berlin",
		"/usr/share/zoneinfo/Europe/Berlin",
		"Europe/../Europe/Berlin",
		"../../../etc/localtime",
		"+02:00",
		"-5",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"EST5EDT/x",
		":Europe/Berlin",
		"Local",
		"utc",
		"Europe/Berlin ",
		"tzdata.zi",
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		struct zone *untouched = (struct zone *)names, *loaded = untouched;

		if (zone_load(names[i], &loaded) != -ENOENT)
			fail_msg("\"%s\" is taken for a zone", names[i]);
		assert_ptr_equal(loaded, untouched);
	}
	assert_null(zone_free(NULL));
}

/* A rule's `when`, as the loader makes it. */
static struct policy *load_when(const char *when)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(problems_done) struct problems problems = {};
	struct policy *policy = NULL;

	assert_true(asprintf(&text, "version: 1\nrules: [{id: a, verdict: deny, when: %s}]\n",
			     when) >= 0);
	if (policy_load_text("t", text, strlen(text), &small_catalogue, test_accounts(), &problems,
			     &policy) < 0)
		fail_msg("%s: %s", when, problems.items[0].text);
	assert_non_null(policy->rules[0].when);
	return policy;
}

/* November 2026 begins on a Sunday: the 2nd is a Monday. */
static void windows_begin_and_end_to_the_minute(void **state)
{
	static const struct {
		const char *when, *at;
		bool holds;
	} cases[] = {
		/* From is inside, to is not. */
		{"{from: \"01:00\", to: \"05:00\", zone: UTC}", "2026-11-02 00:59:59", false},
		{"{from: \"01:00\", to: \"05:00\", zone: UTC}", "2026-11-02 01:00:00", true},
		{"{from: \"01:00\", to: \"05:00\", zone: UTC}", "2026-11-02 04:59:59", true},
		{"{from: \"01:00\", to: \"05:00\", zone: UTC}", "2026-11-02 05:00:00", false},
		/* Whole days. */
		{"{days: mon, zone: UTC}", "2026-11-01 23:59:59", false},
		{"{days: mon, zone: UTC}", "2026-11-02 00:00:00", true},
		{"{days: mon, zone: UTC}", "2026-11-02 23:59:59", true},
		{"{days: mon, zone: UTC}", "2026-11-03 00:00:00", false},
		{"{days: [sat, sun], zone: UTC}", "2026-11-06 12:00:00", false},
		{"{days: [sat, sun], zone: UTC}", "2026-11-07 12:00:00", true},
		{"{days: [sat, sun], zone: UTC}", "2026-11-08 12:00:00", true},
		{"{days: [tue-thu, sun], zone: UTC}", "2026-11-02 12:00:00", false},
		{"{days: [tue-thu, sun], zone: UTC}", "2026-11-04 12:00:00", true},
		{"{days: [tue-thu, sun], zone: UTC}", "2026-11-06 12:00:00", false},
		/* A range can go over the week's end. */
		{"{days: sat-mon, zone: UTC}", "2026-11-06 12:00:00", false},
		{"{days: sat-mon, zone: UTC}", "2026-11-07 12:00:00", true},
		{"{days: sat-mon, zone: UTC}", "2026-11-09 12:00:00", true},
		{"{days: sat-mon, zone: UTC}", "2026-11-10 12:00:00", false},
		{"{days: wed-wed, zone: UTC}", "2026-11-04 12:00:00", true},
		{"{days: wed-wed, zone: UTC}", "2026-11-05 12:00:00", false},
		/* To the end of a day. */
		{"{from: \"22:00\", to: \"24:00\", zone: UTC}", "2026-11-02 23:59:59", true},
		{"{from: \"22:00\", to: \"24:00\", zone: UTC}", "2026-11-03 00:00:00", false},
		{"{from: \"22:00\", to: \"00:00\", zone: UTC}", "2026-11-02 23:59:59", true},
		{"{from: \"22:00\", to: \"00:00\", zone: UTC}", "2026-11-03 00:00:00", false},
		{"{days: fri, from: \"00:00\", to: \"24:00\", zone: UTC}", "2026-11-06 23:59:59",
		 true},
		{"{days: fri, from: \"00:00\", to: \"24:00\", zone: UTC}", "2026-11-07 00:00:00",
		 false},
		/* Over midnight: the window is of the day on which it begins. */
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-06 05:59:59",
		 false},
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-06 21:59:59",
		 false},
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-06 22:00:00",
		 true},
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-07 05:59:59",
		 true},
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-07 06:00:00",
		 false},
		{"{days: fri, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-07 23:00:00",
		 false},
		/* Over the week's end. */
		{"{days: sun, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-08 23:00:00",
		 true},
		{"{days: sun, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-09 05:59:59",
		 true},
		{"{days: sun, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-09 06:00:00",
		 false},
		{"{days: mon, from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-09 05:59:59",
		 false},
		{"{from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-09 05:59:59", true},
		{"{from: \"22:00\", to: \"06:00\", zone: UTC}", "2026-11-09 12:00:00", false},
		/* It is the zone's day that counts. */
		{"{days: mon, zone: Europe/Berlin}", "2026-11-01 22:59:59", false},
		{"{days: mon, zone: Europe/Berlin}", "2026-11-01 23:00:00", true},
		{"{days: mon, zone: America/New_York}", "2026-11-03 04:59:59", true},
		{"{days: mon, zone: America/New_York}", "2026-11-03 05:00:00", false},
		{"{from: \"01:00\", to: \"05:00\", zone: Europe/Berlin}", "2026-07-01 02:59:59",
		 true},
		{"{from: \"01:00\", to: \"05:00\", zone: Europe/Berlin}", "2026-07-01 03:00:00",
		 false},
		/* Summer time begins: there is no 02:30, and 03:00 follows 01:59. */
		{"{from: \"02:00\", to: \"03:00\", zone: Europe/Berlin}", "2026-03-29 00:59:59",
		 false},
		{"{from: \"02:00\", to: \"03:00\", zone: Europe/Berlin}", "2026-03-29 01:00:00",
		 false},
		/* It ends: 02:30 comes twice, and counts twice. */
		{"{from: \"02:00\", to: \"03:00\", zone: Europe/Berlin}", "2026-10-25 00:30:00",
		 true},
		{"{from: \"02:00\", to: \"03:00\", zone: Europe/Berlin}", "2026-10-25 01:30:00",
		 true},
		{"{from: \"02:00\", to: \"03:00\", zone: Europe/Berlin}", "2026-10-25 02:00:00",
		 false},
		{"{from: \"01:30\", to: \"02:00\", zone: America/New_York}", "2026-11-01 05:45:00",
		 true},
		{"{from: \"01:30\", to: \"02:00\", zone: America/New_York}", "2026-11-01 06:15:00",
		 false},
		{"{from: \"01:30\", to: \"02:00\", zone: America/New_York}", "2026-11-01 06:45:00",
		 true},
		{"{from: \"02:00\", to: \"03:00\", zone: America/New_York}", "2026-03-08 07:00:00",
		 false},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(policy_freep) struct policy *policy = load_when(cases[i].when);

		if (when_holds(policy->rules[0].when, utc(cases[i].at)) != cases[i].holds)
			fail_msg("%s at %s", cases[i].when, cases[i].at);
	}
}

/* Every minute of a week, for windows of every kind, by the definition: is it in the window that
 * began today, or in the one that began yesterday? */
static void windows_are_what_they_are_defined_to_be(void **state)
{
	_cleanup_(zone_freep) struct zone *universal = zone("UTC");
	const uint64_t monday = utc("2026-11-02 00:00:00");

	srandom(5);
	for (unsigned round = 0; round < 200; round++) {
		struct when when = {.days = (unsigned)random() % 0x80,
				    .from = (unsigned)random() % MINUTES_A_DAY,
				    .to = (unsigned)random() % (MINUTES_A_DAY + 1),
				    .zone = universal};

		if (when.from == when.to)
			continue;
		for (unsigned minute = 0; minute < MINUTES_A_WEEK; minute++) {
			unsigned day = minute / MINUTES_A_DAY, of_day = minute % MINUTES_A_DAY;
			bool over = when.from > when.to;
			bool today = when.days & 1u << day && of_day >= when.from &&
				     (over || of_day < when.to);
			bool yesterday =
				over && when.days & 1u << (day + 6) % 7 && of_day < when.to;

			assert_int_equal(when_holds(&when, monday + minute * UINT64_C(60000000)),
					 today || yesterday);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_those_of_the_c_library),
		cmocka_unit_test(local_is_the_zone_of_the_machine),
		cmocka_unit_test(clocks_change_to_the_second),
		cmocka_unit_test(outside_the_table_there_is_a_time),
		cmocka_unit_test(only_names_of_the_database_are_zones),
		cmocka_unit_test(windows_begin_and_end_to_the_minute),
		cmocka_unit_test(windows_are_what_they_are_defined_to_be),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
