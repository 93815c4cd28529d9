#include "lib/finance/view/people.h"

#include <string.h>

#include "lib/finance/view/view_sql.h"

/* Rules of ours that a constraint holds, and the sentence in place of the database's; what to do next on the
 * command line. */
static const struct {
	const char *constraint, *sentence, *next;
} rules[] = {
    {"approver_is_not_proposer", "you proposed this; another person must approve it", ""},
    {"rejected_with_a_reason", "a rejection requires a reason", ": use --why"},
    {"proposal_end_pkey", "somebody else answered this proposal just now",
     ": `handbackctl proposals --all` shows how"},
    {"setting_end_pkey", "somebody else answered this just now", ": `handbackctl catalogue show` shows how"},
    {"setting_address_check", "the address is https://HOST/PATH, without a query", ""},
    {"setting_permitted_check", "what the shop may know is of member, status, programme", ": --permit"},
    {"setting_follows", "another setting was approved just now: propose it again", ""},
};

/* What the functions of schema/ raise says what is the matter; this is what to do next. */
static const struct {
	const char *raised, *next;
} steps[] = {
    {"points proposal", "; `handbackctl points proposals` shows it"},
    {"no such points batch", "; `handbackctl points batches` lists them"},
    {"points batch ", "; `handbackctl points batches` shows it"},
    {"changed after proposal", "; propose it again"},
    {"no such catalogue setting", "; `handbackctl catalogue show` lists them"},
    {"the settings changed after", "; propose it again"},
    {"no such hold", "; `handbackctl holds` lists those that are open"},
    {" has ended", "; `handbackctl holds --ended` shows how"},
    {"no such proposal", "; `handbackctl proposals` lists those that wait"},
    {"proposal ", "; `handbackctl proposals --all` shows it"},
    {"names no redemption",
     ", by --redemption UUID; of a void file, `handbackctl hold open` opens its records"},
    {"only a whole file can be released", "; propose confirm, reverse, reinstate, credit or close"},
    {"the redemption differ", "; where it is meant all the same, use --accept-difference"},
    {"is of programme", "; say which redemption is meant, by --redemption UUID, or close the hold"},
};

const char *
people_sentence(const char *why, const char **ret_next)
{
	*ret_next = "";
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strstr(why, rules[i].constraint) != NULL) {
			*ret_next = rules[i].next;
			return rules[i].sentence;
		}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strstr(why, steps[i].raised) != NULL) {
			*ret_next = steps[i].next;
			break;
		}
	return why;
}

static const struct column proposal_columns[] = {
    {"proposal", "Proposal", COLUMN_NUMBER, 0, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"decision", "Decision", COLUMN_TEXT, 0, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"left_out", "Left out", COLUMN_NUMBER, 0, 5, NULL},
    {"remaining", "Remaining", COLUMN_NUMBER, 0, 5, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"proposed", "Proposed (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"proposed_by", "By", COLUMN_TEXT, 8, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 0, NULL},
    {"difference", "Accepts the difference", COLUMN_SENTENCE, 16, 1, NULL},
    {"ended", "Answered (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"ended_by", "By", COLUMN_TEXT, 8, 2, NULL},
    {"answer", "Response", COLUMN_SENTENCE, 16, 2, NULL},
};

static const struct column proposal_hold_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 1, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 3, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 2, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
};

static const struct column left_out_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"why", "Left out, since it", COLUMN_SENTENCE, 16, 0, NULL},
};

int
view_proposals(const struct query *q, bool all, struct document **ret)
{
	const char *values[] = {all ? "true" : "false", NULL};
	struct document *d = document_new("proposals", NULL);
	struct table *t = document_add(d, "proposals", NULL, TABLE_ROWS, COLUMNS(proposal_columns));

	table_empty(t, all ? "nothing was ever proposed" : "no proposal waits for anyone");
	return query_end(d, query_fill(q, t, sql_proposals, 2, values), ret);
}

int
view_proposal(const struct query *q, const char *proposal, struct document **ret)
{
	struct document *d = document_new("proposal", NULL);
	struct table *t = document_add(d, "proposal", NULL, TABLE_FACTS, COLUMNS(proposal_columns));
	const char *one[] = {"true", proposal}, *values[] = {proposal, q->limit};
	int code = query_fill(q, t, sql_proposals, 2, one);

	if (code == EXIT_CLEAN && t->rows == 0) {
		q->say("no proposal %s", proposal);
		code = EXIT_USAGE;
	}
	if (code == EXIT_CLEAN)
		code = query_fill(
		    q, document_add(d, "holds", "What it is about", TABLE_ROWS, COLUMNS(proposal_hold_columns)),
		    sql_proposal_holds, 2, values);
	if (code == EXIT_CLEAN)
		code = query_fill(q, document_add(d, "left_out", "Left out", TABLE_ROWS, COLUMNS(left_out_columns)),
		                  sql_hold_left_out, 2, values);
	return query_end(d, code, ret);
}
