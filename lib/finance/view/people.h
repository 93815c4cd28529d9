/* What people propose and decide, and what the database says where they may not. */
#ifndef HANDBACK_FINANCE_VIEW_PEOPLE_H
#define HANDBACK_FINANCE_VIEW_PEOPLE_H

#include "lib/finance/view/query.h"

/* What the database refused to a person, as a person says it; *ret_next: what to do next on the command line,
 * "" where that is not known. */
const char *people_sentence(const char *why, const char **ret_next);

/* Proposals that wait for another person, or are not done to their end; all: every one. */
int view_proposals(const struct query *q, bool all, struct document **ret);

/* One proposal, what it is about, and what was left out of it. */
int view_proposal(const struct query *q, const char *proposal, struct document **ret);

#endif
