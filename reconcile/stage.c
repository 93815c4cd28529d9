#include "reconcile/stage.h"

#include <string.h>

#include "base/codes.h"
#include "base/limits.h"
#include "reconcile/pg_copy.h"
#include "reconcile_sql.h"

#define UNIT_SEPARATOR 0x1F
#define PROGRESS_RECORDS 50000

/* ---- reason codes ---- */

/* What one code asks for, most cautious first. */
enum wish { WISH_UNKNOWN, WISH_HOLD, WISH_RETRY, WISH_REVERSE, WISH_ACCEPT, WISH_NONE };

static enum wish
wish_of(enum reason_action action)
{
	switch (action) {
	case REASON_HOLD:
		return WISH_HOLD;
	case REASON_RETRY:
		return WISH_RETRY;
	case REASON_REVERSE:
		return WISH_REVERSE;
	case REASON_ACCEPT:
		return WISH_ACCEPT;
	}
	return WISH_HOLD;
}

/* The most cautious of a set: one code that asks for a person is enough. */
static enum wish
wish_of_all(const struct policy *policy, const char *codes, size_t len)
{
	const char *end = codes + len;
	enum wish most = WISH_NONE;

	while (codes < end) {
		const char *stop = memchr(codes, UNIT_SEPARATOR, (size_t) (end - codes));
		const struct reason_rule *rule;
		enum wish wish;

		if (stop == NULL)
			stop = end;
		rule = policy_reason(policy, codes, (size_t) (stop - codes));
		if (rule != NULL)
			wish = wish_of(rule->action);
		else
			wish = policy->unknown_reason == REASON_HOLD ? WISH_UNKNOWN : wish_of(policy->unknown_reason);
		if (wish < most)
			most = wish;
		codes = stop + 1;
	}
	return most;
}

struct stage_judged
stage_judge(const struct policy *policy, uint8_t verdict, const char *codes, size_t len)
{
	struct stage_judged judged = {.verdict = verdict};
	enum wish wish = WISH_NONE;

	if (len > 0)
		wish = wish_of_all(policy, codes, len);
	else if (verdict == VERDICT_REJECTED)
		wish = wish_of(policy->no_reason);
	/* a code that nobody knows may change what an acceptance means, too; what a known one asks for is about
	 * rejections */
	if (wish == WISH_UNKNOWN)
		judged.problem = "unknown_reason";
	else if (verdict != VERDICT_REJECTED)
		return judged;
	else if (wish == WISH_HOLD)
		judged.problem = "reason_holds";
	else if (wish == WISH_RETRY)
		judged.problem = "reason_retry";
	else if (wish == WISH_ACCEPT)
		judged.verdict = VERDICT_ACCEPTED_WITH_CHANGE;
	return judged;
}

/* ---- records ---- */

static void
put_int64(struct pg_copy *copy, bool has, int64_t v)
{
	if (has)
		pg_copy_put_int64(copy, v);
	else
		pg_copy_put_null(copy);
}

static void
put_slice(struct pg_copy *copy, struct slice s)
{
	if (s.len > 0)
		pg_copy_put_bytes(copy, s.data, s.len);
	else
		pg_copy_put_null(copy);
}

/* Codes separated by a blank, as the outcome keeps them. */
static void
put_codes(struct pg_copy *copy, struct slice s)
{
	char codes[LIMIT_FIELD_BYTES];

	if (s.len == 0 || s.len > sizeof(codes)) {
		put_slice(copy, s);
		return;
	}
	for (uint32_t i = 0; i < s.len; i++)
		codes[i] = s.data[i] == UNIT_SEPARATOR ? ' ' : s.data[i];
	pg_copy_put_bytes(copy, codes, s.len);
}

static const char *
problem_of(const struct record *r, const struct stage_judged *judged)
{
	if (r->has & RECORD_BAD_VALUE)
		return "bad_value";
	if (r->has & RECORD_WHOLE_MESSAGE)
		return "whole_message";
	return judged->problem;
}

