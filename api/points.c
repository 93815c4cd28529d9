#include "api/points.h"

#include <stdlib.h>
#include <string.h>

#include "api/api_sql.h"
#include "lib/json/json.h"

/* The rows as the statement reads them; the caller frees it.  NULL: no memory. */
static char *
rows_of(struct call *const *calls, size_t n)
{
	struct json_build b = {0};
	size_t len;

	json_open_list(&b, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct call *c = calls[i];

		json_open_map(&b, NULL);
		json_int(&b, "n", (int64_t) i + 1);
		json_text(&b, "client", c->who.client);
		json_int(&b, "generation", c->who.generation);
		json_text(&b, "request_id", c->what.request_id);
		json_text(&b, "batch", c->what.reference);
		json_int(&b, "place", c->what.row);
		json_text(&b, "key", c->what.key);
		json_text(&b, "member", c->what.member);
		json_text(&b, "account", c->what.account);
		json_text(&b, "partner", c->what.partner);
		json_int(&b, "points", c->what.points);
		json_text(&b, "reason", c->what.reason);
		json_text(&b, "not_before", c->what.not_before);
		json_text(&b, "sponsor", c->what.sponsor);
		json_close(&b);
	}
	json_close(&b);
	return json_take(&b, &len);
}

/* Is it new, and to be sent? */
static bool
answer(struct call *c, const struct pg_result *r, int row)
{
	const char *code = pg_text_of(r, row, "code");

	if (strcmp(code, "busy") == 0)
		return false;
	call_answer(c, code, pg_text_of(r, row, "reason"));
	c->answer.again = pg_true_of(r, row, "again");
	call_wait_for_day(c);
	if (!pg_null_of(r, row, "state"))
		call_answer_value(c, API_VALUE_TEXT, pg_text_of(r, row, "state"));
	return strcmp(code, "000") == 0 && !c->answer.again;
}

/* handback-outbox need not wait until it looks by itself. */
static void
hint(struct database *db)
{
	enum pg_status status = pg_run_prepared(db->pg, api_points_hint, 0, NULL, NULL);

	if (status != PG_OK)
		database_failed(db, status);
}

/* One transaction for all of them; PG_OK: they are answered, but for those that somebody else holds. */
static enum pg_status
attempt(struct database *db, struct call *const *calls, size_t n)
{
	char *rows = database_ready(db) ? rows_of(calls, n) : NULL;
	struct pg_result *r = NULL;
	bool any = false;
	enum pg_status status =
	    rows != NULL ? database_transact(db, api_points, 1, (const char *const[]){rows}, &r) : PG_LOST;

	free(rows);
	for (int row = 0; status == PG_OK && row < pg_rows(r) && row < (int) n; row++)
		any |= answer(calls[row], r, row);
	pg_result_free(status == PG_OK ? r : NULL);
	if (any)
		hint(db);
	return status;
}

void
points_calls(struct database *db, struct call *const *calls, size_t n)
{
	enum pg_status status = attempt(db, calls, n);

	if (status == PG_OK || (status == PG_RETRY && n == 1))
		return;
	/* one that the database refuses, or that waits, is none of the others' matter */
	for (size_t i = 0; i < n; i++) {
		if (n > 1 && (status == PG_ERROR || status == PG_RETRY))
			points_calls(db, &calls[i], 1);
		else
			database_answer_failure(db, calls[i], status);
	}
}
