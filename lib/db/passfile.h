/*
 * A password file that libpq would pass over.  libpq takes none that a group may read, and systemd's
 * credentials show as that (lib/base/secret.h).  Such a file is handed to libpq as a private copy in
 * memory, so that libpq itself still looks up host, port, database and user in it.
 */
#ifndef HANDBACK_DB_PASSFILE_H
#define HANDBACK_DB_PASSFILE_H

#include <stddef.h>

/*
 * path: what `passfile` of the connection string says, or NULL for PGPASSFILE's.  Gives a descriptor, which
 * the caller closes after connecting, and its path in buf; -1 where libpq can read the file itself, where
 * there is none, or where others may read it: libpq says what it thinks of it then.
 */
int passfile_private(const char *path, char *buf, size_t size);

#endif
