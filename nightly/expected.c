/* Files that are expected: which ones, and which of them are missing. */
#include <errno.h>
#include <string.h>

#include "lib/config/config.h"
#include "lib/db/params.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

static int
make_expected_delivery(struct night *n, const struct config_source *source, const struct expected_file *e)
{
	char *holidays = night_holidays(n, e->holidays);
	struct params p = {0};

	if (holidays == NULL)
		return EXIT_CLEAN; /* which days count is not known: nobody is blamed */
	param_text(&p, source->name);
	param_text(&p, e->name);
	param_text(&p, e->zone != NULL ? e->zone : "UTC");
	param_int(&p, e->due_minute);
	param_int(&p, e->days);
	param_int(&p, e->grace_minutes);
	param_int(&p, e->count);
	param_text(&p, e->names);
	param_bool(&p, e->empty);
	param_text(&p, holidays);
	param_int(&p, e->days_back);
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_expected_deliveries, p.n, p.value, NULL);
	free(holidays);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

static enum pg_status
expect_acknowledgements(struct night *n, const struct config_source *source, const struct policy *policy)
{
	struct params p = {0};

	param_text(&p, source->name);
	param_text(&p, source->partner);
	param_text(&p, policy->programme);
	param_int(&p, policy->acknowledged_within);
	return pg_run(n->batch->query.pg, sql_nightly_acknowledgements, p.n, p.value, NULL);
}

int
night_issues(struct night *n, const struct config_source *source)
{
	const struct policy *policy = &n->reconciler.profile.profile->policy;
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < policy->expected_files && code == EXIT_CLEAN; i++)
		code = make_expected_delivery(n, source, &policy->expected[i]);
	if (code != EXIT_CLEAN)
		return code;
	enum pg_status status =
	    policy->acknowledged_within > 0 ? expect_acknowledgements(n, source, policy) : PG_OK;
	if (status == PG_OK)
		status = pg_run(n->batch->query.pg, sql_nightly_place, 1, &source->name, NULL);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

static void
tell_missing(struct night *n, const struct config_source *source, const struct pg_result *r, int row)
{
	char *subject =
	    mem_format("%s-%s-%s", source->name, pg_text_of(r, row, "kind"), pg_text_of(r, row, "day"));
	char *message = mem_format("%s of %s, due at %s, has not come (%s missing)", pg_text_of(r, row, "kind"),
	                           source->partner, pg_text_of(r, row, "due_at"), pg_text_of(r, row, "files"));
	struct notification notification = {.kind = "file_missing",
	                                    .subject = subject,
	                                    .message = message,
	                                    .fields = {{"source", source->name},
	                                               {"partner", source->partner},
	                                               {"expected", pg_text_of(r, row, "kind")},
	                                               {"day", pg_text_of(r, row, "day")},
	                                               {"due", pg_text_of(r, row, "due_at")}}};

	if (notification_put(n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(subject);
	free(message);
}

int
night_missing(struct night *n, const struct config_source *source)
{
	struct params p = {0};
	struct pg_result *r = NULL;

	param_text(&p, source->name);
	param_text(&p, source->partner);
	param_bool(&p, n->reconciler.profile.profile->policy.lists == LISTS_REJECTS);
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_missing, p.n, p.value, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	n->missing += pg_int_of(r, 0, "missing");
	pg_result_free(r);
	/* also what a run found that ended before it could notify: a notification that was kept is not kept again
	 */
	status = pg_run(n->batch->query.pg, sql_nightly_tell, 1, &source->name, &r);
	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++)
		tell_missing(n, source, r, i);
	pg_result_free(r);
	return EXIT_CLEAN;
}
