/* month-end: who prepares, reviews and signs the figures of a month. */
#include <string.h>

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "lib/finance/view/sign_off.h"

static int
ask_month(const struct session *s, struct period *ret)
{
	if (period_of_month(s->arguments[0], ret))
		return EXIT_CLEAN;
	complain("%s: not a month; write it as 2026-01", s->arguments[0]);
	return EXIT_USAGE;
}

static int
show(struct session *s, const struct period *month)
{
	char seen[SIGN_OFF_SEEN_SIZE];
	struct document *d = NULL;
	int code = sign_off_take(&s->query, month, seen, &d);

	if (d == NULL)
		return code;
	int shown = session_show(s, d);
	document_free(d);
	return code == EXIT_CLEAN ? shown : code;
}

/* And what has become of the month then. */
static int
sign(struct session *s, const char *step)
{
	struct period month;
	int code = ask_month(s, &month);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_PERSON);
	if (code == EXIT_CLEAN)
		code = sign_off_do(&s->query, &month, step, NULL, s->value[OPT_WHY]);
	return code == EXIT_CLEAN ? show(s, &month) : code;
}

int
run_month_end_prepare(struct session *s)
{
	return sign(s, "prepared");
}

int
run_month_end_review(struct session *s)
{
	return sign(s, "reviewed");
}

int
run_month_end_sign(struct session *s)
{
	return sign(s, "signed");
}

int
run_month_end_show(struct session *s)
{
	struct period month;
	int code = ask_month(s, &month);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	return code == EXIT_CLEAN ? show(s, &month) : code;
}
