#include "nightly/night.h"

#include <stdio.h>
#include <string.h>

#include "lib/config/config.h"
#include "lib/profile/holidays.h"

const struct column night_expected_columns[NIGHT_EXPECTED_COLUMNS] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL}, {"kind", "Expected", COLUMN_TEXT, 6, 0, NULL},
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},       {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},   {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},
};

void
night_worse(struct night *n, int code)
{
	if (code != EXIT_CLEAN && (n->code == EXIT_CLEAN || n->code == EXIT_HELD))
		n->code = code;
}

int
night_each_source(struct night *n, int (*part)(struct night *n, const struct config_source *source))
{
	const struct config *config = n->batch->config;
	char why[LIMIT_MESSAGE_BYTES];
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < config->source_count && code == EXIT_CLEAN; i++) {
		if (profile_cache_load(&n->reconciler.profile, n->reconciler.profiles, config->sources[i].profile,
		                       why) == 0)
			code = part(n, &config->sources[i]);
		else {
			complain("source %s: %s", config->sources[i].name, why);
			night_worse(n, EXIT_USAGE);
		}
	}
	return code;
}

/* Of a run that does something, plan and what was done are one JSON document. */
int
night_show(const struct night *n, const struct document *d, const char *key)
{
	bool joined = n->batch->format == FORMAT_JSON && !n->batch->plan;

	if (joined)
		printf("%c\"%s\": ", strcmp(key, "plan") == 0 ? '{' : ',', key);
	return batch_show(n->batch, d);
}

char *
night_holidays(struct night *n, const char *name)
{
	char why[LIMIT_MESSAGE_BYTES], *days = holidays_read(n->reconciler.profiles, name, why);

	if (days == NULL) {
		complain("%s/%s", n->batch->config->profiles, why);
		night_worse(n, EXIT_USAGE);
	}
	return days;
}
