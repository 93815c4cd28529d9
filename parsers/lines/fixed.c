/* Fixed width: fields are places in a record; positions are of the partner's bytes, before any decoding. */
#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/profile/charset.h"
#include "lib/protocol/bytes.h"
#include "parsers/assemble/row_type.h"
#include "parsers/lines/framing.h"

struct fixed {
	const struct layout *layout;
	struct assemble *assemble;
	struct framer *framer;
	struct slice *value;
	char *joined; /* values that are put together from several places */
	size_t joined_used, joined_size;
	uint32_t *character; /* where each character begins, when positions count these */
	bool any_bytes;      /* some fields are no characters: packed, zoned, binary */
	bool continues;
	struct {
		bool any;
		uint16_t type;
		struct framed record;
		uint32_t in_place, span;
		char *bytes;
	} held;
};

/* A record as it is looked at. */
struct view {
	const struct framed *record;
	const uint32_t *character; /* NULL: positions are bytes */
	uint32_t positions;        /* bytes, or characters */
	uint32_t in_place;         /* bytes that lie as they do in the file */
	uint32_t span;             /* bytes in the file, with the records that it goes on in */
	bool plain;
};

static const struct slice nothing = {NULL, 0};

static struct slice
place(const struct view *v, uint32_t start, uint32_t len)
{
	uint32_t end;

	if (start >= v->positions)
		return (struct slice){"", 0};
	end = len == 0 || len > v->positions - start ? v->positions : start + len;
	if (v->character != NULL) {
		start = v->character[start];
		end = v->character[end];
	}
	return (struct slice){v->record->bytes + start, end - start};
}

/* A record whose type is asked for. */
struct typed {
	struct fixed *fixed;
	const struct view *view;
};

static bool
place_holds(const void *context, const struct condition *c)
{
	const struct typed *row = context;
	const struct view *v = row->view;
	const char blank[2] = {row->fixed->layout->fixed.blank, '\0'};

	switch ((enum condition_kind) c->kind) {
	case IF_RANGE:
		return row_text_holds(c, place(v, c->range.start, c->range.len), blank, true);
	case IF_LENGTH:
		return v->positions >= c->number_min && v->positions <= c->number_max;
	case IF_FIELD:
		return assemble_conditions(row->fixed->assemble,
		                           &(struct conditions){1, (struct condition *) (uintptr_t) c});
	case IF_COLUMN:
	case IF_COLUMNS:
	case IF_VERDICT:
		break;
	}
	return false;
}

/* 0, 1 when the record is refused, -1 to stop. */
static int
check_length(struct fixed *f, const struct record_type *type, const struct view *v)
{
	uint32_t least = type->min_length > 0 ? type->min_length : f->layout->fixed.length;
	uint32_t most = type->min_length > 0 ? type->max_length : f->layout->fixed.length;

	if (least == 0 || (v->positions <= most && (v->positions >= least || f->layout->fixed.trimmed)))
		return 0;
	if (assemble_refuse(f->assemble, "record_length", type->name, nothing, v->record->number,
	                    v->record->offset, "%s record of %u %s where it should have %u", type->name,
	                    v->positions, v->character != NULL ? "characters" : "bytes",
	                    v->positions < least ? least : most) != 0)
		return -1;
	return 1;
}

/* The value of a field, from one place or put together from several. */
static struct slice
value_of(struct fixed *f, const struct field *field, const struct view *v, uint32_t shift)
{
	struct slice whole = {f->joined + f->joined_used, 0};

	if (field->ranges == 0)
		return nothing;
	if (field->ranges == 1)
		return place(v, field->range[0].start + shift, field->range[0].len);
	for (uint8_t i = 0; i < field->ranges; i++) {
		struct slice part = place(v, field->range[i].start + shift, field->range[i].len);

		if (part.len > f->joined_size - f->joined_used)
			break;
		memcpy(f->joined + f->joined_used, part.data, part.len);
		f->joined_used += part.len;
		whole.len += part.len;
	}
	return whole;
}

