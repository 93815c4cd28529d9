/* What people look at: options in, a view's document out. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/finance.h"
#include "lib/finance/view/report.h"
#include "lib/finance/view/views.h"
#include "lib/protocol/notification.h"

#define FILES_DEFAULT "50"
#define RECORDS_DEFAULT "100"
#define HOLDS_DEFAULT "100"
#define OVERDUE_DEFAULT "100"
#define FINANCE_DEFAULT "100"
#define REPORT_DAYS_BEFORE 6

/* Shows what a view gave, which may be something although it did not end well; gives the view's code then. */
static int
show(struct session *s, int code, struct document *d)
{
	if (d != NULL) {
		int shown = session_show(s, d);
		document_free(d);
		if (code == EXIT_CLEAN)
			code = shown;
	}
	return code;
}

/* The same of a view that shows bytes of kept files. */
static void
open_kept(struct session *s)
{
	s->query.spool = session_spool(s);
}

static void
close_kept(struct session *s)
{
	if (s->query.spool >= 0)
		close(s->query.spool);
	s->query.spool = -1;
}

static const char *const file_states[] = {"posted", "held", "duplicate", "closed", NULL};

int
run_files(struct session *s)
{
	struct files_asked asked = {.partner = s->value[OPT_PARTNER], .state = s->value[OPT_STATE]};
	struct document *d = NULL;
	char buf[24];
	int code = ask_period(s, &asked.period);

	if (code == EXIT_CLEAN && asked.state != NULL)
		code = ask_word(asked.state, "--state", file_states);
	if (code == EXIT_CLEAN)
		code = ask_limit(s, FILES_DEFAULT, buf, &s->query.limit);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN)
		code = view_files(&s->query, &asked, &d);
	return show(s, code, d);
}

int
run_show(struct session *s)
{
	struct file_asked asked = {.records = s->value[OPT_RECORDS] != NULL,
	                           .rules = s->value[OPT_RULES] != NULL,
	                           .outcome = s->value[OPT_OUTCOME]};
	static const char *const outcomes[] = {"confirmed", "reversed",   "already_applied", "duplicate_record", "informational",
	                                       "held",      "reinstated", "closed",          "credited",         NULL};
	struct document *d = NULL;
	char buf[24], *file = NULL;
	int code = asked.outcome != NULL ? ask_word(asked.outcome, "--outcome", outcomes) : EXIT_CLEAN;

	if (code == EXIT_CLEAN)
		code = ask_limit(s, RECORDS_DEFAULT, buf, &s->query.limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_file(s, s->arguments[0], &file);
	asked.file = file;
	if (code == EXIT_CLEAN)
		code = view_file(&s->query, &asked, &d);
	free(file);
	return show(s, code, d);
}

int
run_explain(struct session *s)
{
	struct document *d = NULL;
	int code = session_open(s, SESSION_READS);

	if (code == EXIT_CLEAN) {
		open_kept(s);
		code = view_story(&s->query, s->arguments[0], &d);
		close_kept(s);
	}
	return show(s, code, d);
}

int
run_hold_show(struct session *s)
{
	struct document *d = NULL;
	int code = ask_number(s->arguments[0], "hold");

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN) {
		open_kept(s);
		code = view_hold(&s->query, s->arguments[0], &d);
		close_kept(s);
	}
	return show(s, code, d);
}

int
run_holds(struct session *s)
{
	struct holds_asked asked = {.partner = s->value[OPT_PARTNER],
	                            .reason = s->value[OPT_REASON],
	                            .ended = s->value[OPT_ENDED] != NULL};
	struct document *d = NULL;
	char buf[24], *file = NULL;
	int code = ask_limit(s, HOLDS_DEFAULT, buf, &s->query.limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN && s->value[OPT_FILE] != NULL)
		code = ask_file(s, s->value[OPT_FILE], &file);
	asked.file = file;
	if (code == EXIT_CLEAN)
		code = view_holds(&s->query, &asked, &d);
	free(file);
	return show(s, code, d);
}

int
run_overdue(struct session *s)
{
	struct document *d = NULL;
	char buf[24];
	int code = ask_limit(s, OVERDUE_DEFAULT, buf, &s->query.limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN)
		code = view_overdue(&s->query, s->value[OPT_PARTNER], &d);
	return show(s, code, d);
}

static int
keep_report(struct session *s, const struct document *d)
{
	int code = session_config(s);

	return code == EXIT_CLEAN ? report_keep(&s->query, s->config->reports, d, NULL, stdout) : code;
}

