/* long because it is the only one that knows libpq. */
#include "lib/db/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libpq-fe.h>

#include "lib/db/db_sql.h"
#include "lib/db/passfile.h"
#include "lib/db/pg_copy.h"
#include "lib/db/pg_state.h"

#define COMMIT_WAIT_MS 60000
#define COMMIT_GIVE_UP_MS 5000

/* ---- errors ---- */

__attribute__((format(printf, 2, 3))) static enum pg_status
fail_open(struct pg *pg, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(pg->why, sizeof(pg->why), format, ap);
	va_end(ap);
	PQfinish(pg->conn);
	pg->conn = NULL;
	return PG_LOST;
}

/* The other end is shut.  libpq finds that out when it reads: where only its sending failed, and a warning of
 * the server's end was there to be read first, the connection still counts as good. */
static bool
is_shut(const PGconn *conn)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLRDHUP};

	return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* A failed result, or none at all. */
static enum pg_status
fail_result(struct pg *pg, const PGresult *r)
{
	const char *sqlstate = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *message = r != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *constraint = r != NULL ? PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME) : NULL;

	if (message == NULL)
		message = pg->conn != NULL ? PQerrorMessage(pg->conn) : "no connection";
	pg_keep_why(pg, sqlstate != NULL ? sqlstate : "", message);
	snprintf(pg->constraint, sizeof(pg->constraint), "%s", constraint != NULL ? constraint : "");
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return PG_LOST;
	if (sqlstate != NULL)
		return pg_classify(sqlstate);
	/* libpq itself complains: of the connection, of our use of it, or of memory */
	return is_shut(pg->conn) ? PG_LOST : PG_ERROR;
}

/* Synchronous replication that was not waited for is a mere warning of COMMIT. */
static void
on_notice(void *arg, const PGresult *r)
{
	struct pg *pg = arg;
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (pg->committing && severity != NULL && strcmp(severity, "WARNING") == 0)
		pg->not_replicated = true;
}

/* ---- opening ---- */

/* What a connection string says of one option, or NULL. */
static const char *
stated(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

char *
pg_database_of(const char *conninfo)
{
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
	const char *name = parsed != NULL ? stated(parsed, "dbname") : NULL;
	char *copy = name != NULL && *name != '\0' ? strdup(name) : NULL;

	PQconninfoFree(parsed);
	return copy;
}

static enum pg_status
connect_server(struct pg *pg)
{
	/* before dbname: defaults that the conninfo may change; after it: ours over the conninfo's */
	const char *keys[16] = {"connect_timeout", "target_session_attrs",      "tcp_user_timeout",
	                        "keepalives_idle", "fallback_application_name", "dbname"};
	const char *values[16] = {"10", "read-write", "30000", "30", "handback", pg->conninfo};
	const char *over[][2] = {{"host", pg->host},
	                         {"user", pg->user},
	                         {"dbname", pg->database},
	                         {"application_name", pg->application},
	                         {"client_encoding", "UTF8"}};
	size_t n = 6;
	PQconninfoOption *parsed = PQconninfoParse(pg->conninfo, NULL);
	char passfile[64];
	int secret;

	if (parsed == NULL) /* libpq's message would quote the string, and with it a password */
		return fail_open(pg, "the database's conninfo cannot be read: see libpq's connection strings");
	secret = passfile_private(stated(parsed, "passfile"), passfile, sizeof(passfile));
	PQconninfoFree(parsed);
	if (secret >= 0) {
		keys[n] = "passfile";
		values[n++] = passfile;
	}
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		if (over[i][1] == NULL)
			continue;
		keys[n] = over[i][0];
		values[n++] = over[i][1];
	}
	pg->conn = PQconnectdbParams(keys, values, 1);
	if (secret >= 0)
		close(secret);
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		pg_keep_why(pg, "", pg->conn != NULL ? PQerrorMessage(pg->conn) : "out of memory");
		PQfinish(pg->conn);
		pg->conn = NULL;
		return PG_LOST;
	}
	PQsetNoticeReceiver(pg->conn, on_notice, pg);
	return PG_OK;
}

