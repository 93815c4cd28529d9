#include "lib/db/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/exit_codes.h"
#include "lib/base/limits.h"
#include "lib/config/config.h"
#include "lib/db/db_sql.h"
#include "lib/db/migrate.h"
#include "lib/db/pg_state.h"
#include "lib/embedded/embedded.h"

#define EMBEDDED_WAIT_MS (120 * 1000) /* a start after a crash replays the log first */
#define EMBEDDED_STOP_MS (10 * 1000)
#define POOLER_TRIES 3

/* An embedded cluster: what is not ours to start has its host all the same. */
static int
find_embedded(const struct connect *how, struct embedded **ret_embedded, struct pg_target *target,
              char host[EMBEDDED_SOCKET_BYTES], char *why, size_t why_size)
{
	const char *dir = how->config->database_embedded;
	char reason[LIMIT_MESSAGE_BYTES] = "";

	if (how->start) {
		*ret_embedded =
		    embedded_open(dir, how->config->database_user, EMBEDDED_WAIT_MS, reason, sizeof(reason));
		if (*ret_embedded == NULL) {
			snprintf(why, why_size, "the embedded database: %s", reason);
			return EXIT_UNAVAILABLE;
		}
		target->host = embedded_host(*ret_embedded);
	} else if (embedded_host_of(dir, host, EMBEDDED_SOCKET_BYTES)) {
		target->host = host;
	} else {
		snprintf(why, why_size, "the embedded database: its path is too long");
		return EXIT_USAGE;
	}
	target->user = how->user != NULL ? how->user : EMBEDDED_SUPERUSER;
	target->database = how->database != NULL ? how->database : EMBEDDED_DATABASE;
	return EXIT_CLEAN;
}

static int
failed(struct pg *pg, enum pg_status status, char *why, size_t why_size)
{
	snprintf(why, why_size, "the database: %s", pg_why(pg));
	return connect_exit(status);
}

/* What a login lacks, and how it gets it.  roles: as of connect, "{one,another}". */
static void
refused(const char *roles, char *why, size_t why_size)
{
	static const char *const people[][2] = {{"handback_operator", "operator"}, {"handback_finance", "finance"}};
	const char *as = NULL;

	for (size_t i = 0; as == NULL && i < sizeof(people) / sizeof(people[0]); i++)
		if (strstr(roles, people[i][0]) != NULL)
			as = people[i][1];
	int used = snprintf(why, why_size, "this login may not: it has to be a member of ");

	for (const char *c = roles + 1; *c != '}' && (size_t) used < why_size; c++)
		used += snprintf(why + used, why_size - (size_t) used, *c == ',' ? " or " : "%c", *c);
	if ((size_t) used < why_size && as != NULL)
		snprintf(why + used, why_size - (size_t) used, "; as root, `handbackctl setup NAME=%s` makes a person one",
		         as);
	else if ((size_t) used < why_size)
		snprintf(why + used, why_size - (size_t) used, ", as the service's is: root's commands are by that login");
}

/* What to do where no server lets us in: libpq has no code for it, but its words. */
static const char *
hint(const char *why)
{
	static const char *const hints[][2] = {
	    {"does not exist", "; as root, `handbackctl setup` makes the database and the service's logins, and "
	                       "`handbackctl setup NAME=operator` or NAME=finance a person's"},
	    {"Peer authentication failed", "; by peer authentication the login is called as the operating system's user: "
	                                   "leave `user` out of the conninfo, or see to the line of pg_hba.conf"},
	    {"no pg_hba.conf entry", "; pg_hba.conf lacks a line for it, as `local all all peer`; then reload the server"},
	    {"No such file or directory", "; is the server running, and its socket there? `pg_lsclusters` shows servers, and `pg_createcluster VERSION main --start` makes one"},
	    {"Connection refused", "; is the server running? `pg_lsclusters` shows servers"},
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strstr(why, hints[i][0]) != NULL)
			return hints[i][1];
	return "";
}

/* Also when the connection is opened again. */
static int
take_role(struct pg *pg, const char *roles, char *why, size_t why_size)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(pg, db_role, 1, &roles, &r);
	char *role;

	if (status != PG_OK)
		return failed(pg, status, why, why_size);
	role = pg_rows(r) == 1 ? strdup(pg_text_of(r, 0, "role")) : NULL;
	pg_result_free(r);
	if (role == NULL) {
		refused(roles, why, why_size);
		return EXIT_UNAVAILABLE;
	}
	free(pg->role);
	pg->role = role;
	return EXIT_CLEAN;
}

static int
check(struct pg *pg, char *why, size_t why_size)
{
	char reason[LIMIT_MESSAGE_BYTES] = "";

	if (migrate_check(pg, reason, sizeof(reason)) == PG_OK)
		return EXIT_CLEAN;
	snprintf(why, why_size, "the database: %s", reason);
	return EXIT_UNAVAILABLE;
}

