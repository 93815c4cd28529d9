#include "web/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/finance/output/html_css.h"
#include "lib/http/callers.h"
#include "lib/http/fence.h"
#include "lib/http/intake.h"
#include "web/sessions.h"
#include "web/web_text.h"

#define LOGINS                                                                                               \
	8 /* that are under way at the same time: each is a process and a connection of the database             \
	   */
#define PLAIN_COOKIE "handback"
#define SECURE_COOKIE "__Host-handback"

struct web {
	struct event_base *base;
	struct evhttp *evhttp;
	struct callers *callers;
	struct intake *intake;
	struct sessions *sessions;
	const char *desk;
	bool plain;
	size_t logins;
};

/* A request that waits for its page. */
struct exchange {
	struct web *web;
	struct evhttp_request *request;
	char cookie[SESSION_COOKIE_SIZE];
	struct timespec began;
	bool login;
};

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

/* NULL: its browser is gone. */
static struct bufferevent *
stream_of(struct evhttp_request *request)
{
	struct evhttp_connection *c = evhttp_request_get_connection(request);

	return c != NULL ? evhttp_connection_get_bufferevent(c) : NULL;
}

/* ---- answers ---- */

static void
add_header(struct evhttp_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

/* Sends what is in the request's buffer.  One line in the log: no query, which may name a member. */
static void
send_reply(struct exchange *x, int status, const char *type)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->request);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	log_write(LOG_INFO, "request",
	          LOG_FIELDS(log_text("path", uri != NULL ? evhttp_uri_get_path(uri) : NULL),
	                     log_int("status", status),
	                     log_int("us", (int64_t) (now.tv_sec - x->began.tv_sec) * 1000000 +
	                                       (now.tv_nsec - x->began.tv_nsec) / 1000)));
	if (type != NULL)
		add_header(x->request, "Content-Type", type);
	if (evhttp_find_header(evhttp_request_get_output_headers(x->request), "Cache-Control") == NULL)
		add_header(x->request, "Cache-Control", "no-store");
	add_header(x->request, "Content-Security-Policy", policy);
	add_header(x->request, "Referrer-Policy", "same-origin");
	add_header(x->request, "X-Content-Type-Options", "nosniff");
	add_header(x->request, "X-Frame-Options", "DENY");
	add_header(x->request, "Cross-Origin-Opener-Policy", "same-origin");
	add_header(x->request, "Cross-Origin-Resource-Policy", "same-origin");
	if (!x->web->plain)
		add_header(x->request, "Strict-Transport-Security", "max-age=31536000");
	add_header(x->request, "Connection", "close");
	if (stream_of(x->request) != NULL)
		intake_answered(x->web->intake, stream_of(x->request));
	evhttp_send_reply(x->request, status, NULL, NULL);
	free(x);
}

static void
send_text(struct exchange *x, int status, const char *type, const char *text)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(x->request);

	evbuffer_add(out, text, strlen(text));
	send_reply(x, status, type);
}

static void
go_to(struct exchange *x, const char *path)
{
	add_header(x->request, "Location", path);
	send_reply(x, 303, NULL);
}

/* The page of whoever is not logged in: a sentence of ours, and with a code (hex and a dot) its form. */
static void
send_login(struct exchange *x, int status, const char *sentence, const char *code)
{
	static const char mark[] = "{main}";
	struct evbuffer *out = evhttp_request_get_output_buffer(x->request);
	const char *at = strstr(web_login, mark);

	evbuffer_add(out, web_login, (size_t) (at - web_login));
	evbuffer_add_printf(out, "<p class=\"sentence\">%s</p>\n", sentence);
	if (code != NULL)
		evbuffer_add_printf(out,
		                    "<form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"code\" "
		                    "value=\"%s\"><button>Log in</button></form>\n",
		                    code);
	at += sizeof(mark) - 1;
	evbuffer_add(out, at, strlen(at));
	send_reply(x, status, "text/html; charset=utf-8");
}

static const char how_to[] = "To log in, run <code>handbackctl web login</code> on the machine: it prints a "
                             "link that is good once, for five "
                             "minutes, and opens your own pages.";