/* A setting that would make money unsafe is a reason not to work at all. */
static enum pg_status
check_server(struct pg *pg, const struct pg_result *r)
{
	pg->version = (int) pg_int_of(r, 0, "version");
	if (pg->version < 130000)
		return fail_open(pg, "the server is PostgreSQL %d; 13 or later is needed", pg->version / 10000);
	if (strcmp(pg_text_of(r, 0, "standby"), "f") != 0)
		return fail_open(pg, "the server is a standby; handback needs the primary");
	if (strcmp(pg_text_of(r, 0, "read_only"), "off") != 0)
		return fail_open(pg, "the database is read-only (default_transaction_read_only)");
	if (strcmp(pg_text_of(r, 0, "synchronous_commit"), "off") == 0)
		return fail_open(pg, "synchronous_commit is off: a posting could be lost; set it to on or stricter");
	if (strcmp(pg_text_of(r, 0, "fsync"), "off") == 0)
		return fail_open(pg, "the server runs with fsync off: a posting could be lost; set it to on");
	if (!pg->maintenance && strcmp(pg_text_of(r, 0, "encoding"), "UTF8") != 0)
		return fail_open(pg, "the database's encoding is %s; UTF8 is needed", pg_text_of(r, 0, "encoding"));
	if (strcmp(pg_text_of(r, 0, "replication_role"), "origin") != 0)
		return fail_open(
		    pg, "session_replication_role is %s: triggers and foreign keys would not hold; set it to origin",
		    pg_text_of(r, 0, "replication_role"));
	if (!pg_null_of(r, 0, "careless"))
		return fail_open(pg, "%s is on: what is damaged would be passed over; set it to off",
		                 pg_text_of(r, 0, "careless"));
	if (pg_null_of(r, 0, "fsync"))
		snprintf(pg->warning, sizeof(pg->warning), "%s", "the server does not show whether fsync is on");
	snprintf(pg->backend, sizeof(pg->backend), "%s", pg_text_of(r, 0, "backend"));
	snprintf(pg->life, sizeof(pg->life), "%s", pg_text_of(r, 0, "life"));
	/* a server that does not say which it is is never taken for the same */
	if (!pg_null_of(r, 0, "system_identifier") && !pg_null_of(r, 0, "timeline"))
		snprintf(pg->server, sizeof(pg->server), "%s/%s", pg_text_of(r, 0, "system_identifier"),
		         pg_text_of(r, 0, "timeline"));
	return PG_OK;
}

enum pg_status
pg_reopen(struct pg *pg)
{
	const char *role[] = {pg->role};
	struct pg_result *r;
	enum pg_status status;

	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->server[0] = pg->life[0] = pg->backend[0] = pg->warning[0] = '\0';
	memset(pg->prepared, 0, sizeof(pg->prepared));
	pg->prepared_count = 0;
	pg->deferred = 0;
	status = connect_server(pg);
	if (status != PG_OK)
		return status;
	if (pg_run(pg, db_settings, 1, role, NULL) != PG_OK || pg_run(pg, db_check, 0, NULL, &r) != PG_OK) {
		PQfinish(pg->conn);
		pg->conn = NULL;
		return PG_LOST;
	}
	status = check_server(pg, r);
	pg_result_free(r);
	return status;
}

static bool
copy_text(char **ret_copy, const char *text)
{
	if (text != NULL && (*ret_copy = strdup(text)) == NULL)
		return false;
	return true;
}

struct pg *
pg_open(const struct pg_target *target, char *why, size_t why_size)
{
	struct pg *pg = calloc(1, sizeof(*pg));

	if (pg == NULL || !copy_text(&pg->conninfo, target->conninfo != NULL ? target->conninfo : "") ||
	    !copy_text(&pg->host, target->host) || !copy_text(&pg->user, target->user) ||
	    !copy_text(&pg->database, target->database) || !copy_text(&pg->role, target->role) ||
	    !copy_text(&pg->application, target->application)) {
		pg_close(pg);
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return NULL;
	}
	pg->commit_wait_ms = COMMIT_WAIT_MS;
	pg->maintenance = target->maintenance;
	if (pg_reopen(pg) != PG_OK) {
		snprintf(why, why_size, "%s", pg->why);
		pg_close(pg);
		return NULL;
	}
	return pg;
}

void
pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	PQfinish(pg->conn);
	free(pg->conninfo);
	free(pg->host);
	free(pg->user);
	free(pg->database);
	free(pg->role);
	free(pg->application);
	free(pg);
}

const char *
pg_why(const struct pg *pg)
{
	return pg->why;
}

