#include "gate/metrics.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS 32
#define CODES 32
#define TIMEOUT_S 10
#define REQUEST_BYTES 8192

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Upper bounds, each as it is printed.  What is above the last stands in none. */
struct bound {
	int64_t most;
	const char *text;
};
static const struct bound times[] = {{1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},
                                     {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"}, {250000, "0.25"},
                                     {1000000, "1"},   {2500000, "2.5"}, {10000000, "10"}};
static const struct bound sizes[] = {{1, "1"},   {2, "2"},   {4, "4"},  {8, "8"},
                                     {16, "16"}, {32, "32"}, {64, "64"}};

struct histogram {
	uint64_t within[COUNT(times)]; /* of the bounds, each with those before it */
	uint64_t count;
	int64_t sum;
};

struct endpoint_counts {
	const char *name;
	struct histogram us;
	struct {
		char code[4];
		int64_t status;
		uint64_t answers;
	} codes[CODES];
};

struct metrics {
	struct evhttp *http;
	metrics_look look;
	void *context;
	struct endpoint_counts endpoints[ENDPOINTS];
	struct histogram batch;
	uint64_t refused;
};

/* ---- counting ---- */

static void
add(struct histogram *h, const struct bound *bounds, size_t n, int64_t value)
{
	for (size_t i = 0; i < n; i++)
		h->within[i] += value <= bounds[i].most;
	h->count++;
	h->sum += value;
}

void
metrics_answered(struct metrics *m, const char *endpoint, int64_t status, const char *code, int64_t us,
                 int64_t batch)
{
	struct endpoint_counts *e = m->endpoints;

	while (e->name != NULL && strcmp(e->name, endpoint) != 0)
		if (++e == m->endpoints + ENDPOINTS)
			return;
	e->name = endpoint;
	add(&e->us, times, COUNT(times), us);
	if (batch > 0)
		add(&m->batch, sizes, COUNT(sizes), batch);
	for (size_t i = 0; i < CODES; i++) {
		if (e->codes[i].answers > 0 && (e->codes[i].status != status || strcmp(e->codes[i].code, code) != 0))
			continue;
		snprintf(e->codes[i].code, sizeof(e->codes[i].code), "%s", code);
		e->codes[i].status = status;
		e->codes[i].answers++;
		return;
	}
}

void
metrics_refused(struct metrics *m)
{
	m->refused++;
}

/* ---- the text ---- */

static void
head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
write_number(struct evbuffer *out, const char *name, const char *type, const char *help, uint64_t number)
{
	head(out, name, type, help);
	evbuffer_add_printf(out, "%s %" PRIu64 "\n", name, number);
}

/* labels: "" or with a comma behind them; per: how many of the sum are one of the unit, a million or one. */
static void
write_histogram(struct evbuffer *out, const char *name, const char *labels, const struct histogram *h,
                const struct bound *bounds, size_t n, int64_t per)
{
	size_t len = strlen(labels);
	char own[96] = "";

	for (size_t i = 0; i < n; i++)
		evbuffer_add_printf(out, "%s_bucket{%sle=\"%s\"} %" PRIu64 "\n", name, labels, bounds[i].text,
		                    h->within[i]);
	evbuffer_add_printf(out, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, h->count);
	if (len > 0)
		snprintf(own, sizeof(own), "{%.*s}", (int) len - 1, labels);
	evbuffer_add_printf(out, "%s_sum%s %" PRId64, name, own, h->sum / per);
	if (per > 1)
		evbuffer_add_printf(out, ".%06" PRId64, h->sum % per);
	evbuffer_add_printf(out, "\n%s_count%s %" PRIu64 "\n", name, own, h->count);
}

static void
write_endpoints(const struct metrics *m, struct evbuffer *out)
{
	static const char duration[] = "handback_api_request_duration_seconds",
	                  answers[] = "handback_api_requests_total";
	char labels[64];

	head(out, duration, "histogram", "from a whole request to its answer");
	for (const struct endpoint_counts *e = m->endpoints; e < m->endpoints + ENDPOINTS && e->name != NULL;
	     e++) {
		snprintf(labels, sizeof(labels), "endpoint=\"%s\",", e->name);
		write_histogram(out, duration, labels, &e->us, times, COUNT(times), 1000000);
	}
	head(out, answers, "counter", "answers by HTTP status and code");
	for (const struct endpoint_counts *e = m->endpoints; e < m->endpoints + ENDPOINTS && e->name != NULL; e++)
		for (size_t i = 0; i < CODES && e->codes[i].answers > 0; i++)
			evbuffer_add_printf(out, "%s{endpoint=\"%s\",status=\"%" PRId64 "\",code=\"%s\"} %" PRIu64 "\n",
			                    answers, e->name, e->codes[i].status, e->codes[i].code, e->codes[i].answers);
}

static void
write_all(const struct metrics *m, struct evbuffer *out)
{
	static const char batch[] = "handback_api_batch_calls";
	struct metrics_now now = {0};

	m->look(m->context, &now);
	write_endpoints(m, out);
	head(out, batch, "histogram", "how many calls one transaction answered, as each call of it saw it");
	write_histogram(out, batch, "", &m->batch, sizes, COUNT(sizes), 1);
	write_number(out, "handback_api_fence_refusals_total", "counter",
	             "requests that could be read in two ways, or asked for no path", m->refused);
	write_number(out, "handback_api_connections", "gauge", "open connections of callers", now.connections);
	write_number(out, "handback_api_calls", "gauge", "calls that wait for their answer", now.calls);
	write_number(out, "handback_api_processes", "gauge", "processes of handback-api that are there",
	             now.processes);
	write_number(out, "handback_api_held_bytes", "gauge",
	             "bytes of unfinished requests, beyond 4 KiB of each", (uint64_t) now.bytes);
}

/* ---- serving ---- */

static void
on_metrics(struct evhttp_request *request, void *context)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(request);

	write_all(context, out);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
	                  "text/plain; version=0.0.4");
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	evhttp_send_reply(request, 200, NULL, NULL);
}

struct metrics *
metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->http != NULL)
		evhttp_free(m->http);
	free(m);
}

bool
metrics_serve(struct metrics *m, struct event_base *base, int listener, metrics_look look, void *context)
{
	m->look = look;
	m->context = context;
	m->http = evhttp_new(base);
	if (m->http == NULL)
		return false;
	evhttp_set_max_headers_size(m->http, REQUEST_BYTES);
	evhttp_set_max_body_size(m->http, 0);
	evhttp_set_timeout(m->http, TIMEOUT_S);
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET);
	return evhttp_set_cb(m->http, "/metrics", on_metrics, m) == 0 &&
	       evhttp_accept_socket(m->http, listener) == 0;
}
