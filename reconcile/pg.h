/*
 * The one wrapper of libpq.  No other file includes libpq-fe.h.
 *
 * A connection is opened with everything set that could change the meaning of
 * a statement (search_path, encoding, time zone, date style, timeouts), and
 * checked: bigint money, synchronous_commit, a writable primary.
 *
 * Statements are text from .sql files, compiled in (see tools/embed_sql.py);
 * parameters are always parameters.  Errors are kept in the connection and
 * read with pg_why().
 */
#ifndef HANDBACK_RECONCILE_PG_H
#define HANDBACK_RECONCILE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;
struct pg_result;

enum pg_status {
	PG_OK = 0,
	PG_RETRY, /* serialization, deadlock, a rival's unique key: roll back, run the whole transaction again */
	PG_LOST,  /* connection gone, server shutting down, disk full, read-only ...: wait, open again */
	PG_DOUBT, /* COMMIT sent, answer not had (or not replicated): ask before anything else */
	PG_ERROR, /* ours: a mistake in a statement, a constraint that no retry can satisfy */
};

/* Where a database is and who we are there. */
struct pg_target {
	const char *conninfo;    /* libpq's, never logged */
	const char *role;        /* SET ROLE after login, NULL: stay */
	const char *application; /* application_name, for pg_stat_activity */
};

/* NULL and a message in why[why_size] when it cannot be had. */
struct pg *pg_open(const struct pg_target *target, char *why, size_t why_size);
void pg_close(struct pg *pg);                 /* NULL is fine */
const char *pg_why(const struct pg *pg);      /* last error: one line, no values of members */
const char *pg_sqlstate(const struct pg *pg); /* "" when there was none */

/*
 * Run one statement with text parameters (NULL element: SQL NULL).  With
 * ret_result non-NULL the rows are text and the caller frees them with
 * pg_result_free; untouched on failure.
 */
enum pg_status pg_run(struct pg *pg, const char *sql, int params, const char *const *values,
                      struct pg_result **ret_result);
/* The same, prepared once for this connection under the statement's address. */
enum pg_status pg_run_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                               struct pg_result **ret_result);
/* Several statements in one text, no parameters, no result: migrations. */
enum pg_status pg_script(struct pg *pg, const char *sql);

enum pg_status pg_begin(struct pg *pg);
enum pg_status pg_commit(struct pg *pg); /* PG_DOUBT: settle with pg_settle_commit */
enum pg_status pg_rollback(struct pg *pg);

int pg_rows(const struct pg_result *r);
int pg_columns(const struct pg_result *r);
const char *pg_column_name(const struct pg_result *r, int column);
bool pg_null(const struct pg_result *r, int row, int column);
const char *pg_text(const struct pg_result *r, int row, int column); /* "" for NULL */
int64_t pg_int(const struct pg_result *r, int row, int column);      /* 0 for NULL */
void pg_result_free(struct pg_result *r);                            /* NULL is fine */

#endif
