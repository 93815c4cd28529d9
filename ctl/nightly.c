/* nightly: a plan that is printed first, and then done. */
#include "ctl/nightly.h"

#include "lib/profile/holidays.h"

#include "lib/config/config.h"
#include "lib/protocol/notice.h"
#include "lib/base/paths.h"
#include "ctl/file_tables.h"
#include "ctl/handlers.h"
#include "lib/finance/output/memory.h"
#include "nightly/nightly_sql.h"
#include "lib/db/params.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static const struct column source_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"names", "Names there", COLUMN_NUMBER, 0, 0, NULL},
    {"expects", "Expected kinds", COLUMN_NUMBER, 0, 0, NULL},
    {"try_again", "Unknown references to try again", COLUMN_NUMBER, 0, 0, NULL},
    {"too_old", "Tried last, then closed", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column expected_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL}, {"kind", "Expected", COLUMN_TEXT, 6, 0, NULL},
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},       {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},   {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column overdue_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 1, NULL},
    {"within_days", "Answers within (business days)", COLUMN_NUMBER, 0, 0, NULL},
    {"redemptions", "Overdue", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"silent", "Confirmed by silence", COLUMN_NUMBER, 0, 0, NULL},
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

static const struct column done_columns[] = {
    {"missing", "Files found missing", COLUMN_NUMBER, 0, 0, NULL},
    {"matched", "Records matched later", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed of them", COLUMN_NUMBER, 0, 0, NULL},
    {"guarded", "Found later, held by the guard", COLUMN_NUMBER, 0, 0, NULL},
    {"expired", "Never found, closed", COLUMN_NUMBER, 0, 0, NULL},
    {"absent", "Confirmed by silence", COLUMN_NUMBER, 0, 0, NULL},
    {"reports", "Reports written", COLUMN_NUMBER, 0, 0, NULL},
    {"removed", "Old copies removed", COLUMN_NUMBER, 0, 0, NULL},
    {"removed_bytes", "Bytes of them", COLUMN_NUMBER, 0, 0, NULL},
    {"holds", "What waits for a person", COLUMN_NUMBER, 0, 0, NULL},
};

/* ---- the plan ---- */

void
nightly_worse(struct nightly *n, int code)
{
	if (code != EXIT_CLEAN && (n->code == EXIT_CLEAN || n->code == EXIT_HELD))
		n->code = code;
}

int
nightly_each_source(struct nightly *n, int (*part)(struct nightly *n, const struct config_source *source))
{
	const struct config *config = n->session->config;
	char why[LIMIT_MESSAGE_BYTES];
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < config->source_count && code == EXIT_CLEAN; i++) {
		if (profile_cache_load(&n->reconciler.profile, n->reconciler.profiles, config->sources[i].profile,
		                       why) == 0)
			code = part(n, &config->sources[i]);
		else {
			complain("source %s: %s", config->sources[i].name, why);
			nightly_worse(n, EXIT_USAGE);
		}
	}
	return code;
}

/* Of a run that does something, plan and what was done are one JSON document. */
static int
show(const struct nightly *n, const struct document *d, const char *key)
{
	bool joined = n->session->format == FORMAT_JSON && !n->session->value[OPT_PLAN];

	if (joined)
		printf("%c\"%s\": ", strcmp(key, "plan") == 0 ? '{' : ',', key);
	return session_show(n->session, d);
}

static int64_t
names_in(const char *directory)
{
	DIR *dir = opendir(directory);
	int64_t names = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));)
		names += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return dir ? names : -1;
}

/* Another source of the same partner and programme has told of it. */
static bool
is_told(const struct nightly *n, const struct policy *policy)
{
	const char *programme = policy->programme ? policy->programme : "";

	for (size_t i = 0; i < n->overdue->rows; i++) {
		const char *told = table_cell(n->overdue, i, 1);
		if (strcmp(table_cell(n->overdue, i, 0), policy->partner) == 0 &&
		    strcmp(told ? told : "", programme) == 0)
			return true;
	}
	return false;
}

