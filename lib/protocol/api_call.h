/*
 * What handback-gate (who asks) and handback-api send each other: calls of the redemption API, as packets
 * over a SOCK_SEQPACKET connection (lib/protocol/channel.h, message.h).  Many calls are under way at once:
 * each answer names its call.  Which fields go with which call: the table in api_call.c.
 *
 * The gate has read the caller's HTTP and JSON; what it sends is typed and bounded, and is believed no more
 * than that.  The token is the caller's: only handback-api can tell whether it is good.
 */
#ifndef HANDBACK_PROTOCOL_API_CALL_H
#define HANDBACK_PROTOCOL_API_CALL_H

#include "lib/protocol/contract.h"

#define API_TOKEN_BYTES 1024
#define API_REQUEST_ID_BYTES 64
#define API_KEY_BYTES 255
#define API_MEMBER_BYTES 320   /* an e-mail address at its longest (RFC 5321) */
#define API_MERCHANT_BYTES 200 /* after it: control characters are refused, too */
#define API_AMOUNT_BYTES 40
#define API_CLIENT_BYTES 63
#define API_SECRET_BYTES 128
#define API_REFERENCE_BYTES 36
#define API_AUDIENCE_BYTES 500
#define API_PARTNER_BYTES 64 /* a partner, an account there, a sponsor */
#define API_WHY_BYTES 200    /* a caller's reason */
#define API_TIME_BYTES 40
#define API_ROWS 100 /* of one call */
#define API_SIGNATURES_BYTES 400
#define API_WEBHOOK_BYTES 2500 /* escaped it is still one message */
#define API_PROGRAMME_BYTES 200
#define API_CATEGORY_BYTES 200 /* several, with commas */
#define API_WORD_BYTES 63      /* a partner, a state */
#define API_DAY_BYTES 10       /* 2026-01-31 */
#define API_REASON_BYTES 400
#define API_VALUE_BYTES 1200
#define API_JSON_BYTES 12000 /* escaped it is still one message */

enum api_message {
	/* to the api */
	API_TOKEN,        /* client_id and secret for a token */
	API_AUTHORIZE,    /* is the token good?  For a call that the gate refuses itself, or (with its source) for
	                   * the end of a file that was let in */
	API_AVAILABLE,    /* what a member may redeem */
	API_REDEEM,       /* takes points */
	API_REVERSE,      /* gives them back */
	API_REDEMPTION,   /* what became of it */
	API_REQUEST,      /* what a key was answered */
	API_TRANSACTIONS, /* a page of a member's entries */
	API_ENTRIES,      /* a page of a programme's, by category, member, merchant ... */
	API_SEND,         /* a file is to come: who takes it? */
	API_SENT,         /* it is whole, and has its name in the spool */
	API_FILE,         /* what became of it */
	API_POINTS,       /* a row of points requests: takes points that a partner is asked to credit */
	API_POINTS_OF_KEY, /* what became of the request of a key */
	API_POINTS_BATCH,  /* what became of the rows of a call */
	API_ENTER,         /* a member's way into the catalogue */
	API_EXCHANGE,      /* the shop's: a code for a session */
	API_RATE,          /* the shop's: what points are worth in it */
	API_BALANCE,       /* the shop's, in a session: what the member may redeem */
	API_PROFILE,       /* what the shop may know of the member */
	API_ORDER,         /* takes an order's points */
	API_REFUND,        /* gives them back */
	API_DELIVER,       /* the shop's, signed: what became of an order's voucher */
	/* from it */
	API_ANSWER,
	API_HANDOVER, /* to API_SEND, with the connection to a handback-receive: lib/protocol/receive_job.h */
	API_MESSAGES
};

/* Texts that are NULL, and numbers that are 0 where they may be absent, are not sent. */
struct api_call {
	int64_t id; /* the gate's, above 0: the answer has it */
	const char *request_id, *token;
	const char *client_id;
	const char *secret; /* of a client; of the shop: a code, or a session's auth_token */
	int64_t programme;  /* as the caller stated it */
	const char *member, *merchant, *amount, *reference, *key;
	int64_t points, type;
	int64_t before, after; /* of a page: entries (of a batch: rows) before or after this one */
	const char *category, *state, *from, *to; /* of entries; the last two are days */
	const char *source, *name, *sha256;       /* of a file; the hash in hex */
	int64_t bytes;
	const char *audience; /* where the shop took the code */
	/* of a row of points requests, beside key, member and points; its call is the reference */
	const char *account, *partner, *reason, *not_before, *sponsor;
	int64_t row;
	const char *code;       /* of a programme */
	const char *signatures; /* over the key, the time and the body */
	const char *body;
	int64_t at; /* when it was signed: seconds since 1970 */
	/* of an order the key is its number, the amount its points, the member the shop's unique_id */
};

enum api_value {
	API_VALUE_NONE,
	API_VALUE_TEXT,    /* a reference, a token */
	API_VALUE_INTEGER, /* a balance */
	API_VALUE_TRUE,
	API_VALUE_JSON, /* a whole value, as the database wrote it */
};

struct api_answer {
	int64_t id;
	int64_t status;     /* of HTTP */
	const char *code;   /* of the contract: three digits */
	const char *reason; /* ours, in a header and the log; no member's data; NULL: none */
	enum api_value kind;
	const char *value;
	int64_t expires_s;     /* of a token: since 1970 UTC */
	int64_t retry_after_s; /* when asking again may help */
	int64_t batch;         /* how many calls were answered together; 0: not told */
	bool again;            /* the first answer of this key */
};

/* HTTP's status of an answer with this code: the contract's business answers are 200, whatever they say. */
int api_status(const char *code);

extern const struct contract api_contract;

/* False: a value is out of bounds, and nothing may be sent. */
bool api_call_encode(struct message_line *ret, enum api_message message, const struct api_call *call);
/* An enum api_message, or -1 with a sentence in why[].  Texts point into the line, which is written into. */
int api_call_decode(struct api_call *ret, char *line, char *why, size_t why_size);

bool api_answer_encode(struct message_line *ret, const struct api_answer *answer);
bool api_handover_encode(struct message_line *ret, int64_t id);
/* API_ANSWER or API_HANDOVER, of which only the id is set; passed: it came with a descriptor.  -1 with a
 * sentence in why[] for anything else. */
int api_answer_decode(struct api_answer *ret, char *line, bool passed, char *why, size_t why_size);

#endif
