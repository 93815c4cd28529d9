/*
 * Writing down what was decided, in the open transaction: the file's row, what
 * the parser reported, and either its hold or its postings, outcomes with their
 * leaves, holds and tie-out; last the head.  What does not add up is not
 * committed.
 */
#ifndef HANDBACK_RECONCILE_POST_POST_H
#define HANDBACK_RECONCILE_POST_POST_H

#include "lib/hash/sha256.h"
#include "reconcile/decide/decide.h"

/* What a file is, whatever is in it. */
struct delivery {
	const char *source, *partner, *profile;
	const uint8_t *profile_sha256;
	const char *name; /* bytes, NUL-ended */
	uint8_t sha256[SHA256_BYTES];
	int64_t bytes;
	int64_t seen_at;                /* µs since 1970 UTC */
	int64_t release_of;             /* the held file that it was; 0: it was delivered */
	const struct name_facts *facts; /* what its name says */
	const char *statement;          /* the part of that which says which file it is (name_statement) */
	int64_t again_of;               /* the same file as it came before and was closed; 0: it did not */
};

struct posted {
	int64_t file_id;
	int64_t decided_at; /* µs since 1970 UTC */
	const char *state;  /* "posted", "held", "duplicate" */
};

enum post_end {
	POST_DONE,
	POST_DATABASE,  /* *ret_status */
	POST_DIFFERENCE /* it does not add up: message says where; roll back */
};

/* The partner's number, 0 before its first file. */
enum pg_status post_partner_known(struct pg *pg, const char *partner, int64_t *ret_partner_id);
/* The same; made at its first file. */
enum pg_status post_partner(struct pg *pg, const char *partner, int64_t *ret_partner_id);

/* The same file as an earlier one: a row and a head of its own, no postings. */
enum pg_status post_duplicate(struct pg *pg, const struct delivery *delivery, int64_t duplicate_of,
                              struct posted *ret);

/* A file that decide_file has decided; *effect follows what the ledger refuses (outcomes_post).
 * message[LIMIT_MESSAGE_BYTES] is set with POST_DIFFERENCE. */
enum post_end post_file(const struct decide *d, const struct delivery *delivery, struct effect *effect,
                        struct posted *ret, enum pg_status *ret_status, char *message);

#endif
