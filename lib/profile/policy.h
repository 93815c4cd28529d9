/*
 * A compiled profile's second half: how the answers of a partner are judged.
 * Plain data for reconcile/ and ctl/; the parser does not look at it.
 */
#ifndef HANDBACK_PROFILE_POLICY_H
#define HANDBACK_PROFILE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record says of the redemption it means; a match key uses one or more. */
enum key_part {
	KEY_EXTERNAL_REFERENCE = 1 << 0,
	KEY_OUTBOUND_REFERENCE = 1 << 1,
	KEY_PARTNER_REFERENCE = 1 << 2,
	KEY_OUTBOUND_LINE = 1 << 3,
	KEY_MEMBER = 1 << 4,
	KEY_POINTS = 1 << 5,
	KEY_DATE = 1 << 6,
	KEY_AMOUNT = 1 << 7,
	KEY_MERCHANT = 1 << 8,
	KEY_TRANSACTION_TYPE = 1 << 9,
};
#define POLICY_KEYS 8

/* The references that a key has (a line is one of our reference's), of the first three. */
uint32_t policy_references(uint32_t key);
/* The references that, where a record states them, rule over what its key number i finds: those of the keys
 * before it, and all of the profile's where it has none itself. */
struct policy;
uint32_t policy_stronger(const struct policy *policy, int i);

/* What must agree between a record and its debit, where the record states it. */
enum check {
	CHECK_PROGRAMME = 1 << 0,
	CHECK_MEMBER = 1 << 1,
	CHECK_POINTS = 1 << 2,
	CHECK_CURRENCY = 1 << 3,
	CHECK_AMOUNT = 1 << 4,
	CHECK_MERCHANT = 1 << 5,
	CHECK_TRANSACTION_TYPE = 1 << 6,
};

enum split { SPLIT_NONE, SPLIT_REFERENCE, SPLIT_LINE }; /* by what one part of an answer is known */
enum lists { LISTS_ALL, LISTS_REJECTS, LISTS_ACCEPTED };
enum hold_or_continue { POLICY_HOLD, POLICY_CONTINUE }; /* gap, resubmission */
enum late_reject { LATE_REJECT_HOLD, LATE_REJECT_REVERSE };
enum resets { RESETS_NEVER, RESETS_DAILY, RESETS_MONTHLY, RESETS_YEARLY }; /* what a period of numbers is */
enum guard_of { GUARD_OF_FILE, GUARD_OF_OPEN_ITEMS };
enum order_by { ORDER_NONE, ORDER_SEQUENCE, ORDER_BUSINESS_DATE };
enum reason_action { REASON_HOLD, REASON_REVERSE, REASON_ACCEPT, REASON_RETRY };
extern const char *const reason_action_words[]; /* ended by NULL */

enum acknowledges {
	ACKNOWLEDGES_NOTHING,
	ACKNOWLEDGES_ROWS,
	ACKNOWLEDGES_WHOLE
}; /* a request file of ours */

struct reason_rule {
	const char *code;  /* the partner's */
	const char *means; /* our taxonomy: a word of a-z and _ */
	enum reason_action action;
};

/* Files that must come, delivery by delivery of a calendar. */
struct expected_file {
	const char *name;   /* of the kind: "daily" */
	const char *zone;   /* IANA */
	int32_t due_minute; /* of the day, in zone */
	uint8_t days;       /* bit 0 Monday ... bit 6 Sunday */
	int32_t grace_minutes;
	int32_t count;        /* how many */
	int32_t days_back;    /* so many expected days before it the date of its file may lie */
	bool empty;           /* an empty one comes when there is nothing */
	const char *names;    /* a shell pattern of * and ?; NULL: what no other kind names */
	const char *holidays; /* as the policy's; NULL: it comes on holidays, too */
};

/* The file comes encrypted or signed by OpenPGP, around whatever container it has. */
struct policy_openpgp {
	bool wanted;
	bool encrypted;                            /* for our key */
	bool signature;                            /* by one of the partner's signers */
	bool weak_sha1, weak_ripemd160, weak_keys; /* signatures that are made so count, too */
	int64_t expansion; /* limits: how many times the encrypted size the content may have */
};

