#include "gate/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "gate/gate_text.h"
#include "gate/metrics.h"
#include "gate/outbound_message.h"
#include "gate/points.h"
#include "gate/reply.h"
#include "gate/upload.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/callers.h"
#include "lib/http/fence.h"
#include "lib/http/intake.h"

#define REQUEST_ID_SIZE 40

struct http {
	struct evhttp *evhttp;
	struct evhttp_bound_socket *bound;
	struct backend *backend;
	struct metrics *metrics;
	struct uploads *uploads;
	struct intake *intake;
	struct callers *callers;
	bool trusted, draining;
	size_t under_way;
	uint64_t ids, id_base;
};

/* A request that waits for its answer. */
struct exchange {
	struct http *http;
	struct reply reply;
	struct asked asked;
	char request_id[REQUEST_ID_SIZE];
	const char *fault, *fault_why; /* the answer when the token is good */
	struct timespec began;
};

/* ---- connections ---- */

static struct bufferevent *
on_connection(struct event_base *base, void *context)
{
	struct http *h = context;
	struct bufferevent *stream;

	callers_came(h->callers);
	stream = uploads_connection(base, h->uploads);
	if (stream != NULL)
		intake_watch(h->intake, stream);
	return stream;
}

/* An upload has a pace of its own. */
static bool
is_upload(void *context, int fd)
{
	const struct http *h = context;

	return uploads_has(h->uploads, fd);
}

/* NULL: its caller is gone. */
static struct bufferevent *
stream_of(struct evhttp_request *request)
{
	struct evhttp_connection *c = evhttp_request_get_connection(request);

	return c != NULL ? evhttp_connection_get_bufferevent(c) : NULL;
}

/* ---- answers ---- */

static void
make_request_id(struct http *h, char id[REQUEST_ID_SIZE])
{
	snprintf(id, REQUEST_ID_SIZE, "%016" PRIx64 "%08" PRIx64, h->id_base, ++h->ids);
}

/* Before its answer: with that evhttp lets go of the request. */
static void
let_go(const struct exchange *x)
{
	struct bufferevent *stream = stream_of(x->reply.request);

	if (stream != NULL)
		intake_answered(x->http->intake, stream);
}

/* One line for each request, and its place in the counts: no member, no key, no token. */
static void
note_answer(const struct exchange *x, int64_t status, const char *code, const char *reason, int64_t batch)
{
	const char *endpoint = x->reply.endpoint != NULL ? x->reply.endpoint->name : "none";
	struct timespec now;
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (int64_t) (now.tv_sec - x->began.tv_sec) * 1000000 + (now.tv_nsec - x->began.tv_nsec) / 1000;
	metrics_answered(x->http->metrics, endpoint, status, code, us, batch);
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("request_id", x->request_id), log_text("endpoint", endpoint),
	                     log_int("status", status), log_text("code", code), log_text("reason", reason),
	                     log_int("us", us)));
}

/* Of what came, before evhttp has read it: the answer goes out by itself, and nothing more comes in. */
static void
refuse_bytes(void *context, struct bufferevent *stream, const char *code, const char *why)
{
	struct http *h = context;
	const struct api_answer answer = {
	    .status = api_status(code), .code = code, .reason = why, .retry_after_s = strcmp(code, "503") == 0};
	struct evbuffer *in = bufferevent_get_input(stream), *out;
	char request_id[REQUEST_ID_SIZE];

	if (uploads_refuse(h->uploads, stream, code, why))
		return;
	make_request_id(h, request_id);
	if (answer.status == 400)
		metrics_refused(h->metrics);
	metrics_answered(h->metrics, "none", answer.status, code, 0, 0);
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("request_id", request_id), log_text("endpoint", "none"),
	                     log_int("status", answer.status), log_text("code", code), log_text("reason", why)));
	out = evbuffer_new();
	if (out != NULL) {
		reply_raw(out, request_id, &answer, NULL, NULL, NULL);
		(void) evbuffer_write(out, bufferevent_getfd(stream)); /* its first bytes: there is room */
		evbuffer_free(out);
	}
	evbuffer_drain(in, evbuffer_get_length(in));
	shutdown(bufferevent_getfd(stream), SHUT_RDWR); /* evhttp closes it */
}

static void
end(struct exchange *x)
{
	x->http->under_way--;
	asked_free(&x->asked);
	free(x);
}

static void
refuse(struct exchange *x, const char *code, const char *why)
{
	note_answer(x, api_status(code), code, why, 0);
	let_go(x);
	reply_code(&x->reply, code, why);
	end(x);
}

/* Its records' requests were answered: a CRM that hears no true sends the message again. */
static void
acknowledge(struct exchange *x, const struct api_answer *answer)
{
	const char *why = NULL, *undone = points_rows_undone(x->asked.rows, &why);

	note_answer(x, 200, undone == NULL ? answer->code : undone, why, answer->batch);
	let_go(x);
	reply_text(&x->reply, 200, "text/xml; charset=utf-8", outbound_message_ack(undone == NULL));
	end(x);
}

