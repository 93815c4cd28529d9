/* Systems that are told, and do not take it: a person hears of each, once. */
#include <errno.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

static void
tell_target(struct night *n, const struct pg_result *r, int row)
{
	const char *target = pg_text_of(r, row, "target");
	char *subject = mem_format("%s-%s", target, pg_text_of(r, row, "what"));
	char *message = mem_format("%s %s: handbackctl target %s", target, pg_text_of(r, row, "said"),
	                           pg_text_of(r, row, "command"));
	const struct notification notification = {
	    .kind = pg_text_of(r, row, "kind"),
	    .subject = subject,
	    .message = message,
	    .fields = {{"target", target},
	               {"reason", pg_null_of(r, row, "reason") ? NULL : pg_text_of(r, row, "reason")}}};

	if (notification_put(n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(subject);
	free(message);
}

int
night_targets(struct night *n)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_targets, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++)
		tell_target(n, r, i);
	pg_result_free(r);
	return EXIT_CLEAN;
}
