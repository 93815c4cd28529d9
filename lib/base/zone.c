/* libc's time zone, asked as seldom as can be: localtime_r takes a lock and walks a table. */
#include "lib/base/zone.h"

#include <limits.h>
#include <unistd.h>

#define DAY 86400
#define BLOCK 900 /* changes of offset are seen within this much */

static bool
name_ok(const char *name)
{
	static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strlen(name);

	return len > 0 && len < 64 && name[0] != '/' && strspn(name, fine) == len;
}

bool
zone_known(const char *name)
{
	char path[128];

	if (!name_ok(name))
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	return access(path, R_OK) == 0;
}

static int32_t
ask(int64_t unix_seconds)
{
	time_t t = (time_t) unix_seconds;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return (int32_t) tm.tm_gmtoff;
}

static struct {
	int64_t block; /* INT64_MIN: none */
	int32_t offset;
	bool same; /* at both ends of the block */
} last = {INT64_MIN, 0, false};

bool
zone_use(const char *name)
{
	if (!zone_known(name) || setenv("TZ", name, 1) != 0)
		return false;
	tzset();
	last.block = INT64_MIN;
	ask(0); /* libc reads the file now */
	return true;
}

/* TZ as zone_enter found it; NULL: not set.  Children inherit it, so it is not ours to keep changed. */
static char *outside;

bool
zone_enter(const char *name)
{
	const char *text = getenv("TZ");

	outside = text != NULL ? strdup(text) : NULL;
	if ((text == NULL || outside != NULL) && zone_use(name))
		return true;
	free(outside);
	outside = NULL;
	return false;
}

void
zone_leave(void)
{
	if (outside != NULL)
		setenv("TZ", outside, 1);
	else
		unsetenv("TZ");
	free(outside);
	outside = NULL;
	tzset();
	last.block = INT64_MIN;
}

int32_t
zone_offset(int64_t unix_seconds)
{
	int64_t block = unix_seconds / BLOCK - (unix_seconds % BLOCK < 0);

	if (block != last.block) {
		last.block = block;
		last.offset = ask(block * BLOCK);
		last.same = ask(block * BLOCK + BLOCK - 1) == last.offset;
	}
	return last.same ? last.offset : ask(unix_seconds);
}

bool
zone_local_exists(int32_t day, int32_t second_of_day)
{
	int64_t local = (int64_t) day * DAY + second_of_day;
	/* no zone is further than a day from UTC, and none changes twice within two days */
	int32_t before = zone_offset(local - DAY), after = zone_offset(local + DAY);

	if (before == after)
		return true;
	return zone_offset(local - before) == before || zone_offset(local - after) == after;
}
