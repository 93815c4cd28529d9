#include "api/database.h"

#include <string.h>

#include "api/api_sql.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/hash/secret_text.h"
#include "lib/json/json.h"

#define SETTLE_TRIES 4

void
database_free(struct database *db)
{
	for (int i = 0; i < DATABASE_ARRAYS; i++)
		array_free(&db->arrays[i]);
}

bool
database_ready(struct database *db)
{
	if (!db->ready)
		db->ready = pg_reopen(db->pg) == PG_OK && pg_run(db->pg, api_session, 0, NULL, NULL) == PG_OK;
	return db->ready;
}

void
database_failed(struct database *db, enum pg_status status)
{
	if (status == PG_LOST || pg_rollback(db->pg) != PG_OK)
		db->ready = false;
}

struct pg_result *
database_ask(struct database *db, struct call *c, const char *sql, const struct params *p)
{
	struct pg_result *r = NULL;
	enum pg_status status = database_ready(db) ? pg_run_prepared(db->pg, sql, p->n, p->value, &r) : PG_LOST;

	if (status == PG_OK && pg_rows(r) <= 1)
		return r;
	pg_result_free(status == PG_OK ? r : NULL);
	if (status == PG_ERROR) { /* what the database said is gone with what it is asked next */
		log_write(LOG_ERR, "a call failed",
		          LOG_FIELDS(log_text("request_id", c->what.request_id), log_text("why", pg_why(db->pg))));
		call_answer(c, "997", "the database refused it: see the log");
	} else if (status != PG_RETRY) { /* that is asked again */
		call_answer_later(c, "the database does not answer");
	}
	database_failed(db, status);
	return NULL;
}

/* After PG_DOUBT: PG_OK when it was committed, PG_RETRY when it was not, PG_DOUBT when nobody can say. */
static enum pg_status
settle(struct database *db)
{
	enum pg_fate fate = PG_FATE_UNKNOWN;

	db->ready = false;
	for (int i = 0; i < SETTLE_TRIES; i++)
		if (pg_settle_commit(db->pg, &fate) == PG_OK)
			return fate == PG_FATE_COMMITTED ? PG_OK : fate == PG_FATE_ABORTED ? PG_RETRY : PG_DOUBT;
	return PG_DOUBT;
}

/* A plan that was made while tables were empty may go by the wrong index, and read all that came since: plans
 * are forgotten each time that as much again was done. */
static enum pg_status
forget_plans(struct database *db)
{
	uint64_t done = db->transactions++;

	return (done & (done - 1)) == 0 ? pg_run(db->pg, api_forget_plans, 0, NULL, NULL) : PG_OK;
}

enum pg_status
database_transact(struct database *db, const char *sql, int n, const char *const *values,
                  struct pg_result **ret_result)
{
	struct pg_result *r = NULL;
	enum pg_status status = forget_plans(db);

	if (status == PG_OK)
		status = pg_transact(db->pg, sql, n, values, &r);
	if (status == PG_DOUBT)
		status = settle(db);
	else if (status != PG_OK)
		database_failed(db, status);
	/* committed, and what it found was lost: whoever needs it asks again */
	if (status == PG_OK && r == NULL)
		status = PG_DOUBT;
	if (status == PG_OK)
		*ret_result = r;
	else
		pg_result_free(r);
	return status;
}

void
database_answer_failure(struct database *db, struct call *c, enum pg_status status)
{
	if (status == PG_ERROR) {
		log_write(LOG_ERR, "a call failed",
		          LOG_FIELDS(log_text("request_id", c->what.request_id), log_text("why", pg_why(db->pg))));
		call_answer(c, "997", "the database refused it: see the log");
	} else if (status == PG_DOUBT) {
		/* with a key the same question finds out; without one only the member's transactions do */
		call_answer_later(c, "it may have been done: ask again with the same key, or look before");
	} else {
		call_answer_later(c, "nothing was done: ask again");
	}
}

