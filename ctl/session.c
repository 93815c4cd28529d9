#include "ctl/session.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <pwd.h>
#include <stdarg.h>
#include <unistd.h>

#include "ctl/ctl_sql.h"
#include "lib/base/limits.h"
#include "lib/base/owner.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/finance/output/show.h"

void
complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	show_complaint("handbackctl", format, args);
	va_end(args);
}

void
session_close(struct session *s)
{
	connect_close(&s->connection);
	s->query.pg = NULL;
}

void
session_end(struct session *s)
{
	session_close(s);
	config_free(s->config);
	s->config = NULL;
}

int
session_read(struct session *s)
{
	const char *path = s->value[OPT_CONFIG] != NULL ? s->value[OPT_CONFIG] : PATHS_CONFIG;
	struct problems *p = problems_new(path);
	s->config = config_load(path, p);
	for (size_t i = 0; problems_line(p, i) != NULL; i++)
		complain("%s", problems_line(p, i));
	problems_free(p);
	if (s->config == NULL)
		return EXIT_USAGE;
	s->query.company = s->config->company;
	return EXIT_CLEAN;
}

int
session_config(struct session *s)
{
	if (s->config != NULL)
		return EXIT_CLEAN;
	int code = session_read(s);
	if (code != EXIT_CLEAN)
		return code;
	/* before anything of the service's is touched */
	char why[LIMIT_MESSAGE_BYTES];
	if (owner_become(s->config->spool, why, sizeof(why)))
		return EXIT_CLEAN;
	complain("%s", why);
	return EXIT_UNAVAILABLE;
}

/* A standby is behind its primary: by how much is for who reads to judge. */
static void
say_as_of(const struct session *s)
{
	struct pg_result *r = NULL;

	if (!pg_is_standby(s->query.pg))
		return;
	if (pg_run(s->query.pg, sql_session_as_of, 0, NULL, &r) == PG_OK)
		complain("read from the standby %s: as of the primary's last change that it has, of %s",
		         pg_server(s->query.pg), pg_text_of(r, 0, "as_of"));
	pg_result_free(r);
}

int
session_open(struct session *s, enum session_role role)
{
	static const char *const roles[] = {
	    [SESSION_OWNER] = NULL,
	    [SESSION_MAKES] = NULL,
	    [SESSION_READS] = "{handback_finance,handback_verify}",
	    [SESSION_NOW] = "{handback_finance,handback_verify}",
	    [SESSION_DECIDES] = "{handback_operator}",
	    [SESSION_PERSON] = "{handback_finance}",
	    [SESSION_POSTS] = "{handback_daemon}",
	    [SESSION_NIGHT] = "{handback_nightly}",
	};
	struct connect how = {.application = "handbackctl",
	                      .conninfo = s->value[OPT_DATABASE],
	                      .roles = roles[role],
	                      .database = role == SESSION_MAKES ? "postgres" : NULL,
	                      .start = true,
	                      .reads = role == SESSION_READS,
	                      .checked = roles[role] != NULL};
	/* who decides has to be somebody: the embedded database's user of the same name as ours, where there is
	 * one */
	const struct passwd *user =
	    role == SESSION_DECIDES || role == SESSION_PERSON ? getpwuid(s->person) : NULL;
	char why[LIMIT_MESSAGE_BYTES] = "";
	int code = how.conninfo != NULL ? EXIT_CLEAN : session_config(s);

	if (code != EXIT_CLEAN)
		return code;
	how.config = s->config;
	how.user = user != NULL ? user->pw_name : NULL;
	code = connect_open(&how, &s->connection, why, sizeof(why));
	if (code != EXIT_CLEAN && how.user != NULL && s->config != NULL && s->config->database_embedded != NULL) {
		how.user = NULL;
		code = connect_open(&how, &s->connection, why, sizeof(why));
	}
	snprintf(s->why_closed, sizeof(s->why_closed), "%s", why);
	if (code != EXIT_CLEAN) {
		complain("%s", why);
		return code;
	}
	s->query.pg = s->connection.pg;
	say_as_of(s);
	if (*pg_warning(s->query.pg))
		complain("the database: %s", pg_warning(s->query.pg));
	return EXIT_CLEAN;
}

int
session_spool(struct session *s)
{
	bool asked =
	    s->value[OPT_CONFIG] != NULL || s->value[OPT_DATABASE] == NULL || access(PATHS_CONFIG, R_OK) == 0;

	if (s->config == NULL && (!asked || session_config(s) != EXIT_CLEAN))
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
session_written(bool written)
{
	if (written || errno == EPIPE)
		return EXIT_CLEAN;
	complain("cannot write: %s", strerror(errno));
	return EXIT_INTERNAL;
}

int
session_show(const struct session *s, const struct document *d)
{
	if (s->format == FORMAT_XLSX) {
		struct document *const all[] = {(struct document *) (uintptr_t) d};

		return session_written(s->query.book(stdout, s->query.company, all, 1) == 0);
	}
	switch (show_document(stdout, d, s->format, s->value[OPT_TABLE], &s->terminal)) {
	case SHOW_DONE:
		break;
	case SHOW_NO_TABLE:
		complain("--table %s: there is no such table here", s->value[OPT_TABLE]);
		return EXIT_USAGE;
	case SHOW_FAILED:
		complain("cannot write: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	return EXIT_CLEAN;
}
