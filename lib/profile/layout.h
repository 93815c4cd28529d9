/*
 * A compiled profile's first half: how a partner's bytes become records.
 * Made by profile.c, read by the formats, values.c and assemble.c; plain data,
 * never changed after profile_compile.
 *
 * A file is made of physical records.  Each belongs to one record type; a type
 * has fields.  A field's name is either one of the targets below, and then it
 * fills in struct record or struct file_facts, or free, for use in conditions
 * and controls.  Types stand in levels (file, batch ...): a field of a level's
 * header holds for all that is below, the innermost one rules.
 */
#ifndef HANDBACK_PROFILE_LAYOUT_H
#define HANDBACK_PROFILE_LAYOUT_H

#include "lib/protocol/record.h"

enum layout_format { FORMAT_DELIMITED, FORMAT_FIXED, FORMAT_XML, FORMAT_JSON, FORMAT_JSON_LINES };

#define LAYOUT_LEVELS 6    /* file is level 0 */
#define LAYOUT_TYPES 64    /* record types */
#define LAYOUT_FIELDS 256  /* fields of one type, columns of one record */
#define LAYOUT_SLOTS 256   /* different field names in a profile */
#define LAYOUT_RANGES 4    /* places that one field is put together from */
#define LAYOUT_CONTROLS 64 /* control totals */
#define LAYOUT_TOTALS 128  /* counts and sums in them */
#define LAYOUT_ENTRIES 64  /* words of one field, delimiters ... */

/* What a field fills in, by its name. */
enum target {
	TARGET_FREE = 0,
	/* of the record */
	TARGET_EXTERNAL_REFERENCE,
	TARGET_OUTBOUND_REFERENCE,
	TARGET_PARTNER_REFERENCE,
	TARGET_MEMBER,
	TARGET_PROGRAMME,
	TARGET_MERCHANT,
	TARGET_CURRENCY,
	TARGET_REASON,
	TARGET_REASON_TEXT,
	TARGET_CHANGE,
	TARGET_RECORD_ID,
	TARGET_REPLACES,
	TARGET_REPLACES_FILE,
	TARGET_REPLACES_RECORD,
	TARGET_POINTS,
	TARGET_AMOUNT,
	TARGET_TRANSACTION_TYPE,
	TARGET_DATE,
	TARGET_OUTBOUND_LINE,
	/* of the file */
	TARGET_SEQUENCE,
	TARGET_BUSINESS_DATE,
	TARGET_PARTNER_ID,
	TARGET_FILE_ID,
	TARGET_ORIGINAL_MESSAGE,
	TARGET_TEST,
	TARGET_LISTS,
	TARGETS
};

enum field_type {
	FIELD_TEXT,    /* any UTF-8 */
	FIELD_ID,      /* printable ASCII without blanks inside */
	FIELD_UUID,    /* 36 characters, either case */
	FIELD_INTEGER, /* digits, with the sign rule and decimals of struct number_rule */
	FIELD_AMOUNT,  /* the same, in minor units of a currency */
	FIELD_DIGITS,  /* an identifier that is summed as a number: hash totals */
	FIELD_DATE,    /* a day, from a date or a time: struct date_rule */
	FIELD_FLAGS,   /* each position that is set stands for a code */
	FIELD_BLANK,   /* must be blank (reserved bytes) */
};

enum sign_rule {
	SIGN_NONE,      /* digits only */
	SIGN_BEFORE,    /* optional '-' (or '+') first */
	SIGN_AFTER,     /* optional '-' (or '+' or blank) last */
	SIGN_OVERPUNCH, /* in the last digit: { A-I = +0..+9, } J-R = -0..-9, plain digit = + */
	SIGN_OVERPUNCH_FIRST,
	SIGN_ZONED,           /* EBCDIC zoned decimal: zone of the last byte C, F plus, D minus */
	SIGN_PACKED,          /* packed decimal: last nibble C, F, A, E plus, B, D minus */
	SIGN_PACKED_UNSIGNED, /* two digits in each byte, no sign */
	SIGN_BINARY,          /* two's complement, big endian, 1 to 8 bytes */
	SIGN_FIELD,           /* by another field: sign_minus are its words for minus */
	SIGN_PARENTHESES,
};

enum decimals_from { DECIMALS_FIXED, DECIMALS_FIELD, DECIMALS_CURRENCY };

