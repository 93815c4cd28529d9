/* Kept copies that are old enough leave the spool. */
#include "lib/config/config.h"
#include "lib/db/params.h"
#include "lib/finance/output/memory.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

static const struct column retention_columns[] = {
    {"copies", "Copies in", COLUMN_TEXT, 0, 0, NULL},
    {"keep_days", "Kept for (days)", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Older files", COLUMN_NUMBER, 0, 0, NULL},
    {"bytes", "Their bytes", COLUMN_NUMBER, 0, 0, NULL},
};

/* What could not be looked at or purged stops nothing: the next night tries again. */
static int
run_retention(struct night *n, bool remove)
{
	const struct config *config = n->batch->config;
	struct retention *r = &n->retention;

	r->archive.keep_ms = config->archive_ms;
	r->quarantine.keep_ms = config->quarantine_ms;
	enum pg_status status = retention_run(n->batch->query.pg, &n->reconciler.spool, remove, r);
	if (status != PG_OK)
		return query_failed(&n->batch->query, status);
	if (*r->why) {
		complain("retention: %s/%s", config->spool, r->why);
		night_worse(n, EXIT_FAILED);
	}
	return EXIT_CLEAN;
}

static void
add_part(struct table *t, const char *name, const struct retention_part *part)
{
	struct params p = {0};

	if (part->keep_ms == 0 && part->files == 0)
		return;
	param_text(&p, name);
	param_optional(&p, part->keep_ms > 0, part->keep_ms / (24LL * 60 * 60 * 1000));
	param_int(&p, part->files);
	param_int(&p, part->bytes);
	table_row(t, p.value);
}

/* What targets were told long ago: counted, or purged. */
static int
run_deliveries(struct night *n, const char *sql)
{
	int64_t keep = n->batch->config->deliveries_ms;
	struct params p = {0};
	struct pg_result *r = NULL;
	enum pg_status status;

	if (keep == 0)
		return EXIT_CLEAN;
	param_int(&p, keep);
	status = pg_run(n->batch->query.pg, sql, p.n, p.value, &r);
	if (status == PG_OK)
		n->deliveries = pg_int_of(r, 0, "deliveries");
	pg_result_free(r);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

int
night_count_retention(struct night *n, struct document *d)
{
	struct table *t = document_add(d, "retention", "Copies to purge", TABLE_ROWS, COLUMNS(retention_columns));
	int code = run_retention(n, false);

	table_empty(t, "every copy is kept for ever (retention.archive, retention.quarantine), and every "
	               "delivery to a target "
	               "(retention.deliveries)");
	add_part(t, "archive", &n->retention.archive);
	add_part(t, "quarantine", &n->retention.quarantine);
	if (code == EXIT_CLEAN)
		code = run_deliveries(n, sql_nightly_count_deliveries);
	add_part(
	    t, "deliveries",
	    &(const struct retention_part){.keep_ms = n->batch->config->deliveries_ms, .files = n->deliveries});
	return code;
}

int
night_retention(struct night *n)
{
	return run_retention(n, true);
}

int
night_deliveries(struct night *n)
{
	return run_deliveries(n, sql_nightly_purge_deliveries);
}
