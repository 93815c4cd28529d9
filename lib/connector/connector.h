/*
 * Connectors: how a target is told, as a profile in YAML.  For each kind of object it says where to and in
 * which shape; `${field}` stands for a field of ours, alone with its own type, within a text as text.
 *
 *     method: PATCH
 *     batch: 200
 *     objects:
 *       redemption:
 *         url: "https://crm.example/composite/sobjects/Redemption__c/External_Reference__c"
 *         record: {External_Reference__c: "${reference}", Status__c: "${state}", Points__c: "${points}"}
 *         body: {allOrNone: false, records: "${records}"}
 *
 * Without a body the body is the record.  login says by which credentials it is logged in, answer what the
 * target's answers mean: docs/connectors.md has all keys.  No name of a vendor is known here.
 */
#ifndef HANDBACK_CONNECTOR_CONNECTOR_H
#define HANDBACK_CONNECTOR_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct problems;

/* A redemption's newest state, a member's balance, one line of the transaction log. */
enum connector_kind { CONNECTOR_REDEMPTION, CONNECTOR_BALANCE, CONNECTOR_LOG, CONNECTOR_KINDS };
/* As handback.claim_delivery calls them; NULL behind the last. */
extern const char *const connector_kinds[CONNECTOR_KINDS + 1];

#define CONNECTOR_BATCH_MOST 1000
#define CONNECTOR_URL_BYTES 2048
#define CONNECTOR_READ_URL_BYTES 12288 /* with the keys of a batch */
#define CONNECTOR_LOGINS 3
#define CONNECTOR_HEADERS 16
#define CONNECTOR_VALUE_BYTES 1024 /* of a header */
#define CONNECTOR_CODE_BYTES 200   /* of what a target calls a result */
#define CONNECTOR_WAIT_S 86400

struct connector;

/* NULL where it has errors, which are in p with their places.  text need not be NUL-ended. */
struct connector *connector_compile(const char *text, size_t len, struct problems *p);
void connector_free(struct connector *c); /* NULL is fine */

/* Is the target told of this kind?  Then it has a URL. */
bool connector_has(const struct connector *c, enum connector_kind kind);
/* As the connector has it, with ${fields} where one request tells of one object; of a file what its name
 * begins with. */
const char *connector_url(const struct connector *c, enum connector_kind kind);
const char *connector_method(const struct connector *c);
/* How many objects one request may tell of. */
size_t connector_batch(const struct connector *c);

/*
 * The body of one request that tells of these objects (handback.redemption_object, balance_object,
 * log_object), at least one and at most a batch.  A text that is made of a field that is null is null itself.
 * The caller frees it; NULL with a sentence in why[]: no memory, or an object lacks what the connector names.
 */
char *connector_body(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                     size_t count, char *why, size_t why_size);

/* Is its body XML?  Then it has CONNECTOR_LOGIN_PLACE once where a login of LOGIN_WSSE goes: no field's value
 * can look like that. */
#define CONNECTOR_LOGIN_PLACE "${login}"
bool connector_is_xml(const struct connector *c, enum connector_kind kind);

/* ---- by files ---- */

/* Is it a system that takes nothing but files?  Then it is told of all its kinds so, and by no request. */
bool connector_is_file(const struct connector *c);
int64_t connector_file_every_s(const struct connector *c); /* a file at most so often, where few wait */
/* The name of the file of this kind in a delivery, whose number it ends with. */
void connector_file_name(const struct connector *c, enum connector_kind kind, const char *number, char *buf,
                         size_t size);
/* The file that tells of these objects, as connector_body. */
char *connector_file(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                     size_t count, char *why, size_t why_size);

/* ---- how a request is sent ---- */

/* May its hosts have addresses of private networks? */
bool connector_is_private(const struct connector *c);
/* The credential that holds the certificates that are trusted; NULL: the system's. */
const char *connector_ca(const struct connector *c);
int64_t connector_timeout_ms(const struct connector *c);
/* All that a request may go to: i from 0, NULL behind the last. */
const char *connector_any_url(const struct connector *c, size_t i);

/* A template with its fields from the object.  In a URL what would not be a part of a path or a query is
 * %-encoded.  The caller frees it; NULL with a sentence in why[]: a field is null, no memory, or for a
 * header a value has a control character or is too long. */
