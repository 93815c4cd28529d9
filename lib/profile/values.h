/*
 * One field's bytes to one typed value, strictly: nothing is rounded, padded,
 * skipped or guessed.
 */
#ifndef HANDBACK_PROFILE_VALUES_H
#define HANDBACK_PROFILE_VALUES_H

#include "lib/profile/charset.h"
#include "lib/profile/layout.h"

struct value {
	bool present;
	struct slice text; /* as written, in UTF-8, trimmed; or what the profile's words make of it; sets joined
	                      by U+001F */
	union {
		int64_t number;   /* numbers; days of dates; word.number of words */
		uint8_t uuid[16]; /* FIELD_UUID, when is_uuid */
	};
	bool is_uuid;
};

/* Why a value is bad. */
struct value_fault {
	const char *rule; /* a word */
	const char *why;  /* goes on after the value: "is not ..." */
};

struct value_reader {
	struct charset *charset; /* NULL: slices are valid UTF-8 already */
	int32_t business_date;   /* DATE_UNKNOWN */
	uint32_t field_bytes;    /* limit */
	/* The value of another field: the record's own or the nearest level's; NULL: absent. */
	const struct value *(*other)(void *context, uint16_t slot);
	void *context;
	char *scratch; /* texts that had to be made; the caller empties it between records */
	size_t scratch_used, scratch_size;
	struct {                          /* the date read last: a file has few different ones */
		const struct date_rule *rule; /* NULL: none yet */
		int32_t business_date, day;
		uint32_t len;
		char text[32];
	} last_date;
};

/* 0 and *ret (its text in the input, the profile or the scratch); -1 and *ret_fault. */
int value_read(struct value_reader *reader, const struct field *field, const struct slice *in,
               struct value *ret, struct value_fault *ret_fault);

/* The word, or NULL. */
const struct word *words_find(const struct words *words, const struct slice *text);
/* Sorts them for words_find; false when two are the same. */
bool words_sort(struct words *words);

/* Digits after the point of an ISO 4217 currency, -1 for no currency's code. */
int currency_decimals(const char *code, size_t len);

/* Is it what a spreadsheet makes of a long number: 1.23E+15? */
bool excel_mangled(struct slice text);

#endif
