/* See framing.h.  One buffer; a record lies in it in one piece. */
#include "parsers/lines/framing.h"

#define READ_SIZE (256 << 10)
#define END_MARK 0x1A

struct framer {
	const struct layout *layout;
	const struct framing_rule *rule;
	struct input *in;
	struct assemble *assemble;
	char *buf;
	size_t size;
	size_t start, end; /* what is not yet cut */
	uint64_t base;     /* offset of buf[0] in the file */
	uint64_t bytes;    /* read */
	bool eof, begun;
	bool odd_newline; /* in the record that is looked at */
	bool extending;   /* within a record that has its number already */
	uint8_t newline;  /* enum newline_set: the style of this file, 0: not seen yet */
	unsigned char ends[4];
	uint8_t end_count;
	size_t block_left; /* of a block of RDW records */
	bool padding;      /* only padding from here on */
	uint64_t first;    /* number before the first record: of other data files */
	uint64_t number, records;
};

static const struct slice nothing = {NULL, 0};

struct framer *
framer_new(const struct layout *layout, struct input *in, struct assemble *a)
{
	struct framer *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->layout = layout;
	f->rule = &layout->framing;
	f->in = in;
	f->assemble = a;
	f->first = f->number = assemble_start(a).number;
	f->base = f->bytes = assemble_start(a).offset;
	f->size = (size_t) layout->limits.record_bytes + READ_SIZE;
	f->buf = malloc(f->size);
	f->end_count = f->rule->end_count;
	memcpy(f->ends, f->rule->ends, sizeof(f->ends));
	if (f->buf == NULL) {
		free(f);
		return NULL;
	}
	return f;
}

void
framer_free(struct framer *f)
{
	if (f == NULL)
		return;
	free(f->buf);
	free(f);
}

uint64_t
framer_bytes(const struct framer *f)
{
	return f->bytes;
}

uint64_t
framer_records(const struct framer *f)
{
	return f->first + f->records;
}

/* The file ends here: refuse it for a reason at a byte. */
static int
refuse(struct framer *f, const char *rule, size_t at, const char *why)
{
	(void) assemble_refuse(f->assemble, rule, NULL, nothing, f->number + !f->extending, f->base + at, "%s",
	                       why);
	assemble_break(f->assemble);
	return -1;
}

/* More bytes behind what is there: 1, 0 at the end of the file, -1. */
static int
fill(struct framer *f)
{
	ssize_t got;

	if (f->eof)
		return 0;
	if (f->end == f->size) {
		if (f->start == 0)
			return refuse(f, "record_too_long", 0, "a record is longer than the limit record_bytes");
		memmove(f->buf, f->buf + f->start, f->end - f->start);
		f->base += f->start;
		f->end -= f->start;
		f->start = 0;
	}
	got = f->in->read(f->in, f->buf + f->end, f->size - f->end);
	if (got < 0)
		return -1;
	f->end += (size_t) got;
	f->bytes += (uint64_t) got;
	if (f->bytes > (uint64_t) f->layout->limits.file_bytes)
		return refuse(f, "file_too_long", f->end, "the file is longer than the limit file_bytes");
	if (got > 0)
		return 1;
	f->eof = true;
	while (f->rule->end_mark && f->end > f->start && (unsigned char) f->buf[f->end - 1] == END_MARK)
		f->end--;
	return 0;
}

/* At least so many bytes, or the end of the file: 1, or -1. */
static int
want(struct framer *f, size_t bytes)
{
	while (f->end - f->start < bytes) {
		int rc = fill(f);

		if (rc <= 0)
			return rc < 0 ? -1 : 1;
	}
	return 1;
}

int
framer_peek(struct framer *f, uint32_t offset)
{
	if (want(f, (size_t) offset + 1) < 0 || f->end - f->start <= offset)
		return -1;
	return (unsigned char) f->buf[f->start + offset];
}

