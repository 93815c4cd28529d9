/* hold assign, comment, propose, approve, reject; proposals: what people do.  The database says who may. */
#include "ctl/people.h"

#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/daemon_answer.h"
#include "ctl/handlers.h"
#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"
#include "lib/finance/view/people.h"
#include "lib/finance/view/view_sql.h"

static const struct column done_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Recorded as", COLUMN_NUMBER, 0, 0, NULL},
};
/* what another person is told, to approve it */
static const struct column proposed_columns[] = {
    {"what", "Done", COLUMN_WORD, 0, 0, NULL},
    {"number", "Proposal", COLUMN_NUMBER, 0, 0, NULL},
};

void
people_complain(const char *why)
{
	const char *next = "", *sentence = people_sentence(why, &next);

	complain("%s%s", sentence, next);
}

/* Runs a function of schema/ that gives one number, and says what was done. */
static int
record_event(struct session *s, const char *what, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->query.pg, sql, params, values, &r);

	if (status != PG_OK) {
		people_complain(pg_why(s->query.pg));
		return status == PG_ERROR ? EXIT_USAGE : status == PG_RETRY ? EXIT_FAILED : EXIT_UNAVAILABLE;
	}
	struct document *d = document_new("done", NULL);
	const char *cells[] = {what, pg_text(r, 0, 0)};
	bool proposed = strcmp(what, "proposed") == 0;
	struct table *t = document_add(d, "done", NULL, TABLE_FACTS, COLUMNS(done_columns));
	if (proposed) {
		t->columns = proposed_columns;
		table_note(t, mem_format("Another person does it: `handbackctl hold approve %s`.", cells[1]));
	}
	table_row(t, cells);
	int code = session_show(s, d);
	document_free(d);
	pg_result_free(r);
	return code;
}

int
run_hold_assign(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1], s->value[OPT_WHY]};
	int code = ask_number(values[0], "hold");

	if (code == EXIT_CLEAN)
		code = ask_text(values[1], "WHO");
	if (code == EXIT_CLEAN && values[2] != NULL)
		code = ask_text(values[2], "--why");
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	return code == EXIT_CLEAN ? record_event(s, "assigned", sql_hold_assign, 3, values) : code;
}

int
run_hold_comment(struct session *s)
{
	int code = ask_number(s->arguments[0], "hold");

	if (code == EXIT_CLEAN)
		code = ask_text(s->arguments[1], "TEXT");
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	return code == EXIT_CLEAN
	           ? record_event(s, "commented", sql_hold_comment, 2, (const char *const *) s->arguments)
	           : code;
}

