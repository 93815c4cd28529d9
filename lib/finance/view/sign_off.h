/*
 * A month's end: who prepared, reviewed and signed its figures (the roll-forward), each sealed by a head of the audit trail, and what has changed
 * since.  That three people do it is held by the database.
 */
#ifndef HANDBACK_FINANCE_VIEW_SIGN_OFF_H
#define HANDBACK_FINANCE_VIEW_SIGN_OFF_H

#include "lib/base/text.h"
#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"
#include "lib/hash/sha256.h"

extern const char *const sign_off_steps[]; /* in their order, up to NULL */

#define SIGN_OFF_SEEN_SIZE TEXT_HEX_SIZE(SHA256_BYTES)

/* Adds the tables "sign_off" and "changes" to a document, within the caller's transaction; now: the roll-forward of that month. */
int sign_off_add(const struct query *q, struct document *d, const struct period *month, const struct table *now);

/* Both, from one snapshot.  A document may come with EXIT_PROOF, too: a figure is another than the one that was prepared.  seen is of the
 * figures as they are now. */
int sign_off_take(const struct query *q, const struct period *month, char ret_seen[SIGN_OFF_SEEN_SIZE], struct document **ret);

/* One step as the session's person, who sees the figures as they are now, or saw them before: seen, where it is not NULL; why may be NULL.
 * EXIT_PROOF where they are not the ledger's, EXIT_USAGE for what the database refuses and for figures that nobody saw; said why. */
int sign_off_do(const struct query *q, const struct period *month, const char *step, const char *seen, const char *why);

#endif
