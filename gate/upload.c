#include "gate/upload.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/put.h"
#include "gate/reply.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/callers.h"
#include "lib/http/fence.h"
#include "lib/json/json.h"
#include "lib/protocol/receive_job.h"

#define LINGER_S 2 /* until a caller that still sends has read why it should not */

enum upload_state {
	UPLOAD_HEAD,   /* the head is not whole */
	UPLOAD_ASKS,   /* handback-api, and then handback-receive, whether it may come */
	UPLOAD_BODY,   /* it comes */
	UPLOAD_SAVES,  /* handback-receive makes it durable */
	UPLOAD_NOTES,  /* handback-api notes it */
	UPLOAD_SAYS,   /* the answer goes out */
	UPLOAD_LINGERS /* it has gone out */
};

struct upload {
	struct uploads *all;
	struct bufferevent *stream; /* evhttp's */
	bufferevent_data_cb readable, writable;
	bufferevent_event_cb event;
	void *context;
	enum upload_state state;
	bool asked; /* a call of handback-api is under way */
	bool gone;  /* the connection was given back */
	bool sure;  /* its credential is in force still: the last bytes may go on */
	struct put put;
	char request_id[40];
	int to; /* the connection to handback-receive; -1: none */
	struct event *to_readable, *to_writable, *tick;
	int turn; /* enum receive_turn */
	int64_t left, seconds;
	LIST_ENTRY(upload) others;
};

struct uploads {
	struct event_base *base;
	struct backend *backend;
	uint64_t ids, id_base;
	size_t count;
	LIST_HEAD(, upload) list;
};

/* evhttp makes its connections without saying so to anybody: what is read first says which it is. */
static struct uploads *only;

/* ---- the end ---- */

static void
close_receiver(struct upload *u)
{
	if (u->to_readable != NULL)
		event_free(u->to_readable);
	if (u->to_writable != NULL)
		event_free(u->to_writable);
	u->to_readable = u->to_writable = NULL;
	if (u->to >= 0)
		close(u->to);
	u->to = -1;
}

/* Gives the connection back to evhttp, which closes it, and goes when no answer is due any more. */
static void
give_back(struct upload *u)
{
	if (!u->gone) {
		u->gone = true;
		LIST_REMOVE(u, others);
		u->all->count--;
		close_receiver(u);
		event_free(u->tick);
		/* of a body that is not wanted any more evhttp must read nothing: it would take it for a request */
		bufferevent_disable(u->stream, EV_READ | EV_WRITE);
		evbuffer_drain(bufferevent_get_input(u->stream),
		               evbuffer_get_length(bufferevent_get_input(u->stream)));
		bufferevent_setcb(u->stream, u->readable, u->writable, u->event, u->context);
		bufferevent_trigger_event(u->stream, BEV_EVENT_READING | BEV_EVENT_EOF, BEV_TRIG_DEFER_CALLBACKS);
	}
	if (!u->asked) {
		put_free(&u->put);
		free(u);
	}
}

static void
log_upload(const struct upload *u, const struct api_answer *a)
{
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("request_id", u->request_id), log_text("endpoint", "upload"),
	                     log_int("status", a->status), log_text("code", a->code),
	                     log_text("reason", a->reason), log_int("bytes", u->put.bytes - u->left)));
}

static void
say(struct upload *u, const struct api_answer *a, const char *location, const char *digest, const char *text)
{
	log_upload(u, a);
	close_receiver(u);
	reply_raw(bufferevent_get_output(u->stream), u->request_id, a, location, digest, text);
	u->state = UPLOAD_SAYS;
	u->seconds = 0;
	bufferevent_enable(u->stream, EV_WRITE);
}

static void
say_code(struct upload *u, const char *code, const char *reason)
{
	struct api_answer a = {.status = api_status(code), .code = code, .reason = reason};

	if (a.status == 503 || a.status == 429)
		a.retry_after_s = 1;
	say(u, &a, NULL, NULL, NULL);
}

/* ---- the file is whole ---- */

/* Its address, and the digest of what came. */
static void
say_address(struct upload *u, const struct api_answer *answer)
{
	char location[64], digest[80], base64[TEXT_BASE64_SIZE(RECEIVE_SHA256_BYTES / 2)];
	uint8_t hash[RECEIVE_SHA256_BYTES / 2];
	struct json_build b = {0};
	size_t len;
	char *text;

	text_unhex(hash, sizeof(hash), u->put.sha256, &len);
	snprintf(location, sizeof(location), "/v1/files/%.36s", answer->value);
	snprintf(digest, sizeof(digest), "sha-256=:%s:", text_base64(base64, hash, sizeof(hash)));
	json_open_map(&b, NULL);
	json_text(&b, "id", answer->value);
	json_text(&b, "name", u->put.name);
	json_int(&b, "bytes", u->put.bytes);
	json_text(&b, "sha256", u->put.sha256);
	json_close(&b);
	text = json_take(&b, &len);
	say(u, answer, location, digest, text);
	free(text);
}