int
run_report(struct session *s)
{
	struct report_asked asked = {.partner = s->value[OPT_PARTNER]};
	struct document *d = NULL;
	char *file = NULL;
	int code = ask_period(s, &asked.period);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN && s->value[OPT_FILE] != NULL)
		code = ask_file(s, s->value[OPT_FILE], &file);
	asked.file = file;
	if (s->value[OPT_FROM] == NULL && s->value[OPT_TO] == NULL && s->value[OPT_FILE] == NULL &&
	    s->value[OPT_ALL] == NULL)
		period_of_days(REPORT_DAYS_BEFORE, &asked.period);
	if (code == EXIT_CLEAN)
		code = report_take(&s->query, &asked, &d);
	free(file);
	if (code != EXIT_CLEAN || s->value[OPT_WRITE] == NULL)
		return show(s, code, d);
	code = keep_report(s, d);
	document_free(d);
	return code;
}

/* All reports of lib/finance/view/finance.h: the second word of the command says which. */
int
run_finance(struct session *s)
{
	const struct finance_report *report = finance_find(s->command->name + strlen("report "));
	struct finance_asked asked = {
	    .partner = s->value[OPT_PARTNER], .by = s->value[OPT_BY], .rows = s->value[OPT_ROWS]};
	struct document *d = NULL;
	char buf[24];
	int code = s->value[OPT_AS_OF] != NULL ? ask_as_of(s, &asked.period) : ask_period(s, &asked.period);

	if (!report->of_a_moment && s->value[OPT_FROM] == NULL && s->value[OPT_TO] == NULL)
		period_of_days(REPORT_DAYS_BEFORE, &asked.period);
	if (code == EXIT_CLEAN && asked.rows != NULL && report->figures != NULL)
		code = ask_word(asked.rows, "--rows", report->figures);
	if (code == EXIT_CLEAN && asked.by != NULL)
		code = ask_word(asked.by, "--by", report->by);
	if (code == EXIT_CLEAN)
		code = ask_limit(s, FINANCE_DEFAULT, buf, &s->query.limit);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = ask_names(s);
	if (code == EXIT_CLEAN)
		code = finance_take(&s->query, report, &asked, &d);
	if (d == NULL || s->value[OPT_WRITE] == NULL)
		return show(s, code, d);
	int kept = keep_report(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? kept : code;
}

/* Has handbackd mail the workbook among the names of a pack's files. */
static int
mail_pack(struct session *s, const char *month, const char *names)
{
	const char *directory = s->config->reports, *end = strstr(names, "/month-end.xlsx\n"), *begin = end;
	int spool = session_spool(s), code = EXIT_UNAVAILABLE;
	struct stat st;

	while (begin != NULL && begin > names && begin[-1] != '\n')
		begin--;
	if (begin == NULL || spool < 0 || fstat(spool, &st) < 0 || st.st_uid != geteuid()) {
		complain("the pack is written, and is not mailed: %s",
		         begin == NULL ? "it has no workbook" : "the spool is not this user's; run it as the service's");
		if (spool >= 0)
			close(spool);
		return EXIT_UNAVAILABLE;
	}
	char *report = mem_part(begin + strlen(directory) + 1, (size_t) (end - begin) - strlen(directory) + strlen("/month-end.xlsx") - 1);
	char *subject = mem_part(report, strcspn(report, "/")), *path = mem_format("%s/%s", directory, subject),
	     *message = mem_format("month-end pack of %s; %s", month, path);
	const struct notification notification = {
	    .kind = "month_end_written",
	    .subject = subject,
	    .message = message,
	    .fields = {{"file", path}, {NOTIFICATION_MAIL, s->value[OPT_MAIL]}, {NOTIFICATION_REPORT, report}}};

	if (notification_put(spool, &notification) < 0)
		complain("cannot store a notification: %s", strerrordesc_np(errno));
	else
		code = EXIT_CLEAN;
	close(spool);
	free(report);
	free(subject);
	free(path);
	free(message);
	return code;
}

int
run_month_end(struct session *s)
{
	struct period period;
	char *names = NULL;
	size_t len = 0;

	if (s->value[OPT_MAIL] != NULL && !notification_recipients(s->value[OPT_MAIL])) {
		complain("--mail %s: 1 to 20 plain addresses with commas, as finance@loyalty.example", s->value[OPT_MAIL]);
		return EXIT_USAGE;
	}
	if (!period_of_month(s->arguments[0], &period)) {
		complain("%s: not a month; write it as 2026-01", s->arguments[0]);
		return EXIT_USAGE;
	}
	int code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN)
		code = session_config(s);
	if (code != EXIT_CLEAN)
		return code;
	FILE *out = open_memstream(&names, &len);
	if (out == NULL)
		mem_none();
	char *name = mem_format("month-end-%s", s->arguments[0]);
	code = finance_pack(&s->query, &period, s->config->reports, name, out);
	free(name);
	fclose(out);
	fputs(names, stdout);
	if (code == EXIT_CLEAN && s->value[OPT_MAIL] != NULL)
		code = mail_pack(s, s->arguments[0], names);
	free(names);
	return code;
}