int
run_audit_accept(struct session *s)
{
	const char *values[] = {s->arguments[0], s->arguments[1]};
	uint8_t id[16];
	size_t len = 0;
	int code = ask_text(values[1], "WHY");

	if (code == EXIT_CLEAN && (!text_unhex(id, sizeof(id), values[0], &len) || len != sizeof(id))) {
		complain("%s is no difference: take what audit verify calls it", values[0]);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	return code == EXIT_CLEAN ? record_event(s, "accepted", sql_accept_difference, 2, values) : code;
}

/* "{12,13}" of the numbers behind the decision; NULL, and said why, when one is none. */
static char *
named_holds(const struct session *s)
{
	char *list = mem_text("{");

	for (int i = 1; i < s->argument_count; i++) {
		if (ask_number(s->arguments[i], "hold") != EXIT_CLEAN) {
			free(list);
			return NULL;
		}
		char *more = mem_format("%s%s%s", list, i > 1 ? "," : "", s->arguments[i]);
		free(list);
		list = more;
	}
	char *closed = mem_format("%s}", list);
	free(list);
	return closed;
}

/* The holds that are meant, by number or by filter; the caller frees r. */
static int
select_holds(struct session *s, struct pg_result **ret)
{
	char *named = NULL, *file = NULL;
	int code = EXIT_CLEAN;
	enum pg_status status;

	if (s->argument_count > 1) {
		named = named_holds(s);
		if (named == NULL)
			return EXIT_USAGE;
		status = pg_run(s->query.pg, sql_hold_count, 1, (const char *const *) &named, ret);
	} else {
		if (s->value[OPT_FILE] != NULL)
			code = ask_file(s, s->value[OPT_FILE], &file);
		if (code != EXIT_CLEAN)
			return code;
		const char *values[] = {s->value[OPT_PARTNER], s->value[OPT_REASON], file, s->arguments[0],
		                        s->value[OPT_VERDICT]};
		status = pg_run(s->query.pg, sql_hold_select, 5, values, ret);
	}
	free(named);
	free(file);
	return status == PG_OK ? EXIT_CLEAN : query_failed(&s->query, status);
}

/* How many and how much, before it is proposed: for those who chose by a filter. */
static int
confirm(const struct session *s, const struct pg_result *r, const char *decision)
{
	/* nobody has judged the records of a file on hold: its points are not known */
	bool files = strcmp(decision, "release") == 0, yes = s->value[OPT_YES] != NULL;
	char *many = number_shown(pg_text(r, 0, 1)), *much = number_shown(pg_text(r, 0, files ? 3 : 2)),
	     answer[16] = "";

	fprintf(stderr, "to %s: %s %s of %s %s", decision, many, files ? "files" : "holds", much,
	        files ? "records" : "points");
	free(many);
	free(much);
	if (strcmp(pg_text(r, 0, 4), "0") != 0) {
		char *out = number_shown(pg_text(r, 0, 4));
		fprintf(stderr, "; %s not among them, the first: %s", out, pg_text(r, 0, 5));
		free(out);
	}
	if (!yes && isatty(STDIN_FILENO)) {
		fputs(". Propose it? [y/N] ", stderr);
		yes = fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
	} else
		fputc('\n', stderr);
	if (yes)
		return EXIT_CLEAN;
	complain("not confirmed: use --yes");
	return EXIT_USAGE;
}

/* Of a file that has no hold: it was taken for a duplicate. */
static int
propose_not_a_duplicate(struct session *s)
{
	char *file = NULL;
	int code;

	if (s->value[OPT_FILE] == NULL || s->argument_count > 1) {
		complain("which file? --file FILE is required");
		return EXIT_USAGE;
	}
	code = session_open(s, SESSION_DECIDES);
	if (code == EXIT_CLEAN)
		code = ask_file(s, s->value[OPT_FILE], &file);
	const char *values[] = {file, s->value[OPT_WHY]};
	if (code == EXIT_CLEAN)
		code = record_event(s, "proposed", sql_not_a_duplicate, 2, values);
	free(file);
	return code;
}

/* Which holds are meant: by their numbers, or by a filter. */
static int
ask_holds(const struct session *s)
{
	static const char *const verdicts[] = {
	    "accepted", "accepted_with_change", "accepted_with_warning", "rejected", "pending", NULL};
	const char *verdict = s->value[OPT_VERDICT];

	if (s->argument_count == 1 && s->value[OPT_PARTNER] == NULL && s->value[OPT_REASON] == NULL &&
	    s->value[OPT_FILE] == NULL && verdict == NULL) {
		complain("which holds? Their numbers, or --partner, --reason, --file, --verdict");
		return EXIT_USAGE;
	}
	return verdict != NULL ? ask_word(verdict, "verdict", verdicts) : EXIT_CLEAN;
}

int
run_hold_propose(struct session *s)
{
	static const char *const decisions[] = {"confirm", "reverse", "reinstate",       "credit", "close",
	                                        "release", "reopen",  "not_a_duplicate", NULL};
	const char *decision = s->arguments[0];
	struct pg_result *r = NULL;

	if (ask_word(decision, "decision", decisions) != EXIT_CLEAN || ask_why(s) != EXIT_CLEAN ||
	    ask_redemption(s) != EXIT_CLEAN)
		return EXIT_USAGE;
	if (strcmp(decision, "not_a_duplicate") == 0)
		return propose_not_a_duplicate(s);
	if (ask_holds(s) != EXIT_CLEAN)
		return EXIT_USAGE;
	int code = session_open(s, SESSION_DECIDES);
	if (code == EXIT_CLEAN)
		code = select_holds(s, &r);
	if (code != EXIT_CLEAN)
		return code;
	if (strcmp(pg_text(r, 0, 1), "0") == 0) {
		bool none = s->argument_count > 1 || strcmp(pg_text(r, 0, 4), "0") == 0;
		if (none)
			complain("no open hold matches: `handbackctl holds` lists them");
		else
			people_complain(pg_text(r, 0, 5));
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN && s->argument_count == 1)
		code = confirm(s, r, decision);
	const char *values[] = {pg_text(r, 0, 0), decision, s->value[OPT_WHY], s->value[OPT_REDEMPTION],
	                        s->value[OPT_ACCEPT_DIFFERENCE] != NULL ? "true" : "false"};
	if (code == EXIT_CLEAN)
		code = record_event(s, "proposed", sql_hold_propose, 5, values);
	pg_result_free(r);
	return code;
}

static const struct column opened_columns[] = {
    {"opened", "Opened", COLUMN_NUMBER, 0, 0, NULL},
    {"settled", "Settled otherwise since", COLUMN_NUMBER, 0, 0, NULL},
    {"said_too", "Said by another file, too", COLUMN_NUMBER, 0, 0, NULL},
    {"deemed", "Deemed accepted by it", COLUMN_NUMBER, 0, 0, NULL},
    {"in_parts", "Answered in parts", COLUMN_NUMBER, 0, 0, NULL},
    {"in_groups", "Answered in groups", COLUMN_NUMBER, 0, 0, NULL},
};

enum { OPENED_COUNTS = sizeof(opened_columns) / sizeof(opened_columns[0]) };

/* Piece by piece; counts[] is what was opened, and what not. */
static int
open_void(struct session *s, int64_t *counts)
{
	char behind[24] = "0";

	while (behind[0] != '\0') {
		const char *values[] = {s->arguments[0], s->value[OPT_WHY], behind};
		struct pg_result *r = NULL;
		enum pg_status status = pg_run(s->query.pg, sql_hold_open, 3, values, &r);

		if (status == PG_RETRY)
			continue;
		if (status != PG_OK) {
			people_complain(pg_why(s->query.pg));
			return status == PG_ERROR ? EXIT_USAGE : EXIT_UNAVAILABLE;
		}
		for (int i = 0; i < OPENED_COUNTS; i++)
			counts[i] += pg_int_of(r, 0, opened_columns[i].key);
		snprintf(behind, sizeof(behind), "%s", pg_text(r, 0, 7));
		pg_result_free(r);
	}
	return EXIT_CLEAN;
}

int
run_hold_open(struct session *s)
{
	int64_t counts[OPENED_COUNTS] = {0};
	int code = ask_number(s->arguments[0], "hold");

	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	if (code == EXIT_CLEAN)
		code = open_void(s, counts);
	if (code != EXIT_CLEAN)
		return code;
	char texts[OPENED_COUNTS][24];
	const char *cells[OPENED_COUNTS];
	for (int i = 0; i < OPENED_COUNTS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%lld", (long long) counts[i]);
		cells[i] = texts[i];
	}
	struct document *d = document_new("opened", NULL);
	table_row(document_add(d, "opened", NULL, TABLE_FACTS, COLUMNS(opened_columns)), cells);
	code = session_show(s, d);
	document_free(d);
	return code;
}

static const struct column left_out_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Left out, since it", COLUMN_SENTENCE, 16, 0, NULL},
};

