/* Date patterns: compiled once, matched strictly. */
#include "lib/profile/dates.h"

#include <strings.h>

#include "lib/base/zone.h"

#define DAY_SECONDS 86400

static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};

bool
date_from_civil(int year, int month, int day, int32_t *ret_day)
{
	static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	int y, era, of_era, of_year;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && leap))
		return false;
	/* years begin in March, so that the leap day is the last one; eras are 400 years */
	y = month <= 2 ? year - 1 : year;
	era = y / 400;
	of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	of_era = (y % 400) * 365 + (y % 400) / 4 - (y % 400) / 100 + of_year;
	*ret_day = era * 146097 + of_era - 719468;
	return true;
}

void
date_to_civil(int32_t day, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = (int64_t) day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t mp = (5 * of_year + 2) / 153;

	*ret_day = (int) (of_year - (153 * mp + 2) / 5 + 1);
	*ret_month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int) (year + era * 400 + (*ret_month <= 2));
}

static const struct {
	const char *name;
	uint8_t token;
} tokens[] = {
    /* longest first */
    {"YYYY", DATE_YEAR4},      {"YY", DATE_YEAR2},  {"MONTH", DATE_MONTH_LONG}, {"MON", DATE_MONTH_SHORT},
    {"MM", DATE_MONTH},        {"MI", DATE_MINUTE}, {"SS", DATE_SECOND},        {"HH", DATE_HOUR},
    {"DDD", DATE_DAY_OF_YEAR}, {"DD", DATE_DAY},    {"AM", DATE_HALF},          {"C", DATE_CENTURY},
    {"F", DATE_FRACTION},      {"Z", DATE_ZONE},    {"M", DATE_MONTH_ANY},      {"D", DATE_DAY_ANY},
    {"H", DATE_HOUR_ANY},
};

static bool
add_part(struct date_rule *rule, uint8_t token, char literal)
{
	if (rule->parts == DATE_PARTS)
		return false;
	rule->part[rule->parts++] = (struct date_part){.token = token, .literal = literal};
	return true;
}

/* One token or literal; returns what is left of the pattern, NULL when it is wrong. */
static const char *
compile_one(const char *p, struct date_rule *rule)
{
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		size_t len = strlen(tokens[i].name);

		if (strncmp(p, tokens[i].name, len) == 0)
			return add_part(rule, tokens[i].token, 0) ? p + len : NULL;
	}
	if (p[0] == '\'' && p[1] != '\0' && p[2] == '\'')
		return add_part(rule, DATE_LITERAL, p[1]) ? p + 3 : NULL;
	if (((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) && *p != 'T')
		return NULL;
	return add_part(rule, DATE_LITERAL, *p) ? p + 1 : NULL;
}

/* Do the parts make a day, and one only?  Says what the rule has. */
static bool
check_parts(struct date_rule *rule, const char **ret_why)
{
	int has[DATE_UNIX_MS + 1] = {0};

	rule->plain = true;
	for (int i = 0; i < rule->parts; i++) {
		uint8_t token = rule->part[i].token;

		if (token != DATE_LITERAL && token != DATE_OPTIONAL && ++has[token] > 1) {
			*ret_why = "has a part twice";
			return false;
		}
		if (token != DATE_YEAR4 && token != DATE_MONTH && token != DATE_DAY && token != DATE_LITERAL)
			rule->plain = false;
	}
	rule->has_year = has[DATE_YEAR4] + has[DATE_YEAR2] == 1;
	rule->has_time = has[DATE_HOUR] + has[DATE_HOUR_ANY] == 1;
	rule->half = has[DATE_HALF] == 1;
	if (has[DATE_UNIX] + has[DATE_UNIX_MS] == 1)
		return true;
	if (has[DATE_YEAR4] + has[DATE_YEAR2] > 1 || (has[DATE_CENTURY] && !has[DATE_YEAR2]))
		*ret_why = "has no clear year";
	else if (has[DATE_MONTH] + has[DATE_MONTH_ANY] + has[DATE_MONTH_SHORT] + has[DATE_MONTH_LONG] +
	                 has[DATE_DAY_OF_YEAR] !=
	             1 ||
	         has[DATE_DAY] + has[DATE_DAY_ANY] + has[DATE_DAY_OF_YEAR] != 1)
		*ret_why = "needs MM (or M, MON, MONTH) and DD (or D), or DDD";
	else if (has[DATE_HOUR] + has[DATE_HOUR_ANY] > 1)
		*ret_why = "has a part twice";
	else if ((has[DATE_MINUTE] && !rule->has_time) || (has[DATE_SECOND] && !has[DATE_MINUTE]) ||
	         (has[DATE_FRACTION] && !has[DATE_SECOND]) || (has[DATE_ZONE] && !rule->has_time) ||
	         (rule->half && !rule->has_time))
		*ret_why = "has a part of a time without the larger one";
	else {
		rule->plain = rule->plain && rule->has_year;
		return true;
	}
	return false;
}

