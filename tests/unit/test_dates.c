/* Date patterns: what each takes, what it refuses, zones, cut-offs, years that are not written. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/base/zone.h"
#include "lib/profile/dates.h"

static int32_t
day(int year, int month, int of_month)
{
	int32_t d = DATE_UNKNOWN;

	assert_true(date_from_civil(year, month, of_month, &d));
	return d;
}

static struct date_rule
rule(const char *pattern)
{
	struct date_rule r = {.pivot = 70, .cut_off = -1};
	const char *why;

	assert_true(date_compile(pattern, &r, &why));
	return r;
}

static void
reads(const char *pattern, const char *text, int year, int month, int of_month)
{
	struct date_rule r = rule(pattern);
	int32_t got = DATE_UNKNOWN;
	const char *why = date_read(&r, text, strlen(text), DATE_UNKNOWN, &got);

	if (why != NULL)
		fail_msg("%s by %s: %s", text, pattern, why);
	assert_int_equal(got, day(year, month, of_month));
}

static void
refuses(const char *pattern, const char *text)
{
	struct date_rule r = rule(pattern);
	int32_t got = 77;

	if (date_read(&r, text, strlen(text), DATE_UNKNOWN, &got) == NULL)
		fail_msg("%s by %s was taken", text, pattern);
	assert_int_equal(got, 77);
}

static void
test_civil(void **state)
{
	(void) state;
	assert_int_equal(day(1970, 1, 1), 0);
	assert_int_equal(day(2000, 3, 1), 11017);
	assert_int_equal(day(2026, 11, 18), 20775);
	for (int32_t d = day(1, 1, 1); d <= day(9999, 12, 31); d += 17) {
		int y, m, dd;
		int32_t back;

		date_to_civil(d, &y, &m, &dd);
		assert_true(date_from_civil(y, m, dd, &back));
		assert_int_equal(back, d);
	}
}

static void
test_shapes(void **state)
{
	(void) state;
	reads("YYYYMMDD", "20261118", 2026, 11, 18);
	reads("YYMMDD", "261118", 2026, 11, 18);
	reads("YYMMDD", "691118", 2069, 11, 18);
	reads("YYMMDD", "701118", 1970, 11, 18);
	reads("DDMMYY", "181126", 2026, 11, 18);
	reads("MMDDYYYY", "11182026", 2026, 11, 18);
	reads("DD/MM/YYYY", "18/11/2026", 2026, 11, 18);
	reads("YYYY-MM-DD", "2026-11-18", 2026, 11, 18);
	reads("DD-MON-YY HH.MI.SS", "18-Aug-22 19.22.44", 2022, 8, 18);
	reads("DD MONTH YYYY", "18 september 2026", 2026, 9, 18);
	reads("YYYYDDD", "2026322", 2026, 11, 18);
	reads("YYDDD", "24060", 2024, 2, 29);
	reads("CYYMMDD", "1261118", 2026, 11, 18);
	reads("CYYMMDD", "0991118", 1999, 11, 18);
	reads("unix", "1795080211", 2026, 11, 19);
	reads("unix_ms", "1795080211123", 2026, 11, 19);
	reads("MMDDYYYYHHMISS", "10172026203306", 2026, 10, 17);
	reads("YYYY-MM-DDTHH:MI:SSZ", "2026-11-18T11:18:35Z", 2026, 11, 18);
	reads("YYYY-MM-DD[THH:MI:SS]", "2026-11-18", 2026, 11, 18);
	reads("YYYY-MM-DD[THH:MI:SS]", "2026-11-18T10:00:00", 2026, 11, 18);
}

static void
test_not_shapes(void **state)
{
	static const char *const bad[] = {"YYYY",         "MMYYYY",     "YYYYMMDDDD", "YYYYMMDDDDD",
	                                  "YYYY-MM-DD Q", "",           "YYYYMMDD[",  "YYYYMMDDMI",
	                                  "YYYYMMDDZ",    "YYYYYYMMDD", "CMMDD"};
	struct date_rule r;
	const char *why;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (date_compile(bad[i], &r, &why))
			fail_msg("%s was taken", bad[i]);
}

static void
test_strict(void **state)
{
	(void) state;
	refuses("YYYY-MM-DD", "2026-11-4");
	refuses("YYYY-MM-DD", "2026-11-18 ");
	refuses("YYYY-MM-DD", "2026-13-01");
	refuses("YYYY-MM-DD", "2026-02-29");
	reads("YYYY-MM-DD", "2024-02-29", 2024, 2, 29);
	refuses("YYYY-MM-DD", "1900-02-29");
	reads("YYYY-MM-DD", "2000-02-29", 2000, 2, 29);
	refuses("YYYY-MM-DD", "0000-01-01");
	refuses("YYYYMMDD", "20261100");
	refuses("YYYYMMDD", "2026111");
	refuses("YYYYMMDD", "+0261118");
	refuses("YYYYDDD", "2026366");
	refuses("YYYYDDD", "2026000");
	reads("YYYYDDD", "2024366", 2024, 12, 31);
	refuses("DD-MON-YY", "18-Agu-22");
	refuses("unix", "");
	refuses("unix", "-1");
	refuses("unix", "1.5");
	refuses("unix", "253402300800");
	refuses("YYYYMMDDHHMISS", "20261118240000");
	refuses("YYYYMMDDHHMISS", "20261118236000");
	refuses("YYYYMMDDHHMISS", "20261118235960");
	refuses("YYYY-MM-DDTHH:MI:SSZ", "2024-02-22T111845Z");
	refuses("YYYY-MM-DDTHH:MI:SSZ", "2024-02-22T11:18:45");
	refuses("YYYY-MM-DDTHH:MI:SSZ", "2024-02-22T11:18:45+15:00");
	refuses("YYYY-MM-DDTHH:MI:SS.FZ", "2024-02-22T11:18:45.Z");
}

static void
test_few_digits_and_halves_of_days(void **state)
{
	static const char *const months[] = {"janv",
	                                     "f\xC3\xA9vr",
	                                     "mars",
	                                     "avr",
	                                     "mai",
	                                     "juin",
	                                     "juil",
	                                     "ao\xC3\xBBt",
	                                     "sept",
	                                     "oct",
	                                     "nov",
	                                     "d\xC3\xA9"
	                                     "c"};
	struct date_rule r = rule("D MON YYYY");
	int32_t got;

	(void) state;
	reads("D/M/YYYY", "1/2/2026", 2026, 2, 1);
	reads("D/M/YYYY", "01/12/2026", 2026, 12, 1);
	refuses("D/M/YYYY", "001/2/2026");
	refuses("D/M/YYYY", "/2/2026");
	refuses("D/M/YYYY", "1/13/2026");
	reads("D/M/YYYY H:MI:SS AM", "1/2/2026 10:15:00 PM", 2026, 2, 1);
	reads("D/M/YYYY H:MI AM", "1/2/2026 12:00 am", 2026, 2, 1);
	refuses("D/M/YYYY H:MI AM", "1/2/2026 0:00 AM");
	refuses("D/M/YYYY H:MI AM", "1/2/2026 13:00 PM");
	refuses("D/M/YYYY H:MI AM", "1/2/2026 1:00 XM");
	refuses("D/M/YYYY H:MI AM", "1/2/2026 1:00 P");
	r.months = months;
	assert_null(date_read(&r, "3 ao\xC3\xBBt 2026", 12, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 8, 3));
	assert_null(date_read(&r, "3 JUIL 2026", 11, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 7, 3));
	assert_non_null(date_read(&r, "3 aug 2026", 10, DATE_UNKNOWN, &got));
	assert_non_null(date_read(&r, "3 jui 2026", 10, DATE_UNKNOWN, &got));
	/* which half a time is of decides where a cut-off lies in the day */
	r = rule("YYYYMMDD H:MI AM");
	r.cut_off = 12 * 3600;
	assert_null(date_read(&r, "20261118 12:00 AM", 17, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 18));
	assert_null(date_read(&r, "20261118 12:00 PM", 17, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 19));
}

