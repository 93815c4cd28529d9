#include "reconcile/stage/parse_report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/sum.h"

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
	if (s.len > PARSE_REPORT_BYTES - t->bytes)
		return false;
	text = malloc(sizeof(*text) + s.len + 1);
	t->no_memory |= text == NULL;
	if (text == NULL)
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

/* A whole number as lib/base/sum.h writes it, so that equal numbers are equal texts. */
static bool
is_sum(struct slice s)
{
	uint32_t i = s.len > 0 && s.data[0] == '-', first = i;

	if (s.len >= SUM_TEXT_SIZE || i == s.len || (s.data[i] == '0' && s.len > 1))
		return false;
	while (i < s.len && s.data[i] >= '0' && s.data[i] <= '9')
		i++;
	return i == s.len && i > first;
}

static bool
same_text(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static const char *const too_much = "it reports more of the file than can be kept";

static const char *
take_facts(struct parse_report *t, const struct file_facts *f)
{
	if (f->has_business_date && !parse_report_date_fits(f->business_date))
		return "a date that cannot be";
	if (f->has_sequence && f->sequence < 0)
		return "a file's number below 0";
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

	if (!is_sum(f->stated) || !is_sum(f->counted))
		return "a control total that is no number";
	if (f->agrees != same_text(f->stated, f->counted))
		return f->agrees ? "a control total that agrees with another number"
		                 : "a control total that does not agree with its own number";
	if (t->controls >= PARSE_REPORT_CONTROLS || !keep(t, f->name, &c.name) || !keep(t, f->where, &c.place) ||
	    !keep(t, f->stated, &c.stated) || !keep(t, f->counted, &c.counted))
		return too_much;
	if ((t->controls & (t->controls - 1)) == 0) { /* full at each power of two */
		struct parse_report_control *more = realloc(t->control, (t->controls * 2 + 1) * sizeof(*more));

		t->no_memory |= more == NULL;
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

/* Neither less than this machine gives, nor more. */
static const char *
take_sandbox(struct parse_report *t, const struct parse_given *given, const struct sandbox_report *s)
{
	if (!s->seccomp || !s->no_new_privs)
		return "its sandbox has no seccomp, or new privileges";
	if (s->landlock_abi != given->landlock_version && !(given->no_landlock && s->landlock_abi == 0))
		return "its sandbox has another Landlock than this kernel";
	t->sandboxed = true;
	return NULL;
}

/* The name's number and day are the file's: a parser refuses one that says otherwise. */
static bool
agrees_with_name(const struct parse_report *t, const struct name_facts *name)
{
	return (!name->has_sequence || (t->has_sequence && t->sequence == name->sequence)) &&
	       (!name->has_business_date || (t->has_business_date && t->business_date == name->business_date));
}

/* A refused file need not be read to its end. */
static const char *
take_end(struct parse_report *t, const struct parse_given *given, const struct parse_end *end)
{
	const uint64_t file = (uint64_t) given->file_bytes, content = (uint64_t) given->content_bytes;

	if (end->file_bytes > file || (!end->refused && end->file_bytes != file))
		return "the end counts other bytes than the file has";
	if (end->bytes > content || (!end->refused && !given->packed && end->bytes != content))
		return "the end counts other bytes than the file's content has";
	if (!end->refused && (!given->name_fits || !agrees_with_name(t, &given->name)))
		return "it takes a file for another than its name says";
	t->end = *end;
	return NULL;
}

const char *
parse_report_take(struct parse_report *t, const struct parse_given *given, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_SANDBOX:
		return take_sandbox(t, given, &f->sandbox);
	case FRAME_FACTS:
		return take_facts(t, &f->facts);
	case FRAME_CONTROL:
		return take_control(t, &f->control);
	case FRAME_REFUSAL:
		return take_refusal(t, &f->refusal);
	case FRAME_END:
		return take_end(t, given, &f->end);
	case FRAME_RECORD:
		break;
	}
	return "a record where none can be";
}