bool
date_compile(const char *pattern, struct date_rule *ret, const char **ret_why)
{
	int open = -1;

	ret->pattern = pattern;
	ret->parts = 0;
	*ret_why =
	    "is no date pattern (YYYY YY C MM M DD D DDD MON MONTH HH H MI SS AM F Z, [ ] around what may be "
	    "absent)";
	if (strcmp(pattern, "unix") == 0)
		return add_part(ret, DATE_UNIX, 0) && check_parts(ret, ret_why);
	if (strcmp(pattern, "unix_ms") == 0)
		return add_part(ret, DATE_UNIX_MS, 0) && check_parts(ret, ret_why);
	while (*pattern != '\0') {
		if (*pattern == '[') {
			if (open >= 0 || !add_part(ret, DATE_OPTIONAL, 0))
				return false;
			open = ret->parts - 1;
			pattern++;
		} else if (*pattern == ']') {
			if (open < 0)
				return false;
			ret->part[open].skip = (uint8_t) (ret->parts - 1 - open);
			open = -1;
			pattern++;
		} else if ((pattern = compile_one(pattern, ret)) == NULL)
			return false;
	}
	return open < 0 && ret->parts > 0 && check_parts(ret, ret_why);
}

/* What has been read so far. */
struct reading {
	const char *at, *end;
	const char *const *months;
	int year, month, day, of_year, hour, minute, second, century;
	bool afternoon;
	int32_t east; /* zone, seconds */
	bool zoned, two_digits;
};

static bool
digits(struct reading *r, int count, int *ret)
{
	int value = 0;

	if (r->end - r->at < count)
		return false;
	for (int i = 0; i < count; i++) {
		unsigned d = (unsigned) (unsigned char) r->at[i] - '0';

		if (d > 9)
			return false;
		value = value * 10 + (int) d;
	}
	r->at += count;
	*ret = value;
	return true;
}

/* One digit, or two. */
static bool
few_digits(struct reading *r, int *ret)
{
	bool two = r->end - r->at >= 2 && r->at[1] >= '0' && r->at[1] <= '9';

	return digits(r, two ? 2 : 1, ret);
}

/* The longest of the profile's own names that stands there. */
static bool
own_month_name(struct reading *r)
{
	size_t best = 0;

	for (int i = 0; i < 12; i++) {
		size_t len = strlen(r->months[i]);

		if (len > best && (size_t) (r->end - r->at) >= len && strncasecmp(r->at, r->months[i], len) == 0) {
			best = len;
			r->month = i + 1;
		}
	}
	r->at += best;
	return best > 0;
}

/* AM, PM: hours 1 to 12 become those of the day. */
static bool
half_of_day(struct reading *r)
{
	if (r->end - r->at < 2 || (r->at[1] | 32) != 'm' || ((r->at[0] | 32) != 'a' && (r->at[0] | 32) != 'p'))
		return false;
	r->afternoon = (r->at[0] | 32) == 'p';
	r->at += 2;
	return true;
}

static bool
month_name(struct reading *r, bool full)
{
	if (r->months != NULL)
		return own_month_name(r);
	for (int i = 0; i < 12; i++) {
		size_t len = full ? strlen(months[i]) : 3;

		if ((size_t) (r->end - r->at) >= len && strncasecmp(r->at, months[i], len) == 0) {
			r->at += len;
			r->month = i + 1;
			return true;
		}
	}
	return false;
}

