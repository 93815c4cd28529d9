#include "gate/outbound_message.h"

#include <libxml/parser.h>
#include <stdint.h>
#include <string.h>

#include "gate/outbound_record.h"
#include "lib/base/utf8.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define NOTIFICATIONS "http://soap.sforce.com/2005/09/outbound"
#define RECORD "urn:sobject." /* of the enterprise or the partner WSDL */
#define DEPTH 16
#define TAG_BYTES                                                                                            \
	8192 /* from a '<' to the next one: no tag is longer, and so none has attributes without end */
#define TEXT_BYTES 512

/* Where records stand. */
static const struct {
	const char *name, *space;
} path[] = {{"Envelope", SOAP},
            {"Body", SOAP},
            {"notifications", NOTIFICATIONS},
            {"Notification", NOTIFICATIONS},
            {"sObject", NOTIFICATIONS}};
enum { IN_MESSAGE = 3, IN_NOTIFICATION = 4, IN_RECORD = 5 };

struct reading {
	xmlParserCtxtPtr parser;
	const char *organization;
	struct points_rows *rows;
	size_t depth, on_path;         /* elements that are open; of these, so many on the path */
	const char *refused;           /* why the whole is; NULL: it is not */
	bool named;                    /* the organization came, and is the one */
	struct outbound_record record; /* the one that is open */
	int taken; /* the field whose text comes; OUTBOUND_FIELDS: the organization; -1: none */
	char text[TEXT_BYTES + 1];
	size_t text_len;
};

static void
refuse(struct reading *r, const char *why)
{
	if (r->refused == NULL)
		r->refused = why;
	xmlStopParser(r->parser);
}

/* ---- what libxml2 reports ---- */

/* The field whose text is wanted, or -1. */
static int
field_of(const struct reading *r, const char *name, const char *space)
{
	if (r->on_path != r->depth || space == NULL)
		return -1;
	if (r->depth == IN_MESSAGE)
		return strcmp(space, NOTIFICATIONS) == 0 && strcmp(name, "OrganizationId") == 0 ? OUTBOUND_FIELDS
		                                                                                : -1;
	return r->depth == IN_RECORD && strncmp(space, RECORD, sizeof(RECORD) - 1) == 0
	           ? outbound_record_field(name)
	           : -1;
}

static void
on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int namespaces,
         const xmlChar **declared, int attributes, int defaulted, const xmlChar **attribute_list)
{
	struct reading *r = context;
	bool follows = r->on_path == r->depth && r->depth < COUNT(path) && space != NULL &&
	               strcmp((const char *) name, path[r->depth].name) == 0 &&
	               strcmp((const char *) space, path[r->depth].space) == 0;

	(void) prefix, (void) namespaces, (void) declared, (void) attributes, (void) defaulted,
	    (void) attribute_list;
	if (r->taken >= 0)
		refuse(r, "an element within a value");
	else if (r->depth >= DEPTH)
		refuse(r, "it is too deep");
	else if (r->depth < IN_MESSAGE && !follows &&
	         !(r->depth == 1 && strcmp((const char *) name, "Header") == 0))
		refuse(r, "it is no notifications() of SOAP 1.1");
	r->taken = r->refused == NULL ? field_of(r, (const char *) name, (const char *) space) : -1;
	r->text_len = 0;
	r->on_path += follows;
	r->depth++;
}

static void
on_text(void *context, const xmlChar *text, int len)
{
	struct reading *r = context;

	if (r->taken < 0)
		return;
	if ((size_t) len > TEXT_BYTES - r->text_len) {
		refuse(r, "a value is too long");
		return;
	}
	memcpy(r->text + r->text_len, text, (size_t) len);
	r->text_len += (size_t) len;
}

static void
end_value(struct reading *r)
{
	int field = r->taken;

	r->taken = -1;
	r->text[r->text_len] = '\0';
	if (field == OUTBOUND_FIELDS) {
		r->named = strcmp(r->text, r->organization) == 0;
		if (!r->named)
			refuse(r, "it is of another organization");
	} else {
		outbound_record_set(&r->record, field, r->text);
	}
}

static void
on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
	struct reading *r = context;

	(void) name, (void) prefix, (void) space;
	if (r->refused != NULL)
		return;
	if (r->taken >= 0)
		end_value(r);
	else if (r->depth == IN_NOTIFICATION && r->on_path == IN_NOTIFICATION &&
	         !outbound_record_end(&r->record, r->rows))
		refuse(r, "more than 100 notifications");
	r->depth--;
	if (r->on_path > r->depth)
		r->on_path = r->depth;
}

static void
on_doctype(void *context, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void) name, (void) public_id, (void) system_id;
	refuse(context, "it has a DOCTYPE");
}

static void
on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
	(void) target, (void) data;
	refuse(context, "it has a processing instruction, which SOAP forbids");
}

#if LIBXML_VERSION >= 21200
static void
on_error(void *context, const xmlError *error)
#else
static void
on_error(void *context, xmlErrorPtr error)
#endif
{
	(void) context, (void) error; /* what is not well formed is seen by its end */
}

/* ---- the whole ---- */

static bool
tags_end(const char *body, size_t len)
{
	const char *at = body, *end = body + len, *next;

	for (; at < end; at = next + 1) {
		next = memchr(at, '<', (size_t) (end - at));
		if (next == NULL)
			next = end;
		if (next - at > TAG_BYTES)
			return false;
	}
	return true;
}

/* False: it is no XML, or no memory is there for it. */
static bool
parse(struct reading *r, const char *body, size_t len)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
	                         .internalSubset = on_doctype,
	                         .startElementNs = on_start,
	                         .endElementNs = on_end,
	                         .characters = on_text,
	                         .ignorableWhitespace = on_text,
	                         .cdataBlock = on_text,
	                         .processingInstruction = on_instruction,
	                         .serror = on_error};
	bool whole;

	r->parser = xmlCreatePushParserCtxt(&handler, r, NULL, 0, NULL);
	if (r->parser == NULL)
		return false;
	xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	whole =
	    xmlParseChunk(r->parser, body, (int) len, 1) == 0 && r->parser->wellFormed && r->parser->nsWellFormed;
	xmlFreeParserCtxt(r->parser);
	return whole;
}

const char *
outbound_message_read(const char *body, size_t len, const char *organization, struct points_rows **ret_rows,
                      const char **ret_why)
{
	struct reading r = {.organization = organization, .rows = points_rows_new(), .taken = -1};
	bool text = utf8_text_ok(body, len) && tags_end(body, len), whole;

	if (r.rows == NULL) {
		*ret_why = "out of memory";
		return "503";
	}
	whole = text && parse(&r, body, len);
	outbound_record_forget(&r.record);
	if (whole && r.refused == NULL && r.named && points_rows_count(r.rows) > 0) {
		*ret_rows = r.rows;
		return NULL;
	}
	points_rows_free(r.rows);
	*ret_why = r.refused != NULL ? r.refused
	           : !whole          ? "the body is no XML in UTF-8"
	           : !r.named        ? "it names no organization"
	                             : "it has no notification";
	return whole || r.refused != NULL ? "999" : "998";
}

const char *
outbound_message_ack(bool all)
{
#define ACK(word)                                                                                            \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope xmlns:soapenv=\"" SOAP                    \
	"\"><soapenv:Body><notificationsResponse xmlns=\"" NOTIFICATIONS "\"><Ack>" word                         \
	"</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>\n"
	return all ? ACK("true") : ACK("false");
}
