#include "reconcile/decide/place.h"

#include <inttypes.h>
#include <time.h>

#include "lib/base/sum.h"
#include "lib/profile/dates.h"
#include "reconcile/decide/decide_sql.h"

/* A number so far below the last is none that a partner sends once more: numbers begin again. */
#define RESTART_DISTANCE 100

/* Whatever is added to a number and taken from it stays in 64 bits. */
#define NUMBER_LIMIT INT64_C(1000000000000000000)

static const char *const order_words[] = {
    [ORDER_NONE] = "none", [ORDER_SEQUENCE] = "sequence", [ORDER_BUSINESS_DATE] = "business_date"};

/* ---- where it stands ---- */

/* What numbers begin again with. */
static int64_t
again_with(const struct policy *policy)
{
	return policy->first_number == 0 ? 0 : 1;
}

/* The day that a day's period begins with. */
static int64_t
period_of(enum resets resets, int64_t business_date)
{
	int year, month, day;
	int32_t first;

	date_to_civil((int32_t) business_date, &year, &month, &day);
	switch (resets) {
	case RESETS_MONTHLY:
		return business_date - day + 1;
	case RESETS_YEARLY:
		return date_from_civil(year, 1, 1, &first) ? first : business_date;
	case RESETS_DAILY:
	case RESETS_NEVER:
		break;
	}
	return business_date;
}

/* The position before the one that is expected where the period has no file yet. */
static int64_t
begins_after(const struct decide *d, const struct place *place)
{
	int64_t first = d->policy->first_number, again = again_with(d->policy);

	if (!place->in_period)
		return first - 1;
	/* of the first of all periods the files up to first may never have been for us */
	return place->earlier || d->report->sequence < first ? 0 : first - again;
}

/*
 * A number that goes round at sequence.after: it is taken for the one that is nearest to the last.  What is
 * about as near forwards as backwards, or further than the profile takes for likely, is far off; where people
 * have released that it is the newer one.
 */
static void
go_round(const struct decide *d, struct place *place)
{
	const struct policy *policy = d->policy;
	sum_t size = policy->number_after - again_with(policy) + 1, back, ahead;

	if (!place->has_last) {
		/* the first of all that is far below where the profile begins has gone round */
		if ((policy->first_number - d->report->sequence) * 2 > size)
			place->position += (int64_t) size;
		return;
	}
	/* how far behind the last the nearest such number is, 0 to size - 1; the next one ahead is a round later
	 */
	back = ((sum_t) place->last - place->position) % size;
	back += back < 0 ? size : 0;
	ahead = size - back;
	place->far_off = back < ahead ? back > policy->number_jump : back == ahead;
	if (back < ahead && !(place->far_off && (d->waived & WAIVE_JUMP) != 0))
		place->position = sum_clamped(place->last - back);
	else
		place->position = sum_clamped(place->last + ahead);
}

static int64_t
least_number(const struct policy *policy)
{
	return policy->number_after > 0 ? again_with(policy) : -NUMBER_LIMIT;
}

static int64_t
greatest_number(const struct policy *policy)
{
	return policy->number_after > 0 ? policy->number_after : NUMBER_LIMIT;
}

static bool
in_range(const struct policy *policy, int64_t number)
{
	return number >= least_number(policy) && number <= greatest_number(policy);
}

static void
read_order(const struct pg_result *r, struct place *place)
{
	place->earlier = pg_true_of(r, 0, "earlier");
	place->has_last = !pg_null_of(r, 0, "last");
	place->last = pg_int_of(r, 0, "last");
	place->last_number = pg_int_of(r, 0, "last_number");
	place->has_last_day = !pg_null_of(r, 0, "last_day");
	place->last_day = pg_int_of(r, 0, "last_day");
	place->has_same = !pg_null_of(r, 0, "same");
	place->same = pg_int_of(r, 0, "same");
	place->older = pg_true_of(r, 0, "older");
}

void
place_params(const struct decide *d, const struct place *place, struct params *p)
{
	param_int(p, d->partner_id);
	param_text(p, d->profile);
	param_text(p, order_words[d->policy->order_by]);
	param_optional(p, place->in_period, place->period);
	param_optional(p, place->numbered, place->position);
	param_optional(p, d->report->has_business_date, d->report->business_date);
}