static void
test_hour_24(void **state)
{
	struct date_rule r = rule("YYYY-MM-DD HH:MI:SS");
	int32_t got;

	(void) state;
	assert_non_null(date_read(&r, "2026-12-31 24:00:00", 19, DATE_UNKNOWN, &got));
	r.hour_24 = HOUR_24_NEXT_DAY;
	assert_null(date_read(&r, "2026-12-31 24:00:00", 19, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2027, 1, 1));
	r.hour_24 = HOUR_24_SAME_DAY;
	assert_null(date_read(&r, "2026-12-31 24:00:00", 19, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 12, 31));
	assert_non_null(date_read(&r, "2026-12-31 24:00:01", 19, DATE_UNKNOWN, &got));
	assert_non_null(date_read(&r, "2026-12-31 25:00:00", 19, DATE_UNKNOWN, &got));
}

static void
test_zones(void **state)
{
	struct date_rule r = rule("YYYY-MM-DDTHH:MI:SSZ");
	int32_t got;

	(void) state;
	assert_true(zone_use("America/New_York"));
	assert_null(date_read(&r, "2026-11-18T04:59:59Z", 20, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 17));
	assert_null(date_read(&r, "2026-11-18T05:00:00Z", 20, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 18));
	assert_null(date_read(&r, "2026-11-18T05:00:00+01:00", 25, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 17));
	/* the night of 8 March 2026 has no 02:30 there, and that of 1 November has two 01:30 */
	r = rule("YYYYMMDDHHMI");
	assert_non_null(date_read(&r, "202603080230", 12, DATE_UNKNOWN, &got));
	assert_null(date_read(&r, "202603080130", 12, DATE_UNKNOWN, &got));
	assert_null(date_read(&r, "202603080300", 12, DATE_UNKNOWN, &got));
	assert_null(date_read(&r, "202611010130", 12, DATE_UNKNOWN, &got));
	r.gap = true;
	assert_null(date_read(&r, "202603080230", 12, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 3, 8));
	assert_true(zone_use("UTC"));
	assert_false(zone_known("Europe/Atlantis"));
	assert_false(zone_known("../../etc/passwd"));
	assert_false(zone_known(""));
}

