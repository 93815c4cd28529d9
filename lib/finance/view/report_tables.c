#include "lib/finance/view/report_tables.h"

#include "lib/finance/view/view_sql.h"

static const struct column summary_columns[] = {
    {"files", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"posted", "Posted", COLUMN_NUMBER, 0, 0, NULL},
    {"files_held", "Files on hold", COLUMN_NUMBER, 0, 0, NULL},
    {"closed", "On hold, then closed", COLUMN_NUMBER, 0, 0, NULL},
    {"released", "On hold, then released", COLUMN_NUMBER, 0, 0, NULL},
    {"duplicates", "Duplicate deliveries", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records in", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed_points", "Confirmed points", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed_points", "Reversed points", COLUMN_NUMBER, 0, 0, NULL},
    {"open_holds", "Open holds", COLUMN_NUMBER, 0, 0, NULL},
    {"difference", "Difference", COLUMN_ZERO, 0, 0, NULL},
};

static const struct column file_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 6, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"name", "Name", COLUMN_NAME, 14, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"release", "Release", COLUMN_TEXT, 9, 2, NULL},
    {"records", "In", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, "reversed"},
    {"already_applied", "Already applied", COLUMN_NUMBER, 0, 3, "already_applied"},
    {"duplicate_record", "Duplicate", COLUMN_NUMBER, 0, 3, "duplicate_record"},
    {"informational", "Informational", COLUMN_NUMBER, 0, 3, "informational"},
    {"held", "Held", COLUMN_NUMBER, 0, 0, "held"},
    {"not_processed", "Not processed", COLUMN_NUMBER, 0, 3, "not_processed"},
    {"other", "Other", COLUMN_NUMBER, 0, -3, NULL},
    {"difference", "Diff", COLUMN_ZERO, 0, 0, NULL},
    {"sha256", "SHA-256", COLUMN_TEXT, 0, FOR_MACHINES, NULL},
    {"archived_as", "Kept as", COLUMN_NAME, 0, FOR_MACHINES, NULL},
    {"release_of", "Release of file", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"released_as", "Released as file", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
};

static const struct column point_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 3, NULL},
    {"name", "Name", COLUMN_NAME, 10, 0, NULL},
    {"points", "In", COLUMN_NUMBER, 0, 1, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, NULL},
    {"already_applied", "Already applied", COLUMN_NUMBER, 0, 4, NULL},
    {"duplicate_record", "Duplicate", COLUMN_NUMBER, 0, 4, NULL},
    {"informational", "Informational", COLUMN_NUMBER, 0, 4, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 0, NULL},
    {"other", "Other", COLUMN_NUMBER, 0, -4, NULL},
    {"reversals", "Reversals in ledger", COLUMN_NUMBER, 0, 5, NULL},
    {"ledger_points", "Points in ledger", COLUMN_NUMBER, 0, 2, NULL},
    {"difference", "Diff", COLUMN_ZERO, 0, 0, NULL},
};

static const struct column control_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},       {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"name", "Name", COLUMN_NAME, 14, 1, NULL},        {"control", "Total", COLUMN_TEXT, 12, 0, NULL},
    {"place", "In", COLUMN_TEXT, 6, 3, NULL},          {"stated", "Stated", COLUMN_NUMBER, 0, 0, NULL},
    {"counted", "Counted", COLUMN_NUMBER, 0, 0, NULL}, {"difference", "Diff", COLUMN_ZERO, 0, 0, NULL},
    {"agrees", "Agrees", COLUMN_WORD, 0, 0, NULL},
};

static const struct column refused_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 6, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 4, NULL},
    {"name", "Name", COLUMN_NAME, 14, 0, NULL},
    {"reason", "Held for", COLUMN_TEXT, 10, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 3, NULL},
    {"byte_offset", "Byte", COLUMN_NUMBER, 0, 3, NULL},
    {"why", "Why", COLUMN_SENTENCE, 24, 0, NULL},
    {"rule", "Rule", COLUMN_TEXT, 8, 7, NULL},
    {"field", "Field", COLUMN_TEXT, 8, 5, NULL},
    {"value", "Value", COLUMN_TEXT, 8, 5, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 20, 8, NULL},
    {"released_as", "Released as", COLUMN_NUMBER, 0, 2, NULL},
    {"closed", "Closed (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"right_version", "Posted since as", COLUMN_NUMBER, 0, 2, NULL},
};

static const struct column duplicate_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"name", "Name", COLUMN_NAME, 14, 0, NULL},
    {"duplicate_of", "Duplicate of file", COLUMN_NUMBER, 0, 0, NULL},
    {"first_name", "First delivered as", COLUMN_NAME, 14, 1, NULL},
    {"first_decided", "On (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"postings", "Postings", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column hold_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 1, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Since (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 30, 3, NULL},
};

