#include "tests/unit/parse_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/codes.h"
#include "lib/protocol/frame_text.h"
#include "parsers/container/container.h"

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
	for (size_t i = 0; (line = problems_line(p, i)) != NULL && used < sizeof(text) - 1; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s\n", line);
	profile_free(profile);
	problems_free(p);
	return text;
}

struct out {
	FILE *file;
};

static int
put_record(void *context, const struct record *r)
{
	frame_text(((struct out *) context)->file, &(struct frame){.kind = FRAME_RECORD, .record = *r});
	return 0;
}

static int
put_facts(void *context, const struct file_facts *facts)
{
	frame_text(((struct out *) context)->file, &(struct frame){.kind = FRAME_FACTS, .facts = *facts});
	return 0;
}

static int
put_control(void *context, const struct control *c)
{
	frame_text(((struct out *) context)->file, &(struct frame){.kind = FRAME_CONTROL, .control = *c});
	return 0;
}

static int
put_refusal(void *context, const struct refusal *r)
{
	frame_text(((struct out *) context)->file, &(struct frame){.kind = FRAME_REFUSAL, .refusal = *r});
	return 0;
}

/* As handback-parse does it, but for the sandbox. */
static void
run(const struct profile *profile, const struct sink *sink, const char *name, struct input_memory *in,
    struct parse_end *ret)
{
	const struct layout *layout = profile_layout(profile, name == NULL ? "" : name, in->data,
	                                             in->len < VARIANT_BYTES ? in->len : VARIANT_BYTES);
	struct assemble *a = assemble_new(layout, sink);
	struct contents *contents = contents_new(layout, &in->input, (int64_t) in->len, name == NULL ? "" : name,
	                                         name == NULL ? 0 : strlen(name));
	const char *why;
	uint64_t bytes = 0;

