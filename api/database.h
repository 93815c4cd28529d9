/*
 * The one connection of a handback-api, and what is asked over it.  Whatever goes wrong with the database is
 * each call's answer: 503 where it may go better later, 997 where it will not.
 */
#ifndef HANDBACK_API_DATABASE_H
#define HANDBACK_API_DATABASE_H

#include "api/array.h"
#include "api/call.h"
#include "lib/db/pg.h"

#define DATABASE_BATCH 64 /* calls in one transaction, at most */
#define DATABASE_ARRAYS 10

struct database {
	struct pg *pg;         /* the caller's */
	bool ready;            /* its session is as we want it */
	uint64_t transactions; /* that it was asked for */
	struct array arrays[DATABASE_ARRAYS];
};

void database_free(struct database *db); /* leaves pg */

/* Is there a connection, with its session set up?  Opens it again where it was lost. */
bool database_ready(struct database *db);
/* After a statement that failed: the transaction is over, and a connection that is lost is noted. */
void database_failed(struct database *db, enum pg_status status);

struct params;
/* One statement that a call's answer is in.  NULL, and the call is answered, where there is none. */
struct pg_result *database_ask(struct database *db, struct call *c, const char *sql, const struct params *p);
/* A statement that is a whole transaction, with its COMMIT: settled where that was in doubt.  PG_OK: it is
 * committed (and replicated, where the server is set to), and *ret_result is what it found; PG_DOUBT: nobody
 * can say. */
enum pg_status database_transact(struct database *db, const char *sql, int n, const char *const *values,
                                 struct pg_result **ret_result);
/* Answers a call whose transaction did not end well. */
void database_answer_failure(struct database *db, struct call *c, enum pg_status status);
/* One statement with one row that changes something, as database_transact.  NULL, and the call is answered,
 * where that did not go well. */
struct pg_result *database_change(struct database *db, struct call *c, const char *sql,
                                  const struct params *p);
/* The one row of the credential whose name and secret the call has; the same. */
struct pg_result *database_ask_credential(struct database *db, struct call *c, const char *sql);

/* Redeems for each of n calls (1..DATABASE_BATCH), no two of a member or of a key, and answers each as if it
 * were alone. */
void redeem_calls(struct database *db, struct call *const *calls, size_t n);

/* The balances of n members (1..DATABASE_BATCH). */
void available_calls(struct database *db, struct call *const *calls, size_t n);

/* Any other call that the database answers. */
void answer_call(struct database *db, struct call *c);
/* Whose secret is it?  False, and the call is answered, where it is nobody's, or that cannot be said. */
bool authenticate_call(struct database *db, struct call *c, struct token_claims *ret);

#endif
