/* points: requests, batches with their control accounts, what is unanswered, terms, sponsors, accounts,
 * proposals. */
#include "ctl/ask.h"
#include "ctl/callers.h"
#include "ctl/ctl_sql.h"
#include "ctl/handlers.h"

#define SHOWN "100"

static const struct column request_columns[] = {
    {"received", "Received (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"key", "Key", COLUMN_TEXT, 14, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"sponsor", "Sponsor", COLUMN_TEXT, 6, 3, NULL},
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 4, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 1, NULL},
};
static const struct column one_columns[] = {
    {"request_no", "Request", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"why", "Refused, since", COLUMN_SENTENCE, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 0, 0, NULL},
    {"account", "Account", COLUMN_TEXT, 0, 0, NULL},
    {"sponsor", "Sponsor", COLUMN_TEXT, 0, 0, NULL},
    {"reason", "For", COLUMN_SENTENCE, 0, 0, NULL},
    {"client", "Asked by", COLUMN_TEXT, 0, 0, NULL},
    {"received", "Received (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"not_before", "Not before (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"owner", "Owner", COLUMN_TEXT, 0, 0, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 0, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column receipt_columns[] = {
    {"received", "Received (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"client", "By", COLUMN_TEXT, 6, 0, NULL},
    {"call", "Call", COLUMN_TEXT, 8, 2, NULL},
    {"n", "Row", COLUMN_NUMBER, 0, 2, NULL},
    {"code", "Code", COLUMN_TEXT, 0, 0, NULL},
    {"again", "Again", COLUMN_BOOL, 0, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 0, NULL},
};
static const struct column batch_columns[] = {
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 6, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"number", "Number", COLUMN_NUMBER, 0, 5, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"target", "Target", COLUMN_TEXT, 0, 8, NULL},
    {"file", "File", COLUMN_NAME, 12, 8, NULL},
    {"placed", "Placed (UTC)", COLUMN_TIME, 0, 8, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 4, NULL},
    {"requested", "Requested", COLUMN_NUMBER, 0, 0, NULL},
    {"sent", "Sent", COLUMN_NUMBER, 0, 7, NULL},
    {"acknowledged", "Acknowledged", COLUMN_NUMBER, 0, 7, NULL},
    {"credited", "Credited", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 7, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, "reversed"},
    {"unknown", "Unknown", COLUMN_NUMBER, 0, 2, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, "held"},
    {"closed", "Closed (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"owner", "Owner", COLUMN_TEXT, 6, 0, NULL},
};
static const struct column account_columns[] = {
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 0, 0, NULL},
    {"number", "Number", COLUMN_NUMBER, 0, 0, NULL},
    {"cut_off", "Of what came before (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"file", "File", COLUMN_NAME, 0, 0, NULL},
    {"placed", "Placed (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 0, NULL},
    {"requested", "Requested points", COLUMN_NUMBER, 0, 0, NULL},
    {"sent", "Sent", COLUMN_NUMBER, 0, 0, NULL},
    {"acknowledged", "Acknowledged", COLUMN_NUMBER, 0, 0, NULL},
    {"credited", "Credited", COLUMN_NUMBER, 0, 0, NULL},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, NULL},
    {"unknown", "Unknown", COLUMN_NUMBER, 0, 0, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"closed", "Closed (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"owner", "Owner", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column row_columns[] = {
    {"place", "Place", COLUMN_NUMBER, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 14, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 0, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 0, 1, NULL},
};
static const struct column answer_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 12, 0, NULL},
    {"answers", "Of this batch", COLUMN_NUMBER, 0, 0, NULL},
    {"stated", "States points", COLUMN_NUMBER, 0, 0, NULL},
    {"credited", "Credited", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, "reversed"},
    {"held", "Held", COLUMN_NUMBER, 0, 0, "held"},
    {"records", "Its records", COLUMN_NUMBER, 0, 1, NULL},
};
static const struct column unanswered_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},   {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},       {"requests", "Requests", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},   {"owner", "Owner", COLUMN_TEXT, 6, 0, NULL},
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},     {"number", "Number", COLUMN_NUMBER, 0, 2, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 1, NULL},
};
static const struct column question_columns[] = {
    {"question", "Question", COLUMN_NUMBER, 0, 0, NULL},  {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},  {"kind", "About", COLUMN_WORD, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},          {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "Asked in", COLUMN_NAME, 12, 3, NULL},       {"asked", "Asked (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"due", "Answer due (UTC)", COLUMN_TIME, 0, 1, NULL}, {"settled", "Settled as", COLUMN_WORD, 0, 4, NULL},
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},          {"key", "Key", COLUMN_TEXT, 10, 0, NULL},
};
static const struct column partner_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"open", "Open", COLUMN_BOOL, 0, 0, NULL},
    {"schedule", "Window", COLUMN_TEXT, 0, 0, NULL},
    {"zone", "Zone", COLUMN_TEXT, 6, 2, NULL},
    {"closes", "Closes (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"waiting", "Waiting", COLUMN_NUMBER, 0, 0, NULL},
    {"waiting_points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"account", "Account", COLUMN_WORD, 0, 3, NULL},
    {"target", "Target", COLUMN_TEXT, 0, 3, NULL},
    {"file_after", "By file after (min)", COLUMN_NUMBER, 0, 6, NULL},
    {"request_points", "A request's most", COLUMN_NUMBER, 0, 4, NULL},
    {"person_points", "A person's most", COLUMN_NUMBER, 0, 4, NULL},
    {"person_days", "in days", COLUMN_NUMBER, 0, 4, NULL},
    {"prefix", "Prefix", COLUMN_TEXT, 0, 5, NULL},
    {"proposed_by", "Proposed by", COLUMN_TEXT, 8, 6, NULL},
    {"approved_by", "Approved by", COLUMN_TEXT, 8, 6, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 6, NULL},
};
static const struct column sponsor_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 2, NULL},
    {"sponsor", "Sponsor", COLUMN_TEXT, 8, 0, NULL},
    {"open", "Open", COLUMN_BOOL, 0, 0, NULL},
    {"cap", "Cap in a day", COLUMN_NUMBER, 0, 0, NULL},
    {"paid_today", "Paid today", COLUMN_NUMBER, 0, 0, NULL},
    {"balance", "Balance", COLUMN_NUMBER, 0, 0, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 0, NULL},
    {"held_points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"account", "Account", COLUMN_TEXT, 6, 1, NULL},
    {"proposed_by", "Proposed by", COLUMN_TEXT, 8, 3, NULL},
    {"approved_by", "Approved by", COLUMN_TEXT, 8, 3, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 3, NULL},
};
static const struct column link_columns[] = {
    {"programme", "Programme", COLUMN_TEXT, 0, 2, NULL}, {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"account", "Account", COLUMN_TEXT, 8, 0, NULL},     {"member", "Member", COLUMN_TEXT, 6, 0, NULL},
    {"proof", "Proof", COLUMN_SENTENCE, 16, 0, NULL},    {"since", "Since (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"made_by", "By", COLUMN_TEXT, 8, 0, NULL},
};
static const struct column proposal_columns[] = {
    {"proposal", "Proposal", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"kind", "Of", COLUMN_WORD, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"subject", "Name", COLUMN_TEXT, 8, 0, NULL},
    {"detail", "What", COLUMN_SENTENCE, 16, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 12, 1, NULL},
    {"proposed", "Proposed (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"proposed_by", "By", COLUMN_TEXT, 6, 0, NULL},
    {"ended", "Answered (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"ended_by", "By", COLUMN_TEXT, 6, 2, NULL},
    {"answer", "Response", COLUMN_SENTENCE, 12, 3, NULL},
};

static const char *const request_states[] = {"unknown",  "differs",    "refused", "held",
                                             "queued",   "sending",    "sent",    "credited",
                                             "reversed", "reinstated", NULL};
static const char *const batch_states[] = {"open", "closed", NULL};
static const char *const question_states[] = {"waiting", "asked", "overdue", "settled", NULL};

/* A list that --partner, --programme, --state and --limit choose from; takes: how many of these the statement
 * has. */
static int
show_list(struct session *s, const char *key, const struct column *columns, int count, const char *sql,
          int takes, const char *const *states, const char *none)
{
	const char *values[4] = {s->value[OPT_PARTNER], s->value[OPT_PROGRAMME], s->value[OPT_STATE]};
	char buf[24];
	int code = EXIT_CLEAN;

	if (states != NULL && values[2] != NULL)
		code = ask_word(values[2], "--state", states);
	if (code == EXIT_CLEAN)
		code = ask_limit(s, SHOWN, buf, &s->query.limit);
	if (takes > 0)
		values[takes - 1] = s->query.limit;
	return code == EXIT_CLEAN ? callers_list_of(s, key, columns, count, sql, takes, values, none) : code;
}

int
run_points_requests(struct session *s)
{
	return show_list(s, "requests", COLUMNS(request_columns), sql_points_requests, 4, request_states,
	                 "no request");
}

int
run_points_batches(struct session *s)
{
	return show_list(s, "batches", COLUMNS(batch_columns), sql_points_batches, 4, batch_states, "no batch");
}

int
run_points_questions(struct session *s)
{
	return show_list(s, "questions", COLUMNS(question_columns), sql_points_questions, 4, question_states,
	                 "no partner was asked anything");
}

int
run_points_links(struct session *s)
{
	return show_list(s, "links", COLUMNS(link_columns), sql_points_links, 3, NULL, "no account is linked");
}

int
run_points_proposals(struct session *s)
{
	return show_list(s, "proposals", COLUMNS(proposal_columns), sql_points_proposals, 1, NULL,
	                 "nothing was ever proposed");
}

int
run_points_unanswered(struct session *s)
{
	const char *values[] = {s->value[OPT_PARTNER], s->value[OPT_PROGRAMME]};

	return callers_list_of(s, "unanswered", COLUMNS(unanswered_columns), sql_points_unanswered, 2, values,
	                       "every request that was sent is answered");
}

int
run_points_partners(struct session *s)
{
	return callers_list(s, "partners", COLUMNS(partner_columns), sql_points_partners,
	                    "no partner takes points requests");
}

int
run_points_sponsors(struct session *s)
{
	return callers_list(s, "sponsors", COLUMNS(sponsor_columns), sql_points_sponsors, "there is no sponsor");
}

/* Facts of one, and the rows below it. */
static int
show_one(struct session *s, const char *key, const struct column *columns, int count, const char *sql,
         int params, struct document **ret)
{
	int code = session_open(s, SESSION_READS);

	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new(key, NULL);
	struct table *t = document_add(d, key, NULL, TABLE_FACTS, columns, count);
	code = query_fill(&s->query, t, sql, params, (const char *const *) s->arguments);
	if (code == EXIT_CLEAN && t->rows == 0) {
		complain("there is no such %s", key);
		code = EXIT_USAGE;
	}
	return query_end(d, code, ret);
}

int
run_points_show(struct session *s)
{
	struct document *d = NULL;
	int code = show_one(s, "request", COLUMNS(one_columns), sql_points_request, 2, &d);

	if (code != EXIT_CLEAN)
		return code;
	struct table *t =
	    document_add(d, "calls", "Calls that asked for it", TABLE_ROWS, COLUMNS(receipt_columns));
	code = query_fill(&s->query, t, sql_points_receipts, 2, (const char *const *) s->arguments);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

int
run_points_batch(struct session *s)
{
	struct document *d = NULL;
	char buf[24];
	int code = ask_number(s->arguments[0], "points batch");

	if (code == EXIT_CLEAN)
		code = ask_limit(s, SHOWN, buf, &s->query.limit);
	if (code == EXIT_CLEAN)
		code = show_one(s, "batch", COLUMNS(account_columns), sql_points_batch, 1, &d);
	if (code != EXIT_CLEAN)
		return code;
	const char *values[] = {s->arguments[0], s->query.limit};
	struct table *t =
	    document_add(d, "files", "What the partner's files say of it", TABLE_ROWS, COLUMNS(answer_columns));
	code = query_fill(&s->query, t, sql_points_batch_files, 2, values);
	if (code != EXIT_CLEAN) {
		document_free(d);
		return code;
	}
	t = document_add(d, "requests", "Its requests, those that are open first", TABLE_ROWS,
	                 COLUMNS(row_columns));
	code = query_fill(&s->query, t, sql_points_batch_requests, 2, values);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}
