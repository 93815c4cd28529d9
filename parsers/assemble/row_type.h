/*
 * Which type a physical record is of: the same question whatever the places are
 * that conditions look at (columns, positions).
 */
#ifndef HANDBACK_PARSERS_ASSEMBLE_ROW_TYPE_H
#define HANDBACK_PARSERS_ASSEMBLE_ROW_TYPE_H

#include "lib/profile/layout.h"
#include "lib/protocol/bytes.h"

/* Does a condition of the layout hold for the record?  context is the caller's record. */
typedef bool row_holds(const void *context, const struct condition *c);

/* The first type whose conditions all hold, else the type without conditions; -1 for none.  Inline, so that
 * holds is no call for each condition of each record. */
static inline int
row_type(const struct layout *layout, row_holds *holds, const void *context)
{
	int other = -1;

	for (uint16_t t = 0; t < layout->types; t++) {
		const struct record_type *type = &layout->type[t];
		uint16_t i = 0;

		if (type->nested || type->role == ROLE_NAME)
			continue;
		if (type->when.count == 0) {
			other = t;
			continue;
		}
		while (i < type->when.count && holds(context, &type->when.all[i]))
			i++;
		if (i == type->when.count)
			return t;
	}
	return other;
}

/* Does the text of a place hold it?  Blank is what consists of these two characters; digits are ASCII's, and
 * those of EBCDIC where the place is of bytes. */
static inline bool
row_text_holds(const struct condition *c, struct slice text, const char blank[2], bool bytes)
{
	uint32_t i = 0;

	switch ((enum condition_test) c->test) {
	case TEST_ANY_OF:
		for (uint16_t k = 0; k < c->values; k++)
			if (c->value[k].len == text.len && bytes_same(c->value[k].data, text.data, text.len))
				return !c->negate;
		return c->negate;
	case TEST_BLANK:
	case TEST_FILLED:
		while (i < text.len && (text.data[i] == blank[0] || text.data[i] == blank[1]))
			i++;
		return (i == text.len) == (c->test == TEST_BLANK);
	case TEST_DIGITS:
		while (i < text.len &&
		       ((text.data[i] >= '0' && text.data[i] <= '9') ||
		        (bytes && (unsigned char) text.data[i] >= 0xF0 && (unsigned char) text.data[i] <= 0xF9)))
			i++;
		return text.len > 0 && i == text.len;
	}
	return false;
}

#endif
