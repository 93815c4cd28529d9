/* What a night leaves behind for others: reports and metrics. */
#include <errno.h>
#include <unistd.h>

#include "lib/base/gauges.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/report.h"
#include "nightly/checkpoints.h"
#include "nightly/moment.h"
#include "nightly/night.h"

/* Whole ones alone count: the hashes are written last. */
bool
night_has_report(const struct night *n, const char *day)
{
	char *path = mem_format("%s/report-of-%s.sha256", n->batch->config->reports, day);
	char *second = mem_format("%s/report-of-%s-2.sha256", n->batch->config->reports, day);
	bool there = access(path, F_OK) == 0 || access(second, F_OK) == 0;

	free(path);
	free(second);
	return there;
}

int
night_report(struct night *n, const char *day)
{
	struct report_asked asked = {0};
	struct document *d = NULL;
	struct checkpoints checkpoints;
	char newest[CHECKPOINT_SIZE];
	int code;

	if (period_read(day, day, &asked.period) != PERIOD_READ) {
		complain("%s is no day", day);
		return EXIT_INTERNAL;
	}
	code = report_take(&n->batch->query, &asked, &d);
	if (code != EXIT_CLEAN)
		return code;
	code = checkpoints_open(n->batch, false, &checkpoints);
	if (code != EXIT_CLEAN) {
		document_free(d);
		return code;
	}
	/* where it is printed, it is out of the database's reach */
	if (checkpoints_newest(&checkpoints, newest))
		checkpoints_show(d, newest);
	char *name = mem_format("report-of-%s", day);
	/* of JSON the plan has the names */
	code = report_keep(&n->batch->query, n->batch->config->reports, d, name,
	                   n->batch->format == FORMAT_JSON ? NULL : stdout);
	free(name);
	document_free(d);
	return code;
}

int
night_metrics(struct night *n)
{
	if (moment_keep(n->reconciler.spool.root, GAUGES_NIGHTLY, "nightly",
	                "When the nightly run was last here") == 0)
		return EXIT_CLEAN;
	complain("%s/" GAUGES_NIGHTLY ": %s", n->batch->config->spool, strerror(errno));
	return EXIT_UNAVAILABLE;
}
