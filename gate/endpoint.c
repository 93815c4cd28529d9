#include "gate/endpoint.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/body.h"
#include "gate/points.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#define LOYALIFE "/lbms-ingress/"
#define CUSTOMER 4 /* the only RelationType */
#define SCOPE_BYTES 1024

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* ---- bodies ---- */

/* A code, or NULL.  A merchant that is missing or too long has a code of its own. */
static const char *
read_body(struct asked *a, const struct body_field *fields, size_t count, const char **ret_why)
{
	const char *field;
	enum body_fault fault = body_read(a->body, a->body_len, fields, count, &field);

	*ret_why = field != NULL ? field : "the body is no JSON object";
	switch (fault) {
	case BODY_FINE:
		return NULL;
	case BODY_NO_OBJECT:
		return "998";
	case BODY_TOO_LONG:
		return field != NULL && strcmp(field, "MerchantName") == 0 ? "208" : "999";
	case BODY_FIELD:
		return "999";
	case BODY_NO_MEMORY:
		break;
	}
	*ret_why = "out of memory";
	return "503";
}

/* The key stands in a header, in the body, or in both. */
static const char *
take_key(struct asked *a, const char **ret_why)
{
	if (a->key != NULL && a->call.key != NULL && strcmp(a->key, a->call.key) != 0) {
		*ret_why = "the header and the body have unlike keys";
		return "999";
	}
	if (a->key != NULL)
		a->call.key = a->key;
	if (a->call.key != NULL && !body_text_ok(a->call.key, API_KEY_BYTES)) {
		*ret_why = "a key has 1 to 255 bytes of UTF-8";
		return "999";
	}
	return NULL;
}

static const char *
wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return "999";
}

/* What all calls of a member have. */
struct common {
	char *currency;
	int64_t relation_type;
};

static const char *
check_common(const struct asked *a, const struct common *c, const char **ret_why)
{
	if (a->member == NULL || a->member[0] == '\0')
		return wrong(ret_why, "RelationReference");
	if (c->currency != NULL && strcmp(c->currency, "DEFAULT") != 0)
		return wrong(ret_why, "TransactionCurrency is DEFAULT");
	if (c->relation_type != CUSTOMER)
		return wrong(ret_why, "RelationType is 4");
	return NULL;
}

static const char *
read_available(struct asked *a, const char **ret_why)
{
	struct common common = {.relation_type = 0};
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"TransactionCurrency", BODY_TEXT, false, &common.currency, 16},
	    {"RelationType", BODY_INTEGER, false, &common.relation_type, 0},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL)
		code = check_common(a, &common, ret_why);
	free(common.currency);
	return code;
}

static const char *
read_redeem(struct asked *a, const char **ret_why)
{
	struct common common = {.relation_type = 0};
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"Amount", BODY_DECIMAL, false, &a->amount, API_AMOUNT_BYTES},
	    {"Points", BODY_INTEGER, false, &a->call.points, 0},
	    {"MerchantName", BODY_TEXT, true, &a->merchant, API_MERCHANT_BYTES},
	    {"LoyaltyTxnType", BODY_INTEGER, false, &a->call.type, 0},
	    {"TransactionCurrency", BODY_TEXT, false, &common.currency, 16},
	    {"RelationType", BODY_INTEGER, false, &common.relation_type, 0},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	    {"_xoxo_api_client_idempotency", BODY_TEXT, true, &a->key, API_KEY_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL)
		code = check_common(a, &common, ret_why);
	if (code == NULL && (a->call.type < 1 || a->call.type > INT32_MAX))
		code = wrong(ret_why, "LoyaltyTxnType");
	free(common.currency);
	return code != NULL ? code : take_key(a, ret_why);
}

