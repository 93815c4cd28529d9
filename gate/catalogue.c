/* The calls of a shop and of the application that hands members over to it. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "gate/read.h"
#include "lib/base/text.h"

const char *
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

const char *
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

/* Whatever is no session is refused: its rate would not be the one that is asked for. */
const char *
read_rate(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const struct evkeyval *first;
	const char *code = NULL;

	if (a->query == NULL || a->query[0] == '\0')
		return NULL;
	if (evhttp_parse_query_str(a->query, &values) < 0)
		return wrong(ret_why, "the query");
	first = values.tqh_first;
	if (first == NULL || strcmp(first->key, "session") != 0 || first->next.tqe_next != NULL ||
	    !text_is_uuid(first->value))
		code = wrong(ret_why, "session is a UUID, and nothing else is asked for");
	else
		a->reference = strdup(first->value);
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

const char *
read_session(struct asked *a, const char **ret_why)
{
	return read_in_session(a, NULL, ret_why);
}

const char *
read_order(struct asked *a, const char **ret_why)
{
	return read_in_session(a, "total_points_redeemed", ret_why);
}

const char *
read_refund(struct asked *a, const char **ret_why)
{
	return read_in_session(a, "redemption_amount", ret_why);
}

/* Its headers and its body go on as they came: a signature is of bytes. */
const char *
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
