/*
 * The one wrapper of libpq.  No other file includes libpq-fe.h.
 *
 * A connection is opened with everything set that could change the meaning of
 * a statement (search_path, encoding, time zone, date style, timeouts), and
 * checked: bigint money, synchronous_commit, fsync, session_replication_role, a writable primary.
 *
 * Nothing waits for ever: a server that is silent is asked on another connection whether it still runs our
 * session, and is left where it does not answer that within some seconds (pg_wait.c).
 *
 * Statements are text from .sql files, compiled in (see tools/embed_sql.py);
 * parameters are always parameters.  Errors are kept in the connection and
 * read with pg_why().  One thread at a time.
 *
 * Many rows go in and out by COPY: pg_copy.h.
 */
#ifndef HANDBACK_DB_PG_H
#define HANDBACK_DB_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;
struct pg_result;

enum pg_status {
	PG_OK = 0,
	PG_RETRY, /* serialization, deadlock, a rival's lock or unique key: roll back, run all of it again */
	PG_LOST,  /* connection gone, server shutting down, disk full, read-only ...: wait, pg_reopen */
	PG_DOUBT, /* COMMIT sent, answer not had (or not replicated): ask before anything else */
	PG_ERROR, /* ours: a mistake in a statement, a constraint that no retry can satisfy */
};

/* Where a database is and who we are there.  What is NULL is as conninfo says, or libpq's default. */
struct pg_target {
	const char *conninfo;    /* libpq's string or URI, never logged */
	const char *host;        /* over conninfo's: an embedded cluster's socket directory */
	const char *user;        /* over conninfo's */
	const char *database;    /* over conninfo's */
	const char *role;        /* SET ROLE after login, NULL: stay */
	const char *application; /* application_name, for pg_stat_activity */
	bool maintenance;        /* no text of ours comes into it: its encoding does not matter */
	bool reads;              /* a hot standby will do */
	bool confirmed;          /* nothing is committed where the server waits for no synchronous standby */
};

/* What a connection string says of an option (dbname, host …), for the caller to free; NULL where it says nothing
 * of it, or cannot be read. */
char *pg_conninfo_option(const char *conninfo, const char *keyword);

/* NULL and a message in why[why_size] when it cannot be opened.  The target's texts are copied. */
struct pg *pg_open(const struct pg_target *target, char *why, size_t why_size);
/* Leave the connection, if there still is one, and open it again: PG_OK or PG_LOST.  Prepared statements,
 * temporary tables, locks and the transaction are gone. */
enum pg_status pg_reopen(struct pg *pg);
void pg_close(struct pg *pg);                   /* NULL is fine */
const char *pg_why(const struct pg *pg);        /* last error: one line, no values of members */
const char *pg_sqlstate(const struct pg *pg);   /* of the last error, "" when there was none */
const char *pg_constraint(const struct pg *pg); /* the constraint that the last error names, else "" */
bool pg_is_pooled(const struct pg *pg); /* is it another process that answers than the one that let us in? */
const char *pg_warning(const struct pg *pg);    /* what could not be checked at open, "" when nothing */
bool pg_is_standby(const struct pg *pg);
const char *pg_server(const struct pg *pg);     /* "db1:5432", as it was connected to; "" for none */
const char *pg_timeline(const struct pg *pg);   /* "00000003"; "" where the server does not say */
int pg_server_version(const struct pg *pg);     /* 150020 */
/* What is not the database's went wrong in its transaction (memory, a file): keeps why, and gives PG_LOST,
 * since it may go better later and on another connection. */
enum pg_status pg_give_up(struct pg *pg, const char *what, const char *why);

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
/*
 * As pg_run_prepared where nobody needs the answer before the next statement's: it is sent with the next one,
 * is run before it, and where it fails that one is not run, and its status and message are this one's.  What
 * is in doubt, and what another connection waits for, is no such statement.
 */
enum pg_status pg_defer(struct pg *pg, const char *sql, int params, const char *const *values);
/* As pg_run and pg_run_prepared, with rows in binary: read them with pg_get_*. */
enum pg_status pg_fetch(struct pg *pg, const char *sql, int params, const char *const *values,
                        struct pg_result **ret_result);
enum pg_status pg_fetch_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                                 struct pg_result **ret_result);
/*
 * As pg_fetch, row by row while the server finds them: nothing is kept of what was had.  After PG_OK of the
 * first nothing else is run on the connection until pg_next gave NULL or failed, or pg_stop.
 */
enum pg_status pg_start(struct pg *pg, const char *sql, int params, const char *const *values);
enum pg_status pg_next(struct pg *pg, struct pg_result **ret_row); /* NULL: there are no more */
void pg_stop(struct pg *pg); /* the rest is not wanted: its transaction fails */
/* Several statements in one text, no parameters, no result: migrations. */
enum pg_status pg_script(struct pg *pg, const char *sql);