char *
nightly_holidays(struct nightly *n, const char *name)
{
	char why[LIMIT_MESSAGE_BYTES], *days = holidays_read(n->reconciler.profiles, name, why);

	if (!days) {
		complain("%s/%s", n->session->config->profiles, why);
		nightly_worse(n, EXIT_USAGE);
	}
	return days;
}

static int
plan_overdue(struct nightly *n, const struct config_source *source)
{
	const struct profile *profile = n->reconciler.profile.profile;
	struct params p = {0};

	if (is_told(n, &profile->policy))
		return EXIT_CLEAN;
	char *holidays = nightly_holidays(n, profile->policy.holidays);
	if (!holidays)
		return EXIT_CLEAN;
	absence_params(&p, source->name, profile, holidays);
	int code = session_fill(n->session, n->overdue, sql_nightly_overdue, p.n, p.value);
	free(holidays);
	return code;
}

static int
plan_source(struct nightly *n, const struct config_source *source)
{
	const struct policy *policy = &n->reconciler.profile.profile->policy;
	int64_t young = 0, old = 0, names = names_in(source->directory);
	struct params p = {0};
	enum pg_status status = later_count(n->session->pg, source->name, policy->unknown_days, &young, &old);

	if (status != PG_OK)
		return session_failed(n->session, status);
	param_text(&p, source->name);
	param_optional(&p, names >= 0, names);
	param_int(&p, (int64_t) policy->expected_files);
	param_int(&p, young);
	param_int(&p, old);
	table_row(n->sources, p.value);
	return policy->answer_within == 0 ? EXIT_CLEAN : plan_overdue(n, source);
}

static int
plan_reports(struct nightly *n)
{
	struct pg_result *r;
	enum pg_status status = pg_run(n->session->pg, sql_nightly_days, 0, NULL, &r);

	if (status != PG_OK)
		return session_failed(n->session, status);
	for (int i = 0; i < pg_rows(r); i++) {
		const char *day = pg_text(r, i, 0);
		char *name = mem_format("report-of-%s", day);
		if (!nightly_has_report(n->session, day))
			table_row(n->reports, (const char *[]){day, name});
		free(name);
	}
	pg_result_free(r);
	return EXIT_CLEAN;
}

static int
make_plan(struct nightly *n)
{
	struct document *d = document_new("nightly", "Plan");
	const char *all = NULL;

	n->plan = d;
	n->sources = document_add(d, "sources", "Sources", TABLE_ROWS, COLUMNS(source_columns));
	struct table *expected =
	    document_add(d, "expected", "Expected files", TABLE_ROWS, COLUMNS(expected_columns));
	n->overdue = document_add(d, "overdue", "Answers that are overdue", TABLE_ROWS, COLUMNS(overdue_columns));
	struct table *holds =
	    document_add(d, "holds", "What waits for a person", TABLE_ROWS, COLUMNS(hold_columns));
	n->reports = document_add(d, "reports", "Reports to write", TABLE_ROWS, COLUMNS(report_columns));
	int code = nightly_each_source(n, plan_source);
	if (code == EXIT_CLEAN)
		code = session_fill(n->session, expected, sql_nightly_expected, 1, &all);
	if (code == EXIT_CLEAN)
		code = session_fill(n->session, holds, sql_nightly_holds, 0, NULL);
	if (code == EXIT_CLEAN)
		code = plan_reports(n);
	if (code == EXIT_CLEAN)
		code = nightly_plan_retention(n, d);
	if (code == EXIT_CLEAN)
		code = show(n, d, "plan");
	return code;
}

/* ---- what it does ---- */

