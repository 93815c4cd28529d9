#include "lib/protocol/frame.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "lib/base/codes.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"

/*
 * The body of each kind is written once, as a list of fields, and read by the
 * same list in the same order.  Both ends keep to plain memcpy on one buffer:
 * a million records pass here, so nothing is allocated per frame.
 */
enum {
	HEAD_BYTES = 5, /* u32 length, u8 kind; the length counts the kind */
	FRAME_ROOM = HEAD_BYTES + LIMIT_FRAME_BYTES,
	FLUSH_BYTES =
	    256 << 10, /* a quarter of the pipe: the reader works while we do, and is not woken for each page */
	BUFFER_BYTES = FRAME_ROOM + FLUSH_BYTES,
	RECORD_FIXED_BYTES = 8 + 8 + 4 + 4 + 1 + 2,
};

/* ---- writer ---- */

struct frame_writer {
	int fd;
	bool broken;
	size_t used;
	unsigned char buffer[BUFFER_BYTES];
};

struct frame_writer *
frame_writer_new(int fd)
{
	struct frame_writer *w = malloc(sizeof(*w));
	if (w == NULL)
		return NULL;
	w->fd = fd;
	w->broken = false;
	w->used = 0;
	return w;
}

void
frame_writer_free(struct frame_writer *w)
{
	free(w);
}

int
frame_flush(struct frame_writer *w)
{
	size_t done = 0;

	if (w->broken)
		return -1;
	while (done < w->used) {
		ssize_t n = write(w->fd, w->buffer + done, w->used - done);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			w->broken = true;
			return -1;
		}
		done += (size_t) n;
	}
	w->used = 0;
	return 0;
}

static inline unsigned char *
put_8(unsigned char *at, uint8_t v)
{
	*at = v;
	return at + 1;
}