enum pg_status pg_begin(struct pg *pg);          /* deferred */
enum pg_status pg_begin_snapshot(struct pg *pg); /* REPEATABLE READ, READ ONLY: reports */
enum pg_status pg_commit(struct pg *pg);         /* PG_DOUBT: settle with pg_settle_commit */
enum pg_status pg_rollback(struct pg *pg);       /* PG_OK where there is nothing to roll back, too */

/*
 * One statement that is a whole transaction, and its COMMIT with it: all is sent at once.  Otherwise as
 * pg_run_prepared and then pg_commit; in no transaction.  What it only found is as durable, too: see
 * pg_barrier.  With PG_DOUBT *ret_result is what it will have
 * found if it was committed.  Where the connection is lost before that was answered, it is PG_DOUBT with
 * NULL, and settled as PG_FATE_UNKNOWN.
 */
enum pg_status pg_transact(struct pg *pg, const char *sql, int params, const char *const *values,
                           struct pg_result **ret_result);

/* What became of a transaction whose COMMIT was in doubt. */
enum pg_fate {
	PG_FATE_COMMITTED, /* and replicated, where the server is set to */
	PG_FATE_ABORTED,
	PG_FATE_UNKNOWN, /* another server answers now, or it crashed or forgot: look for what was written */
};

/*
 * After PG_DOUBT: opens the connection again and asks for the transaction.
 * PG_OK and *ret_fate, or PG_LOST when it cannot be said now (no server, the
 * transaction still runs, its standby does not confirm): wait, ask again.
 */
enum pg_status pg_settle_commit(struct pg *pg, enum pg_fate *ret_fate);

/*
 * Between transactions, before something is done for good because of what was read: what another session
 * committed is visible when it is durable here, and may wait for its standby yet.  PG_OK: it is as durable as
 * a COMMIT of our own would be.  PG_LOST: no standby said so within some seconds; ask again.
 */
enum pg_status pg_barrier(struct pg *pg);

/* Who holds what a statement of ours waits for; or it is a COMMIT, and no standby has confirmed it yet. */
struct pg_holder {
	bool standby; /* that; the rest is not said then */
	int waited_ms;
	int64_t pid;
	const char *application, *login; /* as it names itself; "" where that is not known */
	const char *since;               /* when its transaction began; NULL where only its own role may know */
	const char *lock;                /* what is waited for: a table, or the kind of lock */
};
typedef void pg_watcher(void *context, const struct pg_holder *holder);
/*
 * From now on a statement that waits for some seconds for another session's lock, or for a standby, is told
 * of, once, with each that holds it.  That is asked on a connection of its own, which lasts for the question.
 */
void pg_watch(struct pg *pg, pg_watcher *watch, void *context);
/* The same, told to the log. */
void pg_watch_logged(struct pg *pg);

/*
 * Hints of other sessions, by NOTIFY of what was LISTENed to.  They may be lost, and anybody may give them: what
 * they are of is looked for without them, too.  A connection that is opened again listens to nothing.
 */
bool pg_hinted(struct pg *pg);          /* was there one since this was asked last?  Waits for nothing */
int pg_descriptor(const struct pg *pg); /* readable where there may be one; -1: no connection */

int pg_rows(const struct pg_result *r);
int pg_columns(const struct pg_result *r);
const char *pg_column_name(const struct pg_result *r, int column);
/* A column by its name, for rows that are read again and again.  A statement without it is an internal error:
 * the program ends. */
int pg_column(const struct pg_result *r, const char *name);
int64_t pg_affected(const struct pg_result *r); /* rows that an INSERT, UPDATE, SELECT ... touched */
bool pg_null(const struct pg_result *r, int row, int column);
void pg_result_free(struct pg_result *r); /* NULL is fine */

/* of rows in text (pg_run) */
const char *pg_text(const struct pg_result *r, int row, int column); /* "" for NULL */
int64_t pg_int(const struct pg_result *r, int row, int column);      /* 0 for NULL */
/* the same by the column's name, as pg_column has it: for a few rows */
const char *pg_text_of(const struct pg_result *r, int row, const char *column);
int64_t pg_int_of(const struct pg_result *r, int row, const char *column);
bool pg_true_of(const struct pg_result *r, int row, const char *column); /* of a boolean; false for NULL */
bool pg_null_of(const struct pg_result *r, int row, const char *column);

/* of rows in binary (pg_fetch); 0 or empty for NULL, and for a value of another width */
int64_t pg_get_int(const struct pg_result *r, int row, int column); /* int2, int4 and int8 */
bool pg_get_bool(const struct pg_result *r, int row, int column);
int64_t pg_get_time(const struct pg_result *r, int row, int column); /* timestamptz: µs since 1970 UTC */
int32_t pg_get_date(const struct pg_result *r, int row, int column); /* days since 1970-01-01 */
/* bytea, text, uuid; lives as long as the result */
const uint8_t *pg_get_bytes(const struct pg_result *r, int row, int column, size_t *ret_len);

#endif
