/* The keyring's directory: made for one file, of our own, and gone with it. */
#ifndef HANDBACK_PARSERS_DECRYPT_HOME_H
#define HANDBACK_PARSERS_DECRYPT_HOME_H

#include <stdbool.h>
#include <stddef.h>

/* Where they lie: TMPDIR, or /tmp. */
const char *home_folder(void);
/* A new one with GnuPG's settings, locked for as long as a process has it; takes away what others left. */
bool home_make(char *home, size_t size);
void home_remove(const char *home);

#endif