char *connector_request_url(const struct connector *c, enum connector_kind kind, const struct json *object,
                            char *why, size_t why_size);
char *connector_header_value(const char *template, const struct json *object, char *why, size_t why_size);
/* The name and the template of its own header i; false behind the last. */
bool connector_header(const struct connector *c, size_t i, const char **ret_name, const char **ret_template);

enum connector_login_kind {
	LOGIN_BASIC,              /* user, secret */
	LOGIN_HEADER,             /* name, begins, secret */
	LOGIN_BODY,               /* name, secret */
	LOGIN_CLIENT_CREDENTIALS, /* url, user, secret, scope, basic */
	LOGIN_JWT_BEARER,         /* url, user, subject, audience, secret: the private key, scope */
	LOGIN_SAML_BEARER,        /* the same; the assertion is one of SAML 2.0 */
	LOGIN_WSSE,               /* user, secret: WS-Security, where the XML has ${login} */
	LOGIN_SIGNATURE,          /* secret, second, id: a member of the body */
	LOGIN_MAC,                /* user: the key's id, secret */
	LOGIN_KINDS
};
extern const char *const connector_login_kinds[LOGIN_KINDS + 1];

/* Texts that the kind does not have are NULL; secret, second: names of credentials. */
struct connector_login {
	enum connector_login_kind kind;
	const char *url, *user, *secret, *second, *name, *begins, *subject, *audience, *scope, *id;
	bool basic; /* user and secret go as a header, not in the body */
};

/* Login i; NULL behind the last. */
const struct connector_login *connector_login(const struct connector *c, size_t i);
/* Is it by a token that is asked for? */
bool connector_login_has_token(const struct connector_login *login);
/* What else is told where the token is asked for: pair i; false behind the last. */
bool connector_login_form(const struct connector *c, const struct connector_login *login, size_t i,
                          const char **ret_name, const char **ret_value);

/* ---- what an answer means ---- */

enum connector_result {
	CONNECTOR_DELIVERED,
	CONNECTOR_RETRY,
	CONNECTOR_HELD,
	CONNECTOR_STOP,
	CONNECTOR_RESULTS
};

struct connector_answer {
	int status;
	const char *body; /* NUL-ended behind length */
	size_t length;
	const char *retry_after, *limit, *remaining; /* the values of these headers; NULL: none */
	int64_t now_s;                               /* since 1970 */
};

struct connector_row {
	enum connector_result result;
	int status;                          /* the target's own of the row; 0: none */
	char code[CONNECTOR_CODE_BYTES + 1]; /* without control characters; "": none */
};

struct connector_verdict {
	enum connector_result result;
	bool renew;                          /* the token was refused: with a new one it may be taken */
	int64_t wait_s;                      /* 0: not told */
	int64_t used, whole;                 /* of a limit; whole 0: not told */
	char why[CONNECTOR_CODE_BYTES + 64]; /* "": there is nothing to say */
};

/* What the header Retry-After asks for, as seconds or a date: 1 to CONNECTOR_WAIT_S; 0: it says nothing. */
int64_t connector_retry_after(const char *text, int64_t now_s);

/* The header that tells a limit, and the one that tells how much of it remains; NULL: none. */
const char *connector_limit_header(const struct connector *c);
const char *connector_remaining_header(const struct connector *c);
/* For how long nothing is sent once four fifths of it are used. */
int64_t connector_limit_pause_s(const struct connector *c);

/*
 * What an answer to a request that told of these objects means, for all (ret) and for each (ret_rows, count
 * of them, never CONNECTOR_STOP).  An answer that is not what the connector promises delivers nothing.
 */
void connector_judge(const struct connector *c, enum connector_kind kind, const struct json *const *objects,
                     size_t count, const struct connector_answer *answer, struct connector_row *ret_rows,
                     struct connector_verdict *ret);

/* ---- in bulk ---- */

/*
 * A kind whose connector has `bulk` is told of many at once by a job of the target: it is created, gets them
 * as CSV, is closed, and is asked for until it has ended; then its lists say what came of each row, by a
 * column that is our key.
 */
#define CONNECTOR_BULK_MOST 10000
#define CONNECTOR_BULK_ANSWER_BYTES (16 << 20)
#define CONNECTOR_JOB_BYTES 200

