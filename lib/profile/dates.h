/*
 * Dates by one strict pattern per field.
 *
 * Tokens: YYYY YY C (0 = 19, 1 = 20) MM DD DDD (day of the year) M D H (one or two
 * digits) MON (Aug, any case) MONTH (August, or one of the profile's own names) HH MI SS
 * HH12 H12 AM (AM or PM, any case) F (1 to 9 digits) Z (Z, +01:00, +0100 or +01); [ ] around
 * what may be absent; 'x' and any other character but a letter stands for itself,
 * as do T and blanks.  unix and unix_ms are whole patterns.  A pattern without a
 * year takes the year that brings the day nearest to the business date.
 *
 * The result is a day.  A time with a zone, or Unix time, is taken to the
 * profile's zone first; from the cut-off on it belongs to the next day.
 */
#ifndef HANDBACK_PROFILE_DATES_H
#define HANDBACK_PROFILE_DATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATE_PARTS 32
#define DATE_UNKNOWN INT32_MIN /* no business date yet */

enum date_token {
	DATE_LITERAL,
	DATE_YEAR4,
	DATE_YEAR2,
	DATE_CENTURY,
	DATE_MONTH,
	DATE_DAY,
	DATE_DAY_OF_YEAR,
	DATE_MONTH_SHORT,
	DATE_MONTH_LONG,
	DATE_HOUR,
	DATE_MINUTE,
	DATE_SECOND,
	DATE_FRACTION,
	DATE_ZONE,
	DATE_MONTH_ANY, /* these three of one or two digits */
	DATE_DAY_ANY,
	DATE_HOUR_ANY,
	DATE_HALF,     /* AM, PM */
	DATE_OPTIONAL, /* `skip` parts that may be absent follow */
	DATE_UNIX,
	DATE_UNIX_MS,
};

/* The end of a day written as 24:00:00: a bad value, that day's, or the next one's beginning. */
enum hour_24 { HOUR_24_BAD, HOUR_24_SAME_DAY, HOUR_24_NEXT_DAY };

struct date_rule {
	const char *pattern; /* as in the profile */
	struct date_part {
		uint8_t token;
		char literal;
		uint8_t skip;
	} part[DATE_PARTS];
	uint8_t parts;
	bool has_year, has_time, plain; /* plain: YYYYMMDD in some order, digits at fixed places, no time */
	int16_t pivot;                  /* YY below it is 20YY, else 19YY */
	int32_t cut_off;                /* second of the day, or -1 */
	bool second_60, gap;            /* are taken, not refused */
	bool half;                      /* hours are 1 to 12, and AM or PM stands beside them */
	uint8_t hour_24;                /* 24:00:00 */
	const char *const *months;      /* 12 names in the profile's language; NULL: English */
};

/* Fills parts and what follows from them (the rest is the caller's); false and *ret_why (static text) when
 * the pattern is no date. */
bool date_compile(const char *pattern, struct date_rule *ret, const char **ret_why);

/* NULL and *ret_day (days since 1970-01-01), or why not (static text) with *ret_day untouched. */
const char *date_read(const struct date_rule *rule, const char *text, size_t len, int32_t business_date,
                      int32_t *ret_day);

/* Proleptic Gregorian, years 1 to 9999; false when there is no such day. */
bool date_from_civil(int year, int month, int day, int32_t *ret_day);
void date_to_civil(int32_t day, int *ret_year, int *ret_month, int *ret_day);

#endif