/* One row of a statement about a proposal; NULL where there is none, or it failed: *ret_code. */
static struct pg_result *
ask_proposal(struct session *s, const char *sql, const char *proposal, int *ret_code)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->query.pg, sql, 1, &proposal, &r);

	*ret_code = status == PG_OK ? EXIT_CLEAN : query_failed(&s->query, status);
	if (status == PG_OK && pg_rows(r) > 0)
		return r;
	pg_result_free(r);
	return NULL;
}

/* Piece by piece to the end, saying how far it is. */
static int
finish_proposal(struct session *s, const char *proposal, int64_t holds)
{
	int64_t remaining = holds;

	while (remaining > 0) {
		struct pg_result *r = NULL;
		enum pg_status status = pg_run(s->query.pg, sql_hold_continue, 1, &proposal, &r);

		if (status == PG_RETRY)
			continue;
		if (status != PG_OK) {
			people_complain(pg_why(s->query.pg));
			complain("`handbackctl hold approve %s` goes on with what remains", proposal);
			return status == PG_ERROR ? EXIT_USAGE : EXIT_UNAVAILABLE;
		}
		remaining = pg_int_of(r, 0, "remaining");
		pg_result_free(r);
		char *done = mem_format("%lld", (long long) (holds - remaining)),
		     *all = mem_format("%lld", (long long) holds);
		char *done_shown = number_shown(done), *all_shown = number_shown(all);
		fprintf(stderr, "decided %s of %s holds\n", done_shown, all_shown);
		free(done);
		free(all);
		free(done_shown);
		free(all_shown);
	}
	return EXIT_CLEAN;
}

