/* points terms, sponsor, release, approve, reject, assign, link, unlink: what people decide of points
 * requests. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"

/* Terms that the database cannot hold together: it names its constraint, and we what there is. */
#define CHECK_VIOLATION "23514"
static const char which_there_are[] =
    "account is linked, stated or member; schedule now, 'daily HH:MM', 'weekly Fri HH:MM' or, with days, "
    "'calendar HH:MM'; person_points goes with person_days (1 to 366), file_after (1 to 10080 minutes) with "
    "a target; points are above 0; a prefix has up to 12 letters, digits and hyphens";

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Number", COLUMN_NUMBER, 0, 0, NULL},
};

static int
change(struct session *s, const char *what, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	int code = callers_change(s, sql, params, values, &r);

	if (code == EXIT_CLEAN) {
		const char *cells[] = {what, pg_text_of(r, 0, "number")};

		code = callers_show(s, COLUMNS(done_columns), cells);
		pg_result_free(r);
	}
	return code;
}

/* The text of an array of PostgreSQL with one element more. */
static char *
array_with(char *array, const char *element, size_t len)
{
	char *quoted = mem_new(1, 2 * len + 1), *out = quoted;

	for (size_t i = 0; i < len; i++) {
		if (element[i] == '"' || element[i] == '\\')
			*out++ = '\\';
		*out++ = element[i];
	}
	char *longer = mem_format("%s%s\"%s\"", array, array[1] == '\0' ? "" : ",", quoted);
	free(quoted);
	free(array);
	return longer;
}

static char *
array_end(char *array)
{
	char *whole = mem_format("%s}", array);

	free(array);
	return whole;
}

/* "schedule=daily 18:00": which terms are another, and what they are. */
int
run_points_terms(struct session *s)
{
	char *names = mem_text("{"), *words = mem_text("{");
	int code = ask_why(s);

	for (int i = 2; code == EXIT_CLEAN && i < s->argument_count; i++) {
		const char *term = s->arguments[i], *equals = strchr(term, '=');

		if (equals == NULL || equals == term) {
			complain("%s: a term is written NAME=VALUE, as schedule='daily 18:00'", term);
			code = EXIT_USAGE;
			break;
		}
		names = array_with(names, term, (size_t) (equals - term));
		words = array_with(words, equals + 1, strlen(equals + 1));
	}
	names = array_end(names);
	words = array_end(words);
	if (code == EXIT_CLEAN) {
		const char *values[] = {s->arguments[0], s->arguments[1], names, words, s->value[OPT_WHY]};

		code = change(s, "proposed", sql_points_terms, 5, values);
		if (code != EXIT_CLEAN && s->query.pg != NULL &&
		    strcmp(pg_sqlstate(s->query.pg), CHECK_VIOLATION) == 0)
			complain("%s", which_there_are);
	}
	free(names);
	free(words);
	return code;
}

int
run_points_sponsor(struct session *s)
{
	static const char *const states[] = {"open", "closed", NULL};
	const char *state = s->argument_count > 4 ? s->arguments[4] : "open";
	const char *values[] = {s->arguments[0], s->arguments[1], s->arguments[2],
	                        s->arguments[3], state,           s->value[OPT_WHY]};
	int64_t cap;
	int code = ask_word(state, "whether it is open", states);

	if (code == EXIT_CLEAN && !text_int(values[3], 0, INT64_MAX, &cap)) {
		complain("%s: the cap is a number of points", values[3]);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = ask_why(s);
	return code == EXIT_CLEAN ? change(s, "proposed", sql_points_sponsor, 6, values) : code;
}

int
run_points_release(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->value[OPT_WHY]};
	int code = ask_why(s);

	return code == EXIT_CLEAN ? change(s, "proposed", sql_points_release, 3, values) : code;
}

int
run_points_approve(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_number(values[0], "points proposal");

	return code == EXIT_CLEAN ? change(s, "approved", sql_points_approve, 2, values) : code;
}

int
run_points_reject(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_number(values[0], "points proposal");

	if (code == EXIT_CLEAN)
		code = ask_why(s);
	return code == EXIT_CLEAN ? change(s, "rejected", sql_points_reject, 2, values) : code;
}

int
run_points_assign(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->value[OPT_WHY]};
	int code = ask_number(values[0], "points batch");

	if (code == EXIT_CLEAN)
		code = ask_text(values[1], "WHO");
	return code == EXIT_CLEAN ? change(s, "assigned", sql_points_assign, 3, values) : code;
}

int
run_points_link(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->arguments[2],
	                        s->argument_count > 3 ? s->arguments[3] : NULL, s->value[OPT_WHY]};
	int code = ask_why(s);

	return code == EXIT_CLEAN ? change(s, "linked", sql_points_link, 5, values) : code;
}

int
run_points_unlink(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->arguments[2], s->value[OPT_WHY]};
	int code = ask_why(s);

	return code == EXIT_CLEAN ? change(s, "unlinked", sql_points_unlink, 4, values) : code;
}