static const char *
read_reverse(struct asked *a, const char **ret_why)
{
	const struct body_field fields[] = {
	    {"RelationReference", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"MerchantName", BODY_TEXT, true, &a->merchant, API_MERCHANT_BYTES},
	    {"ExternalReference", BODY_TEXT, false, &a->reference, API_REFERENCE_BYTES},
	    {"ProgramId", BODY_INTEGER, false, &a->call.programme, 0},
	    {"_xoxo_api_client_idempotency", BODY_TEXT, true, &a->key, API_KEY_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL && (a->member == NULL || a->member[0] == '\0'))
		code = wrong(ret_why, "RelationReference");
	if (code == NULL && (a->reference == NULL || !text_is_uuid(a->reference)))
		code = wrong(ret_why, "ExternalReference");
	return code != NULL ? code : take_key(a, ret_why);
}

/* A text that is ["LOGIN", member]: the token is for calls of this member alone. */
static bool
take_scope(struct asked *a, const char *scope)
{
	struct json *list = json_parse(scope);
	char number[JSON_PLAIN_SIZE];
	const char *word = json_plain(json_item(list, 0), number),
	           *member = json_plain(json_item(list, 1), number);

	if (json_count(list) == 2 && word != NULL && strcmp(word, "LOGIN") == 0 && member != NULL &&
	    member != number && member[0] != '\0' && strlen(member) <= API_MEMBER_BYTES)
		a->member = strdup(member);
	json_free(list);
	return a->member != NULL;
}

static const char *
read_token(struct asked *a, const char **ret_why)
{
	char *grant = NULL, *scope = NULL;
	const struct body_field fields[] = {
	    {"grant_type", BODY_TEXT, false, &grant, 64},
	    {"client_id", BODY_TEXT, false, &a->client_id, API_CLIENT_BYTES},
	    {"client_secret", BODY_TEXT, false, &a->secret, API_SECRET_BYTES},
	    {"scope", BODY_TEXT, true, &scope, SCOPE_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL && strcmp(grant, "client_credentials") != 0)
		code = wrong(ret_why, "grant_type is client_credentials");
	if (code == NULL && (a->client_id[0] == '\0' || a->secret[0] == '\0'))
		code = wrong(ret_why, "client_id or client_secret");
	/* a token that may do more than was asked for would be a wrong answer */
	if (code == NULL && scope != NULL && scope[0] != '\0' && !take_scope(a, scope))
		code = wrong(ret_why, "scope is nothing, or the text of an array: LOGIN and a member");
	free(grant);
	free(scope);
	return code;
}

/* ---- beside the contract: the path says it ---- */

static const char *
read_redemption(struct asked *a, const char **ret_why)
{
	if (!text_is_uuid(a->part)) {
		*ret_why = "a reference, or the id of a file, is a UUID";
		return "404";
	}
	a->call.reference = a->part;
	return NULL;
}

static const char *
read_request(struct asked *a, const char **ret_why)
{
	if (!body_text_ok(a->part, API_KEY_BYTES)) {
		*ret_why = "a key has 1 to 255 bytes of UTF-8";
		return "404";
	}
	a->call.key = a->part;
	return NULL;
}

static const char *
read_transactions(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const char *before, *code = NULL;

	if (!body_text_ok(a->part, API_MEMBER_BYTES)) {
		*ret_why = "there is no such member";
		return "404";
	}
	a->call.member = a->part;
	if (a->query == NULL || evhttp_parse_query_str(a->query, &values) < 0)
		return NULL;
	before = evhttp_find_header(&values, "before");
	if (before != NULL && !text_int(before, 1, INT64_MAX, &a->call.before))
		code = wrong(ret_why, "before is the number of an entry");
	evhttp_clear_headers(&values);
	return code;
}

/* ---- points requests ---- */

static const char *
read_points(struct asked *a, const char **ret_why)
{
	return points_read(a->body, a->body_len, &a->rows, ret_why);
}

static const char *
read_points_batch(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const char *after, *code = read_redemption(a, ret_why);

	if (code != NULL || a->query == NULL || evhttp_parse_query_str(a->query, &values) < 0)
		return code;
	after = evhttp_find_header(&values, "after");
	if (after != NULL && !text_int(after, 1, API_ROWS, &a->call.after))
		code = wrong(ret_why, "after is the number of a row");
	evhttp_clear_headers(&values);
	return code;
}

/* ---- transactional reports ---- */

/* A day of the calendar, as 2026-01-31. */
static bool
is_day(const char *text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, end = 0;

	if (strlen(text) != API_DAY_BYTES || strspn(text, "0123456789-") != API_DAY_BYTES ||
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != API_DAY_BYTES)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* One of the query's values into the call, or why not; a name that nobody knows is a filter that would not be
 * applied. */
static const char *
take_filter(struct asked *a, const char *name, const char *value, const char **ret_why)
{
	const struct {
		const char *name;
		char **member;
		size_t most;
		bool day;
	} texts[] = {
	    {"category", &a->category, API_CATEGORY_BYTES, false},
	    {"partner", &a->partner, API_WORD_BYTES, false},
	    {"member", &a->member, API_MEMBER_BYTES, false},
	    {"merchant", &a->merchant, API_MERCHANT_BYTES, false},
	    {"state", &a->state, API_WORD_BYTES, false},
	    {"from", &a->from, API_DAY_BYTES, true},
	    {"to", &a->to, API_DAY_BYTES, true},
	};

	if (strcmp(name, "type") == 0)
		return a->call.type == 0 && text_int(value, 1, INT32_MAX, &a->call.type)
		           ? NULL
		           : wrong(ret_why, "type is a number");
	if (strcmp(name, "after") == 0)
		return a->call.after == 0 && text_int(value, 1, INT64_MAX, &a->call.after)
		           ? NULL
		           : wrong(ret_why, "after is the number of an entry");
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (strcmp(name, texts[i].name) != 0)
			continue;
		if (*texts[i].member != NULL || !body_text_ok(value, texts[i].most) ||
		    (texts[i].day && !is_day(value)))
			return wrong(ret_why, texts[i].name);
		*texts[i].member = strdup(value);
		return *texts[i].member != NULL ? NULL : "503";
	}
	return wrong(ret_why, "there is no such filter");
}

static const char *
read_entries(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const char *code = NULL;

	if (a->query == NULL)
		return NULL;
	if (evhttp_parse_query_str(a->query, &values) < 0)
		return wrong(ret_why, "the query");
	for (const struct evkeyval *v = values.tqh_first; v != NULL && code == NULL; v = v->next.tqe_next)
		code = take_filter(a, v->key, v->value, ret_why);
	evhttp_clear_headers(&values);
	a->call.category = a->category;
	a->call.partner = a->partner;
	a->call.state = a->state;
	a->call.from = a->from;
	a->call.to = a->to;
	return code;
}

/* ---- the catalogue ---- */

static const char *
read_enter(struct asked *a, const char **ret_why)
{
	const char *code = read_body(a, NULL, 0, ret_why);

	if (!body_text_ok(a->part, API_MEMBER_BYTES)) {
		*ret_why = "there is no such member";
		return "404";
	}
	a->call.member = a->part;
	return code;
}

static const char *
read_exchange(struct asked *a, const char **ret_why)
{
	const struct body_field fields[] = {
	    {"code", BODY_TEXT, false, &a->secret, API_SECRET_BYTES},
	    {"audience", BODY_TEXT, false, &a->audience, API_AUDIENCE_BYTES},
	};
	const char *code = read_body(a, fields, COUNT(fields), ret_why);

	if (code == NULL && (a->secret[0] == '\0' || a->audience[0] == '\0'))
		code = wrong(ret_why, "code or audience");
	return code;
}

static const char *
read_rate(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const char *session, *code = NULL;

	if (a->query == NULL || evhttp_parse_query_str(a->query, &values) < 0)
		return NULL;
	session = evhttp_find_header(&values, "session");
	if (session != NULL && !text_is_uuid(session))
		code = wrong(ret_why, "session is a UUID");
	else if (session != NULL)
		a->reference = strdup(session);
	evhttp_clear_headers(&values);
	return code;
}

/* Of each call in a session; amount NULL: it is of no order. */
static const char *
read_in_session(struct asked *a, const char *amount, const char **ret_why)
{
	const struct body_field fields[] = {
	    {"unique_id", BODY_TEXT, false, &a->member, API_MEMBER_BYTES},
	    {"auth_token", BODY_TEXT, false, &a->secret, API_SECRET_BYTES},
	    {"order_id", BODY_FIGURE, false, &a->key, API_KEY_BYTES},
	    {amount, BODY_FIGURE, false, &a->amount, API_AMOUNT_BYTES},
	};
	const char *code = read_body(a, fields, amount != NULL ? 4 : 2, ret_why);

	if (code == NULL && (a->member[0] == '\0' || a->secret[0] == '\0'))
		code = wrong(ret_why, "unique_id or auth_token");
	if (code == NULL && amount != NULL && (a->key[0] == '\0' || a->amount[0] == '\0'))
		code = wrong(ret_why, "order_id or the points");
	a->call.key = a->key;
	return code;
}

static const char *
read_session(struct asked *a, const char **ret_why)
{
	return read_in_session(a, NULL, ret_why);
}

static const char *
read_order(struct asked *a, const char **ret_why)
{
	return read_in_session(a, "total_points_redeemed", ret_why);
}

static const char *
read_refund(struct asked *a, const char **ret_why)
{
	return read_in_session(a, "redemption_amount", ret_why);
}

/* Its headers and its body go on as they came: a signature is of bytes. */
static const char *
read_deliver(struct asked *a, const char **ret_why)
{
	const char *code = read_body(a, NULL, 0, ret_why);

	if (code != NULL)
		return code;
	if (a->webhook_id == NULL || !body_text_ok(a->webhook_id, API_KEY_BYTES) ||
	    strchr(a->webhook_id, '.') != NULL)
		return wrong(ret_why, "webhook-id");
	if (a->webhook_timestamp == NULL || !text_int(a->webhook_timestamp, 1, INT64_MAX, &a->call.at))
		return wrong(ret_why, "webhook-timestamp");
	if (a->webhook_signature == NULL || !body_text_ok(a->webhook_signature, API_SIGNATURES_BYTES))
		return wrong(ret_why, "webhook-signature");
	if (a->body_len > API_WEBHOOK_BYTES)
		return wrong(ret_why, "the body is too long");
	if (!body_text_ok(a->part, API_PROGRAMME_BYTES)) {
		*ret_why = "there is no such programme";
		return "404";
	}
	a->signed_body = strndup(a->body, a->body_len);
	a->call.code = a->part;
	a->call.key = a->webhook_id;
	a->call.signatures = a->webhook_signature;
	a->call.body = a->signed_body;
	return a->signed_body != NULL ? NULL : "503";
}

/* ---- the table ---- */

static const struct endpoint endpoints[] = {
    {"token", "POST", LOYALIFE "oauth/api/Auth/Token", NULL, API_TOKEN, true, read_token},
    {"available", "POST", LOYALIFE "pg-lm/API/PG/CheckAvailability", NULL, API_AVAILABLE, true,
     read_available},
    {"redeem", "POST", LOYALIFE "pg-lm/API/PG/RedeemPoints", NULL, API_REDEEM, true, read_redeem},
    {"reverse", "POST", LOYALIFE "pg-lm/API/PG/ReversalPoints", NULL, API_REVERSE, true, read_reverse},
    {"redemption", "GET", "/v1/redemptions/", "", API_REDEMPTION, false, read_redemption},
    {"request", "GET", "/v1/requests/", "", API_REQUEST, false, read_request},
    {"file", "GET", "/v1/files/", "", API_FILE, false, read_redemption},
    {"transactions", "GET", "/v1/members/", "/transactions", API_TRANSACTIONS, false, read_transactions},
    {"points", "POST", LOYALIFE "pg-lm/API/PG/PointsRequest", NULL, API_POINTS, false, read_points},
    {"points_request", "GET", "/v1/points-requests/", "", API_POINTS_OF_KEY, false, read_request},
    {"points_batch", "GET", "/v1/points-batches/", "", API_POINTS_BATCH, false, read_points_batch},
    {"entries", "GET", "/v1/transactions", NULL, API_ENTRIES, false, read_entries},
    {"enter", "POST", "/v1/members/", "/catalogue", API_ENTER, false, read_enter},
    {"exchange", "POST", "/v1/catalogue/exchange", NULL, API_EXCHANGE, false, read_exchange},
    {"rate", "GET", "/v1/catalogue/rate", NULL, API_RATE, false, read_rate},
    {"balance", "POST", "/v1/catalogue/balance", NULL, API_BALANCE, false, read_session},
    {"profile", "POST", "/v1/catalogue/profile", NULL, API_PROFILE, false, read_session},
    {"order", "POST", "/v1/catalogue/orders", NULL, API_ORDER, false, read_order},
    {"deliver", "POST", "/v1/catalogue/", "/deliveries", API_DELIVER, false, read_deliver},
    {"refund", "POST", "/v1/catalogue/refunds", NULL, API_REFUND, false, read_refund},
};

/* The part between path and tail, decoded; NULL: the path is another. */
static char *
part_of(const struct endpoint *e, const char *path)
{
	size_t before = strlen(e->path), len = strlen(path), after = strlen(e->tail);
	char *encoded, *part;
	size_t part_len;

	if (len <= before + after || strncmp(path, e->path, before) != 0 ||
	    strcmp(path + len - after, e->tail) != 0)
		return NULL;
	encoded = strndup(path + before, len - before - after);
	if (encoded == NULL || strchr(encoded, '/') != NULL) {
		free(encoded);
		return NULL;
	}
	part = evhttp_uridecode(encoded, 0, &part_len);
	free(encoded);
	if (part != NULL && (strlen(part) != part_len || part_len == 0)) { /* a NUL */
		free(part);
		part = NULL;
	}
	return part;
}

const struct endpoint *
endpoint_find(const char *method, const char *path, char **ret_part, const char **ret_allowed)
{
	for (size_t i = 0; i < COUNT(endpoints); i++) {
		const struct endpoint *e = &endpoints[i];
		char *part = e->tail != NULL ? part_of(e, path) : NULL;

		if (e->tail != NULL ? part == NULL : strcmp(path, e->path) != 0)
			continue;
		if (strcmp(method, e->method) == 0) {
			*ret_part = part;
			return e;
		}
		free(part);
		*ret_allowed = e->method;
	}
	return NULL;
}

const char *
endpoint_read(struct asked *a, const char *key, const char **ret_why)
{
	const char *code;

	a->call.key = key;
	code = a->endpoint->read(a, ret_why);
	if (code != NULL)
		return code;
	if (a->member != NULL)
		a->call.member = a->member;
	/* of a body it is always there; as a filter it may be missing */
	a->call.merchant = a->merchant != NULL || a->endpoint->message == API_ENTRIES ? a->merchant : "";
	a->call.amount = a->amount;
	if (a->reference != NULL)
		a->call.reference = a->reference;
	a->call.client_id = a->client_id;
	a->call.secret = a->secret;
	a->call.audience = a->audience;
	return NULL;
}

void
asked_free(struct asked *a)
{
	free(a->part);
	points_rows_free(a->rows);
	free(a->member);
	free(a->merchant);
	free(a->amount);
	free(a->reference);
	free(a->key);
	free(a->client_id);
	free(a->secret);
	free(a->audience);
	free(a->category);
	free(a->partner);
	free(a->state);
	free(a->from);
	free(a->to);
	free(a->signed_body);
}
