/* check, of what is not in files of ours: the database, its logins, the units, and what everyone can read. */
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/check.h"
#include "ctl/ctl_sql.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/db/migrate.h"

/* What each program takes for its work, and what reads. */
static void
check_roles(struct checks *c)
{
	struct pg *pg = c->session->query.pg;
	struct pg_result *r = NULL;

	if (pg_run(pg, sql_roles_missing, 0, NULL, &r) != PG_OK)
		check_found(c, "login", WRONG, EXIT_UNAVAILABLE, "%s", pg_why(pg));
	else if (pg_null_of(r, 0, "missing"))
		check_found(c, "login", FINE, 0, "%s, with the roles of the programs", pg_text_of(r, 0, "login"));
	else if (pg_true_of(r, 0, "is_person"))
		check_found(c, "login", FINE, 0, "%s, a person's", pg_text_of(r, 0, "login"));
	else
		check_found(c, "login", WRONG, EXIT_UNAVAILABLE, "%s lacks %s; as root, `handbackctl setup` grants it",
		      pg_text_of(r, 0, "login"), pg_text_of(r, 0, "missing"));
	pg_result_free(r);
}

/* A password belongs into a file that only its reader can read. */
static void
check_secret(struct checks *c)
{
	const struct config *config = c->session->config;
	struct stat st;

	if (config->database_conninfo == NULL || strstr(config->database_conninfo, "password") == NULL)
		return;
	if (stat(config->path, &st) == 0 && (st.st_mode & S_IROTH))
		check_found(c, "configuration", WRONG, EXIT_USAGE,
		      "%s has a password in database.conninfo, and everyone may read it (mode %04o): put it into a file of "
		      "its own, with passfile=",
		      config->path, st.st_mode & 07777);
}

/* What the units are shut off from until a drop-in opens it. */
static void
check_drop_ins(struct checks *c)
{
	const struct config *config = c->session->config;
	bool fetches = false;

	if (access("/run/systemd/system", F_OK) < 0 || strcmp(config->path, PATHS_CONFIG) != 0)
		return;
	for (size_t i = 0; i < config->source_count; i++)
		fetches = fetches || config->sources[i].sftp.host != NULL;
	if (fetches && access("/etc/systemd/system/handback-fetch@.service.d", F_OK) < 0)
		check_found(c, "units", WARNING, 0,
		      "sources are fetched, and handback-fetch@.service reaches nobody: 50-partners.conf of "
		      "/usr/share/doc/handback/examples/handback-fetch@.service.d goes to /etc/systemd/system, with their "
		      "addresses");
	if (config->metrics != NULL && *config->metrics != '/' &&
	    access("/etc/systemd/system/handbackd.service.d/55-metrics.conf", F_OK) < 0)
		check_found(c, "units", WARNING, 0,
		      "metrics.listen is %s, and handbackd.service has no network: 55-metrics.conf of "
		      "/usr/share/doc/handback/examples/handbackd.service.d goes to /etc/systemd/system",
		      config->metrics);
}

void
check_database(struct checks *c)
{
	struct session *s = c->session;
	int code = session_open(s, SESSION_OWNER);

	if (code != EXIT_CLEAN) {
		check_found(c, "database", WRONG, EXIT_UNAVAILABLE, "it cannot be reached");
		return;
	}
	int version = pg_server_version(s->query.pg);
	if (*pg_warning(s->query.pg))
		check_found(c, "database", WARNING, 0, "%s", pg_warning(s->query.pg));
	else
		check_found(c, "database", FINE, 0, "PostgreSQL %d.%d%s", version / 10000, version % 10000,
		      s->connection.embedded != NULL ? ", embedded" : "");
	char why[LIMIT_MESSAGE_BYTES] = "";
	if (migrate_check(s->query.pg, why, sizeof(why)) != PG_OK)
		check_found(c, "schema", WRONG, EXIT_UNAVAILABLE, "%s", why);
	else
		check_found(c, "schema", FINE, 0, "as of handback " HANDBACK_VERSION);
	check_roles(c);
}

void
check_exposure(struct checks *c)
{
	check_secret(c);
	check_drop_ins(c);
}
