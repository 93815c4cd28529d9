/* Requests: whose connection it is, where each goes, and pages in answer. */
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "login/login.h"
#include "login/login_text.h"

const char *
visit_header(const struct visit *v, const char *name, bool *ret_many)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(v->request);
	const struct evkeyval *header;
	const char *found = NULL;

	*ret_many = false;
	for (header = headers->tqh_first; header != NULL; header = header->next.tqe_next) {
		if (strcasecmp(header->key, name) != 0)
			continue;
		if (found != NULL) {
			*ret_many = true;
			return NULL;
		}
		found = header->value;
	}
	return found;
}

static void
finish(struct visit *v, int status, const char *type)
{
	server_send(v->login->server, v->request, status, type, &v->began);
	free(v);
}

void
visit_page(struct visit *v, int status, const char *sentence)
{
	static const char mark[] = "{main}";
	struct evbuffer *out = evhttp_request_get_output_buffer(v->request);
	const char *at = strstr(page_login, mark);

	evbuffer_add(out, page_login, (size_t) (at - page_login));
	evbuffer_add_printf(out, "<p class=\"sentence\">%s</p>\n", sentence);
	at += sizeof(mark) - 1;
	evbuffer_add(out, at, strlen(at));
	finish(v, status, "text/html; charset=utf-8");
}

void
visit_go(struct visit *v, const char *url)
{
	server_header(v->request, "Location", url);
	finish(v, 303, NULL);
}

/* The kernel says whose it is: who connected, then. */
static bool
is_the_proxys(const struct visit *v)
{
	struct bufferevent *stream = server_stream(v->request);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return stream != NULL && getsockopt(bufferevent_getfd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       len == sizeof(peer) && peer.uid == v->login->proxy;
}

/* Only a person who goes somewhere asks: not a picture of another site's page, which would make links without end. */
static bool
goes_somewhere(const struct visit *v)
{
	bool many;
	const char *mode = visit_header(v, "Sec-Fetch-Mode", &many);

	return !many && (mode == NULL || strcmp(mode, "navigate") == 0);
}

static void
on_request(void *context, struct evhttp_request *request, const char *wrong)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct visit *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	v->login = context;
	v->request = request;
	clock_gettime(CLOCK_MONOTONIC, &v->began);
	if (wrong != NULL)
		visit_page(v, 400, wrong);
	else if (!is_the_proxys(v))
		visit_page(v, 403, "This is not the proxy.");
	else if (strcmp(evhttp_uri_get_path(uri), "/healthz") == 0)
		visit_page(v, 200, "ok");
	else if (!goes_somewhere(v))
		visit_page(v, 403, "To log in, open this page itself.");
	else if (strcmp(evhttp_uri_get_path(uri), "/login/proxy") == 0)
		proxy_visit(v);
	else
		visit_page(v, 404, "There is no such page.");
}

int
login_serve(struct login *l, int listener, int files)
{
	const struct server_rule rule = {
	    .methods = EVHTTP_REQ_GET, .body_bytes = 0, .plain = strncmp(l->config->web, "https:", 6) != 0};

	l->server = server_new(l->base, listener, files, &rule, on_request, l);
	if (l->server == NULL)
		return EXIT_INTERNAL;
	log_write(LOG_INFO, "ready", NULL);
	if (event_base_dispatch(l->base) != 0)
		l->code = EXIT_INTERNAL;
	server_free(l->server);
	return l->code;
}
