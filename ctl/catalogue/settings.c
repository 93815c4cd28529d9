/* catalogue propose, approve, reject, show: the settings of the shop to which members are handed over. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Setting", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column setting_columns[] = {
    {"setting", "Setting", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"rate_points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"rate_minor", "are minor units", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "of", COLUMN_TEXT, 0, 0, NULL},
    {"minimum_balance", "From a balance of", COLUMN_NUMBER, 0, 0, NULL},
    {"shop", "Shop", COLUMN_TEXT, 8, 0, NULL},
    {"address", "Address", COLUMN_TEXT, 20, 5, NULL},
    {"permitted", "May know", COLUMN_TEXT, 0, 4, NULL},
    {"valid_from", "From (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"valid_until", "Until (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 3, NULL},
    {"proposed_at", "Proposed (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"proposed_by", "By", COLUMN_TEXT, 8, 0, NULL},
    {"ended_at", "Answered (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"ended_by", "By", COLUMN_TEXT, 8, 0, NULL},
    {"answer", "Response", COLUMN_SENTENCE, 16, 3, NULL},
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

/* "100" or "7/2": two whole numbers.  *ret_units points into *ret_points, which the caller frees. */
static int
read_rate(const char *rate, char **ret_points, const char **ret_units)
{
	char *points = rate != NULL ? strdup(rate) : NULL, *slash = points != NULL ? strchr(points, '/') : NULL;
	int64_t number;

	if (slash != NULL)
		*slash++ = '\0';
	*ret_points = points;
	*ret_units = slash != NULL ? slash : "1";
	if (rate == NULL || (points != NULL && text_int(points, 1, INT64_MAX, &number) &&
	                     text_int(*ret_units, 1, INT64_MAX / 1000, &number)))
		return EXIT_CLEAN;
	complain("--rate %s: points, or points/units of currency, as whole numbers above 0 are required", rate);
	return EXIT_USAGE;
}

int
run_catalogue_propose(struct session *s)
{
	const char *least = s->value[OPT_MINIMUM_BALANCE], *units;
	char *points;
	int64_t number;
	int code = read_rate(s->value[OPT_RATE], &points, &units);

	if (code == EXIT_CLEAN && least != NULL && !text_int(least, 0, INT64_MAX, &number)) {
		complain("--minimum-balance %s: a number of points is required", least);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN) {
		const char *values[] = {s->arguments[0],
		                        s->value[OPT_WHY],
		                        points,
		                        units,
		                        least,
		                        s->value[OPT_SHOP],
		                        s->value[OPT_ADDRESS],
		                        s->value[OPT_PERMIT],
		                        s->value[OPT_VALID_FROM],
		                        s->value[OPT_VALID_UNTIL]};

		code = change(s, "proposed", sql_catalogue_propose, 10, values);
	}
	free(points);
	return code;
}

int
run_catalogue_approve(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_number(values[0], "catalogue setting");

	return code == EXIT_CLEAN ? change(s, "approved", sql_catalogue_approve, 2, values) : code;
}

int
run_catalogue_reject(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_number(values[0], "catalogue setting");

	if (code == EXIT_CLEAN)
		code = ask_why(s);
	return code == EXIT_CLEAN ? change(s, "rejected", sql_catalogue_reject, 2, values) : code;
}

int
run_catalogue_show(struct session *s)
{
	return callers_list(s, "settings", COLUMNS(setting_columns), sql_catalogue_settings,
	                    "no programme has a catalogue");
}
