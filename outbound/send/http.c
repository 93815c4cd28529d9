#include "outbound/send/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/text.h"
#include "outbound/send/address.h"

struct http {
	struct event_base *base;
	struct event *timer;
	CURLM *multi;
	const char *ca, *limit_header, *remaining_header;
	size_t ca_len;
	bool is_private;
	struct transfer *first;
};

struct transfer {
	struct http *http;
	struct transfer *next, *previous;
	CURL *easy;
	struct curl_slist *headers, *resolve;
	struct address_rule rule;
	http_done *done;
	void *arg;
	char *body;
	size_t length, header_bytes, most;
	bool too_long, refused, begun, once;
	char retry_after[HTTP_VALUE_BYTES], limit[HTTP_VALUE_BYTES], remaining[HTTP_VALUE_BYTES];
	char error[CURL_ERROR_SIZE];
};

/* ---- the loop ---- */

static void
transfer_free(struct transfer *t)
{
	if (t->previous != NULL)
		t->previous->next = t->next;
	else if (t->http->first == t)
		t->http->first = t->next;
	if (t->next != NULL)
		t->next->previous = t->previous;
	if (t->easy != NULL) {
		curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->resolve);
	/* a login's has a token */
	if (t->body != NULL)
		explicit_bzero(t->body, t->length);
	free(t->body);
	free(t);
}

static void
finish(struct transfer *t, CURLcode code)
{
	char why[TEXT_SHOWN_SIZE + 64];
	struct http_answer answer = {.body = t->body != NULL ? t->body : "", .length = t->length};
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status >= 100 && status <= 599) {
		answer.status = (int) status;
		answer.retry_after = t->retry_after[0] != '\0' ? t->retry_after : NULL;
		answer.limit = t->limit[0] != '\0' ? t->limit : NULL;
		answer.remaining = t->remaining[0] != '\0' ? t->remaining : NULL;
	} else if (t->too_long) {
		answer.why = "its answer is longer than it may be";
	} else if (t->refused) {
		answer.why = "its host has an address that is not allowed";
	} else {
		const char *said = t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
		char shown[TEXT_SHOWN_SIZE];

		snprintf(why, sizeof(why), "no answer: %s", text_show(shown, said, strlen(said)));
		answer.why = why;
	}
	answer.unsent = !t->begun;
	t->done(t->arg, &answer);
	transfer_free(t);
}

static void
finish_all(struct http *h)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct transfer *t = NULL;

		if (message->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &t) == CURLE_OK && t != NULL)
			finish(t, message->data.result);
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int running, flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(h->multi, fd, flags, &running);
	finish_all(h);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int running;

	(void) fd, (void) what;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_all(h);
}

/* libcurl says which sockets it waits for; an event goes with each. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct http *h = arg;
	struct event *event = mine;
	short flags = EV_PERSIST;

	(void) easy;
	if (event != NULL)
		event_free(event);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	flags = (short) (flags | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	event = event_new(h->base, fd, flags, on_socket, h);
	curl_multi_assign(h->multi, fd, event);
	return event != NULL && event_add(event, NULL) == 0 ? 0 : -1;
}

static int
watch_time(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;
	const struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	(void) multi;
	return ms < 0 ? event_del(h->timer) : event_add(h->timer, &wait);
}

struct http *
http_new(struct event_base *base, const char *ca, size_t ca_len, bool is_private, const char *limit_header,
         const char *remaining_header, char *why, size_t why_size)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		h->base = base;
		h->ca = ca;
		h->ca_len = ca_len;
		h->is_private = is_private;
		h->limit_header = limit_header;
		h->remaining_header = remaining_header;
		h->timer = event_new(base, -1, 0, on_timer, h);
		h->multi = curl_multi_init();
	}
	if (h != NULL && h->timer != NULL && h->multi != NULL &&
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, watch_time) == CURLM_OK &&
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
	    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 8L) == CURLM_OK)
		return h;
	snprintf(why, why_size, "cannot begin with libcurl: no memory");
	http_free(h);
	return NULL;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (h->first != NULL)
		transfer_free(h->first);
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);
	if (h->timer != NULL)
		event_free(h->timer);
	free(h);
	curl_global_cleanup();
}

/* ---- what comes ---- */

static void
keep_value(const char *name, const char *line, size_t len, char *ret, size_t size)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return;
	line += n + 1, len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t'))
		line++, len--;
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	if (len < size && memchr(line, '\0', len) == NULL)
		snprintf(ret, size, "%.*s", (int) len, line);
}

static size_t
on_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;

	t->header_bytes += len;
	if (t->header_bytes > HTTP_HEADER_BYTES) {
		t->too_long = true;
		return 0;
	}
	keep_value("Retry-After", line, len, t->retry_after, sizeof(t->retry_after));
	if (t->http->limit_header != NULL)
		keep_value(t->http->limit_header, line, len, t->limit, sizeof(t->limit));
	if (t->http->remaining_header != NULL)
		keep_value(t->http->remaining_header, line, len, t->remaining, sizeof(t->remaining));
	return len;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;
	char *more = NULL;

	if (len > t->most - t->length)
		t->too_long = true;
	else
		more = realloc(t->body, t->length + len + 1);
	if (more == NULL)
		return 0;
	memcpy(more + t->length, bytes, len);
	t->body = more;
	t->length += len;
	t->body[t->length] = '\0';
	return len;
}

/* The connection is there, and the request goes: libcurl would send it again where a connection that was kept
 * turns out to be dead, and what moves points may be taken twice then. */
