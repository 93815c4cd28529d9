/*
 * Files of XML, by libxml2's SAX2 interface.  It asks for bytes when it needs
 * them, which costs a seventh less than pushing chunks: then it looks for the
 * end of each tag before it reads the tag.
 *
 * libxml2 is not made for hostile input (its own README says so), hence the
 * sandbox around it, and these: no DOCTYPE, so no entity and no external file; own
 * limits on depth, attributes, texts and tags, which it does not have in this
 * mode; the encoding is the profile's or none; and nothing is trusted before
 * its last answer: events come before a late error, after xmlStopParser
 * ctxt->wellFormed still says 1, and a NUL behind the root passes for the end.
 *
 * It reads UTF-8 alone: other encodings become that in recode, which knows where
 * in the file each character was.  libxml2's own conversion does not (from 2.15
 * on not at all), and opens tables that the sandbox does not let it open.
 */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "parsers/assemble/assemble.h"
#include "parsers/nested/recode.h"
#include "parsers/nested/walk.h"
#include "parsers/nested/xml_encoding.h"
#include "parsers/nested/xml_quiet.h"

enum { CHUNK_BYTES = 64 << 10 };

struct xml {
	const struct layout *layout;
	struct assemble *assemble;
	struct walk *walk;
	xmlParserCtxtPtr parser;
	struct recode *recode;
	struct input *in;
	char declared[XML_ENCODING_SIZE]; /* the encoding that the document declares, "" none */
	bool stopped;                     /* by us: refused already, or asked to stop */
	bool rooted;                      /* the root element came */
	uint32_t depth;                   /* elements that are open */
	bool ended;                       /* no byte comes after those of chunk */
	char error[256];                  /* libxml2's first error, "" none */
	uint64_t error_offset;
	bool error_behind;          /* it is a NUL behind the end */
	const xmlChar **attributes; /* of it: (name, prefix, space, value, end) each */
	int attribute_count;
	uint64_t bytes;      /* read from the input */
	uint64_t last_event; /* of these, had been given to libxml2 when it last reported something */
	size_t at, end;      /* of chunk, not given yet */
	char chunk[CHUNK_BYTES];
};

/* ---- places ---- */

/* How much of the file libxml2 has. */
static inline uint64_t
given(const struct xml *x)
{
	return x->bytes - (x->end - x->at);
}

static void refuse(struct xml *x, const char *rule, uint64_t offset, const char *message);

/* Offset in the file of a byte in libxml2's buffer. */
static uint64_t
offset_in(struct xml *x, const xmlChar *p)
{
	const xmlParserInput *in = x->parser->input;
	uint64_t place;

	if (recode_place(x->recode, (uint64_t) in->consumed + (uint64_t) (p - in->base), &place))
		return assemble_start(x->assemble).offset + place;
	if (!x->stopped)
		refuse(x, "not_xml", given(x), "libxml2 does not say where in the file it is");
	return given(x);
}

/* Offset in the file of the byte that libxml2 looks at. */
static uint64_t
here(struct xml *x)
{
	return x->parser->input == NULL ? 0 : offset_in(x, x->parser->input->cur);
}

/* Did libxml2 give a piece of its buffer, and not a copy? */
static bool
in_buffer(const struct xml *x, const xmlChar *p)
{
	return p >= x->parser->input->base && p <= x->parser->input->end;
}

/* Offset of a text: a copy (it has other characters than ASCII, or references) ends where libxml2 is. */
static uint64_t
text_offset(struct xml *x, const xmlChar *text, size_t len)
{
	const xmlParserInput *in = x->parser->input;

	if (in_buffer(x, text))
		return offset_in(x, text);
	return offset_in(x, (size_t) (in->cur - in->base) < len ? in->base : in->cur - len);
}

/* Offset of the '<' of the tag that libxml2 has just read: no other can stand within a tag. */
static uint64_t
tag_offset(void *context)
{
	struct xml *x = context;
	const xmlParserInput *in = x->parser->input;
	const xmlChar *open = memrchr(in->base, '<', (size_t) (in->cur - in->base));

	return open == NULL ? here(x) : offset_in(x, open);
}

/* libxml2 tells something: what it has let go of is not asked for any more. */
static void
event(struct xml *x)
{
	x->last_event = given(x);
	recode_forget(x->recode, x->parser->input->consumed);
}

/* ---- refusing ---- */

static void
stop(struct xml *x)
{
	x->stopped = true;
	xmlStopParser(x->parser);
}