struct pg_result *
database_change(struct database *db, struct call *c, const char *sql, const struct params *p)
{
	struct pg_result *r = NULL;
	enum pg_status status = database_ready(db) ? database_transact(db, sql, p->n, p->value, &r) : PG_LOST;

	if (status == PG_OK && pg_rows(r) == 1)
		return r;
	pg_result_free(status == PG_OK ? r : NULL);
	if (status == PG_OK)
		call_answer(c, "997", "the database answered with no row");
	else if (status != PG_RETRY) /* it is asked again */
		database_answer_failure(db, c, status);
	return NULL;
}

void
available_calls(struct database *db, struct call *const *calls, size_t n)
{
	const char *values[3];
	struct pg_result *r = NULL;
	enum pg_status status = PG_LOST;
	bool good = database_ready(db);

	for (int i = 0; i < 3; i++)
		array_start(&db->arrays[i]);
	for (size_t i = 0; i < n; i++) {
		array_add(&db->arrays[0], calls[i]->who.client);
		array_add_int(&db->arrays[1], calls[i]->who.generation);
		array_add(&db->arrays[2], calls[i]->what.member);
	}
	for (int i = 0; i < 3; i++)
		good = (values[i] = array_end(&db->arrays[i])) != NULL && good;
	if (good)
		status = pg_run_prepared(db->pg, api_available, 3, values, &r);
	if (status != PG_OK)
		database_failed(db, status);
	for (size_t i = 0; i < n; i++)
		if (status != PG_OK) {
			call_answer_later(calls[i], "the database does not answer");
		} else {
			call_answer(calls[i], pg_text_of(r, (int) i, "code"), NULL);
			if (!pg_null_of(r, (int) i, "points"))
				call_answer_value(calls[i], API_VALUE_INTEGER, pg_text_of(r, (int) i, "points"));
		}
	pg_result_free(status == PG_OK ? r : NULL);
}

struct pg_result *
database_ask_credential(struct database *db, struct call *c, const char *sql)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->what.client_id);
	param_text(&p, secret_text_hash(c->what.secret, hex));
	r = database_ask(db, c, sql, &p);
	if (r == NULL || pg_rows(r) == 1)
		return r;
	call_answer(c, "401", "no such credential, or not this secret");
	pg_result_free(r);
	return NULL;
}

bool
authenticate_call(struct database *db, struct call *c, struct token_claims *ret)
{
	struct pg_result *r = database_ask_credential(db, c, api_authenticate);

	if (r == NULL)
		return false;
	*ret = (struct token_claims){.programme = pg_int_of(r, 0, "programme_id"),
	                             .generation = pg_int_of(r, 0, "generation"),
	                             .calls_per_minute = pg_int_of(r, 0, "calls_per_minute")};
	snprintf(ret->client, sizeof(ret->client), "%s", c->what.client_id);
	snprintf(ret->scopes, sizeof(ret->scopes), "%s", pg_text_of(r, 0, "scopes"));
	pg_result_free(r);
	return true;
}

/* ---- one by one ---- */

static void
reverse(struct database *db, struct call *c)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	param_text(&p, c->what.request_id);
	param_text(&p, c->what.key);
	param_text(&p, text_hex(hex, c->body, sizeof(c->body)));
	param_text(&p, c->what.member);
	param_text(&p, c->what.merchant);
	param_text(&p, c->what.reference);
	r = database_change(db, c, api_reverse, &p);
	if (r == NULL)
		return;
	call_answer(c, pg_text_of(r, 0, "code"), pg_text_of(r, 0, "reason"));
	c->answer.again = pg_true_of(r, 0, "again");
	if (strcmp(c->answer.code, "000") == 0)
		call_answer_value(c, API_VALUE_TRUE, "true");
	pg_result_free(r);
}

/* Whose redemption is it that a call found by its reference or key?  Another member's is not there for a
 * token of one. */
static bool
may_see(const struct call *c, const char *body)
{
	struct json *whole = json_parse(body);
	const struct json *redemption = c->message == API_REQUEST ? json_get(whole, "redemption") : whole;
	bool may = c->message == API_TRANSACTIONS || c->message == API_POINTS_BATCH ||
	           token_is_for(&c->who, json_string_of(redemption, "member"));

	json_free(whole);
	return may;
}

