#include "reconcile/post/post.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/proof/head.h"
#include "reconcile/decide/acknowledge.h"
#include "reconcile/decide/correct.h"
#include "reconcile/decide/split.h"
#include "reconcile/post/outcomes.h"
#include "reconcile/post/post_sql.h"

static enum pg_status
partner_number(struct pg *pg, const char *sql, const char *partner, int64_t *ret_partner_id)
{
	struct pg_result *r;
	enum pg_status status = pg_run_prepared(pg, sql, 1, &partner, &r);

	if (status != PG_OK)
		return status;
	*ret_partner_id = pg_int_of(r, 0, "partner_id");
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
post_partner_known(struct pg *pg, const char *partner, int64_t *ret_partner_id)
{
	return partner_number(pg, sql_partner_known, partner, ret_partner_id);
}

enum pg_status
post_partner(struct pg *pg, const char *partner, int64_t *ret_partner_id)
{
	return partner_number(pg, sql_partner_id, partner, ret_partner_id);
}

/* ---- the file's row ---- */

struct file_row {
	int64_t partner_id;
	const char *state;
	const char *hold_reason;
	int64_t duplicate_of; /* 0: none */
	int64_t records;
	const struct effect *effect; /* NULL: of a duplicate */
};

static enum pg_status
insert_file(struct pg *pg, const struct delivery *d, const struct file_row *row,
            const struct parse_report *report, struct posted *ret)
{
	char name[TEXT_HEX_SIZE(LIMIT_NAME_BYTES)], shown[TEXT_ESCAPED_SIZE(LIMIT_NAME_BYTES)];
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)], profile[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;
	size_t len = strlen(d->name);

	text_display(shown, sizeof(shown), d->name, len);
	param_int(&p, row->partner_id);
	param_text(&p, d->source);
	param_text(&p, text_hex(name, d->name, len));
	param_text(&p, shown);
	param_text(&p, text_hex(sha256, d->sha256, sizeof(d->sha256)));
	param_int(&p, d->bytes);
	param_text(&p, row->state);
	param_text(&p, row->hold_reason);
	param_optional(&p, row->duplicate_of != 0, row->duplicate_of);
	param_text(&p, d->profile);
	param_text(&p, text_hex(profile, d->profile_sha256, SHA256_BYTES));
	param_optional(&p, report->has_sequence, report->sequence);
	param_optional(&p, report->has_business_date, report->business_date);
	param_text(&p, report->partner_file_id);
	param_text(&p, report->original_message);
	param_int(&p, row->records);
	param_int(&p, d->seen_at);
	param_optional(&p, d->release_of != 0, d->release_of);
	param_optional(&p, d->facts->has_part, d->facts->part);
	param_optional(&p, d->facts->has_part, d->facts->parts);
	param_text(&p, d->facts->has_part ? d->facts->set : NULL);
	param_text(&p, d->statement);
	param_optional(&p, d->again_of != 0 && row->duplicate_of == 0, d->again_of);
	param_optional(&p, row->effect != NULL && row->effect->in_period,
	               row->effect != NULL ? row->effect->period : 0);
	param_optional(&p, row->effect != NULL && row->effect->placed,
	               row->effect != NULL ? row->effect->position : 0);
	status = pg_run_prepared(pg, sql_file_insert, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	ret->file_id = pg_int_of(r, 0, "file_id");
	ret->decided_at = pg_int_of(r, 0, "decided_at");
	ret->state = row->state;
	pg_result_free(r);
	return PG_OK;
}

static enum pg_status
insert_controls(struct pg *pg, int64_t file_id, const struct parse_report *report)
{
	enum pg_status status = PG_OK;

	for (size_t i = 0; i < report->controls && status == PG_OK; i++) {
		const struct parse_report_control *c = &report->control[i];
		struct params p = {0};

		param_int(&p, file_id);
		param_int(&p, (int64_t) i + 1);
		param_text(&p, c->name != NULL ? c->name : "");
		param_text(&p, c->place != NULL ? c->place : "");
		param_text(&p, c->stated);
		param_text(&p, c->counted);
		param_bool(&p, c->agrees);
		status = pg_defer(pg, sql_control_insert, p.n, p.value);
	}
	return status;
}

static enum pg_status
insert_refusal(struct pg *pg, int64_t file_id, size_t n, const struct parse_report_refusal *r)
{
	struct params p = {0};

	param_int(&p, file_id);
	param_int(&p, (int64_t) n);
	param_text(&p, r->rule);
	param_text(&p, r->message);
	param_text(&p, r->field);
	param_text(&p, r->value);
	param_optional(&p, r->record > 0, (int64_t) r->record);
	param_optional(&p, r->record > 0 || r->offset > 0, (int64_t) r->offset);
	return pg_defer(pg, sql_refusal_insert, p.n, p.value);
}

/* ---- held ---- */

static enum pg_status
hold_file(const struct decide *d, int64_t file_id, const struct effect *effect)
{
	struct parse_report_refusal own = {.rule = effect->hold, .message = effect->message};
	struct params p = {0};
	enum pg_status status = PG_OK;

	for (size_t i = 0; i < d->report->refusals && status == PG_OK; i++)
		status = insert_refusal(d->pg, file_id, i + 1, &d->report->refusal[i]);
	if (status == PG_OK && effect->message[0] != '\0')
		status = insert_refusal(d->pg, file_id, d->report->refusals + 1, &own);
	param_int(&p, file_id);
	param_text(&p, effect->hold);
	if (status == PG_OK)
		status = pg_defer(d->pg, sql_hold_file, p.n, p.value);
	return status;
}

/* ---- posted ---- */

/* Writes records and points by outcome; gives the records that the table has now. */
static enum pg_status
tie_out(const struct decide *d, int64_t file_id, sum_t *ret_records)
{
	char outcomes[32] = "{", records[OUTCOME_CLOSED * 24] = "{",
	     points[OUTCOME_CLOSED * SUM_TEXT_SIZE + 4] = "{";
	const char *between = "";
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;
	size_t o = 1, n = 1, s = 1;

	for (int i = OUTCOME_CONFIRMED; i <= OUTCOME_CLOSED; i++) {
		const struct decided_tally *tally = decided_tally(d->decided, i);
		char sum[SUM_TEXT_SIZE];

		if (tally->records == 0)
			continue;
		o += (size_t) snprintf(outcomes + o, sizeof(outcomes) - o, "%s%d", between, i);
		n += (size_t) snprintf(records + n, sizeof(records) - n, "%s%" PRId64, between, tally->records);
		s += (size_t) snprintf(points + s, sizeof(points) - s, "%s%s", between, sum_text(sum, tally->points));
		between = ",";
	}
	snprintf(outcomes + o, sizeof(outcomes) - o, "}");
	snprintf(records + n, sizeof(records) - n, "}");
	snprintf(points + s, sizeof(points) - s, "}");
	param_int(&p, file_id);
	param_text(&p, outcomes);
	param_text(&p, records);
	param_text(&p, points);
	status = pg_run_prepared(d->pg, sql_tie_out, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_records = pg_int_of(r, 0, "records");
	pg_result_free(r);
	return PG_OK;
}

static bool
agrees(const char *what, sum_t found, sum_t expected, char *message)
{
	char a[SUM_TEXT_SIZE], b[SUM_TEXT_SIZE];

	if (found == expected)
		return true;
	snprintf(message, LIMIT_MESSAGE_BYTES, "the file does not tie out: %s are %s, and have to be %s", what,
	         sum_text(a, found), sum_text(b, expected));
	return false;
}

/*
 * The last word before the head: does everything add up?  Each side is counted by another way than the other:
 * by the parser, by what the database took, and by what the ledger shows (post_shown.sql), which is not what
 * was asked of it.
 */
static bool
ties_out(const struct decide *d, const struct outcomes_written *written, sum_t tied, char *message)
{
	const struct decided_tally *reversed = decided_tally(d->decided, OUTCOME_REVERSED);
	const sum_t reported = (sum_t) d->report->end.records;

	return agrees("outcomes written", written->records, reported, message) &&
	       agrees("sum of the outcomes", tied, reported, message) &&
	       agrees("reversals in the ledger", written->reversals, reversed->records, message) &&
	       agrees("points reversed in the ledger", written->points, reversed->points, message);
}

static enum post_end
post_records(const struct decide *d, const struct delivery *delivery, const struct effect *effect,
             const struct posted *posted, struct merkle *tree, enum pg_status *ret_status, char *message)
{
	const struct outcomes o = {.pg = d->pg,
	                           .decided = d->decided,
	                           .file_id = posted->file_id,
	                           .sha256 = delivery->sha256,
	                           .programme = d->policy->programme};
	struct outcomes_written written = {0};
	sum_t tied = 0;
	enum pg_status status;

	status = outcomes_write(&o, tree, &written);
	if (status == PG_OK && effect->held > 0)
		status = outcomes_hold(&o);
	if (status == PG_OK && d->policy->split != SPLIT_NONE)
		status = split_keep(d->pg, posted->file_id, false);
	if (status == PG_OK && d->policy->corrections)
		status = correct_keep(d, posted->file_id);
	if (status == PG_OK && effect->grouped > 0)
		status = outcomes_groups_write(&o);
	/* what an older file says is no newer word than what waits; but parts are whole in any order */
	if (status == PG_OK && !effect->older && effect->grouped > 0)
		status = outcomes_overtake_groups(&o);
	if (status == PG_OK && !effect->older)
		status = outcomes_overtake(&o);
	else if (status == PG_OK && d->policy->split != SPLIT_NONE)
		status = outcomes_overtake_parts(&o);
	if (status == PG_OK)
		status = tie_out(d, posted->file_id, &tied);
	if (status != PG_OK) {
		*ret_status = status;
		return POST_DATABASE;
	}
	return ties_out(d, &written, tied, message) ? POST_DONE : POST_DIFFERENCE;
}

/* A group is posted as a whole, and what keeps it from that keeps the file. */
static enum pg_status
post_reversals(const struct decide *d, struct effect *effect)
{
	enum pg_status status = PG_OK;

	if (effect->grouped > 0)
		status = outcomes_groups(d->pg, effect);
	if (status == PG_OK && effect->hold == NULL)
		status = outcomes_post(d->pg, d->decided, effect);
	if (status == PG_OK && effect->hold != NULL && effect->grouped > 0)
		status = outcomes_groups_undo(d->pg);
	return status;
}

enum post_end
post_file(const struct decide *d, const struct delivery *delivery, struct effect *effect, struct posted *ret,
          enum pg_status *ret_status, char *message)
{
	struct posted posted = {0};
	struct merkle tree;
	enum post_end end = POST_DATABASE;

	*ret_status = PG_OK;
	/* a ledger's views that show a redemption twice, or a record that was lost: nothing is posted of that */
	if (effect->hold == NULL &&
	    !agrees("records decided", decided_records(d->decided), (sum_t) d->report->end.records, message))
		return POST_DIFFERENCE;
	merkle_open(&tree);
	if (effect->hold == NULL)
		*ret_status = post_reversals(d, effect);
	const struct file_row row = {.partner_id = d->partner_id,
	                             .state = effect->hold != NULL ? "held" : "posted",
	                             .hold_reason = effect->hold,
	                             .records = effect->records,
	                             .effect = effect};
	if (*ret_status == PG_OK)
		*ret_status = insert_file(d->pg, delivery, &row, d->report, &posted);
	if (*ret_status == PG_OK)
		*ret_status = insert_controls(d->pg, posted.file_id, d->report);
	if (*ret_status == PG_OK && effect->hold == NULL)
		*ret_status = acknowledge_keep(d, posted.file_id);
	if (*ret_status == PG_OK && delivery->release_of == 0)
		*ret_status = pg_defer(d->pg, sql_place_file, 1, &delivery->source);
	if (*ret_status == PG_OK && effect->hold != NULL) {
		*ret_status = hold_file(d, posted.file_id, effect);
		end = *ret_status == PG_OK ? POST_DONE : POST_DATABASE;
	} else if (*ret_status == PG_OK) {
		end = post_records(d, delivery, effect, &posted, &tree, ret_status, message);
	}
	if (end == POST_DONE) {
		*ret_status = head_add_file(d->pg, posted.file_id, &tree);
		end = *ret_status == PG_OK ? POST_DONE : POST_DATABASE;
	}
	merkle_close(&tree);
	if (end == POST_DONE)
		*ret = posted;
	return end;
}

enum pg_status
post_duplicate(struct pg *pg, const struct delivery *delivery, int64_t duplicate_of, struct posted *ret)
{
	struct file_row row = {.state = "duplicate", .duplicate_of = duplicate_of};
	const struct parse_report report = {0};
	struct posted posted = {0};
	struct merkle tree;
	enum pg_status status = post_partner(pg, delivery->partner, &row.partner_id);

	if (status == PG_OK)
		status = insert_file(pg, delivery, &row, &report, &posted);
	if (status != PG_OK)
		return status;
	merkle_open(&tree);
	status = head_add_file(pg, posted.file_id, &tree);
	merkle_close(&tree);
	if (status == PG_OK)
		*ret = posted;
	return status;
}
