/* What each program that reads XML sets first, once: libxml2 loads nothing from outside of the document, and prints
 * nothing. */
#ifndef HANDBACK_PARSERS_NESTED_XML_QUIET_H
#define HANDBACK_PARSERS_NESTED_XML_QUIET_H

/* Before the sandbox shuts. */
void xml_quiet_start(void);

#endif