static const struct column decision_columns[] = {
    {"decided", "Approved (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"proposal", "Proposal", COLUMN_NUMBER, 0, 0, NULL},
    {"decision", "To", COLUMN_TEXT, 0, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"proposed_by", "Proposed by", COLUMN_TEXT, 8, 0, NULL},
    {"approved_by", "Approved by", COLUMN_TEXT, 8, 0, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 1, NULL},
};

static const struct column rematched_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"name", "Name", COLUMN_NAME, 14, 1, NULL},
    {"how", "How", COLUMN_TEXT, 12, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, "reversed"},
    {"closed", "Closed", COLUMN_NUMBER, 0, 0, NULL},
    {"other", "Other", COLUMN_NUMBER, 0, 4, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"ledger_points", "Reversed in ledger", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct column difference_columns[] = {
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 2, NULL},
    {"name", "Name", COLUMN_NAME, 14, 1, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"redeemed", "Redeemed points", COLUMN_NUMBER, 0, 0, NULL},
    {"fulfilled", "Fulfilled points", COLUMN_NUMBER, 0, 0, NULL},
    {"difference", "Difference", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 3, NULL},
    {"amount_difference", "Difference of amounts", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct column overdue_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 2, NULL},
    {"lists", "It lists", COLUMN_TEXT, 0, 1, NULL},
    {"within_days", "Business days", COLUMN_NUMBER, 0, 1, NULL},
    {"redemptions", "Overdue", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"unanswered", "No response", COLUMN_NUMBER, 0, 0, NULL},
    {"shown", "Shown by file", COLUMN_NUMBER, 0, 3, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column expected_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 1, NULL}, {"source", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"kind", "Expected", COLUMN_TEXT, 6, 0, NULL},   {"day", "Day", COLUMN_TEXT, 0, 0, NULL},
    {"due", "Due (UTC)", COLUMN_TIME, 0, 2, NULL},   {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},     {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct column partner_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"files", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"posted", "Posted", COLUMN_NUMBER, 0, 2, NULL},
    {"files_held", "Files on hold", COLUMN_NUMBER, 0, 2, NULL},
    {"closed", "Closed", COLUMN_NUMBER, 0, 3, NULL},
    {"released", "Released", COLUMN_NUMBER, 0, 3, NULL},
    {"duplicates", "Duplicates", COLUMN_NUMBER, 0, 2, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"confirmed_points", "Confirmed points", COLUMN_NUMBER, 0, 1, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, "reversed"},
    {"reversed_points", "Reversed points", COLUMN_NUMBER, 0, 0, NULL},
    {"held", "Held", COLUMN_NUMBER, 0, 0, "held"},
    {"held_points", "Held points", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct column footer_columns[] = {
    {"as_of", "As of (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"database", "Database", COLUMN_TEXT, 0, 0, NULL},
    {"snapshot", "Snapshot", COLUMN_TEXT, 0, 0, NULL},
    {"taken_by", "Taken by", COLUMN_TEXT, 0, 0, NULL},
    {"head_no", "Last audit head", COLUMN_NUMBER, 0, 0, NULL},
    {"head_made", "Made (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"head_hash", "Its hash", COLUMN_TEXT, 0, 0, NULL},
};

const struct report_table report_tables[] = {
    {"summary", NULL, NULL, TABLE_TILES, COLUMNS(summary_columns), sql_report_summary, 4, false, NULL},
    {"files", "Files: records in and what became of them", "No file came in this time.", TABLE_ROWS,
     COLUMNS(file_columns), sql_report_files, 4, true,
     "A file that was on hold and released within this time is counted in its release, and not where it "
     "was held."},
    {"points", "Points, and what the ledger has for them", NULL, TABLE_ROWS, COLUMNS(point_columns),
     sql_report_points, 4, true,
     "Points are those of the debits; those of a record that was matched to none are as it states them."},
    {"partners", "By partner", NULL, TABLE_ROWS, COLUMNS(partner_columns), sql_report_partners, 4, true,
     NULL},
    {"controls", "Totals that partners stated, and what we counted", NULL, TABLE_ROWS,
     COLUMNS(control_columns), sql_report_controls, 4, false, NULL, "agrees"},
    {"refused", "Files on hold: nothing of them is posted unless they are released", NULL, TABLE_ROWS,
     COLUMNS(refused_columns), sql_report_refused, 4, false, NULL},
    {"duplicates", "Duplicate deliveries", NULL, TABLE_ROWS, COLUMNS(duplicate_columns),
     sql_report_duplicates, 4, false, NULL},
    {"holds", "Open holds", "No open holds.", TABLE_ROWS, COLUMNS(hold_columns), sql_report_holds, 2, false,
     NULL},
    {"rematched", "Rematched and resolved after their file was posted", NULL, TABLE_ROWS,
     COLUMNS(rematched_columns), sql_report_rematched, 4, true,
     "Apart from the sums above, which are of the day on which a file was decided."},
    {"differences", "Confirmed with a difference, within the profile's tolerance", NULL, TABLE_ROWS,
     COLUMNS(difference_columns), sql_report_differences, 4, true,
     "The debits are as they were: what was fulfilled less, or more, is on nobody's account. Amounts are in "
     "minor units."},
    {"overdue", "Unanswered redemptions, past their response SLA", NULL, TABLE_ROWS, COLUMNS(overdue_columns),
     sql_report_overdue, 1, false, NULL},
    {"expected", "Files that were expected", NULL, TABLE_ROWS, COLUMNS(expected_columns), sql_report_expected,
     4, false, NULL},
    {"decisions", "What two people decided", NULL, TABLE_ROWS, COLUMNS(decision_columns),
     sql_report_decisions, 4, false, NULL},
    {"source", "Taken from", NULL, TABLE_FACTS, COLUMNS(footer_columns), sql_report_footer, 0, false,
     "All sums were computed twice, from every record with its ledger entries and from the tie-outs written "
     "when "
     "the files were decided, and are equal."},
};
const size_t report_table_count = sizeof(report_tables) / sizeof(report_tables[0]);
