/*
 * handback-nightly: a plan that is printed first, and then done.  It holds the
 * spool and a database role that may do what the night does and no more;
 * partners' bytes are read by handback-parse, as the daemon has them read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config/config.h"
#include "lib/db/params.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/file_tables.h"
#include "nightly/night.h"
#include "nightly/nightly_sql.h"

#define ROLE "handback_nightly"

static const struct column done_columns[] = {
    {"missing", "Files found missing", COLUMN_NUMBER, 0, 0, NULL},
    {"matched", "Rematched records", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed of them", COLUMN_NUMBER, 0, 0, NULL},
    {"guarded", "Matched, held by the guard", COLUMN_NUMBER, 0, 0, NULL},
    {"expired", "Never found, closed", COLUMN_NUMBER, 0, 0, NULL},
    {"overtaken", "Holds overtaken", COLUMN_NUMBER, 0, 0, NULL},
    {"deemed_accepted", "Deemed accepted", COLUMN_NUMBER, 0, 0, NULL},
    {"reports", "Reports written", COLUMN_NUMBER, 0, 0, NULL},
    {"purged", "Old copies purged", COLUMN_NUMBER, 0, 0, NULL},
    {"purged_bytes", "Bytes of them", COLUMN_NUMBER, 0, 0, NULL},
    {"purged_deliveries", "Old deliveries to targets purged", COLUMN_NUMBER, 0, 0, NULL},
    {"holds", "Open holds", COLUMN_NUMBER, 0, 0, NULL},
};

static int
write_reports(struct night *n)
{
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < n->reports->rows && code == EXIT_CLEAN; i++)
		code = night_report(n, table_cell(n->reports, i, 0));
	return code;
}

static int
tell_done(struct night *n)
{
	struct document *d = document_new("done", "Done");
	struct table *t = document_add(d, "done", NULL, TABLE_FACTS, COLUMNS(done_columns));
	struct table *expected = document_add(d, "expected", "Expected files", TABLE_ROWS, night_expected_columns,
	                                      NIGHT_EXPECTED_COLUMNS);
	struct pg_result *r = NULL;
	struct params p = {0};
	const char *all = NULL;
	int64_t holds = 0;
	size_t waiting = 0;
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_holds, 0, NULL, &r);

	for (int i = 0; status == PG_OK && i < pg_rows(r); i++)
		holds += pg_int_of(r, i, "holds");
	pg_result_free(r);
	param_int(&p, n->missing);
	param_int(&p, n->rematch.matched);
	param_int(&p, n->rematch.reversed);
	param_int(&p, n->rematch.guarded);
	param_int(&p, n->expired);
	param_int(&p, n->overtaken);
	param_int(&p, n->deemed.confirmed);
	param_int(&p, (int64_t) n->reports->rows);
	param_int(&p, n->retention.archive.files + n->retention.quarantine.files);
	param_int(&p, n->retention.archive.bytes + n->retention.quarantine.bytes);
	param_int(&p, n->deliveries);
	param_int(&p, holds);
	table_row(t, p.value);
	int code = status == PG_OK ? query_fill(&n->batch->query, expected, sql_nightly_expected, 1, &all)
	                           : query_failed(&n->batch->query, status);
	if (code == EXIT_CLEAN)
		code = file_releases(&n->batch->query, d, NULL, &waiting);
	if (code == EXIT_CLEAN)
		code = night_show(n, d, "done");
	document_free(d);
	if (n->code == EXIT_CLEAN && (holds > 0 || n->missing > 0 || waiting > 0))
		n->code = EXIT_HELD;
	return code;
}

static int
open_run(struct night *n)
{
	struct batch *b = n->batch;
	struct reconciler *r = &n->reconciler;
	const char *missing;
	int code = batch_config(b);

	if (code != EXIT_CLEAN)
		return code;
	r->no_landlock = b->config->sandbox == CONFIG_SANDBOX_NO_LANDLOCK;
	if (spool_open(b->config->spool, &r->spool) < 0) {
		complain("spool: %s: %s", b->config->spool, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	r->profiles = open(b->config->profiles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->profiles < 0) {
		complain("%s: %s", b->config->profiles, strerror(errno));
		return EXIT_USAGE;
	}
	missing = reconciler_find_parsers(r);
	if (missing != NULL) {
		complain("%s: %s", missing, strerror(errno));
		return EXIT_INTERNAL;
	}
	code = batch_open(b, "{" ROLE "}", ROLE, true);
	r->pg = b->query.pg;
	return code;
}

/* What targets lost of what they were told, handback-outbox finds this night. */
static int
read_back(struct night *n)
{
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_read_back, 0, NULL, NULL);

	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

/* Whoever asks what is open looks at what was answered no longer. */
static int
unwatch(struct night *n)
{
	enum pg_status status = pg_run(n->batch->query.pg, sql_nightly_unwatch, 0, NULL, NULL);

	return status == PG_OK ? EXIT_CLEAN : query_failed(&n->batch->query, status);
}

/* What the plan names. */
static int
act(struct night *n)
{
	static int (*const each[])(struct night * n, const struct config_source *source) = {
	    night_terms, night_issues, night_missing, night_try_again, night_absence};
	int code;

	fflush(stdout);
	code = night_files(n);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]) && code == EXIT_CLEAN; i++)
		code = night_each_source(n, each[i]);
	if (code == EXIT_CLEAN)
		code = unwatch(n);
	if (code == EXIT_CLEAN)
		code = night_targets(n);
	if (code == EXIT_CLEAN)
		code = night_points(n);
	if (code == EXIT_CLEAN)
		code = night_tokens(n);
	if (code == EXIT_CLEAN)
		code = night_deliveries(n);
	if (code == EXIT_CLEAN)
		code = read_back(n);
	if (code == EXIT_CLEAN)
		code = write_reports(n);
	if (code == EXIT_CLEAN)
		code = night_schedules(n);
	if (code == EXIT_CLEAN)
		code = night_retention(n);
	if (code == EXIT_CLEAN)
		code = night_metrics(n);
	return code == EXIT_CLEAN ? tell_done(n) : code;
}

static int
run(struct batch *b)
{
	struct night *n = mem_new(1, sizeof(*n));
	int code;

	*n = (struct night){.batch = b};
	n->reconciler.profiles = -1;
	n->reconciler.spool = (struct spool){-1, -1, -1, -1};
	profile_cache_open(&n->reconciler.profile);
	parser_child_open(&n->reconciler.child);
	code = open_run(n);
	if (code == EXIT_CLEAN)
		code = night_plan(n);
	if (code == EXIT_CLEAN && !b->plan)
		code = act(n);
	if (n->plan != NULL && b->format == FORMAT_JSON && !b->plan)
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

int
main(int argc, char **argv)
{
	struct batch batch;
	bool go;
	int code = batch_start(&batch, argc, argv, "plan", &go);

	if (go)
		code = run(&batch);
	batch_end(&batch);
	return code;
}
