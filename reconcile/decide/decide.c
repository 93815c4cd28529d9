#include "reconcile/decide/decide.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "lib/db/params.h"
#include "lib/proof/leaf_row.h"
#include "reconcile/decide/acknowledge.h"
#include "reconcile/decide/correct.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/decide/group.h"
#include "reconcile/decide/guard.h"
#include "reconcile/decide/place.h"
#include "reconcile/decide/split.h"

bool
decide_large(const struct parse_report *report)
{
	return report->end.records >= DECIDE_LARGE;
}

unsigned
decide_waived(const char *reasons)
{
	static const struct {
		const char *reason;
		enum waiver waiver;
	} table[] = {{"test_file", WAIVE_TEST},
	             {"sequence_gap", WAIVE_GAP},
	             {"resubmission", WAIVE_RESUBMISSION},
	             {"sequence_restart", WAIVE_RESUBMISSION},
	             {"guard", WAIVE_GUARD},
	             {"nothing_matches", WAIVE_UNMATCHED},
	             {"part_missing", WAIVE_PARTS},
	             {"conflicting_part", WAIVE_PARTS},
	             {"file_void", WAIVE_VOID},
	             {"acknowledged_in_part", WAIVE_ACKNOWLEDGED},
	             /* what jumps leaves a gap behind it */
	             {"sequence_jump", (enum waiver)(WAIVE_JUMP | WAIVE_GAP)}};
	unsigned waived = 0;

	for (size_t len; *reasons != '\0'; reasons += len + (reasons[len] == ' ')) {
		len = strcspn(reasons, " ");
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (strlen(table[i].reason) == len && memcmp(table[i].reason, reasons, len) == 0)
				waived |= table[i].waiver;
	}
	return waived;
}

/* Small files share plans made once; a large one gets its own. */
static enum pg_status
run(const struct decide *d, bool large, const char *sql, const struct params *p)
{
	return large ? pg_run(d->pg, sql, p->n, p->value, NULL)
	             : pg_run_prepared(d->pg, sql, p->n, p->value, NULL);
}

/* ---- the file as a whole ---- */

/* The hold_reason that the first refusal stands for. */
static const char *
refused_for(const struct parse_report *report)
{
	const struct parse_report_refusal *first = &report->refusal[0];

	if (report->refusals == 0)
		return "refused";
	if (strcmp(first->rule, "control_total") == 0)
		return "control_total";
	/* "header.partner_id": who it is from must be this partner */
	const char *field = first->field != NULL ? strrchr(first->field, '.') : NULL;
	if (field != NULL && strcmp(field, ".partner_id") == 0 && strcmp(first->rule, "must_be") == 0)
		return "wrong_partner";
	return "refused";
}

static const char *
unsound(const struct decide *d)
{
	const struct parse_report *report = d->report;

	if (report->end.refused || report->refusals > 0)
		return refused_for(report);
	for (size_t i = 0; i < report->controls; i++)
		if (!report->control[i].agrees)
			return "control_total";
	return NULL;
}

/* The place of a part in its set. */
static enum pg_status
find_part(const struct decide *d, struct pg_result **ret)
{
	struct params p = {0};

	param_int(&p, d->partner_id);
	param_text(&p, d->profile);
	param_text(&p, d->name.set);
	param_int(&p, d->name.part);
	param_int(&p, d->name.parts);
	param_optional(&p, d->release_of != 0, d->release_of);
	return pg_run_prepared(d->pg, sql_file_parts, p.n, p.value, ret);
}

/* Parts wait for each other, and are decided in their order. */
static const char *
out_of_set(const struct decide *d, const struct pg_result *r, char *message)
{
	const char *hold = "conflicting_part";
	char self[64];

	snprintf(self, sizeof(self), "part %" PRId64 " of %" PRId64, d->name.part, d->name.parts);
	if (!pg_null_of(r, 0, "other_number"))
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it is %s, and file %" PRId64 " speaks of another number of parts", self,
		         pg_int_of(r, 0, "other_number"));
	else if (!pg_null_of(r, 0, "same"))
		snprintf(message, LIMIT_MESSAGE_BYTES, "%s came before, as file %" PRId64 " with other content", self,
		         pg_int_of(r, 0, "same"));
	else {
		hold = "part_missing";
		if (!pg_null_of(r, 0, "missing"))
			snprintf(message, LIMIT_MESSAGE_BYTES, "%s came, and not part %s", self,
			         pg_text_of(r, 0, "missing"));
		else if (!pg_null_of(r, 0, "waits_for"))
			snprintf(message, LIMIT_MESSAGE_BYTES, "%s came, and part %" PRId64 " is to be posted before it",
			         self, pg_int_of(r, 0, "waits_for"));
		else
			hold = NULL;
	}
	return hold;
}

