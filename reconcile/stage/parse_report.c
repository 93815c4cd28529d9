#include "reconcile/stage/parse_report.h"

#include <stdlib.h>
#include <string.h>

struct parse_report_text {
	struct parse_report_text *next;
	char text[];
};

void
parse_report_open(struct parse_report *t)
{
	memset(t, 0, sizeof(*t));
}

void
parse_report_close(struct parse_report *t)
{
	while (t->texts != NULL) {
		struct parse_report_text *next = t->texts->next;

		free(t->texts);
		t->texts = next;
	}
	free(t->control);
	memset(t, 0, sizeof(*t));
}

/* The slice as a text of ours, NULL when it is empty; false when it is too much. */
static bool
keep(struct parse_report *t, struct slice s, const char **ret)
{
	struct parse_report_text *text;

	if (s.len == 0) {
		*ret = NULL;
		return true;
	}
	if (s.len > PARSE_REPORT_BYTES - t->bytes || (text = malloc(sizeof(*text) + s.len + 1)) == NULL)
		return false;
	memcpy(text->text, s.data, s.len);
	text->text[s.len] = '\0';
	text->next = t->texts;
	t->texts = text;
	t->bytes += s.len;
	*ret = text->text;
	return true;
}

bool
parse_report_date_fits(int32_t days)
{
	return days > -700000 && days < 2900000; /* the years 54 to 9909 */
}

/* What PostgreSQL's numeric takes: an optional sign, digits, an optional fraction. */
static bool
is_decimal(struct slice s)
{
	uint32_t i = 0, digits = 0;

	if (s.len > 100)
		return false;
	if (i < s.len && (s.data[i] == '-' || s.data[i] == '+'))
		i++;
	for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++)
		digits++;
	if (i < s.len && s.data[i] == '.')
		for (i++; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++)
			digits++;
	return digits > 0 && i == s.len;
}

static const char *const too_much = "it reports more of the file than can be kept";

static const char *
take_facts(struct parse_report *t, const struct file_facts *f)
{
	if (f->has_business_date && !parse_report_date_fits(f->business_date))
		return "a date that cannot be";
	t->has_sequence = f->has_sequence;
	t->has_business_date = f->has_business_date;
	t->is_test = f->is_test;
	t->sequence = f->sequence;
	t->business_date = f->business_date;
	if (!keep(t, f->partner_id, &t->partner_id) || !keep(t, f->partner_file_id, &t->partner_file_id) ||
	    !keep(t, f->original_message, &t->original_message))
		return too_much;
	return NULL;
}

static const char *
take_control(struct parse_report *t, const struct control *f)
{
	struct parse_report_control c = {.agrees = f->agrees};

	if ((f->stated.len > 0 && !is_decimal(f->stated)) || (f->counted.len > 0 && !is_decimal(f->counted)))
		return "a control total that is no number";
	if (t->controls >= PARSE_REPORT_CONTROLS || !keep(t, f->name, &c.name) || !keep(t, f->where, &c.place) ||
	    !keep(t, f->stated, &c.stated) || !keep(t, f->counted, &c.counted))
		return too_much;
	if ((t->controls & (t->controls - 1)) == 0) { /* full at each power of two */
		struct parse_report_control *more = realloc(t->control, (t->controls * 2 + 1) * sizeof(*more));

		if (more == NULL)
			return too_much;
		t->control = more;
	}
	t->control[t->controls++] = c;
	return NULL;
}

static const char *
take_refusal(struct parse_report *t, const struct refusal *f)
{
	struct parse_report_refusal r = {.record = f->record, .offset = f->offset};

	if (f->record > INT64_MAX || f->offset > INT64_MAX)
		return "a place that cannot be";
	if (t->refusals >= LIMIT_REFUSALS || !keep(t, f->rule, &r.rule) || !keep(t, f->message, &r.message) ||
	    !keep(t, f->field, &r.field) || !keep(t, f->value, &r.value))
		return too_much;
	if (r.rule == NULL || r.message == NULL)
		return "a refusal without a rule or a message";
	t->refusal[t->refusals++] = r;
	return NULL;
}

const char *
parse_report_take(struct parse_report *t, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_SANDBOX:
		t->sandbox = f->sandbox;
		return NULL;
	case FRAME_FACTS:
		return take_facts(t, &f->facts);
	case FRAME_CONTROL:
		return take_control(t, &f->control);
	case FRAME_REFUSAL:
		return take_refusal(t, &f->refusal);
	case FRAME_END:
		t->end = f->end;
		return NULL;
	case FRAME_RECORD:
		break;
	}
	return "a record where none can be";
}