static void
set_cookie(struct exchange *x, const char *value)
{
	char text[200];

	snprintf(text, sizeof(text), "%s=%s; Path=/; %sHttpOnly; SameSite=Strict%s",
	         x->web->plain ? PLAIN_COOKIE : SECURE_COOKIE, value, x->web->plain ? "" : "Secure; ",
	         value[0] == '\0' ? "; Max-Age=0" : "");
	add_header(x->request, "Set-Cookie", text);
	explicit_bzero(text, sizeof(text));
}

/* ---- what comes ---- */

/* The session's cookie into x->cookie; "" for none. */
static void
read_cookie(struct exchange *x)
{
	const char *name = x->web->plain ? PLAIN_COOKIE : SECURE_COOKIE;
	const char *all = evhttp_find_header(evhttp_request_get_input_headers(x->request), "Cookie");
	size_t len = strlen(name);

	while (all != NULL && *all != '\0') {
		size_t one = strcspn(all, ";");

		if (one == len + 1 + SESSION_COOKIE_SIZE - 1 && strncmp(all, name, len) == 0 && all[len] == '=') {
			memcpy(x->cookie, all + len + 1, SESSION_COOKIE_SIZE - 1);
			return;
		}
		all += one;
		all += strspn(all, "; ");
	}
}

/* A form that is sent from a page of another site is none of ours: the browser says where it is from. */
static bool
is_from_us(const struct evkeyvalq *headers)
{
	const char *site = evhttp_find_header(headers, "Sec-Fetch-Site"),
	           *origin = evhttp_find_header(headers, "Origin"), *host = evhttp_find_header(headers, "Host"),
	           *at;

	if (site != NULL)
		return strcmp(site, "same-origin") == 0;
	at = origin != NULL ? strstr(origin, "://") : NULL;
	return at != NULL && host != NULL && strcmp(at + 3, host) == 0;
}

static bool
is_form(const struct evkeyvalq *headers)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = evhttp_find_header(headers, "Content-Type");

	return type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0 &&
	       strchr("; ", type[sizeof(form) - 1]) != NULL;
}

/* ---- logging in ---- */

#define CODE_SIZE (2 * DESK_PERSON_BYTES + 1 + DESK_CODE_BYTES + 1)

/* "code=HEX.HEX" of a query or a form: the person and the secret; the whole in text. */
static bool
read_code(const char *fields, char text[CODE_SIZE], char person[DESK_PERSON_BYTES + 1],
          const char **ret_secret)
{
	const char *value = fields != NULL && strncmp(fields, "code=", 5) == 0 ? fields + 5 : "";
	size_t len = strcspn(value, "&"), person_len;
	char *dot;

	if (len == 0 || len >= CODE_SIZE || strspn(value, "0123456789abcdef.") != len)
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	dot = strchr(text, '.');
	if (dot == NULL || strlen(dot + 1) != DESK_CODE_BYTES || strchr(dot + 1, '.') != NULL)
		return false;
	*dot = '\0';
	*ret_secret = dot + 1;
	if (!text_unhex(person, DESK_PERSON_BYTES, text, &person_len) || person_len == 0 ||
	    memchr(person, '\0', person_len) != NULL)
		return false;
	person[person_len] = '\0';
	*dot = '.';
	return true;
}

static void
on_entered(void *context, struct desk_link *link, const char *why)
{
	struct exchange *x = context;
	char cookie[SESSION_COOKIE_SIZE];

	x->web->logins--;
	if (link == NULL) {
		send_login(x, 403,
		           why != NULL ? "This link is not good: it was used, or is older than five minutes."
		                       : how_to,
		           NULL);
		return;
	}
	if (x->cookie[0] != '\0') /* whoever was logged in here before is no more */
		sessions_end(x->web->sessions, x->cookie);
	if (!sessions_add(x->web->sessions, link, cookie)) {
		send_login(x, 503, "Too many people are logged in.", NULL);
		return;
	}
	set_cookie(x, cookie);
	explicit_bzero(cookie, sizeof(cookie));
	go_to(x, "/");
}

static void
log_in(struct exchange *x, const char *form)
{
	char text[CODE_SIZE], person[DESK_PERSON_BYTES + 1];
	struct desk_enter who = {.person = person};

	if (!read_code(form, text, person, &who.code)) {
		send_login(x, 400, how_to, NULL);
	} else if (x->web->logins >= LOGINS) {
		send_login(x, 503, "Too many people log in at this moment: try again.", text);
	} else {
		x->web->logins++;
		if (!desk_enter(x->web->base, x->web->desk, &who, on_entered, x)) {
			x->web->logins--;
			send_login(x, 503, "There is no handback-desk to be had: try again.", text);
		}
	}
}

