/*
 * What a file's name says: ANSWERS_{business_date:YYYYMMDD}_{sequence:6}.csv
 *
 * {field:N} is exactly N digits, {field:+} one or more, {field:DATE} a date by
 * its pattern, {field} a text up to what follows in the pattern, * any bytes
 * up to what follows.  The rest stands for itself.
 */
#ifndef HANDBACK_PROFILE_FILE_NAME_H
#define HANDBACK_PROFILE_FILE_NAME_H

#include "lib/profile/layout.h"

#define NAME_PARTS 32

enum name_part_kind { NAME_LITERAL, NAME_ANY, NAME_TEXT, NAME_DIGITS, NAME_FIXED /* width bytes */ };

/* One of several patterns that a name may fit. */
struct name_pattern {
	struct name_pattern *next;
	const char *text;
	uint8_t parts;
	struct name_part {
		uint8_t kind;
		int16_t field; /* of layout.type[name_type], -1 for a literal */
		uint16_t width;
		bool digits; /* of a fixed width: digits only */
		struct slice literal;
	} part[NAME_PARTS];
};

/* True and value[i] set for the fields of the name's record type (data NULL where the pattern has none of
 * it). */
bool name_split(const struct name_pattern *patterns, const char *name, size_t len, struct slice *value,
                size_t fields);

#endif
