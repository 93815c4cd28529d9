#include "tests/unit/parse_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codes.h"
#include "parsers/container.h"
#include "parsers/dates.h"

struct profile *
must_compile(const char *yaml)
{
	struct problems *p = problems_new("profile.yaml");
	struct profile *profile = profile_compile(yaml, strlen(yaml), p);
	const char *line;

	for (size_t i = 0; profile == NULL && (line = problems_line(p, i)) != NULL; i++)
		fprintf(stderr, "%s\n", line);
	problems_free(p);
	if (profile == NULL)
		abort();
	return profile;
}

const char *
problems_of(const char *yaml)
{
	static char text[16384];
	struct problems *p = problems_new("p.yaml");
	struct profile *profile = profile_compile(yaml, strlen(yaml), p);
	size_t used = 0;
	const char *line;

	text[0] = '\0';
	for (size_t i = 0; (line = problems_line(p, i)) != NULL && used < sizeof text - 1; i++)
		used += (size_t) snprintf(text + used, sizeof text - used, "%s\n", line);
	profile_free(profile);
	problems_free(p);
	return text;
}

struct out {
	FILE *file;
};

static void
put_slice(FILE *f, const char *name, struct slice s)
{
	if (s.len == 0)
		return;
	fprintf(f, " %s=", name);
	for (uint32_t i = 0; i < s.len; i++)
		if (s.data[i] == '\x1f')
			fputc('|', f);
		else
			fputc(s.data[i], f);
}

static void
put_day(FILE *f, const char *name, int32_t day)
{
	int year, month, of_month;

	date_to_civil(day, &year, &month, &of_month);
	fprintf(f, " %s=%04d-%02d-%02d", name, year, month, of_month);
}

static int
put_record(void *context, const struct record *r)
{
	static const char *const texts[RECORD_TEXTS] = {
	    "outbound_reference", "partner_reference", "shown",   "member", "programme",
	    "merchant",           "currency",          "reasons", "text",   "change"};
	FILE *f = ((struct out *) context)->file;
	const char *verdict = verdict_name(r->verdict);

	fprintf(f, "record %llu at %llu+%u %s", (unsigned long long) r->number, (unsigned long long) r->offset,
	        r->length, verdict == NULL ? "NONE" : verdict);
	if ((r->has & RECORD_WHOLE_MESSAGE) != 0)
		fputs(" whole-message", f);
	if ((r->has & RECORD_BAD_VALUE) != 0)
		fputs(" bad", f);
	if ((r->has & RECORD_HAS_EXTERNAL_REFERENCE) != 0) {
		fputs(" reference=", f);
		for (int i = 0; i < 16; i++)
			fprintf(f, "%02x", r->external_reference[i]);
	}
	if ((r->has & RECORD_HAS_POINTS) != 0)
		fprintf(f, " points=%lld", (long long) r->points);
	if ((r->has & RECORD_HAS_AMOUNT) != 0)
		fprintf(f, " amount=%lld", (long long) r->amount);
	if ((r->has & RECORD_HAS_TRANSACTION_TYPE) != 0)
		fprintf(f, " type=%d", r->transaction_type);
	if ((r->has & RECORD_HAS_DATE) != 0)
		put_day(f, "date", r->date);
	if ((r->has & RECORD_HAS_OUTBOUND_LINE) != 0)
		fprintf(f, " line=%lld", (long long) r->outbound_line);
	for (int i = 0; i < RECORD_TEXTS; i++)
		put_slice(f, texts[i], r->text[i]);
	fputc('\n', f);
	return 0;
}

static int
put_facts(void *context, const struct file_facts *facts)
{
	FILE *f = ((struct out *) context)->file;

	fputs("facts", f);
	if (facts->has_sequence)
		fprintf(f, " sequence=%lld", (long long) facts->sequence);
	if (facts->has_business_date)
		put_day(f, "business_date", facts->business_date);
	if (facts->is_test)
		fputs(" test", f);
	put_slice(f, "partner_id", facts->partner_id);
	put_slice(f, "file_id", facts->partner_file_id);
	put_slice(f, "original_message", facts->original_message);
	put_slice(f, "lists", facts->lists);
	fputc('\n', f);
	return 0;
}

static int
put_control(void *context, const struct control *c)
{
	FILE *f = ((struct out *) context)->file;

	fprintf(f, "control %.*s %.*s %.*s %s %.*s\n", (int) c->name.len, c->name.data, (int) c->where.len,
	        c->where.data, (int) c->stated.len, c->stated.data, c->agrees ? "=" : "<>", (int) c->counted.len,
	        c->counted.data);
	return 0;
}