/* Z, +01, +0100, +01:00 */
static bool
zone_part(struct reading *r)
{
	int hours, minutes = 0, sign;

	if (r->at == r->end)
		return false;
	r->zoned = true;
	if (*r->at == 'Z') {
		r->at++;
		r->east = 0;
		return true;
	}
	if (*r->at != '+' && *r->at != '-')
		return false;
	sign = *r->at++ == '-' ? -1 : 1;
	if (!digits(r, 2, &hours))
		return false;
	if (r->at < r->end && *r->at == ':') {
		r->at++;
		if (!digits(r, 2, &minutes))
			return false;
	} else if (r->at < r->end && !digits(r, 2, &minutes))
		return false;
	r->east = sign * (hours * 3600 + minutes * 60);
	return hours <= 14 && minutes <= 59;
}

static bool
fraction(struct reading *r)
{
	int count = 0;

	while (r->at < r->end && count < 9 && *r->at >= '0' && *r->at <= '9') {
		r->at++;
		count++;
	}
	return count > 0;
}

static bool
read_part(const struct date_part *part, struct reading *r)
{
	switch ((enum date_token) part->token) {
	case DATE_LITERAL:
		return r->at < r->end && *r->at++ == part->literal;
	case DATE_YEAR4:
		return digits(r, 4, &r->year);
	case DATE_YEAR2:
		r->two_digits = true;
		return digits(r, 2, &r->year);
	case DATE_CENTURY:
		return digits(r, 1, &r->century) && r->century <= 1;
	case DATE_MONTH:
		return digits(r, 2, &r->month);
	case DATE_DAY:
		return digits(r, 2, &r->day);
	case DATE_DAY_OF_YEAR:
		return digits(r, 3, &r->of_year) && r->of_year >= 1 && r->of_year <= 366;
	case DATE_MONTH_SHORT:
		return month_name(r, false);
	case DATE_MONTH_LONG:
		return month_name(r, true);
	case DATE_MONTH_ANY:
		return few_digits(r, &r->month);
	case DATE_DAY_ANY:
		return few_digits(r, &r->day);
	case DATE_HOUR:
		return digits(r, 2, &r->hour) && r->hour <= 24;
	case DATE_HOUR_ANY:
		return few_digits(r, &r->hour) && r->hour <= 24;
	case DATE_HALF:
		return half_of_day(r);
	case DATE_MINUTE:
		return digits(r, 2, &r->minute) && r->minute <= 59;
	case DATE_SECOND:
		return digits(r, 2, &r->second) && r->second <= 60;
	case DATE_FRACTION:
		return fraction(r);
	case DATE_ZONE:
		return zone_part(r);
	case DATE_OPTIONAL:
	case DATE_UNIX:
	case DATE_UNIX_MS:
		break;
	}
	return false;
}

/* All parts in turn; an optional group is there whole or not at all. */
static bool
read_parts(const struct date_rule *rule, struct reading *r)
{
	for (int i = 0; i < rule->parts; i++) {
		const struct date_part *part = &rule->part[i];

		if (part->token == DATE_OPTIONAL) {
			struct reading before = *r;

			for (int k = 1; k <= part->skip; k++)
				if (!read_part(part + k, r)) {
					*r = before;
					break;
				}
			i += part->skip;
		} else if (!read_part(part, r))
			return false;
	}
	return r->at == r->end;
}

static bool
day_in_year(const struct reading *r, int year, int32_t *ret_day)
{
	int32_t first, next;

	if (r->of_year == 0)
		return date_from_civil(year, r->month, r->day, ret_day);
	if (!date_from_civil(year, 1, 1, &first) || !date_from_civil(year, 12, 31, &next) ||
	    first + r->of_year - 1 > next)
		return false;
	*ret_day = first + r->of_year - 1;
	return true;
}

/* Without a year: the day of last, this or next year that is nearest to the business date. */
static bool
nearest_day(const struct reading *r, int32_t business_date, int32_t *ret_day)
{
	int year, month, day;
	int64_t best = INT64_MAX;

	date_to_civil(business_date, &year, &month, &day);
	for (int y = year - 1; y <= year + 1; y++) {
		int32_t candidate;
		int64_t distance;

		if (!day_in_year(r, y, &candidate))
			continue;
		distance = candidate > business_date ? (int64_t) candidate - business_date
		                                     : (int64_t) business_date - candidate;
		if (distance < best) {
			best = distance;
			*ret_day = candidate;
		}
	}
	/* 29 February may be two years away: then no year is meant */
	return best <= 183;
}

