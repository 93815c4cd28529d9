#include "ctl/session.h"

#include "lib/config/config.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "ctl/owner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <pwd.h>
#include <stdarg.h>
#include <unistd.h>

void
complain(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return;
	char *safe = escape_terminal(text);
	fprintf(stderr, "handbackctl: %s\n", safe);
	free(safe);
	free(text);
}

void
session_close(struct session *s)
{
	connect_close(&s->connection);
	s->pg = NULL;
}

void
session_end(struct session *s)
{
	session_close(s);
	config_free(s->config);
	s->config = NULL;
}

int
session_config(struct session *s)
{
	const char *path = s->value[OPT_CONFIG] ? s->value[OPT_CONFIG] : PATHS_CONFIG;

	if (s->config)
		return EXIT_CLEAN;
	struct problems *p = problems_new(path);
	s->config = config_load(path, p);
	for (size_t i = 0; problems_line(p, i); i++)
		complain("%s", problems_line(p, i));
	problems_free(p);
	if (!s->config)
		return EXIT_USAGE;
	/* before anything of the service's is touched */
	char why[LIMIT_MESSAGE_BYTES];
	if (owner_become(s->config->spool, why, sizeof(why)))
		return EXIT_CLEAN;
	complain("%s", why);
	return EXIT_UNAVAILABLE;
}

int
session_open(struct session *s, enum session_role role)
{
	static const char *const roles[] = {
	    [SESSION_OWNER] = NULL,
	    [SESSION_MAKES] = NULL,
	    [SESSION_READS] = "{handback_finance,handback_verify}",
	    [SESSION_DECIDES] = "{handback_operator}",
	    [SESSION_POSTS] = "{handback_daemon}",
	    [SESSION_NIGHT] = "{handback_nightly}",
	};
	struct connect how = {.application = "handbackctl",
	                      .conninfo = s->value[OPT_DATABASE],
	                      .roles = roles[role],
	                      .database = role == SESSION_MAKES ? "postgres" : NULL,
	                      .start = true,
	                      .checked = roles[role] != NULL};
	/* who decides has to be somebody: the embedded database's user of the same name as ours, where there is
	 * one */
	const struct passwd *user = role == SESSION_DECIDES ? getpwuid(s->person) : NULL;
	char why[LIMIT_MESSAGE_BYTES] = "";
	int code = how.conninfo ? EXIT_CLEAN : session_config(s);

	if (code != EXIT_CLEAN)
		return code;
	how.config = s->config;
	how.user = user ? user->pw_name : NULL;
	code = connect_open(&how, &s->connection, why, sizeof(why));
	if (code != EXIT_CLEAN && how.user && s->config && s->config->database_embedded) {
		how.user = NULL;
		code = connect_open(&how, &s->connection, why, sizeof(why));
	}
	if (code != EXIT_CLEAN) {
		complain("%s", why);
		return code;
	}
	s->pg = s->connection.pg;
	if (*pg_warning(s->pg))
		complain("the database: %s", pg_warning(s->pg));
	return EXIT_CLEAN;
}

int
session_spool(struct session *s)
{
	bool asked = s->value[OPT_CONFIG] || !s->value[OPT_DATABASE] || access(PATHS_CONFIG, R_OK) == 0;

	if (!s->config && (!asked || session_config(s) != EXIT_CLEAN))
		return -1;
	return open(s->config->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
session_file(const char *path, int *ret_fd)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_fd = fd;
		return EXIT_CLEAN;
	}
	complain("%s: %s", path, fd < 0 ? strerror(errno) : "not a regular file");
	if (fd >= 0)
		close(fd);
	return EXIT_USAGE;
}

int
session_failed(const struct session *s, enum pg_status status)
{
	complain("the database: %s", pg_why(s->pg));
	return connect_exit(status);
}

/* The statement and the table must speak of the same things. */
static bool
fits(const struct table *t, const struct pg_result *r)
{
	if (pg_columns(r) != t->column_count)
		return false;
	for (int i = 0; i < t->column_count; i++)
		if (strcmp(pg_column_name(r, i), t->columns[i].key) != 0)
			return false;
	return true;
}

int
session_fill(struct session *s, struct table *t, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->pg, sql, params, values, &r);

	if (status != PG_OK)
		return session_failed(s, status);
	if (!fits(t, r)) {
		complain("table %s: the statement has other columns than it should", t->key);
		pg_result_free(r);
		return EXIT_INTERNAL;
	}
	const char **cells = mem_new((size_t) t->column_count, sizeof(char *));
	for (int row = 0; row < pg_rows(r); row++) {
		for (int i = 0; i < t->column_count; i++)
			cells[i] = pg_null(r, row, i) ? NULL : pg_text(r, row, i);
		table_row(t, cells);
	}
	free(cells);
	pg_result_free(r);
	return EXIT_CLEAN;
}

int
session_show(const struct session *s, const struct document *d)
{
	const char *wanted = s->value[OPT_TABLE];
	const struct table *t = d->tables[0];

	for (size_t i = 0; t->shape != TABLE_ROWS && i < d->table_count; i++)
		if (d->tables[i]->shape == TABLE_ROWS)
			t = d->tables[i];
	switch (s->format) {
	case FORMAT_TEXT:
		render_text(stdout, d, &s->terminal);
		break;
	case FORMAT_JSON:
		render_json(stdout, d);
		break;
	case FORMAT_HTML:
		render_html(stdout, d);
		break;
	case FORMAT_CSV:
		for (size_t i = 0; wanted && i < d->table_count; i++)
			if (strcmp(d->tables[i]->key, wanted) == 0)
				t = d->tables[i];
		if (wanted && strcmp(t->key, wanted) != 0) {
			complain("--table %s: there is no such table here", wanted);
			return EXIT_USAGE;
		}
		render_csv(stdout, t);
		break;
	}
	if (fflush(stdout) == 0 || errno == EPIPE)
		return EXIT_CLEAN;
	complain("cannot write: %s", strerror(errno));
	return EXIT_INTERNAL;
}
