/* Calls of the catalogue: a member's way in, and what the shop asks. */
#ifndef HANDBACK_API_CATALOGUE_H
#define HANDBACK_API_CATALOGUE_H

#include "api/database.h"

void catalogue_call(struct database *db, struct call *c);

#endif
