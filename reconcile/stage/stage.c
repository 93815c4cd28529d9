#include "reconcile/stage/stage.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/codes.h"
#include "lib/base/limits.h"
#include "lib/db/pg_copy.h"
#include "reconcile/stage/stage_sql.h"

#define UNIT_SEPARATOR 0x1F
#define PROGRESS_RECORDS 50000
#define SEEN_LOG_MAX 28 /* 32 MiB */

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

struct stage_verdict
stage_judge(const struct policy *policy, uint8_t verdict, const char *codes, size_t len)
{
	struct stage_verdict v = {.verdict = verdict};
	enum wish wish = WISH_NONE;

	if (len > 0)
		wish = wish_of_all(policy, codes, len);
	else if (verdict == VERDICT_REJECTED)
		wish = wish_of(policy->no_reason);
	/* a code that nobody knows may change what an acceptance means, too; what a known one asks for is about
	 * rejections */
	if (wish == WISH_UNKNOWN && verdict != VERDICT_REJECTED && policy->accepted_carries)
		return v;
	if (wish == WISH_UNKNOWN)
		v.problem = "unknown_reason";
	else if (verdict != VERDICT_REJECTED)
		return v;
	else if (wish == WISH_HOLD)
		v.problem = "reason_holds";
	else if (wish == WISH_RETRY)
		v.problem = "reason_retry";
	else if (wish == WISH_ACCEPT)
		v.verdict = VERDICT_ACCEPTED_WITH_CHANGE;
	return v;
}

/* ---- which references may be duplicates ---- */

/*
 * A bit for each hash of an external_reference that was seen.  A record that
 * finds its bit set may name a redemption once more: the database looks at
 * those alone (find_duplicates), instead of sorting all.
 */
struct seen {
	uint64_t *bit;
	unsigned shift; /* 64 less the logarithm of how many bits */
};

static bool
seen_open(struct seen *s, int64_t file_bytes)
{
	unsigned log = 12;

	/* about a bit for each byte: with a record in fifty bytes or more one in fifty is looked at in vain */
	while (log < SEEN_LOG_MAX && (INT64_C(1) << log) < file_bytes)
		log++;
	s->shift = 64 - log;
	s->bit = calloc((size_t) 1 << (log - 6), sizeof(*s->bit));
	return s->bit != NULL;
}

static bool
seen_before(struct seen *s, const uint8_t reference[16])
{
	uint64_t high, low, hash;
	bool maybe_duplicate;

	memcpy(&high, reference, sizeof(high));
	memcpy(&low, reference + 8, sizeof(low));
	hash = (high ^ (low * UINT64_C(0x9E3779B97F4A7C15))) * UINT64_C(0xD6E8FEB86659FD93);
	hash = (hash ^ (hash >> 32)) * UINT64_C(0xD6E8FEB86659FD93) >> s->shift;
	maybe_duplicate = (s->bit[hash / 64] >> (hash % 64)) & 1;
	s->bit[hash / 64] |= UINT64_C(1) << (hash % 64);
	return maybe_duplicate;
}

/* ---- records ---- */

struct staging {
	struct pg *pg;
	struct pg_copy *copy;
	bool wide; /* stage_copy_wide.sql is under way */
	const struct policy *policy;
	const struct parse_given *given;
	uint64_t next; /* where the last record ended: the next one begins there, or behind */
	uint64_t last; /* where any record ended at most */
	struct parse_report *report;
	uint32_t keys; /* parts of all match keys, or'ed */
	struct seen seen;
};

static void
put_int32(struct pg_copy *copy, bool has, int32_t v)
{
	if (has)
		pg_copy_put_int32(copy, v);
	else
		pg_copy_put_null(copy);
}

/* Codes separated by a blank, as the outcome keeps them. */
static void
put_codes(struct pg_copy *copy, struct slice s)
{
	char codes[LIMIT_FIELD_BYTES];

	if (s.len == 0 || s.len > sizeof(codes)) {
		pg_copy_put_text(copy, s.data, s.len);
		return;
	}
	for (uint32_t i = 0; i < s.len; i++)
		codes[i] = s.data[i] == UNIT_SEPARATOR ? ' ' : s.data[i];
	pg_copy_put_bytes(copy, codes, s.len);
}

static const char *
problem_of(const struct record *r, const struct stage_verdict *v)
{
	if (r->has & RECORD_BAD_VALUE)
		return "bad_value";
	if (r->has & RECORD_WHOLE_MESSAGE)
		return "whole_message";
	return v->problem;
}

static bool
is_named(const struct policy *policy, const struct record *r)
{
	const struct slice *text = r->text;

	return text[RECORD_REPLACES].len > 0 || text[RECORD_REPLACES_FILE].len > 0 ||
	       text[RECORD_REPLACES_RECORD].len > 0 || (policy->corrections && text[RECORD_ID].len > 0);
}