static int
begin(struct framer *f)
{
	const unsigned char *b = (const unsigned char *) f->buf;
	bool utf8 = strcmp(f->layout->encoding, "UTF-8") == 0;
	size_t have;

	f->begun = true;
	if (want(f, 3) < 0)
		return -1;
	have = f->end - f->start;
	if (f->rule->kind == FRAME_LINES && have >= 2 && (b[0] ^ b[1]) == 1 && b[0] >= 0xFE)
		return refuse(f, "utf16", 0, "the file is in UTF-16: say encoding: utf-16 in the profile");
	if (have >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF && f->rule->kind == FRAME_LINES) {
		if (f->rule->bom == 0 || !utf8)
			return refuse(f, "bom", 0,
			              "the file begins with a byte order mark of UTF-8, and the profile allows none");
		f->start = 3;
	} else if (f->rule->bom == 2)
		return refuse(f, "bom", 0,
		              "the file does not begin with the byte order mark that the profile requires");
	if (f->rule->end_declared_at >= 0) {
		int byte = framer_peek(f, (uint32_t) f->rule->end_declared_at);

		if (byte < 0)
			return refuse(f, "cut", f->end, "the file ends before the byte that says how records end");
		f->ends[0] = (unsigned char) byte;
		f->end_count = 1;
	}
	return 1;
}

/* Within quotes any newline may stand; who knows the quotes looks at those that are not the file's own. */
static bool
quoted_newlines(const struct framer *f)
{
	return f->layout->format == FORMAT_DELIMITED && f->layout->delimited.quote != 0 &&
	       f->layout->delimited.quoted_newlines;
}

/* The first newline of the file, or (quote not 0) the first that is not in quotes: 1 and *ret_at in buf; 0
 * when there is none in the file; 2 when there is none within the length of a record; -1 when the input
 * failed. */
static int
first_newline(struct framer *f, char quote, char escape, size_t *ret_at)
{
	bool open = false, taken = false; /* by an escape before it */
	size_t at = f->start;

	for (;;) {
		for (; at < f->end && (open || (f->buf[at] != '\n' && f->buf[at] != '\r')); at++) {
			open ^= quote != 0 && !taken && f->buf[at] == quote;
			taken = escape != 0 && !taken && f->buf[at] == escape;
		}
		*ret_at = at;
		/* a CR at the end of what is there may be half of a CRLF */
		if (at < f->end && (f->buf[at] == '\n' || at + 1 < f->end || f->eof))
			return 1;
		if (at - f->start > f->layout->limits.record_bytes)
			return 2;
		at -= f->start; /* fill may move the bytes */
		if (fill(f) < 0)
			return -1;
		at += f->start;
		if (f->eof && at >= f->end)
			return 0;
	}
}

/* The first line end of the file decides for all: 1, 0 when there is none in the file, -1. */
static int
decide_newline(struct framer *f)
{
	const struct delimited_rule *d = &f->layout->delimited;
	size_t at;
	int rc = 0;

	if (quoted_newlines(f))
		rc = first_newline(f, d->quote_in_file, d->escape == d->quote ? 0 : d->escape, &at);
	if (rc == 0 || rc == 2) /* or its quotes never close: who cuts the record says so */
		rc = first_newline(f, 0, 0, &at);
	if (rc == 2)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	if (rc <= 0)
		return rc;
	if (f->buf[at] == '\n')
		f->newline = NEWLINE_LF;
	else
		f->newline = at + 1 < f->end && f->buf[at + 1] == '\n' ? NEWLINE_CRLF : NEWLINE_CR;
	if ((f->newline & f->rule->newlines) != 0)
		return 1;
	return refuse(f, f->newline == NEWLINE_CR ? "bare_cr" : "newline", at,
	              f->newline == NEWLINE_LF     ? "a record ends in LF, and the profile says another newline"
	              : f->newline == NEWLINE_CRLF ? "a record ends in CRLF, and the profile says another newline"
	                                           : "a CR without LF, and the profile says another newline");
}

/*
 * The end of the line that begins at from: 1 and where it ends (*ret_len bytes
 * from the start, *ret_next where the next one begins); 0 when the file ends
 * without one; -1.
 */