struct words {
	struct word {
		struct slice word;
		int32_t number;    /* verdict, or 0/1 of a flag */
		struct slice text; /* what it stands for */
	} * list;
	uint16_t count;
	uint16_t by_length[33]; /* list is sorted by length: first index of each length up to 32 */
};

enum zero_rule { ZERO_TAKEN, ZERO_ABSENT, ZERO_BAD };

/* One character of UTF-8; len 0: none. */
struct mark {
	char bytes[4];
	uint8_t len;
};

/*
 * A written number becomes an integer: written x 10^(minor - decimals written
 * or implied), which must come out whole.
 */
struct number_rule {
	uint8_t sign; /* enum sign_rule */
	bool negate;  /* the partner writes debits as negative numbers */
	uint8_t zero; /* enum zero_rule */
	char point;   /* decimal mark, 0: none may stand */
	struct mark thousands,
	    minus_mark;       /* SIGN_BEFORE, SIGN_AFTER: another minus than '-', which stays one, too */
	bool indian;          /* thousands as in 12,34,567 */
	uint8_t decimals_min; /* with point: so many digits behind it */
	uint8_t decimals_max;
	uint8_t implied_from; /* enum decimals_from: digits behind a point that is not written */
	uint8_t implied;      /* DECIMALS_FIXED */
	int16_t implied_slot; /* DECIMALS_FIELD: that field holds the number, DECIMALS_CURRENCY: the currency */
	uint8_t minor_from;   /* DECIMALS_FIXED or DECIMALS_CURRENCY: of the result */
	uint8_t minor;
	int16_t minor_slot; /* DECIMALS_CURRENCY: of the currency */
	int16_t sign_slot;  /* SIGN_FIELD: that field says plus or minus */
	struct words minus, plus;
	int64_t min, max;
};

struct date_rule; /* dates.h */
struct pattern;   /* pattern.h */

struct range {
	uint32_t start, len; /* from 0; len 0: to the end of the record */
};

/* One step of a path: an element or member by name. */
struct path_step {
	const char *name;           /* "" for any */
	const char *const *spaces;  /* XML: NULL-ended namespaces it may be in; NULL: none */
	const char *attribute_name; /* XML: [@name='value'], or NULL */
	const char *attribute_value;
	bool array; /* JSON: name[]: each element of the array */
};
struct path {
	uint16_t steps;
	struct path_step *step;
	const char *attribute; /* XML: the last part was @name; JSON: "*", the record's key; NULL: the text */
};

struct field {
	const char *name;
	uint16_t slot;    /* of its name, in layout.slot_name */
	uint8_t target;   /* enum target */
	uint8_t type;     /* enum field_type */
	bool optional;    /* empty is absent; else empty is a bad value */
	bool conditional; /* stands in a part of the record that may not be there: then it is absent */
	bool many;        /* XML, JSON: may come more than once, the values are a set */
	bool simple;      /* nothing but blanks around it is taken off its text before its type looks at it */
	bool trims;       /* trim_left or trim_right */
	bool hold_bad;    /* a bad value marks the record, not the file */
	bool is_verdict;  /* its words are verdicts: word.number */
	bool trim_left, trim_right;
	char zeros; /* this pad is cut from the left ('0'), 0: none */
	uint32_t min_bytes, max_bytes;

	/* where it stands */
	struct range range[LAYOUT_RANGES]; /* fixed */
	uint8_t ranges;
	int16_t column; /* delimited: from 0; -1: by column_name */
	int16_t part;   /* delimited: component within the column, from 0; -1: all of it */
	const char *column_name;
	const struct pattern *pattern; /* its value is cut into others of the record */
	bool piece;                    /* it is one of these, or put together */
	uint16_t piece_of;             /* the field that is cut */
	const int16_t *join;           /* it is put together from the fields of these names; NULL: it is not */
	uint16_t joins;
	struct slice between;  /* and this stands between them */
	struct path path;      /* XML, JSON: below the path of its type */
	struct slice constant; /* value: stands nowhere */

	/* what it means */
	struct words words; /* count 0: any value */
	struct words must_be;
	struct words empty_is; /* these texts mean absent: "00000000", "NULL" */
	uint8_t empty_bytes;   /* fixed: and so does nothing but one of these bytes, as they stand in the file */
	char empty_byte[3];
	struct number_rule number;
	const struct date_rule *date;
	const char *separator; /* a set of codes in one field, NULL: one value */
	char flag_on, flag_off;
	struct words flags; /* position (from 0) as number -> code as text */
	/* a running number: each record of the type is step more than the one before */
	bool runs, runs_all; /* runs_all: counts the physical records, whatever their type */
	uint8_t runs_level;  /* starts again with each of these */
	int64_t runs_from, runs_step;
};

