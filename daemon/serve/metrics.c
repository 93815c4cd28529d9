#include "daemon/serve/metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/gauges.h"
#include "lib/base/io.h"

#define GAUGES_BYTES (1 << 20) /* of what another process reports */
#define REQUEST_BYTES 8192
#define TIMEOUT_S 10

struct metrics {
	struct evhttp *http;
	char path[sizeof(((struct sockaddr_un *) 0)->sun_path)]; /* of the socket; empty: a loopback address */
	const struct engine *engine;
	const struct status_facts *facts;
};

/* ---- the text ---- */

static void
head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline are escaped. */
static void
label(struct evbuffer *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			evbuffer_add(out, "\\n", 2);
		else {
			if (*text == '\\' || *text == '"')
				evbuffer_add(out, "\\", 1);
			evbuffer_add(out, text, 1);
		}
}

/* name{source="...",partner="...",what="word"} number */
static void
sample(struct evbuffer *out, const char *name, const struct source *s, const char *what, const char *word,
       uint64_t number)
{
	evbuffer_add_printf(out, "%s{source=\"", name);
	label(out, s->name);
	evbuffer_add_printf(out, "\",partner=\"");
	label(out, s->partner);
	evbuffer_add_printf(out, "\",%s=\"%s\"} %llu\n", what, word, (unsigned long long) number);
}

struct counted {
	const char *word;
	size_t offset; /* in struct engine_totals */
};
#define TOTAL(member) offsetof(struct engine_totals, member)

static void
write_counts(struct evbuffer *out, const struct engine *e, const char *name, const char *what,
             const struct counted *counts, size_t n)
{
	for (size_t i = 0; i < e->source_count; i++)
		for (size_t k = 0; k < n; k++) {
			uint64_t number;

			memcpy(&number, (const char *) &e->sources[i]->totals + counts[k].offset, sizeof(number));
			sample(out, name, e->sources[i], what, counts[k].word, number);
		}
}

#define COUNTS(array) (array), sizeof(array) / sizeof((array)[0])

static void
write_done(struct evbuffer *out, const struct engine *e)
{
	static const struct counted files[] = {
	    {"posted", TOTAL(posted)}, {"held", TOTAL(held)}, {"duplicate", TOTAL(duplicate)}};
	static const struct counted records[] = {{"confirmed", TOTAL(confirmed)},
	                                         {"reversed", TOTAL(reversed)},
	                                         {"already_applied", TOTAL(already_applied)},
	                                         {"duplicate_record", TOTAL(duplicate_record)},
	                                         {"informational", TOTAL(informational)},
	                                         {"held", TOTAL(held_records)}};
	static const struct counted points[] = {{"reversed", TOTAL(points)}};
	static const struct counted again[] = {
	    {"gone", TOTAL(gone)}, {"busy", TOTAL(busy)}, {"failed", TOTAL(failed)}};

	head(out, "handback_files_total", "counter", "Files decided since the start, by what became of them");
	write_counts(out, e, "handback_files_total", "state", COUNTS(files));
	head(out, "handback_records_total", "counter", "Records of posted files by outcome");
	write_counts(out, e, "handback_records_total", "outcome", COUNTS(records));
	head(out, "handback_points_total", "counter", "Points of posted files by outcome");
	write_counts(out, e, "handback_points_total", "outcome", COUNTS(points));
	head(out, "handback_jobs_undecided_total", "counter", "Jobs that ended without a decision: tried again");
	write_counts(out, e, "handback_jobs_undecided_total", "end", COUNTS(again));
	head(out, "handback_file_seconds_total", "counter", "Time that workers took for decided files");
	for (size_t i = 0; i < e->source_count; i++) {
		evbuffer_add_printf(out, "handback_file_seconds_total{source=\"");
		label(out, e->sources[i]->name);
		evbuffer_add_printf(out, "\"} %llu.%03llu\n", (unsigned long long) e->sources[i]->totals.ms / 1000,
		                    (unsigned long long) e->sources[i]->totals.ms % 1000);
	}
}

static void
scan_sample(struct evbuffer *out, const struct source *s, const char *transport, const char *result,
            uint64_t n)
{
	evbuffer_add_printf(out, "handback_source_scans_total{source=\"");
	label(out, s->name);
	evbuffer_add_printf(out, "\",partner=\"");
	label(out, s->partner);
	evbuffer_add_printf(out, "\",transport=\"%s\",result=\"%s\"} %llu\n", transport, result,
	                    (unsigned long long) n);
}

