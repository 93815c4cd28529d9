#include "lib/config/schedule.h"

#include <stdarg.h>
#include <strings.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/base/zone.h"

#define HOUR 60
#define DAY (24 * HOUR)
#define LONGEST_DAYS (41 * 366) /* a 29 February that is a certain weekday, over a century without one */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field {
	const char *what;
	int min, max;
	const char *const *names; /* of min and what follows; NULL: none */
} fields[] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of the month", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"day of the week", 0, 7, weekday_names},
};
enum { MINUTE, HOUR_OF_DAY, DAY_OF_MONTH, MONTH, WEEKDAY, FIELDS };

struct reader {
	char *why;
	size_t why_size;
};

static bool wrong(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
wrong(struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->why_size, format, args);
	va_end(args);
	return false;
}

/* ---- reading ---- */

/* A number or a name at *text, which goes behind it. */
static bool
take_value(struct reader *r, const struct field *f, const char **text, int *ret)
{
	size_t len = strcspn(*text, ",-/");
	char word[8] = "";
	int64_t number;

	if (len < sizeof(word))
		memcpy(word, *text, len);
	for (int i = 0; f->names != NULL && f->names[i] != NULL; i++)
		if (strcasecmp(word, f->names[i]) == 0) {
			*ret = f->min + i;
			*text += len;
			return true;
		}
	if (!text_int(word, f->min, f->max, &number))
		return wrong(r, "%s: \"%.*s\" is not from %d to %d%s", f->what, (int) (len < 20 ? len : 20), *text,
		             f->min, f->max, f->names == NULL ? "" : ", nor a name as sun or jan");
	*ret = (int) number;
	*text += len;
	return true;
}

/* "/5" after a range, or nothing. */
static bool
take_step(struct reader *r, const struct field *f, const char **text, int *ret)
{
	size_t len;
	char word[4] = "";
	int64_t number;

	*ret = 1;
	if (**text != '/')
		return true;
	++*text;
	len = strcspn(*text, ",");
	if (len < sizeof(word))
		memcpy(word, *text, len);
	if (!text_int(word, 1, f->max, &number))
		return wrong(r, "%s: a step is a number from 1 to %d", f->what, f->max);
	*ret = (int) number;
	*text += len;
	return true;
}

/* "*", "3", "1-5", each with a step or without. */
static bool
take_range(struct reader *r, const struct field *f, const char **text, uint64_t *bits)
{
	int from = f->min, to = f->max, step;
	bool one = false;

	if (**text == '*')
		++*text;
	else {
		if (!take_value(r, f, text, &from))
			return false;
		one = **text != '-';
		to = from;
		if (!one) {
			++*text;
			if (!take_value(r, f, text, &to))
				return false;
		}
	}
	/* fri-sun ends with the week */
	if (f->names == weekday_names && to == 0 && from > 0)
		to = 7;
	if (to < from)
		return wrong(r, "%s: a range runs upwards; write two, with a comma between", f->what);
	if (one && **text == '/')
		return wrong(r, "%s: a step goes with * or a range: write %d-%d%s", f->what, from, f->max, *text);
	if (!take_step(r, f, text, &step))
		return false;
	for (int i = from; i <= to; i += step)
		*bits |= UINT64_C(1) << i;
	return true;
}

static bool
take_field(struct reader *r, const struct field *f, const char *text, uint64_t *ret)
{
	*ret = 0;
	for (;; text++) {
		if (!take_range(r, f, &text, ret))
			return false;
		if (*text == '\0')
			return true;
		if (*text != ',')
			return wrong(r, "%s: nothing but a comma can follow, not \"%.20s\"", f->what, text);
	}
}

static bool
has_a_day(const struct schedule *s)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (s->either_day)
		return true;
	for (int m = 1; m <= 12; m++)
		for (int d = 1; d <= lengths[m - 1]; d++)
			if ((s->months >> m & 1) != 0 && (s->days >> d & 1) != 0)
				return true;
	return false;
}

