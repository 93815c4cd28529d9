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

int
nightly_metrics(struct nightly *n)
{
	int spool = n->reconciler.spool.root, code = EXIT_CLEAN;
	char *text = mem_format("# HELP handback_nightly_timestamp_seconds When the nightly run was last here\n"
	                        "# TYPE handback_nightly_timestamp_seconds gauge\n"
	                        "handback_nightly_timestamp_seconds %lld\n",
	                        (long long) time(NULL));

	unlinkat(spool, METRICS_NAME ".new", 0);
	if (io_put_file(spool, METRICS_NAME ".new", 0600, text, strlen(text)) < 0 ||
	    renameat(spool, METRICS_NAME ".new", spool, METRICS_NAME) < 0) {
		complain("%s/" METRICS_NAME ": %s", n->session->config->spool, strerror(errno));
		code = EXIT_UNAVAILABLE;
	}
	free(text);
	return code;
}