static void
on_answer(void *context, const struct api_answer *answer, int handover)
{
	struct exchange *x = context;

	(void) handover;
	if (answer == NULL) {
		refuse(x, "503", "it may have been done: ask again with the same key, or look before");
		return;
	}
	if (x->fault != NULL && strcmp(answer->code, "000") == 0) {
		refuse(x, x->fault, x->fault_why);
		return;
	}
	if (x->reply.endpoint->soap && strcmp(answer->code, "202") == 0) {
		acknowledge(x, answer);
		return;
	}
	note_answer(x, answer->status, answer->code, answer->reason, answer->batch);
	let_go(x);
	reply_answer(&x->reply, answer);
	end(x);
}

/* ---- requests ---- */

/* The token of "Authorization: Bearer ..."; "" for none. */
static const char *
token_of(const struct evkeyvalq *headers)
{
	const char *value = evhttp_find_header(headers, "Authorization");

	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return "";
	value += 7 + strspn(value + 7, " ");
	return strlen(value) <= API_TOKEN_BYTES ? value : "";
}

/* A structured string (RFC 8941) or the bare text; the caller frees it.  NULL: none. */
static char *
key_of(const struct evkeyvalq *headers)
{
	const char *value = evhttp_find_header(headers, "Idempotency-Key");
	size_t len = value != NULL ? strlen(value) : 0;

	if (value == NULL)
		return NULL;
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		return strndup(value + 1, len - 2);
	return strdup(value);
}

static bool
is_of_type(const struct evkeyvalq *headers, const char *wanted)
{
	const char *type = evhttp_find_header(headers, "Content-Type");
	size_t len = strlen(wanted);

	return type != NULL && strncasecmp(type, wanted, len) == 0 && strchr("; ", type[len]) != NULL;
}

/* Sends what is asked by who has this token; where its body is at fault, only whether the token is good. */
static void
ask(struct exchange *x, const char *token)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(x->reply.request);
	struct http *h = x->http;
	enum api_message message = x->asked.endpoint->message;
	char *key = key_of(headers);

	x->fault = endpoint_read(&x->asked, key, &x->fault_why);
	x->asked.call.request_id = x->request_id;
	x->asked.call.token = token;
	/* whose token is none of ours to look at, or who has none */
	if (x->fault != NULL && (message == API_TOKEN || (message >= API_EXCHANGE && message <= API_DELIVER)))
		refuse(x, x->fault, x->fault_why);
	else if (x->fault == NULL && message == API_POINTS)
		points_ask(x->asked.rows, h->backend, &x->asked.call, on_answer, x);
	else if (!backend_call(h->backend, x->fault != NULL ? API_AUTHORIZE : message, &x->asked.call, on_answer,
	                       x))
		refuse(x, "503", "nothing was done: ask again");
	free(key);
}

static void
on_login(void *context, const struct api_answer *answer, int handover)
{
	struct exchange *x = context;

	(void) handover;
	if (answer == NULL)
		refuse(x, "503", "nothing was done: ask again");
	else if (answer->kind != API_VALUE_TEXT)
		on_answer(x, answer, -1);
	else
		ask(x, answer->value);
}

/* Who can send no token has its credential in "Authorization: Basic ...", and is given a token for this call.
 * Nothing of the body is read before. */
static void
login(struct exchange *x, const struct evkeyvalq *headers)
{
	const char *value = evhttp_find_header(headers, "Authorization");
	char both[API_CLIENT_BYTES + API_SECRET_BYTES + 2], *colon = NULL;
	struct api_call call = {.request_id = x->request_id, .client_id = both};
	size_t len;

	if (value != NULL && strncasecmp(value, "Basic ", 6) == 0 &&
	    text_unbase64(both, sizeof(both) - 1, value + 6, strlen(value + 6), &len)) {
		both[len] = '\0';
		colon = strchr(both, ':');
	}
	if (colon == NULL) {
		refuse(x, "401", "a message comes with a credential, by Basic");
		return;
	}
	*colon = '\0';
	call.secret = colon + 1;
	if (!backend_call(x->http->backend, API_TOKEN, &call, on_login, x))
		refuse(x, "503", "nothing was done: ask again");
	explicit_bzero(both, sizeof(both));
}

