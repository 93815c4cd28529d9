#include "ctl/ask.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/ctl_sql.h"
#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/config/config.h"
#include "lib/finance/output/memory.h"

#define LIMIT_NEAR 1024 /* words that a hint is looked for among */

static int
no_day(const char *option, const char *text)
{
	complain("--%s %s: not a day; write it as 2026-01-31", option, text);
	return EXIT_USAGE;
}

int
ask_period(const struct session *s, struct period *ret)
{
	const char *from = s->value[OPT_FROM], *to = s->value[OPT_TO];

	switch (period_read(from, to, ret)) {
	case PERIOD_READ:
		break;
	case PERIOD_FROM:
		return no_day("from", from);
	case PERIOD_TO:
		return no_day("to", to);
	case PERIOD_TURNED:
		complain("--to %s is before --from %s", to, from);
		return EXIT_USAGE;
	}
	return EXIT_CLEAN;
}

int
ask_as_of(const struct session *s, struct period *ret)
{
	const char *day = s->value[OPT_AS_OF];

	return period_read(NULL, day, ret) == PERIOD_READ ? EXIT_CLEAN : no_day("as-of", day);
}

int
ask_number(const char *said, const char *what)
{
	int64_t number;

	if (text_int(said, 1, INT64_MAX, &number))
		return EXIT_CLEAN;
	complain("%s is no %s's number", said, what);
	return EXIT_USAGE;
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

int
ask_text(const char *text, const char *what)
{
	if (!is_blank(text))
		return EXIT_CLEAN;
	complain("%s is empty: write at least a word", what);
	return EXIT_USAGE;
}

int
ask_why(const struct session *s)
{
	if (s->value[OPT_WHY] != NULL && !is_blank(s->value[OPT_WHY]))
		return EXIT_CLEAN;
	complain("why? --why TEXT is required");
	return EXIT_USAGE;
}

int
ask_word(const char *word, const char *what, const char *const *words)
{
	char *known = mem_text("");

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(word, words[i]) == 0) {
			free(known);
			return EXIT_CLEAN;
		}
		char *more = mem_format("%s%s%s", known,
		                        i == 0                 ? ""
		                        : words[i + 1] == NULL ? " or "
		                                               : ", ",
		                        words[i]);
		free(known);
		known = more;
	}
	complain("%s %s: not known; use %s", what, word, known);
	free(known);
	return EXIT_USAGE;
}

int
ask_redemption(const struct session *s)
{
	const char *reference = s->value[OPT_REDEMPTION];

	if (reference == NULL || text_is_uuid(reference))
		return EXIT_CLEAN;
	complain("--redemption %s: not an external reference; write its 36 characters, as in "
	         "12345678-9abc-def0-1234-56789abcdef0",
	         reference);
	return EXIT_USAGE;
}

int
ask_limit(const struct session *s, const char *default_value, char *buf, const char **ret_limit)
{
	const char *said = s->value[OPT_LIMIT];
	int64_t limit = 0;

	if (s->value[OPT_ALL] != NULL) {
		*ret_limit = NULL;
		return EXIT_CLEAN;
	}
	if (said != NULL && !text_int(said, 1, INT64_MAX, &limit)) {
		complain("--limit %s: not a number from 1 on", said);
		return EXIT_USAGE;
	}
	/* a program reads what it gets as all there is: only its own --limit cuts that */
	if (said == NULL && format_is_for_machines(s->format)) {
		*ret_limit = NULL;
		return EXIT_CLEAN;
	}
	snprintf(buf, 24, "%s", said != NULL ? said : default_value);
	*ret_limit = buf;
	return EXIT_CLEAN;
}

/* The nearest of the words that are joined in text, else one that has it in it, or NULL; *ret_words is the
 * caller's to free. */
static const char *
near_in(const char *text, const char *word, char **ret_words)
{
	const char *known[LIMIT_NEAR + 1];
	size_t count = 0;
	char *at = *ret_words = mem_text(text);

	while (at != NULL && count < LIMIT_NEAR)
		known[count++] = strsep(&at, "\x1f");
	known[count] = NULL;
	const char *near = nearest_word(word, known);
	for (size_t i = 0; near == NULL && i < count && strlen(word) > 2; i++)
		near = strstr(known[i], word) != NULL ? known[i] : NULL;
	return near;
}

static int
no_such(const char *what, const char *word, const char *known)
{
	char *words;
	const char *near = near_in(known, word, &words);

	if (near != NULL && *near != '\0')
		complain("--%s %s: no such %s; did you mean %s?", what, word, what, near);
	else
		complain("--%s %s: no such %s", what, word, what);
	free(words);
	return EXIT_USAGE;
}

/* A partner of whom nothing has come yet is one all the same. */
static bool
is_configured(const struct session *s, const char *partner)
{
	for (size_t i = 0; s->config != NULL && i < s->config->source_count; i++)
		if (strcmp(s->config->sources[i].partner, partner) == 0)
			return true;
	return false;
}

int
ask_names(struct session *s)
{
	const char *partner = s->value[OPT_PARTNER], *reason = s->value[OPT_REASON];
	const char *programme = s->value[OPT_PROGRAMME], *member = s->value[OPT_MEMBER];
	const char *values[] = {partner, reason, programme, member};
	struct pg_result *r = NULL;
	enum pg_status status;
	int code = EXIT_CLEAN;

	if (partner == NULL && reason == NULL && programme == NULL && member == NULL)
		return EXIT_CLEAN;
	status = pg_run(s->query.pg, sql_known_names, 4, values, &r);
	if (status != PG_OK)
		return query_failed(&s->query, status);
	if (partner != NULL && !pg_true_of(r, 0, "is_partner") && !is_configured(s, partner))
		code = no_such("partner", partner, pg_text_of(r, 0, "partners"));
	if (code == EXIT_CLEAN && reason != NULL && !pg_true_of(r, 0, "is_reason"))
		code = no_such("reason", reason, pg_text_of(r, 0, "reasons"));
	if (code == EXIT_CLEAN && programme != NULL && !pg_true_of(r, 0, "is_programme"))
		code = no_such("programme", programme, pg_text_of(r, 0, "programmes"));
	if (code == EXIT_CLEAN && member != NULL && !pg_true_of(r, 0, "is_member"))
		code = no_such("member", member, pg_text_of(r, 0, "members"));
	pg_result_free(r);
	return code;
}

int
ask_file(struct session *s, const char *said, char **ret_id)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->query.pg, sql_find_file, 1, &said, &r);

	if (status != PG_OK)
		return query_failed(&s->query, status);
	if (pg_rows(r) == 0) {
		complain(
		    "no file %s: give its number, the beginning of its SHA-256 or its name (`handbackctl files`)",
		    said);
		pg_result_free(r);
		return EXIT_USAGE;
	}
	*ret_id = mem_text(pg_text(r, 0, 0));
	if (pg_rows(r) > 1)
		complain("%s fits %d files; this is the newest, file %s", said, pg_rows(r), *ret_id);
	pg_result_free(r);
	return EXIT_CLEAN;
}
