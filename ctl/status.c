/* status: what the daemon says of itself, over its control socket. */
#include "ctl/handlers.h"
#include "ctl/json_tree.h"
#include "ctl/memory.h"

#include "base/config.h"
#include "base/io.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES (4 << 20)
#define ANSWER_S 5
#define WATCH_S 1

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

static const struct column source_columns[] = {
    {"name", "Source", COLUMN_TEXT, 8, 0, NULL},          {"partner", "Partner", COLUMN_TEXT, 8, 3, NULL},
    {"look", "Last look", COLUMN_WORD, 0, 0, NULL},       {"looked_us", "At (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"settling", "Settling", COLUMN_NUMBER, 0, 0, NULL},  {"due", "Due", COLUMN_NUMBER, 0, 0, NULL},
    {"running", "In hand", COLUMN_NUMBER, 0, 0, NULL},    {"waiting", "Waiting", COLUMN_NUMBER, 0, 0, NULL},
    {"refused", "Not taken", COLUMN_NUMBER, 0, 0, NULL},  {"profile", "Profile", COLUMN_TEXT, 8, 5, NULL},
    {"directory", "Directory", COLUMN_NAME, 16, 6, NULL}, {"error", "Error", COLUMN_SENTENCE, 16, 1, NULL},
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
    {"duplicate", "Files delivered again", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, NULL},
    {"held_records", "Records held", COLUMN_NUMBER, 0, 0, NULL},
    {"failed", "Attempts that failed", COLUMN_NUMBER, 0, 0, NULL},
};

/* "2026-01-31 23:59:59.123456+00" of microseconds since 1970; NULL for none. */
static char *
moment(const char *us_text)
{
	int64_t us = 0;
	struct tm parts;
	char day[32];

	if (!us_text || !text_int(us_text, 1, INT64_MAX, &us))
		return NULL;
	time_t seconds = us / 1000000;
	gmtime_r(&seconds, &parts);
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &parts);
	return mem_format("%s.%06d+00", day, (int) (us % 1000000));
}

static void
add_row(struct table *t, const struct json_node *node)
{
	char **cells = mem_new((size_t) t->column_count, sizeof(char *));

	for (int i = 0; i < t->column_count; i++) {
		const char *text = json_member(node, t->columns[i].key);
		if (t->columns[i].kind == COLUMN_TIME)
			cells[i] = moment(text);
		else if (t->columns[i].kind == COLUMN_BOOL)
			cells[i] = text ? mem_text(strcmp(text, "true") == 0 ? "t" : "f") : NULL;
		else
			cells[i] = mem_text(text);
	}
	table_row(t, (const char *const *) cells);
	for (int i = 0; i < t->column_count; i++)
		free(cells[i]);
	free(cells);
}

static void
add_rows(struct document *d, const struct json_node *answer, const char *key, const char *title,
         const struct column *columns, int count)
{
	const struct json_node *list = json_get(answer, key);
	struct table *t = document_add(d, key, title, TABLE_ROWS, columns, count);

	for (const struct json_node *n = list ? list->first : NULL; n; n = n->next)
		add_row(t, n);
}

static struct document *
document_of(const struct json_node *answer)
{
	struct document *d = document_new("status", NULL);
	const struct json_node *totals = json_get(answer, "since_start");

	add_row(document_add(d, "daemon", NULL, TABLE_FACTS, COLUMNS(daemon_columns)), answer);
	add_rows(d, answer, "files", "In hand", COLUMNS(file_columns));
	add_rows(d, answer, "sources", "Sources", COLUMNS(source_columns));
	add_rows(d, answer, "workers", "Workers", COLUMNS(worker_columns));
	add_row(document_add(d, "since_start", "Since it started", TABLE_FACTS, COLUMNS(total_columns)), totals);
	return d;
}

/* One line that the daemon answers with; NULL with errno. */
static char *
ask(const char *path, const char *question)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_S};
	char *answer = NULL;
	size_t len = 0;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	/* we say no more, so that it hangs up when it has answered */
	bool good = connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 &&
	            io_write_all(fd, question, strlen(question)) == 0 && shutdown(fd, SHUT_WR) == 0 &&
	            io_read_all(fd, ANSWER_BYTES, &answer, &len) == 0;
	int saved = errno;
	close(fd);
	errno = saved;
	return good ? answer : NULL;
}

static int
show_once(struct session *s)
{
	char *text = ask(s->config->control, "status\n");

	if (!text) {
		complain("no handbackd answers at %s: %s", s->config->control, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	struct json_node *answer = json_parse(text);
	free(text);
	if (!answer || answer->kind != JSON_MAP || !json_member(answer, "state")) {
		complain("what handbackd answers at %s makes no sense", s->config->control);
		json_free(answer);
		return EXIT_INTERNAL;
	}
	struct document *d = document_of(answer);
	json_free(answer);
	int code = session_show(s, d);
	document_free(d);
	return code;
}

int
run_status(struct session *s)
{
	int code = session_config(s);

	if (code != EXIT_CLEAN || !s->value[OPT_WATCH])
		return code == EXIT_CLEAN ? show_once(s) : code;
	while (code == EXIT_CLEAN || code == EXIT_UNAVAILABLE) {
		if (s->terminal.colour)
			fputs("\033[H\033[J", stdout);
		code = show_once(s);
		if (ferror(stdout))
			break;
		sleep(WATCH_S);
	}
	return code;
}
