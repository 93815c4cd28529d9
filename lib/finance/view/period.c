#include "lib/finance/view/period.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S (24 * 60 * 60)

/* "2026-01-31" as seconds since 1970, strictly. */
static bool
read_day(const char *text, time_t *ret)
{
	struct tm day = {0};
	const char *end = strptime(text, "%Y-%m-%d", &day);

	if (end == NULL || *end != '\0' || strlen(text) != 10)
		return false;
	struct tm again = day;
	time_t at = timegm(&again);
	/* timegm() makes the 31st of April the 1st of May: such a day is not one */
	if (again.tm_mday != day.tm_mday || again.tm_mon != day.tm_mon)
		return false;
	*ret = at;
	return true;
}

static void
write_moment(char *buf, size_t size, time_t at)
{
	struct tm day;

	gmtime_r(&at, &day);
	strftime(buf, size, "%Y-%m-%d 00:00:00+00", &day);
}

enum period_end
period_read(const char *from, const char *to, struct period *ret)
{
	struct period period = {"", "", ""};
	time_t first = 0, last = 0;

	if (from != NULL && !read_day(from, &first))
		return PERIOD_FROM;
	if (to != NULL && !read_day(to, &last))
		return PERIOD_TO;
	if (from != NULL && to != NULL && last < first)
		return PERIOD_TURNED;
	if (from != NULL)
		write_moment(period.from, sizeof(period.from), first);
	if (to != NULL) {
		write_moment(period.to, sizeof(period.to), last + DAY_S);
		snprintf(period.last, sizeof(period.last), "%s", to);
	}
	*ret = period;
	return PERIOD_READ;
}

bool
period_of_month(const char *month, struct period *ret)
{
	char first[16], last[16];
	time_t at = 0;

	if (strlen(month) != 7)
		return false;
	snprintf(first, sizeof(first), "%s-01", month);
	if (!read_day(first, &at))
		return false;
	struct tm day;
	gmtime_r(&at, &day);
	day.tm_mon++;
	day.tm_mday = 0; /* the day before the first of the next */
	timegm(&day);
	strftime(last, sizeof(last), "%Y-%m-%d", &day);
	return period_read(first, last, ret) == PERIOD_READ;
}

void
period_of_days(int days, struct period *ret)
{
	*ret = (struct period){"", "", ""};
	write_moment(ret->from, sizeof(ret->from), (time(NULL) / DAY_S - days) * DAY_S);
}
