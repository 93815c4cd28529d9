/* What the commands share that ask for transactions. */
#ifndef HANDBACK_CTL_CATALOGUE_TRANSACTIONS_H
#define HANDBACK_CTL_CATALOGUE_TRANSACTIONS_H

#include "ctl/session.h"
#include "lib/finance/view/transactions.h"

/* The filters as they were typed.  EXIT_USAGE, and said why, for what cannot be one whatever the database has. */
int ask_transactions(const struct session *s, struct transactions_asked *ret);

#endif