static int
find_newline(struct framer *f, size_t from, size_t *ret_len, size_t *ret_next)
{
	const bool lenient = quoted_newlines(f);
	int mark = f->newline == NEWLINE_CR ? '\r' : '\n';
	const char *line, *found;
	size_t len, seen = from;

	for (;;) {
		line = f->buf + f->start + from;
		found = memchr(f->buf + f->start + seen, mark, f->end - f->start - seen);
		if (found != NULL && lenient && f->newline == NEWLINE_CRLF && (found == line || found[-1] != '\r')) {
			f->odd_newline = true;
			seen = (size_t) (found - f->buf) - f->start + 1;
			continue;
		}
		if (found != NULL)
			break;
		seen = f->end - f->start;
		if (f->end - f->start > f->layout->limits.record_bytes + 2)
			return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
		switch (fill(f)) {
		case 0:
			return 0;
		case 1:
			break;
		default:
			return -1;
		}
	}
	len = (size_t) (found - line);
	*ret_next = from + len + 1;
	if (f->newline == NEWLINE_CRLF) {
		if (len == 0 || line[len - 1] != '\r')
			return refuse(f, "newline", f->start + from + len,
			              "a record ends in LF where the others end in CRLF");
		len--;
	}
	*ret_len = from + len;
	if (len > f->layout->limits.record_bytes)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	mark = f->newline == NEWLINE_CR ? '\n' : '\r';
	found = memchr(line, mark, len);
	f->odd_newline |= found != NULL;
	if (found != NULL && !lenient)
		return refuse(f, mark == '\r' ? "bare_cr" : "newline", (size_t) (found - f->buf),
		              mark == '\r' ? "a CR that is no part of a newline" : "a LF where records end in CR");
	return 1;
}

/* A terminator that an escape character takes the meaning from is text. */
static bool
escaped(const struct framer *f, const char *begin, const char *at)
{
	char escape = f->layout->format == FORMAT_DELIMITED && f->layout->delimited.quote == 0
	                  ? f->layout->delimited.escape
	                  : 0;
	size_t before = 0;

	while (escape != 0 && at - before > begin && at[-1 - (ptrdiff_t) before] == escape)
		before++;
	return before % 2 == 1;
}

/* The same for an own terminator. */
static int
find_terminator(struct framer *f, size_t from, size_t *ret_len, size_t *ret_next)
{
	const char *found;

	for (;;) {
		found = memmem(f->buf + f->start + from, f->end - f->start - from, f->ends, f->end_count);
		if (found != NULL && !escaped(f, f->buf + f->start, found))
			break;
		if (found != NULL) {
			from = (size_t) (found - f->buf) - f->start + 1;
			continue;
		}
		if (f->end - f->start > f->layout->limits.record_bytes + 4)
			return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
		switch (fill(f)) {
		case 0:
			return 0;
		case 1:
			break;
		default:
			return -1;
		}
	}
	*ret_len = (size_t) (found - f->buf) - f->start;
	*ret_next = *ret_len + f->end_count;
	if (*ret_len > f->layout->limits.record_bytes)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	if (f->rule->newline_after) {
		if (want(f, *ret_next + 2) < 0)
			return -1;
		if (f->end - f->start > *ret_next && f->buf[f->start + *ret_next] == '\r')
			++*ret_next;
		if (f->end - f->start > *ret_next && f->buf[f->start + *ret_next] == '\n')
			++*ret_next;
	}
	return 1;
}

static int
find_end(struct framer *f, size_t from, size_t *ret_len, size_t *ret_next)
{
	if (f->end_count > 0)
		return find_terminator(f, from, ret_len, ret_next);
	if (f->newline == 0) {
		int rc = decide_newline(f);

		if (rc <= 0)
			return rc;
	}
	return find_newline(f, from, ret_len, ret_next);
}

static bool
all_padding(const struct framer *f, const char *bytes, size_t len)
{
	if (f->rule->padding < 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) bytes[i] != f->rule->padding)
			return false;
	return true;
}

static void
take(struct framer *f, struct framed *ret, size_t skip, size_t len, size_t next)
{
	f->number++;
	*ret = (struct framed){f->buf + f->start + skip, (uint32_t) len, f->base + f->start + skip, f->number,
	                       f->odd_newline};
	f->start += next;
}

