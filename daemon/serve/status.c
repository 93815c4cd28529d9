#include "daemon/serve/status.h"

#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/serve/answer.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

/* A partner's name, as it is shown everywhere; null for none. */
static void
json_name(struct json_build *j, const char *key, const char *name)
{
	char shown[TEXT_ESCAPED_SIZE(LIMIT_NAME_BYTES)];

	text_display(shown, sizeof(shown), name, strlen(name));
	json_text(j, key, name[0] != '\0' ? shown : NULL);
}

/* A source on a server: null for another one. */
static void
write_sftp(struct json_build *j, const struct sftp *s)
{
	if (s == NULL) {
		json_text(j, "sftp", NULL);
		return;
	}
	json_open_map(j, "sftp");
	json_text(j, "source", s->name);
	json_text(j, "host", s->config->sftp.host);
	json_int(j, "port", s->config->sftp.port);
	json_text(j, "state", sftp_state_words[s->state]);
	json_text(j, "poll", sftp_poll_words[s->poll]);
	json_int(j, "last_poll_us", s->polled_us);
	json_int(j, "success_us", s->success_us);
	json_int(j, "failure_us", s->failure_us);
	json_int(j, "next_us", sftp_next_us(s));
	json_text(j, "schedule", s->config->sftp.schedule);
	json_text(j, "stage", s->failures > 0 ? s->error_stage : NULL);
	json_text(j, "error", s->failures > 0 ? s->error : NULL);
	json_int(j, "failures", s->failures);
	json_int(j, "runs", (int64_t) s->runs);
	json_int(j, "fetched", (int64_t) s->files);
	json_int(j, "fetched_bytes", (int64_t) s->bytes);
	json_int(j, "mismatches", (int64_t) s->mismatches);
	json_int(j, "waiting", s->run.waiting);
	json_int(j, "refused", s->run.refused);
	json_name(j, "file", s->run.name);
	json_int(j, "file_bytes", s->run.name_bytes);
	json_int(j, "file_size", s->run.name_size);
	json_open_map(j, "polls");
	for (int poll = SFTP_FILES; poll < SFTP_POLL_RESULTS; poll++)
		json_int(j, sftp_poll_words[poll], (int64_t) s->polls_by_result[poll]);
	json_close(j);
	json_close(j);
}

static void
write_sources(struct json_build *j, const struct engine *e)
{
	json_open_list(j, "sources");
	for (size_t i = 0; i < e->source_count; i++) {
		const struct source *s = e->sources[i];

		json_open_map(j, NULL);
		json_text(j, "name", s->name);
		json_text(j, "partner", s->partner);
		json_text(j, "profile", s->config->profile);
		json_text(j, "directory", s->config->directory);
		json_text(j, "poll", scan_words[s->last]);
		json_text(j, "error",
		          s->last != SCAN_FAILED       ? NULL
		          : s->last_error_text != NULL ? s->last_error_text
		                                       : strerrordesc_np(s->last_error));
		json_int(j, "last_poll_us", s->scanned_us);
		json_bool(j, "watched", s->watch >= 0);
		write_sftp(j, s->sftp);
		json_open_map(j, "polls");
		for (int result = SCAN_FILES; result < SCAN_RESULTS; result++)
			json_int(j, scan_words[result], (int64_t) s->scans_by_result[result]);
		json_close(j);
		for (int state = 0; state < FILE_STATES; state++)
			json_int(j, file_state_words[state],
			         (int64_t) (s->counts[state] + (state == FILE_REFUSED ? s->unnamed : 0)));
		json_close(j);
	}
	json_close(j);
}

static void
write_workers(struct json_build *j, const struct engine *e)
{
	json_open_list(j, "workers");
	for (size_t i = 0; i < e->worker_count; i++) {
		const struct worker *w = e->workers[i];

		json_open_map(j, NULL);
		json_int(j, "worker", w->number);
		json_text(j, "state", w->waiting ? "waiting" : worker_state_words[w->state]);
		json_int(j, "pid", worker_pid(w));
		json_int(j, "jobs", (int64_t) w->jobs);
		json_int(j, "starts", (int64_t) w->starts);
		json_int(j, "failures", w->failures);
		json_close(j);
	}
	json_close(j);
}

