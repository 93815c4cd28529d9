/* Root does what is the service's as the service. */
#ifndef HANDBACK_BASE_OWNER_H
#define HANDBACK_BASE_OWNER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * For root only, and before anything of the spool is touched: becomes for ever who owns the spool, or, where
 * there is none yet, the directory that it will lie in.  What is root's stays root's.  False with a sentence
 * in why[]; the process must not go on then.
 */
bool owner_become(const char *spool, char *why, size_t why_size);

/* The same as a user that is named. */
bool owner_become_user(const char *name, char *why, size_t why_size);

#endif