enum pg_status
pg_give_up(struct pg *pg, const char *what, const char *why)
{
	char message[PG_WHY_BYTES];

	snprintf(message, sizeof(message), "%s: %s", what, why);
	pg_keep_why(pg, "", message);
	return PG_LOST;
}

const char *
pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

const char *
pg_constraint(const struct pg *pg)
{
	return pg->constraint;
}

bool
pg_is_pooled(const struct pg *pg)
{
	char said[12];

	snprintf(said, sizeof(said), "%d", PQbackendPID(pg->conn));
	return strcmp(said, pg->backend) != 0;
}

const char *
pg_warning(const struct pg *pg)
{
	return pg->warning;
}

int
pg_server_version(const struct pg *pg)
{
	return pg->version;
}

/* ---- hints ---- */

bool
pg_hinted(struct pg *pg)
{
	PGnotify *one;
	bool any = false;

	if (pg->conn == NULL || PQconsumeInput(pg->conn) != 1)
		return false;
	while ((one = PQnotifies(pg->conn)) != NULL) {
		any = true;
		PQfreemem(one);
	}
	return any;
}

int
pg_descriptor(const struct pg *pg)
{
	return pg->conn != NULL ? PQsocket(pg->conn) : -1;
}

/* ---- statements ---- */

/* True when there is something to read, false after ms. */
static bool
wait_readable(const struct pg *pg, int ms)
{
	struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
	int n;

	do
		n = poll(&fd, 1, ms);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

/* Where the answer is long in coming it may be somebody's lock: that is told of, and waited for. */
static void
wait_for_answer(struct pg *pg)
{
	if (pg->watch == NULL)
		return;
	while (PQconsumeInput(pg->conn) == 1 && PQisBusy(pg->conn))
		if (!wait_readable(pg, pg->watch_ms)) {
			pg_tell_holders(pg);
			return;
		}
}

/* The one result of a statement that was sent. */
static PGresult *
answer_of(struct pg *pg, int sent)
{
	PGresult *r;

	if (sent != 1)
		return NULL;
	wait_for_answer(pg);
	r = PQgetResult(pg->conn);
	PQclear(PQgetResult(pg->conn));
	return r;
}

static void
cancel(const struct pg *pg)
{
	char error[256];
	PGcancel *c = PQgetCancel(pg->conn);

	if (c != NULL)
		PQcancel(c, error, sizeof(error));
	PQfreeCancel(c);
}

/* Takes r over. */
static enum pg_status
take_result(struct pg *pg, PGresult *r, struct pg_result **ret_result)
{
	ExecStatusType is = PQresultStatus(r);

	if (is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK) {
		enum pg_status status = fail_result(pg, r);

		PQclear(r);
		return status;
	}
	if (ret_result != NULL)
		*ret_result = (struct pg_result *) r;
	else
		PQclear(r);
	return PG_OK;
}

/* Of a pipeline each statement's result is followed by a NULL. */
static PGresult *
next_in_pipeline(struct pg *pg)
{
	PGresult *r;

	wait_for_answer(pg);
	r = PQgetResult(pg->conn);
	PQclear(PQgetResult(pg->conn));
	return r;
}

/*
 * Sends what was deferred, and with it the statement that was just put behind it where there is `own`, and
 * ends the pipeline.  The first that fails says why; those behind it were not run.
 */
static enum pg_status
end_pipeline(struct pg *pg, PGresult **own)
{
	enum pg_status status = PQpipelineSync(pg->conn) == 1 ? PG_OK : fail_result(pg, NULL);

	for (; pg->deferred > 0 && PQstatus(pg->conn) == CONNECTION_OK; pg->deferred--) {
		PGresult *r = next_in_pipeline(pg);

		if (status == PG_OK)
			status = take_result(pg, r, NULL);
		else
			PQclear(r);
	}
	pg->deferred = 0;
	if (own != NULL)
		*own = next_in_pipeline(pg);
	PQclear(PQgetResult(pg->conn)); /* the end of the pipeline itself, which has no NULL behind it */
	if (PQexitPipelineMode(pg->conn) == 1)
		return status;
	/* the server ended the session in the middle, and nothing more can be made of the connection */
	if (status == PG_OK)
		(void) fail_result(pg, NULL);
	PQfinish(pg->conn);
	pg->conn = NULL;
	return PG_LOST;
}

/* Before anything that cannot be part of a pipeline. */
static enum pg_status
send_deferred(struct pg *pg)
{
	return pg->deferred > 0 ? end_pipeline(pg, NULL) : PG_OK;
}

static enum pg_status
run_once(struct pg *pg, const char *sql, int params, const char *const *values, int binary,
         struct pg_result **ret_result)
{
	enum pg_status status = send_deferred(pg);

	if (status != PG_OK)
		return status;
	return take_result(
	    pg, answer_of(pg, PQsendQueryParams(pg->conn, sql, params, NULL, values, NULL, NULL, binary)),
	    ret_result);
}

/* The statement's slot in the connection's table: its own, or a free one; NULL when there are too many. */
static const char **
find_prepared(struct pg *pg, const char *sql, char name[24])
{
	size_t i = ((uintptr_t) sql >> 4) % PG_PREPARED;

	while (pg->prepared[i] != NULL && pg->prepared[i] != sql)
		i = (i + 1) % PG_PREPARED;
	if (pg->prepared[i] == NULL && pg->prepared_count >= PG_PREPARED / 2)
		return NULL;
	snprintf(name, 24, "s%zu", i);
	return &pg->prepared[i];
}

/* The statement's name on this connection, prepared at its first use; with no name[0] it can have none. */
static enum pg_status
prepare(struct pg *pg, const char *sql, char name[24])
{
	const char **slot = find_prepared(pg, sql, name);
	enum pg_status status;

	if (slot == NULL)
		name[0] = '\0';
	if (slot == NULL || *slot != NULL)
		return PG_OK;
	status = send_deferred(pg);
	if (status == PG_OK)
		status = take_result(pg, PQprepare(pg->conn, name, sql, 0, NULL), NULL);
	if (status != PG_OK)
		return status;
	*slot = sql;
	pg->prepared_count++;
	return PG_OK;
}

static enum pg_status
run_prepared(struct pg *pg, const char *sql, int params, const char *const *values, int binary,
             struct pg_result **ret_result)
{
	char name[24];
	PGresult *r;
	enum pg_status status = prepare(pg, sql, name);

	if (status != PG_OK)
		return status;
	if (name[0] == '\0')
		return run_once(pg, sql, params, values, binary, ret_result);
	if (pg->deferred == 0)
		return take_result(
		    pg, answer_of(pg, PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, binary)),
		    ret_result);
	if (PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, binary) != 1)
		return fail_result(pg, NULL);
	status = end_pipeline(pg, &r);
	if (status == PG_OK)
		return take_result(pg, r, ret_result);
	PQclear(r);
	return status;
}

