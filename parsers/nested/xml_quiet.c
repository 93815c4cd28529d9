#include "parsers/nested/xml_quiet.h"

#include <libxml/parser.h>

static void
silent(void *context, const char *format, ...)
{
	(void) context, (void) format;
}

static xmlParserInputPtr
no_entity(const char *url, const char *id, xmlParserCtxtPtr context)
{
	(void) url, (void) id, (void) context;
	return NULL;
}

void
xml_quiet_start(void)
{
	xmlInitParser();
	xmlSetGenericErrorFunc(NULL, silent);
	xmlSetExternalEntityLoader(no_entity);
}
