/*
 * GnuPG's processes, which leave whoever started them: they are our children (PR_SET_CHILD_SUBREAPER), as
 * those are that a killed one leaves.
 */
#ifndef HANDBACK_PARSERS_DECRYPT_CHILDREN_H
#define HANDBACK_PARSERS_DECRYPT_CHILDREN_H

/* Takes note of those that have ended: the signal that ended one, or 0. */
int children_ended(void);
/* Ends them all, also those that still begin. */
void children_end(void);

#endif
