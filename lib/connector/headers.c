/* What the headers of an answer say: for how long to wait, and how much of a limit is used. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/connector/connector_internal.h"

int64_t
connector_retry_after(const char *text, int64_t now_s)
{
	struct tm at = {0};
	int64_t seconds;
	const char *end;

	if (text == NULL)
		return 0;
	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
		if (!text_int(text, 0, CONNECTOR_WAIT_S, &seconds))
			return CONNECTOR_WAIT_S;
	} else {
		end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &at);
		if (end == NULL || *end != '\0')
			return 0;
		seconds = (int64_t) timegm(&at) - now_s;
	}
	return seconds < 1 ? 1 : seconds > CONNECTOR_WAIT_S ? CONNECTOR_WAIT_S : seconds;
}

/* The digits that a text begins with, as a number; what is behind them, or NULL: there is none. */
static const char *
read_number(const char *text, int64_t *ret)
{
	size_t len = strspn(text, "0123456789");
	char digits[20];

	if (len == 0 || len >= sizeof(digits) - 1)
		return NULL;
	snprintf(digits, sizeof(digits), "%.*s", (int) len, text);
	return text_int(digits, 0, INT64_MAX, ret) ? text + len : NULL;
}

/* "begins18/5000", anywhere in the header. */
static void
read_used_of(const char *begins, const char *text, struct connector_verdict *ret)
{
	const char *at = begins != NULL ? strstr(text, begins) : text;
	int64_t used, whole;

	if (at == NULL)
		return;
	at = read_number(at + (begins != NULL ? strlen(begins) : 0), &used);
	if (at != NULL && *at == '/' && read_number(at + 1, &whole) != NULL && whole > 0)
		ret->used = used, ret->whole = whole;
}

/* Two headers, a number each; what follows a number, as ";w=60", says of which time it is. */
static void
read_remaining(const char *limit, const char *remaining, struct connector_verdict *ret)
{
	int64_t whole, left;
	const char *behind = read_number(limit, &whole), *behind_left = read_number(remaining, &left);

	if (behind == NULL || behind_left == NULL || strchr(",; ", *behind) == NULL ||
	    strchr(",; ", *behind_left) == NULL || whole == 0)
		return;
	ret->used = left < whole ? whole - left : 0;
	ret->whole = whole;
}

void
connector_read_limit(const struct connector_rules *rules, const struct connector_answer *answer,
                     struct connector_verdict *ret)
{
	if (rules->limit_header == NULL || answer->limit == NULL)
		return;
	if (rules->limit_remaining == NULL)
		read_used_of(rules->limit_begins, answer->limit, ret);
	else if (answer->remaining != NULL)
		read_remaining(answer->limit, answer->remaining, ret);
}

const char *
connector_limit_header(const struct connector *c)
{
	return c->rules.limit_header;
}

const char *
connector_remaining_header(const struct connector *c)
{
	return c->rules.limit_remaining;
}

int64_t
connector_limit_pause_s(const struct connector *c)
{
	return c->rules.limit_pause_ms / 1000;
}
