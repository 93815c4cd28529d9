/* schedule add, end, list: transactional reports that the nightly run writes. */
#include <string.h>

#include "ctl/ask.h"
#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/catalogue/transactions.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"
#include "lib/finance/view/transactions.h"
#include "lib/protocol/notification.h"

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Schedule", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column schedule_columns[] = {
    {"schedule", "Schedule", COLUMN_TEXT, 8, 0, NULL},
    {"every", "Every", COLUMN_WORD, 0, 0, NULL},
    {"begins_on", "From day", COLUMN_NUMBER, 0, 3, NULL},
    {"since", "Since", COLUMN_TEXT, 0, 2, NULL},
    {"until", "Until", COLUMN_TEXT, 0, 3, NULL},
    {"format", "As", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 4, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 4, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 8, 4, NULL},
    {"categories", "Categories", COLUMN_TEXT, 8, 5, NULL},
    {"reports", "Reports", COLUMN_NUMBER, 0, 0, NULL},
    {"up_to", "Up to", COLUMN_TEXT, 0, 0, NULL},
    {"mail", "Mailed to", COLUMN_TEXT, 8, 2, NULL},
    {"made_by", "By", COLUMN_TEXT, 8, 1, NULL},
    {"ended_at", "Ended (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"ended_by", "By", COLUMN_TEXT, 8, 1, NULL},
};

static int
change(struct session *s, const char *what, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	int code = callers_change(s, sql, params, values, &r);

	if (code == EXIT_CLEAN) {
		const char *cells[] = {what, pg_text_of(r, 0, "number")};

		code = callers_show(s, COLUMNS(done_columns), cells);
		pg_result_free(r);
	}
	return code;
}

/* How often, and of which days. */
static int
ask_when(const struct session *s, const char **ret_every)
{
	static const char *const words[] = {"day", "week", "month", "quarter", "year", "once", NULL};
	const char *every = s->value[OPT_EVERY], *day = s->value[OPT_BEGINS_ON];
	int64_t number;

	if (every == NULL) {
		complain("how often? --every day, week, month, quarter, year or once");
		return EXIT_USAGE;
	}
	int code = ask_word(every, "--every", words);
	if (code != EXIT_CLEAN)
		return code;
	if (day != NULL && (strcmp(every, "month") != 0 || !text_int(day, 1, 28, &number))) {
		complain("--begins-on %s: a day from 1 to 28, of --every month", day);
		return EXIT_USAGE;
	}
	if ((strcmp(every, "once") == 0) != (s->value[OPT_TO] != NULL) ||
	    (strcmp(every, "once") == 0 && s->value[OPT_FROM] == NULL)) {
		complain("--every once has a --from and a --to, and only it has a --to");
		return EXIT_USAGE;
	}
	*ret_every = every;
	return EXIT_CLEAN;
}

int
run_schedule_add(struct session *s)
{
	struct transactions_asked asked = {0};
	const char *every = NULL, *as = s->format == FORMAT_TEXT ? "csv" : format_name(s->format);
	int code = ask_when(s, &every);

	if (code == EXIT_CLEAN)
		code = ask_transactions(s, &asked);
	if (code == EXIT_CLEAN && s->value[OPT_MAIL] != NULL && !notification_recipients(s->value[OPT_MAIL])) {
		complain("--mail %s: 1 to 20 plain addresses with commas, as finance@loyalty.example", s->value[OPT_MAIL]);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN && s->format == FORMAT_HTML) {
		complain("--format html: a scheduled report is csv, json or xlsx");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	if (code == EXIT_CLEAN)
		code = transactions_check(&s->query, &asked);
	session_close(s);
	if (code != EXIT_CLEAN)
		return code;
	const char *values[] = {s->arguments[0],           every,
	                        s->value[OPT_BEGINS_ON],   s->value[OPT_FROM],
	                        s->value[OPT_TO],          s->value[OPT_PROGRAMME],
	                        s->value[OPT_CATEGORY],    s->value[OPT_PARTNER],
	                        s->value[OPT_MEMBER],      s->value[OPT_TYPE],
	                        s->value[OPT_MERCHANT],    s->value[OPT_STATE],
	                        s->value[OPT_POINTS_FROM], s->value[OPT_POINTS_TO],
	                        s->value[OPT_COLUMNS],     as,
	                        s->value[OPT_MAIL]};
	/* --format says how the report is written, and not what is answered here */
	s->format = FORMAT_TEXT;
	return change(s, "added", sql_schedule_add, 17, values);
}

int
run_schedule_end(struct session *s)
{
	const char *values[] = {s->arguments[0]};

	return change(s, "ended", sql_schedule_end, 1, values);
}

int
run_schedule_list(struct session *s)
{
	return callers_list(s, "schedules", COLUMNS(schedule_columns), sql_schedules,
	                    "no report is written by schedule");
}