bool
schedule_read(struct schedule *ret, const char *text, char *why, size_t why_size)
{
	struct reader r = {why, why_size};
	uint64_t bits[FIELDS];
	bool any[FIELDS];
	struct schedule s;

	for (int i = 0; i < FIELDS; i++) {
		char field[256];
		size_t len = strcspn(text += strspn(text, " \t"), " \t");

		if (len == 0)
			return wrong(&r,
			             "%d of five fields: minute, hour, day of the month, month, day of the week, "
			             "as */15 6-20 * * 1-5",
			             i);
		if (len >= sizeof(field))
			return wrong(&r, "%s: too long", fields[i].what);
		memcpy(field, text, len);
		field[len] = '\0';
		if (!take_field(&r, &fields[i], field, &bits[i]))
			return false;
		any[i] = field[0] == '*';
		text += len;
	}
	if (text[strspn(text, " \t")] != '\0')
		return wrong(&r, "more than five fields: minute, hour, day of the month, month, day of the week");
	s = (struct schedule){bits[MINUTE],
	                      (uint32_t) bits[HOUR_OF_DAY],
	                      (uint32_t) bits[DAY_OF_MONTH],
	                      (uint32_t) bits[MONTH],
	                      (uint32_t) (bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f,
	                      !any[DAY_OF_MONTH] && !any[WEEKDAY]};
	if (!has_a_day(&s))
		return wrong(&r, "no month that it names has such a day: it would never come");
	*ret = s;
	return true;
}

/* ---- when ---- */

/* A minute as a clock shows it, counted from 1970 as if it were UTC. */
static int64_t
local_of(int64_t minute)
{
	int64_t seconds = minute * 60 + zone_offset(minute * 60);

	return seconds / 60 - (seconds % 60 < 0);
}

static int64_t
minute_of_day(int64_t local)
{
	return (local % DAY + DAY) % DAY;
}

static bool
fits_day(const struct schedule *s, int64_t local)
{
	time_t seconds = (time_t) local * 60;
	struct tm tm;
	bool day, weekday;

	gmtime_r(&seconds, &tm);
	day = (s->days >> tm.tm_mday & 1) != 0;
	weekday = (s->weekdays >> tm.tm_wday & 1) != 0;
	return (s->months >> (tm.tm_mon + 1) & 1) != 0 && (s->either_day ? day || weekday : day && weekday);
}

static bool
fits(const struct schedule *s, int64_t local)
{
	int64_t minute = minute_of_day(local);

	return (s->minutes >> minute % HOUR & 1) != 0 && (s->hours >> minute / HOUR & 1) != 0 &&
	       fits_day(s, local);
}

/* How many minutes can be passed over from one that does not fit: to the next hour, or to the next day. */
static int64_t
leap(const struct schedule *s, int64_t minute, int64_t local)
{
	int64_t of_day = minute_of_day(local), far;

	if (!fits_day(s, local))
		far = DAY - of_day;
	else if ((s->hours >> of_day / HOUR & 1) == 0)
		far = HOUR - of_day % HOUR;
	else
		return 1;
	/* not over a change of the clocks, nor right behind one */
	return local_of(minute + far) == local + far ? far : 1;
}

static int64_t
search(const struct schedule *s, int64_t minute)
{
	int64_t end = minute + (int64_t) LONGEST_DAYS * DAY, before = local_of(minute - 1), far;

	for (; minute < end; minute += far) {
		int64_t local = local_of(minute);

		/* after a skipped hour also what was in it */
		for (int64_t shown = before + 1 < local ? before + 1 : local; shown <= local; shown++)
			if (fits(s, shown))
				return minute;
		far = leap(s, minute, local);
		before = local + far - 1;
	}
	return -1;
}

int64_t
schedule_next(const struct schedule *s, const char *zone, int64_t after)
{
	int64_t minute;

	if (!zone_enter(zone))
		return -1;
	minute = search(s, after / 60 + 1);
	zone_leave();
	return minute < 0 ? -1 : minute * 60;
}