static int
hand_over_at(struct fixed *f, const struct view *v, uint16_t t, uint32_t shift)
{
	const struct record_type *type = &f->layout->type[t];
	struct row row = {.type = t,
	                  .length = v->span,
	                  .number = v->record->number,
	                  .offset = v->record->offset,
	                  .bytes = v->record->bytes,
	                  .in_memory = v->in_place,
	                  .plain = v->plain,
	                  .value = f->value};

	f->joined_used = 0;
	for (uint16_t i = 0; i < type->fields; i++)
		f->value[i] = value_of(f, &type->field[i], v, shift);
	return assemble_row(f->assemble, &row);
}

static bool
is_blank(struct slice s, char blank)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.data[i] != blank && s.data[i] != 0)
			return false;
	return true;
}

/* How many groups the record says that it has. */
static int32_t
times_of(struct fixed *f, const struct repeat *r)
{
	int32_t times = 0;
	struct slice text;

	if (r->times_field < 0)
		return r->times < 0 ? INT32_MAX : r->times;
	text = f->value[r->times_field];
	for (uint32_t i = 0; i < text.len && times < 100000; i++)
		times = text.data[i] >= '0' && text.data[i] <= '9' ? times * 10 + (text.data[i] - '0') : 100000;
	return times;
}

/* Groups within the record: each is a row of its own. */
static int
hand_over_groups(struct fixed *f, const struct view *v, const struct record_type *type)
{
	int32_t times[8];

	for (uint16_t i = 0; i < type->repeats && i < 8; i++)
		times[i] = times_of(f, &type->repeat[i]);
	for (uint16_t i = 0; i < type->repeats && i < 8; i++) {
		const struct repeat *r = &type->repeat[i];

		for (uint32_t n = 0; n < (uint32_t) times[i]; n++) {
			uint64_t start = r->start + (uint64_t) n * r->length;

			if (start + r->length > v->positions) {
				if (r->times < 0 && r->times_field < 0 && start >= v->positions)
					break;
				return assemble_refuse(f->assemble, "record_length", type->name, nothing, v->record->number,
				                       v->record->offset, "%s record ends within its groups", type->name);
			}
			if (r->skip_blank && is_blank(place(v, (uint32_t) start, r->length), f->layout->fixed.blank))
				continue;
			if (hand_over_at(f, v, (uint16_t) r->type, (uint32_t) start) != 0)
				return -1;
		}
	}
	return 0;
}

static int
hand_over(struct fixed *f, const struct view *v, uint16_t t)
{
	const struct record_type *type = &f->layout->type[t];

	int rc = check_length(f, type, v);

	if (rc != 0)
		return rc > 0 ? 0 : -1;
	if (hand_over_at(f, v, t, 0) != 0)
		return -1;
	return type->repeats == 0 ? 0 : hand_over_groups(f, v, type);
}

static int
bad_byte(struct fixed *f, const struct framed *record, const char *rule, uint32_t at, const char *why)
{
	(void) assemble_refuse(f->assemble, rule, NULL, (struct slice){record->bytes + at, 1}, record->number,
	                       record->offset + at, "%s", why);
	assemble_break(f->assemble);
	return -1;
}

/* Text files are checked whole, so that bytes of no field are checked too. */
static int
look_at(struct fixed *f, const struct framed *record, struct view *ret)
{
	const struct charset *charset = assemble_charset(f->assemble);
	uint32_t at = bytes_plain(record->bytes, record->len);
	size_t valid;

	*ret = (struct view){.record = record,
	                     .positions = record->len,
	                     .in_place = record->len,
	                     .span = record->len,
	                     .plain = at == record->len};
	if (ret->plain || f->any_bytes || !charset_is_utf8(charset))
		return 0;
	if (memchr(record->bytes, 0, record->len) != NULL)
		return bad_byte(f, record, "nul",
		                (uint32_t) ((const char *) memchr(record->bytes, 0, record->len) - record->bytes),
		                "a NUL byte");
	if (charset_is_ascii(charset))
		return bad_byte(f, record, "not_ascii", at, "a byte that is no ASCII");
	valid = utf8_valid_prefix(record->bytes, record->len);
	if (valid < record->len)
		return bad_byte(f, record, "not_utf8", (uint32_t) valid, "a byte that is no part of valid UTF-8");
	if (f->character == NULL)
		return 0;
	ret->positions = 0;
	for (uint32_t i = 0; i < record->len; i++)
		if (((unsigned char) record->bytes[i] & 0xC0) != 0x80)
			f->character[ret->positions++] = i;
	f->character[ret->positions] = record->len;
	ret->character = f->character;
	return 0;
}

