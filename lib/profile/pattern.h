/*
 * Values within a value, at no fixed place, as banks write them:
 *
 *     {date:6!n}[{entry:4!n}]{side:RC|RD|C|D}{amount:15d}{reference:16x}[//{bank:16x}]
 *
 * Read once from left to right: a piece takes as much as it may, a text (x)
 * ends where what follows it in the pattern stands, a group in brackets is
 * there when its first piece fits.  Nothing is tried twice.
 */
#ifndef HANDBACK_PROFILE_PATTERN_H
#define HANDBACK_PROFILE_PATTERN_H

#include "lib/profile/layout.h"

#define PATTERN_PIECES 32

enum piece_kind {
	PIECE_LITERAL,
	PIECE_WORDS,   /* the first of them that stands there */
	PIECE_DIGITS,  /* n */
	PIECE_LETTERS, /* a: capitals */
	PIECE_CODE,    /* c: capitals and digits */
	PIECE_DECIMAL, /* d: digits and one comma or point, which is no part of the value at its end */
	PIECE_TEXT,    /* x: any characters */
};

struct pattern {
	const char *text;
	uint8_t pieces;
	struct pattern_piece {
		uint8_t kind;
		uint8_t group;        /* so many pieces from here on may be missing together; 0: it must stand */
		int16_t field;        /* of the record's type; -1: nobody's */
		uint32_t least, most; /* characters */
		struct slice literal;
		uint8_t words;
		struct slice *word;
	} piece[PATTERN_PIECES];
};

/* True and value[field] set for each piece that stands there; false and *ret_at the first byte that does not
 * fit.  Others of value are left as they are. */
bool pattern_cut(const struct pattern *p, struct slice text, struct slice *value, uint32_t *ret_at);

#endif