enum pg_status
pg_defer(struct pg *pg, const char *sql, int params, const char *const *values)
{
	char name[24];
	enum pg_status status = prepare(pg, sql, name);

	if (status != PG_OK)
		return status;
	if (name[0] == '\0')
		return run_once(pg, sql, params, values, 0, NULL);
	if (pg->deferred == 0 && PQenterPipelineMode(pg->conn) != 1)
		return fail_result(pg, NULL);
	if (PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, 0) != 1) {
		status = fail_result(pg, NULL);
		if (pg->deferred == 0)
			PQexitPipelineMode(pg->conn);
		return status;
	}
	pg->deferred++;
	return PG_OK;
}

enum pg_status
pg_run(struct pg *pg, const char *sql, int params, const char *const *values, struct pg_result **ret_result)
{
	return run_once(pg, sql, params, values, 0, ret_result);
}

enum pg_status
pg_run_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                struct pg_result **ret_result)
{
	return run_prepared(pg, sql, params, values, 0, ret_result);
}

enum pg_status
pg_fetch(struct pg *pg, const char *sql, int params, const char *const *values, struct pg_result **ret_result)
{
	return run_once(pg, sql, params, values, 1, ret_result);
}

enum pg_status
pg_fetch_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                  struct pg_result **ret_result)
{
	return run_prepared(pg, sql, params, values, 1, ret_result);
}

enum pg_status
pg_start(struct pg *pg, const char *sql, int params, const char *const *values)
{
	enum pg_status status = send_deferred(pg);

	if (status != PG_OK)
		return status;
	if (PQsendQueryParams(pg->conn, sql, params, NULL, values, NULL, NULL, 1) != 1 ||
	    PQsetSingleRowMode(pg->conn) != 1)
		return fail_result(pg, NULL);
	return PG_OK;
}