	if (a == NULL || contents == NULL)
		abort();
	if (format_of(layout)->prepare != NULL && format_of(layout)->prepare(layout, &why) != 0)
		abort();
	if ((name == NULL || assemble_name(a, name, strlen(name)) == 0) &&
	    contents_read(contents, a, &bytes) != 0)
		abort();
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
	frame_text(out.file, &(struct frame){.kind = FRAME_END, .end = end});
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

static void
mix_slice(uint64_t *hash, struct slice s)
{
	mix(hash, s.data, s.len);
}

/* What is done about a reject: the actions of its codes. */
static void
judge_reasons(const struct policy *policy, const struct record *r, struct result_record *ret)
{
	struct slice codes = r->text[RECORD_REASONS];
	enum reason_action action = policy->no_reason;

	for (uint32_t at = 0, len; at < codes.len || at == 0; at += len + 1) {
		const char *code = codes.data + at, *end = codes.len > 0 ? memchr(code, 0x1f, codes.len - at) : NULL;
		const struct reason_rule *rule;

		len = end != NULL ? (uint32_t) (end - code) : codes.len - at;
		rule = codes.len > 0 ? policy_reason(policy, code, len) : NULL;
		if (codes.len > 0)
			action = rule != NULL ? rule->action : policy->unknown_reason;
		ret->held |= action == REASON_HOLD || action == REASON_RETRY;
		ret->actions |= 1u << action;
	}
}

/* The hash that a value belongs to: of what the ledger is asked with or compared with, or of the rest. */
static uint64_t *
where_to(const struct policy *policy, struct result_record *r, uint32_t keys, uint32_t checks)
{
	for (int i = 0; i < policy->keys; i++)
		if (policy->key[i] & keys)
			return &r->judged;
	return policy->checks & checks ? &r->judged : &r->informational;
}

static int
hash_record(void *context, const struct record *r)
{
	static const struct {
		uint32_t keys, checks;
	} texts[RECORD_TEXTS] = {
	    [RECORD_OUTBOUND_REFERENCE] = {KEY_OUTBOUND_REFERENCE, 0},
	    [RECORD_PARTNER_REFERENCE] = {KEY_PARTNER_REFERENCE, 0},
	    [RECORD_REFERENCE_SHOWN] = {KEY_EXTERNAL_REFERENCE, 0},
	    [RECORD_MEMBER] = {KEY_MEMBER, CHECK_MEMBER},
	    [RECORD_PROGRAMME] = {0, CHECK_PROGRAMME},
	    [RECORD_MERCHANT] = {KEY_MERCHANT, CHECK_MERCHANT},
	    [RECORD_CURRENCY] = {0, CHECK_CURRENCY},
	};
	struct parse_result *ret = context;
	struct result_record *out = &ret->record[ret->records++];
	const struct policy *policy = ret->policy;

	if (ret->records > RESULT_RECORDS)
		abort();
	*out = (struct result_record){.held = (r->has & RECORD_BAD_VALUE) != 0, .verdict = r->verdict};
	if (r->verdict == VERDICT_ACCEPTED_WITH_CHANGE || r->verdict == VERDICT_ACCEPTED_WITH_WARNING)
		out->verdict = VERDICT_ACCEPTED;
	if (r->verdict == VERDICT_REJECTED)
		judge_reasons(policy, r, out);
	mix(&out->judged, r->external_reference, sizeof(r->external_reference));
	mix(where_to(policy, out, KEY_POINTS, CHECK_POINTS), &r->points, sizeof(r->points));
	mix(where_to(policy, out, KEY_AMOUNT, CHECK_AMOUNT), &r->amount, sizeof(r->amount));
	mix(where_to(policy, out, KEY_DATE, 0), &r->date, sizeof(r->date));
	mix(where_to(policy, out, KEY_TRANSACTION_TYPE, CHECK_TRANSACTION_TYPE), &r->transaction_type,
	    sizeof(r->transaction_type));
	mix(where_to(policy, out, KEY_OUTBOUND_LINE, 0), &r->outbound_line, sizeof(r->outbound_line));
	for (int i = 0; i < RECORD_TEXTS; i++)
		if (i != RECORD_REASON_TEXT)
			mix_slice(where_to(policy, out, texts[i].keys, texts[i].checks), r->text[i]);
	return 0;
}

static int
hash_facts(void *context, const struct file_facts *f)
{
	struct parse_result *ret = context;

	ret->is_test = f->is_test;
	mix(&ret->facts, &f->sequence, sizeof(f->sequence));
	mix(&ret->facts, &f->business_date, sizeof(f->business_date));
	mix_slice(&ret->facts, f->partner_id);
	mix_slice(&ret->facts, f->lists);
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
no_refusal(void *context, const struct refusal *r)
{
	(void) context;
	(void) r;
	return 0;
}

void
parse_result(const struct profile *profile, const char *name, const void *data, size_t len,
             struct parse_result *ret)
{
	const struct sink sink = {hash_record, hash_facts, no_control, no_refusal, ret};
	struct input_memory in;
	struct parse_end end;

	memset(ret, 0, sizeof(*ret));
	ret->policy = &profile->policy;
	input_memory_init(&in, data, len, 0);
	run(profile, &sink, name, &in, &end);
	ret->refused = end.refused;
}

static enum fate
record_fate(const struct result_record *good, const struct result_record *changed)
{
	if (changed->held)
		return good->held ? FATE_SAME : FATE_HELD;
	if (changed->verdict != good->verdict || changed->actions != good->actions)
		return FATE_PASSED;
	if (changed->judged != good->judged)
		return FATE_SEEN;
	return changed->informational != good->informational ? FATE_INFORMATIONAL : FATE_SAME;
}

enum fate
parse_fate(const struct parse_result *good, const struct parse_result *changed)
{
	enum fate worst = changed->facts != good->facts ? FATE_SEEN : FATE_SAME;

	if (changed->refused)
		return FATE_REFUSED;
	if (changed->is_test && !good->is_test)
		return FATE_HELD;
	if (changed->records != good->records || changed->is_test != good->is_test)
		return FATE_PASSED;
	for (uint64_t i = 0; i < good->records; i++) {
		enum fate fate = record_fate(&good->record[i], &changed->record[i]);

		worst = fate > worst ? fate : worst;
	}
	return worst;
}
