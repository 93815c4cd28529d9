#include "gate/reply.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/json/json.h"

/* The contract's words, byte for byte; beside them HTTP's for what the contract has no code for. */
static const struct {
	const char *code, *words;
} messages[] = {
    {"000", "Success"},
    {"103", "Member does not exist"},
    {"107", "Member status is not Active"},
    {"113", "Member is cancelled"},
    {"114", "Member is suspended"},
    {"120", "Points must be greater than zero"},
    {"208", "Merchant name missing"},
    {"301", "Failed to redeem points"},
    {"302", "Insufficient points"},
    {"401", "Unauthorized"},
    {"403", "Forbidden"},
    {"404", "Not found"},
    {"201", "Created"},
    {"202", "Accepted"},
    {"303", "See other"},
    {"405", "Method not allowed"},
    {"408", "Request timeout"},
    {"409", "Idempotency key reused"},
    {"413", "Content too large"},
    {"415", "Unsupported media type"},
    {"429", "Too many requests"},
    {"507", "Insufficient storage"},
    {"503", "Service unavailable"},
    {"997", "Exception occurred"},
    {"998", "Invalid request"},
    {"999", "Bad request"},
};

static const char *
words_of(const char *code)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(messages[i].code, code) == 0)
			return messages[i].words;
	return "Exception occurred";
}

/* ---- bodies ---- */

static void
add_value(struct json_build *b, const struct api_answer *a)
{
	switch (a->kind) {
	case API_VALUE_NONE:
	case API_VALUE_JSON:
		json_text(b, "ReturnObject", NULL);
		break;
	case API_VALUE_TEXT:
		json_text(b, "ReturnObject", a->value);
		break;
	case API_VALUE_INTEGER:
		json_int(b, "ReturnObject", strtoll(a->value, NULL, 10));
		break;
	case API_VALUE_TRUE:
		json_bool(b, "ReturnObject", true);
		break;
	}
}

static void
add_token(struct json_build *b, const struct api_answer *a)
{
	time_t at = (time_t) a->expires_s;
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(b, "token", a->value);
	json_text(b, "tokenExpiresOn", text);
}

/* In the envelope; the caller frees it. */
static char *
envelope(const struct api_answer *a)
{
	struct json_build b = {0};
	size_t len;

	json_open_map(&b, NULL);
	json_open_map(&b, "results");
	if (a->expires_s > 0) {
		add_token(&b, a);
	} else {
		json_bool(&b, "IsSucessful", strcmp(a->code, "000") == 0); /* so the contract spells it */
		json_text(&b, "ErrorCode", a->code);
		json_text(&b, "ExceptionMessage", words_of(a->code));
		add_value(&b, a);
	}
	json_close(&b);
	json_close(&b);
	return json_take(&b, &len);
}

/* Beside the contract: what was asked for, or a problem (RFC 9457). */
static char *
problem(const struct api_answer *a)
{
	struct json_build b = {0};
	size_t len;

	json_open_map(&b, NULL);
	json_text(&b, "title", words_of(a->code));
	json_int(&b, "status", a->status);
	json_text(&b, "detail", a->reason);
	json_close(&b);
	return json_take(&b, &len);
}

/* ---- sending ---- */

static void
send_body(const struct reply *r, int status, const char *type, const char *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->request);
	struct evbuffer *out = evhttp_request_get_output_buffer(r->request);

	if (type != NULL)
		evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (r->request_id != NULL)
		evhttp_add_header(headers, "X-Request-Id", r->request_id);
	if (!r->keep_alive)
		evhttp_add_header(headers, "Connection", "close");
	if (body != NULL)
		evbuffer_add(out, body, strlen(body));
	evhttp_send_reply(r->request, status, NULL, NULL);
}

static void
add_number(struct evkeyvalq *headers, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long) number);
	evhttp_add_header(headers, name, text);
}

void
reply_answer(const struct reply *r, const struct api_answer *a)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->request);
	bool contract = r->endpoint == NULL || r->endpoint->contract;
	bool plain = !contract && a->kind == API_VALUE_JSON;
	char *body = contract ? envelope(a) : plain ? strdup(a->value) : problem(a);

	if (a->status == 303) { /* the code in it is for the shop, and for nobody else to see */
		evhttp_add_header(headers, "Location", a->value);
		evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
		send_body(r, 303, NULL, NULL);
		free(body);
		return;
	}
	if (a->reason != NULL)
		evhttp_add_header(headers, "X-Handback-Reason", a->reason);
	if (a->again)
		evhttp_add_header(headers, "Idempotent-Replayed", "true");
	if (a->retry_after_s > 0)
		add_number(headers, "Retry-After", a->retry_after_s);
	if (a->status == 401)
		evhttp_add_header(headers, "WWW-Authenticate",
		                  r->endpoint != NULL && r->endpoint->soap ? "Basic realm=\"handback\""
		                                                           : "Bearer error=\"invalid_token\"");
	send_body(r, body != NULL ? (int) a->status : 503,
	          contract || plain ? "application/json" : "application/problem+json", body);
	free(body);
}

/* A header's value of ours: what comes from elsewhere ends no line. */
static void
add_value_line(struct evbuffer *out, const char *name, const char *value)
{
	evbuffer_add_printf(out, "%s: ", name);
	for (; *value != '\0'; value++)
		evbuffer_add(out, (unsigned char) *value < 0x20 || *value == 0x7f ? "?" : value, 1);
	evbuffer_add(out, "\r\n", 2);
}

void
reply_raw(struct evbuffer *out, const char *request_id, const struct api_answer *a, const char *location,
          const char *digest, const char *text)
{
	char *made = text == NULL ? problem(a) : NULL;
	const char *body = text != NULL ? text : made != NULL ? made : "";

	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", (int) a->status, words_of(a->code));
	add_value_line(out, "Content-Type", text != NULL ? "application/json" : "application/problem+json");
	evbuffer_add_printf(out, "Content-Length: %zu\r\n", strlen(body));
	add_value_line(out, "Cache-Control", "no-store");
	add_value_line(out, "X-Content-Type-Options", "nosniff");
	add_value_line(out, "X-Request-Id", request_id);
	if (a->reason != NULL)
		add_value_line(out, "X-Handback-Reason", a->reason);
	if (a->status == 401)
		add_value_line(out, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
	if (a->status == 405)
		add_value_line(out, "Allow", "PUT");
	if (a->retry_after_s > 0)
		evbuffer_add_printf(out, "Retry-After: %lld\r\n", (long long) a->retry_after_s);
	if (location != NULL)
		add_value_line(out, "Location", location);
	if (digest != NULL)
		add_value_line(out, "Content-Digest", digest);
	evbuffer_add_printf(out, "Connection: close\r\n\r\n%s", body);
	free(made);
}

void
reply_code(const struct reply *r, const char *code, const char *reason)
{
	struct api_answer answer = {.status = api_status(code), .code = code, .reason = reason};

	if (answer.status == 503)
		answer.retry_after_s = 1;

	reply_answer(r, &answer);
}

void
reply_text(const struct reply *r, int status, const char *type, const char *text)
{
	send_body(r, status, type, text);
}