static void
on_noted(void *context, const struct api_answer *answer, int handover)
{
	struct upload *u = context;

	(void) handover;
	u->asked = false;
	if (u->gone)
		give_back(u);
	else if (answer == NULL)
		say_code(u, "503", "it was kept, and its address is not known: send it again");
	else if (answer->kind == API_VALUE_TEXT)
		say_address(u, answer);
	else
		say(u, answer, NULL, NULL, NULL);
}

static struct api_call
call_of(const struct upload *u)
{
	return (struct api_call){.request_id = u->request_id,
	                         .token = u->put.token,
	                         .source = u->put.source,
	                         .name = u->put.name,
	                         .bytes = u->put.bytes,
	                         .sha256 = u->put.sha256[0] != '\0' ? u->put.sha256 : NULL};
}

static void
note(struct upload *u, const char *sha256)
{
	struct api_call call;

	snprintf(u->put.sha256, sizeof(u->put.sha256), "%s", sha256);
	call = call_of(u);
	close_receiver(u);
	u->state = UPLOAD_NOTES;
	u->seconds = 0;
	u->asked = backend_call(u->all->backend, API_SENT, &call, on_noted, u);
	if (!u->asked)
		say_code(u, "503", "it was kept, and its address is not known: send it again");
}

/* ---- the body ---- */

static void pump(struct upload *u);

static void
on_authorized(void *context, const struct api_answer *answer, int handover)
{
	struct upload *u = context;

	(void) handover;
	u->asked = false;
	u->sure = answer != NULL && strcmp(answer->code, "000") == 0;
	if (u->gone)
		give_back(u);
	else if (u->state != UPLOAD_BODY)
		return; /* it came too late: that was said */
	else if (u->sure)
		pump(u);
	else if (answer == NULL)
		say_code(u, "503", "the file was not kept: send it again");
	else
		say(u, answer, NULL, NULL, NULL);
}

/* Without its last bytes nothing is kept: whoever was revoked while it came has sent no file. */
static void
authorize_end(struct upload *u)
{
	struct api_call call = {.request_id = u->request_id, .token = u->put.token, .source = u->put.source};

	if (u->asked)
		return;
	u->asked = backend_call(u->all->backend, API_AUTHORIZE, &call, on_authorized, u);
	if (!u->asked)
		say_code(u, "503", "the file was not kept: send it again");
}

/* Sends on what is there; what handback-receive does not take yet waits, and so does the caller. */
static void
pump(struct upload *u)
{
	struct evbuffer *in = bufferevent_get_input(u->stream);

	while (u->state == UPLOAD_BODY && u->left > 0) {
		size_t n = evbuffer_get_length(in);
		ssize_t sent;

		if (n == 0)
			return;
		n = n < RECEIVE_BODY_BYTES ? n : RECEIVE_BODY_BYTES;
		n = (int64_t) n < u->left ? n : (size_t) u->left;
		if ((int64_t) n == u->left && !u->sure) {
			authorize_end(u);
			return;
		}
		sent = send(u->to, evbuffer_pullup(in, (ev_ssize_t) n), n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) { /* full; or it has hung up, and said why before that */
			if (errno == EAGAIN || errno == ENOBUFS)
				event_add(u->to_writable, NULL);
			return;
		}
		evbuffer_drain(in, n);
		u->left -= (int64_t) n;
	}
	if (u->state == UPLOAD_BODY) {
		u->state = UPLOAD_SAVES;
		u->seconds = 0;
	}
}

static void
on_to_writable(evutil_socket_t fd, short what, void *context)
{
	(void) fd, (void) what;
	pump(context);
}

static void
begin_body(struct upload *u)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	u->state = UPLOAD_BODY;
	u->seconds = 0;
	bufferevent_setwatermark(u->stream, EV_READ, 0, UPLOAD_BUFFER_BYTES);
	if (u->put.waits && evbuffer_get_length(bufferevent_get_input(u->stream)) == 0)
		bufferevent_write(u->stream, go_on, sizeof(go_on) - 1);
	pump(u);
}

