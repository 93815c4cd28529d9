/* Micro-batches: all that waits is redeemed in one transaction, and each alone where that fails. */
#include <string.h>

#include "api/api_sql.h"
#include "api/database.h"

/* The result of a call, until its COMMIT is sure. */
struct result {
	char code[8], reason[API_REASON_BYTES + 1], reference[API_REFERENCE_BYTES + 1];
	bool again;
};

enum { CLIENT, GENERATION, REQUEST_ID, KEY, BODY, MEMBER, POINTS, AMOUNT, MERCHANT, TYPE };

static bool
fill(struct database *db, struct call *const *calls, size_t n, const char *values[DATABASE_ARRAYS])
{
	struct array *a = db->arrays;
	bool good = true;

	for (int i = 0; i < DATABASE_ARRAYS; i++)
		array_start(&a[i]);
	for (size_t i = 0; i < n; i++) {
		const struct call *c = calls[i];

		array_add(&a[CLIENT], c->who.client);
		array_add_int(&a[GENERATION], c->who.generation);
		array_add(&a[REQUEST_ID], c->what.request_id);
		array_add(&a[KEY], c->what.key);
		array_add_bytes(&a[BODY], c->body, sizeof(c->body));
		array_add(&a[MEMBER], c->what.member);
		array_add_int(&a[POINTS], c->what.points);
		array_add(&a[AMOUNT], c->what.amount);
		array_add(&a[MERCHANT], c->what.merchant);
		array_add_int(&a[TYPE], c->what.type);
	}
	for (int i = 0; i < DATABASE_ARRAYS; i++)
		good = (values[i] = array_end(&a[i])) != NULL && good;
	return good;
}

static void
keep(struct result *result, const struct pg_result *r, int row)
{
	snprintf(result->code, sizeof(result->code), "%s", pg_text_of(r, row, "code"));
	snprintf(result->reason, sizeof(result->reason), "%s", pg_text_of(r, row, "reason"));
	snprintf(result->reference, sizeof(result->reference), "%s", pg_text_of(r, row, "reference"));
	result->again = pg_true_of(r, row, "again");
}

/* One transaction for all of them.  PG_OK: it is committed, and result[] is true. */
static enum pg_status
attempt(struct database *db, struct call *const *calls, size_t n, struct result *result)
{
	const char *values[DATABASE_ARRAYS];
	struct pg_result *r = NULL;
	enum pg_status status;

	if (!fill(db, calls, n, values))
		return PG_LOST;
	status = database_transact(db, api_redeem, DATABASE_ARRAYS, values, &r);
	for (int row = 0; status == PG_OK && row < pg_rows(r) && row < (int) n; row++)
		keep(&result[row], r, row);
	pg_result_free(r);
	return status;
}

static void
answer(struct call *c, const struct result *result)
{
	call_answer(c, result->code, result->reason);
	c->answer.again = result->again;
	call_wait_for_day(c);
	if (strcmp(result->code, "000") == 0)
		call_answer_value(c, API_VALUE_TEXT, result->reference);
}

/* Leaves without an answer what somebody else holds, or was quicker with: it is asked again. */
static void
redeem_alone(struct database *db, struct call *c)
{
	struct result result = {""};
	enum pg_status status = database_ready(db) ? attempt(db, &c, 1, &result) : PG_LOST;

	if (status == PG_OK)
		answer(c, &result);
	else if (status != PG_RETRY)
		database_answer_failure(db, c, status);
}

void
redeem_calls(struct database *db, struct call *const *calls, size_t n)
{
	static struct result result[DATABASE_BATCH];
	enum pg_status status;

	if (n == 1) {
		redeem_alone(db, calls[0]);
		return;
	}
	status = database_ready(db) ? attempt(db, calls, n, result) : PG_LOST;
	for (size_t i = 0; i < n; i++)
		if (status == PG_LOST || status == PG_DOUBT)
			database_answer_failure(db, calls[i], status);
		else if (status != PG_OK || strcmp(result[i].code, "alone") == 0)
			redeem_alone(db, calls[i]);
		else if (strcmp(result[i].code, "busy") != 0)
			answer(calls[i], &result[i]);
}
