/* catalogue holds, close; token rotate, list: what the shop was refused, and by what it calls. */
#include <string.h>

#include "ctl/ask.h"
#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"
#include "lib/hash/ed25519.h"

#define KEY_PREFIX "whpk_"

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Hold", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column key_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Generation", COLUMN_NUMBER, 0, 0, NULL},
};
static const struct column hold_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"order", "Order", COLUMN_TEXT, 8, 0, NULL},
    {"kind", "For", COLUMN_WORD, 0, 0, NULL},
    {"stated", "Points, as stated", COLUMN_TEXT, 0, 0, NULL},
    {"detail", "What", COLUMN_SENTENCE, 16, 0, NULL},
    {"opened", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"ended", "Closed (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"ended_by", "By", COLUMN_TEXT, 8, 1, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 1, NULL},
};
static const struct column token_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},      {"scope", "For", COLUMN_WORD, 0, 0, NULL},
    {"generation", "Generation", COLUMN_NUMBER, 0, 0, NULL},  {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"made_at", "Since (UTC)", COLUMN_TIME, 0, 0, NULL},      {"made_by", "By", COLUMN_TEXT, 0, 1, NULL},
    {"expires_at", "Expires (UTC)", COLUMN_TIME, 0, 0, NULL},
};

int
run_catalogue_holds(struct session *s)
{
	const char *ended = s->value[OPT_ENDED] != NULL ? "true" : "false";

	return callers_list_of(s, "holds", COLUMNS(hold_columns), sql_catalogue_holds, 1, &ended,
	                       "nothing that the shop asked for waits for a person");
}

int
run_catalogue_close(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	struct pg_result *r = NULL;
	int code = ask_number(values[0], "catalogue hold");

	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN)
		code = callers_change(s, sql_catalogue_close, 2, values, &r);
	if (code == EXIT_CLEAN) {
		const char *cells[] = {"closed", pg_text_of(r, 0, "number")};

		code = callers_show(s, COLUMNS(done_columns), cells);
		pg_result_free(r);
	}
	return code;
}

int
run_token_rotate(struct session *s)
{
	static const char *const scopes[] = {"sso", "rate", NULL};
	const char *scope = s->value[OPT_SCOPE], *values[] = {s->arguments[0], NULL, scope, s->value[OPT_DAYS]};
	int code;

	if (scope == NULL) {
		complain("what is the token for? --scope sso or --scope rate");
		return EXIT_USAGE;
	}
	code = ask_word(scope, "--scope", scopes);
	if (code == EXIT_CLEAN && values[3] != NULL)
		code = ask_number(values[3], "of days");
	return code == EXIT_CLEAN ? callers_secret(s, sql_token_rotate, 4, values, 1) : code;
}

int
run_token_key(struct session *s)
{
	char hex[TEXT_HEX_SIZE(ED25519_KEY_BYTES)];
	uint8_t key[ED25519_KEY_BYTES];
	size_t len = 0;
	const char *text = s->arguments[1];

	if (strncmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) != 0 ||
	    !text_unbase64(key, sizeof(key), text + strlen(KEY_PREFIX), strlen(text) - strlen(KEY_PREFIX),
	                   &len) ||
	    len != sizeof(key)) {
		complain("%s is no public key: " KEY_PREFIX " and the base64 of 32 bytes are required", text);
		return EXIT_USAGE;
	}
	const char *values[] = {s->arguments[0], text_hex(hex, key, sizeof(key))};
	struct pg_result *r = NULL;
	int code = callers_change(s, sql_token_key, 2, values, &r);

	if (code == EXIT_CLEAN) {
		const char *cells[] = {"added", pg_text_of(r, 0, "number")};

		code = callers_show(s, COLUMNS(key_columns), cells);
		pg_result_free(r);
	}
	return code;
}

int
run_token_list(struct session *s)
{
	return callers_list(s, "tokens", COLUMNS(token_columns), sql_tokens, "no shop has a token");
}