static void
write_files(struct json_build *j, const struct engine *e)
{
	json_open_list(j, "files");
	for (size_t i = 0; i < e->worker_count; i++) {
		const struct file *f = e->workers[i]->job ? e->workers[i]->job_of : NULL;

		if (f == NULL)
			continue;
		json_open_map(j, NULL);
		json_text(j, "source", f->source->name);
		json_name(j, "name", f->name);
		json_int(j, "worker", e->workers[i]->number);
		json_text(j, "stage", f->stage[0] != '\0' ? f->stage : NULL);
		json_int(j, "records", f->stage_records);
		json_int(j, "bytes", f->print.size);
		json_int(j, "ms", loop_now_ms() - f->since_ms);
		json_close(j);
	}
	json_close(j);
}

static void
write_totals(struct json_build *j, const struct engine_totals *t)
{
	json_open_map(j, "since_start");
	json_int(j, "posted", (int64_t) t->posted);
	json_int(j, "held", (int64_t) t->held);
	json_int(j, "duplicate", (int64_t) t->duplicate);
	json_int(j, "records", (int64_t) t->records);
	json_int(j, "confirmed", (int64_t) t->confirmed);
	json_int(j, "reversed", (int64_t) t->reversed);
	json_int(j, "held_records", (int64_t) t->held_records);
	json_int(j, "gone", (int64_t) t->gone);
	json_int(j, "busy", (int64_t) t->busy);
	json_int(j, "failed", (int64_t) t->failed);
	json_close(j);
}

static size_t
count_files(const struct engine *e, enum file_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < e->source_count; i++)
		count += e->sources[i]->counts[state];
	return count;
}

void
status_write(struct evbuffer *out, const struct engine *e, const struct status_facts *facts)
{
	struct json_build j = {0};

	json_open_map(&j, NULL);
	json_text(&j, "version", HANDBACK_VERSION);
	json_text(&j, "state", facts->state);
	json_int(&j, "pid", getpid());
	json_int(&j, "started_us", facts->started_us);
	json_int(&j, "now_us", loop_wall_us());
	json_text(&j, "config", e->config->path);
	json_int(&j, "reloaded_us", facts->reloaded_us);
	json_text(&j, "reload_error", facts->reload_error);
	json_open_map(&j, "database");
	json_text(&j, "kind", facts->database);
	json_int(&j, "pid", facts->database_pid);
	json_bool(&j, "was_ready", e->was_ready);
	json_bool(&j, "up", engine_ready(e) > 0);
	json_text(&j, "server", e->database.server[0] != '\0' ? e->database.server : NULL);
	json_int(&j, "timeline", e->database.timeline);
	json_int(&j, "since_us", e->database.since_us);
	json_close(&j);
	json_open_map(&j, "loop");
	json_int(&j, "late_ms", facts->late_ms);
	json_int(&j, "worst_late_ms", facts->worst_late_ms);
	json_close(&j);
	json_bool(&j, "quiet", engine_is_quiet(e));
	json_int(&j, "backlog", (int64_t) (count_files(e, FILE_SETTLING) + count_files(e, FILE_DUE)));
	json_int(&j, "waiting", (int64_t) engine_waiting(e));
	write_sources(&j, e);
	write_workers(&j, e);
	write_files(&j, e);
	write_totals(&j, &e->totals);
	json_close(&j);
	answer_json(out, &j);
}

void
status_words(char *buf, size_t size, const struct engine *e)
{
	size_t handled = e->totals.posted + e->totals.held + e->totals.duplicate;

	snprintf(buf, size,
	         "%zu files handled, %zu in hand, %zu to do, %zu waiting; %zu of %zu sources cannot be read%s",
	         handled, count_files(e, FILE_RUNNING), count_files(e, FILE_SETTLING) + count_files(e, FILE_DUE),
	         engine_waiting(e), engine_failing(e), e->source_count, engine_ready(e) > 0 ? "" : "; no worker is ready");
}
