#include "lib/protocol/frame_text.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/codes.h"
#include "lib/base/text.h"

/* The members of a set are parted by U+001F, and shown by '|'. */
static void
put_bytes(FILE *out, const char *bytes, uint32_t len)
{
	char *shown = malloc(TEXT_ESCAPED_SIZE(len));

	if (shown == NULL)
		return;
	(void) text_display(shown, TEXT_ESCAPED_SIZE(len), bytes, len);
	fputs(shown, out);
	free(shown);
}

static void
put_set(FILE *out, struct slice s)
{
	for (uint32_t from = 0, at = 0; at <= s.len; at++) {
		if (at < s.len && s.data[at] != '\x1f')
			continue;
		put_bytes(out, s.data + from, at - from);
		if (at < s.len)
			fputc('|', out);
		from = at + 1;
	}
}

static void
put_text(FILE *out, const char *name, struct slice s)
{
	if (s.len == 0)
		return;
	fprintf(out, " %s=", name);
	put_set(out, s);
}

static void
put_day(FILE *out, const char *name, int32_t day)
{
	const time_t at = (time_t) day * 86400;
	struct tm tm;
	char text[16] = "";

	if (gmtime_r(&at, &tm) != NULL)
		(void) strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	fprintf(out, " %s=%s", name, text);
}

static void
put_record(FILE *out, const struct record *r)
{
	static const char *const texts[RECORD_TEXTS] = {
	    "outbound_reference", "partner_reference", "shown",         "member",         "programme",
	    "merchant",           "currency",          "reasons",       "text",           "change",
	    "record_id",          "replaces",          "replaces_file", "replaces_record"};
	const char *verdict = verdict_name(r->verdict);

	fprintf(out, "record %llu at %llu+%u %s", (unsigned long long) r->number, (unsigned long long) r->offset,
	        r->length, verdict == NULL ? "NONE" : verdict);
	if ((r->has & RECORD_WHOLE_MESSAGE) != 0)
		fputs(" whole-message", out);
	if ((r->has & RECORD_BAD_VALUE) != 0)
		fputs(" bad", out);
	if ((r->has & RECORD_HAS_EXTERNAL_REFERENCE) != 0) {
		fputs(" reference=", out);
		for (int i = 0; i < 16; i++)
			fprintf(out, "%02x", r->external_reference[i]);
	}
	if ((r->has & RECORD_HAS_POINTS) != 0)
		fprintf(out, " points=%lld", (long long) r->points);
	if ((r->has & RECORD_HAS_AMOUNT) != 0)
		fprintf(out, " amount=%lld", (long long) r->amount);
	if ((r->has & RECORD_HAS_TRANSACTION_TYPE) != 0)
		fprintf(out, " type=%d", r->transaction_type);
	if ((r->has & RECORD_HAS_DATE) != 0)
		put_day(out, "date", r->date);
	if ((r->has & RECORD_HAS_OUTBOUND_LINE) != 0)
		fprintf(out, " line=%lld", (long long) r->outbound_line);
	for (int i = 0; i < RECORD_TEXTS; i++)
		put_text(out, texts[i], r->text[i]);
	fputc('\n', out);
}

static void
put_facts(FILE *out, const struct file_facts *facts)
{
	fputs("facts", out);
	if (facts->has_sequence)
		fprintf(out, " sequence=%lld", (long long) facts->sequence);
	if (facts->has_business_date)
		put_day(out, "business_date", facts->business_date);
	if (facts->is_test)
		fputs(" test", out);
	put_text(out, "partner_id", facts->partner_id);
	put_text(out, "file_id", facts->partner_file_id);
	put_text(out, "original_message", facts->original_message);
	put_text(out, "lists", facts->lists);
	fputc('\n', out);
}

static void
put_control(FILE *out, const struct control *c)
{
	const struct slice part[] = {c->name, c->where, c->stated, c->counted};

	fputs("control", out);
	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
		fputs(i < 3 ? " " : c->agrees ? " = " : " <> ", out);
		put_bytes(out, part[i].data, part[i].len);
	}
	fputc('\n', out);
}

void
frame_text(FILE *out, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_RECORD:
		put_record(out, &f->record);
		break;
	case FRAME_FACTS:
		put_facts(out, &f->facts);
		break;
	case FRAME_CONTROL:
		put_control(out, &f->control);
		break;
	case FRAME_REFUSAL:
		fputs("refused ", out);
		put_bytes(out, f->refusal.rule.data, f->refusal.rule.len);
		fprintf(out, " record %llu at %llu: ", (unsigned long long) f->refusal.record,
		        (unsigned long long) f->refusal.offset);
		put_bytes(out, f->refusal.message.data, f->refusal.message.len);
		fputc('\n', out);
		break;
	case FRAME_END:
		fprintf(out, "end records=%llu bytes=%llu%s%s\n", (unsigned long long) f->end.records,
		        (unsigned long long) f->end.bytes, f->end.refused ? " refused" : "",
		        f->end.whole ? " whole" : "");
		break;
	case FRAME_SANDBOX:
		break;
	}
}
