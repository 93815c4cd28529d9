/* Every wait for the server, and its limit. */
#include <errno.h>
#include <poll.h>

#include "lib/db/db_sql.h"
#include "lib/db/pg_libpq.h"

#define COMMIT_GIVE_UP_MS 5000
#define SEALED_MS 20 /* what is encrypted may lie decrypted in its library, and the socket says nothing of it */
#define STATEMENT_MS (31 * 60 * 1000) /* the server has ended it by itself before: statement_timeout */

void
pg_leave(struct pg *pg)
{
	PQfinish(pg->conn); /* it does not block: pg_connect */
	pg->conn = NULL;
}

static void
give_up(struct pg *pg)
{
	char why[PG_WHY_BYTES];

	snprintf(why, sizeof(why), "the server %s (port %s) gives no answer: the connection is given up",
	         PQhost(pg->conn), PQport(pg->conn));
	pg_keep_why(pg, "", why);
	pg_leave(pg);
}

/* What it is waited for, of poll; 0: nothing any more, or the connection is broken. */
typedef short pending_of(struct pg *pg);

static short
answer_pending(struct pg *pg)
{
	int unsent = PQflush(pg->conn);

	if (unsent < 0 || !PQisBusy(pg->conn))
		return 0;
	return unsent > 0 ? POLLIN | POLLOUT : POLLIN;
}

static short
sending_pending(struct pg *pg)
{
	return PQflush(pg->conn) > 0 ? POLLIN | POLLOUT : 0;
}

static short
data_pending(struct pg *pg)
{
	pg->data_len = PQgetCopyData(pg->conn, &pg->data, 1);
	return pg->data_len == 0 ? POLLIN : 0;
}

static bool
wait_socket(const struct pg *pg, short events, int ms)
{
	struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
	int n;

	do
		n = poll(&fd, 1, ms);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* False: nothing was heard for limit_ms. */
static bool
await(struct pg *pg, pending_of *pending, int limit_ms)
{
	bool asks = !pg->beside && pg->life[0] != '\0';
	bool sealed = PQsslInUse(pg->conn) != 0 || PQgssEncInUse(pg->conn) != 0;
	int silent_ms = 0, asked_ms = 0;
	short events;

	while (pg->conn != NULL && (events = pending(pg)) != 0) {
		int ms = limit_ms - silent_ms;

		if (asks)
			ms = least(ms, asked_ms + pg->ask_ms - silent_ms);
		if (wait_socket(pg, events, sealed ? least(ms, SEALED_MS) : ms)) {
			silent_ms = asked_ms = 0;
			if (PQconsumeInput(pg->conn) != 1)
				return true;
			continue;
		}
		silent_ms += sealed ? least(ms, SEALED_MS) : ms;
		if (sealed && PQconsumeInput(pg->conn) != 1)
			return true;
		if (silent_ms >= limit_ms)
			return false;
		if (asks && silent_ms - asked_ms >= pg->ask_ms) {
			if (!pg_still_there(pg, asked_ms == 0))
				give_up(pg);
			asked_ms = silent_ms;
		}
	}
	return true;
}

static void
await_or_leave(struct pg *pg, pending_of *pending)
{
	/* a connection that is not whole yet, or is for one question, has nothing that takes long */
	int limit_ms = pg->beside || pg->life[0] == '\0' ? pg->beside_ms : STATEMENT_MS;

	if (pg->conn != NULL && !await(pg, pending, limit_ms))
		give_up(pg);
}

void
pg_await_sent(struct pg *pg)
{
	await_or_leave(pg, sending_pending);
}

PGresult *
pg_next_result(struct pg *pg)
{
	await_or_leave(pg, answer_pending);
	return PQgetResult(pg->conn);
}

int
pg_next_data(struct pg *pg, char **ret_data)
{
	pg->data = NULL;
	pg->data_len = 0;
	await_or_leave(pg, data_pending);
	*ret_data = pg->data;
	return pg->data_len != 0 && pg->conn != NULL ? pg->data_len : -2;
}

void
pg_await_commit(struct pg *pg)
{
	if (pg->conn == NULL || await(pg, answer_pending, pg->commit_wait_ms))
		return;
	pg_cancel(pg);
	if (!await(pg, answer_pending, COMMIT_GIVE_UP_MS)) /* not even that is answered: leave, and ask again */
		give_up(pg);
}

/* Not libpq's own way, which waits for a frozen server for ever. */
void
pg_cancel(const struct pg *pg)
{
	const char *session[] = {pg->backend};
	struct pg *other = pg->conn != NULL ? pg_open_beside(pg) : NULL;

	if (other != NULL)
		(void) pg_run(other, db_cancel_session, 1, session, NULL);
	pg_close(other);
}
