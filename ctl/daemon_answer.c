#include "ctl/daemon_answer.h"

#include <errno.h>

#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/control_client.h"

#define ANSWER_S 5

/* "2026-01-31 23:59:59.123456+00" of microseconds since 1970; NULL for none. */
static char *
moment(const char *us_text)
{
	int64_t us = 0;
	struct tm parts;
	char day[32];

	if (us_text == NULL || !text_int(us_text, 1, INT64_MAX, &us))
		return NULL;
	time_t seconds = us / 1000000;
	gmtime_r(&seconds, &parts);
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &parts);
	return mem_format("%s.%06d+00", day, (int) (us % 1000000));
}

void
daemon_row(struct table *t, const struct json *node)
{
	char **cells = mem_new((size_t) t->column_count, sizeof(char *));

	for (int i = 0; i < t->column_count; i++) {
		char buf[JSON_PLAIN_SIZE];
		const char *text = json_plain(json_get(node, t->columns[i].key), buf);
		if (t->columns[i].kind == COLUMN_TIME)
			cells[i] = moment(text);
		else if (t->columns[i].kind == COLUMN_BOOL)
			cells[i] = text != NULL ? mem_text(strcmp(text, "true") == 0 ? "t" : "f") : NULL;
		else
			cells[i] = mem_text(text);
	}
	table_row(t, (const char *const *) cells);
	for (int i = 0; i < t->column_count; i++)
		free(cells[i]);
	free(cells);
}

bool
daemon_rescan(const struct session *s)
{
	char *text = control_ask(s->config->control, CONTROL_RESCAN, ANSWER_S);

	free(text);
	return text != NULL;
}

int
daemon_status(const struct session *s, struct json **ret)
{
	char *text = control_ask(s->config->control, CONTROL_STATUS, ANSWER_S);

	if (text == NULL) {
		complain("no handbackd answers at %s: %s%s", s->config->control, strerror(errno),
		         errno == EACCES ? "; root, the user handback and members of its group may ask it"
		                         : "; `systemctl status handbackd` says whether it runs");
		return EXIT_UNAVAILABLE;
	}
	struct json *answer = json_parse(text);
	free(text);
	if (json_string_of(answer, "state") == NULL) {
		complain("what handbackd answers at %s makes no sense", s->config->control);
		json_free(answer);
		return EXIT_INTERNAL;
	}
	*ret = answer;
	return EXIT_CLEAN;
}