static const char *
unix_time(const struct date_rule *rule, const char *text, size_t len, int64_t *ret_seconds)
{
	int64_t value = 0;

	if (len == 0 || len > 15)
		return "is not a number of seconds since 1970";
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned) (unsigned char) text[i] - '0';

		if (d > 9)
			return "is not a number of seconds since 1970";
		value = value * 10 + (int) d;
	}
	if (rule->part[0].token == DATE_UNIX_MS)
		value /= 1000;
	if (value > 253402300799) /* 9999-12-31 */
		return "is beyond the year 9999";
	*ret_seconds = value;
	return NULL;
}

/* Hours of half a day, and 24:00:00. */
static const char *
settle_hour(const struct date_rule *rule, struct reading *r)
{
	if (rule->half) {
		if (r->hour < 1 || r->hour > 12)
			return "has an hour that is none of 1 to 12 beside AM or PM";
		r->hour = r->hour % 12 + (r->afternoon ? 12 : 0);
	}
	if (r->hour == 24 && (r->minute != 0 || r->second != 0 || rule->hour_24 == HOUR_24_BAD))
		return "has an hour 24 (hour_24: says which day 24:00:00 is of)";
	return NULL;
}

/* From the clock's reading to the day that counts. */
static const char *
settle_day(const struct date_rule *rule, int64_t local, int32_t *ret_day)
{
	int64_t day = local / DAY_SECONDS - (local % DAY_SECONDS < 0);

	if (rule->cut_off >= 0 && local - day * DAY_SECONDS >= rule->cut_off)
		day++;
	*ret_day = (int32_t) day;
	return NULL;
}

static const char *
from_reading(const struct date_rule *rule, struct reading *r, int32_t business_date, int32_t *ret_day)
{
	const char *why;
	int32_t day;
	int64_t local;

	if (!rule->has_year) {
		if (business_date == DATE_UNKNOWN)
			return "has no year, and the file has not stated its business date yet";
		if (!nearest_day(r, business_date, &day))
			return "is no day in a year near the business date";
	} else {
		if (r->century >= 0)
			r->year += r->century == 1 ? 2000 : 1900;
		else if (r->two_digits)
			r->year += r->year < rule->pivot ? 2000 : 1900;
		if (!day_in_year(r, r->year, &day))
			return "is no day of the calendar";
	}
	if (!rule->has_time) {
		*ret_day = day;
		return NULL;
	}
	why = settle_hour(rule, r);
	if (why != NULL)
		return why;
	if (r->hour == 24 && rule->hour_24 == HOUR_24_SAME_DAY)
		r->hour = 23, r->minute = 59, r->second = 59;
	if (r->second == 60 && !rule->second_60)
		return "has a second 60 (second_60: accept takes it)";
	local =
	    (int64_t) day * DAY_SECONDS + r->hour * 3600 + r->minute * 60 + (r->second == 60 ? 59 : r->second);
	if (r->zoned)
		local += -r->east + zone_offset(local - r->east);
	else if (!rule->gap && r->hour < 24 &&
	         !zone_local_exists(day, (int32_t) (local - (int64_t) day * DAY_SECONDS)))
		return "is a time that was skipped when the clocks went forward (gap: accept takes it)";
	return settle_day(rule, local, ret_day);
}

const char *
date_read(const struct date_rule *rule, const char *text, size_t len, int32_t business_date, int32_t *ret_day)
{
	struct reading r = {.at = text, .end = text + len, .months = rule->months, .century = -1};

	if (rule->part[0].token == DATE_UNIX || rule->part[0].token == DATE_UNIX_MS) {
		int64_t seconds = 0;
		const char *why = unix_time(rule, text, len, &seconds);

		return why != NULL ? why : settle_day(rule, seconds + zone_offset(seconds), ret_day);
	}
	if (!read_parts(rule, &r))
		return "is not a date as the profile has it";
	return from_reading(rule, &r, business_date, ret_day);
}
