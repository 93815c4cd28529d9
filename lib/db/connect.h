/*
 * The connection of a program: where the configuration says, or somewhere else
 * that was named, as the least role that will do.
 */
#ifndef HANDBACK_DB_CONNECT_H
#define HANDBACK_DB_CONNECT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/db/pg.h"

struct config;
struct embedded;

struct connect {
	const char *application;     /* for pg_stat_activity */
	const struct config *config; /* where the database is; may be NULL where conninfo is not */
	const char *conninfo;        /* another database than the configuration's, or NULL */
	/* the first of these that the login is a member of: "{handback_verify,handback_finance}"; NULL: as it
	 * logs in */
	const char *roles;
	const char *person; /* who logs in, there and over conninfo's; NULL: as the rest says */
	const char *database; /* another of the server's, in which nothing is done but making ours; NULL: ours */
	/* of an embedded cluster */
	const char *user;     /* who logs in; NULL: its superuser */
	bool start;           /* it is started where nobody runs it, for as long as we are connected */
	bool reads;           /* nothing is written: another server will do (database.read), and a standby */
	bool posts;           /* not where a guard of our tables is switched off */
	bool checked;         /* a schema of another version than ours is not for us */
};

struct connection {
	struct pg *pg;
	struct embedded *embedded; /* where we had to start it */
};

/* EXIT_CLEAN; or the status to end with and a message in why[why_size], and *ret is as it was. */
int connect_open(const struct connect *how, struct connection *ret, char *why, size_t why_size);
/* Stops the embedded cluster where it was started for us.  What was closed may be closed again. */
void connect_close(struct connection *c);

/* The status to end with after a statement that did not go well. */
int connect_exit(enum pg_status status);

#endif