/* Has the record something that stage_copy.sql has no column for, and that somebody will ask for? */
static bool
needs_wide(const struct staging *s, const struct record *r, const char *problem)
{
	const struct slice *text = r->text;
	uint32_t checks = s->policy->checks, keys = s->keys;
	bool named = r->has & RECORD_HAS_EXTERNAL_REFERENCE;

	return problem != NULL || text[RECORD_REASON_TEXT].len > 0 || text[RECORD_CHANGE].len > 0 ||
	       text[RECORD_PROGRAMME].len > 0 || text[RECORD_REFERENCE_SHOWN].len > 0 || is_named(s->policy, r) ||
	       (text[RECORD_CURRENCY].len > 0 && (checks & CHECK_CURRENCY)) ||
	       (text[RECORD_MERCHANT].len > 0 && ((checks & CHECK_MERCHANT) || (keys & KEY_MERCHANT))) ||
	       (text[RECORD_OUTBOUND_REFERENCE].len > 0 &&
	        (!named || (keys & (KEY_OUTBOUND_REFERENCE | KEY_OUTBOUND_LINE)))) ||
	       (text[RECORD_PARTNER_REFERENCE].len > 0 &&
	        (!named || (keys & KEY_PARTNER_REFERENCE) || s->policy->split == SPLIT_REFERENCE)) ||
	       ((r->has & RECORD_HAS_AMOUNT) && ((checks & CHECK_AMOUNT) || (keys & KEY_AMOUNT))) ||
	       ((r->has & RECORD_HAS_TRANSACTION_TYPE) &&
	        ((checks & CHECK_TRANSACTION_TYPE) || (keys & KEY_TRANSACTION_TYPE))) ||
	       ((r->has & RECORD_HAS_DATE) && ((keys & KEY_DATE) || s->policy->match_days >= 0)) ||
	       (r->has & RECORD_HAS_OUTBOUND_LINE);
}

static void
put_narrow(struct staging *s, const struct record *r, const struct stage_verdict *v)
{
	struct pg_copy *copy = s->copy;
	bool named = r->has & RECORD_HAS_EXTERNAL_REFERENCE;
	bool maybe_duplicate = named && seen_before(&s->seen, r->external_reference);

	s->report->maybe_duplicate |= maybe_duplicate;
	pg_copy_put_int64(copy, (int64_t) r->number);
	pg_copy_put_int64(copy, (int64_t) r->offset);
	pg_copy_put_int32(copy, (int32_t) r->length);
	pg_copy_put_int16(copy, r->verdict);
	pg_copy_put_int16(copy, v->verdict);
	pg_copy_put_bool(copy, maybe_duplicate);
	if (named)
		pg_copy_put_uuid(copy, r->external_reference);
	else
		pg_copy_put_null(copy);
	pg_copy_put_optional(copy, r->has & RECORD_HAS_POINTS, r->points);
	pg_copy_put_text(copy, r->text[RECORD_MEMBER].data, r->text[RECORD_MEMBER].len);
	put_codes(copy, r->text[RECORD_REASONS]);
}

static void
put_rest(struct pg_copy *copy, const struct record *r, const char *problem)
{
	const struct slice *text = r->text;

	if (problem != NULL)
		pg_copy_put_bytes(copy, problem, strlen(problem));
	else
		pg_copy_put_null(copy);
	pg_copy_put_optional(copy, r->has & RECORD_HAS_AMOUNT, r->amount);
	put_int32(copy, r->has & RECORD_HAS_TRANSACTION_TYPE, r->transaction_type);
	if (r->has & RECORD_HAS_DATE)
		pg_copy_put_date(copy, r->date);
	else
		pg_copy_put_null(copy);
	pg_copy_put_optional(copy, r->has & RECORD_HAS_OUTBOUND_LINE, r->outbound_line);
	pg_copy_put_text(copy, text[RECORD_OUTBOUND_REFERENCE].data, text[RECORD_OUTBOUND_REFERENCE].len);
	pg_copy_put_text(copy, text[RECORD_PARTNER_REFERENCE].data, text[RECORD_PARTNER_REFERENCE].len);
	pg_copy_put_text(copy, text[RECORD_REFERENCE_SHOWN].data, text[RECORD_REFERENCE_SHOWN].len);
	pg_copy_put_text(copy, text[RECORD_PROGRAMME].data, text[RECORD_PROGRAMME].len);
	pg_copy_put_text(copy, text[RECORD_MERCHANT].data, text[RECORD_MERCHANT].len);
	pg_copy_put_text(copy, text[RECORD_CURRENCY].data, text[RECORD_CURRENCY].len);
	pg_copy_put_text(copy, text[RECORD_REASON_TEXT].data, text[RECORD_REASON_TEXT].len);
	pg_copy_put_text(copy, text[RECORD_CHANGE].data, text[RECORD_CHANGE].len);
	pg_copy_put_text(copy, text[RECORD_ID].data, text[RECORD_ID].len);
	pg_copy_put_text(copy, text[RECORD_REPLACES].data, text[RECORD_REPLACES].len);
	pg_copy_put_text(copy, text[RECORD_REPLACES_FILE].data, text[RECORD_REPLACES_FILE].len);
	pg_copy_put_text(copy, text[RECORD_REPLACES_RECORD].data, text[RECORD_REPLACES_RECORD].len);
}