static inline unsigned char *
put_16(unsigned char *at, uint16_t v)
{
	v = htole16(v);
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline unsigned char *
put_32(unsigned char *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline unsigned char *
put_64(unsigned char *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline unsigned char *
put_slice(unsigned char *at, struct slice s)
{
	at = put_32(at, s.len);
	if (s.len > 0)
		memcpy(at, s.data, s.len);
	return at + s.len;
}

/* Which texts there are: a bit for each, the first one lowest. */
static uint16_t
texts_of(const struct record *r)
{
	unsigned there = 0;

	for (size_t i = 0; i < RECORD_TEXTS; i++)
		there |= (unsigned) (r->text[i].len > 0) << i;
	return (uint16_t) there;
}

/* What a record does not have takes no room: most have few of these, and a million come through the pipe. */
static unsigned char *
put_record(unsigned char *at, const struct record *r)
{
	at = put_64(at, r->number);
	at = put_64(at, r->offset);
	at = put_32(at, r->length);
	at = put_32(at, r->has);
	at = put_8(at, r->verdict);
	at = put_16(at, texts_of(r));
	if (r->has & RECORD_HAS_EXTERNAL_REFERENCE) {
		memcpy(at, r->external_reference, sizeof(r->external_reference));
		at += sizeof(r->external_reference);
	}
	if (r->has & RECORD_HAS_POINTS)
		at = put_64(at, (uint64_t) r->points);
	if (r->has & RECORD_HAS_AMOUNT)
		at = put_64(at, (uint64_t) r->amount);
	if (r->has & RECORD_HAS_TRANSACTION_TYPE)
		at = put_32(at, (uint32_t) r->transaction_type);
	if (r->has & RECORD_HAS_DATE)
		at = put_32(at, (uint32_t) r->date);
	if (r->has & RECORD_HAS_OUTBOUND_LINE)
		at = put_64(at, (uint64_t) r->outbound_line);
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		if (r->text[i].len > 0)
			at = put_slice(at, r->text[i]);
	return at;
}

static unsigned char *
put_facts(unsigned char *at, const struct file_facts *f)
{
	at = put_8(at, f->has_sequence);
	at = put_8(at, f->has_business_date);
	at = put_8(at, f->is_test);
	at = put_64(at, (uint64_t) f->sequence);
	at = put_32(at, (uint32_t) f->business_date);
	at = put_slice(at, f->partner_id);
	at = put_slice(at, f->partner_file_id);
	at = put_slice(at, f->original_message);
	return put_slice(at, f->lists);
}

static unsigned char *
put_control(unsigned char *at, const struct control *c)
{
	at = put_slice(at, c->name);
	at = put_slice(at, c->where);
	at = put_slice(at, c->stated);
	at = put_slice(at, c->counted);
	at = put_8(at, c->agrees);
	at = put_64(at, c->record);
	return put_64(at, c->offset);
}

static unsigned char *
put_refusal(unsigned char *at, const struct refusal *r)
{
	at = put_slice(at, r->rule);
	at = put_slice(at, r->message);
	at = put_slice(at, r->field);
	at = put_slice(at, r->value);
	at = put_64(at, r->record);
	return put_64(at, r->offset);
}

static uint64_t
record_bytes(const struct record *r)
{
	uint64_t n = RECORD_FIXED_BYTES;

	n += r->has & RECORD_HAS_EXTERNAL_REFERENCE ? sizeof(r->external_reference) : 0;
	n += r->has & RECORD_HAS_POINTS ? 8 : 0;
	n += r->has & RECORD_HAS_AMOUNT ? 8 : 0;
	n += r->has & RECORD_HAS_TRANSACTION_TYPE ? 4 : 0;
	n += r->has & RECORD_HAS_DATE ? 4 : 0;
	n += r->has & RECORD_HAS_OUTBOUND_LINE ? 8 : 0;
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		n += r->text[i].len > 0 ? 4 + (uint64_t) r->text[i].len : 0;
	return n;
}

/* Bytes of a body, as 64 bits: ten lengths of 32 bits cannot overflow it. */
static uint64_t
body_bytes(const struct frame *f)
{
	switch (f->kind) {
	case FRAME_SANDBOX:
		return 4 + 1 + 1;
	case FRAME_RECORD:
		return record_bytes(&f->record);
	case FRAME_FACTS:
		return 3 + 8 + 4 + 4 * 4 + (uint64_t) f->facts.partner_id.len + f->facts.partner_file_id.len +
		       f->facts.original_message.len + f->facts.lists.len;
	case FRAME_CONTROL:
		return 4 * 4 + 1 + 8 + 8 + (uint64_t) f->control.name.len + f->control.where.len +
		       f->control.stated.len + f->control.counted.len;
	case FRAME_REFUSAL:
		return 4 * 4 + 8 + 8 + (uint64_t) f->refusal.rule.len + f->refusal.message.len +
		       f->refusal.field.len + f->refusal.value.len;
	case FRAME_END:
		return 8 + 8 + 8 + 1 + 1;
	}
	return UINT64_MAX; /* no kind of ours */
}

static unsigned char *
put_body(unsigned char *at, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_SANDBOX:
		at = put_32(at, (uint32_t) f->sandbox.landlock_abi);
		at = put_8(at, f->sandbox.seccomp);
		return put_8(at, f->sandbox.no_new_privs);
	case FRAME_RECORD:
		return put_record(at, &f->record);
	case FRAME_FACTS:
		return put_facts(at, &f->facts);
	case FRAME_CONTROL:
		return put_control(at, &f->control);
	case FRAME_REFUSAL:
		return put_refusal(at, &f->refusal);
	case FRAME_END:
		at = put_64(at, f->end.records);
		at = put_64(at, f->end.bytes);
		at = put_64(at, f->end.file_bytes);
		at = put_8(at, f->end.refused);
		return put_8(at, f->end.whole);
	}
	return at;
}

/* Where the body goes, behind its head; NULL when it must not be written. */
static inline unsigned char *
put_head(struct frame_writer *w, uint64_t body, enum frame_kind kind)
{
	unsigned char *at;

	if (w->broken)
		return NULL;
	if (body > LIMIT_FRAME_BYTES - 1) {
		w->broken = true;
		return NULL;
	}
	at = put_32(w->buffer + w->used, (uint32_t) body + 1);
	return put_8(at, (uint8_t) kind);
}

static inline int
put_end(struct frame_writer *w, const unsigned char *at)
{
	w->used = (size_t) (at - w->buffer); /* less than FLUSH_BYTES before, so that it fits */
	return w->used < FLUSH_BYTES ? 0 : frame_flush(w);
}

int
frame_put(struct frame_writer *w, const struct frame *f)
{
	unsigned char *at = put_head(w, body_bytes(f), f->kind);

	return at == NULL ? -1 : put_end(w, put_body(at, f));
}

int
frame_put_record(struct frame_writer *w, const struct record *r)
{
	unsigned char *at = put_head(w, record_bytes(r), FRAME_RECORD);

	return at == NULL ? -1 : put_end(w, put_record(at, r));
}

/* ---- reader ---- */

struct frame_reader {
	int fd;
	const char *why; /* once set, for ever */
	int turn;        /* enum frame_turn */
	bool failed;     /* the pipe could not be read */
	bool at_end;     /* and the proper end of file was reported */
	unsigned refusals;
	uint64_t records;
	size_t start, end; /* unread bytes of buffer */
	unsigned char buffer[BUFFER_BYTES];
};

/* What is left of the body that is being read; once a field did not fit, or was wrong, why says so. */
struct body {
	const unsigned char *at;
	size_t left;
	const char *why;
};

struct frame_reader *
frame_reader_new(int fd)
{
	struct frame_reader *r = malloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	/* but for the buffer, which is larger than all the rest and filled before it is read */
	memset(r, 0, offsetof(struct frame_reader, buffer));
	r->fd = fd;
	return r;
}

void
frame_reader_free(struct frame_reader *r)
{
	free(r);
}

bool
frame_reader_failed(const struct frame_reader *r)
{
	return r->failed;
}

static inline const unsigned char *
take(struct body *b, size_t n)
{
	const unsigned char *at = b->at;

	if (b->left < n) {
		b->why = "a frame is shorter than its fields";
		b->left = 0;
		return NULL;
	}
	b->at += n;
	b->left -= n;
	return at;
}

static inline uint8_t
get_8(struct body *b)
{
	const unsigned char *at = take(b, 1);
	return at == NULL ? 0 : *at;
}

static inline uint16_t
get_16(struct body *b)
{
	uint16_t v = 0;
	const unsigned char *at = take(b, sizeof(v));
	if (at != NULL)
		memcpy(&v, at, sizeof(v));
	return le16toh(v);
}

static inline uint32_t
get_32(struct body *b)
{
	uint32_t v = 0;
	const unsigned char *at = take(b, sizeof(v));
	if (at != NULL)
		memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static inline uint64_t
get_64(struct body *b)
{
	uint64_t v = 0;
	const unsigned char *at = take(b, sizeof(v));
	if (at != NULL)
		memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static inline bool
get_bool(struct body *b)
{
	uint8_t v = get_8(b);
	if (v > 1)
		b->why = "a yes or no is neither";
	return v == 1;
}

static struct slice
get_slice(struct body *b)
{
	struct slice s = {NULL, 0};
	uint32_t len = get_32(b);
	const unsigned char *at = take(b, len);

	if (at == NULL || len == 0)
		return s;
	s.data = (const char *) at;
	s.len = len;
	if (!utf8_text_ok(s.data, s.len))
		b->why = "a text is not UTF-8, or holds a NUL";
	return s;
}

/* One text of those that are there. */
static struct slice
get_there(struct body *b)
{
	struct slice s = get_slice(b);

	if (s.len == 0 && b->why == NULL)
		b->why = "a text that is there is empty";
	return s;
}

static void
get_record(struct body *b, struct record *r)
{
	static const uint32_t known = (RECORD_WHOLE_MESSAGE << 1) - 1;
	const unsigned char *uuid;
	unsigned texts;

	r->number = get_64(b);
	r->offset = get_64(b);
	r->length = get_32(b);
	r->has = get_32(b);
	r->verdict = get_8(b);
	texts = get_16(b);
	uuid = r->has & RECORD_HAS_EXTERNAL_REFERENCE ? take(b, sizeof(r->external_reference)) : NULL;
	if (uuid != NULL)
		memcpy(r->external_reference, uuid, sizeof(r->external_reference));
	else
		memset(r->external_reference, 0, sizeof(r->external_reference));
	r->points = r->has & RECORD_HAS_POINTS ? (int64_t) get_64(b) : 0;
	r->amount = r->has & RECORD_HAS_AMOUNT ? (int64_t) get_64(b) : 0;
	r->transaction_type = r->has & RECORD_HAS_TRANSACTION_TYPE ? (int32_t) get_32(b) : 0;
	r->date = r->has & RECORD_HAS_DATE ? (int32_t) get_32(b) : 0;
	r->outbound_line = r->has & RECORD_HAS_OUTBOUND_LINE ? (int64_t) get_64(b) : 0;
	for (size_t i = 0; i < RECORD_TEXTS; i++)
		r->text[i] = texts >> i & 1 ? get_there(b) : (struct slice){NULL, 0};
	if (b->why != NULL)
		return;
	if (r->has & ~known || texts >> RECORD_TEXTS != 0)
		b->why = "a record has a property that is not known";
	else if (r->verdict == VERDICT_NONE || verdict_name(r->verdict) == NULL)
		b->why = "a record has a verdict that is not known";
	else if ((r->has & RECORD_HAS_POINTS) && r->points == 0)
		b->why = "a record has zero points";
	else if ((r->has & RECORD_HAS_OUTBOUND_LINE) && r->outbound_line < 1)
		b->why = "a record has a line number below 1";
}

static void
get_facts(struct body *b, struct file_facts *f)
{
	f->has_sequence = get_bool(b);
	f->has_business_date = get_bool(b);
	f->is_test = get_bool(b);
	f->sequence = (int64_t) get_64(b);
	f->business_date = (int32_t) get_32(b);
	f->partner_id = get_slice(b);
	f->partner_file_id = get_slice(b);
	f->original_message = get_slice(b);
	f->lists = get_slice(b);
}

static void
get_control(struct body *b, struct control *c)
{
	c->name = get_slice(b);
	c->where = get_slice(b);
	c->stated = get_slice(b);
	c->counted = get_slice(b);
	c->agrees = get_bool(b);
	c->record = get_64(b);
	c->offset = get_64(b);
}

static void
get_refusal(struct body *b, struct refusal *r)
{
	r->rule = get_slice(b);
	r->message = get_slice(b);
	r->field = get_slice(b);
	r->value = get_slice(b);
	r->record = get_64(b);
	r->offset = get_64(b);
}

static void
get_body(struct body *b, struct frame *f)
{
	switch (f->kind) {
	case FRAME_SANDBOX:
		f->sandbox.landlock_abi = (int32_t) get_32(b);
		f->sandbox.seccomp = get_bool(b);
		f->sandbox.no_new_privs = get_bool(b);
		break;
	case FRAME_RECORD:
		get_record(b, &f->record);
		break;
	case FRAME_FACTS:
		get_facts(b, &f->facts);
		break;
	case FRAME_CONTROL:
		get_control(b, &f->control);
		break;
	case FRAME_REFUSAL:
		get_refusal(b, &f->refusal);
		break;
	case FRAME_END:
		f->end.records = get_64(b);
		f->end.bytes = get_64(b);
		f->end.file_bytes = get_64(b);
		f->end.refused = get_bool(b);
		f->end.whole = get_bool(b);
		break;
	}
	if (b->why == NULL && b->left > 0)
		b->why = "a frame is longer than its fields";
}

/* ---- which frame may follow which ---- */

#define AT(here, then) [FRAME_TURN_##here] = CONTRACT_TO(FRAME_TURN_##then)

static const struct contract_message frames[FRAME_END] = {
    [FRAME_SANDBOX - 1] = {.verb = "sandbox", .next = {AT(NEW, OPEN)}},
    [FRAME_RECORD - 1] = {.verb = "record", .next = {AT(OPEN, OPEN), AT(FACTS, FACTS)}},
    [FRAME_FACTS - 1] = {.verb = "facts", .next = {AT(OPEN, FACTS)}},
    [FRAME_CONTROL - 1] = {.verb = "control", .next = {AT(OPEN, OPEN), AT(FACTS, FACTS)}},
    [FRAME_REFUSAL - 1] = {.verb = "refusal", .next = {AT(OPEN, OPEN), AT(FACTS, FACTS)}},
    [FRAME_END - 1] = {.verb = "end", .next = {AT(FACTS, ENDED)}},
};

static const char *const turns[] = {"new", "open", "facts", "ended", NULL};

const struct contract frame_contract = {"frame",  "handback-reconcile", "handback-parse", turns, frames,
                                        FRAME_END};

/* Why a frame may not come now, as a sentence. */
static const char *
out_of_turn(int turn, enum frame_kind kind)
{
	if (turn == FRAME_TURN_ENDED)
		return "a frame after the end";
	if (turn == FRAME_TURN_NEW)
		return "a frame before the sandbox was reported";
	if (kind == FRAME_END)
		return "the end before the facts of the file";
	return kind == FRAME_SANDBOX ? "sandbox reported twice" : "the facts of the file reported twice";
}

/* May this frame come now, and does it fit what came before?  NULL, or why not. */
static const char *
admit(struct frame_reader *r, const struct frame *f)
{
	if (!contract_step(&frame_contract, f->kind - 1, &r->turn))
		return out_of_turn(r->turn, f->kind);
	switch (f->kind) {
	case FRAME_RECORD:
		if (f->record.number != r->records + 1)
			return "a record's number is not the next";
		r->records++;
		break;
	case FRAME_REFUSAL:
		if (++r->refusals > LIMIT_REFUSALS)
			return "too many refusals";
		break;
	case FRAME_END:
		if (f->end.refused ? f->end.records < r->records : f->end.records != r->records)
			return "the end counts other records than came";
		if (f->end.refused != (r->refusals > 0))
			return "the end and the refusals differ";
		break;
	case FRAME_SANDBOX:
	case FRAME_FACTS:
	case FRAME_CONTROL:
		break;
	}
	return NULL;
}

static int
fail(struct frame_reader *r, const char *why, const char **ret_why)
{
	if (r->why == NULL)
		r->why = why;
	*ret_why = r->why;
	return -1;
}

/* Have at least n unread bytes: 1; 0 at end of file before them; -1 when the read failed. */
static int
fill(struct frame_reader *r, size_t n)
{
	if (r->end - r->start >= n)
		return 1;
	/* what is left is less than a frame, so there is room for n and for a long read */
	memmove(r->buffer, r->buffer + r->start, r->end - r->start);
	r->end -= r->start;
	r->start = 0;
	while (r->end - r->start < n) {
		ssize_t got = read(r->fd, r->buffer + r->end, BUFFER_BYTES - r->end);
		if (got == 0)
			return 0;
		if (got < 0) {
			if (errno == EINTR)
				continue;
			r->failed = true;
			return -1;
		}
		r->end += (size_t) got;
	}
	return 1;
}

/* The length of the next frame (kind and body) in *ret_len, all of it in the buffer: 1, 0, -1 as frame_next.
 */
static int
next_length(struct frame_reader *r, size_t *ret_len, const char **ret_why)
{
	uint32_t len;
	int rc = fill(r, HEAD_BYTES);

	if (rc < 0)
		return fail(r, "the pipe cannot be read", ret_why);
	if (rc == 0 && r->start == r->end && (r->turn == FRAME_TURN_ENDED)) {
		r->at_end = true;
		return 0;
	}
	if (rc == 0)
		return fail(r, "cut off before its end", ret_why);
	memcpy(&len, r->buffer + r->start, sizeof(len));
	len = le32toh(len);
	if (len == 0 || len > LIMIT_FRAME_BYTES)
		return fail(r, "a frame's length is out of bounds", ret_why);
	rc = fill(r, 4 + (size_t) len);
	if (rc < 0)
		return fail(r, "the pipe cannot be read", ret_why);
	if (rc == 0)
		return fail(r, "cut off within a frame", ret_why);
	*ret_len = len;
	return 1;
}

int
frame_next(struct frame_reader *r, struct frame *ret_frame, const char **ret_why)
{
	struct frame f;
	struct body b;
	size_t len;
	uint8_t kind;
	int rc;

	if (r->why != NULL)
		return fail(r, r->why, ret_why);
	if (r->at_end)
		return 0;
	rc = next_length(r, &len, ret_why);
	if (rc != 1)
		return rc;
	kind = r->buffer[r->start + 4];
	if (kind < FRAME_SANDBOX || kind > FRAME_END)
		return fail(r, "a frame of no known kind", ret_why);
	f.kind = kind;
	b = (struct body){r->buffer + r->start + HEAD_BYTES, len - 1, NULL};
	get_body(&b, &f);
	if (b.why == NULL)
		b.why = admit(r, &f);
	if (b.why != NULL)
		return fail(r, b.why, ret_why);
	r->start += 4 + len;
	*ret_frame = f;
	return 1;
}
