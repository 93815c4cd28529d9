/* web login: a link that opens the pages as whoever runs it. */
#include <errno.h>
#include <string.h>

#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"
#include "lib/hash/secret_text.h"

/* Where the pages are: by the configuration that is named, also beside --database, which is no other site. */
static int
web_of(struct session *s, const char **ret_web)
{
	/* the text alone is taken: nothing of the service's is touched */
	int code = s->config == NULL && s->value[OPT_CONFIG] != NULL ? session_read(s) : EXIT_CLEAN;

	*ret_web = s->config != NULL ? s->config->web : CONFIG_WEB;
	return code;
}

static const struct column link_columns[] = {
    {"person", "For", COLUMN_TEXT, 0, 0, NULL},
    {"link", "Link, good once and for five minutes", COLUMN_TEXT, 0, 0, NULL},
};

int
run_web_login(struct session *s)
{
	char secret[TEXT_HEX_SIZE(SECRET_BYTES)], hash[TEXT_HEX_SIZE(SHA256_BYTES)], person[TEXT_HEX_SIZE(63)];
	const char *value = hash, *web;
	struct pg_result *r = NULL;
	int code = session_open(s, SESSION_PERSON);

	if (code == EXIT_CLEAN)
		code = web_of(s, &web);
	if (code != EXIT_CLEAN)
		return code;
	if (!secret_text_make(secret, hash)) {
		complain("no random numbers: %s", strerrordesc_np(errno));
		return EXIT_INTERNAL;
	}
	enum pg_status status = pg_run(s->query.pg, sql_web_link, 1, &value, &r);
	if (status != PG_OK)
		return query_failed(&s->query, status);
	const char *who = pg_text_of(r, 0, "person");
	/* as hex: a role may be called anything */
	text_hex(person, who, strnlen(who, 63));
	char *link = mem_format("%s/login?code=%s.%s", web, person, secret);
	const char *cells[] = {who, link};
	code = callers_show(s, COLUMNS(link_columns), cells);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(link, strlen(link));
	free(link);
	pg_result_free(r);
	return code;
}