static int
flush_held(struct fixed *f)
{
	struct view v;

	if (!f->held.any)
		return 0;
	f->held.any = false;
	if (look_at(f, &f->held.record, &v) != 0)
		return -1;
	v.span = f->held.span;
	v.in_place = f->held.in_place;
	return hand_over(f, &v, f->held.type);
}

/* Copies of records that may go on in the next one. */
static int
hold(struct fixed *f, const struct view *v, uint16_t t)
{
	const struct record_type *type = &f->layout->type[t];
	struct framed *held = &f->held.record;
	struct slice more = {v->record->bytes, v->record->len};

	if (type->role == ROLE_CONTINUATION) {
		if (!f->held.any)
			return assemble_refuse(f->assemble, "order", type->name, nothing, v->record->number,
			                       v->record->offset, "%s record has no record before it to go on with",
			                       type->name);
		more = place(v, type->continuation.start, type->continuation.len);
	} else {
		if (flush_held(f) != 0)
			return -1;
		f->held.any = true;
		f->held.type = t;
		*held = *v->record;
		held->bytes = f->held.bytes;
		held->len = 0;
		f->held.in_place = v->record->len;
	}
	if (more.len > f->layout->limits.record_bytes - held->len)
		return bad_byte(f, v->record, "record_too_long", 0,
		                "a record that goes on for longer than the limit record_bytes");
	memcpy(f->held.bytes + held->len, more.data, more.len);
	held->len += more.len;
	f->held.span = (uint32_t) (v->record->offset + v->record->len - held->offset);
	return 0;
}

static int
one_record(struct fixed *f, const struct framed *record)
{
	struct view v;
	int type;

	if (look_at(f, record, &v) != 0)
		return -1;
	type = row_type(f->layout, place_holds, &(struct typed){f, &v});
	if (type < 0)
		return assemble_refuse(f->assemble, "record_type", NULL, place(&v, 0, 16), record->number,
		                       record->offset, "a record of a type that the profile does not know");
	return f->continues ? hold(f, &v, (uint16_t) type) : hand_over(f, &v, (uint16_t) type);
}

static int
fixed_new(struct fixed *f, const struct layout *layout, struct input *in, struct assemble *a)
{
	f->layout = layout;
	f->assemble = a;
	for (uint16_t t = 0; t < layout->types; t++) {
		f->continues |= layout->type[t].role == ROLE_CONTINUATION;
		for (uint16_t i = 0; i < layout->type[t].fields; i++) {
			const struct field *field = &layout->type[t].field[i];

			f->any_bytes |= field_is_raw(field) || field->empty_bytes > 0;
		}
	}
	f->framer = framer_new(layout, in, a);
	f->value = calloc(LAYOUT_FIELDS + 1, sizeof(*f->value));
	f->joined_size = (size_t) layout->limits.record_bytes * LAYOUT_RANGES;
	f->joined = malloc(f->joined_size);
	f->held.bytes = f->continues ? malloc(layout->limits.record_bytes + 1u) : NULL;
	if (layout->fixed.by_characters)
		f->character = malloc((layout->limits.record_bytes + 1u) * sizeof(*f->character));
	return f->framer == NULL || f->value == NULL || f->joined == NULL ||
	               (f->continues && f->held.bytes == NULL) ||
	               (layout->fixed.by_characters && f->character == NULL)
	           ? -1
	           : 0;
}

static int
fixed_parse(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes)
{
	struct fixed f = {.any_bytes = false};
	struct framed record;
	int rc = -1;

	*ret_bytes = 0;
	if (fixed_new(&f, layout, in, a) != 0)
		(void) input_no_memory(in);
	else {
		while ((rc = framer_next(f.framer, &record)) == 1)
			if (one_record(&f, &record) != 0) {
				rc = -1;
				break;
			}
		if (rc == 0 && f.continues)
			rc = flush_held(&f);
		*ret_bytes = framer_bytes(f.framer);
		assemble_count(a, framer_records(f.framer));
	}
	framer_free(f.framer);
	free(f.value);
	free(f.joined);
	free(f.character);
	free(f.held.bytes);
	return rc;
}

const struct format fixed_format = {.name = "fixed", .parse = fixed_parse};
