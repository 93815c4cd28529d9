/* What the files of the database wrapper share; nobody else includes it. */
#ifndef HANDBACK_DB_PG_STATE_H
#define HANDBACK_DB_PG_STATE_H

#include "lib/db/pg.h"

#define PG_WHY_BYTES 512
#define PG_PREPARED 256 /* statements in one connection; a power of two, never more than half full */

struct pg_conn;

/* One whose COMMIT was sent. */
struct pg_transaction {
	char xid[24];    /* "" when it wrote nothing */
	char server[64]; /* where, to know a failover from a reconnect */
	char life[80];   /* when, to know a number that was given again */
	char backend[12];
};

struct pg {
	struct pg_conn *conn; /* libpq's, NULL when there is none */
	char *conninfo, *host, *user, *database, *role, *application;
	char *hostaddr, *port; /* of one beside: where the other is connected to */
	bool beside;           /* for a question about another session, whose server it has to be */
	bool reads;            /* as of pg_target */
	bool confirmed;        /* as of pg_target */
	char why[PG_WHY_BYTES];
	char warning[PG_WHY_BYTES];
	char sqlstate[6];
	char constraint[64];
	int version;
	char place[288]; /* host and port of the server that was reached */
	bool standby;
	char server[64]; /* system identifier and timeline; "" when it does not say */
	char life[80];   /* changes with each start of the server, and with each crash */
	char backend[12];
	struct pg_transaction last;        /* the one whose COMMIT was sent last */
	int commit_wait_ms;                /* how long a COMMIT may wait for a standby */
	bool maintenance;                  /* as of pg_target */
	bool committing;                   /* between COMMIT and its answer */
	bool not_replicated;               /* ... which came with a warning */
	const char *prepared[PG_PREPARED]; /* by the statement's address */
	unsigned prepared_count;
	int ask_ms;    /* after so long without a word it is asked what there is to wait for */
	int beside_ms; /* a connection for that has so long for each step */
	pg_watcher *watch;
	void *watch_context;
	char *data; /* of a COPY, as pg_wait.c had it */
	int data_len;
	unsigned deferred; /* statements that were handed to libpq, in its pipeline mode, and not answered yet */
};

/* What an error means for the transaction; sqlstate "" is a broken connection. */
enum pg_status pg_classify(const char *sqlstate);

/* Keep a server's message, on one line, without the values that it may quote. */
void pg_keep_why(struct pg *pg, const char *sqlstate, const char *message);

/* The raw COPY protocol, for pg_copy.c. */
enum pg_status pg_copy_in_start(struct pg *pg, const char *sql);
enum pg_status pg_copy_in_send(struct pg *pg, const void *data, size_t len);
/* problem NULL: a proper end; *ret_rows is what the server took */
enum pg_status pg_copy_in_finish(struct pg *pg, const char *problem, uint64_t *ret_rows);
enum pg_status pg_copy_out_start(struct pg *pg, const char *sql);
/* *ret_data (pg_copy_out_free) and its length; 0 at the end */
enum pg_status pg_copy_out_next(struct pg *pg, char **ret_data, size_t *ret_len);
void pg_copy_out_free(char *data);
void pg_copy_out_stop(struct pg *pg); /* before the end: cancel and drain */

#endif
