/* setup: makes what a site lacks, and says how each is taken back.  What is there is left as it is. */
#include "ctl/site/site.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/owner.h"
#include "lib/config/config.h"
#include "lib/db/migrate.h"
#include "lib/embedded/embedded.h"
#include "lib/finance/output/memory.h"

#define SERVERS_USER "postgres" /* the local superuser of Debian's clusters, by peer authentication */
#define INBOX_MODE 02770
#define SETUP_ANSWER 512

static const struct column setup_columns[] = {
    {"done", "Done", COLUMN_SENTENCE, 30, 0, NULL},
    {"undo", "Taken back by", COLUMN_SENTENCE, 20, 0, NULL},
};

/* The programs' logins, which by peer authentication are called as their users, and the roles of each. */
static const char service_logins[] = "handback,handback,handback,handback,handback-api,handback-outbox,handback-login";
static const char service_roles[] =
    "handback_daemon,handback_nightly,handback_verify,handback_collector,handback_api,handback_outbox,handback_login";

static void
done(struct table *t, const char *what, const char *undo)
{
	const char *cells[] = {what, undo};

	if (t != NULL)
		table_row(t, cells);
}

/* What helps where the database says that this login may not. */
static const char *
who_may(const struct session *s)
{
	return strcmp(pg_sqlstate(s->query.pg), "42501") == 0 ? "; run it as root, or as the server's superuser" : "";
}

/* Runs each statement that the query gives. */
static int
make_missing(struct session *s, const char *sql, int params, const char *const *values, struct table *t)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->query.pg, sql, params, values, &r);

	if (status != PG_OK)
		return query_failed(&s->query, status);
	for (int i = 0; status == PG_OK && i < pg_rows(r); i++) {
		status = pg_run(s->query.pg, pg_text_of(r, i, "statement"), 0, NULL, NULL);
		if (status == PG_OK)
			done(t, pg_text_of(r, i, "statement"), pg_text_of(r, i, "undo"));
		else
			complain("%s: %s%s", pg_text_of(r, i, "statement"), pg_why(s->query.pg), who_may(s));
	}
	pg_result_free(r);
	return status == PG_OK ? EXIT_CLEAN : EXIT_UNAVAILABLE;
}

int
site_database(struct session *s, const char *name, struct table *t)
{
	return make_missing(s, sql_database_missing, 1, &name, t);
}

/* Where a partner's login puts its files and the service's group takes them away. */
static int
make_inbox(const char *path, gid_t group, struct table *t)
{
	char *copy = mem_text(path), *other = mem_text(path);
	const char *name = basename(copy);
	int parent = io_open_dir(AT_FDCWD, dirname(other)), result = -1;

	if (parent >= 0 && (result = mkdirat(parent, name, 0700)) == 0) {
		result = fchownat(parent, name, (uid_t) -1, group, AT_SYMLINK_NOFOLLOW);
		if (result == 0)
			result = fchmodat(parent, name, INBOX_MODE, 0);
	}
	if (result < 0)
		complain("%s: %s", path, strerror(errno));
	if (parent >= 0)
		close(parent);
	free(copy);
	free(other);
	if (result < 0)
		return EXIT_UNAVAILABLE;
	char *what = mem_format("directory %s, of the service's group (mode %04o)", path, INBOX_MODE);
	char *undo = mem_format("rmdir %s", path);
	done(t, what, undo);
	free(what);
	free(undo);
	return EXIT_CLEAN;
}

/* By root alone: others make directories that the service does not own. */
static int
make_inboxes(struct session *s, struct table *t)
{
	struct stat spool, st;
	int code = EXIT_CLEAN;

	if (geteuid() != 0 || stat(s->config->spool, &spool) < 0)
		return EXIT_CLEAN;
	for (size_t i = 0; code == EXIT_CLEAN && i < s->config->source_count; i++) {
		const char *path = s->config->sources[i].directory;
		if (path != NULL && stat(path, &st) < 0 && errno == ENOENT)
			code = make_inbox(path, spool.st_gid, t);
	}
	return code;
}

static int
make_schema(struct session *s, struct table *t)
{
	char why[LIMIT_MESSAGE_BYTES] = "";
	int made = 0, code = session_open(s, SESSION_OWNER);

	if (code != EXIT_CLEAN)
		return code;
	if (migrate_apply(s->query.pg, NULL, NULL, &made, why, sizeof(why)) != PG_OK) {
		complain("%s%s", why, who_may(s));
		return EXIT_UNAVAILABLE;
	}
	char *what = mem_format("the schema of handback " HANDBACK_VERSION ", %d migrations", made);
	if (made > 0)
		done(t, what, "migrations go forward only: drop the database, or restore it");
	free(what);
	return EXIT_CLEAN;
}

/* "alice=operator": adds to what is wanted, which the caller frees. */
static int
read_person(const char *said, char **logins, char **roles)
{
	const char *equals = strchr(said, '=');
	const char *role = equals == NULL                        ? NULL
	                   : strcmp(equals, "=operator") == 0 ? "handback_operator"
	                   : strcmp(equals, "=finance") == 0  ? "handback_finance"
	                                                      : NULL;

	if (role == NULL || equals == said || strchr(said, ',') != NULL) {
		complain("%s: write a person's login and what it does, as alice=operator (who decides) or carol=finance (who "
		         "reads)",
		         said);
		return EXIT_USAGE;
	}
	const char *comma = **logins != '\0' ? "," : "";
	char *more = mem_format("%s%s%.*s", *logins, comma, (int) (equals - said), said);
	char *more_roles = mem_format("%s%s%s", *roles, comma, role);
	free(*logins);
	free(*roles);
	*logins = more;
	*roles = more_roles;
	return EXIT_CLEAN;
}

