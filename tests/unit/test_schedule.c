#include "tests/unit/check.h"

#include <time.h>

#include "lib/base/zone.h"
#include "lib/config/schedule.h"

/* "2026-11-18 05:00:00" UTC */
static int64_t
moment(const char *text)
{
	struct tm tm = {0};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return (int64_t) timegm(&tm);
}

static struct schedule
schedule(const char *text)
{
	struct schedule s;
	char why[200];

	if (!schedule_read(&s, text, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	return s;
}

/* The next times after one, all UTC, are these; ended by NULL. */
static void
comes(const char *text, const char *zone, const char *after, const char *const *times)
{
	struct schedule s = schedule(text);
	int64_t at = moment(after);

	for (; *times != NULL; times++) {
		char got[32];
		time_t seconds;
		struct tm tm;

		at = schedule_next(&s, zone, at);
		seconds = (time_t) at;
		gmtime_r(&seconds, &tm);
		strftime(got, sizeof(got), "%Y-%m-%d %H:%M:%S", &tm);
		if (strcmp(got, *times) != 0)
			fail_msg("%s in %s: %s, not %s", text, zone, got, *times);
	}
}

#define COMES(text, zone, after, ...) comes(text, zone, after, (const char *const[]){__VA_ARGS__, NULL})

static void
refused(const char *text, const char *why)
{
	struct schedule s;
	char got[200];

	assert_false(schedule_read(&s, text, got, sizeof(got)));
	assert_string_equal(got, why);
}

static void
fields(void **state)
{
	(void) state;
	/* 18 November 2026 is a Wednesday */
	COMES("* * * * *", "UTC", "2026-11-18 23:58:59", "2026-11-18 23:59:00", "2026-11-19 00:00:00");
	COMES("*/15 6-7 * * 1-5", "UTC", "2026-11-20 07:30:00", "2026-11-20 07:45:00", "2026-11-23 06:00:00");
	COMES("5,35 12 * * *", "UTC", "2026-11-18 12:05:00", "2026-11-18 12:35:00", "2026-11-19 12:05:00");
	COMES("10-30/10 0 * * *", "UTC", "2026-11-18 00:00:00", "2026-11-18 00:10:00", "2026-11-18 00:20:00",
	      "2026-11-18 00:30:00", "2026-11-19 00:10:00");
	COMES("0 0 1 jan *", "UTC", "2026-01-01 00:00:00", "2027-01-01 00:00:00");
	COMES("0 0 31 * *", "UTC", "2026-03-31 00:00:00", "2026-05-31 00:00:00", "2026-07-31 00:00:00");
	COMES("0 0 * * SUN", "UTC", "2026-11-18 00:00:00", "2026-11-22 00:00:00", "2026-11-29 00:00:00");
	COMES("0 0 * * 7", "UTC", "2026-11-18 00:00:00", "2026-11-22 00:00:00");
	COMES("0 0 * * 0", "UTC", "2026-11-18 00:00:00", "2026-11-22 00:00:00");
	COMES("0 0 * * fri-sun", "UTC", "2026-11-18 00:00:00", "2026-11-20 00:00:00", "2026-11-21 00:00:00",
	      "2026-11-22 00:00:00", "2026-11-27 00:00:00");
	COMES("\t0  12 * Nov-Dec * ", "UTC", "2026-12-31 12:00:00", "2027-11-01 12:00:00");
}

/* crontab(5): two restricted day fields are an or, and a field that begins with * is not restricted. */
static void
day_of_month_and_day_of_week(void **state)
{
	(void) state;
	COMES("0 0 1,15 * 5", "UTC", "2026-05-01 00:00:00", "2026-05-08 00:00:00", "2026-05-15 00:00:00",
	      "2026-05-22 00:00:00", "2026-05-29 00:00:00", "2026-06-01 00:00:00", "2026-06-05 00:00:00");
	COMES("0 0 13 * *", "UTC", "2026-11-18 00:00:00", "2026-12-13 00:00:00");
	COMES("0 0 */2 * 1", "UTC", "2026-11-01 00:00:00", "2026-11-09 00:00:00", "2026-11-23 00:00:00");
	COMES("0 0 31 2 1", "UTC", "2026-01-31 00:00:00", "2026-02-02 00:00:00");
}

static void
leap_days(void **state)
{
	(void) state;
	COMES("0 6 29 2 *", "UTC", "2026-11-18 00:00:00", "2028-02-29 06:00:00", "2032-02-29 06:00:00");
	/* 2100 has none */
	COMES("0 6 29 feb *", "UTC", "2096-02-29 06:00:00", "2104-02-29 06:00:00");
	COMES("0 6 29 2 */7", "UTC", "2026-01-01 00:00:00", "2032-02-29 06:00:00", "2060-02-29 06:00:00");
	COMES("0 6 29 2 */7", "UTC", "2088-02-29 06:00:00", "2128-02-29 06:00:00");
}

/* Europe/Zurich goes from 02:00 to 03:00 (01:00 UTC) on 29 March 2026. */
static void
in_spring(void **state)
{
	(void) state;
	COMES("30 2 * * *", "Europe/Zurich", "2026-03-28 00:00:00", "2026-03-28 01:30:00", "2026-03-29 01:00:00",
	      "2026-03-30 00:30:00");
	/* several skipped ones are one, and one with the minute that follows */
	COMES("*/20 * * * *", "Europe/Zurich", "2026-03-29 00:20:00", "2026-03-29 00:40:00",
	      "2026-03-29 01:00:00", "2026-03-29 01:20:00");
	COMES("10,50 2 * * *", "Europe/Zurich", "2026-03-28 01:50:00", "2026-03-29 01:00:00",
	      "2026-03-30 00:10:00");
	/* midnight does not come there on this day: 00:00 is 01:00 */
	COMES("0 0 * * *", "America/Santiago", "2026-09-05 12:00:00", "2026-09-06 04:00:00",
	      "2026-09-07 03:00:00");
	/* a whole day that was left out, 30 December 2011 */
	COMES("0 9 30 12 *", "Pacific/Apia", "2011-12-01 00:00:00", "2011-12-30 10:00:00", "2012-12-29 19:00:00");
}

/* And from 03:00 back to 02:00 (01:00 UTC) on 25 October 2026. */
static void
in_autumn(void **state)
{
	(void) state;
	COMES("30 2 * * *", "Europe/Zurich", "2026-10-24 00:30:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00",
	      "2026-10-26 01:30:00");
	COMES("0 3 * * *", "Europe/Zurich", "2026-10-24 01:00:00", "2026-10-25 02:00:00", "2026-10-26 02:00:00");
	/* half an hour only */
	COMES("45 1 * * *", "Australia/Lord_Howe", "2026-04-03 14:45:00", "2026-04-04 14:45:00",
	      "2026-04-04 15:15:00", "2026-04-05 15:15:00");
}

/* What clocks show, minute by minute, against the search that leaps over minutes. */
#define MINUTES (50 * 24 * 60)
static struct tm shown[MINUTES];

static bool
fits(const struct schedule *s, const struct tm *tm)
{
	bool day = (s->days >> tm->tm_mday & 1) != 0, weekday = (s->weekdays >> tm->tm_wday & 1) != 0;

	return (s->minutes >> tm->tm_min & 1) != 0 && (s->hours >> tm->tm_hour & 1) != 0 &&
	       (s->months >> (tm->tm_mon + 1) & 1) != 0 && (s->either_day ? day || weekday : day && weekday);
}

static void
none_is_leapt_over(const char *text, const char *zone, int64_t begin)
{
	struct schedule s = schedule(text);
	int64_t next = schedule_next(&s, zone, begin);

	for (int64_t i = 1; i < MINUTES; i++) {
		int64_t at = begin + i * 60;

		/* minutes after clocks went forward are looked at in in_spring */
		if (shown[i].tm_gmtoff == shown[i - 1].tm_gmtoff && at != next)
			assert_false(fits(&s, &shown[i]));
		if (at == next)
			next = schedule_next(&s, zone, at);
	}
	assert_true(next >= begin + MINUTES * 60LL);
}

static void
nothing_is_leapt_over(void **state)
{
	static const char *const texts[] = {"*/7 1-3 * * *", "30 2 * * 0", "0 0 29,30 3,4,10 *", "59 23 * * 1-5"};
	static const char *const zones[] = {"Europe/Zurich", "America/New_York", "Australia/Lord_Howe"};
	static const char *const begins[] = {"2026-03-01 00:00:00", "2026-10-01 00:00:00"};

	(void) state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++)
		for (size_t b = 0; b < sizeof(begins) / sizeof(*begins); b++) {
			int64_t begin = moment(begins[b]);

			assert_true(zone_enter(zones[z]));
			for (int64_t i = 0; i < MINUTES; i++) {
				time_t at = (time_t) (begin + i * 60);

				assert_non_null(localtime_r(&at, &shown[i]));
			}
			zone_leave();
			for (size_t t = 0; t < sizeof(texts) / sizeof(*texts); t++)
				none_is_leapt_over(texts[t], zones[z], begin);
		}
}

static void
what_is_none(void **state)
{
	(void) state;
	refused("",
	        "0 of five fields: minute, hour, day of the month, month, day of the week, as */15 6-20 * * 1-5");
	refused("0 6 * *",
	        "4 of five fields: minute, hour, day of the month, month, day of the week, as */15 6-20 * * 1-5");
	refused("@daily", "minute: \"@daily\" is not from 0 to 59");
	refused("0 6 * * * *", "more than five fields: minute, hour, day of the month, month, day of the week");
	refused("60 * * * *", "minute: \"60\" is not from 0 to 59");
	refused("0 24 * * *", "hour: \"24\" is not from 0 to 23");
	refused("0 0 0 * *", "day of the month: \"0\" is not from 1 to 31");
	refused("0 0 * 13 *", "month: \"13\" is not from 1 to 12, nor a name as sun or jan");
	refused("0 0 * * monday", "day of the week: \"monday\" is not from 0 to 7, nor a name as sun or jan");
	refused("0 0 * * 5-1", "day of the week: a range runs upwards; write two, with a comma between");
	refused("5/15 * * * *", "minute: a step goes with * or a range: write 5-59/15");
	refused("*/0 * * * *", "minute: a step is a number from 1 to 59");
	refused("*/100 * * * *", "minute: a step is a number from 1 to 59");
	refused("1, * * * *", "minute: \"\" is not from 0 to 59");
	refused("*5 * * * *", "minute: nothing but a comma can follow, not \"5\"");
	refused("-5 * * * *", "minute: \"\" is not from 0 to 59");
	refused("0 0 31 2,4,6,9,11 *", "no month that it names has such a day: it would never come");
	refused("0 0 30 2 *", "no month that it names has such a day: it would never come");
	assert_int_equal(schedule_next(&(struct schedule){.minutes = 1}, "Europe/Atlantis", 0), -1);
}

/* What children inherit stays as it was. */
static void
the_own_zone_stays(void **state)
{
	struct schedule s = schedule("0 0 * * *");

	(void) state;
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	schedule_next(&s, "Europe/Zurich", 0);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	unsetenv("TZ");
	schedule_next(&s, "Europe/Zurich", 0);
	assert_null(getenv("TZ"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields),       cmocka_unit_test(day_of_month_and_day_of_week),
	    cmocka_unit_test(leap_days),    cmocka_unit_test(in_spring),
	    cmocka_unit_test(in_autumn),    cmocka_unit_test(nothing_is_leapt_over),
	    cmocka_unit_test(what_is_none), cmocka_unit_test(the_own_zone_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