static enum pg_status
ask(const struct decide *d, struct place *place)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	place_params(d, place, &p);
	param_optional(&p, d->name.has_part, d->name.part);
	status = pg_run_prepared(d->pg, sql_file_order, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	read_order(r, place);
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
place_find(const struct decide *d, struct place *ret)
{
	const struct policy *policy = d->policy;
	const struct parse_report *report = d->report;
	struct place place = {.in_period = policy->resets != RESETS_NEVER && report->has_business_date};
	enum pg_status status;

	if (place.in_period)
		place.period = period_of(policy->resets, report->business_date);
	place.numbered = report->has_sequence && in_range(policy, report->sequence) &&
	                 place.in_period == (policy->resets != RESETS_NEVER);
	if (place.numbered)
		place.position = report->sequence + (place.in_period ? 1 - again_with(policy) : 0);
	status = ask(d, &place);
	if (status == PG_OK && place.numbered && policy->number_after > 0) {
		int64_t first_taken = place.position;

		go_round(d, &place);
		if (place.position != first_taken)
			status = ask(d, &place);
	}
	if (status == PG_OK)
		*ret = place;
	return status;
}

/* ---- what is held for it ---- */

/* " of 2027", " of 2027-01": the period in words. */
static const char *
of_period(const struct decide *d, const struct place *place, char text[32])
{
	int year, month, day;

	text[0] = '\0';
	if (!place->in_period)
		return text;
	date_to_civil((int32_t) place->period, &year, &month, &day);
	if (d->policy->resets == RESETS_YEARLY)
		snprintf(text, 32, " of %04d", year);
	else if (d->policy->resets == RESETS_MONTHLY)
		snprintf(text, 32, " of %04d-%02d", year, month);
	else
		snprintf(text, 32, " of %04d-%02d-%02d", year, month, day);
	return text;
}

/* A number that has no place, or a day or a number that is likely a slip: posted, it would be what every
 * later file is measured by. */
static const char *
too_far(const struct decide *d, const struct place *place, char *message)
{
	const struct parse_report *report = d->report;
	const struct policy *policy = d->policy;
	int64_t today = time(NULL) / 86400, number = report->sequence;
	int64_t before = place->has_last ? place->last : begins_after(d, place);
	char period[32];

	if (report->has_business_date && report->business_date > today + policy->days_ahead) {
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "its day is %" PRId64 " days ahead; the profile allows %d (sequence.days_ahead)",
		         report->business_date - today, policy->days_ahead);
		return "sequence_jump";
	}
	if (!report->has_sequence)
		return NULL;
	if (!in_range(policy, number)) {
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 " came, and numbers are %" PRId64 " to %" PRId64 " (sequence.after)",
		         number, least_number(policy), greatest_number(policy));
		return "sequence_jump";
	}
	if (!place->numbered) {
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 " came without a day, which says in what period it is (sequence.resets)",
		         number);
		return "sequence_jump";
	}
	if (policy->order_by != ORDER_SEQUENCE || !(place->has_last || place->earlier))
		return NULL;
	if (place->far_off)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 "%s came, and number %" PRId64
		         " is the last: whether it is an older one or the next is not clear (sequence.after); "
		         "release it where it is the next",
		         number, of_period(d, place, period), place->last_number);
	else if (place->position > before && (sum_t) place->position - before > policy->number_jump)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 "%s came, and number %" PRId64
		         " is the last before it: the profile allows %" PRId64 " further (sequence.jump)",
		         number, of_period(d, place, period),
		         place->has_last ? place->last_number : again_with(policy) - 1, policy->number_jump);
	else
		return NULL;
	return "sequence_jump";
}

/* Does a number that is not above the last say that numbers begin again, where the profile says nothing of
 * that? */
static bool
begins_again(const struct decide *d, const struct place *place)
{
	const struct policy *policy = d->policy;
	const struct parse_report *report = d->report;
	sum_t distance = (sum_t) place->last - report->sequence;
	bool far_below = distance >= RESTART_DISTANCE || report->sequence <= 1;

	if (policy->resets != RESETS_NEVER || policy->number_after > 0 || !place->has_last || distance <= 0)
		return false;
	if (report->has_business_date && place->has_last_day)
		return report->business_date > place->last_day &&
		       (place->has_same || (far_below && policy->order_by == ORDER_SEQUENCE));
	return place->has_same && distance >= RESTART_DISTANCE;
}

/* A number that is there already, or that begins again. */
static const char *
there_before(const struct decide *d, const struct place *place, char *message)
{
	int64_t number = d->report->sequence;
	char period[32];

	if (begins_again(d, place)) {
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 " came after %" PRId64
		         ": does the partner begin again? then say so in the profile (sequence: resets or after) and "
		         "release it",
		         number, place->last_number);
		return "sequence_restart";
	}
	if (!place->has_same)
		return NULL;
	snprintf(message, LIMIT_MESSAGE_BYTES,
	         "number %" PRId64 "%s was posted before, as file %" PRId64 " with other content", number,
	         of_period(d, place, period), place->same);
	return "resubmission";
}

static const char *
behind_a_gap(const struct decide *d, const struct place *place, char *message)
{
	const struct policy *policy = d->policy;
	int64_t number = d->report->sequence, before = place->has_last ? place->last : begins_after(d, place);
	char period[32];

	if (place->position <= before || place->position - 1 == before)
		return NULL;
	of_period(d, place, period);
	if (place->has_last)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 "%s came, and number %" PRId64 " is the last before it", number, period,
		         place->last_number);
	else if (place->in_period && before == 0)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 "%s came, and no file of that period before it: it begins with %" PRId64,
		         number, period, again_with(policy));
	else
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "number %" PRId64 " came, and no file before it; the profile begins with %" PRId64
		         " (sequence.first): release it where the partner begins with it",
		         number, policy->first_number);
	return "sequence_gap";
}

const char *
place_hold(const struct decide *d, const struct place *place, char *message)
{
	const struct policy *policy = d->policy;
	const char *hold = NULL;

	if ((d->waived & WAIVE_JUMP) == 0)
		hold = too_far(d, place, message);
	if (hold == NULL && place->numbered && policy->resubmission == POLICY_HOLD &&
	    (d->waived & WAIVE_RESUBMISSION) == 0)
		hold = there_before(d, place, message);
	if (hold == NULL && place->numbered && policy->gap == POLICY_HOLD && policy->order_by == ORDER_SEQUENCE &&
	    (d->waived & WAIVE_GAP) == 0)
		hold = behind_a_gap(d, place, message);
	return hold;
}