/* What was done, and what was left out of it. */
static int
show_approved(struct session *s, const char *proposal, const char *event)
{
	const char *cells[] = {event != NULL ? "approved" : "finished", event},
	           *values[] = {proposal, s->query.limit};
	struct document *d = document_new("done", NULL);

	table_row(document_add(d, "done", NULL, TABLE_FACTS, COLUMNS(done_columns)), cells);
	struct table *t = document_add(d, "left_out", "Left out", TABLE_ROWS, COLUMNS(left_out_columns));
	int code = query_fill(&s->query, t, sql_hold_left_out, 2, values);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

/* Approves, unless that was done and it is only to be finished; *ret_event is the event, or NULL. */
static int
approve(struct session *s, const char *proposal, struct pg_result **ret_event)
{
	const char *values[] = {proposal, s->value[OPT_WHY]};
	int code;
	struct pg_result *r = ask_proposal(s, sql_hold_unfinished, proposal, &code);

	if (r != NULL || code != EXIT_CLEAN) {
		pg_result_free(r);
		return code;
	}
	r = ask_proposal(s, sql_hold_accepted, proposal, &code);
	if (r != NULL)
		fprintf(stderr, "it accepts that record and redemption differ: %s\n", pg_text(r, 0, 0));
	pg_result_free(r);
	if (code != EXIT_CLEAN)
		return code;
	enum pg_status status = pg_run(s->query.pg, sql_hold_approve, 2, values, ret_event);
	if (status == PG_OK)
		return EXIT_CLEAN;
	people_complain(pg_why(s->query.pg));
	return status == PG_ERROR ? EXIT_USAGE : status == PG_RETRY ? EXIT_FAILED : EXIT_UNAVAILABLE;
}

int
run_hold_approve(struct session *s)
{
	const char *proposal = s->arguments[0];
	struct pg_result *event = NULL;
	int code = ask_number(proposal, "proposal");

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	if (code == EXIT_CLEAN)
		code = approve(s, proposal, &event);
	if (code == EXIT_CLEAN) {
		struct pg_result *r = ask_proposal(s, sql_hold_unfinished, proposal, &code);
		if (r != NULL)
			code = finish_proposal(s, proposal, pg_int_of(r, 0, "holds"));
		pg_result_free(r);
	}
	if (code == EXIT_CLEAN)
		code = show_approved(s, proposal, event != NULL ? pg_text(event, 0, 0) : NULL);
	pg_result_free(event);
	/* files that were released are the daemon's to handle: at once, or where none answers when one looks next
	 */
	if (code == EXIT_CLEAN && s->config != NULL)
		daemon_rescan(s);
	return code;
}

int
run_hold_reject(struct session *s)
{
	const char *values[] = {s->arguments[0], s->value[OPT_WHY]};
	int code = ask_number(values[0], "proposal");

	if (code == EXIT_CLEAN)
		code = ask_why(s);
	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_DECIDES);
	return code == EXIT_CLEAN ? record_event(s, "rejected", sql_hold_reject, 2, values) : code;
}

int
run_proposals(struct session *s)
{
	int code = session_open(s, SESSION_READS);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = NULL;
	code = view_proposals(&s->query, s->value[OPT_ALL] != NULL, &d);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}
