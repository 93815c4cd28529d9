/* What there is to do, printed first. */
#include <dirent.h>
#include <string.h>

#include "lib/config/config.h"
#include "lib/db/params.h"
#include "lib/finance/output/memory.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

static const struct column source_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"names", "Names there", COLUMN_NUMBER, 0, 0, NULL},
    {"expects", "Expected kinds", COLUMN_NUMBER, 0, 0, NULL},
    {"try_again", "Unknown references to try again", COLUMN_NUMBER, 0, 0, NULL},
    {"too_old", "Tried last, then closed", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column overdue_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 1, NULL},
    {"within_days", "Response SLA (business days)", COLUMN_NUMBER, 0, 0, NULL},
    {"redemptions", "Overdue", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"deemed_accepted", "Deemed accepted", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column hold_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest_seconds", "Oldest, seconds", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"opened", "Since 1970", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
};

static const struct column report_columns[] = {
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},
    {"name", "Report", COLUMN_TEXT, 0, 0, NULL},
};

static int64_t
names_in(const char *directory)
{
	DIR *dir = opendir(directory);
	int64_t names = 0;

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		names += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return dir != NULL ? names : -1;
}

/* Another source of the same partner and programme has reported it. */
static bool
is_told(const struct night *n, const struct policy *policy)
{
	const char *programme = policy->programme != NULL ? policy->programme : "";

	for (size_t i = 0; i < n->overdue->rows; i++) {
		const char *shown = table_cell(n->overdue, i, 1);
		if (strcmp(table_cell(n->overdue, i, 0), policy->partner) == 0 &&
		    strcmp(shown != NULL ? shown : "", programme) == 0)
			return true;
	}
	return false;
}

static int
plan_overdue(struct night *n, const struct config_source *source)
{
	const struct profile *profile = n->reconciler.profile.profile;
	struct params p = {0};

	if (is_told(n, &profile->policy))
		return EXIT_CLEAN;
	char *holidays = night_holidays(n, profile->policy.holidays);
	if (holidays == NULL)
		return EXIT_CLEAN;
	deemed_params(&p, source->name, profile, holidays);
	int code = query_fill(&n->batch->query, n->overdue, sql_nightly_overdue, p.n, p.value);
	free(holidays);
	return code;
}

static int
plan_source(struct night *n, const struct config_source *source)
{
	const struct policy *policy = &n->reconciler.profile.profile->policy;
	int64_t young = 0, old = 0, names = names_in(source->directory);
	struct params p = {0};
	enum pg_status status =
	    rematch_count(n->batch->query.pg, source->name, policy->unknown_days, &young, &old);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	param_text(&p, source->name);
	param_optional(&p, names >= 0, names);
	param_int(&p, (int64_t) policy->expected_files);
	param_int(&p, young);
	param_int(&p, old);
	table_row(n->sources, p.value);
	return policy->answer_within == 0 ? EXIT_CLEAN : plan_overdue(n, source);
}

static int
plan_reports(struct night *n)
{
	struct pg_result *r;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_days, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++) {
		const char *day = pg_text_of(r, i, "day");
		char *name = mem_format("report-of-%s", day);
		if (!night_has_report(n, day))
			table_row(n->reports, (const char *[]){day, name});
		free(name);
	}
	pg_result_free(r);
	return EXIT_CLEAN;
}

int
night_plan(struct night *n)
{
	struct document *d = document_new("nightly", "Plan");
	const char *all = NULL;

	n->plan = d;
	n->sources = document_add(d, "sources", "Sources", TABLE_ROWS, COLUMNS(source_columns));
	struct table *expected = document_add(d, "expected", "Expected files", TABLE_ROWS, night_expected_columns,
	                                      NIGHT_EXPECTED_COLUMNS);
	n->overdue = document_add(d, "overdue", "Unanswered redemptions, past their response SLA", TABLE_ROWS,
	                          COLUMNS(overdue_columns));
	struct table *holds = document_add(d, "holds", "Open holds", TABLE_ROWS, COLUMNS(hold_columns));
	n->reports = document_add(d, "reports", "Reports to write", TABLE_ROWS, COLUMNS(report_columns));
	struct table *scheduled = document_add(d, "scheduled", "Scheduled reports to write", TABLE_ROWS,
	                                       night_scheduled_columns, NIGHT_SCHEDULED_COLUMNS);
	int code = night_each_source(n, plan_source);
	if (code == EXIT_CLEAN)
		code = query_fill(&n->batch->query, expected, sql_nightly_expected, 1, &all);
	if (code == EXIT_CLEAN)
		code = query_fill(&n->batch->query, holds, sql_nightly_holds, 0, NULL);
	if (code == EXIT_CLEAN)
		code = plan_reports(n);
	if (code == EXIT_CLEAN)
		code = query_fill(&n->batch->query, scheduled, sql_nightly_scheduled, 0, NULL);
	if (code == EXIT_CLEAN)
		code = night_count_retention(n, d);
	if (code == EXIT_CLEAN)
		code = night_show(n, d, "plan");
	return code;
}