/* Root becomes who may make databases, or who owns the embedded one. */
static int
become_maker(struct session *s, bool embedded)
{
	char why[LIMIT_MESSAGE_BYTES];

	if (embedded ? owner_become(s->config->spool, why, sizeof(why))
	             : owner_become_user(SERVERS_USER, why, sizeof(why)))
		return EXIT_CLEAN;
	complain("%s", why);
	return EXIT_UNAVAILABLE;
}

/* *ret_first is the caller's to close: it may run the embedded cluster. */
static int
make_site(struct session *s, bool embedded, const char *logins, const char *roles, struct table *t,
          struct connection *ret_first)
{
	const char *conninfo = s->value[OPT_DATABASE] != NULL ? s->value[OPT_DATABASE] : s->config->database_conninfo;
	char *name = embedded ? mem_text(EMBEDDED_DATABASE) : pg_conninfo_option(conninfo, "dbname");
	int code = EXIT_USAGE;

	if (name == NULL)
		complain("database.conninfo names no database: write dbname=handback into it");
	else
		code = become_maker(s, embedded);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_MAKES);
	if (code == EXIT_CLEAN)
		code = site_database(s, name, t);
	free(name);
	*ret_first = s->connection;
	s->connection = (struct connection){0};
	if (code == EXIT_CLEAN)
		code = make_schema(s, t);
	const char *values[] = {logins, roles};
	return code == EXIT_CLEAN ? make_missing(s, sql_logins_missing, 2, values, t) : code;
}

/* ---- what a person at a terminal is asked ---- */

static bool
ask_line(const char *question, char answer[SETUP_ANSWER])
{
	fprintf(stderr, "%s ", question);
	if (fgets(answer, SETUP_ANSWER, stdin) == NULL) {
		fputc('\n', stderr);
		return false;
	}
	return true;
}

/* Logins with blanks between, each with what it does. */
static int
ask_people(const char *question, const char *role, char **logins, char **roles)
{
	char answer[SETUP_ANSWER], *rest = answer;
	int code = EXIT_CLEAN;

	if (!ask_line(question, answer))
		return EXIT_USAGE;
	for (char *word; code == EXIT_CLEAN && (word = strtok_r(rest, " ,\t\n", &rest)) != NULL;) {
		char *said = mem_format("%s=%s", word, role);

		code = read_person(said, logins, roles);
		free(said);
	}
	return code;
}

/* Says what will be made where it is missing; people only where the command line names none. */
static int
ask_all(struct session *s, bool embedded, char **logins, char **roles)
{
	const char *conninfo =
	    s->value[OPT_DATABASE] != NULL ? s->value[OPT_DATABASE] : s->config->database_conninfo;
	char answer[SETUP_ANSWER] = "",
	     *name = embedded ? mem_text(s->config->database_embedded) : pg_conninfo_option(conninfo, "dbname");
	int code = EXIT_CLEAN;

	fprintf(stderr,
	        "What is missing of these is made, what is there is left as it is:\n  the database %s and the "
	        "schema of handback " HANDBACK_VERSION "\n",
	        name != NULL ? name : "");
	free(name);
	if (!embedded)
		fputs("  the programs' logins handback, handback-api, handback-outbox and handback-login\n", stderr);
	for (size_t i = 0; i < s->config->source_count; i++)
		if (s->config->sources[i].directory != NULL && s->config->sources[i].sftp.host == NULL)
			fprintf(stderr, "  the directory %s\n", s->config->sources[i].directory);
	if (s->argument_count == 0 && !embedded) {
		code = ask_people("Who decides, two people at least (their logins with blanks between; none: later)?",
		                  "operator", logins, roles);
		if (code == EXIT_CLEAN)
			code = ask_people("Who reads reports only?", "finance", logins, roles);
	}
	if (code != EXIT_CLEAN || (ask_line("Go on? [y/N]", answer) && (*answer == 'y' || *answer == 'Y')))
		return code;
	complain("nothing was done: say y, or use --yes");
	return EXIT_USAGE;
}

int
run_setup(struct session *s)
{
	int code = session_read(s);

	if (code != EXIT_CLEAN)
		return code;
	bool embedded = s->value[OPT_DATABASE] == NULL && s->config->database_embedded != NULL;
	char *logins = mem_text(embedded ? "" : service_logins), *roles = mem_text(embedded ? "" : service_roles);
	struct document *d = document_new("setup", NULL);
	struct table *t = document_add(d, "setup", NULL, TABLE_ROWS, COLUMNS(setup_columns));
	struct connection first = {0};

	for (int i = 0; code == EXIT_CLEAN && i < s->argument_count; i++)
		code = read_person(s->arguments[i], &logins, &roles);
	if (code == EXIT_CLEAN && s->value[OPT_YES] == NULL && isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		code = ask_all(s, embedded, &logins, &roles);
	if (code == EXIT_CLEAN)
		code = make_inboxes(s, t);
	if (code == EXIT_CLEAN)
		code = make_site(s, embedded, logins, roles, t, &first);
	table_empty(t, "everything was there already");
	if (code == EXIT_CLEAN)
		table_note(t, mem_text("`handbackctl check` says what is still missing."));
	int shown = t->rows > 0 || code == EXIT_CLEAN ? session_show(s, d) : EXIT_CLEAN;
	document_free(d);
	session_close(s);
	connect_close(&first);
	free(logins);
	free(roles);
	return code != EXIT_CLEAN ? code : shown;
}
