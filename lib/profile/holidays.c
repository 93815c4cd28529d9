#include "lib/profile/holidays.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"

#define LIST_BYTES (256 << 10)

/* "2026-12-25", and such a day there is. */
static bool
is_day(const char *text)
{
	struct tm tm = {0}, back;
	char again[16], end;

	if (strlen(text) != 10 || sscanf(text, "%4d-%2d-%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	time_t at = timegm(&tm);
	gmtime_r(&at, &back);
	return strftime(again, sizeof(again), "%Y-%m-%d", &back) > 0 && strcmp(again, text) == 0;
}

/* A line is a date and whatever is said about it, or nothing, or a comment. */
static bool
put_days(FILE *out, char *text, const char *file, char *why)
{
	const char *comma = "";
	char *rest = text;
	int number = 0;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		number++;
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r#")] = '\0';
		if (*line == '\0')
			continue;
		if (!is_day(line)) {
			snprintf(why, LIMIT_MESSAGE_BYTES, "%s:%d: must begin with a day, as in 2026-12-25", file,
			         number);
			return false;
		}
		fprintf(out, "%s%s", comma, line);
		comma = ",";
	}
	return true;
}

char *
holidays_read(int profiles, const char *name, char *why)
{
	char *text = NULL, *days = NULL, *file;
	size_t len, size;

	if (name == NULL || asprintf(&file, "%s.holidays", name) < 0) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "no memory");
		return name == NULL ? strdup("{}") : NULL;
	}
	if (io_read_file(profiles, file, LIST_BYTES, &text, &len) < 0) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "%s: %s", file, strerror(errno));
		free(file);
		return NULL;
	}
	FILE *out = open_memstream(&days, &size);
	snprintf(why, LIMIT_MESSAGE_BYTES, "%s: no memory", file);
	bool good =
	    out != NULL && fputc('{', out) != EOF && put_days(out, text, file, why) && fputc('}', out) != EOF;
	if (out != NULL && fclose(out) != 0)
		good = false;
	free(text);
	free(file);
	if (!good) {
		free(days);
		days = NULL;
	}
	return days;
}
