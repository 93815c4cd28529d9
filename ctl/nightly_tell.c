/* What a night leaves behind for others: reports and metrics. */
#include "ctl/nightly.h"

#include "base/config.h"
#include "base/io.h"
#include "ctl/memory.h"
#include "ctl/report.h"
#include "ctl/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define METRICS_NAME "nightly.prom" /* as in daemon/metrics.c */

/* Whole ones alone count: the hashes are written last. */
bool
nightly_has_report(const struct session *s, const char *day)
{
	char *path = mem_format("%s/report-of-%s.sha256", s->config->reports, day);
	char *second = mem_format("%s/report-of-%s-2.sha256", s->config->reports, day);
	bool there = access(path, F_OK) == 0 || access(second, F_OK) == 0;

	free(path);
	free(second);
	return there;
}

int
nightly_report(struct nightly *n, const char *day)
{
	int code = EXIT_INTERNAL;
	struct document *d = report_of_day(n->session, day, &code);
	char *name = mem_format("report-of-%s", day);

	if (d)
		code = report_keep(n->session, d, name);
	free(name);
	document_free(d);
	return code;
}

/* A label's value: the words come from the configuration and the schema, but nobody has promised that. */
static void
write_label(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
}

static void
write_sample(FILE *out, const char *metric, const char *const *labels, const char *const *values,
             const char *number)
{
	fprintf(out, "%s{", metric);
	for (int i = 0; labels[i]; i++) {
		fprintf(out, "%s%s=\"", i ? "," : "", labels[i]);
		write_label(out, values[i]);
		fputc('"', out);
	}
	fprintf(out, "} %s\n", number);
}

static int
write_metrics(struct nightly *n, FILE *out)
{
	static const char *const hold_labels[] = {"partner", "reason", NULL};
	static const char *const file_labels[] = {"source", "kind", NULL};
	struct pg_result *holds = NULL, *late = NULL;
	enum pg_status status = pg_run(n->session->pg, ctl_nightly_holds, 0, NULL, &holds);

	if (status == PG_OK)
		status = pg_run(n->session->pg, ctl_nightly_late, 0, NULL, &late);
	if (status != PG_OK) {
		pg_result_free(holds);
		return session_failed(n->session, status);
	}
	fputs("# HELP handback_holds_open What waits for a person, as the last nightly run saw it\n"
	      "# TYPE handback_holds_open gauge\n",
	      out);
	for (int i = 0; i < pg_rows(holds); i++)
		write_sample(out, "handback_holds_open", hold_labels,
		             (const char *[]){pg_text(holds, i, 0), pg_text(holds, i, 1)}, pg_text(holds, i, 2));
	fputs("# HELP handback_hold_oldest_timestamp_seconds When the oldest of them was opened\n"
	      "# TYPE handback_hold_oldest_timestamp_seconds gauge\n",
	      out);
	for (int i = 0; i < pg_rows(holds); i++)
		write_sample(out, "handback_hold_oldest_timestamp_seconds", hold_labels,
		             (const char *[]){pg_text(holds, i, 0), pg_text(holds, i, 1)}, pg_text(holds, i, 4));
	fputs("# HELP handback_expected_file_due_timestamp_seconds When a file was due that has not come\n"
	      "# TYPE handback_expected_file_due_timestamp_seconds gauge\n",
	      out);
	for (int i = 0; i < pg_rows(late); i++)
		write_sample(out, "handback_expected_file_due_timestamp_seconds", file_labels,
		             (const char *[]){pg_text(late, i, 0), pg_text(late, i, 1)}, pg_text(late, i, 2));
	fprintf(out,
	        "# HELP handback_nightly_timestamp_seconds When the nightly run was last here\n"
	        "# TYPE handback_nightly_timestamp_seconds gauge\nhandback_nightly_timestamp_seconds %lld\n",
	        (long long) time(NULL));
	pg_result_free(holds);
	pg_result_free(late);
	return EXIT_CLEAN;
}

int
nightly_metrics(struct nightly *n)
{
	int spool = n->reconciler.spool.root;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return EXIT_INTERNAL;
	int code = write_metrics(n, out);
	if (fclose(out) != 0)
		code = EXIT_INTERNAL;
	if (code == EXIT_CLEAN) {
		unlinkat(spool, METRICS_NAME ".new", 0);
		if (io_put_file(spool, METRICS_NAME ".new", 0600, text, len) < 0 ||
		    renameat(spool, METRICS_NAME ".new", spool, METRICS_NAME) < 0) {
			complain("%s/" METRICS_NAME ": %s", n->session->config->spool, strerror(errno));
			code = EXIT_UNAVAILABLE;
		}
	}
	free(text);
	return code;
}
