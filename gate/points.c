#include "gate/points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gate/body.h"
#include "lib/json/json.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct row {
	struct points_rows *of;
	struct points_said said;
	/* its answer; state "": it is not in effect */
	char code[4], state[16], why[API_REASON_BYTES + 1];
	bool again;
	int64_t retry_after_s;
};

struct points_rows {
	struct row row[API_ROWS];
	size_t count, open;
	char batch[API_REFERENCE_BYTES + 1];
	backend_answered answered;
	void *context;
	struct api_answer answer;
	char *value;
};

/* ---- reading ---- */

static bool
fits(const char *text, size_t most)
{
	return text == NULL || body_text_ok(text, most);
}

/* NULL, or what is wrong with it. */
static const char *
judge(const struct points_said *said)
{
	if (!fits(said->key, API_KEY_BYTES))
		return "RequestKey";
	if (!fits(said->member, API_MEMBER_BYTES))
		return "RelationReference";
	if (!fits(said->account, API_PARTNER_BYTES))
		return "PartnerMemberId";
	if (!fits(said->partner, API_PARTNER_BYTES))
		return "Partner";
	if (!fits(said->reason, API_WHY_BYTES))
		return "Reason";
	if (!fits(said->not_before, API_TIME_BYTES))
		return "NotBefore";
	if (!fits(said->sponsor, API_PARTNER_BYTES))
		return "Sponsor";
	return said->member == NULL && said->account == NULL ? "RelationReference or PartnerMemberId" : NULL;
}

/* What a row is read into, until it has its place. */
struct reading {
	struct points_rows *rows;
	struct points_said said;
};

static void
take_row(void *context, enum body_fault fault, const char *field)
{
	struct reading *r = context;
	struct row *w = &r->rows->row[r->rows->count];

	(void) points_rows_add(r->rows, &r->said, /* there are no more than it takes */
	                       fault == BODY_FINE ? NULL
	                       : field != NULL    ? field
	                                          : "the row is no object");
	if (fault == BODY_NO_MEMORY)
		snprintf(w->code, sizeof(w->code), "503");
}

/* A UUID of version 4. */
static bool
name_batch(char ret[API_REFERENCE_BYTES + 1])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t) sizeof(b))
		return false;
	b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
	snprintf(ret, API_REFERENCE_BYTES + 1,
	         "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
	         b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}

static void
free_texts(struct points_said *said)
{
	free(said->key);
	free(said->member);
	free(said->account);
	free(said->partner);
	free(said->reason);
	free(said->not_before);
	free(said->sponsor);
	*said = (struct points_said){0};
}

struct points_rows *
points_rows_new(void)
{
	struct points_rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL || name_batch(rows->batch))
		return rows;
	free(rows);
	return NULL;
}

bool
points_rows_add(struct points_rows *rows, struct points_said *said, const char *wrong)
{
	struct row *w = &rows->row[rows->count];

	if (rows->count == API_ROWS) {
		free_texts(said);
		return false;
	}
	rows->count++;
	*w = (struct row){.of = rows, .said = *said};
	*said = (struct points_said){0};
	if (wrong == NULL)
		wrong = judge(&w->said);
	if (wrong != NULL) {
		snprintf(w->code, sizeof(w->code), "999");
		snprintf(w->why, sizeof(w->why), "%s", wrong);
	}
	return true;
}

size_t
points_rows_count(const struct points_rows *rows)
{
	return rows->count;
}

const char *
points_rows_undone(const struct points_rows *rows, const char **ret_why)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->row[i].code, "000") != 0) {
			*ret_why = rows->row[i].why;
			return rows->row[i].code;
		}
	return NULL;
}

const char *
points_read(const char *body, size_t len, struct points_rows **ret_rows, const char **ret_why)
{
	struct reading r = {.rows = points_rows_new()};
	const struct body_field fields[] = {
	    {"RequestKey", BODY_TEXT, false, &r.said.key, API_KEY_BYTES},
	    {"RelationReference", BODY_TEXT, true, &r.said.member, API_MEMBER_BYTES},
	    {"PartnerMemberId", BODY_TEXT, true, &r.said.account, API_PARTNER_BYTES},
	    {"Partner", BODY_TEXT, false, &r.said.partner, API_PARTNER_BYTES},
	    {"Points", BODY_INTEGER, false, &r.said.points, 0},
	    {"Reason", BODY_TEXT, false, &r.said.reason, API_WHY_BYTES},
	    {"NotBefore", BODY_TEXT, true, &r.said.not_before, API_TIME_BYTES},
	    {"Sponsor", BODY_TEXT, true, &r.said.sponsor, API_PARTNER_BYTES},
	};
	enum body_fault fault = BODY_NO_MEMORY;

	if (r.rows != NULL)
		fault = body_read_list(body, len, fields, COUNT(fields), API_ROWS, take_row, &r);
	free_texts(&r.said); /* of a row that came to no end */
	if (fault == BODY_FINE) {
		*ret_rows = r.rows;
		return NULL;
	}
	points_rows_free(r.rows);
	*ret_why = fault == BODY_NO_OBJECT   ? "the body is no JSON"
	           : fault == BODY_NO_MEMORY ? "out of memory"
	                                     : "the body is a list of 1 to 100 requests";
	return fault == BODY_NO_OBJECT ? "998" : fault == BODY_NO_MEMORY ? "503" : "999";
}

