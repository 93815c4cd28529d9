/* What is tried: a file that lies somewhere, or one on hold; and the profile that it is read with.
 */
#ifndef HANDBACK_CTL_SUBJECT_H
#define HANDBACK_CTL_SUBJECT_H

#include "ctl/session.h"
#include "lib/base/limits.h"

struct reconciler;

struct subject {
	int fd;                          /* -1: none */
	char name[LIMIT_NAME_BYTES + 1]; /* as delivered */
	char *shown, *profile;           /* profile: that of a held file; else NULL */
	unsigned waived;                 /* enum waiver, or'ed */
	int64_t file_id;                 /* of a held file, else 0 */
};

/* The file that the command line names.  ret has fd -1 before; what it holds is the caller's to close and
 * free. */
int subject_named(const struct session *s, struct subject *ret);

/* The copy in quarantine of the file that --hold names, as its release would read it; opens the session. */
int subject_held(struct session *s, struct subject *ret);

/* Loads --profile, that of the held file, or the partner's into r. */
int subject_profile(struct session *s, struct reconciler *r, const struct subject *it);

#endif