static void
refuse(struct xml *x, const char *rule, uint64_t offset, const char *message)
{
	(void) assemble_refuse(x->assemble, rule, NULL, (struct slice){NULL, 0}, walk_number(x->walk), offset,
	                       "%s", message);
	stop(x);
}

/* ---- names ---- */

static const void *
intern(void *context, const char *name)
{
	const struct xml *x = context;
	return xmlDictLookup(x->parser->dict, (const xmlChar *) name, -1);
}

/* The attribute, in no namespace, of the element that is being entered. */
static bool
attribute(void *context, const void *name, struct slice *ret_value, uint64_t *ret_offset)
{
	struct xml *x = context;

	for (int i = 0; i < x->attribute_count; i++) {
		const xmlChar **a = &x->attributes[5 * i];
		if (a[0] != name || a[2] != NULL)
			continue;
		*ret_value = (struct slice){(const char *) a[3], (uint32_t) (a[4] - a[3])};
		*ret_offset = in_buffer(x, a[3]) ? offset_in(x, a[3]) : tag_offset(x);
		return true;
	}
	return false;
}

/* ---- what libxml2 reports ---- */

static bool
attributes_fit(struct xml *x, int namespaces)
{
	const struct layout_limits *limits = &x->layout->limits;

	if ((uint32_t) x->attribute_count + (uint32_t) namespaces > limits->attributes) {
		refuse(x, "too_many_attributes", tag_offset(x), "an element has more than limits: attributes");
		return false;
	}
	for (int i = 0; i < x->attribute_count; i++)
		if ((uint64_t) (x->attributes[5 * i + 4] - x->attributes[5 * i + 3]) > limits->attribute_bytes) {
			refuse(x, "attribute_too_long", tag_offset(x),
			       "an attribute is longer than limits: attribute_bytes");
			return false;
		}
	return true;
}

static void
check_root(struct xml *x, const xmlChar *name, const xmlChar *space)
{
	char shown_name[TEXT_SHOWN_SIZE], shown_space[TEXT_SHOWN_SIZE];

	x->rooted = true;
	if (walk_on_path(x->walk))
		return;
	text_show(shown_name, name, strlen((const char *) name));
	text_show(shown_space, space == NULL ? "" : (const char *) space,
	          space == NULL ? 0 : strlen((const char *) space));
	(void) assemble_refuse(x->assemble, "wrong_root", NULL, (struct slice){NULL, 0}, 0, tag_offset(x),
	                       "the root element is %s in the namespace \"%s\", which the profile does not know",
	                       shown_name, shown_space);
	stop(x);
}

static void
on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int namespaces,
         const xmlChar **declared, int attributes, int defaulted, const xmlChar **attribute_list)
{
	struct xml *x = context;

	(void) prefix, (void) declared, (void) defaulted;
	if (x->stopped)
		return;
	event(x);
	x->depth++;
	x->attributes = attribute_list;
	x->attribute_count = attributes;
	if ((attributes > 0 || namespaces > 0) && !attributes_fit(x, namespaces))
		return;
	if (walk_enter(x->walk, name, space, false) != 0)
		stop(x);
	else if (!x->rooted)
		check_root(x, name, space);
	x->attribute_count = 0;
}

static void
on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
	struct xml *x = context;

	(void) name, (void) prefix, (void) space;
	event(x);
	x->depth--;
	if (!x->stopped && walk_leave(x->walk, here(x)) != 0)
		stop(x);
}

static void
on_text(void *context, const xmlChar *text, int len)
{
	struct xml *x = context;

	event(x);
	if (x->stopped || !walk_wants_text(x->walk))
		return;
	if (walk_text(x->walk, (const char *) text, (size_t) len, text_offset(x, text, (size_t) len)) != 0)
		stop(x);
}

static void
on_doctype(void *context, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	struct xml *x = context;

	(void) name, (void) public_id, (void) system_id;
	if (!x->stopped)
		refuse(x, "doctype", here(x), "the XML has a DOCTYPE; none is accepted");
}

#if LIBXML_VERSION >= 21200
static void
on_error(void *context, const xmlError *error)
#else
static void
on_error(void *context, xmlErrorPtr error)
#endif
{
	struct xml *x = context;

	if (x->stopped || x->error[0] != '\0' || error->level < XML_ERR_ERROR)
		return;
	x->error_offset = here(x);
	/* a NUL behind the root passes for the end, or by libxml2 2.14 for an error */
	x->error_behind = x->rooted && x->depth == 0 && x->parser->input != NULL &&
	                  x->parser->input->cur < x->parser->input->end && *x->parser->input->cur == '\0';
	snprintf(x->error, sizeof(x->error), "%s", error->message == NULL ? "unknown" : error->message);
	x->error[strcspn(x->error, "\n")] = '\0';
}

