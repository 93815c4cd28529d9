#include "api/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_AFTER_S 1
#define DAY_S 86400

static void
add(struct sha256 *h, const char *text)
{
	char length[24];

	/* its length first: no two lists of fields are one text */
	snprintf(length, sizeof(length), "%zu:", text != NULL ? strlen(text) : 0);
	sha256_add(h, length, strlen(length));
	if (text != NULL)
		sha256_add(h, text, strlen(text));
}

/* What is asked, without what may differ between two tries: the token, the request's id, blanks in the JSON.
 */
static void
hash_body(struct call *c)
{
	const struct api_call *w = &c->what;
	struct sha256 *h = sha256_new();
	char numbers[80];

	snprintf(numbers, sizeof(numbers), "%d %" PRId64 " %" PRId64 " %" PRId64, (int) c->message, w->programme,
	         w->points, w->type);
	add(h, numbers);
	add(h, w->member);
	add(h, w->merchant);
	add(h, w->amount);
	add(h, w->reference);
	sha256_end(h, c->body);
	sha256_free(h);
}

struct call *
call_read(const char *line, size_t len, char *why, size_t why_size)
{
	struct call *c = calloc(1, sizeof(*c) + len + 1);
	int message;

	if (c == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	c->handover = -1;
	memcpy(c->line, line, len);
	message = api_call_decode(&c->what, c->line, why, why_size);
	if (message < 0) {
		call_free(c);
		return NULL;
	}
	c->message = (enum api_message) message;
	hash_body(c);
	return c;
}

void
call_free(struct call *c)
{
	if (c == NULL)
		return;
	if (c->handover >= 0)
		close(c->handover);
	free(c->value);
	free(c);
}

bool
call_is_of_shop(const struct call *c)
{
	return c->message >= API_EXCHANGE && c->message <= API_DELIVER;
}

/* ---- answers ---- */

void
call_answer(struct call *c, const char *code, const char *reason)
{
	c->answer = (struct api_answer){.id = c->what.id, .status = api_status(code), .kind = API_VALUE_NONE};
	if (c->answer.status == 429 || c->answer.status == 503)
		c->answer.retry_after_s = RETRY_AFTER_S;
	snprintf(c->code, sizeof(c->code), "%s", code);
	snprintf(c->reason, sizeof(c->reason), "%s", reason != NULL ? reason : "");
	c->answer.code = c->code;
	c->answer.reason = c->reason[0] != '\0' ? c->reason : NULL;
}

void
call_answer_value(struct call *c, enum api_value kind, const char *value)
{
	free(c->value);
	c->value = strdup(value);
	if (c->value == NULL) {
		call_answer_later(c, "out of memory");
		return;
	}
	c->answer.kind = kind;
	c->answer.value = c->value;
}

void
call_wait_for_day(struct call *c)
{
	if (c->answer.status == 429)
		c->answer.retry_after_s = DAY_S - (int64_t) time(NULL) % DAY_S;
}

void
call_answer_later(struct call *c, const char *reason)
{
	call_answer(c, "503", reason);
}

void
call_ask_again(struct call *c)
{
	c->answer = (struct api_answer){0};
}