static void
show_login(struct exchange *x, const char *query)
{
	char text[CODE_SIZE], person[DESK_PERSON_BYTES + 1];
	const char *secret;

	if (query == NULL)
		send_login(x, 200, how_to, NULL);
	else if (!read_code(query, text, person, &secret))
		send_login(x, 400, how_to, NULL);
	else
		send_login(x, 200, "Log in with this link?", text);
}

/* ---- pages ---- */

/* All of a page into the answer; false: it is none. */
static bool
add_page(struct evbuffer *out, int page)
{
	char block[16 << 10];
	struct stat st;
	off_t done = 0;

	if (fstat(page, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DESK_PAGE_BYTES)
		return false;
	while (done < st.st_size) {
		ssize_t n = pread(page, block, sizeof(block), done);

		if (n <= 0 || evbuffer_add(out, block, (size_t) n) != 0)
			return false;
		done += n;
	}
	return true;
}

/* A header's value that a desk made: one line, and a path of ours or a plain name. */
static bool
is_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char) *text < 0x20 || (unsigned char) *text > 0x7e || *text == '"')
			return false;
	return true;
}

static void
on_page(void *context, const struct desk_answer *answer, int page)
{
	struct exchange *x = context;
	char disposition[DESK_PATH_BYTES + 40];

	if (answer == NULL) {
		send_login(x, 503,
		           "Your session has ended: its desk is gone. What was asked for last may have been done.",
		           NULL);
		return;
	}
	if (!add_page(evhttp_request_get_output_buffer(x->request), page) || !is_line(answer->type) ||
	    (answer->name != NULL && !is_line(answer->name)) ||
	    (answer->location != NULL &&
	     (!is_line(answer->location) || answer->location[0] != '/' || answer->location[1] == '/'))) {
		send_login(x, 500, "This page cannot be shown.", NULL);
		return;
	}
	if (answer->name != NULL) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", answer->name);
		add_header(x->request, "Content-Disposition", disposition);
	}
	if (answer->location != NULL)
		add_header(x->request, "Location", answer->location);
	if (answer->ends) {
		sessions_end(x->web->sessions, x->cookie);
		set_cookie(x, "");
	}
	send_reply(x, (int) answer->status, answer->location != NULL ? NULL : answer->type);
}

static void
ask_desk(struct exchange *x, const struct desk_ask *ask)
{
	struct desk_link *desk = sessions_find(x->web->sessions, x->cookie[0] != '\0' ? x->cookie : NULL);

	if (desk == NULL && ask->form != NULL)
		send_login(x, 403, "Nothing was done: you are not logged in any more.", NULL);
	else if (desk == NULL)
		go_to(x, "/login");
	else if (!desk_ask(desk, ask, on_page, x))
		send_text(x, 413, "text/plain; charset=utf-8", "This is too much for one request.\n");
}

/* What is the same for everybody. */
static bool
send_fixed(struct exchange *x, const char *path)
{
	static const char *const style[] = {html_page, web_pages, NULL}, *const script[] = {web_script, NULL},
	                         *const icon[] = {web_icon, NULL};
	static const struct {
		const char *path, *type;
		const char *const *texts;
	} fixed[] = {{"/style.css", "text/css; charset=utf-8", style},
	             {"/script.js", "text/javascript; charset=utf-8", script},
	             {"/icon.svg", "image/svg+xml", icon}};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(fixed[i].path, path) == 0) {
			for (const char *const *t = fixed[i].texts; *t != NULL; t++)
				evbuffer_add(evhttp_request_get_output_buffer(x->request), *t, strlen(*t));
			add_header(x->request, "Cache-Control", "max-age=600");
			send_reply(x, 200, fixed[i].type);
			return true;
		}
	return false;
}