static enum pg_status
judge_part(const struct decide *d, struct effect *e)
{
	struct pg_result *r;
	enum pg_status status;

	if (!d->name.has_part || (d->waived & WAIVE_PARTS) != 0)
		return PG_OK;
	if (d->name.part < 1 || d->name.part > d->name.parts || d->name.parts > LIMIT_PARTS) {
		snprintf(e->message, sizeof(e->message), "it says that it is part %" PRId64 " of %" PRId64,
		         d->name.part, d->name.parts);
		e->hold = "conflicting_part";
		return PG_OK;
	}
	status = find_part(d, &r);
	if (status != PG_OK)
		return status;
	e->hold = out_of_set(d, r, e->message);
	pg_result_free(r);
	return PG_OK;
}

/* ---- its records ---- */

static bool
by_our_reference_alone(const struct policy *policy)
{
	return policy->keys == 1 && policy->key[0] == KEY_EXTERNAL_REFERENCE;
}

/* How far back of a record's day a key looks; -1: at all days. */
static int64_t
days_before(const struct policy *policy, int i)
{
	if ((policy->key[i] & KEY_DATE) != 0)
		return policy->match_days > 0 ? policy->match_days : 0;
	return policy_references(policy->key[i]) == 0 ? policy->match_days : -1;
}

/* The match keys in the profile's order; each sees only what the ones before it did not find. */
static enum pg_status
match(const struct decide *d)
{
	enum pg_status status = PG_OK;
	struct params pick = {0};
	int64_t weak = 0;

	for (int i = 0; i < d->policy->keys && status == PG_OK; i++) {
		struct params p = {0};

		if (policy_references(d->policy->key[i]) == 0)
			weak |= INT64_C(1) << (i + 1);
		param_int(&p, i + 1);
		param_int(&p, d->policy->key[i]);
		param_text(&p, d->policy->partner);
		param_text(&p, d->policy->programme);
		param_text(&p, d->policy->zone != NULL ? d->policy->zone : "UTC");
		param_int(&p, policy_stronger(d->policy, i));
		param_bool(&p, d->policy->weaker_key);
		param_int(&p, days_before(d->policy, i));
		param_optional(&p, d->report->has_business_date, d->report->business_date);
		status = pg_run(d->pg, sql_match_key, p.n, p.value, NULL);
	}
	param_int(&pick, weak);
	if (status == PG_OK)
		status = pg_run(d->pg, sql_match_pick, pick.n, pick.value, NULL);
	return status;
}

static enum pg_status
prepare_large(struct pg *pg)
{
	enum pg_status status = pg_run(pg, sql_large_settings, 0, NULL, NULL);

	return status == PG_OK ? pg_run(pg, sql_stage_analyze, 0, NULL, NULL) : status;
}

static enum pg_status
keep_rows(const struct decide *d, const struct pg_result *rows)
{
	for (int i = 0; i < pg_rows(rows); i++) {
		struct leaf leaf;

		leaf_without_reversal(rows, i, &leaf);
		if (decided_add(d->decided, &leaf) < 0)
			return pg_give_up(d->pg, "what was decided cannot be kept", strerror(errno));
	}
	return PG_OK;
}

/* Of a large file: put away while the server finds the next. */
static enum pg_status
keep_each(const struct decide *d, const struct params *p)
{
	enum pg_status status = pg_start(d->pg, sql_decide, p->n, p->value);
	struct pg_result *row = NULL;

	while (status == PG_OK && (status = pg_next(d->pg, &row)) == PG_OK && row != NULL) {
		status = keep_rows(d, row);
		pg_result_free(row);
		if (status != PG_OK)
			pg_stop(d->pg);
	}
	return status;
}

static enum pg_status
keep_all(const struct decide *d, const struct params *p)
{
	struct pg_result *rows;
	enum pg_status status = pg_fetch_prepared(d->pg, sql_decide, p->n, p->value, &rows);

	if (status != PG_OK)
		return status;
	status = keep_rows(d, rows);
	pg_result_free(rows);
	return status;
}