/* What a line of the partner's answer says: its own words about its own file, and our reason. */
enum reject_column {
	REJECT_RECORD,    /* number from 1; empty for the whole file */
	REJECT_REFERENCE, /* what the record named */
	REJECT_REASON,
	REJECT_VERDICT,
	REJECT_POINTS,
	REJECT_CODES,
	REJECT_OFFSET,
	REJECT_LENGTH,
	REJECT_FIELD, /* of a refusal, and the value there */
	REJECT_VALUE,
	REJECT_MESSAGE,
	REJECT_COLUMNS
};
extern const char *const reject_column_words[REJECT_COLUMNS + 1];

/* A file for the partner with the records that were not accepted. */
struct policy_rejects {
	const char *name; /* of the file: {name} and {sha256} are filled in; NULL: none is made */
	enum reject_column *column;
	const char **title; /* of each column */
	size_t columns;
	bool header, always; /* a first line with the titles; also when there is nothing to list */
	bool for_spreadsheet;
	char delimiter;
	const char *newline;
};

/* How far what was fulfilled may be from what was redeemed; -1: not said.  Neither said: not at all. */
struct policy_tolerance {
	int64_t most;
	int32_t permille; /* of what was redeemed */
};

struct policy {
	const char *partner;
	const char *programme;     /* the one, or NULL: each record names it */
	const char *zone;          /* IANA; of business days */
	const char *holidays;      /* the list of days that are none of business: a name; NULL: none */
	int64_t file_bytes;        /* limits: of a file, as it comes and opened */
	uint32_t key[POLICY_KEYS]; /* enum key_part, or'ed; tried in order */
	int keys;
	int32_t match_days; /* a redemption may lie so many days before the record's date; -1: not said */
	bool weaker_key;    /* a stated reference that is unknown leaves the record to a weaker key */
	uint32_t checks;    /* enum check, or'ed */
	/* an accepted record may state so much more or less than was redeemed; both bind where both are said */
	struct policy_tolerance points_tolerance, amount_tolerance;
	enum split split;
	int group;        /* the key whose reference several redemptions may share, from 1; 0: none */
	bool corrections; /* records may replace earlier ones */
	enum lists lists;
	enum late_reject late_reject;
	enum hold_or_continue gap, resubmission;
	enum order_by order_by;
	int32_t unknown_days;     /* days an unknown reference is tried again */
	int32_t answer_within;    /* business days until an expected answer is overdue; 0: not watched */
	const char *hold_members; /* statuses of members whose rejects are held, as in "{Cancelled,Blocked}";
	                             NULL: none */
	int32_t reversal_days;    /* a reject later than this after the debit is held; 0: no limit */
	/* the guard: more than this holds the file; -1: not watched */
	int64_t guard_rejects, guard_points;
	int32_t guard_share; /* per cent of what guard_of says */
	enum guard_of guard_of;
	int32_t guard_history_files; /* that the partner's own history is; 0: it is not looked at */
	int64_t guard_history_times; /* more rejects than so many times what was usual there */
	int64_t guard_least;         /* so few are never too great a share */
	int32_t guard_unmatched; /* more unknown references than this share hold the file as nothing_matches */
	enum acknowledges acknowledges;
	int32_t acknowledged_within; /* minutes from the request file on; 0: not expected */
	int64_t first_number;        /* of the first file that there ever is */
	enum resets resets;          /* when numbers begin again; told by the business date */
	int64_t number_after;        /* and so they do after this one; 0: they do not */
	int64_t number_jump;         /* a number that is further beyond the last holds the file */
	int32_t days_ahead;          /* and so does a day that is further ahead of ours */
	struct reason_rule *reason;  /* sorted by code */
	size_t reasons;
	enum reason_action unknown_reason; /* for a code that is not listed */
	bool accepted_carries;        /* a record that is not rejected may have such codes: they are remarks */
	enum reason_action no_reason; /* for a reject without any code */
	struct expected_file *expected;
	size_t expected_files;
	struct policy_openpgp openpgp;
	struct policy_rejects rejects;
};

/* The rule for a code, or NULL. */
const struct reason_rule *policy_reason(const struct policy *policy, const char *code, size_t len);

#endif
