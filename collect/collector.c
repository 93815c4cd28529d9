#include "collect/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/collect_sql.h"
#include "collect/spool_use.h"
#include "lib/base/exit_codes.h"
#include "lib/base/gauges.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/db/migrate.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/message.h"
#include "lib/protocol/worker_job.h"

#define AGAIN_MS 5000 /* after figures that could not be read */

struct collector {
	struct pg *pg;
	const struct spool *spool;
	const struct config *config;
	struct spool_walker *walker;
};

/* What the database says. */
struct figures {
	struct pg_result *holds, *late, *targets, *tokens, *points, *server;
};

static void
head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* A label's value: the words come from the configuration and the schema, but nobody has promised that. */
static void
label(FILE *out, const char *before, const char *text)
{
	fputs(before, out);
	for (; *text != '\0'; text++)
		if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
}

static void
hold_samples(FILE *out, const char *name, const struct pg_result *r, const char *column)
{
	for (int i = 0; i < pg_rows(r); i++) {
		fputs(name, out);
		label(out, "{partner=\"", pg_text_of(r, i, "partner"));
		label(out, "\",reason=\"", pg_text_of(r, i, "reason"));
		label(out, "\",age=\"", pg_text_of(r, i, "age"));
		fprintf(out, "\"} %s\n", pg_text_of(r, i, column));
	}
}

/* One sample a target, where it has one. */
static void
target_samples(FILE *out, const char *name, const char *help, const struct pg_result *r, const char *column)
{
	head(out, name, help);
	for (int i = 0; i < pg_rows(r); i++)
		if (!pg_null_of(r, i, column)) {
			fputs(name, out);
			label(out, "{target=\"", pg_text_of(r, i, "name"));
			fprintf(out, "\"} %s\n", pg_text_of(r, i, column));
		}
}

static void
write_targets(FILE *out, const struct pg_result *r)
{
	head(out, "handback_target_state", "1 for the state that each told system is in");
	for (int i = 0; i < pg_rows(r); i++) {
		label(out, "handback_target_state{target=\"", pg_text_of(r, i, "name"));
		label(out, "\",state=\"", pg_text_of(r, i, "state"));
		fputs("\"} 1\n", out);
	}
	head(out, "handback_target_objects", "Objects that a told system did not take: later, or held");
	for (int i = 0; i < pg_rows(r); i++)
		for (int held = 0; held < 2; held++) {
			label(out, "handback_target_objects{target=\"", pg_text_of(r, i, "name"));
			fprintf(out, "\",result=\"%s\"} %s\n", held ? "held" : "later",
			        pg_text_of(r, i, held ? "held" : "later"));
		}
	target_samples(out, "handback_target_breaks",
	               "Objects that a told system has otherwise than it was told, for a person to see to", r,
	               "breaks");
	target_samples(out, "handback_target_read_timestamp_seconds",
	               "When a told system was last asked for what it has, to the end", r, "read");
	target_samples(out, "handback_target_waiting_timestamp_seconds",
	               "When the oldest of what a told system was not told yet was recorded", r, "waiting");
}

static void
write_tokens(FILE *out, const struct pg_result *tokens)
{
	head(out, "handback_shop_token_expiry_timestamp_seconds",
	     "Until when the newest token of a catalogue's shop is good");
	for (int i = 0; i < pg_rows(tokens); i++) {
		fputs("handback_shop_token_expiry_timestamp_seconds", out);
		label(out, "{programme=\"", pg_text_of(tokens, i, "programme"));
		label(out, "\",scope=\"", pg_text_of(tokens, i, "scope"));
		fprintf(out, "\"} %s\n", pg_text_of(tokens, i, "expires"));
	}
}

static void
points_samples(FILE *out, const char *name, const struct pg_result *r, const char *column)
{
	for (int i = 0; i < pg_rows(r); i++) {
		fputs(name, out);
		label(out, "{programme=\"", pg_text_of(r, i, "programme"));
		label(out, "\",partner=\"", pg_text_of(r, i, "partner"));
		label(out, "\",matter=\"", pg_text_of(r, i, "matter"));
		label(out, "\",age=\"", pg_text_of(r, i, "age"));
		fprintf(out, "\"} %s\n", pg_text_of(r, i, column));
	}
}

static void
write_points(FILE *out, const struct pg_result *r)
{
	head(out, "handback_points_waiting",
	     "Points requests without an answer, by age, or held; batches that are open, or have no file yet; "
	     "questions that are overdue");
	points_samples(out, "handback_points_waiting", r, "number");
	head(out, "handback_points_waiting_points", "Points of them");
	points_samples(out, "handback_points_waiting_points", r, "points");
	head(out, "handback_points_waiting_timestamp_seconds", "Since when the oldest of them waits");
	points_samples(out, "handback_points_waiting_timestamp_seconds", r, "since");
}

