/* credential, policy and route: who may call the redemption API, what a programme allows over it, and which
 * partner fulfils what it redeems. */
#include "ctl/callers.h"

#include <errno.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "ctl/people.h"
#include "lib/base/text.h"
#include "lib/hash/secret_text.h"

static const struct column secret_columns[] = {
    {"client", "Client", COLUMN_TEXT, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},
    {"secret", "Secret, shown this once", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column revoked_columns[] = {
    {"client", "Revoked", COLUMN_TEXT, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column credential_columns[] = {
    {"client", "Client", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"source", "Source", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 1, NULL},
    {"calls_per_minute", "Calls a minute", COLUMN_NUMBER, 0, 1, NULL},
    {"points_per_day", "Points a day", COLUMN_NUMBER, 0, 1, NULL},
    {"scopes", "For", COLUMN_TEXT, 0, 1, NULL},
    {"made_at", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"made_by", "By", COLUMN_TEXT, 0, 2, NULL},
};
static const struct column bounded_columns[] = {
    {"client", "Bounded", COLUMN_TEXT, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column policy_set_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column policy_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"minimum_points", "Least points", COLUMN_NUMBER, 0, 0, NULL},
    {"amount", "Stated amount", COLUMN_WORD, 0, 0, NULL},
    {"unrouted", "Without a partner", COLUMN_WORD, 0, 0, NULL},
    {"key", "Idempotency key", COLUMN_WORD, 0, 0, NULL},
};
static const struct column route_columns[] = {
    {"route", "Route", COLUMN_NUMBER, 0, 0, NULL},   {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"type", "Type", COLUMN_NUMBER, 0, 0, NULL},     {"merchant", "Merchant", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL}, {"prefix", "Prefix", COLUMN_TEXT, 0, 1, NULL},
    {"from", "From (UTC)", COLUMN_TIME, 0, 0, NULL}, {"until", "Until (UTC)", COLUMN_TIME, 0, 0, NULL},
};
static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Route", COLUMN_NUMBER, 0, 0, NULL},
};

int
callers_change(struct session *s, const char *sql, int params, const char *const *values,
               struct pg_result **ret)
{
	int code = session_open(s, SESSION_DECIDES);
	enum pg_status status;

	if (code != EXIT_CLEAN)
		return code;
	status = pg_run(s->query.pg, sql, params, values, ret);
	if (status == PG_OK)
		return EXIT_CLEAN;
	people_complain(pg_why(s->query.pg));
	return status == PG_ERROR ? EXIT_USAGE : status == PG_RETRY ? EXIT_FAILED : EXIT_UNAVAILABLE;
}

int
callers_show(struct session *s, const struct column *columns, int count, const char *const *cells)
{
	struct document *d = document_new("done", NULL);
	int code;

	table_row(document_add(d, "done", NULL, TABLE_FACTS, columns, count), cells);
	code = session_show(s, d);
	document_free(d);
	return code;
}

int
callers_list_of(struct session *s, const char *key, const struct column *columns, int count, const char *sql,
                int params, const char *const *values, const char *none)
{
	int code = session_open(s, SESSION_READS);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new(key, NULL);
	struct table *t = document_add(d, key, NULL, TABLE_ROWS, columns, count);
	table_empty(t, none);
	code = query_fill(&s->query, t, sql, params, values);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

int
callers_list(struct session *s, const char *key, const struct column *columns, int count, const char *sql,
             const char *none)
{
	return callers_list_of(s, key, columns, count, sql, 0, NULL, none);
}

/* ---- credentials ---- */

int
callers_secret(struct session *s, const char *sql, int params, const char **values, int at)
{
	char secret[TEXT_HEX_SIZE(SECRET_BYTES)], hash[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct pg_result *r = NULL;
	int code = EXIT_CLEAN;

	if (!secret_text_make(secret, hash)) {
		complain("no random numbers: %s", strerrordesc_np(errno));
		code = EXIT_INTERNAL;
	}
	values[at] = hash;
	if (code == EXIT_CLEAN)
		code = callers_change(s, sql, params, values, &r);
	if (code == EXIT_CLEAN) {
		const char *cells[] = {s->arguments[0], pg_text_of(r, 0, "generation"), secret};

		code = callers_show(s, COLUMNS(secret_columns), cells);
		pg_result_free(r);
	}
	explicit_bzero(secret, sizeof(secret));
	return code;
}

static int
check_number(const char *value, int64_t least, int64_t most, const char *option)
{
	int64_t number;

	if (value == NULL || text_int(value, least, most, &number))
		return EXIT_CLEAN;
	complain("%s %s: a number from %lld to %lld is required", option, value, (long long) least,
	         (long long) most);
	return EXIT_USAGE;
}

int
run_credential_add(struct session *s)
{
	const char *values[] = {s->arguments[0],
	                        s->arguments[1],
	                        NULL,
	                        s->value[OPT_CALLS_PER_MINUTE],
	                        s->value[OPT_POINTS_PER_DAY],
	                        s->value[OPT_SCOPE]};
	const char *sender[] = {s->arguments[0], s->value[OPT_SOURCE_NAME], NULL, values[3]};
	int code = check_number(values[3], 1, INT32_MAX, "--calls-per-minute");

	if (code == EXIT_CLEAN)
		code = check_number(values[4], 1, INT64_MAX, "--points-per-day");
	if (code == EXIT_CLEAN && (values[1] == NULL) == (sender[1] == NULL)) {
		complain("a credential is for a PROGRAMME or for a --source: name one of them");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN && sender[1] != NULL && values[5] != NULL) {
		complain("a credential for a --source is for its files alone, and has no --scope");
		code = EXIT_USAGE;
	}
	if (code != EXIT_CLEAN)
		return code;
	return sender[1] != NULL ? callers_secret(s, sql_sender_add, 4, sender, 2)
	                         : callers_secret(s, sql_credential_add, 6, values, 2);
}

int
run_credential_rotate(struct session *s)
{
	const char *values[] = {s->arguments[0], NULL};

	return callers_secret(s, sql_credential_renew, 2, values, 1);
}

int
run_credential_revoke(struct session *s)
{
	const char *values[] = {s->arguments[0], NULL};
	struct pg_result *r = NULL;
	int code = callers_change(s, sql_credential_renew, 2, values, &r);

	if (code == EXIT_CLEAN) {
		const char *cells[] = {s->arguments[0], pg_text_of(r, 0, "generation")};

		code = callers_show(s, COLUMNS(revoked_columns), cells);
		pg_result_free(r);
	}
	return code;
}

int
run_credential_bound(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_CALLS_PER_MINUTE], s->value[OPT_POINTS_PER_DAY],
	                        s->value[OPT_WHY]};
	struct pg_result *r = NULL;
	int code = check_number(values[1], 0, INT32_MAX, "--calls-per-minute");

	if (code == EXIT_CLEAN)
		code = check_number(values[2], 0, INT64_MAX, "--points-per-day");
	if (code == EXIT_CLEAN && values[1] == NULL && values[2] == NULL) {
		complain("name what changes: --calls-per-minute, --points-per-day");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN)
		code = callers_change(s, sql_credential_bound, 4, values, &r);
	if (code == EXIT_CLEAN) {
		const char *cells[] = {s->arguments[0], pg_text_of(r, 0, "generation")};

		code = callers_show(s, COLUMNS(bounded_columns), cells);
		pg_result_free(r);
	}
	return code;
}

int
run_credential_list(struct session *s)
{
	return callers_list(s, "credentials", COLUMNS(credential_columns), sql_credentials,
	                    "nobody may call the redemption API");
}

/* ---- policies ---- */

/* One of two words, or not stated. */
static int
check_word(const char *value, const char *option, const char *one, const char *other)
{
	if (value == NULL || strcmp(value, one) == 0 || strcmp(value, other) == 0)
		return EXIT_CLEAN;
	complain("%s %s: %s or %s", option, value, one, other);
	return EXIT_USAGE;
}

int
run_policy_set(struct session *s)
{
	const char *key = s->value[OPT_KEY];
	const char *values[] = {s->arguments[0],
	                        s->value[OPT_MINIMUM_POINTS],
	                        s->value[OPT_AMOUNT],
	                        s->value[OPT_UNROUTED],
	                        key == NULL                    ? NULL
	                        : strcmp(key, "required") == 0 ? "yes"
	                                                       : "no",
	                        s->value[OPT_WHY]};
	struct pg_result *r = NULL;
	int code = check_number(values[1], 1, INT64_MAX, "--minimum-points");

	if (code == EXIT_CLEAN)
		code = check_word(values[2], "--amount", "ignore", "check");
	if (code == EXIT_CLEAN)
		code = check_word(values[3], "--unrouted", "keep", "refuse");
	if (code == EXIT_CLEAN)
		code = check_word(key, "--key", "optional", "required");
	if (code == EXIT_CLEAN && values[1] == NULL && values[2] == NULL && values[3] == NULL && key == NULL) {
		complain("name what changes: --minimum-points, --amount, --unrouted, --key");
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN)
		code = callers_change(s, sql_policy_set, 6, values, &r);
	pg_result_free(r);
	if (code == EXIT_CLEAN) {
		const char *cells[] = {"set", s->arguments[0]};

		code = callers_show(s, COLUMNS(policy_set_columns), cells);
	}
	return code;
}

int
run_policy_list(struct session *s)
{
	const char *values[] = {s->argument_count > 0 ? s->arguments[0] : NULL};

	return callers_list_of(s, "policies", COLUMNS(policy_columns), sql_policies, 1, values,
	                       "there is no such programme");
}

/* ---- routes ---- */

static int
change_route(struct session *s, const char *what, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	int code = callers_change(s, sql, params, values, &r);

	if (code == EXIT_CLEAN) {
		const char *cells[] = {what, pg_text_of(r, 0, "route")};

		code = callers_show(s, COLUMNS(done_columns), cells);
		pg_result_free(r);
	}
	return code;
}

int
run_route_add(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->arguments[2], s->value[OPT_MERCHANT],
	                        s->value[OPT_PREFIX]};
	int code = ask_number(values[1], "transaction type");

	return code == EXIT_CLEAN ? change_route(s, "added", sql_route_add, 5, values) : code;
}

int
run_route_end(struct session *s)
{
	int code = ask_number(s->arguments[0], "route");

	return code == EXIT_CLEAN ? change_route(s, "ended", sql_route_end, 1, (const char *const *) s->arguments)
	                          : code;
}

int
run_route_list(struct session *s)
{
	return callers_list(s, "routes", COLUMNS(route_columns), sql_routes,
	                    "no route: redemptions have no partner");
}
