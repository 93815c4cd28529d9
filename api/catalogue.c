#include "api/catalogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/api_sql.h"
#include "lib/db/params.h"
#include "lib/hash/ed25519.h"
#include "lib/hash/secret_text.h"

#define WEBHOOK_S 300

/* A secret as text, and the hash by which alone the database knows it. */
struct secret {
	char text[TEXT_HEX_SIZE(SECRET_BYTES)], hash[TEXT_HEX_SIZE(SHA256_BYTES)];
};

/* False: the call is answered. */
static bool
make_secret(struct call *c, struct secret *ret)
{
	if (!secret_text_make(ret->text, ret->hash)) {
		call_answer_later(c, "no random numbers");
		return false;
	}
	return true;
}

/* A redirect to the shop, with a code that is good once, for a minute. */
static void
enter(struct database *db, struct call *c)
{
	char location[API_AUDIENCE_BYTES + sizeof("?code=") + sizeof(((struct secret *) NULL)->text)];
	struct secret code;
	struct params p = {0};
	struct pg_result *r;

	if (!make_secret(c, &code))
		return;
	param_text(&p, c->who.client);
	param_int(&p, c->who.generation);
	param_text(&p, c->what.request_id);
	param_text(&p, c->what.member);
	param_text(&p, code.hash);
	r = database_change(db, c, api_hand_over, &p);
	if (r != NULL && strcmp(pg_text_of(r, 0, "code"), "000") == 0) {
		snprintf(location, sizeof(location), "%s?code=%s", pg_text_of(r, 0, "address"), code.text);
		call_answer(c, "303", NULL);
		call_answer_value(c, API_VALUE_TEXT, location);
		explicit_bzero(location, sizeof(location));
	} else if (r != NULL) {
		call_answer(c, pg_text_of(r, 0, "code"), pg_text_of(r, 0, "reason"));
	}
	explicit_bzero(&code, sizeof(code));
	pg_result_free(r);
}

/* The statement's code, reason and, where there is one, body. */
static void
answer(struct call *c, const struct pg_result *r, const char *body)
{
	call_answer(c, pg_text_of(r, 0, "code"), pg_text_of(r, 0, "reason"));
	if (body[0] != '\0')
		call_answer_value(c, API_VALUE_JSON, body);
}

static void
exchange(struct database *db, struct call *c)
{
	char token_hash[TEXT_HEX_SIZE(SHA256_BYTES)], code_hash[TEXT_HEX_SIZE(SHA256_BYTES)], body[1024] = "";
	struct secret session;
	struct params p = {0};
	struct pg_result *r;

	if (!make_secret(c, &session))
		return;
	param_text(&p, secret_text_hash(c->what.token, token_hash));
	param_text(&p, c->what.request_id);
	param_text(&p, secret_text_hash(c->what.secret, code_hash));
	param_text(&p, c->what.audience);
	param_text(&p, session.hash);
	r = database_change(db, c, api_exchange, &p);
	if (r != NULL) {
		/* the database does not know it, so it is put in front of what it says */
		if (!pg_null_of(r, 0, "body"))
			snprintf(body, sizeof(body), "{\"auth_token\": \"%s\", %s", session.text,
			         pg_text_of(r, 0, "body") + 1);
		answer(c, r, body);
	}
	explicit_bzero(body, sizeof(body));
	explicit_bzero(&session, sizeof(session));
	pg_result_free(r);
}

static void
rate(struct database *db, struct call *c)
{
	char hash[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, secret_text_hash(c->what.token, hash));
	param_text(&p, c->what.request_id);
	param_text(&p, c->what.reference);
	r = database_change(db, c, api_rate, &p);
	if (r != NULL)
		answer(c, r, pg_text_of(r, 0, "body"));
	pg_result_free(r);
}