enum pg_status
pg_next(struct pg *pg, struct pg_result **ret_row)
{
	PGresult *r = PQgetResult(pg->conn), *more;

	if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
		*ret_row = (struct pg_result *) r;
		return PG_OK;
	}
	/* the end, or what went wrong; the NULL behind it ends the statement's turn */
	while ((more = PQgetResult(pg->conn)) != NULL)
		PQclear(more);
	*ret_row = NULL;
	return take_result(pg, r, NULL);
}

void
pg_stop(struct pg *pg)
{
	PGresult *r;

	cancel(pg);
	while ((r = PQgetResult(pg->conn)) != NULL)
		PQclear(r);
}

enum pg_status
pg_script(struct pg *pg, const char *sql)
{
	enum pg_status status = send_deferred(pg);

	return status == PG_OK ? take_result(pg, PQexec(pg->conn, sql), NULL) : status;
}

/* ---- transactions: the only statements that are words of the protocol rather than ours ---- */

enum pg_status
pg_begin(struct pg *pg)
{
	static const char begin[] = "BEGIN";

	return pg_defer(pg, begin, 0, NULL);
}

enum pg_status
pg_begin_snapshot(struct pg *pg)
{
	return pg_script(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

enum pg_status
pg_rollback(struct pg *pg)
{
	(void) send_deferred(pg); /* whatever becomes of it */
	if (pg->conn != NULL && PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
		return PG_OK;
	return pg_script(pg, "ROLLBACK");
}

/*
 * COMMIT has no timeout of the server's: it waits for a synchronous standby for
 * ever.  A cancel ends the wait with a warning, and the commit stands.  Returns when its
 * answer is there, or the connection is not.
 */
static void
wait_for_commit(struct pg *pg)
{
	bool cancelled = false;

	while (PQconsumeInput(pg->conn) == 1 && PQisBusy(pg->conn)) {
		if (wait_readable(pg, cancelled ? COMMIT_GIVE_UP_MS : pg->commit_wait_ms))
			continue;
		if (cancelled) { /* not even that is answered: leave, and ask again */
			PQfinish(pg->conn);
			pg->conn = NULL;
			return;
		}
		cancel(pg);
		cancelled = true;
	}
}

static PGresult *
send_commit(struct pg *pg)
{
	PGresult *r, *last = NULL;

	pg->not_replicated = false;
	pg->committing = true;
	if (PQsendQuery(pg->conn, "COMMIT") == 1) {
		wait_for_commit(pg);
		while (pg->conn != NULL && (r = PQgetResult(pg->conn)) != NULL) {
			PQclear(last);
			last = r;
		}
	}
	pg->committing = false;
	return last;
}

/* Whom to ask for this transaction, where its COMMIT is not answered.  NULL: its number is not known. */
static void
note_transaction(struct pg *pg, const char *xid)
{
	snprintf(pg->last.xid, sizeof(pg->last.xid), "%s", xid != NULL ? xid : "?");
	/* a server that is not named is never taken for the one that knows */
	snprintf(pg->last.server, sizeof(pg->last.server), "%s", xid != NULL ? pg->server : "");
	memcpy(pg->last.life, pg->life, sizeof(pg->life));
	memcpy(pg->last.backend, pg->backend, sizeof(pg->backend));
}

static enum pg_status
not_replicated(struct pg *pg)
{
	pg_keep_why(pg, "01000", "committed here, but the standby did not confirm it");
	return PG_DOUBT;
}

enum pg_status
pg_commit(struct pg *pg)
{
	struct pg_result *number;
	enum pg_status status = pg_run_prepared(pg, db_transaction, 0, NULL, &number);
	PGresult *r;

	if (status != PG_OK)
		return status;
	note_transaction(pg, pg_text_of(number, 0, "transaction"));
	pg_result_free(number);

	r = send_commit(pg);
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		status = fail_result(pg, r);
		/* nor does a complaint of libpq's own, as of memory, say that it did not take place */
		if ((PQstatus(pg->conn) != CONNECTION_OK || pg->sqlstate[0] == '\0') && pg->last.xid[0] != '\0')
			status = PG_DOUBT;
	} else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) {
		pg_keep_why(pg, "25P02", "the transaction had failed before its COMMIT and was rolled back");
		status = PG_ERROR;
	} else if (pg->not_replicated) {
		status = not_replicated(pg);
	}
	PQclear(r);
	return status;
}

/* The statement, the transaction's number, and the end of both, which is COMMIT.  What was found is sent back
 * before that. */
static bool
send_whole(struct pg *pg, const char *name, const char *number, int params, const char *const *values)
{
	return PQenterPipelineMode(pg->conn) == 1 &&
	       PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, 0) == 1 &&
	       PQsendQueryPrepared(pg->conn, number, 0, NULL, NULL, NULL, 0) == 1 &&
	       PQsendFlushRequest(pg->conn) == 1 && PQpipelineSync(pg->conn) == 1;
}