static int
make_issue(struct nightly *n, const struct config_source *source, const struct expected_file *e)
{
	char *holidays = nightly_holidays(n, e->holidays);
	struct params p = {0};

	if (!holidays)
		return EXIT_CLEAN; /* which days count is not known: nobody is blamed */
	param_text(&p, source->name);
	param_text(&p, e->name);
	param_text(&p, e->zone ? e->zone : "UTC");
	param_int(&p, e->due_minute);
	param_int(&p, e->days);
	param_int(&p, e->grace_minutes);
	param_int(&p, e->count);
	param_text(&p, e->names);
	param_bool(&p, e->empty);
	param_text(&p, holidays);
	enum pg_status status = pg_run(n->session->pg, sql_nightly_issues, p.n, p.value, NULL);
	free(holidays);
	return status == PG_OK ? EXIT_CLEAN : session_failed(n->session, status);
}

static int
make_issues(struct nightly *n, const struct config_source *source)
{
	const struct policy *policy = &n->reconciler.profile.profile->policy;
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < policy->expected_files && code == EXIT_CLEAN; i++)
		code = make_issue(n, source, &policy->expected[i]);
	if (code != EXIT_CLEAN)
		return code;
	enum pg_status status = pg_run(n->session->pg, sql_nightly_place, 1, &source->name, NULL);
	return status == PG_OK ? EXIT_CLEAN : session_failed(n->session, status);
}

static void
tell_missing(struct nightly *n, const struct config_source *source, const struct pg_result *r, int row)
{
	char *subject = mem_format("%s-%s-%s", source->name, pg_text(r, row, 0), pg_text(r, row, 1));
	char *message = mem_format("%s of %s, due at %s, has not come (%s missing)", pg_text(r, row, 0),
	                           source->partner, pg_text(r, row, 2), pg_text(r, row, 3));
	struct notice notice = {.kind = "file_missing",
	                        .subject = subject,
	                        .message = message,
	                        .fields = {{"source", source->name},
	                                   {"partner", source->partner},
	                                   {"expected", pg_text(r, row, 0)},
	                                   {"day", pg_text(r, row, 1)},
	                                   {"due", pg_text(r, row, 2)}}};

	if (notice_put(n->reconciler.spool.root, &notice) < 0)
		complain("a notice cannot be kept: %s", strerror(errno));
	free(subject);
	free(message);
}

static int
judge_missing(struct nightly *n, const struct config_source *source)
{
	struct params p = {0};
	struct pg_result *r = NULL;

	param_text(&p, source->name);
	param_text(&p, source->partner);
	param_bool(&p, n->reconciler.profile.profile->policy.lists == LISTS_REJECTS);
	enum pg_status status = pg_run(n->session->pg, sql_nightly_missing, p.n, p.value, &r);

	if (status != PG_OK)
		return session_failed(n->session, status);
	n->missing += pg_int(r, 0, 0);
	pg_result_free(r);
	/* also what a run found that ended before it could tell: a notice that was kept is not kept again */
	status = pg_run(n->session->pg, sql_nightly_tell, 1, &source->name, &r);
	if (status != PG_OK)
		return session_failed(n->session, status);
	for (int i = 0; i < pg_rows(r); i++)
		tell_missing(n, source, r, i);
	pg_result_free(r);
	return EXIT_CLEAN;
}

static int
write_reports(struct nightly *n)
{
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < n->reports->rows && code == EXIT_CLEAN; i++)
		code = nightly_report(n, table_cell(n->reports, i, 0));
	return code;
}