/* ---- encodings ---- */

static bool
is_utf8(const struct layout *layout)
{
	return strcmp(layout->encoding, "UTF-8") == 0 || strcmp(layout->encoding, "ASCII") == 0;
}

/* After the XML declaration: it must agree with the profile; without one XML is UTF-8. */
static void
on_document(void *context)
{
	struct xml *x = context;
	char shown[TEXT_SHOWN_SIZE];

	if (x->stopped)
		return;
	/* in XML 1.1 control characters are text, and other characters end a line */
	if (x->parser->version != NULL && strcmp((const char *) x->parser->version, "1.0") != 0) {
		refuse(x, "xml_version", 0, "the XML declares another version than 1.0");
		return;
	}
	if (x->declared[0] == '\0' && is_utf8(x->layout))
		return;
	if (x->declared[0] == '\0') {
		refuse(x, "encoding", 0, "the XML declares no encoding, so it is UTF-8; the profile says another");
		return;
	}
	if (x->layout->utf16 != UTF16_NO ? xml_encoding_utf16(x->declared)
	                                 : xml_encoding_same(x->declared, x->layout->encoding) ||
	                                       (is_utf8(x->layout) && xml_encoding_same(x->declared, "UTF-8")))
		return;
	text_show(shown, x->declared, strlen(x->declared));
	(void) assemble_refuse(x->assemble, "encoding", NULL, (struct slice){NULL, 0}, 0, 0,
	                       "the XML declares the encoding %s, the profile says %s", shown,
	                       x->layout->utf16 != UTF16_NO ? "UTF-16" : x->layout->encoding);
	stop(x);
}

/* The first bytes, before libxml2 guesses from them. */
static void
check_beginning(struct xml *x, const char *bytes, size_t len)
{
	bool marked = len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
	size_t at = marked ? 3 : 0;

	if (len >= 2 && (memcmp(bytes, "\xFE\xFF", 2) == 0 || memcmp(bytes, "\xFF\xFE", 2) == 0))
		refuse(x, "encoding", 0, "begins with a UTF-16 byte-order mark");
	else if (len > at && (bytes[at] == '\0' || (len > at + 1 && bytes[at + 1] == '\0')))
		refuse(x, "encoding", at, "begins as UTF-16 or UTF-32 does");
	else if (len > at && strchr("< \t\r\n", bytes[at]) == NULL)
		refuse(x, "not_xml", at, "does not begin as XML does");
	else if (marked && (x->layout->framing.bom == 0 || !is_utf8(x->layout)))
		refuse(x, "bom", 0, "begins with a byte-order mark");
	else if (!marked && x->layout->framing.bom == 2)
		refuse(x, "no_bom", 0, "the byte-order mark is missing");
}

/* ---- the format ---- */

static bool
is_ascii(const struct xml *x)
{
	if (strcmp(x->layout->encoding, "ASCII") != 0)
		return true;
	for (size_t i = x->at; i < x->end; i++)
		if ((unsigned char) x->chunk[i] > 0x7F)
			return false;
	return true;
}

/* More bytes into the chunk, behind those that are there: 1, 0 at the end, -1 when the input failed. */
static int
read_chunk(struct xml *x)
{
	ssize_t n;

	memmove(x->chunk, x->chunk + x->at, x->end - x->at);
	x->end -= x->at;
	x->at = 0;
	n = x->in->read(x->in, x->chunk + x->end, sizeof(x->chunk) - x->end);
	if (n > 0) {
		x->bytes += (uint64_t) n;
		x->end += (size_t) n;
	}
	x->ended = n == 0;
	return n > 0 ? 1 : (int) n;
}

/* Refused while libxml2 waits for bytes: it must not be stopped from here, so it hears that there are none.
 */
static int
starve(struct xml *x, const char *rule, const char *message)
{
	(void) assemble_refuse(x->assemble, rule, NULL, (struct slice){NULL, 0}, walk_number(x->walk), given(x),
	                       "%s", message);
	x->stopped = true;
	return -1;
}

/* The chunk is used up: the next one, if it may be.  1, 0 at the end, -1. */
static int
next_chunk(struct xml *x)
{
	int rc = read_chunk(x);

	if (rc <= 0)
		return rc;
	if (!is_ascii(x))
		return starve(x, "encoding", "a byte that is not ASCII, which the profile demands");
	if (xmlDictSize(x->parser->dict) > LIMIT_XML_NAMES)
		return starve(x, "too_many_names", "more than 10000 different names");
	return 1;
}