void
points_rows_free(struct points_rows *rows)
{
	if (rows == NULL)
		return;
	for (size_t i = 0; i < rows->count; i++)
		free_texts(&rows->row[i].said);
	free(rows->value);
	free(rows);
}

/* ---- answering ---- */

/* What every row was refused by, which is then the whole call's answer; NULL: rows differ, or were judged. */
static const struct row *
refused_alike(const struct points_rows *rows)
{
	static const char *const whole[] = {"401", "403", "429", "503", "997"};

	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->row[i].code, rows->row[0].code) != 0)
			return NULL;
	for (size_t i = 0; i < COUNT(whole); i++)
		if (strcmp(rows->row[0].code, whole[i]) == 0)
			return &rows->row[0];
	return NULL;
}

static char *
compose(const struct points_rows *rows)
{
	struct json_build b = {0};
	size_t len;

	json_open_map(&b, NULL);
	json_text(&b, "batch_id", rows->batch);
	json_text(&b, "message", "Accepted");
	json_int(&b, "total_transactions", (int64_t) rows->count);
	json_open_list(&b, "results");
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *w = &rows->row[i];

		json_open_map(&b, NULL);
		json_int(&b, "n", (int64_t) i + 1);
		json_text(&b, "request_key", w->said.key);
		json_text(&b, "code", w->code);
		json_text(&b, "state", w->state[0] != '\0' ? w->state : "refused");
		json_text(&b, "why", w->why[0] != '\0' ? w->why : NULL);
		json_bool(&b, "again", w->again);
		json_close(&b);
	}
	json_close(&b);
	json_close(&b);
	return json_take(&b, &len);
}

static void
finish(struct points_rows *rows)
{
	const struct row *alike = refused_alike(rows);

	if (alike == NULL)
		rows->value = compose(rows);
	rows->answer = (struct api_answer){.kind = API_VALUE_NONE, .code = alike != NULL ? alike->code : "503"};
	if (rows->value != NULL) {
		rows->answer.code = "202";
		rows->answer.kind = API_VALUE_JSON;
		rows->answer.value = rows->value;
	}
	if (alike != NULL && alike->why[0] != '\0')
		rows->answer.reason = alike->why;
	rows->answer.status = api_status(rows->answer.code);
	if (rows->answer.status == 429 || rows->answer.status == 503)
		rows->answer.retry_after_s = alike != NULL && alike->retry_after_s > 0 ? alike->retry_after_s : 1;
	rows->answered(rows->context, &rows->answer, -1);
}

static void
on_row(void *context, const struct api_answer *answer, int handover)
{
	struct row *w = context;

	(void) handover;
	snprintf(w->code, sizeof(w->code), "%s", answer != NULL ? answer->code : "503");
	if (answer == NULL)
		snprintf(w->why, sizeof(w->why), "it may have been done: ask again with the same key");
	else if (answer->reason != NULL)
		snprintf(w->why, sizeof(w->why), "%s", answer->reason);
	if (answer != NULL && answer->kind == API_VALUE_TEXT)
		snprintf(w->state, sizeof(w->state), "%s", answer->value);
	w->again = answer != NULL && answer->again;
	w->retry_after_s = answer != NULL ? answer->retry_after_s : 0;
	if (--w->of->open == 0)
		finish(w->of);
}

/* No row could be sent: only whoever has a good token is told why. */
static void
on_authorized(void *context, const struct api_answer *answer, int handover)
{
	struct points_rows *rows = context;
	const char *code = answer != NULL ? answer->code : "503";

	(void) handover;
	for (size_t i = 0; i < rows->count && strcmp(code, "000") != 0; i++) {
		snprintf(rows->row[i].code, sizeof(rows->row[i].code), "%s", code);
		snprintf(rows->row[i].why, sizeof(rows->row[i].why), "%s",
		         answer != NULL && answer->reason != NULL ? answer->reason : "");
	}
	finish(rows);
}

static bool
is_sent(struct row *w, struct backend *b, const struct api_call *call, int64_t place)
{
	struct api_call c = {.request_id = call->request_id,
	                     .token = call->token,
	                     .reference = w->of->batch,
	                     .row = place,
	                     .key = w->said.key,
	                     .member = w->said.member,
	                     .account = w->said.account,
	                     .partner = w->said.partner,
	                     .points = w->said.points,
	                     .reason = w->said.reason,
	                     .not_before = w->said.not_before,
	                     .sponsor = w->said.sponsor};

	if (w->code[0] != '\0')
		return false;
	if (backend_call(b, API_POINTS, &c, on_row, w))
		return true;
	snprintf(w->code, sizeof(w->code), "503");
	snprintf(w->why, sizeof(w->why), "nothing was done: ask again");
	return false;
}

void
points_ask(struct points_rows *rows, struct backend *b, const struct api_call *call,
           backend_answered answered, void *context)
{
	struct api_call authorize = {.request_id = call->request_id, .token = call->token};

	rows->answered = answered;
	rows->context = context;
	rows->open = 1; /* until all are on their way */
	for (size_t i = 0; i < rows->count; i++)
		rows->open += is_sent(&rows->row[i], b, call, (int64_t) i + 1);
	if (--rows->open == 0 && !backend_call(b, API_AUTHORIZE, &authorize, on_authorized, rows)) {
		snprintf(rows->row[0].why, sizeof(rows->row[0].why), "nothing was done: ask again");
		on_authorized(rows, NULL, -1);
	}
}
