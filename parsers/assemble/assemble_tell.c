/* Refusals, and facts of the whole file. */
#include <stdarg.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "parsers/assemble/assemble_internal.h"

static struct slice
slice_of(const char *text)
{
	return (struct slice){text, (uint32_t) strlen(text)};
}

int
assemble_refuse(struct assemble *a, const char *rule, const char *field, struct slice value, uint64_t record,
                uint64_t offset, const char *format, ...)
{
	char message[LIMIT_MESSAGE_BYTES], shown[TEXT_SHOWN_SIZE] = "";
	struct refusal r = {.rule = slice_of(rule), .record = record, .offset = offset};
	va_list args;

	a->refused = true;
	a->records_lack |= strcmp(rule, "control_total") != 0;
	if (a->stopped)
		return -1;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (a->files > 0)
		snprintf(message + strlen(message), sizeof(message) - strlen(message), "%s", a->of_file);
	if (value.data != NULL)
		text_show(shown, value.data, value.len);
	r.message = slice_of(message);
	r.value = slice_of(shown);
	if (field != NULL)
		r.field = slice_of(field);
	if (a->sink->refusal(a->sink->context, &r) != 0 || ++a->refusals >= LIMIT_REFUSALS)
		a->stopped = true;
	return a->stopped ? -1 : 0;
}

bool
assemble_refused(const struct assemble *a)
{
	return a->refused;
}

void
assemble_break(struct assemble *a)
{
	a->broken = true;
}

int
tell_bad_value(struct assemble *a, const struct field *f, struct slice value, const struct value_fault *fault,
               struct place at)
{
	const struct record_type *type = &a->layout->type[a->current];
	char name[160], shown[TEXT_SHOWN_SIZE];

	snprintf(name, sizeof(name), "%s.%s", type->name, f->name);
	if (f->hold_bad && (type->role == ROLE_ENTRY || type->role == ROLE_ADDENDUM)) {
		if (!a->entry.bad)
			snprintf(a->entry.why, sizeof(a->entry.why), "%s: \"%s\" %s", name,
			         text_show(shown, value.data, value.len), fault->why);
		a->entry.bad = true;
		return 0;
	}
	return assemble_refuse(a, fault->rule, name, value.data == NULL ? (struct slice){"", 0} : value,
	                       at.number, at.offset, "%s \"%s\" %s", name,
	                       text_show(shown, value.data, value.len), fault->why);
}

bool
is_fact(uint8_t target)
{
	return target >= TARGET_SEQUENCE;
}

/* Said twice, it must be the same both times: the header and the file's name, two headers. */
static int
disagrees(struct assemble *a, const struct field *f, const struct value *v, struct place at)
{
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", a->layout->type[a->current].name, f->name);
	return assemble_refuse(a, "disagrees", name, v->text, at.number, at.offset,
	                       "%s is not what the file (or its name) said before", name);
}

static int
number_fact(struct assemble *a, const struct field *f, const struct value *v, struct place at)
{
	struct file_facts *facts = &a->facts;
	bool known = (a->facts_known & 1u << f->target) != 0;

	switch (f->target) {
	case TARGET_SEQUENCE:
		if (v->number < 0)
			return assemble_refuse(a, "range", f->name, v->text, at.number, at.offset,
			                       "%s.%s is %lld, and a file's number is never below 0",
			                       a->layout->type[a->current].name, f->name, (long long) v->number);
		if (known && facts->sequence != v->number)
			return disagrees(a, f, v, at);
		facts->has_sequence = true;
		facts->sequence = v->number;
		break;
	case TARGET_BUSINESS_DATE:
		if (known && facts->business_date != v->number)
			return disagrees(a, f, v, at);
		facts->has_business_date = true;
		facts->business_date = a->reader.business_date = (int32_t) v->number;
		break;
	default:
		if (known && facts->is_test != (v->number != 0))
			return disagrees(a, f, v, at);
		facts->is_test = v->number != 0;
	}
	a->facts_known |= 1u << f->target;
	return 0;
}

int
tell_fact(struct assemble *a, const struct field *f, const struct value *v, struct place at)
{
	struct slice *text = NULL;

	switch (f->target) {
	case TARGET_SEQUENCE:
	case TARGET_BUSINESS_DATE:
	case TARGET_TEST:
		return number_fact(a, f, v, at);
	case TARGET_PARTNER_ID:
		text = &a->facts.partner_id;
		break;
	case TARGET_FILE_ID:
		text = &a->facts.partner_file_id;
		break;
	case TARGET_ORIGINAL_MESSAGE:
		text = &a->facts.original_message;
		break;
	case TARGET_LISTS:
		text = &a->facts.lists;
		break;
	default:
		return 0;
	}
	if ((a->facts_known & 1u << f->target) != 0 &&
	    (text->len != v->text.len || memcmp(text->data, v->text.data, text->len) != 0))
		return disagrees(a, f, v, at);
	if ((a->facts_known & 1u << f->target) == 0) {
		*text = texts_keep(&a->fact_texts, v->text);
		if (text->data == NULL && v->text.len > 0) {
			a->stopped = true;
			return -1;
		}
	}
	a->facts_known |= 1u << f->target;
	return 0;
}
