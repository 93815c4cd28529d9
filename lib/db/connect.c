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
		snprintf(
		    why, why_size,
		    "this login may not: it has to be a member of one of %s (where `handbackctl migrate` has made "
		    "them)",
		    roles);
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

int
connect_open(const struct connect *how, struct connection *ret, char *why, size_t why_size)
{
	struct pg_target target = {.application = how->application, .conninfo = how->conninfo};
	char host[EMBEDDED_SOCKET_BYTES], reason[LIMIT_MESSAGE_BYTES] = "";
	struct connection c = {0};
	int code = EXIT_CLEAN;

	if (how->conninfo == NULL && how->config->database_conninfo != NULL)
		target.conninfo = how->config->database_conninfo;
	else if (how->conninfo == NULL)
		code = find_embedded(how, &c.embedded, &target, host, why, why_size);
	if (code != EXIT_CLEAN)
		return code;
	if (how->person != NULL)
		target.user = how->person;
	c.pg = pg_open(&target, reason, sizeof(reason));
	if (c.pg == NULL) {
		snprintf(why, why_size, "the database: %s", reason);
		code = EXIT_UNAVAILABLE;
	}
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
