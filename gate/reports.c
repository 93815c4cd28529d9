/* Transactional reports: the query's filters. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/read.h"
#include "lib/base/text.h"

/* A day of the calendar, as 2026-01-31. */
static bool
is_day(const char *text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, end = 0;

	if (strlen(text) != API_DAY_BYTES || strspn(text, "0123456789-") != API_DAY_BYTES ||
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != API_DAY_BYTES)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* One of the query's values into the call, or why not; a name that nobody knows is a filter that would not be
 * applied. */
static const char *
take_filter(struct asked *a, const char *name, const char *value, const char **ret_why)
{
	const struct {
		const char *name;
		char **member;
		size_t most;
		bool day;
	} texts[] = {
	    {"category", &a->category, API_CATEGORY_BYTES, false},
	    {"partner", &a->partner, API_WORD_BYTES, false},
	    {"member", &a->member, API_MEMBER_BYTES, false},
	    {"merchant", &a->merchant, API_MERCHANT_BYTES, false},
	    {"state", &a->state, API_WORD_BYTES, false},
	    {"from", &a->from, API_DAY_BYTES, true},
	    {"to", &a->to, API_DAY_BYTES, true},
	};

	if (strcmp(name, "type") == 0)
		return a->call.type == 0 && text_int(value, 1, INT32_MAX, &a->call.type)
		           ? NULL
		           : wrong(ret_why, "type is a number");
	if (strcmp(name, "after") == 0)
		return a->call.after == 0 && text_int(value, 1, INT64_MAX, &a->call.after)
		           ? NULL
		           : wrong(ret_why, "after is the number of an entry");
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (strcmp(name, texts[i].name) != 0)
			continue;
		if (*texts[i].member != NULL || !body_text_ok(value, texts[i].most) ||
		    (texts[i].day && !is_day(value)))
			return wrong(ret_why,
			             texts[i].day ? "from and to are days, as 2026-01-31, once each" : texts[i].name);
		*texts[i].member = strdup(value);
		return *texts[i].member != NULL ? NULL : "503";
	}
	return wrong(ret_why, "there is no such filter");
}

const char *
read_entries(struct asked *a, const char **ret_why)
{
	struct evkeyvalq values;
	const char *code = NULL;

	if (a->query == NULL)
		return NULL;
	if (evhttp_parse_query_str(a->query, &values) < 0)
		return wrong(ret_why, "the query");
	for (const struct evkeyval *v = values.tqh_first; v != NULL && code == NULL; v = v->next.tqe_next)
		code = take_filter(a, v->key, v->value, ret_why);
	evhttp_clear_headers(&values);
	a->call.category = a->category;
	a->call.partner = a->partner;
	a->call.state = a->state;
	a->call.from = a->from;
	a->call.to = a->to;
	return code;
}
