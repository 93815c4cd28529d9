/* Points requests that wait: above a sponsor's cap for two people, in a batch that has no file, in one that
 * stays open. */
#include <errno.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/protocol/notification.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

static const struct {
	const char *kind, *message, *command;
} matters[] = {
    {"points_held", "requests above a sponsor's cap wait for two people", "requests --state held"},
    {"points_unknown", "requests may have reached the partner, and nobody knows", "requests --state unknown"},
    {"points_differs", "requests were credited with other points", "requests --state differs"},
    {"points_batch_unplaced", "batches have no request file", "batches --state open"},
    {"points_question_overdue", "questions are not answered in time", "questions --state overdue"},
    {"points_batch_open", "batches stay open without the partner's answer", "unanswered"},
};

static void
tell_points(struct night *n, const struct pg_result *r, int row)
{
	const char *programme = pg_text_of(r, row, "programme"), *partner = pg_text_of(r, row, "partner"),
	           *kind = pg_text_of(r, row, "kind"), *number = pg_text_of(r, row, "number"),
	           *points = pg_text_of(r, row, "points"), *since = pg_text_of(r, row, "since");
	size_t i = 0;

	while (i + 1 < sizeof(matters) / sizeof(matters[0]) && strcmp(matters[i].kind, kind) != 0)
		i++;
	char *subject = mem_format("%s-%s-%s", programme, partner, pg_text_of(r, row, "what"));
	char *message =
	    mem_format("%s, %s: %s %s, %s points, the oldest since %s: handbackctl points %s", programme, partner,
	               number, matters[i].message, points, since, matters[i].command);
	const struct notification notification = {.kind = kind,
	                                          .subject = subject,
	                                          .message = message,
	                                          .fields = {{"programme", programme},
	                                                     {"partner", partner},
	                                                     {"number", number},
	                                                     {"points", points},
	                                                     {"since", since}}};

	if (notification_put(n->reconciler.spool.root, &notification) < 0)
		complain("cannot store a notification: %s", strerror(errno));
	free(subject);
	free(message);
}

int
night_points(struct night *n)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_points, 0, NULL, &r);

	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	for (int i = 0; i < pg_rows(r); i++)
		tell_points(n, r, i);
	pg_result_free(r);
	return EXIT_CLEAN;
}