/* Who posts relies on what the tables refuse. */
static int
check_guards(struct pg *pg, char *why, size_t why_size)
{
	struct pg_result *r;
	enum pg_status status = pg_run(pg, db_guards, 0, NULL, &r);
	int code = EXIT_CLEAN;

	if (status != PG_OK)
		return failed(pg, status, why, why_size);
	if (pg_rows(r) > 0) {
		snprintf(why, why_size, "the database: %s: nothing is posted until it is restored",
		         pg_text_of(r, 0, "what"));
		code = EXIT_UNAVAILABLE;
	}
	pg_result_free(r);
	return code;
}

/* The process that answers now; 0: none. */
static int64_t
backend_of(struct pg *pg)
{
	struct pg_result *r = NULL;
	int64_t backend = pg_run(pg, db_backend, 0, NULL, &r) == PG_OK ? pg_int_of(r, 0, "backend") : 0;

	pg_result_free(r);
	return backend;
}

/*
 * A pooler that gives its server to others between our statements takes with it what a connection holds:
 * locks, settings, what was prepared.  Two connections at a time have two servers, unless it is such a one.
 */
static int
check_pooler(struct pg *pg, const struct pg_target *target, char *why, size_t why_size)
{
	char reason[LIMIT_MESSAGE_BYTES];
	struct pg *other = pg_is_pooled(pg) ? pg_open(target, reason, sizeof(reason)) : NULL;
	bool shared = false;

	for (int64_t first = 0, i = 0; other != NULL && !shared && i < POOLER_TRIES; i++) {
		int64_t ours = backend_of(pg), theirs = backend_of(other);

		shared = ours != 0 && (ours == theirs || (first != 0 && first != ours));
		first = ours;
	}
	pg_close(other);
	if (!shared)
		return EXIT_CLEAN;
	snprintf(why, why_size,
	         "the database is reached through a pooler that changes servers between statements (PgBouncer: "
	         "pool_mode = "
	         "transaction or statement): name the server itself in database.conninfo, or a pool with "
	         "pool_mode = session");
	return EXIT_UNAVAILABLE;
}

int
connect_open(const struct connect *how, struct connection *ret, char *why, size_t why_size)
{
	struct pg_target target = {.application = how->application,
	                           .conninfo = how->conninfo,
	                           .maintenance = how->database != NULL,
	                           .reads = how->reads && how->conninfo != NULL,
	                           .confirmed = !how->reads && how->config != NULL &&
	                                        how->config->database_synchronous == CONFIG_SYNCHRONOUS_REQUIRED};
	char host[EMBEDDED_SOCKET_BYTES], reason[LIMIT_MESSAGE_BYTES] = "";
	struct connection c = {0};
	int code = EXIT_CLEAN;

	if (how->conninfo == NULL && how->reads && how->config->database_read != NULL) {
		target.conninfo = how->config->database_read;
		target.reads = true;
	} else if (how->conninfo == NULL && how->config->database_conninfo != NULL)
		target.conninfo = how->config->database_conninfo;
	if (target.conninfo != NULL)
		target.database = how->database;
	else
		code = find_embedded(how, &c.embedded, &target, host, why, why_size);
	if (code != EXIT_CLEAN)
		return code;
	if (how->person != NULL)
		target.user = how->person;
	c.pg = pg_open(&target, reason, sizeof(reason));
	if (c.pg == NULL) {
		snprintf(why, why_size, "the database: %s%s", reason, hint(reason));
		code = EXIT_UNAVAILABLE;
	}
	if (code == EXIT_CLEAN)
		code = check_pooler(c.pg, &target, why, why_size);
	if (code == EXIT_CLEAN && how->roles != NULL)
		code = take_role(c.pg, how->roles, why, why_size);
	if (code == EXIT_CLEAN && how->posts)
		code = check_guards(c.pg, why, why_size);
	if (code == EXIT_CLEAN && how->checked)
		code = check(c.pg, why, why_size);
	if (code == EXIT_CLEAN)
		*ret = c;
	else
		connect_close(&c);
	return code;
}

void
connect_close(struct connection *c)
{
	pg_close(c->pg);
	embedded_close(c->embedded, EMBEDDED_STOP_MS);
	*c = (struct connection){0};
}

int
connect_exit(enum pg_status status)
{
	switch (status) {
	case PG_LOST:
	case PG_DOUBT:
		return EXIT_UNAVAILABLE;
	case PG_RETRY:
		return EXIT_FAILED;
	case PG_OK:
	case PG_ERROR:
		break;
	}
	return EXIT_INTERNAL;
}
