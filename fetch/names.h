/*
 * Names as a server sends them: bytes that may be anything.  A name is used as one
 * component of a remote path when name_fault has nothing against it, and never
 * as a local one: the local name is ours, made by name_store.
 */
#ifndef HANDBACK_FETCH_NAMES_H
#define HANDBACK_FETCH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/limits.h"

#define NAME_STORED_SIZE (LIMIT_NAME_BYTES + 1)
#define NAME_PATH_SIZE 2048

/* Why a name is refused (static text), or NULL. */
const char *name_fault(const char *name);

/*
 * The name in the spool: printable ASCII stays as it is; '/', '%', a leading '.'
 * and all other bytes become %XX.  So an ordinary name stays itself, two names
 * never become one, and none can leave its directory.  False when it is too long.
 */
bool name_store(char buf[NAME_STORED_SIZE], const char *name);

/* The inverse; false for what name_store cannot have written. */
bool name_restore(char buf[NAME_STORED_SIZE], const char *stored);

/* directory/name, or the name alone when the directory is NULL or empty; false when it is too long. */
bool name_path(char buf[NAME_PATH_SIZE], const char *directory, const char *name);

#endif
