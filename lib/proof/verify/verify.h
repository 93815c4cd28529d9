/*
 * The proof, checked: docs/architecture.md, "The proof".  Rebuilds each head
 * from the tables, each tree from the outcome rows with the debits and
 * reversals as the ledger shows them now, hashes every kept file, and compares
 * holds with what is held and balances with entries.  Goes on after a
 * difference, so that an old one never hides a new one.
 *
 * Everything is read in the transaction that the caller has open: one snapshot.  Nothing is locked: where a
 * kept file is gone by then, that transaction is ended, and whether retention purged it meanwhile is asked.
 */
#ifndef HANDBACK_PROOF_VERIFY_VERIFY_H
#define HANDBACK_PROOF_VERIFY_VERIFY_H

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/db/pg.h"
#include "lib/hash/sha256.h"
#include "lib/proof/checkpoint.h"
#include "lib/proof/merkle.h"

enum verify_end {
	VERIFY_EQUAL,
	VERIFY_DIFFERS,  /* found, count, of which not all are accepted */
	VERIFY_DATABASE, /* status, and pg_why() */
	VERIFY_MEMORY,
	VERIFY_HIDDEN, /* the login may not read all that is compared: hidden */
};

enum { VERIFY_ID = 16 }; /* bytes of what a difference is called */

/* What was found, and what it should be. */
struct verify_difference {
	int64_t number;                    /* 1, 2 ... in the order in which they were found */
	char id[TEXT_HEX_SIZE(VERIFY_ID)]; /* of where it is and what it says */
	bool accepted;                     /* by two people: as accepted_by says */
	char accepted_by[LIMIT_MESSAGE_BYTES];
	const char *part;  /* "head", "file", "event", "outcome", "debit", "reversal", "hold" ... (static text) */
	int64_t head_no;   /* 0: none */
	int64_t file_id;   /* 0: none */
	int64_t record_no; /* 0: none */
	int64_t byte_offset, byte_length;    /* of the record; -1: unknown */
	char file[4 * LIMIT_NAME_BYTES + 1]; /* its name, escaped; "" for none */
	char message[2 * LIMIT_MESSAGE_BYTES];
};

enum { VERIFY_KEPT = 1000 }; /* differences that are kept to be shown; the rest is counted */

struct verify_counts {
	int64_t heads, records, files, bytes;
	int64_t waiting; /* files that are decided and not yet archived: their bytes were not looked at */
	int64_t purged;  /* files whose copies retention purged, as the audit trail has it: no bytes to look at */
	char purged_first[12], purged_last[12]; /* the days of that, UTC: 2026-01-31 */
	int64_t elsewhere;         /* files of sources that are none of this spool's, and that it does not have */
	char elsewhere_source[64]; /* the first of those sources */
	bool balances;             /* the ledger has balances that were compared */
	int64_t checkpoints;       /* that were signed and fit the chain */
	int64_t checkpoint_heads;  /* of the newest of them */
	int64_t head_no;           /* the last, 0 for none */
	char head_hash[TEXT_HEX_SIZE(SHA256_BYTES)];
};

/* What was signed before, and the tree of heads as far as it was read. */
struct verify_checkpoints {
	struct checkpoint *list; /* in the order of the heads */
	size_t count, at;
	struct merkle tree;
	bool open, differs;
};

struct verify {
	struct pg *pg;
	int spool;                  /* open directory; -1: kept files are not looked at */
	const char *const *sources; /* whose files this spool has to have; NULL: all */
	size_t source_count;
	/* Called now and then, with a static text for what is being done; NULL is fine. */
	void (*progress)(void *context, const char *what, const char *unit, int64_t done, int64_t total);
	void *context;
	/* A head that was noted outside of the database: it has to be there, with this hash.  0: none. */
	int64_t known_head;
	char known_hash[TEXT_HEX_SIZE(SHA256_BYTES)];

	/* The file of checkpoints, and the keys that may have signed them; NULL: none. */
	const char *checkpoints;
	bool checkpoints_may_be_missing; /* none was signed yet */
	const struct checkpoint_key *keys;
	size_t key_count;

	enum pg_status status;
	char hidden[64]; /* tables of the ledger, for a message */
	struct verify_counts counts;
	struct verify_difference *found; /* the first VERIFY_KEPT of count; verify_free */
	int64_t count;
	int64_t accepted;      /* of them two people accepted so many */
	struct checkpoint now; /* of all heads; chain_differs: not one to sign */
	bool chain_differs;    /* of the differences some are of the chain itself or of what was signed of it */
	struct verify_checkpoints signed_before;
};

/* The caller sets what stands before status, the rest is zero, and calls verify_free whatever comes of it. */
enum verify_end verify_run(struct verify *v);
void verify_free(struct verify *v);

#endif