/* Does it stand in bytes that are no characters? */
static inline bool
field_is_raw(const struct field *f)
{
	const uint8_t sign = f->number.sign;

	return (f->type == FIELD_INTEGER || f->type == FIELD_AMOUNT) &&
	       (sign == SIGN_PACKED || sign == SIGN_PACKED_UNSIGNED || sign == SIGN_ZONED || sign == SIGN_BINARY);
}

enum condition_kind { IF_RANGE, IF_COLUMN, IF_LENGTH, IF_COLUMNS, IF_FIELD, IF_VERDICT };
enum condition_test { TEST_ANY_OF, TEST_BLANK, TEST_FILLED, TEST_DIGITS };

/* True when the place holds one of the values (or passes the test), or does not, when negated. */
struct condition {
	uint8_t kind, test;
	bool negate;
	struct range range;
	int16_t column, part;    /* IF_COLUMN: from 0; part of it between inner delimiters, -1 all of it */
	const char *column_name; /* IF_COLUMN: column is -1, and the header says where this one is */
	uint16_t named;          /* of those, which */
	int16_t slot;            /* IF_FIELD: the record's own field of that name, else the nearest level's */
	uint16_t values;
	struct slice *value;
	uint64_t number_min, number_max; /* IF_LENGTH, IF_COLUMNS; IF_VERDICT: mask in number_min */
};
struct conditions {
	uint16_t count;
	struct condition *all; /* all of them hold */
};

enum role {
	ROLE_HEADER,       /* opens a level */
	ROLE_ENTRY,        /* one normalised record */
	ROLE_ADDENDUM,     /* belongs to the entry before it */
	ROLE_CONTINUATION, /* goes on with the physical record before it */
	ROLE_TRAILER,      /* closes a level */
	ROLE_NOTE,         /* fields for controls only, changes no level */
	ROLE_NAME,         /* the file's name: a level around the file */
	ROLE_FILLER,       /* nothing */
};

/* One part of a record whose columns depend on its content. */
enum column_op {
	COLUMN_TAKE,   /* the next column is field `a` (-1: nobody's) */
	COLUMN_REST,   /* all that is left, delimiters too, is field `a` */
	COLUMN_IF,     /* unless the conditions hold, go on at op `a` */
	COLUMN_REPEAT, /* the columns up to op `a` are a row of type `type`, as often as `times` says */
	COLUMN_END,
};
struct column_step {
	uint8_t op;
	int16_t a;
	int16_t type;
	int16_t times_field; /* field with the number of times; -1: times */
	int32_t times;       /* -1: while there are columns */
	struct conditions when;
};

/* Fixed width: a group that repeats within the record, each a row of another type. */
struct repeat {
	int16_t type;
	uint32_t start, length;
	int32_t times; /* -1: to the end of the record */
	int16_t times_field;
	bool skip_blank; /* occurrences that are blank stand for nothing */
};

/* ROLE_HEADER: is its own verdict reported as a record? */
enum group_record {
	GROUP_RECORD_NO,
	GROUP_RECORD_REST, /* when nothing below names a transaction, or it speaks for those that are not named */
	GROUP_RECORD_EMPTY, /* when nothing below names one */
};

struct record_type {
	const char *name;
	uint8_t role;           /* enum role */
	uint8_t level;          /* ROLE_HEADER, ROLE_TRAILER: opened or closed; others: the one it stands in */
	uint8_t verdict;        /* enum verdict; VERDICT_NONE: by layout.verdict */
	bool optional;          /* ROLE_HEADER, ROLE_TRAILER: may be missing */
	int16_t instead_of;     /* another version of that type: one of the two is enough; -1 */
	uint32_t min, max;      /* per instance of the level it stands in; an addendum: per entry */
	bool explicit_close;    /* XML, JSON: the format says where it ends */
	bool nested;            /* only within a record of another type */
	uint8_t group_record;   /* enum group_record */
	int16_t group_count;    /* the field that says how many there are below; -1: none does */
	struct conditions when; /* count 0: whatever fits no other */
	struct conditions ignore_when;
	struct path path;                  /* XML, JSON: from the root */
	uint32_t min_length, max_length;   /* fixed: bytes of the record, 0: layout's */
	uint16_t min_columns, max_columns; /* delimited; 0: not checked here */
	struct range continuation;         /* ROLE_CONTINUATION, fixed: bytes that are appended */
	int16_t continuation_column;       /* ROLE_CONTINUATION, delimited: first column that is appended */
	bool continuation_joins;           /* its first column goes on with the last one before it */
	uint16_t fields;
	struct field *field;
	bool has_runs;       /* some field is a running number */
	bool has_dependents; /* some field needs another one of the record */
	uint16_t *order;     /* of evaluation: fields that need another one's value come after it */
	bool has_pattern;    /* some field is cut into others */
	uint16_t cut_from;   /* of order: from here on fields may be pieces of those before */
	int16_t *by_slot;    /* layout.slots entries: the field of that name, or -1 */
	uint16_t steps;
	struct column_step *step; /* columns:, NULL when fields say where they stand */
	uint16_t repeats;
	struct repeat *repeat;
	bool keeps; /* ROLE_ADDENDUM: does not replace what the entry says already */
	uint16_t totals;
	uint16_t *total;  /* of layout.total: those that its records add to */
	bool states_each; /* a note: a control is compared for each of them */
};