static void
test_cut_off(void **state)
{
	struct date_rule r = rule("YYYYMMDDHHMISS");
	int32_t got;

	(void) state;
	r.cut_off = 17 * 3600 + 30 * 60;
	assert_null(date_read(&r, "20261118172959", 14, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 18));
	assert_null(date_read(&r, "20261118173000", 14, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2026, 11, 19));
	r.second_60 = true;
	assert_null(date_read(&r, "20161231235960", 14, DATE_UNKNOWN, &got));
	assert_int_equal(got, day(2017, 1, 1));
}

static void
test_no_year(void **state)
{
	struct date_rule r = rule("MMDD");
	int32_t got;

	(void) state;
	assert_non_null(date_read(&r, "1118", 4, DATE_UNKNOWN, &got));
	assert_null(date_read(&r, "1231", 4, day(2027, 1, 2), &got));
	assert_int_equal(got, day(2026, 12, 31));
	assert_null(date_read(&r, "0102", 4, day(2026, 12, 30), &got));
	assert_int_equal(got, day(2027, 1, 2));
	assert_null(date_read(&r, "0229", 4, day(2024, 3, 5), &got));
	assert_int_equal(got, day(2024, 2, 29));
	assert_non_null(date_read(&r, "0229", 4, day(2026, 3, 5), &got));
	r = rule("DDD");
	assert_null(date_read(&r, "365", 3, day(2027, 1, 2), &got));
	assert_int_equal(got, day(2026, 12, 31));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_civil),      cmocka_unit_test(test_shapes),
	    cmocka_unit_test(test_not_shapes), cmocka_unit_test(test_strict),
	    cmocka_unit_test(test_zones),      cmocka_unit_test(test_cut_off),
	    cmocka_unit_test(test_no_year),    cmocka_unit_test(test_few_digits_and_halves_of_days),
	    cmocka_unit_test(test_hour_24),
	};

	if (!zone_use("UTC"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
