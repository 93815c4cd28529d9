#include "tests/fuzz/parse_bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/profile/profile.h"
#include "parsers/assemble/assemble.h"
#include "parsers/container/container.h"

enum { SHIPPED_BYTES = 1 << 16 };

/* What went out so far. */
struct seen {
	uint64_t records, last_offset, end;
	unsigned refusals, facts;
};

static void
text_ok(struct slice s)
{
	assert(s.len == 0 || utf8_text_ok(s.data, s.len));
	assert(s.len < LIMIT_FRAME_BYTES);
}

static int
on_record(void *context, const struct record *r)
{
	struct seen *seen = context;

	assert(r->number == seen->records + 1);
	assert(r->offset >= seen->last_offset || (r->has & RECORD_WHOLE_MESSAGE));
	assert(r->verdict >= 1 && r->verdict <= 5);
	assert(!(r->has & RECORD_HAS_POINTS) || r->points != 0);
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		text_ok(r->text[i]);
	if (!(r->has & RECORD_WHOLE_MESSAGE))
		seen->last_offset = r->offset;
	if (r->offset + r->length > seen->end)
		seen->end = r->offset + r->length;
	seen->records++;
	return 0;
}

static int
on_facts(void *context, const struct file_facts *f)
{
	struct seen *seen = context;

	text_ok(f->partner_id);
	text_ok(f->partner_file_id);
	text_ok(f->original_message);
	text_ok(f->lists);
	assert(++seen->facts == 1);
	return 0;
}

static int
on_control(void *context, const struct control *c)
{
	(void) context;
	text_ok(c->name);
	text_ok(c->where);
	text_ok(c->stated);
	text_ok(c->counted);
	return 0;
}

static int
on_refusal(void *context, const struct refusal *r)
{
	struct seen *seen = context;

	text_ok(r->rule);
	text_ok(r->message);
	text_ok(r->field);
	text_ok(r->value);
	assert(r->rule.len > 0 && r->message.len > 0);
	assert(++seen->refusals <= LIMIT_REFUSALS);
	return 0;
}

static const struct profile *
compile(const char *text)
{
	const struct profile *profile;
	struct problems *problems;
	const char *why;

	problems = problems_new("fuzz");
	profile = profile_compile(text, strlen(text), problems);
	for (size_t i = 0; profile == NULL && problems_line(problems, i) != NULL; i++)
		fprintf(stderr, "%s\n", problems_line(problems, i));
	assert(profile != NULL);
	problems_free(problems);
	if (format_of(profile->layout)->start != NULL)
		format_of(profile->layout)->start();
	if (format_of(profile->layout)->prepare != NULL)
		assert(format_of(profile->layout)->prepare(profile->layout, &why) == 0);
	return profile;
}

static const struct profile *
compiled(const char *text)
{
	static struct {
		const char *text;
		const struct profile *profile;
	} kept[PARSE_BYTES_PROFILES];
	size_t i = 0;

	while (kept[i].text != NULL && kept[i].text != text)
		assert(++i < PARSE_BYTES_PROFILES);
	if (kept[i].text == NULL) {
		kept[i].text = text;
		kept[i].profile = compile(text);
	}
	return kept[i].profile;
}

void
parse_bytes(const char *text, const uint8_t *data, size_t size)
{
	const struct layout *layout = compiled(text)->layout;
	struct seen seen = {0};
	const struct sink sink = {on_record, on_facts, on_control, on_refusal, &seen};
	struct input_memory memory;
	struct contents *contents;
	struct assemble *a;
	struct parse_end end;
	uint64_t bytes = 0;

	if (size == 0)
		return;
	input_memory_init(&memory, data + 1, size - 1, data[0]);
	contents = contents_new(layout, &memory.input, (int64_t) size - 1, "fuzz.zip", 8);
	a = assemble_new(layout, &sink);
	assert(contents != NULL && a != NULL);
	if (assemble_name(a, "fuzz", 4) == 0)
		assert(contents_read(contents, a, &bytes) == 0);
	assert(assemble_finish(a, bytes, &end) == 0);
	assert(end.refused ? end.records >= seen.records : end.records == seen.records);
	assert(end.refused == (seen.refusals > 0));
	assert(seen.end <= end.bytes);
	assert(end.refused || layout->container.count > 0 || end.bytes == size - 1);
	assemble_free(a);
	contents_free(contents);
}

/* The whole file, NUL-terminated, never given back. */
static const char *
shipped(const char *name)
{
	char path[4096], *text = calloc(1, SHIPPED_BYTES);
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.yaml", HANDBACK_PROFILES, name);
	f = fopen(path, "re");
	assert(f != NULL && text != NULL);
	n = fread(text, 1, SHIPPED_BYTES, f);
	assert(n > 0 && n < SHIPPED_BYTES);
	fclose(f);
	return text;
}

void
parse_shipped(const char *const *names, const uint8_t *data, size_t size)
{
	static const char *texts[PARSE_BYTES_PROFILES];
	size_t count = 0;

	while (names[count] != NULL)
		count++;
	assert(count <= PARSE_BYTES_PROFILES);
	if (size == 0)
		return;
	count = data[0] % count;
	if (texts[count] == NULL)
		texts[count] = shipped(names[count]);
	parse_bytes(texts[count], data + 1, size - 1);
}