static void
dispatch(struct exchange *x, const char *path)
{
	struct evhttp_request *request = x->reply.request;
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	const char *method = evhttp_request_get_command(request) == EVHTTP_REQ_GET ? "GET" : "POST",
	           *allowed = NULL;
	struct asked *a = &x->asked;

	a->endpoint = endpoint_find(method, path, &a->part, &allowed);
	x->reply.endpoint = a->endpoint;
	if (a->endpoint == NULL && allowed != NULL) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", allowed);
		refuse(x, "405", "this path has another method");
	} else if (a->endpoint == NULL) {
		refuse(x, "404", "there is nothing at this path");
	} else if (a->endpoint->soap && !is_of_type(headers, "text/xml")) {
		refuse(x, "415", "the body has to be text/xml");
	} else if (!a->endpoint->soap && strcmp(method, "POST") == 0 &&
	           !is_of_type(headers, "application/json")) {
		refuse(x, "415", "the body has to be application/json");
	} else if (!a->endpoint->soap && evbuffer_get_length(in) > FENCE_BODY_BYTES) {
		refuse(x, "413", "the body has more than 64 KiB");
	} else {
		a->body_len = evbuffer_get_length(in);
		a->body = a->body_len > 0 ? (const char *) evbuffer_pullup(in, -1) : "";
		a->query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
		a->webhook_id = evhttp_find_header(headers, "webhook-id");
		a->webhook_timestamp = evhttp_find_header(headers, "webhook-timestamp");
		a->webhook_signature = evhttp_find_header(headers, "webhook-signature");
		if (a->endpoint->soap)
			login(x, headers);
		else
			ask(x, token_of(headers));
	}
}

static struct exchange *
exchange_new(struct http *h, struct evhttp_request *request)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->http = h;
	clock_gettime(CLOCK_MONOTONIC, &x->began);
	make_request_id(h, x->request_id);
	x->reply = (struct reply){
	    .request = request, .request_id = x->request_id, .keep_alive = h->trusted && !h->draining};
	h->under_way++;
	return x;
}

static void
on_request(struct evhttp_request *request, void *context)
{
	struct http *h = context;
	struct exchange *x = exchange_new(h, request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL, *wrong;

	if (x == NULL) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	callers_asked(h->callers, stream_of(request), h->trusted);
	wrong = fence_refuses(request);
	if (wrong == NULL && (path == NULL || evhttp_uri_get_host(uri) != NULL))
		wrong = "the request's target is no path";
	if (wrong != NULL) {
		x->reply.keep_alive = false;
		metrics_refused(h->metrics);
		refuse(x, "998", wrong);
	} else if (strcmp(path, "/healthz") == 0) {
		bool there = backend_there(h->backend) > 0;

		let_go(x);
		reply_text(&x->reply, there ? 200 : 503, "text/plain", there ? "ok\n" : "no api process\n");
		end(x);
	} else if (strcmp(path, "/openapi.json") == 0) {
		let_go(x);
		reply_text(&x->reply, 200, "application/json", gate_openapi);
		end(x);
	} else {
		dispatch(x, path);
	}
}

/* ---- for main ---- */

struct http *
http_new(struct event_base *base, int listener, bool trusted, int files, struct backend *backend)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->backend = backend;
	h->trusted = trusted;
	h->metrics = metrics_new();
	h->evhttp = evhttp_new(base);
	h->uploads = uploads_new(base, backend);
	h->intake = intake_new(refuse_bytes, h);
	h->callers = callers_new(base, listener, files, h->intake, is_upload, h);
	if (getrandom(&h->id_base, sizeof(h->id_base), 0) != (ssize_t) sizeof(h->id_base) || h->evhttp == NULL ||
	    h->callers == NULL || h->metrics == NULL || h->uploads == NULL || h->intake == NULL) {
		http_free(h);
		return NULL;
	}
	evhttp_set_max_headers_size(h->evhttp, FENCE_HEADER_BYTES);
	evhttp_set_max_body_size(h->evhttp, OUTBOUND_MESSAGE_BYTES);
	evhttp_set_timeout(h->evhttp, CALLERS_WHOLE_S);
	evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_default_content_type(h->evhttp, NULL);
	evhttp_set_gencb(h->evhttp, on_request, h);
	evhttp_set_bevcb(h->evhttp, on_connection, h);
	h->bound = evhttp_accept_socket_with_handle(h->evhttp, listener);
	if (h->bound == NULL) {
		http_free(h);
		return NULL;
	}
	callers_watch(h->callers, h->bound);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	uploads_close(h->uploads);
	if (h->evhttp != NULL)
		evhttp_free(h->evhttp);
	callers_free(h->callers);
	metrics_free(h->metrics);
	uploads_free(h->uploads);
	intake_free(h->intake);
	free(h);
}

static void
look(void *context, struct metrics_now *ret)
{
	const struct http *h = context;

	ret->connections = callers_count(h->callers);
	ret->connections -= ret->connections > 0; /* that of whoever asks */
	ret->calls = h->under_way;
	ret->bytes = intake_bytes(h->intake);
	ret->processes = backend_there(h->backend);
}

bool
http_metrics(struct http *h, struct event_base *base, int listener)
{
	return metrics_serve(h->metrics, base, listener, look, h);
}

void
http_drain(struct http *h)
{
	h->draining = true;
	callers_watch(h->callers, NULL);
	if (h->bound != NULL)
		evhttp_del_accept_socket(h->evhttp, h->bound);
	h->bound = NULL;
}

bool
http_idle(const struct http *h)
{
	return h->under_way == 0 && uploads_count(h->uploads) == 0;
}