/* What is left at the end of the file has no newline. */
static int
last_line(struct framer *f, struct framed *ret)
{
	size_t len = f->end - f->start;

	if (len == 0 || all_padding(f, f->buf + f->start, len))
		return 0;
	if (f->rule->last_newline_required)
		return refuse(f, "cut", f->end,
		              "the last record does not end in a newline: the file may have been cut");
	if (len > f->layout->limits.record_bytes)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	f->odd_newline |= f->end_count == 0 && memchr(f->buf + f->start, '\r', len) != NULL;
	if (f->odd_newline && !quoted_newlines(f))
		return refuse(f, "bare_cr", f->start, "a CR that is no part of a newline in the last record");
	take(f, ret, 0, len, len);
	return 1;
}

/* Is it one of the lines that are nothing?  -1: refused. */
static int
is_nothing(struct framer *f, const struct framed *line)
{
	size_t comment = f->rule->comment == NULL ? 0 : strlen(f->rule->comment);

	bool skipped =
	    f->number - f->first <= f->rule->skip ||
	    (comment > 0 && line->len >= comment && memcmp(line->bytes, f->rule->comment, comment) == 0);

	if (skipped && line->odd_newline) {
		(void) assemble_refuse(f->assemble, "newline", NULL, nothing, line->number, line->offset,
		                       "a line that is skipped has another newline in it: a record could hide there");
		assemble_break(f->assemble);
		return -1;
	}
	if (skipped)
		return 1;
	if (line->len > 0)
		return 0;
	if (f->rule->blank_lines)
		return 1;
	(void) assemble_refuse(
	    f->assemble, "blank_line", NULL, nothing, line->number, line->offset,
	    "a blank line, and the profile says that there is none (framing: blank_lines: skip)");
	return -1;
}

static int
next_line(struct framer *f, struct framed *ret)
{
	for (;;) {
		size_t len, next;
		int rc;

		f->odd_newline = false;
		rc = find_end(f, 0, &len, &next);

		if (rc < 0)
			return -1;
		if (rc == 1) {
			if (f->rule->last_newline_forbidden && f->end - f->start == next && want(f, next + 1) > 0 &&
			    f->end - f->start == next)
				return refuse(f, "newline", f->end,
				              "the last record ends in a newline, and the profile forbids it");
			take(f, ret, 0, len, next);
		} else {
			rc = last_line(f, ret);
			if (rc <= 0)
				return rc;
		}
		rc = is_nothing(f, ret);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return 1;
	}
}

static int
next_length(struct framer *f, struct framed *ret)
{
	size_t len = f->rule->record_length;

	for (;;) {
		size_t have;

		if (want(f, len) < 0)
			return -1;
		have = f->end - f->start;
		if (have == 0)
			return 0;
		if (all_padding(f, f->buf + f->start, have < len ? have : len)) {
			f->padding = true;
			f->start += have < len ? have : len;
			continue;
		}
		if (f->padding)
			return refuse(f, "padding", f->start, "a record after the padding that ends the file");
		if (have < len)
			return refuse(f, "cut", f->end,
			              "the last record is shorter than record_length: the file may have been cut");
		take(f, ret, 0, len, len);
		return 1;
	}
}

static uint32_t
number_at(const struct framer *f, size_t at)
{
	const unsigned char *p = (const unsigned char *) f->buf + f->start + at;
	uint32_t value = 0;

	for (int i = 0; i < f->rule->prefix_bytes; i++)
		value = f->rule->prefix_little ? value | (uint32_t) p[i] << (8 * i) : value << 8 | p[i];
	return value;
}

/* The descriptor of a block: its length, that counts itself, and two zeros. */
static int
next_block(struct framer *f)
{
	uint32_t len;

	if (want(f, 4) < 0)
		return -1;
	if (f->end == f->start)
		return 0;
	if (f->end - f->start < 4)
		return refuse(f, "cut", f->end, "the file ends within a block's length");
	len = number_at(f, 0);
	if (len < 4 || f->buf[f->start + 2] != 0 || f->buf[f->start + 3] != 0)
		return refuse(f, "prefix", f->start, "not a block's length");
	f->block_left = len - 4;
	f->start += 4;
	return 1;
}

