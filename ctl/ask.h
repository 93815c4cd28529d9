/* What options and arguments mean: read once, the same way everywhere. */
#ifndef HANDBACK_CTL_ASK_H
#define HANDBACK_CTL_ASK_H

#include <stdbool.h>

#include "ctl/session.h"
#include "lib/finance/view/period.h"

/* --from and --to.  EXIT_USAGE, and said why, for what is no day or ends before it begins. */
int ask_period(const struct session *s, struct period *ret);

/* --as-of: up to the end of that day.  EXIT_USAGE, and said why, for what is no day. */
int ask_as_of(const struct session *s, struct period *ret);

/* --limit, --all or the default: how many rows, as text for a LIMIT; NULL for all.  buf[24] is written to.
 * The default is for people: JSON, CSV and XLSX have all. */
int ask_limit(const struct session *s, const char *default_value, char *buf, const char **ret_limit);

/* Is it a number from 1 on, of a hold or whatever what says?  EXIT_USAGE, and said so, when it is not. */
int ask_number(const char *said, const char *what);

/* Of the others too: EXIT_USAGE, and a sentence that shows what to write, for what does not do. */
int ask_text(const char *text, const char *what);                           /* not blank */
int ask_why(const struct session *s);                                       /* --why, not blank */
int ask_word(const char *word, const char *what, const char *const *words); /* one of these, up to NULL */
int ask_redemption(const struct session *s);                                /* --redemption, a UUID or none */

/* --partner, --reason, --programme and --member of what is looked at: is there such a one?  EXIT_USAGE, and
 * said what may be meant, when not: "nothing is on hold" must not be the answer to a word that was mistyped.
 * The session is open. */
int ask_names(struct session *s);

/*
 * The file that a person means: its number, the beginning of its hash, or its
 * name (the newest of that name, and it is said when there are more).  *ret_id
 * is the caller's to free.
 */
int ask_file(struct session *s, const char *said, char **ret_id);

#endif