static void
on_to_readable(evutil_socket_t fd, short what, void *context)
{
	static char line[MESSAGE_BYTES + 2];
	struct upload *u = context;
	char why[LIMIT_MESSAGE_BYTES];
	struct receive_answer answer;
	ssize_t n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);
	int message;

	(void) what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		say_code(u, "503", "the file was not kept: send it again");
		return;
	}
	line[n] = '\0';
	message = receive_answer_decode(&answer, &u->turn, line, why, sizeof(why));
	if (message == RECEIVE_READY) {
		begin_body(u);
	} else if (message == RECEIVE_WHOLE && u->state == UPLOAD_SAVES) {
		note(u, answer.sha256);
	} else if (message == RECEIVE_REFUSED) {
		say_code(u, answer.code, answer.why);
	} else {
		log_write(LOG_ERR, "a receiver breaks the protocol", LOG_FIELDS(log_text("why", why)));
		say_code(u, "503", "the file was not kept: send it again");
	}
}

static void
on_handover(void *context, const struct api_answer *answer, int handover)
{
	struct upload *u = context;

	u->asked = false;
	if (u->gone || handover < 0 || u->state != UPLOAD_ASKS) {
		if (handover >= 0)
			close(handover);
		if (u->gone)
			give_back(u);
		else if (u->state != UPLOAD_ASKS)
			return; /* it came too late: that was said */
		else if (answer == NULL)
			say_code(u, "503", "nothing was kept: send it again");
		else
			say(u, answer, NULL, NULL, NULL);
		return;
	}
	u->to = handover;
	u->turn = RECEIVE_TURN_ASKED;
	u->to_readable = event_new(u->all->base, handover, EV_READ | EV_PERSIST, on_to_readable, u);
	u->to_writable = event_new(u->all->base, handover, EV_WRITE, on_to_writable, u);
	if (u->to_readable == NULL || u->to_writable == NULL || event_add(u->to_readable, NULL) < 0)
		say_code(u, "503", "out of memory");
}

/* ---- the head ---- */

static void
read_head(struct upload *u)
{
	static char head[FENCE_HEADER_BYTES + 1];
	struct evbuffer *in = bufferevent_get_input(u->stream);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	struct api_call call;
	const char *code, *why = NULL;

	if (end.pos < 0 ? evbuffer_get_length(in) > FENCE_HEADER_BYTES : end.pos + 4 > FENCE_HEADER_BYTES) {
		say_code(u, "998", "the head is too long");
		return;
	}
	if (end.pos < 0) {
		if (evbuffer_search(in, "\n\n", 2, NULL).pos >= 0) /* it will never be whole */
			say_code(u, "998", "a line ends with CR LF, and nothing else");
		return;
	}
	evbuffer_remove(in, head, (size_t) end.pos + 4);
	code = put_read(head, (size_t) end.pos + 4, &u->put, &why);
	u->left = u->put.bytes;
	if (code != NULL) {
		say_code(u, code, why);
		return;
	}
	call = call_of(u);
	u->state = UPLOAD_ASKS;
	u->seconds = 0;
	u->asked = backend_call(u->all->backend, API_SEND, &call, on_handover, u);
	if (!u->asked)
		say_code(u, "503", "nothing was kept: send it again");
}

static void
on_read(struct bufferevent *stream, void *context)
{
	struct upload *u = context;
	struct evbuffer *in = bufferevent_get_input(stream);

	if (u->state == UPLOAD_HEAD)
		read_head(u);
	else if (u->state == UPLOAD_BODY)
		pump(u);
	if (u->state >= UPLOAD_SAVES) /* nobody reads it: what follows the file is no part of it */
		evbuffer_drain(in, evbuffer_get_length(in));
}

static void
on_written(struct bufferevent *stream, void *context)
{
	struct upload *u = context;

	if (u->state != UPLOAD_SAYS)
		return;
	shutdown(bufferevent_getfd(stream), SHUT_WR);
	u->state = UPLOAD_LINGERS;
	u->seconds = 0;
	on_read(stream, u);
}

static void
on_event(struct bufferevent *stream, short what, void *context)
{
	struct upload *u = context;
	bool all_here =
	    u->state >= UPLOAD_SAVES ||
	    (u->state != UPLOAD_HEAD && (int64_t) evbuffer_get_length(bufferevent_get_input(stream)) >= u->left);

	/* one that only stopped sending waits for its answer */
	if ((what & BEV_EVENT_EOF) != 0 && all_here && u->state != UPLOAD_LINGERS)
		return;
	if (u->state != UPLOAD_LINGERS)
		log_write(
		    LOG_INFO, "an upload was cut off",
		    LOG_FIELDS(log_text("request_id", u->request_id), log_int("bytes", u->put.bytes - u->left)));
	give_back(u);
}

/* ---- time ---- */