/* From the first record on that has more, all have: the server takes columns by the COPY, not by the row. */
static enum pg_status
widen(struct staging *s)
{
	enum pg_status status = pg_copy_end(s->copy);

	s->copy = NULL;
	s->wide = true;
	return status != PG_OK ? status : pg_copy_begin(s->pg, sql_stage_copy_wide, &s->copy);
}

static enum pg_status
put_record(struct staging *s, const struct record *r)
{
	const struct slice *codes = &r->text[RECORD_REASONS];
	struct stage_verdict v = stage_judge(s->policy, r->verdict, codes->data, codes->len);
	const char *problem = problem_of(r, &v);

	if (!s->wide && needs_wide(s, r, problem)) {
		enum pg_status status = widen(s);

		if (status != PG_OK)
			return status;
	}
	pg_copy_row_begin(s->copy, s->wide ? 27 : 10);
	put_narrow(s, r, &v);
	if (s->wide)
		put_rest(s->copy, r, problem);
	return s->copy->status;
}

/* What the database could not take, or the rest of the reconciler not trust. */
static const char *
what_is_wrong(const struct staging *s, const struct record *r)
{
	const uint64_t content = (uint64_t) s->given->content_bytes;

	if (r->number > LIMIT_RECORDS)
		return "more records than a file can have";
	if (r->length > INT32_MAX || r->offset > content || r->length > content - r->offset)
		return "a record at a place that the file does not have";
	/* what speaks of a whole message comes behind the records in it */
	if (r->offset < s->next && !(r->has & RECORD_WHOLE_MESSAGE))
		return "a record before the end of the one before it";
	if ((r->has & RECORD_HAS_DATE) && !parse_report_date_fits(r->date))
		return "a date that cannot be";
	return NULL;
}

static enum stage_end
take_record(struct staging *s, const struct record *r, const char **ret_broken, enum pg_status *ret_status)
{
	*ret_broken = what_is_wrong(s, r);
	if (*ret_broken != NULL)
		return STAGE_BROKEN;
	if (!(r->has & RECORD_WHOLE_MESSAGE))
		s->next = r->offset + r->length;
	if (r->offset + r->length > s->last)
		s->last = r->offset + r->length;
	*ret_status = put_record(s, r);
	/* once the database is lost the rest need not be read */
	return *ret_status == PG_OK ? STAGE_DONE : STAGE_DATABASE;
}

static const char *
take_other(struct staging *s, const struct frame *f)
{
	if (f->kind == FRAME_END && f->end.bytes < s->last)
		return "the end counts fewer bytes than its records have";
	return parse_report_take(s->report, s->given, f);
}

static enum stage_end
read_frames(struct staging *s, struct frame_reader *reader, const struct stage_watch *watch,
            struct parse_report *report, const char **ret_broken, enum pg_status *ret_status)
{
	enum stage_end end = STAGE_DONE;
	struct frame f;
	uint64_t records = 0;
	int rc = 1;

	while (end == STAGE_DONE && (rc = frame_next(reader, &f, ret_broken)) > 0) {
		if (f.kind != FRAME_RECORD) {
			*ret_broken = take_other(s, &f);
			end = *ret_broken == NULL ? STAGE_DONE : report->no_memory ? STAGE_UNREAD : STAGE_BROKEN;
			continue;
		}
		end = take_record(s, &f.record, ret_broken, ret_status);
		if (++records % PROGRESS_RECORDS == 0 && watch != NULL && watch->stage != NULL)
			watch->stage(watch->context, "staged", records);
	}
	if (rc < 0)
		return frame_reader_failed(reader) ? STAGE_UNREAD : STAGE_BROKEN;
	return end;
}

static enum stage_end
stage_frames(struct staging *s, struct frame_reader *reader, const struct stage_watch *watch,
             struct parse_report *report, const char **ret_broken, enum pg_status *ret_status)
{
	enum pg_status status = pg_copy_begin(s->pg, sql_stage_copy, &s->copy);
	enum stage_end end;

	if (status != PG_OK) {
		*ret_status = status;
		return STAGE_DATABASE;
	}
	end = read_frames(s, reader, watch, report, ret_broken, ret_status);
	if (s->copy == NULL)
		return end;
	status = pg_copy_end(s->copy);
	if (status != PG_OK) {
		*ret_status = status;
		return STAGE_DATABASE;
	}
	return end;
}

enum stage_end
stage_file(struct pg *pg, int fd, const struct parse_given *given, const struct policy *policy,
           const struct stage_watch *watch, struct parse_report *report, const char **ret_broken,
           enum pg_status *ret_status)
{
	struct staging s = {.pg = pg, .policy = policy, .given = given, .report = report};
	struct frame_reader *reader = frame_reader_new(fd);
	enum stage_end end = STAGE_DATABASE;

	for (int i = 0; i < policy->keys; i++)
		s.keys |= policy->key[i];
	*ret_status = PG_LOST; /* no memory: as good as no database */
	if (reader != NULL && seen_open(&s.seen, given->file_bytes))
		end = stage_frames(&s, reader, watch, report, ret_broken, ret_status);
	frame_reader_free(reader);
	free(s.seen.bit);
	return end;
}
