/* What became of a COMMIT whose answer did not come, or came with a warning. */
#include <string.h>
#include <time.h>

#include "lib/db/db_sql.h"
#include "lib/db/pg.h"
#include "lib/db/pg_state.h"

#define SETTLE_TRIES 100 /* 50 ms apart */
#define SETTLE_END_AFTER 20
#define BARRIER_MS 3000
#define NUMBER_NOT_GIVEN "22023" /* pg_xact_status: "transaction ID is in the future" */

/* The server has run without a crash since: a number is of the transaction that it was. */
static bool
same_life(const struct pg *pg)
{
	return pg->last.life[0] != '\0' && strcmp(pg->last.life, pg->life) == 0;
}

/* What the server says of the number: "committed", "aborted", "in progress", or "" when it forgot. */
static enum pg_status
ask_fate(struct pg *pg, char word[16])
{
	const char *xid[] = {pg->last.xid};
	struct pg_result *r;

	if (pg_run(pg, db_fate, 1, xid, &r) == PG_OK) {
		snprintf(word, 16, "%s", pg_text_of(r, 0, "fate"));
		pg_result_free(r);
		return PG_OK;
	}
	if (strcmp(pg_sqlstate(pg), NUMBER_NOT_GIVEN) != 0)
		return PG_LOST;
	/* a crash forgets the numbers of transactions that had made nothing durable */
	snprintf(word, 16, "aborted");
	return PG_OK;
}

/* The server may not have seen that our old connection is gone, or may not have read the COMMIT yet. */
static enum pg_status
wait_for_end(struct pg *pg, char word[16])
{
	const char *ours[] = {pg->last.xid, pg->last.backend};

	for (int i = 0; i < SETTLE_TRIES; i++) {
		const struct timespec pause = {.tv_nsec = 50000000};

		if (ask_fate(pg, word) != PG_OK)
			return PG_LOST;
		/* no transaction outlives a crash: what runs under the number now is another's */
		if (strcmp(word, "in progress") != 0 || !same_life(pg))
			return PG_OK;
		if (i == SETTLE_END_AFTER && pg_run(pg, db_end_backend, 2, ours, NULL) != PG_OK)
			return PG_LOST;
		nanosleep(&pause, NULL);
	}
	pg_keep_why(pg, "", "the transaction whose COMMIT was not answered is still in progress");
	return PG_LOST;
}

/* A synchronous standby has what is visible when it has something that was committed later. */
enum pg_status
pg_barrier(struct pg *pg)
{
	struct pg_transaction last = pg->last;
	int patience = pg->commit_wait_ms;
	enum pg_status status;

	pg->commit_wait_ms = BARRIER_MS;
	status = pg_begin(pg);
	if (status == PG_OK)
		status = pg_run(pg, db_barrier, 0, NULL, NULL);
	if (status == PG_OK)
		status = pg_commit(pg);
	pg->commit_wait_ms = patience;
	pg->last = last; /* that is not in doubt: what was before it may be */
	return status == PG_OK ? PG_OK : PG_LOST;
}

enum pg_status
pg_settle_commit(struct pg *pg, enum pg_fate *ret_fate)
{
	char word[16] = "";

	if (pg->last.xid[0] == '\0') { /* it wrote nothing */
		*ret_fate = PG_FATE_ABORTED;
		return PG_OK;
	}
	if (pg_reopen(pg) != PG_OK)
		return PG_LOST;
	if (pg->last.server[0] == '\0' || strcmp(pg->last.server, pg->server) != 0) {
		/* after a failover the same number may be another's transaction */
		*ret_fate = PG_FATE_UNKNOWN;
		return PG_OK;
	}
	if (wait_for_end(pg, word) != PG_OK)
		return PG_LOST;
	if (strcmp(word, "committed") == 0) {
		if (pg_barrier(pg) != PG_OK)
			return PG_LOST;
		/* after a crash the number may have been given again */
		*ret_fate = same_life(pg) ? PG_FATE_COMMITTED : PG_FATE_UNKNOWN;
	} else if (word[0] != '\0') {
		/* what is durable keeps its number: where that failed or is another's, ours never was */
		*ret_fate = PG_FATE_ABORTED;
	} else {
		*ret_fate = PG_FATE_UNKNOWN;
	}
	return PG_OK;
}