/* What is asked in a session; an order or a refund says whether it is the first answer again. */
static void
in_session(struct database *db, struct call *c, const char *sql, bool order)
{
	char hash[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct params p = {0};
	struct pg_result *r;

	param_text(&p, secret_text_hash(c->what.secret, hash));
	param_text(&p, c->what.member);
	if (order) {
		param_text(&p, c->what.request_id);
		param_text(&p, c->what.key);
		param_text(&p, c->what.amount);
	}
	/* what it says is true only once it is committed: also that a session has ended */
	r = database_change(db, c, sql, &p);
	if (r == NULL)
		return;
	answer(c, r, pg_text_of(r, 0, "body"));
	c->answer.again = order && pg_true_of(r, 0, "again");
	pg_result_free(r);
}

/* Is one of the signatures, as "v1a,BASE64 v1a,BASE64", one of this key over the webhook's number, time and
 * body? */
static bool
signed_by(const struct api_call *w, const uint8_t key[ED25519_KEY_BYTES])
{
	static char text[API_KEY_BYTES + API_WEBHOOK_BYTES + 32];
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	int len = snprintf(text, sizeof(text), "%s.%" PRId64 ".%s", w->key, w->at, w->body);
	size_t one, got;

	if (len < 0 || (size_t) len >= sizeof(text))
		return false;
	for (const char *s = w->signatures; *s != '\0'; s += one + (s[one] == ' ')) {
		one = strcspn(s, " ");
		if (one > 4 && strncmp(s, "v1a,", 4) == 0 &&
		    text_unbase64(signature, sizeof(signature), s + 4, one - 4, &got) && got == sizeof(signature) &&
		    ed25519_verify(key, text, (size_t) len, signature))
			return true;
	}
	return false;
}

/* The shop's, and of now: an old one may have been kept by whoever saw it.  False: the call is answered, or
 * to be asked again. */
static bool
is_of_the_shop(struct database *db, struct call *c)
{
	uint8_t key[ED25519_KEY_BYTES];
	struct params p = {0};
	struct pg_result *r = NULL;
	bool good = false;
	size_t len = 0;
	int64_t late = (int64_t) time(NULL) - c->what.at;

	param_text(&p, c->what.code);
	if (!database_ready(db) || pg_run_prepared(db->pg, api_delivery_keys, p.n, p.value, &r) != PG_OK) {
		database_failed(db, PG_LOST);
		call_answer_later(c, "the database does not answer");
		return false;
	}
	for (int i = 0; i < pg_rows(r) && !good; i++)
		good = text_unhex(key, sizeof(key), pg_text_of(r, i, "key"), &len) && len == sizeof(key) &&
		       signed_by(&c->what, key);
	pg_result_free(r);
	if (!good)
		call_answer(c, "401", "the signature is none of the shop's");
	else if (late > WEBHOOK_S || late < -WEBHOOK_S) {
		call_answer(c, "401", "the webhook was signed more than five minutes ago, or in the future");
		good = false;
	}
	return good;
}

static void
deliver(struct database *db, struct call *c)
{
	struct params p = {0};
	struct pg_result *r;

	if (!is_of_the_shop(db, c))
		return;
	param_text(&p, c->what.code);
	param_text(&p, c->what.request_id);
	param_text(&p, c->what.key);
	param_text(&p, c->what.body);
	r = database_change(db, c, api_deliver, &p);
	if (r == NULL)
		return;
	answer(c, r, pg_text_of(r, 0, "body"));
	c->answer.again = pg_true_of(r, 0, "again");
	pg_result_free(r);
}

void
catalogue_call(struct database *db, struct call *c)
{
	if (c->message == API_ENTER)
		enter(db, c);
	else if (c->message == API_EXCHANGE)
		exchange(db, c);
	else if (c->message == API_RATE)
		rate(db, c);
	else if (c->message == API_BALANCE)
		in_session(db, c, api_balance, false);
	else if (c->message == API_PROFILE)
		in_session(db, c, api_profile, false);
	else if (c->message == API_ORDER)
		in_session(db, c, api_order, true);
	else if (c->message == API_REFUND)
		in_session(db, c, api_refund, true);
	else
		deliver(db, c);
}