static int
put_refusal(void *context, const struct refusal *r)
{
	FILE *f = ((struct out *) context)->file;

	fprintf(f, "refused %.*s record %llu at %llu: %.*s\n", (int) r->rule.len, r->rule.data,
	        (unsigned long long) r->record, (unsigned long long) r->offset, (int) r->message.len,
	        r->message.data);
	return 0;
}

/* As handback-parse does it, but for the cage. */
static void
run(const struct profile *profile, const struct sink *sink, const char *name, struct input_memory *in,
    struct parse_end *ret)
{
	struct assemble *a = assemble_new(profile->layout, sink);
	struct contents *contents = contents_new(profile->layout, &in->input, (int64_t) in->len,
	                                         name == NULL ? "" : name, name == NULL ? 0 : strlen(name));
	struct input *content = contents_input(contents);
	const char *why;
	uint64_t bytes = 0;

	if (a == NULL || contents == NULL)
		abort();
	if (format_of(profile->layout)->prepare != NULL &&
	    format_of(profile->layout)->prepare(profile->layout, &why) != 0)
		abort();
	if ((name == NULL || assemble_name(a, name, strlen(name)) == 0) &&
	    format_of(profile->layout)->parse(profile->layout, content, a, &bytes) != 0 &&
	    content->rule != NULL) {
		if (content->failed)
			abort();
		(void) assemble_refuse(a, content->rule, NULL, (struct slice){NULL, 0}, 0, bytes, "%s", content->why);
	}
	if (assemble_finish(a, bytes, ret) != 0)
		abort();
	contents_free(contents);
	assemble_free(a);
}

char *
parse_text(const struct profile *profile, const char *name, const void *data, size_t len, size_t step)
{
	char *text = NULL;
	size_t size = 0;
	struct out out = {open_memstream(&text, &size)};
	const struct sink sink = {put_record, put_facts, put_control, put_refusal, &out};
	struct input_memory in;
	struct parse_end end;

	input_memory_init(&in, data, len, step);
	run(profile, &sink, name, &in, &end);
	fprintf(out.file, "end records=%llu bytes=%llu%s%s\n", (unsigned long long) end.records,
	        (unsigned long long) end.bytes, end.refused ? " refused" : "", end.whole ? " whole" : "");
	fclose(out.file);
	return text;
}

/* ---- results to compare ---- */

static void
mix(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ p[i]) * 0x100000001b3u;
	*hash = (*hash ^ len) * 0x100000001b3u;
}

static int
hash_record(void *context, const struct record *r)
{
	struct parse_result *ret = context;

	mix(&ret->verdicts, &r->verdict, sizeof r->verdict);
	mix(&ret->money, &r->has, sizeof r->has);
	mix(&ret->money, &r->verdict, sizeof r->verdict);
	mix(&ret->money, r->external_reference, sizeof r->external_reference);
	mix(&ret->money, &r->points, sizeof r->points);
	mix(&ret->money, &r->amount, sizeof r->amount);
	mix(&ret->money, &r->transaction_type, sizeof r->transaction_type);
	mix(&ret->money, &r->outbound_line, sizeof r->outbound_line);
	for (int i = 0; i < RECORD_TEXTS; i++)
		if (i != RECORD_REASON_TEXT)
			mix(&ret->money, r->text[i].data, r->text[i].len);
	return 0;
}

static int
hash_facts(void *context, const struct file_facts *f)
{
	struct parse_result *ret = context;

	mix(&ret->money, &f->sequence, sizeof f->sequence);
	mix(&ret->money, &f->is_test, sizeof f->is_test);
	mix(&ret->money, f->partner_id.data, f->partner_id.len);
	return 0;
}

static int
no_control(void *context, const struct control *c)
{
	(void) context;
	(void) c;
	return 0;
}

static int
first_rule(void *context, const struct refusal *r)
{
	struct parse_result *ret = context;

	if (ret->rule[0] == '\0')
		snprintf(ret->rule, sizeof ret->rule, "%.*s", (int) r->rule.len, r->rule.data);
	return 0;
}

void
parse_result(const struct profile *profile, const char *name, const void *data, size_t len,
             struct parse_result *ret)
{
	const struct sink sink = {hash_record, hash_facts, no_control, first_rule, ret};
	struct input_memory in;
	struct parse_end end;

	memset(ret, 0, sizeof *ret);
	ret->money = 0xcbf29ce484222325u;
	input_memory_init(&in, data, len, 0);
	run(profile, &sink, name, &in, &end);
	ret->refused = end.refused;
	ret->whole = end.whole;
	ret->records = end.records;
}