static void
dispatch(struct exchange *x, const char *path, const char *query)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(x->request);
	struct evbuffer *in = evhttp_request_get_input_buffer(x->request);
	size_t len = evbuffer_get_length(in);
	char *form;

	read_cookie(x);
	if (evhttp_request_get_command(x->request) == EVHTTP_REQ_GET) {
		const struct desk_ask ask = {.path = path, .query = query};

		if (strcmp(path, "/healthz") == 0)
			send_text(x, 200, "text/plain", "ok\n");
		else if (strcmp(path, "/login") == 0)
			show_login(x, query);
		else if (!send_fixed(x, path))
			ask_desk(x, &ask);
		return;
	}
	if (!is_from_us(headers) || !is_form(headers)) {
		send_text(x, 403, "text/plain; charset=utf-8",
		          "Nothing was done: this form is not from a page of ours.\n");
		return;
	}
	form = calloc(1, len + 1);
	if (form == NULL || evbuffer_remove(in, form, len) != (ev_ssize_t) len || strlen(form) != len) {
		send_text(x, 400, "text/plain; charset=utf-8", "That is no form.\n");
	} else if (strcmp(path, "/login") == 0) {
		log_in(x, form);
	} else {
		const struct desk_ask ask = {.path = path, .query = query, .form = form};

		ask_desk(x, &ask);
	}
	if (form != NULL)
		explicit_bzero(form, len);
	free(form);
}

static void
on_request(struct evhttp_request *request, void *context)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL, *wrong = fence_refuses(request);
	struct exchange *x = calloc(1, sizeof(*x));
	struct web *w = context;

	if (x == NULL) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	x->web = w;
	x->request = request;
	clock_gettime(CLOCK_MONOTONIC, &x->began);
	callers_asked(w->callers, stream_of(request), false);
	if (wrong == NULL && (path == NULL || path[0] != '/' || evhttp_uri_get_host(uri) != NULL))
		wrong = "the request's target is no path";
	if (wrong != NULL)
		send_text(x, 400, "text/plain; charset=utf-8", wrong);
	else
		dispatch(x, path, evhttp_uri_get_query(uri));
}

/* Of what came, before evhttp has read it: nothing more comes in, and evhttp closes it. */
static void
refuse_bytes(void *context, struct bufferevent *stream, const char *code, const char *why)
{
	const char *line = strcmp(code, "503") == 0 ? "503 Service Unavailable" : "400 Bad Request";
	struct evbuffer *in = bufferevent_get_input(stream), *out = evbuffer_new();

	(void) context;
	log_write(LOG_INFO, "request refused", LOG_FIELDS(log_text("why", why)));
	if (out != NULL) {
		evbuffer_add_printf(out, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", line);
		(void) evbuffer_write(out, bufferevent_getfd(stream)); /* its first bytes: there is room */
		evbuffer_free(out);
	}
	evbuffer_drain(in, evbuffer_get_length(in));
	shutdown(bufferevent_getfd(stream), SHUT_RDWR);
}

static struct bufferevent *
on_connection(struct event_base *base, void *context)
{
	struct web *w = context;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	callers_came(w->callers);
	if (stream != NULL)
		intake_watch(w->intake, stream);
	return stream;
}

struct web *
web_new(struct event_base *base, int listener, int files, const char *desk, bool plain)
{
	struct web *w = calloc(1, sizeof(*w));
	struct evhttp_bound_socket *bound = NULL;

	if (w == NULL)
		return NULL;
	*w = (struct web){.base = base,
	                  .desk = desk,
	                  .plain = plain,
	                  .evhttp = evhttp_new(base),
	                  .sessions = sessions_new(base),
	                  .intake = intake_new(refuse_bytes, w)};
	if (w->intake != NULL)
		w->callers = callers_new(base, listener, files, w->intake, NULL, NULL);
	if (w->evhttp != NULL && w->sessions != NULL && w->callers != NULL) {
		evhttp_set_max_headers_size(w->evhttp, FENCE_HEADER_BYTES);
		evhttp_set_max_body_size(w->evhttp, FENCE_BODY_BYTES);
		evhttp_set_timeout(w->evhttp, CALLERS_WHOLE_S);
		evhttp_set_allowed_methods(w->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
		evhttp_set_default_content_type(w->evhttp, NULL);
		evhttp_set_gencb(w->evhttp, on_request, w);
		evhttp_set_bevcb(w->evhttp, on_connection, w);
		bound = evhttp_accept_socket_with_handle(w->evhttp, listener);
	}
	if (bound != NULL) {
		callers_watch(w->callers, bound);
		return w;
	}
	web_free(w);
	return NULL;
}

void
web_free(struct web *w)
{
	if (w == NULL)
		return;
	sessions_free(w->sessions);
	callers_free(w->callers);
	if (w->evhttp != NULL)
		evhttp_free(w->evhttp);
	intake_free(w->intake);
	free(w);
}