/* A statement that answers with a code and a body. */
static void
ask_for_body(struct database *db, struct call *c, const char *sql, const char *about, int64_t from)
{
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	param_text(&p, about);
	if (c->message == API_TRANSACTIONS || c->message == API_POINTS_BATCH)
		param_optional(&p, from > 0, from);
	r = database_ask(db, c, sql, &p);
	if (r == NULL)
		return;
	call_answer(c, pg_text_of(r, 0, "code"), NULL);
	if (!pg_null_of(r, 0, "body") && !may_see(c, pg_text_of(r, 0, "body")))
		call_answer(c, "404", NULL);
	else if (!pg_null_of(r, 0, "body") && strlen(pg_text_of(r, 0, "body")) <= API_JSON_BYTES)
		call_answer_value(c, API_VALUE_JSON, pg_text_of(r, 0, "body"));
	else if (!pg_null_of(r, 0, "body"))
		call_answer(c, "997", "the answer is too long");
	pg_result_free(r);
}

static void
entries(struct database *db, struct call *c)
{
	const struct api_call *w = &c->what;
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	param_text(&p, w->category);
	param_text(&p, w->partner);
	param_text(&p, w->member);
	param_optional(&p, w->type > 0, w->type);
	param_text(&p, w->merchant);
	param_text(&p, w->state);
	param_text(&p, w->from);
	param_text(&p, w->to);
	param_optional(&p, w->after > 0, w->after);
	r = database_ask(db, c, api_entries, &p);
	if (r == NULL)
		return;
	call_answer(c, pg_text_of(r, 0, "code"), pg_text_of(r, 0, "reason"));
	if (!pg_null_of(r, 0, "body") && strlen(pg_text_of(r, 0, "body")) <= API_JSON_BYTES)
		call_answer_value(c, API_VALUE_JSON, pg_text_of(r, 0, "body"));
	else if (!pg_null_of(r, 0, "body"))
		call_answer(c, "997", "the answer is too long");
	pg_result_free(r);
}

static void
authorize(struct database *db, struct call *c)
{
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	r = database_ask(db, c, c->who.source[0] != '\0' ? api_source_of : api_in_force, &p);
	if (r == NULL)
		return;
	call_answer(c,
	            (c->who.source[0] != '\0' ? !pg_null_of(r, 0, "source") : pg_true_of(r, 0, "in_force"))
	                ? "000"
	                : "401",
	            NULL);
	pg_result_free(r);
}

void
answer_call(struct database *db, struct call *c)
{
	switch (c->message) {
	case API_REVERSE:
		reverse(db, c);
		break;
	case API_REDEMPTION:
		ask_for_body(db, c, api_redemption, c->what.reference, 0);
		break;
	case API_REQUEST:
		ask_for_body(db, c, api_request, c->what.key, 0);
		break;
	case API_TRANSACTIONS:
		ask_for_body(db, c, api_transactions, c->what.member, c->what.before);
		break;
	case API_POINTS_OF_KEY:
		ask_for_body(db, c, api_points_of_key, c->what.key, 0);
		break;
	case API_POINTS_BATCH:
		ask_for_body(db, c, api_points_batch, c->what.reference, c->what.after);
		break;
	case API_ENTRIES:
		entries(db, c);
		break;
	case API_AUTHORIZE:
		authorize(db, c);
		break;
	case API_FILE:
		ask_for_body(db, c, api_file, c->what.reference, 0);
		break;
	case API_TOKEN:
	case API_AVAILABLE:
	case API_REDEEM:
	case API_POINTS:
	case API_SEND:
	case API_SENT:
	case API_ENTER:
	case API_EXCHANGE:
	case API_RATE:
	case API_BALANCE:
	case API_PROFILE:
	case API_ORDER:
	case API_REFUND:
	case API_DELIVER:
	case API_HANDOVER:
	case API_ANSWER:
	case API_MESSAGES:
		call_answer(c, "997", "no such call");
		break;
	}
}
