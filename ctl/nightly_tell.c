/* What a night leaves behind for others: reports and metrics. */
#include "ctl/nightly.h"

#include "lib/config/config.h"
#include "lib/base/gauges.h"
#include "lib/finance/output/memory.h"
#include "ctl/moment.h"
#include "ctl/report.h"

#include <errno.h>
#include <unistd.h>

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
	if (moment_keep(n->reconciler.spool.root, GAUGES_NIGHTLY, "nightly",
	                "When the nightly run was last here") == 0)
		return EXIT_CLEAN;
	complain("%s/" GAUGES_NIGHTLY ": %s", n->session->config->spool, strerror(errno));
	return EXIT_UNAVAILABLE;
}