static int
before_request(void *arg, char *theirs, char *ours, int their_port, int our_port)
{
	struct transfer *t = arg;
	bool again = t->begun && t->once;

	(void) theirs, (void) ours, (void) their_port, (void) our_port;
	t->begun = true;
	return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* The last look, at the address itself. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct transfer *t = arg;

	if (purpose != CURLSOCKTYPE_IPCXN || !address_is_allowed(&at->addr, &t->rule)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* ---- what goes ---- */

static char *
part_of(const char *url, CURLUPart part)
{
	CURLU *parsed = curl_url();
	char *text = NULL, *copy = NULL;

	if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parsed, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
		copy = strdup(text);
	curl_free(text);
	curl_url_cleanup(parsed);
	return copy;
}

uint16_t
http_port(const char *url)
{
	char *text = part_of(url, CURLUPART_PORT);
	int64_t port = 0;

	if (text == NULL || !text_int(text, 1, 65535, &port))
		port = 0;
	free(text);
	return (uint16_t) port;
}

static bool
names_this_machine(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0;
}

/* Resolves the host itself: libcurl would by a thread, which it may not start, and looks at no address. */
static bool
resolve(struct transfer *t, const char *url, char *why, size_t why_size)
{
	char *host = part_of(url, CURLUPART_HOST), *addresses = NULL, *line = NULL;
	unsigned char binary[16];
	bool numeric, good = false;

	if (host == NULL) {
		snprintf(why, why_size, "it has no host");
		return false;
	}
	numeric = host[0] == '[' || inet_pton(AF_INET, host, binary) == 1;
	t->rule = (struct address_rule){.loopback = names_this_machine(host), .private = t->http->is_private};
	if (!numeric)
		addresses = address_list(host, &t->rule, why, why_size);
	if (addresses != NULL && asprintf(&line, "%s:%u:%s", host, http_port(url), addresses) >= 0) {
		t->resolve = curl_slist_append(NULL, line);
		good = t->resolve != NULL;
	}
	free(line);
	free(addresses);
	free(host);
	return good || numeric;
}

/* Each option by itself: one that libcurl does not know ends the request, not the wall. */
#define SET(option, value) (curl_easy_setopt(t->easy, option, value) == CURLE_OK)

static bool
set_walls(struct transfer *t, const char *url, int64_t timeout_ms)
{
	struct curl_blob ca = {(void *) (uintptr_t) t->http->ca, t->http->ca_len, CURL_BLOB_NOCOPY};
	const char *protocol = strncmp(url, "http:", 5) == 0 ? "http" : "https";

	return SET(CURLOPT_PROTOCOLS_STR, protocol) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
	       SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
	       SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) &&
	       SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1) &&
	       SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
	       SET(CURLOPT_SSL_VERIFYHOST, 2L) && SET(CURLOPT_CAINFO_BLOB, &ca) && SET(CURLOPT_CAPATH, NULL) &&
	       SET(CURLOPT_CONNECTTIMEOUT_MS, (long) HTTP_CONNECT_MS) &&
	       SET(CURLOPT_TIMEOUT_MS, (long) timeout_ms) && SET(CURLOPT_NOSIGNAL, 1L) &&
	       SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) && SET(CURLOPT_PATH_AS_IS, 1L) &&
	       SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) t->most) &&
	       SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, t);
}

static bool
set_request(struct transfer *t, const struct http_request *request)
{
	for (const char *const *h = request->headers; *h != NULL; h++) {
		struct curl_slist *more = curl_slist_append(t->headers, *h);

		if (more == NULL)
			return false;
		t->headers = more;
	}
	return SET(CURLOPT_URL, request->url) && SET(CURLOPT_CUSTOMREQUEST, request->method) &&
	       /* a GET has none */
	       (request->length == 0 || (SET(CURLOPT_POSTFIELDS, request->body) &&
	                                 SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->length))) &&
	       SET(CURLOPT_HTTPHEADER, t->headers) && (t->resolve == NULL || SET(CURLOPT_RESOLVE, t->resolve)) &&
	       SET(CURLOPT_USERAGENT, "handback/" HANDBACK_VERSION) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
	       SET(CURLOPT_HEADERDATA, t) && SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, t) &&
	       SET(CURLOPT_ERRORBUFFER, t->error) && SET(CURLOPT_PRIVATE, t) &&
	       SET(CURLOPT_PREREQFUNCTION, before_request) && SET(CURLOPT_PREREQDATA, t) &&
	       SET(CURLOPT_FRESH_CONNECT, request->once ? 1L : 0L);
}

bool
http_send(struct http *h, const struct http_request *request, http_done *done, void *arg, char *why,
          size_t why_size)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		snprintf(why, why_size, "no memory");
		return false;
	}
	*t = (struct transfer){.http = h, .next = h->first, .done = done, .arg = arg, .once = request->once};
	t->most = request->answer_bytes != 0 ? request->answer_bytes : HTTP_ANSWER_BYTES;
	if (h->first != NULL)
		h->first->previous = t;
	h->first = t;
	snprintf(why, why_size, "libcurl does not take the request");
	if (resolve(t, request->url, why, why_size) && (t->easy = curl_easy_init()) != NULL &&
	    set_walls(t, request->url, request->timeout_ms) && set_request(t, request) &&
	    curl_multi_add_handle(h->multi, t->easy) == CURLM_OK)
		return true;
	transfer_free(t);
	return false;
}
