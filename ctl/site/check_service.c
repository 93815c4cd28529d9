/* check, of the database: its kind, its schema, who logs in, and what could switch guards off. */
#include <inttypes.h>
#include <time.h>

#include "ctl/check.h"
#include "ctl/ctl_sql.h"
#include "lib/base/limits.h"
#include "lib/db/migrate.h"

#define CLOCK_OFF_MS 1000
#define CLOCK_WRONG_MS 60000

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
		check_found(c, "login", WRONG, EXIT_UNAVAILABLE,
		            "%s lacks %s; as root, `handbackctl setup` grants it", pg_text_of(r, 0, "login"),
		            pg_text_of(r, 0, "missing"));
	pg_result_free(r);
}

/* What our tables refuse is what keeps money right: is all of it on? */
static void
check_guards(struct checks *c)
{
	struct pg_result *r = NULL;

	if (pg_run(c->session->query.pg, sql_guards_off, 0, NULL, &r) != PG_OK)
		check_found(c, "guards", WRONG, EXIT_UNAVAILABLE, "%s", pg_why(c->session->query.pg));
	else if (pg_rows(r) == 0)
		check_found(c, "guards", FINE, 0, "all triggers of our tables are on, all unique indexes hold");
	for (int i = 0; i < pg_rows(r); i++)
		check_found(c, "guards", WRONG, EXIT_UNAVAILABLE,
		            "%s: nothing is posted until it is back; as the server's superuser: %s",
		            pg_text_of(r, i, "what"), pg_text_of(r, i, "repair"));
	pg_result_free(r);
}

/* What a server may be told that costs what was written, or tells what members are. */
static void
check_settings(struct checks *c)
{
	struct pg_result *r = NULL;

	if (pg_run(c->session->query.pg, sql_settings_wrong, 0, NULL, &r) != PG_OK)
		check_found(c, "settings", WRONG, EXIT_UNAVAILABLE, "%s", pg_why(c->session->query.pg));
	for (int i = 0; i < pg_rows(r); i++)
		check_found(c, "settings", WARNING, 0, "%s is %s: %s; as the server's superuser: %s",
		            pg_text_of(r, i, "name"), pg_text_of(r, i, "setting"), pg_text_of(r, i, "what"),
		            pg_text_of(r, i, "repair"));
	pg_result_free(r);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Due times and days are by both clocks: ours, and the server's. */
static void
check_clocks(struct checks *c)
{
	struct pg_result *r = NULL;
	int64_t before = now_us(), after, theirs;

	if (pg_run(c->session->query.pg, sql_clock, 0, NULL, &r) != PG_OK)
		return;
	after = now_us();
	theirs = pg_int_of(r, 0, "now_us");
	pg_result_free(r);
	const int64_t off = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
	if (off >= CLOCK_OFF_MS * 1000)
		check_found(c, "clock", off >= CLOCK_WRONG_MS * 1000 ? WRONG : WARNING, EXIT_UNAVAILABLE,
		            "this machine's is %" PRId64
		            ".%03d s %s the database's: days and due times are judged by both; set both by NTP",
		            off / 1000000, (int) (off / 1000 % 1000), theirs < before ? "ahead of" : "behind");
	else
		check_found(c, "clock", FINE, 0, "as the database's");
}

void
check_database(struct checks *c)
{
	struct session *s = c->session;
	int code = session_open(s, SESSION_OWNER);

	if (code != EXIT_CLEAN) {
		check_found(c, "database", WRONG, EXIT_UNAVAILABLE, "%s", s->why_closed);
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
	check_guards(c);
	check_settings(c);
	check_clocks(c);
	check_targets(c);
}