static void
on_tick(evutil_socket_t none, short what, void *context)
{
	static const int most[] = {
	    [UPLOAD_HEAD] = CALLERS_READ_S,   [UPLOAD_ASKS] = CALLERS_WHOLE_S, [UPLOAD_SAVES] = UPLOAD_SAVE_S,
	    [UPLOAD_NOTES] = CALLERS_WHOLE_S, [UPLOAD_SAYS] = CALLERS_WHOLE_S, [UPLOAD_LINGERS] = LINGER_S};
	struct upload *u = context;
	int64_t came = u->put.bytes - u->left;

	(void) none, (void) what;
	u->seconds++;
	if (u->state == UPLOAD_BODY ? u->seconds <= UPLOAD_GRACE_S + came / UPLOAD_BYTES_PER_S
	                            : u->seconds <= most[u->state])
		return;
	if (u->state == UPLOAD_BODY)
		say_code(u, "408", "it came too slowly");
	else if (u->state == UPLOAD_SAVES || u->state == UPLOAD_ASKS)
		say_code(u, "503", "the file was not kept in time: send it again");
	else
		give_back(u);
}

/* ---- for http.c ---- */

static void
take_over(struct uploads *all, struct bufferevent *stream)
{
	const struct timeval second = {.tv_sec = 1};
	struct upload *u = calloc(1, sizeof(*u));

	if (u == NULL || (u->tick = event_new(all->base, -1, EV_PERSIST, on_tick, u)) == NULL) {
		free(u); /* evhttp does not know the method, and says so */
		return;
	}
	u->all = all;
	u->stream = stream;
	u->to = -1;
	snprintf(u->request_id, sizeof(u->request_id), "%016" PRIx64 "%08" PRIx64, all->id_base, ++all->ids);
	bufferevent_getcb(stream, &u->readable, &u->writable, &u->event, &u->context);
	bufferevent_setcb(stream, on_read, on_written, on_event, u);
	bufferevent_set_timeouts(stream, NULL, NULL);
	/* more of a body than comes with its head is kept only once somebody has looked at its token */
	bufferevent_setwatermark(stream, EV_READ, 0, FENCE_HEADER_BYTES + FENCE_HEADER_BYTES);
	event_add(u->tick, &second);
	LIST_INSERT_HEAD(&all->list, u, others);
	all->count++;
}

static void
on_first_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *context)
{
	static const char put[] = "PUT ";
	char first[sizeof(put) - 1];
	ev_ssize_t n;

	if (info->n_added == 0)
		return;
	n = evbuffer_copyout(in, first, sizeof(first));
	if (n <= 0 || (n < (ev_ssize_t) sizeof(first) && memcmp(first, put, (size_t) n) == 0))
		return; /* evhttp waits for a whole line, too */
	/* once for each connection: a body could begin like that */
	evbuffer_remove_cb(in, on_first_bytes, context);
	if (n == (ev_ssize_t) sizeof(first) && memcmp(first, put, sizeof(first)) == 0)
		take_over(only, context);
}

struct bufferevent *
uploads_connection(struct event_base *base, void *context)
{
	struct bufferevent *stream = bufferevent_socket_new(base, -1, 0);

	only = context;
	if (stream != NULL)
		evbuffer_add_cb(bufferevent_get_input(stream), on_first_bytes, stream);
	return stream;
}

struct uploads *
uploads_new(struct event_base *base, struct backend *backend)
{
	struct uploads *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->base = base;
	all->backend = backend;
	LIST_INIT(&all->list);
	if (getrandom(&all->id_base, sizeof(all->id_base), 0) != (ssize_t) sizeof(all->id_base)) {
		free(all);
		return NULL;
	}
	return all;
}

bool
uploads_has(const struct uploads *all, int fd)
{
	for (const struct upload *u = LIST_FIRST(&all->list); u != NULL; u = LIST_NEXT(u, others))
		if (bufferevent_getfd(u->stream) == fd)
			return true;
	return false;
}

bool
uploads_refuse(struct uploads *all, const struct bufferevent *stream, const char *code, const char *why)
{
	for (struct upload *u = LIST_FIRST(&all->list); u != NULL; u = LIST_NEXT(u, others))
		if (u->stream == stream) {
			if (u->state == UPLOAD_HEAD || u->state == UPLOAD_ASKS)
				say_code(u, code, why);
			return true;
		}
	return false;
}

size_t
uploads_count(const struct uploads *all)
{
	return all->count;
}

void
uploads_close(struct uploads *all)
{
	while (all != NULL && !LIST_EMPTY(&all->list))
		give_back(LIST_FIRST(&all->list));
}

void
uploads_free(struct uploads *all)
{
	free(all);
}
