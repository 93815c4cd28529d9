/* Profiles as arguments of commands. */
#ifndef HANDBACK_CTL_PROFILE_H
#define HANDBACK_CTL_PROFILE_H

#include "ctl/session.h"
#include "lib/profile/profile.h"

/*
 * Compiles the profile that is meant: a file where it has a slash or ends in
 * .yaml, else one of the profiles directory.  *ret_profile is NULL where it has
 * errors; both results are the caller's to free.  Otherwise an exit_code, said
 * on stderr, when it cannot be read.
 */
int profile_of_argument(struct session *s, const char *said, struct problems **ret_problems,
                        struct profile **ret_profile);

/* The path of the profile that is meant, to be freed; NULL, said why on stderr. */
char *profile_path(struct session *s, const char *said);

/* By what a wrong value of each field would be seen, and how much of a record is: tables of d. */
struct document;
void profile_explain(struct document *d, const struct profile *profile);

#endif
