/* A private PostgreSQL for unit tests, and a wire to it that can be cut. */
#ifndef HANDBACK_TESTS_UNIT_CLUSTER_H
#define HANDBACK_TESTS_UNIT_CLUSTER_H

#include "check.h"
#include "lib/db/pg.h"

/* Starts one below /tmp; false where no PostgreSQL is installed, said as TAP's skip of all. */
bool cluster_start(void);
void cluster_stop(void);
const char *cluster_host(void);

/* A connection as this user to this database; fails the test when it cannot be opened. */
struct pg *cluster_open(const char *user, const char *database);
/* Runs SQL as the superuser in the database handback; fails the test when it fails. */
void cluster_run(const char *sql);

/* Stops each process of the server where it stands, or lets it go on: sockets go on to take what is sent. */
void cluster_freeze(bool freeze);

/* What the wire does with the first COMMIT that it sees. */
enum cut {
	CUT_NEVER,
	CUT_BEFORE, /* the server never gets it */
	CUT_AFTER,  /* the server's answer is lost */
	CUT_WITHIN, /* all but the first of its answers are */
};
/* Listens in another directory, forwards to the cluster; the returned directory is libpq's host. */
const char *wire_start(enum cut cut);
void wire_stop(void);

#endif
