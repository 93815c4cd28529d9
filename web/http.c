#include "web/http.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/finance/output/html_css.h"
#include "lib/http/fence.h"
#include "web/exchange.h"
#include "web/web_text.h"

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

/* The content type of a form with a file in it, where it may be one; else NULL. */
static const char *
upload_type(const struct evkeyvalq *headers, const char *path)
{
	static const char form[] = "multipart/form-data;";
	const char *type = evhttp_find_header(headers, "Content-Type");

	return strcmp(path, "/try") == 0 && type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0 ? type
	                                                                                                   : NULL;
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
		exchange_login(
		    x, 503, "Your session has ended: its desk is gone. What was asked for last may have been done.",
		    NULL);
		return;
	}
	if (!add_page(evhttp_request_get_output_buffer(x->request), page) || !is_line(answer->type) ||
	    (answer->name != NULL && !is_line(answer->name)) ||
	    (answer->location != NULL &&
	     (!is_line(answer->location) || answer->location[0] != '/' || answer->location[1] == '/'))) {
		exchange_login(x, 500, "This page cannot be shown.", NULL);
		return;
	}
	if (answer->name != NULL) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", answer->name);
		exchange_header(x, "Content-Disposition", disposition);
	}
	if (answer->location != NULL)
		exchange_header(x, "Location", answer->location);
	if (answer->ends) {
		sessions_end(x->web->sessions, x->cookie);
		exchange_set_cookie(x, "");
	}
	exchange_send(x, (int) answer->status, answer->location != NULL ? NULL : answer->type);
}

static void
ask_desk(struct exchange *x, const struct desk_ask *ask)
{
	struct desk_link *desk = sessions_find(x->web->sessions, x->cookie[0] != '\0' ? x->cookie : NULL);

	if (desk == NULL && ask->form != NULL)
		exchange_login(x, 403, "Nothing was done: you are not logged in any more.", NULL);
	else if (desk == NULL)
		exchange_go_to(x, "/login");
	else if (!desk_ask(desk, ask, on_page, x))
		exchange_text(x, 413, "text/plain; charset=utf-8", "This is too much for one request.\n");
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
			exchange_header(x, "Cache-Control", "max-age=600");
			exchange_send(x, 200, fixed[i].type);
			return true;
		}
	return false;
}

/* The desk has all of it, or has hung up. */
static void
on_body_end(struct bufferevent *body, short what, void *context)
{
	(void) what, (void) context;
	bufferevent_free(body);
}

static void
on_body_read(struct bufferevent *body, void *context)
{
	on_body_end(body, 0, context);
}

/* A descriptor at which the body can be read as it came: this process makes no file.  -1: it cannot be had. */
static int
open_body(struct web *w, struct evbuffer *in)
{
	struct bufferevent *body = NULL;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	if (evutil_make_socket_nonblocking(ends[0]) == 0)
		body = bufferevent_socket_new(w->base, ends[0], BEV_OPT_CLOSE_ON_FREE);
	if (body == NULL) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	bufferevent_setcb(body, NULL, on_body_read, on_body_end, NULL);
	bufferevent_write_buffer(body, in);
	bufferevent_enable(body, EV_WRITE);
	return ends[1];
}

static void
take_upload(struct exchange *x, const char *path, const char *type)
{
	struct desk_link *desk = sessions_find(x->web->sessions, x->cookie[0] != '\0' ? x->cookie : NULL);
	struct desk_ask ask = {.path = path, .type = type, .body = -1};

	if (desk == NULL) {
		exchange_login(x, 403, "Nothing was done: you are not logged in any more.", NULL);
		return;
	}
	ask.body = open_body(x->web, evhttp_request_get_input_buffer(x->request));
	if (ask.body >= 0 && desk_ask(desk, &ask, on_page, x))
		return;
	if (ask.body >= 0)
		close(ask.body);
	exchange_text(x, 413, "text/plain; charset=utf-8", "This is too much for one request.\n");
}

static void
dispatch(struct exchange *x, const char *path, const char *query)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(x->request);
	struct evbuffer *in = evhttp_request_get_input_buffer(x->request);
	size_t len = evbuffer_get_length(in);
	char *form;

	exchange_read_cookie(x);
	if (evhttp_request_get_command(x->request) == EVHTTP_REQ_GET) {
		const struct desk_ask ask = {.path = path, .query = query};

		if (strcmp(path, "/healthz") == 0)
			exchange_text(x, 200, "text/plain", "ok\n");
		else if (strcmp(path, "/login") == 0)
			login_show(x, query);
		else if (!send_fixed(x, path))
			ask_desk(x, &ask);
		return;
	}
	if (is_from_us(headers) && upload_type(headers, path) != NULL) {
		take_upload(x, path, upload_type(headers, path));
		return;
	}
	if (len > FENCE_BODY_BYTES) {
		exchange_text(x, 413, "text/plain; charset=utf-8", "This is too much for one request.\n");
		return;
	}
	if (!is_from_us(headers) || !is_form(headers)) {
		exchange_text(x, 403, "text/plain; charset=utf-8",
		              "Nothing was done: this form is not from a page of ours.\n");
		return;
	}
	form = calloc(1, len + 1);
	if (form == NULL || evbuffer_remove(in, form, len) != (ev_ssize_t) len || strlen(form) != len) {
		exchange_text(x, 400, "text/plain; charset=utf-8", "That is no form.\n");
	} else if (strcmp(path, "/login") == 0) {
		login_take(x, form);
	} else {
		const struct desk_ask ask = {.path = path, .query = query, .form = form};

		ask_desk(x, &ask);
	}
	if (form != NULL)
		explicit_bzero(form, len);
	free(form);
}

static void
on_request(void *context, struct evhttp_request *request, const char *wrong)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	x->web = context;
	x->request = request;
	clock_gettime(CLOCK_MONOTONIC, &x->began);
	if (wrong != NULL)
		exchange_text(x, 400, "text/plain; charset=utf-8", wrong);
	else
		dispatch(x, evhttp_uri_get_path(uri), evhttp_uri_get_query(uri));
}

struct web *
web_new(struct event_base *base, int listener, int files, const char *desk, bool plain)
{
	const struct server_rule rule = {
	    .methods = EVHTTP_REQ_GET | EVHTTP_REQ_POST, .body_bytes = DESK_BODY_BYTES, .plain = plain};
	struct web *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct web){.base = base, .desk = desk, .plain = plain, .sessions = sessions_new(base)};
	if (w->sessions != NULL)
		w->server = server_new(base, listener, files, &rule, on_request, w);
	if (w->server != NULL)
		return w;
	web_free(w);
	return NULL;
}

void
web_free(struct web *w)
{
	if (w == NULL)
		return;
	sessions_free(w->sessions);
	server_free(w->server);
	free(w);
}
