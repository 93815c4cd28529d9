/* A link for whom somebody vouches, made by the database, which knows who is a person of the pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/base/utf8.h"
#include "lib/hash/secret_text.h"
#include "login/login.h"
#include "login/login_sql.h"

#define PERSON_BYTES 63

/* The same for whoever is nobody and whoever may not: a stranger learns nothing of who there is. */
static const char nobody[] =
    "You are not one of the people who may open these pages. Whoever runs handback adds you: <code>handbackctl "
    "setup</code>, and <code>login</code> of its configuration.";
static const char later[] = "The database does not answer at this moment: try again.";

/* A line of text that can stand in the database and in a log. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);
	uint32_t code;

	if (len == 0 || len > LOGIN_NAME_BYTES || !utf8_text_ok(name, len))
		return false;
	for (const char *c = name; *c != '\0'; c += utf8_next(c, strlen(c), &code))
		if (utf8_next(c, strlen(c), &code) == 0 || utf8_is_hidden(code))
			return false;
	return true;
}

/* What is not there any more is not had again by this process, which may open no connection: another one begins. */
static void
give_up(struct login *l)
{
	const struct timeval answered = {.tv_sec = 1};

	l->code = EXIT_UNAVAILABLE;
	event_base_loopexit(l->base, &answered);
}

static enum pg_status
make(struct login *l, const struct voucher *voucher, const char *person, const char *hash, bool *ret_made)
{
	char at[24];
	const char *values[] = {hash, person, voucher->way, voucher->name, voucher->roles, NULL};
	struct pg_result *r = NULL;
	enum pg_status status;

	snprintf(at, sizeof(at), "%lld", (long long) voucher->showed_it_at);
	if (voucher->showed_it_at != 0)
		values[5] = at;
	status = pg_run(l->pg, sql_login_link, 6, values, &r);
	*ret_made = status == PG_OK && pg_true_of(r, 0, "made");
	pg_result_free(r);
	return status;
}

void
link_give(struct visit *v, const struct voucher *voucher)
{
	char secret[TEXT_HEX_SIZE(SECRET_BYTES)], hash[TEXT_HEX_SIZE(SHA256_BYTES)],
	    person_hex[TEXT_HEX_SIZE(PERSON_BYTES)],
	    path[sizeof("/login?code=.") + sizeof(person_hex) + sizeof(secret)];
	struct login *l = v->login;
	const char *person = is_name(voucher->name) ? config_login_person(&l->config->login, voucher->name) : NULL;
	enum pg_status status = PG_OK;
	bool made = false;

	if (person != NULL && strlen(person) <= PERSON_BYTES && secret_text_make(secret, hash))
		status = make(l, voucher, person, hash, &made);
	log_write(LOG_NOTICE, made ? "a link is given" : "nobody is given a link",
	          LOG_FIELDS(log_text("way", voucher->way), log_text("name", voucher->name), log_text("person", person),
	                     log_text("why", status != PG_OK ? pg_why(l->pg) : NULL)));
	if (!made) {
		if (status == PG_LOST)
			give_up(l);
		visit_page(v, status != PG_OK ? 503 : 403, status != PG_OK ? later : nobody);
		return;
	}
	/* as hex: a role may be called anything */
	text_hex(person_hex, person, strlen(person));
	snprintf(path, sizeof(path), "/login?code=%s.%s", person_hex, secret);
	visit_go(v, path);
	explicit_bzero(path, sizeof(path));
	explicit_bzero(secret, sizeof(secret));
}