static void
put_record(struct pg_copy *copy, const struct policy *policy, const struct record *r)
{
	const struct slice *text = r->text;
	struct stage_judged judged =
	    stage_judge(policy, r->verdict, text[RECORD_REASONS].data, text[RECORD_REASONS].len);
	const char *problem = problem_of(r, &judged);

	pg_copy_row_begin(copy, 22);
	pg_copy_put_int64(copy, (int64_t) r->number);
	pg_copy_put_int64(copy, (int64_t) r->offset);
	pg_copy_put_int32(copy, (int32_t) r->length);
	pg_copy_put_int16(copy, r->verdict);
	pg_copy_put_int16(copy, judged.verdict);
	if (problem != NULL)
		pg_copy_put_bytes(copy, problem, strlen(problem));
	else
		pg_copy_put_null(copy);
	if (r->has & RECORD_HAS_EXTERNAL_REFERENCE)
		pg_copy_put_uuid(copy, r->external_reference);
	else
		pg_copy_put_null(copy);
	put_int64(copy, r->has & RECORD_HAS_POINTS, r->points);
	put_int64(copy, r->has & RECORD_HAS_AMOUNT, r->amount);
	if (r->has & RECORD_HAS_TRANSACTION_TYPE)
		pg_copy_put_int32(copy, r->transaction_type);
	else
		pg_copy_put_null(copy);
	if (r->has & RECORD_HAS_DATE)
		pg_copy_put_date(copy, r->date);
	else
		pg_copy_put_null(copy);
	put_int64(copy, r->has & RECORD_HAS_OUTBOUND_LINE, r->outbound_line);
	put_slice(copy, text[RECORD_OUTBOUND_REFERENCE]);
	put_slice(copy, text[RECORD_PARTNER_REFERENCE]);
	put_slice(copy, text[RECORD_REFERENCE_SHOWN]);
	put_slice(copy, text[RECORD_MEMBER]);
	put_slice(copy, text[RECORD_PROGRAMME]);
	put_slice(copy, text[RECORD_MERCHANT]);
	put_slice(copy, text[RECORD_CURRENCY]);
	put_codes(copy, text[RECORD_REASONS]);
	put_slice(copy, text[RECORD_REASON_TEXT]);
	put_slice(copy, text[RECORD_CHANGE]);
}

/* What the database could not take, or the rest of the reconciler not trust. */
static const char *
what_is_wrong(const struct record *r)
{
	if (r->number > LIMIT_RECORDS)
		return "more records than a file can have";
	if (r->offset > INT64_MAX || r->length > INT32_MAX)
		return "a record at a place that cannot be";
	if ((r->has & RECORD_HAS_DATE) && !told_date_fits(r->date))
		return "a date that cannot be";
	return NULL;
}

/* Reads to the end; NULL, or why the frames make no sense. */
static const char *
read_frames(struct frame_reader *reader, struct pg_copy *copy, const struct policy *policy,
            const struct stage_watch *watch, struct told *told)
{
	const char *broken = NULL;
	struct frame f;
	uint64_t records = 0;
	int rc;

	/* once the database is lost the rest need not be read */
	while (copy->status == PG_OK && (rc = frame_next(reader, &f, &broken)) != 0) {
		if (rc < 0)
			return broken;
		if (f.kind != FRAME_RECORD) {
			broken = told_take(told, &f);
		} else {
			broken = what_is_wrong(&f.record);
			if (broken == NULL)
				put_record(copy, policy, &f.record);
			if (++records % PROGRESS_RECORDS == 0 && watch != NULL && watch->stage != NULL)
				watch->stage(watch->context, "staged", records);
		}
		if (broken != NULL)
			return broken;
	}
	return NULL;
}

enum stage_end
stage_file(struct pg *pg, int fd, const struct policy *policy, const struct stage_watch *watch,
           struct told *told, const char **ret_broken, enum pg_status *ret_status)
{
	struct frame_reader *reader = frame_reader_new(fd);
	struct pg_copy *copy;
	const char *broken;
	enum pg_status status;

	if (reader == NULL) {
		*ret_status = PG_LOST;
		return STAGE_DATABASE;
	}
	status = pg_copy_begin(pg, sql_stage_copy, &copy);
	if (status != PG_OK) {
		frame_reader_free(reader);
		*ret_status = status;
		return STAGE_DATABASE;
	}
	broken = read_frames(reader, copy, policy, watch, told);
	frame_reader_free(reader);
	status = pg_copy_end(copy);
	if (status != PG_OK) {
		*ret_status = status;
		return STAGE_DATABASE;
	}
	if (broken != NULL) {
		*ret_broken = broken;
		return STAGE_BROKEN;
	}
	return STAGE_DONE;
}