/* A connection in an unknown state is worth nothing. */
static enum pg_status
leave_whole(struct pg *pg, enum pg_status status)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	return status;
}

/* The end of the transaction that pg->last names. */
static enum pg_status
end_whole(struct pg *pg)
{
	PGresult *end = NULL;
	bool clean;

	wait_for_commit(pg);
	if (pg->conn != NULL)
		end = PQgetResult(pg->conn);
	clean = PQresultStatus(end) == PGRES_PIPELINE_SYNC;
	if (!clean)
		(void) fail_result(pg, end);
	PQclear(end);
	if (!clean || PQexitPipelineMode(pg->conn) != 1)
		return leave_whole(pg, PG_DOUBT);
	return pg->not_replicated ? not_replicated(pg) : PG_OK;
}

/* The statement failed, and with it the transaction: where the server says so.  COMMIT was sent behind it,
 * and what libpq complains of by itself, as of memory, may hide that it took place. */
static enum pg_status
fail_whole(struct pg *pg, enum pg_status status)
{
	if (pg->sqlstate[0] == '\0') {
		note_transaction(pg, NULL);
		return leave_whole(pg, PG_DOUBT);
	}
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return leave_whole(pg, status);
	PQclear(PQgetResult(pg->conn)); /* the end of the pipeline */
	return PQexitPipelineMode(pg->conn) == 1 ? status : leave_whole(pg, PG_LOST);
}

enum pg_status
pg_transact(struct pg *pg, const char *sql, int params, const char *const *values,
            struct pg_result **ret_result)
{
	char name[24], number[24];
	struct pg_result *answer = NULL, *xid = NULL;
	enum pg_status status = send_deferred(pg), numbered;

	if (status == PG_OK)
		status = prepare(pg, sql, name);
	if (status == PG_OK)
		status = prepare(pg, db_transaction_sure, number);
	if (status != PG_OK)
		return status;
	if (!send_whole(pg, name, number, params, values)) {
		(void) fail_result(pg, NULL);
		note_transaction(pg, NULL);
		*ret_result = NULL;
		return leave_whole(pg, PG_DOUBT);
	}
	status = take_result(pg, next_in_pipeline(pg), &answer);
	pg->not_replicated = false;
	pg->committing = true; /* a warning is its own from now on */
	numbered = status == PG_OK ? take_result(pg, next_in_pipeline(pg), &xid) : status;
	if (status != PG_OK && PQstatus(pg->conn) == CONNECTION_OK)
		PQclear(next_in_pipeline(pg)); /* it was not run */
	if (numbered == PG_OK) {
		note_transaction(pg, pg_text_of(xid, 0, "transaction"));
		status = end_whole(pg);
	} else {
		status = fail_whole(pg, numbered);
	}
	pg->committing = false;
	pg_result_free(xid);
	if (status == PG_OK || status == PG_DOUBT)
		*ret_result = answer;
	else
		pg_result_free(answer);
	return status;
}

/* ---- results ---- */

int
pg_rows(const struct pg_result *r)
{
	return PQntuples((const PGresult *) r);
}

int
pg_columns(const struct pg_result *r)
{
	return PQnfields((const PGresult *) r);
}

const char *
pg_column_name(const struct pg_result *r, int column)
{
	return PQfname((const PGresult *) r, column);
}

int64_t
pg_affected(const struct pg_result *r)
{
	/* libpq takes it without const, and changes nothing */
	union {
		const struct pg_result *ours;
		PGresult *theirs;
	} u = {.ours = r};

	return strtoll(PQcmdTuples(u.theirs), NULL, 10);
}

bool
pg_null(const struct pg_result *r, int row, int column)
{
	return PQgetisnull((const PGresult *) r, row, column) != 0;
}

