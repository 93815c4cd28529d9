#include "ctl/session.h"

#include "lib/config/config.h"
#include "lib/embedded/embedded.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "ctl/ctl_sql.h"
#include "ctl/owner.h"
#include "lib/db/migrate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <pwd.h>
#include <stdarg.h>
#include <unistd.h>

#define EMBEDDED_WAIT_MS (120 * 1000) /* a start after a crash replays the log first */
#define EMBEDDED_STOP_MS (10 * 1000)

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
	pg_close(s->pg);
	s->pg = NULL;
	embedded_close(s->embedded, EMBEDDED_STOP_MS);
	s->embedded = NULL;
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

/* The role for the command; a schema of another version than ours is not for us. */
static int
take_role(struct session *s, enum session_role role)
{
	static const char *const wanted[] = {
	    [SESSION_OWNER] = NULL,
	    [SESSION_MAKES] = NULL,
	    [SESSION_READS] = "{handback_finance,handback_operator,handback_daemon}",
	    [SESSION_DECIDES] = "{handback_operator}",
	    [SESSION_POSTS] = "{handback_daemon}",
	};
	struct pg_result *r = NULL;
	char why[LIMIT_MESSAGE_BYTES] = "";

	if (!wanted[role])
		return EXIT_CLEAN;
	enum pg_status status = pg_run(s->pg, sql_role, 1, &wanted[role], &r);
	if (status != PG_OK)
		return session_failed(s, status);
	int code = pg_rows(r) == 1 ? EXIT_CLEAN : EXIT_UNAVAILABLE;
	pg_result_free(r);
	if (code != EXIT_CLEAN) {
		complain("this login may not: it has to be a member of one of %s (where `handbackctl migrate` has "
		         "made them)",
		         wanted[role]);
		return code;
	}
	if (migrate_check(s->pg, why, sizeof(why)) != PG_OK) {
		complain("the database: %s", why);
		code = EXIT_UNAVAILABLE;
	}
	return code;
}

/* Where the database is: --database, or the configuration's; an embedded one is started when nobody has. */
static int
find_target(struct session *s, enum session_role role, struct pg_target *target)
{
	char why[512] = "";

	if (s->value[OPT_DATABASE]) {
		target->conninfo = s->value[OPT_DATABASE];
		return EXIT_CLEAN;
	}
	int code = session_config(s);
	if (code != EXIT_CLEAN)
		return code;
	if (s->config->database_conninfo) {
		target->conninfo = s->config->database_conninfo;
		return EXIT_CLEAN;
	}
	s->embedded = embedded_open(s->config->database_embedded, s->config->database_user, EMBEDDED_WAIT_MS, why,
	                            sizeof(why));
	if (!s->embedded) {
		complain("the embedded database: %s", why);
		return EXIT_UNAVAILABLE;
	}
	target->host = embedded_host(s->embedded);
	target->user = EMBEDDED_SUPERUSER;
	target->database = role == SESSION_MAKES ? "postgres" : EMBEDDED_DATABASE;
	return EXIT_CLEAN;
}

int
session_open(struct session *s, enum session_role role)
{
	char why[512] = "";
	struct pg_target target = {.application = "handbackctl"};
	int code = find_target(s, role, &target);

	if (code != EXIT_CLEAN)
		return code;
	if (s->embedded && role == SESSION_DECIDES) {
		/* who decides has to be somebody: the database's user of the same name as ours, where there is one */
		const struct passwd *user = getpwuid(s->person);
		target.user = user ? user->pw_name : EMBEDDED_SUPERUSER;
		s->pg = pg_open(&target, why, sizeof(why));
		target.user = EMBEDDED_SUPERUSER;
	}
	if (!s->pg)
		s->pg = pg_open(&target, why, sizeof(why));
	if (!s->pg) {
		complain("the database: %s", why);
		return EXIT_UNAVAILABLE;
	}
	if (*pg_warning(s->pg))
		complain("the database: %s", pg_warning(s->pg));
	return take_role(s, role);
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
	switch (status) {
	case PG_LOST:
	case PG_DOUBT:
		return EXIT_UNAVAILABLE;
	case PG_RETRY:
		return EXIT_FAILED;
	case PG_OK:
	case PG_ERROR:
		break;
	}
	return EXIT_INTERNAL;
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