static int
tell_done(struct nightly *n)
{
	struct document *d = document_new("done", "Done");
	struct table *t = document_add(d, "done", NULL, TABLE_FACTS, COLUMNS(done_columns));
	struct table *expected =
	    document_add(d, "expected", "Expected files", TABLE_ROWS, COLUMNS(expected_columns));
	struct pg_result *r = NULL;
	struct params p = {0};
	const char *all = NULL;
	int64_t holds = 0;
	size_t waiting = 0;
	enum pg_status status = pg_run(n->session->pg, sql_nightly_holds, 0, NULL, &r);

	for (int i = 0; status == PG_OK && i < pg_rows(r); i++)
		holds += pg_int(r, i, 2);
	pg_result_free(r);
	param_int(&p, n->missing);
	param_int(&p, n->later.matched);
	param_int(&p, n->later.reversed);
	param_int(&p, n->later.guarded);
	param_int(&p, n->expired);
	param_int(&p, n->absence.confirmed);
	param_int(&p, (int64_t) n->reports->rows);
	param_int(&p, n->retention.archive.files + n->retention.quarantine.files);
	param_int(&p, n->retention.archive.bytes + n->retention.quarantine.bytes);
	param_int(&p, holds);
	table_row(t, p.value);
	int code = status == PG_OK ? session_fill(n->session, expected, sql_nightly_expected, 1, &all)
	                           : session_failed(n->session, status);
	if (code == EXIT_CLEAN)
		code = file_releases(n->session, d, NULL, &waiting);
	if (code == EXIT_CLEAN)
		code = show(n, d, "done");
	document_free(d);
	if (n->code == EXIT_CLEAN && (holds > 0 || n->missing > 0 || waiting > 0))
		n->code = EXIT_HELD;
	return code;
}

/* ---- the run ---- */

static int
open_run(struct nightly *n)
{
	struct session *s = n->session;
	struct reconciler *r = &n->reconciler;
	const char *missing;
	int code = session_config(s);

	if (code != EXIT_CLEAN)
		return code;
	r->no_landlock = s->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	if (spool_open(s->config->spool, &r->spool) < 0) {
		complain("spool: %s: %s", s->config->spool, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	r->profiles = open(s->config->profiles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->profiles < 0) {
		complain("%s: %s", s->config->profiles, strerror(errno));
		return EXIT_USAGE;
	}
	missing = reconciler_find_parsers(r);
	if (missing != NULL) {
		complain("%s: %s", missing, strerror(errno));
		return EXIT_INTERNAL;
	}
	code = session_open(s, SESSION_NIGHT);
	r->pg = s->pg;
	return code;
}

int
run_nightly(struct session *s)
{
	static int (*const each[])(struct nightly * n, const struct config_source *source) = {
	    nightly_terms, make_issues, judge_missing, nightly_try_again, nightly_absence};
	struct nightly *n = mem_new(1, sizeof(*n));
	int code;

	*n = (struct nightly){.session = s};
	n->reconciler.profiles = -1;
	n->reconciler.spool = (struct spool){-1, -1, -1, -1};
	profile_cache_open(&n->reconciler.profile);
	parser_child_open(&n->reconciler.child);
	code = open_run(n);
	if (code == EXIT_CLEAN)
		code = make_plan(n);
	if (code == EXIT_CLEAN && !s->value[OPT_PLAN]) {
		fflush(stdout);
		code = nightly_files(n);
		for (size_t i = 0; i < sizeof(each) / sizeof(each[0]) && code == EXIT_CLEAN; i++)
			code = nightly_each_source(n, each[i]);
		if (code == EXIT_CLEAN)
			code = write_reports(n);
		if (code == EXIT_CLEAN)
			code = nightly_retention(n);
		if (code == EXIT_CLEAN)
			code = nightly_metrics(n);
		if (code == EXIT_CLEAN)
			code = tell_done(n);
	}
	if (n->plan && s->format == FORMAT_JSON && !s->value[OPT_PLAN])
		puts("}"); /* after what stopped it, too */
	document_free(n->plan);
	parser_child_stop(&n->reconciler.child);
	profile_cache_close(&n->reconciler.profile);
	spool_close(&n->reconciler.spool);
	if (n->reconciler.profiles >= 0)
		close(n->reconciler.profiles);
	if (code == EXIT_CLEAN)
		code = n->code;
	free(n);
	return code;
}
