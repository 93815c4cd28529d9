/*
 * The encoding that an XML document declares, read by ourselves: libxml2 is given UTF-8, whatever the
 * document says of itself.
 */
#ifndef HANDBACK_PARSERS_NESTED_XML_ENCODING_H
#define HANDBACK_PARSERS_NESTED_XML_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#define XML_ENCODING_SIZE 64

/*
 * Looks into the document's first bytes.  True: the XML declaration goes on after them, ask again with more.
 * False: ret has the encoding's name, cut where it is too long, or "" when none is declared.  Whether the
 * declaration is well formed is libxml2's to say.
 */
bool xml_encoding_declared(const char *bytes, size_t len, char ret[XML_ENCODING_SIZE]);

/* Are these two names of one encoding?  "windows-1252" and "CP1252", "Shift_JIS" and "SJIS" are. */
bool xml_encoding_same(const char *a, const char *b);
/* Is it one of UTF-16's names? */
bool xml_encoding_utf16(const char *name);

#endif
