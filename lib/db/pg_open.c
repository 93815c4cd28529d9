/* Opening a connection, with everything set that could change what a statement means. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/db/db_sql.h"
#include "lib/db/passfile.h"
#include "lib/db/pg_libpq.h"

#define COMMIT_WAIT_MS 60000
#define ASK_MS 5000
#define BESIDE_MS 8000

__attribute__((format(printf, 2, 3))) static enum pg_status
fail_open(struct pg *pg, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(pg->why, sizeof(pg->why), format, ap);
	va_end(ap);
	pg_leave(pg);
	return PG_LOST;
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
pg_conninfo_option(const char *conninfo, const char *keyword)
{
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
	const char *value = parsed != NULL ? stated(parsed, keyword) : NULL;
	char *copy = value != NULL && *value != '\0' ? strdup(value) : NULL;

	PQconninfoFree(parsed);
	return copy;
}

enum pg_status
pg_connect(struct pg *pg)
{
	char patience[16] = "";
	/* before dbname: defaults that the conninfo may change; after it: ours over the conninfo's */
	const char *keys[20] = {"connect_timeout",     "target_session_attrs",      "tcp_user_timeout", "keepalives_idle",
	                        "keepalives_interval", "fallback_application_name", "dbname"};
	const char *values[20] = {"10", pg->reads ? "any" : "read-write", "30000", "30", "10", "handback",
	                          pg->conninfo};
	const char *over[][2] = {{"host", pg->host},
	                         {"hostaddr", pg->hostaddr},
	                         {"port", pg->port},
	                         {"target_session_attrs", pg->beside ? "any" : NULL},
	                         {"connect_timeout", pg->beside ? patience : NULL},
	                         {"user", pg->user},
	                         {"dbname", pg->database},
	                         {"application_name", pg->application},
	                         {"client_encoding", "UTF8"}};
	size_t n = 7;
	PQconninfoOption *parsed = PQconninfoParse(pg->conninfo, NULL);
	char passfile[64];
	int secret;

	snprintf(patience, sizeof(patience), "%d", pg->beside_ms / 1000);
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
		pg_leave(pg);
		return PG_LOST;
	}
	PQsetNoticeReceiver(pg->conn, on_notice, pg);
	PQsetnonblocking(pg->conn, 1); /* pg_wait.c waits */
	return PG_OK;
}

/* Of the disk, and of the synchronous standbys that there are. */
static bool
waits_for_durability(const char *synchronous_commit)
{
	return strcmp(synchronous_commit, "off") != 0 && strcmp(synchronous_commit, "local") != 0;
}

/* A setting that would make money unsafe is a reason not to work at all. */
static enum pg_status
check_server(struct pg *pg, const struct pg_result *r)
{
	pg->version = (int) pg_int_of(r, 0, "version");
	if (pg->version < 130000)
		return fail_open(pg, "the server is PostgreSQL %d; 13 or later is needed", pg->version / 10000);
	if (!pg->reads && pg_true_of(r, 0, "standby"))
		return fail_open(pg, "the server is a standby; handback needs the primary");
	if (!pg->reads && strcmp(pg_text_of(r, 0, "read_only"), "off") != 0)
		return fail_open(pg, "the database is read-only (default_transaction_read_only)");
	if (!pg->reads && !waits_for_durability(pg_text_of(r, 0, "synchronous_commit")))
		return fail_open(pg, "synchronous_commit is %s: a posting could be lost; set it to on or stricter",
		                 pg_text_of(r, 0, "synchronous_commit"));
	if (pg->confirmed && *pg_text_of(r, 0, "standbys") == '\0') {
		(void) pg_unconfirmed(pg);
		pg_leave(pg);
		return PG_LOST;
	}
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
	pg->standby = pg_true_of(r, 0, "standby");
	snprintf(pg->place, sizeof(pg->place), "%s:%s", PQhost(pg->conn), PQport(pg->conn));
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

	pg_leave(pg);
	pg->server[0] = pg->life[0] = pg->backend[0] = pg->warning[0] = '\0';
	memset(pg->prepared, 0, sizeof(pg->prepared));
	pg->prepared_count = 0;
	pg->deferred = 0;
	status = pg_connect(pg);
	if (status != PG_OK)
		return status;
	if (pg_run(pg, db_settings, 1, role, NULL) != PG_OK || pg_run(pg, db_check, 0, NULL, &r) != PG_OK) {
		pg_leave(pg);
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

static void
set_patience(struct pg *pg)
{
	pg->commit_wait_ms = COMMIT_WAIT_MS;
	pg->ask_ms = ASK_MS;
	pg->beside_ms = BESIDE_MS;
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
	set_patience(pg);
	pg->maintenance = target->maintenance;
	pg->reads = target->reads;
	pg->confirmed = target->confirmed;
	if (pg_reopen(pg) != PG_OK) {
		snprintf(why, why_size, "%s", pg->why);
		pg_close(pg);
		return NULL;
	}
	return pg;
}

struct pg *
pg_open_beside(const struct pg *pg)
{
	struct pg *other = calloc(1, sizeof(*other));

	if (other == NULL)
		return NULL;
	set_patience(other);
	other->beside = true;
	other->beside_ms = pg->beside_ms;
	if (copy_text(&other->conninfo, pg->conninfo) && copy_text(&other->host, PQhost(pg->conn)) &&
	    copy_text(&other->hostaddr, PQhostaddr(pg->conn)) && copy_text(&other->port, PQport(pg->conn)) &&
	    copy_text(&other->user, pg->user) && copy_text(&other->database, pg->database) &&
	    copy_text(&other->application, pg->application) && pg_connect(other) == PG_OK) {
		const char *none[] = {NULL};

		if (pg_run(other, db_settings, 1, none, NULL) == PG_OK)
			return other;
	}
	pg_close(other);
	return NULL;
}

void
pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	pg_leave(pg);
	free(pg->hostaddr);
	free(pg->port);
	free(pg->conninfo);
	free(pg->host);
	free(pg->user);
	free(pg->database);
	free(pg->role);
	free(pg->application);
	free(pg);
}

bool
pg_is_pooled(const struct pg *pg)
{
	char said[12];

	snprintf(said, sizeof(said), "%d", PQbackendPID(pg->conn));
	return strcmp(said, pg->backend) != 0;
}