/* How the bytes are cut into physical records. */
enum framing { FRAME_LINES, FRAME_LENGTH, FRAME_PREFIX };
struct framing_rule {
	uint8_t kind;
	uint8_t newlines;      /* FRAME_LINES: enum newline_set, the first one seen holds for the file */
	unsigned char ends[4]; /* FRAME_LINES: own terminators, e.g. X'15' or '~' */
	uint8_t end_count;
	bool newline_after;      /* a newline after an own terminator is no part of the next record */
	int32_t end_declared_at; /* the terminator stands at this byte of the file, -1: no */
	uint32_t record_length;  /* FRAME_LENGTH */
	uint8_t prefix_bytes;    /* FRAME_PREFIX: 2 or 4 */
	bool prefix_little, prefix_counts_itself;
	bool rdw;    /* two bytes more, of zeros; the length counts all four */
	bool blocks; /* the same around blocks of records */
	bool last_newline_required, last_newline_forbidden;
	bool end_mark;       /* a closing 0x1A is no part of the content */
	uint8_t bom;         /* 0 refused, 1 allowed, 2 required */
	uint32_t skip;       /* preamble lines */
	const char *comment; /* lines that begin so, NULL: none */
	bool blank_lines;    /* empty lines are allowed, and nothing */
	int16_t padding;     /* byte that fills up the last block, -1: none */
	uint32_t multiple;   /* physical records are a multiple of this, 0: not checked */
};
enum newline_set { NEWLINE_LF = 1, NEWLINE_CRLF = 2, NEWLINE_CR = 4 };

struct delimited_rule {
	char delimiter[9];
	uint8_t delimiter_len;
	int32_t delimiter_declared_at; /* it stands at this byte of the file, -1: no */
	char inner[9];                 /* between the parts of a column, "" none */
	uint8_t inner_len;
	int32_t inner_declared_at;
	char quote;         /* 0: no quoting */
	char quote_in_file; /* the same as its encoding has it */
	char escape;        /* the quote itself: doubled; another: takes the meaning of the next byte; 0: none */
	bool quoted_newlines;
	bool header;         /* the first record has the columns' names */
	bool extra_columns;  /* columns that nobody asks for are allowed */
	bool extra_trailing; /* optional trailing columns: missing ones are empty */
	bool trim;           /* blanks around a column are no part of it */
	bool ends_with_delimiter;
	char record_end[4]; /* stands at the end of each record, within the line: "/" */
};

struct fixed_rule {
	uint32_t length;    /* of each record, 0: by type */
	bool trimmed;       /* records may lack blanks at their end */
	char blank;         /* a blank in the file's encoding */
	bool by_characters; /* positions count characters, not bytes */
};

struct xml_rule {
	const char *const *spaces; /* NULL-ended: the root is in one of these; NULL: in none */
	uint16_t prefixes;         /* other namespaces, by the prefix that the profile's paths use */
	struct xml_prefix {
		const char *name;
		const char *const *spaces;
	} * prefix;
};

/* An expression over totals and fields, in reverse Polish order. */
enum expression_op {
	EXPR_NUMBER, /* value */
	EXPR_FIELD,  /* field b of type a, as its last record in this level has it */
	EXPR_TOTAL,  /* total a */
	EXPR_LINES,  /* physical records of the level, its header and trailer included */
	EXPR_ADD,
	EXPR_SUBTRACT,
	EXPR_MULTIPLY,
	EXPR_DIVIDE, /* towards zero */
	EXPR_MODULO,
	EXPR_NEGATE,
};
#define EXPRESSION_OPS 64
struct expression {
	uint16_t count;
	struct expression_step {
		uint8_t op;
		int16_t a, b;
		int64_t value;
	} step[EXPRESSION_OPS];
};