const char *
pg_text(const struct pg_result *r, int row, int column)
{
	return PQgetvalue((const PGresult *) r, row, column);
}

int64_t
pg_int(const struct pg_result *r, int row, int column)
{
	return strtoll(pg_text(r, row, column), NULL, 10);
}

const uint8_t *
pg_get_bytes(const struct pg_result *r, int row, int column, size_t *ret_len)
{
	*ret_len = (size_t) PQgetlength((const PGresult *) r, row, column);
	return (const uint8_t *) PQgetvalue((const PGresult *) r, row, column);
}

int64_t
pg_get_int(const struct pg_result *r, int row, int column)
{
	size_t len;
	const uint8_t *p = pg_get_bytes(r, row, column, &len);
	uint64_t v = 0;

	if (len != 2 && len != 4 && len != 8)
		return 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return len == 2 ? (int16_t) v : len == 4 ? (int32_t) v : (int64_t) v;
}

bool
pg_get_bool(const struct pg_result *r, int row, int column)
{
	size_t len;
	const uint8_t *p = pg_get_bytes(r, row, column, &len);

	return len == 1 && *p != 0;
}

int64_t
pg_get_time(const struct pg_result *r, int row, int column)
{
	return pg_null(r, row, column) ? 0 : pg_get_int(r, row, column) + PG_EPOCH_US;
}

int32_t
pg_get_date(const struct pg_result *r, int row, int column)
{
	return pg_null(r, row, column) ? 0 : (int32_t) pg_get_int(r, row, column) + PG_EPOCH_DAYS;
}

void
pg_result_free(struct pg_result *r)
{
	PQclear((PGresult *) r);
}

/* ---- COPY ---- */

static enum pg_status
copy_start(struct pg *pg, const char *sql, ExecStatusType wanted)
{
	enum pg_status status = send_deferred(pg);
	PGresult *r;

	if (status != PG_OK)
		return status;
	r = PQexecParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
	if (PQresultStatus(r) != wanted)
		status = fail_result(pg, r);
	PQclear(r);
	return status;
}

/* The statement's own answer, after its data. */
static enum pg_status
copy_answer(struct pg *pg, uint64_t *ret_rows)
{
	enum pg_status status = PG_OK;
	PGresult *r;

	while ((r = PQgetResult(pg->conn)) != NULL) {
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			status = fail_result(pg, r);
		else if (ret_rows != NULL)
			*ret_rows = strtoull(PQcmdTuples(r), NULL, 10);
		PQclear(r);
	}
	if (status == PG_OK && PQstatus(pg->conn) != CONNECTION_OK)
		status = fail_result(pg, NULL);
	return status;
}

enum pg_status
pg_copy_in_start(struct pg *pg, const char *sql)
{
	return copy_start(pg, sql, PGRES_COPY_IN);
}

enum pg_status
pg_copy_in_send(struct pg *pg, const void *data, size_t len)
{
	return PQputCopyData(pg->conn, data, (int) len) == 1 ? PG_OK : fail_result(pg, NULL);
}

enum pg_status
pg_copy_in_finish(struct pg *pg, const char *problem, uint64_t *ret_rows)
{
	if (PQputCopyEnd(pg->conn, problem) != 1)
		return fail_result(pg, NULL);
	return copy_answer(pg, ret_rows);
}

enum pg_status
pg_copy_out_start(struct pg *pg, const char *sql)
{
	return copy_start(pg, sql, PGRES_COPY_OUT);
}

enum pg_status
pg_copy_out_next(struct pg *pg, char **ret_data, size_t *ret_len)
{
	char *data = NULL;
	int n = PQgetCopyData(pg->conn, &data, 0);

	if (n == -2)
		return fail_result(pg, NULL);
	if (n == -1) {
		enum pg_status status = copy_answer(pg, NULL);

		if (status != PG_OK)
			return status;
		n = 0;
	}
	*ret_data = data;
	*ret_len = (size_t) n;
	return PG_OK;
}

void
pg_copy_out_free(char *data)
{
	PQfreemem(data);
}

void
pg_copy_out_stop(struct pg *pg)
{
	char *data = NULL;

	cancel(pg);
	while (PQgetCopyData(pg->conn, &data, 0) > 0)
		PQfreemem(data);
	copy_answer(pg, NULL);
}
