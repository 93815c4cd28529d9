#include "gate/endpoint.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "gate/outbound_message.h"
#include "gate/points.h"
#include "gate/read.h"
#include "lib/base/text.h"

#define LOYALIFE "/lbms-ingress/"

const char *
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

const char *
wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return "999";
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

/* The path says whose message it has to be: the proxy lets in for it whose certificate that is. */
static const char *
read_outbound_message(struct asked *a, const char **ret_why)
{
	return outbound_message_read(a->body, a->body_len, a->part, &a->rows, ret_why);
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
    {"outbound_message", "POST", "/v1/outbound-messages/", "", API_POINTS, false, read_outbound_message,
     true},
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