/* libxml2 wants bytes: as many as it asks for, or it may take a name that goes on for one that has ended. */
static int
on_read(void *context, char *buf, int size)
{
	struct xml *x = context;
	size_t done = 0;
	enum recoded rc;

	/* a tag, comment or instruction is kept until it is whole */
	if (!x->stopped && given(x) - x->last_event > x->layout->limits.record_bytes)
		return starve(x, "record_too_long", "a tag or comment is longer than limits: record_bytes");
	do
		rc = recode(x->recode, x->chunk, x->end, &x->at, x->ended, buf, (size_t) size, &done);
	while (rc == RECODE_MORE && !x->ended && !x->stopped && next_chunk(x) >= 0);
	if (rc == RECODE_NO_MEMORY)
		return input_no_memory(x->in);
	if (rc == RECODE_BAD && done == 0) /* what is before it was given first */
		return starve(x, "encoding", "a byte that means nothing in the partner's encoding");
	return x->stopped || x->in->rule != NULL ? -1 : (int) done;
}

/* The parser has come to its end: is it the file's, too, and was all of it XML? */
static void
check_end(struct xml *x, int rc)
{
	const xmlParserInput *in = x->parser->input;
	char shown[TEXT_SHOWN_SIZE];

	if (x->stopped || x->in->rule != NULL)
		return;
	if (x->error[0] != '\0' || rc != 0 || !x->parser->wellFormed || !x->parser->nsWellFormed) {
		text_show(shown, x->error, strlen(x->error));
		(void) assemble_refuse(x->assemble, x->error_behind ? "trailing_bytes" : "not_xml", NULL,
		                       (struct slice){NULL, 0}, walk_number(x->walk), x->error_offset, "%s", shown);
		x->stopped = true;
	} else if (in == NULL || in->cur != in->end || x->at != x->end || read_chunk(x) > 0) {
		refuse(x, "trailing_bytes", here(x), "more after the end of the XML");
	} else if (here(x) != x->bytes && !x->stopped) {
		refuse(x, "not_xml", x->bytes, "libxml2 does not say where in the file it is");
	}
}

static int
run(struct xml *x)
{
	/* to begin with the XML declaration, or four bytes; less when the file is shorter */
	while (x->end < 4 || (xml_encoding_declared(x->chunk, x->end, x->declared) && x->end < sizeof(x->chunk)))
		if (read_chunk(x) <= 0)
			break;
	if (x->in->rule != NULL)
		return -1;
	if (x->end == 0)
		return 0; /* no byte at all: assemble_finish says so, in the same words for every format */
	check_beginning(x, x->chunk, x->end);
	if (!x->stopped && !is_ascii(x))
		(void) starve(x, "encoding", "a byte that is not ASCII, which the profile demands");
	if (!x->stopped)
		check_end(x, xmlParseDocument(x->parser));
	if (x->stopped || x->in->rule != NULL)
		return -1;
	assemble_whole(x->assemble); /* the root's end tag came, and nothing behind it */
	return 0;
}

static xmlParserCtxtPtr
new_parser(struct xml *x)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
	                         .startDocument = on_document,
	                         .internalSubset = on_doctype,
	                         .startElementNs = on_start,
	                         .endElementNs = on_end,
	                         .characters = on_text,
	                         .ignorableWhitespace = on_text, /* the same, or it is looked at twice */
	                         .cdataBlock = on_text,
	                         .serror = on_error};
	xmlParserCtxtPtr parser = xmlCreateIOParserCtxt(&handler, x, on_read, NULL, x, XML_CHAR_ENCODING_NONE);

	if (parser != NULL)
		xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	return parser;
}

static int
parse(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes)
{
	struct xml *x = calloc(1, sizeof(*x));
	const struct walk_source source = {x, intern, tag_offset, attribute, false};
	int rc = -1;

	if (x != NULL) {
		x->layout = layout;
		x->assemble = a;
		x->bytes = assemble_start(a).offset;
		x->in = in;
		x->recode = recode_new(assemble_charset(a));
		x->parser = new_parser(x);
	}
	if (x != NULL && x->parser != NULL && x->recode != NULL)
		x->walk = walk_new(layout, a, &source);
	if (x == NULL || x->walk == NULL) {
		in->failed = 1;
		in->rule = "memory";
		in->why = "out of memory";
	} else {
		rc = run(x);
		*ret_bytes = x->bytes;
	}
	if (x != NULL) {
		walk_free(x->walk);
		recode_free(x->recode);
		xmlFreeParserCtxt(x->parser);
	}
	free(x);
	return rc;
}

const struct format xml_format = {.name = "xml", .parse = parse, .start = xml_quiet_start};
