/* status: what the daemon says of itself over its control socket, and what the database says waits. */
#include "ctl/ctl_sql.h"
#include "ctl/daemon_answer.h"
#include "ctl/handlers.h"
#include "ctl/watch.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/file_tables.h"

#define WATCH_S 1
#define DUE_SHOWN "12"

/* Columns are the members of the answer; those that end in _us are times. */
static const struct column daemon_columns[] = {
    {"state", "handbackd is", COLUMN_WORD, 0, 0, NULL},
    {"pid", "Process", COLUMN_TEXT, 0, 0, NULL},
    {"version", "Version", COLUMN_TEXT, 0, 0, NULL},
    {"started_us", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"config", "Configuration", COLUMN_TEXT, 0, 0, NULL},
    {"reloaded_us", "Read again (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"reload_error", "Last reload failed", COLUMN_SENTENCE, 0, 0, NULL},
    {"quiet", "Nothing to do", COLUMN_BOOL, 0, 0, NULL},
    {"backlog", "Files to do", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting", "Files that failed and wait", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column database_columns[] = {
    {"server", "Database server", COLUMN_TEXT, 0, 0, NULL},
    {"timeline", "Timeline", COLUMN_TEXT, 0, 0, NULL},
    {"since", "Running since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"standbys", "Synchronous standbys", COLUMN_TEXT, 0, 0, NULL},
    {"synchronous_commit", "synchronous_commit", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column source_columns[] = {
    {"name", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 3, NULL},
    {"poll", "Last poll", COLUMN_WORD, 0, 0, NULL},
    {"last_poll_us", "At (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"settling", "Settling", COLUMN_NUMBER, 0, 0, NULL},
    {"due", "Due", COLUMN_NUMBER, 0, 0, NULL},
    {"running", "In hand", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting", "Waiting", COLUMN_NUMBER, 0, 0, NULL},
    {"refused", "Not taken", COLUMN_NUMBER, 0, 0, NULL},
    {"profile", "Profile", COLUMN_TEXT, 8, 5, NULL},
    {"directory", "Directory", COLUMN_NAME, 16, 6, NULL},
    {"error", "Error", COLUMN_SENTENCE, 16, 1, NULL},
};

static const struct column file_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 1, NULL},   {"name", "File in hand", COLUMN_NAME, 16, 0, NULL},
    {"stage", "Stage", COLUMN_TEXT, 6, 0, NULL},     {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"bytes", "Bytes", COLUMN_NUMBER, 0, 2, NULL},   {"ms", "Milliseconds", COLUMN_NUMBER, 0, 2, NULL},
    {"worker", "Worker", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct column worker_columns[] = {
    {"worker", "Worker", COLUMN_NUMBER, 0, 0, NULL}, {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"pid", "Process", COLUMN_TEXT, 0, 1, NULL},     {"jobs", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"starts", "Starts", COLUMN_NUMBER, 0, 2, NULL}, {"failures", "Failures", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column total_columns[] = {
    {"posted", "Files posted", COLUMN_NUMBER, 0, 0, NULL},
    {"held", "Files held", COLUMN_NUMBER, 0, 0, NULL},
    {"duplicate", "Duplicate deliveries", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, NULL},
    {"held_records", "Records held", COLUMN_NUMBER, 0, 0, NULL},
    {"failed", "Attempts that failed", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column hold_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},     {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},       {"points", "Points", COLUMN_NUMBER, 0, 2, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 1, NULL},
};

static const struct column due_columns[] = {
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL}, {"kind", "Expected", COLUMN_TEXT, 6, 0, NULL},
    {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL}, {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"came", "Came", COLUMN_NUMBER, 0, 1, NULL},   {"files", "Of", COLUMN_NUMBER, 0, 1, NULL},
};

static const struct column target_columns[] = {
    {"target", "Target", COLUMN_TEXT, 8, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"waiting_since", "Waiting since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"later", "Later", COLUMN_NUMBER, 0, 1, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 2, NULL},
};

static const struct column points_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 1, NULL},
    {"matter", "Points requests", COLUMN_WORD, 0, 0, NULL},
    {"number", "Number", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"since", "Oldest (UTC)", COLUMN_TIME, 0, 0, NULL},
};

static void
add_rows(struct document *d, const struct json *answer, const char *key, const char *title,
         const struct column *columns, int count)
{
	const struct json *list = json_get(answer, key);
	struct table *t = document_add(d, key, title, TABLE_ROWS, columns, count);

	for (size_t i = 0; i < json_count(list); i++)
		daemon_row(t, json_item(list, i));
}

static int
fill_server(struct session *s, struct table *t)
{
	const char *server[] = {pg_server(s->query.pg), pg_timeline(s->query.pg)};

	return query_fill(&s->query, t, sql_status_database, 2, server);
}

/* What only the database knows; where it cannot be asked, the rest is shown all the same. */
static void
add_database(struct session *s, struct document *d)
{
	struct table *database = document_add(d, "database", NULL, TABLE_FACTS, COLUMNS(database_columns));
	const char *limit = format_is_for_machines(s->format) ? NULL : DUE_SHOWN;
	struct table *holds = document_add(d, "holds", "Open holds", TABLE_ROWS, COLUMNS(hold_columns));
	struct table *due =
	    document_add(d, "due", "Files that are late, and the next", TABLE_ROWS, COLUMNS(due_columns));
	struct table *targets = document_add(d, "targets", "Told systems", TABLE_ROWS, COLUMNS(target_columns));
	struct table *points =
	    document_add(d, "points", "Points requests that wait", TABLE_ROWS, COLUMNS(points_columns));

	if ((s->query.pg != NULL || session_open(s, SESSION_NOW) == EXIT_CLEAN) &&
	    fill_server(s, database) == EXIT_CLEAN &&
	    query_fill(&s->query, holds, sql_status_holds, 0, NULL) == EXIT_CLEAN &&
	    query_fill(&s->query, due, sql_status_due, 1, &limit) == EXIT_CLEAN &&
	    query_fill(&s->query, targets, sql_status_targets, 0, NULL) == EXIT_CLEAN &&
	    query_fill(&s->query, points, sql_status_points, 0, NULL) == EXIT_CLEAN &&
	    file_releases(&s->query, d, NULL, NULL) == EXIT_CLEAN) {
		table_empty(holds, "nothing");
		return;
	}
	table_note(holds, mem_text("the database could not be asked"));
	table_empty(holds, "unknown");
	session_close(s); /* and opened again for the next picture */
}

/* The daemon first: an embedded database is not started for somebody who only looks. */
static int
make(struct session *s, struct document **ret)
{
	struct json *answer;
	int code = daemon_status(s, &answer);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("status", NULL);
	daemon_row(document_add(d, "daemon", NULL, TABLE_FACTS, COLUMNS(daemon_columns)), answer);
	add_rows(d, answer, "files", "In hand", COLUMNS(file_columns));
	add_rows(d, answer, "sources", "Sources", COLUMNS(source_columns));
	add_database(s, d);
	add_rows(d, answer, "workers", "Workers", COLUMNS(worker_columns));
	daemon_row(document_add(d, "since_start", "Since it started", TABLE_FACTS, COLUMNS(total_columns)),
	           json_get(answer, "since_start"));
	json_free(answer);
	*ret = d;
	return EXIT_CLEAN;
}

static int
show(struct session *s)
{
	struct document *d;
	int code = make(s, &d);

	if (code != EXIT_CLEAN)
		return code;
	code = session_show(s, d);
	document_free(d);
	return code;
}

static int
draw(struct session *s, FILE *out)
{
	struct document *d;
	int code;

	if (!s->terminal.screen || s->format != FORMAT_TEXT)
		return show(s);
	code = make(s, &d);
	if (code == EXIT_CLEAN) {
		render_text(out, d, &s->terminal);
		document_free(d);
	} else
		fprintf(out, "no handbackd answers at %s; asked again every %d s\n", s->config->control, WATCH_S);
	return code;
}

int
run_status(struct session *s)
{
	int code = session_config(s);

	if (code != EXIT_CLEAN)
		return code;
	return s->value[OPT_WATCH] != NULL ? watch(s, draw, WATCH_S) : show(s);
}