static void
write_scans(struct evbuffer *out, const struct source *s)
{
	for (int result = SCAN_FILES; result < SCAN_RESULTS; result++)
		scan_sample(out, s, "directory", scan_words[result], s->scans_by_result[result]);
	for (int result = SFTP_FILES; s->sftp != NULL && result < SFTP_POLL_RESULTS; result++)
		scan_sample(out, s, "sftp", sftp_poll_words[result], s->sftp->polls_by_result[result]);
}

static void
write_sources(struct evbuffer *out, const struct engine *e)
{
	head(out, "handback_inbound_files", "gauge", "Tracked files in inbound directories by state");
	for (size_t i = 0; i < e->source_count; i++)
		for (int state = 0; state < FILE_STATES; state++)
			sample(out, "handback_inbound_files", e->sources[i], "state", file_state_words[state],
			       e->sources[i]->counts[state] + (state == FILE_REFUSED ? e->sources[i]->unnamed : 0));
	head(out, "handback_source_scans_total", "counter",
	     "Scans of inbound directories and polls of partners' servers by result");
	for (size_t i = 0; i < e->source_count; i++)
		write_scans(out, e->sources[i]);
	head(out, "handback_host_key_mismatches_total", "counter", "Servers that showed another key than pinned");
	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i]->sftp != NULL)
			sample(out, "handback_host_key_mismatches_total", e->sources[i], "kind", "host_key",
			       e->sources[i]->sftp->mismatches);
}

static void
write_stages(struct evbuffer *out, const struct engine *e)
{
	head(out, "handback_stage_seconds_total", "counter", "Time of files up to each stage's end");
	for (size_t i = 0; i < ENGINE_STAGES && e->stages[i].name[0] != '\0'; i++) {
		evbuffer_add_printf(out, "handback_stage_seconds_total{stage=\"");
		label(out, e->stages[i].name);
		evbuffer_add_printf(out, "\"} %lld.%03lld\n", (long long) e->stages[i].ms / 1000,
		                    (long long) e->stages[i].ms % 1000);
	}
}

static void
write_daemon(struct evbuffer *out, const struct metrics *m)
{
	const struct engine *e = m->engine;
	struct statvfs fs;
	size_t ready = engine_ready(e);
	uint64_t starts = e->starts;

	for (size_t i = 0; i < e->worker_count; i++)
		starts += e->workers[i]->starts;
	head(out, "handback_database_up", "gauge", "1 while a worker has a database connection");
	evbuffer_add_printf(out, "handback_database_up %d\n", ready > 0);
	if (e->database.timeline > 0) {
		head(out, "handback_database_timeline", "gauge", "Timeline of the server: each promotion makes another");
		evbuffer_add_printf(out, "handback_database_timeline{server=\"");
		label(out, e->database.server);
		evbuffer_add_printf(out, "\"} %lld\n", (long long) e->database.timeline);
	}
	head(out, "handback_workers_ready", "gauge", "Workers that have a database connection");
	evbuffer_add_printf(out, "handback_workers_ready %zu\n", ready);
	head(out, "handback_worker_starts_total", "counter", "Workers that were started");
	evbuffer_add_printf(out, "handback_worker_starts_total %llu\n", (unsigned long long) starts);
	head(out, "handback_database_retries_total", "counter",
	     "Transactions that were run again and connections that were reopened");
	evbuffer_add_printf(out, "handback_database_retries_total %llu\n", (unsigned long long) e->retries);
	head(out, "handback_loop_late_seconds", "gauge",
	     "How late the event loop ran at worst in the last minute");
	evbuffer_add_printf(out, "handback_loop_late_seconds %lld.%03lld\n",
	                    (long long) m->facts->worst_late_ms / 1000,
	                    (long long) m->facts->worst_late_ms % 1000);
	head(out, "handback_reload_failed", "gauge", "1 while the configuration on disk was not taken");
	evbuffer_add_printf(out, "handback_reload_failed %d\n", m->facts->reload_error != NULL);
	head(out, "handback_start_timestamp_seconds", "gauge", "When handbackd was started");
	evbuffer_add_printf(out, "handback_start_timestamp_seconds %lld\n",
	                    (long long) (m->facts->started_us / 1000000));
	if (statvfs(e->config->spool, &fs) == 0) {
		head(out, "handback_spool_free_bytes", "gauge", "Room for the spool's file system");
		evbuffer_add_printf(out, "handback_spool_free_bytes %llu\n",
		                    (unsigned long long) fs.f_bavail * fs.f_frsize);
	}
}

/* What others left for us in the spool, as it was written; what is no file of ours is left out. */
static void
write_told(struct evbuffer *out, const struct engine *e, const char *name)
{
	int spool = open(e->config->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *text;
	size_t len;

	if (spool < 0)
		return;
	if (io_read_file(spool, name, GAUGES_BYTES, &text, &len) == 0) {
		evbuffer_add(out, text, len);
		free(text);
	}
	close(spool);
}

/* ---- answers ---- */

static void
answer(struct evhttp_request *request, int code, const char *reason, struct evbuffer *out)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
	                  "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(request, code, reason, out);
	evbuffer_free(out);
}