/* Padding where a length would stand goes on to the file's end: all of it is read. */
static int
skip_padding(struct framer *f, size_t head)
{
	for (;;) {
		size_t have;

		if (want(f, head) < 0)
			return -1;
		have = f->end - f->start < head ? f->end - f->start : head;
		if (have == 0 || f->block_left > 0 || !all_padding(f, f->buf + f->start, have))
			return 0;
		f->padding = true;
		f->start += have;
	}
}

static int
next_prefixed(struct framer *f, struct framed *ret)
{
	size_t head = f->rule->rdw ? 4 : f->rule->prefix_bytes, len;

	while (f->rule->blocks && f->block_left == 0) {
		int rc = next_block(f);

		if (rc <= 0)
			return rc;
	}
	if (skip_padding(f, head) < 0)
		return -1;
	if (f->end == f->start)
		return f->block_left > 0 ? refuse(f, "cut", f->end, "the file ends within a block") : 0;
	if (f->padding)
		return refuse(f, "padding", f->start, "a record after the padding that ends the file");
	if (f->end - f->start < head)
		return refuse(f, "cut", f->end, "the file ends within a record's length");
	len = number_at(f, 0);
	if (f->rule->rdw && (f->buf[f->start + 2] != 0 || f->buf[f->start + 3] != 0))
		return refuse(f, "prefix", f->start + 2,
		              "a record that is split over several (spanned), or no record's length");
	if (f->rule->prefix_counts_itself && len < head)
		return refuse(f, "prefix", f->start, "a record's length that is less than its own bytes");
	len -= f->rule->prefix_counts_itself ? head : 0;
	if (len > f->layout->limits.record_bytes)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	if (want(f, head + len) < 0)
		return -1;
	if (f->end - f->start < head + len)
		return refuse(f, "cut", f->end, "the file ends within a record");
	if (f->rule->blocks && head + len > f->block_left)
		return refuse(f, "prefix", f->start, "a record that is longer than its block");
	if (f->rule->blocks)
		f->block_left -= head + len;
	take(f, ret, head, len, head + len);
	return 1;
}

int
framer_next(struct framer *f, struct framed *ret)
{
	int rc = f->begun ? 1 : begin(f);

	if (rc < 0)
		return -1;
	switch ((enum framing) f->rule->kind) {
	case FRAME_LINES:
		rc = next_line(f, ret);
		break;
	case FRAME_LENGTH:
		rc = next_length(f, ret);
		break;
	case FRAME_PREFIX:
		rc = next_prefixed(f, ret);
		break;
	}
	if (rc == 1)
		f->records++;
	if (rc == 0 && f->rule->multiple > 0 && f->records % f->rule->multiple != 0)
		return refuse(f, "block", f->end, "the number of records is not the multiple that the profile says");
	return rc;
}

int
framer_extend(struct framer *f, struct framed *record)
{
	/* step back to the record's beginning: fill may have to move all of it */
	size_t begin_at = (size_t) (record->bytes - f->buf), from = f->start - begin_at, len, next;
	int rc;

	f->start = begin_at;
	f->extending = true;
	rc = find_end(f, from, &len, &next);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		len = next = f->end - f->start;
		if (len == from) {
			(void) assemble_refuse(f->assemble, "quote", NULL, nothing, record->number, record->offset,
			                       "a quoted value that does not end: the file may have been cut");
			assemble_break(f->assemble);
			return 0;
		}
		if (f->rule->last_newline_required)
			return refuse(f, "cut", f->end,
			              "the last record does not end in a newline: the file may have been cut");
		f->odd_newline |= f->end_count == 0 && memchr(f->buf + f->start + from, '\r', len - from) != NULL;
	}
	record->odd_newline = f->odd_newline;
	if (len > f->layout->limits.record_bytes)
		return refuse(f, "record_too_long", f->start, "a record is longer than the limit record_bytes");
	record->bytes = f->buf + f->start;
	record->len = (uint32_t) len;
	f->start += next;
	f->extending = false;
	return 1;
}
