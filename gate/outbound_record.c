#include "gate/outbound_record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

#define NUMBER_BYTES 18 /* digits of points */
#define ID_BYTES 18

enum { ID, EVENT, PARTNER, POINTS, REASON, MEMBER, ACCOUNT, SPONSOR, NOT_BEFORE };
static const char *const fields[OUTBOUND_FIELDS] = {"Id",
                                                    "Handback_Event__c",
                                                    "Handback_Partner__c",
                                                    "Handback_Points__c",
                                                    "Handback_Reason__c",
                                                    "Handback_Member__c",
                                                    "Handback_Account__c",
                                                    "Handback_Sponsor__c",
                                                    "Handback_Not_Before__c"};

int
outbound_record_field(const char *name)
{
	for (int i = 0; i < OUTBOUND_FIELDS; i++)
		if (strcmp(name, fields[i]) == 0)
			return i;
	return -1;
}

void
outbound_record_set(struct outbound_record *r, int field, const char *text)
{
	if (r->value[field] != NULL)
		r->wrong = fields[field];
	else if (text[0] != '\0')
		r->value[field] = strdup(text);
}

static bool
is_id(const char *text)
{
	size_t len = strlen(text);

	return (len == 15 || len == ID_BYTES) &&
	       strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == len;
}

/* A number as a CRM writes it, 5000.0 or 1.25E7: exact, or it is refused. */
static bool
read_points(const char *text, int64_t *ret_points)
{
	char digits[NUMBER_BYTES + 1];
	size_t len = 0, whole = strspn(text, "0123456789"), part = 0;
	int64_t shift = 0;

	if (text[whole] == '.')
		part = strspn(text + whole + 1, "0123456789");
	const char *rest = text + whole + (text[whole] == '.' ? 1 + part : 0);

	if (whole == 0 || whole + part > NUMBER_BYTES || (text[whole] == '.' && part == 0))
		return false;
	if (*rest == 'E' && !text_int(rest + 1, 0, NUMBER_BYTES, &shift))
		return false;
	if (*rest != 'E' && *rest != '\0')
		return false;
	memcpy(digits, text, whole);
	memcpy(digits + whole, text + whole + 1, part);
	for (len = whole + part; (int64_t) part < shift; part++, len++) {
		if (len == NUMBER_BYTES)
			return false;
		digits[len] = '0';
	}
	for (; (int64_t) part > shift; part--)
		if (digits[--len] != '0')
			return false;
	digits[len] = '\0';
	whole = strspn(digits, "0");
	return text_int(whole == len ? "0" : digits + whole, 0, INT64_MAX, ret_points);
}

/* The business event: the record, and what happened to it where a record has more than one. */
static char *
key_of(const char *id, const char *event)
{
	size_t size = strlen(id) + (event != NULL ? strlen(event) : 0) + 2;
	char *key = malloc(size);

	if (key != NULL)
		snprintf(key, size, "%s%s%s", id, event != NULL ? "/" : "", event != NULL ? event : "");
	return key;
}

void
outbound_record_forget(struct outbound_record *r)
{
	for (int i = 0; i < OUTBOUND_FIELDS; i++) {
		free(r->value[i]);
		r->value[i] = NULL;
	}
	r->wrong = NULL;
}

static const char *
missing(const struct outbound_record *r)
{
	for (int i = ID; i <= REASON; i++)
		if (r->value[i] == NULL && i != EVENT)
			return fields[i];
	return is_id(r->value[ID]) ? NULL : fields[ID];
}

bool
outbound_record_end(struct outbound_record *r, struct points_rows *rows)
{
	struct points_said said = {0};
	bool fits;

	if (r->wrong == NULL)
		r->wrong = missing(r);
	if (r->wrong == NULL && !read_points(r->value[POINTS], &said.points))
		r->wrong = fields[POINTS];
	if (r->wrong == NULL)
		said.key = key_of(r->value[ID], r->value[EVENT]);
	else if (r->value[ID] != NULL)
		said.key = strdup(r->value[ID]);
	said.member = r->value[MEMBER];
	said.account = r->value[ACCOUNT];
	said.partner = r->value[PARTNER];
	said.reason = r->value[REASON];
	said.not_before = r->value[NOT_BEFORE];
	said.sponsor = r->value[SPONSOR];
	r->value[MEMBER] = r->value[ACCOUNT] = r->value[PARTNER] = r->value[REASON] = r->value[NOT_BEFORE] =
	    r->value[SPONSOR] = NULL;
	fits = points_rows_add(rows, &said, r->wrong);
	outbound_record_forget(r);
	return fits;
}