static enum pg_status
decide_records(const struct decide *d, const struct place *place)
{
	const struct policy *policy = d->policy;
	/* what is answered in parts, or corrects, is told in picked */
	bool alone = by_our_reference_alone(policy) && policy->split == SPLIT_NONE && !policy->corrections;
	/* an older file meets all that the newer ones answered, however small it is itself */
	bool large = decide_large(d->report) || place->older;
	struct params duplicates = {0}, order = {0}, p = {0};
	enum pg_status status = PG_OK;

	if (large)
		status = prepare_large(d->pg);
	if (status == PG_OK && !alone)
		status = match(d);
	param_bool(&duplicates, alone);
	if (status == PG_OK && (d->report->maybe_duplicate || !alone))
		status = run(d, large, sql_find_duplicates, &duplicates);
	if (status == PG_OK && policy->corrections)
		status = correct_records(d, place);
	if (status == PG_OK && policy->split != SPLIT_NONE)
		status = split_records(d);
	place_params(d, place, &order);
	if (status == PG_OK && place->older)
		status = pg_run(d->pg, sql_answered, order.n, order.value, NULL);
	if (status == PG_OK && policy->group > 0)
		status = group_records(d);
	if (status == PG_OK)
		status = large ? pg_run(d->pg, sql_side_analyze, 0, NULL, NULL)
		               : pg_defer(d->pg, sql_small_settings, 0, NULL);
	param_text(&p, policy->partner);
	param_text(&p, policy->programme);
	param_bool(&p, alone);
	param_text(&p, policy->late_reject == LATE_REJECT_REVERSE ? "reverse" : "hold");
	param_int(&p, policy->checks);
	param_optional(&p, policy->reversal_days > 0, policy->reversal_days);
	param_bool(&p, d->report->is_test && (d->waived & WAIVE_TEST) == 0);
	param_int(&p, policy->points_tolerance.most);
	param_int(&p, policy->points_tolerance.permille);
	param_int(&p, policy->amount_tolerance.most);
	param_int(&p, policy->amount_tolerance.permille);
	param_text(&p, policy->hold_members);
	if (status != PG_OK)
		return status;
	return large ? keep_each(d, &p) : keep_all(d, &p);
}

static void
sum_effect(const struct decided *decided, struct effect *e)
{
	e->confirmed = decided_tally(decided, OUTCOME_CONFIRMED)->records;
	e->reversed = decided_tally(decided, OUTCOME_REVERSED)->records;
	e->points = sum_clamped(decided_tally(decided, OUTCOME_REVERSED)->points);
	e->already_applied = decided_tally(decided, OUTCOME_ALREADY_APPLIED)->records;
	e->duplicate_record = decided_tally(decided, OUTCOME_DUPLICATE_RECORD)->records;
	e->informational = decided_tally(decided, OUTCOME_INFORMATIONAL)->records;
	e->held = decided_tally(decided, OUTCOME_HELD)->records;
	e->unknown = decided_unknown(decided);
}

enum pg_status
decide_file(const struct decide *d, struct effect *ret)
{
	struct params partner = {0};
	struct effect e = {.records = (int64_t) d->report->end.records, .hold = unsound(d)};
	const struct guarded_file guarded = {
	    .pg = d->pg, .policy = d->policy, .partner_id = d->partner_id, .profile = d->profile};
	struct place place = {0};
	enum pg_status status;

	if (e.hold == NULL && d->report->is_test && (d->waived & WAIVE_TEST) == 0) {
		snprintf(e.message, sizeof(e.message), "the file says that it is a test");
		e.hold = "test_file";
	}
	if (e.hold != NULL) {
		*ret = e;
		return PG_OK;
	}
	param_text(&partner, d->policy->partner);
	status = pg_defer(d->pg, sql_partner_lock, partner.n, partner.value);
	if (status == PG_OK)
		status = place_find(d, &place);
	if (status == PG_OK)
		status = judge_part(d, &e);
	if (status != PG_OK)
		return status;
	e.placed = place.numbered;
	e.in_period = place.in_period;
	e.period = place.period;
	e.position = place.position;
	if (e.hold == NULL)
		e.hold = place_hold(d, &place, e.message);
	if (e.hold == NULL)
		status = correct_void(d, &e);
	if (status != PG_OK)
		return status;
	if (e.hold == NULL) {
		e.older = place.older;
		status = decide_records(d, &place);
		sum_effect(d->decided, &e);
		if (status == PG_OK && (d->waived & WAIVE_UNMATCHED) == 0)
			e.hold = guard_unmatched(d->policy, &e, e.message);
		struct effect with_groups = e;
		if (status == PG_OK)
			status = group_effect(d, &with_groups);
		e.grouped = with_groups.grouped;
		if (status == PG_OK && e.hold == NULL && (d->waived & WAIVE_GUARD) == 0)
			status = guard_effect(&guarded, &with_groups, &e.hold, e.message);
		if (status == PG_OK && e.hold == NULL && (d->waived & WAIVE_ACKNOWLEDGED) == 0)
			status = acknowledge_judge(d, &e);
	}
	if (status == PG_OK)
		*ret = e;
	return status;
}

enum pg_status
decide_warm_up(struct pg *pg)
{
	const struct policy policy = {.partner = "",
	                              .keys = 1,
	                              .key = {KEY_EXTERNAL_REFERENCE},
	                              .points_tolerance = {-1, -1},
	                              .amount_tolerance = {-1, -1}};
	const struct parse_report report = {.maybe_duplicate = true};
	const struct decide d = {.pg = pg, .policy = &policy, .report = &report};
	enum pg_status status = pg_begin(pg), ended;

	if (status == PG_OK)
		status = pg_run_prepared(pg, sql_work_clear, 0, NULL, NULL);
	if (status == PG_OK)
		status = decide_records(&d, &(struct place){0});
	ended = pg_rollback(pg);
	return status == PG_OK ? ended : status;
}