/* What is summed over the records of a level. */
struct total_rule {
	int16_t type;           /* -1: all physical records that are of a type */
	uint8_t level;          /* starts at 0 with each of these */
	bool sum;               /* of each, else the records are counted */
	struct expression each; /* EXPR_FIELD of its own type only */
	struct conditions where;
	bool waits; /* of addenda, by the verdict of their entry, which is known when all of them are read */
	/* one for each value of a field: where currency = total.currency; -1: one of all */
	int16_t by_slot;           /* of the records that are summed */
	int16_t by_type, by_field; /* of the record that says what it is */
};

/* Two expressions that must be equal at the end of each of its level. */
struct control_rule {
	const char *name;
	const char *text; /* as the profile has it */
	uint8_t level;
	bool counts;     /* a count of records is among it: proves that nothing was cut */
	bool optional;   /* not compared where a field that it names is absent */
	bool by_verdict; /* whether accepted and rejected differ */
	struct expression stated, counted;
	int16_t by_type;              /* compared for each of these notes; -1: once at the end of the level */
	uint16_t first_total, totals; /* its counts and sums, of layout.total */
};

struct verdict_rule {
	struct conditions when;
	uint8_t verdict; /* enum verdict */
};
/* Verdicts beyond enum verdict that a word may stand for. */
enum { VERDICT_REST_ACCEPTED = 100 /* what this level does not name is accepted */, VERDICT_IGNORE = 101 };

struct container_rule {
	uint8_t kind[4]; /* enum container, from the outside */
	uint8_t count;
	const char *member; /* zip: pattern of a data file's name; "{name}" is the outer name without .zip */
	bool several;       /* zip: each data file is read as a file of its own; else there is one */
	const char *const *ignore; /* NULL-ended patterns of members that do not count */
};
enum container { CONTAINER_NONE, CONTAINER_GZIP, CONTAINER_ZIP };

enum utf16 { UTF16_NO, UTF16_BY_MARK, UTF16_LE, UTF16_BE };

struct layout_limits {
	int64_t file_bytes, records;
	uint32_t record_bytes, field_bytes, columns, depth, attributes, attribute_bytes, expansion;
};

struct layout {
	uint8_t format;       /* enum layout_format */
	const char *encoding; /* iconv's name; "UTF-8", "ASCII" */
	uint8_t utf16;        /* enum utf16: encoding is UTF-8, which it is made before anything looks at it */
	const char *zone;     /* IANA name; "UTC" */
	const char *programme;
	struct container_rule container;
	struct framing_rule framing;
	struct delimited_rule delimited;
	struct fixed_rule fixed;
	struct xml_rule xml;
	struct layout_limits limits;

	bool hold_bad; /* a bad value marks the record, not the file: the profile's rule for all fields */
	uint8_t levels;
	const char *level_name[LAYOUT_LEVELS];
	uint16_t types;
	struct record_type *type;
	uint16_t named_conditions; /* of all types' when: those of a column's name */
	uint16_t slots;
	const char *slot_name[LAYOUT_SLOTS];

	int16_t verdict_slot; /* field whose words are verdicts, -1: rules */
	uint16_t verdict_rules;
	struct verdict_rule *verdict_rule;

	uint16_t totals;
	struct total_rule *total;
	uint16_t controls;
	struct control_rule *control;

	struct name_pattern *name; /* NULL: any name; file_name.h */
	const char *lists;         /* "all", "rejects", "accepted": what the partner lists */
	const char *partner;
};

/* Is the content another than the file itself? */
static inline bool
layout_is_packed(const struct layout *layout)
{
	return layout->container.count > 0 || layout->utf16 != UTF16_NO;
}

/* Bytes of content that a file of this size can have at most. */
static inline int64_t
layout_content_most(const struct layout *layout, int64_t packed)
{
	const int64_t most = layout->limits.file_bytes;

	if (layout->container.count == 0)
		return layout->utf16 != UTF16_NO ? packed + packed / 2 + 1 : packed; /* two bytes may become three */
	return packed > most / layout->limits.expansion ? most : packed * layout->limits.expansion;
}

#endif