enum connector_step {
	STEP_NONE, /* no job: a request of a batch */
	STEP_CREATE,
	STEP_UPLOAD,
	STEP_CLOSE,
	STEP_POLL,
	STEP_TAKEN,   /* the list of rows that were taken; the first of those that results are */
	STEP_REFUSED, /* of those that were not */
	STEP_LEFT,    /* of those that nobody looked at */
	CONNECTOR_STEPS
};

enum connector_job_state { JOB_UNKNOWN, JOB_OPEN, JOB_GOING, JOB_ENDED, JOB_FAILED, JOB_GONE, JOB_STATES };

/* From how many objects of a delivery on they go in bulk; 0: they never do. */
size_t connector_bulk_from(const struct connector *c, enum connector_kind kind);
/* Has its job this step?  Those of connector_bulk_from have all but STEP_LEFT. */
bool connector_has_step(const struct connector *c, enum connector_kind kind, enum connector_step step);
const char *connector_step_method(const struct connector *c, enum connector_kind kind,
                                  enum connector_step step);
bool connector_step_is_csv(enum connector_step step); /* what goes, or what comes */

/* As those of a request; job NULL: of STEP_CREATE.  The body is "" of a step without one. */
char *connector_step_url(const struct connector *c, enum connector_kind kind, enum connector_step step,
                         const char *job, char *why, size_t why_size);
char *connector_step_body(const struct connector *c, enum connector_kind kind, enum connector_step step,
                          const struct json *const *objects, size_t count, char *why, size_t why_size);

/* What the answer to a step before the lists means.  ret_job: of STEP_CREATE that was delivered.  *ret_state:
 * of STEP_POLL; of others JOB_UNKNOWN.  A job that failed is not delivered, with its code as why. */
void connector_judge_step(const struct connector *c, enum connector_kind kind, enum connector_step step,
                          const struct connector_answer *answer, char ret_job[CONNECTOR_JOB_BYTES + 1],
                          enum connector_job_state *ret_state, struct connector_verdict *ret);

/*
 * One of the lists, laid beside the objects: rows that it names are set, and marked in seen (count of each,
 * the caller's, zeroed before the first).  A row that two lists name is not delivered.  False: it was not
 * such a list, and *ret says what that means; *ret_gone: the target has the job no more.
 */
bool connector_read_list(const struct connector *c, enum connector_kind kind, enum connector_step step,
                         const struct json *const *objects, size_t count,
                         const struct connector_answer *answer, bool *seen, struct connector_row *rows,
                         bool *ret_gone, struct connector_verdict *ret);

/* By what objects are kept apart: no two requests that are under way have the same, since the target locks
 * it.  The caller frees it; NULL: it has none, or (why) no memory. */
bool connector_has_parent(const struct connector *c, enum connector_kind kind);
char *connector_parent(const struct connector *c, enum connector_kind kind, const struct json *object);

/* ---- reading back ---- */

/* What a row's code is of an object that the target has not as it was told: that alone, or with the path
 * where it differs behind it. */
#define CONNECTOR_MISSING "missing"
#define CONNECTOR_DIFFERS "differs: "

/* Can the target be asked for this kind?  For how many at once, and by which method (GET or POST). */
bool connector_reads(const struct connector *c, enum connector_kind kind);
size_t connector_read_batch(const struct connector *c, enum connector_kind kind);
const char *connector_read_method(const struct connector *c, enum connector_kind kind);

/* The question for these objects: its URL, and its body ("" of a GET).  The caller frees each; NULL with a
 * sentence in why[]. */
char *connector_read_url(const struct connector *c, enum connector_kind kind,
                         const struct json *const *objects, size_t count, char *why, size_t why_size);
char *connector_read_body(const struct connector *c, enum connector_kind kind,
                          const struct json *const *objects, size_t count, char *why, size_t why_size);

/* As connector_judge: an object that the target has as it ought to is delivered, one that it has not is held
 * with its code.  An answer that is a part only is held as a whole: ask for fewer. */
void connector_judge_read(const struct connector *c, enum connector_kind kind,
                          const struct json *const *objects, size_t count,
                          const struct connector_answer *answer, struct connector_row *ret_rows,
                          struct connector_verdict *ret);

#endif
