/* Rows of points requests: all that wait are taken in one transaction. */
#ifndef HANDBACK_API_POINTS_H
#define HANDBACK_API_POINTS_H

#include "api/database.h"

/* Takes n rows (1..DATABASE_BATCH), and answers each as if it were alone; one without an answer is asked
 * again. */
void points_calls(struct database *db, struct call *const *calls, size_t n);

#endif
