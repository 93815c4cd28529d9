/* target: which systems are told what becomes of redemptions, and in which shape. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "ctl/target/connector.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/connector/connector.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define SHOWN "50" /* for people; JSON and CSV have all */

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL},
    {"version", "Version", COLUMN_NUMBER, 0, 0, NULL},
    {"causes", "How many", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column target_columns[] = {
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"reason", "Reason", COLUMN_SENTENCE, 20, 0, NULL},
    {"last", "Last delivery (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 1, NULL},
    {"later", "Later", COLUMN_NUMBER, 0, 0, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 0, NULL},
    {"breaks", "Breaks", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting_since", "Waiting since (UTC)", COLUMN_TIME, 0, 0, NULL},
};
static const struct column held_columns[] = {
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 20, 0, NULL},
    {"since", "Held since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"tries", "Tries", COLUMN_NUMBER, 0, 0, NULL},
    {"status", "Status", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 0, NULL},
};
static const struct column parity_columns[] = {
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL},
    {"started", "Started (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"ended", "Ended (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"result", "Result", COLUMN_WORD, 0, 0, NULL},
    {"objects", "Read", COLUMN_NUMBER, 0, 0, NULL},
    {"missing", "Missing", COLUMN_NUMBER, 0, 0, NULL},
    {"differing", "Differing", COLUMN_NUMBER, 0, 0, NULL},
    {"unread", "Not read", COLUMN_NUMBER, 0, 0, NULL},
    {"resent", "Told again", COLUMN_NUMBER, 0, 0, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 1, NULL},
};
static const struct column difference_columns[] = {
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL}, {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},       {"difference", "Difference", COLUMN_SENTENCE, 20, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
};
static const struct column break_columns[] = {
    {"target", "Target", COLUMN_TEXT, 0, 0, NULL},
    {"kind", "Object", COLUMN_WORD, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},
    {"difference", "Difference", COLUMN_SENTENCE, 20, 0, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"owner", "Owner", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column lint_columns[] = {
    {"connector", "Connector", COLUMN_NAME, 0, 0, NULL},
    {"state", "Result", COLUMN_WORD, 0, 0, NULL},
    {"errors", "Errors", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column problem_columns[] = {
    {"problem", "Problem", COLUMN_SENTENCE, 30, 0, NULL},
};
/* ---- connectors ---- */

int
run_target_lint(struct session *s)
{
	struct document *d = document_new("lint", NULL);
	struct table *connectors = document_add(d, "connectors", NULL, TABLE_ROWS, COLUMNS(lint_columns));
	struct table *problems = document_add(d, "problems", NULL, TABLE_ROWS, COLUMNS(problem_columns));
	int worst = EXIT_CLEAN, code;

	for (int i = 0; i < s->argument_count; i++) {
		struct problems *p = problems_new(s->arguments[i]);
		char *text = NULL, errors[24];
		size_t len = 0;

		code = connector_read(s->arguments[i], &text, &len);
		if (code == EXIT_CLEAN) {
			struct connector *c = connector_compile(text, len, p);
			const char *cells[] = {s->arguments[i], c != NULL ? "ok" : "error", errors};

			snprintf(errors, sizeof(errors), "%zu", problems_errors(p));
			table_row(connectors, cells);
			worst = c != NULL ? worst : EXIT_USAGE;
			connector_free(c);
		} else {
			worst = code;
		}
		for (size_t line = 0; problems_line(p, line) != NULL; line++) {
			const char *cells[] = {problems_line(p, line)};

			table_row(problems, cells);
			/* at the beginning of a line, where editors find them */
			if (s->format == FORMAT_TEXT)
				puts(cells[0]);
		}
		free(text);
		problems_free(p);
	}
	if (s->format == FORMAT_TEXT)
		document_drop(d, problems);
	code = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? worst : code;
}

/* ---- changes ---- */

static int
change(struct session *s, const char *what, const char *sql, int params, const char *const *values)
{
	int code = session_open(s, SESSION_DECIDES);
	struct pg_result *r = NULL;
	enum pg_status status;

	if (code != EXIT_CLEAN)
		return code;
	status = pg_run(s->query.pg, sql, params, values, &r);
	if (status != PG_OK) {
		complain("%s", pg_why(s->query.pg));
		return status == PG_ERROR ? EXIT_USAGE : status == PG_RETRY ? EXIT_FAILED : EXIT_UNAVAILABLE;
	}
	const char *cells[] = {what, values[0], pg_text_of(r, 0, "version"), pg_text_of(r, 0, "causes")};
	struct document *d = document_new("done", NULL);

	table_row(document_add(d, "done", NULL, TABLE_FACTS, COLUMNS(done_columns)), cells);
	code = session_show(s, d);
	document_free(d);
	pg_result_free(r);
	return code;
}

int
run_target_add(struct session *s)
{
	struct connector *c = NULL;
	char *text = NULL;
	size_t len = 0;
	int code = connector_read(s->arguments[2], &text, &len);

	if (code == EXIT_CLEAN && (c = connector_compile_named(s->arguments[2], text, len)) == NULL)
		code = EXIT_USAGE;
	connector_free(c);
	if (code == EXIT_CLEAN) {
		const char *values[] = {s->arguments[0], s->arguments[1], text};

		code = change(s, "added", sql_target_add, 3, values);
	}
	free(text);
	return code;
}

int
run_target_pause(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_why(s);

	return code == EXIT_CLEAN ? change(s, "paused", sql_target_pause, 2, values) : code;
}

int
run_target_resume(struct session *s)
{
	return change(s, "resumed", sql_target_resume, 1, (const char *const *) s->arguments);
}

int
run_target_replay(struct session *s)
{
	struct period period;
	int code = ask_period(s, &period);
	const char *values[] = {s->arguments[0], period.from};

	if (code != EXIT_CLEAN)
		return code;
	/* without a day: what it refused */
	if (period.from[0] == '\0')
		return change(s, "replayed", sql_target_replay_held, 1, values);
	return change(s, "replayed", sql_target_replay, 2, values);
}

int
run_target_assign(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->value[OPT_WHY]};
	int code = ask_text(values[1], "WHO");

	if (code == EXIT_CLEAN && values[2] != NULL)
		code = ask_text(values[2], "--why");
	return code == EXIT_CLEAN ? change(s, "assigned", sql_target_assign, 3, values) : code;
}

int
run_target_status(struct session *s)
{
	const char *limit;
	char buf[24];
	int code = ask_limit(s, SHOWN, buf, &limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("targets", NULL);
	struct table *t = document_add(d, "targets", NULL, TABLE_ROWS, COLUMNS(target_columns));

	table_empty(t, "no target: nothing is told to other systems");
	code = query_fill(&s->query, t, sql_targets, 1, &limit);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

int
run_target_held(struct session *s)
{
	const char *name = s->arguments[0], *limit;
	struct pg_result *r = NULL;
	char buf[24];
	int code = ask_limit(s, SHOWN, buf, &limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code != EXIT_CLEAN)
		return code;
	if (pg_run(s->query.pg, sql_target_connector, 1, &name, &r) != PG_OK || pg_rows(r) == 0) {
		if (r == NULL)
			complain("%s", pg_why(s->query.pg));
		else
			complain("there is no target %s: handbackctl target status lists them", name);
		pg_result_free(r);
		return EXIT_USAGE;
	}
	pg_result_free(r);
	struct document *d = document_new("held", NULL);
	struct table *t = document_add(d, "held", NULL, TABLE_ROWS, COLUMNS(held_columns));
	const char *values[] = {name, limit};

	table_empty(t, "nothing is held");
	code = query_fill(&s->query, t, sql_target_held, 2, values);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

/* What read-backs found: each of them, what waits for a person, and what the newest found. */
static int
show_parity(struct session *s, const char *name, const char *limit)
{
	const char *values[] = {name, limit};
	struct document *d = document_new("parity", NULL);
	struct table *runs = document_add(d, "parity", NULL, TABLE_ROWS, COLUMNS(parity_columns));
	struct table *breaks =
	    document_add(d, "breaks", "What a person has to see to", TABLE_ROWS, COLUMNS(break_columns));
	struct table *differences =
	    document_add(d, "differences", "What the newest one found", TABLE_ROWS, COLUMNS(difference_columns));
	int code;

	table_empty(runs, "no target was asked for what it has yet");
	table_empty(breaks, "nothing");
	table_empty(differences, "nothing is missing, and nothing differs");
	code = query_fill(&s->query, runs, sql_target_parity, 2, values);
	if (code == EXIT_CLEAN)
		code = query_fill(&s->query, breaks, sql_target_breaks, 2, values);
	if (code == EXIT_CLEAN)
		code = query_fill(&s->query, differences, sql_target_differences, 2, values);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

int
run_target_parity(struct session *s)
{
	const char *name = s->argument_count > 0 ? s->arguments[0] : NULL, *limit;
	struct period period;
	char buf[24];
	int code = ask_period(s, &period);

	if (code == EXIT_CLEAN)
		code = ask_limit(s, SHOWN, buf, &limit);
	if (code == EXIT_CLEAN && period.from[0] != '\0') {
		const char *values[] = {name, period.from};

		if (name != NULL)
			return change(s, "begun", sql_target_parity_begin, 2, values);
		complain("--from needs the NAME of a target");
		return EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	return code == EXIT_CLEAN ? show_parity(s, name, limit) : code;
}