static void
on_metrics(struct evhttp_request *request, void *context)
{
	struct metrics *m = context;
	struct evbuffer *out = evbuffer_new();

	if (out == NULL) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	if (m->engine != NULL) {
		write_done(out, m->engine);
		write_sources(out, m->engine);
		write_stages(out, m->engine);
		write_daemon(out, m);
		write_told(out, m->engine, GAUGES_COLLECTOR);
		write_told(out, m->engine, GAUGES_NIGHTLY);
		write_told(out, m->engine, GAUGES_VERIFY);
	}
	answer(request, HTTP_OK, "OK", out);
}

static void
on_healthz(struct evhttp_request *request, void *context)
{
	struct evbuffer *out = evbuffer_new();

	(void) context;
	if (out == NULL) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	evbuffer_add_printf(out, "ok\n");
	answer(request, HTTP_OK, "OK", out);
}

static void
on_readyz(struct evhttp_request *request, void *context)
{
	const struct metrics *m = context;
	struct evbuffer *out = evbuffer_new();
	char words[256] = "starting";
	bool ready = false;

	if (out == NULL) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	if (m->engine != NULL) {
		ready = !m->engine->stopping && engine_ready(m->engine) > 0;
		status_words(words, sizeof(words), m->engine);
	}
	evbuffer_add_printf(out, "%s\n", words);
	answer(request, ready ? HTTP_OK : HTTP_SERVUNAVAIL, ready ? "OK" : "Service Unavailable", out);
}

/* ---- life ---- */

static bool
listen_unix(struct metrics *m, const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int bound;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);       /* the spool's lock says that no other handbackd has it */
	mask = umask(0117); /* 0660: the group's monitoring may ask */
	bound = fd < 0 ? -1 : bind(fd, (const struct sockaddr *) &address, sizeof(address));
	umask(mask);
	if (bound == 0 && listen(fd, 16) == 0 && evhttp_accept_socket(m->http, fd) == 0) {
		snprintf(m->path, sizeof(m->path), "%s", path);
		return true;
	}
	snprintf(why, why_size, "metrics: %s: %s", path, strerrordesc_np(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

/* "127.0.0.1:9187", "[::1]:9187": nothing that another machine could reach. */
static bool
listen_loopback(struct metrics *m, const char *where, char *why, size_t why_size)
{
	const char *colon = strrchr(where, ':');
	char host[32] = "";
	long port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;

	if (colon != NULL && (size_t) (colon - where) < sizeof(host))
		memcpy(host, where, (size_t) (colon - where));
	if ((strcmp(host, "127.0.0.1") != 0 && strcmp(host, "[::1]") != 0) || port < 1 || port > 65535) {
		snprintf(why, why_size, "metrics: %s: a socket's path, or 127.0.0.1:PORT, or [::1]:PORT", where);
		return false;
	}
	if (evhttp_bind_socket(m->http, host[0] == '[' ? "::1" : host, (uint16_t) port) == 0)
		return true;
	snprintf(why, why_size, "metrics: %s: %s", where, strerrordesc_np(errno));
	return false;
}

struct metrics *
metrics_new(struct event_base *base, const char *where, const struct status_facts *facts, char *why,
            size_t why_size)
{
	struct metrics *m = calloc(1, sizeof(*m));

	snprintf(why, why_size, "out of memory");
	if (m == NULL)
		return NULL;
	*m = (struct metrics){.http = evhttp_new(base), .facts = facts};
	if (m->http == NULL)
		goto failed;
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(m->http, REQUEST_BYTES);
	evhttp_set_max_body_size(m->http, REQUEST_BYTES);
	evhttp_set_timeout(m->http, TIMEOUT_S);
	if (evhttp_set_cb(m->http, "/metrics", on_metrics, m) < 0 ||
	    evhttp_set_cb(m->http, "/healthz", on_healthz, m) < 0 ||
	    evhttp_set_cb(m->http, "/readyz", on_readyz, m) < 0)
		goto failed;
	if (where[0] == '/' ? listen_unix(m, where, why, why_size) : listen_loopback(m, where, why, why_size))
		return m;
failed:
	metrics_free(m);
	return NULL;
}

void
metrics_of(struct metrics *m, const struct engine *e)
{
	if (m != NULL)
		m->engine = e;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->http != NULL)
		evhttp_free(m->http);
	if (m->path[0] != '\0')
		unlink(m->path);
	free(m);
}