static void
write_database(FILE *out, const struct figures *f)
{
	const struct pg_result *holds = f->holds, *late = f->late;

	head(out, "handback_holds_open", "Open holds by age: at most a day, a week, a month, or longer");
	hold_samples(out, "handback_holds_open", holds, "holds");
	head(out, "handback_hold_oldest_timestamp_seconds", "When the oldest of them was opened");
	hold_samples(out, "handback_hold_oldest_timestamp_seconds", holds, "oldest");
	head(out, "handback_expected_file_due_timestamp_seconds",
	     "When a file was due that is late and has not come");
	for (int i = 0; i < pg_rows(late); i++) {
		fputs("handback_expected_file_due_timestamp_seconds", out);
		label(out, "{source=\"", pg_text_of(late, i, "source"));
		label(out, "\",kind=\"", pg_text_of(late, i, "kind"));
		fprintf(out, "\"} %s\n", pg_text_of(late, i, "due"));
	}
	head(out, "handback_database_synchronous", "1 where a COMMIT waits for a synchronous standby");
	fprintf(out, "handback_database_synchronous %d\n", pg_true_of(f->server, 0, "synchronous"));
	write_targets(out, f->targets);
	write_points(out, f->points);
}

static void
write_spool(FILE *out, const struct spool_use use[SPOOL_PARTS])
{
	head(out, "handback_spool_bytes", "Bytes of the files in each part of the spool");
	for (int part = 0; part < SPOOL_PARTS; part++)
		fprintf(out, "handback_spool_bytes{part=\"%s\"} %" PRIu64 "\n", spool_part_words[part],
		        use[part].bytes);
	head(out, "handback_spool_files", "Files in each part of the spool");
	for (int part = 0; part < SPOOL_PARTS; part++)
		fprintf(out, "handback_spool_files{part=\"%s\"} %" PRIu64 "\n", spool_part_words[part],
		        use[part].files);
	head(out, "handback_collector_timestamp_seconds", "When the database and the spool were last looked at");
	fprintf(out, "handback_collector_timestamp_seconds %lld\n", (long long) time(NULL));
}

static int
write_figures(struct collector *s, const struct figures *f)
{
	struct spool_use use[SPOOL_PARTS];
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (spool_walk(s->walker, s->spool, use) < 0 || (out = open_memstream(&text, &len)) == NULL)
		return -1;
	write_database(out, f);
	write_tokens(out, f->tokens);
	write_spool(out, use);
	rc = fclose(out) == 0 ? gauges_keep(s->spool->root, GAUGES_COLLECTOR, text, len) : -1;
	free(text);
	return rc;
}

static enum pg_status
ask(struct collector *s, struct figures *ret)
{
	enum pg_status status = pg_run(s->pg, sql_collector_holds, 0, NULL, &ret->holds);

	if (status == PG_OK)
		status = pg_run(s->pg, sql_collector_late, 0, NULL, &ret->late);
	if (status == PG_OK)
		status = pg_run(s->pg, sql_collector_targets, 0, NULL, &ret->targets);
	if (status == PG_OK)
		status = pg_run(s->pg, sql_collector_tokens, 0, NULL, &ret->tokens);
	if (status == PG_OK)
		status = pg_run(s->pg, sql_collector_points, 0, NULL, &ret->points);
	if (status == PG_OK)
		status = pg_run(s->pg, sql_collector_server, 0, NULL, &ret->server);
	return status;
}

/* All figures, once; false and why[] when they could not be read. */
static bool
collect(struct collector *s, char *why, size_t size)
{
	struct figures f = {NULL, NULL, NULL, NULL, NULL, NULL};
	enum pg_status status = ask(s, &f);
	bool good = status == PG_OK && write_figures(s, &f) == 0;

	if (status != PG_OK)
		snprintf(why, size, "%s", pg_why(s->pg));
	else if (!good)
		snprintf(why, size, "the spool: %s", strerrordesc_np(errno));
	pg_result_free(f.holds);
	pg_result_free(f.late);
	pg_result_free(f.targets);
	pg_result_free(f.tokens);
	pg_result_free(f.points);
	pg_result_free(f.server);
	return good;
}

/* Waits; false when there is nobody left to collect for: the daemon never says anything. */
static bool
wait_ms(int channel, int64_t ms)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};

	return poll(&p, 1, ms < INT32_MAX ? (int) ms : INT32_MAX) <= 0;
}

int
collector_serve(struct pg *pg, const struct spool *spool, const struct config *config, int channel)
{
	struct collector s = {.pg = pg, .spool = spool, .config = config, .walker = spool_walker_new()};
	char why[LIMIT_MESSAGE_BYTES];
	bool reported = false, good = true;
	int turn = WORKER_TURN_STARTING;
	struct message_line ready;

	if (s.walker == NULL)
		return EXIT_INTERNAL;
	if (migrate_check(pg, why, sizeof(why)) != PG_OK) {
		log_write(LOG_WARNING, "the database cannot be used", LOG_FIELDS(log_text("why", why)));
		spool_walker_free(s.walker);
		return EXIT_UNAVAILABLE;
	}
	if (worker_report_encode(&ready, &turn, WORKER_READY, &(struct worker_report){0}))
		channel_send(channel, ready.text, ready.length, -1); /* nobody there: the wait finds out */
	do {
		if (!good)
			(void) pg_reopen(pg); /* where it does not help, what comes next says why */
		good = collect(&s, why, sizeof(why));
		if (!good && !reported)
			log_write(LOG_WARNING, "the metrics of the database and the spool are not up to date",
			          LOG_FIELDS(log_text("why", why)));
		reported = !good;
	} while (wait_ms(channel, good ? config->metrics_interval_ms : AGAIN_MS));
	spool_walker_free(s.walker);
	return EXIT_CLEAN;
}
