/*
 * One normalised record: what a partner said of one redemption, whatever the
 * file looked like.  This is all that reconcile/ knows of a partner's format.
 *
 * Slices point into memory of the decoder and live until the next frame.
 * Texts are valid UTF-8 without NUL and within limits.h; absent is len 0.
 */
#ifndef HANDBACK_PROTOCOL_RECORD_H
#define HANDBACK_PROTOCOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *data;
	uint32_t len;
};

enum record_text {
	RECORD_OUTBOUND_REFERENCE, /* our reference in our request file */
	RECORD_PARTNER_REFERENCE,  /* the partner's own reference */
	RECORD_REFERENCE_SHOWN,    /* external_reference as written, when it is no UUID */
	RECORD_MEMBER,             /* relation_reference */
	RECORD_PROGRAMME,
	RECORD_MERCHANT,
	RECORD_CURRENCY,    /* three letters */
	RECORD_REASONS,     /* set of partner's codes, joined by U+001F, in the file's order */
	RECORD_REASON_TEXT, /* free text */
	RECORD_CHANGE,      /* new account, corrected data */
	RECORD_ID,          /* the partner's own reference of the record, by which a later one may replace it */
	/* the earlier record that this one replaces: its id; or the number of its file, and its number there */
	RECORD_REPLACES,
	RECORD_REPLACES_FILE,
	RECORD_REPLACES_RECORD,
	RECORD_TEXTS /* how many there are */
};

enum record_has {
	RECORD_HAS_EXTERNAL_REFERENCE = 1 << 0,
	RECORD_HAS_POINTS = 1 << 1,
	RECORD_HAS_AMOUNT = 1 << 2,
	RECORD_HAS_TRANSACTION_TYPE = 1 << 3,
	RECORD_HAS_DATE = 1 << 4,
	RECORD_HAS_OUTBOUND_LINE = 1 << 5,
	RECORD_BAD_VALUE = 1 << 6, /* profile says bad_value: hold; RECORD_REASON_TEXT says what */
	RECORD_WHOLE_MESSAGE =
	    1 << 7, /* group verdict that names no transaction: concerns all of the original message */
};

struct record {
	uint64_t number; /* from 1, in the file's order */
	uint64_t offset; /* of its first byte in the (unpacked) file */
	uint32_t length; /* bytes */
	uint32_t has;    /* enum record_has */
	uint8_t verdict; /* enum verdict */
	uint8_t external_reference[16];
	int64_t points; /* as stated; sign by the profile's rule, 0 never */
	int64_t amount; /* minor units */
	int32_t transaction_type;
	int32_t date;          /* days since 1970-01-01: the partner's date of the transaction */
	int64_t outbound_line; /* line of our own earlier file, from 1 */
	struct slice text[RECORD_TEXTS];
};

/* Facts of the whole file, reported once, before its end. */
struct file_facts {
	bool has_sequence;
	bool has_business_date;
	bool is_test;            /* the file says that it is one */
	int64_t sequence;        /* the partner's file number */
	int32_t business_date;   /* days since 1970-01-01 */
	struct slice partner_id; /* who the content says it is from */
	struct slice partner_file_id;
	struct slice original_message; /* our message that it answers */
	struct slice lists;            /* "all", "rejects" or "accepted" when the content says, else empty */
};

/* One control total: stated by the partner, counted by us.  Decimal text,
 * since sums may pass 64 bits. */
struct control {
	struct slice name;  /* as the profile names it */
	struct slice where; /* "file", "batch 3", ... */
	struct slice stated;
	struct slice counted;
	bool agrees;
	uint64_t record; /* physical record that states it, 0 unknown */
	uint64_t offset;
};

/* Why a file is refused: what, where, which rule. */
struct refusal {
	struct slice rule;    /* a word: "not_utf8", "field_count", "control_total" ... */
	struct slice message; /* a sentence for a person, values escaped and bounded */
	struct slice field;   /* may be empty */
	struct slice value;   /* bounded to LIMIT_SHOWN_BYTES, escaped */
	uint64_t record;      /* physical record, from 1; 0 for the whole file */
	uint64_t offset;
};

/* The end: what the parser has counted itself. */
struct parse_end {
	uint64_t records;
	uint64_t bytes;      /* of the content that were read */
	uint64_t file_bytes; /* of the file as it was given: the same, unless it is packed */
	bool refused;
	bool whole; /* a control total, a trailer or the format itself proved that nothing was cut */
};

#endif
