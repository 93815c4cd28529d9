#include "lib/db/pg_state.h"

#include <stdio.h>
#include <string.h>

struct sqlstate_meaning {
	const char *prefix; /* a class (two characters) or a whole SQLSTATE */
	enum pg_status status;
};

/* The first that fits; what fits none is an internal error. */
static const struct sqlstate_meaning meanings[] = {
    {"40001", PG_RETRY}, /* serialization_failure */
    {"40P01", PG_RETRY}, /* deadlock_detected */
    {"55P03", PG_RETRY}, /* lock_not_available: lock_timeout */
    {"23505", PG_RETRY}, /* unique_violation: a rival was first, the next scan finds its row */
    {"08P01", PG_ERROR}, /* protocol_violation: we sent what is no message, or no binary value */
    {"08", PG_LOST},     /* connection exceptions */
    {"53", PG_LOST},     /* insufficient resources: disk full, out of memory, too many connections */
    {"57", PG_LOST},     /* operator intervention: shutdown, crash, statement_timeout */
    {"58", PG_LOST},     /* system error: I/O */
    {"25006", PG_LOST},  /* read_only_sql_transaction: demoted, or a person's doing */
    {"25P03", PG_LOST},  /* idle_in_transaction_session_timeout */
    {"26000", PG_LOST},  /* our prepared statement is gone: a pooler gave us another server */
    {"", PG_ERROR},
};

enum pg_status
pg_classify(const char *sqlstate)
{
	size_t i = 0;

	if (sqlstate[0] == '\0')
		return PG_LOST;
	while (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) != 0)
		i++;
	return meanings[i].status;
}

void
pg_keep_why(struct pg *pg, const char *sqlstate, const char *message)
{
	/* data exceptions quote the value: invalid input syntax for type bigint: "..." */
	const char *quoted = strncmp(sqlstate, "22", 2) == 0 ? strstr(message, ": \"") : NULL;
	size_t len = quoted != NULL ? (size_t) (quoted - message) : strlen(message);

	while (len > 0 && strchr(" \r\n", message[len - 1]) != NULL)
		len--;
	snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate);
	snprintf(pg->why, sizeof(pg->why), "%.*s", len > PG_WHY_BYTES ? PG_WHY_BYTES : (int) len, message);
	for (char *p = pg->why; *p != '\0'; p++)
		if ((unsigned char) *p < 0x20 || *p == 0x7f)
			*p = ' ';
}

const char *
pg_why(const struct pg *pg)
{
	return pg->why;
}

enum pg_status
pg_give_up(struct pg *pg, const char *what, const char *why)
{
	char message[PG_WHY_BYTES];

	snprintf(message, sizeof(message), "%s: %s", what, why);
	pg_keep_why(pg, "", message);
	return PG_LOST;
}

const char *
pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

const char *
pg_constraint(const struct pg *pg)
{
	return pg->constraint;
}

const char *
pg_warning(const struct pg *pg)
{
	return pg->warning;
}

int
pg_server_version(const struct pg *pg)
{
	return pg->version;
}

bool
pg_is_standby(const struct pg *pg)
{
	return pg->standby;
}

const char *
pg_server(const struct pg *pg)
{
	return pg->place;
}

const char *
pg_timeline(const struct pg *pg)
{
	const char *slash = strchr(pg->server, '/');

	return slash != NULL ? slash + 1 : "";
}
