/* migrate, run: what is done to a site rather than looked at. */
#include <errno.h>
#include <unistd.h>

#include "ctl/handlers.h"
#include "ctl/site/site.h"
#include "lib/base/limits.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/db/migrate.h"
#include "lib/embedded/embedded.h"
#include "lib/finance/output/memory.h"

static const struct column migration_columns[] = {
    {"version", "Version", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Migration", COLUMN_TEXT, 0, 0, NULL},
    {"state", "", COLUMN_WORD, 0, 0, NULL},
};

/* *ret_first is the caller's to close: it may run the embedded cluster. */
static int
open_as_owner(struct session *s, struct connection *ret_first)
{
	if (s->value[OPT_DATABASE] == NULL) {
		int code = session_config(s);
		if (code != EXIT_CLEAN)
			return code;
		if (s->config->database_embedded != NULL) {
			code = session_open(s, SESSION_MAKES);
			if (code == EXIT_CLEAN)
				code = site_database(s, EMBEDDED_DATABASE, NULL);
			*ret_first = s->connection;
			s->connection = (struct connection){0};
			if (code != EXIT_CLEAN)
				return code;
		}
	}
	return session_open(s, SESSION_OWNER);
}

static void
applied(void *context, int version, const char *name)
{
	char number[16];
	const char *cells[] = {number, name, "applied"};

	snprintf(number, sizeof(number), "%d", version);
	table_row(context, cells);
}

int
run_migrate(struct session *s)
{
	char why[LIMIT_MESSAGE_BYTES] = "";
	struct connection first = {0};
	int count = 0, code = open_as_owner(s, &first);

	if (code != EXIT_CLEAN) {
		connect_close(&first);
		return code;
	}
	struct document *d = document_new("migrations", NULL);
	struct table *t = document_add(d, "migrations", NULL, TABLE_ROWS, COLUMNS(migration_columns));
	table_empty(t, "the database is up to date");
	enum pg_status status = migrate_apply(s->query.pg, applied, t, &count, why, sizeof(why));
	int shown = session_show(s, d);
	document_free(d);
	session_close(s);
	connect_close(&first);
	if (status == PG_OK)
		return shown;
	complain("%s", why);
	return EXIT_UNAVAILABLE;
}

int
run_run(struct session *s)
{
	char path[4096];
	const char *config = s->value[OPT_CONFIG] != NULL ? s->value[OPT_CONFIG] : PATHS_CONFIG;

	if (s->value[OPT_DATABASE] != NULL) {
		complain("run takes no --database: the daemon and its workers go by the configuration");
		return EXIT_USAGE;
	}
	if (!paths_program(path, sizeof(path), "handbackd")) {
		complain("handbackd: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	execl(path, "handbackd", "--config", config, "--once", (char *) NULL);
	complain("%s: %s", path, strerror(errno));
	return EXIT_INTERNAL;
}
